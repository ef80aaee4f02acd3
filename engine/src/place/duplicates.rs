//! Two customers that are probably one: points near each other whose names are alike, or areas that lie on each other.
//!
//! Nothing is merged here: what is found is a hint for a person, with its evidence. A point and an area are not compared, and
//! a place in an unknown system is never judged (CRS). Intersections come from `geo`, which works on integers there and takes
//! its powers of two from `libm`.

use super::geodesic::beside;
use super::ring::{AREA_MAX_M2, AREA_MIN_M2, unrolled};
use super::{distance_m, placed, to_wgs84};
use crate::alike::essence;
use crate::command::Location;
use geo::{Area as _, BooleanOps as _, LineString, Polygon};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Metres between two points that may be one. Source: tenant parameter, default.
pub const WITHIN_M: f64 = 100.0;
/// How alike two names are that may be one. Source: tenant parameter, default.
pub const NAME_SIMILARITY: f64 = 0.8;
/// More of the smaller area than this lies on the other. Source: tenant parameter, default.
pub const OVERLAP: f64 = 0.5;

/// What [`Limits::within_m`] may be.
pub const WITHIN_M_BOUNDS: RangeInclusive<f64> = 1.0..=1_000.0;
/// What [`Limits::name_similarity`] may be: below a half, everything around is alike.
pub const NAME_SIMILARITY_BOUNDS: RangeInclusive<f64> = 0.5..=1.0;
/// What [`Limits::overlap`] may be: neighbours that were drawn by hand lie on each other a little.
pub const OVERLAP_BOUNDS: RangeInclusive<f64> = 0.1..=0.95;

/// Letters of a name that are compared: work grows with their square.
const LETTERS_MAX: usize = 100;
/// Metres of a degree of latitude. Shares need no more.
const DEGREE_M: f64 = 111_195.0;

/// From when on two customers are probably one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Points at most so many metres apart,
    pub within_m: f64,
    /// with names at least so alike, 0 to 1.
    pub name_similarity: f64,
    /// Areas of which the smaller lies on the other by more than this share, 0 to 1.
    pub overlap: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { within_m: WITHIN_M, name_similarity: NAME_SIMILARITY, overlap: OVERLAP }
    }
}

/// A customer as far as this goes.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// Name for people.
    pub name: &'a str,
    /// Where.
    pub location: &'a Location,
}

/// Why two customers are probably one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DuplicateReason {
    /// Their points are near each other and their names alike.
    NearAndAlike,
    /// Their areas lie on each other.
    Overlap,
}

/// The finding, with its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DuplicateFinding {
    /// Why.
    pub reason: DuplicateReason,
    /// Metres between the points, rounded to 0.1; none for areas.
    pub distance_m: Option<f64>,
    /// How alike the names are, 0 to 1, rounded to 0.001.
    pub name_similarity: f64,
    /// Share of the smaller area that lies on the other, 0 to 1, rounded to 0.001; none for points.
    pub overlap: Option<f64>,
}

/// Whether two customers are probably one; the same whichever comes first.
#[must_use]
pub fn duplicate(one: Party<'_>, other: Party<'_>, limits: &Limits) -> Option<DuplicateFinding> {
    match (one.location.polygon.is_empty(), other.location.polygon.is_empty()) {
        (true, true) => {
            let distance_m = distance_m(point(one.location)?, point(other.location)?)?;
            if distance_m > limits.within_m {
                return None;
            }
            let name_similarity = name_similarity(one.name, other.name);
            (name_similarity >= limits.name_similarity).then_some(DuplicateFinding {
                reason: DuplicateReason::NearAndAlike,
                distance_m: Some(distance_m),
                name_similarity,
                overlap: None,
            })
        }
        (false, false) => {
            let overlap = overlap(one.location, other.location)?;
            (overlap > limits.overlap).then(|| DuplicateFinding {
                reason: DuplicateReason::Overlap,
                distance_m: None,
                name_similarity: name_similarity(one.name, other.name),
                overlap: Some(overlap),
            })
        }
        _ => None,
    }
}

/// How alike two names are, 0 to 1, rounded to 0.001: one less the share of letters that must be put in, left out, changed or
/// swapped with their neighbour (Damerau-Levenshtein) to make one the other. Case, width, spaces and punctuation say nothing,
/// and a name without any letter is like no other. Measures that give credit for a common beginning (Jaro-Winkler) would take
/// all branches of a chain for one.
#[must_use]
pub fn name_similarity(one: &str, other: &str) -> f64 {
    let letters = |name: &str| essence(name).chars().take(LETTERS_MAX).collect::<String>();
    let (one, other) = (letters(one), letters(other));
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    thousandths(strsim::normalized_damerau_levenshtein(&one, &other))
}

