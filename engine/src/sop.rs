//! The SOP document as typed data: what an admin writes, publishes and never changes again.
//!
//! Only the shape lives here. What is wrong with a document is `lint.rs`, what it means is decided elsewhere. The JSON
//! form is fixed by `schemas/sop.schema.json`; unknown members are refused so that a typo cannot switch a check off.

use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

mod dataset;
mod output;
mod result;
mod spawn;
mod step;

pub use dataset::Dataset;
pub use output::{Direction, Ledger, Output, Posting};
pub use result::{Cap, Counts, Outcome, Score, ScoreNode};
pub use spawn::Spawn;
pub use step::{Check, EvidenceRequirement, Form, LocationRequirement, Repeat, RuleBinding, Step, StepKind};

/// A published, immutable SOP version (or a draft of one).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sop {
    /// Name, for instance `site.inspection`.
    pub sop: String,
    /// Semantic version of this document.
    pub version: String,
    /// What people call it.
    pub title: Text,
    /// The trade's words for ours: `visit`, `customer`, `step`, …
    #[serde(default)]
    pub labels: BTreeMap<String, Text>,
    /// Languages every text of the document must have.
    pub languages: Vec<String>,
    /// Whom this SOP may be run for.
    pub customer: CustomerRequirement,
    /// Plugins by name, with the version range that may be pinned.
    #[serde(default)]
    pub plugins: BTreeMap<String, String>,
    /// Values a tenant may tune.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Tables the steps and rules read.
    #[serde(default)]
    pub datasets: BTreeMap<String, DatasetDeclaration>,
    /// Messages of checks, with `{placeholders}`.
    #[serde(default)]
    pub texts: BTreeMap<String, Text>,
    /// The steps; order gives the default of `after`.
    pub steps: Vec<Step>,
    /// Rules over the whole visit, run when it completes.
    #[serde(default)]
    pub rules: Vec<RuleBinding>,
    /// How a run is scored.
    #[serde(default)]
    pub score: Option<Score>,
    /// How a run may end; the first whose `when` holds is taken.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// Business records written from answers.
    #[serde(default)]
    pub outputs: Vec<Output>,
    /// Ledgers that outputs post to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ledgers: BTreeMap<String, Ledger>,
    /// Tasks a visit leaves behind.
    #[serde(default)]
    pub tasks: Vec<Spawn>,
    /// What happens when people or machines do not do their part.
    #[serde(default)]
    pub policy: Policy,
    /// What no overlay may change: pointers through lists by name, each with everything below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<String>,
}

/// The customer types an SOP serves and the custom fields it needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerRequirement {
    /// Names of customer types.
    pub types: Vec<String>,
    /// JSON Schema for `customer.fields`.
    #[serde(default)]
    pub fields: Value,
}

/// A typed value a tenant may tune within bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// JSON Schema of the value, with its bounds.
    pub schema: Value,
    /// Value where the tenant says nothing.
    pub default: Value,
    /// Name for people.
    pub title: Text,
    /// Unit (UCUM where there is one), for instance `m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where the default comes from: a paper, a standard, a law, or `tenant parameter`.
    pub source: String,
    /// Other defaults for some customers; the first that holds is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<ParameterSlice>,
}

/// The default of a parameter for some customers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterSlice {
    /// CEL over `customer` alone.
    pub when: String,
    /// Value where it holds and the tenant says nothing.
    pub value: Value,
}

/// A table the SOP reads: rows are content-addressed and pinned by a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetDeclaration {
    /// Name for people.
    pub title: Text,
    /// JSON Schema of one row.
    pub schema: Value,
    /// The member of a row that is its key (a string).
    pub key: String,
    /// Which rows concern whom; without it all rows concern all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<DatasetSlice>,
}

/// Which rows of a dataset concern whom. A row with nothing in the column concerns all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetSlice {
    /// The column that says whom (a string).
    pub column: String,
    /// What it names.
    pub by: SliceBy,
}

/// What the column of a slice names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceBy {
    /// An org unit, with all below it.
    OrgUnit,
    /// A customer.
    Customer,
}

/// A literal, or CEL behind a leading `=`: `300`, `"=parameters.fence_radius_m"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Computed(pub Value);

impl Computed {
    /// The CEL text behind `=`, if the value is computed.
    #[must_use]
    pub fn expression(&self) -> Option<&str> {
        self.0.as_str().and_then(|text| text.strip_prefix('='))
    }
}

/// What a failed check or a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing; it is recorded.
    None,
    /// Marked for the reader.
    Flag,
    /// The visit does not count.
    Invalidate,
    /// Kept, and a review task decides.
    Hold,
    /// Must be corrected by the rep.
    Reject,
}

impl Effect {
    const fn reject() -> Self {
        Self::Reject
    }
    const fn flag() -> Self {
        Self::Flag
    }
    const fn hold() -> Self {
        Self::Hold
    }
}

/// What happens when people or machines do not do their part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// An open visit is closed this long after its last sign of life, in seconds.
    pub auto_close_s: u32,
    /// Local time at which a business day begins, `HH:MM`.
    pub day_cut: String,
    /// Effect when a rule cannot answer and its binding says nothing.
    pub unavailable: Effect,
    /// Risk from which a review task is made, 0 to 100.
    pub risk_review: f64,
    /// Risk from which the visit is held, 0 to 100.
    pub risk_hold: f64,
    /// Share of visits drawn for a second look whatever was found, percent (`draw.rs`).
    #[serde(skip_serializing_if = "is_zero")]
    pub recheck_percent: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(percent: &f64) -> bool {
    *percent == 0.0
}

impl Policy {
    /// Whether any visit is drawn.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.recheck_percent > 0.0
    }
}

impl Default for Policy {
    /// Ten hours, 04:00, flag; risk 60 and 85 as in the field's usual practice (tenant parameters).
    fn default() -> Self {
        Self {
            auto_close_s: 36_000,
            day_cut: "04:00".into(),
            unavailable: Effect::Flag,
            risk_review: 60.0,
            risk_hold: 85.0,
            recheck_percent: 0.0,
        }
    }
}
