//! Evidence over HTTP: raw bytes under their SHA-256, before or after the submission that names them.

use super::auth::{Allowed, Inspects, Works};
use super::extract::{ApiBytes, ApiPath};
use super::problem::{ProblemBody, Result};
use crate::app::App;
use crate::flows::evidence;
use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Evidence that is on disk.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EvidenceKept {
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// Whether it was here before.
    pub known: bool,
}

/// Hand evidence in: the bytes themselves; type and size are looked up in them
#[utoipa::path(put, path = "/evidence/{sha256}", operation_id = "put_evidence", tag = "evidence",
    request_body(content = String, content_type = "application/octet-stream"), params(("sha256" = String, Path,)),
    responses((status = 200, body = EvidenceKept), (status = 201, body = EvidenceKept), (status = 413, body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn put_evidence(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Works>,
    ApiPath(sha256): ApiPath<String>,
    headers: HeaderMap,
    ApiBytes(bytes): ApiBytes,
) -> Result<Response> {
    let claimed = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let new = evidence::put(&app, &caller, &sha256, claimed, bytes.to_vec()).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(EvidenceKept { sha256, known: !new })).into_response())
}

/// Read evidence; that it was read, and by whom, is put on record
#[utoipa::path(get, path = "/evidence/{sha256}", operation_id = "get_evidence", tag = "evidence", params(("sha256" = String, Path,)),
    responses((status = 200, content(("application/json"), ("image/jpeg"), ("image/png"), ("image/webp"))), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_evidence(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Inspects>,
    ApiPath(sha256): ApiPath<String>,
) -> Result<Response> {
    let (row, bytes) = evidence::get(&app, &caller, &sha256).await?;
    let headers = [
        (CONTENT_TYPE, row.media_type),
        (CACHE_CONTROL, "private, no-store".to_owned()),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// The routes; bodies may be as large as evidence may be.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(put_evidence, get_evidence)).layer(DefaultBodyLimit::max(evidence::MAX_BYTES))
}
