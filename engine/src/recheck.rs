//! Judging again: makes the events of a visit from what is recorded and compares them with the recorded ones (REPLAY).
//!
//! One visit's stream at a time. What a judgement needed from other visits is read back from the events it names
//! (`recheck/regather.rs`), never looked for again: which neighbour was known then is part of the record. Where the
//! record is kept, a file or a database, only `Recorded` knows. Hashes are checked elsewhere (`event::verify`), first.
//!
//! Not judged again: events whose payloads, or those they rest on, were erased; and what was a fact of its own time, namely
//! a deadline that passed, and a command id that had been used before. The stream of an account adds up
//! (`recheck/ledger.rs`); other streams hold no findings.

mod ledger;
mod regather;
#[cfg(test)]
mod tests;

use crate::canon::CanonicalJson;
use crate::command::Command;
use crate::draw::Draw;
use crate::effective::{EffectiveSop, Pins};
use crate::event::{Event, Payload};
use crate::gather::Wanted;
use crate::input::Exif;
use crate::rule::{FailureCode, RuleAnswer, RuleCall, RuleOutcome};
use crate::submit::{self, Pending};
use crate::time;
use crate::verdict::{CallRecord, Reference};
use crate::visit::{Unbuilt, Visit, VisitEvent, visit_of_task};
use regather::Regathered;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The record, wherever it is kept.
pub trait Recorded {
    /// Why it cannot be read.
    type Error;

    /// Where the event of this hash is; none when there is no such event.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn find(&mut self, hash: &str) -> Result<Option<Located>, Self::Error>;

    /// The events of a stream from the first up to the one at `up_to`, in order.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn events(&mut self, stream: &str, up_to: u64) -> Result<Vec<Event>, Self::Error>;

    /// The effective SOP of this hash, with the plugins and datasets of `pins`. A visit that has not started has no pins;
    /// no rule is called for it then. None when it is not there.
    ///
    /// # Errors
    /// When the record cannot be read.
    fn sop(&mut self, hash: &str, pins: Option<&Pins>) -> Result<Option<Arc<EffectiveSop>>, Self::Error>;

    /// Runs a rule call of a visit that runs under `sop`.
    fn call(&mut self, sop: &EffectiveSop, call: &RuleCall) -> RuleOutcome;
}

/// Where an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Its stream.
    pub stream: String,
    /// Its place in it, from 1.
    pub seq: u64,
}

/// What judging a stream again gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rechecked {
    /// How many judgements were made again.
    pub judged: u64,
    /// How many rule calls that took.
    pub calls: u64,
    /// Events that could not be judged again because they, or what they rest on, were erased.
    pub erased: Vec<u64>,
    /// Events that differ; empty when all is equal.
    pub differences: Vec<Difference>,
}

/// An event that is not what judging again gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Its place in the stream.
    pub seq: u64,
    /// Its type.
    pub kind: String,
    /// What is different.
    pub what: Differs,
}

/// In what way an event differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "differs", rename_all = "snake_case")]
pub enum Differs {
    /// Something else happened.
    #[error("judged again it is {made}")]
    Kind {
        /// Type of the event that comes of it now.
        made: String,
    },
    /// The same happened, but not the same was recorded.
    #[error("judged again it differs in {payloads:?}")]
    Payloads {
        /// Which payloads.
        payloads: Vec<String>,
    },
    /// It did not happen.
    #[error("no event comes of it now")]
    Nothing,
    /// More happened.
    #[error("an event is missing after it: {made}")]
    Missing {
        /// Type of the event that is missing.
        made: String,
    },
    /// It rests on an event that is not there, or does not answer the need.
    #[error("its {need} comes from event {event}, which does not say so")]
    Unfounded {
        /// Which need.
        need: String,
        /// Hash of the event it names.
        event: String,
    },
    /// What it was judged under is not there.
    #[error("the SOP {hash} it was judged under is not in the record")]
    NoSop {
        /// Hash of the effective SOP.
        hash: String,
    },
    /// It cannot be read; neither can what came after it.
    #[error("{detail}")]
    Unreadable {
        /// Why.
        detail: String,
    },
}

/// Whether the events of a stream hold findings, so that there is something to judge again.
#[must_use]
pub fn is_judged(stream: &str) -> bool {
    stream.starts_with("vis_") || stream.starts_with("led_")
}

