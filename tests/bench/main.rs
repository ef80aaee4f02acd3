//! `bench`: what Sopwith costs, each figure beside its floor, measured in one run. `cargo xtask bench` builds it, runs it
//! and writes down what it prints.
//!
//! Every measurement is a file of its own that gives a list of [`Measure`]s. Here is only who is asked. No figure decides
//! whether this program succeeds: it fails only when something cannot be measured.

mod floor;
mod growth;
mod hostile;
mod load;
mod measure;
mod process;
mod raw;
mod rule_call;
mod served;
mod submit;
mod tenants;
mod versions;
mod wire;
mod workload;

use anyhow::{Context as _, bail};
use measure::{Measure, Settings};
use std::path::PathBuf;

/// One measurement: its name and what measures it.
type Measurement = (&'static str, fn(&Settings) -> anyhow::Result<Vec<Measure>>);

/// Measured only when asked for: they take up to an hour.
const GROWTH: [Measurement; 2] = [("growth", growth::measure), ("tenants", tenants::measure)];

/// All others, in the order of the report.
const MEASUREMENTS: &[Measurement] =
    &[("rule-call", rule_call::measure), ("submit", submit::measure), ("served", served::measure)];

fn main() -> anyhow::Result<()> {
    let mut settings = Settings { quick: false };
    let mut json: Option<PathBuf> = None;
    let mut wanted: Vec<String> = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "floor" => return floor::serve(&PathBuf::from(words.next().context("floor FILE")?)),
            "--quick" => settings.quick = true,
            "--json" => json = Some(words.next().context("--json FILE")?.into()),
            name if MEASUREMENTS.iter().chain(&GROWTH).any(|(known, _)| *known == name) => wanted.push(word),
            other => bail!("bench [--quick] [--json FILE] [MEASUREMENT…], not `{other}`"),
        }
    }
    let mut measures = Vec::new();
    for (name, measure) in MEASUREMENTS.iter().chain(&GROWTH) {
        let all = wanted.is_empty() && GROWTH.iter().all(|(growth, _)| growth != name);
        if all || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("{name} …");
            measures.extend(measure(&settings).with_context(|| (*name).to_owned())?);
        }
    }
    let text = serde_json::to_string_pretty(&measures)?;
    match json {
        Some(file) => std::fs::write(&file, text).with_context(|| file.display().to_string())?,
        None => println!("{text}"),
    }
    Ok(())
}
