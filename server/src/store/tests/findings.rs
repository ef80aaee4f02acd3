//! What rules found is counted once for each visit, by who may see the visit; what a reviewer said of it stays.

use super::samples::{NOW, commit, done, org_unit, set, task, under, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Commit, Found, RuleVerdicts, RuleVerdictsQuery, Scope, Store, Write};
use engine::task::Task;

on_both![
    counts_are_by_rule_version_and_code,
    a_verdict_made_again_replaces_what_nobody_judged,
    counts_follow_scope_and_filters,
    erasing_a_visit_takes_what_was_found
];

pub(super) fn found(id: &str) -> Found {
    Found {
        id: id.to_owned(),
        rule: "demo/check".to_owned(),
        plugin: Some(("1.0.0".to_owned(), "0a".repeat(32))),
        code: "demo.bad".to_owned(),
        effect: "flag".to_owned(),
        weight: 30,
        contested: false,
        decided: None,
    }
}

pub(super) fn findings(visit: &str, task: &str, found: Vec<Found>) -> Write {
    let sop = ("test.plain".to_owned(), "1.0.0".to_owned());
    Write::Findings { visit: visit.to_owned(), task: task.to_owned(), sop, found }
}

pub(super) fn all() -> RuleVerdictsQuery {
    RuleVerdictsQuery { scope: Scope::Tenant, plugin_hashes: None, rule: None, from_ms: None, to_ms: None }
}

fn decided(id: &str, verdict: &str) -> Found {
    Found { contested: true, decided: Some((verdict.to_owned(), "usr_boss".to_owned(), NOW)), ..found(id) }
}

/// A task that findings belong to, in an org unit or none.
fn in_unit(id: &str, unit: Option<&str>) -> Write {
    Write::Task(Box::new(Task { org_unit: unit.map(str::to_owned), ..task(id) }), None)
}

/// Code, found, contested, upheld, overturned.
async fn counted(store: &dyn Store, query: &RuleVerdictsQuery) -> Vec<(String, [u64; 4])> {
    let rows: Vec<RuleVerdicts> = store.rule_verdicts(ONE, query).await.unwrap();
    rows.into_iter().map(|row| (row.code, [row.found, row.contested, row.upheld, row.overturned])).collect()
}

async fn counts_are_by_rule_version_and_code(database: &Database) {
    let store = database.with_tenants().await;
    let newer = Found { plugin: Some(("1.1.0".to_owned(), "0b".repeat(32))), ..found("fnd_4") };
    let other_code = Found { code: "demo.worse".to_owned(), ..decided("fnd_3", "upheld") };
    let built_in = Found { rule: "location".to_owned(), plugin: None, ..found("fnd_5") };
    let of_one = vec![found("fnd_1"), decided("fnd_2", "overturned"), other_code, newer, built_in];
    let writes = vec![in_unit("tsk_1", None), in_unit("tsk_2", None)];
    write(&*store, ONE, writes).await;
    let of_two = vec![Found { contested: true, ..found("fnd_1") }];
    write(&*store, ONE, vec![findings("vis_1", "tsk_1", of_one), findings("vis_2", "tsk_2", of_two)]).await;
    let rows = store.rule_verdicts(ONE, &all()).await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|row| (row.rule.as_str(), row.version.as_deref(), row.code.as_str()))
        .zip(rows.iter().map(|row| [row.found, row.contested, row.upheld, row.overturned]))
        .collect();
    let expected = [
        (("demo/check", Some("1.0.0"), "demo.bad"), [3, 2, 0, 1]),
        (("demo/check", Some("1.0.0"), "demo.worse"), [1, 1, 1, 0]),
        (("demo/check", Some("1.1.0"), "demo.bad"), [1, 0, 0, 0]),
        (("location", None, "demo.bad"), [1, 0, 0, 0]),
    ];
    assert_eq!(shown, expected);
    assert_eq!(rows[2].hash.as_deref(), Some("0b".repeat(32).as_str()));
    assert_eq!(store.rule_verdicts(OTHER, &all()).await.unwrap(), []);
}

