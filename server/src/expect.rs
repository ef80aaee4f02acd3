//! Comparing a judged day with the rows a domain expert expects.

use crate::table::Row;
use anyhow::Context as _;
use engine::text::Text;
use engine::verdict::{Decision, Validity};
use serde::Deserialize;

use std::path::Path;

/// One expected row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    visit: String,
    title: Text,
    decision: Decision,
    validity: Validity,
    #[serde(default)]
    outcome: Option<String>,
    /// Finding codes that must appear, in a verdict or in a refused attempt.
    #[serde(default)]
    codes: Vec<String>,
    /// A number, null for "no score", or not there for "any".
    #[serde(default, deserialize_with = "present")]
    score: Option<Option<f64>>,
    /// The row is a cheat: it must not end as plainly accepted.
    #[serde(default)]
    cheat: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::<f64>::deserialize(deserializer).map(Some)
}

/// Compares; prints each differing row, and with `verbose` a closing line. False when any differs.
///
/// # Errors
/// When the file cannot be read.
pub fn compare(rows: &[Row], file: &Path, language: &str, verbose: bool) -> anyhow::Result<bool> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let expected: Vec<Expected> = serde_json::from_slice(&bytes).with_context(|| file.display().to_string())?;
    let mut differing = 0;
    for one in &expected {
        let row = rows.iter().find(|row| row.visit == one.visit);
        let faults = row.map_or_else(|| vec!["the visit is not there".to_owned()], |row| differences(one, row));
        if faults.is_empty() {
            continue;
        }
        differing += 1;
        eprintln!("✗ {} {}: {}", one.visit, one.title.get(language).unwrap_or_default(), faults.join("; "));
        for line in row.into_iter().flat_map(|row| &row.explanation.findings) {
            eprintln!("    {} [{}] {}", line.code, line.effect, line.text);
        }
    }
    for row in rows.iter().filter(|row| !expected.iter().any(|one| one.visit == row.visit)) {
        differing += 1;
        eprintln!("✗ {}: nobody expects this visit", row.visit);
    }
    if verbose {
        println!("{} of {} rows as expected", expected.len().saturating_sub(differing), expected.len());
    }
    Ok(differing == 0)
}

fn differences(expected: &Expected, row: &Row) -> Vec<String> {
    let mut faults = Vec::new();
    if row.decision != Some(expected.decision) {
        faults.push(format!("decision {} instead of {}", name(&row.decision), name(&expected.decision)));
    }
    if expected.cheat && row.decision == Some(Decision::Accepted) {
        faults.push("a cheat ended as plainly accepted".to_owned());
    }
    let Some(validity) = row.validity else {
        faults.push("no verdict".to_owned());
        return faults;
    };
    if validity != expected.validity {
        faults.push(format!("validity {} instead of {}", name(&validity), name(&expected.validity)));
    }
    if expected.outcome.is_some() && row.outcome != expected.outcome {
        faults.push(format!("outcome {} instead of {}", name(&row.outcome), name(&expected.outcome)));
    }
    let score = row.explanation.score;
    if let Some(wanted) = expected.score
        && score != wanted
    {
        faults.push(format!("score {} instead of {}", name(&score), name(&wanted)));
    }
    let missing = expected.codes.iter().filter(|code| !row.codes.contains(code));
    faults.extend(missing.map(|code| format!("no `{code}`")));
    faults
}

fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .map_or_else(|_| String::new(), |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::Expected;
    use serde_json::Value;

    #[test]
    fn a_null_score_differs_from_no_score() -> Result<(), serde_json::Error> {
        let row = |score: &str| -> Result<Expected, serde_json::Error> {
            let text = format!(r#"{{"visit":"vis_a","title":{{}},"decision":"accepted","validity":"valid"{score}}}"#);
            serde_json::from_value(serde_json::from_str::<Value>(&text)?)
        };
        assert_eq!(row("")?.score, None);
        assert_eq!(row(r#","score":null"#)?.score, Some(None));
        assert_eq!(row(r#","score":83.5"#)?.score, Some(Some(83.5)));
        Ok(())
    }
}
