//! Every case file, natively and in engine.wasm through host-api: as expected, and byte-equal.

use engine::door;
use host_api::{Compiler, Host, HostConfig, Limits};
use serde_json::Value;

/// A sandbox that compiles with the real binary.
pub fn host() -> anyhow::Result<Host> {
    let compiler = Compiler::Child { program: tests::built("SOPWITH_BIN")?, args: vec!["compile-plugin".into()] };
    Ok(Host::new(HostConfig { cache: None, cache_key: [0; 32], compiler, limits: Limits::default() })?)
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
    let host = host()?;
    let engine = host.load_engine(&std::fs::read(tests::built("SOPWITH_ENGINE_WASM")?)?)?;
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
