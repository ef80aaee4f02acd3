//! `cargo xtask record-day [--check]`: writes the recorded days from their scripts.
//!
//! `customers.json` and `visits.json` are written by people, `day.jsonl` and `expected.json` follow from them. Most days are
//! told step by step (`told.rs`); that of the store audit follows from what the stores were like and the SOP's datasets. Nothing here is random and nothing asks a clock: the same script gives the same bytes. What a visit
//! should come to stands in the script; nothing here judges.

mod answers;
mod catalog;
mod chance;
mod company;
mod history;
mod outlets;
mod phone;
mod photo;
mod picture;
mod place;
mod png;
mod script;
mod stock;
mod timeline;
mod told;
mod visit;

use anyhow::{Context, Result, bail};
use catalog::Catalog;
use company::Company;
use history::History;
use outlets::Outlets;
use script::{Expected, Script};
use std::fs;
use std::path::{Path, PathBuf};
use timeline::{Photos, Timeline};

const SOP: &str = "schemas/fmcg/store-audit";

/// A recorded day, as a demo shows it.
pub struct Day {
    /// Folder of the SOP, from the root.
    pub sop: PathBuf,
    /// Where its company lies in the demo's folder; there may be a month before the day, too.
    pub material: PathBuf,
}

/// Every recorded day, in order of date.
///
/// # Errors
/// A script cannot be read.
pub fn days(root: &Path) -> Result<Vec<Day>> {
    let mut days = vec![Day { sop: SOP.into(), material: PathBuf::new() }];
    for told in told::all(root)? {
        let sop = told.folder.strip_prefix(root).unwrap_or(&told.folder).to_path_buf();
        days.push(Day { sop, material: told.name().into() });
    }
    Ok(days)
}

/// Writes the days, or with `check` only compares what is there with what the script gives.
///
/// # Errors
/// A source is missing or malformed, the script contradicts itself, or with `check` a file differs.
pub fn record(root: &Path, check: bool) -> Result<()> {
    let sources = Sources::read(root)?;
    let (recorded, _) = sources.day()?.into_lines();
    let day = root.join(SOP).join("day");
    settle(&day.join("day.jsonl"), &recorded, check)?;
    settle(&day.join("expected.json"), &expected(&[&sources.script])?, check)?;
    println!("{} visits, {} records", sources.script.visits.len(), recorded.lines().count());
    for told in told::all(root)? {
        for told in told.of_overlays()?.iter().chain([&told]) {
            let (recorded, _) = told.timeline()?.into_lines();
            settle(&told.day.join("day.jsonl"), &recorded, check)?;
            settle(&told.day.join("expected.json"), &told.expected()?, check)?;
            let day = told.day.strip_prefix(root).unwrap_or(&told.day).display();
            println!("{day}: {} visits, {} records", told.visits(), recorded.lines().count());
        }
    }
    Ok(())
}

/// Writes the photos of the days into a folder, each under the hash a day names it by: `<sha256>.png`.
///
/// # Errors
/// A script contradicts itself, or a file cannot be written.
pub fn photos(root: &Path, folder: &Path) -> Result<()> {
    let (_, mut photos) = Sources::read(root)?.day()?.into_lines();
    for told in told::all(root)? {
        photos.extend(told.timeline()?.into_lines().1);
    }
    develop(&photos, folder)
}

