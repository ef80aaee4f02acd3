//! Days and moments as texts: reading and comparing them. Days are the customer's, moments name their offset.

use chrono::{DateTime, Datelike, NaiveDate};
use sopwith_sdk::{Input, RuleError};

/// A day written `YYYY-MM-DD`; none for anything else.
pub fn parse(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// The business date of the visit.
///
/// # Errors
/// `bad_input` when the host sent no date.
pub fn business_date(input: &Input) -> Result<NaiveDate, RuleError> {
    let text = &input.visit.business_date;
    parse(text).ok_or_else(|| RuleError::new("bad_input", format!("/visit/business_date: `{text}` is no date")))
}

/// A moment of RFC 3339 with its offset, in milliseconds since the Unix epoch; none for anything else.
pub fn moment_ms(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis())
}

/// Monday is 1, Sunday 7.
pub fn weekday(day: NaiveDate) -> u32 {
    day.weekday().number_from_monday()
}

/// Milliseconds in hours given as a number; absurd numbers end at the largest.
pub fn hours_ms(hours: u32) -> i64 {
    i64::from(hours).saturating_mul(3_600_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_iso_days_that_exist_are_days() {
        assert_eq!(parse("2026-03-18").map(weekday), Some(3));
        for text in ["2025-02-29", "2026-3-18", "20260318", "2026-03-18T00:00:00Z", ""] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_moment_has_an_offset() {
        assert_eq!(moment_ms("2026-03-18T10:00:00+08:00"), moment_ms("2026-03-18T02:00:00Z"));
        for text in ["2026-03-18T10:00:00", "2026-03-18", "", "10:00"] {
            assert!(moment_ms(text).is_none(), "{text}");
        }
    }
}
