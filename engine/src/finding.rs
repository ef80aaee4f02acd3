//! Making findings: from built-in checks, from what rules returned, and from rules that could not answer.
//!
//! Effects and weights come from the SOP's binding where it names them, else from the finding. Findings are sorted
//! before anything is folded, so that replays are equal.

use crate::canon;
use crate::effective::EffectiveSop;
use crate::rule::{Finding, RuleAnswer, RuleCall, RuleFinding, RuleOutcome, Severity};
use crate::sop::{Effect, RuleBinding};
use serde_json::{Value, json};

/// Nobody completed the visit; the policy closed it.
pub const CLOSED_BY_POLICY: &str = "visit.closed_by_policy";
/// A rule gave no answer.
pub const UNAVAILABLE: &str = "rule.unavailable";

/// A built-in finding; severity follows from the effect.
#[must_use]
pub fn built_in(source: &str, code: &str, pointer: &str, effect: Effect, params: &Value) -> Finding {
    let severity = match effect {
        Effect::None => Severity::Info,
        Effect::Flag | Effect::Invalidate => Severity::Warning,
        Effect::Hold | Effect::Reject => Severity::Error,
    };
    Finding {
        source: source.to_owned(),
        code: code.to_owned(),
        step: String::new(),
        pointer: pointer.to_owned(),
        severity,
        effect,
        original_effect: None,
        weight: 0,
        params: params.as_object().map(|members| members.clone().into_iter().collect()).unwrap_or_default(),
        evidence: Vec::new(),
    }
}

/// The id of a finding within its visit, `fnd_` and 16 hex digits: the same step, source, code, place, values and evidence
/// give the same id, so that a finding that stands when a visit is judged again is still the one that was contested.
#[must_use]
pub fn id(finding: &Finding) -> String {
    let Finding { step, source, code, pointer, params, evidence, .. } = finding;
    let said = json!([step, source, code, pointer, params, evidence]);
    // Findings are read back from canonical text, so they have one.
    let hash = canon::hash_value(&said).unwrap_or_else(|_| canon::sha256_hex(said.to_string().as_bytes()));
    format!("fnd_{}", hash.get(..16).unwrap_or_default())
}

/// Says which step findings are about.
pub fn place(findings: &mut [Finding], step: &str) {
    findings.iter_mut().for_each(|finding| step.clone_into(&mut finding.step));
}

/// A rule that gave no answer: the binding's `unavailable`, else the policy's.
#[must_use]
pub fn unavailable(sop: &EffectiveSop, binding: &RuleBinding, step: &str, failure: &str, detail: &str) -> Finding {
    let effect = binding.unavailable.unwrap_or(sop.sop.policy.unavailable);
    let mut finding = built_in(
        &binding.rule,
        UNAVAILABLE,
        "",
        effect,
        &json!({"rule": binding.rule, "failure": failure, "detail": detail}),
    );
    step.clone_into(&mut finding.step);
    finding
}

/// The findings of one outcome.
#[must_use]
pub fn of_outcome(
    sop: &EffectiveSop,
    binding: &RuleBinding,
    call: &RuleCall,
    step: &str,
    outcome: &RuleOutcome,
) -> Vec<Finding> {
    match &outcome.answer {
        RuleAnswer::Findings(found) => found.iter().map(|finding| of_rule(binding, step, finding)).collect(),
        RuleAnswer::Scorecard(_) => {
            let name = format!("{:?}", call.interface).to_lowercase();
            vec![unavailable(sop, binding, step, "malformed_output", &format!("a scorecard from {name}"))]
        }
        RuleAnswer::Failed(failure) => {
            let code = serde_json::to_value(failure.code).ok();
            let code = code.as_ref().and_then(Value::as_str).unwrap_or_default();
            vec![unavailable(sop, binding, step, code, &failure.detail)]
        }
    }
}

fn of_rule(binding: &RuleBinding, step: &str, found: &RuleFinding) -> Finding {
    Finding {
        source: binding.rule.clone(),
        code: found.code.clone(),
        step: step.to_owned(),
        pointer: found.pointer.clone(),
        severity: found.severity,
        effect: binding.effects.get(&found.code).copied().unwrap_or_else(|| found.severity.default_effect()),
        original_effect: None,
        weight: binding.weights.get(&found.code).copied().unwrap_or(found.weight).min(100),
        params: found.params.clone().into_iter().collect(),
        evidence: found.evidence.clone(),
    }
}

/// What cannot be corrected any more is kept for a reviewer instead of refused; malformed data still are.
pub fn hold_what_cannot_be_redone(finding: &mut Finding) {
    let malformed = matches!(finding.source.as_str(), "form" | "absent") || finding.code == "evidence.malformed";
    if finding.effect == Effect::Reject && !malformed {
        finding.original_effect = Some(Effect::Reject);
        finding.effect = Effect::Hold;
    }
}

/// Sorts findings by step, source, code, pointer and parameters.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (&a.step, &a.source, &a.code, &a.pointer)
            .cmp(&(&b.step, &b.source, &b.code, &b.pointer))
            .then_with(|| json!(a.params).to_string().cmp(&json!(b.params).to_string()))
    });
}
