//! Who am I, and the tokens people and programs come in with.

use super::auth::{Administers, Allowed, Known};
use super::extract::{ApiJson, ApiPath, CommandId};
use super::problem::{ProblemBody, Result};
use crate::app::App;
use crate::flows::once::{Answer, Asked};
use crate::flows::tokens::{self, MadeToken, NewToken};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use engine::time::format_utc;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The caller as the server knows them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// `tnt_…`
    pub tenant: String,
    /// `usr_…`
    pub user: String,
    /// What they may do, and over which org unit and all below; null: the whole tenant.
    pub grants: Vec<MyGrant>,
    /// The server's time, RFC 3339: an anchor for a device's clock.
    pub now: String,
}

/// A grant that holds now.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MyGrant {
    /// The role.
    pub role: String,
    /// Over what.
    pub org_unit: Option<String>,
}

/// Say who the caller is, what they may do, and what time it is
#[utoipa::path(get, path = "/me", operation_id = "get_me", tag = "people", responses((status = 200, body = Me)))]
async fn get_me(State(app): State<Arc<App>>, Known(caller): Known) -> Json<Me> {
    let grants = caller.grants.iter();
    let grants = grants.map(|grant| MyGrant { role: grant.role.name().to_owned(), org_unit: grant.org_unit.clone() });
    Json(Me { grants: grants.collect(), tenant: caller.tenant, user: caller.user, now: format_utc(app.clock.now_ms()) })
}

/// Make a token for a user; it is shown this once
#[utoipa::path(post, path = "/users/{user}/tokens", operation_id = "create_token", tag = "people", request_body = NewToken,
    params(("user" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 201, body = MadeToken), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn create_token(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiPath(user): ApiPath<String>,
    CommandId(id): CommandId,
    ApiJson(new): ApiJson<NewToken>,
) -> Result<Answer> {
    let asked = Asked::new(&id, "create_token", &json!([user, new]))?;
    Ok(tokens::create(&app, &caller, &user, &new, &asked).await?)
}

/// Revoke a token: one's own, or as an admin anybody's
#[utoipa::path(delete, path = "/tokens/{token}", operation_id = "revoke_token", tag = "people", params(("token" = String, Path,)),
    responses((status = 204), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn revoke_token(
    State(app): State<Arc<App>>,
    Known(caller): Known,
    ApiPath(token): ApiPath<String>,
) -> Result<StatusCode> {
    tokens::revoke(&app, &caller, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get_me)).routes(routes!(create_token)).routes(routes!(revoke_token))
}
