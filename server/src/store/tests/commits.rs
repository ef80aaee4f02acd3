//! ONE-COMMIT: all or nothing, one winner, and a command is answered once.

use super::samples::{command, commit, done, event, moved, new_task, stream, task, tenant_event, token, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Commit, Committed, Conflict, Record, Write};
use engine::event::{Tip, Tips};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Barrier;

on_both![
    a_commit_is_all_or_nothing,
    a_command_is_answered_once,
    what_changed_is_told,
    of_commits_on_one_task_one_wins,
    of_twenty_creates_one_wins,
    of_commits_with_one_command_one_is_done,
    events_follow_each_other,
    the_tenant_s_stream_is_sealed_where_it_ends,
    commits_in_opposite_orders_give_way,
    without_a_tenant_nothing_is_committed,
    a_task_never_goes_back,
];

async fn a_commit_is_all_or_nothing(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![new_task("tsk_1")]).await;
    let writes = vec![
        new_task("tsk_2"),
        Write::Object { hash: "aa".to_owned(), bytes: vec![1] },
        Write::Token(token("tok_1", "usr_1")),
        tenant_event(ONE),
        Write::Outbox { id: "out_1".to_owned(), topic: "reassess".to_owned(), body: json!({}) },
        // Is there already.
        new_task("tsk_1"),
    ];
    let commit = Commit { command: Some(command("usr_1", "cmd_1")), ..commit(writes) };
    assert_eq!(moved(store.commit(ONE, &commit).await), "tsk_1");
    assert_eq!(store.task(ONE, "tsk_2").await.unwrap(), None);
    assert_eq!(store.object(ONE, "aa").await.unwrap(), None);
    assert_eq!(store.token_by_id(ONE, "tok_1").await.unwrap(), None);
    assert_eq!(store.tip(ONE, ONE).await.unwrap(), Tip::default());
    assert_eq!(store.take(ONE, i64::MAX, i64::MAX, 10).await.unwrap(), []);
    assert_eq!(store.command(ONE, "usr_1", "cmd_1").await.unwrap(), None);
    assert_eq!(store.changes(ONE, 0, 10).await.unwrap().len(), 1);
    // The number it would have had goes to the next.
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_2")]).await, 2);
}

