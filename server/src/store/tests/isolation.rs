//! TENANT: with the same ids on both sides, every question of one tenant is answered from its own rows.

use super::samples::{NOW, all_records, all_tasks, set, under, write};
use super::tenants::one_of_each;
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Named, Scope, Store, TaskScope, VersionKind, Write};
use engine::event::Tip;

on_both![an_empty_tenant_sees_nothing_of_another, a_tenant_changes_nothing_of_another];

async fn an_empty_tenant_sees_nothing_of_another(database: &Database) {
    let store = database.with_tenants().await;
    one_of_each(&*store, ONE).await;
    let event = store.events(ONE, "vis_1", 0, 1).await.unwrap().remove(0);
    assert_eq!(store.command(OTHER, "usr_1", "cmd_1").await.unwrap(), None);
    assert_eq!(store.changes(OTHER, 0, 10).await.unwrap(), []);
    assert_eq!(store.tokens(OTHER, "usr_1").await.unwrap(), []);
    assert_eq!(store.token_by_id(OTHER, "tok_1").await.unwrap(), None);
    assert_eq!(store.record(OTHER, "customer", "cus_1", None).await.unwrap(), None);
    assert_eq!(store.record(OTHER, "customer", "cus_1", Some(1)).await.unwrap(), None);
    assert_eq!(store.records(OTHER, &all_records("customer")).await.unwrap(), []);
    assert!(!store.in_scope(OTHER, Some("org_low"), &under(&["org_top"])).await.unwrap());
    assert_eq!(store.org_path(OTHER, "org_low").await.unwrap(), [""; 0]);
    assert_eq!(store.version(OTHER, VersionKind::Dataset, "prices", "2026-03").await.unwrap(), None);
    assert_eq!(store.versions(OTHER, VersionKind::Dataset, None, None, 10).await.unwrap(), []);
    assert_eq!(store.object(OTHER, "0b").await.unwrap(), None);
    assert_eq!(store.objects(OTHER, None, 10).await.unwrap(), [""; 0]);
    assert_eq!(store.task(OTHER, "tsk_1").await.unwrap(), None);
    let everything = TaskScope { assignee: Some("usr_1".to_owned()), ..all_tasks().scope };
    assert!(store.seen(OTHER, "tsk_1", &everything).await.unwrap().is_none());
    assert_eq!(store.tasks(OTHER, &all_tasks()).await.unwrap(), []);
    assert!(store.count_tasks(OTHER, &all_tasks()).await.unwrap().is_empty());
    assert_eq!(store.events(OTHER, "vis_1", 0, 10).await.unwrap(), []);
    assert_eq!(store.tip(OTHER, "vis_1").await.unwrap(), Tip::default());
    assert_eq!(store.event_by_hash(OTHER, &event.hash).await.unwrap(), None);
    assert_eq!(store.streams(OTHER, None, 10).await.unwrap(), []);
    assert_eq!(store.last_check_in(OTHER, "usr_1", "", i64::MAX).await.unwrap(), None);
    assert_eq!(store.last_on_device(OTHER, "dev_1", "usr_1", "", i64::MAX).await.unwrap(), None);
    assert_eq!(store.next_check_in(OTHER, "usr_1", "", 0).await.unwrap(), None);
    assert_eq!(store.uses(OTHER, &set(&["aa"]), "").await.unwrap(), []);
    assert_eq!(store.previous_visit(OTHER, "cus_1", "", i64::MAX).await.unwrap(), None);
    assert_eq!(store.scored_visits(OTHER, (0, i64::MAX), "", 10).await.unwrap(), []);
    assert_eq!(store.record_by(OTHER, "customer", "cus_1", i64::MAX).await.unwrap(), None);
    assert_eq!(store.arrivals(OTHER, "cus_1", 10).await.unwrap(), []);
    assert_eq!(store.missed_customers(OTHER, &Scope::Tenant, 1, None, 10).await.unwrap(), [""; 0]);
    for named in [Named::Id, Named::Subject] {
        assert_eq!(store.records_of(OTHER, "customer", named, &set(&["cus_1"])).await.unwrap(), []);
    }
    assert_eq!(store.rule_verdicts(OTHER, &super::findings::all()).await.unwrap(), []);
    assert_eq!(store.evidence(OTHER, "aa").await.unwrap(), None);
    assert!(store.arrived(OTHER, &set(&["aa"])).await.unwrap().is_empty());
    assert_eq!(store.photos_like(OTHER, 0xf0e1, "", (0, i64::MAX)).await.unwrap(), []);
    assert_eq!(store.same_texts(OTHER, "aa", ("", ""), (0, i64::MAX)).await.unwrap(), []);
    let everywhere = [("a".to_owned(), "q".to_owned())];
    assert_eq!(store.customers_in(ONE, &everywhere, None, 10).await.unwrap(), set(&["cus_1"]));
    assert_eq!(store.customers_in(OTHER, &everywhere, None, 10).await.unwrap(), set(&[]));
    assert_eq!(store.all_evidence(OTHER, None, 10).await.unwrap(), []);
    assert_eq!(store.awaiting(OTHER, "aa").await.unwrap(), [""; 0]);
    assert_eq!(store.awaiting_what_is_here(OTHER, 10).await.unwrap(), []);
    assert_eq!(store.visits_using(OTHER, "aa").await.unwrap(), [""; 0]);
    assert_eq!(store.take(OTHER, i64::MAX, i64::MAX, 10).await.unwrap(), []);
    let account = super::outputs::account("stock", &["usr_1", "a"]);
    assert_eq!(store.balances_of(OTHER, &[account].into()).await.unwrap(), []);
    assert_eq!(store.outputs(OTHER, &super::outputs::everything()).await.unwrap(), []);
    assert_eq!(store.balances(OTHER, &super::outputs::ledger(Some(Scope::Tenant))).await.unwrap(), []);
    assert_eq!(store.entries(OTHER, &super::outputs::ledger(Some(Scope::Tenant))).await.unwrap(), []);
}

