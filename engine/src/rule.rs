//! What goes to a plugin rule and comes back, as plain data.
//!
//! The engine makes `RuleCall`s and folds `RuleOutcome`s; whoever runs the WebAssembly stands outside. Nothing here
//! knows a runtime.

use crate::canon::CanonicalJson;
use crate::sop::Effect;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The three things a rule can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// Checks one submission.
    Validate,
    /// Looks for fraud signals in a step or a visit.
    Assess,
    /// Scores a run.
    Score,
}

/// What a plugin says of itself: the JSON that `manifest.describe` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Plugin name, for instance `presence`.
    pub plugin: String,
    /// Semantic version.
    pub version: String,
    /// Name for people.
    pub title: Text,
    /// The rules.
    pub rules: Vec<RuleManifest>,
    /// Datasets the plugin may look up.
    #[serde(default)]
    pub datasets: Vec<String>,
}

/// One rule of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleManifest {
    /// Name within the plugin.
    pub id: String,
    /// What it is.
    pub interface: Interface,
    /// Name for people.
    pub title: Text,
    /// What it does, for people.
    pub description: Text,
    /// JSON Schema of its config.
    pub config: Value,
    /// What must be gathered before the call.
    #[serde(default)]
    pub needs: Vec<NeedDeclaration>,
    /// Every code it may return.
    #[serde(default)]
    pub codes: Vec<CodeManifest>,
    /// Where the rule comes from: a standard, a law, a paper, or `tenant parameter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A finding code of a rule and its message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodeManifest {
    /// The code.
    pub code: String,
    /// Message with `{placeholders}`.
    pub message: Text,
}

/// Something a rule wants gathered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NeedDeclaration {
    /// What.
    pub need: Need,
    /// Where it can be had.
    pub availability: Availability,
}

/// What the engine can gather for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The submissions of this visit so far, by step.
    Steps,
    /// The same rep's check-in before this one.
    LastCheckIn,
    /// Other uses of the same evidence (by SHA-256) in the tenant.
    EvidenceUses,
    /// The submissions of the last completed visit to the same customer.
    PreviousVisit,
    /// The last check-in of somebody else from the device of this visit's check-in, before it.
    LastOnDevice,
    /// Photos of other visits in the tenant that look like one of this visit (64-bit perceptual hash), of the last 365 days.
    PhotoNeighbours,
    /// Visits to other customers in the tenant with a free text this visit has too, of the last 365 days.
    SameTexts,
    /// How the rep's scores under this SOP stood beside their peers' before the check-in, over the 30 days before.
    RepStanding,
}

/// Where a need can be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// On the phone too.
    Device,
    /// Only on the server.
    Server,
}

/// A call the engine wants made. `input` is all the rule sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleCall {
    /// `<plugin>/<rule>`.
    pub rule: String,
    /// SHA-256 of the pinned component, lower-case hex.
    pub plugin_hash: String,
    /// Which export to call.
    pub interface: Interface,
    /// The input, see `input.rs`.
    pub input: CanonicalJson,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleOutcome {
    /// What the guest returned, or why it did not.
    pub answer: RuleAnswer,
    /// Dataset rows it read, in order.
    #[serde(default)]
    pub lookups: Vec<Lookup>,
    /// Fuel it burnt.
    #[serde(default)]
    pub fuel: u64,
}

/// What the guest returned, or why it did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleAnswer {
    /// From `validate` and `assess`.
    Findings(Vec<RuleFinding>),
    /// From `score`.
    Scorecard(Scorecard),
    /// No answer. A fact recorded with limits and version, never replayed.
    Failed(RuleFailure),
}

/// A finding as the guest made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleFinding {
    /// Stable code from the manifest.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// JSON Pointer into the answers.
    pub pointer: String,
    /// Values for the message.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Risk weight in percent, 0 to 100.
    pub weight: u32,
    /// SHA-256 of evidence, lower-case hex.
    #[serde(default)]
    pub evidence: Vec<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody should look.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// The effect where the SOP names none.
    #[must_use]
    pub const fn default_effect(self) -> Effect {
        match self {
            Self::Info => Effect::None,
            Self::Warning => Effect::Flag,
            Self::Error => Effect::Reject,
        }
    }
}

/// What a score rule returns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Scorecard {
    /// Leaves.
    pub parts: Vec<Part>,
    /// Marks for caps.
    #[serde(default)]
    pub marks: Vec<String>,
}

/// One leaf of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Id the score tree names.
    pub id: String,
    /// 0 to 1, null when it does not apply.
    pub value: Option<f64>,
    /// How the value came about.
    #[serde(default)]
    pub detail: Map<String, Value>,
}

/// Why a rule gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleFailure {
    /// What kind of failure.
    pub code: FailureCode,
    /// For the person who debugs the plugin.
    pub detail: String,
}

/// The ways a call can fail; fixed, so that policies and dashboards can name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The guest returned an error of its own.
    Declared,
    /// The guest trapped.
    Trap,
    /// The fuel budget ran out.
    OutOfFuel,
    /// The deadline passed.
    Deadline,
    /// A memory, table, instance or stack limit was hit.
    Limit,
    /// The answer is larger than allowed.
    OutputTooLarge,
    /// The answer is not what the contract says.
    MalformedOutput,
    /// A lookup left the rows this machine has.
    Undecided,
    /// The plugin does not export the interface or know the rule.
    NoSuchRule,
    /// The pinned plugin is not here.
    NoSuchPlugin,
}

/// A dataset row a guest read, by reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Name of the dataset.
    pub dataset: String,
    /// Hash of the pinned dataset.
    pub hash: String,
    /// The key asked for.
    pub key: String,
    /// Hash of the row, or none when there is no such row.
    pub row: Option<String>,
}

/// A finding as the engine records it: from a built-in check, a CEL check, or a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Who says so: `form`, `evidence`, `location`, `check`, `policy`, … or `<plugin>/<rule>`.
    pub source: String,
    /// Stable code.
    pub code: String,
    /// Step (and instance as `step[key]`), or empty for the visit.
    pub step: String,
    /// JSON Pointer into the answers.
    pub pointer: String,
    /// How bad.
    pub severity: Severity,
    /// What it does here.
    pub effect: Effect,
    /// The effect before a step that cannot be redone turned `reject` into `hold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_effect: Option<Effect>,
    /// Risk weight in percent.
    pub weight: u32,
    /// Values for the message.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// SHA-256 of evidence.
    #[serde(default)]
    pub evidence: Vec<String>,
}
