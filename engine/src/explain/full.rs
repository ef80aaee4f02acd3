//! The full explanation as data: everything that was looked at, what was found, and how it added up. Only shapes; they are
//! filled in by `account.rs`.
//!
//! Inputs are named, not copied: an answer by its place and the event that holds it, a table row by its key and hash. Values
//! are shown of parameters and of what a rule was configured with.

use super::{ContestLine, Line, ReviewLine};
use crate::command::FindingDecision;
use crate::rule::{Interface, Severity};
use crate::sop::{Counts, Effect};
use crate::verdict::{Decision, Validity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Why a visit got its decision, validity, score and risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FullExplanation {
    /// `vis_…`
    pub visit: String,
    /// Decision and validity in words.
    pub summary: String,
    /// Why, in sentences: of the decision, of the validity.
    pub because: Vec<String>,
    /// What stands: a reviewer's decision where there is one; none before there is a verdict.
    pub decision: Option<Decision>,
    /// What the engine decided. It stays as it was, whatever a reviewer says.
    pub judged: Option<Decision>,
    /// Whether the visit counts.
    pub validity: Option<Validity>,
    /// How the visit ended.
    pub outcome: Option<ExplainedOutcome>,
    /// What it was judged by.
    pub sop: ExplainedSop,
    /// Steps in an order in which they can be done, each with what was looked at.
    pub steps: Vec<ExplainedStep>,
    /// What was looked at once the visit was over.
    pub checks: Vec<ExplainedCheck>,
    /// How the risk came about.
    pub risk: Option<ExplainedRisk>,
    /// How the score came about.
    pub score: Option<ExplainedScore>,
    /// Attempts that were refused, in order.
    pub refused: Vec<Vec<Line>>,
    /// What a reviewer decided over the verdict.
    pub review: Option<ReviewLine>,
    /// What the rep disagrees with, in order.
    pub contested: Vec<ContestLine>,
    /// Whether values of personal places are shown.
    pub personal: bool,
}

/// An outcome of the SOP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedOutcome {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// What it counts as.
    pub counts: Counts,
}

/// The document and the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedSop {
    /// Name of the SOP.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What people call it.
    pub title: String,
    /// Hash of document and parameters.
    pub hash: String,
    /// Hash of the engine the run is pinned to; none before it began.
    pub engine: Option<String>,
}

/// A step and what was looked at in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedStep {
    /// `step`, or `step[key]` for an instance.
    pub key: String,
    /// What people call it.
    pub title: String,
    /// `done`, `skipped`, `not_applicable`, …
    pub standing: String,
    /// Hash of the event that holds what was handed in.
    pub event: Option<String>,
    /// How often it was accepted.
    pub attempts: u32,
    /// Built-in checks, checks of the SOP and rules, in the order in which they ran.
    pub checks: Vec<ExplainedCheck>,
}

/// One thing that was looked at: a built-in check, a check of the SOP, or a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedCheck {
    /// Who looks: `form`, `evidence`, `location`, `check`, `policy`, … or `<plugin>/<rule>`.
    pub source: String,
    /// What people call it.
    pub title: String,
    /// What it does.
    pub description: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// The same in words.
    pub said: String,
    /// The plugin, if it is a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<ExplainedPlugin>,
    /// What it looked at.
    pub inputs: Vec<ExplainedInput>,
    /// What it found.
    pub findings: Vec<ExplainedFinding>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It found something.
    Found,
    /// It ran and found nothing.
    NothingFound,
    /// It gave parts of the score.
    Scored,
    /// Its condition did not hold.
    DidNotApply,
    /// It gave no answer.
    Unavailable,
}

/// Which plugin a rule is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedPlugin {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component.
    pub hash: String,
    /// What the rule is.
    pub interface: Interface,
    /// SHA-256 of the input it was called with; none when it was not called.
    pub input_hash: Option<String>,
}

/// Something a check looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedInput {
    /// What sort of thing.
    pub kind: InputKind,
    /// Which: a JSON Pointer, a step, a parameter, a need, a dataset, a member of the config.
    pub name: String,
    /// Which part of it: the key of a row, a JSON Pointer into a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its value: of parameters, limits and config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Value>))]
    pub value: Option<Value>,
    /// The CEL text it was computed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// Where it is kept: hash of an event or of a table's row, or revision of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What sort of thing a check looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// An answer of the submission; with no name, the submission as a whole.
    Answer,
    /// Marks of what is absent.
    Absent,
    /// Evidence of the submission.
    Evidence,
    /// Another step.
    Step,
    /// The customer.
    Customer,
    /// The visit itself.
    Visit,
    /// A parameter of the SOP.
    Parameter,
    /// A limit the SOP sets.
    Limit,
    /// What a rule was configured with.
    Config,
    /// Something gathered from other visits.
    Need,
    /// A row of a table.
    Row,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedFinding {
    /// `fnd_…`: what a contest and a review name it by.
    pub id: String,
    /// Stable code.
    pub code: String,
    /// What it says.
    pub text: String,
    /// How bad.
    pub severity: Severity,
    /// What it does here.
    pub effect: Effect,
    /// The same in words.
    pub does: String,
    /// The effect it would have had if the step could still be corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_effect: Option<Effect>,
    /// Risk weight in percent.
    pub weight: u32,
    /// JSON Pointer into the answers.
    pub pointer: String,
    /// What that place is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// SHA-256 of the evidence it rests on.
    pub evidence: Vec<String>,
    /// The rep contests it.
    pub contested: bool,
    /// What a reviewer said of it. The verdict stays as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed: Option<ReviewedFinding>,
}

/// What a reviewer said of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReviewedFinding {
    /// Whether it was right.
    pub verdict: FindingDecision,
    /// The same in words.
    pub said: String,
    /// In the reviewer's words.
    pub reason: String,
    /// Who decided.
    pub user: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

/// How the risk came about: `100 · (1 − ∏(1 − wᵢ/100))`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedRisk {
    /// 0 to 100, one decimal.
    pub value: f64,
    /// From here on a review is asked for.
    pub review: f64,
    /// From here on the visit is held.
    pub hold: f64,
    /// In words.
    pub said: String,
    /// The weights, largest first.
    pub weights: Vec<ExplainedWeight>,
}

/// A weight and what it makes of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedWeight {
    /// The finding, `fnd_…`.
    pub finding: String,
    /// Its code.
    pub code: String,
    /// In percent.
    pub weight: u32,
    /// The risk of this weight and those before it.
    pub risk: f64,
}

/// How the score came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedScore {
    /// 0 to 100; none when nothing applies.
    pub total: Option<f64>,
    /// The total before caps.
    pub uncapped: Option<f64>,
    /// In words.
    pub said: String,
    /// The tree.
    pub tree: ExplainedNode,
    /// Every cap of the SOP.
    pub caps: Vec<ExplainedCap>,
}

/// A node of the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedNode {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// 0 to 1; none when it does not apply and its weight is spread over its siblings.
    pub value: Option<f64>,
    /// Weight among its siblings, as the SOP has it.
    pub weight: f64,
    /// Its share of the whole, 0 to 1, after that.
    pub share: f64,
    /// The points it brings, of 100.
    pub points: f64,
    /// Where its value comes from: a part of a score rule, or a CEL text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// How its value came about, as the rule says.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub detail: Map<String, Value>,
    /// Children.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion, value_type = Vec<ExplainedNode>))]
    pub nodes: Vec<Self>,
}

/// A cap of the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExplainedCap {
    /// Its code.
    pub code: String,
    /// Why it is there.
    pub said: String,
    /// The bound, where it applies.
    pub at: Option<f64>,
}
