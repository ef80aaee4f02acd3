//! The rule `price` in JavaScript and in Python as components, for the benchmark: `target/bench/price-js.wasm` and
//! `price-py.wasm`. Their sources are in tests/bench/guests/.
//!
//! A component is built again only when something it is made from has changed. Where a tool is missing and cannot be
//! installed the run says so and goes on.

use crate::run::Ring;
use crate::{node, wasm};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tool that makes components of Python, from PyPI.
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// Builds both and returns their folder.
///
/// # Errors
/// The folder cannot be made or a source cannot be read. A component that cannot be built is reported as not run.
pub fn build(root: &Path, ring: &Ring, sopwith: &Path) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let sources = root.join("tests/bench/guests");
    let contract = root.join("wit/since_v1/plugin.wit");
    let javascript = sources.join("javascript");
    let made_from = [
        contract.clone(),
        javascript.join("build.mjs"),
        javascript.join("rule.js"),
        javascript.join("world.wit"),
        root.join("plugins/js/component.mjs"),
        root.join("plugins/js/package-lock.json"),
        root.join("server/src/plugin_seal.rs"),
        root.join("server/src/plugin_seal/plan.rs"),
    ];
    once(&folder.join("price-js.wasm"), &made_from, "", ring, |out| {
        in_javascript(root, ring, &javascript, sopwith, out)
    })?;
    let python = sources.join("python");
    let made_from = [contract.clone(), python.join("app.py"), python.join("world.wit")];
    once(&folder.join("price-py.wasm"), &made_from, COMPONENTIZE_PY, ring, |out| {
        in_python(ring, &folder, &python, &contract, out)
    })?;
    Ok(folder)
}

/// Makes `out` unless it is there and made from the same.
fn once(
    out: &Path,
    made_from: &[PathBuf],
    tool: &str,
    ring: &Ring,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    let mut hasher = Sha256::new();
    hasher.update(tool);
    for file in made_from {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    let inputs = format!("{:x?}", hasher.finalize());
    let note = out.with_extension("inputs");
    if out.exists() && std::fs::read_to_string(&note).is_ok_and(|noted| noted == inputs) {
        return Ok(());
    }
    // What was made from something else must not be measured.
    std::fs::remove_file(out).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    match make(out) {
        Ok(()) => std::fs::write(&note, inputs).with_context(|| note.display().to_string()),
        Err(error) => {
            ring.not_run(&format!("{}: {error:#}", out.display()));
            Ok(())
        }
    }
}

fn in_javascript(root: &Path, ring: &Ring, sources: &Path, sopwith: &Path, out: &Path) -> Result<()> {
    node::packages(&root.join("plugins/js"), ring)?;
    ring.run(Command::new("node").arg("build.mjs").arg(out).arg(sopwith).current_dir(sources))
}

/// With a virtual environment of its own, so that nothing of this machine's Python is changed.
fn in_python(ring: &Ring, folder: &Path, sources: &Path, contract: &Path, out: &Path) -> Result<()> {
    let environment = folder.join("venv");
    let tool = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    if !is_installed(&tool) {
        ring.run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
        ring.run(Command::new(tool.join("pip")).args(["install", "--quiet", COMPONENTIZE_PY]))?;
    }
    // The tool leaves compiled Python beside the source, so it works on a copy.
    let copy = folder.join("python");
    let wit = copy.join("wit");
    let dependency = wit.join("deps/plugin");
    std::fs::create_dir_all(&dependency)?;
    std::fs::copy(sources.join("app.py"), copy.join("app.py"))?;
    std::fs::copy(sources.join("world.wit"), wit.join("world.wit"))?;
    std::fs::copy(contract, dependency.join("plugin.wit"))?;
    ring.run(
        Command::new(tool.join("componentize-py"))
            .arg("-d")
            .arg(&wit)
            .args(["-w", "plugin", "componentize", "app", "--stub-wasi", "-o"])
            .arg(out)
            .current_dir(copy),
    )
}

fn is_installed(tool: &Path) -> bool {
    let version =
        Command::new(tool.join("componentize-py")).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let wanted = COMPONENTIZE_PY.rsplit('=').next().unwrap_or_default();
    version.is_ok_and(|output| output.status.success() && String::from_utf8_lossy(&output.stdout).contains(wanted))
}
