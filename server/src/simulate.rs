//! `sopwith simulate`: a labelled set of visits, honest and cheating, made from a seed and judged by the engine and the
//! plugins; how much is noticed of each class, and how many honest people are troubled.
//!
//! What makes the visits knows people, phones, places and their errors, and `simulate.json` of the SOP. It reads no
//! parameter, no binding and no config of a rule. Nothing here knows a trade. docs/SIMULATION.md says what the classes are.

mod camera;
mod chance;
mod conduct;
mod days;
mod judged;
mod phone;
mod place;
mod recipe;
mod table;
mod template;
mod visit;
mod world;

use crate::cli::SimulateArguments;
use crate::plugins::{self, Sandbox};
use crate::sop_folder::SopFolder;
use crate::{dataset, judge, sop_folder};
use anyhow::{Context as _, ensure};
use chance::Chance;
use host_api::Host;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use table::Figures;

/// Runs the command; false when a promise is broken.
///
/// # Errors
/// When something cannot be read, or a recipe does not lead through its SOP.
pub fn run(arguments: &SimulateArguments) -> anyhow::Result<bool> {
    let folders = if arguments.sops.is_empty() { found()? } else { arguments.sops.clone() };
    ensure!(!folders.is_empty(), "no SOP with a {} in schemas/", recipe::FILE);
    let host = plugins::host(Some(arguments.plugins.join("cache")))?;
    let bars = MultiProgress::new();
    let n_folders = folders.len();
    let share = |count: usize, at: usize| count / n_folders + usize::from(at < count % n_folders);
    let figures: Vec<Figures> = folders
        .par_iter()
        .enumerate()
        .map(|(at, folder)| {
            let counts = (share(arguments.honest, at), share(arguments.cheating, at));
            one(&host, folder, arguments, counts, &bars).with_context(|| folder.display().to_string())
        })
        .collect::<anyhow::Result<_>>()?;
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&table::json(arguments.seed, &figures))? + "\n";
        std::fs::write(file, text).with_context(|| file.display().to_string())?;
    }
    table::print(&figures, arguments.language.tag())?;
    Ok(table::broken(&table::together(&figures)).is_empty())
}

/// Folders of SOPs with a recipe, in `schemas/`.
fn found() -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for industry in std::fs::read_dir("schemas").context("schemas")? {
        let industry = industry?.path();
        for folder in industry.is_dir().then(|| std::fs::read_dir(&industry)).transpose()?.into_iter().flatten() {
            let folder = folder?.path();
            if folder.join(recipe::FILE).is_file() {
                found.push(folder);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Puts rows beside those of a folder's table.
fn add_rows(folder: &mut SopFolder, name: &str, rows: Vec<Value>) -> anyhow::Result<()> {
    let mut value = folder.datasets.get(name).context("the folder has no such dataset")?.value()?;
    value.get_mut("rows").and_then(Value::as_array_mut).context("a dataset without rows")?.extend(rows);
    let declared = folder.document.get("datasets").and_then(Value::as_object).cloned().unwrap_or_default();
    let loaded = dataset::of_value(&value, &declared)?;
    folder.datasets.insert(loaded.name.clone(), Arc::new(loaded));
    Ok(())
}

/// Simulates and judges one SOP.
fn one(
    host: &Host,
    folder: &Path,
    arguments: &SimulateArguments,
    (honest, cheating): (usize, usize),
    bars: &MultiProgress,
) -> anyhow::Result<Figures> {
    let mut read = sop_folder::read(folder, None)?;
    let recipe = recipe::read(folder)?;
    let sop = judge::parse_sop(&read.document)?;
    let loaded = plugins::load(host, &sop, &plugins::read_components(&sop, &arguments.plugins)?)?;
    let chance = Chance::new(arguments.seed).of(&sop.sop);
    let world = world::World::new(chance.of("world"), &recipe, &read.datasets, honest + cheating)?;
    for (name, rows) in &recipe.rows {
        let made = world.rows(chance.of(name), recipe.first_day()?, rows, &read.datasets)?;
        add_rows(&mut read, name, made).with_context(|| format!("rows of {name}"))?;
    }
    let effective = judge::effective(&read, sop, &loaded)?;
    let tables = Arc::new(plugins::Rows(read.datasets));
    let sandbox = Sandbox { host, plugins: &loaded, rows: Arc::clone(&tables) as Arc<dyn host_api::Datasets> };
    let scene = visit::Scene { sop: &effective, recipe: &recipe, datasets: &tables.0, sandbox: &sandbox, chance };
    let bar = bars.add(ProgressBar::new_spinner());
    bar.set_style(ProgressStyle::with_template("{prefix:>28} {bar:40} {pos}/{len}  {elapsed}")?);
    bar.set_prefix(effective.sop.sop.clone());
    let set = days::simulate(&scene, &world, honest, cheating)?;
    bar.set_length(u64::try_from(set.lines.len())?);
    let tallies = judged::judge(&effective, &sandbox, &set, &bar)?;
    bar.finish_and_clear();
    let title = effective.sop.title.get(arguments.language.tag()).unwrap_or(&effective.sop.sop).to_owned();
    Ok(Figures {
        sop: format!("{} {}", effective.sop.sop, effective.sop.version),
        title,
        tallies,
        impossible: set.impossible,
    })
}
