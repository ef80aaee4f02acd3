//! Honest phones, broken phones, lying phones.

use super::*;
use proptest::prelude::*;

const NINE: &str = "2026-03-02T09:00:00+08:00";
const NINE_MS: i64 = 1_772_413_200_000;
const MINUTE: i64 = 60_000;

fn times(wall: &str, boot: &str, monotonic_ms: i64) -> Times {
    Times { wall: wall.into(), monotonic_ms, boot: boot.into(), anchor: None, received: None }
}

fn anchored(wall: &str, monotonic_ms: i64, server: &str, heard_ms: i64, error_ms: i64) -> Times {
    let anchor = Some(Anchor { server: server.into(), monotonic_ms: heard_ms, error_ms });
    Times { anchor, ..times(wall, "b1", monotonic_ms) }
}

#[track_caller]
fn check(times: &Times, received_ms: i64, min_ms: i64, max_ms: i64, source: TimeSource) -> Moment {
    let moment = moment(times, Some(received_ms)).unwrap();
    assert_eq!((moment.min_ms - NINE_MS, moment.max_ms - NINE_MS), (min_ms - NINE_MS, max_ms - NINE_MS));
    assert_eq!(moment.source, source);
    moment
}

#[test]
fn an_anchor_beats_the_wall_clock() {
    // The wall clock is a day behind; the server was heard ten minutes ago, give or take 300 ms.
    let times = anchored("2026-03-01T09:10:00+08:00", 1_600_000, NINE, 1_000_000, 300);
    let at_ms = NINE_MS + 10 * MINUTE;
    let moment = check(&times, at_ms + 2_000, at_ms - 300, at_ms + 300, TimeSource::Monotonic);
    assert_eq!(moment.likely_ms(), at_ms);
    assert_eq!(moment.input().wall_ms, at_ms - 24 * 60 * MINUTE);
}

#[test]
fn an_anchor_may_be_heard_after_the_moment() {
    let times = anchored(NINE, 400_000, NINE, 1_000_000, 0);
    check(&times, NINE_MS, NINE_MS - 10 * MINUTE, NINE_MS - 10 * MINUTE, TimeSource::Monotonic);
}

#[test]
fn without_an_anchor_the_wall_clock_counts_within_two_minutes() {
    let times = times(NINE, "b1", 5);
    let hours_later = NINE_MS + 300 * MINUTE;
    let moment = check(&times, hours_later, NINE_MS - 2 * MINUTE, NINE_MS + 2 * MINUTE, TimeSource::Estimated);
    assert_eq!(moment.likely_ms(), NINE_MS);
}

#[test]
fn nothing_happens_after_the_server_received_it() {
    // A wall clock one minute ahead.
    let moment =
        check(&times(NINE, "b1", 5), NINE_MS - MINUTE, NINE_MS - 2 * MINUTE, NINE_MS - MINUTE, TimeSource::Estimated);
    assert_eq!(moment.likely_ms(), NINE_MS - MINUTE);
    // An anchor a second ahead: the servers' clocks differ.
    check(&anchored(NINE, 0, NINE, 0, 10), NINE_MS - 1_000, NINE_MS - 1_000, NINE_MS - 1_000, TimeSource::Monotonic);
}

#[test]
fn a_wall_clock_a_day_ahead_says_nothing_about_when() {
    let received_ms = NINE_MS - 24 * 60 * MINUTE;
    let moment =
        check(&times(NINE, "b1", 5), received_ms, received_ms - OFFLINE_MAX_MS, received_ms, TimeSource::Estimated);
    assert_eq!(moment.likely_ms(), received_ms);
}

#[test]
fn an_anchor_that_cannot_be_true_is_not_believed() {
    let (min_ms, max_ms) = (NINE_MS - 2 * MINUTE, NINE_MS + 2 * MINUTE);
    let received_ms = NINE_MS + 5 * MINUTE;
    for (monotonic_ms, server, error_ms) in [
        (i64::MAX, NINE, 0),
        (0, "2026-03-02T10:00:00+08:00", 0),
        (0, NINE, -1),
        (0, NINE, i64::MIN),
        (0, NINE, i64::MAX),
        (0, NINE, WALL_ERROR_MS + 1),
    ] {
        check(&anchored(NINE, monotonic_ms, server, 0, error_ms), received_ms, min_ms, max_ms, TimeSource::Estimated);
    }
}

