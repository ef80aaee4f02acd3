//! Places: coordinate systems, distances, fences.
//!
//! Everything is judged on WGS-84, on both sides of the engine to the same bit: transcendental functions come from
//! `libm` alone, and metres are rounded to 0.1 before they are compared. What a fence does to a visit is not decided here.

use crate::command::{Location, Position};
use serde::{Deserialize, Serialize};

pub mod cells;
mod datum;
pub mod duplicates;
mod geodesic;
pub mod ring;
pub mod shift;
#[cfg(test)]
mod tests;

pub use datum::to_wgs84;
pub use geodesic::distance_m;

/// A coordinate system. Chinese map SDKs return GCJ-02 or BD-09, hundreds of metres off WGS-84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// GPS.
    Wgs84,
    /// AMap, Tencent.
    Gcj02,
    /// Baidu.
    Bd09,
    /// Nobody said; never judged against.
    Unknown,
}

/// What a step asks of a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fence {
    /// Radius around the location's point, or margin around its polygon, in metres.
    pub radius_m: f64,
    /// Fixes less accurate than this are indeterminate, in metres.
    pub max_accuracy_m: f64,
    /// Fixes older than this are indeterminate, in seconds.
    pub max_age_s: f64,
}

/// Where a position is, seen from a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceResult {
    /// It can be inside.
    Inside,
    /// It cannot be inside.
    Outside,
    /// Nothing can be said; never passes by itself.
    Indeterminate,
}

/// Why a fence is indeterminate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FenceReason {
    /// The fence's own limits are no lengths or times.
    FenceInvalid,
    /// The customer has no location.
    NoLocation,
    /// Nobody said in which system the location's coordinates are.
    LocationCrsUnknown,
    /// The location's coordinates or accuracy are impossible.
    LocationInvalid,
    /// The device had no fix.
    NoFix,
    /// Nobody said in which system the fix is.
    CrsUnknown,
    /// The coordinates of the fix are impossible.
    PositionInvalid,
    /// The device did not say how accurate the fix is (zero, negative, not a number).
    AccuracyUnknown,
    /// The fix is less accurate than allowed.
    Inaccurate,
    /// The age of the fix is impossible.
    AgeUnknown,
    /// The fix is older than allowed.
    TooOld,
}

/// What a fence says about a position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FenceVerdict {
    /// Inside, outside, or neither.
    pub result: FenceResult,
    /// Metres to the location (0 within its polygon), rounded to 0.1, wherever both places are known.
    pub distance_m: Option<f64>,
    /// Why it is indeterminate; none otherwise.
    pub reason: Option<FenceReason>,
}

/// Judges a position against a location: inside if the distance, less the accuracies of both, is within the radius.
///
/// A polygon takes the place of the location's point. The benefit of doubt is bounded by `max_accuracy_m`: a fix
/// worse than that, too old, or in an unknown system is indeterminate, however near it may be.
#[must_use]
pub fn fence(location: Option<&Location>, position: Option<&Position>, fence: &Fence) -> FenceVerdict {
    let distance_m = location.zip(position).and_then(|(location, position)| to_location_m(location, position));
    let result = match judgeable(location, position, fence) {
        Err(reason) => Err(reason),
        Ok((location, position)) => match distance_m {
            // Every cause has its own reason above; a vertex of the polygon is the one that is left.
            None => Err(FenceReason::LocationInvalid),
            Some(distance_m) => {
                let nearest_m = distance_m - position.accuracy_m - location.accuracy_m;
                Ok(tenths(nearest_m) <= tenths(fence.radius_m))
            }
        },
    };
    match result {
        Ok(true) => FenceVerdict { result: FenceResult::Inside, distance_m, reason: None },
        Ok(false) => FenceVerdict { result: FenceResult::Outside, distance_m, reason: None },
        Err(reason) => FenceVerdict { result: FenceResult::Indeterminate, distance_m, reason: Some(reason) },
    }
}

/// Metres from a position to a location, 0 within its polygon, rounded to 0.1; none if either cannot be placed.
#[must_use]
pub fn to_location_m(location: &Location, position: &Position) -> Option<f64> {
    let from = to_wgs84(position.lat, position.lon, position.crs)?;
    if location.polygon.is_empty() {
        return distance_m(from, to_wgs84(location.lat, location.lon, location.crs)?);
    }
    let ring: Option<Vec<_>> = location.polygon.iter().map(|[lon, lat]| to_wgs84(*lat, *lon, location.crs)).collect();
    geodesic::polygon_m(from, &ring?)
}

/// Square metres of a location's polygon, rounded to 1; none without a polygon, or where it cannot be placed.
#[must_use]
pub fn area_m2(location: &Location) -> Option<f64> {
    let mut ring = placed(location)?;
    ring.extend(ring.first().copied());
    (location.polygon.len() >= 3).then(|| ring::area_m2(&ring::unrolled(&ring)).round())
}

/// The ring of a location's polygon as `[lon, lat]` on WGS-84; none where it has too many corners, or one is nowhere.
fn placed(location: &Location) -> Option<Vec<[f64; 2]>> {
    if location.polygon.len() > ring::VERTICES_MAX {
        return None;
    }
    let placed = |[lon, lat]: &[f64; 2]| to_wgs84(*lat, *lon, location.crs).map(|(lat, lon)| [lon, lat]);
    location.polygon.iter().map(placed).collect()
}

/// Both places, if a fence can be judged at all.
fn judgeable<'a>(
    location: Option<&'a Location>,
    position: Option<&'a Position>,
    fence: &Fence,
) -> Result<(&'a Location, &'a Position), FenceReason> {
    let possible = |limit: f64| limit.is_finite() && limit >= 0.0;
    if !(possible(fence.radius_m) && possible(fence.max_accuracy_m) && possible(fence.max_age_s)) {
        return Err(FenceReason::FenceInvalid);
    }
    let location = location.ok_or(FenceReason::NoLocation)?;
    if location.crs == Crs::Unknown {
        return Err(FenceReason::LocationCrsUnknown);
    }
    let placed = !location.polygon.is_empty() || to_wgs84(location.lat, location.lon, location.crs).is_some();
    if !placed || !possible(location.accuracy_m) {
        return Err(FenceReason::LocationInvalid);
    }
    let position = position.ok_or(FenceReason::NoFix)?;
    if position.crs == Crs::Unknown {
        return Err(FenceReason::CrsUnknown);
    }
    if to_wgs84(position.lat, position.lon, position.crs).is_none() {
        return Err(FenceReason::PositionInvalid);
    }
    if !possible(position.accuracy_m) || position.accuracy_m == 0.0 {
        return Err(FenceReason::AccuracyUnknown);
    }
    if position.accuracy_m > fence.max_accuracy_m {
        return Err(FenceReason::Inaccurate);
    }
    if !possible(position.age_s) {
        return Err(FenceReason::AgeUnknown);
    }
    if position.age_s > fence.max_age_s {
        return Err(FenceReason::TooOld);
    }
    Ok((location, position))
}

/// Whether there is such a place, in degrees.
#[must_use]
pub fn on_earth(lat: f64, lon: f64) -> bool {
    (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)
}

/// Whether there is no such place, but one with latitude and longitude the other way round.
#[must_use]
pub fn swapped(lat: f64, lon: f64) -> bool {
    !on_earth(lat, lon) && on_earth(lon, lat)
}

/// Whole tenths: lengths that differ by less are the same length.
fn tenths(metres: f64) -> f64 {
    (metres * 10.0).round()
}
