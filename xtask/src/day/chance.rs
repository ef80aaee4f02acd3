//! What looks like chance in the day, and its moments: values drawn from a name by SHA-256, times from the script's texts.
//!
//! The same name gives the same value on every machine and for ever.

use anyhow::{Context, Result};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta};
use sha2::{Digest, Sha256};

/// The day's city keeps one offset all year.
const OFFSET_S: i32 = 8 * 3600;

/// SHA-256 of a name or of bytes, lower-case hex.
pub fn hash(of: impl AsRef<[u8]>) -> String {
    Sha256::digest(of).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 bits drawn from a name.
pub fn bits(name: &str) -> u64 {
    Sha256::digest(name.as_bytes()).iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}

/// A number from 0 (inclusive) to 1 (exclusive).
#[expect(clippy::cast_precision_loss, reason = "32 bits fit")]
pub fn unit(name: &str) -> f64 {
    (bits(name) >> 32) as f64 / 4_294_967_296.0
}

/// A number from `from` (inclusive) to `to` (exclusive).
pub fn between(name: &str, from: f64, to: f64) -> f64 {
    from + (to - from) * unit(name)
}

/// A whole number from `from` to `to`, both inclusive.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small whole numbers")]
pub fn whole(name: &str, from: i64, to: i64) -> i64 {
    between(name, from as f64, (to + 1) as f64).floor() as i64
}

/// One of the items, or none of none.
pub fn pick<'a, T>(name: &str, items: &'a [T]) -> Option<&'a T> {
    let last = i64::try_from(items.len()).ok()? - 1;
    usize::try_from(whole(name, 0, last)).ok().and_then(|index| items.get(index))
}

/// `HH:MM` or `HH:MM:SS` of the day as milliseconds since the Unix epoch.
///
/// # Errors
/// No such date or time.
pub fn moment(date: &str, time: &str) -> Result<i64> {
    let time = NaiveTime::parse_from_str(time, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"))
        .ok()
        .with_context(|| format!("`{time}` is no time of a day"))?;
    let local = NaiveDateTime::new(self::date(date)?, time);
    Ok(local.and_utc().timestamp_millis() - i64::from(OFFSET_S) * 1000)
}

/// A date some days after (or, negative, before) another, `YYYY-MM-DD`.
///
/// # Errors
/// No such date.
pub fn days_after(date: &str, days: i64) -> Result<String> {
    let later = self::date(date)?.checked_add_signed(TimeDelta::days(days)).context("outside the calendar")?;
    Ok(later.format("%Y-%m-%d").to_string())
}

/// `mon`, …
///
/// # Errors
/// No such date.
pub fn weekday(date: &str) -> Result<String> {
    Ok(self::date(date)?.format("%a").to_string().to_lowercase())
}

/// `MMDD` of a date.
///
/// # Errors
/// No such date.
pub fn month_and_day(date: &str) -> Result<String> {
    Ok(self::date(date)?.format("%m%d").to_string())
}

fn date(text: &str) -> Result<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().with_context(|| format!("`{text}` is no date"))
}

/// A moment as a server writes it: RFC 3339 in UTC.
///
/// # Errors
/// Outside the calendar.
pub fn utc(ms: i64) -> Result<String> {
    let moment = DateTime::from_timestamp_millis(ms).context("outside the calendar")?;
    Ok(moment.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A moment as a phone writes it: RFC 3339 with the city's offset.
///
/// # Errors
/// Outside the calendar.
pub fn local(ms: i64) -> Result<String> {
    let offset = FixedOffset::east_opt(OFFSET_S).context("no such offset")?;
    let moment = DateTime::from_timestamp_millis(ms).context("outside the calendar")?;
    Ok(moment.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Millis, false))
}
