//! Master data over HTTP: list, get and put, the same for every kind.

use super::auth::{Administers, Allowed, LooksAtGrants, LooksAtSetup, Permission, Reads};
use super::extract::{ApiJson, ApiPath, ApiQuery, IfMatch, etag, tagged};
use super::page::{Page, PageQuery};
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::flows::audit;
use crate::flows::problem::{Kind as No, Problem};
use crate::flows::records::{self, Kind, Put, Shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse as _, Response};
use engine::time;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Which records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RecordsQuery {
    /// Only those about this record: a customer's locations, a user's grants.
    pub subject: Option<String>,
    /// Only those that hold at this moment, RFC 3339.
    pub at: Option<String>,
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// Which revision.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RevisionQuery {
    /// An older revision; default the newest.
    #[param(minimum = 1)]
    pub revision: Option<u64>,
}

async fn list<K: Kind>(
    app: &App,
    caller: &crate::flows::caller::Caller,
    query: RecordsQuery,
) -> Result<Page<Shown<K>>> {
    let page = PageQuery { limit: query.limit, after: query.after };
    let limit = page.limit()?;
    let at_ms = match &query.at {
        None => None,
        Some(text) => Some(time::parse("at", text).map_err(|error| {
            let problem = Problem::invalid("", "time.invalid", &json!({"detail": error.to_string()}));
            ApiProblem(Problem { kind: No::Malformed, ..problem })
        })?),
    };
    let mut found = records::list::<K>(app, caller, query.subject, at_ms, page.after()?, limit + 1).await?;
    for shown in &mut found {
        shown.body.hide_personal(&records::personal_fields::<K>(app, &caller.tenant, &shown.body).await?);
    }
    Ok(Page::of(found, limit, |shown| shown.id.clone()))
}

async fn get<K: Kind>(
    app: &App,
    caller: &crate::flows::caller::Caller,
    id: &str,
    query: &RevisionQuery,
) -> Result<Response> {
    let shown = records::get::<K>(app, caller, id, query.revision).await?;
    if !records::personal_fields::<K>(app, &caller.tenant, &shown.body).await?.is_empty() {
        audit::read(app, caller, json!({"record": [K::NAME, id], "revision": shown.revision})).await?;
    }
    Ok(tagged(shown.revision, shown))
}

async fn put<K: Kind>(
    app: &App,
    caller: &crate::flows::caller::Caller,
    id: &str,
    body: &K,
    saw: &IfMatch,
) -> Result<Response> {
    let (put, shown) = records::put::<K>(app, caller, id, body, saw.0).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(ETAG, etag(shown.revision))], Json(shown)).into_response())
}

/// Writes of kinds that managers may write too.
pub struct AdministersTeams;
impl Permission for AdministersTeams {
    const ROLES: &'static [engine::task::Role] = &[engine::task::Role::Admin, engine::task::Role::Manager];
}

