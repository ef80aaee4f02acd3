//! Amounts of money: decimal strings in, whole hundredths inside, decimal strings out. Never a float.

/// Above this an amount is a slip of the finger in any currency.
const MOST: i64 = 100_000_000_000_000;

/// An amount with at most two decimals in hundredths, `12`, `12.5` or `12.50`, zero included; none for anything else.
#[must_use]
pub fn cents(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    let cents = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)?;
    (cents <= MOST).then_some(cents)
}

/// Hundredths as an amount with two decimals.
#[must_use]
pub fn shown(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_plain_decimals_of_at_most_two_places() {
        for (text, amount) in [("0", 0), ("12", 1200), ("12.5", 1250), ("13.82", 1382), ("1000000000000", MOST)] {
            assert_eq!(cents(text), Some(amount), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1.234", "1e3", "3,50", "1000000000000.01", "99999999999999999999"]
        {
            assert_eq!(cents(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_with_two_places() {
        assert_eq!([0, 5, 1250, -1250].map(shown), ["0.00", "0.05", "12.50", "-12.50"]);
    }
}
