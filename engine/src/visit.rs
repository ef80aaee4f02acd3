//! A visit and its run: the events that can happen to it and the state they add up to.
//!
//! State is only ever made by `Visit::apply`, so a visit rebuilt from stored events equals the one that was live. What
//! may happen is decided in `submit.rs` and `complete.rs`; nothing here refuses anything.

use crate::canon::{CanonError, CanonicalJson};
use crate::command::{Action, Command, Create, Customer, FindingDecision, FindingVerdict, Submission};
use crate::contest;
use crate::effective::{EffectiveSop, Pins};
use crate::input::{CheckInInput, Exif, SubmissionInput};
use crate::ledger::Entry;
use crate::rule::Finding;
use crate::sop::StepKind;
use crate::time::{self, Moment};
use crate::verdict::{Decision, Refusal, SpawnedTask, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

mod event;
mod rebuild;

pub use event::VisitEvent;
pub use rebuild::Unbuilt;

/// Where a visit stands.
#[derive(Clone, Debug, PartialEq)]
pub enum VisitState {
    /// Created, not taken up.
    Planned,
    /// Under way; after a return, again.
    Open(Pins),
    /// Over, with its verdict.
    Over(Pins, Box<Verdict>),
    /// Will not take place.
    Cancelled,
}

/// A step of the run that something happened to.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// Where it stands.
    pub state: StepState,
    /// The submission that counts, as handed in.
    pub submission: Option<Submission>,
    /// The same, normalised for rules.
    pub input: Option<SubmissionInput>,
    /// When it was handed in.
    pub moment: Option<Moment>,
    /// From which device, `dev_…`.
    pub device: String,
    /// What was found about it.
    pub findings: Vec<Finding>,
    /// What it posted to ledgers, without what it took back.
    pub posted: Vec<Entry>,
    /// How often it was accepted.
    pub attempts: u32,
    /// Hash of the event that accepted it.
    pub event: String,
    input_text: Text,
}

/// The canonical text of a submission, made when a rule first wants it. Every later step of the visit shows it to its
/// rules again.
#[derive(Clone, Debug, Default)]
struct Text(OnceLock<Result<CanonicalJson, CanonError>>);

/// It says nothing that `input` does not.
impl PartialEq for Text {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Where a step stands that something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Accepted.
    Done,
    /// Left out.
    Skipped,
    /// To be done again.
    Returned,
}

/// One stay of one rep at one customer, and its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// `vis_…`
    pub id: String,
    /// `tsk_…`
    pub task: String,
    /// Who.
    pub user: String,
    /// The customer at the revision it is judged with.
    pub customer: Arc<Customer>,
    /// Where it comes from.
    pub create: Create,
    /// `YYYY-MM-DD` in the customer's zone with the SOP's day cut.
    pub business_date: String,
    /// Hash of the effective SOP it is judged under: the one it was created under, from its start on the pinned one.
    pub sop: String,
    /// Where it stands.
    pub state: VisitState,
    /// Steps by id, repeated ones as `step[key]`.
    pub steps: BTreeMap<String, Arc<StepRecord>>,
    /// Evidence named but not here.
    pub awaited: BTreeSet<String>,
    /// Server time of the last thing the rep did, in milliseconds.
    pub last_sign_ms: i64,
    /// Server time at which the policy closed it, in milliseconds; none when the rep completed it, or it is open.
    pub closed_at_ms: Option<i64>,
    /// Refused attempts.
    pub refused: Vec<Refusal>,
    /// Tasks its verdicts spawned, by id.
    pub tasks: BTreeSet<String>,
    /// Tasks that left with a step, by id.
    pub left_at_once: BTreeMap<String, SpawnedTask>,
    /// What a reviewer decided over the verdict that counts.
    pub review: Option<Review>,
    /// What the rep disagreed with, in order.
    pub contested: Vec<Contested>,
}

/// What a reviewer decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// `accepted` or `rejected`.
    pub decision: Decision,
    /// Who decided.
    pub user: String,
    /// In the reviewer's words.
    pub reason: Option<String>,
    /// Server time, in milliseconds.
    pub at_ms: i64,
    /// What was said of findings, by their ids; what an earlier review of the same verdict said stays.
    pub findings: BTreeMap<String, DecidedFinding>,
}

