//! Places as keys of an index, so that neighbours are looked up and never searched for.
//!
//! A point is in one cell of a fine grid, an area in every cell of a coarse one that its box touches. What is near is in a few
//! ranges of keys, because cells of one row follow each other as text does. Ranges hold more than what is near, never less.

use super::ring::unrolled;
use super::to_wgs84;
use crate::command::Location;
use libm::cos;
use std::collections::BTreeSet;

/// Cells of points in a degree: each is 111 m high, so 100 m around a point touch three rows at most.
const POINTS: f64 = 1_000.0;
/// Cells of areas in a degree: each is 2.2 km high, so that a city is many cells and most areas are in one.
const AREAS: f64 = 50.0;
/// An area whose box touches more cells than this is not indexed: it is larger than [`super::ring::AREA_MAX_M2`], up to the
/// 60th parallel, or so long and thin that it is no place of a customer.
pub const CELLS_MAX: i64 = 512;
/// Fewest metres of a degree of latitude, at the equator: 110,574.
const DEGREE_MIN_M: f64 = 110_500.0;
/// Nearer to a pole than this all longitudes are near.
const POLAR: f64 = 89.0;

/// Rows and columns of a grid, both ends among them. Columns go on beyond the antimeridian.
struct Block {
    grid: char,
    /// Columns around the Earth.
    around: i64,
    rows: (i64, i64),
    columns: (i64, i64),
}

/// The cells a location is in; none if nobody said in which system it is, or it is no place.
#[must_use]
pub fn cells(location: &Location) -> BTreeSet<String> {
    let Some(block) = block(location, 0.0) else { return BTreeSet::new() };
    let mut cells = BTreeSet::new();
    for row in block.rows.0..=block.rows.1 {
        for column in block.columns.0..=block.columns.1 {
            cells.insert(block.key(row, column.rem_euclid(block.around)));
        }
    }
    cells
}

/// Ranges of cells, both ends among them, in which everything is that may be within so many metres of a point, or on an area.
#[must_use]
pub fn ranges(location: &Location, within_m: f64) -> Vec<(String, String)> {
    let Some(block) = block(location, within_m) else { return Vec::new() };
    let (first, last) = block.columns;
    let end = block.around - 1;
    let (from, to) = (first.rem_euclid(block.around), last.rem_euclid(block.around));
    let spans = if last - first >= end {
        vec![(0, end)]
    } else if from <= to {
        vec![(from, to)]
    } else {
        vec![(0, to), (from, end)]
    };
    let rows = block.rows.0..=block.rows.1;
    let range = |row: i64, (from, to): (i64, i64)| (block.key(row, from), block.key(row, to));
    rows.flat_map(|row| spans.iter().map(move |span| (row, *span))).map(|(row, span)| range(row, span)).collect()
}

impl Block {
    /// From south-west to north-east, in degrees.
    fn of(grid: char, (south, west): (f64, f64), (north, east): (f64, f64)) -> Self {
        let size = if grid == 'p' { POINTS } else { AREAS };
        // Multiplying and rounding down keep the order, so what lies between two places is between their cells.
        let row = |lat: f64| ((lat.clamp(-90.0, 90.0) + 90.0) * size).floor() as i64;
        let column = |lon: f64| ((lon + 180.0) * size).floor() as i64;
        let around = (360.0 * size) as i64;
        Self { grid, around, rows: (row(south), row(north)), columns: (column(west), column(east)) }
    }

    fn key(&self, row: i64, column: i64) -> String {
        format!("{}{row:06}{column:06}", self.grid)
    }
}

