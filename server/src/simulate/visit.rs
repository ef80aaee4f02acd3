//! One visit as its phone tells it: the commands in the order the person sends them.
//!
//! The phone runs the engine, and those rules that need nothing from the server: it shows which step is next, how many
//! photos are asked for, and what must be corrected, as it does for anybody. What follows for the verdict it does not say.

mod shows;
mod wire;

use super::camera::Photo;
use super::chance::Chance;
use super::conduct::Conduct;
use super::phone::{Phone, SECOND};
use super::place::Point;
use super::recipe::{Recipe, StepRecipe};
use super::template::{Draw, Manner};
use super::world::{Rep, Site};
use crate::dataset::LoadedDataset;
use crate::plugins::Sandbox;
use anyhow::{Context as _, bail};
use chrono::NaiveDate;
use engine::effective::EffectiveSop;
use engine::progress::{Standing, StepStatus, progress};
use engine::rule::Finding;
use engine::sop::{Step, StepKind};
use engine::visit::Visit;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often somebody corrects a step before the recipe is to blame.
const TRIES: u32 = 14;
/// Most photos somebody takes of one thing.
const MOST_PHOTOS: u32 = 40;

/// What everybody lives in.
pub struct Scene<'a> {
    /// The procedure.
    pub sop: &'a EffectiveSop,
    /// What people do and answer.
    pub recipe: &'a Recipe,
    /// The SOP's tables.
    pub datasets: &'a BTreeMap<String, Arc<LoadedDataset>>,
    /// Runs the rules a phone has.
    pub sandbox: &'a Sandbox<'a>,
    /// The world's own chance.
    pub chance: Chance,
}

/// Who visits whom, when and how.
pub struct Plan<'a> {
    /// Name of the visit, without prefix.
    pub name: String,
    /// In whose name.
    pub rep: &'a Rep,
    /// Whom.
    pub site: &'a Site,
    /// How.
    pub conduct: &'a Conduct,
    /// What was handed in here last time.
    pub past: Option<&'a Past>,
    /// The visit's day.
    pub date: NaiveDate,
    /// When the person begins, in ms since the Unix epoch.
    pub begins_ms: i64,
    /// Honest people forget things and their phones die; none where a story needs a whole visit.
    pub slips: bool,
}

/// What a visit left behind: who comes again, or cheats, may use it.
#[derive(Clone, Default)]
pub struct Past {
    answers: BTreeMap<String, (Value, Value)>,
    positions: BTreeMap<String, Value>,
    photos: BTreeMap<String, Vec<Photo>>,
    /// The visit was brought to its end.
    pub whole: bool,
}

impl Past {
    /// Whether photos were handed in.
    pub fn has_photos(&self) -> bool {
        !self.photos.is_empty()
    }

    /// Whether satellites had a part in a position.
    pub fn has_satellite_positions(&self) -> bool {
        self.positions.values().any(|position| position["provider"] != "network")
    }
}

/// Lines a server sees, each with when.
#[derive(Default)]
pub struct Lines(Vec<(i64, Value)>);

impl Lines {
    /// One more.
    pub fn push(&mut self, received: i64, record: Value) {
        self.0.push((received, record));
    }

    /// In the order the server saw them.
    pub fn sorted(mut self) -> Vec<Value> {
        self.0.sort_by_key(|(received, _)| *received);
        self.0.into_iter().map(|(_, record)| record).collect()
    }
}

/// Tells a visit; what it leaves behind, and when the person is free again.
///
/// # Errors
/// The recipe does not lead through the SOP.
pub fn tell(scene: &Scene<'_>, plan: &Plan<'_>, phone: &mut Phone, lines: &mut Lines) -> anyhow::Result<(Past, i64)> {
    let chance = scene.chance.of(&plan.name);
    let point = plan.site.on_map.away(chance.between("chosen", 3.0, 40.0), chance.between("chosen side", 0.0, 360.0));
    let mut teller = Teller {
        scene,
        plan,
        chance,
        phone,
        lines,
        visit: None,
        now_ms: plan.begins_ms,
        sent: 0,
        chosen: point,
        answers: Map::new(),
        left: Past::default(),
    };
    teller.all().with_context(|| plan.name.clone())?;
    Ok((teller.left, teller.now_ms))
}

struct Teller<'a> {
    scene: &'a Scene<'a>,
    plan: &'a Plan<'a>,
    chance: Chance,
    phone: &'a mut Phone,
    lines: &'a mut Lines,
    /// As the phone knows it.
    visit: Option<Visit>,
    now_ms: i64,
    sent: u32,
    /// The point somebody chose on a map.
    chosen: Point,
    /// Answers so far by step key.
    answers: Map<String, Value>,
    left: Past,
}

