//! Binaries that must not become plugins. One table: name, bytes, the code of the refusal.

use crate::guest::{Guest, HOST, finding, load, manifest};
use engine::rule::Interface;
use host_api::RefusalCode;
use serde_json::json;

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component around a core module with these fields.
fn around_module(fields: &str) -> Vec<u8> {
    wat(&format!("(component (core module $m {fields}) (core instance (instantiate $m)))"))
}

/// A good plugin whose core module has a further field.
fn with_fields(fields: &str) -> Vec<u8> {
    Guest { fields: fields.into(), ..Guest::finds(&[finding()]) }.build()
}

/// A plugin whose `describe` has this body.
fn describes(describe: &str) -> Vec<u8> {
    Guest { describe: Some(describe.into()), ..Guest::finds(&[]) }.build()
}

/// A plugin with this text as its manifest.
fn says(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut guest = Guest { pages: 8, ..Guest::finds(&[]) };
    let text = guest.image.text(text);
    guest.describe = Some(format!("i32.const {}", guest.image.words(&text)));
    guest.build()
}

/// A component around a module whose one function is an instruction that does not exist.
fn undefined_instruction() -> Vec<u8> {
    let module = [0, b'a', b's', b'm', 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 5, 1, 3, 0, 0xff, 0x0b];
    let length = u8::try_from(module.len()).unwrap();
    [0, b'a', b's', b'm', 0x0d, 0, 1, 0, 1, length].into_iter().chain(module).collect()
}

/// Components within components, this many.
fn nested(depth: usize) -> Vec<u8> {
    const HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    let leb = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    // Lengths from the inside out, then bytes from the outside in.
    let mut lengths = vec![HEADER.len()];
    for _ in 0..depth {
        let inner = lengths[lengths.len() - 1];
        lengths.push(HEADER.len() + 1 + leb(inner).len() + inner);
    }
    let mut bytes = Vec::new();
    for inner in lengths.iter().rev().skip(1) {
        bytes.extend(HEADER);
        bytes.push(4);
        bytes.extend(leb(*inner));
    }
    bytes.extend(HEADER);
    bytes
}

