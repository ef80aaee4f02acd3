//! Reading an SOP folder: `sop.json` with its `$include`s, and `datasets/*.json` beside it.
//!
//! `{"$include": "forms/price.json"}` stands for the content of that file. Includes stay inside the folder. What the
//! document means is the engine's business.

use anyhow::{Context as _, anyhow, bail, ensure};
use engine::canon;
use engine::effective::DatasetPin;
use engine::form::CompiledForm;
use engine::sop::Dataset;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Largest file of an SOP folder, in bytes.
const MAX_FILE: u64 = 8 << 20;
/// Deepest chain of includes.
const MAX_INCLUDES: usize = 4;

/// The document and datasets of a folder.
pub struct SopFolder {
    /// The document, includes replaced.
    pub document: Value,
    /// Datasets by name.
    pub datasets: BTreeMap<String, LoadedDataset>,
}

/// A dataset with its rows by key.
pub struct LoadedDataset {
    /// What a run pins.
    pub pin: DatasetPin,
    /// The dataset as it was read.
    pub value: Value,
    /// Canonical row text and its hash, by key.
    pub rows: BTreeMap<String, (String, String)>,
}

/// Reads a folder.
///
/// # Errors
/// When a file cannot be read, is not JSON, or an include leaves the folder.
pub fn read(folder: &Path) -> anyhow::Result<SopFolder> {
    let document = document(folder)?;
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
            let (name, loaded) = dataset(&value, &declared).with_context(|| file.display().to_string())?;
            ensure!(
                datasets.insert(name.clone(), loaded).is_none(),
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

/// Reads a dataset from its JSON.
///
/// # Errors
/// When it does not have the shape of a dataset, its SOP does not declare it, a row does not fit the declared schema, or a
/// key is missing or there twice.
pub fn dataset(value: &Value, declared: &Map<String, Value>) -> anyhow::Result<(String, LoadedDataset)> {
    let dataset: Dataset = serde_path_to_error::deserialize(value)?;
    let Some(key) =
        declared.get(&dataset.dataset).and_then(|declaration| declaration.get("key")).and_then(Value::as_str)
    else {
        bail!("the SOP declares no dataset `{}`", dataset.dataset);
    };
    let schema =
        declared.get(&dataset.dataset).and_then(|declaration| declaration.get("schema")).unwrap_or(&Value::Null);
    let schema = CompiledForm::compile(schema).map_err(|problems| anyhow!("the schema of its rows: {problems:?}"))?;
    let mut rows = BTreeMap::new();
    for (index, row) in dataset.rows.iter().enumerate() {
        if let Some(violation) = schema.validate(&Value::Object(row.clone()), &BTreeMap::new()).first() {
            bail!(
                "/rows/{index}{}: does not fit the schema the SOP declares ({})",
                violation.pointer,
                violation.keyword
            );
        }
        let Some(row_key) = row.get(key).and_then(Value::as_str) else {
            bail!("/rows/{index}: the key `{key}` is missing or not a string");
        };
        let text = String::from_utf8(canon::jcs(&Value::Object(row.clone()))?)?;
        let hash = canon::sha256_hex(text.as_bytes());
        ensure!(
            rows.insert(row_key.to_owned(), (text, hash)).is_none(),
            "/rows/{index}: the key `{row_key}` is there twice"
        );
    }
    let pin = DatasetPin {
        hash: canon::hash_value(value)?,
        version: dataset.version,
        valid_from: dataset.valid_from,
        valid_to: dataset.valid_to,
    };
    Ok((dataset.dataset, LoadedDataset { pin, value: value.clone(), rows }))
}

fn read_json(file: &Path) -> anyhow::Result<Value> {
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
