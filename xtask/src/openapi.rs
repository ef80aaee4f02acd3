//! `cargo xtask openapi`: the API's description as the built program prints it, checked in for clients and reviewers.

use crate::plugins;
use crate::run::{Ring, output};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// Where it is checked in.
const FILE: &str = "schemas/openapi.json";

/// Builds the program and writes what it prints. That the file is up to date the end-to-end tests compare.
///
/// # Errors
/// It does not build, or the file cannot be written.
pub fn write(root: &Path, ring: &Ring) -> Result<()> {
    let sopwith = plugins::sopwith(root, ring)?;
    let text = output(Command::new(sopwith).arg("openapi").current_dir(root))?;
    std::fs::write(root.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
}
