//! A log file as a record to judge again from: its events by stream and hash, and what its runs were pinned to.

use crate::log::Log;
use crate::plugins::{self, Components, Plugins, Rows, Sandbox};
use crate::{dataset, judge};
use anyhow::Context as _;
use engine::canon;
use engine::effective::{EffectiveSop, Pins};
use engine::event::Event;
use engine::recheck::{Located, Recorded};
use engine::rule::{FailureCode, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use host_api::Host;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module header.
pub struct RecordedLog<'a> {
    log: &'a Log,
    host: &'a Host,
    /// Index into the log's events by stream, in order.
    streams: BTreeMap<&'a str, Vec<usize>>,
    /// The same by hash.
    hashes: BTreeMap<&'a str, usize>,
    /// What was compiled, by what it is pinned to; none where the log does not have it all.
    runs: BTreeMap<String, Option<Run>>,
}

/// An effective SOP with the plugins and rows its rules are called with.
struct Run {
    sop: Arc<EffectiveSop>,
    plugins: Plugins,
    rows: Arc<Rows>,
}

impl<'a> RecordedLog<'a> {
    /// A log whose hashes were checked.
    pub fn new(log: &'a Log, host: &'a Host) -> Self {
        let mut streams: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut hashes = BTreeMap::new();
        for (index, (_, event)) in log.events.iter().enumerate() {
            streams.entry(&event.header.stream).or_default().push(index);
            hashes.insert(event.hash.as_str(), index);
        }
        Self { log, host, streams, hashes, runs: BTreeMap::new() }
    }

    /// The line an event stands in; 0 when there is no such event.
    pub fn line(&self, stream: &str, seq: u64) -> usize {
        let mut events = self.of_stream(stream);
        events.find(|(_, event)| event.header.seq == seq).map_or(0, |(line, _)| *line)
    }

    fn of_stream(&self, stream: &str) -> impl Iterator<Item = &'a (usize, Event)> {
        let log = self.log;
        self.streams.get(stream).into_iter().flatten().filter_map(move |index| log.events.get(*index))
    }

    fn compile(&self, hash: &str, pins: Option<&Pins>) -> anyhow::Result<Option<Run>> {
        for value in &self.log.sops {
            let document = value.get("sop").context("an SOP object without its document")?;
            let parameters = value.get("parameters").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
            let sop = judge::parse_sop(document)?;
            if canon::hash_value(&json!({"sop": sop, "parameters": parameters}))? != hash {
                continue;
            }
            let declared = document.get("datasets").and_then(Value::as_object).cloned().unwrap_or_default();
            let mut components = Components::new();
            let mut datasets = BTreeMap::new();
            if let Some(pins) = pins {
                for (name, hash) in &pins.plugins {
                    let Some(bytes) = self.log.plugins.get(hash) else { return Ok(None) };
                    components.insert(name.clone(), bytes.clone());
                }
                for hash in pins.datasets.values() {
                    let Some(value) = self.log.datasets.get(hash) else { return Ok(None) };
                    let dataset = dataset::of_value(value, &declared)?;
                    datasets.insert(dataset.name.clone(), Arc::new(dataset));
                }
            }
            let loaded = match pins {
                Some(_) => plugins::load(self.host, &sop, &components).context("plugins of the log")?,
                None => Plugins::new(),
            };
            let dataset_pins = datasets.iter().map(|(name, dataset)| (name.clone(), dataset.pin.clone())).collect();
            let effective = EffectiveSop::new(sop, plugins::pins(&loaded), dataset_pins, &parameters)
                .map_err(|problems| judge::unfit(&problems))?;
            return Ok(Some(Run { sop: Arc::new(effective), plugins: loaded, rows: Arc::new(Rows(datasets)) }));
        }
        Ok(None)
    }
}

/// What tells one run's surroundings from another's.
fn key(hash: &str, pins: Option<&Pins>) -> String {
    json!([hash, pins.map(|pins| (&pins.plugins, &pins.datasets))]).to_string()
}

impl Recorded for RecordedLog<'_> {
    type Error = anyhow::Error;

    fn find(&mut self, hash: &str) -> anyhow::Result<Option<Located>> {
        let event = self.hashes.get(hash).and_then(|index| self.log.events.get(*index));
        Ok(event.map(|(_, event)| Located { stream: event.header.stream.clone(), seq: event.header.seq }))
    }

    fn events(&mut self, stream: &str, up_to: u64) -> anyhow::Result<Vec<Event>> {
        let events = self.of_stream(stream).map(|(_, event)| event);
        Ok(events.take_while(|event| event.header.seq <= up_to).cloned().collect())
    }

    fn sop(&mut self, hash: &str, pins: Option<&Pins>) -> anyhow::Result<Option<Arc<EffectiveSop>>> {
        let key = key(hash, pins);
        if !self.runs.contains_key(&key) {
            let run = self.compile(hash, pins)?;
            self.runs.insert(key.clone(), run);
        }
        Ok(self.runs.get(&key).and_then(Option::as_ref).map(|run| run.sop.clone()))
    }

    fn call(&mut self, sop: &EffectiveSop, call: &RuleCall) -> RuleOutcome {
        let pins = sop.pins();
        match self.runs.get(&key(&sop.hash, Some(&pins))).and_then(Option::as_ref) {
            Some(run) => Sandbox { host: self.host, plugins: &run.plugins, rows: run.rows.clone() }.run(call),
            None => {
                let failure = RuleFailure { code: FailureCode::NoSuchPlugin, detail: call.plugin_hash.clone() };
                RuleOutcome { answer: RuleAnswer::Failed(failure), lookups: Vec::new(), fuel: 0 }
            }
        }
    }
}
