//! Whether a ring of coordinates is an area that a fence can be made of, as RFC 7946 wants a polygon's outer ring.
//!
//! Rings are looked at in their own coordinates; which datum they are in changes nothing about their form. Either direction
//! is taken: old files wind both ways.

use super::geodesic::beside;
use serde::{Deserialize, Serialize};

/// Most vertices of a ring. Every edge is compared with every other.
pub const VERTICES_MAX: usize = 1_000;
/// Smallest area that is no point or line, in square metres.
pub const AREA_MIN_M2: f64 = 1.0;
/// Largest area of a customer, in square metres: 1,000 km². Anything larger is a district, or in other units.
pub const AREA_MAX_M2: f64 = 1e9;

/// Longitude, latitude.
type Point = (f64, f64);

/// Metres of a degree of latitude, to the hundredth: areas need no more.
const DEGREE_M: f64 = 111_195.0;

/// What is wrong with a ring; `at` is the index of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "`at` is said above")]
pub enum RingFault {
    /// Fewer than four positions, of which the last repeats the first.
    TooFew,
    /// More than [`VERTICES_MAX`].
    TooMany,
    /// No such place on Earth.
    Impossible { at: u32 },
    /// No such place, but there is one with latitude and longitude the other way round.
    Swapped { at: u32 },
    /// The last position is not the first.
    Open,
    /// The edge that begins here crosses or touches the one that begins at `other`.
    Crosses { at: u32, other: u32 },
    /// It has no area to speak of.
    TooSmall,
    /// It is larger than any customer.
    TooLarge,
}

/// Looks at a ring of `[lon, lat]` in degrees.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check_ring(ring: &[[f64; 2]]) -> Result<(), RingFault> {
    if ring.len() > VERTICES_MAX {
        return Err(RingFault::TooMany);
    }
    for (at, [lon, lat]) in (0..).zip(ring) {
        if !super::on_earth(*lat, *lon) {
            return Err(if super::swapped(*lat, *lon) {
                RingFault::Swapped { at }
            } else {
                RingFault::Impossible { at }
            });
        }
    }
    if ring.len() < 4 {
        return Err(RingFault::TooFew);
    }
    if ring.first() != ring.last() {
        return Err(RingFault::Open);
    }
    let points = unrolled(ring);
    if let Some((at, other)) = crossing(&points) {
        return Err(RingFault::Crosses { at, other });
    }
    let area_m2 = area_m2(&points);
    if area_m2 < AREA_MIN_M2 {
        return Err(RingFault::TooSmall);
    }
    if area_m2 > AREA_MAX_M2 {
        return Err(RingFault::TooLarge);
    }
    Ok(())
}

/// The middle of a ring's box as `(lat, lon)`: a point to show it at. Not always inside, and nothing is judged by it.
#[must_use]
pub fn ring_middle(ring: &[[f64; 2]]) -> Option<(f64, f64)> {
    let points = unrolled(ring);
    let ends = |numbers: &mut dyn Iterator<Item = f64>| {
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| (least.min(number), most.max(number)))
    };
    let (west, east) = ends(&mut points.iter().map(|(x, _)| *x));
    let (south, north) = ends(&mut points.iter().map(|(_, y)| *y));
    (!points.is_empty()).then(|| (south + (north - south) / 2.0, beside(west + (east - west) / 2.0, 0.0)))
}

/// The ring as `(lon, lat)` where longitudes go on beyond 180° if an edge crosses it.
pub(super) fn unrolled(ring: &[[f64; 2]]) -> Vec<Point> {
    let mut before = ring.first().map_or(0.0, |[lon, _]| *lon);
    ring.iter()
        .map(|[lon, lat]| {
            before = beside(*lon, before);
            (before, *lat)
        })
        .collect()
}

/// The first two edges that meet elsewhere than in a vertex they share.
fn crossing(points: &[Point]) -> Option<(u32, u32)> {
    let edges: Vec<(u32, Point, Point)> = (0..)
        .zip(points.windows(2))
        .filter_map(|(at, edge)| if let [start, end] = edge { Some((at, *start, *end)) } else { None })
        .filter(|(_, start, end)| start != end)
        .collect();
    for (place, (at, a, b)) in edges.iter().enumerate() {
        for (gap, (other, c, d)) in edges.iter().skip(place + 1).enumerate() {
            // Neighbours share a vertex; they must not lie on each other.
            let follows = gap == 0;
            let closes = place == 0 && place + 1 + gap + 1 == edges.len();
            let meet = if follows {
                turns(*a, *b, *d) == 0.0 && between(*b, *a, *d)
            } else if closes {
                turns(*c, *d, *b) == 0.0 && between(*d, *c, *b)
            } else {
                cross(*a, *b, *c, *d)
            };
            if meet {
                return Some((*at, *other));
            }
        }
    }
    None
}

/// Whether going on from `corner` to `to` leads back over the way from `from`.
fn between(corner: Point, from: Point, to: Point) -> bool {
    (from.0 - corner.0) * (to.0 - corner.0) + (from.1 - corner.1) * (to.1 - corner.1) > 0.0
}

/// Above 0 where `c` is left of the way from `a` to `b`, below where it is right, 0 on the line.
fn turns(a: Point, b: Point, c: Point) -> f64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

