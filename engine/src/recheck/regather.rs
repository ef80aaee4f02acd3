//! What a judgement was told about other visits, read back from the events it names.

use super::Recorded;
use crate::alike;
use crate::effective::EffectiveSop;
use crate::event::{Event, Payload};
use crate::gather::{self, Gathered, Wanted};
use crate::input::{CheckInInput, RepStanding};
use crate::ledger::{self, Account, Balance};
use crate::standing;
use crate::verdict::Reference;
use crate::visit::{Unbuilt, Visit, VisitEvent};
use std::sync::Arc;

/// See the module header.
pub(super) enum Regathered {
    Gathered(Box<Gathered>),
    /// An event it rests on was erased.
    Erased,
    /// An event it rests on is not there, or does not answer the need.
    Unfounded(Reference),
}

/// A visit as it was when one of its events happened.
struct Neighbour {
    visit: Visit,
    event: VisitEvent,
    sop: Arc<EffectiveSop>,
}

pub(super) fn regather<R: Recorded>(
    recorded: &mut R,
    wanted: &Wanted,
    mut references: Vec<Reference>,
) -> Result<Regathered, R::Error> {
    references.sort();
    references.dedup();
    let mut gathered = Gathered::default();
    for reference in &references {
        if reference.need == ledger::SOURCE {
            match balance(recorded, &reference.event)?.filter(|(account, _)| wanted.accounts.contains(account)) {
                Some((account, balance)) => drop(gathered.balances.insert(account, balance)),
                None => return Ok(Regathered::Unfounded(reference.clone())),
            }
            continue;
        }
        if reference.need == standing::NAME {
            let Some(event) = event(recorded, &reference.event)? else {
                return Ok(Regathered::Unfounded(reference.clone()));
            };
            if event.payloads.values().any(|payload| matches!(payload, Payload::Erased(_))) {
                return Ok(Regathered::Erased);
            }
            gathered.rep_standing = RepStanding::told(&event, wanted);
            if gathered.rep_standing.is_none() {
                return Ok(Regathered::Unfounded(reference.clone()));
            }
            continue;
        }
        let neighbour = match neighbour(recorded, &reference.event)? {
            Ok(Some(neighbour)) => neighbour,
            Ok(None) => return Ok(Regathered::Unfounded(reference.clone())),
            Err(Unbuilt::Erased { .. }) => return Ok(Regathered::Erased),
            Err(Unbuilt::Malformed { .. }) => return Ok(Regathered::Unfounded(reference.clone())),
        };
        if !add(&mut gathered, wanted, reference, &neighbour) {
            return Ok(Regathered::Unfounded(reference.clone()));
        }
    }
    gather::sort_uses(&mut gathered.evidence_uses);
    alike::sort_neighbours(&mut gathered.photo_neighbours);
    alike::sort_texts(&mut gathered.same_texts);
    gathered.references = references;
    Ok(Regathered::Gathered(Box::new(gathered)))
}

/// Where an account stood after the entry of this hash.
fn balance<R: Recorded>(recorded: &mut R, hash: &str) -> Result<Option<(Account, Balance)>, R::Error> {
    let event = event(recorded, hash)?;
    let after = event.as_ref().and_then(ledger::balance_after);
    Ok(after.filter(|(account, _)| event.is_some_and(|event| account.stream() == event.header.stream)))
}

/// The event of this hash.
fn event<R: Recorded>(recorded: &mut R, hash: &str) -> Result<Option<Event>, R::Error> {
    let Some(located) = recorded.find(hash)? else { return Ok(None) };
    let mut events = recorded.events(&located.stream, located.seq)?;
    Ok(events.pop().filter(|last| last.hash == hash))
}

fn neighbour<R: Recorded>(recorded: &mut R, hash: &str) -> Result<Result<Option<Neighbour>, Unbuilt>, R::Error> {
    let Some(located) = recorded.find(hash)? else { return Ok(Ok(None)) };
    let events = recorded.events(&located.stream, located.seq)?;
    let Some(last) = events.last().filter(|last| last.hash == hash) else { return Ok(Ok(None)) };
    let (visit, event) = match Visit::rebuild(&events).and_then(|visit| Ok((visit, VisitEvent::of(last)?))) {
        Ok((Some(visit), event)) => (visit, event),
        Ok((None, _)) => return Ok(Ok(None)),
        Err(unbuilt) => return Ok(Err(unbuilt)),
    };
    let sop = recorded.sop(&visit.sop, visit.pins())?;
    Ok(Ok(sop.map(|sop| Neighbour { visit, event, sop })))
}

/// Adds what the neighbour says to a need; false when it is no answer to what is wanted.
fn add(
    gathered: &mut Gathered,
    wanted: &Wanted,
    Reference { need, about, .. }: &Reference,
    neighbour: &Neighbour,
) -> bool {
    let Neighbour { visit, event, sop } = neighbour;
    if visit.id == wanted.visit {
        return false;
    }
    let before = |check_in: &CheckInInput| check_in.at.max_ms <= wanted.before_ms;
    let check_in = visit.check_in(&sop.sop).filter(before);
    match (need.as_str(), event) {
        ("last_check_in", VisitEvent::Submitted { .. }) => {
            gathered.last_check_in = check_in.filter(|_| visit.user == wanted.user);
            gathered.last_check_in.is_some()
        }
        ("last_located", VisitEvent::Submitted { .. }) => {
            let located = check_in.filter(|check_in| visit.user == wanted.user && check_in.position.is_some());
            gathered.last_located = located;
            gathered.last_located.is_some()
        }
        ("last_on_device", VisitEvent::Submitted { .. }) => {
            let on_device = gather::on_device(sop, visit)
                .filter(|(device, on)| *device == wanted.device && wanted.is_on_device(on));
            gathered.last_on_device = on_device.map(|(_, on)| on);
            gathered.last_on_device.is_some()
        }
        ("evidence_uses", VisitEvent::Submitted { submission, .. }) => {
            let uses = gather::uses_of(visit, submission);
            let wanted: Vec<_> = uses.into_iter().filter(|used| wanted.evidence.contains(&used.sha256)).collect();
            let answers = !wanted.is_empty();
            gathered.evidence_uses.extend(wanted);
            answers
        }
        (
            "previous_visit",
            VisitEvent::VisitCompleted { .. } | VisitEvent::VisitClosed { .. } | VisitEvent::Reassessed { .. },
        ) => {
            if check_in.is_none() || visit.customer.id != wanted.customer {
                return false;
            }
            gathered.previous_visit = Some(gather::previous_of(sop, visit));
            true
        }
        ("photo_neighbours", VisitEvent::Submitted { submission, .. }) => {
            let [sha256, other] = about.as_slice() else { return false };
            let photo = alike::photos_of(visit, submission).into_iter().find(|photo| photo.sha256 == *other);
            let neighbour = photo.and_then(|photo| wanted.neighbour(sha256, &photo));
            gathered.photo_neighbours.extend(neighbour.clone());
            neighbour.is_some()
        }
        ("same_texts", VisitEvent::Submitted { submission, .. }) => {
            let [hash] = about.as_slice() else { return false };
            let text = alike::texts_of(sop, visit, submission).into_iter().find(|text| text.hash == *hash);
            let same = text.and_then(|text| wanted.same_text(&text));
            gathered.same_texts.extend(same.clone());
            same.is_some()
        }
        _ => false,
    }
}
