//! A request's name in the log and in problems, and the one line the log has of each request.

use crate::app::{App, new_id};
use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument as _;

/// `req_…`
#[derive(Clone)]
pub struct RequestId(pub String);

/// Names the request, opens its span, counts and times it.
pub async fn name(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = new_id("req", app.clock.now_ms());
    request.extensions_mut().insert(RequestId(id.clone()));
    let path = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        request.id = id,
        http.method = %method,
        http.route = path,
        tenant = tracing::field::Empty,
        user = tracing::field::Empty,
        visit = tracing::field::Empty,
    );
    let started = Instant::now();
    async {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        let took = started.elapsed();
        tracing::info!(http.status = status, duration_ms = took.as_secs_f64() * 1e3, "answered");
        let labels = [("method", method.to_string()), ("route", path), ("status", status.to_string())];
        metrics::counter!("sopwith_http_requests_total", &labels).increment(1);
        metrics::histogram!("sopwith_http_request_seconds", &labels[..2]).record(took.as_secs_f64());
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-request-id", value);
        }
        response
    }
    .instrument(span)
    .await
}
