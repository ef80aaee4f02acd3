//! Reports of a judged day as files, one a visit. What is on a page is `report.rs`.

use crate::dataset::LoadedDataset;
use crate::report::{self, Report};
use anyhow::Context as _;
use engine::event::Event;
use engine::journal::Journal;
use engine::time;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How the reports are to be.
pub struct Style<'a> {
    /// BCP 47 tag.
    pub language: &'a str,
    /// Show personal answers.
    pub personal: bool,
}

/// Writes `<visit>.html` for each visit. A page counts as made at the time of the day's last event; no clock is asked.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    folder: &Path,
    journal: &Journal<'_>,
    events: &[Event],
    names: &BTreeMap<String, String>,
    style: &Style<'_>,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let tips: BTreeMap<&str, &Event> = events.iter().map(|event| (event.header.stream.as_str(), event)).collect();
    let made_at_ms =
        events.iter().filter_map(|event| time::parse("at", &event.header.at).ok()).max().unwrap_or_default();
    for visit in journal.visits().values() {
        let report = Report {
            tenant: crate::judge::TENANT,
            sop: journal.sop_of(&visit.id),
            visit,
            rep: visit.user.trim_start_matches("usr_"),
            names,
            photos: &BTreeMap::new(),
            comments: &[],
            personal: style.personal,
            made_at_ms,
            tip: tips.get(visit.id.as_str()).map_or("", |event| event.hash.as_str()),
        };
        let file = folder.join(format!("{}.html", visit.id));
        std::fs::write(&file, report::page(&report, style.language)).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// What keys of datasets are called: rows that have a `name`. Beyond the first rows keys stand for themselves.
pub fn names<'a>(datasets: impl Iterator<Item = &'a Arc<LoadedDataset>>) -> BTreeMap<String, String> {
    const MOST: usize = 20_000;
    let mut names = BTreeMap::new();
    for (key, text) in datasets.flat_map(|dataset| dataset.rows_after(None).take(MOST)) {
        let row: Option<Value> = serde_json::from_str(text).ok();
        let name = row.and_then(|row| row.get("name").and_then(Value::as_str).map(str::to_owned));
        names.extend(name.map(|name| (key.to_owned(), name)));
    }
    names
}
