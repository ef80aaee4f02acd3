//! Why: every decision in plain words, for the rep, the manager and the auditor (EXPLAIN).
//!
//! Here is the short form; in `explain/` the full one, which names everything that was looked at. The engine's own sentences
//! are in `explain.json`; those of checks come from the SOP, those of rules from the manifest that was pinned. Nothing is
//! decided here.

mod account;
mod full;
mod inputs;
mod scene;
#[cfg(test)]
mod tests;

pub use account::{Happened, full};
pub use full::{
    CheckOutcome, ExplainedCap, ExplainedCheck, ExplainedFinding, ExplainedInput, ExplainedNode, ExplainedOutcome,
    ExplainedPlugin, ExplainedRisk, ExplainedScore, ExplainedSop, ExplainedStep, ExplainedWeight, FullExplanation,
    InputKind, ReviewedFinding,
};
pub use scene::Reader;

use crate::contest;
use crate::effective::EffectiveSop;
use crate::rule::Finding;
use crate::score::ScoreTree;
use crate::sop::{Effect, ScoreNode};
use crate::submit::standing_decision;
use crate::text::{LANGUAGES, Text};
use crate::time::format_utc;
use crate::verdict::{Decision, Refusal, Validity, Verdict};
use crate::visit::{Contested, Visit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static TEXTS: LazyLock<BTreeMap<String, Text>> =
    LazyLock::new(|| serde_json::from_str(include_str!("explain.json")).unwrap_or_default());

/// One finding in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ExplanationLine))]
pub struct Line {
    /// Title of the step, empty for the visit.
    pub step: String,
    /// Stable code.
    pub code: String,
    /// Who says so.
    pub source: String,
    /// What it does, in words.
    pub effect: String,
    /// Risk weight in percent.
    pub weight: u32,
    /// What it says.
    pub text: String,
    /// Evidence it rests on.
    pub evidence: Vec<String>,
}

/// A score leaf or node in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScoreLine {
    /// Title of the node.
    pub title: String,
    /// 0 to 1, or none when it does not apply.
    pub value: Option<f64>,
    /// Its share of the whole after renormalising, 0 to 1.
    pub share: f64,
}

/// What a reviewer decided, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewLine {
    /// The decision in words.
    pub decision: String,
    /// Who decided.
    pub user: String,
    /// In the reviewer's words.
    pub reason: Option<String>,
    /// When, RFC 3339 UTC.
    pub at: String,
}

/// What the rep disagrees with, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContestLine {
    /// Id of the contested finding, `fnd_…`; none for the verdict as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What the contested finding says; none for the verdict as a whole.
    pub finding: Option<String>,
    /// In the rep's words.
    pub reason: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

/// A visit explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// Decision, a reviewer's where there is one, and validity in words.
    pub summary: String,
    /// Name of the outcome.
    pub outcome: Option<String>,
    /// 0 to 100.
    pub score: Option<f64>,
    /// 0 to 100.
    pub risk: Option<f64>,
    /// Findings that did something or are worth knowing.
    pub findings: Vec<Line>,
    /// Attempts that were refused, in order.
    pub refused: Vec<Vec<Line>>,
    /// Leaves of the score.
    pub parts: Vec<ScoreLine>,
    /// Caps that were applied.
    pub caps: Vec<String>,
    /// What a reviewer decided over the verdict.
    pub review: Option<ReviewLine>,
    /// What the rep disagrees with, in order.
    pub contested: Vec<ContestLine>,
}

/// One of the engine's own sentences; the code itself where there is none.
#[must_use]
pub fn sentence(code: &str, params: &Value, language: &str) -> String {
    let family = || code.split_once('.').and_then(|(family, _)| TEXTS.get(family));
    TEXTS.get(code).or_else(family).and_then(|text| text.fill(language, params)).unwrap_or_else(|| code.to_owned())
}

/// Every sentence the engine has, for completeness checks.
#[must_use]
pub fn sentences() -> &'static BTreeMap<String, Text> {
    &TEXTS
}

