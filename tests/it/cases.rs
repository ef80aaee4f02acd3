//! Every case file, natively and in engine.wasm through host-api: as expected, and byte-equal.

use engine::door;
use host_api::{Compiler, EngineModule, Host, HostConfig, Limits};
use serde_json::Value;
use std::sync::OnceLock;
use std::time::Duration;

/// A sandbox that compiles with the real binary.
pub fn host() -> anyhow::Result<Host> {
    let compiler = Compiler::Child { program: tests::built("SOPWITH_BIN")?, args: vec!["compile-plugin".into()] };
    let mut limits = Limits::default();
    // The tests compile all of the engine with a compiler that is itself hardly optimized.
    limits.compile.cpu_seconds = 300;
    limits.compile.wall = Duration::from_secs(600);
    Ok(Host::new(HostConfig { cache: None, cache_key: [0; 32], compiler, limits })?)
}

/// engine.wasm, compiled once for all tests.
pub fn engine_wasm() -> anyhow::Result<&'static EngineModule> {
    static ENGINE: OnceLock<Result<EngineModule, String>> = OnceLock::new();
    let load = || -> anyhow::Result<EngineModule> {
        Ok(host()?.load_engine(&std::fs::read(tests::built("SOPWITH_ENGINE_WASM")?)?)?)
    };
    let engine = ENGINE.get_or_init(|| load().map_err(|error| format!("{error:#}")));
    engine.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

#[test]
fn every_case_ends_as_expected_natively() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, case) in tests::case::read_all(tests::root())? {
        let request = serde_json::to_vec(&case.request(tests::root())?)?;
        let response: Value = serde_json::from_slice(&door::respond(&request))?;
        let differences = case.differences(&response);
        if !differences.is_empty() {
            failed.push(format!("{name} ({}):\n  {}", case.about, differences.join("\n  ")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(())
}

#[test]
fn every_case_gives_the_same_bytes_in_engine_wasm() -> anyhow::Result<()> {
    let engine = engine_wasm()?;
    let mut n_cases = 0;
    for (name, case) in tests::case::read_all(tests::root())? {
        let request = serde_json::to_vec(&case.request(tests::root())?)?;
        let in_wasm = engine.call(&request).map_err(|failure| anyhow::anyhow!("{name}: {failure:?}"))?;
        assert_eq!(String::from_utf8(door::respond(&request))?, String::from_utf8(in_wasm)?, "{name}");
        n_cases += 1;
    }
    println!("{n_cases} case files byte-equal natively and in engine.wasm");
    assert!(n_cases > 20, "only {n_cases} case files were found");
    Ok(())
}

/// The SDK's idea of a rule's input is the engine's: its complete example, and the base of every case file.
#[test]
fn inputs_of_the_sdk_and_of_all_case_files_are_inputs_of_the_engine() -> anyhow::Result<()> {
    use engine::input::RuleInput;
    let fixture = std::fs::read(tests::root().join("plugins/sdk/fixtures/input.json"))?;
    let mut inputs: Vec<(String, Value)> = vec![("sdk".to_owned(), serde_json::from_slice(&fixture)?)];
    for plugin in tests::plugins()? {
        for entry in std::fs::read_dir(tests::root().join("plugins").join(&plugin).join("cases"))? {
            let file = entry?.path();
            let case_file: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
            inputs.push((file.display().to_string(), case_file.get("base").cloned().unwrap_or_default()));
        }
    }
    assert!(inputs.len() > 10, "only {} inputs", inputs.len());
    for (name, input) in inputs {
        let read: Result<RuleInput, _> = serde_json::from_value(input.clone());
        let read = read.map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        assert_eq!(engine::canon::value_of(&read)?, engine::canon::normalize(input)?, "{name}");
    }
    Ok(())
}
