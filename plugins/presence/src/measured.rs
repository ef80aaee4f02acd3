//! Positions that a device measured: those of satellites, alone or with what else the phone has. The middle of a cell or of
//! the access points in sight is the same number every time, and says nothing here.

use sopwith_sdk::{Crs, Moment, Position, Submission};

/// Providers whose positions are measured anew each time, and so tremble.
const MEASURING: [&str; 2] = ["gps", "fused"];

/// A measured position and when it was reported.
pub struct Fix<'a> {
    /// Where.
    pub position: &'a Position,
    /// When.
    pub at: &'a Moment,
}

impl Fix<'_> {
    /// The same place to the last digit.
    pub fn is_at(&self, other: &Self) -> bool {
        self.position.lat.to_bits() == other.position.lat.to_bits()
            && self.position.lon.to_bits() == other.position.lon.to_bits()
    }
}

/// The measured positions of submissions and of their evidence.
pub fn fixes<'a>(submissions: impl Iterator<Item = &'a Submission>) -> Vec<Fix<'a>> {
    let of_one = |submission: &'a Submission| {
        let own = submission.position.as_ref().map(|position| Fix { position, at: &submission.at });
        let evidence = submission.evidence.iter();
        own.into_iter().chain(evidence.filter_map(|it| Some(Fix { position: it.position.as_ref()?, at: &it.at })))
    };
    let is_measured =
        |fix: &Fix<'_>| fix.position.crs != Crs::Unknown && MEASURING.contains(&fix.position.provider.as_str());
    submissions.flat_map(of_one).filter(is_measured).collect()
}
