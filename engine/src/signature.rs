//! Signatures bound to what was signed: the hash of the answers that the signer saw, compared with the answers that stand.
//!
//! What is signed is the canonical JSON of `{step key: answers}` of the steps that a requirement's `signs` names, as far as
//! they are done. A later change of one of those answers leaves the signature to other content, whenever anybody looks. Who
//! signs in an instance of a repeated step signs, of repeated steps, that instance: another one is not theirs.

use crate::canon;
use crate::command::{EvidenceReference, Submission};
use crate::effective::EffectiveSop;
use crate::finding::{self, built_in};
use crate::progress::{Progress, Standing};
use crate::rule::Finding;
use crate::sop::EvidenceRequirement;
use crate::time;
use crate::visit::{StepState, Visit, step_key};
use serde_json::{Map, Value, json};

/// Who says so.
pub(crate) const SOURCE: &str = "signature";

/// SHA-256 of what a signature over `signs` is given for now. A submission that is being judged stands in for what its step
/// had before. None when an answer has no canonical form.
#[must_use]
pub fn content_sha256(visit: &Visit, signs: &[String], submission: Option<&Submission>) -> Option<String> {
    let mut content: Map<String, Value> = Map::new();
    let mut add = |key: String, submission: &Submission| {
        let answers = if submission.answers.is_null() { json!({}) } else { submission.answers.as_ref().clone() };
        content.insert(key, answers);
    };
    let signer = submission.and_then(|submission| submission.instance.as_deref());
    for (key, record) in visit.steps.iter().filter(|(_, record)| record.state == StepState::Done) {
        let step = key.split('[').next().unwrap_or(key);
        let instance = record.submission.as_ref().and_then(|submission| submission.instance.as_deref());
        if signer.zip(instance).is_some_and(|(signer, instance)| signer != instance) {
            continue;
        }
        if let Some(submission) = record.submission.as_ref().filter(|_| signs.iter().any(|signed| signed == step)) {
            add(key.clone(), submission);
        }
    }
    if let Some(submission) = submission.filter(|submission| signs.contains(&submission.step)) {
        add(step_key(&submission.step, submission.instance.as_deref()), submission);
    }
    canon::hash_value(&Value::Object(content)).ok()
}

/// What is wrong with the signatures of a submission that is being judged.
pub(crate) fn findings(visit: &Visit, requirements: &[EvidenceRequirement], submission: &Submission) -> Vec<Finding> {
    let mut found = Vec::new();
    for requirement in requirements.iter().filter(|requirement| !requirement.signs.is_empty()) {
        let content = content_sha256(visit, &requirement.signs, Some(submission));
        let references = submission.evidence.iter().enumerate();
        for (index, reference) in references.filter(|(_, reference)| reference.requirement == requirement.id) {
            let Some(code) = wrong(reference, content.as_deref()) else { continue };
            let (pointer, params) = (format!("/evidence/{index}/signed"), json!({"requirement": requirement.id}));
            let mut finding = built_in(SOURCE, code, &pointer, requirement.effect, &params);
            finding.evidence.push(reference.sha256.clone());
            found.push(finding);
        }
    }
    found
}

fn wrong(reference: &EvidenceReference, content: Option<&str>) -> Option<&'static str> {
    let Some(signed) = &reference.signed else { return Some("signature.unbound") };
    let says_all = !signed.signer.trim().is_empty() && !signed.meaning.trim().is_empty();
    if !says_all || time::parse("signed.at", &signed.at).is_err() {
        return Some("signature.incomplete");
    }
    (Some(signed.sha256.as_str()) != content).then_some("signature.other_content")
}

/// What is wrong with the signatures of a visit as it stands, whatever was found when they were handed in.
pub(crate) fn standing(sop: &EffectiveSop, visit: &Visit, progress: &Progress) -> Vec<Finding> {
    let mut found = Vec::new();
    for status in progress.steps.iter().filter(|status| status.standing == Standing::Done) {
        let (key, step) = (status.key(), sop.step(&status.step));
        let submission = visit.steps.get(&key).and_then(|record| record.submission.as_ref());
        let Some((step, submission)) = step.zip(submission) else { continue };
        let mut of_step = findings(visit, &step.evidence, submission);
        finding::place(&mut of_step, &key);
        of_step.iter_mut().for_each(finding::hold_what_cannot_be_redone);
        found.extend(of_step);
    }
    found
}
