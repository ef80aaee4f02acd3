//! A plugin whose every call burns its whole budget: an endless loop, stopped by fuel.

use crate::workload::{Judges, STEPS};
use anyhow::Context as _;
use serde_json::json;
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Its world: a manifest and rules of a step.
const WORLD: &str =
    "package bench:worlds; world spins { export sopwith:plugin/manifest@1.0.0; export sopwith:plugin/validate@1.0.0; }";

/// Where the manifest lies in memory, behind its pointer and length.
const TEXT: usize = 1_024;

/// Three calls of it for each submission.
pub fn judges(folder: &Path) -> anyhow::Result<Judges> {
    let file = folder.join("spin.wasm");
    std::fs::write(&file, component()?)?;
    let rule = json!({"rule": "spin/burn"});
    Ok(Judges {
        components: vec![file],
        plugins: json!({"spin": "^1.0"}),
        rules: json!([rule, rule, rule]),
        steps: STEPS,
    })
}

fn component() -> anyhow::Result<Vec<u8>> {
    let text = json!({"en": "Burn", "zh-CN": "空转"});
    let manifest = json!({
        "plugin": "spin", "version": "1.0.0", "title": text, "datasets": [],
        "rules": [{"id": "burn", "interface": "validate", "title": text, "description": text, "config": {}, "codes": []}],
    })
    .to_string();
    let pair: Vec<u8> = [TEXT, manifest.len()].iter().flat_map(|word| (*word as u32).to_le_bytes()).collect();
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>();
    let module = format!(
        r#"(module
             (memory (export "memory") 4)
             (global $free (mut i32) (i32.const 65536))
             (data (i32.const 1016) "{}")
             (data (i32.const {TEXT}) "{}")
             (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
               (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
               (global.get $free)
               (global.set $free (i32.add (global.get $free) (local.get 3))))
             (func (export "sopwith:plugin/manifest@1.0.0#describe") (result i32) i32.const 1016)
             (func (export "sopwith:plugin/validate@1.0.0#run") (param i32 i32 i32 i32) (result i32)
               (loop $again (br $again)) unreachable))"#,
        escaped(&pair),
        escaped(manifest.as_bytes()),
    );
    let mut module = wat::parse_str(&module)?;
    let mut resolve = Resolve::default();
    resolve.push_source("plugin.wit", include_str!("../../wit/since_v1/plugin.wit"))?;
    let package = resolve.push_source("worlds.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("spins")).context("the world")?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    ComponentEncoder::default().module(&module)?.validate(true).encode()
}
