//! The schemas of a document: forms, parameters, datasets, custom fields; evidence and places of steps.

use super::{Facts, Place, Report};
use crate::form::{CompiledForm, Violation};
use crate::sop::Sop;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check<'a>(root: &Place<'a>, report: &mut Report) -> Facts<'a> {
    let mut facts = Facts {
        steps: Vec::new(),
        forms: BTreeMap::new(),
        with_form: BTreeSet::new(),
        parameters: BTreeSet::new(),
        fields: None,
    };
    let customer = root.get("customer");
    facts.fields = customer.and_then(|customer| customer.get("fields")).and_then(|fields| compile(&fields, report));
    for (name, parameter) in root.members("parameters") {
        facts.parameters.insert(name);
        let form = parameter.get("schema").and_then(|schema| compile(&schema, report));
        let Some(form) = form else { continue };
        let mut fits = |place: &Place<'_>, member: &str, code: &str| {
            let Some(value) = place.value.get(member) else { return };
            for violation in form.validate(value, &BTreeMap::new()) {
                let pointer = format!("{}{}", place.child(member), violation.pointer);
                report.add(pointer, code, wanted(&violation));
            }
        };
        fits(&parameter, "default", "parameter.default");
        for slice in parameter.items("by") {
            fits(&slice, "value", "parameter.slice");
        }
    }
    for (_, dataset) in root.members("datasets") {
        dataset_columns(&dataset, report);
    }
    for step in root.items("steps") {
        let id = step.text("id").unwrap_or_default();
        facts.steps.push(id);
        if let Some(schema) = step.get("form").and_then(|form| form.get("schema")) {
            facts.with_form.insert(id);
            if let Some(form) = compile(&schema, report) {
                facts.forms.insert(id, form);
            }
        }
        evidence(&step, report);
    }
    for signed in root.items("steps").iter().flat_map(|step| step.items("evidence")).flat_map(|it| it.items("signs")) {
        if let Some(step) = signed.value.as_str()
            && !facts.steps.contains(&step)
        {
            report.add(signed.pointer.clone(), "step.unknown", json!({ "step": step }));
        }
    }
    facts
}

/// Compiles the schema at `place`; its problems become problems of the document.
pub(super) fn compile(place: &Place<'_>, report: &mut Report) -> Option<CompiledForm> {
    match CompiledForm::compile(place.value) {
        Ok(form) => Some(form),
        Err(problems) => {
            for problem in problems {
                let pointer = format!("{}{}", place.pointer, problem.pointer);
                report.add(pointer, problem.code, json!({ "detail": problem.detail }));
            }
            None
        }
    }
}

/// What a violation wanted, for a hint.
pub(super) fn wanted(violation: &Violation) -> Value {
    let wanted: Vec<String> = violation.params.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    json!({ "keyword": violation.keyword, "wanted": wanted.join(", ") })
}

/// A value must be for a parameter that exists, and within that parameter's schema.
pub(super) fn overrides(sop: &Sop, overrides: &Map<String, Value>, report: &mut Report) {
    for (name, value) in overrides {
        let pointer = format!("/parameters/{name}");
        let Some(parameter) = sop.parameters.get(name) else {
            report.add(pointer, "parameter.unknown", json!({ "name": name }));
            continue;
        };
        match CompiledForm::compile(&parameter.schema) {
            Ok(form) => {
                for violation in form.validate(value, &BTreeMap::new()) {
                    report.add(format!("{pointer}{}", violation.pointer), "parameter.value", wanted(&violation));
                }
            }
            Err(_) => report.add(pointer, "parameter.value", json!({ "keyword": "schema", "wanted": "" })),
        }
    }
}

/// The key and the column of the slice are columns of text.
fn dataset_columns(dataset: &Place<'_>, report: &mut Report) {
    let Some(schema) = dataset.get("schema") else { return };
    if compile(&schema, report).is_none() {
        return;
    }
    let slice = dataset.get("slice");
    let key = dataset.text("key").map(|key| (dataset.child("key"), key, ["dataset.key_unknown", "dataset.key_type"]));
    let slice = slice.as_ref().and_then(|slice| {
        Some((slice.child("column"), slice.text("column")?, ["dataset.slice_unknown", "dataset.slice_type"]))
    });
    for (place, key, [unknown, no_text]) in key.into_iter().chain(slice) {
        match schema.value.get("properties").and_then(|properties| properties.get(key)) {
            None => report.add(place, unknown, json!({ "key": key })),
            Some(column) if !is_text(column) => report.add(place, no_text, json!({ "key": key })),
            Some(_) => {}
        }
    }
}

/// Whether a column can only hold texts.
fn is_text(column: &Value) -> bool {
    let choices = column.get("enum").and_then(Value::as_array);
    column.get("type") == Some(&json!("string")) || choices.is_some_and(|choices| choices.iter().all(Value::is_string))
}

fn evidence(step: &Place<'_>, report: &mut Report) {
    report.duplicates(step.ids("evidence", "id"), "evidence.duplicate");
    for evidence in step.items("evidence") {
        let bound = |name: &str| evidence.value.get(name).and_then(Value::as_f64);
        if let (Some(min), Some(max)) = (bound("min"), bound("max"))
            && min > max
        {
            report.add(evidence.child("min"), "evidence.min_over_max", json!({ "min": min, "max": max }));
        }
    }
    let known: BTreeSet<&str> = step.ids("evidence", "id").into_iter().map(|(id, _)| id).collect();
    for substitute in step.get("location").iter().flat_map(|location| location.items("substitute")) {
        if let Some(id) = substitute.value.as_str()
            && !known.contains(id)
        {
            report.add(substitute.pointer.clone(), "location.unknown_substitute", json!({ "id": id }));
        }
    }
}
