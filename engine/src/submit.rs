//! Judging a command: `check` says what must be asked of rules, `Pending::decide` what happened.
//!
//! Both are plain functions of their arguments (PURE): the shell gathers, runs the calls between them with no
//! transaction open (NO-TX), and commits what `decide` returns (ONE-COMMIT). Built-in checks of a step are in
//! `step_check.rs`, the verdict over a visit in `complete.rs`.

use crate::canon;
use crate::command::{Action, Clock, Command, Customer, Submission};
use crate::complete::{Closing, Finish};
use crate::effective::EffectiveSop;
use crate::finding;
use crate::gather::{self, Gathered, InputBase, Wanted};
use crate::input::SubmissionInput;
use crate::progress::{Standing, progress};
use crate::rejection::Rejection;
use crate::rule::{FailureCode, Finding, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use crate::sop::{Effect, RuleBinding, StepKind};
use crate::step_check;
use crate::time;
use crate::verdict::{Assessment, CallRecord, Decision, Refusal, Verdict};
use crate::visit::{StepState, Visit, VisitEvent, VisitState, step_key};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A call with the binding that asked for it.
pub(crate) struct Planned<'a> {
    pub binding: &'a RuleBinding,
    pub call: RuleCall,
    pub step: String,
}

/// A command under judgement, waiting for its rule calls.
pub struct Pending<'a> {
    sop: &'a EffectiveSop,
    gathered: &'a Gathered,
    /// Events that are certain whatever the rules say.
    events: Vec<VisitEvent>,
    handed_in: Option<HandedIn<'a>>,
    finish: Option<(Finish<'a>, Closing)>,
}

struct HandedIn<'a> {
    command: Command,
    input: SubmissionInput,
    /// The visit with the submission in it, for a verdict made in the same breath.
    visit: Visit,
    key: String,
    redoable: bool,
    findings: Vec<Finding>,
    calls: Vec<Planned<'a>>,
}

/// What must be gathered before `check` can judge this command.
#[must_use]
pub fn wanted(sop: &EffectiveSop, visit: &Visit, command: &Command) -> Wanted {
    let submission = match &command.action {
        Action::Submit(submission) => Some(submission),
        Action::Amend(amend) => Some(&amend.submission),
        Action::Create(_)
        | Action::Start {}
        | Action::SaveDraft(_)
        | Action::Skip(_)
        | Action::Complete {}
        | Action::Cancel(_)
        | Action::Return(_) => None,
    };
    let step_rules = submission.and_then(|s| sop.step(&s.step)).map(|step| step.rules.as_slice()).unwrap_or_default();
    let finishes = matches!(command.action, Action::Complete {})
        || (matches!(command.action, Action::Amend(_)) && visit.is_over());
    let visit_rules = if finishes { visit_rules(sop) } else { Vec::new() };
    let mut wanted = wanted_for_visit(sop, visit, step_rules.iter().chain(visit_rules));
    if let Some(submission) = submission {
        wanted.evidence.extend(submission.evidence.iter().map(|e| e.sha256.clone()));
        if sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn) {
            wanted.before_ms = time::moment(&command.at, None).map_or(i64::MAX, |at| at.max_ms);
        }
    }
    wanted
}

/// What must be gathered before a visit can be judged (again) without a command.
#[must_use]
pub fn wanted_for_verdict(sop: &EffectiveSop, visit: &Visit) -> Wanted {
    wanted_for_visit(sop, visit, visit_rules(sop).into_iter())
}

fn visit_rules(sop: &EffectiveSop) -> Vec<&RuleBinding> {
    sop.sop.rules.iter().chain(sop.sop.score.iter().flat_map(|score| &score.rules)).collect()
}

fn wanted_for_visit<'a>(sop: &EffectiveSop, visit: &Visit, bindings: impl Iterator<Item = &'a RuleBinding>) -> Wanted {
    let evidence: BTreeSet<String> = visit
        .steps
        .values()
        .filter_map(|r| r.submission.as_ref())
        .flat_map(|s| &s.evidence)
        .map(|e| e.sha256.clone())
        .collect();
    Wanted {
        needs: gather::needs(sop, bindings),
        user: visit.user.clone(),
        visit: visit.id.clone(),
        customer: visit.customer.id.clone(),
        before_ms: visit.check_in(&sop.sop).map_or(i64::MAX, |check_in| check_in.at.max_ms),
        evidence,
    }
}

