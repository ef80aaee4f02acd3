//! `sopwith user end`: somebody leaves. Open work goes to somebody else, grants end, tokens are revoked; what they did stays.

use crate::app::App;
use crate::cli::UserEndArguments;
use crate::flows::book::Book;
use crate::flows::once::{settle, tenant_event};
use crate::flows::problem::{Problem, Result};
use crate::flows::records::{Grant, Kind as _, User, current};
use crate::flows::tasks;
use crate::store::{Record, TaskField, TaskQuery, Write};
use crate::tenant;
use engine::task::{Task, TaskEvent, TaskKind, TaskState};
use engine::time::{self, format_utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Runs the command; false when there is no such user.
///
/// # Errors
/// The database cannot be used.
pub async fn run(arguments: &UserEndArguments) -> anyhow::Result<bool> {
    let UserEndArguments { data, tenant, user, to } = arguments;
    let app = tenant::app(&data.store, &data.data).await?;
    let said = |problem: Problem| {
        let detail = problem.detail.get("en").unwrap_or_default().to_owned();
        anyhow::anyhow!("{}: {detail} {}", problem.code, problem.cause.unwrap_or_default())
    };
    if user == to {
        println!("{user} cannot take over from themselves");
        return Ok(false);
    }
    for id in [user, to] {
        if app.store.record(tenant, User::NAME, id, None).await?.is_none() {
            println!("there is no {id}");
            return Ok(false);
        }
    }
    let taker = app.store.record(tenant, User::NAME, to, None).await?;
    if taker.is_some_and(|taker| taker.to_ms.is_some_and(|to_ms| to_ms <= app.clock.now_ms())) {
        println!("{to} has left too");
        return Ok(false);
    }
    // Their access first: nothing new becomes theirs while the rest is handed over. Asked again after a crash, it goes on.
    let closed = end(&app, tenant, user).await.map_err(said)?;
    let handed_over = hand_over(&app, tenant, user, to).await.map_err(said)?;
    println!("{handed_over} open tasks now belong to {to}; {closed} grants and tokens of {user} ended");
    Ok(true)
}

/// Gives open tasks to somebody else. A visit under way is the rep's own stay: it stays with them and ends by policy.
async fn hand_over(app: &App, tenant: &str, user: &str, to: &str) -> Result<u64> {
    let mut handed_over = 0;
    let equal = BTreeMap::from([
        (TaskField::Assignee, vec![user.to_owned()]),
        (TaskField::State, vec![TaskState::Open.name().to_owned(), TaskState::InProgress.name().to_owned()]),
    ]);
    let mut query = TaskQuery { equal, ..tasks::everything(200) };
    loop {
        let found = app.store.tasks(tenant, &query).await?;
        let Some(last) = found.last() else { return Ok(handed_over) };
        let created_ms = time::parse("created_at", &last.created_at).map_err(Problem::internal)?;
        query.after = Some((created_ms, last.id.clone()));
        for task in found {
            if task.kind == TaskKind::Visit && task.visit.is_some() {
                continue;
            }
            if settle(app, tenant, || assigned(app, tenant, &task.id, user, to)).await? {
                handed_over += 1;
            }
        }
    }
}

async fn assigned(app: &App, tenant: &str, id: &str, user: &str, to: &str) -> Result<Vec<Write>> {
    let Some(mut task): Option<Task> = app.store.task(tenant, id).await? else { return Ok(Vec::new()) };
    if task.assignee.as_deref() != Some(user) || task.state.is_closed() {
        return Ok(Vec::new());
    }
    let before = task.version;
    let reviewed = match (&task.kind, &task.parent) {
        (TaskKind::Review | TaskKind::Approval, Some(parent)) => {
            app.store.task(tenant, parent).await?.and_then(|parent| parent.assignee)
        }
        _ => None,
    };
    let (by, reason) = ("installation".to_owned(), Some("user ended".to_owned()));
    let event = if reviewed.as_deref() == Some(to) {
        // A reviewer is never the visit's rep: it goes back to all who could take it up.
        TaskEvent::TaskReleased { user: by, reason }
    } else {
        TaskEvent::TaskAssigned { user: by, assignee: to.to_owned(), on_behalf_of: Some(user.to_owned()), reason }
    };
    let mut book = Book::new(tenant, app.clock.now_ms());
    let tip = app.store.tip(tenant, id).await?;
    book.task_events(&mut task, tip, &[event])?;
    book.changed_task(&mut task, before);
    Ok(book.into_writes())
}

/// Ends the user, their grants and their tokens, in one commit.
async fn end(app: &App, tenant: &str, user: &str) -> Result<usize> {
    let now_ms = app.clock.now_ms();
    let open = app.store.tokens(tenant, user).await?.into_iter().filter(|token| token.revoked_ms.is_none()).count();
    let closed = open + current::<Grant>(app, tenant, Some(user), now_ms).await?.len();
    settle(app, tenant, || async {
        let mut writes = Vec::new();
        for (record, _) in current::<Grant>(app, tenant, Some(user), now_ms).await? {
            writes.extend(ended(tenant, record, now_ms));
        }
        for token in app.store.tokens(tenant, user).await?.into_iter().filter(|token| token.revoked_ms.is_none()) {
            let about = json!({"token": token.id, "user": user, "by": "installation"});
            writes.push(Write::RevokeToken(token.id));
            writes.push(tenant_event(tenant, "token_revoked", [("token", about)]));
        }
        if let Some(record) = app.store.record(tenant, User::NAME, user, None).await?
            && record.to_ms.is_none_or(|to_ms| to_ms > now_ms)
        {
            writes.extend(ended(tenant, record, now_ms));
        }
        Ok(writes)
    })
    .await?;
    Ok(closed)
}

/// The next revision of a record that holds no longer than now.
fn ended(tenant: &str, mut record: Record, now_ms: i64) -> Vec<Write> {
    let before = record.revision;
    record.revision += 1;
    record.to_ms = Some(now_ms);
    record.at_ms = now_ms;
    record.by = "installation".into();
    if let Value::Object(members) = &mut record.body {
        members.insert("to".into(), format_utc(now_ms).into());
    }
    let about = json!({"kind": record.kind, "id": record.id, "revision": record.revision, "by": record.by});
    let event = tenant_event(tenant, "record_written", [("about", about), ("record", record.body.clone())]);
    vec![Write::Record(Box::new(record), Some(before)), event]
}