async fn a_command_is_answered_once(database: &Database) {
    let store = database.with_tenants().await;
    let first = command("usr_1", "cmd_1");
    let mut again = first.clone();
    again.body_hash = "0b".repeat(32);
    again.answer = json!({"other": true}).to_string();
    let with = |command, id| Commit { command: Some(command), ..commit(vec![new_task(id)]) };
    assert_eq!(done(store.commit(ONE, &with(first.clone(), "tsk_1")).await), 1);
    let committed = store.commit(ONE, &with(again, "tsk_2")).await.unwrap();
    assert_eq!(committed, Committed::Conflict(Conflict::Command(Box::new(first.clone()))));
    assert_eq!(store.command(ONE, "usr_1", "cmd_1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.task(ONE, "tsk_2").await.unwrap(), None);
    // The same id of somebody else, or elsewhere, is another command.
    assert_eq!(done(store.commit(ONE, &with(command("usr_2", "cmd_1"), "tsk_2")).await), 2);
    assert_eq!(done(store.commit(OTHER, &with(first, "tsk_1")).await), 1);
    assert_eq!(store.command(ONE, "usr_1", "cmd_2").await.unwrap(), None);
}

async fn what_changed_is_told(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, stream(ONE, "vis_1", 2)).await;
    let record = Record { revision: 1, ..super::samples::record("customer", "cus_1", 1) };
    let version = super::samples::version(crate::store::VersionKind::Sop, "audit", "1.0.0", 1);
    let writes = vec![
        new_task("tsk_1"),
        Write::Record(Box::new(record), None),
        Write::Version(Box::new(version), None),
        tenant_event(ONE),
        Write::Evidence(super::samples::evidence("aa")),
        Write::OutboxDone("out_1".to_owned()),
    ];
    write(&*store, ONE, writes).await;
    let changes = store.changes(ONE, 0, 10).await.unwrap();
    assert_eq!(changes[0].what, json!([{"event": ["vis_1", 1]}, {"event": ["vis_1", 2]}]));
    assert_eq!(
        changes[1].what,
        json!([
            {"task": "tsk_1"},
            {"record": ["customer", "cus_1"]},
            {"version": ["sop", "audit", "1.0.0"]},
            {"event": [ONE, 1]},
            {"evidence": "aa"},
        ])
    );
    assert_eq!((changes[1].change_seq, changes[1].at_ms), (2, super::samples::NOW));
    assert_eq!(store.changes(ONE, 1, 10).await.unwrap(), changes[1..]);
    assert_eq!(store.changes(ONE, 0, 1).await.unwrap(), changes[..1]);
    assert_eq!(store.changes(OTHER, 0, 10).await.unwrap(), []);
}

/// Runs commits at the same moment, over two openings of the store as two replicas would; how each ended.
async fn at_once(database: &Database, commits: Vec<Commit>) -> Vec<Committed> {
    let barrier = Arc::new(Barrier::new(commits.len()));
    let stores = [database.open().await, database.open().await];
    let mut running = Vec::new();
    for (index, commit) in commits.into_iter().enumerate() {
        let (store, barrier) = (stores[index % 2].clone(), barrier.clone());
        running.push(tokio::spawn(async move {
            barrier.wait().await;
            store.commit(ONE, &commit).await.unwrap()
        }));
    }
    let mut ended = Vec::new();
    for running in running {
        ended.push(running.await.unwrap());
    }
    ended
}

fn count_done(ended: &[Committed]) -> usize {
    ended.iter().filter(|ended| matches!(ended, Committed::Done { .. })).count()
}

async fn of_commits_on_one_task_one_wins(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![new_task("tsk_1")]).await;
    for version in 2..7 {
        let commits = (0..8).map(|writer| {
            let mut task = task("tsk_1");
            task.version = version;
            task.assignee = Some(format!("usr_{writer}"));
            commit(vec![Write::Task(Box::new(task), Some(version - 1))])
        });
        let ended = at_once(database, commits.collect()).await;
        let winner = ended.iter().position(|ended| matches!(ended, Committed::Done { .. })).unwrap();
        let lost = Committed::Conflict(Conflict::Moved("tsk_1".to_owned()));
        assert_eq!(ended.iter().filter(|ended| **ended == lost).count(), 7);
        let task = store.task(ONE, "tsk_1").await.unwrap().unwrap();
        assert_eq!((task.version, task.assignee), (version, Some(format!("usr_{winner}"))));
    }
    assert_eq!(store.changes(ONE, 0, 100).await.unwrap().len(), 6);
}

async fn of_twenty_creates_one_wins(database: &Database) {
    database.with_tenants().await;
    let record = || Write::Record(Box::new(super::samples::record("user", "usr_1", 1)), None);
    let version = || {
        let version = super::samples::version(crate::store::VersionKind::Plugin, "presence", "1.0.0", 1);
        Write::Version(Box::new(version), None)
    };
    let makes: [&dyn Fn() -> Write; 4] =
        [&|| new_task("tsk_1"), &record, &version, &|| Write::Token(token("tok_1", "usr_1"))];
    for make in makes {
        let ended = at_once(database, (0..20).map(|_| commit(vec![make()])).collect()).await;
        assert_eq!(count_done(&ended), 1, "{ended:?}");
    }
}

async fn of_commits_with_one_command_one_is_done(database: &Database) {
    let store = database.with_tenants().await;
    let sent = command("usr_1", "cmd_1");
    let commits = (0..20)
        .map(|sender| Commit { command: Some(sent.clone()), ..commit(vec![new_task(&format!("tsk_{sender}"))]) });
    let ended = at_once(database, commits.collect()).await;
    assert_eq!(count_done(&ended), 1);
    let replay = Committed::Conflict(Conflict::Command(Box::new(sent)));
    assert_eq!(ended.iter().filter(|ended| **ended == replay).count(), 19);
    assert_eq!(store.tasks(ONE, &super::samples::all_tasks()).await.unwrap().len(), 1);
}

