//! What a rule says of itself, as constants: id, texts, needs, codes, datasets.
//!
//! The version and the config schema are not here: the crate and the config type give them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A text for people by BCP 47 tag; write it with [`texts!`](crate::texts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(pub &'static [(&'static str, &'static str)]);

impl Text {
    /// The same as a map, the form it has in JSON.
    #[must_use]
    pub fn to_map(self) -> BTreeMap<String, String> {
        self.0.iter().map(|(language, text)| ((*language).to_owned(), (*text).to_owned())).collect()
    }
}

/// `texts! { "en": "Price", "zh-CN": "价格" }`: a [`Text`] constant.
#[macro_export]
macro_rules! texts {
    ($($language:literal : $text:literal),+ $(,)?) => { $crate::Text(&[$(($language, $text)),+]) };
}

/// Everything the manifest says of a rule that its types do not.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Name within the plugin, `[a-z0-9_]+`; an SOP binds `<plugin>/<id>`.
    pub id: &'static str,
    /// Name for people.
    pub title: Text,
    /// What it does, for the person who writes an SOP.
    pub description: Text,
    /// What the engine gathers before the call, and where it can be had.
    pub needs: &'static [(Need, Availability)],
    /// Every finding code it may return, with the message for the rep; `{name}` is a parameter of the finding.
    pub codes: &'static [(&'static str, Text)],
    /// Datasets it looks up.
    pub datasets: &'static [&'static str],
    /// Where the rule comes from: a standard, a law, a paper, or `tenant parameter`; empty where nothing is to be said.
    pub source: &'static str,
}

impl About {
    /// Nothing said yet: `..About::EMPTY` fills what a rule does not use.
    pub const EMPTY: Self =
        Self { id: "", title: Text(&[]), description: Text(&[]), needs: &[], codes: &[], datasets: &[], source: "" };
}

/// What the engine can gather for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The submissions of this visit so far: `Input::steps`.
    Steps,
    /// The same rep's check-in before this one: `Input::last_check_in`.
    LastCheckIn,
    /// Other uses of the same evidence in the tenant: `Input::evidence_uses`.
    EvidenceUses,
    /// The last completed visit to the same customer: `Input::previous_visit`.
    PreviousVisit,
    /// The last check-in of somebody else from the same device: `Input::last_on_device`.
    LastOnDevice,
    /// Photos of other visits of the tenant that look like one of this visit: `Input::photo_neighbours`.
    PhotoNeighbours,
    /// Visits to other customers of the tenant with a text this visit has too: `Input::same_texts`.
    SameTexts,
    /// How the rep's scores under this SOP stood beside their peers' before this visit: `Input::rep_standing`.
    RepStanding,
}

/// Where a need can be met. A phone leaves a rule with a `Server` need pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// On the phone too.
    Device,
    /// Only on the server.
    Server,
}
