//! Checks every word of an answer before the engine sees it. What does not keep the contract is no answer.
//!
//! Findings stay in the order the guest gave them; sorting is the engine's.

use crate::failure::failure;
use crate::limits::CallLimits;
use crate::since_v1::{Error, Finding, Part, Scorecard};
use engine::rule::{FailureCode, RuleFailure, RuleFinding, RuleManifest, Severity};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Longest code, id or mark, bytes.
const NAME_BYTES: usize = 100;

/// From `validate` and `assess`.
pub(crate) fn findings(
    answer: Result<Vec<Finding>, Error>,
    rule: &RuleManifest,
    limits: &CallLimits,
) -> Result<Vec<RuleFinding>, RuleFailure> {
    let findings = answer.map_err(|error| declared(&error))?;
    let sizes = findings.iter().map(|finding| {
        finding.code.len()
            + finding.severity.len()
            + finding.pointer.len()
            + finding.params.len()
            + finding.ext.len()
            + finding.evidence.iter().map(String::len).sum::<usize>()
    });
    fits(sizes.sum(), limits)?;
    few("findings", findings.len(), limits)?;
    findings.into_iter().enumerate().map(|(index, finding)| check(finding, index, rule)).collect()
}

fn check(finding: Finding, index: usize, rule: &RuleManifest) -> Result<RuleFinding, RuleFailure> {
    let at = |what: &str| format!("finding {index}: {what}");
    if !rule.codes.iter().any(|known| known.code == finding.code) {
        return Err(malformed(at(&format!("the manifest has no code `{}`", shorten(&finding.code)))));
    }
    let severity = match finding.severity.as_str() {
        "info" => Severity::Info,
        "warning" => Severity::Warning,
        "error" => Severity::Error,
        other => return Err(malformed(at(&format!("`{}` is not a severity", shorten(other))))),
    };
    if !is_pointer(&finding.pointer) {
        return Err(malformed(at(&format!("`{}` is not a JSON Pointer", shorten(&finding.pointer)))));
    }
    if finding.weight > 100 {
        return Err(malformed(at(&format!("weight {} is more than 100", finding.weight))));
    }
    if let Some(evidence) = finding.evidence.iter().find(|evidence| !is_sha256(evidence)) {
        return Err(malformed(at(&format!("`{}` is not a SHA-256 in lower-case hex", shorten(evidence)))));
    }
    let params = object(&finding.params).ok_or_else(|| malformed(at("params is not a JSON object")))?;
    object(&finding.ext).ok_or_else(|| malformed(at("ext is not a JSON object")))?;
    Ok(RuleFinding {
        code: finding.code,
        severity,
        pointer: finding.pointer,
        params,
        weight: finding.weight,
        evidence: finding.evidence,
    })
}

/// From `score`.
pub(crate) fn scorecard(
    answer: Result<Scorecard, Error>,
    limits: &CallLimits,
) -> Result<engine::rule::Scorecard, RuleFailure> {
    let Scorecard { parts, marks, ext } = answer.map_err(|error| declared(&error))?;
    let size = parts.iter().map(|part| part.id.len() + part.detail.len()).sum::<usize>()
        + marks.iter().map(String::len).sum::<usize>()
        + ext.len();
    fits(size, limits)?;
    few("parts", parts.len(), limits)?;
    few("marks", marks.len(), limits)?;
    object(&ext).ok_or_else(|| malformed("ext is not a JSON object"))?;
    if let Some(mark) = marks.iter().find(|mark| !is_name(mark)) {
        return Err(malformed(format!("`{}` is not a mark", shorten(mark))));
    }
    let mut ids = BTreeSet::new();
    let parts = parts.into_iter().map(|part| check_part(part, &mut ids)).collect::<Result<_, _>>()?;
    Ok(engine::rule::Scorecard { parts, marks })
}

fn check_part(part: Part, ids: &mut BTreeSet<String>) -> Result<engine::rule::Part, RuleFailure> {
    let Part { id, value, detail } = part;
    if !is_name(&id) {
        return Err(malformed(format!("`{}` is not the id of a part", shorten(&id))));
    }
    if !ids.insert(id.clone()) {
        return Err(malformed(format!("part `{id}` is there twice")));
    }
    // Not a number is in no range.
    if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
        return Err(malformed(format!("part `{id}`: the value is not between 0 and 1")));
    }
    let detail = object(&detail).ok_or_else(|| malformed(format!("part `{id}`: detail is not a JSON object")))?;
    // Adding zero turns -0 into 0: both are equal, so both look the same in what is stored and hashed.
    Ok(engine::rule::Part { id, value: value.map(|value| value + 0.0), detail })
}

/// An error the guest returned itself.
fn declared(error: &Error) -> RuleFailure {
    let retry = if error.retryable { " (may be tried again)" } else { "" };
    failure(FailureCode::Declared, format!("{}: {}{retry}", shorten(&error.code), error.message))
}

/// A JSON object; empty text is an empty one.
fn object(text: &str) -> Option<Map<String, Value>> {
    if text.is_empty() { Some(Map::new()) } else { serde_json::from_str(text).ok() }
}

/// RFC 6901: empty, or `/` before every member, `~` only as `~0` and `~1`.
fn is_pointer(pointer: &str) -> bool {
    let starts = pointer.is_empty() || pointer.starts_with('/');
    starts && pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES && !text.chars().any(char::is_control)
}

fn fits(bytes: usize, limits: &CallLimits) -> Result<(), RuleFailure> {
    if bytes <= limits.output_bytes {
        return Ok(());
    }
    let detail = format!("{bytes} bytes, at most {} are allowed", limits.output_bytes);
    Err(failure(FailureCode::OutputTooLarge, detail))
}

fn few(what: &str, count: usize, limits: &CallLimits) -> Result<(), RuleFailure> {
    if count <= limits.items {
        return Ok(());
    }
    Err(malformed(format!("{count} {what}, at most {} are allowed", limits.items)))
}

fn shorten(text: &str) -> String {
    text.chars().take(NAME_BYTES).collect()
}

fn malformed(detail: impl AsRef<str>) -> RuleFailure {
    failure(FailureCode::MalformedOutput, detail)
}

#[cfg(test)]
mod tests {
    use super::{is_pointer, is_sha256};

    #[test]
    fn pointers_are_those_of_rfc_6901() {
        for pointer in ["", "/", "/a", "/a/0/b", "/a~1b/~0", "/ü /\""] {
            assert!(is_pointer(pointer), "{pointer:?}");
        }
        for pointer in ["a", "#/a", "/a~", "/a~2", "~0", " /a"] {
            assert!(!is_pointer(pointer), "{pointer:?}");
        }
    }

    #[test]
    fn hashes_are_64_lower_case_hex_digits() {
        assert!(is_sha256(&"0af9".repeat(16)));
        for text in ["", "0af9", &"0AF9".repeat(16), &"0afg".repeat(16), &"0af9".repeat(17)] {
            assert!(!is_sha256(text), "{text:?}");
        }
    }
}
