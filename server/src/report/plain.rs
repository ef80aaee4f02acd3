//! Findings and refused attempts in plain words: the engine's sentences, with ids and codes in them replaced by what
//! people call those things.

use super::page::Page;
use super::personal::MASK;
use super::words::Words;
use engine::explain;
use engine::form::Place;
use engine::rule::Finding;
use engine::sop::Effect;
use engine::verdict::Refusal;
use serde_json::{Number, Value};

/// A finding that stands.
pub struct Found {
    /// From 1.
    pub number: usize,
    /// Step key, empty for the visit.
    pub step: String,
    /// JSON Pointer into the answers.
    pub pointer: String,
    /// What it does.
    pub effect: Effect,
    /// The effect it would have had if the step could still be corrected.
    pub original_effect: Option<Effect>,
    /// What it says.
    pub text: String,
    /// Stable code.
    pub code: String,
    /// Who says so.
    pub source: String,
    /// Risk weight in percent.
    pub weight: u32,
    /// Hashes of evidence.
    pub evidence: Vec<String>,
}

/// A refused attempt.
pub struct Attempt {
    /// Step key, empty where it was not about one.
    pub step: String,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
}

/// The findings of the verdict, or of the steps so far; gravest first, then in the order of the steps.
pub fn found(page: &Page<'_>) -> Vec<Found> {
    let so_far = || page.visit.steps.values().flat_map(|record| &record.findings);
    let mut findings: Vec<&Finding> =
        page.visit.verdict().map_or_else(|| so_far().collect(), |verdict| verdict.findings.iter().collect());
    let position = |finding: &Finding| page.keys.iter().position(|(key, _)| *key == finding.step);
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.effect), position(finding)));
    findings
        .into_iter()
        .enumerate()
        .map(|(index, finding)| Found {
            number: index + 1,
            step: finding.step.clone(),
            pointer: finding.pointer.clone(),
            effect: finding.effect,
            original_effect: finding.original_effect,
            text: sentence(page, finding),
            code: finding.code.clone(),
            source: source(page, &finding.source),
            weight: finding.weight,
            evidence: finding.evidence.clone(),
        })
        .collect()
}

/// The refused attempts, in order.
pub fn attempts(page: &Page<'_>) -> Vec<Attempt> {
    page.visit.refused.iter().map(|refusal| attempt(page, refusal)).collect()
}

fn attempt(page: &Page<'_>, refusal: &Refusal) -> Attempt {
    let rejecting: Vec<&Finding> = refusal.findings.iter().filter(|finding| finding.effect == Effect::Reject).collect();
    if let Some(first) = rejecting.first() {
        let mut reasons: Vec<String> = rejecting.iter().map(|finding| sentence(page, finding)).collect();
        reasons.dedup();
        return Attempt { step: first.step.clone(), reasons };
    }
    let is_step = |key: &&str| page.keys.iter().any(|(known, _)| known == key);
    let step = refusal.params.get("step").and_then(Value::as_str).filter(is_step).unwrap_or_default().to_owned();
    let params = refusal.params.iter().map(|(name, value)| (name.clone(), readable(page, name, value)));
    let readable = Refusal { params: params.collect(), ..refusal.clone() };
    let reasons = explain::refusal(page.sop, &readable, page.words.language).into_iter().map(|line| line.text);
    Attempt { step, reasons: reasons.collect() }
}

/// What a finding says.
fn sentence(page: &Page<'_>, finding: &Finding) -> String {
    let masked = page.is_masked(&finding.step, &finding.pointer);
    let mut readable_finding = finding.clone();
    for (name, value) in &mut readable_finding.params {
        // Two parameters are keys by which the sentence is found.
        if !matches!(name.as_str(), "message" | "requirement") {
            *value = if masked { MASK.into() } else { readable(page, name, value) };
        }
    }
    let said = explain::finding(page.sop, &readable_finding, page.words.language).text;
    // The engine's sentences about a form do not name the answer.
    match finding.source.as_str() {
        "form" | "absent" if !finding.pointer.is_empty() => place(page, finding) + &said,
        _ => said,
    }
}

/// The answer a finding points at, by its titles.
fn place(page: &Page<'_>, finding: &Finding) -> String {
    let step = finding.step.split('[').next().unwrap_or(&finding.step);
    let Some(form) = page.sop.step(step).and_then(|step| step.form.as_ref()) else { return String::new() };
    let path = Place::root(form, &page.sop.sop.texts).path(page.words.language, &finding.pointer);
    path.join(" › ") + &page.words.say("why.colon")
}

/// A parameter of a sentence as people would say it.
fn readable(page: &Page<'_>, name: &str, value: &Value) -> Value {
    let words = &page.words;
    match value {
        Value::String(text) if !page.report.personal && page.personal.is_in(text) => MASK.into(),
        Value::String(text) => match name {
            "step" | "steps" | "waits_for" => {
                let titles: Vec<String> = text.split(", ").map(|key| page.step_title(key)).collect();
                words.list(&titles).into()
            }
            "rule" => source(page, text).into(),
            "reason" | "failure" | "state" | "verb" => coded(words, name, text),
            _ => page.report.names.get(text).map_or_else(|| value.clone(), |known| Value::from(known.as_str())),
        },
        // 300.0 is 300.
        Value::Number(number) => whole(number).unwrap_or_else(|| value.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.clone(),
    }
}

fn coded(words: &Words<'_>, name: &str, code: &str) -> Value {
    words.known(&format!("{name}.{code}")).unwrap_or(code).into()
}

fn whole(number: &Number) -> Option<Value> {
    let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
    Some(Value::from(number as i64))
}

/// Who says so: the title of a rule, or what a built-in check is called.
fn source(page: &Page<'_>, source: &str) -> String {
    let rule = page.sop.rule(source).map(|(_, manifest)| page.words.of(&manifest.title));
    rule.or_else(|| page.words.known(&format!("source.{source}"))).unwrap_or(source).to_owned()
}
