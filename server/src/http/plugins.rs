//! Plugins, the catalog of what tenants offer, and installations.

use super::auth::{Administers, Allowed, BringsPlugins, LooksAtPlugins};
use super::extract::{ApiBytes, ApiJson, ApiPath, ApiQuery, CommandId, tagged};
use super::page::{Page, PageQuery};
use super::problem::{ProblemBody, Result};
use super::sops::versions;
use crate::app::App;
use crate::flows::installations::{self, CatalogEntry, Installation};
use crate::flows::once::{Answer, Asked};
use crate::flows::problem::Problem;
use crate::flows::publish::VersionView;
use crate::flows::records::{self, Shown};
use crate::flows::{plugins, publish};
use crate::store::VersionKind;
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the sandbox says of a component it would take.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckedPlugin {
    /// SHA-256 of the component.
    pub hash: String,
    /// What it says of itself.
    #[schema(value_type = Object)]
    pub manifest: Value,
}

/// What is offered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Catalog {
    /// The offers.
    pub items: Vec<CatalogEntry>,
}

/// List plugins
#[utoipa::path(get, path = "/plugins", operation_id = "list_plugins", tag = "plugins", params(PageQuery),
    responses((status = 200, body = Page<VersionView>)))]
async fn list_plugins(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtPlugins>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<VersionView>>> {
    versions(&app, &caller, VersionKind::Plugin, &query).await
}

/// Upload a component; its manifest says name and version
#[utoipa::path(post, path = "/plugins", operation_id = "upload_plugin", tag = "plugins",
    request_body(content = String, content_type = "application/wasm"),
    params(("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = VersionView), (status = 201, body = VersionView), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn upload_plugin(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<BringsPlugins>,
    CommandId(id): CommandId,
    ApiBytes(bytes): ApiBytes,
) -> Result<Answer> {
    let asked = Asked::new(&id, "upload_plugin", &json!(plugins::hash(&bytes)))?;
    Ok(plugins::upload(&app, &caller, &bytes, &asked).await?)
}

/// Say whether a component would be taken and what is in it, without keeping it
#[utoipa::path(post, path = "/plugins/check", operation_id = "check_plugin", tag = "plugins",
    request_body(content = String, content_type = "application/wasm"),
    responses((status = 200, body = CheckedPlugin), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn check_plugin(
    State(app): State<Arc<App>>,
    Allowed(..): Allowed<BringsPlugins>,
    ApiBytes(bytes): ApiBytes,
) -> Result<Json<CheckedPlugin>> {
    let plugin = plugins::check(&app, bytes.to_vec()).await?;
    Ok(Json(CheckedPlugin { hash: plugin.hash().to_owned(), manifest: json!(plugin.manifest()) }))
}

/// Get a plugin version with its manifest
#[utoipa::path(get, path = "/plugins/{plugin}/versions/{version}", operation_id = "get_plugin", tag = "plugins",
    params(("plugin" = String, Path,), ("version" = String, Path,)),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_plugin(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtPlugins>,
    ApiPath((plugin, version)): ApiPath<(String, String)>,
) -> Result<Response> {
    let found = app.store.version(&caller.tenant, VersionKind::Plugin, &plugin, &version).await;
    let found = found.map_err(Problem::from)?.ok_or_else(Problem::not_found)?;
    Ok(tagged(found.revision, VersionView::from(found)))
}

/// Offer a plugin version to other tenants
#[utoipa::path(post, path = "/plugins/{plugin}/versions/{version}/offer", operation_id = "offer_plugin", tag = "plugins",
    params(("plugin" = String, Path,), ("version" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = VersionView), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn offer_plugin(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<BringsPlugins>,
    ApiPath((plugin, version)): ApiPath<(String, String)>,
    CommandId(id): CommandId,
) -> Result<Answer> {
    let asked = Asked::new(&id, "offer_plugin", &json!([plugin, version]))?;
    Ok(publish::offer(&app, &caller, VersionKind::Plugin, &plugin, &version, &asked).await?)
}

/// List what tenants offer each other
#[utoipa::path(get, path = "/catalog", operation_id = "list_catalog", tag = "plugins",
    responses((status = 200, body = Catalog)))]
async fn list_catalog(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtPlugins>,
) -> Result<Json<Catalog>> {
    Ok(Json(Catalog { items: installations::catalog(&app, &caller.tenant).await? }))
}

/// List what was installed
#[utoipa::path(get, path = "/installations", operation_id = "list_installations", tag = "plugins", params(PageQuery),
    responses((status = 200, body = Page<Shown<Installation>>)))]
async fn list_installations(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtPlugins>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<Shown<Installation>>>> {
    let limit = query.limit()?;
    let found = records::list::<Installation>(&app, &caller, None, None, query.after()?, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |shown| shown.id.clone())))
}

/// Install an offered template or plugin, by hash
#[utoipa::path(post, path = "/installations", operation_id = "install", tag = "plugins", request_body = Installation,
    params(("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 200, body = Shown<Installation>), (status = 201, body = Shown<Installation>), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn install(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    CommandId(id): CommandId,
    ApiJson(wanted): ApiJson<Installation>,
) -> Result<Answer> {
    let asked = Asked::new(&id, "install", &wanted)?;
    Ok(installations::install(&app, &caller, &wanted, &asked).await?)
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins, upload_plugin))
        .routes(routes!(check_plugin))
        // A component may be larger than a document.
        .layer(DefaultBodyLimit::max(plugins::most_bytes()))
        .routes(routes!(get_plugin))
        .routes(routes!(offer_plugin))
        .routes(routes!(list_catalog))
        .routes(routes!(list_installations, install))
}
