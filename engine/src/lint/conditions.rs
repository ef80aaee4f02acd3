//! Conditions of a document: each compiles, and what it mentions exists.

use super::{Facts, Place, Report};
use crate::condition::Condition;
use serde_json::{Value, json};

/// Members of `visit` in the context of conditions.
const VISIT: [&str; 15] = [
    "id",
    "user",
    "origin",
    "purpose",
    "business_date",
    "instance",
    "closed_by_policy",
    "dwell_min_s",
    "dwell_max_s",
    "decision",
    "validity",
    "risk",
    "score",
    "outcome",
    "drawn",
];
/// Members of `customer`.
const CUSTOMER: [&str; 3] = ["id", "type", "fields"];
/// Members of one of `steps`.
const STEP: [&str; 5] = ["state", "answers", "absent", "evidence", "instances"];

/// Where a condition stands.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// About a submission of this step: `answers`, `absent` and `evidence` are its.
    Submission(&'a str),
    /// About the visit: there is no submission.
    Visit,
    /// About the customer, before there is a visit.
    Customer,
}

pub(super) fn check(root: &Place<'_>, facts: &Facts<'_>, report: &mut Report) {
    let mut found = Vec::new();
    for (_, parameter) in root.members("parameters") {
        for slice in parameter.items("by") {
            condition(&slice, "when", Scope::Customer, &mut found);
        }
    }
    for step in root.items("steps") {
        let submission = Scope::Submission(step.text("id").unwrap_or_default());
        condition(&step, "when", Scope::Visit, &mut found);
        computed(&step, "required", Scope::Visit, &mut found);
        computed(&step, "min_seconds", submission, &mut found);
        if let Some(repeat) = step.get("repeat") {
            computed(&repeat, "over", Scope::Visit, &mut found);
        }
        if let Some(location) = step.get("location") {
            for name in ["radius_m", "max_accuracy_m", "max_age_s"] {
                computed(&location, name, submission, &mut found);
            }
        }
        for evidence in step.items("evidence") {
            condition(&evidence, "when", submission, &mut found);
            computed(&evidence, "min", submission, &mut found);
        }
        for check in step.items("checks") {
            condition(&check, "that", submission, &mut found);
        }
        rules(&step, submission, &mut found);
    }
    rules(root, Scope::Visit, &mut found);
    if let Some(score) = root.get("score") {
        rules(&score, Scope::Visit, &mut found);
        for cap in score.items("caps") {
            condition(&cap, "when", Scope::Visit, &mut found);
            computed(&cap, "at", Scope::Visit, &mut found);
        }
        let mut pending: Vec<Place<'_>> = score.get("root").into_iter().collect();
        while let Some(node) = pending.pop() {
            computed(&node, "weight", Scope::Visit, &mut found);
            condition(&node, "value", Scope::Visit, &mut found);
            pending.extend(node.items("nodes"));
        }
    }
    for outcome in root.items("outcomes") {
        condition(&outcome, "when", Scope::Visit, &mut found);
    }
    for task in root.items("tasks") {
        let scope = task.text("step").map_or(Scope::Visit, Scope::Submission);
        condition(&task, "when", scope, &mut found);
        computed(&task, "org_unit", scope, &mut found);
        computed(&task, "due_from", scope, &mut found);
    }
    for output in root.items("outputs") {
        let submission = Scope::Submission(output.text("step").unwrap_or_default());
        condition(&output, "when", submission, &mut found);
        for part in output.items("postings").iter().flat_map(|posting| posting.items("account")) {
            let text = part.value.as_str().and_then(|text| text.strip_prefix('='));
            found.extend(text.map(|text| (part.pointer.clone(), text, submission)));
        }
    }
    for (_, ledger) in root.members("ledgers") {
        computed(&ledger, "min", Scope::Visit, &mut found);
        computed(&ledger, "max", Scope::Visit, &mut found);
    }
    for (pointer, text, scope) in found {
        match Condition::compile(text) {
            Err(error) => report.add(pointer, error.code, json!({ "detail": error.detail })),
            Ok(condition) => {
                if matches!(scope, Scope::Customer) {
                    about_customer(&pointer, &condition, report);
                }
                for path in &condition.references().paths {
                    let names: Vec<&str> = path.iter().map(String::as_str).collect();
                    if let Some((code, params)) = unknown(&names, scope, facts) {
                        report.add(pointer.clone(), code, params);
                    }
                }
            }
        }
    }
}

