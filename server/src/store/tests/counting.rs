//! `change_seq`: gapless, in the order of commits, and nothing is ever seen before something that comes before it.

use super::samples::{commit, done, moved, new_task, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Change, Store};
use sqlx::{Connection as _, PgConnection};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

on_both![a_reader_who_polls_misses_nothing];

const WRITERS: u64 = 6;
const EACH: u64 = 25;

/// Reads on until `total` changes were seen, each time after the last one seen, as a client does.
async fn follow(store: Arc<dyn Store>, total: u64) -> Vec<Change> {
    let mut seen: Vec<Change> = Vec::new();
    loop {
        let after = seen.last().map_or(0, |change| change.change_seq);
        seen.extend(store.changes(ONE, after, 7).await.unwrap());
        if seen.len() as u64 >= total {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

async fn a_reader_who_polls_misses_nothing(database: &Database) {
    let stores = [database.with_tenants().await, database.open().await];
    let readers = [0, 1].map(|_| tokio::spawn(follow(stores[0].clone(), WRITERS * EACH)));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = stores[usize::try_from(writer % 2).unwrap()].clone();
        writers.push(tokio::spawn(async move {
            let mut numbers = Vec::new();
            for round in 0..EACH {
                let id = format!("tsk_{writer}_{round}");
                numbers.push(write(&*store, ONE, vec![new_task(&id)]).await);
                // One that fails takes no number.
                moved(store.commit(ONE, &commit(vec![new_task("tsk_x"), new_task(&id)])).await);
            }
            numbers
        }));
    }
    let mut numbers = Vec::new();
    for writer in writers {
        let own = writer.await.unwrap();
        assert!(own.is_sorted());
        numbers.extend(own);
    }
    numbers.sort_unstable();
    let expected: Vec<u64> = (1..=WRITERS * EACH).collect();
    assert_eq!(numbers, expected);
    for reader in readers {
        let seen: Vec<u64> = reader.await.unwrap().iter().map(|change| change.change_seq).collect();
        assert_eq!(seen, expected);
    }
    // Every tenant counts for itself.
    assert_eq!(write(&*stores[0], OTHER, vec![new_task("tsk_1")]).await, 1);
}

/// Takes the next number as a commit does, and stops before its end.
async fn half_a_commit(connection: &mut PgConnection) -> sqlx::Transaction<'_, sqlx::Postgres> {
    let mut tx = connection.begin().await.unwrap();
    let change_seq: i64 =
        sqlx::query_scalar("update counters set change_seq = change_seq + 1 where tenant = $1 returning change_seq")
            .bind(ONE)
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    sqlx::query("insert into changes (tenant, change_seq, at_ms, what) values ($1, $2, 0, '[]')")
        .bind(ONE)
        .bind(change_seq)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx
}

/// Returns once a commit of the store waits for a lock.
async fn somebody_waits(database: &Database) {
    let mut connection = database.postgres_connection().await;
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and application_name = 'sopwith'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        if waiting > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The first commit has its number and is not through; a second one comes. A reader must not see 2 before 1.
async fn interleaved(first_goes_through: bool) {
    let database = Database::postgres().await;
    let store = database.with_tenants().await;
    let mut connection = database.postgres_connection().await;
    let first = half_a_commit(&mut connection).await;
    let second_is_through = Arc::new(AtomicBool::new(false));
    let second = {
        let (store, flag) = (store.clone(), second_is_through.clone());
        tokio::spawn(async move {
            let change_seq = done(store.commit(ONE, &commit(vec![new_task("tsk_2")])).await);
            flag.store(true, Ordering::SeqCst);
            change_seq
        })
    };
    somebody_waits(&database).await;
    for _ in 0..20 {
        assert_eq!(store.changes(ONE, 0, 10).await.unwrap(), []);
        // Nor what it wrote: it is one commit.
        assert_eq!(store.task(ONE, "tsk_2").await.unwrap(), None);
    }
    assert!(!second_is_through.load(Ordering::SeqCst));
    let total = if first_goes_through {
        first.commit().await.unwrap();
        2
    } else {
        first.rollback().await.unwrap();
        1
    };
    assert_eq!(second.await.unwrap(), total);
    let seen: Vec<u64> = follow(store, total).await.iter().map(|change| change.change_seq).collect();
    assert_eq!(seen, (1..=total).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_interleaved_commits_the_second_is_not_seen_first() {
    interleaved(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_leaves_no_gap() {
    interleaved(false).await;
}