#[test]
fn a_bad_time_is_named() {
    let good = Times { received: Some(NINE.into()), ..anchored(NINE, 0, NINE, 0, 0) };
    assert_eq!(moment(&good, None).unwrap().received_ms, NINE_MS);

    let mut times = good.clone();
    times.wall = "yesterday ".repeat(10);
    let text = "yesterday yesterday yesterday yesterday ".into();
    assert_eq!(moment(&times, None), Err(TimeError::Text { member: "wall", text }));

    let mut times = good.clone();
    times.received = Some("2026-02-30T00:00:00Z".into());
    assert!(matches!(moment(&times, None), Err(TimeError::Text { member: "received", .. })));
    times.received = None;
    assert_eq!(moment(&times, None), Err(TimeError::Missing { member: "received" }));

    let mut times = good;
    times.anchor = Some(Anchor { server: "2026-03-02 09:00".into(), monotonic_ms: 0, error_ms: 0 });
    assert!(matches!(moment(&times, None), Err(TimeError::Text { member: "anchor.server", .. })));
}

#[test]
fn times_are_read_and_written_in_utc() {
    for (text, at_ms, written) in [
        (NINE, NINE_MS, "2026-03-02T01:00:00.000Z"),
        ("2026-03-02T01:00:00.1239Z", NINE_MS + 123, "2026-03-02T01:00:00.123Z"),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000, "2017-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999-00:00", -1, "1969-12-31T23:59:59.999Z"),
        ("0000-01-01T00:00:00Z", EARLIEST_MS, "0000-01-01T00:00:00.000Z"),
        ("0000-01-01T00:00:00+23:00", EARLIEST_MS, "0000-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999-23:00", LATEST_MS, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(parse("at", text), Ok(at_ms), "{text}");
        assert_eq!(format_utc(at_ms), written);
    }
    for wrong in ["", "2026-03-02", "2026-03-02T09:00:00", "10000-01-01T00:00:00Z", "2026-03-02T24:00:00Z", "\u{0}"] {
        assert!(parse("at", wrong).is_err(), "{wrong}");
    }
    assert_eq!(format_utc(i64::MIN), format_utc(EARLIEST_MS));
    assert_eq!(format_utc(i64::MAX), format_utc(LATEST_MS));
}

#[test]
fn within_one_boot_a_duration_is_exact_whatever_the_wall_clock_says() {
    let from = moment(&times(NINE, "b1", 1_000), Some(NINE_MS)).unwrap();
    let to = moment(&times("2020-01-01T00:00:00Z", "b1", 181_500), Some(NINE_MS)).unwrap();
    assert_eq!(interval(&from, &to), Interval { min_s: 180.5, max_s: 180.5, source: TimeSource::Monotonic });
    assert_eq!(interval(&to, &from), Interval { min_s: 0.0, max_s: 0.0, source: TimeSource::Monotonic });
}

#[test]
fn across_boots_a_duration_is_what_both_intervals_allow() {
    let received_ms = NINE_MS + 60 * MINUTE;
    let from = moment(&times(NINE, "b1", 1_000), Some(received_ms)).unwrap();
    let to = moment(&times("2026-03-02T09:05:00+08:00", "b2", 2_000), Some(received_ms)).unwrap();
    assert_eq!(interval(&from, &to), Interval { min_s: 60.0, max_s: 540.0, source: TimeSource::Estimated });
    assert_eq!(interval(&to, &from), Interval { min_s: 0.0, max_s: 0.0, source: TimeSource::Estimated });
}

#[test]
fn an_unnamed_boot_is_no_proof_of_one_boot() {
    let from = moment(&times(NINE, "", 1_000), Some(NINE_MS)).unwrap();
    assert_eq!(interval(&from, &from).source, TimeSource::Estimated);
    let closed = Moment::at_server(NINE_MS);
    assert_eq!(interval(&from, &closed), Interval { min_s: 0.0, max_s: 120.0, source: TimeSource::Estimated });
}

