//! `sopwith plugin …` on the real components: every case file of a rule gives the same answer in the sandbox.

use crate::day::sopwith;
use anyhow::Context as _;
use std::process::Command;

#[test]
fn every_case_file_of_a_rule_holds_in_the_sandbox() -> anyhow::Result<()> {
    let ours = tests::plugins()?.into_iter().map(|name| (format!("plugins/{name}"), name));
    for (folder, plugin) in ours.chain([("tests/fourth/plugin".to_owned(), "bank".to_owned())]) {
        let component = tests::built("SOPWITH_PLUGINS")?.join(format!("{plugin}.wasm"));
        let cases = tests::root().join(folder).join("cases");
        let output = sopwith(&[
            "plugin",
            "test",
            component.to_str().context("utf-8")?,
            "--cases",
            cases.to_str().context("utf-8")?,
        ])?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        println!("{plugin}: {}", printed.lines().last().unwrap_or_default());
    }
    Ok(())
}

#[test]
fn a_component_is_described_in_both_languages() -> anyhow::Result<()> {
    let component = tests::built("SOPWITH_PLUGINS")?.join("presence.wasm");
    let component = component.to_str().context("utf-8")?;
    for (language, word) in [("en", "mock_location"), ("zh-CN", "定位")] {
        let output = sopwith(&["plugin", "check", component, "--language", language])?;
        assert!(output.status.success());
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.contains(word), "{printed}");
    }
    Ok(())
}

#[test]
fn what_is_no_plugin_is_refused_with_a_code() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let engine_wasm = tests::built("SOPWITH_ENGINE_WASM")?;
    let garbage = temp.path().join("garbage.wasm");
    std::fs::write(&garbage, b"MZ this is no component")?;
    for file in [garbage, engine_wasm] {
        let output = sopwith(&["plugin", "check", file.to_str().context("utf-8")?])?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.starts_with("✗ plugin."), "{printed}");
    }
    Ok(())
}

/// The way a partner goes: new, build, check, test.
#[test]
fn a_new_plugin_builds_checks_and_passes_its_cases() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let program = tests::built("SOPWITH_BIN")?;
    let run = |folder: &std::path::Path, arguments: &[&str]| -> anyhow::Result<String> {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", tests::root().join("target/new-plugin"));
        let output = command.output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
        Ok(printed)
    };
    let sdk = tests::root().join("plugins/sdk");
    run(temp.path(), &["plugin", "new", "first-rule", "--sdk", sdk.to_str().context("utf-8")?])?;
    let folder = temp.path().join("first-rule");
    // The versions this repository has locked, so that the test needs nothing but what is here.
    std::fs::copy(tests::root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    run(&folder, &["plugin", "build", "--out", "first-rule.wasm"])?;
    assert!(run(&folder, &["plugin", "check", "first-rule.wasm"])?.contains("first-rule"));
    assert!(run(&folder, &["plugin", "test", "first-rule.wasm"])?.contains("0 failed"));
    Ok(())
}

/// As tool chains of other languages wrap it: the code asks for WASI, one component deeper than the sandbox looks.
fn wrapped(describe: &str) -> anyhow::Result<Vec<u8>> {
    let wasi = r#"(import "wasi:io/streams@0.2.0" (instance $wasi
        (export "output-stream" (type $stream (sub resource)))
        (export "write" (func (param "self" (borrow $stream))))))"#;
    let text = format!(
        r#"(component
          {wasi}
          (component $code
            {wasi}
            (alias export $wasi "output-stream" (type $stream))
            (core func $drop (canon resource.drop $stream))
            (core func $write (canon lower (func $wasi "write")))
            (core module $m
              (import "wasi" "drop" (func $drop (param i32)))
              (import "wasi" "write" (func $write (param i32)))
              (memory (export "memory") 1)
              (data (i32.const 16) "{{}}")
              (func (export "init"))
              (func (export "describe") (result i32)
                {describe}
                (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 2)) (i32.const 0)))
            (core instance $i (instantiate $m
              (with "wasi" (instance (export "drop" (func $drop)) (export "write" (func $write))))))
            (func $init (canon lift (core func $i "init")))
            (export "init" (func $init))
            (func $describe (result string) (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
            (instance $manifest (export "describe" (func $describe)))
            (export "sopwith:plugin/manifest@1.0.0" (instance $manifest)))
          (instance $made (instantiate $code (with "wasi:io/streams@0.2.0" (instance $wasi))))
          (export "sopwith:plugin/manifest@1.0.0" (instance $made "sopwith:plugin/manifest@1.0.0")))"#
    );
    Ok(wat::parse_str(text)?)
}

#[test]
fn a_component_of_another_language_is_sealed_and_traps_where_it_asks_for_more() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let checked = |file: &str| -> anyhow::Result<String> {
        let output = sopwith(&["plugin", "check", file])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // Its manifest is `{}`: a sandbox that says so has run the code.
    let cases = [
        ("", "manifest_invalid"),
        ("(call $write (i32.const 1))", "manifest_failed"),
        ("(call $drop (i32.const 1))", "manifest_failed"),
    ];
    for (number, (describe, refusal)) in cases.into_iter().enumerate() {
        let open = temp.path().join(format!("{number}.wasm"));
        let sealed = temp.path().join(format!("{number}.sealed.wasm"));
        std::fs::write(&open, wrapped(describe)?)?;
        assert!(checked(open.to_str().context("utf-8")?)?.starts_with("✗ plugin.import_not_allowed"));
        let output = sopwith(&["plugin", "seal", open.to_str().context("utf-8")?])?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
        assert!(printed.contains("traps: wasi:io/streams@0.2.0"), "{printed}");
        let checked = checked(sealed.to_str().context("utf-8")?)?;
        assert!(checked.starts_with(&format!("✗ plugin.{refusal}")), "{describe}: {checked}");
    }
    Ok(())
}

#[test]
fn what_holds_no_rule_cannot_be_sealed() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("file.wasm");
    for (text, why) in [("(module)", "not a WebAssembly component"), ("(component (component))", "no part of it")] {
        std::fs::write(&file, wat::parse_str(text)?)?;
        let output = sopwith(&["plugin", "seal", file.to_str().context("utf-8")?])?;
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && printed.contains(why), "{printed}");
    }
    Ok(())
}
