//! Oracle points, edges of the map, and what a fence says about bad fixes.

use super::*;
use datum::{bd09_from_gcj02, gcj02_from_wgs84};
use proptest::prelude::*;

type LatLon = (f64, f64);

/// Cities as (lat, lon) on WGS-84, GCJ-02 and BD-09, from gcoord 1.0.7.
const CITIES: [(&str, LatLon, LatLon, LatLon); 8] = [
    (
        "Beijing",
        (39.90734, 116.39089),
        (39.908_741_069_391_14, 116.397_130_942_375_37),
        (39.915_083_461_615_86, 116.403_504_204_383_62),
    ),
    (
        "Shanghai",
        (31.2304, 121.4737),
        (31.228_457_737_577_27, 121.478_223_059_276_93),
        (31.234_310_593_689_997, 121.484_781_468_503),
    ),
    (
        "Urumqi",
        (43.8256, 87.6168),
        (43.826_805_393_111_19, 87.619_649_949_469_26),
        (43.832_949_794_793_29, 87.626_099_770_815_71),
    ),
    (
        "Sanya",
        (18.2528, 109.5119),
        (18.251_094_791_735_64, 109.515_984_294_826_67),
        (18.256_876_553_759_12, 109.522_531_791_738_81),
    ),
    (
        "Mohe",
        (52.9731, 122.5386),
        (52.974_613_460_429_424, 122.545_628_793_083_62),
        (52.980_699_079_606_99, 122.552_097_845_289_58),
    ),
    (
        "Lhasa",
        (29.65, 91.1),
        (29.647_300_329_055_074, 91.101_568_283_475_36),
        (29.653_419_415_608_894, 91.108_037_374_070_12),
    ),
    (
        "Hong Kong",
        (22.2793, 114.1628),
        (22.276_573_035_322_066, 114.167_782_357_565_81),
        (22.282_295_334_382_646, 114.174_320_997_193_66),
    ),
    (
        "105 E",
        (35.0, 105.0),
        (34.999_098_632_235_26, 105.003_286_241_457_06),
        (35.005_403_668_456_964, 105.009_666_828_319_48),
    ),
];

#[track_caller]
fn near(found: (f64, f64), expected: (f64, f64), degrees: f64) {
    let off = (found.0 - expected.0).abs().max((found.1 - expected.1).abs());
    assert!(off < degrees, "{found:?} is {off} degrees off {expected:?}");
}

#[test]
fn chinese_coordinates_agree_with_another_implementation() {
    for (name, wgs84, gcj02, bd09) in CITIES {
        near(gcj02_from_wgs84(wgs84), gcj02, 1e-11);
        near(bd09_from_gcj02(gcj02), bd09, 1e-11);
        near(to_wgs84(gcj02.0, gcj02.1, Crs::Gcj02).unwrap(), wgs84, 1e-9);
        near(to_wgs84(bd09.0, bd09.1, Crs::Bd09).unwrap(), wgs84, 1e-9);
        assert_eq!(to_wgs84(wgs84.0, wgs84.1, Crs::Wgs84), Some(wgs84));
        assert_eq!(to_wgs84(wgs84.0, wgs84.1, Crs::Unknown), None);
        let shift_m = distance_m(wgs84, gcj02).unwrap();
        assert!((100.0..=800.0).contains(&shift_m), "{name}: {shift_m}");
    }
}

#[test]
fn outside_china_the_systems_are_one() {
    for (lat, lon) in [(48.8584, 2.2945), (-33.8688, 151.2093), (0.0, 0.0), (90.0, 0.0), (-90.0, 180.0)] {
        for crs in [Crs::Wgs84, Crs::Gcj02, Crs::Bd09] {
            assert_eq!(to_wgs84(lat, lon, crs), Some((lat, lon)));
        }
    }
}

#[test]
fn impossible_coordinates_are_no_place() {
    let infinite = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -180.1, 180.1];
    for crs in [Crs::Wgs84, Crs::Gcj02, Crs::Bd09, Crs::Unknown] {
        for wrong in infinite {
            assert_eq!(to_wgs84(wrong, 0.0, crs), None);
            assert_eq!(to_wgs84(0.0, wrong, crs), None);
            assert_eq!(distance_m((wrong, 0.0), (0.0, 0.0)), None);
            assert_eq!(distance_m((0.0, 0.0), (0.0, wrong)), None);
        }
        assert_eq!(to_wgs84(90.1, 0.0, crs), None);
    }
}