/// Judges the stream of one visit, or of one account of a ledger, again.
///
/// # Errors
/// When the record cannot be read.
pub fn recheck<R: Recorded>(recorded: &mut R, stream: &str) -> Result<Rechecked, R::Error> {
    let mut rechecked = Rechecked::default();
    if stream.starts_with("led_") {
        return ledger::recheck(recorded, stream);
    }
    if !is_judged(stream) {
        return Ok(rechecked);
    }
    let events = recorded.events(stream, u64::MAX)?;
    let mut visit: Option<Visit> = None;
    let mut rest = events.as_slice();
    while let Some((judgement, after)) = rest.split_at_checked(n_events(rest)).filter(|(one, _)| !one.is_empty()) {
        let read: Result<Vec<VisitEvent>, Unbuilt> = judgement.iter().map(VisitEvent::of).collect();
        let happened = match read {
            Ok(happened) => happened,
            Err(Unbuilt::Erased { .. }) => {
                // What the visit was from here on is not known any more.
                rechecked.erased.extend(rest.iter().map(|event| event.header.seq));
                return Ok(rechecked);
            }
            Err(Unbuilt::Malformed { seq, detail }) => {
                rechecked.differ_at(judgement, seq, Differs::Unreadable { detail });
                return Ok(rechecked);
            }
        };
        let again = Again { visit: visit.as_ref(), recorded: judgement, happened: &happened };
        match again.judge(recorded, &mut rechecked.calls)? {
            Made::Events(made) => {
                rechecked.judged += 1;
                compare(judgement, &made, &mut rechecked.differences);
            }
            Made::Erased => rechecked.erased.extend(judgement.iter().map(|event| event.header.seq)),
            Made::Differs(what) => rechecked.differ(judgement.first(), what),
        }
        for (event, stored) in happened.iter().zip(judgement) {
            visit = match Visit::after(visit, event, stored) {
                Ok(visit) => visit,
                Err(unbuilt) => {
                    rechecked.differ(Some(stored), Differs::Unreadable { detail: unbuilt.to_string() });
                    return Ok(rechecked);
                }
            };
        }
        rest = after;
    }
    Ok(rechecked)
}

impl Rechecked {
    fn differ(&mut self, event: Option<&Event>, what: Differs) {
        if let Some(event) = event {
            self.differences.push(difference(event, what));
        }
    }

    fn differ_at(&mut self, judgement: &[Event], seq: u64, what: Differs) {
        self.differ(judgement.iter().find(|event| event.header.seq == seq), what);
    }
}

fn difference(event: &Event, what: Differs) -> Difference {
    Difference { seq: event.header.seq, kind: event.header.kind.clone(), what }
}

/// How many events the first judgement of these made, by their types alone.
fn n_events(events: &[Event]) -> usize {
    let is = |index: usize, kind: &str| events.get(index).is_some_and(|event| event.header.kind == kind);
    let mut n_events = usize::from(is(0, "visit_reopened"));
    let handed_in = is(n_events, "submitted");
    n_events += usize::from(n_events < events.len());
    if handed_in && is(n_events, "assessed") {
        n_events += 1;
    }
    if is(n_events.saturating_sub(1), "assessed") && is(n_events, "reassessed") {
        n_events += 1;
    }
    n_events
}

/// What judging again came to.
enum Made {
    Events(Vec<VisitEvent>),
    /// Something it rests on was erased.
    Erased,
    Differs(Differs),
}

/// One judgement: the visit before it, and what was recorded of it.
struct Again<'a> {
    visit: Option<&'a Visit>,
    recorded: &'a [Event],
    happened: &'a [VisitEvent],
}

