//! `sopwith plugin test`: case files against a component in the sandbox, with the fuel each call burns.

use crate::cases::{self, CaseRows, patched};
use crate::cli::TestArguments;
use crate::plugins;
use anyhow::Context as _;
use engine::canon::{self, CanonicalJson};
use engine::rule::{RuleAnswer, RuleCall, RuleOutcome};
use host_api::{Datasets, Row};
use serde_json::{Value, json};
use std::sync::Arc;

/// Runs the command; false when a case fails.
///
/// # Errors
/// When the component is refused or a case file cannot be read.
pub fn run(arguments: &TestArguments) -> anyhow::Result<bool> {
    let bytes = std::fs::read(&arguments.component).with_context(|| arguments.component.display().to_string())?;
    let host = plugins::host(None)?;
    let plugin = host.load(&bytes)?;
    let (mut n_passed, mut n_failed) = (0, 0);
    for (file, case_file) in cases::read(&arguments.cases)? {
        let manifest = plugin.manifest();
        let Some(rule) = manifest.rules.iter().find(|rule| rule.id == case_file.rule) else {
            println!("✗ {}: the plugin has no rule `{}`", file.display(), case_file.rule);
            n_failed += 1;
            continue;
        };
        let mut most_fuel = 0;
        for case in &case_file.cases {
            let call = RuleCall {
                rule: format!("{}/{}", manifest.plugin, rule.id),
                plugin_hash: plugin.hash().to_owned(),
                interface: rule.interface,
                input: CanonicalJson::of(&case_file.input(case))?,
            };
            let rows: Arc<dyn Datasets> = Arc::new(Rows(case_file.rows(case)?));
            let outcome = host.call(&plugin, &call, &rows);
            most_fuel = most_fuel.max(outcome.fuel);
            let (got, expected) = (answer(&outcome), complete(&case.expect));
            if canon::normalize(got.clone())? == canon::normalize(expected.clone())? {
                n_passed += 1;
            } else {
                n_failed += 1;
                println!("✗ {}: {}\n  expected {}\n  got      {got}", file.display(), case.name, expected);
            }
        }
        println!("{}: {} cases, at most {most_fuel} fuel a call", rule.id, case_file.cases.len());
    }
    println!("{n_passed} passed, {n_failed} failed");
    Ok(n_failed == 0)
}

/// An outcome in the words of a case file.
pub fn answer(outcome: &RuleOutcome) -> Value {
    match &outcome.answer {
        RuleAnswer::Findings(findings) => json!({"findings": findings}),
        RuleAnswer::Scorecard(card) => json!({"scorecard": card}),
        RuleAnswer::Failed(failure) => json!({"error": {"code": failure.code}}),
    }
}

/// What a case expects, with the members it may leave out filled in; of an error only the code counts. A rule's own
/// error reaches the host as `declared`.
fn complete(expect: &Value) -> Value {
    let mut complete = expect.clone();
    for finding in complete.get_mut("findings").and_then(Value::as_array_mut).into_iter().flatten() {
        let defaults = json!({"pointer": "", "params": {}, "weight": 0, "evidence": []});
        *finding = patched(defaults, finding);
    }
    if let Some(card) = complete.get_mut("scorecard") {
        *card = patched(json!({"parts": [], "marks": []}), card);
    }
    for part in complete.pointer_mut("/scorecard/parts").and_then(Value::as_array_mut).into_iter().flatten() {
        let value = part.get("value").cloned().unwrap_or_default();
        *part = json!({"id": part.get("id"), "value": value, "detail": part.get("detail").cloned().unwrap_or_else(|| json!({}))});
    }
    if complete.get("error").is_some() {
        complete = json!({"error": {"code": "declared"}});
    }
    complete
}

/// Rows of a case as the sandbox reads them.
struct Rows(CaseRows);

impl Datasets for Rows {
    fn lookup(&self, dataset: &str, key: &str) -> Row {
        let Some(rows) = self.0.get(dataset) else { return Row::Outside };
        let hash = |value: &Value| canon::sha256_hex(value.to_string().as_bytes());
        let dataset_hash = hash(&json!(rows));
        match rows.get(key) {
            Some(row) => Row::Found { json: row.to_string(), dataset_hash, row_hash: hash(row) },
            None => Row::Absent { dataset_hash },
        }
    }
}
