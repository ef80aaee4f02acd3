//! Chance that can be had again: every draw has a name, and the same seed and name give the same number for ever.
//!
//! Draws do not depend on the order they are made in, so a class more or a visit less changes no other.

use std::fmt::Display;

/// Numbers that follow from a seed and a name.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: mixed(seed ^ 0x9e37_79b9_7f4a_7c15) }
    }

    /// The draws of somebody or something, which have nothing to do with anybody else's.
    pub fn of(self, name: impl Display) -> Self {
        Self { state: self.bits(&name.to_string()) }
    }

    /// 64 bits: FNV-1a over the name, mixed as splitmix64 does.
    pub fn bits(self, name: &str) -> u64 {
        let hash = name.bytes().fold(self.state ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        mixed(hash.wrapping_add(self.state))
    }

    /// From 0 (inclusive) to 1 (exclusive).
    pub fn unit(self, name: &str) -> f64 {
        (self.bits(name) >> 32) as f64 / 4_294_967_296.0
    }

    /// Whether something of this probability happens.
    pub fn happens(self, name: &str, probability: f64) -> bool {
        self.unit(name) < probability
    }

    /// From `from` (inclusive) to `to` (exclusive).
    pub fn between(self, name: &str, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit(name)
    }

    /// A whole number from `from` to `to`, both inclusive.
    pub fn whole(self, name: &str, from: i64, to: i64) -> i64 {
        self.between(name, from as f64, (to + 1) as f64).floor() as i64
    }

    /// Near enough to the standard normal distribution: twelve uniform draws, less six.
    pub fn normal(self, name: &str) -> f64 {
        (0..12).map(|number| self.unit(&format!("{name} {number}"))).sum::<f64>() - 6.0
    }

    /// Log-normal: half of the draws lie below `median`, two thirds within a factor of `e^sigma`.
    pub fn spread(self, name: &str, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal(name)).exp()
    }

    /// One of the items; none of none.
    pub fn pick<'a, T>(self, name: &str, items: &'a [T]) -> Option<&'a T> {
        let last = i64::try_from(items.len()).ok()?.checked_sub(1)?;
        usize::try_from(self.whole(name, 0, last)).ok().and_then(|index| items.get(index))
    }

    /// The items in an order of its own.
    pub fn shuffled<T>(self, name: &str, items: Vec<T>) -> Vec<T> {
        let drawn = items.into_iter().enumerate().map(|(at, item)| (self.bits(&format!("{name} {at}")), item));
        let mut drawn: Vec<(u64, T)> = drawn.collect();
        drawn.sort_by_key(|(bits, _)| *bits);
        drawn.into_iter().map(|(_, item)| item).collect()
    }

    /// `bits`, each turned with this probability.
    pub fn turned(self, name: &str, bits: u64, probability: f64) -> u64 {
        (0..64)
            .filter(|bit| self.happens(&format!("{name} {bit}"), probability))
            .fold(bits, |bits, bit| bits ^ (1 << bit))
    }
}

const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_name_is_the_same_number_and_another_is_not() {
        let (one, other) = (Chance::new(7), Chance::new(8));
        assert_eq!(one.of("a").bits("b"), one.of("a").bits("b"));
        assert_ne!(one.bits("a"), other.bits("a"));
        assert_ne!(one.of("a").bits("b"), one.of("b").bits("a"));
    }

    #[test]
    fn draws_are_spread_as_they_say() {
        let chance = Chance::new(1);
        let draws: Vec<f64> = (0..4000).map(|number| chance.normal(&number.to_string())).collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        let deviation = (draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        assert!(mean.abs() < 0.06 && (deviation - 1.0).abs() < 0.05, "{mean} {deviation}");
        let turned: u32 = (0..200).map(|n| (chance.turned(&n.to_string(), 0, 0.25)).count_ones()).sum();
        assert!((2900..3500).contains(&turned), "{turned} of 12800 bits");
        let whole: std::collections::BTreeSet<i64> = (0..200).map(|n| chance.whole(&n.to_string(), -1, 2)).collect();
        assert_eq!(whole.into_iter().collect::<Vec<_>>(), [-1, 0, 1, 2]);
    }
}
