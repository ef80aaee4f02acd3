//! A stored location that reps keep missing together: is it in another coordinate system than it says, or elsewhere?
//!
//! Nothing is judged here and nothing is corrected: what is found is a hint for a person, with the evidence. The limits are
//! ours: 60 m is a good phone fix beside a building, and GCJ-02 and BD-09 are off by more than 100 m almost everywhere.

use super::geodesic::beside;
use super::{Crs, to_location_m, to_wgs84};
use crate::command::{Location, Position};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Check-ins this near to their middle agree with each other, and a location this near to it is where they are, in metres.
pub const AGREES_M: f64 = 60.0;
/// A location nearer than this to where the reps are is nothing to talk about, in metres.
pub const FAR_M: f64 = 100.0;
/// Fixes less accurate than this do not count, in metres.
pub const MAX_ACCURACY_M: f64 = 50.0;
/// So many check-ins …
pub const CHECK_INS_MIN: u32 = 3;
/// … by so many reps …
pub const USERS_MIN: u32 = 2;
/// … on so many days.
pub const DATES_MIN: u32 = 2;

/// Where a rep was when they checked in, or tried to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrival {
    /// Who, `usr_…`.
    pub user: String,
    /// Business date of the visit.
    pub date: String,
    /// Where, as the device said.
    pub position: Position,
}

/// What explains that reps agree with each other and not with the stored location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// The stored coordinates are on WGS-84, whatever they say.
    ProbablyWgs84,
    /// They are GCJ-02.
    ProbablyGcj02,
    /// They are BD-09.
    ProbablyBd09,
    /// No coordinate system explains it: the customer is elsewhere.
    Moved,
}

/// The finding, with its evidence. Metres are rounded to 0.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShiftFinding {
    /// What it is.
    pub shift: Shift,
    /// How many check-ins agree,
    pub check_ins: u32,
    /// of how many that count,
    pub of: u32,
    /// by how many reps,
    pub users: u32,
    /// on how many business dates.
    pub dates: u32,
    /// The middle of those that agree: latitude on WGS-84, in degrees.
    pub lat: f64,
    /// Its longitude.
    pub lon: f64,
    /// From there to the stored location as it is read now; none if nobody said in which system it is.
    pub before_m: Option<f64>,
    /// From there to the stored location in the system that explains it; none when it has moved.
    pub after_m: Option<f64>,
}

/// Whether a position is good enough to say something about a location: not simulated, accurate, in a known system.
#[must_use]
pub fn counts(position: &Position) -> bool {
    let accurate = position.accuracy_m > 0.0 && position.accuracy_m <= MAX_ACCURACY_M;
    accurate && position.mock != Some(true) && place_of(position).is_some()
}

/// Whether a position that counts is far from the location, or the location's system is unknown: a few of those are worth
/// a look at all of them.
#[must_use]
pub fn misses(location: &Location, position: &Position) -> bool {
    to_location_m(location, position).is_none_or(|metres| metres - allowance_m(location) >= FAR_M)
}

/// What the arrivals at a customer say about its stored location; none where there is nothing to say.
///
/// Their middle is the median of latitudes and of longitudes, which a few strays do not move. It is believed when at least
/// two thirds of what counts are within [`AGREES_M`] of it, by several reps on several dates.
#[must_use]
pub fn shift(location: &Location, arrivals: &[Arrival]) -> Option<ShiftFinding> {
    let counted: Vec<(&Arrival, (f64, f64))> = arrivals
        .iter()
        .filter(|arrival| counts(&arrival.position))
        .filter_map(|arrival| Some((arrival, place_of(&arrival.position)?)))
        .collect();
    let places: Vec<(f64, f64)> = counted.iter().map(|(_, place)| *place).collect();
    let middle = middle(&places)?;
    let near = |place: &(f64, f64)| super::distance_m(middle, *place).is_some_and(|metres| metres <= AGREES_M);
    let agree: Vec<&Arrival> = counted.iter().filter(|(_, place)| near(place)).map(|(arrival, _)| *arrival).collect();
    let number = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    let check_ins = number(agree.len());
    let of = number(counted.len());
    let users = number(agree.iter().map(|arrival| &arrival.user).collect::<BTreeSet<_>>().len());
    let dates = number(agree.iter().map(|arrival| &arrival.date).collect::<BTreeSet<_>>().len());
    let enough = check_ins >= CHECK_INS_MIN && users >= USERS_MIN && dates >= DATES_MIN;
    if !enough || u64::from(check_ins) * 3 < u64::from(of) * 2 {
        return None;
    }
    let before_m = metres(location, location.crs, middle);
    if before_m.is_some_and(|before_m| before_m - allowance_m(location) < FAR_M) {
        return None;
    }
    let explained = explanation(location, middle);
    let (shift, after_m) = explained.map_or((Shift::Moved, None), |(shift, after_m)| (shift, Some(after_m)));
    Some(ShiftFinding { shift, check_ins, of, users, dates, lat: middle.0, lon: middle.1, before_m, after_m })
}

