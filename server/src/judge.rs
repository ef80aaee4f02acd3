//! `sopwith judge`: recorded commands in, events and a readable table out.

use crate::cli::JudgeArguments;
use crate::plugins::{self, Plugins, Rows, Sandbox};
use crate::sop_folder::SopFolder;
use crate::table::{Heading, Row};
use crate::{expect, log, reports, sop_folder, table};
use anyhow::{Context as _, bail};
use engine::command::{Customer, Record};
use engine::effective::EffectiveSop;
use engine::event::Event;
use engine::journal::{Ended, Journal};
use engine::parameters::{self, Slices};
use engine::sop::Sop;
use engine::visit::Visit;
use engine::{door, explain, lint};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

/// The tenant of recorded days.
pub const TENANT: &str = "tnt_recorded";

/// A line that ended refused or quarantined, for the reader.
pub struct Trouble {
    /// From 1.
    pub line: usize,
    /// How it ended.
    pub ended: Ended,
}

/// Runs the command; false when expected rows differ.
///
/// # Errors
/// When something cannot be read, or the SOP or a plugin is not fit to judge with.
pub fn run(arguments: &JudgeArguments) -> anyhow::Result<bool> {
    let folder = sop_folder::read(&arguments.sop, arguments.overlay.as_deref())?;
    let sop = parse_sop(&folder.document)?;
    let host = plugins::host(Some(arguments.plugins.join("cache")))?;
    let components = plugins::read_components(&sop, &arguments.plugins)?;
    let loaded = plugins::load(&host, &sop, &components)?;
    let recorded = std::fs::read(&arguments.visits).with_context(|| arguments.visits.display().to_string())?;
    let sops = Sliced::of(effective(&folder, sop, &loaded)?, &recorded)?;
    let effective = &sops.default;

    let datasets: BTreeMap<String, Value> = folder
        .datasets
        .iter()
        .map(|(name, dataset)| Ok((name.clone(), dataset.value()?)))
        .collect::<anyhow::Result<_>>()?;
    let rows = folder.datasets;
    let mut sandbox = Sandbox { host: &host, plugins: &loaded, rows: Arc::new(Rows(rows.clone())) };
    let choose = |customer: &Customer| sops.choose(customer);
    let mut journal = Journal::choosing(effective, TENANT, &choose);
    let (events, troubles) = drive(&mut journal, &recorded, &mut sandbox);

    if let Some(file) = &arguments.log {
        let pinned = |sop: &EffectiveSop| json!({"sop": folder.document, "parameters": sop.parameters});
        let pinned: Vec<Value> = sops.all().map(pinned).collect();
        write_log(file, &pinned, &datasets, &components, &events)?;
    }

    let language = arguments.language.tag();
    let row = |visit: &Visit| Row::of(journal.sop_of(&visit.id), visit, language);
    let shown: Vec<Row> = journal.visits().values().map(row).collect();
    if let Some(folder) = &arguments.report {
        let names = reports::names(rows.values());
        let style = reports::Style { language, personal: arguments.personal };
        reports::write(folder, &journal, &events, &names, &style)?;
    }
    if arguments.json {
        let mut out = std::io::stdout().lock();
        for visit in journal.visits().values() {
            let explanation = explain::visit(journal.sop_of(&visit.id), visit, language);
            let decision = engine::submit::standing_decision(visit);
            writeln!(
                out,
                "{}",
                json!({"visit": visit.id, "decision": decision, "verdict": visit.verdict(), "explanation": explanation})
            )?;
        }
    } else {
        let labels = effective.sop.labels.iter();
        let labels = labels.filter_map(|(word, text)| Some((word.clone(), text.get(language)?.to_owned()))).collect();
        let (sop, hash) = (&effective.sop, effective.hash.get(..12).unwrap_or_default());
        let title = format!("{} {} · {hash}", sop.title.get(language).unwrap_or(&sop.sop), sop.version);
        table::print(&Heading { title, labels: &labels }, &shown, language)?;
        table::print_lines(shown.len(), events.len(), &troubles, language)?;
    }
    match &arguments.expect {
        None => Ok(true),
        Some(file) => expect::compare(&shown, file, language, !arguments.json),
    }
}

/// An SOP by the values that the slices of its parameters give.
struct Sliced {
    slices: Slices,
    /// Where no slice holds.
    default: EffectiveSop,
    /// By the values, as text.
    others: BTreeMap<String, EffectiveSop>,
}

