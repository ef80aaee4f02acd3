//! A small piece of the Earth laid flat: metres east and north of an origin, and the window a map shows of it.
//!
//! Lengths are the engine's (`engine::place`, WGS-84); the map is a sketch of a few kilometres at most, or of two points
//! far apart.

use engine::place::distance_m;

/// A place on WGS-84 as `(lat, lon)` in degrees.
pub type LatLon = (f64, f64);

/// Metres east and north of an origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Metres east.
    pub east: f64,
    /// Metres north.
    pub north: f64,
}

impl Spot {
    /// Metres to another spot.
    pub fn to(self, other: Self) -> f64 {
        (self.east - other.east).hypot(self.north - other.north)
    }
}

/// The spot of a place, seen from an origin; none if one of them is no place on Earth.
pub fn spot(origin: LatLon, place: LatLon) -> Option<Spot> {
    let turns = ((origin.1 - place.1) / 360.0).round();
    let ahead = place.1 + 360.0 * turns - origin.1;
    let (east, north) =
        (distance_m((origin.0, origin.1), (origin.0, place.1))?, distance_m(origin, (place.0, origin.1))?);
    Some(Spot { east: east.copysign(ahead), north: north.copysign(place.0 - origin.0) })
}

/// A circle, or a point with a radius of 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disc {
    /// Its middle.
    pub at: Spot,
    /// Metres.
    pub radius: f64,
}

/// What a map shows: a rectangle of metres on a rectangle of pixels.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    west: f64,
    north: f64,
    /// Pixels for one metre.
    pub scale: f64,
}

impl Window {
    /// The smallest window with all discs in it, not narrower than `least` metres, on `width` × `height` pixels.
    pub fn around(discs: &[Disc], least: f64, width: f64, height: f64) -> Option<Self> {
        let mut edges: Option<(f64, f64, f64, f64)> = None;
        for Disc { at, radius } in discs {
            let (w, e, s, n) = (at.east - radius, at.east + radius, at.north - radius, at.north + radius);
            edges = Some(edges.map_or((w, e, s, n), |(w0, e0, s0, n0)| (w0.min(w), e0.max(e), s0.min(s), n0.max(n))));
        }
        let (west, east, south, north) = edges?;
        const MARGIN: f64 = 1.12;
        let scale = (width / ((east - west).max(least) * MARGIN)).min(height / ((north - south).max(least) * MARGIN));
        let (middle_east, middle_north) = (west.midpoint(east), south.midpoint(north));
        Some(Self { west: middle_east - width / scale / 2.0, north: middle_north + height / scale / 2.0, scale })
    }

    /// Pixels from the left and the top.
    pub fn pixel(&self, spot: Spot) -> (f64, f64) {
        ((spot.east - self.west) * self.scale, (self.north - spot.north) * self.scale)
    }
}

/// The longest of 1, 2, 5, 10, 20 … metres that is at most `longest`.
pub fn nice_length(longest: f64) -> f64 {
    let mut length = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle().take(24) {
        if length * factor > longest {
            break;
        }
        length *= factor;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn north_is_up_and_east_is_right() {
        let spot = spot((30.0, 104.0), (30.001, 103.999)).unwrap();
        assert!((spot.north - 110.9).abs() < 0.2 && (spot.east + 96.5).abs() < 0.2, "{spot:?}");
        let window = Window::around(&[Disc { at: spot, radius: 10.0 }], 40.0, 400.0, 200.0).unwrap();
        let middle = window.pixel(spot);
        assert!((middle.0 - 200.0).abs() < 1e-6 && (middle.1 - 100.0).abs() < 1e-6, "{middle:?}");
        let (x, y) = window.pixel(Spot { east: spot.east + 5.0, north: spot.north + 5.0 });
        assert!(x > 200.0 && y < 100.0);
    }

    #[test]
    fn the_antimeridian_is_no_edge() {
        let spot = spot((-17.0, 179.999), (-17.0, -179.999)).unwrap();
        assert!((spot.east - 213.0).abs() < 1.0, "{spot:?}");
    }

    #[test]
    fn scale_bars_have_round_lengths() {
        for (longest, expected) in [(0.5, 1.0), (1.9, 1.0), (7.0, 5.0), (12.0, 10.0), (99.0, 50.0), (450.0, 200.0)] {
            assert_eq!(nice_length(longest), expected);
        }
    }
}
