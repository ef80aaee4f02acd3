//! From the events of a visit to its full explanation: each step as its checks saw it, the verdict as its rules saw the
//! visit, and how risk and score add up.

use super::full::{
    ExplainedCap, ExplainedCheck, ExplainedNode, ExplainedOutcome, ExplainedRisk, ExplainedScore, ExplainedSop,
    ExplainedStep, ExplainedWeight, FullExplanation,
};
use super::scene::{Pool, Reader, Scene, masked};
use super::{finding as line, sentence, step_title};
use crate::complete::finished_context;
use crate::effective::EffectiveSop;
use crate::finding;
use crate::gather;
use crate::progress::progress;
use crate::risk::risk;
use crate::rule::{Finding, Part, RuleAnswer};
use crate::score::{ScoreTree, one_decimal};
use crate::sop::{Counts, Effect, ScoreNode, StepKind};
use crate::submit::{as_seen_at, standing_decision};
use crate::verdict::{Assessment, Decision, Validity, Verdict};
use crate::visit::{Visit, VisitEvent};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Something that happened to a visit: what, the hash of the event, the server's time in milliseconds.
pub type Happened = (VisitEvent, String, i64);

/// What was seen when something was judged.
#[derive(Default)]
struct Seen {
    /// By step: the visit before, and what was found.
    steps: BTreeMap<String, (Visit, Assessment)>,
    /// The visit before its last verdict.
    whole: Option<Visit>,
}

/// A visit explained in full; none when the events begin no visit.
#[must_use]
pub fn full(sop: &EffectiveSop, events: &[Happened], reader: Reader<'_>) -> Option<FullExplanation> {
    let (visit, seen) = follow(sop, events)?;
    let short = super::visit(sop, &visit, reader.language);
    let verdict = visit.verdict();
    let whole = verdict.zip(seen.whole.as_ref()).map(|(verdict, before)| whole(sop, &visit, before, verdict, reader));
    let outcome = verdict.and_then(|verdict| verdict.outcome.as_ref());
    let outcome = outcome.and_then(|id| sop.sop.outcomes.iter().find(|known| known.id == *id));
    Some(FullExplanation {
        visit: visit.id.clone(),
        summary: short.summary,
        because: verdict.map(|verdict| because(sop, &visit, verdict, reader)).unwrap_or_default(),
        decision: standing_decision(&visit),
        judged: verdict.map(|verdict| verdict.decision),
        validity: verdict.map(|verdict| verdict.validity),
        outcome: outcome.map(|outcome| ExplainedOutcome {
            id: outcome.id.clone(),
            title: outcome.title.get(reader.language).unwrap_or_default().to_owned(),
            counts: outcome.counts,
        }),
        sop: ExplainedSop {
            name: sop.sop.sop.clone(),
            version: sop.sop.version.clone(),
            title: sop.sop.title.get(reader.language).unwrap_or_default().to_owned(),
            hash: sop.hash.clone(),
            engine: visit.pins().map(|pins| pins.engine.clone()),
        },
        steps: steps(sop, &visit, &seen, reader),
        checks: whole.unwrap_or_default(),
        risk: verdict.map(|verdict| risk_of(sop, verdict, reader)),
        score: verdict.and_then(|verdict| score_of(sop, verdict, reader)),
        refused: short.refused,
        review: short.review,
        contested: short.contested,
        personal: reader.personal,
    })
}

/// The visit as it is now, and what was seen on the way.
fn follow(sop: &EffectiveSop, events: &[Happened]) -> Option<(Visit, Seen)> {
    let mut seen = Seen::default();
    let mut events = events.iter();
    let (first, _, at_ms) = events.next()?;
    let mut visit = Visit::begin(first, *at_ms)?;
    let mut before = None;
    for (event, hash, at_ms) in events {
        match event {
            VisitEvent::Submitted { .. } => before = Some(visit.clone()),
            VisitEvent::Assessed { assessment } => {
                // Alone it is a check-in judged again, which sees what a check-in sees.
                let again = || Some(as_seen_at(sop, &visit, sop.step(step_id(&assessment.step))?));
                if let Some(then) = before.take().or_else(again) {
                    seen.steps.insert(assessment.step.clone(), (then, assessment.clone()));
                }
            }
            VisitEvent::VisitCompleted { .. } | VisitEvent::VisitClosed { .. } | VisitEvent::Reassessed { .. } => {
                let mut then = visit.clone();
                if matches!(event, VisitEvent::VisitClosed { .. }) {
                    then.closed_at_ms = Some(*at_ms);
                }
                seen.whole = Some(then);
            }
            _ => {}
        }
        visit.apply(event, hash, *at_ms);
    }
    Some((visit, seen))
}

fn step_id(key: &str) -> &str {
    key.split('[').next().unwrap_or(key)
}

