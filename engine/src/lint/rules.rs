//! Plugin rules a document binds: known, in a place they are made for, with a config they accept.

use super::{Place, Report, forms};
use crate::form::{CompiledForm, below, tokens};
use crate::rule::{Interface, Manifest, RuleManifest};
use semver::{Version, VersionReq};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(root: &Place<'_>, manifests: Option<&BTreeMap<String, Manifest>>, report: &mut Report) {
    let plugins = root.members("plugins");
    for (name, plugin) in &plugins {
        version(name, plugin, manifests, report);
    }
    let listed: BTreeSet<&str> = plugins.iter().map(|(name, _)| *name).collect();
    let on_steps = root.items("steps").into_iter().flat_map(|step| step.items("rules"));
    let on_visit = root.items("rules").into_iter();
    let on_score = root.get("score").into_iter().flat_map(|score| score.items("rules"));
    let bindings = on_steps
        .map(|rule| (rule, &[Interface::Validate, Interface::Assess][..]))
        .chain(on_visit.map(|rule| (rule, &[Interface::Assess][..])))
        .chain(on_score.map(|rule| (rule, &[Interface::Score][..])));
    for (binding, allowed) in bindings {
        let Some((plugin, rule)) = binding.text("rule").and_then(|rule| rule.split_once('/')) else { continue };
        let place = binding.child("rule");
        if !listed.contains(plugin) {
            report.add(place.clone(), "rule.plugin_not_listed", json!({ "plugin": plugin }));
        }
        let Some(manifests) = manifests else { continue };
        let Some(manifest) = manifests.get(plugin) else {
            report.add(place, "rule.unknown_plugin", json!({ "plugin": plugin }));
            continue;
        };
        let Some(manifest) = manifest.rules.iter().find(|candidate| candidate.id == rule) else {
            let known: Vec<&str> = manifest.rules.iter().map(|rule| rule.id.as_str()).collect();
            report.add(place, "rule.unknown", json!({ "rule": rule, "plugin": plugin, "known": known }));
            continue;
        };
        if !allowed.contains(&manifest.interface) {
            report.add(
                place,
                "rule.wrong_place",
                json!({ "rule": rule, "interface": manifest.interface, "allowed": allowed }),
            );
        }
        config(&binding, manifest, report);
        codes(&binding, manifest, report);
    }
}

fn version(name: &str, plugin: &Place<'_>, manifests: Option<&BTreeMap<String, Manifest>>, report: &mut Report) {
    let Some(text) = plugin.value.as_str() else { return };
    let Ok(wanted) = VersionReq::parse(text) else {
        return report.add(plugin.pointer.clone(), "plugin.version_range", json!({ "range": text }));
    };
    let Some(manifest) = manifests.and_then(|manifests| manifests.get(name)) else { return };
    if !Version::parse(&manifest.version).is_ok_and(|version| wanted.matches(&version)) {
        let params = json!({ "plugin": name, "range": text, "version": manifest.version });
        report.add(plugin.pointer.clone(), "plugin.version_mismatch", params);
    }
}

/// Literal members are checked by value, computed ones by name.
fn config(binding: &Place<'_>, manifest: &RuleManifest, report: &mut Report) {
    let Ok(form) = CompiledForm::compile(&manifest.config) else {
        return report.add(binding.child("rule"), "rule.config_unusable", json!({ "rule": manifest.id }));
    };
    let given = binding.value.get("config").and_then(Value::as_object);
    let is_computed = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('='));
    let members: Map<String, Value> = given
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), if is_computed(value) { Value::Null } else { value.clone() }))
        .collect();
    let place = binding.child("config");
    for violation in form.validate(&Value::Object(members), &BTreeMap::new()) {
        let member = tokens(&violation.pointer).and_then(|tokens| tokens.into_iter().next());
        let computed = member.and_then(|name| given?.get(&name)).is_some_and(is_computed);
        if computed && violation.keyword != "additionalProperties" {
            continue;
        }
        let mut params = forms::wanted(&violation);
        if let Some(members) = params.as_object_mut() {
            members.insert("rule".to_owned(), json!(manifest.id));
        }
        report.add(format!("{place}{}", violation.pointer), "rule.config", params);
    }
}

fn codes(binding: &Place<'_>, manifest: &RuleManifest, report: &mut Report) {
    let known: Vec<&str> = manifest.codes.iter().map(|code| code.code.as_str()).collect();
    for list in ["effects", "weights"] {
        for (code, _) in binding.members(list) {
            if !known.contains(&code) {
                let pointer = below(&binding.child(list), code);
                report.add(pointer, "rule.unknown_code", json!({ "code": code, "rule": manifest.id, "known": known }));
            }
        }
    }
}
