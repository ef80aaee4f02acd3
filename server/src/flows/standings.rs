//! How reps stand beside their peers: made once a day from the scores of judged visits, kept as records that the system alone
//! writes, each revision with the event that a judgement refers to.
//!
//! A day's standings depend on the day and on what is known of it, not on when or by whom they are made: several servers, or
//! one that begins anew, come to the same, and what is the same is not written again.

use crate::app::App;
use crate::flows::book::Book;
use crate::flows::caller::{Caller, OVERSEES};
use crate::flows::once::settle;
use crate::flows::problem::{Problem, Result};
use crate::flows::records::{Kind, Shown, User, current, shown};
use crate::store::{Named, Record, RecordQuery, Scope, Write};
use engine::gather::Wanted;
use engine::input::RepStanding;
use engine::standing::{DAYS, NAME, PREFIX, Tallies, id};
use engine::task::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

const DAY_MS: i64 = 86_400_000;
/// A day begins at 18:00 UTC: two in the morning in China, where most installations are quiet then.
const BEGINS_MS: i64 = 18 * 3_600_000;
/// How many visits one look takes.
const PAGE: u32 = 1000;
/// How many standings one commit takes.
const TOGETHER: usize = 50;

impl Kind for RepStanding {
    const NAME: &'static str = NAME;
    const PREFIX: &'static str = PREFIX;
    const WRITERS: &'static [Role] = &[];
    const READERS: &'static [Role] = OVERSEES;
    fn subject(&self) -> Option<(&'static str, &str)> {
        Some((User::NAME, &self.user))
    }
}

/// Makes the standings of the day, if that was not done; in how many commits.
///
/// # Errors
/// Those of the store. It is tried again then.
pub async fn stand(app: &App, tenant: &str) -> Result<u64> {
    let now_ms = app.clock.now_ms();
    let day = now_ms.saturating_sub(BEGINS_MS).div_euclid(DAY_MS);
    if app.stood.lock().unwrap_or_else(PoisonError::into_inner).get(tenant) == Some(&day) {
        return Ok(0);
    }
    let to_ms = day.saturating_mul(DAY_MS).saturating_add(BEGINS_MS);
    let mut standings = tallies(app, tenant, to_ms).await?.standings();
    for (_, before) in current::<RepStanding>(app, tenant, None, now_ms).await? {
        // Who did not visit for so long does not stand where they stood then.
        standings.entry(before.id()).or_insert_with(|| before.without_visits());
    }
    let all: Vec<RepStanding> = standings.into_values().collect();
    let mut changed = 0;
    for some in all.chunks(TOGETHER) {
        changed += u64::from(settle(app, tenant, || changes(app, tenant, some)).await?);
    }
    app.stood.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant.to_owned(), day);
    Ok(changed)
}

/// The visits checked in during the days before a moment.
async fn tallies(app: &App, tenant: &str, to_ms: i64) -> Result<Tallies> {
    let mut tallies = Tallies::default();
    let mut from = (to_ms.saturating_sub(i64::from(DAYS) * DAY_MS), String::new());
    loop {
        let page = app.store.scored_visits(tenant, (from.0, to_ms), &from.1, PAGE).await?;
        let full = page.len() >= PAGE as usize;
        if let Some(last) = page.last() {
            from = (last.at_ms, last.visit.clone());
        }
        page.into_iter().for_each(|past| tallies.add(past.scored));
        if !full {
            return Ok(tallies);
        }
    }
}

/// The standings that are not what was last written of them.
async fn changes(app: &App, tenant: &str, standings: &[RepStanding]) -> Result<Vec<Write>> {
    let ids: BTreeSet<String> = standings.iter().map(RepStanding::id).collect();
    let known = by_id(app.store.records_of(tenant, NAME, Named::Id, &ids).await?);
    let users: BTreeSet<String> = standings.iter().map(|standing| standing.user.clone()).collect();
    let users = by_id(app.store.records_of(tenant, User::NAME, Named::Id, &users).await?);
    let mut book = Book::new(tenant, app.clock.now_ms());
    for standing in standings {
        let org_unit = users.get(&standing.user).and_then(|user| user.org_unit.clone());
        let id = standing.id();
        let before = known.get(&id);
        if let Some(before) = before {
            let said: RepStanding = serde_json::from_value(before.body.clone()).map_err(Problem::internal)?;
            if said == *standing && before.org_unit == org_unit {
                continue;
            }
            book.at_end(&id, app.store.tip(tenant, &id).await?);
        }
        book.standing(standing, org_unit, before.map(|before| before.revision))?;
    }
    Ok(book.into_writes())
}

fn by_id(records: Vec<Record>) -> BTreeMap<String, Record> {
    records.into_iter().map(|record| (record.id.clone(), record)).collect()
}

/// The last standing that was made before the moment that is wanted, with the hash of its event: a revision and its event have
/// the same number.
///
/// # Errors
/// Those of the store.
pub async fn told(app: &App, tenant: &str, wanted: &Wanted) -> Result<Option<(RepStanding, String)>> {
    let id = id(&wanted.user, &wanted.sop);
    let Some(record) = app.store.record_by(tenant, NAME, &id, wanted.before_ms).await? else { return Ok(None) };
    let stored = app.store.events(tenant, &id, record.revision.saturating_sub(1), 1).await?;
    let Some(event) = stored.first() else { return Ok(None) };
    let standing = RepStanding::told(&event.event()?, wanted);
    Ok(standing.map(|standing| (standing, event.hash.clone())))
}

/// Lists how reps stand: those of the org units the caller oversees; who oversees nobody sees how they stand themselves.
///
/// # Errors
/// Those of the store.
pub async fn list(
    app: &App,
    caller: &Caller,
    user: Option<String>,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<Shown<RepStanding>>> {
    let (scope, subject) = match caller.scope(OVERSEES) {
        Some(scope) => (scope, user),
        None if user.as_ref().is_some_and(|user| *user != caller.user) => return Ok(Vec::new()),
        None => (Scope::Tenant, Some(caller.user.clone())),
    };
    let seen = |record: &Record| {
        // SCOPE: a rep of no org unit is the whole tenant's alone, and their own.
        record.org_unit.is_some() || scope == Scope::Tenant || record.subject.as_deref() == Some(caller.user.as_str())
    };
    let mut query = RecordQuery { kind: NAME.to_owned(), subject, scope: scope.clone(), at_ms: None, after, limit };
    let mut found = Vec::new();
    loop {
        let page = app.store.records(&caller.tenant, &query).await?;
        let full = page.len() >= limit as usize;
        query.after = page.last().map(|record| record.id.clone());
        found.extend(page.into_iter().filter(seen));
        if !full || found.len() >= limit as usize {
            found.truncate(limit as usize);
            return found.into_iter().map(shown).collect();
        }
    }
}
