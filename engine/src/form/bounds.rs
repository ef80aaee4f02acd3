//! How large and how deep answers may be: checked without recursion, before anything recurses into them.

use super::{MAX_ANSWERS, MAX_DEPTH, MAX_LIST, MAX_MARKS, MAX_STRING, Violation, below};
use crate::command::Absent;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Whether the brackets of JSON text are at most `max` inside one another. Does not recurse and does not parse: for
/// callers who refuse deep text before a parser sees it.
#[must_use]
pub fn json_depth_within(text: &[u8], max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_string = false,
            (true, _) => {}
            (false, b'"') => in_string = true,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > max {
                    return false;
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    true
}

/// Whether `value` is nested at most `max` deep (a number is 0 deep, `[]` is 1), without recursion.
pub(crate) fn value_depth_within(value: &Value, max: usize) -> bool {
    let mut pending = vec![(value, 0_usize)];
    while let Some((value, above)) = pending.pop() {
        let depth = above + usize::from(value.is_array() || value.is_object());
        if depth > max {
            return false;
        }
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, depth))),
            Value::Object(members) => pending.extend(members.values().map(|member| (member, depth))),
            _ => {}
        }
    }
    true
}

/// Violations of the limits; when there is one, nothing else is looked at.
pub(super) fn check(answers: &Value, absent: &BTreeMap<String, Absent>, max_values: u64) -> Vec<Violation> {
    let too_large = |pointer: &str, limit: usize| Violation::new(pointer, "too_large", json!({ "limit": limit }));
    if !value_depth_within(answers, MAX_DEPTH) {
        return vec![Violation::new("", "too_deep", json!({ "limit": MAX_DEPTH }))];
    }
    if absent.len() > MAX_MARKS {
        return vec![too_large("", MAX_MARKS)];
    }
    let (mut bytes, mut values) = (0_usize, 0_u64);
    for pointer in absent.keys() {
        bytes = bytes.saturating_add(pointer.len());
    }
    let mut violations = Vec::new();
    let mut pending = vec![(answers, String::new())];
    while let Some((value, pointer)) = pending.pop() {
        values += 1;
        bytes = bytes.saturating_add(8);
        match value {
            Value::String(text) => {
                bytes = bytes.saturating_add(text.len());
                if text.len() > MAX_STRING {
                    violations.push(too_large(&pointer, MAX_STRING));
                }
            }
            Value::Array(items) if items.len() > MAX_LIST => violations.push(too_large(&pointer, MAX_LIST)),
            Value::Array(items) => {
                pending.extend(items.iter().enumerate().map(|(at, item)| (item, format!("{pointer}/{at}"))));
            }
            Value::Object(members) => {
                for (name, member) in members {
                    bytes = bytes.saturating_add(name.len());
                    pending.push((member, below(&pointer, name)));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if bytes > MAX_ANSWERS || values > max_values {
            return vec![too_large("", MAX_ANSWERS)];
        }
    }
    violations
}
