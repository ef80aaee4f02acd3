//! The bodies of what is said about a verdict: the rep contests it, a reviewer decides over it, finding by finding where
//! that is wanted. What they do is `contest.rs`.

use serde::{Deserialize, Serialize};

/// Body of `contest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Contest {
    /// Id of the finding that is wrong (`fnd_…`, as the explanation shows it); none when the verdict as a whole is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Why.
    pub reason: String,
}

/// Body of `approve`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Why, if the reviewer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the reviewer says of findings: of every one that is contested, and of others at will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingVerdict>,
}

/// Body of `reject`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Why.
    pub reason: String,
    /// What the reviewer says of findings: of every one that is contested, and of others at will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingVerdict>,
}

/// What a reviewer says of one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FindingVerdict {
    /// `fnd_…`
    pub id: String,
    /// Whether it was right.
    pub verdict: FindingDecision,
    /// Why.
    pub reason: String,
}

/// Whether a finding was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingDecision {
    /// It was.
    Upheld,
    /// It was not.
    Overturned,
}

impl FindingDecision {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Upheld => "upheld",
            Self::Overturned => "overturned",
        }
    }
}