fn steps(sop: &EffectiveSop, visit: &Visit, seen: &Seen, reader: Reader<'_>) -> Vec<ExplainedStep> {
    let of_step = |status: &crate::progress::StepStatus| {
        let key = status.key();
        let record = visit.steps.get(&key);
        let submission = record.and_then(|record| record.submission.as_ref());
        let event = record.map(|record| record.event.clone()).filter(|_| submission.is_some());
        let judged = seen.steps.get(&key).zip(submission).zip(sop.step(&status.step));
        let checks = judged.map(|(((then, assessment), submission), step)| {
            let scene = Scene {
                reader,
                sop,
                visit,
                seen: then,
                context: progress(sop, then).context_with(submission),
                key: &key,
                step: Some(step),
                submission: Some(submission),
                event: event.as_deref(),
            };
            scene.step_checks(step, &assessment.gathered, Pool::new(&assessment.findings, &assessment.calls))
        });
        ExplainedStep {
            title: step_title(sop, &key, reader.language),
            standing: status.standing.name().to_owned(),
            attempts: record.map_or(0, |record| record.attempts),
            checks: checks.unwrap_or_default(),
            event,
            key,
        }
    };
    progress(sop, visit).steps.iter().map(of_step).collect()
}

/// What was looked at once the visit was over: rules over all of it, rules that score it, and the policy.
fn whole(
    sop: &EffectiveSop,
    visit: &Visit,
    then: &Visit,
    verdict: &Verdict,
    reader: Reader<'_>,
) -> Vec<ExplainedCheck> {
    let closed = then.closed_at_ms.is_some();
    let dwell = gather::dwell(sop, then, closed);
    let scene = Scene {
        reader,
        sop,
        visit,
        seen: then,
        context: finished_context(&progress(sop, then), dwell.as_ref(), closed),
        key: "",
        step: None,
        submission: None,
        event: None,
    };
    // What was found of a step when it was handed in stands there; what was found of it only now stands here.
    let assessed: BTreeSet<String> = visit.steps.values().flat_map(|it| &it.findings).map(finding::id).collect();
    let is_new = |found: &&Finding| found.step.is_empty() || !assessed.contains(&finding::id(found));
    let of_visit: Vec<Finding> = verdict.findings.iter().filter(is_new).cloned().collect();
    let mut pool = Pool::new(&of_visit, &verdict.calls);
    let arrived = checked_in(sop, then);
    let rules = sop.sop.rules.iter().chain(sop.sop.score.iter().flat_map(|score| &score.rules)).filter(|_| arrived);
    let mut checks: Vec<ExplainedCheck> =
        rules.map(|binding| scene.rule(binding, &verdict.gathered, &mut pool)).collect();
    let mut policies = vec!["evidence.awaited", "visit.risk", finding::CLOSED_BY_POLICY];
    if closed {
        policies.push("visit.incomplete");
    }
    if !sop.datasets.is_empty() {
        policies.push("dataset.not_valid");
    }
    for code in policies {
        let found = pool.take(|found| found.code == code);
        let title = sentence(&format!("policy.{code}"), &Value::Null, reader.language);
        checks.push(scene.check("policy", Some(&title), String::new(), Vec::new(), &found));
    }
    checks.extend(scene.others(&mut pool));
    checks
}

fn checked_in(sop: &EffectiveSop, visit: &Visit) -> bool {
    visit.check_in(&sop.sop).is_some() || !sop.sop.steps.iter().any(|step| step.kind == StepKind::CheckIn)
}

/// The decision and the validity, each in a sentence.
fn because(sop: &EffectiveSop, visit: &Visit, verdict: &Verdict, reader: Reader<'_>) -> Vec<String> {
    let language = reader.language;
    let say = |code: &str, params: &Value| sentence(code, params, language);
    let named = |is: &dyn Fn(&Finding) -> bool| {
        let texts = verdict.findings.iter().filter(|found| is(found));
        let texts: Vec<String> = texts.map(|found| line(sop, &masked(sop, found, reader), language).text).collect();
        json!({"findings": texts.join(" ")})
    };
    let arrived = checked_in(sop, visit);
    let decided = match verdict.decision {
        _ if !arrived => say("because.never_arrived", &Value::Null),
        Decision::Accepted => say("because.accepted", &Value::Null),
        Decision::Flagged => {
            say("because.flagged", &named(&|found| matches!(found.effect, Effect::Flag | Effect::Invalidate)))
        }
        Decision::Held | Decision::Returned | Decision::Rejected => {
            say("because.held", &named(&|found| matches!(found.effect, Effect::Hold | Effect::Reject)))
        }
    };
    let counted = verdict.counts.is_none_or(|counts| counts != Counts::NotCounted);
    let valid = match verdict.validity {
        Validity::Valid => say("because.valid", &Value::Null),
        Validity::Invalid if !arrived => String::new(),
        Validity::Invalid if !counted => {
            say("because.not_counted", &json!({"outcome": outcome(sop, verdict, language)}))
        }
        Validity::Invalid => say("because.invalid", &named(&|found| found.effect == Effect::Invalidate)),
    };
    let reviewed = visit.review.as_ref().map(|review| {
        let decision = super::decision(review.decision, language);
        say("because.reviewed", &json!({"user": review.user, "decision": decision}))
    });
    let drawn = verdict.is_drawn().then(|| say("because.drawn", &json!({"percent": sop.sop.policy.recheck_percent})));
    [decided, valid].into_iter().filter(|text| !text.is_empty()).chain(drawn).chain(reviewed).collect()
}

