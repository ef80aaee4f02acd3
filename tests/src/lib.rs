//! What the end-to-end tests share: where things are, and case files of the engine.

pub mod case;
pub mod chance;
pub mod client;
pub mod company;
pub mod demo;
pub mod driving;
pub mod fault;
pub mod furnished;
pub mod png;
pub mod raw;
pub mod rows;
pub mod server;

use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// The repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Names of the first-party plugins in Rust: the folders in `plugins/` with case files.
///
/// # Errors
/// The folder cannot be read.
pub fn plugins() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("plugins"))? {
        let entry = entry?;
        if entry.path().join("cases").is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// What `cargo xtask test` built and named in the environment.
///
/// # Errors
/// When the variable is not set: these tests need built components.
pub fn built(variable: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os(variable).with_context(|| format!("{variable} is not set: run `cargo xtask test`"))?;
    Ok(PathBuf::from(path))
}
