//! The verdict over a visit: what its steps, its rules and its score add up to.
//!
//! Decision and validity are two answers. Indeterminate or missing facts never clear a visit and never convict it:
//! they are findings like all others, with the effect the SOP gives them.

use crate::calls::{Planned, fold, plan};
use crate::command::{Clock, Command};
use crate::draw::draw;
use crate::effective::EffectiveSop;
use crate::finding::{self, built_in};
use crate::gather::{self, Gathered, InputBase};
use crate::input::Interval;
use crate::progress::{Context, Progress, Standing, progress};
use crate::risk::risk;
use crate::rule::{Finding, Interface, RuleAnswer, RuleOutcome, Scorecard};
use crate::score::{self, AppliedCap, ScoreResult};
use crate::signature;
use crate::sop::{Counts, Effect, Outcome, Score, StepKind};
use crate::spawn;
use crate::verdict::{CallRecord, Decision, Validity, Verdict};
use crate::visit::{Visit, VisitEvent};
use serde_json::json;
use std::collections::BTreeMap;

/// A verdict in the making, waiting for the calls of visit and score rules.
pub(crate) struct Finish<'a> {
    sop: &'a EffectiveSop,
    visit: Visit,
    gathered: &'a Gathered,
    closed: bool,
    progress: Progress,
    dwell: Option<Interval>,
    findings: Vec<Finding>,
    calls: Vec<Planned<'a>>,
}

/// What asked for the verdict, and so which event carries it.
pub(crate) enum Closing {
    Completed(Box<Command>),
    Closed(Clock),
    Again,
}

impl Closing {
    pub fn event(self, verdict: Verdict) -> VisitEvent {
        match self {
            Self::Completed(command) => VisitEvent::VisitCompleted { command: *command, verdict },
            Self::Closed(clock) => VisitEvent::VisitClosed { clock, verdict },
            Self::Again => VisitEvent::Reassessed { verdict },
        }
    }
}

impl<'a> Finish<'a> {
    pub fn new(sop: &'a EffectiveSop, visit: &Visit, gathered: &'a Gathered, closed: bool) -> Self {
        let progress = progress(sop, visit);
        let dwell = gather::dwell(sop, visit, closed);
        let mut findings = Vec::new();
        let mut calls = Vec::new();
        if visit.check_in(&sop.sop).is_some() || !sop.sop.steps.iter().any(|step| step.kind == StepKind::CheckIn) {
            let context = finished_context(&progress, dwell.as_ref(), closed);
            let base = InputBase { sop, visit, progress: &progress, gathered, submission: None, closed };
            calls = plan(&base, &sop.sop.rules, &context, "", &mut findings);
            if let Some(score) = &sop.sop.score {
                calls.extend(plan(&base, &score.rules, &context, "", &mut findings));
            }
            // Outcomes come in this order: what judges, then what scores.
            calls.sort_by_key(|planned| planned.call.interface == Interface::Score);
        }
        Self { sop, visit: visit.clone(), gathered, closed, progress, dwell, findings, calls }
    }

