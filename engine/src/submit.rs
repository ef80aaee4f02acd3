//! Judging a command: `check` says what must be asked of rules, `Pending::decide` what happened.
//!
//! Both are plain functions of their arguments (PURE): the shell gathers, runs the calls between them with no
//! transaction open (NO-TX), and commits what `decide` returns (ONE-COMMIT). Built-in checks of a step are in
//! `step_check.rs`, the verdict over a visit in `complete.rs`.

use crate::alike;
use crate::calls::{Planned, fold, plan};
use crate::command::{Action, Amend, Clock, Command, Customer, Submission};
use crate::complete::{Closing, Finish};
use crate::contest;
use crate::effective::EffectiveSop;
use crate::finding;
use crate::gate;
use crate::gather::{self, Gathered, InputBase, Wanted};
use crate::input::SubmissionInput;
use crate::ledger::{self, Entry};
use crate::progress::{Progress, Standing, progress};
use crate::rejection::Rejection;
use crate::rule::{Finding, RuleCall, RuleOutcome};
use crate::sop::{Effect, RuleBinding, Step, StepKind};
use crate::spawn;
use crate::step_check;
use crate::time;
use crate::verdict::{Assessment, Decision, Refusal, Verdict};
use crate::visit::{StepState, Visit, VisitEvent, VisitState, step_key};
use serde_json::{Map, json};
use std::collections::BTreeSet;

pub use crate::calls::input_hash;
pub use crate::gate::{AllowedVerb, allowed};

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
    /// What hands it in; none when an accepted one is judged again.
    cause: Option<Cause>,
    /// The visit with the submission in it, where a verdict is made in the same breath.
    visit: Option<Visit>,
    key: String,
    redoable: bool,
    judged: Judged<'a>,
}

struct Cause {
    command: Command,
    input: SubmissionInput,
    awaited: BTreeSet<String>,
    /// The visit with the submission in it, where tasks may follow from it.
    after: Option<Visit>,
    /// When it was made, as far as that is known, in milliseconds.
    at_ms: i64,
}

/// What the built-in checks say of a submission, the rule calls to make over it, and what it posts to ledgers.
struct Judged<'a> {
    /// The answers have the form's shape.
    well_formed: bool,
    findings: Vec<Finding>,
    calls: Vec<Planned<'a>>,
    ledger: Vec<Entry>,
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
        | Action::Complete(_)
        | Action::Cancel(_)
        | Action::Return(_)
        | Action::Approve(_)
        | Action::Reject(_)
        | Action::Contest(_) => None,
    };
    let step_rules = submission.and_then(|s| sop.step(&s.step)).map(|step| step.rules.as_slice()).unwrap_or_default();
    let finishes = matches!(command.action, Action::Complete(_))
        || (matches!(command.action, Action::Amend(_)) && visit.is_over());
    let visit_rules = if finishes { visit_rules(sop) } else { Vec::new() };
    let mut wanted = wanted_for_visit(sop, visit, step_rules.iter().chain(visit_rules));
    if finishes {
        want_verdict(&mut wanted, sop, visit);
    }
    if let Some(submission) = submission {
        alike::want(&mut wanted, sop, submission, alike::received_ms(command));
        wanted.evidence.extend(submission.evidence.iter().map(|e| e.sha256.clone()));
        if ledger::posts(sop, &submission.step) {
            let context = progress(sop, visit).context_with(submission);
            wanted.accounts = ledger::accounts(sop, visit, submission, &context);
        }
        if sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn) {
            wanted.before_ms = time::moment(&command.at, None).map_or(i64::MAX, |at| at.max_ms);
            wanted.device.clone_from(&command.device);
        }
    }
    wanted
}

/// What must be gathered before a visit can be judged (again) without a command.
#[must_use]
pub fn wanted_for_verdict(sop: &EffectiveSop, visit: &Visit) -> Wanted {
    let mut wanted = wanted_for_visit(sop, visit, visit_rules(sop).into_iter());
    want_verdict(&mut wanted, sop, visit);
    wanted
}

/// What must be gathered before `reassess` can judge a visit again.
#[must_use]
pub fn wanted_for_reassessment(sop: &EffectiveSop, visit: &Visit) -> Wanted {
    let step_rules = checked_in_step(sop, visit).map(|step| step.rules.as_slice()).unwrap_or_default();
    let visit_rules = if visit.verdict().is_some() { visit_rules(sop) } else { Vec::new() };
    let mut wanted = wanted_for_visit(sop, visit, step_rules.iter().chain(visit_rules));
    want_verdict(&mut wanted, sop, visit);
    wanted
}

