//! What visits leave behind, over HTTP: records, the accounts of ledgers, and how reps stand.

use super::auth::{Allowed, Reads, Reviews};
use super::extract::{ApiJson, ApiPath, ApiQuery, CommandId};
use super::page::{Page, PageQuery};
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::flows::ledgers::{self, BalanceView, EntryView, NewEntry};
use crate::flows::once::{Answer, Asked};
use crate::flows::outputs::{self, OutputView, seen};
use crate::flows::problem::{Kind, Problem};
use crate::flows::records::Shown;
use crate::flows::standings;
use crate::store::OutputQuery;
use axum::Json;
use axum::extract::State;
use engine::input::RepStanding;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Which records.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct OutputsQuery {
    /// Only of this type, as the SOP names it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Only about this customer.
    pub customer: Option<String>,
    /// Only of this visit.
    pub visit: Option<String>,
    /// Business date, `YYYY-MM-DD`, inclusive.
    pub from: Option<String>,
    /// Business date, `YYYY-MM-DD`, inclusive.
    pub to: Option<String>,
    /// Also records of submissions that were replaced.
    pub replaced: Option<bool>,
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// Which account.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AccountQuery {
    /// Only this account: its parts as a JSON list of texts.
    pub account: Option<String>,
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl AccountQuery {
    fn page(&self) -> PageQuery {
        PageQuery { limit: self.limit, after: self.after.clone() }
    }

    fn parts(&self) -> Result<Option<Vec<String>>> {
        let Some(text) = &self.account else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| {
            let problem = Problem::invalid("", "query.malformed", &json!({"detail": error.to_string()}));
            ApiProblem(Problem { kind: Kind::Malformed, ..problem })
        })
    }
}

/// List business records that visits left: prices, orders, observations, …
#[utoipa::path(get, path = "/outputs", operation_id = "list_outputs", tag = "outputs", params(OutputsQuery),
    responses((status = 200, body = Page<OutputView>)))]
async fn list_outputs(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiQuery(query): ApiQuery<OutputsQuery>,
) -> Result<Json<Page<OutputView>>> {
    let page = PageQuery { limit: query.limit, after: query.after };
    let limit = page.limit()?;
    let wanted = OutputQuery {
        seen: seen(&caller),
        kind: query.kind,
        customer: query.customer,
        visit: query.visit,
        from: query.from,
        to: query.to,
        replaced: query.replaced.unwrap_or(false),
        after: page.after()?,
        limit: limit + 1,
    };
    let found = outputs::list(&app, &caller, &wanted).await?;
    let Page { items, next } = Page::of(found, limit, |output| (output.at_ms, output.record.id.clone()));
    Ok(Json(Page { items: items.into_iter().map(OutputView::from).collect(), next }))
}

/// List where the accounts of a ledger stand
#[utoipa::path(get, path = "/ledgers/{ledger}/balances", operation_id = "list_balances", tag = "outputs",
    params(("ledger" = String, Path,), AccountQuery), responses((status = 200, body = Page<BalanceView>)))]
async fn list_balances(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiPath(ledger): ApiPath<String>,
    ApiQuery(query): ApiQuery<AccountQuery>,
) -> Result<Json<Page<BalanceView>>> {
    let page = query.page();
    let limit = page.limit()?;
    let wanted = ledgers::query(&caller, &ledger, query.parts()?, page.after::<String>()?, limit + 1);
    let found = app.store.balances(&caller.tenant, &wanted).await.map_err(Problem::from)?;
    if found.is_empty() {
        ledgers::must_exist(&app, &caller, &ledger).await?;
    }
    let Page { items, next } = Page::of(found, limit, |balance| balance.account.key());
    Ok(Json(Page { items: items.into_iter().map(BalanceView::from).collect(), next }))
}

/// List what went into the accounts of a ledger and out of them, newest first
#[utoipa::path(get, path = "/ledgers/{ledger}/entries", operation_id = "list_entries", tag = "outputs",
    params(("ledger" = String, Path,), AccountQuery), responses((status = 200, body = Page<EntryView>)))]
async fn list_entries(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiPath(ledger): ApiPath<String>,
    ApiQuery(query): ApiQuery<AccountQuery>,
) -> Result<Json<Page<EntryView>>> {
    let page = query.page();
    let limit = page.limit()?;
    let after = page.after::<(i64, String, i64)>()?;
    let wanted = ledgers::query(&caller, &ledger, query.parts()?, after, limit + 1);
    let found = app.store.entries(&caller.tenant, &wanted).await.map_err(Problem::from)?;
    if found.is_empty() {
        ledgers::must_exist(&app, &caller, &ledger).await?;
    }
    let Page { items, next } = Page::of(found, limit, |row| (row.at_ms, row.entry.account().key(), row.version));
    Ok(Json(Page { items: items.into_iter().map(EntryView::from).collect(), next }))
}

/// Put something into an account of a ledger or take it out, with a reason: an opening balance, a correction
#[utoipa::path(post, path = "/ledgers/{ledger}/entries", operation_id = "create_entry", tag = "outputs", request_body = NewEntry,
    params(("ledger" = String, Path,), ("Idempotency-Key" = String, Header, description = "The command's id, `cmd_…`")),
    responses((status = 201, body = EntryView), (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json")))]
async fn create_entry(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reviews>,
    ApiPath(ledger): ApiPath<String>,
    CommandId(id): CommandId,
    ApiJson(new): ApiJson<NewEntry>,
) -> Result<Answer> {
    let asked = Asked::new(&id, &format!("enter {ledger}"), &new)?;
    Ok(ledgers::adjust(&app, &caller, &ledger, &new, &asked).await?)
}

/// Whose standing.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct StandingsQuery {
    /// Only this rep's.
    pub user: Option<String>,
    /// At most so many items, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// List how the scores of reps stand beside their peers', as it was worked out last
#[utoipa::path(get, path = "/rep-standings", operation_id = "list_rep_standings", tag = "outputs", params(StandingsQuery),
    responses((status = 200, body = Page<Shown<RepStanding>>)))]
async fn list_rep_standings(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<Reads>,
    ApiQuery(query): ApiQuery<StandingsQuery>,
) -> Result<Json<Page<Shown<RepStanding>>>> {
    let page = PageQuery { limit: query.limit, after: query.after };
    let limit = page.limit()?;
    let found = standings::list(&app, &caller, query.user, page.after()?, limit + 1).await?;
    Ok(Json(Page::of(found, limit, |shown| shown.id.clone())))
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list_outputs))
        .routes(routes!(list_balances))
        .routes(routes!(list_entries, create_entry))
        .routes(routes!(list_rep_standings))
}
