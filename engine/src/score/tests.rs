//! The golden vector, what does not apply, caps, and numbers nobody should send.

use super::*;
use crate::sop::Computed;
use crate::text::Text;
use proptest::prelude::*;
use serde_json::json;

/// A leaf whose part carries its value, so that a tree is one literal: `leaf("a", 2.0, Some(0.5))`.
fn leaf(id: &str, weight: f64, value: Option<f64>) -> ScoreNode {
    ScoreNode { value: value.map(|value| value.to_string()), ..inner(id, weight, vec![]) }
}

fn inner(id: &str, weight: f64, nodes: Vec<ScoreNode>) -> ScoreNode {
    let title = Text::default();
    ScoreNode { id: id.into(), title, weight: Computed(json!(weight.to_string())), nodes, part: None, value: None }
}

fn run(root: &ScoreNode) -> ScoreTree {
    let number = |text: &str| text.parse::<f64>().unwrap();
    evaluate(root, &mut |node| number(node.weight.0.as_str().unwrap()), &mut |node| node.value.as_deref().map(number))
}

fn total(root: &ScoreNode) -> Option<f64> {
    score(run(root), vec![]).total
}

const GOLDEN: [(f64, f64); 8] =
    [(0.25, 0.90), (0.15, 0.90), (0.15, 0.80), (0.10, 1.0), (0.15, 0.50), (0.05, 1.0), (0.10, 1.0), (0.05, 0.60)];

fn golden(times: f64) -> ScoreNode {
    let leaves = GOLDEN.iter().enumerate();
    inner(
        "all",
        1.0,
        leaves.map(|(index, (weight, value))| leaf(&format!("n{index}"), weight * times, Some(*value))).collect(),
    )
}

#[test]
fn the_golden_vector_is_83_5() {
    assert_eq!(total(&golden(1.0)), Some(83.5));
    assert_eq!(total(&golden(100.0)), Some(83.5), "weights need not add up to one");
    let tree = run(&golden(100.0));
    let points: f64 = tree.nodes.iter().map(|node| 100.0 * node.value.unwrap() * node.effective_weight).sum();
    assert_eq!(one_decimal(points), 83.5);
}

#[test]
fn what_does_not_apply_is_spread_over_its_siblings() {
    let tree = run(&inner(
        "all",
        1.0,
        vec![
            leaf("a", 60.0, Some(0.5)),
            inner("b", 40.0, vec![leaf("c", 1.0, None), leaf("d", 3.0, Some(1.0))]),
            inner("e", 100.0, vec![leaf("f", 1.0, None)]),
        ],
    ));
    let shares = |node: &ScoreTree| (node.id.clone(), node.value, node.weight, node.effective_weight);
    assert_eq!(shares(&tree), ("all".into(), Some(0.7), 1.0, 1.0));
    assert_eq!(
        tree.nodes.iter().map(shares).collect::<Vec<_>>(),
        [("a".into(), Some(0.5), 60.0, 0.6), ("b".into(), Some(1.0), 40.0, 0.4), ("e".into(), None, 100.0, 0.0),]
    );
    assert_eq!(
        tree.nodes[1].nodes.iter().map(shares).collect::<Vec<_>>(),
        [("c".into(), None, 1.0, 0.0), ("d".into(), Some(1.0), 3.0, 0.4),]
    );
}

#[test]
fn nothing_applies_is_null_and_no_cap_makes_it_a_number() {
    for root in [
        leaf("a", 1.0, None),
        inner("a", 1.0, vec![leaf("b", 1.0, None)]),
        inner("a", 1.0, vec![leaf("b", 0.0, Some(1.0)), leaf("c", 5.0, None)]),
    ] {
        let result = score(run(&root), vec![AppliedCap { code: "gate".into(), at: 0.0 }]);
        assert_eq!((result.total, result.uncapped), (None, None));
    }
    assert_eq!(total(&leaf("a", 0.0, Some(0.25))), Some(25.0), "the weight of the root means nothing");
}

#[test]
fn the_lowest_cap_wins_and_is_listed_first() {
    let cap = |code: &str, at: f64| AppliedCap { code: code.into(), at };
    let capped = |caps: Vec<AppliedCap>| {
        let result = score(run(&golden(1.0)), caps);
        assert_eq!(result.uncapped, Some(83.5));
        (result.total, result.caps)
    };
    let expected = vec![cap("a", 59.0), cap("b", 79.0), cap("z", 79.0), cap("c", 90.0)];
    assert_eq!(capped(vec![cap("z", 79.0), cap("c", 90.0), cap("a", 59.0), cap("b", 79.0)]), (Some(59.0), expected));
    assert_eq!(capped(vec![cap("c", 90.0)]), (Some(83.5), vec![cap("c", 90.0)]));
    assert_eq!(capped(vec![cap("gate", -5.0)]), (Some(0.0), vec![cap("gate", 0.0)]));
    assert_eq!(capped(vec![cap("odd", f64::NAN), cap("high", f64::INFINITY)]).0, Some(83.5));
}

