//! The Node part: a rule written in JavaScript becomes a component, a Rust component becomes an ES module, and both
//! give the answers their case files expect; the one from JavaScript in the sandbox, too. Partners and phones are not tied
//! to Rust.
//!
//! What happens inside Node is plugins/js/test.mjs. Where Node is missing the run says so and goes on.

use crate::run::Ring;
use crate::{plugins, wasm};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};

const HOW: &str = "the rule in JavaScript and the component in Node: node (18.20 or newer) and npm are needed; \
                   on Debian `apt-get install nodejs npm`, elsewhere https://nodejs.org";

/// Builds the plugins, then runs the Node part.
///
/// # Errors
/// Something does not build, or an answer is not the expected one.
pub fn node(root: &Path, ring: &Ring) -> Result<()> {
    let components = plugins::build(root, ring)?;
    with(root, ring, &components)
}

/// Runs the Node part over components that are there.
///
/// # Errors
/// npm cannot install, or an answer is not the expected one.
pub fn with(root: &Path, ring: &Ring, components: &Path) -> Result<()> {
    if !is_there() {
        install(ring);
    }
    if !is_there() {
        ring.not_run(HOW);
        return Ok(());
    }
    let folder = root.join("plugins/js");
    packages(&folder, ring)?;
    let out = wasm::target_folder(root)?.join("js");
    let sopwith = plugins::built_sopwith(root)?;
    ring.run(
        Command::new("node")
            .args(["test.mjs", "--sopwith"])
            .arg(&sopwith)
            .arg("--components")
            .arg(components)
            .arg("--out")
            .arg(&out)
            .current_dir(folder),
    )?;
    ring.run(
        Command::new(sopwith)
            .args(["plugin", "test"])
            .arg(out.join("clock-skew.wasm"))
            .arg("--cases")
            .arg(root.join("plugins/presence/cases/clock_skew.json")),
    )
}

fn is_there() -> bool {
    ["node", "npm"].iter().all(|program| {
        let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    })
}

/// In CI on Debian, tries to install what is missing; whether that worked is seen by looking again.
fn install(ring: &Ring) {
    let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    if !in_ci || !Path::new("/usr/bin/apt-get").exists() {
        return;
    }
    for arguments in [["update", "--quiet"].as_slice(), &["install", "--yes", "--quiet", "nodejs", "npm"]] {
        if let Err(error) = ring.run(Command::new("apt-get").args(arguments)) {
            ring.say(&format!("{error:#}"));
        }
    }
}

/// Installs the locked packages, unless they are there already. Not `npm ci`: it refuses a lock file in which a binding for
/// some other platform is missing, and those are not in every registry.
///
/// # Errors
/// npm is missing or cannot install.
pub fn packages(folder: &Path, ring: &Ring) -> Result<()> {
    let read = |path: &str| std::fs::read(folder.join(path));
    let lock = read("package-lock.json").context("plugins/js/package-lock.json")?;
    let installed = "node_modules/.installed-lock.json";
    if read(installed).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    ring.run(
        Command::new("npm")
            .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(folder),
    )?;
    std::fs::write(folder.join(installed), lock).context("cannot note what is installed")
}
