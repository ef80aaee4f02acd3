//! Score: a tree of weighted parts, what did not apply spread over what did, bounded by caps.
//!
//! Only the arithmetic lives here. Where a leaf's value and a node's weight come from (score rules, CEL) and whether a cap
//! applies is the caller's business.

use crate::sop::ScoreNode;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// Weights above this count as this: sums stay finite.
pub const WEIGHT_MAX: f64 = 1e9;

/// A node of the score tree with what it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScoreTree {
    /// Id of the node in the SOP.
    pub id: String,
    /// 0 to 1; none when it does not apply.
    pub value: Option<f64>,
    /// Weight among its siblings, as the SOP has it.
    pub weight: f64,
    /// Share of the total, 0 to 1, after what did not apply was spread over its siblings: `100 · value · effective_weight`
    /// are the points the node brings. 0 when it does not apply.
    pub effective_weight: f64,
    /// Children.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(no_recursion, value_type = Vec<ScoreTree>))]
    pub nodes: Vec<Self>,
}

/// A cap that applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AppliedCap {
    /// Code of the cap.
    pub code: String,
    /// The bound, 0 to 100.
    pub at: f64,
}

/// The score of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScoreResult {
    /// 0 to 100, one decimal; none when nothing applied.
    pub total: Option<f64>,
    /// The total before caps.
    pub uncapped: Option<f64>,
    /// The caps that apply, lowest first.
    pub caps: Vec<AppliedCap>,
    /// How the total came about.
    pub tree: ScoreTree,
}

/// The tree with values and weights filled in, in document order. `value` is asked for leaves only, `weight` for every
/// node. Values are clamped to 0..1, NaN is "does not apply"; negative weights and NaN count as 0.
pub fn evaluate(
    root: &ScoreNode,
    weight: &mut dyn FnMut(&ScoreNode) -> f64,
    value: &mut dyn FnMut(&ScoreNode) -> Option<f64>,
) -> ScoreTree {
    let mut tree = values(root, weight, value);
    share(&mut tree, 1.0);
    tree
}

/// The score of an evaluated tree under the caps that apply; the lowest wins. A cap that is not a number bounds nothing
/// (100), since JSON has no word for it.
#[must_use]
pub fn score(tree: ScoreTree, caps: Vec<AppliedCap>) -> ScoreResult {
    let mut caps: Vec<_> = caps
        .into_iter()
        .map(|cap| AppliedCap {
            at: if cap.at.is_nan() { 100.0 } else { one_decimal(cap.at.clamp(0.0, 100.0)) },
            ..cap
        })
        .collect();
    caps.sort_by(|one, other| one.at.total_cmp(&other.at).then_with(|| one.code.cmp(&other.code)));
    let uncapped = tree.value.map(|value| one_decimal(100.0 * value));
    let total = uncapped.map(|total| caps.first().map_or(total, |cap| total.min(cap.at)));
    ScoreResult { total, uncapped, caps, tree }
}

/// Rounds to one decimal, half away from zero. A billionth of a tenth is added first, so that 83.45, which is a little less
/// as a double, rounds to 83.5 as it does on paper, whatever order the sums were made in. Not negative, finite.
#[must_use]
pub(crate) fn one_decimal(number: f64) -> f64 {
    (number * 10.0 + 1e-9).round() / 10.0
}

/// Bottom-up: each inner node is the weighted mean of the children that apply.
fn values(
    node: &ScoreNode,
    weight: &mut dyn FnMut(&ScoreNode) -> f64,
    value: &mut dyn FnMut(&ScoreNode) -> Option<f64>,
) -> ScoreTree {
    let own_weight = weight(node);
    let own_weight = if own_weight > 0.0 { own_weight.min(WEIGHT_MAX) } else { 0.0 };
    let nodes: Vec<_> = node.nodes.iter().map(|child| values(child, weight, value)).collect();
    let own_value = if nodes.is_empty() { value(node).filter(|value| !value.is_nan()) } else { mean(&nodes) };
    ScoreTree {
        id: node.id.clone(),
        value: own_value.map(|value| value.clamp(0.0, 1.0)),
        weight: own_weight,
        effective_weight: 0.0,
        nodes,
    }
}

fn mean(nodes: &[ScoreTree]) -> Option<f64> {
    let sum = applying_weight(nodes);
    let points: f64 = nodes.iter().filter_map(|node| node.value.map(|value| value * node.weight)).sum();
    (sum > 0.0).then(|| points / sum)
}

fn applying_weight(nodes: &[ScoreTree]) -> f64 {
    nodes.iter().filter(|node| node.value.is_some()).map(|node| node.weight).sum()
}

/// Top-down: gives `part` of the total to a node and deals it out to the children that apply.
fn share(node: &mut ScoreTree, part: f64) {
    if node.value.is_none() {
        return;
    }
    node.effective_weight = part;
    let sum = applying_weight(&node.nodes);
    for child in &mut node.nodes {
        // `sum` is positive here: a node whose children have no weight has no value.
        let child_part = part * (child.weight / sum);
        share(child, child_part);
    }
}
