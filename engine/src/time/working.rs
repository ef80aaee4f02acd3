//! Working days: when a due time that is counted in them has come.
//!
//! Which days those are is a tenant's calendar; it comes in as plain data. A working day ends when its hours do.

use super::{TimeError, excerpt, utc, within_years};
use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeZone as _, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// The end of a day without hours of its own.
pub const MIDNIGHT: &str = "24:00";
/// A calendar without a working day in so many days has none.
const HORIZON_DAYS: u32 = 3660;

/// Which days are worked, and until when, `HH:MM` or `24:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkingDays {
    /// By day of the week, Monday first; none is off.
    pub weekly: [Option<String>; 7],
    /// Days that are different, by `YYYY-MM-DD`; none is off.
    pub exceptions: BTreeMap<String, Option<String>>,
}

impl Default for WorkingDays {
    /// Monday to Friday, to the end of the day.
    fn default() -> Self {
        let weekly = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let worked = |day: Weekday| (day.num_days_from_monday() < 5).then(|| MIDNIGHT.to_owned());
        Self { weekly: weekly.map(worked), exceptions: BTreeMap::new() }
    }
}

impl WorkingDays {
    /// Until when a day is worked; none is off.
    fn until(&self, date: NaiveDate) -> Option<&str> {
        if let Some(until) = self.exceptions.get(&date.format("%Y-%m-%d").to_string()) {
            return until.as_deref();
        }
        let day = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or_default();
        self.weekly.get(day)?.as_deref()
    }

    /// The end of the `n`-th working day (from 1) after the local day of a moment, in ms since the Unix epoch. A calendar
    /// that is never worked counts every day: a due time must come.
    ///
    /// # Errors
    /// `TimeError::Zone`.
    pub fn end_of(&self, n: u32, from_ms: i64, time_zone: &str) -> Result<i64, TimeError> {
        let zone: Tz = time_zone.parse().map_err(|_| TimeError::Zone { text: excerpt(time_zone) })?;
        let from = utc(from_ms).with_timezone(&zone).date_naive();
        let n = n.max(1);
        let mut left = n;
        for day in 1..=HORIZON_DAYS {
            let Some(date) = from.checked_add_days(Days::new(u64::from(day))) else { break };
            let Some(until) = self.until(date) else { continue };
            left -= 1;
            if left == 0 {
                return Ok(end(date, until, zone));
            }
        }
        let date = from.checked_add_days(Days::new(u64::from(n))).unwrap_or(from);
        Ok(end(date, MIDNIGHT, zone))
    }
}

/// A local time of day as a moment; what is no time of day is the end of the day.
fn end(date: NaiveDate, until: &str, zone: Tz) -> i64 {
    let time = NaiveTime::parse_from_str(until, "%H:%M").ok();
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    let local = time.map_or_else(|| next.and_time(NaiveTime::MIN), |time| date.and_time(time));
    // A time that the clocks skip is as many hours on; of one that comes twice, the later.
    let skipped = || zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).latest();
    let at = zone.from_local_datetime(&local).latest().or_else(skipped);
    within_years(at.map_or_else(|| local.and_utc().timestamp_millis(), |at: DateTime<Tz>| at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{format_utc, parse};

    #[track_caller]
    fn check(days: &WorkingDays, n: u32, from: &str, zone: &str, due: &str) {
        let due_ms = days.end_of(n, parse("from", from).unwrap(), zone).unwrap();
        assert_eq!(format_utc(due_ms), format_utc(parse("due", due).unwrap()), "{n} working days from {from}");
    }

    #[test]
    fn weekends_do_not_count() {
        let plain = WorkingDays::default();
        // 2026-03-05 is a Thursday.
        check(&plain, 1, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-07T00:00:00+08:00");
        check(&plain, 2, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-10T00:00:00+08:00");
        check(&plain, 1, "2026-03-07T09:00:00+08:00", "Asia/Shanghai", "2026-03-10T00:00:00+08:00");
        // The local day counts: in UTC it is still Thursday.
        check(&plain, 1, "2026-03-05T20:00:00Z", "Asia/Shanghai", "2026-03-10T00:00:00+08:00");
        check(&plain, 0, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-07T00:00:00+08:00");
    }

    #[test]
    fn the_tenants_calendar_knows_holidays_make_up_days_and_hours() {
        let mut days = WorkingDays::default();
        days.weekly[4] = Some("17:30".into());
        // A Saturday that is worked for a Monday that is not.
        days.exceptions = BTreeMap::from([("2026-03-07".into(), Some("12:00".into())), ("2026-03-09".into(), None)]);
        check(&days, 1, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-06T17:30:00+08:00");
        check(&days, 2, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-07T12:00:00+08:00");
        check(&days, 3, "2026-03-05T09:00:00+08:00", "Asia/Shanghai", "2026-03-11T00:00:00+08:00");
    }

    #[test]
    fn clocks_that_change_and_calendars_without_days_still_give_a_moment() {
        let mut days = WorkingDays { weekly: [const { None }; 7], exceptions: BTreeMap::new() };
        check(&days, 2, "2026-03-05T09:00:00Z", "UTC", "2026-03-08T00:00:00Z");
        // 02:30 on 2026-03-29 does not exist in Berlin.
        days.exceptions.insert("2026-03-29".into(), Some("02:30".into()));
        check(&days, 1, "2026-03-27T09:00:00Z", "Europe/Berlin", "2026-03-29T03:30:00+02:00");
        assert!(days.end_of(1, 0, "Mars/Olympus").is_err());
    }
}
