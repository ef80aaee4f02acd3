//! The log file: everything a verdict rests on, one canonical JSON line each.
//!
//! First the objects runs are pinned to (SOP, datasets, plugins), each under its hash; then the events in the order they
//! happened; last a line that says how many there were and how each stream ended.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use engine::canon;
use engine::event::{self, Event, Tips};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write};

/// A line that is not an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "object", rename_all = "snake_case", deny_unknown_fields)]
pub enum Object {
    /// The effective SOP: document and parameters.
    Sop { hash: String, value: Value },
    /// A dataset.
    Dataset { name: String, hash: String, value: Value },
    /// A component, base64.
    Plugin { name: String, hash: String, bytes: String },
    /// The last line.
    End { events: usize, heads: BTreeMap<String, String> },
}

/// A log in memory. Runs may be pinned to several versions of each object.
#[derive(Default)]
pub struct Log {
    /// Documents with parameters.
    pub sops: Vec<Value>,
    /// Datasets by hash.
    pub datasets: BTreeMap<String, Value>,
    /// Components by hash.
    pub plugins: BTreeMap<String, Vec<u8>>,
    /// Events with the number of their line, from 1.
    pub events: Vec<(usize, Event)>,
}

/// Something wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// What it is about: an event's stream, sequence and type, or an object.
    pub what: String,
    /// What is wrong.
    pub detail: String,
}

/// Writes the objects a log begins with.
///
/// # Errors
/// When writing fails.
pub fn write_objects(
    out: &mut impl Write,
    sops: &[Value],
    datasets: &BTreeMap<String, Value>,
    plugins: &BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<()> {
    for sop in sops {
        line(out, &Object::Sop { hash: canon::hash_value(sop)?, value: sop.clone() })?;
    }
    for (name, value) in datasets {
        line(out, &Object::Dataset { name: name.clone(), hash: canon::hash_value(value)?, value: value.clone() })?;
    }
    for (name, bytes) in plugins {
        let hash = canon::sha256_hex(bytes);
        line(out, &Object::Plugin { name: name.clone(), hash, bytes: BASE64_STANDARD.encode(bytes) })?;
    }
    Ok(())
}

/// Writes events.
///
/// # Errors
/// When writing fails.
pub fn write_events(out: &mut impl Write, events: &[Event]) -> anyhow::Result<()> {
    for event in events {
        writeln!(out, "{}", event::to_line(event)?)?;
    }
    Ok(())
}

/// Writes the last line.
///
/// # Errors
/// When writing fails.
pub fn write_end(out: &mut impl Write, events: &[Event]) -> anyhow::Result<()> {
    line(out, &Object::End { events: events.len(), heads: heads(events.iter()) })?;
    out.flush()?;
    Ok(())
}

fn heads<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<String, String> {
    events.map(|event| (event.header.stream.clone(), event.hash.clone())).collect()
}

fn line(out: &mut impl Write, object: &Object) -> anyhow::Result<()> {
    out.write_all(&canon::jcs(&json!(object))?)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Reads a log and everything that is wrong with its bytes and hashes.
///
/// # Errors
/// When the file cannot be read at all.
pub fn read(bytes: &[u8]) -> anyhow::Result<(Log, Vec<Fault>)> {
    let mut log = Log::default();
    let mut faults = Vec::new();
    let mut tips = Tips::default();
    let mut ended = false;
    ensure!(!bytes.is_empty(), "the log is empty");
    if !bytes.ends_with(b"\n") {
        faults.push(fault(bytes.split(|byte| *byte == b'\n').count(), "log", "the last line does not end"));
    }
    for (index, raw) in bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, raw)| !raw.is_empty()) {
        let number = index + 1;
        if ended {
            faults.push(fault(number, "log", "a line after the end"));
        }
        if is_event(raw) {
            read_event(number, raw, &mut log, &mut tips, &mut faults);
            continue;
        }
        match read_object(raw) {
            Ok(Object::End { events, heads }) => {
                ended = true;
                if events != log.events.len() || heads != self::heads(log.events.iter().map(|(_, event)| event)) {
                    faults.push(fault(number, "end", "the events before it are not the ones it names"));
                }
            }
            Ok(object) => {
                if let Err(error) = log.take(object) {
                    faults.push(fault(number, "object", &format!("{error:#}")));
                }
            }
            Err(error) => faults.push(fault(number, "line", &format!("{error:#}"))),
        }
    }
    if !ended {
        faults.push(fault(bytes.lines().count() + 1, "end", "the last line is missing: the log was cut"));
    }
    Ok((log, faults))
}

/// Whether a line begins as an event does: canonical JSON sorts `hash`, 64 digits long, before `header`.
fn is_event(raw: &[u8]) -> bool {
    raw.starts_with(b"{\"hash\":\"") && raw.get(9 + 64..).is_some_and(|rest| rest.starts_with(b"\",\"header\":"))
}

fn fault(line: usize, what: &str, detail: &str) -> Fault {
    Fault { line, what: what.to_owned(), detail: detail.to_owned() }
}

fn read_event(number: usize, raw: &[u8], log: &mut Log, tips: &mut Tips, faults: &mut Vec<Fault>) {
    let event = match event::from_line(raw) {
        Ok(event) => event,
        Err(wrong) => {
            faults.push(fault(number, "event", &wrong.to_string()));
            return;
        }
    };
    let header = &event.header;
    let what = format!("event {} {} {}", header.stream, header.seq, header.kind);
    for wrong in tips.verify(&event).faults {
        faults.push(fault(number, &what, &wrong.to_string()));
    }
    log.events.push((number, event));
}

fn read_object(raw: &[u8]) -> anyhow::Result<Object> {
    ensure!(engine::form::json_depth_within(raw, 128), "nested too deep");
    let value: Value = serde_json::from_slice(raw).context("not JSON")?;
    ensure!(canon::jcs(&value)? == raw, "not canonical: some byte was changed");
    serde_json::from_value(value).context("not a line of a log")
}

impl Log {
    fn take(&mut self, object: Object) -> anyhow::Result<()> {
        match object {
            Object::Sop { hash, value } => {
                ensure!(canon::hash_value(&value)? == hash, "sop {hash}: the content has another hash");
                self.sops.push(value);
            }
            Object::Dataset { name, hash, value } => {
                ensure!(canon::hash_value(&value)? == hash, "dataset {name} {hash}: the content has another hash");
                self.datasets.insert(hash, value);
            }
            Object::Plugin { name, hash, bytes } => {
                let bytes = BASE64_STANDARD.decode(bytes).with_context(|| format!("plugin {name}"))?;
                ensure!(canon::sha256_hex(&bytes) == hash, "plugin {name} {hash}: the content has another hash");
                self.plugins.insert(hash, bytes);
            }
            Object::End { .. } => bail!("the end is not where it belongs"),
        }
        Ok(())
    }
}
