//! Overlays on a tenant's own or installed templates: a draft as the SOP it gives, and what becomes of it when its template
//! moves.

use crate::app::App;
use crate::flows::problem::{Problem, Result, sentence};
use crate::flows::publish::{self, LintProblem};
use crate::flows::sops;
use crate::store::{Version, VersionKind};
use engine::overlay::{self, Conflict, Overlay, TemplateVersion};
use engine::text::{LANGUAGES, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a published SOP was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeFrom {
    /// Hash of the overlay.
    pub overlay: String,
    /// Name of the template.
    pub sop: String,
    /// Its version.
    pub version: String,
    /// Its hash.
    pub template: String,
}

/// A draft as the SOP document it gives.
pub struct Given {
    /// The document.
    pub document: Value,
    /// What it was made from, if it is not its own.
    pub from: Option<MadeFrom>,
}

/// What becomes of an overlay when its template moves.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RebaseReport {
    /// The overlay on the new version of its template; give it a new version of its own, put and publish it.
    #[schema(value_type = Object)]
    pub overlay: Value,
    /// What a person should look at.
    pub conflicts: Vec<RebaseConflict>,
    /// What is wrong with the SOP it gives.
    pub problems: Vec<LintProblem>,
}

/// A change that meets a change of the template.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RebaseConflict {
    /// `/changes/<n>` of the overlay that was carried over.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// What meets what, in words.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub hint: Text,
    /// Whether the change is in the new overlay.
    pub kept: bool,
    /// What the old template has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What the new template has there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub template: Option<Value>,
    /// What the overlay wants there; none if it removes or moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub overlay: Option<Value>,
}

impl From<Conflict> for RebaseConflict {
    fn from(conflict: Conflict) -> Self {
        let Conflict { problem, kept, before, template, overlay } = conflict;
        let hint = words(&problem);
        Self { pointer: problem.pointer, code: problem.code, hint, kept, before, template, overlay }
    }
}

/// A document as the SOP document it gives: itself, or its template with its changes.
///
/// # Errors
/// Those of the store. Inside: everything that is wrong with the overlay, or there is no such template.
pub async fn given(app: &App, tenant: &str, document: Value) -> Result<std::result::Result<Given, Vec<LintProblem>>> {
    if !overlay::is_overlay(&document) {
        return Ok(Ok(Given { document, from: None }));
    }
    let read = match overlay::read(&document) {
        Ok(read) => read,
        Err(problems) => return Ok(Err(problems.into_iter().map(LintProblem::of).collect())),
    };
    let Some((version, template)) = template(app, tenant, &read.of).await? else {
        return Ok(Err(vec![no_template(&read.of)]));
    };
    let applied = match overlay::apply(&template, &read) {
        Ok(applied) => applied,
        Err(problems) => return Ok(Err(problems.into_iter().map(LintProblem::of).collect())),
    };
    let TemplateVersion { sop, version: number } = read.of;
    let hash = engine::canon::hash_value(&document).map_err(Problem::internal)?;
    let from = MadeFrom { overlay: hash, sop, version: number, template: version.hash };
    Ok(Ok(Given { document: applied.document, from: Some(from) }))
}

/// A published version with its document.
async fn template(app: &App, tenant: &str, of: &TemplateVersion) -> Result<Option<(Version, Value)>> {
    let version = app.store.version(tenant, VersionKind::Sop, &of.sop, &of.version).await?;
    let Some(version) = version.filter(|version| version.published) else { return Ok(None) };
    let document = sops::json_object(app, tenant, &version.hash).await?;
    Ok(Some((version, document)))
}

fn no_template(of: &TemplateVersion) -> LintProblem {
    let hint = sentence("overlay.no_template", &json!({"sop": of.sop, "version": of.version}));
    LintProblem { pointer: "/of".to_owned(), code: "overlay.no_template".to_owned(), hint }
}

/// The overlay that a version is or was made from.
///
/// # Errors
/// Those of the store.
pub async fn overlay_of(app: &App, tenant: &str, version: &Version) -> Result<Option<Value>> {
    let from = version.about.get("from").and_then(|from| from.get("overlay")).and_then(Value::as_str);
    match from {
        Some(hash) => sops::json_object(app, tenant, hash).await.map(Some),
        None => Ok(None),
    }
}

/// Carries an overlay, draft or published, over to another version of its template.
///
/// # Errors
/// No such version, or it is no overlay; no such version of its template; the overlay does not fit the template it is on.
pub async fn rebase(app: &App, tenant: &str, name: &str, number: &str, to: &str) -> Result<RebaseReport> {
    let version = app.store.version(tenant, VersionKind::Sop, name, number).await?.ok_or_else(Problem::not_found)?;
    let document = match overlay_of(app, tenant, &version).await? {
        Some(document) => document,
        None => sops::json_object(app, tenant, &version.hash).await?,
    };
    if !overlay::is_overlay(&document) {
        return Err(Problem::invalid("", "overlay.none", &json!({"name": name, "version": number})));
    }
    let read = overlay::read(&document).map_err(unfit)?;
    let next = TemplateVersion { version: to.to_owned(), ..read.of.clone() };
    let missing = |of: &TemplateVersion| {
        let params = json!({"sop": of.sop, "version": of.version});
        Problem::invalid("/to", "overlay.no_template", &params)
    };
    let (_, from) = template(app, tenant, &read.of).await?.ok_or_else(|| missing(&read.of))?;
    let (_, to) = template(app, tenant, &next).await?.ok_or_else(|| missing(&next))?;
    let rebased = overlay::rebase(&read, &from, &to).map_err(unfit)?;
    let problems = result_problems(app, tenant, &to, &rebased.overlay).await?;
    let overlay = serde_json::to_value(&rebased.overlay).map_err(Problem::internal)?;
    Ok(RebaseReport { overlay, conflicts: rebased.conflicts.into_iter().map(Into::into).collect(), problems })
}

async fn result_problems(app: &App, tenant: &str, template: &Value, overlay: &Overlay) -> Result<Vec<LintProblem>> {
    match overlay::apply(template, overlay) {
        Ok(applied) => publish::lint(app, tenant, applied.document).await,
        Err(problems) => Ok(problems.into_iter().map(LintProblem::of).collect()),
    }
}

fn unfit(problems: Vec<engine::lint::Problem>) -> Problem {
    Problem::at_all(problems.into_iter().map(|problem| LintProblem::of(problem).into()).collect())
}

/// A problem of the engine in every language.
pub fn words(problem: &engine::lint::Problem) -> Text {
    Text(LANGUAGES.iter().map(|language| ((*language).to_owned(), problem.hint(language))).collect())
}
