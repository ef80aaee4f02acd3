//! The verbs of a visit task by name.

use serde::{Deserialize, Serialize};

/// The verbs of a visit task, without their bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "said at the variants of `Action`")]
pub enum Verb {
    Create,
    Start,
    SaveDraft,
    Submit,
    Skip,
    Amend,
    Complete,
    Cancel,
    Return,
    Approve,
    Reject,
    Contest,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Create,
        Self::Start,
        Self::SaveDraft,
        Self::Submit,
        Self::Skip,
        Self::Amend,
        Self::Complete,
        Self::Cancel,
        Self::Return,
        Self::Approve,
        Self::Reject,
        Self::Contest,
    ];

    /// As it is written in a command and in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::SaveDraft => "save_draft",
            Self::Submit => "submit",
            Self::Skip => "skip",
            Self::Amend => "amend",
            Self::Complete => "complete",
            Self::Cancel => "cancel",
            Self::Return => "return",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Contest => "contest",
        }
    }
}
