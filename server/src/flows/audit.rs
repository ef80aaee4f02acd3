//! Who read what they may only read on the record, and the events of a stream for those who may look.

use crate::app::App;
use crate::flows::caller::{Caller, SEES_PERSONAL};
use crate::flows::load;
use crate::flows::once::{settle, tenant_event};
use crate::flows::problem::{Problem, Result};
use crate::flows::tasks;
use crate::store::StoredEvent;
use engine::event::{Event, Payload};
use engine::task::Role;
use serde_json::{Value, json};

/// Puts a reading of personal data or evidence on record, before it is answered.
///
/// # Errors
/// Those of the store.
pub async fn read(app: &App, caller: &Caller, what: Value) -> Result<()> {
    let access = json!({"by": caller.user, "what": what});
    settle(app, &caller.tenant, || async {
        Ok(vec![tenant_event(&caller.tenant, "personal_read", [("access", access.clone())])])
    })
    .await
    .map(drop)
}

/// Events of a stream after a place. Payloads only for those who may see personal data, and then on record.
///
/// # Errors
/// Not there, or not for this caller.
pub async fn events(app: &App, caller: &Caller, stream: &str, after: u64, limit: u32) -> Result<Vec<Event>> {
    const TENANT_READERS: &[Role] = &[Role::Admin, Role::Auditor];
    let mut personal = caller.is_any(SEES_PERSONAL);
    if stream == caller.tenant {
        caller.must_be(TENANT_READERS).map_err(|_| Problem::not_found())?;
        if !caller.covers(app, TENANT_READERS, None).await? {
            return Err(Problem::not_found());
        }
    } else {
        let task_id = match stream.strip_prefix("vis_") {
            Some(suffix) => format!("tsk_{suffix}"),
            None => stream.to_owned(),
        };
        let task = tasks::visible(app, caller, &task_id).await?;
        personal =
            tasks::sees_personal(app, caller, &task).await? || task.assignee.as_deref() == Some(caller.user.as_str());
    }
    let stored = app.store.events(&caller.tenant, stream, after, limit).await?;
    if stored.is_empty() && after == 0 && load::stream(app, &caller.tenant, stream, Some(1)).await?.is_empty() {
        return Err(Problem::not_found());
    }
    let mut events: Vec<Event> = stored.iter().map(StoredEvent::event).collect::<std::result::Result<_, _>>()?;
    if personal && stream != caller.tenant && !events.is_empty() {
        read(app, caller, json!({"stream": stream, "after": after})).await?;
    }
    if !personal {
        for event in &mut events {
            event.payloads.retain(|_, payload| matches!(payload, Payload::Erased(_)));
        }
    }
    Ok(events)
}