#[test]
fn halves_round_away_from_zero() {
    for (number, expected) in [
        (83.45, 83.5),
        (83.449_999, 83.4),
        (0.05, 0.1),
        (0.049, 0.0),
        (1.005, 1.0),
        (64.35, 64.4),
        (99.95, 100.0),
        (0.0, 0.0),
    ] {
        assert_eq!(one_decimal(number), expected, "{number}");
    }
    assert_eq!(total(&inner("a", 1.0, vec![leaf("b", 1.0, Some(0.834)), leaf("c", 1.0, Some(0.835))])), Some(83.5));
}

#[test]
fn senseless_numbers_do_no_harm() {
    let with =
        |weight: f64, value: f64| inner("a", 1.0, vec![leaf("b", weight, Some(value)), leaf("c", 1.0, Some(0.5))]);
    assert_eq!(total(&with(f64::NAN, 1.0)), Some(50.0));
    assert_eq!(total(&with(-3.0, 1.0)), Some(50.0));
    assert_eq!(total(&with(1.0, f64::NAN)), Some(50.0));
    assert_eq!(total(&with(1.0, 7.0)), Some(75.0));
    assert_eq!(total(&with(1.0, -7.0)), Some(25.0));
    assert_eq!(total(&with(f64::INFINITY, 0.0)), Some(0.0));
    assert_eq!(total(&with(f64::MAX, f64::INFINITY)), Some(100.0));
}

#[test]
fn a_result_is_plain_json() {
    let result = score(run(&inner("a", 1.0, vec![leaf("b", 1.0, Some(0.5)), leaf("c", 2.0, None)])), vec![]);
    let value = serde_json::to_value(&result).unwrap();
    assert_eq!(value["tree"]["nodes"][1], json!({"id": "c", "value": null, "weight": 2.0, "effective_weight": 0.0}));
    assert_eq!(serde_json::from_value::<ScoreResult>(value).unwrap(), result);
}

fn any_leaf() -> impl Strategy<Value = ScoreNode> {
    let number = prop_oneof![4 => 0.0..2.0, 1 => any::<f64>()];
    (number.clone(), proptest::option::weighted(0.7, number)).prop_map(|(weight, value)| leaf("l", weight, value))
}

fn any_tree() -> impl Strategy<Value = ScoreNode> {
    any_leaf().prop_recursive(3, 24, 5, |nodes| {
        (0.0..3.0, prop::collection::vec(nodes, 1..5)).prop_map(|(weight, nodes)| inner("i", weight, nodes))
    })
}

/// Leaf shares, in document order.
fn leaf_shares(tree: &ScoreTree) -> Vec<f64> {
    if tree.nodes.is_empty() { vec![tree.effective_weight] } else { tree.nodes.iter().flat_map(leaf_shares).collect() }
}

proptest! {
    #[test]
    fn a_total_is_a_percentage_and_shares_are_dealt_out_whole(root in any_tree(), at in any::<f64>()) {
        let tree = run(&root);
        let shares: f64 = leaf_shares(&tree).iter().sum();
        let result = score(tree, vec![AppliedCap { code: "c".into(), at }]);
        prop_assert!(result.total.is_none_or(|total| (0.0..=100.0).contains(&total)));
        prop_assert!(result.uncapped.is_none_or(|total| (0.0..=100.0).contains(&total)));
        prop_assert_eq!(result.total.is_some(), result.tree.value.is_some());
        if result.total.is_some() {
            prop_assert!((shares - 1.0).abs() < 1e-9, "{}", shares);
        }
    }

    #[test]
    fn removing_what_does_not_apply_changes_nothing(
        leaves in prop::collection::vec(any_leaf(), 1..8), place in 0..8_usize, weight in 0.0..9.0
    ) {
        let without = inner("a", 1.0, leaves.clone());
        let mut leaves = leaves;
        leaves.insert(place.min(leaves.len()), leaf("n/a", weight, None));
        let with = inner("a", 1.0, leaves);
        prop_assert_eq!(total(&with), total(&without));
        let applying = |root: &ScoreNode| run(root).nodes.into_iter().filter(|node| node.value.is_some()).collect::<Vec<_>>();
        prop_assert_eq!(applying(&with), applying(&without));
    }
}
