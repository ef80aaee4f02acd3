//! Distances on the WGS-84 ellipsoid.
//!
//! `geo` measures with the platform's sines, which differ between native code and WebAssembly; so lengths are computed
//! here with `libm`, and `geo` only answers the exact question whether a point is in a ring.

use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::{Coord, LineString};
use libm::{asin, atan, atan2, cos, sin, tan};
use std::f64::consts::PI;

/// WGS-84: semi-major axis in metres, flattening, semi-minor axis.
const AXIS_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
const MINOR_AXIS_M: f64 = AXIS_M * (1.0 - FLATTENING);
/// Mean radius (2a + b) / 3, in metres: for the few places that Vincenty cannot do.
const MEAN_RADIUS_M: f64 = (2.0 * AXIS_M + MINOR_AXIS_M) / 3.0;
/// Change of the auxiliary longitude below which Vincenty has converged: 0.006 mm.
const CONVERGED: f64 = 1e-12;
/// It converges within ten rounds, nearer to the antipode in some hundred or, within half a degree of it, not at all.
const ROUNDS_MAX: u32 = 1000;

/// Metres between two places on WGS-84, each `(lat, lon)` in degrees, rounded to 0.1 m; none if one is no place on Earth.
#[must_use]
pub fn distance_m(from: (f64, f64), to: (f64, f64)) -> Option<f64> {
    (super::on_earth(from.0, from.1) && super::on_earth(to.0, to.1)).then(|| {
        let metres = vincenty_m(from, to).unwrap_or_else(|| haversine_m(from, to));
        (metres * 10.0).round() / 10.0
    })
}

/// Metres from a place to a ring of places, 0 within or on it, rounded to 0.1 m; none without any vertex.
///
/// Edges are straight between longitudes and latitudes as in GeoJSON, the last vertex is joined to the first, and a ring
/// may cross the antimeridian. The nearest point of each edge is found on a plane that touches the Earth at `from`, its
/// distance on the ellipsoid. No vertex may be off the Earth.
#[must_use]
pub(super) fn polygon_m(from: (f64, f64), ring: &[(f64, f64)]) -> Option<f64> {
    let first = *ring.first()?;
    // Longitudes go on beyond 180° where an edge crosses it, and `from` is seen from the first vertex.
    let mut coords = vec![Coord { x: first.1, y: first.0 }];
    let mut previous_lon = first.1;
    for (lat, lon) in ring.iter().skip(1) {
        previous_lon = beside(*lon, previous_lon);
        coords.push(Coord { x: previous_lon, y: *lat });
    }
    let here = Coord { x: beside(from.1, first.1), y: from.0 };
    let ring = closed(coords);
    if coord_pos_relative_to_ring(here, &ring) != CoordPos::Outside {
        return Some(0.0);
    }
    // A degree of longitude in degrees of latitude, at `from`.
    let narrow = cos(from.0.to_radians());
    let nearest = ring.0.windows(2).filter_map(|edge| match edge {
        [start, end] => {
            let foot = foot(here, *start, *end, narrow);
            distance_m(from, (foot.y.clamp(-90.0, 90.0), beside(foot.x, 0.0).clamp(-180.0, 180.0)))
        }
        _ => None,
    });
    nearest.min_by(f64::total_cmp)
}

/// The ring with its first vertex repeated at the end; a single vertex becomes an edge of no length.
fn closed(mut coords: Vec<Coord<f64>>) -> LineString<f64> {
    if let Some(first) = coords.first().copied()
        && (coords.len() == 1 || coords.last() != Some(&first))
    {
        coords.push(first);
    }
    LineString::new(coords)
}

