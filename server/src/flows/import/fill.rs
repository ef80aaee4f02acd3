//! What a row says: the customer as it would be, and where it is. A column that a file does not have changes nothing; an
//! empty cell takes the value away. Places are never taken away: they end when another begins.

use super::row::{Cell, Column, Geometry, Row, RowProblem};
use crate::flows::customers::{Customer, CustomerStatus, CustomerType, Location};
use crate::flows::problem::Result;
use crate::flows::records::marked_personal;
use chrono::{NaiveDate, NaiveTime, TimeZone as _};
use engine::form::CompiledForm;
use engine::place::Crs;
use engine::place::ring::ring_middle;
use engine::time;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What new customers get where neither a column nor a cell says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Customer type.
    pub kind: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// Org unit.
    pub org_unit: Option<String>,
}

/// A customer type, ready to be used a million times.
pub struct Type {
    schema: Value,
    /// Its schema, compiled.
    pub form: CompiledForm,
    /// Pointers of personal fields in a customer.
    pub personal: Vec<String>,
}

impl Type {
    /// # Errors
    /// Its schema cannot be used: a fault of ours.
    pub fn new(kind: CustomerType) -> Result<Self> {
        let personal = marked_personal(&kind.schema, "/fields");
        Ok(Self { form: kind.form()?, personal, schema: kind.schema })
    }
}

/// What rows are read with.
pub struct Reading {
    /// Customer types by name.
    pub types: BTreeMap<String, Type>,
    /// For new customers.
    pub defaults: Defaults,
    /// In which system coordinates are that do not say so themselves.
    pub crs: Option<Crs>,
}

/// Where a row says the customer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Whereabouts {
    /// As a location that begins at `from_ms` would say it.
    pub location: Location,
    /// Whether the row says how accurate it is.
    pub says_accuracy: bool,
    /// From when, if the row says so.
    pub from_ms: Option<i64>,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// The customer as it would be.
    pub customer: Customer,
    /// Where it is, if the row says so.
    pub whereabouts: Option<Whereabouts>,
}

