//! Case files of the engine: a small SOP, what a rep does, and what must come of it.
//!
//! `tests/cases/*.json` name an SOP of `tests/sops/`, may patch it (RFC 7396), and list records in short: a verb, the
//! second it happens at, and its body. Anything else of a record can be patched with `over`; a string is a raw line.

use anyhow::{Context as _, bail};
use engine::canon;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// A case file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub about: String,
    /// File name in `tests/sops/`, without `.json`.
    pub sop: String,
    /// Patch over the SOP.
    #[serde(default)]
    pub sop_patch: Value,
    /// Tenant's parameters.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// What rules are said to answer, by rule.
    #[serde(default)]
    pub outcomes: Value,
    /// What happens, in short.
    pub records: Vec<Value>,
    /// What must come of it.
    pub expect: Expect,
}

/// What must come of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// One for each record: `applied`, `duplicate`, or `refused CODE…`/`quarantined CODE`.
    pub ended: Vec<String>,
    /// By visit: `standing` (what a client is told), and of the verdict `decision`, `validity`, `outcome`, `score`, `risk`, `codes` (all of them, sorted), `tasks` (kinds),
    /// `dwell`, `progress`.
    #[serde(default)]
    pub visits: Map<String, Value>,
    /// Every entry of an account, in order: `LEDGER PART/PART: AMOUNT = BALANCE`, and `reverses`.
    pub ledger: Option<Vec<String>>,
    /// The tasks that left with a step, in order: `ENTRY KIND ROLE [ORG_UNIT] DUE`.
    pub spawned: Option<Vec<String>>,
}