/// Writes what a served demo is filled with before the days begin into a folder: `company.json` (what to put, in order),
/// `history.jsonl` with `history.expected.json`, the same of every told day in a folder of its SOP's name, and in `photos/`
/// all photos.
///
/// # Errors
/// A source is missing or malformed, the script contradicts itself, or a file cannot be written.
pub fn demo_data(root: &Path, folder: &Path) -> Result<()> {
    let sources = Sources::read(root)?;
    let days = sources.history.days(&sources)?;
    let days: Vec<&Script> = days.iter().collect();
    let (history, mut photos) = sources.timeline(&days)?.into_lines();
    photos.extend(sources.day()?.into_lines().1);
    let puts = sources.company.puts(&sources.outlets)?;
    for told in told::all(root)? {
        photos.extend(told.demo_data(&folder.join(told.name()))?);
    }
    develop(&photos, &folder.join("photos"))?;
    write(&folder.join("company.json"), serde_json::to_string_pretty(&puts)? + "\n")?;
    write(&folder.join("history.jsonl"), &history)?;
    write(&folder.join("history.expected.json"), expected(&days)?)?;
    let visits = days.iter().flat_map(|day| &day.visits).count();
    println!("{}: {} records of the company", folder.join("company.json").display(), puts.len());
    println!("{}: {visits} visits, {} records", folder.join("history.jsonl").display(), history.lines().count());
    Ok(())
}

/// What people wrote, and what the SOP's tables hold.
struct Sources {
    company: Company,
    history: History,
    outlets: Outlets,
    script: Script,
    catalog: Catalog,
}

impl Sources {
    fn read(root: &Path) -> Result<Self> {
        let sop = root.join(SOP);
        Ok(Self {
            company: read(&sop.join("demo/company.json"))?,
            history: read(&sop.join("demo/history.json"))?,
            outlets: read(&sop.join("day/customers.json"))?,
            script: read(&sop.join("day/visits.json"))?,
            catalog: Catalog::read(&sop.join("datasets"))?,
        })
    }

    /// Everything that reaches the server on the day.
    fn day(&self) -> Result<Timeline> {
        self.timeline(&[&self.script])
    }

    /// Everything that reaches the server on some days.
    fn timeline(&self, days: &[&Script]) -> Result<Timeline> {
        let mut timeline = Timeline::default();
        for outlet in &self.outlets.customers {
            timeline.customer(&self.outlets.record(outlet)?)?;
        }
        for script in days {
            let mut phones = phone::phones(&script.reps, &script.date)?;
            for entry in &script.visits {
                entry.check()?;
                let outlet = self.outlets.find(&entry.customer)?;
                let phone = phones.get_mut(&entry.rep).with_context(|| format!("{}: no such rep", entry.visit))?;
                visit::record(entry, outlet, &self.outlets, script, &self.catalog, phone, &mut timeline)
                    .with_context(|| entry.visit.clone())?;
            }
            for now in &script.clock {
                timeline.clock(chance::moment(&script.date, now)?)?;
            }
        }
        Ok(timeline)
    }
}

/// The rows a domain expert expects, as a file.
fn expected(days: &[&Script]) -> Result<String> {
    let visits = days.iter().flat_map(|script| &script.visits);
    Ok(serde_json::to_string_pretty(&visits.map(Expected::of).collect::<Vec<_>>())? + "\n")
}

fn develop(photos: &Photos, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (sha256, png) in photos {
        write(&folder.join(format!("{sha256}.png")), png)?;
    }
    let bytes: usize = photos.values().map(Vec::len).sum();
    println!("{}: {} photos, {} kB", folder.display(), photos.len(), bytes / 1000);
    Ok(())
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn settle(path: &Path, text: &str, check: bool) -> Result<()> {
    if !check {
        return write(path, text);
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

    #[test]
    fn a_photo_has_the_bytes_its_hash_names() {
        let (lines, photos) = Sources::read(&crate::root()).unwrap().day().unwrap().into_lines();
        let mut named = std::collections::BTreeSet::new();
        for line in lines.lines() {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            let evidence = record["body"]["evidence"].as_array().into_iter().flatten();
            named.extend(evidence.map(|evidence| evidence["sha256"].as_str().unwrap().to_owned()));
        }
        assert!(named.len() > 200, "{}", named.len());
        assert!(photos.iter().all(|(sha256, png)| chance::hash(png) == *sha256 && png.len() < 2000));
        assert!(named.iter().eq(photos.keys()));
    }
}
