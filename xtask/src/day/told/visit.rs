//! One told visit as its phone tells it: the commands in order, with evidence, positions and times.

use super::super::chance;
use super::super::phone::Phone;
use super::super::photo::{Photo, hand_of};
use super::super::picture::Picture;
use super::super::place::Point;
use super::super::script::PhoneStory;
use super::super::timeline::Timeline;
use super::{End, Entry, Handed, Told};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

const SECOND: i64 = 1000;

/// Puts a visit on the timeline.
///
/// # Errors
/// The script asks for something that cannot be.
pub fn record(told: &Told, entry: &Entry, phone: &mut Phone, timeline: &mut Timeline) -> Result<()> {
    let customer = told.customer(&entry.customer)?;
    let degrees = |member: &str| customer.location[member].as_f64().with_context(|| format!("no {member}"));
    let crs = customer.location["crs"].as_str().unwrap_or_default();
    let place = Point { lat: degrees("lat")?, lon: degrees("lon")? }.behind(crs);
    let task = entry.visit.replacen("vis_", "tsk_", 1);
    let mut teller = Teller { told, entry, phone, timeline, task, place, sent: 0, shot: 0, answers: Map::new() };
    teller.visit()
}

/// Tells a visit command by command.
struct Teller<'a> {
    told: &'a Told,
    entry: &'a Entry,
    phone: &'a mut Phone,
    timeline: &'a mut Timeline,
    task: String,
    place: Point,
    sent: i64,
    shot: i64,
    /// What was answered so far, by step: what a signature signs.
    answers: Map<String, Value>,
}

