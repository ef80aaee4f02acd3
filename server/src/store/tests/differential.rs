//! Random operations on SQLite, on PostgreSQL and on the model: the same answers, and the same rows at the end.
//!
//! A case is a tenant of its own in two databases that all cases share. The seed is printed; `SOPWITH_SEED` sets it.

use super::Database;
use super::operations::{Model, Operation, at, operation};
use super::samples::{self, all_records, all_tasks, set, tenant};
use crate::store::{Store, VersionKind};
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

const CASES: u32 = 64;
const OPERATIONS: usize = 40;

#[test]
fn both_databases_answer_alike() {
    let seed = seed();
    println!("SOPWITH_SEED={}", engine::canon::hex(&seed));
    let config = Config { cases: CASES, max_shrink_iters: 300, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sqlite, postgres) = runtime.block_on(async { (Database::sqlite().await, Database::postgres().await) });
    let stores = runtime.block_on(async { [sqlite.open().await, postgres.open().await] });
    let count = AtomicU64::new(0);
    let done = runner.run(&vec(operation(), 1..=OPERATIONS), |operations| {
        let tenant = format!("tnt_{}", count.fetch_add(1, Ordering::Relaxed));
        runtime.block_on(case([&*stores[0], &*stores[1]], &tenant, &operations));
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
}

fn seed() -> [u8; 32] {
    match std::env::var("SOPWITH_SEED") {
        Ok(seed) => engine::canon::unhex(&seed).expect("64 hex digits"),
        Err(_) => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).unwrap();
            seed
        }
    }
}

/// Asks both the same; gives what both answered.
macro_rules! both {
    ($stores:expr, $store:ident => $question:expr) => {{
        let [one, other] = $stores;
        let one = {
            let $store = one;
            $question.await.unwrap()
        };
        let other = {
            let $store = other;
            $question.await.unwrap()
        };
        agree(&one, &other);
        one
    }};
}

#[track_caller]
fn agree<T: PartialEq + Debug>(sqlite: &T, postgres: &T) {
    assert_eq!(sqlite, postgres, "SQLite (left) and PostgreSQL (right) differ");
}

async fn case(stores: [&dyn Store; 2], id: &str, operations: &[Operation]) {
    for store in stores {
        assert!(store.create_tenant(&tenant(id)).await.unwrap());
    }
    let mut model = Model { tenant: id.to_owned(), ..Model::default() };
    for operation in operations {
        step(stores, id, &mut model, operation).await;
    }
    questions(stores, id, &model).await;
    agree(&rows(stores[0], id).await, &rows(stores[1], id).await);
}

async fn step(stores: [&dyn Store; 2], id: &str, model: &mut Model, operation: &Operation) {
    match operation {
        Operation::Commit { command, changes } => {
            let (commit, ended) = model.commit(*command, changes);
            let committed = both!(stores, store => store.commit(id, &commit));
            assert_eq!(committed, ended, "the databases (left) and the model (right) differ");
        }
        Operation::Erase(stream, all) => {
            let (stream, names) = (format!("vis_{stream}"), ["note", "answers"]);
            both!(stores, store => store.erase(id, &stream, &names[..if *all { 2 } else { 1 }]));
        }
        Operation::Take { at: now, limit } => {
            both!(stores, store => store.take(id, at(*now), at(*now) + 2, u32::from(*limit)));
        }
        Operation::Postpone { id: item, at: due } => {
            both!(stores, store => store.postpone(id, &format!("{item}"), at(*due)));
        }
        Operation::Tasks(filter) => {
            let query = filter.query();
            let found = both!(stores, store => store.tasks(id, &query));
            assert_eq!(found, model.find(&query), "the databases (left) and the model (right) differ");
            both!(stores, store => store.count_tasks(id, &query));
            for task in model.tasks.keys() {
                both!(stores, store => store.seen(id, task, &query.scope));
            }
        }
    }
}

