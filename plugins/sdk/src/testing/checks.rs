//! What must hold for every plugin, whatever its cases say: complete texts, declared codes, filled messages, known members.

use super::compare;
use crate::answer::Finding;
use crate::input::Input;
use crate::manifest::{Manifest, RuleManifest, TextMap};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The languages every text for people must have.
const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

/// Problems of the manifest's names and texts.
pub(super) fn texts(manifest: &Manifest) -> Vec<String> {
    let mut problems = Vec::new();
    text("title", &manifest.title, &mut problems);
    let mut ids = BTreeSet::new();
    for rule in &manifest.rules {
        let id = &rule.id;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            problems.push(format!("rule id `{id}` is not [a-z0-9_]+"));
        }
        if !ids.insert((rule.interface, id)) {
            problems.push(format!("rule `{id}` is listed twice"));
        }
        text(&format!("{id}: title"), &rule.title, &mut problems);
        text(&format!("{id}: description"), &rule.description, &mut problems);
        for code in &rule.codes {
            text(&format!("{id}: message of {}", code.code), &code.message, &mut problems);
        }
    }
    problems
}

/// Problems of one text: a language is missing, or its placeholders are not those of the others.
fn text(what: &str, text: &TextMap, problems: &mut Vec<String>) {
    for language in LANGUAGES {
        if text.get(language).is_none_or(|text| text.trim().is_empty()) {
            problems.push(format!("{what}: no text in {language}"));
        }
    }
    let names: BTreeSet<_> = text.values().map(|text| placeholders(text)).collect();
    if names.len() > 1 {
        problems.push(format!("{what}: the languages do not have the same placeholders: {names:?}"));
    }
}

/// The names in `{braces}`.
fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

/// What is wrong with a finding whatever the case expects.
pub(super) fn finding(rule: &RuleManifest, finding: &Finding) -> Option<String> {
    let Some(declared) = rule.codes.iter().find(|declared| declared.code == finding.code) else {
        return Some(format!("code `{}` is not declared", finding.code));
    };
    let missing: BTreeSet<_> = declared
        .message
        .values()
        .flat_map(|message| placeholders(message))
        .filter(|name| !finding.params.contains_key(*name))
        .collect();
    (!missing.is_empty()).then(|| format!("`{}` does not fill {missing:?} of its message", finding.code))
}

/// Members of a case's input that this SDK does not read: a typo, or a mirror that fell behind.
pub(super) fn input(rule: &str, case_input: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if case_input.get("rule").and_then(Value::as_str) != Some(rule) {
        problems.push(format!("/rule of the input is not `{rule}`"));
    }
    // An input that cannot be read at all may be what the case is about.
    if let Ok(read) = serde_json::from_value::<Input>(case_input.clone()) {
        let known = without_nulls(serde_json::to_value(read).unwrap_or_default());
        let unread = compare::differences(&without_nulls(case_input.clone()), &known);
        // Members the SDK fills with a default are fine; members it drops are not.
        problems.extend(
            unread
                .into_iter()
                .filter(|difference| !difference.contains(": expected nothing, got "))
                .map(|difference| format!("input {difference} by the SDK")),
        );
    }
    problems
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