/// Share of the smaller of two areas that lies on the other, rounded to 0.001; none unless both are areas that a customer may
/// have.
#[must_use]
pub fn overlap(one: &Location, other: &Location) -> Option<f64> {
    let (ring, others) = (ring(one)?, ring(other)?);
    let (west, south) = ring.first().copied()?;
    // On a plane that touches the Earth at one of them: shares are right as long as both are near.
    let narrow = libm::cos(south.to_radians());
    let area = |ring: &[(f64, f64)]| {
        let first = ring.first().map_or(west, |(lon, _)| *lon);
        let turn = beside(first, west) - first;
        let flat = |(lon, lat): &(f64, f64)| ((lon + turn - west) * narrow * DEGREE_M, (lat - south) * DEGREE_M);
        Polygon::new(ring.iter().map(flat).collect::<LineString<f64>>(), Vec::new())
    };
    let (one, other) = (area(&ring), area(&others));
    let (one_m2, other_m2) = (one.unsigned_area(), other.unsigned_area());
    let bounds = AREA_MIN_M2..=AREA_MAX_M2;
    if !(bounds.contains(&one_m2) && bounds.contains(&other_m2)) {
        return None;
    }
    let shared_m2 = one.intersection(&other).unsigned_area();
    Some(thousandths((shared_m2 / one_m2.min(other_m2)).clamp(0.0, 1.0)))
}

/// The ring of an area on WGS-84, as `(lon, lat)`.
fn ring(location: &Location) -> Option<Vec<(f64, f64)>> {
    placed(location).map(|ring| unrolled(&ring))
}

fn point(location: &Location) -> Option<(f64, f64)> {
    to_wgs84(location.lat, location.lon, location.crs)
}

