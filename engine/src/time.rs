//! Time: what three clocks say about a moment, how long something took, and which business day it belongs to.
//!
//! A device's wall clock is a claim. Its monotonic clock is true within one boot, and an anchor ties it to the server.
//! So every moment is an interval on the server's clock with its source, and so is every duration; a rule may only hold
//! something against a rep if the whole interval is outside. No clock is read here: "now" is always an argument.

use crate::command::{Anchor, Times};
use crate::input::{Interval, TimeInput, TimeSource};
use chrono::{DateTime, Days, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;
pub mod working;

/// How far a device's wall clock may be off, either way, as long as nothing disproves it.
pub const WALL_ERROR_MS: i64 = 120_000;
/// How far back a moment may lie when its wall clock is disproved (it is ahead of the server): the longest time a phone
/// is expected to stay offline.
pub const OFFLINE_MAX_MS: i64 = 30 * 24 * 3_600_000;
/// 0000-01-01T00:00:00.000Z: no moment is earlier.
pub const EARLIEST_MS: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z: no moment is later, and every moment is exact as a double.
pub const LATEST_MS: i64 = 253_402_300_799_999;

/// What is wrong with a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("`{text}` in `{member}` is not a time like 2026-03-02T09:30:00+08:00")]
    Text {
        /// The member of `Times` (or the argument) it stands in.
        member: &'static str,
        /// The text, cut after 40 characters.
        text: String,
    },
    /// Needed and not there.
    #[error("`{member}` is missing")]
    Missing {
        /// The member of `Times`.
        member: &'static str,
    },
    /// Not a name in the IANA time zone database.
    #[error("`{text}` is not an IANA time zone")]
    Zone {
        /// The text, cut after 40 characters.
        text: String,
    },
    /// Not a time of day.
    #[error("`{text}` is not a time of day like 04:00")]
    DayCut {
        /// The text, cut after 40 characters.
        text: String,
    },
}

/// A moment as it can be known; the shape recorded with a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// What the device's wall clock claimed, in ms since the Unix epoch.
    pub wall_ms: i64,
    /// When the server received it.
    pub received_ms: i64,
    /// Earliest it can have been, on the server's clock.
    pub min_ms: i64,
    /// Latest it can have been; never later than `received_ms`.
    pub max_ms: i64,
    /// How that is known.
    pub source: TimeSource,
    /// Which run of the device's monotonic clock; empty when there was none.
    pub boot: String,
    /// The monotonic clock.
    pub monotonic_ms: i64,
}

impl Moment {
    /// A moment the server itself saw, for instance the one at which a policy took effect.
    #[must_use]
    pub const fn at_server(now_ms: i64) -> Self {
        let source = TimeSource::Estimated;
        Self {
            wall_ms: now_ms,
            received_ms: now_ms,
            min_ms: now_ms,
            max_ms: now_ms,
            source,
            boot: String::new(),
            monotonic_ms: 0,
        }
    }

    /// The one time to show or to pick a business day by: the middle of the interval for a monotonic source, else what
    /// the wall clock said as far as it can be true.
    #[must_use]
    pub fn likely_ms(&self) -> i64 {
        match self.source {
            TimeSource::Monotonic => self.min_ms.midpoint(self.max_ms),
            TimeSource::Estimated => self.wall_ms.min(self.max_ms).max(self.min_ms),
        }
    }

    /// What a rule sees of it.
    #[must_use]
    pub const fn input(&self) -> TimeInput {
        TimeInput {
            wall_ms: self.wall_ms,
            received_ms: self.received_ms,
            min_ms: self.min_ms,
            max_ms: self.max_ms,
            source: self.source,
        }
    }
}

/// What can be known about the moment that three clocks saw.
///
/// `received_ms` is the receive time of the command that carried a capture; for a command itself pass none, its own is used.
///
/// With an anchor: server time + elapsed monotonic time ± the anchor's error. Without one, or with one that cannot be
/// true (negative error, worse than the wall clock's, or a result after the server had received it): the wall clock
/// ± [`WALL_ERROR_MS`]. If the wall clock cannot be true either: somewhere within [`OFFLINE_MAX_MS`] before receipt.
///
/// # Errors
/// `TimeError::Text` or `Missing`, naming the member.
pub fn moment(times: &Times, received_ms: Option<i64>) -> Result<Moment, TimeError> {
    let wall_ms = parse("wall", &times.wall)?;
    let received_ms = match (received_ms, &times.received) {
        (Some(received_ms), _) => within_years(received_ms),
        (None, Some(text)) => parse("received", text)?,
        (None, None) => return Err(TimeError::Missing { member: "received" }),
    };
    let anchored = times.anchor.as_ref().map(|anchor| since_anchor(anchor, times.monotonic_ms)).transpose()?.flatten();
    let (min_ms, max_ms, source) = match anchored {
        // Two servers' clocks differ a little: only a result far after receipt disproves the anchor.
        Some((min_ms, max_ms)) if min_ms <= received_ms.saturating_add(WALL_ERROR_MS) => {
            (min_ms, max_ms, TimeSource::Monotonic)
        }
        _ if wall_ms.saturating_sub(WALL_ERROR_MS) <= received_ms => {
            (wall_ms.saturating_sub(WALL_ERROR_MS), wall_ms.saturating_add(WALL_ERROR_MS), TimeSource::Estimated)
        }
        _ => (received_ms.saturating_sub(OFFLINE_MAX_MS), received_ms, TimeSource::Estimated),
    };
    Ok(Moment {
        wall_ms,
        received_ms,
        min_ms: within_years(min_ms.min(received_ms)),
        max_ms: within_years(max_ms.min(received_ms)),
        source,
        boot: times.boot.clone(),
        monotonic_ms: times.monotonic_ms,
    })
}

