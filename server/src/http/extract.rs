//! What comes in: JSON bodies, query strings, ids and versions in headers. What does not fit is a problem that says where.

use super::json::{malformed, parse};
use super::problem::ApiProblem;
use crate::flows::once::Answer;
use crate::flows::problem::{Kind, Problem};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::text::LANGUAGES;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A JSON body.
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        let (essence, _) = media_type(request.headers());
        if essence != "application/json" && !(essence.starts_with("application/") && essence.ends_with("+json")) {
            return Err(Problem::new(Kind::Unsupported, "body.not_json", &Value::Null).into());
        }
        let ApiBytes(bytes) = ApiBytes::from_request(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// Media type of the body, in lower case, and its `charset`.
pub fn media_type(headers: &HeaderMap) -> (String, Option<String>) {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    (essence, parts.find_map(|part| part.strip_prefix("charset=")).map(str::to_owned))
}

/// A body of bytes.
pub struct ApiBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for ApiBytes {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiProblem> {
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(BytesRejection::FailedToBufferBody(rejection)) => {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    return Err(Problem::new(Kind::TooLarge, "body.too_large", &json!({"bytes": ""})).into());
                }
                Err(malformed("", "body.cut", &rejection.body_text()))
            }
            Err(other) => Err(malformed("", "body.cut", &other.body_text())),
        }
    }
}

/// Members of the query string.
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        // A text with NUL is in no database, and PostgreSQL does not even compare with one.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(malformed("", "query.malformed", "NUL"));
        }
        let read: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        read.map(|Query(query)| Self(query)).map_err(|error| malformed("", "query.malformed", &error.body_text()))
    }
}

/// Parts of the path.
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiProblem> {
        // Nothing has a name with NUL in it, and PostgreSQL does not even look for one.
        if parts.uri.path().contains("%00") {
            return Err(Problem::not_found().into());
        }
        let read: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        read.map(|Path(path)| Self(path)).map_err(|_| Problem::not_found().into())
    }
}

/// A command's id: the Idempotency-Key.
pub struct CommandId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for CommandId {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiProblem> {
        let header = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        match header {
            Some(id) if engine::id::check_id("cmd", id) => Ok(Self(id.to_owned())),
            Some(_) => Err(malformed("", "command.id", "")),
            None => Err(malformed("", "command.id_missing", "")),
        }
    }
}

/// The version the caller saw.
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiProblem> {
        let Some(header) = parts.headers.get(IF_MATCH) else { return Ok(Self(None)) };
        let version = header.to_str().ok().and_then(|text| text.trim().trim_matches('"').parse().ok());
        // A tag of some other form was never given out: whatever it names has changed.
        version.map(|version| Self(Some(version))).ok_or_else(|| Problem::stale().into())
    }
}

impl IfMatch {
    /// The version, which must be said.
    ///
    /// # Errors
    /// `version.unseen`.
    pub fn said(&self) -> Result<u64, ApiProblem> {
        self.0.ok_or_else(|| Problem::unseen().into())
    }
}

/// The caller's language among those there are.
pub struct Language(pub &'static str);

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiProblem> {
        Ok(Self(language(&parts.headers, parts.uri.query())))
    }
}

/// `language=` of the query string, else the best of Accept-Language, else English.
pub fn language(headers: &HeaderMap, query: Option<&str>) -> &'static str {
    let asked = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("language="))
        .map(str::to_owned);
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut ranked: Vec<(f64, &str)> = accepted
        .split(',')
        .map(|entry| {
            let mut parts = entry.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            (weight, tag)
        })
        .filter(|(weight, tag)| *weight > 0.0 && !tag.is_empty())
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let wanted = asked.iter().map(String::as_str).chain(ranked.iter().map(|(_, tag)| *tag));
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    wanted
        .filter_map(|tag| LANGUAGES.into_iter().find(|known| primary(known) == primary(tag)))
        .next()
        .unwrap_or(LANGUAGES[0])
}

/// A version as an ETag.
pub fn etag(version: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// JSON with its version.
pub fn tagged(version: u64, body: impl serde::Serialize) -> Response {
    ([(ETAG, etag(version))], Json(body)).into_response()
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Done { created, body, etag } => {
                let status = if created { StatusCode::CREATED } else { StatusCode::OK };
                let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
                let mut response = (status, json, Box::<str>::from(body).into_string()).into_response();
                if let Some(version) = etag {
                    response.headers_mut().insert(ETAG, self::etag(version));
                }
                response
            }
            Self::Refused(problem) => ApiProblem(*problem).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, query: Option<&str>, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        assert_eq!(language(&headers, query), expected, "{accept}");
    }

    #[test]
    fn the_best_language_that_is_there_is_taken() {
        check("zh-CN", None, "zh-CN");
        check("zh;q=0.3, en;q=0.8", None, "en");
        check("fr, zh-TW;q=0.5, en;q=0.2", None, "zh-CN");
        check("fr", None, "en");
        check("en", Some("limit=3&language=zh-CN"), "zh-CN");
        check("zh;q=0, en", None, "en");
    }
}
