//! Moments and durations as people read them: local time of the customer, minutes and seconds.

use super::words::Words;
use chrono::{DateTime, Datelike as _, NaiveDate, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use engine::input::{Interval, TimeInput, TimeSource};
use engine::time::Moment;
use serde_json::json;

/// A moment known less exactly than this is shown as a span of time.
const WIDE_MS: i64 = 600_000;

/// The customer's time zone.
pub struct Zone(Tz);

impl Zone {
    /// The zone of an IANA name; UTC for a name that is none.
    pub fn of(name: &str) -> Self {
        Self(name.parse().unwrap_or(Tz::UTC))
    }

    fn local(&self, at_ms: i64) -> DateTime<Tz> {
        let at_ms = at_ms.clamp(engine::time::EARLIEST_MS, engine::time::LATEST_MS);
        self.0.timestamp_millis_opt(at_ms).single().unwrap_or_else(|| DateTime::UNIX_EPOCH.with_timezone(&self.0))
    }

    /// `2026-03-18`.
    fn date(&self, at_ms: i64) -> String {
        self.local(at_ms).format("%Y-%m-%d").to_string()
    }

    /// `2026-03-18 09:35`.
    pub fn date_and_minute(&self, at_ms: i64) -> String {
        self.local(at_ms).format("%Y-%m-%d %H:%M").to_string()
    }

    /// Name and offset on a day: `Asia/Shanghai (UTC+08:00)`.
    pub fn name(&self, at_ms: i64) -> String {
        format!("{} (UTC{})", self.0.name(), self.local(at_ms).offset().fix())
    }

    /// `08:52:21`, the nearest second, with the date before it on another day than `business_date`.
    pub fn clock(&self, at_ms: i64, business_date: &str) -> String {
        let at_ms = at_ms.saturating_add(500);
        let time = self.local(at_ms).format("%H:%M:%S").to_string();
        let date = self.date(at_ms);
        if date == business_date { time } else { format!("{date} {time}") }
    }

    /// A moment: exact, about, or a span where it is known badly.
    pub fn moment(&self, moment: &Moment, business_date: &str) -> String {
        let clock = |at_ms| self.clock(at_ms, business_date);
        match moment.source {
            TimeSource::Monotonic => clock(moment.likely_ms()),
            TimeSource::Estimated if moment.max_ms.saturating_sub(moment.min_ms) > WIDE_MS => {
                format!("{} – {}", clock(moment.min_ms), clock(moment.max_ms))
            }
            TimeSource::Estimated => format!("≈ {}", clock(moment.likely_ms())),
        }
    }
}

/// A recorded time as a moment.
pub fn moment_of(at: &TimeInput) -> Moment {
    Moment {
        wall_ms: at.wall_ms,
        received_ms: at.received_ms,
        min_ms: at.min_ms,
        max_ms: at.max_ms,
        source: at.source,
        boot: String::new(),
        monotonic_ms: 0,
    }
}

/// `43 min 17 s`, `2 h 5 min`, `3 d 4 h`: the two largest units.
pub fn duration(words: &Words<'_>, seconds: f64) -> String {
    let seconds = seconds.max(0.0).round().min(1e12) as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let (key, large, small) = match seconds {
        0..60 => ("duration.s", seconds, 0),
        60..3600 if seconds.is_multiple_of(60) => ("duration.min", minutes, 0),
        60..3600 => ("duration.min_s", minutes, seconds % 60),
        3600..86400 => ("duration.h_min", hours, minutes % 60),
        _ => ("duration.d_h", days, hours % 24),
    };
    words.fill(key, &json!({"large": large, "small": small}))
}

/// A duration that is known as an interval, and how it is known.
pub fn interval(words: &Words<'_>, interval: &Interval) -> String {
    let (min, max) = (duration(words, interval.min_s), duration(words, interval.max_s));
    if min == max { min } else { format!("{min} – {max}") }
}

/// `2026-03-18 (Wed)`; the text itself if it is no date.
pub fn date(words: &Words<'_>, date: &str) -> String {
    match NaiveDate::parse_from_str(date, "%Y-%m-%d") {
        Ok(day) => {
            let weekday = words.say(&format!("weekday.{}", day.weekday().number_from_monday()));
            words.fill("date", &json!({"date": date, "weekday": weekday}))
        }
        Err(_) => date.to_owned(),
    }
}
