//! The manifest as JSON: what the macro's constants and the config types say together.
//!
//! The host checks it when the plugin is uploaded; the shape is fixed by the host, this is its mirror.

use crate::about::{Availability, Need};
use crate::rule::{Interface, Plugin, Rule};
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A text by BCP 47 tag.
pub type TextMap = BTreeMap<String, String>;

/// What a plugin says of itself: the JSON that `manifest.describe` returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Plugin name.
    pub plugin: String,
    /// Semantic version.
    pub version: String,
    /// Name for people.
    pub title: TextMap,
    /// The rules, in the order of `export_plugin!`.
    pub rules: Vec<RuleManifest>,
    /// Datasets the rules look up, sorted.
    pub datasets: Vec<String>,
}

/// One rule of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleManifest {
    /// Name within the plugin.
    pub id: String,
    /// What it is.
    pub interface: Interface,
    /// Name for people.
    pub title: TextMap,
    /// What it does, for people.
    pub description: TextMap,
    /// JSON Schema of its config.
    pub config: Value,
    /// What must be gathered before the call.
    pub needs: Vec<NeedDeclaration>,
    /// Every code it may return.
    pub codes: Vec<CodeManifest>,
    /// Where the rule comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Something a rule wants gathered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedDeclaration {
    /// What.
    pub need: Need,
    /// Where it can be had.
    pub availability: Availability,
}

/// A finding code of a rule and its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeManifest {
    /// The code.
    pub code: String,
    /// Message with `{placeholders}`.
    pub message: TextMap,
}

/// The manifest of a whole plugin.
pub(crate) fn of_plugin<P: Plugin>() -> Manifest {
    let datasets: BTreeSet<&str> = P::RULES.iter().flat_map(|rule| rule.about.datasets).copied().collect();
    Manifest {
        plugin: P::NAME.to_owned(),
        version: P::VERSION.to_owned(),
        title: P::TITLE.to_map(),
        rules: P::RULES.iter().map(|rule| (rule.manifest)()).collect(),
        datasets: datasets.into_iter().map(str::to_owned).collect(),
    }
}

/// The manifest of one rule; the config schema (2020-12, sub-schemas inlined) is the rule type's own.
pub(crate) fn of_rule<R: Rule>() -> RuleManifest {
    let about = R::ABOUT;
    let mut generator =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    RuleManifest {
        id: about.id.to_owned(),
        interface: <R::Kind as crate::rule::Kind>::INTERFACE,
        title: about.title.to_map(),
        description: about.description.to_map(),
        config: generator.root_schema_for::<R>().to_value(),
        needs: about.needs.iter().map(|&(need, availability)| NeedDeclaration { need, availability }).collect(),
        codes: about
            .codes
            .iter()
            .map(|(code, message)| CodeManifest { code: (*code).to_owned(), message: message.to_map() })
            .collect(),
        source: (!about.source.is_empty()).then(|| about.source.to_owned()),
    }
}
