//! What a rule sees: one JSON object, the same for `validate`, `assess` and `score`.
//!
//! Times are whole milliseconds since the Unix epoch, positions are WGS-84 with the original system named, so that a
//! guest needs neither a calendar nor a datum. The SDK mirrors these shapes; a test compares both.

use crate::command::{Absent, Customer, Integrity, Origin, shared};
use crate::place::{self, Crs};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything a rule sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleInput {
    /// Rule name within the plugin.
    pub rule: String,
    /// Config of the binding, computed members resolved.
    pub config: Map<String, Value>,
    /// Effective parameters of the run.
    pub parameters: Map<String, Value>,
    /// The customer, at the revision the visit is judged with.
    pub customer: CustomerInput,
    /// The visit so far.
    pub visit: VisitInput,
    /// The submission under judgement; none for rules over the whole visit.
    pub submission: Option<SubmissionInput>,
    /// Accepted submissions of this visit by step and, for repeated steps, `step[key]` (need `steps`; else empty).
    pub steps: BTreeMap<String, SubmissionInput>,
    /// The same rep's check-in before this one (need `last_check_in`).
    pub last_check_in: Option<CheckInInput>,
    /// The last of their check-ins with a position, where that one has none (need `last_check_in`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_located: Option<CheckInInput>,
    /// Other uses of the same evidence (need `evidence_uses`), sorted by hash, then time.
    pub evidence_uses: Vec<EvidenceUse>,
    /// Submissions of the last completed visit to the same customer (need `previous_visit`).
    pub previous_visit: Option<PreviousVisit>,
    /// The last check-in of somebody else from the same device, before this one (need `last_on_device`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_on_device: Option<OnDevice>,
    /// Photos of other visits that look like one of this visit (need `photo_neighbours`), sorted by photo, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photo_neighbours: Vec<PhotoNeighbour>,
    /// Visits to other customers that have a text of this visit (need `same_texts`), sorted by text, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_texts: Vec<SameText>,
    /// How the rep's scores stood beside their peers' before this visit (need `rep_standing`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rep_standing: Option<RepStanding>,
}

/// The customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerInput {
    /// `cus_…`
    pub id: String,
    /// Customer type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Custom fields.
    pub fields: Map<String, Value>,
    /// Square metres of the polygon it lies in, rounded to 1; none without one, or one that cannot be placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_m2: Option<f64>,
}

impl From<&Customer> for CustomerInput {
    fn from(customer: &Customer) -> Self {
        Self {
            id: customer.id.clone(),
            kind: customer.kind.clone(),
            fields: customer.fields.clone(),
            area_m2: customer.location.as_ref().and_then(place::area_m2),
        }
    }
}

/// The visit so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitInput {
    /// `vis_…`
    pub id: String,
    /// Who.
    pub user: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Business date, `YYYY-MM-DD`.
    pub business_date: String,
    /// Where and when the rep checked in.
    pub check_in: Option<CheckInInput>,
    /// Check-in to check-out; none before check-out.
    pub dwell: Option<Interval>,
    /// Sum of the `min_seconds` of the steps that were done.
    pub step_minimum_s: f64,
    /// Closed by policy, not by the rep.
    pub closed_by_policy: bool,
}

/// A check-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckInInput {
    /// `vis_…`
    pub visit: String,
    /// Which customer.
    pub customer: String,
    /// When.
    pub at: TimeInput,
    /// Where the device said it was.
    pub position: Option<PositionInput>,
}

