//! Where people and customers truly are, WGS-84; the earth is a ball here, which is right to a metre within a town.

use engine::place::{Crs, distance_m, to_wgs84};

/// A point in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Latitude.
    pub lat: f64,
    /// Longitude.
    pub lon: f64,
}

const METRES_PER_DEGREE: f64 = 111_195.0;

impl Point {
    /// The point this many metres away in a direction (degrees clockwise from north).
    pub fn away(self, metres: f64, degrees: f64) -> Self {
        let (east, north) = degrees.to_radians().sin_cos();
        Self {
            lat: self.lat + north * metres / METRES_PER_DEGREE,
            lon: self.lon + east * metres / (METRES_PER_DEGREE * self.lat.to_radians().cos()),
        }
    }

    /// Metres between two points.
    pub fn metres_to(self, other: Self) -> f64 {
        distance_m((self.lat, self.lon), (other.lat, other.lon)).unwrap_or(f64::MAX)
    }

    /// What a device that reports in `crs` says of this point, with the six decimals devices give.
    pub fn in_crs(self, crs: Crs) -> Self {
        let mut shown = self;
        for _ in 0..8 {
            let Some((lat, lon)) = to_wgs84(shown.lat, shown.lon, crs) else { break };
            shown = Self { lat: shown.lat + self.lat - lat, lon: shown.lon + self.lon - lon };
        }
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        Self { lat: round(shown.lat), lon: round(shown.lon) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_comes_back_from_what_a_device_reports() {
        let there = Point { lat: 30.6561, lon: 104.0781 };
        for crs in [Crs::Wgs84, Crs::Gcj02, Crs::Bd09] {
            let shown = there.in_crs(crs);
            let (lat, lon) = to_wgs84(shown.lat, shown.lon, crs).unwrap_or_default();
            assert!(there.metres_to(Point { lat, lon }) < 0.2, "{crs:?}");
        }
        assert!((there.away(1000.0, 30.0).metres_to(there) - 1000.0).abs() < 3.0);
    }
}
