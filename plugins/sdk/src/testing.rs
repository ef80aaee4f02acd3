//! Case files: a rule's behaviour as data, run natively here and as a component by others.
//!
//! ```json
//! { "rule": "stairs", "base": {"…": "a complete input"}, "lookups": {"dataset": {"key": {"…": "row"}}},
//!   "cases": [{ "name": "Twenty steps are fine.", "input": {"submission": {"answers": {"steps": 20}}},
//!               "expect": {"findings": []} }] }
//! ```
//!
//! `input` and `lookups` of a case are merge patches (RFC 7396) over the file's. The expectation is exact, except that
//! `30` and `30.0` are the same number and an `error` is compared by its code.

mod checks;
mod compare;

use crate::answer::{Answer, Finding, RuleError, Scorecard};
use crate::manifest::{CodeManifest, RuleManifest};
use crate::native::{self, Lookups};
use crate::rule::{Interface, Plugin};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// A case file with its patches not yet applied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Rule name within the plugin; also the name of the file.
    pub rule: String,
    /// A complete input.
    pub base: Value,
    /// Dataset rows by dataset, then key.
    #[serde(default)]
    pub lookups: Map<String, Value>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence: what happens and what becomes of it.
    pub name: String,
    /// Merge patch over the file's `base`.
    #[serde(default)]
    pub input: Map<String, Value>,
    /// Merge patch over the file's `lookups`.
    #[serde(default)]
    pub lookups: Map<String, Value>,
    /// What the rule must answer.
    pub expect: Expect,
}

/// What the rule must answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Expect {
    /// These findings in this order.
    Findings(Vec<Finding>),
    /// This scorecard.
    Scorecard(Scorecard),
    /// This error.
    Error(ExpectedError),
}

/// An error by its code; the message is for people and free to change.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    /// The code of the `RuleError`.
    pub code: String,
}

/// A case ready to run.
#[derive(Clone, Debug)]
pub struct ResolvedCase {
    /// The case's sentence.
    pub name: String,
    /// The whole input.
    pub input: Value,
    /// The rows it can look up.
    pub lookups: Lookups,
    /// What the rule must answer.
    pub expect: Expect,
}

impl CaseFile {
    /// Applies the patches.
    ///
    /// # Errors
    /// When the lookups are not objects of objects.
    pub fn resolve(&self) -> Result<Vec<ResolvedCase>, String> {
        self.cases
            .iter()
            .map(|case| {
                let mut input = self.base.clone();
                compare::merge(&mut input, &Value::Object(case.input.clone()));
                let mut lookups = Value::Object(self.lookups.clone());
                compare::merge(&mut lookups, &Value::Object(case.lookups.clone()));
                let lookups =
                    serde_json::from_value(lookups).map_err(|error| format!("{}: lookups: {error}", case.name))?;
                Ok(ResolvedCase { name: case.name.clone(), input, lookups, expect: case.expect.clone() })
            })
            .collect()
    }
}

/// What ran without a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Rules of the plugin.
    pub rules: usize,
    /// Cases run.
    pub cases: usize,
}

/// Everything that went wrong, one problem a line or more.
pub struct CasesFailed(pub Vec<String>);

impl fmt::Display for CasesFailed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} problem(s)", self.0.len())?;
        self.0.iter().try_for_each(|problem| writeln!(out, "- {problem}"))
    }
}

/// The same as `Display`: a test that returns this error shows it to a person.
impl fmt::Debug for CasesFailed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl std::error::Error for CasesFailed {}

/// Runs every `*.json` in `folder` (relative to the plugin's crate) against the rules of `P`, and looks at what cases
/// cannot say by themselves: every text is there in English and Chinese, every rule has cases, every declared code is
/// expected by one, every finding's code is declared and its parameters fill the message.
///
/// # Errors
/// All problems at once, with the case's name and the places where answer and expectation differ.
pub fn check_cases<P: Plugin>(folder: impl AsRef<Path>) -> Result<Checked, CasesFailed> {
    let manifest = P::manifest();
    let mut problems = checks::texts(&manifest);
    let mut files = read_folder(folder.as_ref(), &mut problems);
    let mut n_cases = 0;
    for rule in &manifest.rules {
        match files.remove(&rule.id) {
            Some(file) => n_cases += check_file::<P>(rule, &file, &mut problems),
            None => problems.push(format!("rule `{}` has no case file {}.json", rule.id, rule.id)),
        }
    }
    problems.extend(files.keys().map(|name| format!("{name}.json: the plugin has no rule `{name}`")));
    if problems.is_empty() {
        Ok(Checked { rules: manifest.rules.len(), cases: n_cases })
    } else {
        Err(CasesFailed(problems))
    }
}

/// Case files by their name without `.json`.
fn read_folder(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, CaseFile> {
    let mut files = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(format!("{}: {error}", folder.display()));
            return files;
        }
    };
    for path in
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"))
    {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match read_file(&path) {
            Ok(file) if file.rule == name => {
                files.insert(name, file);
            }
            Ok(file) => {
                problems.push(format!("{name}.json: holds cases of rule `{}`; name the file after it", file.rule))
            }
            Err(problem) => problems.push(format!("{name}.json: {problem}")),
        }
    }
    files
}

/// Reads one case file.
///
/// # Errors
/// When it cannot be read, or is not a case file: with the place.
pub fn read_file(path: &Path) -> Result<CaseFile, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text)).map_err(|error| error.to_string())
}

fn check_file<P: Plugin>(rule: &RuleManifest, file: &CaseFile, problems: &mut Vec<String>) -> usize {
    let cases = match file.resolve() {
        Ok(cases) => cases,
        Err(problem) => {
            problems.push(format!("{}: {problem}", rule.id));
            return 0;
        }
    };
    if cases.is_empty() {
        problems.push(format!("{}: no cases", rule.id));
    }
    let mut names = BTreeSet::new();
    let mut expected: BTreeSet<&str> = BTreeSet::new();
    for case in &cases {
        if !names.insert(&case.name) {
            problems.push(format!("{}: two cases are called \"{}\"", rule.id, case.name));
        }
        if let Expect::Findings(findings) = &case.expect {
            expected.extend(findings.iter().map(|finding| finding.code.as_str()));
        }
        let found = check_case::<P>(rule, case);
        problems.extend(found.into_iter().map(|problem| format!("{}: {}\n    {problem}", rule.id, case.name)));
    }
    for CodeManifest { code, .. } in rule.codes.iter().filter(|declared| !expected.contains(declared.code.as_str())) {
        problems.push(format!("{}: no case expects `{code}`", rule.id));
    }
    cases.len()
}

fn check_case<P: Plugin>(rule: &RuleManifest, case: &ResolvedCase) -> Vec<String> {
    let mut problems = checks::input(&rule.id, &case.input);
    let answer = run_case::<P>(rule.interface, &rule.id, case);
    if let Ok(Answer::Findings(findings)) = &answer {
        problems.extend(findings.iter().filter_map(|finding| checks::finding(rule, finding)));
    }
    problems.extend(compare::expectation(&case.expect, &answer));
    problems
}

/// Runs one case natively.
///
/// # Errors
/// What the rule answers instead of a result.
pub fn run_case<P: Plugin>(interface: Interface, rule: &str, case: &ResolvedCase) -> Result<Answer, RuleError> {
    native::run::<P>(interface, rule, &case.input.to_string(), &case.lookups)
}
