//! GCJ-02 and BD-09 to WGS-84 and back, by the public algorithm.
//!
//! GCJ-02 shifts WGS-84 by a sum of sines inside China (here, as in the public algorithm, a bounding box), BD-09 shifts
//! GCJ-02 once more. Neither has a closed inverse, so both are inverted by iteration. Outside the box the SDKs return
//! WGS-84 and nothing is shifted.

use super::Crs;
use libm::{atan2, cos, sin};
use std::f64::consts::PI;

/// Semi-major axis of the ellipsoid the shift is made on (Krasovsky 1940), in metres.
const AXIS_M: f64 = 6_378_245.0;
/// Its first eccentricity squared.
const ECCENTRICITY2: f64 = 0.006_693_421_622_965_943;
/// Of BD-09's sines.
const BAIDU: f64 = PI * 3000.0 / 180.0;
/// An inverse that moves less than this (a hundredth of a millimetre, in degrees) has arrived.
const ARRIVED: f64 = 1e-10;
/// It arrives after three to six rounds; the bound is for the square root's kink on the 105th meridian.
const ROUNDS_MAX: u32 = 32;

/// A place on WGS-84 as `(lat, lon)` in degrees, whatever system it was given in; none if the system is unknown or the
/// numbers are no place on Earth.
#[must_use]
pub fn to_wgs84(lat: f64, lon: f64, crs: Crs) -> Option<(f64, f64)> {
    let place = valid(lat, lon)?;
    match crs {
        Crs::Wgs84 => Some(place),
        Crs::Gcj02 if in_china(place) => invert(place, gcj02_from_wgs84),
        Crs::Bd09 if in_china(place) => {
            invert(place, bd09_from_gcj02).and_then(|place| invert(place, gcj02_from_wgs84))
        }
        Crs::Gcj02 | Crs::Bd09 => Some(place),
        Crs::Unknown => None,
    }
}

fn valid(lat: f64, lon: f64) -> Option<(f64, f64)> {
    super::on_earth(lat, lon).then_some((lat, lon))
}

fn in_china((lat, lon): (f64, f64)) -> bool {
    (0.8293..=55.8271).contains(&lat) && (72.004..=137.8347).contains(&lon)
}

/// The place that `shift` moves to `target`.
fn invert(target: (f64, f64), shift: fn((f64, f64)) -> (f64, f64)) -> Option<(f64, f64)> {
    let (mut lat, mut lon) = target;
    for _ in 0..ROUNDS_MAX {
        let (shifted_lat, shifted_lon) = shift((lat, lon));
        let (off_lat, off_lon) = (shifted_lat - target.0, shifted_lon - target.1);
        lat -= off_lat;
        lon -= off_lon;
        if off_lat.abs() < ARRIVED && off_lon.abs() < ARRIVED {
            break;
        }
    }
    valid(lat, lon)
}

/// The shift itself, without the box: the inverse may try places just outside.
pub(super) fn gcj02_from_wgs84((lat, lon): (f64, f64)) -> (f64, f64) {
    let (x, y) = (lon - 105.0, lat - 35.0);
    let waves = |a: f64, (b, b_length): (f64, f64), (c, c_length): (f64, f64), (d, d_length): (f64, f64), t: f64| {
        (a * sin(t * PI) + b * sin(t / b_length * PI) + c * sin(t / c_length * PI) + d * sin(t / d_length * PI)) * 2.0
            / 3.0
    };
    let shared = (20.0 * sin(6.0 * x * PI) + 20.0 * sin(2.0 * x * PI)) * 2.0 / 3.0;
    let root = x.abs().sqrt();
    let north_m = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + shared
        + waves(20.0, (40.0, 3.0), (160.0, 12.0), (320.0, 30.0), y);
    let east_m = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + shared
        + waves(20.0, (40.0, 3.0), (150.0, 12.0), (300.0, 30.0), x);
    let radians = lat.to_radians();
    let curve = 1.0 - ECCENTRICITY2 * sin(radians) * sin(radians);
    let meridian_m = AXIS_M * (1.0 - ECCENTRICITY2) / (curve * curve.sqrt());
    let parallel_m = AXIS_M / curve.sqrt() * cos(radians);
    (lat + (north_m / meridian_m).to_degrees(), lon + (east_m / parallel_m).to_degrees())
}

pub(super) fn bd09_from_gcj02((lat, lon): (f64, f64)) -> (f64, f64) {
    let radius = (lon * lon + lat * lat).sqrt() + 0.000_02 * sin(lat * BAIDU);
    let angle = atan2(lat, lon) + 0.000_003 * cos(lon * BAIDU);
    (radius * sin(angle) + 0.006, radius * cos(angle) + 0.006_5)
}