impl Teller<'_> {
    fn visit(&mut self) -> Result<()> {
        let name = self.entry.visit.clone();
        let begins = chance::moment(&self.told.script.date, &self.entry.starts)?
            + chance::whole(&format!("start {name}"), 0, 45) * SECOND;
        self.phone.sync(begins - SECOND);
        let mut create = json!({
            "customer": self.entry.customer, "origin": self.entry.origin.as_deref().unwrap_or("plan"),
        });
        if let Some(purpose) = &self.entry.purpose {
            create["purpose"] = json!(purpose);
        }
        let honest = PhoneStory::default();
        self.send("create", create, begins, &honest)?;
        let mut at = begins + chance::whole(&format!("begin {name}"), 20, 60) * SECOND;
        self.send("start", json!({}), at, &honest)?;
        for handed in &self.entry.steps {
            let pause = format!("pause {name} {}", handed.key());
            let before = at;
            at += handed.after_s.unwrap_or_else(|| chance::whole(&pause, 60, 180)) * SECOND;
            if let Some(refused) = &handed.first_try {
                let earlier = before + (at - before) * 6 / 10;
                self.submit(handed, refused, (before, earlier), 0)?;
            }
            self.submit(handed, &handed.answers, (before, at), 1)?;
        }
        if self.entry.end == End::Complete {
            let completed = at + chance::whole(&format!("complete {name}"), 15, 40) * SECOND;
            self.send("complete", json!({}), completed, &honest)?;
        }
        Ok(())
    }

    fn submit(&mut self, handed: &Handed, answers: &Value, (from, at): (i64, i64), attempt: i64) -> Result<()> {
        let story = PhoneStory {
            mock: handed.mock,
            no_fix: handed.no_fix.then(String::new),
            away_m: handed.away_m,
            accuracy_m: handed.accuracy_m,
            clock_off_s: 0.0,
        };
        let step = self.told.step(&handed.step)?;
        let mut body = json!({ "step": handed.step });
        if let Some(instance) = &handed.instance {
            body["instance"] = json!(instance);
        }
        body["answers"] = if answers.is_null() { json!({}) } else { answers.clone() };
        if !handed.absent.is_empty() {
            body["absent"] = json!(handed.absent);
        }
        let name = format!("{} {} {attempt}", self.entry.visit, handed.key());
        let side = chance::between(&format!("side {name}"), 0.0, 360.0);
        let away = handed.away_m.unwrap_or_else(|| chance::between(&format!("door {name}"), 3.0, 25.0));
        let there = self.place.away(away, side);
        self.answers.insert(handed.key(), body["answers"].clone());
        let evidence = self.evidence(handed, step, (from, at), there, &story, attempt)?;
        if !evidence.is_empty() {
            body["evidence"] = json!(evidence);
        }
        let placed = ["check_in", "check_out"].iter().any(|kind| step["kind"] == *kind) || step["location"].is_object();
        if placed && let Some(position) = self.phone.position(&name, there, &story) {
            body["position"] = position;
        }
        self.send("submit", body, at, &story)?;
        self.upload(&evidence)
    }

    /// What the step asks for and was told to be there, captured one after the other before it is handed in.
    fn evidence(
        &mut self,
        handed: &Handed,
        step: &Value,
        (from, at): (i64, i64),
        there: Point,
        story: &PhoneStory,
        attempt: i64,
    ) -> Result<Vec<Value>> {
        let count: i64 = handed.photos.values().sum();
        let mut references = Vec::new();
        for (requirement, wanted) in &handed.photos {
            let asked = step["evidence"].as_array().into_iter().flatten().find(|asked| asked["id"] == **requirement);
            let asked = asked.with_context(|| format!("step {} asks for no {requirement}", handed.step))?;
            for number in 0..*wanted {
                let taken = i64::try_from(references.len())? + 1;
                let at = from + (at - from) * (taken * 4) / (count * 4 + 1);
                let (visit, shown) = match &handed.photos_from {
                    Some(other) => other.split_once('/').context("`photos_from` is `visit/step`")?,
                    None => (self.entry.visit.as_str(), handed.step.as_str()),
                };
                // Each doctor of a visit signs for themselves.
                let place = handed.instance.as_ref().map_or_else(|| shown.to_owned(), |key| format!("{shown}[{key}]"));
                let picture = Picture {
                    customer: &self.entry.customer,
                    visit,
                    step: &place,
                    requirement,
                    number,
                    attempt,
                    shows: handed.instance.as_deref().unwrap_or(shown),
                };
                let mut photo = self.photo(asked, &picture, at, there, story)?;
                if asked["kind"] == "signature" {
                    let hand = handed.instance.as_ref().unwrap_or(match &asked["signs"] {
                        Value::Null => &self.entry.customer,
                        _ => &self.entry.rep,
                    });
                    photo.reference["phash"] = json!(format!("{:016x}", hand_of(hand, &picture.name())));
                }
                if let Some(steps) = asked["signs"].as_array() {
                    photo.reference["signed"] = self.signed(handed, asked, steps, at)?;
                }
                references.push(self.timeline.photo(photo)?);
            }
        }
        Ok(references)
    }

    fn photo(&self, asked: &Value, picture: &Picture<'_>, at: i64, there: Point, story: &PhoneStory) -> Result<Photo> {
        let png = picture.png();
        let mut reference = json!({
            "requirement": picture.requirement, "sha256": chance::hash(&png), "kind": asked["kind"],
            "class": asked["class"], "live": true, "captured": self.phone.times(at, story)?,
        });
        let name = picture.name();
        if asked["kind"] == "photo" {
            reference["phash"] = json!(format!("{:016x}", chance::bits(&format!("look of {name}"))));
        }
        let beside = there.away(
            chance::between(&format!("photo {name}"), 1.0, 18.0),
            chance::between(&format!("photo side {name}"), 0.0, 360.0),
        );
        if let Some(position) = self.phone.position(&name, beside, story) {
            reference["position"] = position;
        }
        Ok(Photo { reference, png })
    }

    /// What a signature is given for: the answers of some steps; in an instance of a repeated step, of that instance.
    fn signed(&self, handed: &Handed, asked: &Value, steps: &[Value], at: i64) -> Result<Value> {
        let is_signed = |key: &str| {
            let (step, instance) =
                key.split_once('[').map_or((key, None), |(step, rest)| (step, rest.strip_suffix(']')));
            let other = handed.instance.as_deref().zip(instance).is_some_and(|(own, other)| own != other);
            steps.iter().any(|signed| *signed == *step) && !other
        };
        let content: Map<String, Value> =
            self.answers.iter().filter(|(key, _)| is_signed(key)).map(|(key, it)| (key.clone(), it.clone())).collect();
        let content = serde_json_canonicalizer::to_string(&content).context("not JSON")?;
        Ok(json!({
            "sha256": chance::hash(content), "signer": handed.instance.as_deref().unwrap_or(&self.entry.rep),
            "at": chance::utc(at)?, "meaning": asked["class"],
        }))
    }

    /// The bytes follow the command, each when the network lets it.
    fn upload(&mut self, evidence: &[Value]) -> Result<()> {
        let mut arrives = self.phone.last_received();
        for reference in evidence {
            self.shot += 1;
            let sha256 = reference["sha256"].as_str().context("evidence without a hash")?;
            arrives += chance::whole(&format!("upload {} {}", self.entry.visit, self.shot), 700, 3800);
            self.timeline.evidence(arrives, sha256)?;
        }
        Ok(())
    }

    fn send(&mut self, verb: &str, body: Value, at: i64, story: &PhoneStory) -> Result<()> {
        self.sent += 1;
        let id = format!("{}-{:02}", self.task.replacen("tsk_", "cmd_", 1), self.sent);
        let mut times = self.phone.times(at, story)?;
        let received = self.phone.deliver(at);
        times["received"] = json!(chance::utc(received)?);
        let record = json!({
            "record": "command", "id": id, "user": self.entry.rep, "device": self.phone.device, "task": self.task,
            "at": times, "verb": verb, "body": body,
        });
        self.timeline.command(received, &record)
    }
}
