//! `sopwith plugin build`: a plugin crate, or a core module, into a component. No tool has to be installed for it.

use crate::cli::BuildArguments;
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";

/// Runs the command.
///
/// # Errors
/// When cargo fails, or the module cannot be encoded.
pub fn run(arguments: &BuildArguments) -> anyhow::Result<bool> {
    let module = match &arguments.module {
        Some(module) => module.clone(),
        None => build_crate()?,
    };
    let out = arguments.out.clone().unwrap_or_else(|| match &arguments.module {
        Some(module) => module.with_extension("component.wasm"),
        None => PathBuf::from(module.file_name().unwrap_or_default()),
    });
    let component = encode(&std::fs::read(&module).with_context(|| module.display().to_string())?)?;
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&out, &component).with_context(|| out.display().to_string())?;
    println!("{} ({} bytes)", out.display(), component.len());
    Ok(true)
}

/// A core module with its embedded WIT, as a component.
fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let encoded =
        wit_component::ComponentEncoder::default().validate(true).module(module).and_then(|encoder| encoder.encode());
    encoded.context("the module cannot be encoded as a plugin component")
}

/// Builds the crate in this folder for WebAssembly and finds the module cargo made.
fn build_crate() -> anyhow::Result<PathBuf> {
    ensure!(Path::new("Cargo.toml").exists(), "no Cargo.toml here: run this in the plugin's folder, or give --module");
    ensure_target()?;
    let output = Command::new("cargo")
        .args(["build", "--release", "--lib", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    ensure!(output.status.success(), "cargo build failed");
    let artifacts =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let mut modules = artifacts
        .filter(|message| message.get("reason").and_then(Value::as_str) == Some("compiler-artifact"))
        .flat_map(|message| message.get("filenames").and_then(Value::as_array).cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .filter(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    match modules.next_back() {
        Some(module) => Ok(module),
        None => bail!("cargo made no .wasm: the crate needs `crate-type = [\"cdylib\"]`"),
    }
}

/// Adds the WebAssembly target where rustup manages the toolchain and it is missing.
fn ensure_target() -> anyhow::Result<()> {
    let Ok(installed) = Command::new("rustup").args(["target", "list", "--installed"]).output() else { return Ok(()) };
    if !String::from_utf8_lossy(&installed.stdout).lines().any(|line| line.trim() == TARGET) {
        let added = Command::new("rustup").args(["target", "add", TARGET]).status()?;
        ensure!(added.success(), "rustup target add {TARGET} failed");
    }
    Ok(())
}
