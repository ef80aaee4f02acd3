//! Datasets over HTTP: published in JSON or CSV, read whole, and the rows that concern a customer.

use super::auth::{Administers, Allowed, LooksAtSetup, Reads};
use super::extract::{ApiBytes, ApiPath, ApiQuery, media_type, tagged};
use super::json::parse;
use super::page::{Page, PageQuery};
use super::problem::{ProblemBody, Result};
use super::sops::{VersionContent, versions};
use crate::app::App;
use crate::csv_rows::Encoding;
use crate::dataset::Head;
use crate::flows::datasets;
use crate::flows::problem::{Kind, Problem};
use crate::flows::publish::VersionView;
use crate::flows::sops;
use crate::store::VersionKind;
use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What a CSV file does not say of itself.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CsvQuery {
    /// First business date it holds for, `YYYY-MM-DD`; CSV only.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Last business date it holds for; CSV only.
    #[serde(default)]
    pub valid_to: Option<String>,
}

/// Which rows.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RowsQuery {
    /// The customer they concern.
    pub customer: String,
    /// At most so many rows, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// A row of a dataset.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct DatasetRow(pub Value);

/// The same as [`VersionContent`], the document as it is kept.
#[derive(Serialize)]
struct Kept {
    version: VersionView,
    document: Box<RawValue>,
}

/// List dataset versions
#[utoipa::path(get, path = "/datasets", operation_id = "list_datasets", tag = "datasets", params(PageQuery),
    responses((status = 200, body = Page<VersionView>)))]
async fn list_datasets(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtSetup>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<VersionView>>> {
    versions(&app, &caller, VersionKind::Dataset, &query).await
}

/// Get a dataset version with its rows
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}", operation_id = "get_dataset", tag = "datasets",
    params(("dataset" = String, Path,), ("version" = String, Path,)),
    responses((status = 200, body = VersionContent), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn get_dataset(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtSetup>,
    ApiPath((dataset, version)): ApiPath<(String, String)>,
) -> Result<Response> {
    let found = app.store.version(&caller.tenant, VersionKind::Dataset, &dataset, &version).await;
    let found = found.map_err(Problem::from)?.ok_or_else(Problem::not_found)?;
    let bytes = sops::object(&app, &caller.tenant, &found.hash).await?;
    let document = String::from_utf8(bytes).map_err(Problem::internal)?;
    let document = RawValue::from_string(document).map_err(Problem::internal)?;
    Ok(tagged(found.revision, Kept { version: found.into(), document }))
}

/// Publish a dataset version, in JSON or CSV, whole or not at all: immutable from here on. Faults of a CSV file are at
/// `/<row>/<column>`, row 1 being the header; its encoding is found out unless the content type names a `charset`
#[utoipa::path(put, path = "/datasets/{dataset}/versions/{version}", operation_id = "put_dataset", tag = "datasets",
    request_body(content((Object = "application/json"), (String = "text/csv"))),
    params(("dataset" = String, Path,), ("version" = String, Path,), CsvQuery),
    responses((status = 200, body = VersionView), (status = 409, body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, body = ProblemBody, content_type = "application/problem+json"), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn put_dataset(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiPath((dataset, version)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<CsvQuery>,
    request: Request,
) -> Result<Response> {
    let (essence, charset) = media_type(request.headers());
    let view = match essence.as_str() {
        "text/csv" => {
            let said = charset.map(|name| Encoding::named(&name).ok_or(name)).transpose();
            let said =
                said.map_err(|name| Problem::new(Kind::Unsupported, "body.charset", &json!({"charset": name})))?;
            // Held until the version is durable, so that few large files are in memory at once.
            let _few_at_once = app.bulk.acquire().await.map_err(Problem::internal)?;
            let ApiBytes(file) = ApiBytes::from_request(request, &app).await?;
            let head = Head { dataset, version, valid_from: query.valid_from, valid_to: query.valid_to };
            datasets::put_csv(&app, &caller, head, file, said).await?
        }
        "application/json" => {
            let ApiBytes(bytes) = ApiBytes::from_request(request, &app).await?;
            if bytes.len() > datasets::MAX_JSON {
                return Err(Problem::new(Kind::TooLarge, "body.too_large", &Value::Null).into());
            }
            let document: Value = parse(&bytes)?;
            datasets::put_json(&app, &caller, &dataset, &version, document).await?
        }
        _ => return Err(Problem::new(Kind::Unsupported, "body.not_csv", &Value::Null).into()),
    };
    Ok(tagged(view.revision, view))
}

/// List the rows of a dataset version that concern a customer, in the order of their keys
#[utoipa::path(get, path = "/datasets/{dataset}/versions/{version}/rows", operation_id = "list_dataset_rows", tag = "datasets",
    params(("dataset" = String, Path,), ("version" = String, Path,), RowsQuery),
    responses((status = 200, body = Page<DatasetRow>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
async fn list_dataset_rows(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiPath((dataset, version)): ApiPath<(String, String)>,
    ApiQuery(query): ApiQuery<RowsQuery>,
) -> Result<Json<Page<DatasetRow>>> {
    let page = PageQuery { limit: query.limit, after: query.after };
    let limit = page.limit()?;
    let after: Option<String> = page.after()?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let at = (dataset.as_str(), version.as_str());
    let found = datasets::rows(&app, &caller, at, &query.customer, after.as_deref(), wanted).await?;
    let Page { items, next } = Page::of(found, limit, |(key, _)| key.clone());
    let items = items.into_iter().map(|(_, row)| DatasetRow(row)).collect();
    Ok(Json(Page { items, next }))
}

/// The routes; bodies may be as large as a dataset may be.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_datasets))
        .routes(routes!(get_dataset, put_dataset))
        .routes(routes!(list_dataset_rows))
        .layer(DefaultBodyLimit::max(datasets::MAX_CSV))
}
