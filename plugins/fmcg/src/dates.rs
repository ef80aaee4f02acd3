//! Calendar days: reading, counting, and how close to its end a product is near expiry.

use chrono::NaiveDate;
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

/// How many days before its best-before date a product is near expiry, by shelf life in days. The bands are the ones
/// retailers in China use (a year and more 45, half a year 20, 90 days 15, 30 days 10, 16 days 5, less 1 to 4); below 16
/// days it is a quarter of the shelf life.
pub fn near_expiry_days(shelf_life_days: i64) -> i64 {
    match shelf_life_days {
        365.. => 45,
        180..365 => 20,
        90..180 => 15,
        30..90 => 10,
        16..30 => 5,
        short => ((short + 3) / 4).clamp(1, 4),
    }
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
    fn the_bands_change_at_their_edges() {
        let bands = [365, 364, 180, 179, 90, 89, 30, 29, 16, 15, 12, 4, 1, 0].map(near_expiry_days);
        assert_eq!(bands, [45, 20, 20, 15, 15, 10, 10, 5, 5, 4, 3, 1, 1, 1]);
    }
}
