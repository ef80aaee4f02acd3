//! The task API: the one thing clients see, whatever the industry.

use super::auth::{Acts, Allowed, Inspects, Reads};
use super::extract::{ApiJson, ApiPath, ApiQuery, CommandId, Language, tagged};
use super::page::{Page, PageQuery};
use super::problem::{ProblemBody, Result};
use super::rules::moment;
use crate::app::App;
use crate::flows::once::{Answer, Asked};
use crate::flows::problem::Problem;
use crate::flows::task_view::TaskView;
use crate::flows::tasks::NewTask;
use crate::flows::visit_command::{Applied, Sent};
use crate::flows::{explanation, report, task_view, tasks};
use crate::store::{TaskField, TaskQuery};
use axum::Json;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use engine::command::Times;
use engine::explain::FullExplanation;
use engine::task::Task;
use engine::time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
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

/// Which tasks. Members that name values take several, separated by commas.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
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

/// Get why the visit got its decision, validity, score and risk: every check and rule that ran, what it looked at and found,
/// how weights add up to the risk and parts to the score, and what a reviewer said of each finding. Answers are named by
/// place and event, not copied
#[utoipa::path(get, path = "/tasks/{task}/explanation", operation_id = "get_explanation", tag = "tasks", params(("task" = String, Path,)),
    responses((status = 200, body = FullExplanation), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_explanation(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiPath(id): ApiPath<String>,
    Language(language): Language,
) -> Result<Json<FullExplanation>> {
    Ok(Json(explanation::explanation(&app, &caller, &id, language).await?))
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

pub(super) fn sent<T>(command: &ApiCommand<T>) -> Result<Sent> {
    if !engine::id::check_id("dev", &command.device) {
        return Err(Problem::invalid("/device", "id.malformed", &json!({"prefix": "dev"})).into());
    }
    Ok(Sent { device: command.device.clone(), at: command.at.clone() })
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks, create_task))
        .routes(routes!(get_task))
        .routes(routes!(get_explanation))
        .routes(routes!(get_report))
}
