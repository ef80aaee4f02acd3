//! What happened: the events of a stream, and the feed of changes.

use super::auth::{Administers, Allowed, Inspects};
use super::extract::{ApiPath, ApiQuery};
use super::page::{Page, PageQuery};
use super::problem::{ProblemBody, Result};
use crate::app::App;
use crate::flows::audit;
use crate::flows::problem::Problem;
use crate::store::Scope;
use axum::Json;
use axum::extract::State;
use engine::event::Event;
use engine::task::Role;
use engine::time::format_utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The greatest number a database counts to; a cursor beyond it is behind everything.
const MOST: u64 = i64::MAX.unsigned_abs();

/// One commit, as others see it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// From 1, without gaps.
    pub change_seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// What changed.
    #[schema(value_type = Vec<Object>)]
    pub what: Value,
}

/// List the events of a visit (`vis_…`), a task (`tsk_…`) or the tenant (`tnt_…`), each with its hash; payloads only for
/// those who may see personal data, and on record
#[utoipa::path(get, path = "/streams/{stream}/events", operation_id = "list_events", tag = "audit",
    params(("stream" = String, Path,), PageQuery),
    responses((status = 200, body = Page<Event>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn list_events(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Inspects>,
    ApiPath(stream): ApiPath<String>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<Event>>> {
    let limit = query.limit()?;
    let after = query.after::<u64>()?.unwrap_or(0).min(MOST);
    let events = audit::events(&app, &caller, &stream, after, limit + 1).await?;
    Ok(Json(Page::of(events, limit, |event| event.header.seq)))
}

/// List the tenant's commits in order, without gaps
#[utoipa::path(get, path = "/changes", operation_id = "list_changes", tag = "audit", params(PageQuery),
    responses((status = 200, body = Page<ChangeView>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn list_changes(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<ChangeView>>> {
    // The feed names everything, so it is for those who may see everything.
    if caller.scope(&[Role::Admin]) != Some(Scope::Tenant) {
        return Err(Problem::not_found().into());
    }
    let limit = query.limit()?;
    let after = query.after::<u64>()?.unwrap_or(0).min(MOST);
    let changes = app.store.changes(&caller.tenant, after, limit + 1).await.map_err(Problem::from)?;
    let changes: Vec<ChangeView> = changes
        .into_iter()
        .map(|change| ChangeView { change_seq: change.change_seq, at: format_utc(change.at_ms), what: change.what })
        .collect();
    Ok(Json(Page::of(changes, limit, |change| change.change_seq)))
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_events)).routes(routes!(list_changes))
}
