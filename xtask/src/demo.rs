//! `cargo xtask demo`: a recorded day of visits is judged by the built program, with plugins built from source.
//!
//! The day, its expected rows and its golden score are data under schemas/; nothing here knows what they say.

use crate::plugins;
use crate::run::{Ring, Rings};
use crate::wasm;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOP: &str = "schemas/fmcg/store-audit";

/// Builds what is needed, judges the day, and says what to try next (unless `once`).
///
/// # Errors
/// Something does not build; with `once`, also a row that did not come out as expected.
pub fn demo(root: &Path, once: bool) -> Result<()> {
    let (mut sopwith, mut components) = (PathBuf::new(), PathBuf::new());
    let mut rings = Rings::new();
    rings.ring("toolchain", |ring| wasm::target(root, ring))?;
    rings.ring("sopwith", |ring| {
        sopwith = plugins::sopwith(root, ring)?;
        Ok(())
    })?;
    rings.ring("plugins", |ring| {
        components = plugins::build_with(root, ring, &sopwith)?;
        Ok(())
    })?;
    let log = log(root)?;
    println!();
    let mut judge = judge(root, &sopwith, &components, &log);
    if once {
        judge.args(["--expect", &format!("{SOP}/day/expected.json")]);
    }
    let status = judge.status().context("cannot start sopwith")?;
    if !status.success() {
        bail!("sopwith judge: {status}");
    }
    if !once {
        println!("{}", next(root, &sopwith, &log));
    }
    Ok(())
}

/// The day as part of a longer run: every row as expected, and the log verifies.
///
/// # Errors
/// A row differs, or the log does not verify.
pub fn check(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    let log = log(root)?;
    ring.run(judge(root, sopwith, components, &log).args(["--expect", &format!("{SOP}/day/expected.json")]))?;
    ring.run(Command::new(sopwith).arg("verify").arg(&log).arg("--plugins").arg(components).current_dir(root))
}

fn judge(root: &Path, sopwith: &Path, components: &Path, log: &Path) -> Command {
    let mut command = Command::new(sopwith);
    command.args(["judge", SOP, "--visits", &format!("{SOP}/day/day.jsonl"), "--plugins"]).arg(components);
    command.arg("--log").arg(log).current_dir(root);
    command
}

/// Where the day's events go.
fn log(root: &Path) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("demo");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.join("day.log.jsonl"))
}

/// What somebody who has seen the table may want to try.
fn next(root: &Path, sopwith: &Path, log: &Path) -> String {
    let short = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let (sopwith, log) = (short(sopwith), short(log));
    format!(
        "
Next:
  why, in Chinese:          {sopwith} judge {SOP} --visits {SOP}/day/day.jsonl --plugins target/plugins --language zh-CN
  recompute every hash:     {sopwith} verify {log} --plugins target/plugins
  flip one byte, be found:  sed '20s/[0-9]/7/' {log} > {log}.bad; {sopwith} verify {log}.bad --plugins target/plugins
  change the SOP:           {SOP}/sop.json, then cargo xtask demo
"
    )
}