    pub fn calls(&self) -> impl Iterator<Item = &Planned<'a>> {
        self.calls.iter()
    }

    pub const fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The verdict; `visit` is the state to take findings of steps from.
    pub fn decide(self, visit: &Visit, outcomes: &mut impl Iterator<Item = RuleOutcome>) -> Verdict {
        let Self { sop, gathered, closed, progress, dwell, mut findings, calls, .. } = self;
        let (scoring, judging): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|planned| planned.call.interface == Interface::Score);
        let mut records = fold(sop, judging, outcomes, &mut findings);
        let (cards, score_records) = scorecards(sop, scoring, outcomes, &mut findings);
        records.extend(score_records);
        findings.iter_mut().for_each(finding::hold_what_cannot_be_redone);
        findings.extend(findings_of_steps(visit, &progress));
        findings.extend(signature::standing(sop, visit, &progress));
        findings.extend(standing_findings(sop, visit, &progress, closed));

        let checked_in =
            visit.check_in(&sop.sop).is_some() || !sop.sop.steps.iter().any(|step| step.kind == StepKind::CheckIn);
        let risk = risk(findings.iter().map(|finding| finding.weight));
        findings.extend(risk_finding(sop, risk));
        let draw = draw(&sop.sop.policy, gathered.draw_seed.as_deref());
        finding::sort(&mut findings);
        let context = finished_context(&progress, dwell.as_ref(), closed);
        let score = sop.sop.score.as_ref().filter(|_| checked_in).map(|score| total(sop, score, &cards, &context));
        let outcome = outcome(sop, &context, score.as_ref());
        let (decision, validity) = decision(&findings, checked_in, outcome);

        let mut verdict = Verdict {
            decision,
            validity,
            outcome: outcome.map(|outcome| outcome.id.clone()),
            counts: outcome.map(|outcome| outcome.counts),
            risk,
            score,
            findings,
            calls: records,
            gathered: gathered.references.clone(),
            awaited: visit.awaited.iter().cloned().collect(),
            tasks: Vec::new(),
            dwell,
            draw,
        };
        verdict.tasks = spawn::at_verdict(sop, visit, &judged_context(context, &verdict), &verdict);
        verdict
    }
}

/// The context once the steps are over: `visit` also has dwell and how it was closed.
pub(crate) fn finished_context(progress: &Progress, dwell: Option<&Interval>, closed: bool) -> Context {
    progress.context.clone().with_visit(&[
        ("closed_by_policy", json!(closed)),
        ("dwell_min_s", json!(dwell.map(|dwell| dwell.min_s))),
        ("dwell_max_s", json!(dwell.map(|dwell| dwell.max_s))),
    ])
}

/// The context once there is a verdict: `visit` also has what it says.
fn judged_context(finished: Context, verdict: &Verdict) -> Context {
    finished.with_visit(&[
        ("decision", json!(verdict.decision)),
        ("validity", json!(verdict.validity)),
        ("outcome", json!(verdict.outcome)),
        ("drawn", json!(verdict.is_drawn())),
        ("risk", json!(verdict.risk)),
        ("score", json!(verdict.score.as_ref().and_then(|score| score.total))),
    ])
}

/// Findings of accepted submissions of steps that apply. What signatures are worth is asked anew: answers may have changed
/// after they were given.
fn findings_of_steps(visit: &Visit, progress: &Progress) -> Vec<Finding> {
    progress
        .steps
        .iter()
        .filter(|status| status.standing == Standing::Done)
        .filter_map(|status| visit.steps.get(&status.key()))
        .flat_map(|record| record.findings.iter().filter(|finding| finding.source != signature::SOURCE).cloned())
        .collect()
}

/// What the visit's standing itself says.
fn standing_findings(sop: &EffectiveSop, visit: &Visit, progress: &Progress, closed: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if !visit.awaited.is_empty() {
        let mut finding =
            built_in("evidence", "evidence.awaited", "", Effect::Flag, &json!({"awaited": visit.awaited.len()}));
        finding.evidence = visit.awaited.iter().cloned().collect();
        found.push(finding);
    }
    for (name, pin) in &sop.datasets {
        // ISO dates compare as text. A stale table is the tenant's slip, not the rep's: it is noted.
        let early = pin.valid_from.as_ref().is_some_and(|from| visit.business_date < *from);
        let late = pin.valid_to.as_ref().is_some_and(|to| visit.business_date > *to);
        if early || late {
            let params = json!({"dataset": name, "version": pin.version, "date": visit.business_date});
            found.push(built_in("policy", "dataset.not_valid", "", Effect::None, &params));
        }
    }
    if closed {
        found.push(built_in("policy", finding::CLOSED_BY_POLICY, "", Effect::Flag, &json!({})));
        // Closing the stay is what the policy did for the rep; everything else that is required is missing.
        let missing: Vec<String> = progress
            .steps
            .iter()
            .filter(|status| status.required && !status.standing.is_over())
            .filter(|status| sop.step(&status.step).is_none_or(|step| step.kind != StepKind::CheckOut))
            .map(crate::progress::StepStatus::key)
            .collect();
        if !missing.is_empty() {
            found.push(built_in(
                "policy",
                "visit.incomplete",
                "",
                Effect::Invalidate,
                &json!({"steps": missing.join(", ")}),
            ));
        }
    }
    found
}

