//! Risk: how likely it is that at least one of the signals is right, if each were right with its weight in percent.

use crate::score::one_decimal;

/// `100 · (1 − ∏(1 − wᵢ/100))`, one decimal, 0 to 100; 0 for no weights. Weights above 100 count as 100.
///
/// The order of the weights makes no difference, not even in the last bit: they are sorted before they are multiplied.
#[must_use]
pub fn risk(weights: impl Iterator<Item = u32>) -> f64 {
    let mut weights: Vec<u32> = weights.map(|weight| weight.min(100)).collect();
    weights.sort_unstable();
    let innocent: f64 = weights.iter().map(|weight| f64::from(100 - weight) / 100.0).product();
    one_decimal(100.0 * (1.0 - innocent))
}

#[cfg(test)]
mod tests {
    use super::risk;
    use proptest::prelude::*;

    #[test]
    fn signals_add_up_as_chances_do() {
        for (weights, expected) in [
            (&[][..], 0.0),
            (&[0, 0], 0.0),
            (&[40], 40.0),
            (&[20, 30], 44.0),
            (&[60, 40, 25], 82.0),
            (&[15, 25, 30], 55.4),
            (&[60, 60], 84.0),
            (&[100, 1], 100.0),
            (&[u32::MAX], 100.0),
        ] {
            assert_eq!(risk(weights.iter().copied()), expected, "{weights:?}");
        }
        assert_eq!(risk(std::iter::repeat_n(99, 100_000)), 100.0);
    }

    proptest! {
        #[test]
        fn risk_is_a_percentage_that_knows_no_order(mut weights in prop::collection::vec(0..130_u32, 0..20)) {
            let forward = risk(weights.iter().copied());
            prop_assert!((0.0..=100.0).contains(&forward));
            prop_assert_eq!(risk(weights.iter().rev().copied()).to_bits(), forward.to_bits());
            let largest = weights.iter().copied().max().unwrap_or(0).min(100);
            prop_assert!(forward >= f64::from(largest));
            weights.push(10);
            prop_assert!(risk(weights.into_iter()) >= forward);
        }
    }
}
