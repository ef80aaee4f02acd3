//! The SOP document as typed data: what an admin writes, publishes and never changes again.
//!
//! Only the shape lives here. What is wrong with a document is `lint.rs`, what it means is decided elsewhere. The JSON
//! form is fixed by `schemas/sop.schema.json`; unknown members are refused so that a typo cannot switch a check off.

use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

mod dataset;

pub use dataset::Dataset;

/// A published, immutable SOP version (or a draft of one).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sop {
    /// Name, for instance `site.inspection`.
    pub sop: String,
    /// Semantic version of this document.
    pub version: String,
    /// What people call it.
    pub title: Text,
    /// The trade's words for ours: `visit`, `customer`, `step`, …
    #[serde(default)]
    pub labels: BTreeMap<String, Text>,
    /// Languages every text of the document must have.
    pub languages: Vec<String>,
    /// Whom this SOP may be run for.
    pub customer: CustomerRequirement,
    /// Plugins by name, with the version range that may be pinned.
    #[serde(default)]
    pub plugins: BTreeMap<String, String>,
    /// Values a tenant may tune.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Tables the steps and rules read.
    #[serde(default)]
    pub datasets: BTreeMap<String, DatasetDeclaration>,
    /// Messages of checks, with `{placeholders}`.
    #[serde(default)]
    pub texts: BTreeMap<String, Text>,
    /// The steps; order gives the default of `after`.
    pub steps: Vec<Step>,
    /// Rules over the whole visit, run when it completes.
    #[serde(default)]
    pub rules: Vec<RuleBinding>,
    /// How a run is scored.
    #[serde(default)]
    pub score: Option<Score>,
    /// How a run may end; the first whose `when` holds is taken.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// Business records written from answers.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Tasks spawned when the visit completes.
    #[serde(default)]
    pub tasks: Vec<Spawn>,
    /// What happens when people or machines do not do their part.
    #[serde(default)]
    pub policy: Policy,
}

/// The customer types an SOP serves and the custom fields it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerRequirement {
    /// Names of customer types.
    pub types: Vec<String>,
    /// JSON Schema for `customer.fields`.
    #[serde(default)]
    pub fields: Value,
}

/// A typed value a tenant may tune within bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// JSON Schema of the value, with its bounds.
    pub schema: Value,
    /// Value where the tenant says nothing.
    pub default: Value,
    /// Name for people.
    pub title: Text,
    /// Unit (UCUM where there is one), for instance `m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where the default comes from: a paper, a standard, a law, or `tenant parameter`.
    pub source: String,
}

/// A table the SOP reads: rows are content-addressed and pinned by a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetDeclaration {
    /// Name for people.
    pub title: Text,
    /// JSON Schema of one row.
    pub schema: Value,
    /// The member of a row that is its key (a string).
    pub key: String,
}

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

/// A literal, or CEL behind a leading `=`: `300`, `"=parameters.fence_radius_m"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Computed(pub Value);

impl Computed {
    /// The CEL text behind `=`, if the value is computed.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        self.0.as_str().and_then(|text| text.strip_prefix('='))
    }
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
    /// JSON Schema 2020-12. `x-absent: [code…]` on a property allows absent marks, `x-personal: true` marks personal data.
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
    /// What happens when it is missing or not live. Default reject.
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

/// What a failed check or a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing; it is recorded.
    None,
    /// Marked for the reader.
    Flag,
    /// The visit does not count.
    Invalidate,
    /// Kept, and a review task decides.
    Hold,
    /// Must be corrected by the rep.
    Reject,
}

impl Effect {
    const fn reject() -> Self {
        Self::Reject
    }
    const fn flag() -> Self {
        Self::Flag
    }
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

/// How a run is scored: score rules give parts, the tree weighs them, caps bound the total.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Score rules; their parts and marks share one name space.
    #[serde(default)]
    pub rules: Vec<RuleBinding>,
    /// The tree.
    pub root: ScoreNode,
    /// Upper bounds of the total, 0 to 100.
    #[serde(default)]
    pub caps: Vec<Cap>,
}

/// A node of the score tree: inner (`nodes`), or a leaf with a `part` or a CEL `value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreNode {
    /// Id within the tree.
    pub id: String,
    /// Name for people.
    pub title: Text,
    /// Weight among its siblings: a number or `=CEL`. Default 1.
    #[serde(default = "one")]
    pub weight: Computed,
    /// Children; weights of those that do not apply are spread over the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<ScoreNode>,
    /// Part of a score rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// CEL giving 0 to 1, or null for not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

fn one() -> Computed {
    Computed(Value::from(1))
}

/// An upper bound of the score. A gate is a cap of 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Stable code, shown with the score.
    pub code: String,
    /// Applies when a score rule raised this mark …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// … or when this CEL holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// The bound, 0 to 100: a number or `=CEL`.
    pub at: Computed,
    /// Key into `texts`.
    pub message: String,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Stable id, for instance `completed`.
    pub id: String,
    /// Name for people.
    pub title: Text,
    /// CEL over the finished run.
    pub when: String,
    /// Whether such a visit counts.
    pub counts: Counts,
}

/// Whether a visit with this outcome counts for the rep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// The work was done.
    Productive,
    /// The rep was there, the work could not be done.
    Unproductive,
    /// Neither.
    NotCounted,
}

/// A typed business record written from the answers of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Id within the SOP.
    pub id: String,
    /// Record type, for instance `price_observation`.
    #[serde(rename = "type")]
    pub record: String,
    /// Step the record comes from.
    pub step: String,
    /// JSON Pointer to a list in the answers: one record for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Members of the record: JSON Pointers, relative to the item where `each` is given.
    pub fields: BTreeMap<String, String>,
}

/// A task spawned when the visit completes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Id within the SOP.
    pub id: String,
    /// `review`, `approval`, `follow_up` or `support`.
    pub kind: String,
    /// Name for people.
    pub title: Text,
    /// CEL over the finished run.
    pub when: String,
    /// Role of who may act.
    pub role: String,
    /// Seconds until it is due.
    pub due_s: u32,
}

/// What happens when people or machines do not do their part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// An open visit is closed this long after its last sign of life, in seconds.
    pub auto_close_s: u32,
    /// Local time at which a business day begins, `HH:MM`.
    pub day_cut: String,
    /// Effect when a rule cannot answer and its binding says nothing.
    pub unavailable: Effect,
    /// Risk from which a review task is made, 0 to 100.
    pub risk_review: f64,
    /// Risk from which the visit is held, 0 to 100.
    pub risk_hold: f64,
}

impl Default for Policy {
    /// Ten hours, 04:00, flag; risk 60 and 85 as in the field's usual practice (tenant parameters).
    fn default() -> Self {
        Self {
            auto_close_s: 36_000,
            day_cut: "04:00".into(),
            unavailable: Effect::Flag,
            risk_review: 60.0,
            risk_hold: 85.0,
        }
    }
}
