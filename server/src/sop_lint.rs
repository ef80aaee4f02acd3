//! `sopwith sop lint`: everything that is wrong with a document, for an admin who is no programmer.

use crate::cli::{Language, LintArguments};
use crate::{plugins, sop_folder};
use anyhow::Context as _;
use engine::lint::{self, Problem};
use engine::overlay;
use serde_json::{Value, json};
use std::path::Path;

/// Runs the command; false when there are problems.
///
/// # Errors
/// When a file cannot be read.
pub fn run(arguments: &LintArguments) -> anyhow::Result<bool> {
    let bytes = bytes(&arguments.sop)?;
    let manifests = match &arguments.plugins {
        None => None,
        Some(folder) => Some(manifests(folder)?),
    };
    let template = arguments.of.as_deref().map(sop_folder::document).transpose()?;
    let given = match overlay(&bytes) {
        None => Ok(Some(bytes)),
        Some(document) => result(&document, template.as_ref()),
    };
    let problems = match given {
        Ok(Some(document)) => lint::lint(&document, manifests.as_ref()).1,
        Ok(None) => Vec::new(),
        Err(problems) => problems,
    };
    print(&problems, arguments.language, arguments.json);
    Ok(problems.is_empty())
}

/// The document, if it is an overlay. What is no JSON, or nested too deep, is for the lint of SOPs to say.
fn overlay(bytes: &[u8]) -> Option<Value> {
    let readable = engine::form::json_depth_within(bytes, lint::MAX_DEPTH);
    let document = readable.then(|| serde_json::from_slice(bytes).ok()).flatten();
    document.filter(overlay::is_overlay)
}

/// The SOP an overlay gives, where its template is known.
fn result(document: &Value, template: Option<&Value>) -> Result<Option<Vec<u8>>, Vec<Problem>> {
    let overlay = overlay::read(document)?;
    let Some(template) = template else { return Ok(None) };
    Ok(Some(overlay::apply(template, &overlay)?.document.to_string().into_bytes()))
}

/// Prints problems, one a line.
pub fn print(problems: &[Problem], language: Language, as_json: bool) {
    let language = language.tag();
    if as_json {
        let rows: Vec<_> = problems
            .iter()
            .map(|problem| json!({"pointer": problem.pointer, "code": problem.code, "hint": problem.hint(language)}))
            .collect();
        println!("{}", json!(rows));
        return;
    }
    for problem in problems {
        println!("{:<50} {:<28} {}", problem.pointer, problem.code, problem.hint(language));
    }
    println!("{} problems", problems.len());
}

/// A folder is put together first; a file is linted as it is, so that even broken JSON gets its problem.
fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.is_dir() {
        return Ok(serde_json::to_vec(&sop_folder::document(path)?)?);
    }
    std::fs::read(path).with_context(|| path.display().to_string())
}

fn manifests(folder: &Path) -> anyhow::Result<std::collections::BTreeMap<String, engine::rule::Manifest>> {
    let host = plugins::host(Some(folder.join("cache")))?;
    let mut manifests = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            let plugin = host.load(&std::fs::read(&file)?).with_context(|| file.display().to_string())?;
            manifests.insert(plugin.manifest().plugin.clone(), plugin.manifest().clone());
        }
    }
    Ok(manifests)
}
