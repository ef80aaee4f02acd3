//! A visit as its events tell it, and what the past tells a judgement about it.

use crate::app::App;
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::{sops, standings};
use crate::store::{AccountBalance, PastEvent, StoredEvent};
use engine::alike::LOOK_BACK_MS;
use engine::command::Customer;
use engine::decimal::Decimal;
use engine::effective::EffectiveSop;
use engine::event::{self, Event, Tip};
use engine::gather::{Gathered, LOOK_BACK, Wanted};
use engine::input::{CheckInInput, EvidenceUse, OnDevice, PreviousVisit, SubmissionInput};
use engine::ledger::{self, Account, Balance};
use engine::progress::progress;
use engine::rule::Need;
use engine::standing;
use engine::verdict::Reference;
use engine::visit::{Unbuilt, Visit, VisitEvent};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

/// A visit and the end of its stream.
#[derive(Clone)]
pub struct LoadedVisit {
    /// The state its events add up to.
    pub visit: Visit,
    /// Where the next event goes.
    pub tip: Tip,
}

/// All events of a stream (up to and including `up_to`).
///
/// # Errors
/// Those of the store.
pub async fn stream(app: &App, tenant: &str, stream: &str, up_to: Option<u64>) -> Result<Vec<StoredEvent>> {
    const PAGE: u32 = 500;
    let mut all: Vec<StoredEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.seq);
        let page = app.store.events(tenant, stream, after, PAGE).await?;
        let full = page.len() >= PAGE as usize;
        all.extend(page);
        if let Some(up_to) = up_to {
            all.retain(|event| event.seq <= up_to);
        }
        if !full || up_to.is_some_and(|up_to| all.last().is_some_and(|event| event.seq >= up_to)) {
            return Ok(all);
        }
    }
}

/// The visit of a stream, if it has begun.
///
/// # Errors
/// Those of the store; an event cannot be read: a fault of ours.
pub async fn visit(app: &App, tenant: &str, id: &str) -> Result<Option<LoadedVisit>> {
    let stored = stream(app, tenant, id, None).await?;
    let events: Vec<Event> = stored.iter().map(StoredEvent::event).collect::<std::result::Result<_, _>>()?;
    let tip = events.last().map(Tip::after).unwrap_or_default();
    Ok(rebuild(&events)?.map(|visit| LoadedVisit { visit, tip }))
}

/// The state that events of one stream add up to.
///
/// # Errors
/// One of them cannot be read (a fault of ours), or was erased (`visit.erased`).
pub fn rebuild(events: &[Event]) -> Result<Option<Visit>> {
    let stream = events.first().map_or("", |event| &event.header.stream);
    Visit::rebuild(events).map_err(|unbuilt| problem_of(&unbuilt, stream))
}

/// What a stored event says.
///
/// # Errors
/// It cannot be read (a fault of ours), or it was erased (`visit.erased`).
pub fn visit_event(stored: &Event) -> Result<VisitEvent> {
    VisitEvent::of(stored).map_err(|unbuilt| problem_of(&unbuilt, &stored.header.stream))
}

fn problem_of(unbuilt: &Unbuilt, stream: &str) -> Problem {
    match unbuilt {
        Unbuilt::Erased { .. } => Problem::new(Kind::NotFound, "visit.erased", &Value::Null),
        Unbuilt::Malformed { .. } => Problem::internal(format!("{stream}: {unbuilt}")),
    }
}

/// Whether something an event said was erased.
fn is_erased(event: &Event) -> bool {
    event.payloads.values().any(|payload| matches!(payload, event::Payload::Erased(_)))
}