fn risk_finding(sop: &EffectiveSop, risk: f64) -> Option<Finding> {
    let policy = &sop.sop.policy;
    let effect = if risk >= policy.risk_hold {
        Effect::Hold
    } else if risk >= policy.risk_review {
        Effect::Flag
    } else {
        return None;
    };
    let params = json!({"risk": risk, "review": policy.risk_review, "hold": policy.risk_hold});
    Some(built_in("policy", "visit.risk", "", effect, &params))
}

/// Scorecards of the score rules; one that gave none is unavailable.
fn scorecards(
    sop: &EffectiveSop,
    scoring: Vec<Planned<'_>>,
    outcomes: &mut impl Iterator<Item = RuleOutcome>,
    findings: &mut Vec<Finding>,
) -> (Vec<Scorecard>, Vec<CallRecord>) {
    let mut cards = Vec::new();
    let mut records = Vec::new();
    for planned in scoring {
        let binding = planned.binding;
        let mut found = Vec::new();
        let mut one = fold(sop, vec![planned], outcomes, &mut found);
        match one.first().map(|record| &record.outcome.answer) {
            Some(RuleAnswer::Scorecard(card)) => cards.push(card.clone()),
            Some(RuleAnswer::Findings(_)) => {
                findings.push(finding::unavailable(sop, binding, "", "malformed_output", "findings from score"));
            }
            Some(RuleAnswer::Failed(_)) | None => findings.append(&mut found),
        }
        records.append(&mut one);
    }
    (cards, records)
}

/// The score tree over parts and CEL leaves, then caps.
fn total(sop: &EffectiveSop, score: &Score, cards: &[Scorecard], context: &Context) -> ScoreResult {
    let parts: BTreeMap<&str, Option<f64>> =
        cards.iter().flat_map(|card| &card.parts).map(|part| (part.id.as_str(), part.value)).collect();
    let mut weight = |node: &crate::sop::ScoreNode| sop.number(&node.weight, context).unwrap_or(0.0);
    let mut value = |node: &crate::sop::ScoreNode| match (&node.part, &node.value) {
        (Some(part), _) => parts.get(part.as_str()).copied().flatten(),
        (None, Some(expression)) => sop.evaluate(expression, context).ok().and_then(|value| value.as_f64()),
        (None, None) => None,
    };
    let tree = score::evaluate(&score.root, &mut weight, &mut value);
    let marked = |mark: &String| cards.iter().any(|card| card.marks.contains(mark));
    let caps = score
        .caps
        .iter()
        .filter(|cap| {
            cap.mark.as_ref().is_some_and(marked)
                || cap.when.as_ref().is_some_and(|when| sop.applies(Some(when), context))
        })
        .filter_map(|cap| Some(AppliedCap { code: cap.code.clone(), at: sop.number(&cap.at, context).ok()? }))
        .collect();
    score::score(tree, caps)
}

fn outcome<'a>(sop: &'a EffectiveSop, context: &Context, score: Option<&ScoreResult>) -> Option<&'a Outcome> {
    let context = context.clone().with_visit(&[("score", json!(score.and_then(|score| score.total)))]);
    sop.sop.outcomes.iter().find(|outcome| sop.applies(Some(&outcome.when), &context))
}

fn decision(findings: &[Finding], checked_in: bool, outcome: Option<&Outcome>) -> (Decision, Validity) {
    if !checked_in {
        return (Decision::Rejected, Validity::Invalid);
    }
    let decision = match findings.iter().map(|finding| finding.effect).max().unwrap_or(Effect::None) {
        Effect::None => Decision::Accepted,
        Effect::Flag | Effect::Invalidate => Decision::Flagged,
        Effect::Hold | Effect::Reject => Decision::Held,
    };
    let counted = outcome.is_none_or(|outcome| outcome.counts != Counts::NotCounted);
    let invalidated = findings.iter().any(|finding| finding.effect == Effect::Invalidate);
    (decision, if counted && !invalidated { Validity::Valid } else { Validity::Invalid })
}
