//! What past events can tell a rule: a rep's check-ins, where evidence was used, the last visit to a customer.
//!
//! In memory, for the journal; a server answers the same `Wanted` from its indexes.

use crate::effective::EffectiveSop;
use crate::gather::{self, Gathered, Wanted};
use crate::input::{CheckInInput, EvidenceUse, PreviousVisit};
use crate::rule::Need;
use crate::sop::StepKind;
use crate::verdict::Reference;
use crate::visit::{Visit, VisitEvent};
use std::collections::{BTreeMap, BTreeSet};

/// See the module header.
#[derive(Default)]
pub struct History {
    /// Evidence that is here, by SHA-256.
    pub arrived: BTreeSet<String>,
    /// Accepted check-ins by rep and visit, with the event.
    check_ins: BTreeMap<String, BTreeMap<String, (CheckInInput, String)>>,
    /// Uses by SHA-256, with the event.
    uses: BTreeMap<String, Vec<(EvidenceUse, String)>>,
    /// Completed visits by customer, with when they were checked in and the event.
    completed: BTreeMap<String, Vec<(i64, PreviousVisit, String)>>,
}

impl History {
    /// Notes what an event of `visit` (already applied to it) adds.
    pub fn note(&mut self, sop: &EffectiveSop, visit: &Visit, event: &VisitEvent, hash: &str) {
        match event {
            VisitEvent::Submitted { submission, .. } => {
                for used in gather::uses_of(visit, submission) {
                    self.uses.entry(used.sha256.clone()).or_default().push((used, hash.to_owned()));
                }
                let is_check_in = sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn);
                if let Some(check_in) = visit.check_in(&sop.sop).filter(|_| is_check_in) {
                    let by_visit = self.check_ins.entry(visit.user.clone()).or_default();
                    by_visit.insert(visit.id.clone(), (check_in, hash.to_owned()));
                }
            }
            VisitEvent::VisitCompleted { .. } | VisitEvent::VisitClosed { .. } | VisitEvent::Reassessed { .. } => {
                let Some(check_in) = visit.check_in(&sop.sop) else { return };
                let previous = gather::previous_of(sop, visit);
                let of_customer = self.completed.entry(visit.customer.id.clone()).or_default();
                of_customer.retain(|(_, known, _)| known.visit != visit.id);
                of_customer.push((check_in.at.max_ms, previous, hash.to_owned()));
            }
            _ => {}
        }
    }

    /// Answers what a judgement wants.
    #[must_use]
    pub fn gather(&self, wanted: &Wanted) -> Gathered {
        let mut gathered =
            Gathered { arrived: wanted.evidence.intersection(&self.arrived).cloned().collect(), ..Gathered::default() };
        let mut references = BTreeSet::new();
        let mut refer = |need: &str, event: &str| {
            references.insert(Reference { need: need.to_owned(), event: event.to_owned() });
        };
        if wanted.needs.contains(&Need::LastCheckIn) {
            let last = self
                .check_ins
                .get(&wanted.user)
                .into_iter()
                .flat_map(BTreeMap::values)
                .filter(|(check_in, _)| check_in.visit != wanted.visit && check_in.at.max_ms <= wanted.before_ms)
                .max_by_key(|(check_in, _)| (check_in.at.max_ms, check_in.visit.clone()));
            if let Some((check_in, event)) = last {
                refer("last_check_in", event);
                gathered.last_check_in = Some(check_in.clone());
            }
        }
        if wanted.needs.contains(&Need::EvidenceUses) {
            let uses = wanted.evidence.iter().filter_map(|sha256| self.uses.get(sha256)).flatten();
            for (used, event) in uses.filter(|(used, _)| used.visit != wanted.visit) {
                refer("evidence_uses", event);
                gathered.evidence_uses.push(used.clone());
            }
            gather::sort_uses(&mut gathered.evidence_uses);
        }
        if wanted.needs.contains(&Need::PreviousVisit) {
            let last = self
                .completed
                .get(&wanted.customer)
                .into_iter()
                .flatten()
                .filter(|(at_ms, previous, _)| previous.visit != wanted.visit && *at_ms <= wanted.before_ms)
                .max_by_key(|(at_ms, previous, _)| (*at_ms, previous.visit.clone()));
            if let Some((_, previous, event)) = last {
                refer("previous_visit", event);
                gathered.previous_visit = Some(previous.clone());
            }
        }
        gathered.references = references.into_iter().collect();
        gathered
    }
}
