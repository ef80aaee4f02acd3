//! Tasks: what somebody may act on, the one thing clients see.
//!
//! A task is a row that events and, for a visit task, the visit's events add up to. Its shape is here; what may be done
//! to it is `task/act.rs`, what happened to it `task/event.rs`, what a visit makes of it `task/project.rs`.

use crate::command::Origin;
use crate::text::Text;
use crate::verdict::{Decision, Validity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod act;
mod event;
mod project;
#[cfg(test)]
mod tests;

pub use crate::gate::AllowedVerb;
pub use act::{Actor, TaskAction, act, due};
pub use event::TaskEvent;

/// What kind of acting a task asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Visit a customer; driven by the visit.
    Visit,
    /// Judge a visit or step (审核).
    Review,
    /// Permit a change (审批).
    Approval,
    /// Do what a visit left to do.
    FollowUp,
    /// Help somebody.
    Support,
}

impl TaskKind {
    /// The kind an SOP's `tasks` entry names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Visit, Self::Review, Self::Approval, Self::FollowUp, Self::Support]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Review => "review",
            Self::Approval => "approval",
            Self::FollowUp => "follow_up",
            Self::Support => "support",
        }
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Nobody began; a visit is planned.
    Open,
    /// Somebody is at it.
    InProgress,
    /// It was done.
    Done,
    /// It will not be done.
    Cancelled,
    /// A planned visit nobody began in its window.
    Missed,
}

impl TaskState {
    /// Nothing more is asked of anybody.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        match self {
            Self::Open | Self::InProgress => false,
            Self::Done | Self::Cancelled | Self::Missed => true,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
        }
    }
}

/// What somebody is in an org unit and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Visits customers.
    Rep,
    /// Leads reps.
    Manager,
    /// Sets up the tenant.
    Admin,
    /// Support desk.
    Ops,
    /// Reads.
    Auditor,
    /// Another company's person.
    Partner,
    /// Runs the installation.
    Operator,
}

impl Role {
    /// The role an SOP's `tasks` entry or a grant names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rep, Self::Manager, Self::Admin, Self::Ops, Self::Auditor, Self::Partner, Self::Operator]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rep => "rep",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Ops => "ops",
            Self::Auditor => "auditor",
            Self::Partner => "partner",
            Self::Operator => "operator",
        }
    }
}

/// Who may take up a task that has no assignee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Candidates {
    /// With this role …
    pub role: Role,
    /// … over this org unit; none means anywhere.
    #[serde(default)]
    pub org_unit: Option<String>,
}

/// What somebody said about a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// `usr_…`
    pub user: String,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// In their words.
    pub text: String,
}

/// From when to when something is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339, exclusive.
    pub to: String,
}

/// How a task other than a visit ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// What was decided.
    pub decision: Resolved,
    /// Who decided.
    pub user: String,
    /// In their words.
    #[serde(default)]
    pub reason: Option<String>,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// The visit that did it, `vis_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
}

/// What can be decided over a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    /// It stands, or is permitted.
    Approved,
    /// It does not stand, or is not permitted.
    Rejected,
    /// A step goes back to the rep.
    Returned,
    /// It was done.
    Done,
}

impl Resolved {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Done => "done",
        }
    }
}

/// Something somebody may act on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// `tsk_…`
    pub id: String,
    /// What kind of acting it asks for.
    pub kind: TaskKind,
    /// Where it stands.
    pub state: TaskState,
    /// Name for people.
    pub title: Text,
    /// `cus_…`
    #[serde(default)]
    pub customer: Option<String>,
    /// `loc_…`
    #[serde(default)]
    pub location: Option<String>,
    /// People to be met, `con_…`.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// Name of the SOP.
    #[serde(default)]
    pub sop: Option<String>,
    /// Its version, once one is fixed.
    #[serde(default)]
    pub sop_version: Option<String>,
    /// Tenant's purpose code.
    #[serde(default)]
    pub purpose: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// The visit plan it belongs to.
    #[serde(default)]
    pub plan: Option<String>,
    /// When it is to be done.
    #[serde(default)]
    pub planned: Option<Window>,
    /// Until when, RFC 3339 UTC.
    #[serde(default)]
    pub due: Option<String>,
    /// 0 is normal, more is more urgent.
    #[serde(default)]
    pub priority: i32,
    /// Whose task it is, `usr_…`.
    #[serde(default)]
    pub assignee: Option<String>,
    /// Who may take it up.
    #[serde(default)]
    pub candidates: Option<Candidates>,
    /// `YYYY-MM-DD`
    #[serde(default)]
    pub business_date: Option<String>,
    /// The task it came from, `tsk_…`.
    #[serde(default)]
    pub parent: Option<String>,
    /// The visit it is, or is about, `vis_…`.
    #[serde(default)]
    pub visit: Option<String>,
    /// Entry of the SOP's `tasks` that spawned it.
    #[serde(default)]
    pub entry: Option<String>,
    /// Other tasks it has to do with.
    #[serde(default)]
    pub links: Vec<String>,
    /// Tenant's tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// What was said about it, in order.
    #[serde(default)]
    pub comments: Vec<Comment>,
    /// The org unit it belongs to.
    #[serde(default)]
    pub org_unit: Option<String>,
    /// The way to that unit from the root, as it was then.
    #[serde(default)]
    pub org_path: Vec<String>,
    /// `due` has passed.
    #[serde(default)]
    pub overdue: bool,
    /// What a client is told of the visit's standing.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Whether the visit counts.
    #[serde(default)]
    pub validity: Option<Validity>,
    /// How the visit ended, by the SOP's outcomes.
    #[serde(default)]
    pub outcome: Option<String>,
    /// 0 to 100.
    #[serde(default)]
    pub score: Option<f64>,
    /// 0 to 100.
    #[serde(default)]
    pub risk: Option<f64>,
    /// How it ended, if it is no visit.
    #[serde(default)]
    pub resolution: Option<Resolution>,
    /// When policy closes the open visit unless something happens, RFC 3339 UTC.
    #[serde(default)]
    pub closes_at: Option<String>,
    /// RFC 3339 UTC.
    pub created_at: String,
    /// RFC 3339 UTC.
    pub updated_at: String,
    /// Counts up with every change; its ETag.
    pub version: u64,
}
