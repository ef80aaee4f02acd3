//! What a rule sees: the guest's mirror of the host's rule input.
//!
//! Lenient on purpose: members this version does not know are ignored and new names in a closed list become the last
//! variant, so a plugin built today reads the inputs of later hosts. Times are milliseconds since the Unix epoch, positions
//! are WGS-84.

use crate::answer::RuleError;
use crate::on_demand::OnDemand;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

mod past;

pub use past::{EvidenceUse, OnDevice, PartStanding, PhotoNeighbour, PreviousVisit, RepStanding, SameText};

/// Everything a rule sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Rule name within the plugin.
    pub rule: String,
    /// Config of the binding; a rule reads it as its own fields.
    #[serde(default)]
    pub config: OnDemand<Map<String, Value>>,
    /// Effective parameters of the run.
    #[serde(default)]
    pub parameters: OnDemand<Map<String, Value>>,
    /// The customer, at the revision the visit is judged with.
    pub customer: Customer,
    /// The visit so far.
    pub visit: Visit,
    /// The submission under judgement; none for rules over the whole visit.
    pub submission: Option<Submission>,
    /// Accepted submissions of this visit by step and, for repeated steps, `step[key]` (need `Steps`).
    #[serde(default)]
    pub steps: BTreeMap<String, Submission>,
    /// The same rep's check-in before this one (need `LastCheckIn`).
    pub last_check_in: Option<CheckIn>,
    /// The last of their check-ins with a position, where that one has none (need `LastCheckIn`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_located: Option<CheckIn>,
    /// Other uses of the same evidence (need `EvidenceUses`), sorted by hash, then time.
    #[serde(default)]
    pub evidence_uses: Vec<EvidenceUse>,
    /// The last completed visit to the same customer (need `PreviousVisit`).
    pub previous_visit: Option<PreviousVisit>,
    /// The last check-in of somebody else from the same device, before this one (need `LastOnDevice`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_on_device: Option<OnDevice>,
    /// Photos of other visits that look like one of this visit (need `PhotoNeighbours`), sorted by photo, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photo_neighbours: Vec<PhotoNeighbour>,
    /// Visits to other customers that have a text of this visit (need `SameTexts`), sorted by text, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_texts: Vec<SameText>,
    /// How the rep's scores stood beside their peers' before this visit (need `RepStanding`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rep_standing: Option<RepStanding>,
}

impl Input {
    /// Reads the JSON text a rule is called with.
    ///
    /// # Errors
    /// `bad_input` with line and column, when a member this SDK needs is missing or of another type. (The host makes the
    /// text: a pointer would cost every plugin 50 kB for an error nobody should see.)
    pub fn from_json(text: &str) -> Result<Self, RuleError> {
        let input: Self = serde_json::from_str(text).map_err(|error| RuleError::new("bad_input", error.to_string()))?;
        let maps =
            [("config", &input.config), ("parameters", &input.parameters), ("customer/fields", &input.customer.fields)];
        if let Some((name, _)) = maps.into_iter().find(|(_, map)| !map.is_object()) {
            return Err(RuleError::new("bad_input", format!("/{name} is no object")));
        }
        Ok(input)
    }

    /// The submission under judgement.
    ///
    /// # Errors
    /// `no_submission` when the rule is bound to a whole visit.
    pub fn submission(&self) -> Result<&Submission, RuleError> {
        self.submission
            .as_ref()
            .ok_or_else(|| RuleError::new("no_submission", "this rule judges a step; the SOP binds it to the visit"))
    }

    /// The answers of an accepted step; none when it was not submitted (need `Steps`).
    ///
    /// # Errors
    /// `bad_answers` as [`Submission::answers_as`].
    pub fn step_answers<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, RuleError> {
        self.steps.get(step).map(Submission::answers_as).transpose()
    }

    /// The submission under judgement or, for a rule over the whole visit, every accepted one in the order of their keys.
    pub fn submissions(&self) -> impl Iterator<Item = &Submission> {
        let all = if self.submission.is_some() { None } else { Some(self.steps.values()) };
        self.submission.iter().chain(all.into_iter().flatten())
    }
}

/// The customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Customer type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Custom fields.
    #[serde(default)]
    pub fields: OnDemand<Map<String, Value>>,
    /// Square metres of the polygon it lies in; none without one.
    #[serde(default)]
    pub area_m2: Option<f64>,
}

/// The visit so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    /// `vis_…`
    pub id: String,
    /// Who.
    pub user: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Business date, `YYYY-MM-DD`.
    pub business_date: String,
    /// Where and when the rep checked in.
    pub check_in: Option<CheckIn>,
    /// Check-in to check-out; none before check-out.
    pub dwell: Option<Interval>,
    /// Sum of the `min_seconds` of the steps that were done.
    #[serde(default)]
    pub step_minimum_s: f64,
    /// Closed by policy, not by the rep.
    #[serde(default)]
    pub closed_by_policy: bool,
}

/// Where a visit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A visit plan.
    Plan,
    /// The rep's own idea.
    AdHoc,
    /// A manager.
    Manager,
    /// A rule.
    Rule,
    /// The CRM.
    Crm,
    /// An earlier visit.
    FollowUpOf,
    /// Something newer than this SDK.
    #[serde(other)]
    Other,
}

/// A check-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckIn {
    /// `vis_…`
    pub visit: String,
    /// Which customer.
    pub customer: String,
    /// When.
    pub at: Moment,
    /// Where the device said it was.
    pub position: Option<Position>,
}