/// What the phone says to a submission.
enum Said {
    Accepted,
    Correct(Vec<Finding>),
}

impl Teller<'_> {
    fn all(&mut self) -> anyhow::Result<()> {
        self.phone.sync(self.now_ms - 5 * SECOND);
        let create =
            json!({"customer": self.plan.site.customer.id, "origin": "plan", "purpose": self.scene.recipe.purpose});
        self.send("create", create)?;
        self.wait("way to the door", 40.0, 0.4);
        self.send("start", json!({}))?;
        let slip = |name: &str, probability: f64| self.plan.slips && self.chance.happens(name, probability);
        let (forgets, dies) = (slip("forgets to check out", 0.008), slip("phone dies", 0.008));
        let dies_after = self.chance.whole("dies after", 1, 6);
        let (mut done, mut arrived) = (0, false);
        let total = self.rows()?.iter().filter(|row| row.required).count().max(1);
        while let Some((row, submits)) = self.next()? {
            let step = self.scene.sop.step(&row.step).context("a step of the SOP")?;
            if forgets && step.kind == StepKind::CheckOut {
                return Ok(());
            }
            if submits {
                let progressed = if arrived { f64::from(done) / total as f64 } else { 0.0 };
                if !self.step(step, &row, progressed)? {
                    return Ok(());
                }
                done += 1;
                arrived |= step.kind == StepKind::CheckIn;
            } else {
                self.send("skip", json!({"step": row.step, "instance": row.instance, "reason": "不适用"}))?;
            }
            if dies && i64::from(done) == dies_after {
                if self.chance.happens("for good", 0.25) {
                    return Ok(());
                }
                self.now_ms += self.chance.whole("charges for", 240, 2400) * SECOND;
                self.phone.reboot(self.now_ms);
                self.phone.sync(self.now_ms + SECOND);
                self.now_ms += 20 * SECOND;
            }
        }
        self.wait("completes", 12.0, 0.5);
        self.left.whole = true;
        self.send("complete", json!({}))
    }

    fn rows(&self) -> anyhow::Result<Vec<StepStatus>> {
        Ok(progress(self.scene.sop, self.visit.as_ref().context("no visit")?).steps)
    }

    /// The next step, and whether the person does it or leaves it out; the way out comes last.
    fn next(&self) -> anyhow::Result<Option<(StepStatus, bool)>> {
        let is_way_out =
            |row: &StepStatus| self.scene.sop.step(&row.step).is_some_and(|step| step.kind == StepKind::CheckOut);
        let rows = self.rows()?;
        let mut open: Vec<&StepStatus> = rows.iter().filter(|row| row.standing == Standing::Open).collect();
        open.sort_by_key(|row| is_way_out(row));
        let does = |row: &StepStatus| {
            let likely = self.scene.recipe.steps.get(&row.step).map_or(0.0, |step| step.done);
            row.required || is_way_out(row) || self.chance.happens(&format!("does {}", row.key()), likely)
        };
        Ok(open.first().map(|row| ((*row).clone(), does(row))))
    }

    fn wait(&mut self, name: &str, median_s: f64, sigma: f64) {
        let seconds = self.chance.spread(name, median_s, sigma) * self.plan.conduct.pace;
        self.now_ms += (seconds * 1000.0) as i64;
    }

    /// A step: the work, the photos, the answers, and corrections until the phone takes it; false when the person gives up
    /// because it never believes where they are.
    fn step(&mut self, step: &Step, row: &StepStatus, progressed: f64) -> anyhow::Result<bool> {
        let fallback = StepRecipe::default();
        let recipe = self.scene.recipe.steps.get(&step.id).unwrap_or(&fallback);
        let key = row.key();
        let from_ms = self.now_ms;
        self.wait(&format!("work {key}"), recipe.seconds[0], recipe.seconds[1]);
        let mut wanted = self.given_anyway(step, recipe, &key);
        let (mut without_fix, mut attempt, mut last) = (false, 0, Vec::new());
        for _ in 0..TRIES {
            let name = format!("{key} {attempt}");
            let here = self.stands(progressed, &name);
            let mut body = self.answered(recipe, row, &key, attempt)?;
            body["opened"] = self.phone.times(from_ms, self.plan.conduct.clock_ms);
            let mut photos = self.evidence(step, &wanted, &key, (from_ms, here), progressed);
            self.sign(step, &body, &mut photos)?;
            if !photos.is_empty() {
                body["evidence"] = photos.iter().map(|(_, reference)| reference.clone()).collect();
            }
            let placed = matches!(step.kind, StepKind::CheckIn | StepKind::CheckOut) || step.location.is_some();
            if placed
                && !without_fix
                && let Some(position) = self.position(&key, &name, here)
            {
                body["position"] = position;
            }
            match self.submit(&body)? {
                Said::Accepted => {
                    self.keep(&key, &body, photos);
                    return Ok(true);
                }
                Said::Correct(findings) => {
                    let missing = findings.iter().filter(|finding| finding.code == "evidence.missing");
                    for finding in missing.clone() {
                        let text = finding.params.get("requirement").and_then(Value::as_str).unwrap_or_default();
                        let min = finding.params.get("min").and_then(Value::as_f64).unwrap_or(1.0).ceil();
                        wanted.insert(text.to_owned(), (min as u32).min(MOST_PHOTOS));
                    }
                    // What is asked for is not an attempt; what is wrong is corrected.
                    attempt += u32::from(missing.count() == 0);
                    if findings.iter().any(|finding| finding.source == "location") {
                        // Two tries with a new fix; then the way without one.
                        without_fix = attempt >= 3;
                        if without_fix {
                            wanted.extend(shows::substitutes(step).map(|id| (id.to_owned(), 1)));
                        }
                        self.wait(&format!("again {name}"), 25.0, 0.3);
                    }
                    last = findings;
                }
            }
        }
        if last.iter().any(|finding| finding.source == "location") {
            return Ok(false);
        }
        let codes: BTreeSet<&str> = last.iter().map(|finding| finding.code.as_str()).collect();
        bail!("the phone never takes step `{key}`: {codes:?} {:?}", last.first().map(|finding| &finding.params))
    }

    fn answered(&self, recipe: &StepRecipe, row: &StepStatus, key: &str, attempt: u32) -> anyhow::Result<Value> {
        let mut body = json!({"step": row.step, "answers": {}});
        if let Some(instance) = &row.instance {
            body["instance"] = json!(instance);
        }
        let copied = self.plan.past.filter(|_| self.plan.conduct.copies && attempt < 3);
        if let Some((answers, absent)) = copied.and_then(|past| past.answers.get(key)) {
            body["answers"] = answers.clone();
            if !absent.is_null() {
                body["absent"] = absent.clone();
            }
            return Ok(body);
        }
        // Who is told three times that it is wrong looks.
        let manner = if attempt < 3 { self.plan.conduct.manner } else { Manner::MakesUp };
        let Plan { rep, site, .. } = self.plan;
        let scope = json!({
            "customer": site.record, "steps": self.answers, "instance": row.instance, "user": rep.user,
        });
        let draw = Draw {
            stable: self.scene.chance.of(format!("{} {key} {attempt}", site.customer.id)),
            fresh: self.chance.of(format!("answers {key} {attempt}")),
            person: self.scene.chance.of(format!("{} {}", rep.user, row.step)),
            changes: recipe.changes,
            manner,
            date: self.plan.date,
            now_ms: self.now_ms + self.plan.conduct.clock_ms,
            scope: &scope,
            datasets: self.scene.datasets,
        };
        for (member, template) in [("answers", &recipe.answers), ("absent", &recipe.absent)] {
            if let Some(template) = template {
                body[member] = draw.answers(template).with_context(|| format!("{member} of `{key}`"))?;
            }
        }
        Ok(body)
    }

    fn keep(&mut self, key: &str, body: &Value, photos: Vec<(Option<Photo>, Value)>) {
        let answers = body.get("answers").cloned().unwrap_or_default();
        self.answers.insert(key.to_owned(), answers.clone());
        self.left.answers.insert(key.to_owned(), (answers, body.get("absent").cloned().unwrap_or_default()));
        if let Some(position) = body.get("position") {
            self.left.positions.insert(key.to_owned(), position.clone());
        }
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (photo, reference) in photos {
            let requirement = reference.get("requirement").and_then(Value::as_str).unwrap_or_default();
            let count = counts.entry(requirement.to_owned()).or_default();
            if let Some(position) = reference.get("position") {
                self.left.positions.insert(format!("{key} {requirement} {count}"), position.clone());
            }
            *count += 1;
            if let Some(photo) = photo {
                self.left.photos.entry(format!("{key} {requirement}")).or_default().push(photo);
            }
        }
    }
}
