//! What the cases of a rule show: which pass, which catch what, how bad that is and how much it weighs by itself.

use super::{files, list, read_json};
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The cases of one rule.
pub struct Cases {
    /// Where they are, from the root of the repository.
    pub file: String,
    /// Each by its sentence.
    cases: Vec<Case>,
}

struct Case {
    name: String,
    /// Code, severity and weight of each finding; none where it expects none or something else.
    findings: Option<Vec<(String, String, u64)>>,
    is_error: bool,
}

/// The case files of a folder, by rule.
///
/// # Errors
/// One cannot be read.
pub fn read(root: &Path, folder: &Path) -> Result<BTreeMap<String, Cases>> {
    let mut by_rule = BTreeMap::new();
    if folder.is_dir() {
        for file in files(folder, "json")? {
            let value = read_json(&file)?;
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            let rule = value["rule"].as_str().unwrap_or_default().to_owned();
            by_rule.insert(rule, Cases::of(&shown, &value));
        }
    }
    Ok(by_rule)
}

impl Cases {
    /// Those of a case file.
    pub fn of(file: &str, value: &Value) -> Self {
        let finding = |found: &Value| {
            let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
            (text("code"), text("severity"), found["weight"].as_u64().unwrap_or_default())
        };
        let case = |case: &Value| Case {
            name: case["name"].as_str().unwrap_or_default().to_owned(),
            findings: case["expect"]["findings"].as_array().map(|found| found.iter().map(finding).collect()),
            is_error: !case["expect"]["error"].is_null(),
        };
        Self { file: file.to_owned(), cases: list(value, "cases").map(case).collect() }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.cases.len()
    }

    /// Those that find nothing, or score.
    pub fn accepted(&self) -> impl Iterator<Item = &str> {
        let passes = |case: &&Case| !case.is_error && case.findings.as_ref().is_none_or(Vec::is_empty);
        self.cases.iter().filter(passes).map(|case| case.name.as_str())
    }

    /// Those in which the rule cannot answer.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().filter(|case| case.is_error).map(|case| case.name.as_str())
    }

    /// Those that find this.
    pub fn caught<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a str> {
        let finds = move |case: &&Case| case.findings.iter().flatten().any(|(found, ..)| found == code);
        self.cases.iter().filter(finds).map(|case| case.name.as_str())
    }

    /// How bad the rule calls this.
    pub fn severities<'a>(&'a self, code: &'a str) -> BTreeSet<&'a str> {
        self.found(code).map(|(_, severity, _)| severity.as_str()).collect()
    }

    /// What this weighs by itself, in percent.
    pub fn weights(&self, code: &str) -> BTreeSet<u64> {
        self.found(code).map(|(.., weight)| *weight).collect()
    }

    fn found<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a (String, String, u64)> {
        self.cases.iter().flat_map(|case| case.findings.iter().flatten()).filter(move |(found, ..)| found == code)
    }
}
