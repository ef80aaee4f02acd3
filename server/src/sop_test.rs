//! `sopwith sop test`: an SOP's own conditions over cases that whoever writes the SOP can read.
//!
//! `conditions.json` beside `sop.json` lists cases: over these answers, steps, customer and visit a check holds, or it does not; a
//! task is asked for, or it is not; a balance is within the bounds of its ledger, or it is not. Every check and every bound of the
//! SOP must have a case of both. Rules have their cases with their plugin.

use crate::cli::ConditionsArguments;
use crate::sop_folder;
use anyhow::Context as _;
use engine::condition::{Condition, Roots};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Where the cases are.
const FILE: &str = "conditions.json";

/// A case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, in words.
    name: String,
    /// Code of a check …
    #[serde(default)]
    check: Option<String>,
    /// … or id of an entry of `tasks` …
    #[serde(default)]
    task: Option<String>,
    /// … or name of a ledger.
    #[serde(default)]
    ledger: Option<String>,
    /// What the condition looks at: `answers`, `absent`, `evidence`, `steps`, `customer`, `visit`, `parameters` over their defaults,
    /// and of a ledger the `balance` that a submission would leave.
    over: Map<String, Value>,
    /// What comes of it.
    holds: bool,
}

/// What a condition looks at.
struct Over(Map<String, Value>);

