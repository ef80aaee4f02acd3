//! The only map from problems to status codes, and the only place that writes them (RFC 9457), in the caller's language.

use crate::flows::problem::{Kind, Problem};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::extract::language;
use super::request_id::RequestId;

/// A problem on its way out; `render` writes it.
pub struct ApiProblem(pub Problem);

/// What handlers give.
pub type Result<T> = std::result::Result<T, ApiProblem>;

/// Why a request was not carried out (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// Stable URI of this kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// In a few words.
    pub title: String,
    /// Status code.
    pub status: u16,
    /// In words, in the caller's language.
    pub detail: String,
    /// Stable code.
    pub code: String,
    /// Where in the request, by JSON Pointer.
    pub errors: Vec<ProblemError>,
    /// Names the request in the log.
    pub request_id: String,
}

/// One place in the request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemError {
    /// JSON Pointer into the body; empty for all of it.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// In words.
    pub detail: String,
}

impl From<Problem> for ApiProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

/// The status code of a kind.
pub const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unseen => StatusCode::PRECONDITION_REQUIRED,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind).into_response();
        response.extensions_mut().insert(Unrendered(std::sync::Arc::new(self.0)));
        response
    }
}

#[derive(Clone)]
struct Unrendered(std::sync::Arc<Problem>);

/// Writes the problem of a response, if it has one, and says a fault of ours in the log, once.
pub async fn render(request: Request, next: Next) -> Response {
    let language = language(request.headers(), request.uri().query());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let mut response = next.run(request).await;
    let Some(Unrendered(problem)) = response.extensions_mut().remove::<Unrendered>() else { return response };
    match problem.kind {
        Kind::Internal => tracing::error!(code = problem.code, cause = problem.cause, "a fault of ours"),
        Kind::Unavailable => tracing::warn!(code = problem.code, cause = problem.cause, "not possible for now"),
        _ => tracing::debug!(code = problem.code, "refused"),
    }
    body(&problem, language, &request_id)
}

/// The response of a problem in a language.
fn body(problem: &Problem, language: &str, request_id: &str) -> Response {
    let status = status(problem.kind);
    let errors: Vec<Value> = problem
        .errors
        .iter()
        .map(|error| json!({"pointer": error.pointer, "code": error.code, "detail": error.detail.get(language)}))
        .collect();
    let body = json!({
        "type": format!("https://sopwith.dev/problems/{}", problem.code),
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": problem.detail.get(language),
        "code": problem.code,
        "errors": errors,
        "request_id": request_id,
    });
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    match problem.kind {
        Kind::Unauthenticated => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Kind::TooMany | Kind::Unavailable => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}
