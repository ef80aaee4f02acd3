//! Visits drawn for a second look, whatever was found, so that nobody can know theirs is not.
//!
//! The draw is decided by a seed that only the server can make (a keyed hash of the visit) and that nobody is told before the
//! verdict; it is kept with the verdict. That the draw follows from the seed is judged again with the verdict; that the seed is the
//! one of this visit, only who holds the secret can tell. To be drawn says nothing about a visit.

use crate::sop::Policy;
use serde::{Deserialize, Serialize};

/// How the lot fell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// HMAC-SHA-256 of the visit's id under the tenant's secret, lower-case hex.
    pub seed: String,
    /// Somebody looks at this visit again.
    pub drawn: bool,
}

/// Draws, if the SOP has visits drawn and there is a seed.
pub(crate) fn draw(policy: &Policy, seed: Option<&str>) -> Option<Draw> {
    let seed = seed.filter(|_| policy.draws())?;
    let lot = u32::from_str_radix(seed.get(..8)?, 16).ok()?;
    let percent = 100.0 * f64::from(lot) / (f64::from(u32::MAX) + 1.0);
    Some(Draw { seed: seed.to_owned(), drawn: percent < policy.recheck_percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(recheck_percent: f64, seed: &str) -> Option<bool> {
        let policy = Policy { recheck_percent, ..Policy::default() };
        draw(&policy, Some(seed)).map(|draw| draw.drawn)
    }

    #[test]
    fn a_share_of_the_seeds_is_drawn() {
        assert_eq!(drawn(5.0, "0ccccccc00"), Some(true));
        assert_eq!(drawn(5.0, "0ccccccd00"), Some(false));
        assert_eq!([drawn(100.0, "ffffffff"), drawn(100.0, "00000000")], [Some(true), Some(true)]);
        let seeds = (0..10_000).map(|visit| crate::canon::sha256_hex(format!("vis_{visit}").as_bytes()));
        let n_drawn = seeds.filter(|seed| drawn(5.0, seed) == Some(true)).count();
        assert!((400..600).contains(&n_drawn), "{n_drawn}");
    }

    #[test]
    fn nothing_is_drawn_without_a_share_or_a_seed() {
        assert_eq!(drawn(0.0, "00000000"), None);
        assert_eq!(draw(&Policy { recheck_percent: 5.0, ..Policy::default() }, None), None);
        assert_eq!([drawn(5.0, "0"), drawn(5.0, "not hex!")], [None, None]);
    }
}
