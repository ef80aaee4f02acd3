//! What somebody asked for: the commands a phone sends, and the facts that arrive beside them.
//!
//! One line of a recorded day is one `Record`. Only shapes live here; what a command does is `submit.rs`.

use crate::input::Exif;
use crate::place::Crs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

mod review;
pub(crate) mod shared;
mod verb;
mod wire;

pub use review::{Contest, FindingDecision, FindingVerdict, Note, Reject};
pub use verb::Verb;
pub(crate) use wire::Envelope;
pub use wire::{Malformed, RECORD_DEPTH};

/// One line of a recorded day, in the order the server saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A customer, as known from here on.
    Customer(Customer),
    /// A command.
    Command(Box<Command>),
    /// Evidence named by an earlier submission has arrived and its bytes have the hash.
    Evidence(EvidenceArrival),
    /// Somebody put an amount into an account, or took it out, without a visit.
    Adjustment(Adjustment),
    /// The server's clock moved: policies that are due take effect.
    Clock(Clock),
}

/// Whoever or whatever is visited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// `cus_…`
    pub id: String,
    /// Counts up with every change.
    pub revision: u32,
    /// Customer type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Custom fields.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// Where it is, if known.
    #[serde(default)]
    pub location: Option<Location>,
}

/// A dated location of a customer: a point, and a polygon where there is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// `loc_…`
    pub id: String,
    /// Latitude in degrees, in `crs`.
    pub lat: f64,
    /// Longitude in degrees, in `crs`.
    pub lon: f64,
    /// System of the coordinates.
    pub crs: Crs,
    /// How well the point is known, in metres.
    #[serde(default)]
    pub accuracy_m: f64,
    /// Outer ring as `[lon, lat]` pairs in `crs`, closed or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub polygon: Vec<[f64; 2]>,
}

/// Something somebody asked for. On the wire the action is `verb` and `body`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Envelope")]
pub struct Command {
    /// Client-made id, `cmd_…`; the same id is the same command.
    pub id: String,
    /// Who, `usr_…`.
    pub user: String,
    /// From which device, `dev_…`.
    pub device: String,
    /// Which task, `tsk_…`; a visit task has exactly one visit.
    pub task: String,
    /// When, as the device and the server saw it.
    pub at: Times,
    /// What.
    pub action: Action,
}

impl Command {
    /// The command as the client sent it: when the server received it is not part of it.
    #[must_use]
    pub fn as_sent(&self) -> Self {
        Self { at: Times { received: None, ..self.at.clone() }, ..self.clone() }
    }
}

/// The verbs of a visit task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "verb", content = "body", rename_all = "snake_case")]
pub enum Action {
    /// Plan a visit, or begin an unplanned one.
    Create(Create),
    /// Take it up: pins SOP, plugins and datasets.
    Start {},
    /// Keep answers, not judged.
    SaveDraft(Submission),
    /// Hand in a step.
    Submit(Submission),
    /// Leave out a step that is not required.
    Skip(Skip),
    /// Change an answer after the step was accepted, with a reason.
    Amend(Amend),
    /// The visit is over.
    Complete(Complete),
    /// It will not take place.
    Cancel(Reason),
    /// A reviewer wants a step done again.
    Return(Skip),
    /// A reviewer lets the visit stand.
    Approve(Note),
    /// A reviewer does not let the visit stand.
    Reject(Reject),
    /// The rep disagrees with the verdict.
    Contest(Contest),
}

impl Action {
    /// Why, where that must be said.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Skip(step) | Self::Return(step) => Some(&step.reason),
            Self::Amend(amend) => Some(&amend.reason),
            Self::Cancel(reason) => Some(&reason.reason),
            Self::Reject(reject) => Some(&reject.reason),
            Self::Contest(contest) => Some(&contest.reason),
            Self::Create(_)
            | Self::Start {}
            | Self::SaveDraft(_)
            | Self::Submit(_)
            | Self::Complete(_)
            | Self::Approve(_) => None,
        }
    }

    /// The verb alone.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Create,
            Self::Start {} => Verb::Start,
            Self::SaveDraft(_) => Verb::SaveDraft,
            Self::Submit(_) => Verb::Submit,
            Self::Skip(_) => Verb::Skip,
            Self::Amend(_) => Verb::Amend,
            Self::Complete(_) => Verb::Complete,
            Self::Cancel(_) => Verb::Cancel,
            Self::Return(_) => Verb::Return,
            Self::Approve(_) => Verb::Approve,
            Self::Reject(_) => Verb::Reject,
            Self::Contest(_) => Verb::Contest,
        }
    }
}

