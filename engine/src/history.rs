//! What past events can tell a judgement: a rep's check-ins, where evidence was used, the last visit to a customer, photos
//! and texts that are alike, where accounts stand.
//!
//! In memory, for the journal; a server answers the same `Wanted` from its indexes.

use crate::alike::{self, PastPhoto, PastText};
use crate::effective::EffectiveSop;
use crate::event::Event;
use crate::gather::{self, Gathered, Wanted};
use crate::input::{CheckInInput, EvidenceUse, Exif, OnDevice, PhotoNeighbour, PreviousVisit};
use crate::ledger::{self, Account, Balance};
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
    /// What its bytes say of how it was made, by SHA-256.
    pub exif: BTreeMap<String, Exif>,
    /// Accepted check-ins by rep and visit, with the event.
    check_ins: BTreeMap<String, BTreeMap<String, (CheckInInput, String)>>,
    /// The same by device and visit.
    on_devices: BTreeMap<String, BTreeMap<String, (OnDevice, String)>>,
    /// Uses by SHA-256, with the event.
    uses: BTreeMap<String, Vec<(EvidenceUse, String)>>,
    /// Completed visits by customer, with when they were checked in and the event.
    completed: BTreeMap<String, Vec<(i64, PreviousVisit, String)>>,
    /// Photos with the event, and where they stand in it by each band of their perceptual hash.
    photos: Vec<(PastPhoto, String)>,
    by_band: BTreeMap<(usize, u16), Vec<usize>>,
    /// Texts by their hash, with the event.
    texts: BTreeMap<String, Vec<(PastText, String)>>,
    /// Where accounts stand.
    balances: BTreeMap<Account, Balance>,
}

impl History {
    /// Notes what an event of `visit` (already applied to it) adds.
    pub fn note(&mut self, sop: &EffectiveSop, visit: &Visit, event: &VisitEvent, hash: &str) {
        match event {
            VisitEvent::Submitted { submission, .. } => {
                for used in gather::uses_of(visit, submission) {
                    self.uses.entry(used.sha256.clone()).or_default().push((used, hash.to_owned()));
                }
                for photo in alike::photos_of(visit, submission) {
                    for band in alike::bands(photo.hash).into_iter().enumerate() {
                        self.by_band.entry(band).or_default().push(self.photos.len());
                    }
                    self.photos.push((photo, hash.to_owned()));
                }
                for text in alike::texts_of(sop, visit, submission) {
                    self.texts.entry(text.hash.clone()).or_default().push((text, hash.to_owned()));
                }
                let is_check_in = sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn);
                if let Some(check_in) = visit.check_in(&sop.sop).filter(|_| is_check_in) {
                    let by_visit = self.check_ins.entry(visit.user.clone()).or_default();
                    by_visit.insert(visit.id.clone(), (check_in, hash.to_owned()));
                }
                if let Some((device, on_device)) = gather::on_device(sop, visit).filter(|_| is_check_in) {
                    for by_visit in self.on_devices.values_mut() {
                        by_visit.remove(&visit.id);
                    }
                    let by_visit = self.on_devices.entry(device).or_default();
                    by_visit.insert(visit.id.clone(), (on_device, hash.to_owned()));
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

    /// Notes an entry of an account.
    pub fn note_entry(&mut self, stored: &Event) {
        self.balances.extend(ledger::balance_after(stored));
    }

    /// Where an account stands.
    #[must_use]
    pub fn balance(&self, account: &Account) -> Balance {
        self.balances.get(account).cloned().unwrap_or_default()
    }

    /// Answers what a judgement wants.
    #[must_use]
    pub fn gather(&self, wanted: &Wanted) -> Gathered {
        let exif = wanted.evidence.iter().filter_map(|sha256| self.exif.get_key_value(sha256));
        let mut gathered = Gathered {
            arrived: wanted.evidence.intersection(&self.arrived).cloned().collect(),
            exif: exif.map(|(sha256, exif)| (sha256.clone(), exif.clone())).collect(),
            ..Gathered::default()
        };
        let mut references = BTreeSet::new();
        let mut refer = |need: &str, event: &str| {
            references.insert(Reference::new(need, event));
        };
        if wanted.needs.contains(&Need::LastCheckIn) {
            let last = |before_ms: i64| {
                let own = self.check_ins.get(&wanted.user).into_iter().flat_map(BTreeMap::values);
                own.filter(|(check_in, _)| check_in.visit != wanted.visit && check_in.at.max_ms <= before_ms)
                    .max_by_key(|(check_in, _)| (check_in.at.max_ms, check_in.visit.clone()))
            };
            let mut next = last(wanted.before_ms);
            if let Some((check_in, event)) = next {
                refer("last_check_in", event);
                gathered.last_check_in = Some(check_in.clone());
            }
            for _ in 0..gather::LOOK_BACK {
                let Some((placeless, _)) = next.filter(|(check_in, _)| check_in.position.is_none()) else { break };
                next = last(placeless.at.max_ms.saturating_sub(1));
                if let Some((check_in, event)) = next.filter(|(check_in, _)| check_in.position.is_some()) {
                    refer("last_located", event);
                    gathered.last_located = Some(check_in.clone());
                }
            }
        }
        if wanted.needs.contains(&Need::LastOnDevice) {
            let last = self.on_devices.get(&wanted.device).into_iter().flat_map(BTreeMap::values);
            let last = last.filter(|(on, _)| wanted.is_on_device(on));
            if let Some((on_device, event)) = last.max_by_key(|(on, _)| (on.at.max_ms, on.visit.clone())) {
                refer("last_on_device", event);
                gathered.last_on_device = Some(on_device.clone());
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
        if wanted.needs.contains(&Need::PhotoNeighbours) {
            gathered.told_neighbours(self.neighbours(wanted), wanted, &mut references);
        }
        if wanted.needs.contains(&Need::SameTexts) {
            let found = wanted.texts.keys().filter_map(|hash| self.texts.get(hash)).flatten();
            let found =
                found.filter_map(|(text, event)| Some((wanted.same_text(text)?, text.hash.clone(), event.clone())));
            gathered.told_texts(found.collect(), &mut references);
        }
        let known = |account: &Account| Some((account.clone(), self.balances.get(account)?.clone()));
        gathered.balances = wanted.accounts.iter().filter_map(known).collect();
        references.extend(ledger::references(&gathered.balances));
        gathered.references = references.into_iter().collect();
        gathered
    }

    /// Photos like one of those wanted, each with the event, by the bands of their hashes.
    fn neighbours(&self, wanted: &Wanted) -> Vec<(PhotoNeighbour, String)> {
        let mut found = Vec::new();
        for (sha256, photo) in &wanted.photos {
            let bands = alike::bands(photo.hash).into_iter().enumerate();
            let probes = bands.flat_map(|(band, bits)| alike::probes(bits).map(move |bits| (band, bits)));
            let places: BTreeSet<usize> =
                probes.filter_map(|probe| self.by_band.get(&probe)).flatten().copied().collect();
            let photos = places.into_iter().filter_map(|place| self.photos.get(place));
            found.extend(photos.filter_map(|(photo, event)| Some((wanted.neighbour(sha256, photo)?, event.clone()))));
        }
        found
    }
}
