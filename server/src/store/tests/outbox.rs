//! Work is done once, by one worker at a time, and never lost.

use super::samples::{NOW, commit, done, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Commit, OutboxItem, Store, Write};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;

on_both![
    work_is_taken_and_done,
    work_that_fails_comes_again,
    work_asked_for_meanwhile_is_not_lost,
    workers_never_share,
];

const LEASE: i64 = NOW + 60_000;

fn work(id: &str, body: Value) -> Write {
    Write::Outbox { id: id.to_owned(), topic: "reassess".to_owned(), body }
}

fn item(id: &str, body: Value, attempts: u32) -> OutboxItem {
    OutboxItem { tenant: ONE.to_owned(), id: id.to_owned(), topic: "reassess".to_owned(), body, attempts }
}

async fn take(store: &dyn Store, now_ms: i64) -> Vec<OutboxItem> {
    store.take(ONE, now_ms, now_ms + 60_000, 10).await.unwrap()
}

async fn work_is_taken_and_done(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![work("b", json!(1)), work("a", json!(2)), work("c", json!(3))]).await;
    assert_eq!(store.take(OTHER, NOW, LEASE, 10).await.unwrap(), []);
    assert_eq!(take(&*store, NOW - 1).await, []);
    let taken = store.take(ONE, NOW, LEASE, 2).await.unwrap();
    assert_eq!(taken, [item("a", json!(2), 1), item("b", json!(1), 1)]);
    assert_eq!(store.take(ONE, NOW, LEASE, 10).await.unwrap(), [item("c", json!(3), 1)]);
    assert_eq!(take(&*store, NOW).await, []);
    write(&*store, ONE, vec![Write::OutboxDone("a".to_owned()), Write::OutboxDone("unknown".to_owned())]).await;
    // Who died with it: another gets it when the lease is over.
    assert_eq!(take(&*store, LEASE).await, [item("b", json!(1), 2), item("c", json!(3), 2)]);
}

async fn work_that_fails_comes_again(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![work("a", json!(1))]).await;
    write(&*store, OTHER, vec![work("a", json!(1))]).await;
    assert_eq!(take(&*store, NOW).await.len(), 1);
    store.postpone(ONE, "a", NOW + 5).await.unwrap();
    store.postpone(ONE, "unknown", NOW).await.unwrap();
    assert_eq!(take(&*store, NOW + 4).await, []);
    assert_eq!(take(&*store, NOW + 5).await, [item("a", json!(1), 2)]);
    assert_eq!(store.take(OTHER, NOW, LEASE, 10).await.unwrap().len(), 1);
}

async fn work_asked_for_meanwhile_is_not_lost(database: &Database) {
    let store = database.with_tenants().await;
    // While it waits it is one piece of work, with what was said last.
    write(&*store, ONE, vec![work("a", json!(1))]).await;
    write(&*store, ONE, vec![work("a", json!(2))]).await;
    assert_eq!(take(&*store, NOW).await, [item("a", json!(2), 1)]);
    // While somebody is at it, it is asked for again: they may have read what was there before.
    write(&*store, ONE, vec![work("a", json!(3))]).await;
    assert_eq!(take(&*store, NOW).await, []);
    let end = Commit { at_ms: NOW + 7, ..commit(vec![Write::OutboxDone("a".to_owned())]) };
    done(store.commit(ONE, &end).await);
    assert_eq!(take(&*store, NOW + 6).await, []);
    assert_eq!(take(&*store, NOW + 7).await, [item("a", json!(3), 1)]);
    done(store.commit(ONE, &end).await);
    assert_eq!(take(&*store, i64::MAX - 60_000).await, []);
    // Done, and asked for in the same commit: both count.
    write(&*store, ONE, vec![work("a", json!(4)), Write::OutboxDone("a".to_owned()), work("a", json!(5))]).await;
    assert_eq!(take(&*store, NOW).await, [item("a", json!(5), 1)]);
}

async fn workers_never_share(database: &Database) {
    let stores = [database.with_tenants().await, database.open().await];
    for _ in 0..5 {
        write(&*stores[0], ONE, (0..30).map(|number| work(&format!("{number}"), json!({}))).collect()).await;
        let barrier = Arc::new(Barrier::new(6));
        let mut workers = Vec::new();
        for worker in 0..6 {
            let (store, barrier) = (stores[worker % 2].clone(), barrier.clone());
            workers.push(tokio::spawn(async move {
                barrier.wait().await;
                store.take(ONE, NOW, LEASE, 7).await.unwrap()
            }));
        }
        let mut taken = Vec::new();
        for worker in workers {
            taken.extend(worker.await.unwrap().into_iter().map(|item| item.id));
        }
        // One who waited for rows of another may come out with fewer, never with the same.
        taken.extend(store_rest(&*stores[0]).await);
        assert_eq!(taken.len(), 30);
        assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 30);
        write(&*stores[0], ONE, taken.into_iter().map(Write::OutboxDone).collect()).await;
    }
}

async fn store_rest(store: &dyn Store) -> Vec<String> {
    store.take(ONE, NOW, LEASE, 100).await.unwrap().into_iter().map(|item| item.id).collect()
}
