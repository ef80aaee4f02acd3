//! Customers that are probably one and the same: what is near is looked up (`store/places.rs`), and the engine says which of it
//! is alike. A hint with its evidence; whether they are merged is a person's decision (`PUT /v1/customers/…`).

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::customers::{Customer, CustomerStatus, Location};
use crate::flows::problem::{Kind as No, Problem, Result, Violation};
use crate::flows::records::Kind as _;
use crate::store::{Named, Record, RecordQuery, Scope};
use engine::command::Location as Place;
use engine::place::cells;
use engine::place::duplicates::{
    DuplicateFinding, Limits, NAME_SIMILARITY_BOUNDS, OVERLAP_BOUNDS, Party, WITHIN_M_BOUNDS, duplicate,
};
use engine::task::Role;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Who looks after customers.
const READERS: &[Role] = &[Role::Manager, Role::Admin];
/// Of a customer's neighbours at most so many are looked at, by id: a place that thousands were given, because nobody knew
/// theirs, must not make all of them be compared with each other.
const NEIGHBOURS: u32 = 500;
/// Customers whose neighbours are in memory at once.
const TOGETHER: usize = 20;

/// Two customers that are probably one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Duplicate {
    /// `cus_…`: the smaller id of the two.
    pub customer: String,
    /// Its name for people.
    pub name: String,
    /// The other customer.
    pub other: String,
    /// Its name for people.
    pub other_name: String,
    /// Why, with the evidence.
    pub finding: DuplicateFinding,
}

/// An active customer whom the caller may see, and where it is now.
struct Found {
    name: String,
    place: Option<Place>,
}

/// The limits somebody asks for; what is not said is the default.
///
/// # Errors
/// `duplicates.limit`: some are out of bounds; all of them are named.
pub fn limits(within_m: Option<f64>, name_similarity: Option<f64>, overlap: Option<f64>) -> Result<Limits> {
    let default = Limits::default();
    let limits = Limits {
        within_m: within_m.unwrap_or(default.within_m),
        name_similarity: name_similarity.unwrap_or(default.name_similarity),
        overlap: overlap.unwrap_or(default.overlap),
    };
    let asked = [
        ("within_m", limits.within_m, WITHIN_M_BOUNDS),
        ("name_similarity", limits.name_similarity, NAME_SIMILARITY_BOUNDS),
        ("overlap", limits.overlap, OVERLAP_BOUNDS),
    ];
    let outside = asked.into_iter().filter(|(_, value, bounds)| !bounds.contains(value));
    let wrong: Vec<Violation> = outside
        .map(|(name, _, bounds)| {
            // As people write numbers: 1 and not 1.0.
            let params = json!({"name": name, "least": bounds.start().to_string(), "most": bounds.end().to_string()});
            Violation::new("", "duplicates.limit", &params)
        })
        .collect();
    if wrong.is_empty() { Ok(limits) } else { Err(Problem { kind: No::Malformed, ..Problem::at_all(wrong) }) }
}

/// Pairs by the smaller id, after one, and where to go on: at most `limit` customers are looked at, so a page may have any
/// number of pairs, or none, and another page may follow all the same.
///
/// # Errors
/// Not for this caller; those of the store.
pub async fn list(
    app: &App,
    caller: &Caller,
    limits: &Limits,
    after: Option<String>,
    limit: u32,
) -> Result<(Vec<Duplicate>, Option<String>)> {
    let scope = caller.scope(READERS).ok_or_else(Problem::not_found)?;
    let kind = Customer::NAME.to_owned();
    let query = RecordQuery { kind, subject: None, scope: scope.clone(), at_ms: None, after, limit };
    let customers = app.store.records(&caller.tenant, &query).await?;
    let full = customers.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = customers.last().map(|record| record.id.clone()).filter(|_| full);
    let mut look = Look { app, caller, scope, limits, seen: BTreeMap::new() };
    let mut pairs = Vec::new();
    for some in customers.chunks(TOGETHER) {
        let here = look.found(some.to_vec()).await?;
        // Each pair is found once, from its smaller id.
        pairs.extend(look.pairs(&here, true).await?);
    }
    Ok((pairs, next))
}

/// Pairs that one customer is in, by the ids of both.
///
/// # Errors
/// Not for this caller, or there is no such customer for them; those of the store.
pub async fn of(app: &App, caller: &Caller, limits: &Limits, id: &str) -> Result<Vec<Duplicate>> {
    let scope = caller.scope(READERS).ok_or_else(Problem::not_found)?;
    let record = app.store.record(&caller.tenant, Customer::NAME, id, None).await?.ok_or_else(Problem::not_found)?;
    let mut look = Look { app, caller, scope, limits, seen: BTreeMap::new() };
    if !look.sees(&record).await? {
        return Err(Problem::not_found());
    }
    let here = look.found(vec![record]).await?;
    look.pairs(&here, false).await
}