fn outcome<'a>(sop: &'a EffectiveSop, verdict: &Verdict, language: &str) -> Option<&'a str> {
    let id = verdict.outcome.as_ref()?;
    sop.sop.outcomes.iter().find(|known| known.id == *id)?.title.get(language)
}

fn risk_of(sop: &EffectiveSop, verdict: &Verdict, reader: Reader<'_>) -> ExplainedRisk {
    let mut weighing: Vec<&Finding> = verdict.findings.iter().filter(|found| found.weight > 0).collect();
    weighing.sort_by_key(|found| std::cmp::Reverse(found.weight));
    let weights = (1..=weighing.len()).zip(&weighing).map(|(count, found)| ExplainedWeight {
        finding: finding::id(found),
        code: found.code.clone(),
        weight: found.weight,
        risk: risk(weighing.iter().take(count).map(|found| found.weight)),
    });
    let policy = &sop.sop.policy;
    let params =
        json!({"risk": verdict.risk, "count": weighing.len(), "review": policy.risk_review, "hold": policy.risk_hold});
    ExplainedRisk {
        value: verdict.risk,
        review: policy.risk_review,
        hold: policy.risk_hold,
        said: sentence("risk.adds_up", &params, reader.language),
        weights: weights.collect(),
    }
}

fn score_of(sop: &EffectiveSop, verdict: &Verdict, reader: Reader<'_>) -> Option<ExplainedScore> {
    let (declared, result) = (sop.sop.score.as_ref()?, verdict.score.as_ref()?);
    let cards = verdict.calls.iter().filter_map(|call| match &call.outcome.answer {
        RuleAnswer::Scorecard(card) => Some((call.rule.as_str(), card)),
        RuleAnswer::Findings(_) | RuleAnswer::Failed(_) => None,
    });
    let parts: BTreeMap<&str, (&str, &Part)> =
        cards.flat_map(|(rule, card)| card.parts.iter().map(move |part| (part.id.as_str(), (rule, part)))).collect();
    let language = reader.language;
    let caps = declared.caps.iter().map(|cap| {
        let at = result.caps.iter().find(|applied| applied.code == cap.code).map(|applied| applied.at);
        let text = sop.sop.texts.get(&cap.message);
        let said = text.and_then(|text| text.fill(language, &json!({"at": at}))).unwrap_or_else(|| cap.code.clone());
        ExplainedCap { code: cap.code.clone(), said, at }
    });
    let params = json!({"total": result.total, "uncapped": result.uncapped});
    let code = match (result.total, result.uncapped) {
        (None, _) => "explain.not_scored",
        (total, uncapped) if total == uncapped => "score.mean",
        _ => "score.capped",
    };
    Some(ExplainedScore {
        total: result.total,
        uncapped: result.uncapped,
        said: sentence(code, &params, language),
        tree: node(&declared.root, &result.tree, &parts, language),
        caps: caps.collect(),
    })
}

fn node(
    declared: &ScoreNode,
    scored: &ScoreTree,
    parts: &BTreeMap<&str, (&str, &Part)>,
    language: &str,
) -> ExplainedNode {
    let part = declared.part.as_deref().map(|id| (id, parts.get(id)));
    let of_rule = |(id, part): (&str, Option<&(&str, &Part)>)| match part {
        Some((rule, _)) => format!("{rule} {id}"),
        None => id.to_owned(),
    };
    let detail = part.and_then(|(_, part)| Some(part?.1.detail.clone())).unwrap_or_default();
    let below = declared.nodes.iter().zip(&scored.nodes);
    ExplainedNode {
        id: declared.id.clone(),
        title: declared.title.get(language).unwrap_or(&declared.id).to_owned(),
        value: scored.value,
        weight: scored.weight,
        share: scored.effective_weight,
        points: one_decimal(100.0 * scored.value.unwrap_or(0.0) * scored.effective_weight),
        from: part.map(of_rule).or_else(|| declared.value.clone()),
        detail,
        nodes: below.map(|(declared, scored)| node(declared, scored, parts, language)).collect(),
    }
}