/// What a verdict asks for beside the needs of its rules.
fn want_verdict(wanted: &mut Wanted, sop: &EffectiveSop, visit: &Visit) {
    alike::want_visit(wanted, sop, visit);
    wanted.draws = sop.sop.policy.draws();
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
        sop: sop.sop.sop.clone(),
        visit: visit.id.clone(),
        device: visit.check_in_device(&sop.sop).unwrap_or_default().to_owned(),
        customer: visit.customer.id.clone(),
        before_ms: visit.check_in(&sop.sop).map_or(i64::MAX, |check_in| check_in.at.max_ms),
        evidence,
        ..Wanted::default()
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
    let (command, customer, sop) = (command.clone(), customer.clone(), sop.hash.clone());
    Ok(VisitEvent::VisitCreated { command, customer, business_date, sop })
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
        Action::Submit(_) | Action::SaveDraft(_) | Action::Skip(_) | Action::Complete(_) => true,
        Action::Create(_)
        | Action::Start {}
        | Action::Amend(_)
        | Action::Cancel(_)
        | Action::Return(_)
        | Action::Approve(_)
        | Action::Reject(_)
        | Action::Contest(_) => false,
    };
    let closed_at_ms = visit.closed_at_ms.filter(|_| is_work)?;
    let done = time::moment(&command.at, None).ok().filter(|done| done.max_ms <= closed_at_ms)?;
    let mut reopened = visit.clone();
    let event = VisitEvent::VisitReopened { command: command.clone() };
    reopened.apply(&event, "", done.received_ms);
    Some(reopened)
}

fn check_as_it_stands<'a>(
    sop: &'a EffectiveSop,
    visit: &Visit,
    command: &Command,
    gathered: &'a Gathered,
) -> Result<Pending<'a>, Rejection> {
    let pending = |events| Pending { sop, gathered, events, handed_in: None, finish: None };
    gate::may(sop, visit, &command.user, command.action.verb())?;
    if command.action.reason().is_some_and(|reason| reason.trim().is_empty()) {
        return Err(Rejection::new("text.missing", "/reason", &json!({})));
    }
    match &command.action {
        Action::Create(_) => Err(Rejection::new("task.exists", "", &json!({"task": command.task}))),
        Action::Start {} => Ok(pending(vec![VisitEvent::VisitStarted { command: command.clone(), pins: sop.pins() }])),
        Action::SaveDraft(_) => Ok(pending(vec![VisitEvent::DraftSaved { command: command.clone() }])),
        Action::Skip(skip) => {
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
        Action::Return(step) => match sop.step(&step.step) {
            Some(_) => Ok(pending(vec![VisitEvent::StepReturned { command: command.clone() }])),
            None => Err(Rejection::unknown_step(&step.step)),
        },
        Action::Approve(note) => {
            contest::decide(visit, &note.findings)?;
            Ok(pending(vec![reviewed(command, Decision::Accepted)]))
        }
        Action::Reject(reject) => {
            contest::decide(visit, &reject.findings)?;
            Ok(pending(vec![reviewed(command, Decision::Rejected)]))
        }
        Action::Contest(contest) => {
            contest::contest(visit, contest)?;
            Ok(pending(vec![VisitEvent::Contested { command: command.clone() }]))
        }
        Action::Cancel(_) => Ok(pending(vec![VisitEvent::VisitCancelled { command: command.clone() }])),
        Action::Submit(submission) => hand_in(sop, visit, command, submission, gathered),
        Action::Amend(amend) => hand_in(sop, visit, command, &amend.submission, gathered),
        Action::Complete(_) => {
            gate::complete(sop, visit)?;
            let closing = Closing::Completed(Box::new(command.clone()));
            let finish = Finish::new(sop, visit, gathered, false);
            Ok(Pending { sop, gathered, events: Vec::new(), handed_in: None, finish: Some((finish, closing)) })
        }
    }
}

fn reviewed(command: &Command, decision: Decision) -> VisitEvent {
    VisitEvent::Reviewed { command: command.clone(), decision }
}

