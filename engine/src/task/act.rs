//! What may be done to a task, by whom, and what time alone does to it.
//!
//! Steps and the end of a visit are not here: a visit task is driven by its visit (`submit.rs`). Whether somebody sees the
//! task at all is the caller's business (SCOPE).

use super::{Comment, Resolution, Resolved, Role, Task, TaskEvent, TaskKind, TaskState};
use crate::gate::AllowedVerb;
use crate::rejection::Rejection;
use crate::time::{self, format_utc};
use serde_json::json;
use std::collections::BTreeSet;

/// Who assigns and cancels what is not theirs.
const DISPATCHERS: [Role; 3] = [Role::Manager, Role::Admin, Role::Ops];

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// `usr_…`
    pub user: &'a str,
    /// Roles over the task's org unit.
    pub roles: &'a BTreeSet<Role>,
}

/// What somebody wants to do to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskAction {
    /// Make it somebody's.
    Assign {
        /// `usr_…`
        assignee: String,
        /// For whom the actor does this, `usr_…`.
        on_behalf_of: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// Take it up.
    Claim,
    /// Say something.
    Comment {
        /// What.
        text: String,
    },
    /// Ask for help; the caller makes the support task (`Task::support`).
    RequestSupport {
        /// What for.
        text: String,
    },
    /// Decide it.
    Resolve {
        /// How.
        decision: Resolved,
        /// Why; needed to reject and to return.
        reason: Option<String>,
    },
    /// It will not be done.
    Cancel {
        /// Why.
        reason: String,
    },
}

impl TaskAction {
    /// As in the URL.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "assign",
            Self::Claim => "claim",
            Self::Comment { .. } => "comment",
            Self::RequestSupport { .. } => "request_support",
            Self::Resolve { decision: Resolved::Approved, .. } => "approve",
            Self::Resolve { decision: Resolved::Rejected, .. } => "reject",
            Self::Resolve { decision: Resolved::Returned, .. } => "return",
            Self::Resolve { decision: Resolved::Done, .. } => "complete",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// What happens to the task if `actor` does this. `reviewed_user` is the rep of the visit a review or an approval is about.
///
/// # Errors
/// Why it may not be done.
pub fn act(
    task: &Task,
    actor: &Actor<'_>,
    reviewed_user: Option<&str>,
    action: &TaskAction,
    at_ms: i64,
) -> Result<Vec<TaskEvent>, Rejection> {
    let comment = |text: &str| Comment { user: actor.user.to_owned(), at: format_utc(at_ms), text: text.to_owned() };
    if let TaskAction::Comment { text } = action {
        said(text, "/text")?;
        return Ok(vec![TaskEvent::TaskCommented { comment: comment(text) }]);
    }
    if task.state.is_closed() {
        return Err(Rejection::new("task.closed", "", &json!({"verb": action.verb(), "state": task.state})));
    }
    let user = actor.user.to_owned();
    let event = match action {
        TaskAction::Comment { .. } => return Ok(Vec::new()),
        TaskAction::RequestSupport { text } => {
            if task.kind == TaskKind::Support {
                return Err(wrong_kind(task, action));
            }
            said(text, "/text")?;
            TaskEvent::SupportRequested { comment: comment(text) }
        }
        TaskAction::Assign { assignee, on_behalf_of, reason } => {
            dispatches(actor, action)?;
            visit_not_begun(task, action)?;
            not_their_own(task, reviewed_user, assignee)?;
            let (assignee, on_behalf_of, reason) = (assignee.clone(), on_behalf_of.clone(), reason.clone());
            TaskEvent::TaskAssigned { user, assignee, on_behalf_of, reason }
        }
        TaskAction::Claim => {
            not_their_own(task, reviewed_user, actor.user)?;
            if let Some(assignee) = &task.assignee {
                return Err(Rejection::new("task.assigned", "", &json!({"user": assignee})));
            }
            candidate(task, actor)?;
            TaskEvent::TaskClaimed { user }
        }
        TaskAction::Resolve { decision, reason } => {
            resolvable(task, *decision, action)?;
            not_their_own(task, reviewed_user, actor.user)?;
            if task.assignee.as_deref() != Some(actor.user) {
                candidate(task, actor)?;
            }
            if matches!(decision, Resolved::Rejected | Resolved::Returned) {
                said(reason.as_deref().unwrap_or_default(), "/reason")?;
            }
            let (reason, at) = (reason.clone(), format_utc(at_ms));
            let resolution = Resolution { decision: *decision, user, reason, at, visit: None };
            TaskEvent::TaskResolved { resolution }
        }
        TaskAction::Cancel { reason } => {
            visit_not_begun(task, action)?;
            let own_visit = task.kind == TaskKind::Visit && task.assignee.as_deref() == Some(actor.user);
            if !own_visit {
                dispatches(actor, action)?;
            }
            said(reason, "/reason")?;
            TaskEvent::TaskCancelled { comment: comment(reason) }
        }
    };
    Ok(vec![event])
}

/// What time alone does to a task: a planned visit nobody began is missed once its window is over, anything else is overdue
/// once, when `due` has passed.
#[must_use]
pub fn due(task: &Task, at_ms: i64) -> Vec<TaskEvent> {
    let passed = |member: &'static str, text: &Option<String>| {
        text.as_ref().and_then(|text| time::parse(member, text).ok()).is_some_and(|until_ms| until_ms <= at_ms)
    };
    if task.state.is_closed() {
        return Vec::new();
    }
    let at = format_utc(at_ms);
    let window_end = task.planned.as_ref().map(|window| window.to.clone());
    if task.kind == TaskKind::Visit && task.state == TaskState::Open && passed("planned.to", &window_end) {
        return vec![TaskEvent::TaskMissed { at }];
    }
    if !task.overdue && passed("due", &task.due) {
        return vec![TaskEvent::TaskOverdue { at }];
    }
    Vec::new()
}

