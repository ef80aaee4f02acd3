//! `cargo xtask demo`: a recorded day of visits is judged by the built program, with plugins built from source.
//!
//! The day, its expected rows and its golden score are data under schemas/; nothing here knows what they say.

use crate::day;
use crate::plugins;
use crate::run::{Ring, Rings};
use crate::wasm;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOP: &str = "schemas/fmcg/store-audit";

/// What the audit's golden vector of eight parts must come to. One visit of the day has exactly these parts.
const GOLDEN: f64 = 83.5;

/// Builds what is needed, judges the day, verifies its log, and says what to try next (unless `once`).
///
/// # Errors
/// Something does not build; a row did not come out as expected (with `once`); the log does not verify.
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
        judge.arg("--expect").arg(format!("{SOP}/day/expected.json"));
    }
    show(&mut judge)?;
    if once {
        println!("{}", golden(root)?);
    }
    let flipped = flip(&log)?;
    if once {
        return show(&mut verify(root, &sopwith, &log));
    }
    println!("{}", next(root, &sopwith, &log, &flipped));
    Ok(())
}

/// The day as part of a longer run: every row as expected, the log verifies, and one flipped byte is found.
///
/// # Errors
/// A row differs, the log does not verify, or the flipped byte goes unseen.
pub fn check(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    let log = log(root)?;
    ring.run(judge(root, sopwith, components, &log).arg("--expect").arg(format!("{SOP}/day/expected.json")))?;
    ring.run(&mut verify(root, sopwith, &log))?;
    ring.say(&golden(root)?);
    let flipped = flip(&log)?;
    let found = verify(root, sopwith, &flipped).output().context("cannot start sopwith")?;
    if found.status.code() != Some(1) {
        bail!("one byte of {} was flipped; sopwith verify: {}", flipped.display(), found.status);
    }
    ring.say("one flipped byte of the log is found");
    Ok(())
}

/// The month before the day as part of a longer run: every row as its script expects.
///
/// # Errors
/// A row differs.
pub fn check_history(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    let folder = folder(root)?;
    day::demo_data(root, &folder)?;
    let (visits, expected) = (folder.join("history.jsonl"), folder.join("history.expected.json"));
    let mut command = Command::new(sopwith);
    command.args(["judge", SOP, "--visits"]).arg(visits).arg("--plugins").arg(components);
    ring.run(command.arg("--expect").arg(expected).current_dir(root))
}

/// Which visit has the golden vector. That it came out as expected is what `--expect` has just shown.
fn golden(root: &Path) -> Result<String> {
    let rows: serde_json::Value = serde_json::from_slice(&std::fs::read(root.join(SOP).join("day/expected.json"))?)?;
    let is_golden = |row: &&serde_json::Value| row["score"] == GOLDEN;
    let row = rows.as_array().and_then(|rows| rows.iter().find(is_golden));
    let visit = row.and_then(|row| row["visit"].as_str()).with_context(|| format!("no row expects {GOLDEN}"))?;
    Ok(format!("golden vector: {GOLDEN} ({visit})"))
}

/// Runs a program whose output is the point.
fn show(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot start sopwith")?;
    if !status.success() {
        bail!("sopwith: {status}");
    }
    Ok(())
}

/// Writes a copy of the log with one bit of one byte of its last event flipped.
fn flip(log: &Path) -> Result<PathBuf> {
    let mut bytes = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
    let [.., before, end, _] = ends.as_slice() else { bail!("{} holds no event", log.display()) };
    if let Some(byte) = bytes.get_mut(before.midpoint(*end)) {
        *byte ^= 1;
    }
    let flipped = log.with_extension("flipped.jsonl");
    std::fs::write(&flipped, bytes).with_context(|| format!("cannot write {}", flipped.display()))?;
    Ok(flipped)
}

fn verify(root: &Path, sopwith: &Path, log: &Path) -> Command {
    let mut command = Command::new(sopwith);
    command.arg("verify").arg(log).current_dir(root);
    command
}

fn judge(root: &Path, sopwith: &Path, components: &Path, log: &Path) -> Command {
    let mut command = Command::new(sopwith);
    command.args(["judge", SOP, "--visits", &format!("{SOP}/day/day.jsonl"), "--plugins"]).arg(components);
    command.arg("--log").arg(log).current_dir(root);
    command
}

/// Where the day's events go.
fn log(root: &Path) -> Result<PathBuf> {
    Ok(folder(root)?.join("day.log.jsonl"))
}

/// Where a demo keeps its files.
///
/// # Errors
/// Cargo names no target folder, or the folder cannot be made.
pub fn folder(root: &Path) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("demo");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// What somebody who has seen the table may want to try.
fn next(root: &Path, sopwith: &Path, log: &Path, flipped: &Path) -> String {
    let short = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let (sopwith, log, flipped) = (short(sopwith), short(log), short(flipped));
    format!(
        "
Next:
  the same in Chinese     {sopwith} judge {SOP} --visits {SOP}/day/day.jsonl --language zh-CN
  recompute every hash    {sopwith} verify {log}
  … with one bit flipped  {sopwith} verify {flipped}
  change the SOP          {SOP}/sop.json, then cargo xtask demo
"
    )
}
