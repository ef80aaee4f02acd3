//! What answers become beyond the visit: business records.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A typed business record written from the answers of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Id within the SOP.
    pub id: String,
    /// Record type, for instance `price_observation`.
    #[serde(rename = "type")]
    pub record: String,
    /// Step the record comes from.
    pub step: String,
    /// JSON Pointer to a list in the answers: one record for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Members of the record: JSON Pointers, relative to the item where `each` is given.
    pub fields: BTreeMap<String, String>,
}
