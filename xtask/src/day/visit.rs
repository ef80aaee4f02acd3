//! One visit as its phone tells it: the commands in order, with photos, positions and times.

use super::answers::Store;
use super::catalog::Catalog;
use super::chance;
use super::outlets::{Outlet, Outlets};
use super::phone::Phone;
use super::photo::{Shot, Wanted};
use super::place::Point;
use super::script::{Entry, Script};
use super::timeline::Timeline;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SECOND: i64 = 1000;

/// The steps after the check-in in the order reps take them, with the share of the stay each takes.
const STEPS: &[(&str, f64)] = &[
    ("status", 1.0),
    ("before_photo", 3.0),
    ("osa", 8.0),
    ("facings", 8.0),
    ("planogram", 6.0),
    ("price", 6.0),
    ("posm", 2.5),
    ("promo", 4.0),
    ("stock", 9.0),
    ("order", 5.0),
    ("talk", 7.0),
    ("fixes", 4.0),
    ("after_photo", 3.0),
    ("check_out", 2.0),
];

/// Puts a visit on the timeline.
///
/// # Errors
/// The script asks for something that cannot be.
pub fn record(
    entry: &Entry,
    outlet: &Outlet,
    outlets: &Outlets,
    script: &Script,
    catalog: &Catalog,
    phone: &mut Phone,
    timeline: &mut Timeline,
) -> Result<()> {
    let store = Store { entry, outlet, outlets, script, catalog };
    let check_in =
        chance::moment(&script.date, &entry.start)? + chance::whole(&format!("start {}", entry.visit), 0, 45) * SECOND;
    let place = outlet.point().away(
        entry.phone.away_m.unwrap_or_else(|| chance::between(&format!("door {}", entry.visit), 3.0, 30.0)),
        chance::between(&format!("side {}", entry.visit), 0.0, 360.0),
    );
    let task = entry.visit.replacen("vis_", "tsk_", 1);
    let mut teller = Teller { entry, store, phone, timeline, task, place, sent: 0, shot: 0 };
    teller.visit(check_in, outlet)
}

/// Tells a visit command by command.
struct Teller<'a> {
    entry: &'a Entry,
    store: Store<'a>,
    phone: &'a mut Phone,
    timeline: &'a mut Timeline,
    task: String,
    place: Point,
    sent: i64,
    shot: i64,
}

