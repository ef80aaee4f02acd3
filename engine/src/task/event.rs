//! What happened to a task, and what that does to it.
//!
//! Each member of a variant becomes one payload of the event in the task's stream, committed on its own.

use super::{Comment, Resolution, Task, TaskKind, TaskState};
use crate::canon::CanonicalJson;
use crate::event::{self, Draft};
use crate::time::format_utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that happened to a task. `user` is who did it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "members are payload names; what they hold is said at their types")]
pub enum TaskEvent {
    /// It is there.
    TaskCreated { task: Box<Task> },
    /// Somebody made it somebody's.
    TaskAssigned { user: String, assignee: String, on_behalf_of: Option<String>, reason: Option<String> },
    /// A candidate took it up.
    TaskClaimed { user: String },
    /// It is nobody's again.
    TaskReleased { user: String, reason: Option<String> },
    /// Somebody said something.
    TaskCommented { comment: Comment },
    /// Somebody asked for help.
    SupportRequested { comment: Comment },
    /// The rep disagrees with the verdict over the visit.
    TaskContested { comment: Comment, finding: Option<String> },
    /// It was decided.
    TaskResolved { resolution: Resolution },
    /// It will not be done.
    TaskCancelled { comment: Comment },
    /// `due` has passed.
    TaskOverdue { at: String },
    /// Nobody began the planned visit in its window.
    TaskMissed { at: String },
}

impl TaskEvent {
    /// The event as unsealed data: its type, and each member as a payload of its own.
    #[must_use]
    pub fn draft(&self, task: &str) -> Draft {
        let mut payloads: BTreeMap<String, Value> = match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        let kind = payloads.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        Draft { kind, stream: task.to_owned(), payloads }
    }

    /// The event back from its type and payloads.
    ///
    /// # Errors
    /// When a payload is missing or does not have the shape of its type.
    pub fn from_payloads<'a>(
        kind: &str,
        payloads: impl Iterator<Item = (&'a String, &'a CanonicalJson)>,
    ) -> Result<Self, serde_json::Error> {
        event::read(kind, payloads)
    }
}

impl Task {
    /// The task its first event makes; none if that is no `TaskCreated`.
    #[must_use]
    pub fn begin(event: &TaskEvent) -> Option<Self> {
        match event {
            TaskEvent::TaskCreated { task } => Some(Self::clone(task)),
            _ => None,
        }
    }

    /// The task after `event`, which happened at `at_ms` of the server.
    pub fn apply(&mut self, event: &TaskEvent, at_ms: i64) {
        match event {
            TaskEvent::TaskCreated { .. } => return,
            TaskEvent::TaskAssigned { assignee, .. } => {
                if self.assignee.as_ref() != Some(assignee) {
                    self.nobody_is_at_it();
                }
                self.assignee = Some(assignee.clone());
            }
            TaskEvent::TaskClaimed { user } => {
                self.assignee = Some(user.clone());
                if self.kind != TaskKind::Visit {
                    self.state = TaskState::InProgress;
                }
            }
            TaskEvent::TaskReleased { .. } => {
                self.assignee = None;
                self.nobody_is_at_it();
            }
            TaskEvent::TaskCommented { comment }
            | TaskEvent::SupportRequested { comment }
            | TaskEvent::TaskContested { comment, .. } => self.comments.push(comment.clone()),
            TaskEvent::TaskResolved { resolution } => {
                self.state = TaskState::Done;
                self.resolution = Some(resolution.clone());
            }
            TaskEvent::TaskCancelled { comment } => {
                self.state = TaskState::Cancelled;
                self.comments.push(comment.clone());
            }
            TaskEvent::TaskOverdue { .. } => self.overdue = true,
            TaskEvent::TaskMissed { .. } => self.state = TaskState::Missed,
        }
        self.touch(at_ms);
    }

    /// A claimed task is open again; how far a visit is, only the visit says.
    fn nobody_is_at_it(&mut self) {
        if self.kind != TaskKind::Visit && self.state == TaskState::InProgress {
            self.state = TaskState::Open;
        }
    }

    /// It has changed.
    pub(super) fn touch(&mut self, at_ms: i64) {
        self.updated_at = format_utc(at_ms);
        self.version = self.version.saturating_add(1);
    }
}
