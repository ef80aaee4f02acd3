//! Customers out of a file, locations that reps keep missing, and customers that are probably one.

use super::auth::{Administers, Allowed, Reviews};
use super::extract::{ApiBytes, ApiQuery, Language};
use super::page::{Page, PageQuery};
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::csv_rows::Encoding;
use crate::flows::duplicates::{self, Duplicate};
use crate::flows::import::{self, Counts, Defaults, Format, Moved, Options, Report, Shown};
use crate::flows::location_checks::{self, LocationCheck};
use crate::flows::problem::{Kind, Problem};
use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use engine::place::Crs;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rows shown where nothing is said.
const SAMPLE: u32 = 20;

/// How a file is to be read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ImportQuery {
    /// Only say what would happen.
    pub preview: bool,
    /// `csv` or `geojson`; default what Content-Type says.
    pub format: Option<String>,
    /// `utf-8` or `gbk` for a table; default what Content-Type says as `charset`, else it is found out.
    pub encoding: Option<String>,
    /// System of coordinates that do not say it in a column `crs`: `wgs84`, `gcj02`, `bd09`, or `unknown`, which is kept and
    /// never judged against.
    pub crs: Option<String>,
    /// Customer type of new customers that do not say theirs.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// IANA time zone of new customers that do not say theirs.
    pub time_zone: Option<String>,
    /// Org unit of new customers that do not say theirs.
    pub org_unit: Option<String>,
    /// How many of the first rows are shown as they would be, 0 to 200; default 20.
    #[param(minimum = 0, maximum = 200)]
    pub sample: Option<u32>,
}

/// What importing a file would do, or did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// Whether the file is imported; false for a preview.
    pub applied: bool,
    /// The import, if anything was written: `imp_…`.
    pub import: Option<String>,
    /// What a table is written in.
    pub encoding: Option<String>,
    /// How many of what.
    pub counts: Counts,
    /// West, south, east, north of all places, in the coordinates of the file.
    #[schema(min_items = 4, max_items = 4)]
    pub bounding_box: Option<Vec<f64>>,
    /// The places that move the farthest, up to 10.
    pub farthest: Vec<Moved>,
    /// The first rows as they would be, or are.
    pub sample: Vec<Shown>,
    /// The first 100 problems; with any, the file is not imported.
    pub problems: Vec<ImportProblem>,
}

/// Something wrong with a row.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportProblem {
    /// Row of the table, as a spreadsheet counts; or index of the feature, from 0.
    pub row: u64,
    /// Column, or member of the feature; empty: all of it.
    pub column: String,
    /// JSON Pointer: `/<row>/<column>`, or into the GeoJSON.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// In words, with row and column.
    pub detail: String,
}

impl ImportAnswer {
    fn of(report: Report, preview: bool, language: &str) -> Self {
        let problem = |problem: &import::RowProblem| ImportProblem {
            row: problem.row,
            column: problem.column.clone(),
            pointer: problem.violation.pointer.clone(),
            code: problem.violation.code.clone(),
            detail: problem.violation.detail.get(language).unwrap_or_default().to_owned(),
        };
        Self {
            applied: !preview,
            problems: report.problems.iter().map(problem).collect(),
            import: report.import,
            encoding: report.encoding.map(str::to_owned),
            counts: report.counts,
            bounding_box: report.bounding_box.map(Vec::from),
            farthest: report.farthest,
            sample: report.sample,
        }
    }
}

