//! What a rule sees: one JSON object, the same for `validate`, `assess` and `score`.
//!
//! Times are whole milliseconds since the Unix epoch, positions are WGS-84 with the original system named, so that a
//! guest needs neither a calendar nor a datum. The SDK mirrors these shapes; a test compares both.

use crate::command::{Absent, Origin, shared};
use crate::place::Crs;
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
    /// Other uses of the same evidence (need `evidence_uses`), sorted by hash, then time.
    pub evidence_uses: Vec<EvidenceUse>,
    /// Submissions of the last completed visit to the same customer (need `previous_visit`).
    pub previous_visit: Option<PreviousVisit>,
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
    /// Captured live.
    pub live: bool,
    /// When it was captured.
    pub at: TimeInput,
    /// Where it was captured.
    pub position: Option<PositionInput>,
    /// Metres from the visit's check-in, if both are known.
    pub from_check_in_m: Option<f64>,
    /// Perceptual hash.
    pub phash: Option<String>,
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
