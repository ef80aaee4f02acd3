//! Tasks that a visit leaves behind.

use crate::text::Text;
use serde::{Deserialize, Serialize};

/// A task spawned when the visit completes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Id within the SOP.
    pub id: String,
    /// `review`, `approval`, `follow_up` or `support`.
    pub kind: String,
    /// Name for people.
    pub title: Text,
    /// CEL over the finished run.
    pub when: String,
    /// Role of who may act.
    pub role: String,
    /// Seconds until it is due.
    pub due_s: u32,
}
