//! The component's side of `wit/since_v1`: bindings, and the exports of any plugin. Only on wasm32.
//!
//! A plugin always exports all four interfaces; a rule it does not have, or has under another interface, answers
//! `no_such_rule`.

use crate::answer::{Answer, Finding, RuleError, Scorecard};
use crate::context::{Context, Level};
use crate::rule::{Interface, Plugin, dispatch};
use bindings::exports::sopwith::plugin as exports;
use bindings::sopwith::plugin as imports;
use serde_json::{Map, Value};
use std::marker::PhantomData;

/// What wit-bindgen generates.
#[expect(missing_docs, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/since_v1",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export",
    });
}

pub use bindings::export;

/// The exports of plugin `P`.
#[derive(Debug)]
pub struct Exports<P>(PhantomData<P>);

pub(crate) fn log(level: Level, text: &str) {
    imports::log::write(level.name(), text);
}

pub(crate) fn lookup(dataset: &str, key: &str) -> Option<String> {
    imports::dataset::lookup(dataset, key)
}

fn run<P: Plugin>(interface: Interface, rule: &str, input: &str) -> Result<Answer, imports::types::Error> {
    dispatch::<P>(interface, rule, input, &Context { lifetime: PhantomData }).map_err(error)
}

fn error(error: RuleError) -> imports::types::Error {
    imports::types::Error { code: error.code, message: error.message, retryable: error.retryable }
}

fn findings<P: Plugin>(
    interface: Interface,
    rule: &str,
    input: &str,
) -> Result<Vec<imports::types::Finding>, imports::types::Error> {
    match run::<P>(interface, rule, input)? {
        Answer::Findings(findings) => Ok(findings.into_iter().map(finding).collect()),
        Answer::Scorecard(_) => Err(wrong_answer()),
    }
}

/// Only a hand-written `Kind` can come here.
fn wrong_answer() -> imports::types::Error {
    error(RuleError::new("wrong_answer", "the rule's answer does not belong to its interface"))
}

fn finding(finding: Finding) -> imports::types::Finding {
    imports::types::Finding {
        code: finding.code,
        severity: finding.severity.name().to_owned(),
        pointer: finding.pointer,
        params: object(finding.params),
        weight: finding.weight,
        evidence: finding.evidence,
        ext: String::new(),
    }
}

fn scorecard(card: Scorecard) -> exports::score::Scorecard {
    let part = |part: crate::answer::Part| imports::types::Part {
        id: part.id,
        value: part.value,
        detail: object(part.detail),
    };
    exports::score::Scorecard {
        parts: card.parts.into_iter().map(part).collect(),
        marks: card.marks,
        ext: String::new(),
    }
}

/// A JSON object as text; empty for none.
fn object(members: Map<String, Value>) -> String {
    if members.is_empty() { String::new() } else { Value::Object(members).to_string() }
}

impl<P: Plugin> exports::validate::Guest for Exports<P> {
    fn run(rule: String, input: String) -> Result<Vec<imports::types::Finding>, imports::types::Error> {
        findings::<P>(Interface::Validate, &rule, &input)
    }
}

impl<P: Plugin> exports::assess::Guest for Exports<P> {
    fn run(rule: String, input: String) -> Result<Vec<imports::types::Finding>, imports::types::Error> {
        findings::<P>(Interface::Assess, &rule, &input)
    }
}

impl<P: Plugin> exports::score::Guest for Exports<P> {
    fn run(rule: String, input: String) -> Result<exports::score::Scorecard, imports::types::Error> {
        match run::<P>(Interface::Score, &rule, &input)? {
            Answer::Scorecard(card) => Ok(scorecard(card)),
            Answer::Findings(_) => Err(wrong_answer()),
        }
    }
}

impl<P: Plugin> exports::manifest::Guest for Exports<P> {
    /// Text maps and strings only: it cannot fail; were it to, the host would refuse the empty text.
    fn describe() -> String {
        serde_json::to_string(&P::manifest()).unwrap_or_default()
    }
}