/// Reads every case file, sorted by name.
///
/// # Errors
/// When one cannot be read.
pub fn read_all(root: &Path) -> anyhow::Result<Vec<(String, Case)>> {
    let mut files = std::fs::read_dir(root.join("tests/cases"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let case = serde_json::from_slice(&std::fs::read(file)?).with_context(|| name.clone())?;
        Ok((name, case))
    };
    files.iter().map(read).collect()
}

impl Case {
    /// The request for the engine's JSON door.
    ///
    /// # Errors
    /// When the SOP is not there.
    pub fn request(&self, root: &Path) -> anyhow::Result<Value> {
        let file = root.join("tests/sops").join(format!("{}.json", self.sop));
        let mut sop: Value =
            serde_json::from_slice(&std::fs::read(&file)?).with_context(|| file.display().to_string())?;
        merge(&mut sop, &self.sop_patch);
        let plugins: Value = serde_json::from_slice(&std::fs::read(root.join("tests/sops/plugins.json"))?)?;
        let datasets: Value = serde_json::from_slice(&std::fs::read(root.join("tests/sops/datasets.json"))?)?;
        let records: Vec<Value> =
            self.records.iter().enumerate().map(|(index, short)| record(index, short)).collect::<Result<_, _>>()?;
        let outcomes = if self.outcomes.is_null() { json!({}) } else { self.outcomes.clone() };
        Ok(json!({
            "ask": "judge", "sop": sop, "plugins": plugins, "datasets": datasets,
            "parameters": self.parameters, "records": records, "outcomes": outcomes,
        }))
    }

    /// How a response differs from what is expected; empty when it does not.
    #[must_use]
    pub fn differences(&self, response: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        let ended: Vec<String> =
            response.get("ended").and_then(Value::as_array).into_iter().flatten().map(how_it_ended).collect();
        if ended != self.expect.ended {
            differences.push(format!("ended {ended:#?} instead of {:#?}", self.expect.ended));
        }
        for (visit, expected) in &self.expect.visits {
            let got = summary(response, visit);
            for (name, value) in expected.as_object().into_iter().flatten() {
                if got.get(name).and_then(|got| canon::normalize(got.clone()).ok())
                    != canon::normalize(value.clone()).ok()
                {
                    differences
                        .push(format!("{visit} {name}: {} instead of {value}", got.get(name).unwrap_or(&Value::Null)));
                }
            }
        }
        for (name, expected, got) in
            [("ledger", &self.expect.ledger, entries(response)), ("spawned", &self.expect.spawned, spawned(response))]
        {
            if expected.as_ref().is_some_and(|expected| *expected != got) {
                differences.push(format!("{name} {got:#?} instead of {expected:#?}"));
            }
        }
        if let Some(error) = response.get("error").or_else(|| response.get("problems")) {
            differences.push(error.to_string());
        }
        differences
    }
}

/// A record in short, in full.
fn record(index: usize, short: &Value) -> anyhow::Result<Value> {
    let Value::Object(members) = short else { return Ok(short.clone()) };
    if members.contains_key("record") {
        return Ok(short.clone());
    }
    let second = members.get("t").and_then(Value::as_i64).context("a record in short has a second `t`")?;
    let Some(verb) = members.get("do").and_then(Value::as_str) else { bail!("a record in short has a verb `do`") };
    let minute = second.div_euclid(60);
    let clock = format!("{:02}:{:02}:{:02}", 9 + minute.div_euclid(60), minute.rem_euclid(60), second.rem_euclid(60));
    let at = json!({
        "wall": format!("2026-03-02T{clock}+08:00"),
        "monotonic_ms": 1_000_000 + second * 1000,
        "boot": "boot-1",
        "anchor": {"server": "2026-03-02T01:00:00Z", "monotonic_ms": 1_000_000, "error_ms": 50},
        "received": format!("2026-03-02T{clock}+08:00"),
    });
    let mut body = members.get("body").cloned().unwrap_or_else(|| json!({}));
    for evidence in body.get_mut("evidence").and_then(Value::as_array_mut).into_iter().flatten() {
        complete_evidence(evidence, &at);
    }
    let mut record = json!({
        "record": "command", "id": format!("cmd_{index}"), "user": "usr_rep", "device": "dev_phone", "task": "tsk_one",
        "at": at, "verb": verb, "body": body,
    });
    merge(&mut record, members.get("over").unwrap_or(&Value::Null));
    Ok(record)
}

/// Evidence in short names requirement, class and a letter for its hash.
fn complete_evidence(evidence: &mut Value, at: &Value) {
    let mut captured = at.clone();
    if let Some(times) = captured.as_object_mut() {
        times.remove("received");
    }
    let mut full = json!({"kind": "photo", "live": true, "captured": captured});
    let letter =
        evidence.get("sha256").and_then(Value::as_str).filter(|text| text.len() == 1).map(|letter| letter.repeat(64));
    merge(&mut full, evidence);
    if let Some(sha256) = letter {
        merge(&mut full, &json!({"sha256": sha256}));
    }
    *evidence = full;
}

fn how_it_ended(ended: &Value) -> String {
    let text = |pointer: &str| ended.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    match text("/ended").as_str() {
        "refused" => {
            let findings = ended.get("findings").and_then(Value::as_array).into_iter().flatten();
            let codes: Vec<&str> = findings.filter_map(|finding| finding.get("code")?.as_str()).collect();
            if codes.is_empty() { format!("refused {}", text("/code")) } else { format!("refused {}", codes.join(" ")) }
        }
        "quarantined" => format!("quarantined {}", text("/rejection/code")),
        other => other.to_owned(),
    }
}

/// A payload of each event that has it.
fn payloads<'a>(response: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = response.get("events").and_then(Value::as_array).into_iter().flatten();
    events.filter_map(move |event| event.get("payloads")?.get(name)?.get("value"))
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn entries(response: &Value) -> Vec<String> {
    let entry = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let reverses = if entry.get("reverses") == Some(&Value::Bool(true)) { " reverses" } else { "" };
        let account = texts(entry.get("account")).join("/");
        format!("{} {account}: {} = {}{reverses}", text("ledger"), text("amount"), text("balance"))
    };
    payloads(response, "entry").map(entry).collect()
}

fn spawned(response: &Value) -> Vec<String> {
    let tasks = payloads(response, "assessment").filter_map(|assessment| assessment.get("tasks")?.as_array()).flatten();
    let words = |task: &Value| {
        let text = |name: &&str| task.get(*name).and_then(Value::as_str).map(str::to_owned);
        ["entry", "kind", "role", "org_unit", "due"].iter().filter_map(text).collect::<Vec<_>>().join(" ")
    };
    tasks.map(words).collect()
}

fn summary(response: &Value, visit: &str) -> Value {
    let member = |name: &str| response.get("visits")?.get(visit)?.get(name).cloned();
    let verdict = member("verdict").unwrap_or_default();
    let list = |name: &str, member: &str| -> Vec<String> {
        let items = verdict.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| Some(item.get(member)?.as_str()?.to_owned())).collect()
    };
    let mut codes = list("findings", "code");
    codes.sort();
    json!({
        "standing": member("standing"), "decision": verdict.get("decision"), "validity": verdict.get("validity"), "outcome": verdict.get("outcome"),
        "risk": verdict.get("risk"), "score": verdict.pointer("/score/total"), "codes": codes, "tasks": list("tasks", "kind"),
        "dwell": verdict.get("dwell"), "progress": member("progress"),
    })
}

/// JSON Merge Patch, RFC 7396, in place.
pub fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (_, Value::Null) => {}
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(name);
                } else {
                    merge(members.entry(name.clone()).or_insert(Value::Null), change);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
