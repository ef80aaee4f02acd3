//! `cargo xtask rules`: writes docs/rules.md, what every rule and every check does, where it is bound, with which
//! effect and weight, where it comes from, and the cases that show it.
//!
//! Plugins say what their rules are (`sopwith plugin check --json`), case files what they find, SOPs where they are bound: no
//! industry has a name here. A code that no case catches, or a rule with no case that passes, is a failure.

mod cases;
mod checks;
mod page;
mod sops;

use crate::plugins;
use crate::run::{Ring, output};
use anyhow::{Context, Result, bail, ensure};
use cases::Cases;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where it is checked in.
const FILE: &str = "docs/rules.md";

/// A plugin with the cases of its rules.
struct Plugin {
    /// What it says of itself.
    manifest: Value,
    /// By rule.
    cases: BTreeMap<String, Cases>,
}

/// Builds program and plugins, then writes the file.
///
/// # Errors
/// Something does not build, a file cannot be read or written, or a code has no case.
pub fn write(root: &Path, ring: &Ring) -> Result<()> {
    let folder = plugins::build(root, ring)?;
    let text = text(root, &plugins::built_sopwith(root)?, &folder)?;
    fs::write(root.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
}

/// Compares the file with what a built program and built plugins give.
///
/// # Errors
/// It differs, or a code has no case.
pub fn check(root: &Path, sopwith: &Path, folder: &Path) -> Result<()> {
    let made = text(root, sopwith, folder)?;
    let there = fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    if there == made {
        return Ok(());
    }
    let line = there.lines().zip(made.lines()).take_while(|(there, made)| there == made).count() + 1;
    bail!("{FILE}:{line} is not what the rules say; run `cargo xtask rules`")
}

fn text(root: &Path, sopwith: &Path, folder: &Path) -> Result<String> {
    let mut found = Vec::new();
    for name in plugins::built(root)? {
        let cases = root.join("plugins").join(&name).join("cases");
        if !cases.exists() {
            // One of the tests.
            continue;
        }
        let component = folder.join(format!("{name}.wasm"));
        let shown = output(Command::new(sopwith).args(["plugin", "check", "--json"]).arg(&component))?;
        let shown: Value = serde_json::from_str(&shown).with_context(|| component.display().to_string())?;
        let manifest = shown.get("manifest").cloned().unwrap_or_default();
        let cases = cases::read(root, &cases)?;
        found.push(Plugin { manifest, cases });
    }
    let sops = sops::read(root, sopwith)?;
    let missing: Vec<String> = found.iter().flat_map(uncaught).collect();
    ensure!(missing.is_empty(), "rules without cases:\n  {}", missing.join("\n  "));
    Ok(page::page(&found, &sops) + &checks::section(root)?)
}

/// The codes no case catches, and the rules no case passes.
fn uncaught(plugin: &Plugin) -> Vec<String> {
    let mut missing = Vec::new();
    let name = plugin.manifest["plugin"].as_str().unwrap_or_default();
    for rule in list(&plugin.manifest, "rules") {
        let id = rule["id"].as_str().unwrap_or_default();
        let Some(cases) = plugin.cases.get(id) else {
            missing.push(format!("{name}/{id}: no case file"));
            continue;
        };
        let codes = list(rule, "codes").filter_map(|code| code["code"].as_str());
        missing.extend(
            codes
                .filter(|code| cases.caught(code).next().is_none())
                .map(|code| format!("{name}/{id}: nothing catches {code}")),
        );
        if cases.accepted().next().is_none() {
            missing.push(format!("{name}/{id}: no case is accepted"));
        }
    }
    missing
}

/// A member that is a list.
fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

/// Files of a folder with an extension, by name.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|it| it == extension));
    files.sort();
    Ok(files)
}

fn read_json(file: &Path) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plugin(codes: &[&str], cases: &Value) -> Plugin {
        let codes: Vec<Value> = codes.iter().map(|code| json!({"code": code})).collect();
        let manifest = json!({"plugin": "house", "rules": [{"id": "stairs", "codes": codes}]});
        let cases = Cases::of("cases/stairs.json", cases);
        Plugin { manifest, cases: [("stairs".to_owned(), cases)].into() }
    }

    #[test]
    fn a_code_no_case_catches_and_a_rule_no_case_passes_are_named() {
        let caught =
            json!({"name": "Too many.", "expect": {"findings": [{"code": "stairs.many", "severity": "error"}]}});
        let fine = json!({"name": "Fine.", "expect": {"findings": []}});
        assert!(uncaught(&plugin(&["stairs.many"], &json!({"cases": [caught, fine]}))).is_empty());
        let missing = uncaught(&plugin(&["stairs.many", "stairs.steep"], &json!({"cases": [caught]})));
        assert_eq!(missing, ["house/stairs: nothing catches stairs.steep", "house/stairs: no case is accepted"]);
        let manifest = json!({"plugin": "house", "rules": [{"id": "roof"}]});
        assert_eq!(uncaught(&Plugin { manifest, cases: BTreeMap::new() }), ["house/roof: no case file"]);
    }
}
