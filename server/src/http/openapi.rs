//! The OpenAPI document, made from the handlers' own annotations: nobody writes it by hand.

use super::problem::ProblemBody;
use super::v1;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sopwith",
        version = "1",
        description = "Field visits as SOPs, behind one uniform task API. Problems are RFC 9457; lists are pages with an \
                       opaque cursor; a command's id is its Idempotency-Key; versions are ETags.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody))
)]
struct Described;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
});

/// What headers and parts of paths look like, by their names.
const PATTERNS: &[(&str, &str)] = &[
    ("Idempotency-Key", "^cmd_[0-9a-z-]{1,60}$"),
    ("If-Match", "^\"[0-9]{1,15}\"$"),
    ("sha256", "^[0-9a-f]{64}$"),
    ("stream", "^(vis|tsk|tnt)_[0-9a-z-]{1,60}$"),
    ("task", "^tsk_[0-9a-z-]{1,60}$"),
    ("token", "^tok_[0-9a-z-]{1,60}$"),
    ("user", "^usr_[0-9a-z-]{1,60}$"),
];
/// What an `{id}` of master data looks like; its prefix the path says.
const ID: &str = "^[a-z]{3}_[0-9a-z-]{1,60}$";

/// The document.
pub fn document() -> OpenApi {
    let (_, mut document) = OpenApiRouter::with_openapi(Described::openapi()).nest("/v1", v1()).split_for_parts();
    let problem = ResponseBuilder::new()
        .description("Not carried out, and why")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build(),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten() {
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    description(status).clone_into(&mut response.description);
                }
            }
            operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
            describe(operation);
        }
    }
    let components = document.components.get_or_insert_default();
    let bearer = SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).build());
    components.add_security_scheme("token", bearer);
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    document
}

/// What a status means, the same everywhere.
fn description(status: &str) -> &'static str {
    match status {
        "200" => "Done, or as asked",
        "201" => "Made",
        "204" => "Done; there is nothing to say",
        "404" => "Not there, or not for the caller",
        "409" => "Something else is in the way",
        "412" => "It changed since the caller saw it",
        "413" => "Too large",
        "415" => "Of a kind that is not taken",
        "422" => "Understood, and not acceptable",
        _ => "Not carried out, and why",
    }
}

/// Says of headers and parts of the path what they must look like.
fn describe(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let known = PATTERNS.iter().find(|(name, _)| *name == parameter.name);
        let pattern = known.map(|(_, pattern)| *pattern).or_else(|| (parameter.name == "id").then_some(ID));
        let in_query = parameter.parameter_in == ParameterIn::Query;
        if let (Some(pattern), false, Some(RefOr::T(Schema::Object(schema)))) =
            (pattern, in_query, &mut parameter.schema)
        {
            schema.pattern = Some(pattern.to_owned());
        }
    }
}

/// The document as it is served and checked in.
pub fn text() -> &'static str {
    &DOCUMENT
}

/// Serves it.
pub async fn served() -> Response {
    ([(CONTENT_TYPE, "application/json")], text()).into_response()
}
