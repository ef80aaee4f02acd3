//! What a run comes to: its score and its outcome.

use super::{Computed, RuleBinding};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
