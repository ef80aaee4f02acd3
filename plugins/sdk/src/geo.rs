//! Distance on the earth, equal on every machine: transcendental functions from `libm` only.

use crate::input::Position;
use crate::number::round1;

/// Mean radius of the earth in metres (IUGG R1).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Great-circle distance of two WGS-84 positions in metres, to one decimal (haversine).
#[must_use]
pub fn distance_m(from: &Position, to: &Position) -> f64 {
    let (from_lat, to_lat) = (from.lat.to_radians(), to.lat.to_radians());
    let half_lat = libm::sin((to_lat - from_lat) / 2.0);
    let half_lon = libm::sin((to.lon - from.lon).to_radians() / 2.0);
    let chord = half_lat * half_lat + libm::cos(from_lat) * libm::cos(to_lat) * half_lon * half_lon;
    round1(2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(chord.clamp(0.0, 1.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(lat: f64, lon: f64) -> Position {
        serde_json::from_value(
            json!({"lat": lat, "lon": lon, "crs": "wgs84", "accuracy_m": 5, "age_s": 1, "provider": "gps"}),
        )
        .unwrap()
    }

    #[test]
    fn a_degree_of_latitude_is_111_195_metres() {
        assert_eq!(distance_m(&at(31.0, 121.0), &at(32.0, 121.0)), 111_195.1);
        assert_eq!(distance_m(&at(31.0, 121.0), &at(31.0, 121.0)), 0.0);
    }

    #[test]
    fn the_other_side_of_the_earth_is_half_a_circumference_away() {
        assert_eq!(distance_m(&at(0.0, 0.0), &at(0.0, 180.0)), 20_015_114.4);
    }
}