impl Reading {
    /// What a row says of the customer `id`, which may be there already.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn fill(&self, row: &Row, id: &str, stored: Option<&Customer>) -> std::result::Result<Filled, Vec<RowProblem>> {
        let mut wrong = Vec::new();
        let mut customer = stored.cloned().unwrap_or_else(|| self.blank());
        // The type says what the fields are.
        for first in [true, false] {
            for (column, cell, _) in row.cells.iter().filter(|(column, ..)| (*column == Column::Type) == first) {
                if let Err((code, params)) = self.put(&mut customer, column, cell) {
                    wrong.push(row.problem(column, code, &params));
                }
            }
        }
        for (column, text) in
            [(Column::Type, &customer.kind), (Column::Name, &customer.name), (Column::TimeZone, &customer.time_zone)]
        {
            if text.is_empty() {
                wrong.push(row.problem(&column, "import.needed", &json!({"name": column.name()})));
            }
        }
        let form = self.types.get(&customer.kind).map(|kind| &kind.form);
        let whereabouts = self.whereabouts(row, id, &customer).unwrap_or_else(|mut problems| {
            wrong.append(&mut problems);
            None
        });
        let mut violations = customer.violations(form);
        violations.extend(whereabouts.iter().flat_map(|there| there.location.violations()));
        for violation in violations {
            let column = Column::behind(&violation.pointer).unwrap_or(Column::Id);
            // One problem a cell is enough.
            if !wrong.iter().any(|problem| problem.column == column.name()) {
                wrong.push(row.at(&column, violation));
            }
        }
        if wrong.is_empty() { Ok(Filled { customer, whereabouts }) } else { Err(wrong) }
    }

    fn blank(&self) -> Customer {
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        Customer {
            kind: said(&self.defaults.kind),
            name: String::new(),
            time_zone: said(&self.defaults.time_zone),
            org_unit: self.defaults.org_unit.clone(),
            status: CustomerStatus::Active,
            fields: Map::new(),
            tags: BTreeSet::new(),
            merged_into: None,
        }
    }

    fn put(&self, customer: &mut Customer, column: &Column, cell: &Cell) -> std::result::Result<(), Wrong> {
        let kept =
            |text: Option<String>, default: &Option<String>| text.or_else(|| default.clone()).unwrap_or_default();
        match column {
            Column::Id | Column::Lat | Column::Lon | Column::Crs | Column::AccuracyM | Column::From => {}
            Column::Type => customer.kind = kept(text(cell)?, &self.defaults.kind),
            Column::Name => customer.name = text(cell)?.unwrap_or_default(),
            Column::TimeZone => customer.time_zone = kept(text(cell)?, &self.defaults.time_zone),
            Column::OrgUnit => customer.org_unit = text(cell)?.or_else(|| self.defaults.org_unit.clone()),
            Column::Status => {
                let said = text(cell)?.unwrap_or_else(|| "active".to_owned());
                // What is merged is merged into another, which no column says.
                let status = named::<CustomerStatus>(&said).filter(|status| *status != CustomerStatus::Merged);
                customer.status = status.ok_or(("import.status", json!({"status": said})))?;
            }
            Column::Tags => customer.tags = tags(cell)?,
            Column::Field(field) => {
                let schema = self
                    .types
                    .get(&customer.kind)
                    .and_then(|kind| kind.schema.get("properties").and_then(|properties| properties.get(field)));
                match cell {
                    Cell::Empty => drop(customer.fields.remove(field)),
                    Cell::Text(text) => drop(customer.fields.insert(field.clone(), typed(schema, text)?)),
                    Cell::Json(value) => {
                        let value = engine::canon::normalize(value.clone())
                            .map_err(|error| ("record.number", json!({"detail": error.to_string()})))?;
                        drop(customer.fields.insert(field.clone(), value));
                    }
                }
            }
        }
        Ok(())
    }

    /// Where the row says the customer is.
    fn whereabouts(
        &self,
        row: &Row,
        id: &str,
        customer: &Customer,
    ) -> std::result::Result<Option<Whereabouts>, Vec<RowProblem>> {
        let at = |column: Column, (code, params): Wrong| vec![row.problem(&column, code, &params)];
        let read =
            |column: Column| row.cell(&column).map_or(Ok(None), number).map_err(|wrong| at(column.clone(), wrong));
        let (lat, lon, accuracy_m) = (read(Column::Lat)?, read(Column::Lon)?, read(Column::AccuracyM)?);
        let (point, polygon) = match (&row.geometry, lat, lon) {
            (Some(Geometry::Point(lat, lon)), ..) => ((*lat, *lon), Vec::new()),
            (Some(Geometry::Polygon(ring)), Some(lat), Some(lon)) => ((lat, lon), ring.clone()),
            (Some(Geometry::Polygon(ring)), ..) => (ring_middle(ring).unwrap_or_default(), ring.clone()),
            (None, Some(lat), Some(lon)) => ((lat, lon), Vec::new()),
            (None, None, None) => return Ok(None),
            (None, lat, _) => {
                let missing = if lat.is_none() { Column::Lat } else { Column::Lon };
                let name = missing.name();
                return Err(at(missing, ("import.needed", json!({"name": name}))));
            }
        };
        let said = row.cell(&Column::Crs).map_or(Ok(None), text).map_err(|wrong| at(Column::Crs, wrong))?;
        let crs = match said {
            None => self.crs,
            Some(said) => {
                let unknown = || at(Column::Crs, ("import.crs", json!({"crs": said})));
                Some(named::<Crs>(&said).ok_or_else(unknown)?)
            }
        };
        let crs = crs.ok_or_else(|| at(Column::Crs, ("import.crs_missing", Value::Null)))?;
        let from = row.cell(&Column::From).map_or(Ok(None), text).map_err(|wrong| at(Column::From, wrong))?;
        let from_ms = from
            .map(|text| {
                moment(&text, &customer.time_zone)
                    .ok_or_else(|| at(Column::From, ("import.date", json!({"text": text}))))
            })
            .transpose()?;
        let location = Location {
            customer: id.to_owned(),
            lat: point.0,
            lon: point.1,
            crs,
            accuracy_m: accuracy_m.unwrap_or(0.0),
            polygon,
            source: "import".to_owned(),
            from: from_ms.map(time::format_utc),
            to: None,
        };
        Ok(Some(Whereabouts { location, says_accuracy: accuracy_m.is_some(), from_ms }))
    }
}

/// Code and params of what is wrong with a cell.
type Wrong = (&'static str, Value);

/// The member of an enum with that name.
pub fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}

fn text(cell: &Cell) -> std::result::Result<Option<String>, Wrong> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) | Cell::Json(Value::String(text)) => Ok(Some(text.clone())),
        Cell::Json(_) => Err(("import.text", Value::Null)),
    }
}

fn number(cell: &Cell) -> std::result::Result<Option<f64>, Wrong> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) | Cell::Json(Value::String(text)) => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(Some).ok_or_else(|| ("import.number", json!({"text": short(text)})))
        }
        Cell::Json(value) => {
            value.as_f64().map(Some).ok_or_else(|| ("import.number", json!({"text": short(&value.to_string())})))
        }
    }
}

fn tags(cell: &Cell) -> std::result::Result<BTreeSet<String>, Wrong> {
    match cell {
        Cell::Empty => Ok(BTreeSet::new()),
        Cell::Text(text) => Ok(listed(text).map(str::to_owned).collect()),
        Cell::Json(value) => serde_json::from_value(value.clone()).map_err(|_| ("import.tags", Value::Null)),
    }
}

/// The items of a list in one cell.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '；']).map(str::trim).filter(|item| !item.is_empty())
}