/// A finding in words.
#[must_use]
pub fn finding(sop: &EffectiveSop, finding: &Finding, language: &str) -> Line {
    let mut params: Map<String, Value> = finding.params.clone().into_iter().collect();
    if let Some(requirement) = params.get("requirement").and_then(Value::as_str) {
        let title = step_of(sop, &finding.step)
            .and_then(|step| step.evidence.iter().find(|known| known.id == requirement))
            .and_then(|known| known.title.get(language));
        if let Some(title) = title {
            params.insert("requirement".into(), title.into());
        }
    }
    if let Some(ledger) = params.get("ledger").and_then(Value::as_str).and_then(|name| sop.sop.ledgers.get(name))
        && let Some(title) = ledger.title.get(language)
    {
        params.insert("ledger".into(), title.into());
    }
    let step = finding.step.split('[').next().unwrap_or_default();
    for (name, value) in &mut params {
        // What was chosen in a form is said in the form's words, `<step>.<name>.<choice>`.
        let key = value.as_str().map(|choice| format!("{step}.{name}.{choice}"));
        if let Some(words) = key.and_then(|key| sop.sop.texts.get(&key)?.get(language)) {
            *value = words.into();
        }
    }
    let params = Value::Object(params);
    let from_sop = || {
        let key = finding.params.get("message").and_then(Value::as_str)?;
        sop.sop.texts.get(key)?.fill(language, &params)
    };
    let from_manifest = || {
        let (_, manifest) = sop.rule(&finding.source)?;
        manifest.codes.iter().find(|known| known.code == finding.code)?.message.fill(language, &params)
    };
    Line {
        step: step_of(sop, &finding.step).and_then(|step| step.title.get(language)).unwrap_or_default().to_owned(),
        code: finding.code.clone(),
        source: finding.source.clone(),
        effect: does(finding.effect, language),
        weight: finding.weight,
        text: from_sop().or_else(from_manifest).unwrap_or_else(|| sentence(&finding.code, &params, language)),
        evidence: finding.evidence.clone(),
    }
}

fn step_of<'a>(sop: &'a EffectiveSop, key: &str) -> Option<&'a crate::sop::Step> {
    sop.step(key.split('[').next().unwrap_or(key))
}

/// What a step is called, with the key of an instance.
#[must_use]
pub fn step_title(sop: &EffectiveSop, key: &str, language: &str) -> String {
    let title = step_of(sop, key).and_then(|step| step.title.get(language)).unwrap_or(key);
    match key.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')) {
        Some(instance) => format!("{title} · {instance}"),
        None => title.to_owned(),
    }
}

/// What people call who found something: a rule by its manifest, a check by the engine's own name for it.
#[must_use]
pub fn source_title(sop: &EffectiveSop, source: &str, language: &str) -> String {
    let rule = sop.rule(source).and_then(|(_, manifest)| manifest.title.get(language));
    let own = || TEXTS.get(&format!("source.{source}")).and_then(|text| text.get(language));
    rule.or_else(own).unwrap_or(source).to_owned()
}

/// What a finding is about, without what was answered: who found it, and in which step.
#[must_use]
pub fn subject(sop: &EffectiveSop, finding: &Finding, language: &str) -> String {
    let source = source_title(sop, &finding.source, language);
    if finding.step.is_empty() { source } else { format!("{source} · {}", step_title(sop, &finding.step, language)) }
}

/// What an effect does, in words.
pub(crate) fn does(effect: Effect, language: &str) -> String {
    let name = json!(effect);
    sentence(&format!("effect.{}", name.as_str().unwrap_or_default()), &Value::Null, language)
}

/// A refusal in words: its findings, or the rejection itself.
#[must_use]
pub fn refusal(sop: &EffectiveSop, refusal: &Refusal, language: &str) -> Vec<Line> {
    if refusal.findings.is_empty() {
        let params = Value::Object(refusal.params.clone());
        return vec![Line {
            step: String::new(),
            code: refusal.code.clone(),
            source: "engine".into(),
            effect: does(Effect::Reject, language),
            weight: 0,
            text: sentence(&refusal.code, &params, language),
            evidence: Vec::new(),
        }];
    }
    let rejecting = refusal.findings.iter().filter(|finding| finding.effect == Effect::Reject);
    rejecting.map(|found| finding(sop, found, language)).collect()
}

/// A decision's name.
#[must_use]
pub fn decision(decision: Decision, language: &str) -> String {
    let code = match decision {
        Decision::Accepted => "decision.accepted",
        Decision::Flagged => "decision.flagged",
        Decision::Held => "decision.held",
        Decision::Returned => "decision.returned",
        Decision::Rejected => "decision.rejected",
    };
    sentence(code, &Value::Null, language)
}