fn cross(a: Point, b: Point, c: Point, d: Point) -> bool {
    let (abc, abd, cda, cdb) = (turns(a, b, c), turns(a, b, d), turns(c, d, a), turns(c, d, b));
    let apart = |one: f64, other: f64| (one > 0.0 && other < 0.0) || (one < 0.0 && other > 0.0);
    let on = |turn: f64, start: Point, end: Point, point: Point| {
        turn == 0.0
            && (start.0.min(end.0)..=start.0.max(end.0)).contains(&point.0)
            && (start.1.min(end.1)..=start.1.max(end.1)).contains(&point.1)
    };
    (apart(abc, abd) && apart(cda, cdb)) || on(abc, a, b, c) || on(abd, a, b, d) || on(cda, c, d, a) || on(cdb, c, d, b)
}

/// About: on a plane that touches the Earth at the ring.
pub(super) fn area_m2(points: &[Point]) -> f64 {
    let (x0, y0) = points.first().copied().unwrap_or_default();
    let narrow = libm::cos(y0.to_radians());
    let at = |(x, y): Point| ((x - x0) * narrow * DEGREE_M, (y - y0) * DEGREE_M);
    let twice: f64 = points
        .windows(2)
        .map(|edge| match edge {
            [a, b] => {
                let ((ax, ay), (bx, by)) = (at(*a), at(*b));
                ax * by - bx * ay
            }
            _ => 0.0,
        })
        .sum();
    (twice / 2.0).abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(ring: &[[f64; 2]], expected: Result<(), RingFault>) {
        assert_eq!(check_ring(ring), expected);
        let mut back = ring.to_vec();
        back.reverse();
        assert_eq!(check_ring(&back).is_ok(), expected.is_ok(), "the other way round");
    }

    const SQUARE: [[f64; 2]; 5] = [[104.0, 30.0], [104.01, 30.0], [104.01, 30.01], [104.0, 30.01], [104.0, 30.0]];

    #[test]
    fn a_ring_is_closed_large_enough_and_does_not_cross_itself() {
        check(&SQUARE, Ok(()));
        check(&SQUARE[..4], Err(RingFault::Open));
        check(&SQUARE[..3], Err(RingFault::TooFew));
        check(&[], Err(RingFault::TooFew));
        let bow = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]];
        check(&bow, Err(RingFault::Crosses { at: 0, other: 2 }));
        // Back over the same way; a vertex on another edge; a loop that touches a vertex.
        let spike = [SQUARE[0], SQUARE[1], [104.02, 30.0], SQUARE[1], SQUARE[2], SQUARE[3], SQUARE[0]];
        assert!(matches!(check_ring(&spike), Err(RingFault::Crosses { .. })));
        let touching = [SQUARE[0], SQUARE[1], SQUARE[2], [104.005, 30.0], SQUARE[3], SQUARE[0]];
        assert!(matches!(check_ring(&touching), Err(RingFault::Crosses { .. })));
        // A position that is there twice in a row is nothing.
        check(&[SQUARE[0], SQUARE[1], SQUARE[1], SQUARE[2], SQUARE[3], SQUARE[0]], Ok(()));
        check(&[SQUARE[0]; 5], Err(RingFault::TooSmall));
        check(&[[104.0, 30.0], [104.0 + 1e-6, 30.0], [104.0, 30.0 + 1e-6], [104.0, 30.0]], Err(RingFault::TooSmall));
        check(&[[104.0, 30.0], [105.0, 30.0], [105.0, 31.0], [104.0, 31.0], [104.0, 30.0]], Err(RingFault::TooLarge));
        assert_eq!(check_ring(&vec![[104.0, 30.0]; VERTICES_MAX + 1]), Err(RingFault::TooMany));
    }

    #[test]
    fn a_place_that_cannot_be_is_named_and_so_is_one_that_is_swapped() {
        let mut ring = SQUARE;
        ring[2] = [30.01, 104.01];
        assert_eq!(check_ring(&ring), Err(RingFault::Swapped { at: 2 }));
        ring[2] = [11_577_000.0, 3_503_000.0];
        assert_eq!(check_ring(&ring), Err(RingFault::Impossible { at: 2 }));
        ring[2] = [f64::NAN, 30.0];
        assert_eq!(check_ring(&ring), Err(RingFault::Impossible { at: 2 }));
    }

    #[test]
    fn a_ring_may_cross_the_antimeridian() {
        let ring = [[179.99, -17.0], [-179.99, -17.0], [-179.99, -16.99], [179.99, -16.99], [179.99, -17.0]];
        check(&ring, Ok(()));
        let (lat, lon) = ring_middle(&ring).unwrap();
        assert!((lat + 16.995).abs() < 1e-9 && (lon.abs() - 180.0).abs() < 1e-9, "{lat} {lon}");
        assert_eq!(ring_middle(&[]), None);
    }

    proptest! {
        /// A star around its middle never crosses itself, wherever it begins; two of its corners swapped mostly do, and
        /// nothing panics.
        #[test]
        fn stars_are_rings(far in prop::collection::vec(0.2_f64..1.0, 4..40), turn in 0_usize..40) {
            let corners = far.len();
            let mut ring: Vec<[f64; 2]> = far.iter().enumerate().map(|(index, far)| {
                let angle = index as f64 / corners as f64 * std::f64::consts::TAU;
                [104.0 + far * angle.cos() / 100.0, 30.0 + far * angle.sin() / 100.0]
            }).collect();
            ring.rotate_left(turn % corners);
            ring.push(ring[0]);
            prop_assert_eq!(check_ring(&ring), Ok(()));
        }

        #[test]
        fn anything_is_answered(ring in prop::collection::vec([any::<f64>(), any::<f64>()], 0..20)) {
            let _: Result<(), RingFault> = check_ring(&ring);
        }
    }
}