/// Everything else that can be asked.
async fn questions(stores: [&dyn Store; 2], id: &str, model: &Model) {
    let changes = both!(stores, store => store.changes(id, 0, 1000));
    assert_eq!(changes.len() as u64, model.change_seq);
    for task in model.tasks.values() {
        assert_eq!(both!(stores, store => store.task(id, &task.id)).as_ref(), Some(task));
    }
    for ((kind, record_id), record) in &model.records {
        assert_eq!(both!(stores, store => store.record(id, kind, record_id, None)).as_ref(), Some(record));
        both!(stores, store => store.record(id, kind, record_id, Some(1)));
    }
    for version in model.versions.values() {
        let found = both!(stores, store => store.version(id, VersionKind::Sop, &version.name, &version.version));
        assert_eq!(found.as_ref(), Some(version));
    }
    for (stream, tip) in &model.tips {
        assert_eq!(both!(stores, store => store.tip(id, stream)), *tip);
        both!(stores, store => store.events(id, stream, 0, 1000));
        assert_eq!(both!(stores, store => store.event_by_hash(id, &tip.hash)), Some((stream.clone(), tip.seq)));
    }
    for command in model.commands.values() {
        let found = both!(stores, store => store.command(id, &command.actor, &command.id));
        assert_eq!(found.as_ref(), Some(command));
    }
    let all = set(&["0", "1", "2", "3"]);
    for number in 0..4_u8 {
        let unit = format!("org_{number}");
        assert_eq!(both!(stores, store => store.org_path(id, &unit)), model.path(&unit));
        let mut query = all_records("customer");
        query.scope = samples::under(&[&unit]);
        both!(stores, store => store.records(id, &query));
        let (user, customer, visit) = (format!("usr_{number}"), format!("cus_{number}"), format!("vis_{number}"));
        both!(stores, store => store.last_check_in(id, &user, &visit, at(2)));
        both!(stores, store => store.last_on_device(id, &format!("dev_{number}"), &user, &visit, at(2)));
        both!(stores, store => store.next_check_in(id, &user, &visit, at(1)));
        both!(stores, store => store.previous_visit(id, &customer, &visit, at(2)));
        both!(stores, store => store.scored_visits(id, (at(0), at(2)), &visit, 10));
        both!(stores, store => store.record_by(id, "customer", &customer, at(1)));
        both!(stores, store => store.uses(id, &all, &visit));
        both!(stores, store => store.awaiting(id, &format!("{number}")));
        both!(stores, store => store.photos_like(id, u64::from(number), &visit, (0, at(2))));
        both!(stores, store => store.same_texts(id, &format!("{number}"), (&visit, &customer), (0, at(2))));
        both!(stores, store => store.visits_using(id, &format!("{number}")));
        both!(stores, store => store.tokens(id, &user));
        both!(stores, store => store.object(id, &format!("{number}")));
    }
    both!(stores, store => store.records(id, &all_records("org_unit")));
    both!(stores, store => store.versions(id, VersionKind::Sop, None, Some(("sop_0", "1.0.0")), 10));
    both!(stores, store => store.arrived(id, &all));
    both!(stores, store => store.all_evidence(id, None, 10));
    both!(stores, store => store.awaiting_what_is_here(id, 10));
    both!(stores, store => store.streams(id, None, 100));
    both!(stores, store => store.objects(id, None, 10));
    both!(stores, store => store.to_close(id, at(2), 10));
    both!(stores, store => store.to_remind(id, at(2), 10));
    assert_eq!(both!(stores, store => store.tasks(id, &all_tasks())), model.find(&all_tasks()));
    both!(stores, store => store.offers(None));
}

async fn rows(store: &dyn Store, id: &str) -> Vec<(&'static str, Map<String, Value>)> {
    let mut rows = Vec::new();
    let mut take = |table: &'static str, row: Map<String, Value>| {
        rows.push((table, row));
        Ok(())
    };
    store.dump(Some(id), &mut take).await.unwrap();
    rows
}