/// A validity's name.
#[must_use]
pub fn validity(validity: Validity, language: &str) -> String {
    let code = match validity {
        Validity::Valid => "validity.valid",
        Validity::Invalid => "validity.invalid",
    };
    sentence(code, &Value::Null, language)
}

/// A visit explained in `language`.
#[must_use]
pub fn visit(sop: &EffectiveSop, visit: &Visit, language: &str) -> Explanation {
    let refused = visit.refused.iter().map(|one| refusal(sop, one, language)).collect();
    let review = visit.review.as_ref().map(|review| ReviewLine {
        decision: decision(review.decision, language),
        user: review.user.clone(),
        reason: review.reason.clone(),
        at: format_utc(review.at_ms),
    });
    let contested = visit.contested.iter().map(|one| contest(sop, visit, one, language)).collect();
    let Some(verdict) = visit.verdict() else {
        let summary = sentence("explain.not_judged", &Value::Null, language);
        return Explanation {
            summary,
            outcome: None,
            score: None,
            risk: None,
            findings: Vec::new(),
            refused,
            parts: Vec::new(),
            caps: Vec::new(),
            review,
            contested,
        };
    };
    let standing = standing_decision(visit).unwrap_or(verdict.decision);
    let outcome = verdict.outcome.as_ref().and_then(|id| sop.sop.outcomes.iter().find(|known| known.id == *id));
    let mut summary = format!("{} · {}", decision(standing, language), validity(verdict.validity, language));
    if verdict.is_drawn() {
        summary = format!("{summary} · {}", sentence("explain.drawn", &Value::Null, language));
    }
    Explanation {
        summary,
        outcome: outcome.and_then(|outcome| outcome.title.get(language)).map(str::to_owned),
        score: verdict.score.as_ref().and_then(|score| score.total),
        risk: Some(verdict.risk),
        findings: verdict.findings.iter().map(|found| finding(sop, found, language)).collect(),
        refused,
        parts: parts(sop, verdict, language),
        caps: caps(sop, verdict, language),
        review,
        contested,
    }
}

fn contest(sop: &EffectiveSop, visit: &Visit, contested: &Contested, language: &str) -> ContestLine {
    let id = contested.finding.as_ref();
    let now = id.and_then(|id| contest::found(visit, id));
    let says = now.or(contested.found.as_ref()).map(|found| finding(sop, found, language).text);
    ContestLine {
        id: id.cloned(),
        finding: says.or_else(|| id.cloned()),
        reason: contested.reason.clone(),
        at: format_utc(contested.at_ms),
    }
}

fn parts(sop: &EffectiveSop, verdict: &Verdict, language: &str) -> Vec<ScoreLine> {
    fn walk(declared: &ScoreNode, scored: &ScoreTree, language: &str, lines: &mut Vec<ScoreLine>) {
        if declared.nodes.is_empty() {
            let title = declared.title.get(language).unwrap_or(&declared.id).to_owned();
            lines.push(ScoreLine { title, value: scored.value, share: scored.effective_weight });
        }
        for (child, result) in declared.nodes.iter().zip(&scored.nodes) {
            walk(child, result, language, lines);
        }
    }
    let mut lines = Vec::new();
    if let (Some(score), Some(result)) = (&sop.sop.score, &verdict.score) {
        walk(&score.root, &result.tree, language, &mut lines);
    }
    lines
}

fn caps(sop: &EffectiveSop, verdict: &Verdict, language: &str) -> Vec<String> {
    let declared = sop.sop.score.iter().flat_map(|score| &score.caps);
    let applied = verdict.score.iter().flat_map(|score| &score.caps);
    applied
        .map(|applied| {
            let params = json!({"at": applied.at});
            let message =
                declared.clone().find(|cap| cap.code == applied.code).and_then(|cap| sop.sop.texts.get(&cap.message));
            let why = message.and_then(|text| text.fill(language, &params)).unwrap_or_else(|| applied.code.clone());
            sentence("explain.capped", &json!({"why": why, "at": applied.at}), language)
        })
        .collect()
}

/// Codes of the engine's sentences that lack a language; empty when all is well.
#[must_use]
pub fn untranslated() -> Vec<String> {
    let lacks = |text: &Text| LANGUAGES.iter().any(|language| !text.0.contains_key(*language));
    TEXTS.iter().filter(|(_, text)| lacks(text)).map(|(code, _)| code.clone()).collect()
}