/// A submission of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Step id.
    pub step: String,
    /// Instance key of a repeated step.
    pub instance: Option<String>,
    /// Answers to the form.
    #[serde(default)]
    pub answers: OnDemand,
    /// Why answers are not there, by JSON Pointer.
    #[serde(default)]
    pub absent: BTreeMap<String, Absent>,
    /// Evidence.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Where.
    pub position: Option<Position>,
    /// When.
    pub at: Moment,
    /// How long the step was open until it was handed in, if the client said when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Interval>,
    /// How long the SOP says it takes at least, in seconds; there where `spent` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_s: Option<f64>,
    /// What the system says of the phone, if the client asked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
}

/// What the system, or the client's own check, says of the phone. A claim like all others: who alters a phone can alter it, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// It is rooted or jailbroken: programs can see and change each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooted: Option<bool>,
    /// It is no phone but a program that plays one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator: Option<bool>,
}

impl Submission {
    /// The key of its step: `step`, or `step[instance]` of a repeated one.
    #[must_use]
    pub fn key(&self) -> String {
        self.instance.as_ref().map_or_else(|| self.step.clone(), |instance| format!("{}[{instance}]", self.step))
    }

    /// The answers as a type of yours. Give members the form does not require a default: a rule judges what is there, the
    /// form says what must be.
    ///
    /// # Errors
    /// `bad_answers` with the JSON Pointer of the answer that does not fit.
    pub fn answers_as<T: DeserializeOwned>(&self) -> Result<T, RuleError> {
        self.answers.read_or("bad_answers")
    }

    /// Evidence handed in for a requirement of the step.
    pub fn evidence_for<'a>(&'a self, requirement: &'a str) -> impl Iterator<Item = &'a Evidence> {
        self.evidence.iter().filter(move |evidence| evidence.requirement == requirement)
    }
}

/// Why an answer is not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Absent {
    /// The reason the form allows.
    pub code: AbsentCode,
    /// In the rep's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The reasons a form can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentCode {
    /// There is nothing to answer.
    NotApplicable,
    /// The customer would not say.
    Refused,
    /// Nobody knows.
    Unknown,
    /// The form did not show it.
    Hidden,
    /// Something newer than this SDK.
    #[serde(other)]
    Other,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Id of the step's evidence requirement.
    pub requirement: String,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// `photo`, …
    pub kind: String,
    /// Class within the kind.
    pub class: String,
    /// Which part of the whole it shows, where one picture does not show all, for instance a section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Captured live by the app.
    pub live: bool,
    /// When it was captured.
    pub at: Moment,
    /// Where it was captured.
    pub position: Option<Position>,
    /// Metres from the visit's check-in, if both are known.
    pub from_check_in_m: Option<f64>,
    /// Perceptual hash of a photo, or the shape of a signature's strokes: 16 hex digits.
    pub phash: Option<String>,
    /// Who signed, if it is a signature that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// What the reporter's own models make of it, by name, 0 to 1: `recapture` is a picture of a picture or a screen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, f64>,
    /// What its bytes say of how it was made. None before they are here, and in rules of a step: bind the rule to the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
}

/// What the bytes of a photo say of how it was made. A claim as well: whoever makes a file writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exif {
    /// Earliest moment it can have been taken by its own clock; without a time zone in the file all are allowed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_min_ms: Option<i64>,
    /// Latest moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_max_ms: Option<i64>,
    /// Degrees of latitude, as the file says: WGS-84 by the standard, some phones in China write GCJ-02.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Degrees of longitude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// The program that wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
}

impl Evidence {
    /// How many of the 64 bits of the perceptual hashes differ; 0 for the same bytes, none when a hash is missing or
    /// unreadable.
    #[must_use]
    pub fn distance(&self, other: &Self) -> Option<u32> {
        if self.sha256 == other.sha256 {
            return Some(0);
        }
        let bits = |evidence: &Self| u64::from_str_radix(evidence.phash.as_deref()?, 16).ok();
        Some((bits(self)? ^ bits(other)?).count_ones())
    }
}

/// A position on WGS-84.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// The system it was reported in.
    pub crs: Crs,
    /// Radius of the 68 % circle, in metres.
    pub accuracy_m: f64,
    /// Age of the fix when it was used, in seconds.
    #[serde(default)]
    pub age_s: f64,
    /// The operating system said it is simulated; none when the device cannot tell.
    pub mock: Option<bool>,
    /// `gps`, `network`, `fused`, …
    #[serde(default)]
    pub provider: String,
    /// Metres to the customer's location, if known.
    pub to_customer_m: Option<f64>,
}

/// The coordinate system a position was reported in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// GPS.
    Wgs84,
    /// AMap, Tencent.
    Gcj02,
    /// Baidu.
    Bd09,
    /// Nobody said, or something newer than this SDK: `lat` and `lon` must not be compared with others.
    #[serde(other)]
    Unknown,
}

/// A moment: what the device claimed and what can be known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Device wall clock.
    pub wall_ms: i64,
    /// Server receive time.
    pub received_ms: i64,
    /// Earliest it can have been, on the server's clock.
    pub min_ms: i64,
    /// Latest it can have been.
    pub max_ms: i64,
    /// How that is known.
    pub source: TimeSource,
}

/// How a moment or a duration is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSource {
    /// Monotonic clock within one boot.
    Monotonic,
    /// Wall clock with an error bound, or something newer than this SDK.
    #[serde(other)]
    Estimated,
}

/// A duration in seconds. Flag only when the whole interval is outside what you allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// At least.
    pub min_s: f64,
    /// At most.
    pub max_s: f64,
    /// How it is known.
    pub source: TimeSource,
}
