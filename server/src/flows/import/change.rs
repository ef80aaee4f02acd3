//! What a row changes: the revisions it would write. A place that is another one ends the one before and begins beside it;
//! no location is ever overwritten.

use super::fill::{Filled, Whereabouts};
use super::row::{Column, Row, RowProblem};
use crate::app::new_id;
use crate::flows::customers::{Customer, Location};
use crate::flows::problem::{Problem, Result};
use crate::flows::records::Kind;
use crate::store::Record;
use engine::place::{distance_m, to_wgs84};
use engine::time;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What becomes of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// It was not there.
    New,
    /// Something about it, or where it is, is another.
    Changed,
    /// The row says what is known.
    Unchanged,
}

/// What a row changes.
#[derive(Debug)]
pub struct Change {
    /// What becomes of the customer.
    pub becomes: Becomes,
    /// The revisions to write.
    pub records: Vec<Record>,
    /// Whether it gets another place.
    pub located: bool,
    /// Metres from the place before to that one, where both can be put on a map.
    pub moved_m: Option<f64>,
}

/// What is there of a customer.
#[derive(Debug, Default)]
pub struct Stored {
    /// The newest revision.
    pub customer: Option<(Record, Customer)>,
    /// Its locations that have not ended.
    pub locations: Vec<(Record, Location)>,
}

/// Who writes, and when.
pub struct Writer<'a> {
    /// User id.
    pub by: &'a str,
    /// Now.
    pub now_ms: i64,
}

impl Writer<'_> {
    /// What a row changes of what is there.
    ///
    /// # Errors
    /// A place that would begin before the one it follows; a number that cannot be kept.
    pub fn change(
        &self,
        row: &Row,
        id: &str,
        filled: &Filled,
        stored: &Stored,
    ) -> std::result::Result<Change, RowProblem> {
        let before = stored.customer.as_ref();
        let mut records = Vec::new();
        let same = before.is_some_and(|(_, customer)| *customer == filled.customer);
        if !same {
            let body = self.body(row, &filled.customer)?;
            let revision = before.map_or(1, |(record, _)| record.revision.saturating_add(1));
            records.push(Record { body, revision, ..self.record(id, Customer::NAME, &filled.customer) });
        }
        let mut moved_m = None;
        let place = filled.whereabouts.as_ref().filter(|there| !known(there, &stored.locations));
        if let Some(there) = place {
            let last = stored.locations.iter().max_by_key(|(record, _)| (record.from_ms, record.at_ms));
            moved_m = last.and_then(|(_, last)| apart_m(last, &there.location));
            records.extend(self.moved(row, filled, there, last)?);
        }
        let becomes = match (before, records.is_empty()) {
            (None, _) => Becomes::New,
            (Some(_), false) => Becomes::Changed,
            (Some(_), true) => Becomes::Unchanged,
        };
        Ok(Change { becomes, records, located: place.is_some(), moved_m })
    }

    /// The end of the last place, if there is one, and the beginning of the next.
    fn moved(
        &self,
        row: &Row,
        filled: &Filled,
        there: &Whereabouts,
        last: Option<&(Record, Location)>,
    ) -> std::result::Result<Vec<Record>, RowProblem> {
        let mut records = Vec::new();
        let mut next = there.location.clone();
        let mut from_ms = there.from_ms;
        if let Some((record, location)) = last {
            let begins_ms = from_ms.unwrap_or(self.now_ms);
            if record.from_ms.is_some_and(|before_ms| before_ms >= begins_ms) {
                let params = json!({"from": location.from});
                return Err(row.problem(&Column::From, "import.before_the_last", &params));
            }
            from_ms = Some(begins_ms);
            next.from = Some(time::format_utc(begins_ms));
            if !there.says_accuracy {
                next.accuracy_m = location.accuracy_m;
            }
            let ended = Location { to: next.from.clone(), ..location.clone() };
            let revision = record.revision.saturating_add(1);
            let (at_ms, by) = (self.now_ms, self.by.to_owned());
            let body = self.body(row, &ended)?;
            records.push(Record { revision, body, to_ms: from_ms, at_ms, by, ..record.clone() });
        }
        let id = new_id(Location::PREFIX, self.now_ms);
        let body = self.body(row, &next)?;
        let subject = Some(next.customer);
        records.push(Record { subject, from_ms, body, ..self.record(&id, Location::NAME, &filled.customer) });
        Ok(records)
    }

    /// A first revision without its body.
    fn record(&self, id: &str, kind: &str, customer: &Customer) -> Record {
        Record {
            kind: kind.to_owned(),
            id: id.to_owned(),
            revision: 1,
            subject: None,
            org_unit: customer.org_unit.clone(),
            from_ms: None,
            to_ms: None,
            body: Value::Null,
            at_ms: self.now_ms,
            by: self.by.to_owned(),
        }
    }

    fn body<T: Serialize>(&self, row: &Row, said: &T) -> std::result::Result<Value, RowProblem> {
        let value = serde_json::to_value(said).map_err(|error| error.to_string());
        let normal = value.and_then(|value| engine::canon::normalize(value).map_err(|error| error.to_string()));
        normal.map_err(|detail| row.problem(&Column::Id, "record.number", &json!({"detail": detail})))
    }
}

/// Whether the customer is said to be there already, now or later.
fn known(there: &Whereabouts, locations: &[(Record, Location)]) -> bool {
    let next = &there.location;
    locations.iter().any(|(_, location)| {
        (location.lat, location.lon, location.crs) == (next.lat, next.lon, next.crs)
            && location.polygon == next.polygon
            && (!there.says_accuracy || location.accuracy_m.to_bits() == next.accuracy_m.to_bits())
    })
}

fn apart_m(one: &Location, other: &Location) -> Option<f64> {
    let on_map = |location: &Location| to_wgs84(location.lat, location.lon, location.crs);
    distance_m(on_map(one)?, on_map(other)?)
}

/// The body of a stored record.
///
/// # Errors
/// It does not have the form of its kind: a fault of ours.
pub fn body_of<K: Kind>(record: &Record) -> Result<K> {
    serde_json::from_value(record.body.clone())
        .map_err(|error| Problem::internal(format!("{} {}: {error}", record.kind, record.id)))
}
