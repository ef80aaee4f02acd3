//! What the SOPs in schemas/ bind and check, the cases of their checks, and which visits of their recorded days meet one.

use super::{list, read_json};
use crate::run::output;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Deepest chain of includes.
const MAX_INCLUDES: usize = 4;

/// An SOP.
pub struct Sop {
    /// The document, includes replaced.
    pub document: Value,
    /// Its file, from the root of the repository.
    pub file: String,
    /// Titles of the visits of the recorded day, by the codes they meet.
    caught: BTreeMap<String, Vec<Value>>,
    /// Cases of checks, tasks and ledgers (`sopwith sop test`).
    conditions: Vec<Value>,
    /// What its overlays make of it.
    pub overlays: Vec<Sop>,
}

/// A rule bound to a step or to the visit.
pub struct Binding<'a> {
    /// The step it is bound to; none for the visit.
    pub step: Option<&'a Value>,
    /// What the SOP says of it.
    pub binding: &'a Value,
}

/// Every SOP of `schemas/<industry>/<sop>/`, and what its `overlays/<overlay>.json` make of it, where `overlays/<overlay>/` has a
/// day and cases of its own.
///
/// # Errors
/// One cannot be read, or an overlay does not fit.
pub fn read(root: &Path, sopwith: &Path) -> Result<Vec<Sop>> {
    let mut sops = Vec::new();
    for industry in folders(&root.join("schemas"))? {
        for folder in folders(&industry)? {
            if folder.join("sop.json").is_file() {
                let document = include(read_json(&folder.join("sop.json"))?, &folder, 0)?;
                let file = shown(root, &folder.join("sop.json"));
                let mut sop = Sop::of(document, file, &folder.join("day"), &folder)?;
                sop.overlays = of_overlays(root, sopwith, &folder, &sop)?;
                sops.push(sop);
            }
        }
    }
    Ok(sops)
}

/// What the overlays of an SOP make of it; the cases and the day of the template stand beside their own.
fn of_overlays(root: &Path, sopwith: &Path, folder: &Path, template: &Sop) -> Result<Vec<Sop>> {
    let overlays = folder.join("overlays");
    let own = if overlays.is_dir() { folders(&overlays)? } else { Vec::new() };
    let of = |own: PathBuf| {
        let file = own.with_extension("json");
        let mut render = Command::new(sopwith);
        render.args(["sop", "render", "--json"]).arg(folder).arg("--overlay").arg(&file);
        let rendered: Value = serde_json::from_str(&output(&mut render)?)?;
        let mut sop = Sop::of(rendered["sop"].clone(), shown(root, &file), &own, &own)?;
        for (code, titles) in &template.caught {
            sop.caught.entry(code.clone()).or_default().splice(0..0, titles.iter().cloned());
        }
        sop.conditions.splice(0..0, template.conditions.iter().cloned());
        Ok(sop)
    };
    own.into_iter().map(of).collect()
}

/// A file, from the root.
fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    Ok(folders)
}

fn by_code(rows: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut caught: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in rows.as_array().into_iter().flatten() {
        for code in list(row, "codes").filter_map(Value::as_str) {
            caught.entry(code.to_owned()).or_default().push(row["title"].clone());
        }
    }
    caught
}

/// `{"$include": "forms/price.json"}` stands for the content of that file.
fn include(value: Value, folder: &Path, depth: usize) -> Result<Value> {
    if depth > MAX_INCLUDES {
        bail!("{}: includes are nested too deep", folder.display());
    }
    Ok(match value {
        Value::Object(members) => match members.get("$include").and_then(Value::as_str) {
            Some(file) => include(read_json(&folder.join(file))?, folder, depth + 1)?,
            None => {
                let members = members.into_iter().map(|(name, member)| Ok((name, include(member, folder, depth)?)));
                Value::Object(members.collect::<Result<Map<String, Value>>>()?)
            }
        },
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| include(item, folder, depth)).collect::<Result<_>>()?)
        }
        other => other,
    })
}

impl Sop {
    /// Of a document, its file, the folder of its recorded day and that of its cases.
    fn of(document: Value, file: String, day: &Path, cases: &Path) -> Result<Self> {
        let day = day.join("expected.json");
        let rows = if day.is_file() { read_json(&day)? } else { Value::Null };
        let conditions = read_json(&cases.join("conditions.json"))?;
        let conditions = conditions.as_array().cloned().context("conditions.json: a list of cases")?;
        Ok(Self { document, file, caught: by_code(&rows), conditions, overlays: Vec::new() })
    }

    /// Name and version.
    pub fn name(&self) -> String {
        let text = |member: &str| self.document[member].as_str().unwrap_or_default();
        format!("{} {}", text("sop"), text("version"))
    }

    /// Every binding: of steps in order, of the visit, of the score.
    pub fn bindings(&self) -> Vec<Binding<'_>> {
        let of_steps = list(&self.document, "steps")
            .flat_map(|step| list(step, "rules").map(move |binding| Binding { step: Some(step), binding }));
        let of_score = self.document.get("score").into_iter().flat_map(|score| list(score, "rules"));
        let of_visit = list(&self.document, "rules").chain(of_score).map(|binding| Binding { step: None, binding });
        of_steps.chain(of_visit).collect()
    }

    /// Every check, with its step.
    pub fn checks(&self) -> impl Iterator<Item = (&Value, &Value)> {
        list(&self.document, "steps").flat_map(|step| list(step, "checks").map(move |check| (step, check)))
    }

    /// Names of the cases in which a check (`check`) or the bounds of a ledger (`ledger`) hold, or do not.
    pub fn cases(&self, kind: &str, name: &str, holds: bool) -> impl Iterator<Item = &str> {
        let meant = self.conditions.iter().filter(move |case| case[kind] == *name && case["holds"] == holds);
        meant.filter_map(|case| case["name"].as_str())
    }

    /// Titles of the visits of the recorded day that meet a code.
    pub fn caught(&self, code: &str) -> &[Value] {
        self.caught.get(code).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bindings_of_steps_visit_and_score_are_found_with_their_step() {
        let document = json!({
            "sop": "a", "version": "1.0.0",
            "steps": [{"id": "one", "rules": [{"rule": "p/a"}], "checks": [{"code": "c"}]}, {"id": "two"}],
            "rules": [{"rule": "p/b"}], "score": {"rules": [{"rule": "p/c"}]},
        });
        let rows = json!([{"title": {"en": "A visit"}, "codes": ["c"]}, {"title": {}, "codes": []}]);
        let conditions = vec![
            json!({"check": "c", "name": "Yes.", "holds": true}),
            json!({"check": "d", "name": "No.", "holds": true}),
        ];
        let sop = Sop { document, file: String::new(), caught: by_code(&rows), conditions, overlays: Vec::new() };
        let shown: Vec<_> = sop.bindings().iter().map(|it| (it.step.is_some(), it.binding["rule"].clone())).collect();
        assert_eq!(shown, [(true, json!("p/a")), (false, json!("p/b")), (false, json!("p/c"))]);
        assert_eq!(sop.checks().count(), 1);
        assert_eq!(
            (sop.cases("check", "c", true).collect::<Vec<_>>(), sop.cases("check", "c", false).count()),
            (vec!["Yes."], 0)
        );
        assert_eq!((sop.caught("c").len(), sop.caught("d").len(), sop.name()), (1, 0, "a 1.0.0".to_owned()));
    }
}