/// What a judgement after the first was about.
enum Cause<'a> {
    Command(&'a Command),
    /// The policy closed the visit.
    Clock(&'a crate::command::Clock),
    /// All evidence was there at last.
    Evidence,
    /// A neighbour of the check-in came late.
    Neighbour,
}

impl Again<'_> {
    fn judge<R: Recorded>(&self, recorded: &mut R, n_calls: &mut u64) -> Result<Made, R::Error> {
        let (Some(first), Some(stored)) = (self.happened.first(), self.recorded.first()) else {
            return Ok(Made::Events(Vec::new()));
        };
        let Some(visit) = self.visit else {
            return match first {
                VisitEvent::VisitCreated { command, customer, sop, .. } => {
                    let Some(sop) = recorded.sop(sop, None)? else { return Ok(no_sop(sop)) };
                    let own = visit_of_task(&command.task) == stored.header.stream;
                    let created = submit::create(&sop, customer, command).ok().filter(|_| own);
                    Ok(Made::Events(created.into_iter().collect()))
                }
                _ => Ok(Made::Differs(Differs::Nothing)),
            };
        };
        let cause = match first {
            VisitEvent::VisitCreated { .. } => return Ok(Made::Events(Vec::new())),
            // A fact, not a finding; what follows from it is a judgement of its own.
            VisitEvent::EvidenceArrived { .. } => return Ok(Made::Events(self.happened.to_vec())),
            // What was used before may have been used for another visit.
            VisitEvent::Refused { refusal, .. } if refusal.code == "command.reused" => {
                return Ok(Made::Events(self.happened.to_vec()));
            }
            VisitEvent::VisitStarted { command, .. }
            | VisitEvent::DraftSaved { command }
            | VisitEvent::Submitted { command, .. }
            | VisitEvent::Refused { command, .. }
            | VisitEvent::Skipped { command }
            | VisitEvent::StepReturned { command }
            | VisitEvent::VisitReopened { command }
            | VisitEvent::VisitCompleted { command, .. }
            | VisitEvent::Reviewed { command, .. }
            | VisitEvent::Contested { command }
            | VisitEvent::VisitCancelled { command } => Cause::Command(command),
            VisitEvent::VisitClosed { clock, .. } => Cause::Clock(clock),
            VisitEvent::Reassessed { .. } => Cause::Evidence,
            VisitEvent::Assessed { .. } => Cause::Neighbour,
        };
        let (hash, pins) = match first {
            VisitEvent::VisitStarted { pins, .. } => (&pins.sop_hash, Some(pins)),
            _ => (&visit.sop, visit.pins()),
        };
        let Some(sop) = recorded.sop(hash, pins)? else { return Ok(no_sop(hash)) };
        let wanted = match &cause {
            Cause::Command(command) => submit::wanted(&sop, visit, command),
            Cause::Clock(_) | Cause::Evidence => submit::wanted_for_verdict(&sop, visit),
            Cause::Neighbour => submit::wanted_for_reassessment(&sop, visit),
        };
        let mut gathered = match self.regather(recorded, &wanted)? {
            Regathered::Gathered(gathered) => gathered,
            Regathered::Erased => return Ok(Made::Erased),
            Regathered::Unfounded(Reference { need, event, .. }) => {
                return Ok(Made::Differs(Differs::Unfounded { need, event }));
            }
        };
        gathered.arrived = self.arrived();
        gathered.exif = self.exif();
        gathered.draw_seed = self.happened.iter().find_map(draw).map(|draw| draw.seed.clone());
        let pending = match cause {
            Cause::Command(command) => match submit::check(&sop, visit, command, &gathered) {
                Ok(pending) => pending,
                Err(rejection) => return Ok(Made::Events(vec![rejection.refused(command)])),
            },
            Cause::Clock(clock) => {
                let at_ms = time::parse("at", &stored.header.at).unwrap_or(i64::MIN);
                if visit.closes_at_ms(&sop).is_none_or(|closes_at_ms| closes_at_ms > at_ms) {
                    return Ok(Made::Events(Vec::new()));
                }
                submit::close(&sop, visit, &gathered, Some(clock))
            }
            Cause::Evidence if visit.verdict().is_none() => return Ok(Made::Events(Vec::new())),
            Cause::Evidence => submit::close(&sop, visit, &gathered, None),
            Cause::Neighbour => submit::reassess(&sop, visit, &gathered),
        };
        let mut made = self.decide(recorded, &sop, pending, n_calls);
        // Pins name the engine that pinned, which is the one that recorded.
        if let Some(VisitEvent::VisitStarted { pins, .. }) = made.first_mut() {
            pins.engine.clone_from(&stored.header.engine);
        }
        Ok(Made::Events(made))
    }

    fn decide<R: Recorded>(
        &self,
        recorded: &mut R,
        sop: &EffectiveSop,
        pending: Pending<'_>,
        n_calls: &mut u64,
    ) -> Vec<VisitEvent> {
        let mut outcomes = Vec::new();
        for call in pending.calls() {
            let fact = self.fact(call);
            *n_calls += u64::from(fact.is_none());
            outcomes.push(fact.unwrap_or_else(|| recorded.call(sop, call)));
        }
        pending.decide(outcomes)
    }

    /// A deadline that passed is a fact of its time: it cannot be made to pass again.
    fn fact(&self, call: &RuleCall) -> Option<RuleOutcome> {
        let passed = |outcome: &RuleOutcome| matches!(&outcome.answer, RuleAnswer::Failed(failure) if failure.code == FailureCode::Deadline);
        self.happened
            .iter()
            .flat_map(calls)
            // What is rare is asked before what is dear.
            .filter(|record| record.rule == call.rule && passed(&record.outcome))
            .find(|record| record.input_hash == submit::input_hash(call))
            .map(|record| record.outcome.clone())
    }

    fn regather<R: Recorded>(&self, recorded: &mut R, wanted: &Wanted) -> Result<Regathered, R::Error> {
        let references = self.happened.iter().find_map(references).cloned().unwrap_or_default();
        regather::regather(recorded, wanted, references)
    }

    /// Evidence of the submission that is not recorded as awaited was here.
    fn arrived(&self) -> std::collections::BTreeSet<String> {
        let of = |event: &VisitEvent| match event {
            VisitEvent::Submitted { submission, awaited, .. } => {
                let named = submission.evidence.iter().map(|evidence| evidence.sha256.clone());
                Some(named.filter(|sha256| !awaited.contains(sha256)).collect())
            }
            _ => None,
        };
        self.happened.iter().find_map(of).unwrap_or_default()
    }

    /// What the bytes said that were here is a fact of the submission.
    fn exif(&self) -> BTreeMap<String, Exif> {
        let submitted = self.happened.iter().filter_map(|event| match event {
            VisitEvent::Submitted { submission, .. } => Some(&submission.evidence),
            _ => None,
        });
        submitted.flatten().filter_map(|it| Some((it.sha256.clone(), it.exif.clone()?))).collect()
    }
}

