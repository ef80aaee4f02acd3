//! What is said about findings of a verdict: a rep contests one, a reviewer upholds or overturns it.
//!
//! The verdict itself stays as the engine made it: a reviewer's decision stands over it, and which findings were overturned
//! stands beside it. Nothing here changes a decision, a validity or a risk.

use crate::command::{Contest, FindingVerdict};
use crate::finding;
use crate::rejection::Rejection;
use crate::rule::Finding;
use crate::visit::{Contested, Visit};
use serde_json::json;
use std::collections::BTreeSet;

/// The finding of the verdict that has this id.
#[must_use]
pub fn found<'a>(visit: &'a Visit, id: &str) -> Option<&'a Finding> {
    visit.verdict()?.findings.iter().find(|found| finding::id(found) == id)
}

/// Whether a rep may contest this.
///
/// # Errors
/// `finding.unknown`: the verdict has no such finding.
pub(crate) fn contest(visit: &Visit, contest: &Contest) -> Result<(), Rejection> {
    match contest.finding.as_ref().filter(|id| found(visit, id).is_none()) {
        Some(id) => Err(Rejection::new("finding.unknown", "/finding", &json!({"finding": id}))),
        None => Ok(()),
    }
}

/// Whether a review may say this of findings.
///
/// # Errors
/// `finding.unknown`, `finding.twice`, `text.missing`; `finding.undecided` when a finding is contested and nothing is said
/// of it.
pub(crate) fn decide(visit: &Visit, verdicts: &[FindingVerdict]) -> Result<(), Rejection> {
    let mut said = BTreeSet::new();
    for (index, verdict) in verdicts.iter().enumerate() {
        let reject = |code: &str, member: &str| {
            Rejection::new(code, &format!("/findings/{index}/{member}"), &json!({"finding": verdict.id}))
        };
        if found(visit, &verdict.id).is_none() {
            return Err(reject("finding.unknown", "id"));
        }
        if !said.insert(verdict.id.as_str()) {
            return Err(reject("finding.twice", "id"));
        }
        if verdict.reason.trim().is_empty() {
            return Err(reject("text.missing", "reason"));
        }
    }
    let undecided = undecided(visit);
    let undecided: Vec<&str> = undecided.into_iter().filter(|id| !said.contains(id)).collect();
    if undecided.is_empty() {
        return Ok(());
    }
    Err(Rejection::new("finding.undecided", "/findings", &json!({"findings": undecided.join(", ")})))
}

/// Ids of the findings of the verdict that are contested and of which no reviewer has said anything since.
#[must_use]
pub fn undecided(visit: &Visit) -> BTreeSet<&str> {
    let decided_since = |contested: &Contested, id: &str| {
        let decided = visit.review.as_ref().and_then(|review| review.findings.get(id));
        decided.is_some_and(|decided| decided.at_ms >= contested.at_ms)
    };
    let contested = visit.contested.iter().filter_map(|contested| Some((contested, contested.finding.as_deref()?)));
    contested.filter(|(one, id)| found(visit, id).is_some() && !decided_since(one, id)).map(|(_, id)| id).collect()
}
