//! What a run results in: score, outcomes, records, tasks; and the policy.

use super::{Place, Report};
use crate::sop::Policy;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn check(root: &Place<'_>, report: &mut Report) {
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
    let steps: BTreeSet<&str> = root.ids("steps", "id").into_iter().map(|(id, _)| id).collect();
    for output in root.items("outputs") {
        if let Some(step) = output.text("step")
            && !steps.contains(step)
        {
            report.add(output.child("step"), "step.unknown", json!({ "step": step }));
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
