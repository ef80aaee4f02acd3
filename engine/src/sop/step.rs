//! Steps: what a rep does, what is asked for, and what is checked there.

use super::{Computed, Effect};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The kinds of step a client can render and the engine gives a meaning to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Shown, never submitted: done as soon as it can be reached.
    Brief,
    /// Opens the stay; its time and position are the visit's.
    CheckIn,
    /// Answers to a form.
    Form,
    /// Photos.
    Photo,
    /// A signature.
    Signature,
    /// Ends the stay; dwell is counted to here.
    CheckOut,
}

/// One unit of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable id within the SOP.
    pub id: String,
    /// What the client shows and the engine expects.
    pub kind: StepKind,
    /// Name for people.
    pub title: Text,
    /// One or two sentences for the rep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Text>,
    /// Steps that must be over before this one; default: the step before in the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
    /// CEL: the step applies only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether the visit may complete without it: a boolean or `=CEL`. Default true.
    #[serde(default = "required_by_default")]
    pub required: Computed,
    /// Run once for each item of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// The form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Evidence the submission must carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceRequirement>,
    /// Where it must be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationRequirement>,
    /// How long it takes at least, in seconds; a rule may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<Computed>,
    /// CEL that must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Plugin rules run over each submission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleBinding>,
    /// Whether it may be submitted again while the visit is open. Default true.
    #[serde(default = "yes")]
    pub redoable: bool,
}

fn required_by_default() -> Computed {
    Computed(Value::Bool(true))
}

const fn yes() -> bool {
    true
}

/// A step run once per item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// `=CEL` giving a list of strings: the instance keys.
    pub over: Computed,
    /// Fewest instances that must be submitted. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// Most instances the list may have.
    pub max: u32,
}

/// A form: JSON Schema 2020-12 for the answers, JSON Forms UI schema for the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// JSON Schema 2020-12. `x-absent: [code…]` on a property allows absent marks, `x-personal: true` marks personal data,
    /// `x-free-text: true` a text in the rep's own words.
    pub schema: Value,
    /// JSON Forms UI schema; not judged.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub ui: Value,
}

/// Evidence a submission must carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequirement {
    /// Id within the step; evidence references name it.
    pub id: String,
    /// `photo`, `signature`, `code`, `track`, …
    pub kind: String,
    /// Class within the kind, for instance `storefront`.
    pub class: String,
    /// Name for people.
    pub title: Text,
    /// CEL: asked for only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Fewest items: a number or `=CEL`.
    pub min: Computed,
    /// Most items.
    pub max: u32,
    /// Must be captured live, not chosen from an album.
    #[serde(default)]
    pub live: bool,
    /// Steps whose answers it signs: each reference says what was signed, and only as long as those answers stand so does it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<String>,
    /// What happens when it is missing, not live, or signs other content. Default reject.
    #[serde(default = "Effect::reject")]
    pub effect: Effect,
}

/// Where a step must be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationRequirement {
    /// Radius around the customer's point, or margin around its polygon, in metres: a number or `=CEL`.
    pub radius_m: Computed,
    /// Fixes less accurate than this are indeterminate, in metres.
    pub max_accuracy_m: Computed,
    /// Fixes older than this are indeterminate, in seconds.
    pub max_age_s: Computed,
    /// Effect of being outside. Default reject.
    #[serde(default = "Effect::reject")]
    pub outside: Effect,
    /// Effect of an indeterminate fence without substitute. Default flag.
    #[serde(default = "Effect::flag")]
    pub indeterminate: Effect,
    /// Evidence requirements of this step that stand in for a fix that cannot be had (no fix only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub substitute: Vec<String>,
}

/// A CEL check over a submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Stable code of the finding, for instance `action.due_in_past`.
    pub code: String,
    /// CEL that must be true.
    pub that: String,
    /// Key into `texts`.
    pub message: String,
    /// JSON Pointer into the answers it is about.
    #[serde(default)]
    pub pointer: String,
    /// What happens when it is false.
    pub effect: Effect,
    /// Risk weight in percent. Default 0.
    #[serde(default)]
    pub weight: u32,
}

/// A plugin rule bound to a step or to the visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBinding {
    /// `<plugin>/<rule>`, for instance `presence/mock_location`.
    pub rule: String,
    /// CEL: run only while this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Config by member: a literal or `=CEL`; checked against the manifest's schema.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, Computed>,
    /// Effect by finding code; otherwise error → reject, warning → flag, info → none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub effects: BTreeMap<String, Effect>,
    /// Weight by finding code, in percent; otherwise the finding's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
    /// Effect when the rule cannot answer; otherwise the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Effect>,
}
