//! What the SOPs in schemas/ bind and check, the cases of their checks, and which visits of their recorded days meet one.

use super::{list, read_json};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Deepest chain of includes.
const MAX_INCLUDES: usize = 4;

/// An SOP.
pub struct Sop {
    /// The document, includes replaced.
    pub document: Value,
    /// Its folder, from the root of the repository.
    pub folder: String,
    /// Titles of the visits of the recorded day, by the codes they meet.
    caught: BTreeMap<String, Vec<Value>>,
    /// Cases of checks, tasks and ledgers (`sopwith sop test`).
    conditions: Value,
}

/// A rule bound to a step or to the visit.
pub struct Binding<'a> {
    /// The step it is bound to; none for the visit.
    pub step: Option<&'a Value>,
    /// What the SOP says of it.
    pub binding: &'a Value,
}

/// Every SOP of `schemas/<industry>/<sop>/`.
///
/// # Errors
/// One cannot be read.
pub fn read(root: &Path) -> Result<Vec<Sop>> {
    let mut sops = Vec::new();
    for industry in folders(&root.join("schemas"))? {
        for folder in folders(&industry)? {
            if folder.join("sop.json").is_file() {
                let day = folder.join("day/expected.json");
                let rows = if day.is_file() { read_json(&day)? } else { Value::Null };
                sops.push(Sop {
                    document: include(read_json(&folder.join("sop.json"))?, &folder, 0)?,
                    folder: folder.strip_prefix(root).unwrap_or(&folder).display().to_string(),
                    caught: by_code(&rows),
                    conditions: read_json(&folder.join("conditions.json"))?,
                });
            }
        }
    }
    Ok(sops)
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
        let cases = self.conditions.as_array().into_iter().flatten();
        let meant = cases.filter(move |case| case[kind] == *name && case["holds"] == holds);
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
        let conditions =
            json!([{"check": "c", "name": "Yes.", "holds": true}, {"check": "d", "name": "No.", "holds": true}]);
        let sop = Sop { document, folder: String::new(), caught: by_code(&rows), conditions };
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
