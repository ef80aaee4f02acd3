//! Absent marks: which the form allows, and the missing answers they stand in for.

use super::schema::Graph;
use super::{Violation, tokens};
use crate::command::{Absent, AbsentCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const CODES: [(&str, AbsentCode); 4] = [
    ("not_applicable", AbsentCode::NotApplicable),
    ("refused", AbsentCode::Refused),
    ("unknown", AbsentCode::Unknown),
    ("hidden", AbsentCode::Hidden),
];

fn name(code: AbsentCode) -> &'static str {
    CODES.iter().find(|(_, candidate)| *candidate == code).map_or("", |(name, _)| name)
}

/// Takes away what an allowed mark stands in for, adds what is wrong with the marks.
pub(super) fn apply(
    graph: &Graph,
    answers: &Value,
    absent: &BTreeMap<String, Absent>,
    violations: &mut Vec<Violation>,
) {
    for (pointer, mark) in absent {
        let allowed = tokens(pointer).map(|tokens| graph.allowed_absences(&tokens)).unwrap_or_default();
        let code = if answers.pointer(pointer).is_some() {
            "absent.answered"
        } else if !allowed.contains(&name(mark.code)) {
            "absent.not_allowed"
        } else {
            violations.retain(|violation| violation.keyword != "required" || violation.pointer != *pointer);
            continue;
        };
        let params = json!({ "given": name(mark.code), "allowed": allowed });
        let violation = Violation::new(pointer.as_str(), "x-absent", params);
        violations.push(Violation { code: code.to_owned(), ..violation });
    }
}
