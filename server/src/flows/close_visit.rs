//! Closing a visit that nobody closed: the policy of its SOP does, as of now.

use crate::app::App;
use crate::flows::judge::{Question, judge};
use crate::flows::load::{self, LoadedVisit};
use crate::flows::once::settle;
use crate::flows::problem::Result;
use crate::flows::reassess::written;
use crate::flows::sops;
use engine::command::Clock;
use engine::submit;
use engine::time::format_utc;
use engine::visit::VisitState;

/// Closes the visit if its time has come; false if there was nothing to do.
///
/// # Errors
/// Those of the store.
pub async fn close_visit(app: &App, tenant: &str, visit_id: &str) -> Result<bool> {
    settle(app, tenant, || async {
        let Some(before) = load::visit(app, tenant, visit_id).await? else { return Ok(Vec::new()) };
        let VisitState::Open(pins) = &before.visit.state else { return Ok(Vec::new()) };
        let loaded = sops::pinned(app, tenant, pins).await?;
        let now_ms = app.clock.now_ms();
        if before.visit.closes_at_ms(&loaded.effective).is_none_or(|closes_ms| closes_ms > now_ms) {
            return Ok(Vec::new());
        }
        let wanted = submit::wanted_for_verdict(&loaded.effective, &before.visit);
        let gathered = load::gather(app, tenant, &wanted).await?;
        let question = Question::Close(Clock { now: format_utc(now_ms) });
        let LoadedVisit { visit, tip } = before;
        let (visit, events) = judge(app, tenant, loaded, visit, question, gathered).await?;
        written(app, tenant, LoadedVisit { visit, tip }, events).await
    })
    .await
}