/// Answers what a judgement wants from the indexes and the events they point to.
///
/// # Errors
/// Those of the store.
pub async fn gather(app: &App, tenant: &str, wanted: &Wanted) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    if !wanted.evidence.is_empty() {
        for (sha256, exif) in app.store.arrived(tenant, &wanted.evidence).await? {
            gathered.exif.extend(exif.map(|exif| (sha256.clone(), exif)));
            gathered.arrived.insert(sha256);
        }
    }
    let mut references = BTreeSet::new();
    if wanted.needs.contains(&Need::LastCheckIn)
        && let Some((last, hash)) = check_in_before(app, tenant, wanted, wanted.before_ms).await?
    {
        references.insert(Reference::new("last_check_in", &hash));
        let mut next = Some((last.clone(), hash));
        gathered.last_check_in = Some(last);
        for _ in 0..LOOK_BACK {
            let Some((placeless, _)) = next.filter(|(check_in, _)| check_in.position.is_none()) else { break };
            next = check_in_before(app, tenant, wanted, placeless.at.max_ms.saturating_sub(1)).await?;
            if let Some((check_in, hash)) = next.as_ref().filter(|(check_in, _)| check_in.position.is_some()) {
                references.insert(Reference::new("last_located", hash));
                gathered.last_located = Some(check_in.clone());
            }
        }
    }
    if wanted.needs.contains(&Need::LastOnDevice)
        && let Some(past) =
            app.store.last_on_device(tenant, &wanted.device, &wanted.user, &wanted.visit, wanted.before_ms).await?
    {
        gathered.last_on_device = checked_in(app, tenant, &past).await?.map(|(visit, submission)| OnDevice {
            user: visit.user,
            visit: visit.id,
            customer: visit.customer.id.clone(),
            business_date: visit.business_date,
            at: submission.at,
        });
        references.insert(Reference::new("last_on_device", &past.hash));
    }
    if wanted.needs.contains(&Need::EvidenceUses) && !wanted.evidence.is_empty() {
        for (past, hash) in app.store.uses(tenant, &wanted.evidence, &wanted.visit).await? {
            references.insert(Reference::new("evidence_uses", &hash));
            gathered.evidence_uses.push(EvidenceUse {
                sha256: past.sha256,
                visit: past.visit,
                customer: past.customer,
                step: past.step,
                class: past.class,
                received_ms: past.received_ms,
            });
        }
        gathered.evidence_uses.sort_by(|a, b| {
            (&a.sha256, a.received_ms, &a.visit, &a.step).cmp(&(&b.sha256, b.received_ms, &b.visit, &b.step))
        });
    }
    if wanted.needs.contains(&Need::PreviousVisit)
        && let Some(past) = app.store.previous_visit(tenant, &wanted.customer, &wanted.visit, wanted.before_ms).await?
    {
        gathered.previous_visit = previous_visit(app, tenant, &past).await?;
        references.insert(Reference::new("previous_visit", &past.hash));
    }
    if wanted.needs.contains(&Need::RepStanding)
        && let Some((standing, event)) = standings::told(app, tenant, wanted).await?
    {
        gathered.rep_standing = Some(standing);
        references.insert(Reference::new(standing::NAME, &event));
    }
    alike(app, tenant, wanted, &mut gathered, &mut references).await?;
    if wanted.draws {
        gathered.draw_seed = draw_seed(app, tenant, &wanted.visit).await?;
    }
    gathered.balances = balances(app, tenant, &wanted.accounts).await?;
    references.extend(ledger::references(&gathered.balances));
    gathered.references = references.into_iter().collect();
    Ok(gathered)
}

