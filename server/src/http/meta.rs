//! About the server itself: is it alive, is it ready, what time is it, what has it done, what can it be asked.

use super::auth::{Allowed, Known, Operates};
use super::extract::ApiJson;
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::flows::problem::{Kind, Problem};
use crate::worker;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use engine::time::{self, format_utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The server's clock.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockView {
    /// What time it is, RFC 3339.
    pub now: String,
}

/// Say what time it is
#[utoipa::path(get, path = "/clock", operation_id = "get_clock", tag = "server", responses((status = 200, body = ClockView)))]
async fn get_clock(State(app): State<Arc<App>>, Known(_): Known) -> Json<ClockView> {
    Json(ClockView { now: format_utc(app.clock.now_ms()) })
}

/// Move a clock that is moved by hand (`serve --clock manual`), and do all that is due by then
#[utoipa::path(put, path = "/clock", operation_id = "put_clock", tag = "server", request_body = ClockView,
    responses((status = 200, body = ClockView), (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
async fn put_clock(
    State(app): State<Arc<App>>,
    Allowed(..): Allowed<Operates>,
    ApiJson(clock): ApiJson<ClockView>,
) -> Result<Json<ClockView>> {
    let now_ms = time::parse("now", &clock.now)
        .map_err(|error| Problem::invalid("/now", "time.invalid", &json!({"detail": error.to_string()})))?;
    let now_ms = app
        .clock
        .move_to(now_ms)
        .ok_or_else(|| ApiProblem(Problem::new(Kind::Conflict, "clock.system", &Value::Null)))?;
    app.sessions.forget();
    worker::tick(&app).await?;
    Ok(Json(ClockView { now: format_utc(now_ms) }))
}

/// Whether the process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether it can do its work: the database answers.
pub async fn readyz(State(app): State<Arc<App>>) -> Response {
    match app.store.ping().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// The page one can browse the API with; it loads nothing from elsewhere.
pub async fn docs() -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    let page = include_str!("docs.html");
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, policy)], page).into_response()
}

/// The routes below `/v1`.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get_clock, put_clock))
}
