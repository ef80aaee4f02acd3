//! `sopwith verify`: a recorded log holds, and one flipped byte anywhere is found and named.

use crate::day::{judge, sop_folder, sopwith};
use anyhow::Context as _;
use std::path::Path;

/// Visits of the recorded day that are enough for a log with all kinds of lines.
const N_VISITS: usize = 3;

fn small_log(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let recorded = std::fs::read_to_string(sop_folder().join("day/day.jsonl"))?;
    let mut tasks: Vec<String> = Vec::new();
    let mut lines = String::new();
    for line in recorded.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        if let Some(task) = record.get("task").and_then(serde_json::Value::as_str) {
            if tasks.len() < N_VISITS && !tasks.iter().any(|known| known == task) {
                tasks.push(task.to_owned());
            }
            if !tasks.iter().any(|known| known == task) {
                continue;
            }
        }
        lines.push_str(line);
        lines.push('\n');
    }
    lines.push_str("this line is no record\n");
    let (visits, log) = (folder.join("visits.jsonl"), folder.join("log.jsonl"));
    std::fs::write(&visits, lines)?;
    let output = judge(visits.to_str().context("utf-8")?, log.to_str().context("utf-8")?, &[])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(log)
}

#[test]
fn an_untouched_log_holds_and_every_finding_is_made_again() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let log = small_log(temp.path())?;
    let output = sopwith(&["verify", log.to_str().context("utf-8")?])?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("hashes: all equal") && printed.contains("findings: all equal"), "{printed}");
    Ok(())
}

#[test]
fn one_flipped_byte_is_found_and_named() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let log = small_log(temp.path())?;
    let bytes = std::fs::read(&log)?;
    let line_of = |position: usize| bytes.iter().take(position).filter(|byte| **byte == b'\n').count() + 1;
    let n_lines = line_of(bytes.len());
    // One byte in every line, at a place that moves on from line to line.
    let mut start = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let position = start + (number * 7919) % (line.len() - 1);
        start += line.len();
        if number % (n_lines / 24 + 1) != 0 {
            continue;
        }
        let mut flipped = bytes.clone();
        *flipped.get_mut(position).context("position")? ^= 1;
        let file = temp.path().join("flipped.jsonl");
        std::fs::write(&file, &flipped)?;
        let output = sopwith(&["verify", file.to_str().context("utf-8")?])?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "byte {position} of line {}: {printed}", line_of(position));
        assert!(
            printed.contains(&format!("✗ line {}:", line_of(position))),
            "byte {position} of line {}: {printed}",
            line_of(position)
        );
    }
    Ok(())
}

#[test]
fn a_cut_log_and_a_swapped_pair_of_lines_are_found() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let log = small_log(temp.path())?;
    let text = std::fs::read_to_string(&log)?;
    let lines: Vec<&str> = text.lines().collect();
    let cut = lines.get(..lines.len() - 2).context("lines")?.join("\n") + "\n";
    let mut swapped = lines.clone();
    let first_event = lines.iter().position(|line| line.contains("\"seq\":2")).context("an event")?;
    swapped.swap(first_event, first_event + 1);
    for (name, changed) in [("cut", cut), ("swapped", swapped.join("\n") + "\n")] {
        let file = temp.path().join(name);
        std::fs::write(&file, changed)?;
        let output = sopwith(&["verify", file.to_str().context("utf-8")?])?;
        assert_eq!(output.status.code(), Some(1), "{name}: {}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

#[test]
fn a_forged_finding_with_mended_hashes_is_found_by_judging_again() -> anyhow::Result<()> {
    use engine::event;
    let temp = tempfile::tempdir()?;
    let log = small_log(temp.path())?;
    let text = std::fs::read_to_string(&log)?;
    let mut heads: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    let mut tips = event::Tips::default();
    let mut forged = false;
    let mut n_events = 0;
    let mut lines = Vec::new();
    for line in text.lines() {
        let Ok(mut event) = event::from_line(line) else {
            if !line.contains("\"object\":\"end\"") {
                lines.push(line.to_owned());
            }
            continue;
        };
        let mut draft = event::Draft {
            kind: event.header.kind.clone(),
            stream: event.header.stream.clone(),
            payloads: Default::default(),
        };
        let mut salts = Vec::new();
        for (name, payload) in &event.payloads {
            let event::Payload::Kept(kept) = payload else { continue };
            let mut value = kept.value.value();
            if !forged && name == "verdict" {
                *value.get_mut("risk").context("risk")? = serde_json::json!(0.1);
                forged = true;
            }
            draft.payloads.insert(name.clone(), value);
            salts.push(engine::canon::unhex(&kept.salt).context("salt")?);
        }
        let mut salts = salts.into_iter();
        let header = &event.header;
        let tip = tips.of(&header.tenant, &header.stream);
        let at_ms = engine::time::parse("at", &header.at)?;
        let place = event::Seal { tenant: &header.tenant, engine: &header.engine, at_ms, tip: &tip };
        event = event::seal(draft, &place, &mut || salts.next().unwrap_or_default())?;
        tips.advance(&event);
        heads.insert(event.header.stream.clone(), event.hash.clone());
        n_events += 1;
        lines.push(event::to_line(&event)?);
    }
    let end = serde_json::json!({"object": "end", "events": n_events, "heads": heads});
    lines.push(String::from_utf8(engine::canon::jcs(&end)?)?);
    let file = temp.path().join("forged.jsonl");
    std::fs::write(&file, lines.join("\n") + "\n")?;
    let output = sopwith(&["verify", file.to_str().context("utf-8")?])?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(forged && printed.contains("hashes: all equal"), "{printed}");
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("judged again it differs in [\"verdict\"]"), "{printed}");
    Ok(())
}
