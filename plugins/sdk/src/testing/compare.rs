//! Merge patches, and the difference between what was expected and what came, place by place.

use super::Expect;
use crate::answer::{Answer, RuleError};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// RFC 7396: `patch` over `target`.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Where the answer differs from the expectation.
pub(super) fn expectation(expect: &Expect, answer: &Result<Answer, RuleError>) -> Vec<String> {
    match (expect, answer) {
        (Expect::Error(expected), Err(error)) if expected.code == error.code => Vec::new(),
        (Expect::Error(expected), Err(error)) => vec![format!("expected error {}, got {error}", expected.code)],
        (Expect::Findings(expected), Ok(Answer::Findings(findings))) => differences(&json(expected), &json(findings)),
        (Expect::Scorecard(expected), Ok(Answer::Scorecard(card))) => differences(&json(expected), &json(card)),
        (expect, Ok(answer)) => vec![format!("expected {expect:?}, got {}", json(answer))],
        (expect, Err(error)) => vec![format!("expected {expect:?}, got error {error}")],
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Every place where the two differ, as `pointer: expected …, got …`.
pub(super) fn differences(expected: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(expected, got, "", &mut found);
    found
}

fn walk(expected: &Value, got: &Value, pointer: &str, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(left), Value::Object(right)) => {
            for name in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
                walk_member(left.get(name), right.get(name), &format!("{pointer}/{name}"), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                walk_member(left.get(index), right.get(index), &format!("{pointer}/{index}"), found);
            }
        }
        (Value::Number(left), Value::Number(right)) if left.as_f64() == right.as_f64() => {}
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{pointer}: expected {left}, got {right}")),
    }
}

fn walk_member(expected: Option<&Value>, got: Option<&Value>, pointer: &str, found: &mut Vec<String>) {
    match (expected, got) {
        (Some(expected), Some(got)) => walk(expected, got, pointer, found),
        (Some(expected), None) => found.push(format!("{pointer}: expected {expected}, got nothing")),
        (None, Some(got)) => found.push(format!("{pointer}: expected nothing, got {got}")),
        (None, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_adds_and_removes_members_and_replaces_lists() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "list": [1, 2]});
        merge(&mut target, &json!({"a": {"b": null, "d": {"e": 3}}, "list": [3]}));
        assert_eq!(target, json!({"a": {"c": 2, "d": {"e": 3}}, "list": [3]}));
    }

    #[test]
    fn a_difference_names_its_place_and_whole_floats_are_integers() {
        let found = differences(&json!({"a": [1, {"b": 2}], "c": 3}), &json!({"a": [1.0, {"b": 5}], "d": 4}));
        assert_eq!(found, ["/a/1/b: expected 2, got 5", "/c: expected 3, got nothing", "/d: expected nothing, got 4"]);
    }
}
