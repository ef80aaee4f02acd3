//! Positions of the day: metres east and north of a point, and what a device reports in its coordinate system.
//!
//! True positions are WGS-84. The shift to GCJ-02 is the published approximation every map SDK's users rely on.

use std::f64::consts::PI;

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
        let (east, north) = (degrees.to_radians().sin() * metres, degrees.to_radians().cos() * metres);
        Self {
            lat: self.lat + north / METRES_PER_DEGREE,
            lon: self.lon + east / (METRES_PER_DEGREE * self.lat.to_radians().cos()),
        }
    }

    /// Reported in `crs`, rounded to six digits as devices do.
    pub fn in_crs(self, crs: &str) -> Self {
        let shifted = if crs == "gcj02" { self.to_gcj02() } else { self };
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        Self { lat: round(shifted.lat), lon: round(shifted.lon) }
    }

    /// The true point behind one given in `crs`.
    pub fn behind(self, crs: &str) -> Self {
        if crs != "gcj02" {
            return self;
        }
        let mut guess = self;
        for _ in 0..10 {
            let there = guess.to_gcj02();
            guess = Self { lat: guess.lat + self.lat - there.lat, lon: guess.lon + self.lon - there.lon };
        }
        guess
    }

    fn to_gcj02(self) -> Self {
        const AXIS: f64 = 6_378_245.0;
        const ECCENTRICITY: f64 = 0.006_693_421_622_965_943;
        let (x, y) = (self.lon - 105.0, self.lat - 35.0);
        let ripple = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
        let wave = |at: f64, divisor: f64| (at / divisor * PI).sin();
        let north = -100.0
            + 2.0 * x
            + 3.0 * y
            + 0.2 * y * y
            + 0.1 * x * y
            + 0.2 * x.abs().sqrt()
            + ripple
            + (20.0 * wave(y, 1.0) + 40.0 * wave(y, 3.0)) * 2.0 / 3.0
            + (160.0 * wave(y, 12.0) + 320.0 * wave(y, 30.0)) * 2.0 / 3.0;
        let east = 300.0
            + x
            + 2.0 * y
            + 0.1 * x * x
            + 0.1 * x * y
            + 0.1 * x.abs().sqrt()
            + ripple
            + (20.0 * wave(x, 1.0) + 40.0 * wave(x, 3.0)) * 2.0 / 3.0
            + (150.0 * wave(x, 12.0) + 300.0 * wave(x, 30.0)) * 2.0 / 3.0;
        let latitude = self.lat.to_radians();
        let magic = 1.0 - ECCENTRICITY * latitude.sin() * latitude.sin();
        let meridian = AXIS * (1.0 - ECCENTRICITY) / (magic * magic.sqrt());
        let parallel = AXIS / magic.sqrt() * latitude.cos();
        Self { lat: self.lat + (north / meridian).to_degrees(), lon: self.lon + (east / parallel).to_degrees() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_comes_back_from_gcj02() {
        let there = Point { lat: 30.6561, lon: 104.0781 };
        let back = there.behind("gcj02").to_gcj02();
        assert!((back.lat - there.lat).abs() < 1e-8 && (back.lon - there.lon).abs() < 1e-8, "{back:?}");
    }

    #[test]
    fn the_shift_is_hundreds_of_metres() {
        let there = Point { lat: 30.6561, lon: 104.0781 };
        let true_point = there.behind("gcj02");
        let metres = (there.lat - true_point.lat).hypot(there.lon - true_point.lon) * METRES_PER_DEGREE;
        assert!((200.0..800.0).contains(&metres), "{metres}");
    }
}