/// The cells around a location.
fn block(location: &Location, within_m: f64) -> Option<Block> {
    if location.polygon.is_empty() {
        let (lat, lon) = to_wgs84(location.lat, location.lon, location.crs)?;
        // A metre more, for what is rounded.
        let north = if within_m > 0.0 { (within_m + 1.0) / DEGREE_MIN_M } else { 0.0 };
        let highest = lat.abs() + north;
        let east = if north == 0.0 {
            0.0
        } else if highest > POLAR {
            180.0
        } else {
            north / cos(highest.to_radians())
        };
        return Some(Block::of('p', (lat - north, lon - east), (lat + north, lon + east)));
    }
    let ring: Option<Vec<[f64; 2]>> = location
        .polygon
        .iter()
        .map(|[lon, lat]| to_wgs84(*lat, *lon, location.crs).map(|(lat, lon)| [lon, lat]))
        .collect();
    let points = unrolled(&ring?);
    let least = |numbers: &mut dyn Iterator<Item = f64>| numbers.min_by(f64::total_cmp);
    let most = |numbers: &mut dyn Iterator<Item = f64>| numbers.max_by(f64::total_cmp);
    let (west, east) = (least(&mut points.iter().map(|it| it.0))?, most(&mut points.iter().map(|it| it.0))?);
    let (south, north) = (least(&mut points.iter().map(|it| it.1))?, most(&mut points.iter().map(|it| it.1))?);
    let block = Block::of('a', (south, west), (north, east));
    let many = (block.rows.1 - block.rows.0 + 1).checked_mul(block.columns.1 - block.columns.0 + 1)?;
    (many <= CELLS_MAX).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::super::{Crs, distance_m};
    use super::*;
    use proptest::prelude::*;

    fn point(lat: f64, lon: f64) -> Location {
        Location { id: "loc_1".into(), lat, lon, crs: Crs::Wgs84, accuracy_m: 0.0, polygon: vec![] }
    }

    fn area(west: f64, south: f64, east: f64, north: f64) -> Location {
        let polygon = vec![[west, south], [east, south], [east, north], [west, north], [west, south]];
        Location { polygon, ..point(f64::NAN, f64::NAN) }
    }

    fn found(here: &Location, within_m: f64, there: &Location) -> bool {
        let ranges = ranges(here, within_m);
        cells(there).iter().any(|cell| ranges.iter().any(|(from, to)| from <= cell && cell <= to))
    }

    #[test]
    fn a_point_has_one_cell_and_its_neighbours_three_rows() {
        let here = point(31.2304, 121.4737);
        assert_eq!(cells(&here).into_iter().collect::<Vec<_>>(), ["p121230301473"]);
        let ranges = ranges(&here, 100.0);
        assert_eq!(ranges.len(), 3);
        assert_eq!(ranges[0], ("p121229301472".to_owned(), "p121229301474".to_owned()));
        assert!(super::ranges(&here, 1_000.0).len() <= 21);
    }

    #[test]
    fn nobody_knows_where_an_unknown_system_is() {
        let unknown = Location { crs: Crs::Unknown, ..point(31.0, 121.0) };
        assert!(cells(&unknown).is_empty() && ranges(&unknown, 100.0).is_empty());
        let impossible = Location { polygon: vec![[121.0, 31.0], [121.0, 91.0], [121.1, 31.0]], ..point(31.0, 121.0) };
        assert!(cells(&impossible).is_empty() && ranges(&impossible, 100.0).is_empty());
    }

    #[test]
    fn an_area_is_in_every_cell_its_box_touches_but_a_country_in_none() {
        assert_eq!(cells(&area(104.001, 30.001, 104.003, 30.003)).len(), 1);
        assert_eq!(cells(&area(104.001, 30.001, 104.021, 30.041)).len(), 6);
        assert!(cells(&area(104.0, 30.0, 110.0, 40.0)).is_empty());
        assert!(found(&area(104.015, 30.0, 104.025, 30.001), 0.0, &area(104.022, 30.0, 104.03, 30.001)));
    }

    #[test]
    fn the_antimeridian_and_the_poles_have_neighbours() {
        assert!(found(&point(-17.0, 180.0), 100.0, &point(-17.0, -179.9999)));
        assert!(found(&point(-17.0, -179.9999), 100.0, &point(-17.0, 179.9999)));
        assert!(found(&point(89.9999, 10.0), 100.0, &point(89.9999, -170.0)));
        assert!(found(&point(-90.0, 0.0), 100.0, &point(-90.0, 77.0)));
        assert!(found(&area(179.99, -17.0, -179.99, -16.99), 0.0, &area(-179.995, -17.0, -179.98, -16.99)));
    }

    proptest! {
        /// Whatever is within the metres asked for is in the ranges.
        #[test]
        fn what_is_near_is_found(
            lat in -90.0_f64..90.0, lon in -180.0_f64..180.0, north in -1.2_f64..1.2, east in -1.2_f64..1.2,
            within_m in 1.0_f64..1000.0,
        ) {
            let degrees = within_m / 111_000.0;
            let there_lat = (lat + north * degrees).clamp(-90.0, 90.0);
            let there_lon = lon + east * degrees / lat.to_radians().cos().max(1e-3);
            let there_lon = (there_lon + 180.0).rem_euclid(360.0) - 180.0;
            if distance_m((lat, lon), (there_lat, there_lon)).unwrap() <= within_m {
                prop_assert!(found(&point(lat, lon), within_m, &point(there_lat, there_lon)));
            }
        }

        #[test]
        fn anything_is_answered(
            lat in any::<f64>(), lon in any::<f64>(), within_m in 0.0_f64..1000.0,
            polygon in prop::collection::vec([-181.0_f64..181.0, -91.0_f64..91.0], 0..6),
        ) {
            let there = Location { polygon, ..point(lat, lon) };
            prop_assert!(cells(&there).len() as i64 <= CELLS_MAX);
            prop_assert!(ranges(&there, within_m).len() as i64 <= 2 * CELLS_MAX);
        }
    }
}