/// What a reviewer said of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedFinding {
    /// Whether it was right.
    pub verdict: FindingDecision,
    /// In the reviewer's words.
    pub reason: String,
    /// Who decided.
    pub user: String,
    /// Server time, in milliseconds.
    pub at_ms: i64,
}

/// What the rep disagrees with.
#[derive(Clone, Debug, PartialEq)]
pub struct Contested {
    /// Id of a finding; none for the verdict as a whole.
    pub finding: Option<String>,
    /// That finding, as it was when it was contested.
    pub found: Option<Finding>,
    /// In the rep's words.
    pub reason: String,
    /// Server time, in milliseconds.
    pub at_ms: i64,
}

impl Visit {
    /// The visit its first event makes; none if that is no `VisitCreated`.
    #[must_use]
    pub fn begin(event: &VisitEvent, at_ms: i64) -> Option<Self> {
        let VisitEvent::VisitCreated { command, customer, business_date, sop } = event else { return None };
        let Action::Create(create) = &command.action else { return None };
        Some(Self {
            id: visit_of_task(&command.task),
            task: command.task.clone(),
            user: command.user.clone(),
            customer: Arc::new(customer.clone()),
            create: create.clone(),
            business_date: business_date.clone(),
            sop: sop.clone(),
            state: VisitState::Planned,
            steps: BTreeMap::new(),
            awaited: BTreeSet::new(),
            last_sign_ms: at_ms,
            closed_at_ms: None,
            refused: Vec::new(),
            tasks: BTreeSet::new(),
            left_at_once: BTreeMap::new(),
            review: None,
            contested: Vec::new(),
        })
    }

    /// The state after `event`, which has `hash` and happened at `at_ms` of the server. Nothing else is asked (PURE).
    pub fn apply(&mut self, event: &VisitEvent, hash: &str, at_ms: i64) {
        match event {
            VisitEvent::VisitCreated { .. } => {}
            VisitEvent::VisitStarted { pins, .. } => {
                self.state = VisitState::Open(pins.clone());
                self.sop.clone_from(&pins.sop_hash);
                self.last_sign_ms = at_ms;
            }
            VisitEvent::DraftSaved { .. } => self.last_sign_ms = at_ms,
            VisitEvent::Submitted { command, submission, awaited } => {
                self.submitted(command, submission, awaited, hash, at_ms);
            }
            VisitEvent::Assessed { assessment } => {
                for task in &assessment.tasks {
                    self.left_at_once.entry(task.id.clone()).or_insert_with(|| task.clone());
                }
                if let Some(record) = self.steps.get_mut(&assessment.step) {
                    let record = Arc::make_mut(record);
                    record.findings.clone_from(&assessment.findings);
                    record.posted.extend(assessment.ledger.iter().filter(|entry| !entry.reverses).cloned());
                }
            }
            VisitEvent::Refused { command, refusal } => {
                self.refused.push(refusal.clone());
                if !self.is_over() && command.user == self.user {
                    self.last_sign_ms = at_ms;
                }
            }
            VisitEvent::Skipped { command } => {
                if let Action::Skip(skip) = &command.action {
                    let record = StepRecord::untouched(StepState::Skipped, hash);
                    self.steps.insert(step_key(&skip.step, skip.instance.as_deref()), Arc::new(record));
                }
                self.last_sign_ms = at_ms;
            }
            VisitEvent::StepReturned { command } => {
                self.returned(command, hash);
                // The rep has as long again as for any open visit.
                self.last_sign_ms = at_ms;
                self.closed_at_ms = None;
                self.review = None;
            }
            VisitEvent::VisitReopened { .. } => {
                self.open_again();
                self.last_sign_ms = at_ms;
                self.closed_at_ms = None;
                self.review = None;
            }
            VisitEvent::EvidenceArrived { evidence } => {
                self.awaited.remove(&evidence.sha256);
                if let Some(exif) = &evidence.exif {
                    for record in self.steps.values_mut().filter(|record| record.names(&evidence.sha256)) {
                        Arc::make_mut(record).read_exif(&evidence.sha256, exif);
                    }
                }
            }
            VisitEvent::VisitCompleted { verdict, .. } | VisitEvent::Reassessed { verdict } => self.judged(verdict),
            VisitEvent::VisitClosed { verdict, .. } => {
                self.judged(verdict);
                self.closed_at_ms = Some(at_ms);
            }
            VisitEvent::Reviewed { command, decision } => self.reviewed(command, *decision, at_ms),
            VisitEvent::Contested { command } => {
                if let Action::Contest(contest) = &command.action {
                    let (finding, reason) = (contest.finding.clone(), contest.reason.clone());
                    let found = finding.as_deref().and_then(|id| contest::found(self, id)).cloned();
                    self.contested.push(Contested { finding, found, reason, at_ms });
                }
            }
            VisitEvent::VisitCancelled { .. } => self.state = VisitState::Cancelled,
        }
    }