async fn a_verdict_made_again_replaces_what_nobody_judged(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![in_unit("tsk_1", None)]).await;
    let first = vec![found("fnd_1"), found("fnd_2"), decided("fnd_3", "overturned")];
    write(&*store, ONE, vec![findings("vis_1", "tsk_1", first)]).await;
    // One is gone, one still stands, one is new; the judged one is no more found, yet what was said of it counts.
    let again = vec![found("fnd_2"), found("fnd_4")];
    write(&*store, ONE, vec![findings("vis_1", "tsk_1", again.clone())]).await;
    assert_eq!(counted(&*store, &all()).await, [("demo.bad".to_owned(), [3, 1, 0, 1])]);
    // Found again, its verdict stays until there is another.
    let found_again = Found { contested: true, ..found("fnd_3") };
    write(&*store, ONE, vec![findings("vis_1", "tsk_1", vec![found_again])]).await;
    assert_eq!(counted(&*store, &all()).await, [("demo.bad".to_owned(), [1, 1, 0, 1])]);
    write(&*store, ONE, vec![findings("vis_1", "tsk_1", vec![decided("fnd_3", "upheld")])]).await;
    assert_eq!(counted(&*store, &all()).await, [("demo.bad".to_owned(), [1, 1, 1, 0])]);
    // Twice in one commit: the last counts.
    let both = vec![findings("vis_1", "tsk_1", again), findings("vis_1", "tsk_1", vec![found("fnd_9")])];
    write(&*store, ONE, both).await;
    assert_eq!(counted(&*store, &all()).await, [("demo.bad".to_owned(), [2, 1, 1, 0])]);
}

async fn counts_follow_scope_and_filters(database: &Database) {
    let store = database.with_tenants().await;
    let units = vec![org_unit("org_top", None), org_unit("org_low", Some("org_top")), org_unit("org_side", None)];
    write(&*store, ONE, units).await;
    for (number, unit) in [(1, Some("org_low")), (2, Some("org_side")), (3, None)] {
        let (visit, task) = (format!("vis_{number}"), format!("tsk_{number}"));
        let writes = vec![in_unit(&task, unit), findings(&visit, &task, vec![found("fnd_1")])];
        let commit = Commit { at_ms: NOW + number, ..commit(writes) };
        done(store.commit(ONE, &commit).await);
    }
    let how_many =
        async |query: RuleVerdictsQuery| counted(&*store, &query).await.first().map_or(0, |(_, [found, ..])| *found);
    assert_eq!(how_many(all()).await, 3);
    assert_eq!(how_many(RuleVerdictsQuery { scope: under(&["org_top"]), ..all() }).await, 1);
    assert_eq!(how_many(RuleVerdictsQuery { scope: under(&["org_top", "org_side"]), ..all() }).await, 2);
    assert_eq!(how_many(RuleVerdictsQuery { scope: under(&[]), ..all() }).await, 0);
    assert_eq!(how_many(RuleVerdictsQuery { rule: Some("demo/check".to_owned()), ..all() }).await, 3);
    assert_eq!(how_many(RuleVerdictsQuery { rule: Some("demo/\0".to_owned()), ..all() }).await, 0);
    let hashes = |hash: &str| RuleVerdictsQuery { plugin_hashes: Some(set(&[hash])), ..all() };
    assert_eq!(how_many(hashes(&"0a".repeat(32))).await, 3);
    assert_eq!(how_many(hashes(&"0b".repeat(32))).await, 0);
    assert_eq!(how_many(RuleVerdictsQuery { from_ms: Some(NOW + 2), ..all() }).await, 2);
    assert_eq!(how_many(RuleVerdictsQuery { from_ms: Some(NOW + 2), to_ms: Some(NOW + 3), ..all() }).await, 1);
}

async fn erasing_a_visit_takes_what_was_found(database: &Database) {
    let store = database.with_tenants().await;
    let writes = vec![in_unit("tsk_1", None), in_unit("tsk_2", None)];
    write(&*store, ONE, writes).await;
    let of = |visit: &str, task: &str| findings(visit, task, vec![found("fnd_1")]);
    write(&*store, ONE, vec![of("vis_1", "tsk_1"), of("vis_2", "tsk_2")]).await;
    store.erase(ONE, "vis_1", &["answers"]).await.unwrap();
    assert_eq!(counted(&*store, &all()).await, [("demo.bad".to_owned(), [1, 0, 0, 0])]);
}
