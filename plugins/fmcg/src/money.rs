//! Amounts of money: decimal strings in, exact decimals inside, decimal strings out. Never a float.

use rust_decimal::Decimal;

/// Above this an amount is a slip of the finger in any currency.
const MOST: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);

/// A positive amount, `12` or `12.50`; none for anything else.
pub fn parse(text: &str) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let amount = Decimal::from_str_exact(text).ok().filter(|_| plain)?;
    (amount > Decimal::ZERO && amount <= MOST).then_some(amount)
}

/// An amount that may be nothing at all, such as what is left of a limit; none for what is no amount.
pub fn parse_from_zero(text: &str) -> Option<Decimal> {
    let is_zero = text.bytes().any(|byte| byte == b'0') && text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if is_zero { Some(Decimal::ZERO) } else { parse(text) }
}

/// A factor such as a ratio from a config or a pack size as an exact decimal.
pub fn factor(value: f64) -> Option<Decimal> {
    Decimal::try_from(value).ok()
}

/// An amount or a ratio to two decimals, as a string.
pub fn two_decimals(value: Decimal) -> String {
    let mut rounded = value.round_dp(2);
    rounded.rescale(2);
    rounded.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_positive_plain_decimals() {
        assert_eq!(parse("3.50").map(two_decimals).as_deref(), Some("3.50"));
        assert_eq!(MOST.to_string(), "1000000000000");
        for text in ["0", "0.00", "-1", "+1", "1_000", "1e3", "", ".", "NaN", "1000000000000.01", "3,50"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
