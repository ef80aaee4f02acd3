//! Bad input to the real binary: SOPs, commands and lines that no honest client sends. Nothing panics, nothing is lost.

use crate::day::{judge, sopwith};
use anyhow::Context as _;
use serde_json::Value;

fn lint(document: &[u8]) -> anyhow::Result<Vec<(String, String)>> {
    let temp = tempfile::tempdir()?;
    let file = temp.path().join("sop.json");
    std::fs::write(&file, document)?;
    let output = sopwith(&["sop", "lint", file.to_str().context("utf-8")?, "--json"])?;
    anyhow::ensure!(
        output.status.code() == Some(1),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    for row in &rows {
        anyhow::ensure!(!text(row, "hint").is_empty(), "no hint for {row}");
    }
    Ok(rows.iter().map(|row| (text(row, "pointer"), text(row, "code"))).collect())
}

/// A plain SOP with something changed.
fn changed(change: impl FnOnce(&mut Value)) -> anyhow::Result<Vec<u8>> {
    let mut sop: Value = serde_json::from_slice(&std::fs::read(tests::root().join("tests/sops/plain.json"))?)?;
    change(&mut sop);
    Ok(serde_json::to_vec(&sop)?)
}

#[test]
fn an_sop_with_many_faults_is_told_all_of_them_at_once() -> anyhow::Result<()> {
    let document = changed(|sop| {
        sop["steps"][1]["after"] = serde_json::json!(["leave"]);
        sop["steps"][2]["checks"][0]["that"] = serde_json::json!("answers.due >");
        sop["steps"][2]["form"]["schema"]["properties"]["open"] =
            serde_json::json!({"$ref": "https://example.com/schema.json"});
        sop["steps"][4]["title"] = serde_json::json!({"en": "Pictures"});
        sop["steps"][5]["after"] = serde_json::json!(["nowhere"]);
    })?;
    let problems = lint(&document)?;
    let pointers: Vec<&str> = problems.iter().map(|(pointer, _)| pointer.as_str()).collect();
    for place in ["/steps/2/checks/0/that", "/steps/2/form/schema/properties/open", "/steps/4/title", "/steps/5/after"]
    {
        assert!(pointers.iter().any(|pointer| pointer.starts_with(place)), "nothing at {place}: {problems:#?}");
    }
    assert!(problems.iter().any(|(_, code)| code == "step.cycle"), "{problems:#?}");
    Ok(())
}

#[test]
fn json_fifty_thousand_deep_is_a_problem_and_no_crash() -> anyhow::Result<()> {
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let problems = lint(deep.as_bytes())?;
    assert_eq!(problems.iter().map(|(_, code)| code.as_str()).collect::<Vec<_>>(), ["sop.too_deep"]);
    let nested = changed(|sop| sop["policy"]["day_cut"] = Value::Null)?;
    let nested = String::from_utf8(nested)?.replace("\"day_cut\":null", &format!("\"day_cut\":{deep}"));
    assert!(lint(nested.as_bytes())?.iter().any(|(_, code)| code == "sop.too_deep"));
    Ok(())
}

#[test]
fn lines_no_client_sends_are_kept_and_named() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let (visits, log) = (temp.path().join("visits.jsonl"), temp.path().join("log.jsonl"));
    let mut lines: Vec<Vec<u8>> = vec![
        b"\xff\xfe not utf-8".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"{\"record\":\"clock\",\"now\":\"NaN\"}".to_vec(),
        b"{\"record\":\"evidence\",\"sha256\":1,\"received\":\"2026-03-02T09:00:00Z\"}".to_vec(),
        b"{\"record\":\"clock\",\"now\":1e400}".to_vec(),
        b"{\"record\":\"clock\",\"now\":NaN}".to_vec(),
        "[".repeat(50_000).into_bytes(),
        br#"{"record":"command","id":"cmd_1","user":"usr_a","device":"dev_a","task":"tsk_none","verb":"start","at":{"wall":"2026-03-02T09:00:00Z","monotonic_ms":9007199254740992,"boot":"b","received":"2026-03-02T09:00:00Z"}}"#.to_vec(),
        br#"{"record":"command","id":"cmd_2","user":"usr_a","device":"dev_a","task":"tsk_none","verb":"start","at":{"wall":"2026-03-02T09:00:00Z","monotonic_ms":9223372036854775807,"boot":"b","received":"2026-03-02T09:00:00Z"}}"#.to_vec(),
    ];
    let n_lines = lines.len();
    lines.push(Vec::new());
    std::fs::write(&visits, lines.join(&b'\n'))?;
    let output = judge(visits.to_str().context("utf-8")?, log.to_str().context("utf-8")?, &[])?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains(&format!("quarantined lines: {n_lines}")), "{printed}");
    for code in [
        "record.not_utf8",
        "record.not_json",
        "record.malformed",
        "record.too_deep",
        "record.number",
        "time.invalid",
        "task.unknown",
    ] {
        assert!(printed.contains(code), "{code} is not named: {printed}");
    }
    let verified = sopwith(&["verify", log.to_str().context("utf-8")?])?;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    Ok(())
}

#[test]
fn a_dataset_row_that_breaks_its_schema_is_named() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let sop = |rows: Value| -> anyhow::Result<String> {
        let mut document: Value = serde_json::from_slice(&std::fs::read(tests::root().join("tests/sops/plain.json"))?)?;
        document["plugins"] = serde_json::json!({});
        document["datasets"] = serde_json::json!({"prices": {"title": {"en": "Prices", "zh-CN": "价格"}, "key": "code",
            "schema": {"type": "object", "required": ["code", "price"], "additionalProperties": false,
                "properties": {"code": {"type": "string"}, "price": {"type": "number", "minimum": 0}}}}});
        std::fs::create_dir_all(temp.path().join("datasets"))?;
        std::fs::write(temp.path().join("sop.json"), serde_json::to_vec(&document)?)?;
        let dataset = serde_json::json!({"dataset": "prices", "version": "1", "rows": rows});
        std::fs::write(temp.path().join("datasets/prices.json"), serde_json::to_vec(&dataset)?)?;
        std::fs::write(temp.path().join("none.jsonl"), "")?;
        let (folder, visits) = (temp.path(), temp.path().join("none.jsonl"));
        let output =
            sopwith(&["judge", folder.to_str().context("utf-8")?, "--visits", visits.to_str().context("utf-8")?])?;
        anyhow::ensure!(output.status.code() == Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let good = serde_json::json!({"code": "a", "price": 1});
    for (bad, named) in [
        (serde_json::json!({"code": "b", "price": -1}), "/rows/1/price"),
        (serde_json::json!({"code": "b"}), "/rows/1/price"),
        (serde_json::json!({"code": "b", "price": 1, "prize": 1}), "/rows/1/prize"),
        (serde_json::json!({"code": "a", "price": 2}), "/rows/1/code"),
    ] {
        let said = sop(serde_json::json!([good, bad]))?;
        assert!(said.contains(named) && said.contains("prices.json"), "{named}: {said}");
    }
    Ok(())
}