async fn events_follow_each_other(database: &Database) {
    let store = database.with_tenants().await;
    let mut tip = Tip::default();
    let first = event(ONE, "vis_1", &mut tip);
    let second = event(ONE, "vis_1", &mut tip);
    let one = |event: &engine::event::Event| commit(vec![Write::Event(Box::new(event.clone()))]);
    assert_eq!(moved(store.commit(ONE, &one(&second)).await), "vis_1");
    done(store.commit(ONE, &one(&first)).await);
    assert_eq!(moved(store.commit(ONE, &one(&first)).await), "vis_1");
    // Right place, but hashed onto something else.
    let mut elsewhere = Tip { seq: 1, hash: "ab".repeat(32) };
    assert_eq!(moved(store.commit(ONE, &one(&event(ONE, "vis_1", &mut elsewhere))).await), "vis_1");
    done(store.commit(ONE, &one(&second)).await);
    assert_eq!(store.tip(ONE, "vis_1").await.unwrap(), tip);
    // An event of one tenant has no place with another.
    assert!(store.commit(OTHER, &one(&first)).await.is_err());
    assert_eq!(store.tip(OTHER, "vis_1").await.unwrap(), Tip::default());

    let next = event(ONE, "vis_1", &mut tip);
    let ended = at_once(database, (0..8).map(|_| one(&next)).collect()).await;
    assert_eq!(count_done(&ended), 1);
}

async fn the_tenant_s_stream_is_sealed_where_it_ends(database: &Database) {
    let store = database.with_tenants().await;
    let ended = at_once(database, (0..20).map(|_| commit(vec![tenant_event(ONE), tenant_event(ONE)])).collect()).await;
    assert_eq!(count_done(&ended), 20);
    let events = store.events(ONE, ONE, 0, 100).await.unwrap();
    assert_eq!(events.len(), 40);
    let mut tips = Tips::default();
    for stored in &events {
        let verification = tips.verify(&stored.event().unwrap());
        assert!(verification.faults.is_empty() && verification.erased.is_empty(), "{verification:?}");
    }
    assert_eq!(store.tip(ONE, ONE).await.unwrap(), tips.of(ONE, ONE));
    // Each change names the events it brought.
    let mut named: Vec<u64> = Vec::new();
    for change in store.changes(ONE, 0, 100).await.unwrap() {
        let events = change.what.as_array().unwrap().iter();
        named.extend(events.map(|what| what["event"][1].as_u64().unwrap()));
    }
    assert_eq!(named, (1..=40).collect::<Vec<u64>>());
    // Another stream, or salts that do not fit, are a mistake of ours.
    for (stream, salts) in [("vis_1", 2), (ONE, 1), (ONE, 3)] {
        let draft = super::samples::draft(stream, "noted");
        assert!(store.commit(ONE, &commit(vec![Write::TenantEvent(draft, vec![[1; 16]; salts])])).await.is_err());
    }
}

async fn commits_in_opposite_orders_give_way(database: &Database) {
    let store = database.with_tenants().await;
    let check_in = |visit: &str| {
        let (user, visit, device) = ("usr_1".to_owned(), visit.to_owned(), "dev_1".to_owned());
        Write::CheckIn { user, visit, seq: 1, at_ms: 1, device }
    };
    write(&*store, ONE, vec![check_in("vis_1"), check_in("vis_2")]).await;
    for _ in 0..8 {
        let orders = [["vis_1", "vis_2"], ["vis_2", "vis_1"], ["vis_1", "vis_2"], ["vis_2", "vis_1"]];
        let commits = orders.map(|order| commit(order.map(check_in).into()));
        let ended = at_once(database, commits.into()).await;
        assert_eq!(count_done(&ended), 4);
    }
}

async fn without_a_tenant_nothing_is_committed(database: &Database) {
    let store = database.open().await;
    assert_eq!(moved(store.commit("tnt_gone", &commit(vec![new_task("tsk_1")])).await), "tnt_gone");
    assert_eq!(store.task("tnt_gone", "tsk_1").await.unwrap(), None);
}

async fn a_task_never_goes_back(database: &Database) {
    let store = database.with_tenants().await;
    let at = |version| Box::new(engine::task::Task { version, ..task("tsk_1") });
    write(&*store, ONE, vec![Write::Task(at(3), None)]).await;
    for (version, expected) in [(3, 3), (2, 3), (4, 2), (4, 4)] {
        let ended = store.commit(ONE, &commit(vec![Write::Task(at(version), Some(expected))])).await;
        assert_eq!(moved(ended), "tsk_1", "{version} on {expected}");
    }
    write(&*store, ONE, vec![Write::Task(at(7), Some(3))]).await;
}