    fn submitted(
        &mut self,
        command: &Command,
        input: &SubmissionInput,
        awaited: &BTreeSet<String>,
        hash: &str,
        at_ms: i64,
    ) {
        let submission = match &command.action {
            Action::Submit(submission) => submission.clone(),
            Action::Amend(amend) => amend.submission.clone(),
            _ => return,
        };
        self.awaited.extend(awaited.iter().cloned());
        let key = step_key(&submission.step, submission.instance.as_deref());
        let attempts = self.steps.get(&key).map_or(0, |record| record.attempts) + 1;
        let record = StepRecord {
            state: StepState::Done,
            submission: Some(submission),
            input: Some(input.clone()),
            moment: time::moment(&command.at, None).ok(),
            device: command.device.clone(),
            findings: Vec::new(),
            posted: Vec::new(),
            attempts,
            event: hash.to_owned(),
            input_text: Text::default(),
        };
        self.steps.insert(key, Arc::new(record));
        let still_named: BTreeSet<&String> = self
            .steps
            .values()
            .filter_map(|r| r.submission.as_ref())
            .flat_map(|s| &s.evidence)
            .map(|e| &e.sha256)
            .collect();
        self.awaited = self.awaited.iter().filter(|sha256| still_named.contains(sha256)).cloned().collect();
        if self.is_over() {
            // An amendment: what the reviewer decided over is no more, the verdict is made again next.
            self.review = None;
        } else {
            self.last_sign_ms = at_ms;
        }
    }

    fn reviewed(&mut self, command: &Command, decision: Decision, at_ms: i64) {
        let (reason, said) = match &command.action {
            Action::Approve(note) => (note.reason.clone(), note.findings.as_slice()),
            Action::Reject(reject) => (Some(reject.reason.clone()), reject.findings.as_slice()),
            _ => (None, [].as_slice()),
        };
        let mut findings = self.review.take().map(|review| review.findings).unwrap_or_default();
        for FindingVerdict { id, verdict, reason } in said {
            let (verdict, reason, user) = (*verdict, reason.clone(), command.user.clone());
            findings.insert(id.clone(), DecidedFinding { verdict, reason, user, at_ms });
        }
        self.review = Some(Review { decision, user: command.user.clone(), reason, at_ms, findings });
    }

    fn returned(&mut self, command: &Command, hash: &str) {
        if let Action::Return(step) = &command.action {
            let key = step_key(&step.step, step.instance.as_deref());
            match self.steps.get_mut(&key) {
                Some(record) => Arc::make_mut(record).state = StepState::Returned,
                None => {
                    self.steps.insert(key, Arc::new(StepRecord::untouched(StepState::Returned, hash)));
                }
            }
        }
        self.open_again();
    }

    fn open_again(&mut self) {
        if let VisitState::Over(pins, _) = &self.state {
            self.state = VisitState::Open(pins.clone());
        }
    }

    fn judged(&mut self, verdict: &Verdict) {
        self.tasks.extend(verdict.tasks.iter().map(|task| task.id.clone()));
        self.state = match &self.state {
            VisitState::Open(pins) | VisitState::Over(pins, _) => {
                VisitState::Over(pins.clone(), Box::new(verdict.clone()))
            }
            // Only what has begun is judged.
            VisitState::Planned | VisitState::Cancelled => return,
        };
    }

