//! `simulate.json` beside an SOP: what a generator cannot know of a trade. Who is visited, what is answered, how long each
//! step takes. It says nothing of rules, and nothing of those who cheat.
//!
//! Unknown members are refused, so that a typo is not ignored.

use anyhow::Context as _;
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name.
pub const FILE: &str = "simulate.json";

/// See the module header.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// First day, `YYYY-MM-DD`; what is visited lies within the SOP's tables then and for a month after.
    pub from: String,
    /// Whom the SOP serves.
    pub customers: Customers,
    /// Tenant's purpose code of the visits.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Nobody is visited on Saturdays.
    #[serde(default)]
    pub five_days: bool,
    /// Fewest and most visits of a day.
    pub visits_per_day: [i64; 2],
    /// Rows that the company's own tables have of these customers and people, by dataset.
    #[serde(default)]
    pub rows: BTreeMap<String, Rows>,
    /// By step; a step that is not named takes half a minute and has no answers.
    pub steps: BTreeMap<String, StepRecipe>,
}

impl Recipe {
    /// `from` as a date.
    ///
    /// # Errors
    /// It is none.
    pub fn first_day(&self) -> anyhow::Result<NaiveDate> {
        NaiveDate::parse_from_str(&self.from, "%Y-%m-%d").ok().with_context(|| format!("`{}` is no date", self.from))
    }
}

/// Whom the SOP serves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customers {
    /// Customer type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What they are called; a number is added.
    pub name: String,
    /// Custom fields, a template (see `template.rs`).
    pub fields: Value,
    /// Sites have an outline: least and greatest distance of its corners from the middle, in metres.
    #[serde(default)]
    pub outline_m: Option<[f64; 2]>,
}

/// Rows of a table that are about those who are made up here; they stand beside those of the folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// About whom.
    pub of: Whose,
    /// So many of each; `/index` in the template counts them.
    #[serde(default = "one")]
    pub count: usize,
    /// A template, which sees `/customer` or `/user`.
    pub row: Value,
}

/// About whom rows are.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// A row a customer.
    Customers,
    /// A row a rep.
    Reps,
}

const fn one() -> usize {
    1
}

/// A step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecipe {
    /// Median of how long it takes, in seconds, and the spread: sigma of the logarithm.
    pub seconds: [f64; 2],
    /// Answers, a template.
    #[serde(default)]
    pub answers: Option<Value>,
    /// Absent marks, a template.
    #[serde(default)]
    pub absent: Option<Value>,
    /// How likely each answer differs from what was found here last time.
    #[serde(default = "a_third")]
    pub changes: f64,
    /// How likely people do it where they need not.
    #[serde(default, rename = "do")]
    pub done: f64,
    /// How likely people hand in evidence that is not asked for, by requirement.
    #[serde(default)]
    pub evidence: BTreeMap<String, f64>,
}

const fn a_third() -> f64 {
    0.33
}

impl Default for StepRecipe {
    fn default() -> Self {
        Self {
            seconds: [30.0, 0.4],
            answers: None,
            absent: None,
            changes: a_third(),
            done: 0.0,
            evidence: BTreeMap::new(),
        }
    }
}

/// Reads the recipe of an SOP folder.
///
/// # Errors
/// There is none, or it does not have this shape.
pub fn read(folder: &Path) -> anyhow::Result<Recipe> {
    let file = folder.join(FILE);
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut reader).with_context(|| file.display().to_string())
}