impl Teller<'_> {
    fn visit(&mut self, check_in: i64, outlet: &Outlet) -> Result<()> {
        let name = self.entry.visit.clone();
        let created = check_in - chance::whole(&format!("create {name}"), 90, 240) * SECOND;
        self.phone.sync(created - SECOND);
        let origin = self.entry.origin.as_deref().unwrap_or("plan");
        let create = json!({ "customer": outlet.id, "origin": origin, "purpose": "store_audit" });
        self.send("create", create, created)?;
        let started = check_in - chance::whole(&format!("start {name}"), 35, 60) * SECOND;
        self.send("start", json!({}), started)?;
        let mut before = started;
        for (step, at) in self.schedule(check_in)? {
            self.step(step, before, at)?;
            before = at;
            if self.entry.gives_up_after.is_some() || self.entry.dies_after.as_deref() == Some(step) {
                return Ok(());
            }
        }
        let completed = before + chance::whole(&format!("complete {name}"), 15, 40) * SECOND;
        let record = self.send("complete", json!({}), completed)?;
        if self.entry.resend {
            self.send_again(record, completed + 9 * SECOND)?;
        }
        Ok(())
    }

    /// The steps this visit has, each with the moment it is handed in.
    #[expect(clippy::cast_possible_truncation, reason = "a stay is hours at most")]
    fn schedule(&self, check_in: i64) -> Result<Vec<(&'static str, i64)>> {
        let not_open = self.entry.found.not_open.is_some();
        let anything_fixed = self.store.anything_fixed()?;
        let steps: Vec<(&str, f64)> = STEPS
            .iter()
            .filter(|(step, _)| !not_open || ["status", "check_out"].contains(step))
            .filter(|(step, _)| *step != "after_photo" || anything_fixed)
            .map(|(step, share)| {
                (*step, share * chance::between(&format!("pace {} {step}", self.entry.visit), 0.85, 1.15))
            })
            .collect();
        let whole: f64 = steps.iter().map(|(_, share)| share).sum();
        let stay_ms =
            self.entry.minutes * 60_000.0 * chance::between(&format!("stay {}", self.entry.visit), 0.985, 1.015);
        let mut passed = 0.0;
        let mut schedule = vec![("check_in", check_in)];
        for (step, share) in steps {
            passed += share;
            schedule.push((step, check_in + (stay_ms * passed / whole).round() as i64));
        }
        Ok(schedule)
    }

    /// A step between two moments: a first try where there was one, a draft, the submission, an amendment.
    fn step(&mut self, step: &'static str, before: i64, at: i64) -> Result<()> {
        let entry = self.entry;
        let part = |percent: i64| before + (at - before) * percent / 100;
        if let Some(attempts) = entry.gives_up_after {
            for attempt in 0..attempts {
                let at = at + attempt * 95 * SECOND;
                self.submit(step, self.store.answers(step)?, at - 20 * SECOND, at, attempt)?;
            }
            return Ok(());
        }
        let answers = self.store.answers(step)?;
        if entry.draft.as_deref() == Some(step) {
            let body = json!({ "step": step, "answers": begun(&answers) });
            self.send("save_draft", body, part(40))?;
        }
        if let Some(edits) = entry.first_try.get(step) {
            self.submit(step, edited(answers.clone(), edits)?, before, part(75), 0)?;
        }
        if let (Some(amendment), "check_out") = (&entry.amend, step) {
            let answers = edited(self.store.answers(&amendment.step)?, &amendment.set)?;
            let submission = json!({ "step": amendment.step, "answers": answers });
            self.send("amend", json!({ "submission": submission, "reason": amendment.reason }), part(50))?;
        }
        self.submit(step, answers, before, at, 0)
    }

    fn submit(&mut self, step: &str, answers: Value, from: i64, at: i64, attempt: i64) -> Result<()> {
        let mut body = json!({ "step": step, "answers": answers });
        if let Some(marks) = self.entry.absent.get(step) {
            body["absent"] = json!(marks);
        }
        let wanted = self.store.evidence(step)?;
        let evidence = self.photos(step, &wanted, from, at, attempt)?;
        if !evidence.is_empty() {
            body["evidence"] = json!(evidence);
        }
        if ["check_in", "check_out"].contains(&step) {
            let name = format!("{} {step} {attempt}", self.entry.visit);
            let there = self.place.away(
                if step == "check_in" && attempt == 0 { 0.0 } else { chance::between(&name, 2.0, 25.0) },
                chance::between(&format!("side {name}"), 0.0, 360.0),
            );
            if let Some(position) = self.phone.position(&name, there, &self.entry.phone) {
                body["position"] = position;
            }
        }
        self.send("submit", body, at)?;
        self.upload(&evidence)
    }

    /// The evidence of a step, captured one after the other before it is handed in.
    fn photos(&mut self, step: &str, wanted: &[Wanted], from: i64, at: i64, attempt: i64) -> Result<Vec<Value>> {
        let count: i64 = wanted.iter().map(|wanted| wanted.count).sum();
        let mut taken = 0;
        let mut references = Vec::new();
        for wanted in wanted {
            for number in 0..wanted.count {
                taken += 1;
                let name = format!("{} {step} {taken}", self.entry.visit);
                let shot = Shot {
                    entry: self.entry,
                    step,
                    wanted,
                    number,
                    attempt,
                    at: from + (at - from) * (taken * 4) / (count * 4 + 1),
                    place: self.place.away(
                        chance::between(&format!("photo {name}"), 1.0, 18.0),
                        chance::between(&format!("photo side {name}"), 0.0, 360.0),
                    ),
                    part: matches!(step, "before_photo" | "after_photo").then(|| self.store.outlet.part(number)),
                };
                let photo = shot.take(self.phone, self.store.script)?;
                references.push(self.timeline.photo(photo)?);
            }
        }
        Ok(references)
    }

    /// The bytes follow the command, each when the network lets it.
    fn upload(&mut self, evidence: &[Value]) -> Result<()> {
        let mut arrives = self.phone.last_received();
        for reference in evidence {
            self.shot += 1;
            let sha256 = reference.get("sha256").and_then(Value::as_str).context("a photo without a hash")?;
            arrives += chance::whole(&format!("upload {} {}", self.entry.visit, self.shot), 700, 3800);
            if let Some(time) = &self.entry.photos_arrive {
                arrives = chance::moment(&self.store.script.date, time)? + self.shot * 1700;
            }
            self.timeline.evidence(arrives, sha256)?;
        }
        Ok(())
    }

    fn send(&mut self, verb: &str, body: Value, at: i64) -> Result<Value> {
        self.sent += 1;
        let id = format!("{}-{:02}", self.task.replacen("tsk_", "cmd_", 1), self.sent);
        let mut times = self.phone.times(at, &self.entry.phone)?;
        let received = self.phone.deliver(at);
        times["received"] = json!(chance::utc(received)?);
        let record = json!({
            "record": "command", "id": id, "user": self.entry.rep, "device": self.phone.device, "task": self.task,
            "at": times, "verb": verb, "body": body,
        });
        self.timeline.command(received, &record)?;
        Ok(record)
    }

    /// The same command once more, as a phone does that saw no receipt.
    fn send_again(&mut self, mut record: Value, at: i64) -> Result<()> {
        let received = self.phone.deliver(at);
        record["at"]["received"] = json!(chance::utc(received)?);
        self.timeline.command(received, &record)
    }
}