impl Sliced {
    /// Compiled for every customer of a day.
    fn of(default: EffectiveSop, recorded: &[u8]) -> anyhow::Result<Self> {
        let slices = parameters::slices(&default.sop);
        let mut others = BTreeMap::new();
        if !slices.is_empty() {
            for line in recorded.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                let Ok(Record::Customer(customer)) = Record::from_json(line) else { continue };
                let values = parameters::values(&slices, &(&customer).into(), &Map::new());
                let EffectiveSop { sop, plugins, datasets, .. } = &default;
                let compiled = EffectiveSop::new((**sop).clone(), plugins.clone(), datasets.clone(), &values);
                others.insert(json!(values).to_string(), compiled.map_err(|problems| unfit(&problems))?);
            }
            others.remove("{}");
        }
        Ok(Self { slices, default, others })
    }

    /// The one for a customer.
    fn choose(&self, customer: &Customer) -> &EffectiveSop {
        let values = parameters::values(&self.slices, &customer.into(), &Map::new());
        self.others.get(&json!(values).to_string()).unwrap_or(&self.default)
    }

    fn all(&self) -> impl Iterator<Item = &EffectiveSop> {
        std::iter::once(&self.default).chain(self.others.values())
    }
}

/// Reads a document into the engine's type.
///
/// # Errors
/// When it does not have the shape; lint says more.
pub fn parse_sop(document: &Value) -> anyhow::Result<Sop> {
    serde_path_to_error::deserialize(document)
        .context("sop.json does not have the shape of an SOP; `sopwith sop lint` says more")
}

/// An SOP of a folder as a run is judged with it: no tenant's own values, nothing lint finds wrong.
///
/// # Errors
/// It is not fit to judge with; all that is wrong.
pub fn effective(folder: &SopFolder, sop: Sop, loaded: &Plugins) -> anyhow::Result<EffectiveSop> {
    let datasets = folder.datasets.iter().map(|(name, dataset)| (name.clone(), dataset.pin.clone())).collect();
    let effective =
        EffectiveSop::new(sop, plugins::pins(loaded), datasets, &Map::new()).map_err(|problems| unfit(&problems))?;
    lint_or_bail(&folder.document, &effective)?;
    Ok(effective)
}

fn lint_or_bail(document: &Value, effective: &EffectiveSop) -> anyhow::Result<()> {
    let manifests = effective.plugins.iter().map(|(name, pin)| (name.clone(), pin.manifest.clone())).collect();
    let (_, problems) = lint::lint(&serde_json::to_vec(document)?, Some(&manifests));
    if problems.is_empty() { Ok(()) } else { Err(unfit(&problems)) }
}

/// The error that says why an SOP cannot be judged with.
pub fn unfit(problems: &[lint::Problem]) -> anyhow::Error {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("  {} {}: {}", problem.pointer, problem.code, problem.hint("en")))
        .collect();
    anyhow::anyhow!("the SOP has {} problems:\n{}", problems.len(), lines.join("\n"))
}

/// Feeds every line to the journal.
pub fn drive(journal: &mut Journal<'_>, recorded: &[u8], sandbox: &mut Sandbox<'_>) -> (Vec<Event>, Vec<Trouble>) {
    let mut events = Vec::new();
    let mut troubles = Vec::new();
    for (index, line) in
        recorded.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty())
    {
        let (ended, happened) = match Record::from_json(line) {
            Ok(record) => journal.apply(&record, sandbox),
            Err(malformed) => journal.quarantine_line(line, door::of_malformed(&malformed), sandbox),
        };
        events.extend(happened);
        match ended {
            Ended::Applied { .. } | Ended::Duplicate => {}
            Ended::Refused(_) | Ended::Quarantined { .. } => troubles.push(Trouble { line: index + 1, ended }),
        }
    }
    (events, troubles)
}

fn write_log(
    file: &Path,
    sops: &[Value],
    datasets: &BTreeMap<String, Value>,
    plugins: &BTreeMap<String, Vec<u8>>,
    events: &[Event],
) -> anyhow::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut out = BufWriter::new(std::fs::File::create(file).with_context(|| file.display().to_string())?);
    log::write_objects(&mut out, sops, datasets, plugins)?;
    log::write_events(&mut out, events)?;
    log::write_end(&mut out, events)?;
    match out.into_inner() {
        Ok(file) => Ok(file.sync_all()?),
        Err(error) => bail!("{}: {error}", file.display()),
    }
}
