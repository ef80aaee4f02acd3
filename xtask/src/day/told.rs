//! A day told step by step: what people write under `schemas/<industry>/<sop>/day/`, read and put on a timeline.
//!
//! `customers.json` lists who is visited, `visits.json` the visits with every answer as it was given. An overlay may have a day
//! of its own, `overlays/<overlay>/visits.json`, with the same customers and visits like those of the SOP's. Nothing here knows an
//! industry; how a step becomes commands is `told/visit.rs`, the company around the day `told/company.rs`.

mod company;
mod visit;

use super::phone;
use super::script::{Expect, Expected, Kind, Rep};
use super::timeline::Timeline;
use super::{Photos, chance, read, write};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A told day with the SOP it is told of.
pub struct Told {
    /// Folder of the SOP.
    pub folder: PathBuf,
    /// Folder of the day.
    pub day: PathBuf,
    sop: Value,
    customers: Vec<Customer>,
    script: Script,
}

/// Somebody who is visited, as the server knows them, and who looks after them.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Customer {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    time_zone: String,
    fields: Map<String, Value>,
    location: Value,
    org_unit: String,
    owner: String,
}

/// `visits.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The business date, `YYYY-MM-DD`.
    date: String,
    /// The reps by user id.
    reps: BTreeMap<String, Rep>,
    /// What stood in accounts before the day.
    #[serde(default)]
    balances: Vec<Balance>,
    /// When the server looks at its clock, `HH:MM`.
    clock: Vec<String>,
    /// The visits, each rep's in order.
    visits: Vec<Entry>,
}

/// What stood in an account of a ledger before the day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Balance {
    ledger: String,
    account: Vec<String>,
    /// Decimal text.
    amount: String,
    /// Who says so, `usr_…`.
    user: String,
    reason: String,
}

/// One visit.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `vis_…`
    visit: String,
    /// Whether the rep did right.
    kind: Kind,
    /// What it shows.
    title: BTreeMap<String, String>,
    /// `usr_…`
    rep: String,
    /// `cus_…`
    customer: String,
    /// When the rep begins, `HH:MM`.
    starts: String,
    /// Where the visit comes from. Default `plan`.
    #[serde(default)]
    origin: Option<String>,
    /// The tenant's word for why.
    #[serde(default)]
    purpose: Option<String>,
    /// The steps of that visit stand here too, except where this one tells a step of the same name.
    #[serde(default)]
    like: Option<String>,
    /// Steps of the other visit that this one has not.
    #[serde(default)]
    drop: Vec<String>,
    /// What was handed in, in order.
    steps: Vec<Handed>,
    /// How it ends. Default: the rep completes it.
    #[serde(default)]
    end: End,
    expect: Expect,
}

/// How a visit ends.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum End {
    /// The rep completes it.
    #[default]
    Complete,
    /// Nothing more comes.
    None,
}

/// One step as it was handed in.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handed {
    /// Step id.
    step: String,
    /// Instance of a repeated step.
    #[serde(default)]
    instance: Option<String>,
    /// Seconds since the step before. Default: drawn between 60 and 180.
    #[serde(default)]
    after_s: Option<i64>,
    /// The answers.
    #[serde(default)]
    answers: Value,
    /// Answers that were refused before.
    #[serde(default)]
    first_try: Option<Value>,
    /// Absent marks.
    #[serde(default)]
    absent: Map<String, Value>,
    /// How many photos (codes, signatures) by requirement.
    #[serde(default)]
    photos: BTreeMap<String, i64>,
    /// The photos are those of this step of another visit, `visit/step`.
    #[serde(default)]
    photos_from: Option<String>,
    /// Truly this many metres from the customer's point. Default: a few.
    #[serde(default)]
    away_m: Option<f64>,
    /// Claims this accuracy, in metres.
    #[serde(default)]
    accuracy_m: Option<f64>,
    /// The position is simulated and the system says so.
    #[serde(default)]
    mock: bool,
    /// There is no fix.
    #[serde(default)]
    no_fix: bool,
}

impl Handed {
    /// `step`, or `step[instance]`.
    fn key(&self) -> String {
        self.instance.as_ref().map_or_else(|| self.step.clone(), |instance| format!("{}[{instance}]", self.step))
    }
}

/// Every told day, in order of date.
///
/// # Errors
/// A folder cannot be read, or a file is not what it should be.
pub fn all(root: &Path) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    for industry in folders(&root.join("schemas"))? {
        for folder in folders(&industry)? {
            if folder.join("day/visits.json").exists() && folder != root.join(super::SOP) {
                let day = folder.join("day");
                told.push(Told::read(folder, day, &[])?);
            }
        }
    }
    told.sort_by(|a, b| a.script.date.cmp(&b.script.date));
    Ok(told)
}

