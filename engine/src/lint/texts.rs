//! Texts of a document: there in every language, with the same placeholders, and found by those who ask for them.

use super::{Place, Report};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn check(root: &Place<'_>, report: &mut Report) {
    let languages: Vec<&str> = root.items("languages").iter().filter_map(|language| language.value.as_str()).collect();
    for text in texts(root, &languages) {
        translations(&text, &languages, report);
    }
    let known: BTreeSet<&str> = root.members("texts").into_iter().map(|(key, _)| key).collect();
    let checks = root.items("steps").into_iter().flat_map(|step| step.items("checks"));
    let caps = root.get("score").into_iter().flat_map(|score| score.items("caps"));
    for user in checks.chain(caps) {
        if let Some(key) = user.text("message")
            && !known.contains(key)
        {
            report.add(user.child("message"), "text.unknown", json!({ "key": key }));
        }
    }
    let forms = root.items("steps").into_iter().filter_map(|step| step.get("form").and_then(|form| form.get("schema")));
    for (pointer, key) in forms.flat_map(labels) {
        if !known.contains(key.as_str()) {
            report.add(pointer, "text.unknown", json!({ "key": key }));
        }
    }
}

/// The texts JSON Forms looks up: `<i18n>.label`, and `<i18n>.<value>` for each choice.
fn labels(schema: Place<'_>) -> Vec<(String, String)> {
    let (mut found, mut pending) = (Vec::new(), vec![schema]);
    while let Some(place) = pending.pop() {
        if let Some(key) = place.text("i18n") {
            let choices = place.items("enum").into_iter().filter_map(|choice| choice.value.as_str());
            let names = ["label"].into_iter().chain(choices);
            found.extend(names.map(|name| (place.child("i18n"), format!("{key}.{name}"))));
        }
        pending.extend(children(&place).into_iter().map(|(_, child)| child));
    }
    found
}

/// Every text of the document.
fn texts<'a>(root: &Place<'a>, languages: &[&str]) -> Vec<Place<'a>> {
    let mut found: Vec<Place<'a>> = root.get("title").into_iter().collect();
    for map in ["labels", "texts"] {
        found.extend(root.members(map).into_iter().map(|(_, text)| text));
    }
    for map in ["parameters", "datasets"] {
        for (_, item) in root.members(map) {
            found.extend(item.get("title"));
            found.extend(item.get("schema").into_iter().flat_map(|schema| annotations(schema, languages)));
        }
    }
    for step in root.items("steps") {
        found.extend(step.get("title").into_iter().chain(step.get("help")));
        found.extend(step.items("evidence").into_iter().filter_map(|evidence| evidence.get("title")));
        if let Some(form) = step.get("form") {
            found.extend(form.get("schema").into_iter().flat_map(|schema| annotations(schema, languages)));
            found.extend(form.get("ui").into_iter().flat_map(|ui| inside(ui, languages)));
        }
    }
    let mut nodes: Vec<Place<'a>> = root.get("score").and_then(|score| score.get("root")).into_iter().collect();
    while let Some(node) = nodes.pop() {
        found.extend(node.get("title"));
        nodes.extend(node.items("nodes"));
    }
    found.extend(root.members("ledgers").into_iter().filter_map(|(_, ledger)| ledger.get("title")));
    for list in ["outcomes", "tasks"] {
        found.extend(root.items(list).into_iter().filter_map(|item| item.get("title")));
    }
    found
}

/// Texts in the `x-…` annotations of a schema.
fn annotations<'a>(schema: Place<'a>, languages: &[&str]) -> Vec<Place<'a>> {
    let (mut found, mut pending) = (Vec::new(), vec![schema]);
    while let Some(place) = pending.pop() {
        for (name, child) in children(&place) {
            if name.starts_with("x-") { found.extend(inside(child, languages)) } else { pending.push(child) }
        }
    }
    found
}

/// Texts anywhere inside `place`: objects of strings with one of the languages of the document.
fn inside<'a>(place: Place<'a>, languages: &[&str]) -> Vec<Place<'a>> {
    let (mut found, mut pending) = (Vec::new(), vec![place]);
    while let Some(place) = pending.pop() {
        let is_text = place.value.as_object().is_some_and(|members| {
            members.values().all(Value::is_string) && languages.iter().any(|language| members.contains_key(*language))
        });
        if is_text {
            found.push(place);
        } else {
            pending.extend(children(&place).into_iter().map(|(_, child)| child));
        }
    }
    found
}

fn children<'a>(place: &Place<'a>) -> Vec<(String, Place<'a>)> {
    let named: Vec<(String, &'a Value)> = match place.value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    named.into_iter().map(|(name, value)| (name.clone(), Place { value, pointer: place.child(&name) })).collect()
}

fn translations(text: &Place<'_>, languages: &[&str], report: &mut Report) {
    let mut expected: Option<BTreeSet<&str>> = None;
    for language in languages {
        let Some(sentence) = text.text(language).filter(|sentence| !sentence.trim().is_empty()) else {
            report.add(text.pointer.clone(), "text.missing", json!({ "language": language }));
            continue;
        };
        let found = placeholders(sentence);
        let wanted = expected.get_or_insert_with(|| found.clone());
        if *wanted != found {
            let params = json!({ "language": language, "wanted": wanted, "found": found });
            report.add(text.child(language), "text.placeholders", params);
        }
    }
}

/// The names between `{` and `}`.
fn placeholders(sentence: &str) -> BTreeSet<&str> {
    let opened = sentence.split('{').skip(1);
    opened.filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).collect()
}
