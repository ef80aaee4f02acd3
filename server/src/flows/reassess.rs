//! Judging a visit again: evidence it awaited is here, or a neighbour arrived late. The old verdict stays in the log.

use crate::app::App;
use crate::flows::book::Book;
use crate::flows::judge::{Question, judge};
use crate::flows::load::{self, LoadedVisit};
use crate::flows::once::settle;
use crate::flows::problem::{Problem, Result};
use crate::flows::{follow_up, sops};
use crate::store::Write;
use engine::command::EvidenceArrival;
use engine::submit;
use engine::time::format_utc;
use engine::visit::{Visit, VisitEvent};

/// Evidence that a visit awaits is here; when nothing is awaited any more, the verdict is made again.
///
/// # Errors
/// Those of the store.
pub async fn evidence_arrived(app: &App, tenant: &str, visit_id: &str, sha256: &str) -> Result<bool> {
    settle(app, tenant, || async {
        let Some(before) = load::visit(app, tenant, visit_id).await? else { return Ok(Vec::new()) };
        if !before.visit.awaited.contains(sha256) {
            return Ok(Vec::new());
        }
        let now_ms = app.clock.now_ms();
        let exif = app.store.evidence(tenant, sha256).await?.and_then(|row| row.exif);
        let arrival = EvidenceArrival { sha256: sha256.to_owned(), received: format_utc(now_ms), exif };
        let arrived = VisitEvent::EvidenceArrived { evidence: arrival };
        let mut after = before.visit.clone();
        after.apply(&arrived, "", now_ms);
        let mut events = vec![arrived];
        if after.awaited.is_empty() && after.verdict().is_some() {
            events.extend(judged_again(app, tenant, after, Question::Again).await?);
        }
        written(app, tenant, before, events).await
    })
    .await
}

/// A check-in of the same rep arrived that lies before this visit's.
///
/// # Errors
/// Those of the store.
pub async fn neighbour_arrived(app: &App, tenant: &str, visit_id: &str, outbox: &str) -> Result<()> {
    settle(app, tenant, || async {
        let done = Write::OutboxDone(outbox.to_owned());
        let Some(before) = load::visit(app, tenant, visit_id).await? else { return Ok(vec![done]) };
        // While it is open there is no verdict to make again, but what was found at the check-in is.
        if before.visit.pins().is_none() {
            return Ok(vec![done]);
        }
        let events = judged_again(app, tenant, before.visit.clone(), Question::Neighbour).await?;
        let mut writes = if events.is_empty() { Vec::new() } else { written(app, tenant, before, events).await? };
        writes.push(done);
        Ok(writes)
    })
    .await
    .map(drop)
}

async fn judged_again(app: &App, tenant: &str, visit: Visit, question: Question) -> Result<Vec<VisitEvent>> {
    let pins = visit.pins().ok_or_else(|| Problem::internal("a judged visit is pinned"))?;
    let loaded = sops::pinned(app, tenant, pins).await?;
    let wanted = match &question {
        Question::Neighbour => submit::wanted_for_reassessment(&loaded.effective, &visit),
        Question::Command(_) | Question::Close(_) | Question::Again => {
            submit::wanted_for_verdict(&loaded.effective, &visit)
        }
    };
    let gathered = load::gather(app, tenant, &wanted).await?;
    let (_, events) = judge(app, tenant, loaded, visit, question, gathered).await?;
    Ok(events)
}

/// The writes of events that no command asked for.
///
/// # Errors
/// Those of the store.
pub async fn written(app: &App, tenant: &str, before: LoadedVisit, events: Vec<VisitEvent>) -> Result<Vec<Write>> {
    let pins = before.visit.pins().ok_or_else(|| Problem::internal("only a visit that began is judged"))?;
    let loaded = sops::pinned(app, tenant, pins).await?;
    let task_id = before.visit.task.clone();
    let mut task = app
        .store
        .task(tenant, &task_id)
        .await?
        .ok_or_else(|| Problem::internal(format!("{task_id} of a visit is gone")))?;
    let now_ms = app.clock.now_ms();
    let mut book = Book::new(tenant, now_ms);
    let id = before.visit.id.clone();
    let visit = book.visit_events(&loaded.effective, Some(before), &id, &events)?;
    let version = task.version;
    task.project(&loaded.effective, &visit, now_ms);
    book.changed_task(&mut task, version);
    follow_up::spawn(app, tenant, &loaded.effective, &visit, &task, &events, &mut book).await?;
    Ok(book.into_writes())
}
