//! A dump holds everything, in one moment, and moves between the databases.

use super::samples::{commit, done, new_task, tenant, write};
use super::tenants::one_of_each;
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Store, StoreError, Write};
use serde_json::{Map, Value, json};
use std::sync::Arc;

on_both![
    a_dump_is_put_back,
    a_tenant_is_put_back_beside_others,
    what_does_not_fit_is_refused_whole,
    a_dump_sees_one_moment,
    a_dump_stops_when_nobody_takes_it,
];

type Row = (String, Map<String, Value>);

async fn dump(store: &dyn Store, tenant: Option<&str>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut take = |table: &'static str, row: Map<String, Value>| {
        rows.push((table.to_owned(), row));
        Ok(())
    };
    let count = store.dump(tenant, &mut take).await.unwrap();
    assert_eq!(count, rows.len() as u64);
    rows
}

async fn restore(store: &dyn Store, rows: &[Row]) -> crate::store::Result<u64> {
    store.restore(&mut rows.iter().cloned().map(Ok)).await
}

/// Two tenants with something everywhere, and more than one page of some tables.
async fn filled(database: &Database) -> Arc<dyn Store> {
    let store = database.with_tenants().await;
    one_of_each(&*store, ONE).await;
    one_of_each(&*store, OTHER).await;
    write(&*store, ONE, (0..520).map(|number| new_task(&format!("tsk_many_{number}"))).collect()).await;
    let object = |number: u8| Write::Object { hash: format!("{number:02x}"), bytes: vec![number; 70_000] };
    write(&*store, ONE, (100..120).map(object).collect()).await;
    store
}

async fn a_dump_is_put_back(database: &Database) {
    let rows = dump(&*filled(database).await, None).await;
    for elsewhere in [Database::sqlite().await, Database::postgres().await] {
        let store = elsewhere.open().await;
        assert_eq!(restore(&*store, &rows).await.unwrap(), rows.len() as u64);
        assert_eq!(dump(&*store, None).await, rows);
        // It goes on where it was.
        assert_eq!(write(&*store, ONE, vec![new_task("tsk_new")]).await, 4);
        assert_eq!(store.org_path(ONE, "org_low").await.unwrap(), ["org_top", "org_low"]);
        assert_eq!(store.object(ONE, "0b").await.unwrap(), Some(vec![0, 255, 10]));
        // The proof holds there too.
        let mut tips = engine::event::Tips::default();
        for stored in store.events(OTHER, "vis_1", 0, 10).await.unwrap() {
            assert_eq!(tips.verify(&stored.event().unwrap()).faults, []);
        }
    }
}

async fn a_tenant_is_put_back_beside_others(database: &Database) {
    let store = filled(database).await;
    let (one, other) = (dump(&*store, Some(ONE)).await, dump(&*store, Some(OTHER)).await);
    assert_eq!(one.len() + other.len(), dump(&*store, None).await.len());
    assert!(one.iter().all(|(_, row)| row["tenant"] == ONE));
    store.delete_tenant(ONE).await.unwrap();
    restore(&*store, &one).await.unwrap();
    assert_eq!(dump(&*store, Some(ONE)).await, one);
    assert_eq!(dump(&*store, Some(OTHER)).await, other);
    assert_eq!(dump(&*store, Some("tnt_gone")).await, []);
}

async fn what_does_not_fit_is_refused_whole(database: &Database) {
    let rows = dump(&*filled(database).await, Some(ONE)).await;
    let empty = database.another().await;
    let store = empty.open().await;
    let with = |name: &str, change: &dyn Fn(&mut Map<String, Value>)| {
        let mut rows = rows.clone();
        let row = rows.iter_mut().rfind(|(table, _)| table == name).unwrap();
        change(&mut row.1);
        rows
    };
    let mut unknown_table = rows.clone();
    unknown_table.push(("pg_authid".to_owned(), Map::new()));
    let mut twice = rows.clone();
    twice.push(rows[0].clone());
    let cases = [
        unknown_table,
        twice,
        with("tasks", &|row| {
            row.insert("id) values ('x'); --".to_owned(), json!(1));
        }),
        with("tasks", &|row| {
            row.remove("body");
        }),
        with("tasks", &|row| {
            row.insert("version".to_owned(), json!("1"));
        }),
        with("tasks", &|row| {
            row.insert("version".to_owned(), json!(1.5));
        }),
        with("objects", &|row| {
            row.insert("bytes".to_owned(), json!("%"));
        }),
        with("records", &|row| {
            row.insert("newest".to_owned(), json!(1));
        }),
    ];
    for case in &cases {
        let refused = restore(&*store, case).await.unwrap_err();
        assert!(matches!(refused, StoreError::Inconsistent { .. }), "{refused}");
        assert!(store.is_empty().await.unwrap());
        assert_eq!(dump(&*store, None).await, []);
    }
    let broken = rows.iter().cloned().map(Ok).chain([Err(std::io::Error::other("cut off"))]);
    assert!(store.restore(&mut broken.into_iter()).await.is_err());
    assert!(store.is_empty().await.unwrap());
    restore(&*store, &rows).await.unwrap();
    assert!(restore(&*store, &rows).await.is_err());
}

async fn a_dump_sees_one_moment(database: &Database) {
    let store = filled(database).await;
    let before = dump(&*store, None).await;
    let (first, go_on) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let (say_first, go_on_when_told) = (first.0, go_on.1);
    let dumping = {
        let store = store.clone();
        tokio::spawn(async move {
            let mut rows: Vec<Row> = Vec::new();
            let mut go_on = Some(go_on_when_told);
            let mut take = |table: &'static str, row: Map<String, Value>| {
                if let Some(go_on_when_told) = go_on.take() {
                    say_first.send(()).unwrap();
                    tokio::task::block_in_place(|| go_on_when_told.recv()).unwrap();
                }
                rows.push((table.to_owned(), row));
                Ok(())
            };
            store.dump(None, &mut take).await.unwrap();
            rows
        })
    };
    tokio::task::spawn_blocking(move || first.1.recv().unwrap()).await.unwrap();
    // Commits go on while the dump has read one page.
    done(store.commit(ONE, &commit(vec![new_task("tsk_late")])).await);
    assert!(store.create_tenant(&tenant("tnt_late")).await.unwrap());
    go_on.0.send(()).unwrap();
    assert_eq!(dumping.await.unwrap(), before);
    assert_eq!(dump(&*store, None).await.len(), before.len() + 2 + 2);
}

async fn a_dump_stops_when_nobody_takes_it(database: &Database) {
    let store = filled(database).await;
    let mut taken = 0;
    let mut take = |_: &'static str, _: Map<String, Value>| {
        taken += 1;
        if taken == 10 { Err(std::io::Error::other("no space left")) } else { Ok(()) }
    };
    assert!(store.dump(None, &mut take).await.unwrap_err().to_string().contains("no space left"));
    assert_eq!(taken, 10);
    // The connection is free again.
    for _ in 0..20 {
        store.ping().await.unwrap();
    }
}