/// The first rows of what the rep is filling in.
fn begun(answers: &Value) -> Value {
    let mut begun = answers.clone();
    if let Some(rows) = begun.as_object_mut().and_then(|members| members.values_mut().find_map(Value::as_array_mut)) {
        rows.truncate(3);
    }
    begun
}

/// Answers with the values at some JSON Pointers replaced; a last member that is not there is added, `null` removes it.
///
/// # Errors
/// A pointer leads nowhere.
pub fn edited(mut answers: Value, edits: &BTreeMap<String, Value>) -> Result<Value> {
    for (pointer, value) in edits {
        let (parent, member) = pointer.rsplit_once('/').with_context(|| format!("`{pointer}` is no JSON Pointer"))?;
        let parent = answers.pointer_mut(parent).with_context(|| format!("nothing at `{pointer}`"))?;
        match parent {
            Value::Object(members) if value.is_null() => {
                members.remove(member);
            }
            Value::Object(members) => {
                members.insert(member.to_owned(), value.clone());
            }
            Value::Array(items) => {
                let index: usize = member.parse().with_context(|| format!("`{pointer}` needs a number"))?;
                *items.get_mut(index).with_context(|| format!("nothing at `{pointer}`"))? = value.clone();
            }
            _ => bail!("nothing at `{pointer}`"),
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_replace_add_and_remove_and_refuse_to_lead_nowhere() {
        let answers = json!({ "rows": [{ "a": 1, "b": 2 }] });
        let edit =
            |pointer: &str, value: Value| edited(answers.clone(), &BTreeMap::from([(pointer.to_owned(), value)]));
        assert_eq!(edit("/rows/0/a", json!(3)).unwrap(), json!({ "rows": [{ "a": 3, "b": 2 }] }));
        assert_eq!(edit("/rows/0/c", json!(3)).unwrap(), json!({ "rows": [{ "a": 1, "b": 2, "c": 3 }] }));
        assert_eq!(edit("/rows", Value::Null).unwrap(), json!({}));
        assert!(edit("/rows/1", json!(3)).is_err());
        assert!(edit("/lines/0/a", json!(3)).is_err());
    }
}