/// Bytes without a pattern, the same on every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn cases() -> Vec<(&'static str, Vec<u8>, RefusalCode)> {
    use RefusalCode::{
        ImportNotAllowed, Invalid, LinkFailed, ManifestFailed, ManifestInvalid, NoManifest, NotAComponent, NotAllowed,
        OverLimits, TooLarge,
    };
    let good = Guest::finds(&[finding()]).build();
    let mut trailing = good.clone();
    trailing.extend(noise(100));
    let mut noisy = wat("(component)");
    noisy.extend(noise(10_000));
    vec![
        // Not components.
        ("nothing", Vec::new(), NotAComponent),
        ("noise", noise(10_000), NotAComponent),
        ("text", b"(component)".to_vec(), NotAComponent),
        ("a core module", wat("(module)"), NotAComponent),
        ("more bytes than allowed", vec![0; (4 << 20) + 1], TooLarge),
        ("half a plugin", good[..good.len() / 2].to_vec(), Invalid),
        ("a plugin without its last byte", good[..good.len() - 1].to_vec(), Invalid),
        ("a plugin and more", trailing, Invalid),
        ("a header and noise", noisy, Invalid),
        // Imports.
        ("an import of WASI", wat(r#"(component (import "wasi:cli/stdout@0.2.0" (instance)))"#), ImportNotAllowed),
        ("an import of ours that does not exist", wat(
            r#"(component (import "sopwith:plugin/http@1.0.0" (instance)))"#,
        ), ImportNotAllowed),
        ("an import of a later major version", wat(
            r#"(component (import "sopwith:plugin/log@2.0.0" (instance)))"#,
        ), ImportNotAllowed),
        ("an import of a bare function", wat(r#"(component (import "log" (func)))"#), ImportNotAllowed),
        ("an import of code under our name", wat(
            r#"(component (import "sopwith:plugin/log@1.0.0" (component)))"#,
        ), ImportNotAllowed),
        ("an import of ours with another type", wat(
            r#"(component (import "sopwith:plugin/log@1.0.0" (instance (export "write" (func (param "line" u32))))))"#,
        ), LinkFailed),
        ("an import of ours with a function it does not have", wat(
            r#"(component (import "sopwith:plugin/log@1.0.0" (instance (export "read" (func (result string))))))"#,
        ), LinkFailed),
        // Shapes.
        ("shared memory", around_module("(memory 1 1 shared)"), Invalid),
        ("64-bit memory", around_module("(memory i64 1)"), Invalid),
        ("two memories", around_module("(memory 1) (memory 1)"), Invalid),
        ("vectors", around_module("(func (result v128) (v128.const i64x2 0 0))"), Invalid),
        ("exceptions", around_module("(tag) (func (throw 0))"), Invalid),
        ("garbage collection", around_module("(type (struct (field i32)))"), Invalid),
        ("code that does not check", undefined_instruction(),
            Invalid),
        ("a memory that starts too large", around_module("(memory 257)"), OverLimits),
        ("a table that starts too large", around_module("(table 10001 funcref)"), OverLimits),
        ("too many memories", wat(&format!("(component {})", "(core module (memory 1))".repeat(5))), OverLimits),
        ("too many tables", around_module(&"(table 1 funcref)".repeat(17)), OverLimits),
        ("too many globals", around_module(&"(global i32 (i32.const 0))".repeat(1_001)), OverLimits),
        ("too many imports of a module", wat(&format!(
            "(component (core module {}))", r#"(import "a" "b" (func))"#.repeat(1_001)
        )), OverLimits),
        ("too many functions", around_module(&"(func)".repeat(20_001)), OverLimits),
        ("one enormous function", around_module(&format!("(func {})", "i32.const 1 drop ".repeat(200_000))), OverLimits),
        ("too many modules", wat(&format!("(component {})", "(core module)".repeat(17))), OverLimits),
        ("too many instances of a module", wat(&format!(
            "(component (core module $m) {})", "(core instance (instantiate $m))".repeat(17)
        )), OverLimits),
        ("too many instances of a component", wat(&format!(
            "(component (component $c) {})", "(instance (instantiate $c))".repeat(17)
        )), OverLimits),
        ("too many nested components", wat(&format!("(component {})", "(component)".repeat(17))), OverLimits),
        ("components nested fifty thousand deep", nested(50_000), NotAllowed),
        ("code in a nested component", wat("(component (component (core module)))"), NotAllowed),
        ("a nested component with its parent's code", wat(
            "(component $p (core module $m) (component (alias outer $p $m (core module $n)) (core instance (instantiate $n))))",
        ), NotAllowed),
        ("resources", wat(
            "(component (type $r (resource (rep i32))) (core func (canon resource.new $r)))",
        ), NotAllowed),
        // The manifest.
        ("no exports at all", wat("(component)"), NoManifest),
        ("a manifest that is not an interface", wat(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
                 (func (export "manifest") (canon lift (core func $i "f"))))"#,
        ), NoManifest),
        ("a manifest of a later major version", wat(&manifest_export("sopwith:plugin/manifest@2.0.0", "describe")), NoManifest),
        ("a manifest without describe", wat(&manifest_export("sopwith:plugin/manifest@1.0.0", "explain")), NoManifest),
        ("a describe of another type", wat(&manifest_export("sopwith:plugin/manifest@1.0.0", "describe")), LinkFailed),
        ("a start function that loops", with_fields("(func $s (loop $again (br $again))) (start $s)"), ManifestFailed),
        ("a start function that calls itself in the end", with_fields("(func $s (return_call $s)) (start $s)"), ManifestFailed),
        ("a start function that traps", with_fields("(func $s unreachable) (start $s)"), ManifestFailed),
        ("a start function that takes all memory", with_fields(
            "(func $s (loop $again (drop (memory.grow (i32.const 1))) (br $again))) (start $s)",
        ), ManifestFailed),
        ("data that lies outside of memory", with_fields(r#"(data (i32.const -1) "x")"#), ManifestFailed),
        ("elements that lie outside of their table", with_fields(
            "(table 1 funcref) (elem (i32.const 5) func $run)",
        ), ManifestFailed),
        ("a describe that loops", describes("(loop $again (br $again)) unreachable"), ManifestFailed),
        ("a describe that traps", describes("unreachable"), ManifestFailed),
        ("a describe that looks something up", describes(
            "(call $lookup (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048)) (i32.const 0)",
        ), ManifestFailed),
        ("a manifest outside of memory", describes("i32.const -4"), ManifestFailed),
        ("a manifest that is not UTF-8", says([0xc3, 0x28]), ManifestFailed),
        ("a manifest of ten megabytes", Guest {
            pages: 200,
            describe: Some("(i32.store (i32.const 8) (i32.const 0)) (i32.store (i32.const 12) (i32.const 10000000)) (i32.const 8)".into()),
            ..Guest::finds(&[])
        }.build(), ManifestFailed),
        ("a manifest a little longer than allowed", says(format!("{{{}", " ".repeat(256 * 1024))), ManifestInvalid),
        ("an empty manifest", says(""), ManifestInvalid),
        ("a manifest that is not JSON", says("{"), ManifestInvalid),
        ("a manifest that is a list", says("[]"), ManifestInvalid),
        ("a manifest nested a hundred thousand deep", says("[".repeat(100_000)), ManifestInvalid),
        ("a manifest with rules it does not export", Guest {
            manifest: manifest(Interface::Score, &["look"]),
            ..Guest::finds(&[])
        }.build(), ManifestInvalid),
        ("a manifest with a rule twice", Guest {
            manifest: manifest(Interface::Validate, &["look", "look"]),
            ..Guest::finds(&[])
        }.build(), ManifestInvalid),
        ("a manifest without rules", Guest {
            manifest: json!({"plugin": "probe", "version": "1.0.0", "title": {}, "rules": []}),
            ..Guest::finds(&[])
        }.build(), ManifestInvalid),
    ]
}

/// A component that exports this function, without results, in this interface.
fn manifest_export(interface: &str, function: &str) -> String {
    format!(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
             (func $f (canon lift (core func $i "f")))
             (instance $e (export "{function}" (func $f)))
             (export "{interface}" (instance $e)))"#
    )
}

#[test]
fn every_hostile_binary_is_refused_with_its_code() {
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases() {
        match load(&bytes) {
            Err(refused) if refused.code == expected && !refused.detail.is_empty() => {}
            Err(refused) => wrong.push(format!("{name}: expected {expected}, got {refused}")),
            Ok(_) => wrong.push(format!("{name}: expected {expected}, but it is a plugin now")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    load(&Guest::finds(&[finding()]).build()).unwrap();
}

#[test]
fn a_plugin_with_a_byte_changed_never_panics_the_host() {
    let good = Guest::finds(&[finding()]).build();
    // Few, because each one that is still valid costs a compilation.
    for position in (8..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[position] ^= 0x55;
        if let Err(refused) = HOST.load(&bad) {
            assert_ne!(refused.code, RefusalCode::HostFailed, "byte {position}: {refused}");
        }
    }
}

#[test]
fn codes_are_spelled_the_same_for_ever() {
    use RefusalCode::*;
    let codes = [
        (TooLarge, "plugin.too_large"),
        (NotAComponent, "plugin.not_a_component"),
        (Invalid, "plugin.invalid"),
        (OverLimits, "plugin.over_limits"),
        (NotAllowed, "plugin.not_allowed"),
        (ImportNotAllowed, "plugin.import_not_allowed"),
        (CompileFailed, "plugin.compile_failed"),
        (CompileTimeout, "plugin.compile_timeout"),
        (CompilerUnavailable, "plugin.compiler_unavailable"),
        (LinkFailed, "plugin.link_failed"),
        (NoManifest, "plugin.no_manifest"),
        (ManifestFailed, "plugin.manifest_failed"),
        (ManifestInvalid, "plugin.manifest_invalid"),
        (HostFailed, "plugin.host_failed"),
    ];
    for (code, text) in codes {
        assert_eq!(code.as_str(), text);
    }
}
