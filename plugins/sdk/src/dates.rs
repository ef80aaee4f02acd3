//! Calendar days and moments as texts: reading and counting. Days are the customer's, moments name their offset.

use crate::{Input, RuleError};
use chrono::{DateTime, NaiveDate};

/// A day written `YYYY-MM-DD`; none for anything else.
#[must_use]
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

/// Days from `from` to `to`, negative when `to` is earlier.
#[must_use]
pub fn days_between(from: NaiveDate, to: NaiveDate) -> i64 {
    to.signed_duration_since(from).num_days()
}

/// A moment of RFC 3339 with its offset, in milliseconds since the Unix epoch; none for anything else.
#[must_use]
pub fn moment_ms(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis())
}

/// Hours in milliseconds.
#[must_use]
pub fn hours_ms(hours: u32) -> i64 {
    i64::from(hours) * 3_600_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_iso_days_that_exist_are_days() {
        assert!(parse("2024-02-29").is_some());
        for text in ["2025-02-29", "2025-2-03", "20250203", "2025-02-03T00:00:00Z", ""] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn days_are_counted_over_the_end_of_a_month() {
        let days = parse("2024-02-28").zip(parse("2024-03-01"));
        assert_eq!(days.map(|(from, to)| days_between(from, to)), Some(2));
        assert_eq!(days.map(|(from, to)| days_between(to, from)), Some(-2));
    }

    #[test]
    fn a_moment_has_an_offset() {
        assert_eq!(moment_ms("2026-03-18T10:00:00+08:00"), moment_ms("2026-03-18T02:00:00Z"));
        for text in ["2026-03-18T10:00:00", "2026-03-18", "", "10:00"] {
            assert!(moment_ms(text).is_none(), "{text}");
        }
    }
}
