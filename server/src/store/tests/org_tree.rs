//! The tree of org units, and who is below whom.

use super::samples::{commit, moved, org_unit, record, under, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Commit, Committed, Record, Scope, Store, Write};
use std::sync::Arc;
use tokio::sync::Barrier;

on_both![
    units_hang_below_their_parent,
    a_unit_moves_with_all_below_it,
    children_may_come_before_their_parent,
    a_ring_is_a_conflict,
    two_moves_never_make_a_ring,
];

/// Hangs a unit elsewhere.
fn hang(unit: &str, parent: Option<&str>, revision: u64) -> Write {
    let record = Record { subject: parent.map(str::to_owned), ..record("org_unit", unit, revision) };
    Write::Record(Box::new(record), Some(revision - 1))
}

async fn tree(store: &dyn Store) {
    let units = [("a", None), ("b", Some("a")), ("c", Some("b")), ("d", Some("c")), ("e", Some("a"))];
    write(store, ONE, units.map(|(unit, parent)| org_unit(unit, parent)).into()).await;
}

async fn path(store: &dyn Store, unit: &str) -> Vec<String> {
    store.org_path(ONE, unit).await.unwrap()
}

async fn units_hang_below_their_parent(database: &Database) {
    let store = database.with_tenants().await;
    tree(&*store).await;
    assert_eq!(path(&*store, "d").await, ["a", "b", "c", "d"]);
    assert_eq!(path(&*store, "a").await, ["a"]);
    assert_eq!(path(&*store, "x").await, [""; 0]);
    assert_eq!(store.org_path(OTHER, "d").await.unwrap(), [""; 0]);
    let inside = async |unit, scope: Scope| store.in_scope(ONE, unit, &scope).await.unwrap();
    assert!(inside(Some("d"), under(&["b"])).await);
    assert!(inside(Some("b"), under(&["b"])).await);
    assert!(inside(Some("d"), under(&["e", "c"])).await);
    assert!(!inside(Some("a"), under(&["b"])).await);
    assert!(!inside(Some("d"), under(&["e"])).await);
    assert!(!inside(Some("d"), under(&[])).await);
    assert!(!inside(Some("x"), under(&["x"])).await);
    assert!(inside(Some("x"), Scope::Tenant).await);
    assert!(inside(None, under(&["e"])).await);
    assert!(!store.in_scope(OTHER, Some("d"), &under(&["b"])).await.unwrap());
}

async fn a_unit_moves_with_all_below_it(database: &Database) {
    let store = database.with_tenants().await;
    tree(&*store).await;
    write(&*store, ONE, vec![hang("c", Some("e"), 2)]).await;
    assert_eq!(path(&*store, "d").await, ["a", "e", "c", "d"]);
    assert!(!store.in_scope(ONE, Some("d"), &under(&["b"])).await.unwrap());
    assert_eq!(path(&*store, "b").await, ["a", "b"]);
    // Without a parent it is a top of its own.
    write(&*store, ONE, vec![hang("c", None, 3)]).await;
    assert_eq!(path(&*store, "d").await, ["c", "d"]);
    write(&*store, ONE, vec![hang("c", Some("b"), 4)]).await;
    assert_eq!(path(&*store, "d").await, ["a", "b", "c", "d"]);
    // A revision that moves nothing changes nothing.
    write(&*store, ONE, vec![hang("c", Some("b"), 5)]).await;
    assert_eq!(path(&*store, "d").await, ["a", "b", "c", "d"]);
}

async fn children_may_come_before_their_parent(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![org_unit("c", Some("b")), org_unit("d", Some("c"))]).await;
    assert_eq!(path(&*store, "d").await, ["c", "d"]);
    write(&*store, ONE, vec![org_unit("b", Some("a"))]).await;
    assert_eq!(path(&*store, "d").await, ["b", "c", "d"]);
    write(&*store, ONE, vec![org_unit("a", None)]).await;
    assert_eq!(path(&*store, "d").await, ["a", "b", "c", "d"]);
}

async fn a_ring_is_a_conflict(database: &Database) {
    let store = database.with_tenants().await;
    tree(&*store).await;
    for (unit, parent) in [("a", "d"), ("b", "c"), ("b", "b")] {
        assert_eq!(moved(store.commit(ONE, &commit(vec![hang(unit, Some(parent), 2)])).await), unit);
    }
    assert_eq!(moved(store.commit(ONE, &commit(vec![org_unit("x", Some("x"))])).await), "x");
    assert_eq!(path(&*store, "d").await, ["a", "b", "c", "d"]);
    // Also one that only closes when its last unit comes.
    write(&*store, ONE, vec![org_unit("q", Some("p"))]).await;
    assert_eq!(moved(store.commit(ONE, &commit(vec![org_unit("p", Some("q"))])).await), "p");
}

async fn two_moves_never_make_a_ring(database: &Database) {
    let stores = [database.with_tenants().await, database.open().await];
    write(&*stores[0], ONE, vec![org_unit("a", None), org_unit("b", None)]).await;
    let mut revisions = [1, 1];
    for _ in 0..10 {
        let barrier = Arc::new(Barrier::new(2));
        let moves = [hang("a", Some("b"), revisions[0] + 1), hang("b", Some("a"), revisions[1] + 1)];
        let mut running = Vec::new();
        for (index, write) in moves.into_iter().enumerate() {
            let (store, barrier) = (stores[index].clone(), barrier.clone());
            running.push(tokio::spawn(async move {
                barrier.wait().await;
                store.commit(ONE, &Commit { writes: vec![write], ..Commit::default() }).await.unwrap()
            }));
        }
        let mut done = Vec::new();
        for (index, running) in running.into_iter().enumerate() {
            if matches!(running.await.unwrap(), Committed::Done { .. }) {
                done.push(index);
            }
        }
        let [index] = done[..] else { panic!("{done:?}") };
        assert_eq!(path(&*stores[0], ["a", "b"][index]).await, [["b", "a"], ["a", "b"]][index]);
        // Apart again for the next round.
        revisions[index] += 2;
        write(&*stores[0], ONE, vec![hang(["a", "b"][index], None, revisions[index])]).await;
    }
    assert_eq!(revisions[0] + revisions[1], 22);
}
