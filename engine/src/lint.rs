//! Lint: everything that is wrong with an SOP document, found at once and said so that its author can put it right.
//!
//! Works on the JSON, not on `Sop`, so that a missing title does not hide a cycle: the shape is checked against
//! `schemas/sop.schema.json`, and whatever is there is looked at further. One file per subject; each adds problems to one
//! `Report`. The sentences for people are data (`lint/hints.json`). What must not live here: anything that judges a visit.

mod conditions;
mod flow;
mod forms;
mod locks;
mod place;
mod results;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod texts;

use crate::canon::{self, CanonError};
use crate::form::CompiledForm;
use crate::rule::Manifest;
use crate::sop::Sop;
use crate::text::{Text, fill};
use place::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Largest SOP document, in bytes.
pub const MAX_DOCUMENT: usize = 2 * 1024 * 1024;
/// Deepest SOP document.
pub const MAX_DEPTH: usize = 64;
/// The meta-schema of SOP documents, JSON Schema 2020-12.
pub const SCHEMA: &str = include_str!("../../schemas/sop.schema.json");
/// Hints by problem code.
static HINTS: LazyLock<BTreeMap<String, Text>> =
    LazyLock::new(|| serde_json::from_str(include_str!("lint/hints.json")).unwrap_or_default());

/// Something that is wrong with an SOP document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = LintProblem))]
pub struct Problem {
    /// JSON Pointer (RFC 6901) into the document; for a missing member, that member.
    pub pointer: String,
    /// Stable, for instance `step.cycle`.
    pub code: String,
    /// Values for the hint.
    pub params: BTreeMap<String, Value>,
}

impl Problem {
    /// What to do about it, for an author who is not a programmer. Empty for a code nobody wrote a hint for.
    #[must_use]
    pub fn hint(&self, language: &str) -> String {
        let params = self.params.iter().map(|(name, value)| (name.clone(), spoken(value))).collect();
        hint(&self.code, language).map(|template| fill(&template, &Value::Object(params))).unwrap_or_default()
    }
}

/// Lists without brackets.
fn spoken(value: &Value) -> Value {
    let Value::Array(items) = value else { return value.clone() };
    let words: Vec<String> =
        items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
    Value::String(words.join(", "))
}

/// The hint for a problem code in `language` (or the nearest there is), with `{placeholders}`.
#[must_use]
pub fn hint(code: &str, language: &str) -> Option<String> {
    HINTS.get(code).and_then(|text| text.get(language)).map(str::to_owned)
}

/// Every problem of the SOP document in `bytes`, sorted by (pointer, code), and the document itself if it can be read.
///
/// `plugins` are the manifests of the plugins at hand, by name; without them, what depends on them is not checked. An SOP
/// may be published if there is no problem.
#[must_use]
pub fn lint(bytes: &[u8], plugins: Option<&BTreeMap<String, Manifest>>) -> (Option<Sop>, Vec<Problem>) {
    let mut report = Report::default();
    let document = match shape::read(bytes) {
        Ok(document) => document,
        Err(problem) => return (None, vec![*problem]),
    };
    shape::check(&document, &mut report);
    if let Err(CanonError::Number { pointer, number }) = canon::jcs(&document) {
        report.add(pointer, "sop.number", json!({ "number": number }));
    }
    let sop = match Sop::deserialize(&document) {
        Ok(sop) => Some(sop),
        Err(error) => {
            if report.problems.is_empty() {
                report.add("", "sop.unreadable", json!({ "detail": error.to_string() }));
            }
            None
        }
    };
    let root = Place::root(&document);
    let facts = forms::check(&root, &mut report);
    flow::check(&root, &mut report);
    conditions::check(&root, &facts, &mut report);
    rules::check(&root, plugins, &mut report);
    results::check(&root, &facts, &mut report);
    texts::check(&root, &mut report);
    locks::check(&root, &mut report);
    (sop, report.sorted())
}

/// What is wrong with the shape of an overlay, sorted by (pointer, code).
pub(crate) fn shape_of_overlay(document: &Value) -> Vec<Problem> {
    let mut report = Report::default();
    shape::check_overlay(document, &mut report);
    if let Err(CanonError::Number { pointer, number }) = canon::jcs(document) {
        report.add(pointer, "sop.number", json!({ "number": number }));
    }
    report.sorted()
}

/// What is wrong with a tenant's values for the parameters of an SOP, sorted by (pointer, code).
#[must_use]
pub fn overrides(sop: &Sop, overrides: &Map<String, Value>) -> Vec<Problem> {
    let mut report = Report::default();
    forms::overrides(sop, overrides, &mut report);
    report.sorted()
}

/// What several checks need to know of the document.
struct Facts<'a> {
    /// Step ids in order; a step without id has an empty one.
    steps: Vec<&'a str>,
    /// Forms by step, where they compile.
    forms: BTreeMap<&'a str, CompiledForm>,
    /// Steps that have a form, compiled or not.
    with_form: BTreeSet<&'a str>,
    /// Names of parameters.
    parameters: BTreeSet<&'a str>,
    /// The custom fields of the customer, if the document says anything about them.
    fields: Option<CompiledForm>,
}

#[derive(Default)]
struct Report {
    problems: Vec<Problem>,
}

impl Report {
    fn add(&mut self, pointer: impl Into<String>, code: &str, params: Value) {
        let params = match params {
            Value::Object(members) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        self.problems.push(Problem { pointer: pointer.into(), code: code.to_owned(), params });
    }

    /// Reports every id that was there before.
    fn duplicates<'a>(&mut self, ids: impl IntoIterator<Item = (&'a str, String)>, code: &str) {
        let mut seen = BTreeSet::new();
        for (id, pointer) in ids {
            if !seen.insert(id) {
                self.add(pointer, code, json!({ "id": id }));
            }
        }
    }

    fn sorted(mut self) -> Vec<Problem> {
        let key = |problem: &Problem| (problem.pointer.clone(), problem.code.clone(), format!("{:?}", problem.params));
        self.problems.sort_by_cached_key(key);
        self.problems.dedup();
        self.problems
    }
}
