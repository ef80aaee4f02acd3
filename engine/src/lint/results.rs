//! What a run results in: score, outcomes, records, ledgers, tasks; and the policy.

use super::{Facts, Place, Report};
use crate::form::CompiledForm;
use crate::sop::Policy;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn check(root: &Place<'_>, facts: &Facts<'_>, report: &mut Report) {
    if let Some(score) = root.get("score") {
        tree(&score, report);
        report.duplicates(score.ids("caps", "code"), "cap.duplicate");
        for cap in score.items("caps") {
            if cap.get("mark").is_none() && cap.get("when").is_none() {
                report.add(cap.pointer.clone(), "cap.never", Value::Null);
            }
            if cap.get("mark").is_some() && score.items("rules").is_empty() {
                report.add(cap.child("mark"), "score.no_rule", Value::Null);
            }
        }
    }
    for (list, code) in
        [("outcomes", "outcome.duplicate"), ("outputs", "output.duplicate"), ("tasks", "task.duplicate")]
    {
        report.duplicates(root.ids(list, "id"), code);
    }
    for output in root.items("outputs") {
        known_step(&output, facts, report);
        records(root, &output, facts, report);
    }
    for (_, ledger) in root.members("ledgers") {
        let bound = |name: &str| ledger.value.get(name).and_then(Value::as_f64);
        if let (Some(min), Some(max)) = (bound("min"), bound("max"))
            && min > max
        {
            report.add(ledger.child("min"), "ledger.min_over_max", json!({ "min": min, "max": max }));
        }
    }
    for task in root.items("tasks") {
        known_step(&task, facts, report);
        if ["when", "finding", "step"].into_iter().all(|name| task.get(name).is_none()) {
            report.add(task.child("when"), "task.condition", Value::Null);
        }
        if task.get("due_s").is_some() == task.get("due_working_days").is_some() {
            report.add(task.child("due_s"), "task.due", Value::Null);
        }
    }
    if let Some(policy) = root.get("policy") {
        let default = Policy::default();
        let risk = |name: &str, default: f64| policy.value.get(name).and_then(Value::as_f64).unwrap_or(default);
        let (review, hold) = (risk("risk_review", default.risk_review), risk("risk_hold", default.risk_hold));
        if review > hold {
            report.add(policy.pointer.clone(), "policy.risk_order", json!({ "review": review, "hold": hold }));
        }
    }
}

fn tree(score: &Place<'_>, report: &mut Report) {
    let mut ids = Vec::new();
    let mut pending: Vec<Place<'_>> = score.get("root").into_iter().collect();
    while let Some(node) = pending.pop() {
        if let Some(id) = node.text("id") {
            ids.push((id, node.child("id")));
        }
        let given: Vec<&str> = ["part", "value", "nodes"].into_iter().filter(|name| node.get(name).is_some()).collect();
        if given.len() != 1 {
            report.add(node.pointer.clone(), "score.node", json!({ "given": given }));
        }
        if node.get("part").is_some() && score.items("rules").is_empty() {
            report.add(node.child("part"), "score.no_rule", Value::Null);
        }
        // Backwards, so that the stack gives them in the order of the document.
        pending.extend(node.items("nodes").into_iter().rev());
    }
    report.duplicates(ids, "score.duplicate");
}

fn known_step(place: &Place<'_>, facts: &Facts<'_>, report: &mut Report) {
    if let Some(step) = place.text("step")
        && !facts.steps.contains(&step)
    {
        report.add(place.child("step"), "step.unknown", json!({ "step": step }));
    }
}

/// What an output writes and posts: nothing personal, because more people see records than answers, and only to
/// ledgers that are there.
fn records(root: &Place<'_>, output: &Place<'_>, facts: &Facts<'_>, report: &mut Report) {
    let form = output.text("step").and_then(|step| facts.forms.get(step));
    let personal = form.map(CompiledForm::personal_pointers).unwrap_or_default();
    let each = output.text("each").map(|each| format!("{each}/*")).unwrap_or_default();
    let mut written: Vec<(String, &str)> = Vec::new();
    for (_, field) in output.members("fields") {
        written.extend(field.value.as_str().map(|to| (field.pointer.clone(), to)));
    }
    let ledgers: BTreeSet<&str> = root.members("ledgers").into_iter().map(|(name, _)| name).collect();
    for posting in output.items("postings") {
        if let Some(ledger) = posting.text("ledger")
            && !ledgers.contains(ledger)
        {
            report.add(posting.child("ledger"), "ledger.unknown", json!({ "ledger": ledger }));
        }
        written.extend(posting.text("amount").map(|pointer| (posting.child("amount"), pointer)));
        for part in posting.items("account") {
            written.extend(part.value.as_str().filter(|text| text.starts_with('/')).map(|text| (part.pointer, text)));
        }
    }
    let checks_in = root
        .items("steps")
        .iter()
        .any(|step| step.text("id") == output.text("step") && step.text("kind") == Some("check_in"));
    if checks_in && !output.items("postings").is_empty() {
        report.add(output.child("postings"), "output.check_in", Value::Null);
    }
    for (pointer, to) in written {
        if personal.iter().any(|personal| overlap(&format!("{each}{to}"), personal)) {
            report.add(pointer, "output.personal", json!({ "pointer": to }));
        }
    }
}

/// Whether one place is in the other, or the same; `*` and numbers are any item.
fn overlap(one: &str, other: &str) -> bool {
    let same = |(one, other): (&str, &str)| one == other || one == "*" || other == "*";
    one.split('/').zip(other.split('/')).all(same)
}