#[test]
fn a_business_day_begins_at_the_cut_by_the_local_clock() {
    for (at, zone, cut, expected) in [
        ("2026-03-02T09:00:00+08:00", "Asia/Shanghai", "04:00", "2026-03-02"),
        ("2026-03-02T03:59:59.999+08:00", "Asia/Shanghai", "04:00", "2026-03-01"),
        ("2026-03-02T04:00:00+08:00", "Asia/Shanghai", "04:00", "2026-03-02"),
        ("2026-03-02T00:00:00+08:00", "Asia/Shanghai", "00:00", "2026-03-02"),
        ("2026-03-02T09:00:00+08:00", "America/Los_Angeles", "04:00", "2026-03-01"),
        ("2026-03-02T09:00:00+08:00", "Pacific/Kiritimati", "04:00", "2026-03-02"),
        // 02:30 does not exist on this night, 01:30 comes twice on that one.
        ("2026-03-29T01:00:00Z", "Europe/Berlin", "02:30", "2026-03-29"),
        ("2026-10-25T00:30:00Z", "Europe/Berlin", "02:30", "2026-10-25"),
        ("2026-10-25T01:29:00Z", "Europe/Berlin", "02:30", "2026-10-24"),
        ("9999-12-31T23:59:59Z", "Pacific/Kiritimati", "04:00", "9999-12-31"),
        ("0000-01-01T00:00:00Z", "America/New_York", "04:00", "0000-01-01"),
    ] {
        assert_eq!(business_date(parse("at", at).unwrap(), zone, cut).as_deref(), Ok(expected), "{at} {zone} {cut}");
    }
    for extreme in [i64::MIN, i64::MAX] {
        assert!(business_date(extreme, "Asia/Shanghai", "04:00").is_ok());
    }
    for zone in ["", "Asia/Atlantis", "asia/shanghai", "+08:00"] {
        assert!(matches!(business_date(0, zone, "04:00"), Err(TimeError::Zone { .. })), "{zone}");
    }
    for cut in ["", "4:00", "24:00", "04:60", "04:00:00", "+4:00", "0４:00", "04-00"] {
        assert!(matches!(business_date(0, "Asia/Shanghai", cut), Err(TimeError::DayCut { .. })), "{cut}");
    }
}

proptest! {
    /// No reading of any clock gives an interval that is inside out, after receipt, or not exact as a double.
    #[test]
    fn a_moment_is_an_interval_before_receipt(
        wall_ms in any::<i64>(), received_ms in any::<i64>(), monotonic_ms in any::<i64>(), boot in "[ab]?",
        anchor in proptest::option::of((any::<i64>(), any::<i64>(), prop_oneof![any::<i64>(), 0..1000_i64])),
    ) {
        let anchor = anchor.map(|(server_ms, monotonic_ms, error_ms)| Anchor { server: format_utc(server_ms), monotonic_ms, error_ms });
        let times = Times { wall: format_utc(wall_ms), monotonic_ms, boot, anchor, received: None };
        let moment = moment(&times, Some(received_ms)).unwrap();
        prop_assert!(moment.min_ms <= moment.max_ms);
        prop_assert!(moment.max_ms <= moment.received_ms);
        prop_assert!((EARLIEST_MS..=LATEST_MS).contains(&moment.min_ms));
        prop_assert!((moment.min_ms..=moment.max_ms).contains(&moment.likely_ms()));
        for other in [&moment, &Moment::at_server(0)] {
            let interval = interval(other, &moment);
            prop_assert!(0.0 <= interval.min_s && interval.min_s <= interval.max_s && interval.max_s.is_finite());
        }
    }

    #[test]
    fn any_text_is_a_time_or_an_error(text in any::<String>()) {
        prop_assert!(parse("at", &text).is_ok_and(|at_ms| at_ms <= LATEST_MS) || parse("at", &text).is_err());
    }

    #[test]
    fn what_is_written_reads_back(at_ms in EARLIEST_MS..=LATEST_MS) {
        prop_assert_eq!(parse("at", &format_utc(at_ms)), Ok(at_ms));
    }
}