/// Body of `create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// `cus_…`
    pub customer: String,
    /// Where the visit comes from.
    pub origin: Origin,
    /// Tenant's purpose code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// Where a visit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
}

/// What a rep hands in for a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Step id.
    pub step: String,
    /// Instance key of a repeated step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    // They are the bulk of a visit: whoever keeps them shares them.
    /// Answers to the form.
    #[serde(default, with = "shared")]
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub answers: Arc<Value>,
    /// Why an answer is not there, by JSON Pointer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<String, Absent>,
    /// Evidence by hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceReference>,
    /// Where the device was; none when there was no fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// When the rep first opened the step in this visit; so the time spent on it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Times>,
    /// What the system says of the phone, if the client asked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Integrity>,
}

/// What the system, or the client's own check, says of the phone. A claim like all others: who alters a phone can alter it, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// It is rooted or jailbroken: programs can see and change each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooted: Option<bool>,
    /// It is no phone but a program that plays one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator: Option<bool>,
}

/// Why an answer is not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// `not_applicable`, `refused`, `unknown` or `hidden`.
    pub code: AbsentCode,
    /// In the rep's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The reasons the form can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
}

/// Evidence a submission rests on; the bytes may come later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceReference {
    /// Id of the step's evidence requirement.
    pub requirement: String,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
    /// `photo`, `signature`, `code`, …
    pub kind: String,
    /// Class within the kind.
    pub class: String,
    /// Which part of the whole it shows, where one picture does not show all, for instance a section: an id of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Captured live by the app.
    pub live: bool,
    /// When it was captured.
    pub captured: Times,
    /// Where it was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Perceptual hash of a photo, or shape of a signature's strokes (`strokes::shape`): 16 hex digits, if the reporter made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phash: Option<String>,
    /// What the reporter's own models make of it, by name, 0 to 1; `recapture`: a picture of a picture or a screen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, f64>,
    /// What was signed, if it is a signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Signed>,
}

/// What a signature was given for: content, signer, time and meaning (after 21 CFR 11.50 and 11.70).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// SHA-256, lower-case hex, of the canonical JSON `{step key: answers}` of the steps that are signed.
    pub sha256: String,
    /// Who signed: an id or a name.
    pub signer: String,
    /// When, RFC 3339.
    pub at: String,
    /// As what, for instance `receipt_of_samples`.
    pub meaning: String,
}

/// A position as the device reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Latitude in degrees, in `crs`.
    pub lat: f64,
    /// Longitude in degrees, in `crs`.
    pub lon: f64,
    /// System of the coordinates.
    pub crs: Crs,
    /// Radius of the 68 % circle, in metres.
    pub accuracy_m: f64,
    /// Age of the fix when it was used, in seconds.
    #[serde(default)]
    pub age_s: f64,
    /// The operating system said the fix is simulated; none when the device cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<bool>,
    /// `gps`, `network`, `fused`, …
    #[serde(default)]
    pub provider: String,
}

/// When something happened, as three clocks saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// Device wall clock, RFC 3339 with offset.
    pub wall: String,
    /// Milliseconds of the device's monotonic clock.
    pub monotonic_ms: i64,
    /// Which run of that clock: boot id, or page session in a browser.
    pub boot: String,
    /// The server's time as the device last heard it in this boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// When the server received it, RFC 3339; none for captures (theirs is the command's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
}

/// A server time a device heard, and when on its monotonic clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The server's time, RFC 3339.
    pub server: String,
    /// The device's monotonic clock at that moment.
    pub monotonic_ms: i64,
    /// Half the round trip: the error bound, in milliseconds.
    pub error_ms: i64,
}

/// Body of `skip` and `return`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// Step id.
    pub step: String,
    /// Instance key of a repeated step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Why.
    pub reason: String,
}

/// Body of `amend`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Amend {
    /// The whole submission as it should have been.
    pub submission: Submission,
    /// Why.
    pub reason: String,
}

/// Body of `complete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CompleteVisit))]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// Open tasks of the customer that this visit has done, `tsk_…`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closes: Vec<String>,
}

/// Body of `cancel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why.
    pub reason: String,
}

/// Evidence bytes have arrived and were checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceArrival {
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// When, RFC 3339.
    pub received: String,
    /// What they say of how it was made, if they say anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
}

/// An opening balance, or a correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// One of the SOP's `ledgers`.
    pub ledger: String,
    /// The account's parts.
    pub account: Vec<String>,
    /// Decimal text; negative takes out.
    pub amount: String,
    /// Who says so, `usr_…`.
    pub user: String,
    /// Why.
    pub reason: String,
    /// When, RFC 3339.
    pub received: String,
}

/// The server's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Now, RFC 3339.
    pub now: String,
}
