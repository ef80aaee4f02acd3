//! Photos and codes a submission rests on: each has its own bytes, and one used twice has the same.

use super::chance;
use super::phone::Phone;
use super::picture::Picture;
use super::place::Point;
use super::script::{Entry, PhotoStory, Script};
use anyhow::{Context, Result};
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

/// What one requirement of a step asks for.
pub struct Wanted {
    /// Id of the requirement.
    pub requirement: &'static str,
    /// `photo` or `code`.
    pub kind: &'static str,
    /// Class within the kind.
    pub class: &'static str,
    /// How many the rep takes.
    pub count: i64,
}

/// One photo or code, and when and where it was truly captured.
pub struct Shot<'a> {
    /// The visit.
    pub entry: &'a Entry,
    /// The step.
    pub step: &'a str,
    /// What it is taken for.
    pub wanted: &'a Wanted,
    /// Within the requirement, from 0.
    pub number: i64,
    /// Beside an attempt that was refused: which.
    pub attempt: i64,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Where the rep stood.
    pub place: Point,
    /// What of the store it shows, for photos of its shelf.
    pub part: Option<String>,
}

/// What became of a shot.
pub struct Photo {
    /// The reference a submission carries.
    pub reference: Value,
    /// The file.
    pub png: Vec<u8>,
}

impl Shot<'_> {
    /// Takes it.
    ///
    /// # Errors
    /// The script names a photo that cannot be.
    pub fn take(&self, phone: &Phone, script: &Script) -> Result<Photo> {
        let story = self.entry.photos.get(self.step);
        let first = self.number == 0;
        let mut picture = self.picture(self.entry, self.step);
        let mut captured = phone.times(self.at, &self.entry.phone)?;
        let mut phash = look(&picture.name());
        match story {
            Some(PhotoStory::Yesterday(time)) if first => {
                captured = phone.old_times(chance::moment(&script.date, time)? - DAY)?;
            }
            Some(PhotoStory::ReusedFrom(from)) if first => {
                let (visit, step) = from.split_once('/').context("`reused_from` is `visit/step`")?;
                let other = script.visits.iter().find(|entry| entry.visit == visit);
                picture = self.picture(other.with_context(|| format!("no visit {visit}"))?, step);
                phash = look(&picture.name());
            }
            Some(PhotoStory::LooksLike(step)) => {
                let other = look(&self.picture(self.entry, step).name());
                phash = flipped(other, &picture.name(), 1, 2);
                picture.shows = step;
            }
            _ if self.step == "after_photo" => {
                let before = look(&self.picture(self.entry, "before_photo").name());
                phash = flipped(before, &picture.name(), 14, 22);
            }
            _ => {}
        }
        let png = picture.png();
        let mut reference = json!({
            "requirement": self.wanted.requirement, "sha256": chance::hash(&png), "kind": self.wanted.kind,
            "class": self.wanted.class, "live": true, "captured": captured,
        });
        match self.wanted.kind {
            "photo" => reference["phash"] = json!(format!("{phash:016x}")),
            // Nobody else signs for a store than its owner.
            "signature" => {
                let hand = hand_of(&self.entry.customer, &picture.name());
                reference["phash"] = json!(format!("{hand:016x}"));
            }
            _ => {}
        }
        if let Some(part) = &self.part {
            reference["part"] = json!(part);
        }
        if let Some(position) = phone.position(&picture.name(), self.place, &self.entry.phone) {
            reference["position"] = position;
        }
        Ok(Photo { reference, png })
    }

    /// What this shot shows if it is of that visit and step.
    fn picture<'a>(&'a self, entry: &'a Entry, step: &'a str) -> Picture<'a> {
        Picture {
            customer: &entry.customer,
            visit: &entry.visit,
            step,
            requirement: self.wanted.requirement,
            number: self.number,
            attempt: self.attempt,
            shows: step,
        }
    }
}

/// Perceptual hash of a photo of this name.
fn look(name: &str) -> u64 {
    chance::bits(&format!("look of {name}"))
}

/// Shape of the strokes of a signature: nobody signs twice alike.
pub fn hand_of(who: &str, name: &str) -> u64 {
    flipped(chance::bits(&format!("hand of {who}")), name, 4, 12)
}

/// `bits` with at least `least` and at most `most` of them turned.
fn flipped(bits: u64, name: &str, least: i64, most: i64) -> u64 {
    let mut turned = 0_u64;
    for round in 0.. {
        let wanted = chance::whole(&format!("bits of {name}"), least, most);
        if i64::from(turned.count_ones()) >= wanted {
            break;
        }
        turned |= 1_u64 << chance::whole(&format!("bit {round} of {name}"), 0, 63);
    }
    bits ^ turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_looks_as_different_as_asked_for() {
        for number in 0..200 {
            let before = chance::bits(&number.to_string());
            let distance = |after: u64| (before ^ after).count_ones();
            assert!((1..=2).contains(&distance(flipped(before, &format!("same {number}"), 1, 2))));
            assert!((14..=22).contains(&distance(flipped(before, &format!("other {number}"), 14, 22))));
        }
    }
}
