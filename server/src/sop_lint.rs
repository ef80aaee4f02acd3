//! `sopwith sop lint`: everything that is wrong with a document, for an admin who is no programmer.

use crate::cli::LintArguments;
use crate::{plugins, sop_folder};
use anyhow::Context as _;
use engine::lint;
use serde_json::json;
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
    let (_, problems) = lint::lint(&bytes, manifests.as_ref());
    let language = arguments.language.tag();
    if arguments.json {
        let rows: Vec<_> = problems
            .iter()
            .map(|problem| json!({"pointer": problem.pointer, "code": problem.code, "hint": problem.hint(language)}))
            .collect();
        println!("{}", json!(rows));
    } else {
        for problem in &problems {
            println!("{:<50} {:<28} {}", problem.pointer, problem.code, problem.hint(language));
        }
        println!("{} problems", problems.len());
    }
    Ok(problems.is_empty())
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