/// Closes a visit nobody closed, or judges it again.
#[must_use]
pub fn close<'a>(sop: &'a EffectiveSop, visit: &Visit, gathered: &'a Gathered, clock: Option<&Clock>) -> Pending<'a> {
    let closing = clock.map_or(Closing::Again, |clock| Closing::Closed(clock.clone()));
    let finish = Finish::new(sop, visit, gathered, clock.is_some() || visit.closed_at_ms.is_some());
    Pending { sop, gathered, events: Vec::new(), handed_in: None, finish: Some((finish, closing)) }
}

/// Judges a visit again whose check-in was accepted when less was known of the rep's day: a check-in before it arrived
/// late. The rules of the check-in run again over what was handed in, with the new gathered inputs, then those of the
/// verdict if there is one. What was accepted is never refused: `reject` becomes `hold`.
#[must_use]
pub fn reassess<'a>(sop: &'a EffectiveSop, visit: &Visit, gathered: &'a Gathered) -> Pending<'a> {
    let closed = visit.closed_at_ms.is_some();
    let finish = visit.verdict().is_some().then(|| (Finish::new(sop, visit, gathered, closed), Closing::Again));
    Pending { sop, gathered, events: Vec::new(), handed_in: check_in_again(sop, visit, gathered), finish }
}

/// The check-in step, if its submission stands.
fn checked_in_step<'a>(sop: &'a EffectiveSop, visit: &Visit) -> Option<&'a Step> {
    visit.check_in(&sop.sop)?;
    sop.sop.steps.iter().find(|step| step.kind == StepKind::CheckIn)
}

fn check_in_again<'a>(sop: &'a EffectiveSop, visit: &Visit, gathered: &'a Gathered) -> Option<HandedIn<'a>> {
    let step = checked_in_step(sop, visit).filter(|_| visit.state != VisitState::Cancelled)?;
    let record = visit.steps.get(&step.id)?;
    let (submission, input) = (record.submission.as_ref()?, record.input.as_ref()?);
    let seen = as_seen_at(sop, visit, step);
    let before = progress(sop, &seen);
    let judged = judge_step((sop, &seen, &before), step, &step.id, submission, input, gathered);
    Some(HandedIn { cause: None, visit: Some(visit.clone()), key: step.id.clone(), redoable: false, judged })
}

/// The visit as a step sees it that is next: with the steps it waits for and none of those after it.
pub(crate) fn as_seen_at(sop: &EffectiveSop, visit: &Visit, step: &Step) -> Visit {
    let mut before: BTreeSet<&str> = BTreeSet::new();
    let mut waiting = sop.waits_for(step);
    while let Some(id) = waiting.pop() {
        if before.insert(id) {
            waiting.extend(sop.step(id).map(|step| sop.waits_for(step)).unwrap_or_default());
        }
    }
    let mut seen = visit.clone();
    seen.steps.retain(|key, _| before.contains(key.split('[').next().unwrap_or(key)));
    seen
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
    let input = gather::normalise(sop, visit, &before, command, submission);
    let mut input = input.map_err(|error| Rejection::of_time(&error))?;
    let mut judged = judge_step((sop, visit, &before), step, &key, submission, &input, gathered);
    if judged.well_formed && ledger::posts(sop, &step.id) {
        let posted = ledger::post(sop, visit, submission, &before.context_with(submission), gathered);
        judged.findings.extend(posted.findings);
        judged.ledger = posted.entries;
    }
    gather::read_exif(&mut input, &gathered.exif);
    let named = submission.evidence.iter().map(|evidence| &evidence.sha256);
    let awaited: BTreeSet<String> = named.filter(|sha256| !gathered.arrived.contains(*sha256)).cloned().collect();

    let finishes = amends && visit.is_over();
    let after = (finishes || spawn::may_follow(sop, &step.id)).then(|| {
        let (command, submission, awaited) = (command.clone(), input.clone(), awaited.clone());
        let mut after = visit.clone();
        after.apply(&VisitEvent::Submitted { command, submission, awaited }, "", visit.last_sign_ms);
        after
    });
    let judged_after = after.clone().filter(|_| finishes);
    let finish = judged_after
        .as_ref()
        .map(|after| (Finish::new(sop, after, gathered, visit.closed_at_ms.is_some()), Closing::Again));
    let at_ms = time::moment(&command.at, None).map_or(visit.last_sign_ms, |at| at.likely_ms());
    let cause = Some(Cause { command: command.clone(), input, awaited, after, at_ms });
    let redoable = step.redoable && !amends;
    let handed_in = Some(HandedIn { cause, visit: judged_after, key, redoable, judged });
    Ok(Pending { sop, gathered, events: Vec::new(), handed_in, finish })
}