/// Server time at `monotonic_ms` as an interval; none if the anchor's error bound makes it worthless.
fn since_anchor(anchor: &Anchor, monotonic_ms: i64) -> Result<Option<(i64, i64)>, TimeError> {
    let server_ms = parse("anchor.server", &anchor.server)?;
    if !(0..=WALL_ERROR_MS).contains(&anchor.error_ms) {
        return Ok(None);
    }
    let at_ms = server_ms.saturating_add(monotonic_ms.saturating_sub(anchor.monotonic_ms));
    Ok(Some((at_ms.saturating_sub(anchor.error_ms), at_ms.saturating_add(anchor.error_ms))))
}

/// How long it was from one moment to another, both on one device.
///
/// Within one boot the monotonic clock is exact; across boots it is what the two intervals allow. Never negative: an end
/// before the beginning is a duration of zero.
#[must_use]
pub fn interval(from: &Moment, to: &Moment) -> Interval {
    let seconds = |ms: i64| ms.max(0) as f64 / 1000.0;
    if !from.boot.is_empty() && from.boot == to.boot {
        let elapsed_s = seconds(to.monotonic_ms.saturating_sub(from.monotonic_ms));
        return Interval { min_s: elapsed_s, max_s: elapsed_s, source: TimeSource::Monotonic };
    }
    Interval {
        min_s: seconds(to.min_ms.saturating_sub(from.max_ms)),
        max_s: seconds(to.max_ms.saturating_sub(from.min_ms)),
        source: TimeSource::Estimated,
    }
}

/// The business date (`YYYY-MM-DD`) of a moment in an IANA time zone, where a day begins at `day_cut` (`HH:MM`) by the
/// local clock: at 03:59 with a cut of 04:00 it is still the day before.
///
/// # Errors
/// `TimeError::Zone` or `DayCut`.
pub fn business_date(at_ms: i64, time_zone: &str, day_cut: &str) -> Result<String, TimeError> {
    let zone: Tz = time_zone.parse().map_err(|_| TimeError::Zone { text: excerpt(time_zone) })?;
    let cut = time_of_day(day_cut).ok_or_else(|| TimeError::DayCut { text: excerpt(day_cut) })?;
    let local = utc(at_ms).with_timezone(&zone).naive_local();
    let date = local.date();
    let date = if local.time() < cut { date.checked_sub_days(Days::new(1)).unwrap_or(date) } else { date };
    // A zone or the cut can push the first and the last day out of the years with four digits.
    Ok(date.clamp(utc(EARLIEST_MS).date_naive(), utc(LATEST_MS).date_naive()).format("%Y-%m-%d").to_string())
}

/// `HH:MM`, exactly.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let two_digits =
        |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok());
    let (hours, minutes) = text.split_once(':')?;
    NaiveTime::from_hms_opt(two_digits(hours)??, two_digits(minutes)??, 0)
}

/// RFC 3339 to ms since the Unix epoch, fractions of a ms cut off; a leap second counts into the next minute.
///
/// # Errors
/// `TimeError::Text` naming `member`.
pub fn parse(member: &'static str, text: &str) -> Result<i64, TimeError> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| within_years(at.timestamp_millis()))
        .map_err(|_| TimeError::Text { member, text: excerpt(text) })
}

/// UTC with milliseconds, `2026-03-02T01:30:00.000Z`; beyond the years 0 to 9999 the nearest moment within them.
#[must_use]
pub fn format_utc(at_ms: i64) -> String {
    utc(at_ms).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn utc(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(within_years(at_ms)).unwrap_or(DateTime::UNIX_EPOCH)
}

fn within_years(at_ms: i64) -> i64 {
    at_ms.clamp(EARLIEST_MS, LATEST_MS)
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
