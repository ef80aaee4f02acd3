//! What people write of visits, `visits.json`: one entry per visit, an honest baseline and where this visit leaves it.
//!
//! Unknown members are refused, so that a typo is not ignored.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `visits.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The business date, `YYYY-MM-DD`.
    pub date: String,
    /// The reps by user id.
    pub reps: BTreeMap<String, Rep>,
    /// Competing products seen everywhere.
    pub competitors: Vec<Competitor>,
    /// When the server looks at its clock, `HH:MM`.
    pub clock: Vec<String>,
    /// The visits, each rep's in order.
    pub visits: Vec<Entry>,
}

/// A rep and the phone.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rep {
    /// Who.
    pub name: String,
    /// `dev_…`
    pub device: String,
    /// System of the positions the phone reports.
    pub crs: String,
    /// Whether the phone says if a position is simulated.
    pub knows_mock: bool,
    /// Seconds the phone's clock is fast (negative: slow).
    pub clock_off_s: f64,
    /// Without network, `[from, to]`.
    #[serde(default)]
    pub offline: Vec<[String; 2]>,
    /// When the phone was started anew.
    #[serde(default)]
    pub reboots: Vec<String>,
}

/// A competing product.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Competitor {
    /// Category code.
    pub category: String,
    /// Brand.
    pub brand: String,
    /// Amount in the pack.
    pub pack: f64,
    /// `g`, `ml` or `piece`.
    pub unit: String,
    /// In CNY, a decimal string.
    pub price: String,
}

/// Answers at JSON Pointers, by step.
pub type Edits = BTreeMap<String, BTreeMap<String, Value>>;

/// One visit.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// `vis_…`
    pub visit: String,
    /// Whether the rep did right.
    kind: Kind,
    /// What it shows.
    pub title: BTreeMap<String, String>,
    /// `usr_…`
    pub rep: String,
    /// `cus_…`
    pub customer: String,
    /// Check-in, `HH:MM`.
    pub start: String,
    /// Check-in to check-out.
    pub minutes: f64,
    /// Where the visit comes from. Default `plan`.
    #[serde(default)]
    pub origin: Option<String>,
    /// How the store was found.
    #[serde(default)]
    pub found: Found,
    /// What the phone did differently.
    #[serde(default)]
    pub phone: PhoneStory,
    /// Photos that are not what they should be, by step.
    #[serde(default)]
    pub photos: BTreeMap<String, PhotoStory>,
    /// First tries that were refused, by step.
    #[serde(default)]
    pub first_try: Edits,
    /// Answers that differ from the baseline, by step.
    #[serde(default)]
    pub set: Edits,
    /// Absent marks by step.
    #[serde(default)]
    pub absent: BTreeMap<String, Map<String, Value>>,
    /// Changed after it was accepted.
    #[serde(default)]
    pub amend: Option<Amendment>,
    /// A draft of this step was saved before it was handed in.
    #[serde(default)]
    pub draft: Option<String>,
    /// Nothing after this step: the phone died.
    #[serde(default)]
    pub dies_after: Option<String>,
    /// The check-in was refused so many times; then the rep gave up.
    #[serde(default)]
    pub gives_up_after: Option<i64>,
    /// The last command was sent twice because its receipt got lost.
    #[serde(default)]
    pub resend: bool,
    /// The photos arrived only then, `HH:MM`.
    #[serde(default)]
    pub photos_arrive: Option<String>,
    expect: Expect,
}

/// Whether the rep did right.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Yes, whatever became of the visit.
    Honest,
    /// No, but nobody was deceived.
    Slip,
    /// Tried to deceive.
    Cheat,
}

impl Entry {
    /// # Errors
    /// The script expects a cheat to be plainly accepted.
    pub fn check(&self) -> Result<()> {
        self.expect.fits(self.kind, &self.visit)
    }

    /// Whether the rep did right and nothing was held against the visit.
    pub fn is_plain(&self) -> bool {
        self.kind == Kind::Honest && self.expect.decision == "accepted"
    }

    /// The same story as another visit; what it scores then is not said.
    pub fn again(&self, visit: String, start: String) -> Self {
        let mut again = Self { visit, start, ..self.clone() };
        again.expect.score = None;
        again
    }

    /// Everything was right at the first try.
    pub fn forget_first_try(&mut self) {
        if !self.first_try.is_empty() {
            self.first_try.clear();
            self.expect.codes.clear();
        }
    }
}

