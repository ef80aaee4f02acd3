//! What judging gives, as data: what was found, why an attempt was refused, what became of a visit.
//!
//! Made by `submit.rs` and `complete.rs`, kept in events, put into words by `explain.rs`.

use crate::draw::Draw;
use crate::input::Interval;
use crate::ledger::Entry;
use crate::rule::{Finding, RuleOutcome};
use crate::score::ScoreResult;
use crate::sop::Counts;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What was found about one submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Step (and instance as `step[key]`).
    pub step: String,
    /// Built-in checks, CEL checks and rules, sorted.
    pub findings: Vec<Finding>,
    /// The rule calls behind them.
    pub calls: Vec<CallRecord>,
    /// Events the gathered needs came from.
    pub gathered: Vec<Reference>,
    /// What it put into accounts and took out of them, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<Entry>,
    /// Tasks that leave at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<SpawnedTask>,
}

/// A rule call as the log keeps it: by reference, with what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// `<plugin>/<rule>`.
    pub rule: String,
    /// Component hash.
    pub plugin_hash: String,
    /// SHA-256 of the canonical input.
    pub input_hash: String,
    /// What came back.
    pub outcome: RuleOutcome,
}

/// Where a gathered need came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Which need.
    pub need: String,
    /// Hash of the event it was read from.
    pub event: String,
    /// What of that event, where it says several things and not all were told: hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
}

impl Reference {
    /// All that an event says to a need.
    #[must_use]
    pub fn new(need: &str, event: &str) -> Self {
        Self { need: need.to_owned(), event: event.to_owned(), about: Vec::new() }
    }
}

/// Why an attempt was refused: a rejection of the command, or findings that must be corrected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Stable code, `submission.refused` when findings say why.
    pub code: String,
    /// JSON Pointer into the command's body.
    pub pointer: String,
    /// Values for the message.
    pub params: Map<String, Value>,
    /// Findings, sorted.
    pub findings: Vec<Finding>,
    /// Calls behind them.
    pub calls: Vec<CallRecord>,
    /// Events the gathered needs came from; none where the command was refused before any rule was asked.
    pub gathered: Vec<Reference>,
}

/// What became of a visit, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// May it stand?
    pub decision: Decision,
    /// Does it count as a visit?
    pub validity: Validity,
    /// Which of the SOP's outcomes.
    pub outcome: Option<String>,
    /// What that outcome counts as.
    pub counts: Option<Counts>,
    /// 0 to 100, one decimal.
    pub risk: f64,
    /// The score, with its tree.
    pub score: Option<ScoreResult>,
    /// All findings of steps that apply and of the visit, sorted.
    pub findings: Vec<Finding>,
    /// Calls of visit and score rules.
    pub calls: Vec<CallRecord>,
    /// Events the gathered needs came from.
    pub gathered: Vec<Reference>,
    /// Evidence that has not arrived.
    pub awaited: Vec<String>,
    /// Tasks that follow from it.
    pub tasks: Vec<SpawnedTask>,
    /// Check-in to check-out (to the last sign of life when closed by policy).
    pub dwell: Option<Interval>,
    /// How the lot fell, where the SOP has visits drawn for a second look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw: Option<Draw>,
}

impl Verdict {
    /// Whether the lot fell on this visit.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.draw.as_ref().is_some_and(|draw| draw.drawn)
    }
}

/// Whether the engine lets something stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Stands.
    Accepted,
    /// Stands, marked for the reader.
    Flagged,
    /// A review task decides.
    Held,
    /// A step must be done again.
    Returned,
    /// Does not stand.
    Rejected,
}

/// Whether a visit counts as one (有效/无效拜访).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// 有效拜访
    Valid,
    /// 无效拜访
    Invalid,
}

/// A task that follows from a verdict, or from a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SpawnedTask {
    /// `tsk_…`, derived from visit and entry, so that making it twice makes one.
    pub id: String,
    /// `review`, `follow_up`, …
    pub kind: String,
    /// Entry of the SOP's `tasks`, or `review` for a held visit or one that was drawn.
    pub entry: String,
    /// Role of who may act.
    pub role: String,
    /// When it is due, RFC 3339 UTC. With `working` as weeks without holidays have it; whoever makes the task knows better.
    pub due: String,
    /// Org unit of who may act, where it is not the visit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit: Option<String>,
    /// It is due by working days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working: Option<DueWorking>,
}

/// A due time that is counted in working days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DueWorking {
    /// How many.
    pub days: u32,
    /// From when, RFC 3339 UTC.
    pub from: String,
}