/// Import customers and their locations from CSV or GeoJSON: all of the file or nothing; the same file again changes nothing.
/// Columns and properties are named like the fields: id, type, name, time_zone, org_unit, status, tags, lat, lon, crs,
/// accuracy_m, from, `fields.<name>`
#[utoipa::path(post, path = "/customers/import", operation_id = "import_customers", tag = "master data", params(ImportQuery),
    request_body(content((String = "text/csv"), (String = "application/geo+json"))),
    responses((status = 200, body = ImportAnswer), (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"), (status = 413, body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"), (status = 422, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json")))]
async fn import_customers(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Administers>,
    ApiQuery(query): ApiQuery<ImportQuery>,
    Language(language): Language,
    request: Request,
) -> Result<Json<ImportAnswer>> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let options = options(&query, media)?;
    // Before the body is in memory.
    let _turn = import::turn()?;
    let ApiBytes(file) = ApiBytes::from_request(request, &app).await?;
    let preview = options.preview;
    let report = import::import(Arc::clone(&app), caller, options, file).await?;
    Ok(Json(ImportAnswer::of(report, preview, language)))
}

/// What the query string and the media type say.
fn options(query: &ImportQuery, media: &str) -> Result<Options> {
    let malformed = |code: &str, params: Value| {
        ApiProblem(Problem { kind: Kind::Malformed, ..Problem::invalid("", code, &params) })
    };
    let mut parts = media.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    let by_media = match essence.as_str() {
        "text/csv" => Some("csv"),
        "application/geo+json" => Some("geojson"),
        _ => None,
    };
    let format = query.format.as_deref().or(by_media).and_then(import::named::<Format>);
    let format = format.ok_or_else(|| Problem::new(Kind::Unsupported, "import.format", &Value::Null))?;
    let encoding = query
        .encoding
        .as_deref()
        .or(charset)
        .map(|name| Encoding::named(name).ok_or_else(|| malformed("import.encoding", json!({"encoding": name}))));
    let crs = query
        .crs
        .as_deref()
        .map(|name| import::named::<Crs>(name).ok_or_else(|| malformed("import.crs", json!({"crs": name}))));
    let sample = query.sample.unwrap_or(SAMPLE);
    if sample > import::MAX_SAMPLE {
        return Err(malformed("import.sample", json!({"most": import::MAX_SAMPLE})));
    }
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let defaults =
        Defaults { kind: said(&query.kind), time_zone: said(&query.time_zone), org_unit: said(&query.org_unit) };
    Ok(Options {
        format,
        encoding: encoding.transpose()?,
        crs: crs.transpose()?,
        defaults,
        preview: query.preview,
        sample,
    })
}

/// List customers whose stored location reps miss together: in another coordinate system than it says, or elsewhere. A page
/// looks at up to `limit` customers and may have fewer items, or none, before the last
#[utoipa::path(get, path = "/customers/location-checks", operation_id = "list_location_checks", tag = "master data", params(PageQuery),
    responses((status = 200, body = Page<LocationCheck>)))]
async fn list_location_checks(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reviews>,
    ApiQuery(query): ApiQuery<PageQuery>,
) -> Result<Json<Page<LocationCheck>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let (items, next) = location_checks::list(&app, &caller, after.as_deref(), limit).await?;
    Ok(Json(Page::up_to(items, next)))
}

/// Which customers are compared, and from when on they are probably one.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DuplicatesQuery {
    /// Only pairs that this customer is in: all of them, on one page.
    pub customer: Option<String>,
    /// Most metres between two points, 1 to 1000; default 100.
    #[param(minimum = 1, maximum = 1000)]
    pub within_m: Option<f64>,
    /// How alike their names are at least, 0.5 to 1; default 0.8.
    #[param(minimum = 0.5, maximum = 1)]
    pub name_similarity: Option<f64>,
    /// The share of the smaller of two areas, of which more lies on the other, 0.1 to 0.95; default 0.5.
    #[param(minimum = 0.1, maximum = 0.95)]
    pub overlap: Option<f64>,
    /// At most so many customers are looked at, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// List pairs of active customers that are probably one: points near each other whose names are alike, or areas that lie on each
/// other. Nothing is merged. A page looks at up to `limit` customers and may have any number of pairs, or none, before the
/// last
#[utoipa::path(get, path = "/customers/duplicates", operation_id = "list_duplicates", tag = "master data", params(DuplicatesQuery),
    responses((status = 200, body = Page<Duplicate>)))]
async fn list_duplicates(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reviews>,
    ApiQuery(query): ApiQuery<DuplicatesQuery>,
) -> Result<Json<Page<Duplicate>>> {
    let limits = duplicates::limits(query.within_m, query.name_similarity, query.overlap)?;
    if let Some(customer) = &query.customer {
        let items = duplicates::of(&app, &caller, &limits, customer).await?;
        return Ok(Json(Page::up_to(items, None::<String>)));
    }
    let page = PageQuery { limit: query.limit, after: query.after };
    let (limit, after) = (page.limit()?, page.after::<String>()?);
    let (items, next) = duplicates::list(&app, &caller, &limits, after, limit).await?;
    Ok(Json(Page::up_to(items, next)))
}

/// The routes; a file may be larger than any other body.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(import_customers))
        .routes(routes!(list_location_checks))
        .routes(routes!(list_duplicates))
        .layer(DefaultBodyLimit::max(import::MAX_BYTES))
}
