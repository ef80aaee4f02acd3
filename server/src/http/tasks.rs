//! The task API: the one thing clients see, whatever the industry.

#![expect(unused_qualifications, reason = "utoipa writes paths out")]

use super::auth::{Acts, Allowed, Dispatches, Inspects, Reads, Reviews, Works};
use super::extract::{ApiJson, ApiPath, ApiQuery, CommandId, IfMatch, Language, tagged};
use super::page::{Page, PageQuery};
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked};
use crate::flows::problem::{Kind, Problem};
use crate::flows::task_view::TaskView;
use crate::flows::tasks::NewTask;
use crate::flows::visit_command::{Applied, Sent};
use crate::flows::{report, task_view, tasks, visit_command};
use crate::store::{TaskField, TaskQuery};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use engine::command::{Action, Amend, Contest, Note, Reason, Skip, Submission, Times};
use engine::task::{Resolved, Task, TaskAction, TaskKind};
use engine::time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A command: from which device, when it was done there, and what.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiCommand<T> {
    /// `dev_…`
    pub device: String,
    /// When, by the device's clocks; when it was received the server says.
    pub at: Times,
    /// What.
    pub body: T,
}

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

/// Which tasks. Members that name values take several, separated by commas.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct TasksQuery {
    pub kind: Option<String>,
    pub state: Option<String>,
    pub customer: Option<String>,
    pub location: Option<String>,
    pub contact: Option<String>,
    pub sop: Option<String>,
    pub purpose: Option<String>,
    pub origin: Option<String>,
    pub plan: Option<String>,
    pub priority: Option<String>,
    pub assignee: Option<String>,
    pub candidate_role: Option<String>,
    pub parent: Option<String>,
    pub link: Option<String>,
    pub tag: Option<String>,
    pub decision: Option<String>,
    pub validity: Option<String>,
    pub outcome: Option<String>,
    pub overdue: Option<String>,
    /// This org unit and below.
    pub org_unit: Option<String>,
    /// `YYYY-MM-DD`, inclusive.
    pub business_from: Option<String>,
    /// `YYYY-MM-DD`, inclusive.
    pub business_to: Option<String>,
    /// RFC 3339.
    pub due_before: Option<String>,
    /// RFC 3339.
    pub planned_from: Option<String>,
    /// RFC 3339.
    pub planned_to: Option<String>,
    /// Part of the title.
    pub text: Option<String>,
    /// Also say how many there are by state.
    pub counts: Option<bool>,
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskPage {
    /// The tasks, newest first.
    pub items: Vec<Task>,
    /// Pass it as `after` for the next page; null: this was the last.
    pub next: Option<String>,
    /// How many by state, if asked.
    pub counts: Option<BTreeMap<String, u64>>,
}

impl TasksQuery {
    fn into_query(self, limit: u32, after: Option<(i64, String)>) -> Result<TaskQuery> {
        let fields = [
            (TaskField::Kind, self.kind),
            (TaskField::State, self.state),
            (TaskField::Customer, self.customer),
            (TaskField::Location, self.location),
            (TaskField::Contact, self.contact),
            (TaskField::Sop, self.sop),
            (TaskField::Purpose, self.purpose),
            (TaskField::Origin, self.origin),
            (TaskField::Plan, self.plan),
            (TaskField::Priority, self.priority),
            (TaskField::Assignee, self.assignee),
            (TaskField::CandidateRole, self.candidate_role),
            (TaskField::Parent, self.parent),
            (TaskField::Link, self.link),
            (TaskField::Tag, self.tag),
            (TaskField::Decision, self.decision),
            (TaskField::Validity, self.validity),
            (TaskField::Outcome, self.outcome),
            (TaskField::Overdue, self.overdue),
        ];
        let values = |text: String| text.split(',').map(str::to_owned).collect();
        let equal = fields.into_iter().filter_map(|(field, value)| Some((field, values(value?)))).collect();
        let moment = |member: &'static str, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => time::parse(member, &text).map(Some).map_err(|error| {
                let problem = Problem::invalid("", "time.invalid", &json!({"detail": error.to_string()}));
                ApiProblem(Problem { kind: Kind::Malformed, ..problem })
            }),
        };
        Ok(TaskQuery {
            equal,
            org_unit: self.org_unit,
            business_from: self.business_from,
            business_to: self.business_to,
            due_before_ms: moment("due_before", self.due_before)?,
            planned_from_ms: moment("planned_from", self.planned_from)?,
            planned_to_ms: moment("planned_to", self.planned_to)?,
            text: self.text.map(|text| text.to_lowercase()),
            after,
            ..tasks::everything(limit)
        })
    }
}