/// The point of an edge nearest to `point`, with longitudes scaled by `narrow`.
fn foot(point: Coord<f64>, start: Coord<f64>, end: Coord<f64>, narrow: f64) -> Coord<f64> {
    let (edge_x, edge_y) = ((end.x - start.x) * narrow, end.y - start.y);
    let (to_x, to_y) = ((point.x - start.x) * narrow, point.y - start.y);
    let length2 = edge_x * edge_x + edge_y * edge_y;
    let along = if length2 > 0.0 { ((to_x * edge_x + to_y * edge_y) / length2).clamp(0.0, 1.0) } else { 0.0 };
    Coord { x: start.x + (end.x - start.x) * along, y: start.y + edge_y * along }
}

/// The longitude `lon`, turned by whole circles until it is within half a circle of `other`; exact if it already is.
pub(super) fn beside(lon: f64, other: f64) -> f64 {
    lon + 360.0 * ((other - lon) / 360.0).round()
}

/// Vincenty's inverse formula (T. Vincenty, Survey Review 23, 1975); none where it does not converge.
fn vincenty_m((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> Option<f64> {
    let difference = (beside(lon2, lon1) - lon1).to_radians();
    let reduced = |lat: f64| atan((1.0 - FLATTENING) * tan(lat.to_radians()));
    let (sin_u1, cos_u1) = (sin(reduced(lat1)), cos(reduced(lat1)));
    let (sin_u2, cos_u2) = (sin(reduced(lat2)), cos(reduced(lat2)));
    let mut lambda = difference;
    for _ in 0..ROUNDS_MAX {
        let (sin_lambda, cos_lambda) = (sin(lambda), cos(lambda));
        let across = cos_u2 * sin_lambda;
        let along = cos_u1 * sin_u2 - sin_u1 * cos_u2 * cos_lambda;
        let sin_sigma = (across * across + along * along).sqrt();
        if sin_sigma == 0.0 {
            // The same place; the exact antipode gives no direction to go.
            return (cos_lambda > 0.0).then_some(0.0);
        }
        let cos_sigma = sin_u1 * sin_u2 + cos_u1 * cos_u2 * cos_lambda;
        let sigma = atan2(sin_sigma, cos_sigma);
        let sin_alpha = cos_u1 * cos_u2 * sin_lambda / sin_sigma;
        let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
        // Along the equator the middle of the arc has no latitude.
        let cos_2m = if cos2_alpha > 0.0 { cos_sigma - 2.0 * sin_u1 * sin_u2 / cos2_alpha } else { 0.0 };
        let c = FLATTENING / 16.0 * cos2_alpha * (4.0 + FLATTENING * (4.0 - 3.0 * cos2_alpha));
        let before = lambda;
        let term = cos_2m + c * cos_sigma * (2.0 * cos_2m * cos_2m - 1.0);
        lambda = difference + (1.0 - c) * FLATTENING * sin_alpha * (sigma + c * sin_sigma * term);
        if lambda.abs() > PI {
            return None;
        }
        if (lambda - before).abs() < CONVERGED {
            let u2 = cos2_alpha * (AXIS_M * AXIS_M / (MINOR_AXIS_M * MINOR_AXIS_M) - 1.0);
            let a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)));
            let b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)));
            let cos2_2m = 2.0 * cos_2m * cos_2m - 1.0;
            let last = b / 6.0 * cos_2m * (4.0 * sin_sigma * sin_sigma - 3.0) * (4.0 * cos_2m * cos_2m - 3.0);
            let delta = b * sin_sigma * (cos_2m + b / 4.0 * (cos_sigma * cos2_2m - last));
            return Some(MINOR_AXIS_M * a * (sigma - delta));
        }
    }
    None
}

/// On a sphere of the mean radius, within 0.6 % of the ellipsoid.
fn haversine_m((lat1, lon1): (f64, f64), (lat2, lon2): (f64, f64)) -> f64 {
    let half = |degrees: f64| sin(degrees.to_radians() / 2.0);
    let (north, east) = (half(lat2 - lat1), half(lon2 - lon1));
    let squared = north * north + cos(lat1.to_radians()) * cos(lat2.to_radians()) * east * east;
    2.0 * MEAN_RADIUS_M * asin(squared.clamp(0.0, 1.0).sqrt())
}
