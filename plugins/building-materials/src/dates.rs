//! Calendar days and moments: reading and counting.

use chrono::{DateTime, NaiveDate};
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

/// Days from `from` to `to`, negative when `to` is earlier.
pub fn days_between(from: NaiveDate, to: NaiveDate) -> i64 {
    to.signed_duration_since(from).num_days()
}

/// A moment written as RFC 3339 with its offset, in milliseconds since the Unix epoch; none for anything else.
pub fn moment_ms(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis())
}

/// Whole minutes from `from` to `to`; none when either is no moment.
pub fn minutes_between(from: Option<&str>, to: Option<&str>) -> Option<f64> {
    let (from, to) = (moment_ms(from?)?, moment_ms(to?)?);
    #[expect(clippy::cast_precision_loss, reason = "minutes of years 0 to 9999 are far below 2^53")]
    let minutes = to.checked_sub(from)?.div_euclid(60_000) as f64;
    Some(minutes)
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
    fn moments_need_their_offset_and_may_lie_in_different_zones() {
        assert_eq!(minutes_between(Some("2026-03-18T09:00:00+08:00"), Some("2026-03-18T01:25:30Z")), Some(25.0));
        assert_eq!(minutes_between(Some("2026-03-18T09:00:00"), Some("2026-03-18T01:25:30Z")), None);
        assert_eq!(minutes_between(None, Some("2026-03-18T01:25:30Z")), None);
    }
}