fn no_sop(hash: &str) -> Made {
    Made::Differs(Differs::NoSop { hash: hash.to_owned() })
}

fn calls(event: &VisitEvent) -> &[CallRecord] {
    match event {
        VisitEvent::Assessed { assessment } => &assessment.calls,
        VisitEvent::Refused { refusal, .. } => &refusal.calls,
        VisitEvent::VisitCompleted { verdict, .. }
        | VisitEvent::VisitClosed { verdict, .. }
        | VisitEvent::Reassessed { verdict } => &verdict.calls,
        _ => &[],
    }
}

fn draw(event: &VisitEvent) -> Option<&Draw> {
    match event {
        VisitEvent::VisitCompleted { verdict, .. }
        | VisitEvent::VisitClosed { verdict, .. }
        | VisitEvent::Reassessed { verdict } => verdict.draw.as_ref(),
        _ => None,
    }
}

fn references(event: &VisitEvent) -> Option<&Vec<Reference>> {
    match event {
        VisitEvent::Assessed { assessment } => Some(&assessment.gathered),
        VisitEvent::Refused { refusal, .. } => Some(&refusal.gathered),
        VisitEvent::VisitCompleted { verdict, .. }
        | VisitEvent::VisitClosed { verdict, .. }
        | VisitEvent::Reassessed { verdict } => Some(&verdict.gathered),
        _ => None,
    }
}

/// Compares event by event, payload by payload.
fn compare(recorded: &[Event], made: &[VisitEvent], differences: &mut Vec<Difference>) {
    for (index, stored) in recorded.iter().enumerate() {
        let Some(event) = made.get(index) else {
            differences.push(difference(stored, Differs::Nothing));
            continue;
        };
        let (kind, texts) = match event.texts() {
            Ok(made) => made,
            Err(error) => {
                differences.push(difference(stored, Differs::Unreadable { detail: error.to_string() }));
                continue;
            }
        };
        if kind != stored.header.kind {
            differences.push(difference(stored, Differs::Kind { made: kind }));
            continue;
        }
        let names = texts.keys().chain(stored.payloads.keys());
        let mut payloads: Vec<String> =
            names.filter(|name| !equal(texts.get(*name), stored.payloads.get(*name))).cloned().collect();
        payloads.sort();
        payloads.dedup();
        if !payloads.is_empty() {
            differences.push(difference(stored, Differs::Payloads { payloads }));
        }
    }
    if let (Some(last), Some(missing)) = (recorded.last(), made.get(recorded.len())) {
        differences.push(difference(last, Differs::Missing { made: missing.draft("").kind }));
    }
}

fn equal(made: Option<&CanonicalJson>, stored: Option<&Payload>) -> bool {
    match (made, stored) {
        // The same bytes say the same; other bytes may, where what was stored is not canonical.
        (Some(made), Some(Payload::Kept(kept))) => {
            *made == kept.value || CanonicalJson::of(&kept.value.value()).is_ok_and(|stored| stored == *made)
        }
        _ => false,
    }
}
