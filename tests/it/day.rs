//! The recorded day: judged by the real binary, and the whole of it again in engine.wasm.

use anyhow::Context as _;
use engine::door;
use engine::visit::VisitEvent;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The SOP folder of the recorded day.
pub fn sop_folder() -> PathBuf {
    tests::root().join("schemas/fmcg/store-audit")
}

/// Runs the real binary.
pub fn sopwith(arguments: &[&str]) -> anyhow::Result<Output> {
    Command::new(tests::built("SOPWITH_BIN")?).args(arguments).current_dir(tests::root()).output().context("sopwith")
}

/// Judges a recorded file; what it printed, and its log.
pub fn judge(visits: &str, log: &str, more: &[&str]) -> anyhow::Result<Output> {
    let folder = sop_folder();
    let plugins = tests::built("SOPWITH_PLUGINS")?;
    let mut arguments = vec![
        "judge",
        folder.to_str().context("utf-8")?,
        "--visits",
        visits,
        "--plugins",
        plugins.to_str().context("utf-8")?,
        "--log",
        log,
    ];
    arguments.extend(more);
    sopwith(&arguments)
}

#[test]
fn every_row_of_the_recorded_day_comes_out_as_expected() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let log = temp.path().join("day.log.jsonl");
    let day = sop_folder().join("day");
    let (visits, expected) = (day.join("day.jsonl"), day.join("expected.json"));
    let more = ["--expect", expected.to_str().context("utf-8")?];
    let output = judge(visits.to_str().context("utf-8")?, log.to_str().context("utf-8")?, &more)?;
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[test]
fn every_visit_of_the_recorded_day_has_a_report_in_both_languages() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let (log, visits) = (temp.path().join("day.log.jsonl"), sop_folder().join("day/day.jsonl"));
    for (language, title) in [("en", "Store visit report"), ("zh-CN", "巡店报告")] {
        let folder = temp.path().join(language);
        let more = ["--report", folder.to_str().context("utf-8")?, "--language", language];
        let output = judge(visits.to_str().context("utf-8")?, log.to_str().context("utf-8")?, &more)?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut n_pages = 0;
        for entry in std::fs::read_dir(&folder)? {
            let page = std::fs::read_to_string(entry?.path())?;
            assert!(page.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{language}\">")), "{page:.200}");
            assert!(page.ends_with("</html>\n") && page.contains(title) && !page.contains("<script"));
            n_pages += 1;
        }
        assert_eq!(n_pages, 35);
    }
    let page = std::fs::read_to_string(temp.path().join("zh-CN/vis_chen-1.html"))?;
    for said in ["锦禾百货超市春熙路店", "83.5", "完美门店得分", "岚溪茉莉绿茶 500ml", "经销商/配送中心断货", "•••"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("周姐"), "the contact is personal");
    Ok(())
}

#[test]
fn the_recorded_day_gives_the_same_bytes_in_engine_wasm() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let log = temp.path().join("day.log.jsonl");
    let visits = sop_folder().join("day/day.jsonl");
    let output = judge(visits.to_str().context("utf-8")?, log.to_str().context("utf-8")?, &[])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let request =
        serde_json::to_vec(&request_from_log(&std::fs::read_to_string(&log)?, &std::fs::read_to_string(&visits)?)?)?;

    let native = door::respond(&request);
    let response: Value = serde_json::from_slice(&native)?;
    let n_events = response.get("events").and_then(Value::as_array).map_or(0, Vec::len);
    assert!(
        n_events > 300,
        "only {n_events} events: {}",
        String::from_utf8_lossy(native.get(..500).unwrap_or(&native))
    );
    let in_wasm = crate::cases::engine_wasm()?.call(&request).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
    assert!(native == in_wasm, "the recorded day differs between native code and engine.wasm");
    println!("the recorded day: {n_events} events byte-equal natively and in engine.wasm");
    Ok(())
}

/// The recorded lines with the outcomes the real rules gave, as one request.
fn request_from_log(log: &str, visits: &str) -> anyhow::Result<Value> {
    let (mut sop, mut parameters) = (Value::Null, Value::Null);
    let (mut plugins, mut datasets) = (BTreeMap::new(), BTreeMap::new());
    let mut outcomes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let manifests = manifests()?;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match line.get("object").and_then(Value::as_str) {
            Some("sop") => {
                sop = line.pointer("/value/sop").cloned().context("sop")?;
                parameters = line.pointer("/value/parameters").cloned().context("parameters")?;
            }
            Some("dataset") => {
                let version = line.pointer("/value/version").cloned();
                datasets.insert(text("name"), json!({"hash": text("hash"), "version": version}));
            }
            Some("plugin") => {
                let manifest = manifests.get(&text("name")).context("manifest")?;
                plugins.insert(text("name"), json!({"hash": text("hash"), "manifest": manifest}));
            }
            Some(_) => {}
            None => collect_outcomes(&line, &mut outcomes)?,
        }
    }
    let records: Vec<&str> = visits.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(
        json!({"ask": "judge", "sop": sop, "plugins": plugins, "datasets": datasets, "parameters": parameters, "records": records, "outcomes": outcomes}),
    )
}

fn manifests() -> anyhow::Result<BTreeMap<String, Value>> {
    let host = crate::cases::host()?;
    let mut manifests = BTreeMap::new();
    for entry in std::fs::read_dir(tests::built("SOPWITH_PLUGINS")?)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            let plugin = host.load(&std::fs::read(file)?)?;
            manifests.insert(plugin.manifest().plugin.clone(), serde_json::to_value(plugin.manifest())?);
        }
    }
    Ok(manifests)
}

/// Outcomes by rule, in the order they were recorded for each visit.
fn collect_outcomes(event: &Value, outcomes: &mut BTreeMap<String, Vec<Value>>) -> anyhow::Result<()> {
    let stream = event.pointer("/header/stream").and_then(Value::as_str).context("stream")?;
    let kind = event.pointer("/header/type").and_then(Value::as_str).context("type")?;
    let payloads: BTreeMap<String, engine::canon::CanonicalJson> = event
        .get("payloads")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, payload)| {
            Some((name.clone(), engine::canon::CanonicalJson::of(payload.get("value")?).ok()?))
        })
        .collect();
    let Ok(event) = VisitEvent::from_payloads(kind, payloads.iter()) else { return Ok(()) };
    let calls = match event {
        VisitEvent::Assessed { assessment } => assessment.calls,
        VisitEvent::Refused { refusal, .. } => refusal.calls,
        VisitEvent::VisitCompleted { verdict, .. }
        | VisitEvent::VisitClosed { verdict, .. }
        | VisitEvent::Reassessed { verdict } => verdict.calls,
        _ => Vec::new(),
    };
    for call in calls {
        outcomes.entry(call.rule).or_default().push(json!({"visit": stream, "outcome": call.outcome}));
    }
    Ok(())
}