impl Task {
    /// The verbs its kind has, and why `actor` may not use one now. What the visit itself allows is `submit::allowed`; while
    /// there is no visit yet, `start` and `cancel` are answered here.
    #[must_use]
    pub fn allowed(&self, actor: &Actor<'_>, reviewed_user: Option<&str>, at_ms: i64) -> Vec<AllowedVerb> {
        let word = || "–".to_owned();
        let resolve = |decision| TaskAction::Resolve { decision, reason: Some(word()) };
        let mut actions = vec![
            TaskAction::Assign { assignee: String::new(), on_behalf_of: None, reason: None },
            TaskAction::Claim,
            TaskAction::Comment { text: word() },
        ];
        if self.kind != TaskKind::Support {
            actions.push(TaskAction::RequestSupport { text: word() });
        }
        actions.extend(decisions(self.kind).iter().map(|decision| resolve(*decision)));
        if self.kind != TaskKind::Visit || self.visit.is_none() {
            actions.push(TaskAction::Cancel { reason: word() });
        }
        let answer =
            |action: &TaskAction| AllowedVerb::new(action.verb(), act(self, actor, reviewed_user, action, at_ms));
        let mut verbs: Vec<AllowedVerb> = actions.iter().map(answer).collect();
        if self.kind == TaskKind::Visit && self.visit.is_none() {
            verbs.push(AllowedVerb::new("start", self.may_start(actor)));
        }
        verbs
    }

    /// Whether `actor` may begin the visit of this task: it is theirs, or nobody's and they are a candidate. A missed visit
    /// may still be begun: the work counts, late or not (LATE).
    ///
    /// # Errors
    /// Why not.
    pub fn may_start(&self, actor: &Actor<'_>) -> Result<(), Rejection> {
        match self.state {
            _ if self.kind != TaskKind::Visit => {
                return Err(Rejection::new("task.wrong_kind", "", &json!({"verb": "start", "kind": self.kind})));
            }
            TaskState::Open | TaskState::Missed => {}
            TaskState::InProgress | TaskState::Done | TaskState::Cancelled => {
                return Err(Rejection::new("task.not_possible", "", &json!({"verb": "start", "state": self.state})));
            }
        }
        match &self.assignee {
            Some(assignee) if assignee == actor.user => Ok(()),
            Some(_) => Err(Rejection::new("task.not_yours", "", &json!({"user": actor.user}))),
            None => candidate(self, actor),
        }
    }
}

const fn decisions(kind: TaskKind) -> &'static [Resolved] {
    match kind {
        TaskKind::Visit => &[],
        TaskKind::Review => &[Resolved::Approved, Resolved::Rejected, Resolved::Returned],
        TaskKind::Approval => &[Resolved::Approved, Resolved::Rejected],
        TaskKind::FollowUp | TaskKind::Support => &[Resolved::Done],
    }
}

fn resolvable(task: &Task, decision: Resolved, action: &TaskAction) -> Result<(), Rejection> {
    if decisions(task.kind).contains(&decision) { Ok(()) } else { Err(wrong_kind(task, action)) }
}

fn wrong_kind(task: &Task, action: &TaskAction) -> Rejection {
    Rejection::new("task.wrong_kind", "", &json!({"verb": action.verb(), "kind": task.kind}))
}

/// A visit that is there, begun or about to, belongs to its rep and ends by its own verbs.
fn visit_not_begun(task: &Task, action: &TaskAction) -> Result<(), Rejection> {
    if task.kind == TaskKind::Visit && (task.state != TaskState::Open || task.visit.is_some()) {
        return Err(Rejection::new("task.under_way", "", &json!({"verb": action.verb()})));
    }
    Ok(())
}

/// Nobody judges their own visit.
fn not_their_own(task: &Task, reviewed_user: Option<&str>, user: &str) -> Result<(), Rejection> {
    let judges = matches!(task.kind, TaskKind::Review | TaskKind::Approval);
    if judges && reviewed_user == Some(user) {
        return Err(Rejection::new("review.own_visit", "", &json!({})));
    }
    Ok(())
}

fn candidate(task: &Task, actor: &Actor<'_>) -> Result<(), Rejection> {
    match &task.candidates {
        Some(candidates) if actor.roles.contains(&candidates.role) => Ok(()),
        Some(candidates) => Err(Rejection::new("task.not_candidate", "", &json!({"role": candidates.role}))),
        None => Err(Rejection::new("task.not_yours", "", &json!({"user": actor.user}))),
    }
}

fn dispatches(actor: &Actor<'_>, action: &TaskAction) -> Result<(), Rejection> {
    if DISPATCHERS.iter().any(|role| actor.roles.contains(role)) {
        return Ok(());
    }
    let roles: Vec<&str> = DISPATCHERS.iter().map(|role| role.name()).collect();
    Err(Rejection::new("task.not_allowed", "", &json!({"verb": action.verb(), "roles": roles.join(", ")})))
}

fn said(text: &str, pointer: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() { Err(Rejection::new("text.missing", pointer, &json!({}))) } else { Ok(()) }
}