macro_rules! kind {
    ($module:ident, $kind:ty, $many:literal, $one:literal, $list:literal, $get:literal, $put:literal, $what:literal, $reads:ty, $writes:ty) => {
        mod $module {
            use super::*;

            #[doc = concat!("List ", $what)]
            #[utoipa::path(get, path = $many, operation_id = $list, tag = "master data", summary = concat!("List ", $what), params(RecordsQuery),
                responses((status = 200, body = Page<Shown<$kind>>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
            pub async fn list(
                State(app): State<Arc<App>>,
                Allowed(caller, ..): Allowed<$reads>,
                ApiQuery(query): ApiQuery<RecordsQuery>,
            ) -> Result<Json<Page<Shown<$kind>>>> {
                super::list::<$kind>(&app, &caller, query).await.map(Json)
            }

            #[doc = concat!("Get one of the ", $what)]
            #[utoipa::path(get, path = $one, operation_id = $get, tag = "master data", summary = concat!("Get one of the ", $what), params(("id" = String, Path,), RevisionQuery),
                responses((status = 200, body = Shown<$kind>), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
            pub async fn get(
                State(app): State<Arc<App>>,
                Allowed(caller, ..): Allowed<$reads>,
                ApiPath(id): ApiPath<String>,
                ApiQuery(query): ApiQuery<RevisionQuery>,
            ) -> Result<Response> {
                super::get::<$kind>(&app, &caller, &id, &query).await
            }

            #[doc = concat!("Write one of the ", $what, ": new, or the next revision")]
            #[utoipa::path(put, path = $one, operation_id = $put, tag = "master data", summary = concat!("Write one of the ", $what, ": new, or the next revision"), request_body = $kind,
                params(("id" = String, Path,), ("If-Match" = Option<String>, Header, description = "The revision you saw; needed when there is one")),
                responses((status = 200, body = Shown<$kind>), (status = 201, body = Shown<$kind>), (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
            pub async fn put(
                State(app): State<Arc<App>>,
                Allowed(caller, ..): Allowed<$writes>,
                ApiPath(id): ApiPath<String>,
                saw: IfMatch,
                ApiJson(body): ApiJson<$kind>,
            ) -> Result<Response> {
                super::put::<$kind>(&app, &caller, &id, &body, &saw).await
            }
        }
    };
}

kind!(
    org_units,
    records::OrgUnit,
    "/org-units",
    "/org-units/{id}",
    "list_org_units",
    "get_org_unit",
    "put_org_unit",
    "org units",
    Reads,
    Administers
);
kind!(users, records::User, "/users", "/users/{id}", "list_users", "get_user", "put_user", "users", Reads, Administers);
kind!(
    grants,
    records::Grant,
    "/grants",
    "/grants/{id}",
    "list_grants",
    "get_grant",
    "put_grant",
    "grants",
    LooksAtGrants,
    Administers
);
kind!(
    calendars,
    records::Calendar,
    "/calendars",
    "/calendars/{id}",
    "list_calendars",
    "get_calendar",
    "put_calendar",
    "calendars",
    Reads,
    Administers
);
kind!(
    leaves,
    records::Leave,
    "/leaves",
    "/leaves/{id}",
    "list_leaves",
    "get_leave",
    "put_leave",
    "leaves",
    Reads,
    AdministersTeams
);
kind!(
    customer_types,
    records::CustomerType,
    "/customer-types",
    "/customer-types/{id}",
    "list_customer_types",
    "get_customer_type",
    "put_customer_type",
    "customer types",
    Reads,
    Administers
);
kind!(
    customers,
    records::Customer,
    "/customers",
    "/customers/{id}",
    "list_customers",
    "get_customer",
    "put_customer",
    "customers",
    Reads,
    Administers
);
kind!(
    locations,
    records::Location,
    "/locations",
    "/locations/{id}",
    "list_locations",
    "get_location",
    "put_location",
    "locations of customers",
    Reads,
    Administers
);
kind!(
    contacts,
    records::Contact,
    "/contacts",
    "/contacts/{id}",
    "list_contacts",
    "get_contact",
    "put_contact",
    "contacts of customers",
    Reads,
    Administers
);
kind!(
    relations,
    records::Relation,
    "/relations",
    "/relations/{id}",
    "list_relations",
    "get_relation",
    "put_relation",
    "relations between customers",
    Reads,
    Administers
);
kind!(
    assignments,
    records::Assignment,
    "/assignments",
    "/assignments/{id}",
    "list_assignments",
    "get_assignment",
    "put_assignment",
    "assignments of customers",
    Reads,
    AdministersTeams
);
kind!(
    devices,
    records::Device,
    "/devices",
    "/devices/{id}",
    "list_devices",
    "get_device",
    "put_device",
    "devices",
    Reads,
    Administers
);
kind!(
    sop_assignments,
    engine::resolve::SopAssignment,
    "/sop-assignments",
    "/sop-assignments/{id}",
    "list_sop_assignments",
    "get_sop_assignment",
    "put_sop_assignment",
    "assignments of SOPs",
    LooksAtSetup,
    Administers
);

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(org_units::list))
        .routes(routes!(org_units::get, org_units::put))
        .routes(routes!(users::list))
        .routes(routes!(users::get, users::put))
        .routes(routes!(grants::list))
        .routes(routes!(grants::get, grants::put))
        .routes(routes!(calendars::list))
        .routes(routes!(calendars::get, calendars::put))
        .routes(routes!(leaves::list))
        .routes(routes!(leaves::get, leaves::put))
        .routes(routes!(customer_types::list))
        .routes(routes!(customer_types::get, customer_types::put))
        .routes(routes!(customers::list))
        .routes(routes!(customers::get, customers::put))
        .routes(routes!(locations::list))
        .routes(routes!(locations::get, locations::put))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::get, contacts::put))
        .routes(routes!(relations::list))
        .routes(routes!(relations::get, relations::put))
        .routes(routes!(assignments::list))
        .routes(routes!(assignments::get, assignments::put))
        .routes(routes!(devices::list))
        .routes(routes!(devices::get, devices::put))
        .routes(routes!(sop_assignments::list))
        .routes(routes!(sop_assignments::get, sop_assignments::put))
}