/// The built-in findings about a submission, and the rule calls to make over it; it posts nothing yet.
fn judge_step<'a>(
    (sop, visit, before): (&'a EffectiveSop, &Visit, &Progress),
    step: &'a Step,
    key: &str,
    submission: &Submission,
    input: &SubmissionInput,
    gathered: &Gathered,
) -> Judged<'a> {
    let context = before.context_with(submission);
    let (mut findings, well_formed) = step_check::findings(sop, visit, step, submission, &context);
    finding::place(&mut findings, key);
    let base = InputBase { sop, visit, progress: before, gathered, submission: Some(input), closed: false };
    let calls = if well_formed { plan(&base, &step.rules, &context, key, &mut findings) } else { Vec::new() };
    Judged { well_formed, findings, calls, ledger: Vec::new() }
}

impl Pending<'_> {
    /// The rule calls to make, in the order `decide` wants their outcomes.
    pub fn calls(&self) -> impl Iterator<Item = &RuleCall> {
        let of_step = self.handed_in.iter().flat_map(|handed_in| &handed_in.judged.calls);
        let of_visit = self.finish.iter().flat_map(|(finish, _)| finish.calls());
        of_step.chain(of_visit).map(|planned| &planned.call)
    }

    /// What happened, given what became of the calls.
    #[must_use]
    pub fn decide(self, outcomes: Vec<RuleOutcome>) -> Vec<VisitEvent> {
        let Self { sop, gathered, mut events, handed_in, finish } = self;
        let mut outcomes = outcomes.into_iter();
        if let Some(handed_in) = handed_in {
            let HandedIn { cause, mut visit, key, redoable, judged } = handed_in;
            let Judged { mut findings, calls, ledger, .. } = judged;
            let calls = fold(sop, calls, &mut outcomes, &mut findings);
            if !redoable {
                findings.iter_mut().for_each(finding::hold_what_cannot_be_redone);
            }
            finding::sort(&mut findings);
            let mut tasks = Vec::new();
            if let Some(Cause { command, input, awaited, after, at_ms }) = cause {
                if findings.iter().any(|finding| finding.effect == Effect::Reject) {
                    let refusal = Refusal {
                        code: "submission.refused".into(),
                        pointer: String::new(),
                        params: Map::new(),
                        findings,
                        calls,
                        gathered: gathered.references.clone(),
                    };
                    events.push(VisitEvent::Refused { command, refusal });
                    return events;
                }
                if let (Action::Submit(submission) | Action::Amend(Amend { submission, .. }), Some(after)) =
                    (&command.action, &after)
                {
                    tasks = spawn::at_step(sop, after, submission, &findings, at_ms);
                }
                events.push(VisitEvent::Submitted { command, submission: input, awaited });
            }
            let gathered = gathered.references.clone();
            let assessment = Assessment { step: key, findings, calls, gathered, ledger, tasks };
            let assessed = VisitEvent::Assessed { assessment };
            if let Some(visit) = &mut visit {
                visit.apply(&assessed, "", visit.last_sign_ms);
            }
            events.push(assessed);
            if let Some(((finish, closing), visit)) = finish.zip(visit) {
                events.push(closing.event(finish.decide(&visit, &mut outcomes)));
            }
        } else if let Some((finish, closing)) = finish {
            let visit = finish.visit().clone();
            events.push(closing.event(finish.decide(&visit, &mut outcomes)));
        }
        events
    }
}

/// What a client is told of a visit's standing: `returned` while a step waits to be redone, else what a reviewer decided,
/// else the verdict's decision.
#[must_use]
pub fn standing_decision(visit: &Visit) -> Option<Decision> {
    if visit.steps.values().any(|record| record.state == StepState::Returned) {
        return Some(Decision::Returned);
    }
    let reviewed = visit.review.as_ref().map(|review| review.decision);
    reviewed.or_else(|| visit.verdict().map(|verdict: &Verdict| verdict.decision))
}
