//! Rules at work: what they found, and what became of it.

use super::auth::{Allowed, LooksAtRules};
use super::extract::ApiQuery;
use super::problem::{ApiProblem, ProblemBody, Result};
use crate::app::App;
use crate::flows::problem::{Kind, Problem};
use crate::flows::rules::{self, Asked, RuleVerdictsView};
use axum::Json;
use axum::extract::State;
use engine::time;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Which findings to count.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct RuleVerdictsParams {
    /// Only of this rule, `<plugin>/<rule>`.
    pub rule: Option<String>,
    /// Found from, RFC 3339.
    pub from: Option<String>,
    /// Found before, RFC 3339.
    pub to: Option<String>,
}

/// Counts by rule, version and code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RuleVerdictsList {
    /// By rule, version, hash and code.
    pub items: Vec<RuleVerdictsView>,
}

/// Count what rules found, by rule, version and code, with what reps contested and reviewers upheld and overturned: of
/// every rule for managers and admins, of the rules they brought for partners
#[utoipa::path(get, path = "/rules/verdicts", operation_id = "list_rule_verdicts", tag = "rules", params(RuleVerdictsParams),
    responses((status = 200, body = RuleVerdictsList), (status = 400, body = ProblemBody, content_type = "application/problem+json")))]
async fn list_rule_verdicts(
    State(app): State<Arc<App>>,
    Allowed(caller, ..): Allowed<LooksAtRules>,
    ApiQuery(query): ApiQuery<RuleVerdictsParams>,
) -> Result<Json<RuleVerdictsList>> {
    let (from_ms, to_ms) = (moment("from", query.from)?, moment("to", query.to)?);
    let asked = Asked { rule: query.rule, from_ms, to_ms };
    Ok(Json(RuleVerdictsList { items: rules::verdicts(&app, &caller, asked).await? }))
}

/// A moment of a query.
///
/// # Errors
/// `time.invalid`: it is none.
pub(super) fn moment(member: &'static str, text: Option<String>) -> Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    time::parse(member, &text).map(Some).map_err(|error| {
        let problem = Problem::invalid("", "time.invalid", &json!({"detail": error.to_string()}));
        ApiProblem(Problem { kind: Kind::Malformed, ..problem })
    })
}

/// The routes.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(list_rule_verdicts))
}