fn thousandths(share: f64) -> f64 {
    (share * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::super::Crs;
    use super::super::datum::{bd09_from_gcj02, gcj02_from_wgs84};
    use super::super::ring::VERTICES_MAX;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Cases that people read: two customers, where they really are, how that was written down, and what is said of them.
    const CASES: &str = include_str!("duplicate_cases.json");

    /// What is said before the cases is for people, and for docs/rules.md.
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        case: String,
        /// The place all metres count from: latitude and longitude on WGS-84.
        at: (f64, f64),
        one: Told,
        other: Told,
        #[serde(default)]
        limits: Limits,
        expect: Option<Expected>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Told {
        name: String,
        #[serde(default)]
        north_m: f64,
        #[serde(default)]
        east_m: f64,
        /// West, south, east, north of the area, in metres; or its corners, each east and north.
        area_m: Option<[f64; 4]>,
        corners_m: Option<Vec<[f64; 2]>>,
        /// In which system the numbers were measured, and which one they claim.
        #[serde(default = "wgs84")]
        measured: Crs,
        says: Option<Crs>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        reason: DuplicateReason,
        distance_m: Option<f64>,
        name_similarity: f64,
        overlap: Option<f64>,
    }

    const fn wgs84() -> Crs {
        Crs::Wgs84
    }

    fn location(told: &Told, at: (f64, f64)) -> Location {
        let place = |east_m: f64, north_m: f64| {
            let east = 111_320.0 * at.0.to_radians().cos();
            let place = (at.0 + north_m / 111_000.0, beside(at.1 + east_m / east, 0.0));
            match told.measured {
                Crs::Wgs84 | Crs::Unknown => place,
                Crs::Gcj02 => gcj02_from_wgs84(place),
                Crs::Bd09 => bd09_from_gcj02(gcj02_from_wgs84(place)),
            }
        };
        let corners = told.area_m.map(|[west, south, east, north]| {
            vec![[west, south], [east, south], [east, north], [west, north], [west, south]]
        });
        let corners = corners.or_else(|| told.corners_m.clone()).unwrap_or_default();
        let polygon = corners.iter().map(|[east, north]| place(*east, *north)).map(|(lat, lon)| [lon, lat]).collect();
        let (lat, lon) = place(told.east_m, told.north_m);
        let crs = told.says.unwrap_or(told.measured);
        Location { id: "loc_1".into(), lat, lon, crs, accuracy_m: 0.0, polygon }
    }

    #[test]
    fn cases_are_as_told() {
        let file: File = serde_json::from_str(CASES).unwrap();
        let mut wrong = Vec::new();
        for case in &file.cases {
            let (here, there) = (location(&case.one, case.at), location(&case.other, case.at));
            let one = Party { name: &case.one.name, location: &here };
            let other = Party { name: &case.other.name, location: &there };
            let found = duplicate(one, other, &case.limits);
            let back = duplicate(other, one, &case.limits);
            assert_eq!(found.map(|found| found.reason), back.map(|back| back.reason), "{}", case.case);
            let found = found.map(|found| Expected {
                reason: found.reason,
                distance_m: found.distance_m.map(f64::round),
                name_similarity: (found.name_similarity * 100.0).round() / 100.0,
                overlap: found.overlap.map(|share| (share * 100.0).round() / 100.0),
            });
            if found != case.expect {
                let (similarity, share) = (name_similarity(one.name, other.name), overlap(&here, &there));
                let saw = format!("alike {similarity}, overlap {share:?}");
                wrong.push(format!("{}: {found:?} instead of {:?} ({saw})", case.case, case.expect));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let named: BTreeSet<&str> = file.cases.iter().map(|case| case.case.as_str()).collect();
        assert_eq!(named.len(), file.cases.len(), "each case has a name of its own");
    }

    #[test]
    fn what_people_write_differently_says_nothing() {
        for (one, other, expected) in [
            ("华联超市(人民路店)", "华联超市人民路店", 1.0_f64),
            ("华联超市（人民路店）", "华联超市(中山路店)", 0.75),
            ("JOE'S  Café 7", "joes café７", 1.0),
            ("Ａ－１ Service", "a1 service", 1.0),
            ("", "", 0.0),
            ("???", "???", 0.0),
            ("老王", "老李", 0.5),
        ] {
            assert_eq!(name_similarity(one, other).to_bits(), expected.to_bits(), "{one} {other}");
        }
        assert_eq!(name_similarity(&"长".repeat(200_000), &"长".repeat(200_001)).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn what_is_no_area_is_not_judged() {
        let area = |polygon: Vec<[f64; 2]>, crs| Location {
            id: "loc_1".into(),
            lat: 30.0,
            lon: 104.0,
            crs,
            accuracy_m: 0.0,
            polygon,
        };
        let square = vec![[104.0, 30.0], [104.01, 30.0], [104.01, 30.01], [104.0, 30.01], [104.0, 30.0]];
        let good = area(square.clone(), Crs::Wgs84);
        assert_eq!(overlap(&good, &good), Some(1.0));
        assert_eq!(overlap(&good, &area(square, Crs::Unknown)), None);
        let line = vec![[104.0, 30.0], [104.01, 30.0], [104.0, 30.0]];
        assert_eq!(overlap(&good, &area(line, Crs::Wgs84)), None);
        let country = vec![[100.0, 25.0], [110.0, 25.0], [110.0, 35.0], [100.0, 35.0], [100.0, 25.0]];
        assert_eq!(overlap(&good, &area(country, Crs::Wgs84)), None);
        assert_eq!(overlap(&good, &area(vec![[104.0, 30.0]; VERTICES_MAX + 1], Crs::Wgs84)), None);
        assert_eq!(overlap(&good, &area(vec![[104.0, 91.0]; 4], Crs::Wgs84)), None);
    }

    proptest! {
        /// Whatever is handed in, there is an answer, the same both ways.
        #[test]
        fn anything_is_answered(
            rings in prop::collection::vec(prop::collection::vec([104.0_f64..104.02, 30.0_f64..30.02], 1..12), 2),
            other_names in (".{0,12}", ".{0,12}"),
        ) {
            let [one, other] = [&rings[0], &rings[1]].map(|ring| Location {
                id: "loc_1".into(), lat: 30.0, lon: 104.0, crs: Crs::Wgs84, accuracy_m: 0.0, polygon: ring.clone(),
            });
            let (there, back) = (overlap(&one, &other), overlap(&other, &one));
            prop_assert!(there.is_none_or(|share| (0.0..=1.0).contains(&share)));
            prop_assert_eq!(there.is_some(), back.is_some());
            let apart = there.zip(back).map_or(0.0, |(there, back)| (there - back).abs());
            prop_assert!(apart <= 0.002, "{:?} {:?}", there, back);
            let alike = name_similarity(&other_names.0, &other_names.1);
            prop_assert_eq!(alike.to_bits(), name_similarity(&other_names.1, &other_names.0).to_bits());
            prop_assert!((0.0..=1.0).contains(&alike));
        }
    }
}