    /// When the policy closes it unless something happens, on the server's clock in milliseconds; none unless it is open.
    #[must_use]
    pub fn closes_at_ms(&self, sop: &EffectiveSop) -> Option<i64> {
        let patience_ms = i64::from(sop.sop.policy.auto_close_s).saturating_mul(1000);
        matches!(self.state, VisitState::Open(_)).then(|| self.last_sign_ms.saturating_add(patience_ms))
    }

    /// The pins of a run that has started.
    #[must_use]
    pub const fn pins(&self) -> Option<&Pins> {
        match &self.state {
            VisitState::Open(pins) | VisitState::Over(pins, _) => Some(pins),
            VisitState::Planned | VisitState::Cancelled => None,
        }
    }

    /// The verdict, once there is one.
    #[must_use]
    pub const fn verdict(&self) -> Option<&Verdict> {
        match &self.state {
            VisitState::Over(_, verdict) => Some(verdict),
            VisitState::Planned | VisitState::Open(_) | VisitState::Cancelled => None,
        }
    }

    /// No step can be done any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match &self.state {
            VisitState::Over(..) | VisitState::Cancelled => true,
            VisitState::Planned | VisitState::Open(_) => false,
        }
    }

    /// The accepted submission of the first step of `kind`, as the SOP orders them.
    #[must_use]
    pub fn done<'a>(&'a self, sop: &crate::sop::Sop, kind: StepKind) -> Option<&'a SubmissionInput> {
        self.done_record(sop, kind)?.input.as_ref()
    }

    fn done_record<'a>(&'a self, sop: &crate::sop::Sop, kind: StepKind) -> Option<&'a StepRecord> {
        let step = sop.steps.iter().find(|step| step.kind == kind)?;
        self.steps.get(&step.id).map(Arc::as_ref).filter(|record| record.state == StepState::Done)
    }

    /// The device of the check-in that stands.
    #[must_use]
    pub fn check_in_device(&self, sop: &crate::sop::Sop) -> Option<&str> {
        self.done_record(sop, StepKind::CheckIn).map(|record| record.device.as_str())
    }

    /// Where and when the rep checked in.
    #[must_use]
    pub fn check_in(&self, sop: &crate::sop::Sop) -> Option<CheckInInput> {
        self.done(sop, StepKind::CheckIn).map(|submission| CheckInInput {
            visit: self.id.clone(),
            customer: self.customer.id.clone(),
            at: submission.at.clone(),
            position: submission.position.clone(),
        })
    }

    /// When the first step of `kind` was accepted.
    #[must_use]
    pub fn moment(&self, sop: &crate::sop::Sop, kind: StepKind) -> Option<&Moment> {
        self.done_record(sop, kind)?.moment.as_ref()
    }
}

impl StepRecord {
    fn untouched(state: StepState, event: &str) -> Self {
        Self {
            state,
            submission: None,
            input: None,
            moment: None,
            device: String::new(),
            findings: Vec::new(),
            posted: Vec::new(),
            attempts: 0,
            event: event.to_owned(),
            input_text: Text::default(),
        }
    }

    fn names(&self, sha256: &str) -> bool {
        self.input.iter().flat_map(|input| &input.evidence).any(|evidence| evidence.sha256 == sha256)
    }

    fn read_exif(&mut self, sha256: &str, exif: &Exif) {
        let evidence = self.input.iter_mut().flat_map(|input| &mut input.evidence);
        for evidence in evidence.filter(|evidence| evidence.sha256 == sha256) {
            evidence.exif = Some(exif.clone());
            self.input_text = Text::default();
        }
    }

    /// `input` in canonical form.
    pub(crate) fn input_text(&self) -> Result<&CanonicalJson, CanonError> {
        self.input_text.0.get_or_init(|| CanonicalJson::of(&self.input)).as_ref().map_err(CanonError::clone)
    }
}

/// `step`, or `step[key]` for an instance of a repeated step.
#[must_use]
pub fn step_key(step: &str, instance: Option<&str>) -> String {
    instance.map_or_else(|| step.to_owned(), |key| format!("{step}[{key}]"))
}

/// The visit of a visit task.
#[must_use]
pub fn visit_of_task(task: &str) -> String {
    format!("vis_{}", task.strip_prefix("tsk_").unwrap_or(task))
}
