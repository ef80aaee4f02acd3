//! The events of a visit: what can happen to it, and how that is written down.
//!
//! What an event does to the state is `Visit::apply`; whether it happens is decided in `submit.rs` and `complete.rs`.

use crate::canon::{self, CanonError, CanonicalJson};
use crate::command::{Clock, Command, Customer, EvidenceArrival};
use crate::effective::Pins;
use crate::event::{self, Draft, Event, Seal, seal_texts};
use crate::input::SubmissionInput;
use crate::verdict::{Assessment, Decision, Refusal, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Something that happened to a visit. Each member of a variant becomes one payload of the event, committed on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "members are payload names; what they hold is said at their types")]
pub enum VisitEvent {
    /// Planned, or begun unplanned.
    VisitCreated { command: Command, customer: Customer, business_date: String, sop: String },
    /// Taken up and pinned.
    VisitStarted { command: Command, pins: Pins },
    /// Answers kept, not judged.
    DraftSaved { command: Command },
    /// A step was handed in and accepted; `awaited` is its evidence that was not here yet.
    Submitted { command: Command, submission: SubmissionInput, awaited: BTreeSet<String> },
    /// What was found about it: after `submitted`, or alone when an accepted check-in was judged again.
    Assessed { assessment: Assessment },
    /// An attempt was refused; nothing changed, but it is on record.
    Refused { command: Command, refusal: Refusal },
    /// A step that was not required was left out.
    Skipped { command: Command },
    /// A reviewer wants a step done again.
    StepReturned { command: Command },
    /// Work done before the policy closed the visit arrived after.
    VisitReopened { command: Command },
    /// Awaited evidence arrived.
    EvidenceArrived { evidence: EvidenceArrival },
    /// The rep said the visit is over.
    VisitCompleted { command: Command, verdict: Verdict },
    /// Nobody said so; the policy did.
    VisitClosed { clock: Clock, verdict: Verdict },
    /// The verdict was made again; the old one stays in the log.
    Reassessed { verdict: Verdict },
    /// A reviewer decided over the verdict.
    Reviewed { command: Command, decision: Decision },
    /// The rep disagrees.
    Contested { command: Command },
    /// It will not take place.
    VisitCancelled { command: Command },
}

impl VisitEvent {
    /// The types there are, as headers name them.
    pub const TYPES: [&str; 16] = [
        "visit_created",
        "visit_started",
        "draft_saved",
        "submitted",
        "assessed",
        "refused",
        "skipped",
        "step_returned",
        "visit_reopened",
        "evidence_arrived",
        "visit_completed",
        "visit_closed",
        "reassessed",
        "reviewed",
        "contested",
        "visit_cancelled",
    ];

    /// The event as unsealed data: its type, and each member as a payload of its own.
    #[must_use]
    pub fn draft(&self, visit: &str) -> Draft {
        let mut payloads: BTreeMap<String, Value> = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let kind = payloads.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        Draft { kind, stream: visit.to_owned(), payloads }
    }

    /// Makes it the next event of a visit's stream, as `event::seal` does with its draft.
    ///
    /// # Errors
    /// A member that has no canonical form.
    pub fn seal(
        &self,
        visit: &str,
        place: &Seal<'_>,
        salts: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Event, CanonError> {
        let (kind, texts) = self.texts()?;
        seal_texts((kind, visit.to_owned()), texts, place, salts)
    }

    /// Its type, and each member in canonical form.
    ///
    /// # Errors
    /// A member that has no canonical form.
    pub(crate) fn texts(&self) -> Result<(String, BTreeMap<String, CanonicalJson>), CanonError> {
        let mut texts = canon::members(self)?;
        let kind = texts.remove("type").map(|kind| kind.value());
        Ok((kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(), texts))
    }

    /// The event back from its type and payloads.
    ///
    /// # Errors
    /// When a payload is missing or does not have the shape of its type.
    pub fn from_payloads<'a>(
        kind: &str,
        payloads: impl Iterator<Item = (&'a String, &'a CanonicalJson)>,
    ) -> Result<Self, serde_json::Error> {
        event::read(kind, payloads)
    }
}