impl Roots for Over {
    fn root(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Runs the command; false when a case does not come out as it says, or is missing.
///
/// # Errors
/// A file cannot be read, or is not what it should be.
pub fn run(arguments: &ConditionsArguments) -> anyhow::Result<bool> {
    let document = sop_folder::document_with(&arguments.sop, arguments.overlay.as_deref())?;
    let mut cases = read(&arguments.sop.join(FILE))?;
    let of_overlay = arguments.overlay.as_ref().map(|overlay| overlay.with_extension("").join(FILE));
    if let Some(file) = of_overlay.filter(|file| file.is_file()) {
        cases.extend(read(&file)?);
    }
    let conditions = conditions(&document);
    let problems = problems(&document, &conditions, &cases);
    for problem in &problems {
        println!("{problem}");
    }
    println!("{} conditions, {} cases, {} problem(s)", conditions.len(), cases.len(), problems.len());
    Ok(problems.is_empty())
}

fn read(file: &Path) -> anyhow::Result<Vec<Case>> {
    let cases = std::fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&cases).with_context(|| file.display().to_string())
}

/// What an SOP says of a thing, in CEL, by its name: `check order.duplicate`, `task leak`, `ledger stock`.
fn conditions(document: &Value) -> BTreeMap<String, String> {
    let list = |value: &Value, member: &str| value.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |kind: &str, item: &Value, name: &str, condition: &str| {
        let text = |member: &str| item.get(member).and_then(Value::as_str);
        Some((format!("{kind} {}", text(name)?), text(condition)?.to_owned()))
    };
    let checks = list(document, "steps").into_iter().flat_map(|step| list(&step, "checks"));
    let checks = checks.filter_map(|check| named("check", &check, "code", "that"));
    let tasks = list(document, "tasks").into_iter().filter_map(|task| named("task", &task, "id", "when"));
    let ledgers = document.get("ledgers").and_then(Value::as_object).into_iter().flatten();
    let ledgers = ledgers.filter_map(|(name, ledger)| Some((format!("ledger {name}"), within(ledger)?)));
    checks.chain(tasks).chain(ledgers).collect()
}

/// Stands for the balance of a case in the condition of a ledger.
const BALANCE: &str = "{balance}";

/// That a balance is within the bounds of its ledger, in CEL but for the balance itself; none where it has none.
fn within(ledger: &Value) -> Option<String> {
    let bound = |name: &str, than: &str| {
        let bound = ledger.get(name)?;
        let value =
            bound.as_str().and_then(|text| text.strip_prefix('=')).map_or_else(|| bound.to_string(), str::to_owned);
        Some(format!("{BALANCE} {than} ({value})"))
    };
    let bounds: Vec<String> = [bound("min", ">="), bound("max", "<=")].into_iter().flatten().collect();
    (!bounds.is_empty()).then(|| bounds.join(" && "))
}

fn problems(document: &Value, conditions: &BTreeMap<String, String>, cases: &[Case]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut shown: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
    for case in cases {
        let name = match (&case.check, &case.task, &case.ledger) {
            (Some(check), None, None) => format!("check {check}"),
            (None, Some(task), None) => format!("task {task}"),
            (None, None, Some(ledger)) => format!("ledger {ledger}"),
            _ => {
                problems.push(format!("{}: names one check, one task or one ledger", case.name));
                continue;
            }
        };
        let Some((name, text)) = conditions.get_key_value(&name) else {
            problems.push(format!("{}: the SOP has no condition of {name}", case.name));
            continue;
        };
        shown.entry(name).or_default()[usize::from(case.holds)] = true;
        let balance = case.over.get("balance").and_then(Value::as_f64).map(|balance| balance.to_string());
        if case.ledger.is_some() && balance.is_none() {
            problems.push(format!("{}: `over` has no number `balance`", case.name));
            continue;
        }
        match Condition::compile(&text.replace(BALANCE, &balance.unwrap_or_default()))
            .map_err(|error| error.to_string())
            .and_then(|condition| condition.eval_bool(&over(document, &case.over)).map_err(|error| error.to_string()))
        {
            Ok(holds) if holds == case.holds => {}
            Ok(holds) => problems.push(format!("{}: {name} gives {holds}", case.name)),
            Err(error) => problems.push(format!("{}: {name}: {error}", case.name)),
        }
    }
    for name in conditions.keys().filter(|name| !name.starts_with("task ")) {
        let [fails, holds] = shown.get(name.as_str()).copied().unwrap_or_default();
        if !fails || !holds {
            problems.push(format!("{name}: no case in which it {}", if fails { "holds" } else { "does not hold" }));
        }
    }
    problems
}

/// The roots of a case; parameters the case does not name have their defaults.
fn over(document: &Value, given: &Map<String, Value>) -> Over {
    let declared = document.get("parameters").and_then(Value::as_object).into_iter().flatten();
    let mut parameters: Map<String, Value> =
        declared.filter_map(|(name, parameter)| Some((name.clone(), parameter.get("default")?.clone()))).collect();
    parameters.extend(given.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default());
    let mut roots: Map<String, Value> = ["answers", "absent", "evidence", "steps", "visit"]
        .map(|name| (name.to_owned(), json!({})))
        .into_iter()
        .collect();
    roots.insert("customer".to_owned(), json!({"fields": {}}));
    roots.extend(given.clone());
    roots.insert("parameters".to_owned(), Value::Object(parameters));
    Over(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(cases: Value) -> Vec<String> {
        let document = json!({
            "parameters": {"most": {"default": 5}},
            "steps": [{"checks": [{"code": "few", "that": "answers.count <= parameters.most"}]}],
            "tasks": [{"id": "many", "when": "steps.look.answers.count > 3"}, {"id": "always"}],
            "ledgers": {"van": {"min": 0, "max": "=parameters.most * 2"}, "open": {}},
        });
        let cases: Vec<Case> = serde_json::from_value(cases).unwrap();
        problems(&document, &conditions(&document), &cases)
    }

    #[test]
    fn cases_that_come_out_as_they_say_are_fine() {
        assert_eq!(
            problems_of(json!([
                {"name": "five are few", "check": "few", "over": {"answers": {"count": 5}}, "holds": true},
                {"name": "six are not", "check": "few", "over": {"answers": {"count": 6}}, "holds": false},
                {"name": "unless the company says so", "check": "few",
                    "over": {"answers": {"count": 6}, "parameters": {"most": 6}}, "holds": true},
                {"name": "four are many", "task": "many", "over": {"steps": {"look": {"answers": {"count": 4}}}}, "holds": true},
                {"name": "the van is full", "ledger": "van", "over": {"balance": 10}, "holds": true},
                {"name": "too much for the van", "ledger": "van", "over": {"balance": 11}, "holds": false},
                {"name": "less than nothing", "ledger": "van", "over": {"balance": -1}, "holds": false},
            ])),
            [""; 0]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let found = problems_of(json!([
            {"name": "one", "check": "few", "over": {"answers": {"count": 6}}, "holds": true},
            {"name": "two", "check": "fewer", "over": {}, "holds": true},
            {"name": "three", "over": {}, "holds": true},
            {"name": "four", "task": "many", "over": {}, "holds": true},
            {"name": "five", "task": "always", "over": {}, "holds": true},
            {"name": "six", "ledger": "open", "over": {"balance": 1}, "holds": true},
            {"name": "seven", "ledger": "van", "over": {"balance": 1}, "holds": true},
            {"name": "eight", "ledger": "van", "over": {}, "holds": true},
        ]));
        let begins = [
            "one: check few gives false",
            "two: the SOP has no",
            "three: names one",
            "four: task many: ",
            "five: the SOP has no",
            "six: the SOP has no",
            "eight: `over` has no",
            "check few: no case in which it does not hold",
            "ledger van: no case in which it does not hold",
        ];
        assert_eq!(found.len(), begins.len(), "{found:?}");
        for (found, begin) in found.iter().zip(begins) {
            assert!(found.starts_with(begin), "{found}");
        }
    }
}