/// Distances of GeographicLib 2.2 (C. Karney).
#[test]
fn distances_agree_with_another_implementation() {
    for (from, to, expected_m) in [
        ((39.90734, 116.39089), (39.908_741_07, 116.397_130_94), 555.864),
        ((0.0, 0.0), (0.0, 1.0), 111_319.491),
        ((0.0, 0.0), (1.0, 0.0), 110_574.389),
        ((90.0, 0.0), (-90.0, 0.0), 20_003_931.459),
        ((90.0, 10.0), (90.0, 100.0), 0.0),
        ((-33.8688, 151.2093), (51.5074, -0.1278), 16_989_295.771),
        ((-17.0, 179.999), (-17.0, -179.999), 212.972),
        ((31.2304, 121.4737), (31.2304, 121.4738), 9.527),
        ((31.2304, 121.4737), (31.2313, 121.4737), 99.786),
        ((0.0, 0.0), (0.5, 179.5), 19_936_288.579),
        ((52.9731, 122.5386), (18.2528, 109.5119), 4_015_375.703),
        ((89.9999, 0.0), (89.9999, 180.0), 22.339),
        ((50.0, 5.0), (50.000_000_1, 5.0), 0.011),
        ((5.0, 180.0), (5.0, -180.0), 0.0),
    ] {
        let found_m = distance_m(from, to).unwrap();
        assert!((found_m - expected_m).abs() <= 0.051, "{from:?} {to:?}: {found_m} is not {expected_m}");
        assert_eq!((found_m * 10.0).round() / 10.0, found_m, "rounded to 0.1 m");
    }
}

#[test]
fn nearly_antipodal_places_are_still_far_apart() {
    for (to, expected_m) in [((0.5, 179.7), 19_944_127.4), ((0.0, 180.0), 20_003_931.5)] {
        let found_m = distance_m((0.0, 0.0), to).unwrap();
        assert!((found_m / expected_m - 1.0).abs() < 0.006, "{found_m}");
    }
}

fn location(lat: f64, lon: f64) -> Location {
    Location { id: "loc_1".into(), lat, lon, crs: Crs::Wgs84, accuracy_m: 0.0, polygon: vec![] }
}

fn position(lat: f64, lon: f64, accuracy_m: f64) -> Position {
    Position { lat, lon, crs: Crs::Wgs84, accuracy_m, age_s: 0.0, mock: None, provider: "gps".into() }
}

const FENCE: Fence = Fence { radius_m: 100.0, max_accuracy_m: 50.0, max_age_s: 60.0 };

/// A degree of latitude at the equator, in metres.
const DEGREE_M: f64 = 110_574.388_557_798_78;

fn north(metres: f64) -> f64 {
    metres / DEGREE_M
}

#[track_caller]
fn check(location: &Location, position: &Position, expected: (FenceResult, Option<f64>, Option<FenceReason>)) {
    let verdict = fence(Some(location), Some(position), &FENCE);
    assert_eq!((verdict.result, verdict.distance_m, verdict.reason), expected);
}

#[test]
fn the_area_of_a_polygon_is_known_wherever_it_can_be_placed() {
    // 0.001° each way at 30° north: 111.195 m by 96.3 m.
    let ring = [[104.0, 30.0], [104.001, 30.0], [104.001, 30.001], [104.0, 30.001]];
    let site = |crs: Crs, ring: &[[f64; 2]]| Location { crs, polygon: ring.to_vec(), ..location(30.0, 104.0) };
    let closed: Vec<_> = ring.iter().chain(ring.first()).copied().collect();
    assert_eq!(area_m2(&site(Crs::Wgs84, &ring)), Some(10_708.0));
    assert_eq!(area_m2(&site(Crs::Wgs84, &closed)), Some(10_708.0));
    // A shift of the map moves an area, and hardly changes it.
    let shifted = area_m2(&site(Crs::Gcj02, &ring)).unwrap();
    assert!((shifted - 10_708.0).abs() < 100.0, "{shifted}");
    assert_eq!(area_m2(&site(Crs::Unknown, &ring)), None);
    assert_eq!(area_m2(&site(Crs::Wgs84, &ring[..2])), None);
    assert_eq!(area_m2(&location(30.0, 104.0)), None);
    assert_eq!(area_m2(&site(Crs::Wgs84, &vec![ring[0]; ring::VERTICES_MAX + 1])), None);
}

