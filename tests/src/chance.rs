//! Chance that can be had again: numbers that follow from a seed, which a failing test names.

use anyhow::Context as _;
use std::hash::{BuildHasher as _, Hasher as _};

/// The variable that sets the seed.
const SEED: &str = "SOPWITH_SEED";

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// A new seed, or the one of `SOPWITH_SEED`; it is printed.
    ///
    /// # Errors
    /// The variable holds no number.
    pub fn new(what: &str) -> anyhow::Result<Self> {
        let seed = match std::env::var(SEED) {
            Ok(text) => text.parse().with_context(|| format!("{SEED}={text}"))?,
            Err(_) => std::hash::RandomState::new().build_hasher().finish(),
        };
        println!("{what}: {SEED}={seed}");
        Ok(Self { state: seed })
    }

    /// A number below `end`; 0 below 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or(0)
    }
}