/// The system in which the stored numbers are where the reps are. The plainest comes first where several are, which is
/// where they are all one: outside China.
fn explanation(location: &Location, middle: (f64, f64)) -> Option<(Shift, f64)> {
    [(Crs::Wgs84, Shift::ProbablyWgs84), (Crs::Gcj02, Shift::ProbablyGcj02), (Crs::Bd09, Shift::ProbablyBd09)]
        .into_iter()
        .filter(|(crs, _)| *crs != location.crs)
        .filter_map(|(crs, shift)| Some((shift, metres(location, crs, middle)?)))
        .filter(|(_, after_m)| after_m - allowance_m(location) <= AGREES_M)
        .min_by(|(_, one_m), (_, other_m)| one_m.total_cmp(other_m))
}

/// From a place on WGS-84 to a location whose numbers are read as `crs`.
fn metres(location: &Location, crs: Crs, (lat, lon): (f64, f64)) -> Option<f64> {
    let read = Location { crs, ..location.clone() };
    let there =
        Position { lat, lon, crs: Crs::Wgs84, accuracy_m: 1.0, age_s: 0.0, mock: None, provider: String::new() };
    to_location_m(&read, &there)
}

/// How far off the location may be by its own word.
fn allowance_m(location: &Location) -> f64 {
    if location.accuracy_m.is_finite() { location.accuracy_m.max(0.0) } else { 0.0 }
}

fn place_of(position: &Position) -> Option<(f64, f64)> {
    to_wgs84(position.lat, position.lon, position.crs)
}

/// The median of latitudes and of longitudes, which may lie on both sides of the antimeridian.
fn middle(places: &[(f64, f64)]) -> Option<(f64, f64)> {
    let west = places.iter().map(|(_, lon)| *lon).min_by(f64::total_cmp)?;
    let lat = median(places.iter().map(|(lat, _)| *lat))?;
    let lon = median(places.iter().map(|(_, lon)| beside(*lon, west)))?;
    Some((lat, beside(lon, 0.0)))
}

fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(half.checked_sub(1)?)?;
    Some(lower + (upper - lower) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cases that people read: what is stored, who was where, and what is said of it.
    const CASES: &str = include_str!("shift_cases.json");

    /// What is said before the cases is for people, and for docs/rules.md.
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        case: String,
        location: Location,
        /// User, date, metres north and east of `at`, and what else is special.
        at: (f64, f64),
        #[serde(default = "wgs84")]
        at_crs: Crs,
        arrivals: Vec<Told>,
        expect: Option<Expected>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Told {
        who: String,
        on: String,
        #[serde(default)]
        north_m: f64,
        #[serde(default)]
        east_m: f64,
        #[serde(default = "ten")]
        accuracy_m: f64,
        mock: Option<bool>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Expected {
        shift: Shift,
        check_ins: u32,
        of: u32,
        users: u32,
        before_m: Option<f64>,
        after_m: Option<f64>,
    }

    const fn wgs84() -> Crs {
        Crs::Wgs84
    }

    const fn ten() -> f64 {
        10.0
    }

    fn arrivals(case: &Case) -> Vec<Arrival> {
        let (lat, lon) = case.at;
        let east = 111_320.0 * lat.to_radians().cos();
        let of = |told: &Told| Arrival {
            user: told.who.clone(),
            date: told.on.clone(),
            position: Position {
                lat: lat + told.north_m / 111_000.0,
                lon: beside(lon + told.east_m / east, 0.0),
                crs: case.at_crs,
                accuracy_m: told.accuracy_m,
                age_s: 1.0,
                mock: told.mock,
                provider: "gps".into(),
            },
        };
        case.arrivals.iter().map(of).collect()
    }

    #[test]
    fn cases_are_as_told() {
        let File { cases } = serde_json::from_str(CASES).unwrap();
        let mut wrong = Vec::new();
        for case in &cases {
            let found = shift(&case.location, &arrivals(case)).map(|found| Expected {
                shift: found.shift,
                check_ins: found.check_ins,
                of: found.of,
                users: found.users,
                before_m: found.before_m.map(f64::round),
                after_m: found.after_m.map(f64::round),
            });
            if found != case.expect {
                wrong.push(format!("{}: {found:?} instead of {:?}", case.case, case.expect));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let named: BTreeSet<&str> = cases.iter().map(|case| case.case.as_str()).collect();
        assert_eq!(named.len(), cases.len(), "each case has a name of its own");
    }

    #[test]
    fn what_does_not_count_misses_nothing_and_what_is_far_does() {
        let case = &serde_json::from_str::<File>(CASES).unwrap().cases[0];
        let far = &arrivals(case)[0].position;
        assert!(counts(far) && misses(&case.location, far));
        assert!(!misses(&Location { crs: Crs::Gcj02, ..case.location.clone() }, far), "read as it is");
        assert!(misses(&Location { crs: Crs::Unknown, ..case.location.clone() }, far), "nobody knows");
        for poor in [
            Position { mock: Some(true), ..far.clone() },
            Position { accuracy_m: 50.1, ..far.clone() },
            Position { accuracy_m: 0.0, ..far.clone() },
            Position { accuracy_m: f64::NAN, ..far.clone() },
            Position { crs: Crs::Unknown, ..far.clone() },
            Position { lat: 91.0, ..far.clone() },
        ] {
            assert!(!counts(&poor), "{poor:?}");
        }
    }

    proptest! {
        /// Wherever in China, whatever is stored under the wrong name is named, unless both are the same place.
        #[test]
        fn a_wrong_system_is_named(lat in 20.0..50.0, lon in 80.0..130.0, stored in 0_usize..3, real in 0_usize..3) {
            let systems = [Crs::Wgs84, Crs::Gcj02, Crs::Bd09];
            let location = Location { id: "loc_1".into(), lat, lon, crs: systems[stored], accuracy_m: 0.0, polygon: vec![] };
            let (at_lat, at_lon) = to_wgs84(lat, lon, systems[real]).unwrap();
            let arrival = |user: &str, date: &str| Arrival {
                user: user.into(), date: date.into(),
                position: Position { lat: at_lat, lon: at_lon, crs: Crs::Wgs84, accuracy_m: 5.0, age_s: 0.0, mock: None, provider: String::new() },
            };
            let three = [arrival("usr_a", "1"), arrival("usr_b", "1"), arrival("usr_b", "2")];
            let found = shift(&location, &three);
            if stored == real {
                prop_assert!(found.is_none());
            } else if let Some(found) = found {
                let names = [Shift::ProbablyWgs84, Shift::ProbablyGcj02, Shift::ProbablyBd09];
                prop_assert_eq!(found.shift, names[real]);
                prop_assert_eq!(found.after_m, Some(0.0));
                prop_assert!(found.before_m.unwrap() >= FAR_M);
            } else {
                prop_assert!(metres(&location, location.crs, (at_lat, at_lon)).unwrap() < FAR_M);
            }
        }

        /// Whatever is handed in, there is an answer, and the order does not matter.
        #[test]
        fn anything_is_answered(
            lat in any::<f64>(), lon in -200.0..200.0, accuracy_m in any::<f64>(),
            places in prop::collection::vec((-91.0..91.0, -181.0..181.0, any::<f64>()), 0..9),
        ) {
            let location = Location { id: "loc_1".into(), lat, lon, crs: Crs::Bd09, accuracy_m, polygon: vec![] };
            let mut arrivals: Vec<Arrival> = places.iter().enumerate().map(|(index, (lat, lon, accuracy_m))| Arrival {
                user: format!("usr_{}", index % 3), date: format!("{}", index % 2),
                position: Position { lat: *lat, lon: *lon, crs: Crs::Wgs84, accuracy_m: *accuracy_m, age_s: 0.0, mock: None, provider: String::new() },
            }).collect();
            let found = shift(&location, &arrivals).map(|found| (found.shift, found.check_ins, found.of));
            arrivals.reverse();
            prop_assert_eq!(shift(&location, &arrivals).map(|found| (found.shift, found.check_ins, found.of)), found);
        }
    }
}
