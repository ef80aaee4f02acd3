//! The recorded days and the month before the first, judged from their files by `sopwith judge`, and the logs that leaves.

use super::{folder, golden};
use crate::day::{self, Day};
use crate::run::Ring;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The days as part of a longer run: every row as expected, each log verifies, and one flipped byte is found.
///
/// # Errors
/// A row differs, a log does not verify, or the flipped byte goes unseen.
pub fn days(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    for Day { sop, material } in day::days(root)? {
        let log = folder(root)?.join(material).join("day.log.jsonl");
        let day = sop.join("day");
        let mut judge = judge(root, sopwith, components, &sop, &day.join("day.jsonl"));
        ring.run(judge.arg("--log").arg(&log).arg("--expect").arg(day.join("expected.json")))?;
        ring.run(&mut verify(root, sopwith, &log))?;
        let flipped = flip(&log)?;
        let found = verify(root, sopwith, &flipped).output().context("cannot start sopwith")?;
        if found.status.code() != Some(1) {
            bail!("one byte of {} was flipped; sopwith verify: {}", flipped.display(), found.status);
        }
        ring.say("one flipped byte of the log is found");
    }
    ring.say(&golden(root)?);
    Ok(())
}

/// The month before the first day as part of a longer run: every row as its script expects.
///
/// # Errors
/// A row differs.
pub fn month(root: &Path, ring: &Ring, sopwith: &Path, components: &Path) -> Result<()> {
    for Day { sop, material } in day::days(root)? {
        let folder = folder(root)?.join(material);
        let history = folder.join("history.jsonl");
        if history.exists() {
            let mut command = judge(root, sopwith, components, &sop, &history);
            ring.run(command.arg("--expect").arg(folder.join("history.expected.json")))?;
        }
    }
    Ok(())
}

fn judge(root: &Path, sopwith: &Path, components: &Path, sop: &Path, visits: &Path) -> Command {
    let mut command = Command::new(sopwith);
    command.arg("judge").arg(sop).arg("--visits").arg(visits).arg("--plugins").arg(components).current_dir(root);
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
