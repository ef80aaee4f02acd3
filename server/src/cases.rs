//! Case files of rules: a base input, and for each case a patch (RFC 7396) and what is expected.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rows a case knows, by dataset and key.
pub type CaseRows = BTreeMap<String, BTreeMap<String, Value>>;

/// One file: the cases of one rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Rule name within the plugin.
    pub rule: String,
    /// A complete input.
    pub base: Value,
    /// Rows every case knows.
    #[serde(default)]
    pub lookups: Value,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    pub name: String,
    /// Patch over the base.
    #[serde(default = "nothing")]
    pub input: Value,
    /// Patch over the file's rows.
    #[serde(default = "nothing")]
    pub lookups: Value,
    /// `findings`, `scorecard` or `error`.
    pub expect: Value,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Reads every `*.json` of a folder, sorted by name; or one file.
///
/// # Errors
/// When there is none, or one is not a case file.
pub fn read(place: &Path) -> anyhow::Result<Vec<(PathBuf, CaseFile)>> {
    let files = if place.is_file() { vec![place.to_owned()] } else { in_folder(place)? };
    let read_one = |file: PathBuf| {
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let case_file = serde_json::from_slice(&bytes).with_context(|| file.display().to_string())?;
        Ok((file, case_file))
    };
    files.into_iter().map(read_one).collect()
}

fn in_folder(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    ensure!(!files.is_empty(), "{}: no case files", folder.display());
    Ok(files)
}

impl CaseFile {
    /// The whole input of a case.
    pub fn input(&self, case: &Case) -> Value {
        patched(self.base.clone(), &case.input)
    }

    /// The rows a case knows.
    ///
    /// # Errors
    /// When they are not datasets of rows.
    pub fn rows(&self, case: &Case) -> anyhow::Result<CaseRows> {
        let base = if self.lookups.is_null() { nothing() } else { self.lookups.clone() };
        Ok(serde_json::from_value(patched(base, &case.lookups))?)
    }
}

/// JSON Merge Patch, RFC 7396.
pub fn patched(target: Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut members = match target {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            let old = members.remove(name).unwrap_or(Value::Null);
            members.insert(name.clone(), patched(old, change));
        }
    }
    Value::Object(members)
}