/// The event that begins a visit.
///
/// # Errors
/// When the customer does not fit the SOP, or its time zone or the command's time cannot be read.
pub fn create(sop: &EffectiveSop, customer: &Customer, command: &Command) -> Result<VisitEvent, Rejection> {
    if !sop.sop.customer.types.contains(&customer.kind) {
        return Err(Rejection::new("customer.type_not_served", "/customer", &json!({"type": customer.kind})));
    }
    if let Some(problem) = step_check::customer_problem(sop, customer) {
        return Err(problem);
    }
    let at = time::moment(&command.at, None).map_err(|error| Rejection::of_time(&error))?;
    let business_date = time::business_date(at.likely_ms(), &customer.time_zone, &sop.sop.policy.day_cut)
        .map_err(|error| Rejection::of_time(&error))?;
    Ok(VisitEvent::VisitCreated { command: command.clone(), customer: customer.clone(), business_date })
}

/// Judges a command against the visit it is for.
///
/// # Errors
/// A `Rejection` when the command cannot be applied at all; record it with `Rejection::refused`.
pub fn check<'a>(
    sop: &'a EffectiveSop,
    visit: &Visit,
    command: &Command,
    gathered: &'a Gathered,
) -> Result<Pending<'a>, Rejection> {
    let Some(reopened) = reopened(visit, command) else { return check_as_it_stands(sop, visit, command, gathered) };
    let mut pending = check_as_it_stands(sop, &reopened, command, gathered)?;
    pending.events.insert(0, VisitEvent::VisitReopened { command: command.clone() });
    Ok(pending)
}

/// LATE: work that was done before the policy closed the visit, and arrives after, opens it again. None for anything else.
fn reopened(visit: &Visit, command: &Command) -> Option<Visit> {
    let is_work = match &command.action {
        Action::Submit(_) | Action::SaveDraft(_) | Action::Skip(_) | Action::Complete {} => true,
        Action::Create(_) | Action::Start {} | Action::Amend(_) | Action::Cancel(_) | Action::Return(_) => false,
    };
    let closed_at_ms = visit.closed_at_ms.filter(|_| is_work)?;
    let done = time::moment(&command.at, None).ok().filter(|done| done.max_ms <= closed_at_ms)?;
    let mut reopened = visit.clone();
    let event = VisitEvent::VisitReopened { command: command.clone() };
    reopened.apply(&event, "", done.received_ms, &BTreeSet::new());
    Some(reopened)
}

fn check_as_it_stands<'a>(
    sop: &'a EffectiveSop,
    visit: &Visit,
    command: &Command,
    gathered: &'a Gathered,
) -> Result<Pending<'a>, Rejection> {
    let pending = |events| Pending { sop, gathered, events, handed_in: None, finish: None };
    if let Action::Return(_) = &command.action {
        if command.user == visit.user {
            return Err(Rejection::new("review.own_visit", "", &json!({})));
        }
    } else if command.user != visit.user {
        return Err(Rejection::new("task.not_yours", "", &json!({"user": command.user})));
    }
    if let Some(pins) = visit.pins().filter(|pins| pins.sop_hash != sop.hash) {
        return Err(Rejection::new("visit.pinned_elsewhere", "", &json!({"sop": pins.sop})));
    }
    match &command.action {
        Action::Create(_) => Err(Rejection::new("task.exists", "", &json!({"task": command.task}))),
        Action::Start {} => match &visit.state {
            VisitState::Planned => {
                Ok(pending(vec![VisitEvent::VisitStarted { command: command.clone(), pins: sop.pins() }]))
            }
            VisitState::Open(_) | VisitState::Over(..) | VisitState::Cancelled => Err(not_possible("start", visit)),
        },
        Action::SaveDraft(_) => {
            open(visit, "save_draft")?;
            Ok(pending(vec![VisitEvent::DraftSaved { command: command.clone() }]))
        }
        Action::Skip(skip) => {
            open(visit, "skip")?;
            let key = step_key(&skip.step, skip.instance.as_deref());
            let progress = progress(sop, visit);
            let status = progress.status(&key).ok_or_else(|| Rejection::unknown_step(&skip.step))?;
            if status.required {
                return Err(Rejection::new("step.required", "/step", &json!({"step": key})));
            }
            if status.standing != Standing::Open {
                return Err(Rejection::standing(status));
            }
            Ok(pending(vec![VisitEvent::Skipped { command: command.clone() }]))
        }
        Action::Return(step) => {
            if sop.step(&step.step).is_none() {
                return Err(Rejection::unknown_step(&step.step));
            }
            match &visit.state {
                VisitState::Over(..) => Ok(pending(vec![VisitEvent::StepReturned { command: command.clone() }])),
                VisitState::Planned | VisitState::Open(_) | VisitState::Cancelled => Err(not_possible("return", visit)),
            }
        }
        Action::Cancel(_) => match &visit.state {
            VisitState::Planned | VisitState::Open(_) => {
                Ok(pending(vec![VisitEvent::VisitCancelled { command: command.clone() }]))
            }
            VisitState::Over(..) | VisitState::Cancelled => Err(not_possible("cancel", visit)),
        },
        Action::Submit(submission) => {
            open(visit, "submit")?;
            hand_in(sop, visit, command, submission, gathered)
        }
        Action::Amend(amend) => {
            match &visit.state {
                VisitState::Open(_) | VisitState::Over(..) => {}
                VisitState::Planned | VisitState::Cancelled => {
                    return Err(not_possible("amend", visit));
                }
            }
            hand_in(sop, visit, command, &amend.submission, gathered)
        }
        Action::Complete {} => {
            open(visit, "complete")?;
            let missing = progress(sop, visit).missing();
            if !missing.is_empty() {
                return Err(Rejection::new("visit.incomplete", "", &json!({"steps": missing.join(", ")})));
            }
            let closing = Closing::Completed(Box::new(command.clone()));
            let finish = Finish::new(sop, visit, gathered, false);
            Ok(Pending { sop, gathered, events: Vec::new(), handed_in: None, finish: Some((finish, closing)) })
        }
    }
}

