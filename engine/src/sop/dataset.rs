//! A dataset version: the rows a run pins by hash.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Rows of one dataset version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Name, as the SOP declares it.
    pub dataset: String,
    /// Version, for people; the hash is what a run pins.
    pub version: String,
    /// First business date it holds for (inclusive), `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// Last business date it holds for (inclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<String>,
    /// The rows.
    pub rows: Vec<Map<String, Value>>,
}