type Found<'a> = Vec<(String, &'a str, Scope<'a>)>;

fn condition<'a>(place: &Place<'a>, name: &str, scope: Scope<'a>, found: &mut Found<'a>) {
    if let Some(text) = place.text(name) {
        found.push((place.child(name), text, scope));
    }
}

/// CEL behind a leading `=`; anything else is a literal.
fn computed<'a>(place: &Place<'a>, name: &str, scope: Scope<'a>, found: &mut Found<'a>) {
    if let Some(text) = place.text(name).and_then(|text| text.strip_prefix('=')) {
        found.push((place.child(name), text, scope));
    }
}

fn rules<'a>(place: &Place<'a>, scope: Scope<'a>, found: &mut Found<'a>) {
    for rule in place.items("rules") {
        condition(&rule, "when", scope, found);
        if let Some(config) = rule.get("config") {
            for name in config.value.as_object().into_iter().flat_map(|members| members.keys()) {
                computed(&config, name, scope, found);
            }
        }
    }
}

/// Whether it is a condition at all, and over what is known when a run is pinned.
fn about_customer(pointer: &str, condition: &Condition, report: &mut Report) {
    if !condition.may_hold() {
        report.add(pointer, "condition.no_answer", Value::Null);
    }
    for name in condition.references().variables.iter().filter(|name| *name != "customer") {
        report.add(pointer, "condition.only_customer", json!({ "name": name }));
    }
}

/// What is wrong with the path `names`, if anything.
fn unknown(names: &[&str], scope: Scope<'_>, facts: &Facts<'_>) -> Option<(&'static str, Value)> {
    let path = || json!({ "path": names.join(".") });
    match (names, scope) {
        ([root, ..], Scope::Customer) if *root != "customer" => None,
        (["answers" | "absent" | "evidence", ..], Scope::Visit) => {
            Some(("condition.no_submission", json!({ "name": names.first() })))
        }
        (["answers", answer, ..], Scope::Submission(step)) => unknown_answer(step, answer, facts),
        (["steps", step, rest @ ..], _) => {
            if !facts.steps.contains(step) {
                return Some(("condition.unknown_step", json!({ "step": step })));
            }
            match rest {
                [] => None,
                ["answers", answer, ..] => unknown_answer(step, answer, facts),
                [member, ..] => (!STEP.contains(member)).then(|| ("condition.unknown_member", path())),
            }
        }
        (["parameters", parameter, ..], _) => (!facts.parameters.contains(parameter))
            .then(|| ("condition.unknown_parameter", json!({ "parameter": parameter }))),
        (["customer", "fields", field, ..], _) => {
            let known = facts.fields.as_ref().is_none_or(|fields| fields.may_have(field));
            (!known).then(|| ("condition.unknown_field", json!({ "field": field })))
        }
        (["customer", member, ..], _) => (!CUSTOMER.contains(member)).then(|| ("condition.unknown_member", path())),
        (["visit", member, ..], _) => (!VISIT.contains(member)).then(|| ("condition.unknown_member", path())),
        _ => None,
    }
}

/// An answer no form of `step` asks for. A form that does not compile is silent: it has its own problems.
fn unknown_answer(step: &str, answer: &str, facts: &Facts<'_>) -> Option<(&'static str, Value)> {
    let known = match facts.forms.get(step) {
        Some(form) => form.may_have(answer),
        None => facts.with_form.contains(step),
    };
    (!known).then(|| ("condition.unknown_answer", json!({ "answer": answer, "step": step })))
}
