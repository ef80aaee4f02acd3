//! `sopwith verify`: every hash of a log, then every finding by driving the engine and the rules again.
//!
//! The log carries what its runs were pinned to, so nothing else is asked. Events are made again from the commands they
//! carry, sealed with the recorded salts, and compared byte for byte.

use crate::cli::VerifyArguments;
use crate::log::{self, Fault, Log};
use crate::plugins::{self, Rows, Sandbox};
use crate::{judge, sop_folder};
use anyhow::{Context as _, ensure};
use engine::command::{Clock, Record};
use engine::effective::EffectiveSop;
use engine::event::{self, ENGINE_HASH, Event, KeptPayload, Payload};
use engine::journal::{Journal, Outside};
use engine::rejection::Rejection;
use engine::rule::{FailureCode, RuleAnswer, RuleCall, RuleOutcome};
use engine::verdict::CallRecord;
use engine::visit::VisitEvent;
use engine::{canon, submit};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Runs the command; false when something is wrong.
///
/// # Errors
/// When the log cannot be read at all.
pub fn run(arguments: &VerifyArguments) -> anyhow::Result<bool> {
    let file = arguments.log.as_ref().context("a log")?;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let (log, mut faults) = log::read(&bytes)?;
    let payloads = log.events.iter().flat_map(|(_, event)| event.payloads.values());
    let erased = payloads.clone().filter(|payload| matches!(payload, Payload::Erased(_))).count();
    println!("{} events, {} payloads, {erased} erased", log.events.len(), payloads.count());
    let recorded_engines: Vec<&String> = log.events.iter().map(|(_, event)| &event.header.engine).collect();
    if recorded_engines.iter().any(|engine| *engine != ENGINE_HASH) {
        println!("judged by another engine; this one is {ENGINE_HASH}");
    }
    if faults.is_empty() {
        println!("hashes: all equal");
        if erased > 0 {
            println!("findings: not recomputed, because erased payloads cannot be judged again");
        } else {
            let n_calls = judge_again(&log, &mut faults)?;
            if faults.is_empty() {
                println!("findings: all equal ({n_calls} rule calls made again)");
            }
        }
    } else {
        println!("findings: not recomputed, because the log was changed");
    }
    for fault in &faults {
        println!("✗ line {}: {}: {}", fault.line, fault.what, fault.detail);
    }
    Ok(faults.is_empty())
}

/// Drives the engine over the log's own commands; how many rule calls that took.
fn judge_again(log: &Log, faults: &mut Vec<Fault>) -> anyhow::Result<usize> {
    let document = log.sop.get("sop").context("the log has no SOP")?;
    let parameters = log.sop.get("parameters").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let sop = judge::parse_sop(document)?;
    let declared = document.get("datasets").and_then(Value::as_object).cloned().unwrap_or_default();
    let datasets = log
        .datasets
        .values()
        .map(|value| sop_folder::dataset(value, &declared))
        .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let host = plugins::host(None)?;
    let loaded = plugins::load(&host, &sop, &log.plugins).context("plugins of the log")?;
    let dataset_pins = datasets.iter().map(|(name, dataset)| (name.clone(), dataset.pin.clone())).collect();
    let effective = EffectiveSop::new(sop, plugins::pins(&loaded), dataset_pins, &parameters)
        .map_err(|problems| judge::unfit(&problems))?;

    let engine = log.events.first().map_or(ENGINE_HASH, |(_, event)| &event.header.engine);
    let tenant = log.events.first().map_or(judge::TENANT, |(_, event)| &event.header.tenant);
    let mut journal = Journal::new(&effective, tenant).recorded_by(engine);
    let sandbox = Sandbox { host: &host, plugins: &loaded, rows: Arc::new(Rows(datasets)) };
    let mut replay = Replay { sandbox, salts: VecDeque::new(), facts: facts(log), n_calls: 0 };
    let mut events: VecDeque<&(usize, Event)> = log.events.iter().collect();
    while let Some((line, recorded)) = events.front().copied() {
        replay.salts = events.iter().flat_map(|(_, event)| salts(event)).take(MAX_SALTS).collect();
        let made = make_again(&mut journal, recorded, &mut replay)?;
        if made.is_empty() {
            faults.push(differs(*line, recorded, "no event comes of it now"));
            return Ok(replay.n_calls);
        }
        for event in made {
            let Some((line, recorded)) = events.pop_front() else {
                faults.push(Fault {
                    line: 0,
                    what: "log".into(),
                    detail: format!("an event is missing: {}", event.header.kind),
                });
                return Ok(replay.n_calls);
            };
            if event::to_line(&event)? != event::to_line(recorded)? {
                faults.push(differs(*line, recorded, &difference(recorded, &event)));
                return Ok(replay.n_calls);
            }
        }
    }
    Ok(replay.n_calls)
}

