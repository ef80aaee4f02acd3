//! Why a visit got its decision, validity, score and risk: everything that was looked at, in words, from its events.

use crate::app::App;
use crate::flows::audit;
use crate::flows::caller::Caller;
use crate::flows::load;
use crate::flows::problem::{Problem, Result};
use crate::flows::{sops, tasks};
use crate::store::StoredEvent;
use engine::explain::{self, FullExplanation, Happened, Reader};
use engine::time;
use serde_json::{Value, json};

/// The explanation of a visit task, or of the visit a review is about.
///
/// # Errors
/// Not there, or not for this caller (SCOPE); `explanation.no_visit`: the visit has not begun.
pub async fn explanation(app: &App, caller: &Caller, id: &str, language: &str) -> Result<FullExplanation> {
    let no_visit = || Problem::invalid("", "explanation.no_visit", &Value::Null);
    let tenant = caller.tenant.as_str();
    let task = tasks::visible(app, caller, id).await?;
    let visit_id = task.visit.as_deref().ok_or_else(no_visit)?;
    let stored = load::stream(app, tenant, visit_id, None).await?;
    let happened: Vec<Happened> = stored.iter().map(happened).collect::<Result<_>>()?;
    let events: Vec<_> = stored.iter().map(StoredEvent::event).collect::<std::result::Result<_, _>>()?;
    let visit = load::rebuild(&events)?.ok_or_else(no_visit)?;
    let sop = sops::pinned(app, tenant, visit.pins().ok_or_else(no_visit)?).await?;
    let own = visit.user == caller.user;
    let personal = own || tasks::sees_personal(app, caller, &task).await?;
    if personal && !own {
        audit::read(app, caller, json!({"explanation": visit.id})).await?;
    }
    explain::full(&sop.effective, &happened, Reader { language, personal }).ok_or_else(no_visit)
}

fn happened(stored: &StoredEvent) -> Result<Happened> {
    let event = stored.event()?;
    let at_ms = time::parse("at", &event.header.at).map_err(Problem::internal)?;
    Ok((load::visit_event(&event)?, stored.hash.clone(), at_ms))
}
