//! Places: coordinate systems, distances, fences.

use serde::{Deserialize, Serialize};

/// A coordinate system. Chinese map SDKs return GCJ-02 or BD-09, hundreds of metres off WGS-84.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crs {
    /// GPS.
    Wgs84,
    /// AMap, Tencent.
    Gcj02,
    /// Baidu.
    Bd09,
    /// Nobody said; never judged against.
    Unknown,
}
