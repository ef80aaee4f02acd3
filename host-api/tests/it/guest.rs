//! Makes guests: a core module in text form, the bytes its memory starts with, and a host to run it in.
//!
//! The layouts are those of the canonical ABI for wit/since_v1: strings and lists are pointer and length, a result is a
//! discriminant and then its payload at offset 4.

use engine::canon::CanonicalJson;
use engine::rule::{Interface, RuleCall, RuleOutcome};
use host_api::{Compiler, Datasets, Host, HostConfig, Limits, Plugin, Refused, Row};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the image of a guest's memory starts.
const BASE: u32 = 1024;

/// What the memory of a guest starts with.
#[derive(Clone, Default)]
pub struct Image(Vec<u8>);

/// A finding as a guest makes it.
#[derive(Clone)]
pub struct Finding {
    pub code: String,
    pub severity: String,
    pub pointer: String,
    pub params: String,
    pub weight: u32,
    pub evidence: Vec<String>,
    pub ext: String,
}

/// A finding with nothing wrong with it.
pub fn finding() -> Finding {
    Finding {
        code: "rows.odd".into(),
        severity: "warning".into(),
        pointer: "/count".into(),
        params: r#"{"found":3}"#.into(),
        weight: 30,
        evidence: vec!["0af9".repeat(16)],
        ext: String::new(),
    }
}

impl Image {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let address = BASE + u32::try_from(self.0.len()).unwrap();
        self.0.extend_from_slice(bytes);
        address
    }

    /// Pointer and length.
    pub fn text(&mut self, text: impl AsRef<[u8]>) -> [u32; 2] {
        let text = text.as_ref();
        [self.put(text), u32::try_from(text.len()).unwrap()]
    }

    pub fn words(&mut self, words: &[u32]) -> u32 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    /// `ok(list<finding>)`: pointer to the result.
    pub fn findings(&mut self, findings: &[Finding]) -> u32 {
        let mut list = Vec::new();
        for finding in findings {
            let evidence: Vec<u32> = finding.evidence.iter().flat_map(|hash| self.text(hash)).collect();
            let evidence = [self.words(&evidence), u32::try_from(finding.evidence.len()).unwrap()];
            let texts = [&finding.code, &finding.severity, &finding.pointer, &finding.params];
            list.extend(texts.into_iter().flat_map(|text| self.text(text)));
            list.push(finding.weight);
            list.extend(evidence);
            list.extend(self.text(&finding.ext));
        }
        let list = self.words(&list);
        self.words(&[0, list, u32::try_from(findings.len()).unwrap()])
    }

    /// `err(error)`: pointer to the result.
    pub fn error(&mut self, code: &str, message: &str, retryable: bool) -> u32 {
        let ([code, code_length], [message, message_length]) = (self.text(code), self.text(message));
        self.words(&[1, code, code_length, message, message_length, retryable.into()])
    }

    /// `ok(scorecard)`: pointer to the result.
    pub fn scorecard(&mut self, parts: &[(&str, Option<f64>)], marks: &[&str]) -> u32 {
        let mut list = Vec::new();
        for (id, value) in parts {
            let bits = value.unwrap_or_default().to_bits();
            list.extend(self.text(id));
            list.extend([value.is_some().into(), 0, bits as u32, (bits >> 32) as u32]);
            list.extend(self.text(r#"{"why":"because"}"#));
        }
        let list = self.words(&list);
        let texts: Vec<u32> = marks.iter().flat_map(|mark| self.text(mark)).collect();
        let texts = self.words(&texts);
        let (parts, marks) = (u32::try_from(parts.len()).unwrap(), u32::try_from(marks.len()).unwrap());
        self.words(&[0, list, parts, texts, marks, 0, 0])
    }

    fn data(&self) -> String {
        self.0.iter().map(|byte| format!("\\{byte:02x}")).collect()
    }
}

/// A plugin in the making. Change what the test is about; the rest is well behaved.
pub struct Guest {
    pub interface: Interface,
    pub manifest: Value,
    pub image: Image,
    /// 64 KiB pages it starts with; at least 4.
    pub pages: u32,
    /// Body of `run`: locals 0 and 1 are the rule, 2 and 3 the input, 4 is free; leaves the pointer to the result.
    pub run: String,
    /// Body of `describe`, if it is not to return the manifest.
    pub describe: Option<String>,
    /// Body of `cabi_realloc`, if it is not to hand out memory.
    pub realloc: Option<String>,
    /// Further fields of the module.
    pub fields: String,
}

/// A manifest with these rules, one code and one dataset.
pub fn manifest(interface: Interface, rules: &[&str]) -> Value {
    let rules: Vec<Value> = rules
        .iter()
        .map(|id| {
            json!({"id": id, "interface": interface, "title": {"en": id}, "description": {"en": id}, "config": {},
                   "codes": [{"code": "rows.odd", "message": {"en": "odd"}}]})
        })
        .collect();
    json!({"plugin": "probe", "version": "1.0.0", "title": {"en": "Probe"}, "rules": rules, "datasets": ["rows"]})
}

impl Guest {
    /// One rule `probe/look` with this body.
    pub fn new(interface: Interface, run: impl Into<String>) -> Self {
        Self {
            interface,
            manifest: manifest(interface, &["look"]),
            image: Image::default(),
            pages: 4,
            run: run.into(),
            describe: None,
            realloc: None,
            fields: String::new(),
        }
    }

    /// `validate` with this body.
    pub fn validate(run: impl Into<String>) -> Self {
        Self::new(Interface::Validate, run)
    }

    /// `validate` that returns these findings.
    pub fn finds(findings: &[Finding]) -> Self {
        let mut guest = Self::validate("");
        guest.run = format!("i32.const {}", guest.image.findings(findings));
        guest
    }

    /// `score` that returns these parts.
    pub fn scores(parts: &[(&str, Option<f64>)], marks: &[&str]) -> Self {
        let mut guest = Self::new(Interface::Score, "");
        guest.run = format!("i32.const {}", guest.image.scorecard(parts, marks));
        guest
    }

    /// The component.
    pub fn build(self) -> Vec<u8> {
        let Self { interface, manifest, mut image, pages, run, describe, realloc, fields } = self;
        let describe = describe.unwrap_or_else(|| {
            let text = image.text(manifest.to_string());
            format!("i32.const {}", image.words(&text))
        });
        let realloc = realloc.unwrap_or_else(|| {
            "(global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
             (global.get $free)
             (global.set $free (i32.add (global.get $free) (local.get 3)))"
                .to_owned()
        });
        let (interface, world) = match interface {
            Interface::Validate => ("validate", "validates"),
            Interface::Assess => ("assess", "assesses"),
            Interface::Score => ("score", "scores"),
        };
        let module = format!(
            r#"(module
                 (import "sopwith:plugin/log@1.0.0" "write" (func $log (param i32 i32 i32 i32)))
                 (import "sopwith:plugin/dataset@1.0.0" "lookup" (func $lookup (param i32 i32 i32 i32 i32)))
                 (memory (export "memory") {pages})
                 (global $free (mut i32) (i32.const 131072))
                 (data (i32.const {BASE}) "{data}")
                 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                 (func (export "sopwith:plugin/manifest@1.0.0#describe") (result i32) {describe})
                 (func $run (export "sopwith:plugin/{interface}@1.0.0#run") (param i32 i32 i32 i32) (result i32)
                   (local i32) {run})
                 {fields})"#,
            data = image.data(),
        );
        component(&module, world)
    }
}

