//! GeoJSON (RFC 7946) as rows: one feature, one customer. Only a FeatureCollection of points and polygons says which
//! customers are where.
//!
//! By the standard all coordinates are WGS-84. Files on GCJ-02 exist all the same, so the system is said by whoever imports
//! (CRS), and the old `crs` member is taken only where it says the same as the standard.

use super::row::{COLUMNS, Cell, Column, Geometry, Place, Row, RowProblem, escaped};
use crate::flows::problem::{Problem, Violation};
use engine::place::ring::{RingFault, check_ring};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Names of WGS-84 with longitude first, in the `crs` member that RFC 7946 took away.
const STANDARD: &[&str] = &["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84"];

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    features: Option<Vec<&'a RawValue>>,
    crs: Option<Value>,
}

/// Most letters of what a parser says.
const LONGEST_DETAIL: usize = 200;

/// The features of a collection, not yet read.
///
/// # Errors
/// Not UTF-8, not JSON, not a FeatureCollection, or in a coordinate system of its own.
pub fn features(file: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let said = |pointer: &str, code: &str, detail: &str| Problem::invalid(pointer, code, &json!({"detail": detail}));
    let text = std::str::from_utf8(file).map_err(|error| said("", "record.not_utf8", &error.to_string()))?;
    let collection: Collection<'_> = serde_json::from_str(text).map_err(|error| {
        let code = if error.is_data() { "import.no_collection" } else { "record.not_json" };
        // It may repeat what the file says.
        said("", code, &error.to_string().chars().take(LONGEST_DETAIL).collect::<String>())
    })?;
    if collection.kind.as_deref() != Some("FeatureCollection") {
        return Err(said("/type", "import.no_collection", "type"));
    }
    if let Some(crs) = collection.crs.filter(|crs| !crs.is_null()) {
        let name = crs.pointer("/properties/name").and_then(Value::as_str).unwrap_or_default();
        if !STANDARD.contains(&name) {
            return Err(Problem::invalid("/crs", "import.crs_member", &json!({"name": name})));
        }
    }
    collection.features.ok_or_else(|| said("/features", "import.no_collection", "features"))
}

/// A feature as a row.
///
/// # Errors
/// All that is wrong with its form and its geometry.
pub fn row(index: u64, feature: &RawValue) -> Result<Row, Vec<RowProblem>> {
    let place = Place::Feature(index);
    let problem = |below: &str, code: &str, params: &Value| {
        let column = below.rsplit('/').next().unwrap_or_default();
        place.problem(column, below, Violation::new("", code, params))
    };
    let read: Result<Map<String, Value>, _> = serde_json::from_str(feature.get());
    let mut members =
        read.map_err(|error| vec![problem("", "import.feature", &json!({"detail": error.to_string()}))])?;
    if members.get("type").and_then(Value::as_str) != Some("Feature") {
        return Err(vec![problem("/type", "import.feature", &json!({"detail": "type"}))]);
    }
    let mut wrong = Vec::new();
    let mut cells = Vec::new();
    if let Some(id) = members.remove("id") {
        cells.push((Column::Id, cell(id), "/id".to_owned()));
    }
    match members.remove("properties") {
        Some(Value::Object(properties)) => {
            for (name, value, below) in properties.into_iter().flat_map(|(name, value)| flattened(name, value)) {
                match Column::named(&name) {
                    Some(Column::Id) if !cells.is_empty() => {}
                    Some(column) => cells.push((column, cell(value), below)),
                    None => {
                        wrong.push(problem(&below, "import.column_unknown", &json!({"name": name, "known": COLUMNS})));
                    }
                }
            }
        }
        None | Some(Value::Null) => {}
        Some(_) => wrong.push(problem("/properties", "import.feature", &json!({"detail": "properties"}))),
    }
    for (_, cell, below) in &cells {
        if let Cell::Json(value) = cell
            && has_nul(value)
        {
            wrong.push(problem(below, "record.nul", &Value::Null));
        }
    }
    let geometry = match members.get("geometry") {
        None | Some(Value::Null) => None,
        Some(geometry) => match read_geometry(geometry) {
            Ok(geometry) => Some(geometry),
            Err((below, code, params)) => {
                wrong.push(problem(&format!("/geometry{below}"), code, &params));
                None
            }
        },
    };
    if wrong.is_empty() { Ok(Row { place, cells, geometry }) } else { Err(wrong) }
}

