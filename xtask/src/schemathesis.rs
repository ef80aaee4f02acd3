//! `cargo xtask schemathesis`: requests made up from the served OpenAPI document by a program that is not ours.
//!
//! It runs as an admin and as a rep against a small company of its own (`tests/src/bin/fuzz_target.rs`), always with the
//! same seed: whatever is sent, no answer is a fault of the server and every answer is what the document says. The program
//! comes from PyPI into a folder below `target/`, once; nothing else of the ring leaves this machine.

use crate::run::{Ring, cargo, output};
use crate::{plugins, wasm};
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What is installed: the program, and the library that makes its data, or a seed would not mean the same tomorrow.
const PACKAGES: &[&str] = &["schemathesis==4.32.5", "hypothesis==6.170.17"];
/// The same requests every time.
const SEED: &str = "20260318";
/// Whose requests they are, and how many are made up for each operation.
const RUNS: &[(&str, &str)] = &[("usr_admin", "12"), ("usr_rep", "6")];

/// How to have Python.
const HOW: &str = "Python 3.10 or newer with venv is missing: on Debian \
                   `sudo apt-get update && sudo apt-get install -y python3-venv`, on Fedora \
                   `sudo dnf install -y python3`, on macOS `brew install python`";

/// Builds what is needed and runs it.
///
/// # Errors
/// As `check`; something does not build.
pub fn alone(root: &Path, ring: &Ring) -> Result<()> {
    ring.run(cargo(root).args(["build", "--workspace", "--bins"]))?;
    check(root, ring, &plugins::built_sopwith(root)?)
}

/// Runs it against the built program.
///
/// # Errors
/// It cannot be installed; the target does not start; an answer is a fault of ours or not what the document says.
pub fn check(root: &Path, ring: &Ring, sopwith: &Path) -> Result<()> {
    let program = installed(root, ring)?;
    // Whatever these programs keep of a run is below target/, too.
    let kept = wasm::target_folder(root)?.join("schemathesis").join("kept");
    let built = sopwith.parent().context("the built program is in no folder")?;
    let fuzz_target = built.join(format!("fuzz_target{}", std::env::consts::EXE_SUFFIX));
    for (user, most) in RUNS {
        let target = Target::start(&fuzz_target, sopwith)?;
        let mut command = Command::new(&program);
        command.args(["--config-file", "tests/data/schemathesis.toml", "run", &target.document()]);
        command.args(["--seed", SEED, "--max-examples", most, "--phases", "examples,coverage,fuzzing", "--no-color"]);
        command.current_dir(root).env("SOPWITH_TOKEN", target.token(user)?).env("NO_PROXY", "127.0.0.1");
        command.env("HYPOTHESIS_STORAGE_DIRECTORY", &kept).env("PYTHONDONTWRITEBYTECODE", "1");
        ring.say(&format!("requests of {user}, {most} for each operation beside those at the edges of its schema"));
        ring.run(&mut command).with_context(|| format!("as {user}"))?;
    }
    Ok(())
}

/// The program, installed if it is not yet. The stamp names what was installed and is written last.
fn installed(root: &Path, ring: &Ring) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("schemathesis");
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let (stamp, wanted) = (folder.join("installed.txt"), PACKAGES.join(" "));
    let program = programs.join(format!("schemathesis{}", std::env::consts::EXE_SUFFIX));
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && program.is_file() {
        return Ok(program);
    }
    if !has_venv() {
        install_venv(ring)?;
    }
    ring.run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)).context(HOW)?;
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    ring.run(&mut pip)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(program)
}

/// Debian ships Python without the part that fills a new folder.
fn has_venv() -> bool {
    let mut ask = Command::new("python3");
    ask.args(["-c", "import ensurepip, venv"]).stdout(Stdio::null()).stderr(Stdio::null());
    ask.status().is_ok_and(|status| status.success())
}

fn install_venv(ring: &Ring) -> Result<()> {
    let is_root = || output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !Path::new("/usr/bin/apt-get").exists() || !is_root() {
        bail!("{HOW}");
    }
    ring.say("Python's venv is missing; apt-get will install it");
    for arguments in [["update", "--quiet"].as_slice(), &["install", "--yes", "--quiet", "python3-venv"]] {
        ring.run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive")).context(HOW)?;
    }
    if has_venv() { Ok(()) } else { bail!("{HOW}") }
}

/// A served company; gone with this value.
struct Target {
    child: Child,
    said: serde_json::Value,
}

impl Target {
    fn start(program: &Path, sopwith: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command.env("SOPWITH_BIN", sopwith).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let said = serde_json::from_str(&line);
        let target = Self { child, said: said.as_ref().map_or(serde_json::Value::Null, Clone::clone) };
        said.context("the company to send requests to was not made")?;
        Ok(target)
    }

    fn document(&self) -> String {
        format!("{}/v1/openapi.json", self.said["url"].as_str().unwrap_or_default())
    }

    fn token(&self, user: &str) -> Result<&str> {
        self.said["tokens"][user].as_str().with_context(|| format!("no token of {user}"))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It ends when its input does, and says then what the server had to complain of.
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("xtask: the server of the requests may still be running: {error}");
        }
    }
}