/// How the store was found.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Found {
    /// Not open: `[status, reason]`.
    pub not_open: Option<[String; 2]>,
    /// Products missing from the shelf: out-of-stock reason by GTIN.
    pub missing: BTreeMap<String, String>,
    /// Products this store has no place for.
    pub not_applicable: Vec<String>,
    /// Own share of shelf by target. Default 1.05.
    pub share: Option<f64>,
    /// Chance that a planogram question is answered yes. Default 0.97.
    pub tidiness: Option<f64>,
    /// Planogram questions answered no, by GTIN.
    pub misplaced: BTreeMap<String, Vec<String>>,
    /// Shelf prices by GTIN.
    pub prices: BTreeMap<String, Price>,
    /// Material missing, with the reason.
    pub material_missing: BTreeMap<String, String>,
    /// Promotions that do not run.
    pub promotions_off: Vec<String>,
    /// Displays that do not stand.
    pub displays_off: Vec<String>,
    /// Products with an old lot: days left by GTIN (negative: expired).
    pub old_lots: BTreeMap<String, i64>,
    /// Orders that are not as suggested, by GTIN.
    pub orders: BTreeMap<String, OrderStory>,
    /// What to put right; default: what was found.
    pub fixes: Option<Vec<(String, bool)>>,
    /// Nobody to talk to answered the name.
    pub nameless: bool,
}

/// A shelf price that is not the format's.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// In CNY, a decimal string.
    pub price: String,
    /// Why, with a photo of the tag.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An order that is not as suggested.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderStory {
    /// How many.
    pub cases: i64,
    /// Why not as suggested.
    pub reason: String,
}

/// What the phone did differently during one visit.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneStory {
    /// Positions are simulated and the system says so.
    pub mock: bool,
    /// No fix; this evidence stood in.
    pub no_fix: Option<String>,
    /// Truly this many metres away.
    pub away_m: Option<f64>,
    /// Claims this accuracy.
    pub accuracy_m: Option<f64>,
    /// Seconds the clock is fast, beside the phone's usual.
    pub clock_off_s: f64,
}

/// A photo that is not what it should be.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PhotoStory {
    /// Taken the day before at this time.
    Yesterday(String),
    /// The same bytes as this step of another visit, `visit/step`.
    ReusedFrom(String),
    /// Looks like the photos of this step of the same visit.
    LooksLike(String),
}

/// An answer changed after it was accepted.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Which step.
    pub step: String,
    /// Answers by JSON Pointer.
    pub set: BTreeMap<String, Value>,
    /// Why.
    pub reason: String,
}

/// What should come of a visit.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    decision: String,
    validity: String,
    outcome: String,
    #[serde(default)]
    codes: Vec<String>,
    /// Left out: not compared.
    #[serde(default, with = "given")]
    score: Option<Value>,
}

impl Expect {
    /// # Errors
    /// A cheat is expected to be plainly accepted.
    pub fn fits(&self, kind: Kind, visit: &str) -> Result<()> {
        if kind == Kind::Cheat && self.decision == "accepted" {
            bail!("{visit}: a cheat is never plainly accepted");
        }
        Ok(())
    }
}

/// Tells `null` from nothing.
mod given {
    use serde::{Deserialize, Deserializer};
    use serde_json::Value;

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(deserializer).map(Some)
    }
}

/// A line of `expected.json`.
#[derive(Serialize)]
pub struct Expected<'a> {
    visit: &'a str,
    title: &'a BTreeMap<String, String>,
    decision: &'a str,
    validity: &'a str,
    outcome: &'a str,
    codes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<&'a Value>,
}

impl<'a> Expected<'a> {
    /// What the script expects of a visit.
    pub fn of(entry: &'a Entry) -> Self {
        Self::row(&entry.visit, &entry.title, &entry.expect)
    }

    /// What is expected of a visit of that name and title.
    pub fn row(visit: &'a str, title: &'a BTreeMap<String, String>, expect: &'a Expect) -> Self {
        let Expect { decision, validity, outcome, codes, score } = expect;
        Self { visit, title, decision, validity, outcome, codes, score: score.as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(kind: &str, decision: &str) -> Entry {
        serde_json::from_value(json!({
            "visit": "vis_a-1", "kind": kind, "title": {}, "rep": "usr_a", "customer": "cus_a", "start": "09:00",
            "minutes": 20, "expect": { "decision": decision, "validity": "valid", "outcome": "completed", "score": null },
        }))
        .unwrap()
    }

    #[test]
    fn a_script_that_lets_a_cheat_through_is_refused() {
        assert!(entry("cheat", "accepted").check().is_err());
        assert!(entry("cheat", "held").check().is_ok());
        assert!(entry("honest", "accepted").check().is_ok());
    }

    #[test]
    fn no_score_is_told_from_a_score_nobody_compares() {
        let expected = |entry: &Entry| serde_json::to_value(Expected::of(entry)).unwrap();
        assert_eq!(expected(&entry("honest", "accepted")).get("score"), Some(&Value::Null));
        let mut silent = entry("honest", "accepted");
        silent.expect.score = None;
        assert_eq!(expected(&silent).get("score"), None);
    }
}
