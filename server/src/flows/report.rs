//! The visit report: what happened and why, on one page, with its photos. Made for the caller's language; on record.

use crate::app::App;
use crate::flows::audit;
use crate::flows::caller::Caller;
use crate::flows::evidence;
use crate::flows::load;
use crate::flows::problem::{Problem, Result};
use crate::flows::sops;
use crate::flows::tasks;
use crate::report::{self, Comment, Photo, Report};
use crate::reports;
use engine::time;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest side of a photo in a report, in pixels.
const SIDE: u32 = 320;

/// The report page of a visit task, or of the visit a review is about.
///
/// # Errors
/// Not there, or not for this caller; the visit has not begun.
pub async fn page(app: &App, caller: &Caller, id: &str, language: &str) -> Result<String> {
    let tenant = caller.tenant.as_str();
    let task = tasks::visible(app, caller, id).await?;
    let visit_id = task.visit.clone().ok_or_else(|| Problem::invalid("", "report.no_visit", &Value::Null))?;
    let loaded = load::visit(app, tenant, &visit_id).await?;
    let loaded = loaded.ok_or_else(|| Problem::invalid("", "report.no_visit", &Value::Null))?;
    let visit = loaded.visit;
    let pins = visit.pins().ok_or_else(|| Problem::invalid("", "report.no_visit", &Value::Null))?;
    let sop = sops::pinned(app, tenant, pins).await?;
    let own = visit.user == caller.user;
    let personal = own || tasks::sees_personal(app, caller, &task).await?;
    let mut photos = BTreeMap::new();
    if personal {
        audit::read(app, caller, json!({"report": visit.id})).await?;
        photos = thumbnails(app, tenant, &visit).await?;
    }
    let rep = name_of(app, tenant, &visit.user).await?;
    let mut comments = Vec::new();
    for comment in &task.comments {
        comments.push(Comment {
            user: name_of(app, tenant, &comment.user).await?,
            at_ms: time::parse("at", &comment.at).unwrap_or_default(),
            text: comment.text.clone(),
        });
    }
    let names = reports::names(sop.datasets.values());
    let company = app.store.tenant(tenant).await?.map_or_else(|| tenant.to_owned(), |tenant| tenant.name);
    let report = Report {
        tenant: &company,
        sop: &sop.effective,
        visit: &visit,
        rep: &rep,
        names: &names,
        photos: &photos,
        personal,
        comments: &comments,
        made_at_ms: app.clock.now_ms(),
        tip: &loaded.tip.hash,
    };
    Ok(report::page(&report, language))
}

/// What a user is called.
async fn name_of(app: &App, tenant: &str, user: &str) -> Result<String> {
    let record = app.store.record(tenant, "user", user, None).await?;
    let name = record.and_then(|record| record.body.get("name")?.as_str().map(str::to_owned));
    Ok(name.unwrap_or_else(|| user.to_owned()))
}

/// Small pictures of the evidence that is here.
async fn thumbnails(app: &App, tenant: &str, visit: &engine::visit::Visit) -> Result<BTreeMap<String, Photo>> {
    let mut photos = BTreeMap::new();
    let named = visit.steps.values().filter_map(|record| record.submission.as_ref()).flat_map(|s| &s.evidence);
    for reference in named {
        if photos.contains_key(&reference.sha256) || app.store.evidence(tenant, &reference.sha256).await?.is_none() {
            continue;
        }
        let bytes = evidence::bytes(app, tenant, &reference.sha256).await?;
        let small = tokio::task::spawn_blocking(move || evidence::thumbnail(&bytes, SIDE));
        if let Some(thumbnail) = small.await.map_err(Problem::internal)? {
            photos.insert(reference.sha256.clone(), Photo { media_type: "image/jpeg".into(), thumbnail });
        }
    }
    Ok(photos)
}