#[test]
fn accuracy_gives_the_benefit_of_doubt_to_the_tenth_of_a_metre() {
    let there = location(0.0, 0.0);
    check(&there, &position(north(110.0), 0.0, 10.0), (FenceResult::Inside, Some(110.0), None));
    check(&there, &position(north(110.1), 0.0, 10.0), (FenceResult::Outside, Some(110.1), None));
    check(&there, &position(north(110.1), 0.0, 10.06), (FenceResult::Inside, Some(110.1), None));
    let vague = Location { accuracy_m: 30.0, ..there };
    check(&vague, &position(north(140.0), 0.0, 10.0), (FenceResult::Inside, Some(140.0), None));
    check(&vague, &position(north(140.1), 0.0, 10.0), (FenceResult::Outside, Some(140.1), None));
}

#[test]
fn a_fix_that_proves_nothing_is_indeterminate_and_says_why() {
    let (there, here) = (location(0.0, 0.0), position(0.0, 0.0, 10.0));
    let fixes = [
        (Position { accuracy_m: 50.1, ..here.clone() }, FenceReason::Inaccurate),
        (Position { accuracy_m: 5_000.0, lat: north(4_000.0), ..here.clone() }, FenceReason::Inaccurate),
        (Position { accuracy_m: 0.0, ..here.clone() }, FenceReason::AccuracyUnknown),
        (Position { accuracy_m: -1.0, ..here.clone() }, FenceReason::AccuracyUnknown),
        (Position { accuracy_m: f64::NAN, ..here.clone() }, FenceReason::AccuracyUnknown),
        (Position { accuracy_m: f64::INFINITY, ..here.clone() }, FenceReason::AccuracyUnknown),
        (Position { age_s: 60.1, ..here.clone() }, FenceReason::TooOld),
        (Position { age_s: -1.0, ..here.clone() }, FenceReason::AgeUnknown),
        (Position { age_s: f64::NAN, ..here.clone() }, FenceReason::AgeUnknown),
    ];
    for (fix, reason) in fixes {
        let distance_m = if fix.lat == 0.0 { 0.0 } else { 4_000.0 };
        check(&there, &fix, (FenceResult::Indeterminate, Some(distance_m), Some(reason)));
    }
    let nowhere = [
        (Position { crs: Crs::Unknown, ..here.clone() }, FenceReason::CrsUnknown),
        (Position { lat: 91.0, ..here.clone() }, FenceReason::PositionInvalid),
        (Position { lon: f64::NAN, ..here.clone() }, FenceReason::PositionInvalid),
    ];
    for (fix, reason) in nowhere {
        check(&there, &fix, (FenceResult::Indeterminate, None, Some(reason)));
    }
}

