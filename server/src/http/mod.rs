//! HTTP: every route on one page, and the layers around them. A handler extracts, calls one flow, converts.
//!
//! No SQL and no business rule lives here. Only `problem.rs` knows status codes of problems.

mod audit;
mod auth;
mod customers;
mod datasets;
mod evidence;
mod extract;
mod json;
mod meta;
mod openapi;
mod outputs;
mod page;
mod people;
mod plugins;
mod problem;
mod records;
mod request_id;
mod rules;
mod sops;
mod tasks;
mod verbs;

use crate::app::App;
use crate::flows::problem::{Kind, Problem};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use problem::ApiProblem;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;

pub use openapi::text as openapi;

/// Largest JSON body, in bytes.
const MAX_JSON: usize = 2 << 20;
/// Longest a request may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Longest the import of a large file may take.
const LONGEST_IMPORT: Duration = Duration::from_secs(900);

/// Everything below `/v1`.
fn v1() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .merge(tasks::router())
        .merge(verbs::router())
        .merge(records::router())
        .merge(outputs::router())
        .merge(sops::router())
        .merge(plugins::router())
        .merge(rules::router())
        .merge(people::router())
        .merge(audit::router())
        .merge(meta::router())
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .merge(datasets::router())
        .merge(evidence::router())
        .merge(customers::router())
}

/// The whole service.
pub fn router(app: Arc<App>, metrics: PrometheusHandle) -> Router {
    let (v1, _) = v1().split_for_parts();
    let v1 = v1.layer(from_fn_with_state(Arc::clone(&app), auth::admit)).route("/openapi.json", get(openapi::served));
    let no_route = || async { ApiProblem(Problem::not_found()) };
    let no_method = || async { ApiProblem(Problem::new(Kind::NotFound, "method_not_allowed", &Value::Null)) };
    Router::new()
        .nest("/v1", v1)
        .route("/healthz", get(meta::healthz))
        .route("/readyz", get(meta::readyz))
        .route("/metrics", get(move || async move { metrics.render() }))
        .route("/docs", get(meta::docs))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(Arc::clone(&app), request_id::name))
                .layer(from_fn(problem::render))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(from_fn(in_time))
                .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
                .layer(SetResponseHeaderLayer::if_not_present(
                    HeaderName::from_static("referrer-policy"),
                    HeaderValue::from_static("no-referrer"),
                )),
        )
        .with_state(app)
}

/// Gives up on what takes too long.
async fn in_time(request: Request, next: Next) -> Response {
    let longest = if request.uri().path() == "/v1/customers/import" { LONGEST_IMPORT } else { LONGEST };
    let answer = tokio::time::timeout(longest, next.run(request)).await;
    answer.unwrap_or_else(|_| ApiProblem(Problem::new(Kind::Unavailable, "too_slow", &Value::Null)).into_response())
}

fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    ApiProblem(Problem::internal(format!("panicked: {said}"))).into_response()
}

/// Serves until told to stop, then lets requests under way end.
///
/// # Errors
/// The socket fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    app: Arc<App>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(app, metrics)).with_graceful_shutdown(stop.cancelled_owned()).await
}
