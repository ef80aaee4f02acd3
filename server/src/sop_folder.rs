//! Reading an SOP folder: `sop.json` with its `$include`s, and `datasets/*.json` beside it.
//!
//! `{"$include": "forms/price.json"}` stands for the content of that file. Includes stay inside the folder. What the
//! document means is the engine's business.

use crate::dataset::{self, LoadedDataset};
use anyhow::{Context as _, bail, ensure};
use engine::overlay;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Largest file of an SOP folder, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// Deepest chain of includes.
const MAX_INCLUDES: usize = 4;

/// The document and datasets of a folder.
pub struct SopFolder {
    /// The document, includes replaced.
    pub document: Value,
    /// Datasets by name.
    pub datasets: BTreeMap<String, Arc<LoadedDataset>>,
}

/// Reads a folder, with an overlay on its document.
///
/// # Errors
/// When a file cannot be read, is not JSON, an include leaves the folder, or the overlay does not fit.
pub fn read(folder: &Path, overlay: Option<&Path>) -> anyhow::Result<SopFolder> {
    let document = document_with(folder, overlay)?;
    let mut datasets = BTreeMap::new();
    let declared = document.get("datasets").and_then(Value::as_object).cloned().unwrap_or_default();
    let dataset_folder = folder.join("datasets");
    if dataset_folder.is_dir() {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&dataset_folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
            let value = read_json(file)?;
            let loaded = dataset::of_value(&value, &declared).with_context(|| file.display().to_string())?;
            let name = loaded.name.clone();
            ensure!(
                datasets.insert(name.clone(), Arc::new(loaded)).is_none(),
                "{}: dataset `{name}` is there twice",
                file.display()
            );
        }
    }
    Ok(SopFolder { document, datasets })
}

/// Reads only the document of a folder, or a single file.
///
/// # Errors
/// As `read`.
pub fn document(folder: &Path) -> anyhow::Result<Value> {
    let file = if folder.is_dir() { folder.join("sop.json") } else { folder.to_owned() };
    let base = file.parent().unwrap_or(Path::new("."));
    include(read_json(&file)?, base, 0)
}

/// Reads the document of a folder, with an overlay on it.
///
/// # Errors
/// As `read`.
pub fn document_with(folder: &Path, overlay: Option<&Path>) -> anyhow::Result<Value> {
    let template = document(folder)?;
    let Some(file) = overlay else { return Ok(template) };
    match overlay::read(&document(file)?).and_then(|overlay| overlay::apply(&template, &overlay)) {
        Ok(applied) => Ok(applied.document),
        Err(problems) => {
            let problems = problems.iter().map(|problem| format!("\n  {} {}", problem.pointer, problem.hint("en")));
            bail!("{}:{}", file.display(), problems.collect::<String>())
        }
    }
}

/// Reads a JSON file, bounded in size and depth.
///
/// # Errors
/// It cannot be read, is too large or too deep, or no JSON.
pub fn read_json(file: &Path) -> anyhow::Result<Value> {
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    ensure!(size <= MAX_FILE, "{}: larger than {MAX_FILE} bytes", file.display());
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    ensure!(engine::form::json_depth_within(&bytes, engine::lint::MAX_DEPTH), "{}: nested too deep", file.display());
    serde_json::from_slice(&bytes).with_context(|| file.display().to_string())
}

fn include(value: Value, base: &Path, depth: usize) -> anyhow::Result<Value> {
    match value {
        Value::Object(members) => {
            if let (Some(Value::String(path)), 1) = (members.get("$include"), members.len()) {
                ensure!(depth < MAX_INCLUDES, "$include `{path}`: more than {MAX_INCLUDES} deep");
                let path = Path::new(path);
                let inside = path.components().all(|component| matches!(component, Component::Normal(_)));
                ensure!(inside, "$include `{}`: must stay inside the folder of the SOP", path.display());
                return include(read_json(&base.join(path))?, base, depth + 1);
            }
            let members = members.into_iter().map(|(name, member)| Ok((name, include(member, base, depth)?)));
            Ok(Value::Object(members.collect::<anyhow::Result<_>>()?))
        }
        Value::Array(items) => {
            Ok(Value::Array(items.into_iter().map(|item| include(item, base, depth)).collect::<anyhow::Result<_>>()?))
        }
        scalar => Ok(scalar),
    }
}
