//! What a visit leaves to do, and what it has done of that: tasks that its events spawn, what is open at its customer, and
//! the tasks that completing it closes.

use crate::app::App;
use crate::flows::book::Book;
use crate::flows::calendar;
use crate::flows::caller::Caller;
use crate::flows::problem::{Problem, Result};
use crate::flows::tasks;
use crate::store::{TaskField, TaskQuery};
use engine::effective::EffectiveSop;
use engine::task::{self, Actor, Resolved, Task, TaskAction, TaskEvent, TaskKind, TaskState};
use engine::time::{self, format_utc};
use engine::verdict::SpawnedTask;
use engine::visit::{Visit, VisitEvent};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds that a later visit can do.
const KINDS: [TaskKind; 3] = [TaskKind::FollowUp, TaskKind::Support, TaskKind::Approval];
/// At most so many are shown.
const SHOWN: u32 = 100;

/// The tasks that follow from submissions and verdicts; one that is there already stays.
///
/// # Errors
/// Those of the store.
pub async fn spawn(
    app: &App,
    tenant: &str,
    sop: &EffectiveSop,
    visit: &Visit,
    parent: &Task,
    events: &[VisitEvent],
    book: &mut Book<'_>,
) -> Result<()> {
    let mut made = BTreeSet::new();
    for spawned in events.iter().flat_map(spawned) {
        if !made.insert(&spawned.id) || app.store.task(tenant, &spawned.id).await?.is_some() {
            continue;
        }
        let mut spawned = spawned.clone();
        spawned.due = due(app, tenant, visit, parent, &spawned).await?;
        book.new_task(Task::spawned(parent, &spawned, sop, app.clock.now_ms()))?;
    }
    Ok(())
}

fn spawned(event: &VisitEvent) -> &[SpawnedTask] {
    match event {
        VisitEvent::Assessed { assessment } => &assessment.tasks,
        VisitEvent::VisitCompleted { verdict, .. }
        | VisitEvent::VisitClosed { verdict, .. }
        | VisitEvent::Reassessed { verdict } => &verdict.tasks,
        _ => &[],
    }
}

/// When a task is due: working days are those of the tenant's calendar, which the engine does not know.
async fn due(app: &App, tenant: &str, visit: &Visit, parent: &Task, spawned: &SpawnedTask) -> Result<String> {
    let Some(working) = &spawned.working else { return Ok(spawned.due.clone()) };
    let days = calendar::working_days(app, tenant, &visit.customer.id, &parent.org_path).await?;
    let from_ms = time::parse("from", &working.from).map_err(Problem::internal)?;
    let due_ms = days.end_of(working.days, from_ms, &visit.customer.time_zone).map_err(Problem::internal)?;
    Ok(format_utc(due_ms))
}

/// What is open at a customer, as far as the caller sees it.
///
/// # Errors
/// Those of the store.
pub async fn open_at(app: &App, caller: &Caller, customer: &str) -> Result<Vec<Task>> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let equal = BTreeMap::from([
        (TaskField::Customer, vec![customer.to_owned()]),
        (TaskField::Kind, names(&KINDS.map(TaskKind::name))),
        (TaskField::State, names(&[TaskState::Open.name(), TaskState::InProgress.name()])),
    ]);
    let query = TaskQuery { scope: caller.task_scope(), equal, ..tasks::everything(SHOWN) };
    Ok(app.store.tasks(&caller.tenant, &query).await?)
}

/// Closes tasks that a visit has done.
///
/// # Errors
/// One of them is not there for this caller, is closed, of another customer, or not theirs to close.
pub async fn close(app: &App, caller: &Caller, visit: &Visit, closes: &[String], book: &mut Book<'_>) -> Result<()> {
    let mut closed = BTreeSet::new();
    for (index, id) in closes.iter().enumerate().filter(|(_, id)| closed.insert(id.as_str())) {
        let pointer = format!("/body/closes/{index}");
        let unknown = |_| Problem::invalid(&pointer, "task.unknown", &json!({"task": id}));
        let mut task = tasks::visible(app, caller, id).await.map_err(unknown)?;
        if task.customer.as_ref() != Some(&visit.customer.id) {
            return Err(Problem::invalid(&pointer, "closes.elsewhere", &json!({"task": id})));
        }
        let roles = tasks::roles_over(app, caller, &task).await?;
        let actor = Actor { user: &caller.user, roles: &roles };
        // Approving is deciding: the visit's rep does so only over what others asked for.
        let decision = if task.kind == TaskKind::Approval { Resolved::Approved } else { Resolved::Done };
        let action = TaskAction::Resolve { decision, reason: None };
        let reviewed = match &task.parent {
            Some(parent) => app.store.task(&caller.tenant, parent).await?.and_then(|parent| parent.assignee),
            None => None,
        };
        let mut events = task::act(&task, &actor, reviewed.as_deref(), &action, app.clock.now_ms())
            .map_err(|no| Problem::invalid(&pointer, &no.code, &Value::Object(no.params)))?;
        for event in &mut events {
            if let TaskEvent::TaskResolved { resolution } = event {
                resolution.visit = Some(visit.id.clone());
            }
        }
        let before = task.version;
        let tip = app.store.tip(&caller.tenant, &task.id).await?;
        book.task_events(&mut task, tip, &events)?;
        book.changed_task(&mut task, before);
    }
    Ok(())
}
