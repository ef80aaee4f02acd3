//! Decimal amounts: exact, of one scale, alike on every machine. Written as texts, as everywhere in Sopwith.

use serde_json::Value;
use std::fmt;

/// Digits behind the point.
const SCALE: usize = 9;
/// Most digits before the point.
const WHOLE: usize = 18;
/// 10 to the power of `SCALE`.
const ONE: i128 = 1_000_000_000;

/// A decimal number with up to 18 digits before the point and 9 behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    /// Billionths.
    parts: i128,
}

impl Decimal {
    /// Reads `-?[0-9]{1,18}(\.[0-9]{1,9})?`; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let number = |text: &str, most: usize| {
            let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<i128>().ok().filter(|_| fits)
        };
        let missing = u32::try_from(SCALE.checked_sub(fraction.len())?).ok()?;
        let parts = number(whole, WHOLE)? * ONE + number(fraction, SCALE)? * 10_i128.pow(missing);
        Some(Self { parts: if negative { -parts } else { parts } })
    }

    /// The number of a JSON number or text; none where it is not exactly such a number.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// The sum; the greatest or least number where there is no greater or less.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { parts: self.parts.saturating_add(other.parts) }
    }

    /// The same number the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { parts: self.parts.saturating_neg() }
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.parts == 0
    }

    /// Whether it is less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.parts < 0
    }
}

/// As short as it can be written: `-12.5`, `3`.
impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one, parts) = (ONE.unsigned_abs(), self.parts.unsigned_abs());
        let fraction = format!("{:0SCALE$}", parts % one);
        let (sign, fraction) = (if self.parts < 0 { "-" } else { "" }, fraction.trim_end_matches('0'));
        let point = if fraction.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{}{point}{fraction}", parts / one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_text_is_read_exactly_or_not_at_all() {
        for (text, shown) in
            [("0", "0"), ("-0", "0"), ("007", "7"), ("12.50", "12.5"), ("-0.000000001", "-0.000000001")]
        {
            assert_eq!(Decimal::parse(text).map(|number| number.to_string()).as_deref(), Some(shown), "{text}");
        }
        for wrong in ["", "-", "+1", "1.", ".5", "1e3", "0x1", "1,5", " 1", "1.0000000001", "1000000000000000000", "１"]
        {
            assert_eq!(Decimal::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Decimal::of(&json!(2.5)), Decimal::parse("2.5"));
        assert_eq!((Decimal::of(&json!(null)), Decimal::of(&json!(1e-12))), (None, None));
    }

    proptest! {
        #[test]
        fn sums_are_exact(a in -1_000_000_000_000_i64..1_000_000_000_000, b in -1_000_000_000_000_i64..1_000_000_000_000) {
            let hundredths = |number: i64| Decimal::parse(&format!(
                "{}{}.{:02}", if number < 0 { "-" } else { "" }, number.abs() / 100, number.abs() % 100)).unwrap();
            let sum = hundredths(a).plus(hundredths(b));
            prop_assert_eq!(sum, hundredths(a + b));
            prop_assert_eq!(Decimal::parse(&sum.to_string()), Some(sum));
            prop_assert_eq!(sum.plus(hundredths(b).negated()), hundredths(a));
        }
    }
}
