//! The verbs of the task API. Those of a visit go to the engine, the others are the task's own.

use super::auth::{Acts, Allowed, Dispatches, Reviews, Works};
use super::extract::{ApiJson, ApiPath, CommandId, IfMatch};
use super::problem::{ProblemBody, Result};
use super::tasks::{ApiCommand, sent};
use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked};
use crate::flows::problem::Problem;
use crate::flows::visit_command::Applied;
use crate::flows::{tasks, visit_command};
use axum::extract::State;
use engine::command::{Action, Amend, Complete, Contest, FindingVerdict, Note, Reason, Reject, Skip, Submission};
use engine::task::{Resolved, Task, TaskAction, TaskKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A verb that needs no more words.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Who shall do it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignBody {
    /// `usr_…`
    pub assignee: String,
    /// For whom this is said.
    #[serde(default)]
    pub on_behalf_of: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Something said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextBody {
    /// In words.
    pub text: String,
}

async fn visit<T: Serialize>(
    app: &App,
    caller: &Caller,
    id: &str,
    (verb, command_id): (&str, &str),
    command: &ApiCommand<T>,
    action: Action,
    saw: Option<u64>,
) -> Result<Answer> {
    let asked = Asked::new(command_id, &format!("{verb} {id}"), command)?;
    let sent = sent(command)?;
    Ok(visit_command::act(app, caller, id, &action, &sent, &asked, saw).await?)
}

async fn other<T: Serialize>(
    app: &App,
    caller: &Caller,
    id: &str,
    command_id: &str,
    body: &T,
    action: TaskAction,
    saw: Option<u64>,
) -> Result<Answer> {
    let asked = Asked::new(command_id, &format!("{} {id}", action.verb()), body)?;
    Ok(tasks::act(app, caller, id, &action, &asked, saw).await?)
}

/// A verb whose command goes to the visit.
macro_rules! visit_verb {
    ($name:ident, $path:literal, $doc:literal, $body:ty, $permission:ty, $saw:expr, $action:expr) => {
        #[doc = $doc]
        #[utoipa::path(post, path = $path, tag = "tasks", request_body = ApiCommand<$body>,
            params(("task" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`"),
                ("If-Match" = Option<String>, Header, description = "The version of the task you saw")),
            responses((status = 200, body = Applied), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
                (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<Arc<App>>,
            Allowed(caller, ..): Allowed<$permission>,
            ApiPath(id): ApiPath<String>,
            CommandId(command_id): CommandId,
            saw: IfMatch,
            ApiJson(command): ApiJson<ApiCommand<$body>>,
        ) -> Result<Answer> {
            let saw = ($saw)(&saw)?;
            let action = ($action)(command.body.clone());
            visit(&app, &caller, &id, (stringify!($name), &command_id), &command, action, saw).await
        }
    };
}

/// A verb that the task itself answers.
macro_rules! task_verb {
    ($name:ident, $path:literal, $doc:literal, $body:ty, $permission:ty, $saw:expr, $action:expr) => {
        #[doc = $doc]
        #[utoipa::path(post, path = $path, tag = "tasks", request_body = $body,
            params(("task" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`"),
                ("If-Match" = Option<String>, Header, description = "The version of the task you saw")),
            responses((status = 200, body = Applied), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
                (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<Arc<App>>,
            Allowed(caller, ..): Allowed<$permission>,
            ApiPath(id): ApiPath<String>,
            CommandId(command_id): CommandId,
            saw: IfMatch,
            ApiJson(body): ApiJson<$body>,
        ) -> Result<Answer> {
            let saw = ($saw)(&saw)?;
            other(&app, &caller, &id, &command_id, &body, ($action)(body.clone()), saw).await
        }
    };
}

/// The caller decides on what they saw: they must say what that was.
fn must_say(saw: &IfMatch) -> Result<Option<u64>> {
    saw.said().map(Some)
}

/// Work is ordered by the visit itself: saying a version is allowed, not needed.
#[expect(clippy::unnecessary_wraps, reason = "of one shape with `must_say`")]
fn may_say(saw: &IfMatch) -> Result<Option<u64>> {
    Ok(saw.0)
}

visit_verb!(
    start,
    "/tasks/{task}/start",
    "Begin the visit: from here on it is pinned to its SOP",
    Nothing,
    Works,
    may_say,
    |_: Nothing| Action::Start {}
);
visit_verb!(
    save_draft,
    "/tasks/{task}/save_draft",
    "Keep answers of a step, not judged",
    Submission,
    Works,
    may_say,
    Action::SaveDraft
);
visit_verb!(submit, "/tasks/{task}/submit", "Hand a step in", Submission, Works, may_say, Action::Submit);
visit_verb!(skip, "/tasks/{task}/skip", "Leave out a step that is not required", Skip, Works, may_say, Action::Skip);
visit_verb!(
    amend,
    "/tasks/{task}/amend",
    "Change an answer that was accepted, with a reason",
    Amend,
    Works,
    may_say,
    Action::Amend
);
visit_verb!(
    contest,
    "/tasks/{task}/contest",
    "Contest the verdict: a reviewer will look at it",
    Contest,
    Works,
    may_say,
    Action::Contest
);
visit_verb!(
    return_step,
    "/tasks/{task}/return",
    "Give a step back to be done again, with a reason",
    Skip,
    Reviews,
    must_say,
    Action::Return
);
task_verb!(
    assign,
    "/tasks/{task}/assign",
    "Give the task to somebody",
    AssignBody,
    Dispatches,
    must_say,
    |body: AssignBody| TaskAction::Assign {
        assignee: body.assignee,
        on_behalf_of: body.on_behalf_of,
        reason: body.reason
    }
);
task_verb!(claim, "/tasks/{task}/claim", "Take the task", Nothing, Acts, must_say, |_: Nothing| TaskAction::Claim);
task_verb!(
    comment,
    "/tasks/{task}/comment",
    "Say something about the task",
    TextBody,
    Acts,
    may_say,
    |body: TextBody| TaskAction::Comment { text: body.text }
);
task_verb!(
    request_support,
    "/tasks/{task}/request_support",
    "Ask the support desk for help",
    TextBody,
    Acts,
    may_say,
    |body: TextBody| TaskAction::RequestSupport { text: body.text }
);

/// Verbs that mean the visit for visits and reviews, and the task itself for everything else.
macro_rules! either_verb {
    ($name:ident, $path:literal, $doc:literal, $body:ty, $permission:ty, $saw:expr, $visits:expr, $action:expr, $task_action:expr) => {
        #[doc = $doc]
        #[utoipa::path(post, path = $path, tag = "tasks", request_body = ApiCommand<$body>,
            params(("task" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`"),
                ("If-Match" = Option<String>, Header, description = "The version of the task you saw")),
            responses((status = 200, body = Applied), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
                (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<Arc<App>>,
            Allowed(caller, ..): Allowed<$permission>,
            ApiPath(id): ApiPath<String>,
            CommandId(command_id): CommandId,
            saw: IfMatch,
            ApiJson(command): ApiJson<ApiCommand<$body>>,
        ) -> Result<Answer> {
            let saw = ($saw)(&saw)?;
            let task = tasks::visible(&app, &caller, &id).await?;
            if ($visits)(&task) {
                let action = ($action)(command.body.clone());
                return visit(&app, &caller, &id, (stringify!($name), &command_id), &command, action, saw).await;
            }
            let action = ($task_action)(command.body.clone())?;
            other(&app, &caller, &id, &command_id, &command, action, saw).await
        }
    };
}

/// A visit that was begun; before that, ending it is the task's business.
fn begun_visit(task: &Task) -> bool {
    task.kind == TaskKind::Visit && task.visit.is_some()
}

/// What a body means for a task that is no visit, where it always means something.
const fn decided(action: TaskAction) -> std::result::Result<TaskAction, Problem> {
    Ok(action)
}

fn judges_a_visit(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Visit | TaskKind::Review)
}

/// Where no visit is judged there are no findings to speak of.
fn no_findings(findings: &[FindingVerdict]) -> std::result::Result<(), Problem> {
    match findings.first() {
        Some(first) => Err(Problem::invalid("/body/findings/0/id", "finding.unknown", &json!({"finding": first.id}))),
        None => Ok(()),
    }
}

either_verb!(
    complete,
    "/tasks/{task}/complete",
    "The visit is over, and what it has done of the customer's open tasks; or the task is done",
    Complete,
    Acts,
    may_say,
    |task: &Task| task.kind == TaskKind::Visit,
    Action::Complete,
    |body: Complete| {
        // Only a visit does what others left.
        if body.closes.is_empty() {
            Ok(TaskAction::Resolve { decision: Resolved::Done, reason: None })
        } else {
            Err(Problem::invalid("/body/closes", "closes.no_visit", &Value::Null))
        }
    }
);
either_verb!(
    cancel,
    "/tasks/{task}/cancel",
    "It will not take place",
    Reason,
    Acts,
    may_say,
    begun_visit,
    Action::Cancel,
    |body: Reason| decided(TaskAction::Cancel { reason: body.reason })
);
either_verb!(
    approve,
    "/tasks/{task}/approve",
    "Let the visit stand, or permit what is asked",
    Note,
    Reviews,
    must_say,
    judges_a_visit,
    Action::Approve,
    |body: Note| {
        no_findings(&body.findings)?;
        decided(TaskAction::Resolve { decision: Resolved::Approved, reason: body.reason })
    }
);
either_verb!(
    reject,
    "/tasks/{task}/reject",
    "Do not let the visit stand, or do not permit what is asked",
    Reject,
    Reviews,
    must_say,
    judges_a_visit,
    Action::Reject,
    |body: Reject| {
        no_findings(&body.findings)?;
        decided(TaskAction::Resolve { decision: Resolved::Rejected, reason: Some(body.reason) })
    }
);

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(save_draft))
        .routes(routes!(submit))
        .routes(routes!(skip))
        .routes(routes!(amend))
        .routes(routes!(contest))
        .routes(routes!(return_step))
        .routes(routes!(assign))
        .routes(routes!(claim))
        .routes(routes!(comment))
        .routes(routes!(request_support))
        .routes(routes!(complete))
        .routes(routes!(cancel))
        .routes(routes!(approve))
        .routes(routes!(reject))
}