fn folders(of: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(of).with_context(|| of.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

impl Told {
    /// Reads a day; its visits may be like each other and like `others`.
    fn read(folder: PathBuf, day: PathBuf, others: &[Entry]) -> Result<Self> {
        let mut told = Self {
            sop: read(&folder.join("sop.json"))?,
            customers: read(&folder.join("day/customers.json"))?,
            script: read(&day.join("visits.json"))?,
            folder,
            day,
        };
        let as_written: Vec<Entry> = told.script.visits.iter().chain(others).cloned().collect();
        for entry in &mut told.script.visits {
            entry.fill_in(&as_written)?;
            entry.expect.fits(entry.kind, &entry.visit)?;
        }
        Ok(told)
    }

    /// The days of the SOP's overlays.
    ///
    /// # Errors
    /// As `all`.
    pub fn of_overlays(&self) -> Result<Vec<Self>> {
        let overlays = self.folder.join("overlays");
        let days = if overlays.is_dir() { folders(&overlays)? } else { Vec::new() };
        let days = days.into_iter().filter(|day| day.join("visits.json").is_file());
        days.map(|day| Self::read(self.folder.clone(), day, &self.script.visits)).collect()
    }

    /// Name of the SOP.
    pub fn name(&self) -> &str {
        self.sop["sop"].as_str().unwrap_or_default()
    }

    /// How many visits.
    pub fn visits(&self) -> usize {
        self.script.visits.len()
    }

    /// Everything that reaches the server on the day.
    ///
    /// # Errors
    /// The script contradicts itself.
    pub fn timeline(&self) -> Result<Timeline> {
        let mut timeline = Timeline::default();
        for customer in &self.customers {
            timeline.customer(&customer.record())?;
        }
        let opens = chance::moment(&self.script.date, "07:00")?;
        for balance in &self.script.balances {
            timeline.command(opens, &balance.record(opens)?)?;
        }
        let mut phones = phone::phones(&self.script.reps, &self.script.date)?;
        for entry in &self.script.visits {
            let phone = phones.get_mut(&entry.rep).with_context(|| format!("{}: no such rep", entry.visit))?;
            visit::record(self, entry, phone, &mut timeline).with_context(|| entry.visit.clone())?;
        }
        for now in &self.script.clock {
            timeline.clock(chance::moment(&self.script.date, now)?)?;
        }
        Ok(timeline)
    }

    /// The rows a domain expert expects, as a file.
    ///
    /// # Errors
    /// Not JSON.
    pub fn expected(&self) -> Result<String> {
        let visits = self.script.visits.iter();
        let rows = visits.map(|entry| Expected::row(&entry.visit, &entry.title, &entry.expect));
        Ok(serde_json::to_string_pretty(&rows.collect::<Vec<_>>())? + "\n")
    }

    /// Writes what a served demo of this day is filled with: `company.json`, and gives the photos.
    ///
    /// # Errors
    /// The company contradicts the day, or a file cannot be written.
    pub fn demo_data(&self, folder: &Path) -> Result<Photos> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let puts = company::puts(self)?;
        write(&folder.join("company.json"), serde_json::to_string_pretty(&puts)? + "\n")?;
        println!("{}: {} records of the company", folder.join("company.json").display(), puts.len());
        Ok(self.timeline()?.into_lines().1)
    }

    fn customer(&self, id: &str) -> Result<&Customer> {
        self.customers.iter().find(|customer| customer.id == id).with_context(|| format!("no customer {id}"))
    }

    fn step(&self, id: &str) -> Result<&Value> {
        let steps = self.sop["steps"].as_array();
        steps.into_iter().flatten().find(|step| step["id"] == id).with_context(|| format!("no step {id}"))
    }
}

impl Balance {
    /// As a line of the day.
    fn record(&self, received: i64) -> Result<Value> {
        let Self { ledger, account, amount, user, reason } = self;
        Ok(json!({
            "record": "adjustment", "ledger": ledger, "account": account, "amount": amount, "user": user,
            "reason": reason, "received": chance::utc(received)?,
        }))
    }
}

impl Customer {
    /// As a line of the day.
    fn record(&self) -> Value {
        json!({
            "record": "customer", "id": self.id, "revision": 1, "type": self.kind, "name": self.name,
            "time_zone": self.time_zone, "fields": self.fields, "location": self.location,
        })
    }
}

impl Entry {
    /// Takes over the steps of the visit this one is like.
    fn fill_in(&mut self, all: &[Self]) -> Result<()> {
        let Some(like) = self.like.take() else { return Ok(()) };
        let mut other = all
            .iter()
            .find(|entry| entry.visit == like)
            .with_context(|| format!("{}: no visit {like}", self.visit))?
            .clone();
        other.fill_in(all)?;
        let mut own = std::mem::take(&mut self.steps);
        for handed in other.steps {
            if self.drop.contains(&handed.step) {
                continue;
            }
            let told: Vec<Handed> = own.extract_if(.., |own| own.key() == handed.key()).collect();
            if told.is_empty() {
                self.steps.push(handed);
            } else {
                self.steps.extend(told);
            }
        }
        // What the other visit does not have comes where it is told: before the end.
        let at = self.steps.len().saturating_sub(1);
        self.steps.splice(at..at, own);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(visit: &str, more: &Value) -> Entry {
        let mut entry = json!({
            "visit": visit, "kind": "honest", "title": {}, "rep": "usr_a", "customer": "cus_a", "starts": "09:00",
            "steps": [], "expect": { "decision": "accepted", "validity": "valid", "outcome": "completed" },
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn a_visit_like_another_tells_only_what_is_different() {
        let step = |step: &str, n: i64| json!({ "step": step, "answers": { "n": n } });
        let first =
            entry("vis_1", &json!({ "steps": [step("in", 1), step("look", 1), step("note", 1), step("out", 1)] }));
        let second = json!({ "like": "vis_1", "drop": ["note"], "steps": [step("look", 2), step("count", 2)] });
        let mut second = entry("vis_2", &second);
        second.fill_in(&[first]).unwrap();
        let told: Vec<_> = second.steps.iter().map(|s| format!("{} {}", s.step, s.answers["n"])).collect();
        assert_eq!(told, ["in 1", "look 2", "count 2", "out 1"]);
        assert!(entry("vis_3", &json!({ "like": "vis_9" })).fill_in(&[]).is_err());
    }
}
