//! Answers taken apart: every single value with its JSON Pointer, and patterns of pointers.

use serde_json::Value;
use sopwith_sdk::{Input, Submission};

/// A single answer.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    /// Key of its step.
    pub step: String,
    /// JSON Pointer into the answers of the step.
    pub pointer: String,
    /// The answer: no list and no object.
    pub value: &'a Value,
}

/// Every single answer of what is judged: the submission, or all of the visit.
pub fn of_input(input: &Input) -> Vec<Leaf<'_>> {
    input.submissions().flat_map(of_submission).collect()
}

/// Every single answer of a submission, in the order of the document.
pub fn of_submission(submission: &Submission) -> Vec<Leaf<'_>> {
    let mut leaves = Vec::new();
    collect(&submission.key(), String::new(), &submission.answers, &mut leaves);
    leaves
}

fn collect<'a>(step: &str, pointer: String, value: &'a Value, leaves: &mut Vec<Leaf<'a>>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                collect(step, format!("{pointer}/{token}"), member, leaves);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(step, format!("{pointer}/{index}"), item, leaves);
            }
        }
        Value::Null => {}
        _ => leaves.push(Leaf { step: step.to_owned(), pointer, value }),
    }
}

/// Whether a pointer is one of those a pattern means: `step/pointer`, where `*` stands for any one token and the step is the
/// id of a step, whatever its instance. A pattern that begins with `/` means that pointer in every step.
fn matches(pattern: &str, leaf: &Leaf<'_>) -> bool {
    let (step, pointer) = pattern.split_at(pattern.find('/').unwrap_or(pattern.len()));
    let is_step = step.is_empty() || step == leaf.step.split('[').next().unwrap_or_default();
    let (wanted, given) = (pointer.split('/'), leaf.pointer.split('/'));
    is_step
        && wanted.clone().count() == given.clone().count()
        && wanted.zip(given).all(|(wanted, given)| wanted == "*" || wanted == given)
}

/// Whether one of the patterns means it.
pub fn is_meant(patterns: &[String], leaf: &Leaf<'_>) -> bool {
    patterns.iter().any(|pattern| matches(pattern, leaf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_means_a_step_and_any_item() {
        let value = json!(1);
        let leaf =
            |step: &str, pointer: &str| Leaf { step: step.to_owned(), pointer: pointer.to_owned(), value: &value };
        for (pattern, step, pointer, is_so) in [
            ("/rows/*/qty", "stock", "/rows/3/qty", true),
            ("stock/rows/*/qty", "stock[a]", "/rows/3/qty", true),
            ("order/rows/*/qty", "stock", "/rows/3/qty", false),
            ("/rows/*/qty", "stock", "/rows/3/lot", false),
            ("/rows/*", "stock", "/rows/3/qty", false),
            ("/rows/3/qty", "stock", "/rows/3/qty", true),
        ] {
            assert_eq!(matches(pattern, &leaf(step, pointer)), is_so, "{pattern} {step} {pointer}");
        }
    }

    #[test]
    fn lists_and_objects_are_taken_apart_to_the_last() {
        let answers = json!({"a/b": [{"c": 1, "d": null}, "x"], "e": {"f": true}});
        let mut leaves = Vec::new();
        collect("s", String::new(), &answers, &mut leaves);
        let pointers: Vec<&str> = leaves.iter().map(|leaf| leaf.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a~1b/0/c", "/a~1b/1", "/e/f"]);
    }
}
