//! Master data: every revision stays, the newest counts, and lists say what one may see.

use super::samples::{NOW, all_records, commit, moved, org_unit, record, under, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Named, Record, RecordQuery, Scope, Store, Write};

on_both![
    revisions_stay,
    a_revision_follows_the_newest,
    lists_are_by_id,
    records_hold_from_until,
    lists_keep_to_the_scope,
    several_are_found_by_name
];

fn first(record: Record) -> Write {
    Write::Record(Box::new(record), None)
}

async fn ids(store: &dyn Store, query: &RecordQuery) -> Vec<String> {
    store.records(ONE, query).await.unwrap().into_iter().map(|record| record.id).collect()
}

async fn revisions_stay(database: &Database) {
    let store = database.with_tenants().await;
    let one = Record {
        subject: Some("cus_1".to_owned()),
        org_unit: Some("org_1".to_owned()),
        from_ms: Some(NOW),
        to_ms: Some(NOW + 1),
        ..record("location", "loc_1", 1)
    };
    let two = record("location", "loc_1", 2);
    write(&*store, ONE, vec![first(one.clone())]).await;
    write(&*store, ONE, vec![Write::Record(Box::new(two.clone()), Some(1))]).await;
    assert_eq!(store.record(ONE, "location", "loc_1", None).await.unwrap(), Some(two.clone()));
    assert_eq!(store.record(ONE, "location", "loc_1", Some(1)).await.unwrap(), Some(one.clone()));
    assert_eq!(store.record(ONE, "location", "loc_1", Some(2)).await.unwrap(), Some(two.clone()));
    assert_eq!(store.record(ONE, "location", "loc_1", Some(3)).await.unwrap(), None);
    assert_eq!(store.record_by(ONE, "location", "loc_1", two.at_ms).await.unwrap(), Some(two.clone()));
    assert_eq!(store.record_by(ONE, "location", "loc_1", one.at_ms).await.unwrap(), Some(one.clone()));
    assert_eq!(store.record_by(ONE, "location", "loc_1", one.at_ms - 1).await.unwrap(), None);
    assert_eq!(store.record(ONE, "contact", "loc_1", None).await.unwrap(), None);
    assert_eq!(store.records(ONE, &all_records("location")).await.unwrap(), [two]);
}

async fn a_revision_follows_the_newest(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![first(record("user", "usr_1", 1))]).await;
    let next =
        |revision: u64, expected| commit(vec![Write::Record(Box::new(record("user", "usr_1", revision)), expected)]);
    assert_eq!(moved(store.commit(ONE, &next(1, None)).await), "usr_1");
    assert_eq!(moved(store.commit(ONE, &next(3, Some(2))).await), "usr_1");
    super::samples::done(store.commit(ONE, &next(2, Some(1))).await);
    assert_eq!(moved(store.commit(ONE, &next(2, Some(1))).await), "usr_1");
    // A gap is a mistake of ours, not a race.
    assert!(store.commit(ONE, &next(5, Some(2))).await.is_err());
    super::samples::done(store.commit(ONE, &next(3, Some(2))).await);
    assert_eq!(store.record(ONE, "user", "usr_1", None).await.unwrap().unwrap().revision, 3);
    // Twice in one commit is fine as well.
    let both = vec![
        Write::Record(Box::new(record("user", "usr_1", 4)), Some(3)),
        Write::Record(Box::new(record("user", "usr_1", 5)), Some(4)),
    ];
    write(&*store, ONE, both).await;
    assert_eq!(store.records(ONE, &all_records("user")).await.unwrap(), [record("user", "usr_1", 5)]);
}

async fn lists_are_by_id(database: &Database) {
    let store = database.with_tenants().await;
    // Bytes, whatever the language of the server: capitals before small letters, `_` between them.
    let of = |id: &str, subject: &str| first(Record { subject: Some(subject.to_owned()), ..record("contact", id, 1) });
    let writes = vec![of("con_b", "cus_1"), of("con_B", "cus_2"), of("con_a", "cus_1"), of("con__", "cus_1")];
    write(&*store, ONE, writes).await;
    write(&*store, OTHER, vec![of("con_c", "cus_1")]).await;
    let all = all_records("contact");
    assert_eq!(ids(&*store, &all).await, ["con_B", "con__", "con_a", "con_b"]);
    let page = RecordQuery { after: Some("con_B".to_owned()), limit: 2, ..all.clone() };
    assert_eq!(ids(&*store, &page).await, ["con__", "con_a"]);
    let about = RecordQuery { subject: Some("cus_1".to_owned()), ..all.clone() };
    assert_eq!(ids(&*store, &about).await, ["con__", "con_a", "con_b"]);
    // A revision about somebody else takes the record along.
    let moved = Record { subject: Some("cus_2".to_owned()), ..record("contact", "con_a", 2) };
    write(&*store, ONE, vec![Write::Record(Box::new(moved), Some(1))]).await;
    assert_eq!(ids(&*store, &about).await, ["con__", "con_b"]);
    assert_eq!(ids(&*store, &RecordQuery { kind: "user".to_owned(), ..all }).await, [""; 0]);
}