#[test]
fn a_location_nobody_knows_is_indeterminate() {
    let (there, here) = (location(0.0, 0.0), position(0.0, 0.0, 10.0));
    let indeterminate = |verdict: FenceVerdict, reason| {
        assert_eq!((verdict.result, verdict.reason), (FenceResult::Indeterminate, Some(reason)));
    };
    indeterminate(fence(Some(&there), None, &FENCE), FenceReason::NoFix);
    indeterminate(fence(None, Some(&here), &FENCE), FenceReason::NoLocation);
    indeterminate(fence(None, None, &FENCE), FenceReason::NoLocation);
    for (wrong, reason) in [
        (Location { crs: Crs::Unknown, ..there.clone() }, FenceReason::LocationCrsUnknown),
        (Location { lat: f64::NAN, ..there.clone() }, FenceReason::LocationInvalid),
        (Location { accuracy_m: f64::NAN, ..there.clone() }, FenceReason::LocationInvalid),
        (Location { accuracy_m: -1.0, ..there.clone() }, FenceReason::LocationInvalid),
        (
            Location { polygon: vec![[0.0, 0.0], [0.0, 91.0], [1.0, 0.0]], ..there.clone() },
            FenceReason::LocationInvalid,
        ),
    ] {
        indeterminate(fence(Some(&wrong), Some(&here), &FENCE), reason);
    }
    for wrong in [f64::NAN, f64::INFINITY, -1.0] {
        for limits in [
            Fence { radius_m: wrong, ..FENCE },
            Fence { max_accuracy_m: wrong, ..FENCE },
            Fence { max_age_s: wrong, ..FENCE },
        ] {
            indeterminate(fence(Some(&there), Some(&here), &limits), FenceReason::FenceInvalid);
        }
    }
}

#[test]
fn a_fence_compares_places_of_different_systems() {
    let (_, wgs84, gcj02, bd09) = CITIES[0];
    let there = Location { crs: Crs::Gcj02, ..location(gcj02.0, gcj02.1) };
    check(&there, &position(wgs84.0, wgs84.1, 5.0), (FenceResult::Inside, Some(0.0), None));
    let mislabelled = location(gcj02.0, gcj02.1);
    check(&mislabelled, &position(wgs84.0, wgs84.1, 5.0), (FenceResult::Outside, Some(555.9), None));
    let area = Location { crs: Crs::Bd09, polygon: vec![[bd09.1, bd09.0]], ..location(0.0, 0.0) };
    check(&area, &position(wgs84.0, wgs84.1, 5.0), (FenceResult::Inside, Some(0.0), None));
}

#[track_caller]
fn to_polygon(polygon: &[[f64; 2]], at: (f64, f64), expected_m: f64) {
    let area = Location { polygon: polygon.to_vec(), ..location(f64::NAN, f64::NAN) };
    let found_m = to_location_m(&area, &position(at.0, at.1, 1.0)).unwrap();
    assert!((found_m - expected_m).abs() <= 0.051, "{found_m} is not {expected_m}");
}

#[test]
fn a_polygon_is_measured_from_its_edge() {
    let square = [[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]];
    let closed = [[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01], [0.0, 0.0]];
    let reversed = [[0.0, 0.01], [0.01, 0.01], [0.01, 0.0], [0.0, 0.0]];
    for ring in [&square[..], &closed[..], &reversed[..]] {
        to_polygon(ring, (0.005, 0.005), 0.0);
        to_polygon(ring, (0.0, 0.0), 0.0);
        to_polygon(ring, (0.01, 0.005), 0.0);
        to_polygon(ring, (0.01 + north(250.0), 0.005), 250.0);
        to_polygon(ring, (0.005, 0.02), 1_113.2);
        to_polygon(ring, (0.01 + north(30.0), 0.01 + 40.0 / 111_319.490_793), 50.0);
    }
    // A notch: the middle of its open side is outside.
    let notched = [
        [0.0, 0.0],
        [0.01, 0.0],
        [0.01, 0.01],
        [0.006, 0.01],
        [0.006, 0.002],
        [0.004, 0.002],
        [0.004, 0.01],
        [0.0, 0.01],
    ];
    to_polygon(&notched, (0.008, 0.005), 111.3);
}

#[test]
fn odd_polygons_are_points_and_lines() {
    to_polygon(&[[0.0, 0.0]], (north(70.0), 0.0), 70.0);
    to_polygon(&[[0.0, 0.0]; 5], (north(70.0), 0.0), 70.0);
    to_polygon(&[[-0.01, 0.0], [0.01, 0.0]], (north(70.0), 0.005), 70.0);
    to_polygon(&[[-0.01, 0.0], [0.01, 0.0]], (0.0, 0.005), 0.0);
}