/// What decides whether a visit is drawn for a second look: nobody outside can know it before.
async fn draw_seed(app: &App, tenant: &str, visit: &str) -> Result<Option<String>> {
    let Some(tenant) = app.store.tenant(tenant).await? else { return Ok(None) };
    let mut mac = Hmac::<Sha256>::new_from_slice(tenant.secret.as_bytes()).map_err(Problem::internal)?;
    mac.update(visit.as_bytes());
    Ok(Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// Photos and texts like those of the visit. What is not needed is not in `wanted`.
async fn alike(
    app: &App,
    tenant: &str,
    wanted: &Wanted,
    gathered: &mut Gathered,
    references: &mut BTreeSet<Reference>,
) -> Result<()> {
    let span = |before_ms: i64| (before_ms.saturating_sub(LOOK_BACK_MS), before_ms);
    let mut photos = Vec::new();
    for (sha256, photo) in &wanted.photos {
        for (past, event) in app.store.photos_like(tenant, photo.hash, &wanted.visit, span(photo.before_ms)).await? {
            photos.extend(wanted.neighbour(sha256, &past).map(|neighbour| (neighbour, event)));
        }
    }
    gathered.told_neighbours(photos, wanted, references);
    let mut texts = Vec::new();
    for (hash, text) in &wanted.texts {
        let not = (wanted.visit.as_str(), wanted.customer.as_str());
        for (past, event) in app.store.same_texts(tenant, hash, not, span(text.before_ms)).await? {
            texts.extend(wanted.same_text(&past).map(|same| (same, hash.clone(), event)));
        }
    }
    gathered.told_texts(texts, references);
    Ok(())
}

/// Where accounts stand; one without entries is not among the answers.
///
/// # Errors
/// Those of the store.
pub async fn balances(app: &App, tenant: &str, accounts: &BTreeSet<Account>) -> Result<BTreeMap<Account, Balance>> {
    if accounts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = app.store.balances_of(tenant, accounts).await?;
    let balance = |row: AccountBalance| {
        let amount =
            Decimal::parse(&row.balance).ok_or_else(|| Problem::internal(format!("balance {}", row.balance)))?;
        Ok((row.account, Balance { amount, tip: Tip { seq: row.version, hash: row.event } }))
    };
    rows.into_iter().map(balance).collect()
}

/// The visit as a past check-in left it, and the check-in; none when a payload was erased.
/// The rep's last check-in not later than `before_ms`, in another visit, and the hash of the event that says it.
async fn check_in_before(
    app: &App,
    tenant: &str,
    wanted: &Wanted,
    before_ms: i64,
) -> Result<Option<(CheckInInput, String)>> {
    let past = app.store.last_check_in(tenant, &wanted.user, &wanted.visit, before_ms).await?;
    let Some(past) = past else { return Ok(None) };
    Ok(checked_in(app, tenant, &past).await?.map(|(visit, submission)| {
        let customer = visit.customer.id.clone();
        (CheckInInput { visit: visit.id, customer, at: submission.at, position: submission.position }, past.hash)
    }))
}

async fn checked_in(app: &App, tenant: &str, past: &PastEvent) -> Result<Option<(Visit, SubmissionInput)>> {
    let events = stream(app, tenant, &past.visit, Some(past.seq)).await?;
    let events: Vec<Event> = events.iter().map(StoredEvent::event).collect::<std::result::Result<_, _>>()?;
    if events.iter().any(is_erased) {
        return Ok(None);
    }
    let (Some(last), Some(visit)) = (events.last(), rebuild(&events)?) else { return Ok(None) };
    let VisitEvent::Submitted { submission, .. } = visit_event(last)? else { return Ok(None) };
    Ok(Some((visit, submission)))
}

async fn previous_visit(app: &App, tenant: &str, past: &PastEvent) -> Result<Option<PreviousVisit>> {
    let events = stream(app, tenant, &past.visit, Some(past.seq)).await?;
    let events: Vec<Event> = events.iter().map(StoredEvent::event).collect::<std::result::Result<_, _>>()?;
    if events.iter().any(is_erased) {
        return Ok(None);
    }
    let Some(visit) = rebuild(&events)? else { return Ok(None) };
    let Some(pins) = visit.pins() else { return Ok(None) };
    let loaded = sops::pinned(app, tenant, pins).await?;
    Ok(Some(PreviousVisit {
        visit: visit.id.clone(),
        business_date: visit.business_date.clone(),
        steps: steps(&loaded.effective, &visit),
    }))
}

fn steps(sop: &EffectiveSop, visit: &Visit) -> BTreeMap<String, SubmissionInput> {
    engine::gather::steps(visit, &progress(sop, visit))
}

/// A customer as the engine judges it: its newest revision with the location that holds at a moment.
///
/// # Errors
/// Those of the store.
pub async fn customer(app: &App, tenant: &str, id: &str, at_ms: i64) -> Result<Option<(Customer, BTreeSet<String>)>> {
    use crate::flows::records::{Customer as Record, Location, current};
    let Some(stored) = app.store.record(tenant, "customer", id, None).await? else { return Ok(None) };
    let revision = u32::try_from(stored.revision).unwrap_or(u32::MAX);
    let customer: Record = serde_json::from_value(stored.body).map_err(Problem::internal)?;
    let mut locations = current::<Location>(app, tenant, Some(id), at_ms).await?;
    locations.sort_by_key(|(record, _)| (record.from_ms, record.at_ms));
    let location = locations.pop().map(|(record, location)| location.place(&record.id));
    let judged = Customer {
        id: id.to_owned(),
        revision,
        kind: customer.kind,
        name: customer.name,
        time_zone: customer.time_zone,
        fields: customer.fields,
        location,
    };
    Ok(Some((judged, customer.tags)))
}