/// A property with its pointer; the members of `fields` are properties of their own.
fn flattened(name: String, value: Value) -> Vec<(String, Value, String)> {
    let below = format!("/properties/{}", escaped(&name));
    match value {
        Value::Object(fields) if name == "fields" => fields
            .into_iter()
            .map(|(field, value)| {
                let pointer = format!("{below}/{}", escaped(&field));
                (format!("fields.{field}"), value, pointer)
            })
            .collect(),
        value => vec![(name, value, below)],
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::String(text) if text.is_empty() => Cell::Empty,
        value => Cell::Json(value),
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A fault of a geometry: where below it, code, params.
type Fault = (String, &'static str, Value);

fn read_geometry(geometry: &Value) -> Result<Geometry, Fault> {
    let coordinates = geometry.get("coordinates").unwrap_or(&Value::Null);
    match geometry.get("type").and_then(Value::as_str) {
        Some("Point") => {
            let [lon, lat] = position(coordinates, "/coordinates")?;
            Ok(Geometry::Point(lat, lon))
        }
        Some("Polygon") => {
            let rings = coordinates.as_array().map(Vec::as_slice).unwrap_or_default();
            match rings {
                [ring] => polygon(ring),
                [] => Err(("/coordinates".to_owned(), "import.position", Value::Null)),
                _ => Err(("/coordinates/1".to_owned(), "ring.hole", Value::Null)),
            }
        }
        kind => {
            let kind = kind.unwrap_or_default().chars().take(40).collect::<String>();
            Err(("/type".to_owned(), "import.geometry", json!({"type": kind})))
        }
    }
}

fn polygon(ring: &Value) -> Result<Geometry, Fault> {
    let below = "/coordinates/0";
    let positions = ring.as_array().ok_or_else(|| (below.to_owned(), "import.position", Value::Null))?;
    let ring: Vec<[f64; 2]> = positions
        .iter()
        .enumerate()
        .map(|(at, value)| position(value, &format!("{below}/{at}")))
        .collect::<Result<_, _>>()?;
    check_ring(&ring).map_err(|fault| {
        let at = |at: u32| format!("{below}/{at}");
        let place = |at: u32| {
            let [lon, lat] = usize::try_from(at).ok().and_then(|at| ring.get(at)).copied().unwrap_or_default();
            json!({"lat": lat, "lon": lon})
        };
        match fault {
            RingFault::TooFew => (below.to_owned(), "ring.too_few", Value::Null),
            RingFault::TooMany => {
                (below.to_owned(), "ring.too_many", json!({"most": engine::place::ring::VERTICES_MAX}))
            }
            RingFault::Impossible { at: index } => (at(index), "location.impossible", place(index)),
            RingFault::Swapped { at: index } => (at(index), "location.swapped", place(index)),
            RingFault::Open => (below.to_owned(), "ring.open", Value::Null),
            RingFault::Crosses { at: index, other } => {
                (at(index), "ring.crosses", json!({"at": index, "other": other}))
            }
            RingFault::TooSmall => (below.to_owned(), "ring.too_small", Value::Null),
            RingFault::TooLarge => (below.to_owned(), "ring.too_large", Value::Null),
        }
    })?;
    Ok(Geometry::Polygon(ring))
}

/// Longitude and latitude; a height is let go.
fn position(value: &Value, below: &str) -> Result<[f64; 2], Fault> {
    let numbers: Option<Vec<f64>> =
        value.as_array().map(|numbers| numbers.iter().map(Value::as_f64).collect()).unwrap_or_default();
    match numbers.as_deref() {
        Some([lon, lat] | [lon, lat, _]) => Ok([*lon, *lat]),
        _ => Err((below.to_owned(), "import.position", Value::Null)),
    }
}