/// A submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmissionInput {
    /// Step id.
    pub step: String,
    /// Instance key of a repeated step.
    pub instance: Option<String>,
    /// Answers.
    #[serde(with = "shared")]
    pub answers: Arc<Value>,
    /// Why answers are not there.
    pub absent: BTreeMap<String, Absent>,
    /// Evidence.
    pub evidence: Vec<EvidenceInput>,
    /// Where.
    pub position: Option<PositionInput>,
    /// When.
    pub at: TimeInput,
    /// How long the step was open until it was handed in, if the client said when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Interval>,
    /// How long it takes at least (`min_seconds` of the step), in seconds; said where `spent` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_s: Option<f64>,
    /// What the system says of the phone, if the client asked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceInput {
    /// Requirement id.
    pub requirement: String,
    /// SHA-256.
    pub sha256: String,
    /// `photo`, …
    pub kind: String,
    /// Class.
    pub class: String,
    /// Which part of the whole it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Captured live.
    pub live: bool,
    /// When it was captured.
    pub at: TimeInput,
    /// Where it was captured.
    pub position: Option<PositionInput>,
    /// Metres from the visit's check-in, if both are known.
    pub from_check_in_m: Option<f64>,
    /// Perceptual hash; of a signature, the shape of its strokes.
    pub phash: Option<String>,
    /// Who signed, if it is a signature that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What the reporter's own models make of it, by name, 0 to 1: `recapture` is a picture of a picture or a screen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, f64>,
    /// What its bytes say of how it was made; only once they are here. Rules of a step run before that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
}

/// What the bytes of a photo say of how it was made (EXIF), read by whoever holds them. A claim as well: whoever makes a file
/// writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Exif {
    /// Earliest moment it can have been taken by its own clock, ms since the Unix epoch: EXIF names no time zone where
    /// `OffsetTimeOriginal` is missing, so all of them are allowed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_min_ms: Option<i64>,
    /// Latest moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_max_ms: Option<i64>,
    /// Where, degrees of latitude, as the file says (WGS-84 by the standard; some phones in China write GCJ-02).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees of longitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// The program that wrote the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
}

/// A position on WGS-84.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionInput {
    /// Degrees.
    pub lat: f64,
    /// Degrees.
    pub lon: f64,
    /// The system it was reported in.
    pub crs: Crs,
    /// Metres.
    pub accuracy_m: f64,
    /// Seconds.
    pub age_s: f64,
    /// Simulated, if the device can tell.
    pub mock: Option<bool>,
    /// Provider.
    pub provider: String,
    /// Metres to the customer's location, if known.
    pub to_customer_m: Option<f64>,
}

/// A moment: what the device claimed and what can be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TimeInput {
    /// Device wall clock.
    pub wall_ms: i64,
    /// Server receive time.
    pub received_ms: i64,
    /// Earliest the moment can have been, on the server's clock.
    pub min_ms: i64,
    /// Latest it can have been.
    pub max_ms: i64,
    /// How that is known.
    pub source: TimeSource,
}

/// How a moment or a duration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// Monotonic clock within one boot.
    Monotonic,
    /// Wall clock with an error bound.
    Estimated,
}

/// A duration in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// At least.
    pub min_s: f64,
    /// At most.
    pub max_s: f64,
    /// How it is known.
    pub source: TimeSource,
}

/// A check-in of somebody else from the same device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    pub at: TimeInput,
}

/// Another use of the same evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceUse {
    /// SHA-256 of the evidence.
    pub sha256: String,
    /// Visit that used it before.
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

/// A photo of another visit that looks like one of this visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoNeighbour {
    /// SHA-256 of the photo of this visit.
    pub sha256: String,
    /// SHA-256 of the other one: other bytes.
    pub other: String,
    /// In how many of their 64 bits the perceptual hashes differ; 7 at most.
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

/// A visit to another customer with a free text that this visit has too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

/// How a rep's scores under an SOP stand beside their peers', over the days before it was made. Visits without a score do not
/// count. Means and deviations have two decimals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PartStanding {
    /// In how many visits it applied.
    pub visits: u32,
    /// The least it was, 0 to 1.
    pub least: f64,
}

/// The last completed visit to the same customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousVisit {
    /// `vis_…`
    pub visit: String,
    /// Business date.
    pub business_date: String,
    /// Accepted submissions by step.
    pub steps: BTreeMap<String, SubmissionInput>,
}