/// More than one record ever needs.
const MAX_SALTS: usize = 4096;

/// The events that come of the record that caused `recorded`.
fn make_again(journal: &mut Journal<'_>, recorded: &Event, replay: &mut Replay<'_>) -> anyhow::Result<Vec<Event>> {
    let value = |name: &str| match recorded.payloads.get(name) {
        Some(Payload::Kept(kept)) => Some(&kept.value),
        Some(Payload::Erased(_)) | None => None,
    };
    let clock = Record::Clock(Clock { now: recorded.header.at.clone() });
    let (_, due) = journal.apply(&clock, replay);
    if !due.is_empty() {
        return Ok(due);
    }
    if recorded.header.kind == "quarantined" {
        let rejection: Rejection = serde_json::from_value(value("rejection").cloned().unwrap_or_default())?;
        let what = value("record").context("a quarantined event without its record")?;
        return Ok(match what.get("raw").and_then(Value::as_str) {
            Some(_) => journal.quarantine_again(what.clone(), rejection, replay),
            None => journal.apply(&serde_json::from_value(what.clone())?, replay).1,
        });
    }
    if recorded.header.kind == "evidence_arrived" {
        let arrival = serde_json::from_value(value("evidence").cloned().unwrap_or_default())?;
        return Ok(journal.apply(&Record::Evidence(arrival), replay).1);
    }
    let payloads = recorded.payloads.keys().filter_map(|name| Some((name, value(name)?)));
    let event = VisitEvent::from_payloads(&recorded.header.kind, payloads)?;
    let Some(cause) = event.cause() else { return Ok(Vec::new()) };
    if let VisitEvent::VisitCreated { customer, .. } = &event {
        ensure!(journal.apply(&Record::Customer(customer.clone()), replay).1.is_empty(), "a customer makes no event");
    }
    Ok(journal.apply(&cause, replay).1)
}

fn differs(line: usize, recorded: &Event, detail: &str) -> Fault {
    let header = &recorded.header;
    Fault { line, what: format!("event {} {} {}", header.stream, header.seq, header.kind), detail: detail.to_owned() }
}

/// Which payload of two events differs.
fn difference(recorded: &Event, made: &Event) -> String {
    if recorded.header.kind != made.header.kind {
        return format!("judged again it is {}", made.header.kind);
    }
    let differing: Vec<&String> = recorded
        .payloads
        .iter()
        .filter(|(name, payload)| made.payloads.get(*name) != Some(payload))
        .map(|(name, _)| name)
        .collect();
    format!("judged again it differs in {differing:?}")
}

fn salts(event: &Event) -> Vec<[u8; 16]> {
    let salt = |payload: &Payload| match payload {
        Payload::Kept(KeptPayload { salt, .. }) => canon::unhex(salt),
        Payload::Erased(_) => None,
    };
    event.payloads.values().filter_map(salt).collect()
}

/// What the host recorded as a fact of its own time: a deadline that passed cannot be made to pass again.
fn facts(log: &Log) -> BTreeMap<(String, String), RuleOutcome> {
    let mut facts = BTreeMap::new();
    for (_, event) in &log.events {
        for payload in event.payloads.values() {
            let Payload::Kept(kept) = payload else { continue };
            let Some(calls) = kept.value.get("calls").cloned() else { continue };
            let calls: Vec<CallRecord> = serde_json::from_value(calls).unwrap_or_default();
            for call in calls {
                if matches!(&call.outcome.answer, RuleAnswer::Failed(failure) if failure.code == FailureCode::Deadline)
                {
                    facts.insert((call.rule, call.input_hash), call.outcome);
                }
            }
        }
    }
    facts
}

/// The sandbox with recorded salts and facts.
struct Replay<'a> {
    sandbox: Sandbox<'a>,
    salts: VecDeque<[u8; 16]>,
    facts: BTreeMap<(String, String), RuleOutcome>,
    n_calls: usize,
}

impl Outside for Replay<'_> {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        self.n_calls += 1;
        let fact = self.facts.get(&(call.rule.clone(), submit::input_hash(call)));
        fact.cloned().unwrap_or_else(|| self.sandbox.run(call))
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts.pop_front().unwrap_or_default()
    }
}
