//! The recorded day and the month before it, judged from their files by `sopwith judge`, and the log that leaves.

use super::{SOP, folder, golden};
use crate::run::Ring;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The day as part of a longer run: every row as expected, the log verifies, and one flipped byte is found.
///
/// # Errors
/// A row differs, the log does not verify, or the flipped byte goes unseen.
pub fn day(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    let log = folder(root)?.join("day.log.jsonl");
    let day = format!("{SOP}/day");
    let mut judge = judge(root, sopwith, components, format!("{day}/day.jsonl"));
    ring.run(judge.arg("--log").arg(&log).args(["--expect", &format!("{day}/expected.json")]))?;
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
pub fn month(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    let folder = folder(root)?;
    let mut command = judge(root, sopwith, components, folder.join("history.jsonl"));
    ring.run(command.arg("--expect").arg(folder.join("history.expected.json")))
}

fn judge(root: &Path, sopwith: &Path, components: &Path, visits: impl AsRef<Path>) -> Command {
    let mut command = Command::new(sopwith);
    command.args(["judge", SOP, "--visits"]).arg(visits.as_ref()).arg("--plugins").arg(components).current_dir(root);
    command
}

fn verify(root: &Path, sopwith: &Path, log: &Path) -> Command {
    let mut command = Command::new(sopwith);
    command.arg("verify").arg(log).current_dir(root);
    command
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
