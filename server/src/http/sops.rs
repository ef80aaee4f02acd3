//! SOPs over HTTP: drafts, lint, publishing, and which version applies to whom.

use super::auth::{Administers, Allowed, LooksAtSetup, Reads};
use super::extract::{ApiJson, ApiPath, ApiQuery, CommandId, IfMatch, tagged};
use super::page::{Page, PageQuery};
use super::problem::{ProblemBody, Result};
use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::once::{Answer, Asked};
use crate::flows::overlays::{self, RebaseReport};
use crate::flows::problem::Problem;
use crate::flows::publish::{self, LintProblem, VersionView};
use crate::flows::sops;
use crate::store::VersionKind;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use engine::resolve::Resolution;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A version with its content.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VersionContent {
    /// The version.
    pub version: VersionView,
    /// Its content.
    #[schema(value_type = Object)]
    pub document: Value,
    /// The overlay it was made from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub overlay: Option<Value>,
}

/// What lint says.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LintReport {
    /// Everything that is wrong; empty: it can be published.
    pub problems: Vec<LintProblem>,
}

/// Onto what.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RebaseQuery {
    /// The version of the template to move to.
    pub to: String,
}

/// For whom.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResolveQuery {
    /// The rep.
    pub user: String,
    /// The customer.
    pub customer: String,
}

/// A page of versions of a kind.
pub(super) async fn versions(
    app: &App,
    caller: &Caller,
    kind: VersionKind,
    query: &PageQuery,
) -> Result<Json<Page<VersionView>>> {
    let limit = query.limit()?;
    let after: Option<(String, String)> = query.after()?;
    let after = after.as_ref().map(|(name, version)| (name.as_str(), version.as_str()));
    let found = app.store.versions(&caller.tenant, kind, None, after, limit + 1).await.map_err(Problem::from)?;
    let found: Vec<VersionView> = found.into_iter().map(Into::into).collect();
    Ok(Json(Page::of(found, limit, |version| (version.name.clone(), version.version.clone()))))
}

async fn content(app: &App, caller: &Caller, name: &str, version: &str) -> Result<Response> {
    let found = app.store.version(&caller.tenant, VersionKind::Sop, name, version).await.map_err(Problem::from)?;
    let found = found.ok_or_else(Problem::not_found)?;
    let document = sops::json_object(app, &caller.tenant, &found.hash).await?;
    let overlay = overlays::overlay_of(app, &caller.tenant, &found).await?;
    Ok(tagged(found.revision, VersionContent { version: found.into(), document, overlay }))
}

/// List SOP versions, drafts among them
#[utoipa::path(get, path = "/sops", operation_id = "list_sops", tag = "sops", params(PageQuery),
    responses((status = 200, body = Page<VersionView>)))]
async fn list_sops(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtSetup>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<VersionView>>> {
    versions(&app, &caller, VersionKind::Sop, &query).await
}

/// Get an SOP version with its document
#[utoipa::path(get, path = "/sops/{sop}/versions/{version}", operation_id = "get_sop", tag = "sops",
    params(("sop" = String, Path,), ("version" = String, Path,)),
    responses((status = 200, body = VersionContent), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtSetup>,
    ApiPath((sop, version)): ApiPath<(String, String)>,
) -> Result<Response> {
    content(&app, &caller, &sop, &version).await
}

/// Keep a draft of an SOP version: the document, or an overlay on a template that is published or installed here
#[utoipa::path(put, path = "/sops/{sop}/versions/{version}", operation_id = "put_sop_draft", tag = "sops", request_body = Object,
    params(("sop" = String, Path,), ("version" = String, Path,), ("If-Match" = Option<String>, Header, description = "The revision you saw; needed when there is one")),
    responses((status = 200, body = VersionView), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn put_sop_draft(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiPath((sop, version)): ApiPath<(String, String)>,
    saw: IfMatch,
    ApiJson(document): ApiJson<Value>,
) -> Result<Response> {
    let view = publish::put_draft(&app, &caller, &sop, &version, &document, saw.0).await?;
    Ok(tagged(view.revision, view))
}

/// Publish a draft: linted, pinned to the plugins of today, immutable from here on
#[utoipa::path(post, path = "/sops/{sop}/versions/{version}/publish", operation_id = "publish_sop", tag = "sops",
    params(("sop" = String, Path,), ("version" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemBody, content_type = "application/problem+json"), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn publish_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiPath((sop, version)): ApiPath<(String, String)>,
    CommandId(id): CommandId,
) -> Result<Answer> {
    let asked = Asked::new(&id, "publish_sop", &json!([sop, version]))?;
    Ok(publish::publish(&app, &caller, &sop, &version, &asked).await?)
}

/// Offer a published version to other tenants, as a template
#[utoipa::path(post, path = "/sops/{sop}/versions/{version}/offer", operation_id = "offer_sop", tag = "sops",
    params(("sop" = String, Path,), ("version" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn offer_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiPath((sop, version)): ApiPath<(String, String)>,
    CommandId(id): CommandId,
) -> Result<Answer> {
    let asked = Asked::new(&id, "offer_sop", &json!([sop, version]))?;
    Ok(publish::offer(&app, &caller, VersionKind::Sop, &sop, &version, &asked).await?)
}

/// Say everything that is wrong with a document, without keeping it
#[utoipa::path(post, path = "/sops/lint", operation_id = "lint_sop", tag = "sops", request_body = Object,
    responses((status = 200, body = LintReport)))]
async fn lint_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiJson(document): ApiJson<Value>,
) -> Result<Json<LintReport>> {
    Ok(Json(LintReport { problems: publish::lint(&app, &caller.tenant, document).await? }))
}

/// Say what becomes of an overlay when its template moves: the overlay on the new version, and what a person should look at
#[utoipa::path(get, path = "/sops/{sop}/versions/{version}/rebase", operation_id = "rebase_sop", tag = "sops",
    params(("sop" = String, Path,), ("version" = String, Path,), RebaseQuery),
    responses((status = 200, body = RebaseReport), (status = 404, body = ProblemBody, content_type = "application/problem+json"), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn rebase_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtSetup>,
    ApiPath((sop, version)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<RebaseQuery>,
) -> Result<Json<RebaseReport>> {
    Ok(Json(overlays::rebase(&app, &caller.tenant, &sop, &version, &query.to).await?))
}

/// Say which SOP version applies to a rep at a customer, and why no other does
#[utoipa::path(get, path = "/sops/resolve", operation_id = "resolve_sop", tag = "sops", params(ResolveQuery),
    responses((status = 200, body = Resolution), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn resolve_sop(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiQuery(query): ApiQuery<ResolveQuery>,
) -> Result<Json<Resolution>> {
    Ok(Json(sops::resolve_for(&app, &caller, &query.user, &query.customer).await?))
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_sops))
        .routes(routes!(get_sop, put_sop_draft))
        .routes(routes!(publish_sop))
        .routes(routes!(offer_sop))
        .routes(routes!(lint_sop))
        .routes(routes!(rebase_sop))
        .routes(routes!(resolve_sop))
}