/// A text as the value its schema wants; where the schema does not say, it stays a text.
fn typed(schema: Option<&Value>, text: &str) -> std::result::Result<Value, Wrong> {
    let wrong = |code| (code, json!({"text": short(text)}));
    let of = |kind: &str| match schema.and_then(|schema| schema.get("type")) {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        _ => false,
    };
    if of("integer")
        && let Ok(number) = text.parse::<i64>()
    {
        return Ok(json!(number));
    }
    if of("number")
        && let Some(number) = text.parse().ok().and_then(serde_json::Number::from_f64)
    {
        let number = Value::Number(number);
        return engine::canon::normalize(number).map_err(|_| wrong("import.number"));
    }
    if of("boolean")
        && let Some(is) = boolean(text)
    {
        return Ok(json!(is));
    }
    if of("array") {
        let items = schema.and_then(|schema| schema.get("items"));
        return listed(text).map(|item| typed(items, item)).collect::<std::result::Result<_, _>>().map(Value::Array);
    }
    if of("object") {
        return Err(wrong("import.object"));
    }
    let is_date = schema.and_then(|schema| schema.get("format")).is_some_and(|format| format == "date");
    if is_date {
        let date = date(text).ok_or_else(|| wrong("import.date"))?;
        return Ok(json!(date.format("%Y-%m-%d").to_string()));
    }
    if of("integer") || of("number") {
        return if of("string") { Ok(json!(text)) } else { Err(wrong("import.number")) };
    }
    if of("boolean") && !of("string") { Err(wrong("import.boolean")) } else { Ok(json!(text)) }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "是" => Some(true),
        "false" | "0" | "no" | "否" => Some(false),
        _ => None,
    }
}

/// A date with the year first, as spreadsheets write it too: 2026-03-01, 2026/3/1, 2026年3月1日. Any other order could be read
/// in two ways.
fn date(text: &str) -> Option<NaiveDate> {
    let plain = text.trim_end_matches('日').replace(['/', '年', '月'], "-");
    let parts: Vec<&str> = plain.split('-').collect();
    let digits = |part: &str, most: usize| {
        ((1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse().ok())?
    };
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 => {
            let (year, month, day): (u32, u32, u32) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
        }
        _ => None,
    }
}

/// A moment, or the beginning of a day in a time zone.
fn moment(text: &str, time_zone: &str) -> Option<i64> {
    if let Ok(at_ms) = time::parse("from", text) {
        return Some(at_ms);
    }
    let zone: chrono_tz::Tz = time_zone.parse().ok()?;
    let begins = date(text)?.and_time(NaiveTime::MIN);
    zone.from_local_datetime(&begins).earliest().map(|at| at.timestamp_millis())
}

/// As much of a cell as a message needs.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_year_first() {
        for (text, expected) in [
            ("2026-03-01", Some("2026-03-01")),
            ("2026/3/1", Some("2026-03-01")),
            ("2026年3月1日", Some("2026-03-01")),
            ("2026/2/29", None),
            ("3/1/2026", None),
            ("1.3.2026", None),
            ("26/3/1", None),
            ("2026-03-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(date(text).map(|date| date.to_string()).as_deref(), expected, "{text}");
        }
        assert_eq!(moment("2026/3/1", "Asia/Shanghai"), moment("2026-02-28T16:00:00Z", ""));
        assert_eq!(moment("2026/3/1", "Nowhere"), None);
    }

    #[test]
    fn a_text_becomes_what_the_schema_wants() {
        for (schema, text, expected) in [
            (json!({"type": "integer"}), "12", Ok(json!(12))),
            (json!({"type": "integer"}), "12.5", Err("import.number")),
            (json!({"type": "number"}), "12.50", Ok(json!(12.5))),
            (json!({"type": "number"}), "3.0", Ok(json!(3))),
            (json!({"type": "number"}), "NaN", Err("import.number")),
            (json!({"type": ["integer", "string"]}), "x1", Ok(json!("x1"))),
            (json!({"type": "boolean"}), "TRUE", Ok(json!(true))),
            (json!({"type": "boolean"}), "否", Ok(json!(false))),
            (json!({"type": "boolean"}), "maybe", Err("import.boolean")),
            (json!({"type": "array", "items": {"type": "integer"}}), "1; 2；3", Ok(json!([1, 2, 3]))),
            (json!({"type": "object"}), "{}", Err("import.object")),
            (json!({"type": "string", "format": "date"}), "2026/3/1", Ok(json!("2026-03-01"))),
            (json!({"type": "string", "format": "date"}), "3/1/2026", Err("import.date")),
            (json!({"type": "string"}), "007", Ok(json!("007"))),
            (json!({}), "007", Ok(json!("007"))),
        ] {
            assert_eq!(typed(Some(&schema), text).map_err(|(code, _)| code), expected, "{schema} {text}");
        }
    }
}