/// Closes a visit nobody closed, or judges it again.
#[must_use]
pub fn close<'a>(sop: &'a EffectiveSop, visit: &Visit, gathered: &'a Gathered, clock: Option<&Clock>) -> Pending<'a> {
    let closing = clock.map_or(Closing::Again, |clock| Closing::Closed(clock.clone()));
    let finish = Finish::new(sop, visit, gathered, clock.is_some() || visit.closed_at_ms.is_some());
    Pending { sop, gathered, events: Vec::new(), handed_in: None, finish: Some((finish, closing)) }
}

fn open(visit: &Visit, verb: &str) -> Result<(), Rejection> {
    match &visit.state {
        VisitState::Open(_) => Ok(()),
        VisitState::Planned | VisitState::Over(..) | VisitState::Cancelled => Err(not_possible(verb, visit)),
    }
}

fn not_possible(verb: &str, visit: &Visit) -> Rejection {
    let state = match &visit.state {
        VisitState::Planned => "planned",
        VisitState::Open(_) => "open",
        VisitState::Over(..) => "over",
        VisitState::Cancelled => "cancelled",
    };
    Rejection::new("task.not_possible", "", &json!({"verb": verb, "state": state}))
}

/// Checks a submission and plans its rule calls.
fn hand_in<'a>(
    sop: &'a EffectiveSop,
    visit: &Visit,
    command: &Command,
    submission: &Submission,
    gathered: &'a Gathered,
) -> Result<Pending<'a>, Rejection> {
    let step = sop.step(&submission.step).ok_or_else(|| Rejection::unknown_step(&submission.step))?;
    let key = step_key(&step.id, submission.instance.as_deref());
    let before = progress(sop, visit);
    let status = before
        .status(&key)
        .ok_or_else(|| Rejection::new("step.unknown_instance", "/instance", &json!({"step": key})))?;
    let amends = matches!(command.action, Action::Amend(_));
    match (step.kind, status.standing) {
        (StepKind::Brief, _) => return Err(Rejection::new("step.not_submittable", "/step", &json!({"step": step.id}))),
        (_, Standing::Open | Standing::Returned) if !amends => {}
        (_, Standing::Done) if amends || step.redoable => {}
        (
            _,
            Standing::NotApplicable
            | Standing::Blocked
            | Standing::Open
            | Standing::Done
            | Standing::Skipped
            | Standing::Returned,
        ) => {
            return Err(Rejection::standing(status));
        }
    }
    let input = gather::normalise(sop, visit, command, submission).map_err(|error| Rejection::of_time(&error))?;
    let context = before.context_with(submission);
    let (mut findings, well_formed) = step_check::findings(sop, visit, step, submission, &context);
    finding::place(&mut findings, &key);
    let base = InputBase { sop, visit, progress: &before, gathered, submission: Some(&input), closed: false };
    let calls = if well_formed { plan(&base, &step.rules, &context, &key, &mut findings) } else { Vec::new() };

    let mut after = visit.clone();
    let submitted = VisitEvent::Submitted { command: command.clone(), submission: input.clone() };
    after.apply(&submitted, "", visit.last_sign_ms, &gathered.arrived);
    let closed = visit.closed_at_ms.is_some();
    let finish = (amends && visit.is_over()).then(|| (Finish::new(sop, &after, gathered, closed), Closing::Again));
    let handed_in = HandedIn {
        command: command.clone(),
        input,
        visit: after,
        key,
        redoable: step.redoable && !amends,
        findings,
        calls,
    };
    Ok(Pending { sop, gathered, events: Vec::new(), handed_in: Some(handed_in), finish })
}

