//! The built-in checks of a submission: form, absent marks, evidence, place, and the SOP's CEL checks.
//!
//! Everything wrong is reported at once. Rules of plugins are planned by `submit.rs`.

use crate::command::{Customer, EvidenceReference, Submission};
use crate::effective::EffectiveSop;
use crate::finding::built_in;
use crate::place::{self, Fence, FenceResult};
use crate::progress::Context;
use crate::rejection::Rejection;
use crate::rule::Finding;
use crate::signature;
use crate::sop::{Effect, EvidenceRequirement, LocationRequirement, Step};
use crate::visit::Visit;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// All built-in findings, and whether the answers have the form's shape (else checks and rules make no sense).
pub(crate) fn findings(
    sop: &EffectiveSop,
    visit: &Visit,
    step: &Step,
    submission: &Submission,
    context: &Context,
) -> (Vec<Finding>, bool) {
    let mut found = form(sop, step, submission);
    let well_formed = found.is_empty();
    found.extend(evidence(sop, step, submission, context));
    found.extend(signature::findings(visit, &step.evidence, submission));
    if let Some(location) = &step.location {
        found.extend(fence(sop, visit, location, submission, context));
    }
    if well_formed {
        found.extend(checks(sop, step, context));
    }
    (found, well_formed)
}

fn form(sop: &EffectiveSop, step: &Step, submission: &Submission) -> Vec<Finding> {
    let Some(form) = sop.form(&step.id) else {
        let empty =
            submission.answers.is_null() || submission.answers.as_object().is_some_and(serde_json::Map::is_empty);
        let unexpected = || built_in("form", "form.unexpected", "", Effect::Reject, &json!({"step": step.id}));
        return if empty && submission.absent.is_empty() { Vec::new() } else { vec![unexpected()] };
    };
    form.validate(&submission.answers, &submission.absent)
        .into_iter()
        .map(|violation| {
            let source = if violation.code.starts_with("absent.") { "absent" } else { "form" };
            built_in(source, &violation.code, &violation.pointer, Effect::Reject, &json!(violation.params))
        })
        .collect()
}

fn evidence(sop: &EffectiveSop, step: &Step, submission: &Submission, context: &Context) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, reference) in submission.evidence.iter().enumerate() {
        let pointer = format!("/evidence/{index}");
        let known = step.evidence.iter().find(|requirement| requirement.id == reference.requirement);
        let fits =
            known.is_some_and(|requirement| requirement.kind == reference.kind && requirement.class == reference.class);
        if !fits || !is_sha256(&reference.sha256) {
            let params =
                json!({"requirement": reference.requirement, "kind": reference.kind, "class": reference.class});
            found.push(built_in("evidence", "evidence.malformed", &pointer, Effect::Reject, &params));
        }
    }
    for requirement in &step.evidence {
        let given: Vec<&EvidenceReference> =
            submission.evidence.iter().filter(|reference| reference.requirement == requirement.id).collect();
        found.extend(required_evidence(sop, requirement, &given, context));
    }
    found
}

fn required_evidence(
    sop: &EffectiveSop,
    requirement: &EvidenceRequirement,
    given: &[&EvidenceReference],
    context: &Context,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let distinct = given.iter().map(|reference| &reference.sha256).collect::<std::collections::BTreeSet<_>>().len();
    if sop.applies(requirement.when.as_ref(), context) {
        match sop.number(&requirement.min, context) {
            Ok(min) if (distinct as f64) < min => {
                let params = json!({"requirement": requirement.id, "min": min, "given": distinct});
                found.push(built_in("evidence", "evidence.missing", "/evidence", requirement.effect, &params));
            }
            Ok(_) => {}
            Err(error) => {
                let params = json!({"expression": requirement.min.0, "detail": error.code});
                found.push(built_in("evidence", "condition.failed", "/evidence", Effect::Flag, &params));
            }
        }
    }
    if u32::try_from(given.len()).map_or(true, |n_given| n_given > requirement.max) {
        let params = json!({"requirement": requirement.id, "max": requirement.max, "given": given.len()});
        found.push(built_in("evidence", "evidence.too_many", "/evidence", Effect::Reject, &params));
    }
    if requirement.live {
        for reference in given.iter().filter(|reference| !reference.live) {
            let mut finding = built_in(
                "evidence",
                "evidence.not_live",
                "/evidence",
                requirement.effect,
                &json!({"requirement": requirement.id}),
            );
            finding.evidence.push(reference.sha256.clone());
            found.push(finding);
        }
    }
    found
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Indeterminate never passes by itself: it is flagged, or something stands in for the fix.
fn fence(
    sop: &EffectiveSop,
    visit: &Visit,
    requirement: &LocationRequirement,
    submission: &Submission,
    context: &Context,
) -> Vec<Finding> {
    let number = |computed| sop.number(computed, context);
    let fence = number(&requirement.radius_m).and_then(|radius_m| {
        Ok(Fence {
            radius_m,
            max_accuracy_m: number(&requirement.max_accuracy_m)?,
            max_age_s: number(&requirement.max_age_s)?,
        })
    });
    let fence = match fence {
        Ok(fence) => fence,
        Err(error) => {
            let params = json!({"reason": "condition", "detail": error.code});
            return vec![built_in(
                "location",
                "location.indeterminate",
                "/position",
                requirement.indeterminate,
                &params,
            )];
        }
    };
    let position = submission.position.as_ref();
    let verdict = place::fence(visit.customer.location.as_ref(), position, &fence);
    let accuracy_m = position.map(|position| position.accuracy_m);
    let params = json!({"distance_m": verdict.distance_m, "radius_m": fence.radius_m, "accuracy_m": accuracy_m, "reason": verdict.reason});
    match verdict.result {
        FenceResult::Inside => Vec::new(),
        FenceResult::Outside => {
            vec![built_in("location", "location.outside", "/position", requirement.outside, &params)]
        }
        FenceResult::Indeterminate => {
            let substitutes: Vec<&EvidenceReference> = submission
                .evidence
                .iter()
                .filter(|reference| requirement.substitute.contains(&reference.requirement))
                .collect();
            if position.is_none() && !substitutes.is_empty() {
                let mut finding = built_in("location", "location.substituted", "/position", Effect::None, &json!({}));
                finding.evidence = substitutes.iter().map(|reference| reference.sha256.clone()).collect();
                return vec![finding];
            }
            vec![built_in("location", "location.indeterminate", "/position", requirement.indeterminate, &params)]
        }
    }
}

fn checks(sop: &EffectiveSop, step: &Step, context: &Context) -> Vec<Finding> {
    let mut found = Vec::new();
    for check in &step.checks {
        match sop.holds(&check.that, context) {
            Ok(true) => {}
            Ok(false) => {
                let mut finding =
                    built_in("check", &check.code, &check.pointer, check.effect, &json!({"message": check.message}));
                finding.weight = check.weight.min(100);
                found.push(finding);
            }
            Err(error) => {
                let params = json!({"expression": check.that, "detail": error.code});
                found.push(built_in("check", "condition.failed", &check.pointer, Effect::Flag, &params));
            }
        }
    }
    found
}

/// Why the SOP cannot be run for this customer, if it cannot.
pub(crate) fn customer_problem(sop: &EffectiveSop, customer: &Customer) -> Option<Rejection> {
    let form = sop.customer_fields()?;
    let violations = form.validate(&Value::Object(customer.fields.clone()), &BTreeMap::new());
    let first = violations.first()?;
    let params = json!({"customer": customer.id, "keyword": first.keyword});
    Some(Rejection::new("customer.field", &format!("/customer/fields{}", first.pointer), &params))
}
