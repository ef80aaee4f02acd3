//! What a rule returns: findings, a scorecard, or the reason it cannot answer.
//!
//! Numbers in parameters and details are canonical here, so that `30.0` and `30` are the same text on every machine.

use crate::number::canonical;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// What `validate` and `assess` rules return, in the order the rule found them.
pub type Findings = Vec<Finding>;

/// How bad a finding is. The SOP decides what it does; by default error rejects, warning flags, info is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Somebody should look.
    Warning,
    /// Wrong.
    Error,
}

impl Severity {
    /// The name in JSON and WIT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a rule says about the data it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// A code of the rule's `About`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// JSON Pointer (RFC 6901) into the answers; empty for the whole submission.
    #[serde(default)]
    pub pointer: String,
    /// Values for the message of the code.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// Risk weight in percent, 0 to 100.
    #[serde(default)]
    pub weight: u32,
    /// SHA-256 (lower-case hex) of the evidence it rests on.
    #[serde(default)]
    pub evidence: Vec<String>,
}

impl Finding {
    fn new(severity: Severity, code: &str) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            pointer: String::new(),
            params: Map::new(),
            weight: 0,
            evidence: Vec::new(),
        }
    }

    /// Wrong: by default the rep must correct it.
    #[must_use]
    pub fn error(code: &str) -> Self {
        Self::new(Severity::Error, code)
    }

    /// Somebody should look: by default the visit is flagged.
    #[must_use]
    pub fn warning(code: &str) -> Self {
        Self::new(Severity::Warning, code)
    }

    /// For the record.
    #[must_use]
    pub fn info(code: &str) -> Self {
        Self::new(Severity::Info, code)
    }

    /// Where in the answers, as a JSON Pointer.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// A value for the message.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), canonical(value.into()));
        self
    }

    /// Risk weight in percent; more than 100 is 100.
    #[must_use]
    pub fn weight(mut self, percent: u32) -> Self {
        self.weight = percent.min(100);
        self
    }

    /// Evidence the finding rests on, by SHA-256.
    #[must_use]
    pub fn evidence(mut self, sha256: impl Into<String>) -> Self {
        self.evidence.push(sha256.into());
        self
    }

    /// Several pieces of evidence, sorted and without repetition.
    #[must_use]
    pub fn evidence_all<'a>(mut self, hashes: impl IntoIterator<Item = &'a str>) -> Self {
        self.evidence.extend(hashes.into_iter().map(str::to_owned));
        self.evidence.sort();
        self.evidence.dedup();
        self
    }
}

/// What a score rule returns: leaves for the SOP's score tree, and marks its caps refer to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scorecard {
    /// The leaves.
    pub parts: Vec<Part>,
    /// Marks, sorted.
    #[serde(default)]
    pub marks: Vec<String>,
}

/// One leaf of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The id a score tree names.
    pub id: String,
    /// 0 to 1; none when it does not apply to this visit.
    pub value: Option<f64>,
    /// How the value came about.
    #[serde(default)]
    pub detail: Map<String, Value>,
}

impl Scorecard {
    /// No parts, no marks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a leaf. A value is brought into 0 to 1; NaN becomes none. `detail` that is no object is dropped.
    #[must_use]
    pub fn part(mut self, id: &str, value: Option<f64>, detail: Value) -> Self {
        let value = value.filter(|value| !value.is_nan()).map(|value| value.clamp(0.0, 1.0));
        let detail = match canonical(detail) {
            Value::Object(detail) => detail,
            _ => Map::new(),
        };
        self.parts.push(Part { id: id.to_owned(), value, detail });
        self
    }

    /// Raises a mark; raising it twice is raising it once.
    #[must_use]
    pub fn mark(mut self, code: &str) -> Self {
        if !self.marks.iter().any(|mark| mark == code) {
            self.marks.push(code.to_owned());
            self.marks.sort();
        }
        self
    }
}

/// An answer of any kind of rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// From `validate` and `assess`.
    Findings(Findings),
    /// From `score`.
    Scorecard(Scorecard),
}

/// Why a rule cannot answer. The host makes it a finding `rule.unavailable`; the SOP says what that does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleError {
    /// Stable code: `bad_input`, `bad_config`, `bad_answers`, `bad_row`, `no_submission`, `no_such_rule`, or your own.
    pub code: String,
    /// For the person who debugs the plugin.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl RuleError {
    /// An error that the same input would meet again.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), retryable: false }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for RuleError {}
