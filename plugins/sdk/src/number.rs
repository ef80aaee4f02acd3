//! Numbers that come out alike on every machine.

use serde_json::{Map, Number, Value};

/// `value` to one decimal: how durations, distances and speeds are compared and reported.
#[must_use]
pub fn round1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// `part / whole` to six decimals; none when there is no whole to share.
#[must_use]
pub fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0 && part.is_finite() && whole.is_finite()).then(|| (part / whole * 1e6).round() / 1e6)
}

/// The same JSON with every whole number written as an integer, as RFC 8785 prints it.
pub(crate) fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(canonical_number(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, canonical(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// Largest magnitude below which every whole `f64` is exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn canonical_number(number: Number) -> Number {
    match number.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Some(float) if number.is_f64() && float.trunc() == float && float.abs() < EXACT => Number::from(float as i64),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_lose_their_fraction_and_others_keep_it() {
        assert_eq!(canonical(json!({"a": [30.0, 0.5, -0.0, "30.0"]})), json!({"a": [30, 0.5, 0, "30.0"]}));
    }

    #[test]
    fn a_ratio_without_a_whole_is_none() {
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(2.0, 3.0), Some(0.666_667));
        assert_eq!(ratio(0.27, 0.3), Some(0.9));
    }
}