async fn rows(store: &dyn Store, tenant: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut take = |table: &'static str, row: serde_json::Map<String, serde_json::Value>| {
        rows.push(format!("{table} {}", serde_json::Value::Object(row)));
        Ok(())
    };
    store.dump(Some(tenant), &mut take).await.unwrap();
    rows
}

async fn a_tenant_changes_nothing_of_another(database: &Database) {
    let store = database.with_tenants().await;
    one_of_each(&*store, ONE).await;
    let before = rows(&*store, ONE).await;
    one_of_each(&*store, OTHER).await;
    let writes = vec![
        Write::Task(Box::new(engine::task::Task { version: 2, ..super::samples::task("tsk_1") }), Some(1)),
        Write::Record(Box::new(super::samples::record("org_unit", "org_low", 2)), Some(1)),
        Write::RevokeToken("tok_1".to_owned()),
        Write::Awaits { visit: "vis_1".to_owned(), sha256: set(&[]) },
        Write::CheckIn {
            user: "usr_2".to_owned(),
            visit: "vis_1".to_owned(),
            seq: 2,
            at_ms: NOW + 1,
            device: "dev_1".to_owned(),
        },
        Write::Arrival {
            customer: "cus_1".to_owned(),
            arrival: super::samples::arrival("vis_1", 2, NOW),
            misses: true,
        },
        Write::Import { import: "imp_1".to_owned(), records: 1 },
        super::history::scored("vis_2", "usr_2", NOW + 1, None),
        Write::Judged { customer: "cus_2".to_owned(), visit: "vis_1".to_owned(), seq: 1, at_ms: NOW + 1 },
        super::findings::findings("vis_2", "tsk_1", Vec::new()),
        Write::OutboxDone("out_1".to_owned()),
        Write::Handed { visit: "vis_1".to_owned(), step: "price".to_owned(), revision: 2 },
    ];
    write(&*store, OTHER, writes).await;
    store.erase(OTHER, "vis_1", &["answers", "note"]).await.unwrap();
    store.take(OTHER, i64::MAX, i64::MAX, 10).await.unwrap();
    store.unstage(OTHER, "imp_1", i64::MAX).await.unwrap();
    store.postpone(OTHER, "out_1", 0).await.unwrap();
    store.suspend_tenant(OTHER, true).await.unwrap();
    assert_eq!(rows(&*store, ONE).await, before);
    store.delete_tenant(OTHER).await.unwrap();
    assert_eq!(rows(&*store, ONE).await, before);
}
