//! Comparing a judged day with the rows a domain expert expects.

use anyhow::Context as _;
use engine::effective::EffectiveSop;
use engine::explain;
use engine::journal::Journal;
use engine::submit::standing_decision;
use engine::text::Text;
use engine::verdict::{Decision, Validity};
use engine::visit::Visit;
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
pub fn compare(
    sop: &EffectiveSop,
    journal: &Journal<'_>,
    file: &Path,
    language: &str,
    verbose: bool,
) -> anyhow::Result<bool> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let rows: Vec<Expected> = serde_json::from_slice(&bytes).with_context(|| file.display().to_string())?;
    let mut differing = 0;
    for row in &rows {
        let faults = match journal.visits().get(&row.visit) {
            Some(visit) => differences(row, visit),
            None => vec!["the visit is not there".to_owned()],
        };
        if !faults.is_empty() {
            differing += 1;
            eprintln!("✗ {} {}: {}", row.visit, row.title.get(language).unwrap_or_default(), faults.join("; "));
            if let Some(visit) = journal.visits().get(&row.visit) {
                for line in explain::visit(sop, visit, language).findings {
                    eprintln!("    {} [{}] {}", line.code, line.effect, line.text);
                }
            }
        }
    }
    for id in journal.visits().keys().filter(|id| !rows.iter().any(|row| row.visit == **id)) {
        differing += 1;
        eprintln!("✗ {id}: nobody expects this visit");
    }
    if verbose {
        println!("{} of {} rows as expected", rows.len().saturating_sub(differing), rows.len());
    }
    Ok(differing == 0)
}

fn differences(row: &Expected, visit: &Visit) -> Vec<String> {
    let mut faults = Vec::new();
    let decision = standing_decision(visit);
    if decision != Some(row.decision) {
        faults.push(format!("decision {} instead of {}", name(&decision), name(&row.decision)));
    }
    if row.cheat && decision == Some(Decision::Accepted) {
        faults.push("a cheat ended as plainly accepted".to_owned());
    }
    let Some(verdict) = visit.verdict() else {
        faults.push("no verdict".to_owned());
        return faults;
    };
    if verdict.validity != row.validity {
        faults.push(format!("validity {} instead of {}", name(&verdict.validity), name(&row.validity)));
    }
    if row.outcome.is_some() && verdict.outcome != row.outcome {
        faults.push(format!("outcome {} instead of {}", name(&verdict.outcome), name(&row.outcome)));
    }
    let score = verdict.score.as_ref().and_then(|score| score.total);
    if let Some(expected) = row.score
        && score != expected
    {
        faults.push(format!("score {} instead of {}", name(&score), name(&expected)));
    }
    let refused =
        visit.refused.iter().flat_map(|refusal| refusal.findings.iter().map(|f| &f.code).chain([&refusal.code]));
    let codes: Vec<&String> = verdict.findings.iter().map(|finding| &finding.code).chain(refused).collect();
    faults.extend(row.codes.iter().filter(|code| !codes.contains(code)).map(|code| format!("no `{code}`")));
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
