//! What a visit is made to show: where the person stands, what the phone says of it, and the photos.

use super::Teller;
use crate::simulate::camera::Photo;
use crate::simulate::conduct::{Photos, Position, Whereabouts};
use crate::simulate::phone::Sky;
use crate::simulate::place::Point;
use crate::simulate::recipe::StepRecipe;
use anyhow::Context as _;
use engine::command::Submission;
use engine::signature::content_sha256;
use engine::sop::{EvidenceRequirement, Step};
use engine::visit::step_key;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Teller<'_> {
    /// Evidence people hand in though nobody asks, and where there is no fix, what stands in for it.
    pub(super) fn given_anyway(&self, step: &Step, recipe: &StepRecipe, key: &str) -> BTreeMap<String, u32> {
        let given = recipe.evidence.iter().filter(|(id, likely)| self.chance.happens(&format!("{key} {id}"), **likely));
        let mut wanted: BTreeMap<String, u32> = given.map(|(id, _)| (id.clone(), 1)).collect();
        let here = self.stands(0.0, &format!("{key} 0"));
        if step.location.is_some() && self.position(key, &format!("{key} 0"), here).is_none() {
            wanted.extend(substitutes(step).map(|id| (id.to_owned(), 1)));
        }
        wanted
    }

    /// Where the person truly is.
    pub(super) fn stands(&self, progressed: f64, name: &str) -> Point {
        let draw = self.chance.of(name);
        let near = |point: Point, metres: f64| point.away(metres * draw.unit("step"), draw.between("side", 0.0, 360.0));
        match self.plan.conduct.whereabouts {
            Whereabouts::There => near(self.plan.site.door, 18.0),
            Whereabouts::Elsewhere(point) => near(point, 6.0),
            Whereabouts::Leaves(share, _) if progressed < share => near(self.plan.site.door, 18.0),
            Whereabouts::Leaves(_, point) => near(point, 30.0),
        }
    }

    /// What the phone reports of where it is.
    pub(super) fn position(&self, key: &str, name: &str, here: Point) -> Option<Value> {
        let draw = self.chance.of(name);
        let accuracy = self.chance.pick("app", &[3.0, 5.0, 10.0, 20.0]).copied().unwrap_or(5.0);
        let age_s = (draw.between("app age", 0.0, 2.0) * 10.0).round() / 10.0;
        match self.plan.conduct.position {
            Position::Measured => {
                let there = here.metres_to(self.plan.site.door) < 100.0;
                self.phone.fix(
                    &format!("{} {name}", self.plan.name),
                    here,
                    if there { self.plan.site.sky } else { Sky::Open },
                )
            }
            Position::Simulated => {
                let mut position = self.phone.position(self.chosen, accuracy, age_s, "gps");
                if self.phone.model.is_app {
                    position["mock"] = json!(true);
                }
                Some(position)
            }
            Position::Silent { trembles: false } => Some(self.phone.position(self.chosen, accuracy, age_s, "gps")),
            Position::Silent { trembles: true } => {
                let point = self.chosen.away(draw.spread("trembles", 2.5, 0.6), draw.between("to", 0.0, 360.0));
                let accuracy = (draw.spread("accuracy", 6.0, 0.3) * 10.0).round() / 10.0;
                Some(self.phone.position(point, accuracy, age_s, "gps"))
            }
            Position::Replayed => self.plan.past.and_then(|past| past.positions.get(key)).cloned(),
        }
    }

    /// The evidence of a step, captured while the work was done, as references; photos also as they are.
    pub(super) fn evidence(
        &self,
        step: &Step,
        wanted: &BTreeMap<String, u32>,
        key: &str,
        (from_ms, here): (i64, Point),
        progressed: f64,
    ) -> Vec<(Option<Photo>, Value)> {
        let total: u32 = wanted.values().sum();
        let mut taken = 0;
        let mut references = Vec::new();
        for requirement in &step.evidence {
            for number in 0..wanted.get(&requirement.id).copied().unwrap_or(0) {
                taken += 1;
                let at_ms = from_ms + (self.now_ms - from_ms) * i64::from(taken) / i64::from(total + 1);
                let name = format!("{key} {} {number}", requirement.id);
                let photo = self.photo(requirement, key, number, progressed);
                let mut reference = json!({
                    "requirement": requirement.id, "sha256": photo.sha256, "kind": requirement.kind,
                    "class": requirement.class, "live": true,
                    "captured": self.phone.times(at_ms, self.plan.conduct.clock_ms),
                });
                if requirement.kind == "photo" {
                    reference["phash"] = json!(format!("{:016x}", photo.looks));
                    if self.phone.model.is_app {
                        let seen = photo.recapture_seen(self.chance, &name);
                        reference["hints"] = json!({"recapture": seen});
                    }
                }
                if requirement.kind == "signature" {
                    let hand = format!("hand of {}", self.signer(requirement, key));
                    let drawn = Photo::of_scene(self.scene.chance, &hand, &format!("{} {name}", self.plan.name), "");
                    reference["phash"] = json!(format!("{:016x}", drawn.looks));
                }
                let sent = self.plan.conduct.photos == Photos::Sent;
                if !sent && self.chance.happens(&format!("placed {name}"), 0.85) {
                    let near = here
                        .away(12.0 * self.chance.unit(&name), self.chance.between(&format!("side {name}"), 0.0, 360.0));
                    if let Some(position) = self.position(&name, &name, near) {
                        reference["position"] = position;
                    }
                }
                references.push(((requirement.kind == "photo").then_some(photo), reference));
            }
        }
        references
    }

    /// Whose hand signs: that of the instance, of the rep who signs what was written, else of somebody at the customer.
    fn signer<'k>(&'k self, requirement: &EvidenceRequirement, key: &'k str) -> &'k str {
        let instance = key.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']'));
        let rep_or_customer =
            if requirement.signs.is_empty() { &self.plan.site.customer.id } else { &self.plan.rep.user };
        instance.unwrap_or(rep_or_customer)
    }

    /// The person signs what the phone shows.
    pub(super) fn sign(
        &self,
        step: &Step,
        body: &Value,
        references: &mut [(Option<Photo>, Value)],
    ) -> anyhow::Result<()> {
        let visit = self.visit.as_ref().context("no visit")?;
        let submission: Submission = serde_json::from_value(body.clone())?;
        for requirement in step.evidence.iter().filter(|requirement| !requirement.signs.is_empty()) {
            let content = content_sha256(visit, &requirement.signs, Some(&submission));
            let key = step_key(&step.id, submission.instance.as_deref());
            let signer = self.signer(requirement, &key);
            for (_, reference) in references.iter_mut().filter(|(_, it)| it["requirement"] == requirement.id.as_str()) {
                let at = reference.pointer("/captured/wall").cloned();
                reference["signed"] = json!({
                    "sha256": content, "signer": signer, "at": at, "meaning": requirement.class,
                });
            }
        }
        Ok(())
    }

    /// One photo, wherever it comes from.
    fn photo(&self, requirement: &EvidenceRequirement, key: &str, number: u32, progressed: f64) -> Photo {
        let name = format!("{} {key} {} {number}", self.plan.name, requirement.id);
        let conduct = self.plan.conduct;
        let scene = format!("{} {} {number}", self.plan.site.customer.id, requirement.id);
        let gone = match conduct.whereabouts {
            Whereabouts::Leaves(share, _) => progressed >= share,
            Whereabouts::There | Whereabouts::Elsewhere(_) => false,
        };
        let source = if gone { Photos::OfScreen } else { conduct.photos };
        let fresh = || Photo::of_scene(self.scene.chance, &scene, &format!("{} {key}", self.plan.name), "");
        let before = self.plan.past.and_then(|past| past.photos.get(&format!("{key} {}", requirement.id)));
        let before = before.and_then(|photos| photos.get(usize::try_from(number).ok()?));
        match source {
            _ if requirement.kind != "photo" => fresh(),
            Photos::Taken | Photos::Sent => fresh(),
            Photos::Same => before.cloned().unwrap_or_else(fresh),
            Photos::Recropped => before.map_or_else(fresh, |photo| photo.recropped(self.chance, &name)),
            Photos::OfScreen => before.map_or_else(fresh, |photo| photo.of_screen(self.chance, &name)),
        }
    }
}

/// What stands in for a fix that cannot be had.
pub(super) fn substitutes(step: &Step) -> impl Iterator<Item = &str> {
    step.location.iter().flat_map(|location| location.substitute.iter()).map(String::as_str).take(1)
}