/// Worlds of partial plugins, as a partner would write them.
const WORLDS: &str = "
    package probe:worlds;
    world validates { import sopwith:plugin/log@1.0.0; import sopwith:plugin/dataset@1.0.0;
        export sopwith:plugin/manifest@1.0.0; export sopwith:plugin/validate@1.0.0; }
    world assesses { import sopwith:plugin/log@1.0.0; import sopwith:plugin/dataset@1.0.0;
        export sopwith:plugin/manifest@1.0.0; export sopwith:plugin/assess@1.0.0; }
    world scores { import sopwith:plugin/log@1.0.0; import sopwith:plugin/dataset@1.0.0;
        export sopwith:plugin/manifest@1.0.0; export sopwith:plugin/score@1.0.0; }";

/// Encodes a core module in text form for `world`, the way the SDK does it.
fn component(module: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_source("plugin.wit", include_str!("../../../wit/since_v1/plugin.wit")).unwrap();
    let package = resolve.push_source("worlds.wit", WORLDS).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// One dataset `rows` with the key `known`, without the key `missing`, and the rest elsewhere.
pub struct Rows;

impl Datasets for Rows {
    fn lookup(&self, dataset: &str, key: &str) -> Row {
        let dataset_hash = format!("hash of {dataset}");
        match key {
            "known" => Row::Found { json: r#"{"n":1}"#.into(), dataset_hash, row_hash: "hash of known".into() },
            "missing" => Row::Absent { dataset_hash },
            _ => Row::Outside,
        }
    }
}

/// The compiling child of this crate.
pub fn compiler() -> Compiler {
    Compiler::Child { program: env!("CARGO_BIN_EXE_compile-plugin").into(), args: Vec::new() }
}

/// A host of its own, without a cache.
pub fn host(limits: Limits) -> Host {
    Host::new(HostConfig { cache: None, cache_key: [7; 32], compiler: compiler(), limits }).unwrap()
}

/// One host with default limits for every test that needs no other.
pub static HOST: LazyLock<Host> = LazyLock::new(|| host(Limits::default()));

/// Loads, or says why not.
pub fn load(wasm: &[u8]) -> Result<Arc<Plugin>, Refused> {
    HOST.load(wasm)
}

/// Calls `probe/<rule>` with `input`.
pub fn call(host: &Host, plugin: &Plugin, rule: &str, input: Value) -> RuleOutcome {
    let call = RuleCall {
        rule: format!("probe/{rule}"),
        plugin_hash: plugin.hash().to_owned(),
        interface: plugin.interfaces()[0],
        input: CanonicalJson::of(&input).unwrap(),
    };
    host.call(plugin, &call, &(Arc::new(Rows) as Arc<dyn Datasets>))
}