/// The calls of bindings whose `when` holds; a rule that is not pinned or a config that cannot be computed is a finding.
pub(crate) fn plan<'a>(
    base: &InputBase<'_>,
    bindings: &'a [RuleBinding],
    context: &Value,
    step: &str,
    findings: &mut Vec<Finding>,
) -> Vec<Planned<'a>> {
    let mut planned = Vec::new();
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
        let input = base.for_rule(&manifest.id, &needs, config);
        let input = canon::value_of(&input).unwrap_or(Value::Null);
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
    let read_back = canon::value_of(&outcome).map_err(|error| error.to_string());
    read_back.and_then(|value| serde_json::from_value(value).map_err(|error| error.to_string())).unwrap_or_else(
        |detail| {
            let failure = RuleFailure { code: FailureCode::MalformedOutput, detail };
            RuleOutcome { answer: RuleAnswer::Failed(failure), lookups: outcome.lookups, fuel: outcome.fuel }
        },
    )
}

/// Hash of a call's input. Inputs are made of canonical data, so the empty hash, which equals no other, never shows.
#[must_use]
pub fn input_hash(call: &RuleCall) -> String {
    canon::hash_value(&call.input).unwrap_or_default()
}

impl Pending<'_> {
    /// The rule calls to make, in the order `decide` wants their outcomes.
    pub fn calls(&self) -> impl Iterator<Item = &RuleCall> {
        let of_step = self.handed_in.iter().flat_map(|handed_in| &handed_in.calls);
        let of_visit = self.finish.iter().flat_map(|(finish, _)| finish.calls());
        of_step.chain(of_visit).map(|planned| &planned.call)
    }

    /// What happened, given what became of the calls.
    #[must_use]
    pub fn decide(self, outcomes: Vec<RuleOutcome>) -> Vec<VisitEvent> {
        let Self { sop, gathered, mut events, handed_in, finish } = self;
        let mut outcomes = outcomes.into_iter();
        if let Some(handed_in) = handed_in {
            let HandedIn { command, input, mut visit, key, redoable, mut findings, calls } = handed_in;
            let calls = fold(sop, calls, &mut outcomes, &mut findings);
            if !redoable {
                findings.iter_mut().for_each(finding::hold_what_cannot_be_redone);
            }
            finding::sort(&mut findings);
            if findings.iter().any(|finding| finding.effect == Effect::Reject) {
                let refusal = Refusal {
                    code: "submission.refused".into(),
                    pointer: String::new(),
                    params: Map::new(),
                    findings,
                    calls,
                };
                events.push(VisitEvent::Refused { command, refusal });
                return events;
            }
            let assessment = Assessment { step: key, findings, calls, gathered: gathered.references.clone() };
            events.push(VisitEvent::Submitted { command, submission: input });
            let assessed = VisitEvent::Assessed { assessment };
            visit.apply(&assessed, "", visit.last_sign_ms, &gathered.arrived);
            events.push(assessed);
            if let Some((finish, closing)) = finish {
                events.push(closing.event(finish.decide(&visit, &mut outcomes)));
            }
        } else if let Some((finish, closing)) = finish {
            let visit = finish.visit().clone();
            events.push(closing.event(finish.decide(&visit, &mut outcomes)));
        }
        events
    }
}

/// What a client is told of a visit's standing: the verdict's decision, or `returned` while a step waits to be redone.
#[must_use]
pub fn standing_decision(visit: &Visit) -> Option<Decision> {
    if visit.steps.values().any(|record| record.state == StepState::Returned) {
        return Some(Decision::Returned);
    }
    visit.verdict().map(|verdict: &Verdict| verdict.decision)
}