/// List tasks the caller may see
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(TasksQuery),
    responses((status = 200, body = TaskPage)))]
async fn list_tasks(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiQuery(query): ApiQuery<TasksQuery>,
) -> Result<Json<TaskPage>> {
    let page = PageQuery { limit: query.limit, after: query.after.clone() };
    let (limit, after) = (page.limit()?, page.after()?);
    let counts = query.counts.unwrap_or(false);
    let (found, counts) = tasks::list(&app, &caller, query.into_query(limit + 1, after)?, counts).await?;
    let created = |task: &Task| (time::parse("created_at", &task.created_at).unwrap_or_default(), task.id.clone());
    let Page { items, next } = Page::of(found, limit, created);
    Ok(Json(TaskPage { items, next, counts }))
}

/// Make a task: a planned visit, a visit that begins now, or something else to do
#[utoipa::path(post, path = "/tasks", operation_id = "create_task", tag = "tasks", request_body = ApiCommand<NewTask>,
    params(("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = Applied), (status = 201, body = Applied), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn create_task(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Acts>,
    CommandId(id): CommandId,
    ApiJson(command): ApiJson<ApiCommand<NewTask>>,
) -> Result<Answer> {
    let asked = Asked::new(&id, "create", &command)?;
    let sent = sent(&command)?;
    Ok(tasks::create(&app, &caller, &command.body, &sent, &asked).await?)
}

/// Get a task with its steps, what may be done now, and what became of it, in words
#[utoipa::path(get, path = "/tasks/{task}", operation_id = "get_task", tag = "tasks", params(("task" = String, Path,)),
    responses((status = 200, body = TaskView), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_task(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiPath(id): ApiPath<String>,
    Language(language): Language,
) -> Result<Response> {
    let view = task_view::view(&app, &caller, &id, language).await?;
    Ok(tagged(view.task.version, view))
}

/// Get the visit's report: one page to print, with nothing loaded from elsewhere
#[utoipa::path(get, path = "/tasks/{task}/report", operation_id = "get_report", tag = "tasks", params(("task" = String, Path,)),
    responses((status = 200, body = String, content_type = "text/html"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_report(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Inspects>,
    ApiPath(id): ApiPath<String>,
    Language(language): Language,
) -> Result<Response> {
    let page = report::page(&app, &caller, &id, language).await?;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, policy)], page).into_response())
}

fn sent<T>(command: &ApiCommand<T>) -> Result<Sent> {
    if !engine::id::check_id("dev", &command.device) {
        return Err(Problem::invalid("/device", "id.malformed", &json!({"prefix": "dev"})).into());
    }
    Ok(Sent { device: command.device.clone(), at: command.at.clone() })
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
            other(&app, &caller, &id, &command_id, &command, ($task_action)(command.body.clone()), saw).await
        }
    };
}

/// A visit that was begun; before that, ending it is the task's business.
fn begun_visit(task: &Task) -> bool {
    task.kind == TaskKind::Visit && task.visit.is_some()
}

fn judges_a_visit(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Visit | TaskKind::Review)
}

either_verb!(
    complete,
    "/tasks/{task}/complete",
    "The visit is over; or the task is done",
    Nothing,
    Acts,
    may_say,
    |task: &Task| task.kind == TaskKind::Visit,
    |_: Nothing| Action::Complete {},
    |_: Nothing| TaskAction::Resolve { decision: Resolved::Done, reason: None }
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
    |body: Reason| TaskAction::Cancel { reason: body.reason }
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
    |body: Note| TaskAction::Resolve { decision: Resolved::Approved, reason: body.reason }
);
either_verb!(
    reject,
    "/tasks/{task}/reject",
    "Do not let the visit stand, or do not permit what is asked",
    Reason,
    Reviews,
    must_say,
    judges_a_visit,
    Action::Reject,
    |body: Reason| TaskAction::Resolve { decision: Resolved::Rejected, reason: Some(body.reason) }
);

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks, create_task))
        .routes(routes!(get_task))
        .routes(routes!(get_report))
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