#[test]
fn a_polygon_may_cross_the_antimeridian() {
    let ring = [[179.99, -17.0], [-179.99, -17.0], [-179.99, -16.99], [179.99, -16.99]];
    to_polygon(&ring, (-16.995, 180.0), 0.0);
    to_polygon(&ring, (-16.995, -180.0), 0.0);
    to_polygon(&ring, (-16.995, -179.995), 0.0);
    to_polygon(&ring, (-16.995, 179.98), 1_064.9);
    to_polygon(&ring, (-16.995, -179.98), 1_064.9);
    let far_m = to_location_m(&Location { polygon: ring.to_vec(), ..location(0.0, 0.0) }, &position(-17.0, 0.0, 1.0));
    assert!(far_m.unwrap() > 15_000_000.0, "the other side of the Earth is not inside: {far_m:?}");
}

#[test]
fn poles_are_places_too() {
    check(&location(90.0, 0.0), &position(90.0, 123.0, 5.0), (FenceResult::Inside, Some(0.0), None));
    check(&location(-89.9995, 0.0), &position(-89.9995, 180.0, 5.0), (FenceResult::Outside, Some(111.7), None));
    let cap = Location { polygon: vec![[0.0, 89.9], [90.0, 89.9], [90.0, 90.0], [0.0, 90.0]], ..location(0.0, 0.0) };
    check(&cap, &position(89.95, 45.0, 5.0), (FenceResult::Inside, Some(0.0), None));
    check(&cap, &position(90.0, 45.0, 5.0), (FenceResult::Inside, Some(0.0), None));
}

/// A place in China, away from the edges of the box.
fn in_china() -> impl Strategy<Value = (f64, f64)> {
    (3.0..54.0, 73.0..136.0)
}

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![4 => -200.0..200.0, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(0.0)]
}

fn any_crs() -> impl Strategy<Value = Crs> {
    prop_oneof![Just(Crs::Wgs84), Just(Crs::Gcj02), Just(Crs::Bd09), Just(Crs::Unknown)]
}

proptest! {
    #[test]
    fn there_and_back_is_the_same_place(place in in_china()) {
        let gcj02 = gcj02_from_wgs84(place);
        let bd09 = bd09_from_gcj02(gcj02);
        prop_assert_eq!(distance_m(to_wgs84(gcj02.0, gcj02.1, Crs::Gcj02).unwrap(), place), Some(0.0));
        prop_assert_eq!(distance_m(to_wgs84(bd09.0, bd09.1, Crs::Bd09).unwrap(), place), Some(0.0));
    }

    #[test]
    fn a_distance_is_the_same_both_ways(
        from in (-90.0..90.0, -180.0..180.0), to in (-90.0..90.0, -180.0..180.0)
    ) {
        let (there, back) = (distance_m(from, to).unwrap(), distance_m(to, from).unwrap());
        prop_assert!((there - back).abs() < 0.11, "{} {}", there, back);
        prop_assert!((0.0..=20_100_000.0).contains(&there));
    }

    /// Whatever is sent in, the fence answers, and what it cannot judge never passes.
    #[test]
    fn a_fence_answers_anything(
        lat in any_number(), lon in any_number(), crs in any_crs(), accuracy_m in any_number(), age_s in any_number(),
        there_lat in any_number(), there_lon in any_number(), there_crs in any_crs(), there_accuracy_m in any_number(),
        polygon in prop::collection::vec([any_number(), any_number()], 0..6),
        radius_m in any_number(), max_accuracy_m in any_number(), max_age_s in any_number(),
    ) {
        let here = Position { crs, age_s, ..position(lat, lon, accuracy_m) };
        let there = Location { crs: there_crs, accuracy_m: there_accuracy_m, polygon, ..location(there_lat, there_lon) };
        let verdict = fence(Some(&there), Some(&here), &Fence { radius_m, max_accuracy_m, max_age_s });
        prop_assert_eq!(verdict.reason.is_some(), verdict.result == FenceResult::Indeterminate);
        prop_assert!(verdict.distance_m.is_none_or(|metres| (0.0..=20_100_000.0).contains(&metres)));
        if verdict.result != FenceResult::Indeterminate {
            prop_assert!(verdict.distance_m.is_some() && accuracy_m > 0.0 && age_s >= 0.0);
            prop_assert!(crs != Crs::Unknown && there_crs != Crs::Unknown);
        }
    }
}
