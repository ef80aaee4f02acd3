//! `cargo xtask record-day [--check]`: writes the recorded day of the store audit from its script.
//!
//! `customers.json` and `visits.json` are written by people, `day.jsonl` and `expected.json` follow from them and from the
//! SOP's datasets. Nothing here is random and nothing asks a clock: the same script gives the same bytes. What a visit
//! should come to stands in the script; nothing here judges.

mod answers;
mod catalog;
mod chance;
mod phone;
mod photo;
mod place;
mod script;
mod stock;
mod timeline;
mod visit;

use anyhow::{Context, Result, bail};
use catalog::Catalog;
use script::{Expected, Outlets, Script};
use std::fs;
use std::path::Path;
use timeline::Timeline;

const SOP: &str = "schemas/fmcg/store-audit";

/// Writes the day, or with `check` only compares what is there with what the script gives.
///
/// # Errors
/// A source is missing or malformed, the script contradicts itself, or with `check` a file differs.
pub fn record(root: &Path, check: bool) -> Result<()> {
    let sop = root.join(SOP);
    let day = sop.join("day");
    let outlets: Outlets = read(&day.join("customers.json"))?;
    let script: Script = read(&day.join("visits.json"))?;
    let catalog = Catalog::read(&sop.join("datasets"))?;
    let recorded = timeline(&outlets, &script, &catalog)?.into_lines();
    let mut expected = serde_json::to_string_pretty(&script.visits.iter().map(Expected::of).collect::<Vec<_>>())?;
    expected.push('\n');
    settle(&day.join("day.jsonl"), &recorded, check)?;
    settle(&day.join("expected.json"), &expected, check)?;
    println!("{} visits, {} records", script.visits.len(), recorded.lines().count());
    Ok(())
}

/// Everything that reaches the server that day.
fn timeline(outlets: &Outlets, script: &Script, catalog: &Catalog) -> Result<Timeline> {
    let mut timeline = Timeline::default();
    for outlet in &outlets.customers {
        timeline.customer(&outlets.record(outlet)?)?;
    }
    let mut phones = phone::phones(script)?;
    for entry in &script.visits {
        entry.check()?;
        let outlet = outlets.find(&entry.customer)?;
        let phone = phones.get_mut(&entry.rep).with_context(|| format!("{}: no such rep", entry.visit))?;
        visit::record(entry, outlet, outlets, script, catalog, phone, &mut timeline)
            .with_context(|| entry.visit.clone())?;
    }
    for now in &script.clock {
        timeline.clock(chance::moment(&script.date, now)?)?;
    }
    Ok(timeline)
}

fn settle(path: &Path, text: &str, check: bool) -> Result<()> {
    if !check {
        return fs::write(path, text).with_context(|| format!("cannot write {}", path.display()));
    }
    let there = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if there == text {
        return Ok(());
    }
    let line = there.lines().zip(text.lines()).take_while(|(there, made)| there == made).count() + 1;
    bail!("{}:{line} is not what the script gives; run `cargo xtask record-day`", path.display())
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_day_is_what_its_script_gives() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        record(root, true).unwrap();
    }
}
