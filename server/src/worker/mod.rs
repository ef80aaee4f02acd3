//! What nobody asks for: forgotten visits are closed, due tasks marked, work of the outbox done, patches followed,
//! and once a day how reps stand beside their peers. Each loop has a
//! `tick(app)` that does all that is due by the app's clock and says how much; tests and a clock moved by hand call it.

use crate::app::App;
use crate::flows::problem::{Problem, Result};
use crate::flows::{close_visit, installations, reassess, remind, standings};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many things one look takes.
const BATCH: u32 = 200;
/// How long another worker leaves work alone that this one took.
const LEASE_MS: i64 = 60_000;
/// Pause between looks.
const PAUSE: Duration = Duration::from_secs(2);

/// All loops once, over all tenants, until nothing is due.
///
/// # Errors
/// The first that failed; the others were done.
pub async fn tick(app: &App) -> Result<u64> {
    let mut done = 0;
    let mut failed = None;
    for tenant in app.store.tenants().await?.into_iter().filter(|tenant| !tenant.suspended) {
        for result in [
            close_visits(app, &tenant.id).await,
            remind_tasks(app, &tenant.id).await,
            late_evidence(app, &tenant.id).await,
            outbox(app, &tenant.id).await,
            installations::follow_patches(app, &tenant.id).await,
            standings::stand(app, &tenant.id).await,
        ] {
            match result {
                Ok(count) => done += count,
                Err(problem) => failed = failed.or(Some(problem)),
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

/// Forgotten visits.
async fn close_visits(app: &App, tenant: &str) -> Result<u64> {
    let mut done = 0;
    loop {
        let due = app.store.to_close(tenant, app.clock.now_ms(), BATCH).await?;
        let mut closed = 0;
        for task in &due {
            if let Some(visit) = &task.visit
                && close_visit::close_visit(app, tenant, visit).await?
            {
                closed += 1;
            }
        }
        done += closed;
        // What cannot be closed must not be looked at for ever.
        if closed == 0 {
            return Ok(done);
        }
    }
}

/// Tasks that are due, and planned visits nobody began.
async fn remind_tasks(app: &App, tenant: &str) -> Result<u64> {
    let mut done = 0;
    loop {
        let due = app.store.to_remind(tenant, app.clock.now_ms(), BATCH).await?;
        let mut marked = 0;
        for task in &due {
            if remind::remind(app, tenant, &task.id).await? {
                marked += 1;
            }
        }
        done += marked;
        if marked == 0 {
            return Ok(done);
        }
    }
}

/// Evidence and the submission that names it arrived at the same moment, each not knowing of the other.
async fn late_evidence(app: &App, tenant: &str) -> Result<u64> {
    let mut done = 0;
    loop {
        let mut settled = 0;
        for (visit, sha256) in app.store.awaiting_what_is_here(tenant, BATCH).await? {
            if reassess::evidence_arrived(app, tenant, &visit, &sha256).await? {
                settled += 1;
            }
        }
        done += settled;
        if settled == 0 {
            return Ok(done);
        }
    }
}

/// Work that follows from commits.
async fn outbox(app: &App, tenant: &str) -> Result<u64> {
    let mut done = 0;
    loop {
        let now_ms = app.clock.now_ms();
        let items = app.store.take(tenant, now_ms, now_ms.saturating_add(LEASE_MS), BATCH).await?;
        if items.is_empty() {
            return Ok(done);
        }
        for item in items {
            let visit = item.body.get("visit").and_then(serde_json::Value::as_str).unwrap_or_default();
            let result = match item.topic.as_str() {
                "reassess" => reassess::neighbour_arrived(app, tenant, visit, &item.id).await,
                topic => Err(Problem::internal(format!("nobody knows the topic `{topic}`"))),
            };
            match result {
                Ok(()) => done += 1,
                Err(problem) => {
                    tracing::error!(tenant, item = item.id, cause = problem.cause, "work of the outbox failed");
                    let pause_ms = 1_000_i64.saturating_mul(1 << item.attempts.min(10));
                    app.store.postpone(tenant, &item.id, now_ms.saturating_add(pause_ms)).await?;
                }
            }
        }
    }
}

/// Looks again and again until told to stop.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut looks = tokio::time::interval(PAUSE);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {
                if let Err(problem) = tick(&app).await {
                    tracing::error!(code = problem.code, cause = problem.cause, "the worker could not do all its work");
                }
            }
        }
    }
}