async fn records_hold_from_until(database: &Database) {
    let store = database.with_tenants().await;
    let dated = |id: &str, from_ms, to_ms| first(Record { from_ms, to_ms, ..record("grant", id, 1) });
    let writes = vec![
        dated("grt_always", None, None),
        dated("grt_from", Some(100), None),
        dated("grt_until", None, Some(200)),
        dated("grt_both", Some(100), Some(200)),
    ];
    write(&*store, ONE, writes).await;
    let at = |at_ms| RecordQuery { at_ms: Some(at_ms), ..all_records("grant") };
    assert_eq!(ids(&*store, &at(99)).await, ["grt_always", "grt_until"]);
    assert_eq!(ids(&*store, &at(100)).await, ["grt_always", "grt_both", "grt_from", "grt_until"]);
    assert_eq!(ids(&*store, &at(199)).await, ["grt_always", "grt_both", "grt_from", "grt_until"]);
    assert_eq!(ids(&*store, &at(200)).await, ["grt_always", "grt_from"]);
}

async fn lists_keep_to_the_scope(database: &Database) {
    let store = database.with_tenants().await;
    let units =
        [org_unit("org_top", None), org_unit("org_east", Some("org_top")), org_unit("org_west", Some("org_top"))];
    write(&*store, ONE, units.to_vec()).await;
    let of =
        |id: &str, unit: Option<&str>| first(Record { org_unit: unit.map(str::to_owned), ..record("customer", id, 1) });
    let writes = vec![
        of("cus_all", None),
        of("cus_east", Some("org_east")),
        of("cus_top", Some("org_top")),
        of("cus_west", Some("org_west")),
        // A unit nobody knows is below nothing.
        of("cus_lost", Some("org_lost")),
    ];
    write(&*store, ONE, writes).await;
    let seen = |scope| RecordQuery { scope, ..all_records("customer") };
    assert_eq!(ids(&*store, &seen(Scope::Tenant)).await.len(), 5);
    assert_eq!(ids(&*store, &seen(under(&["org_east"]))).await, ["cus_all", "cus_east"]);
    assert_eq!(ids(&*store, &seen(under(&["org_west", "org_east"]))).await, ["cus_all", "cus_east", "cus_west"]);
    assert_eq!(ids(&*store, &seen(under(&["org_top"]))).await, ["cus_all", "cus_east", "cus_top", "cus_west"]);
    assert_eq!(ids(&*store, &seen(under(&[]))).await, ["cus_all"]);
    assert_eq!(ids(&*store, &seen(under(&["org_lost"]))).await, ["cus_all"]);
}

async fn several_are_found_by_name(database: &Database) {
    let store = database.with_tenants().await;
    let of = |id: &str, revision, subject: &str| Record {
        subject: Some(subject.to_owned()),
        ..record("contact", id, revision)
    };
    let records = [of("con_1", 1, "cus_1"), of("con_2", 1, "cus_1"), of("con_3", 1, "cus_2")];
    write(&*store, ONE, records.iter().cloned().map(first).collect()).await;
    let newer = of("con_2", 2, "cus_2");
    write(&*store, ONE, vec![Write::Record(Box::new(newer.clone()), Some(1)), first(record("user", "con_1", 1))]).await;
    let found = async |named, names: &[&str]| {
        let mut found = store.records_of(ONE, "contact", named, &super::samples::set(names)).await.unwrap();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found
    };
    assert_eq!(found(Named::Id, &["con_2", "con_1", "con_9"]).await, [records[0].clone(), newer.clone()]);
    assert_eq!(found(Named::Subject, &["cus_1"]).await, [records[0].clone()]);
    assert_eq!(found(Named::Subject, &["cus_2", "cus_1"]).await, [records[0].clone(), newer, records[2].clone()]);
    assert_eq!(found(Named::Id, &[]).await, []);
}
