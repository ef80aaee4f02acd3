//! Tasks that a visit leaves behind.

use super::Computed;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// A task spawned by a visit: when it is judged, or with `step` as soon as a submission of that step stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Id within the SOP. An entry makes one task in a visit, for a repeated step one for each instance.
    pub id: String,
    /// `review`, `approval`, `follow_up` or `support`.
    pub kind: String,
    /// Name for people.
    pub title: Text,
    /// The step whose accepted submission spawns it, whatever becomes of the visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Code of a finding: spawned where it stands, of a check or a rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// CEL over the finished run, with `step` over the submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Role of who may act.
    pub role: String,
    /// Org unit of who may act: an id or `=CEL`. Default the visit's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_unit: Option<Computed>,
    /// Seconds until it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_s: Option<u32>,
    /// Due at the end of the n-th working day after that day, in the customer's time zone and the tenant's calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_working_days: Option<u32>,
    /// `=CEL` giving the RFC 3339 moment from which the due time counts. Default: when the submission was made, or the visit
    /// was last worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_from: Option<Computed>,
}
