//! Rule calls: which ones a judgement asks for, and their outcomes as findings and records.

use crate::canon::{self, CanonicalJson};
use crate::effective::EffectiveSop;
use crate::finding;
use crate::gather::InputBase;
use crate::progress::Context;
use crate::rule::{FailureCode, Finding, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use crate::sop::RuleBinding;
use crate::verdict::CallRecord;
use serde_json::Map;

/// A call with the binding that asked for it.
pub(crate) struct Planned<'a> {
    pub binding: &'a RuleBinding,
    pub call: RuleCall,
    pub step: String,
}

/// The calls of bindings whose `when` holds; a rule that is not pinned or a config that cannot be computed is a finding.
pub(crate) fn plan<'a>(
    base: &InputBase<'_>,
    bindings: &'a [RuleBinding],
    context: &Context,
    step: &str,
    findings: &mut Vec<Finding>,
) -> Vec<Planned<'a>> {
    let mut planned = Vec::new();
    let inputs = base.inputs();
    for binding in bindings.iter().filter(|binding| base.sop.applies(binding.when.as_ref(), context)) {
        let mut config = Map::new();
        let mut failure = None;
        for (name, computed) in &binding.config {
            match base.sop.compute(computed, context) {
                Ok(value) => {
                    config.insert(name.clone(), value);
                }
                Err(error) => failure = Some(format!("config `{name}`: {}", error.code)),
            }
        }
        let Some((pin, manifest)) = base.sop.rule(&binding.rule) else {
            findings.push(finding::unavailable(
                base.sop,
                binding,
                step,
                "no_such_rule",
                "the plugin or rule is not pinned",
            ));
            continue;
        };
        if let Some(failure) = failure {
            findings.push(finding::unavailable(base.sop, binding, step, "config", &failure));
            continue;
        }
        let needs: Vec<_> = manifest.needs.iter().map(|declared| declared.need).collect();
        // Inputs are made of canonical data.
        let input = inputs.for_rule(&manifest.id, &needs, &config).unwrap_or_else(|_| CanonicalJson::null());
        let call = RuleCall {
            rule: binding.rule.clone(),
            plugin_hash: pin.hash.clone(),
            interface: manifest.interface,
            input,
        };
        planned.push(Planned { binding, call, step: step.to_owned() });
    }
    planned
}

/// Pairs calls with outcomes: findings, and the record of each call. A missing outcome counts as unavailable.
pub(crate) fn fold(
    sop: &EffectiveSop,
    planned: Vec<Planned<'_>>,
    outcomes: &mut impl Iterator<Item = RuleOutcome>,
    findings: &mut Vec<Finding>,
) -> Vec<CallRecord> {
    let mut records = Vec::with_capacity(planned.len());
    for Planned { binding, call, step } in planned {
        let Some(outcome) = outcomes.next() else {
            findings.push(finding::unavailable(sop, binding, &step, "not_run", "the call was not made"));
            continue;
        };
        let outcome = canonical(outcome);
        findings.extend(finding::of_outcome(sop, binding, &call, &step, &outcome));
        let input_hash = input_hash(&call);
        records.push(CallRecord { rule: call.rule, plugin_hash: call.plugin_hash, input_hash, outcome });
    }
    records
}

/// An outcome as it is read back from its canonical bytes; one that has none is malformed.
fn canonical(outcome: RuleOutcome) -> RuleOutcome {
    let only_texts = match &outcome.answer {
        RuleAnswer::Findings(findings) => findings.iter().all(|finding| finding.params.is_empty()),
        RuleAnswer::Failed(_) => true,
        RuleAnswer::Scorecard(_) => false,
    };
    if only_texts && outcome.fuel <= canon::EXACT_MAX {
        return outcome;
    }
    let read_back = CanonicalJson::of(&outcome).map_err(|error| error.to_string());
    read_back.and_then(|text| serde_json::from_str(text.as_str()).map_err(|error| error.to_string())).unwrap_or_else(
        |detail| {
            let failure = RuleFailure { code: FailureCode::MalformedOutput, detail };
            RuleOutcome { answer: RuleAnswer::Failed(failure), lookups: outcome.lookups, fuel: outcome.fuel }
        },
    )
}

/// Hash of a call's input.
#[must_use]
pub fn input_hash(call: &RuleCall) -> String {
    call.input.hash()
}
