//! What an import staged is seen by nobody, then by everybody, or never.

use super::samples::{NOW, all_records, commit, moved, record, tenant_event, write};
use super::{Database, ONE, on_both};
use crate::store::{Record, Store, Write};

on_both![an_import_takes_effect_at_once, who_was_faster_stops_an_import, what_is_left_is_swept_up];

fn staged(import: &str, record: Record) -> Write {
    Write::Staged { import: import.to_owned(), record: Box::new(record) }
}

fn import(id: &str, records: u64) -> Write {
    Write::Import { import: id.to_owned(), records }
}

async fn customers(store: &dyn Store) -> Vec<(String, u64)> {
    let found = store.records(ONE, &all_records("customer")).await.unwrap();
    found.into_iter().map(|record| (record.id, record.revision)).collect()
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(id, revision)| ((*id).to_owned(), *revision)).collect()
}

async fn an_import_takes_effect_at_once(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![Write::Record(Box::new(record("customer", "cus_1", 1)), None)]).await;
    // More rows than one statement takes.
    let many = (2..400).map(|number| staged("imp_1", record("customer", &format!("cus_{number:03}"), 1))).collect();
    write(&*store, ONE, many).await;
    let place = Record {
        subject: Some("cus_1".to_owned()),
        org_unit: Some("org_1".to_owned()),
        from_ms: Some(NOW),
        to_ms: Some(NOW + 9),
        ..record("location", "loc_1", 1)
    };
    write(&*store, ONE, vec![staged("imp_1", record("customer", "cus_1", 2)), staged("imp_1", place.clone())]).await;
    write(&*store, ONE, vec![staged("imp_2", record("customer", "cus_other", 1))]).await;
    assert_eq!(customers(&*store).await, named(&[("cus_1", 1)]));
    assert_eq!(store.record(ONE, "location", "loc_1", None).await.unwrap(), None);
    let change = write(&*store, ONE, vec![import("imp_1", 400), tenant_event(ONE)]).await;
    let what = store.changes(ONE, change - 1, 1).await.unwrap().remove(0).what;
    assert_eq!(what[0], serde_json::json!({"import": "imp_1"}));
    assert_eq!(store.record(ONE, "customer", "cus_1", None).await.unwrap(), Some(record("customer", "cus_1", 2)));
    assert_eq!(store.record(ONE, "customer", "cus_1", Some(1)).await.unwrap(), Some(record("customer", "cus_1", 1)));
    assert_eq!(store.record(ONE, "location", "loc_1", None).await.unwrap(), Some(place));
    assert_eq!(store.record(ONE, "customer", "cus_399", None).await.unwrap().map(|record| record.revision), Some(1));
    assert_eq!(store.record(ONE, "customer", "cus_other", None).await.unwrap(), None);
    // Nothing is left to take effect again.
    assert_eq!(moved(store.commit(ONE, &commit(vec![import("imp_1", 400)])).await), "imp_1");
}

async fn who_was_faster_stops_an_import(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![Write::Record(Box::new(record("customer", "cus_1", 1)), None)]).await;
    let later = vec![staged("imp_1", record("customer", "cus_1", 2)), staged("imp_1", record("customer", "cus_2", 1))];
    write(&*store, ONE, later).await;
    let new = vec![staged("imp_2", record("customer", "cus_2", 1)), staged("imp_2", record("customer", "cus_3", 1))];
    write(&*store, ONE, new).await;
    // Fewer or more than were staged: something is missing, or somebody else's.
    for wrong in [1, 3] {
        assert_eq!(moved(store.commit(ONE, &commit(vec![import("imp_1", wrong)])).await), "imp_1");
    }
    write(&*store, ONE, vec![Write::Record(Box::new(record("customer", "cus_1", 2)), Some(1))]).await;
    write(&*store, ONE, vec![Write::Record(Box::new(record("customer", "cus_2", 1)), None)]).await;
    let tip = store.tip(ONE, ONE).await.unwrap();
    for id in ["imp_1", "imp_2"] {
        assert_eq!(moved(store.commit(ONE, &commit(vec![import(id, 2), tenant_event(ONE)])).await), id);
    }
    assert_eq!(customers(&*store).await, named(&[("cus_1", 2), ("cus_2", 1)]));
    assert_eq!(store.tip(ONE, ONE).await.unwrap(), tip, "all or nothing");
}

async fn what_is_left_is_swept_up(database: &Database) {
    let store = database.with_tenants().await;
    let old = Record { at_ms: NOW - 10, ..record("customer", "cus_1", 1) };
    write(&*store, ONE, vec![staged("imp_old", old), staged("imp_mine", record("customer", "cus_1", 1))]).await;
    write(&*store, ONE, vec![staged("imp_other", record("customer", "cus_1", 1))]).await;
    assert_eq!(store.unstage(ONE, "imp_mine", NOW).await.unwrap(), 2);
    assert_eq!(store.unstage(ONE, "imp_other", NOW).await.unwrap(), 1);
}