/// What one request looks at.
struct Look<'a> {
    app: &'a App,
    caller: &'a Caller,
    scope: Scope,
    limits: &'a Limits,
    /// Which org units are in the scope.
    seen: BTreeMap<String, bool>,
}

impl Look<'_> {
    /// The pairs of these customers with their neighbours; only with those of larger ids, if `larger`.
    async fn pairs(&mut self, here: &BTreeMap<String, Found>, larger: bool) -> Result<Vec<Duplicate>> {
        let tenant = self.caller.tenant.as_str();
        let mut neighbours = BTreeMap::new();
        let mut all = BTreeSet::new();
        for (id, found) in here {
            let Some(place) = &found.place else { continue };
            let (ranges, after) = (cells::ranges(place, self.limits.within_m), larger.then_some(id.as_str()));
            let mut near = self.app.store.customers_in(tenant, &ranges, after, NEIGHBOURS).await?;
            near.remove(id);
            all.extend(near.iter().cloned());
            neighbours.insert(id, near);
        }
        let records = self.app.store.records_of(tenant, Customer::NAME, Named::Id, &all).await?;
        let there = self.found(records).await?;
        let mut pairs = Vec::new();
        for (id, near) in neighbours {
            let Some(one) = here.get(id) else { continue };
            let near = near.iter().filter_map(|other| Some((other, there.get(other)?)));
            pairs.extend(near.filter_map(|(other, found)| self.pair((id, one), (other, found))));
        }
        pairs.sort_by(|one, next| (&one.customer, &one.other).cmp(&(&next.customer, &next.other)));
        Ok(pairs)
    }

    fn pair(&self, one: (&String, &Found), other: (&String, &Found)) -> Option<Duplicate> {
        let ((id, one), (other, found)) = if one.0 < other.0 { (one, other) } else { (other, one) };
        let party = |of: &'_ Found| Some((of.name.clone(), of.place.clone()?));
        let ((name, place), (other_name, other_place)) = (party(one)?, party(found)?);
        let here = Party { name: &name, location: &place };
        let there = Party { name: &other_name, location: &other_place };
        let finding = duplicate(here, there, self.limits)?;
        Some(Duplicate { customer: id.clone(), name, other: other.clone(), other_name, finding })
    }

    /// Of these customers those that are active and the caller's to see (SCOPE), each with its current location.
    async fn found(&mut self, records: Vec<Record>) -> Result<BTreeMap<String, Found>> {
        let mut found = BTreeMap::new();
        for record in records {
            if !self.sees(&record).await? {
                continue;
            }
            let customer: Customer = serde_json::from_value(record.body).map_err(Problem::internal)?;
            if customer.status == CustomerStatus::Active {
                found.insert(record.id, Found { name: customer.name, place: None });
            }
        }
        let (ids, now_ms) = (found.keys().cloned().collect(), self.app.clock.now_ms());
        let tenant = self.caller.tenant.as_str();
        let mut locations = self.app.store.records_of(tenant, Location::NAME, Named::Subject, &ids).await?;
        locations.retain(|record| {
            record.from_ms.is_none_or(|from_ms| from_ms <= now_ms) && record.to_ms.is_none_or(|to_ms| to_ms > now_ms)
        });
        // The last of them counts, as in `load::customer`.
        locations.sort_by(|one, next| (one.from_ms, one.at_ms, &one.id).cmp(&(next.from_ms, next.at_ms, &next.id)));
        for record in locations {
            let location: Location = serde_json::from_value(record.body).map_err(Problem::internal)?;
            if let Some(found) = found.get_mut(&location.customer) {
                found.place = Some(location.place(&record.id));
            }
        }
        Ok(found)
    }

    /// Whether the caller may see a customer; one without org unit is everybody's in the tenant.
    async fn sees(&mut self, record: &Record) -> Result<bool> {
        let Some(unit) = &record.org_unit else { return Ok(true) };
        if let Some(seen) = self.seen.get(unit) {
            return Ok(*seen);
        }
        let seen = self.app.store.in_scope(&self.caller.tenant, Some(unit), &self.scope).await?;
        self.seen.insert(unit.clone(), seen);
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_bounds_and_all_that_are_outside_are_named() {
        assert!(limits(None, None, None).is_ok_and(|limits| limits == Limits::default()));
        assert!(limits(Some(1_000.0), Some(1.0), Some(0.95)).is_ok());
        for (within_m, name_similarity, overlap, wrong) in [
            (Some(1_000.1), None, None, 1),
            (Some(0.0), Some(0.49), Some(1.0), 3),
            (Some(f64::NAN), Some(f64::INFINITY), Some(-0.5), 3),
        ] {
            let problem = limits(within_m, name_similarity, overlap).unwrap_err();
            assert_eq!((problem.kind, problem.errors.len()), (No::Malformed, wrong));
        }
    }
}
