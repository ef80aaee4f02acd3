//! What a rule is told of other visits, as far as it declares the need.

use super::{Moment, Submission};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A check-in of somebody else from the same device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnDevice {
    /// Who.
    pub user: String,
    /// `vis_…`
    pub visit: String,
    /// Which customer.
    pub customer: String,
    /// Business date of that visit, `YYYY-MM-DD`.
    pub business_date: String,
    /// When.
    pub at: Moment,
}

/// Another use of the same evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceUse {
    /// SHA-256 of the evidence.
    pub sha256: String,
    /// Visit that used it.
    pub visit: String,
    /// Customer of that visit.
    pub customer: String,
    /// Step of that visit.
    pub step: String,
    /// Class there.
    pub class: String,
    /// When it was received there.
    pub received_ms: i64,
}

/// A photo of another visit that looks like one of this visit, or a signature with strokes like one of this visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhotoNeighbour {
    /// SHA-256 of the photo of this visit.
    pub sha256: String,
    /// SHA-256 of the other one: other bytes.
    pub other: String,
    /// In how many of their 64 bits the perceptual hashes differ.
    pub distance: u32,
    /// Visit of the other one.
    pub visit: String,
    /// Customer of that visit.
    pub customer: String,
    /// Rep of that visit.
    pub user: String,
    /// Step of that visit.
    pub step: String,
    /// Class there.
    pub class: String,
    /// Who signed there, if it is a signature that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Business date of that visit, `YYYY-MM-DD`.
    pub business_date: String,
    /// When it was received there.
    pub received_ms: i64,
}

/// A visit to another customer with a text that this visit has too: the same letters and digits, whatever their case and
/// whatever stands between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SameText {
    /// Step of this visit with the text (`step` or `step[key]`).
    pub step: String,
    /// JSON Pointer of the text in its answers.
    pub pointer: String,
    /// The other visit.
    pub visit: String,
    /// Customer of that visit.
    pub customer: String,
    /// Rep of that visit.
    pub user: String,
    /// Business date of that visit, `YYYY-MM-DD`.
    pub business_date: String,
    /// When the text was received there.
    pub received_ms: i64,
}

/// How a rep's scores under an SOP stood beside their peers' before this visit, over some days. Visits without a score do not
/// count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepStanding {
    /// `usr_…`
    pub user: String,
    /// Name of the SOP.
    pub sop: String,
    /// Over how many days.
    pub days: u32,
    /// How many visits.
    pub visits: u32,
    /// Mean of their scores, 0 to 100; none without a visit.
    pub mean: Option<f64>,
    /// The parts of the score, by id.
    #[serde(default)]
    pub parts: BTreeMap<String, PartStanding>,
    /// How many others visited often enough to compare with.
    pub peers: u32,
    /// Mean of their means; none when they are too few to tell.
    pub peer_mean: Option<f64>,
    /// Standard deviation of their means.
    pub peer_sd: Option<f64>,
    /// How many standard deviations the rep's mean lies above theirs; none when they are too few or all alike.
    pub z: Option<f64>,
}

/// A part of the score over many visits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartStanding {
    /// In how many visits it applied.
    pub visits: u32,
    /// The least it was, 0 to 1.
    pub least: f64,
}

/// The last completed visit to the same customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviousVisit {
    /// `vis_…`
    pub visit: String,
    /// Business date.
    pub business_date: String,
    /// Accepted submissions by step.
    #[serde(default)]
    pub steps: BTreeMap<String, Submission>,
}
