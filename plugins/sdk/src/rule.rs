//! The trait a rule implements, and the table a plugin is.

use crate::about::{About, Text};
use crate::answer::{Answer, Findings, RuleError, Scorecard};
use crate::context::Context;
use crate::input::Input;
use crate::manifest::{Manifest, RuleManifest, of_plugin, of_rule};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The three things a rule can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interface {
    /// Checks one submission.
    Validate,
    /// Looks for fraud signals in a step or a visit.
    Assess,
    /// Scores a run.
    Score,
}

/// Marks what a rule is, and with it what it returns: [`Validate`], [`Assess`] or [`Score`].
pub trait Kind {
    /// The exported interface.
    const INTERFACE: Interface;
    /// What such a rule returns.
    type Output;
    /// The same as data.
    fn answer(output: Self::Output) -> Answer;
}

/// A rule that checks one submission.
#[derive(Clone, Copy, Debug)]
pub struct Validate;
/// A rule that looks for fraud signals in a step or a visit.
#[derive(Clone, Copy, Debug)]
pub struct Assess;
/// A rule that scores a run.
#[derive(Clone, Copy, Debug)]
pub struct Score;

impl Kind for Validate {
    const INTERFACE: Interface = Interface::Validate;
    type Output = Findings;
    fn answer(output: Findings) -> Answer {
        Answer::Findings(output)
    }
}

impl Kind for Assess {
    const INTERFACE: Interface = Interface::Assess;
    type Output = Findings;
    fn answer(output: Findings) -> Answer {
        Answer::Findings(output)
    }
}

impl Kind for Score {
    const INTERFACE: Interface = Interface::Score;
    type Output = Scorecard;
    fn answer(output: Scorecard) -> Answer {
        Answer::Scorecard(output)
    }
}

/// A rule. The type is the config: its fields are read from the SOP's binding, its JSON Schema goes into the manifest.
pub trait Rule: DeserializeOwned + JsonSchema {
    /// [`Validate`], [`Assess`] or [`Score`].
    type Kind: Kind;
    /// Id, texts, needs, codes, datasets.
    const ABOUT: About;

    /// Judges. Must depend on nothing but `self`, `input` and the rows it looks up.
    ///
    /// # Errors
    /// When the rule cannot answer at all; what it found wrong is a finding, not an error.
    fn run(&self, input: &Input, context: &Context<'_>) -> Result<<Self::Kind as Kind>::Output, RuleError>;
}

/// A rule with its type forgotten: a row of a plugin's table.
#[derive(Clone, Copy, Debug)]
pub struct RuleEntry {
    pub(crate) about: About,
    pub(crate) interface: Interface,
    pub(crate) manifest: fn() -> RuleManifest,
    pub(crate) run: fn(&Input, &Context<'_>) -> Result<Answer, RuleError>,
}

impl RuleEntry {
    /// The row of rule `R`.
    #[must_use]
    pub const fn of<R: Rule>() -> Self {
        Self { about: R::ABOUT, interface: <R::Kind as Kind>::INTERFACE, manifest: of_rule::<R>, run: run_as::<R> }
    }
}

fn run_as<R: Rule>(input: &Input, context: &Context<'_>) -> Result<Answer, RuleError> {
    let rule: R = input.config.read_or("bad_config")?;
    rule.run(input, context).map(R::Kind::answer)
}

/// A plugin: what `export_plugin!` makes.
pub trait Plugin {
    /// Name; an SOP binds `<name>/<rule>`.
    const NAME: &'static str;
    /// Semantic version of the plugin's crate.
    const VERSION: &'static str;
    /// Name for people.
    const TITLE: Text;
    /// The rules.
    const RULES: &'static [RuleEntry];

    /// What the plugin says of itself.
    #[must_use]
    fn manifest() -> Manifest
    where
        Self: Sized,
    {
        of_plugin::<Self>()
    }
}

/// Runs one rule over the JSON text of an input.
pub(crate) fn dispatch<P: Plugin>(
    interface: Interface,
    rule: &str,
    input: &str,
    context: &Context<'_>,
) -> Result<Answer, RuleError> {
    let entry = P::RULES
        .iter()
        .find(|entry| entry.about.id == rule && entry.interface == interface)
        .ok_or_else(|| RuleError::new("no_such_rule", format!("{} has no {interface:?} rule `{rule}`", P::NAME)))?;
    let input = Input::from_json(input)?;
    (entry.run)(&input, context)
}
