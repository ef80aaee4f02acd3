//! Group commit: what waits goes together, and nobody pays for what another did.
//!
//! Each case holds the database, lets commits queue up behind one that waits for it, and lets go.

use super::samples::{command, commit, done, event, evidence, new_task, stream, task, tenant_event, token, write};
use super::{Database, ONE, OTHER, Place, on_both};
use crate::store::{Commit, Committed, Conflict, Options, Result, Store, StoreError, StoreUrl, Write};
use engine::event::Tip;
use engine::task::Task;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

on_both![
    what_waits_is_one_transaction,
    a_group_of_one_is_each_alone,
    many_commits_leave_no_gap,
    who_loses_hurts_nobody_else,
    an_error_hurts_nobody_else,
    commits_of_one_stream_follow_each_other,
    who_goes_away_has_committed,
    rows_of_every_number_arrive,
];

/// Holds the database as another program would, until it is let go.
enum Held {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Held {
    async fn hold(database: &Database) -> Self {
        match &database.url {
            StoreUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                connection.execute("begin immediate").await.unwrap();
                Self::Sqlite(connection)
            }
            StoreUrl::Postgres(_) => {
                let mut connection = database.postgres_connection().await;
                connection.execute("begin; update counters set change_seq = change_seq").await.unwrap();
                Self::Postgres(connection)
            }
        }
    }

    async fn let_go(self) {
        match self {
            Self::Sqlite(mut connection) => {
                connection.execute("rollback").await.unwrap();
            }
            Self::Postgres(mut connection) => {
                connection.execute("rollback").await.unwrap();
            }
        }
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Committed>> + Send + 'a>>;

/// Puts commits into the queue, in order; they run when they are waited for, or not.
async fn queue<'a>(store: &'a dyn Store, commits: &'a [(&'a str, Commit)]) -> Vec<Running<'a>> {
    let mut running: Vec<Running<'a>> = Vec::new();
    for (tenant, commit) in commits {
        let mut one: Running<'a> = Box::pin(store.commit(tenant, commit));
        poll_fn(|context| {
            assert!(one.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        running.push(one);
    }
    running
}

/// The commits as one group, as far as they may: they queue up behind one that waits. (Some of them may be quick enough to
/// go with that one.) How each ended.
async fn together(database: &Database, store: &dyn Store, commits: &[(&str, Commit)]) -> Vec<Result<Committed>> {
    let held = Held::hold(database).await;
    let first = [(ONE, commit(vec![]))];
    let mut first = queue(store, &first).await;
    let running = queue(store, commits).await;
    held.let_go().await;
    done(first.remove(0).await);
    let mut ended = Vec::new();
    for one in running {
        ended.push(one.await);
    }
    ended
}

/// How many transactions have numbered commits.
async fn transactions(database: &Database) -> i64 {
    match &database.place {
        Place::Folder(_) => {
            // A frame of the log that ends a transaction says how large the database is.
            let StoreUrl::Sqlite(path) = &database.url else { panic!("not SQLite") };
            let log = std::fs::read(format!("{}-wal", path.display())).unwrap();
            let page = usize::try_from(u32::from_be_bytes(log[8..12].try_into().unwrap())).unwrap();
            let salt = &log[16..24];
            let frames = log[32..].chunks_exact(24 + page);
            let ends = frames.filter(|frame| frame[8..16] == *salt && frame[4..8] != [0; 4]).count();
            i64::try_from(ends).unwrap()
        }
        Place::Server(..) => sqlx::query_scalar("select count(distinct xmin::text) from changes")
            .fetch_one(&mut database.postgres_connection().await)
            .await
            .unwrap(),
    }
}

fn visit(name: &str) -> Vec<Write> {
    let mut writes = stream(ONE, name, 2);
    writes.push(new_task(&name.replace("vis", "tsk")));
    writes
}

async fn what_waits_is_one_transaction(database: &Database) {
    let store = database.with_tenants().await;
    let commits: Vec<_> = (0..20).map(|number| (ONE, commit(visit(&format!("vis_{number}"))))).collect();
    let before = transactions(database).await;
    let ended = together(database, &*store, &commits).await;
    let transactions = transactions(database).await - before;
    assert!(transactions <= 2, "{transactions}");
    // In the order in which they came.
    assert_eq!(ended.into_iter().map(done).collect::<Vec<_>>(), (2..22).collect::<Vec<u64>>());
}

async fn a_group_of_one_is_each_alone(database: &Database) {
    // Kept, or SQLite would empty the log when it is closed.
    let _first = database.with_tenants().await;
    let store = database.open_with(&Options { group: 1, ..Options::default() }).await;
    let commits: Vec<_> = (0..10).map(|number| (ONE, commit(visit(&format!("vis_{number}"))))).collect();
    let before = transactions(database).await;
    let ended = together(database, &*store, &commits).await;
    assert_eq!(transactions(database).await - before, 11);
    assert_eq!(ended.into_iter().map(done).collect::<Vec<_>>(), (2..12).collect::<Vec<u64>>());
}

/// A commit of any kind, and what others are told of it.
fn any(tenant: &str, number: usize) -> (Commit, Option<Value>) {
    let id = format!("{number}");
    let (task, visit) = (format!("tsk_{id}"), format!("vis_{id}"));
    let (writes, what) = match number % 5 {
        0 => (vec![new_task(&task)], Some(json!([{"task": task}]))),
        1 => (stream(tenant, &visit, 2), Some(json!([{"event": [visit, 1]}, {"event": [visit, 2]}]))),
        2 => (vec![Write::Token(token(&format!("tok_{id}"), "usr_1"))], Some(json!([]))),
        // Where its event stands is only known by then.
        3 => (vec![Write::Evidence(evidence(&id)), tenant_event(tenant)], None),
        _ => {
            let seen = Write::CheckIn {
                user: "usr_1".to_owned(),
                visit: visit.clone(),
                seq: 1,
                at_ms: 1,
                device: String::new(),
            };
            let due = Write::Outbox { id: visit, topic: "reassess".to_owned(), body: json!({}) };
            (vec![seen, due], Some(json!([])))
        }
    };
    (Commit { command: Some(command("usr_1", &format!("cmd_{id}"))), ..commit(writes) }, what)
}

async fn many_commits_leave_no_gap(database: &Database) {
    let store = database.with_tenants().await;
    let mut running = Vec::new();
    for number in 0..300 {
        let store = store.clone();
        let tenant = if number % 3 == 0 { OTHER } else { ONE };
        running.push(tokio::spawn(async move {
            let (commit, what) = any(tenant, number);
            (tenant, done(store.commit(tenant, &commit).await), what)
        }));
    }
    let mut told: BTreeMap<(&str, u64), Option<Value>> = BTreeMap::new();
    for one in running {
        let (tenant, change_seq, what) = one.await.unwrap();
        assert!(told.insert((tenant, change_seq), what).is_none());
    }
    let mut own = BTreeMap::from([(ONE, 0), (OTHER, 0)]);
    for (tenant, count) in [(ONE, 200), (OTHER, 100)] {
        let changes = store.changes(tenant, 0, 1000).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.change_seq).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
        for change in changes {
            let what = told.remove(&(tenant, change.change_seq)).unwrap();
            let expected = what.unwrap_or_else(|| {
                let seq = own.get_mut(tenant).unwrap();
                *seq += 1;
                json!([{"evidence": change.what[0]["evidence"]}, {"event": [tenant, seq]}])
            });
            assert_eq!(change.what, expected);
        }
        assert_eq!(store.tip(tenant, tenant).await.unwrap().seq, own[tenant]);
        for stored in store.events(tenant, tenant, 0, 1000).await.unwrap() {
            assert_eq!(stored.payloads.len(), 2, "{stored:?}");
        }
    }
    assert!(told.is_empty());
}

async fn who_loses_hurts_nobody_else(database: &Database) {
    let store = database.with_tenants().await;
    let sent = command("usr_1", "cmd_1");
    let with = |command, writes| Commit { command: Some(command), ..commit(writes) };
    done(store.commit(ONE, &with(sent.clone(), vec![new_task("tsk_old")])).await);
    write(&*store, ONE, stream(ONE, "vis_old", 1)).await;
    let stale = |version| {
        let task = Task { version, ..task("tsk_old") };
        Write::Task(Box::new(task), Some(version - 1))
    };
    let moved = |id: &str| Err(Conflict::Moved(id.to_owned()));
    let mut elsewhere = Tip { seq: 1, hash: "ab".repeat(32) };
    let cases = [
        (ONE, commit(visit("vis_1")), Ok(())),
        // The command comes first, whatever else is lost.
        (ONE, with(sent.clone(), vec![stale(9)]), Err(Conflict::Command(Box::new(sent.clone())))),
        (ONE, commit(vec![new_task("tsk_a"), stale(5), new_task("tsk_old")]), moved("tsk_old")),
        (OTHER, commit(vec![new_task("tsk_old")]), Ok(())),
        (ONE, commit(vec![Write::Event(Box::new(event(ONE, "vis_old", &mut elsewhere)))]), moved("vis_old")),
        // The first of its writes that moved on.
        (ONE, commit([stream(ONE, "vis_old", 1), vec![stale(7)]].concat()), moved("vis_old")),
        ("tnt_gone", commit(vec![new_task("tsk_1")]), moved("tnt_gone")),
        (ONE, commit(vec![stale(2)]), Ok(())),
        // The one before has it by now.
        (ONE, commit(vec![stale(2)]), moved("tsk_old")),
        (ONE, with(command("usr_2", "cmd_1"), visit("vis_2")), Ok(())),
        (
            ONE,
            with(command("usr_2", "cmd_1"), visit("vis_3")),
            Err(Conflict::Command(Box::new(command("usr_2", "cmd_1")))),
        ),
        // A task that was made a moment ago in the same commit, and is changed; and one that does not fit together.
        (
            ONE,
            commit(vec![new_task("tsk_b"), Write::Task(Box::new(Task { version: 2, ..task("tsk_b") }), Some(1))]),
            Ok(()),
        ),
        (ONE, commit(vec![new_task("tsk_c"), new_task("tsk_c")]), moved("tsk_c")),
    ];
    let (commits, expected): (Vec<_>, Vec<_>) =
        cases.into_iter().map(|(tenant, commit, ended)| ((tenant, commit), ended)).unzip();
    let ended = together(database, &*store, &commits).await;
    for (index, (ended, expected)) in ended.into_iter().zip(expected).enumerate() {
        match (ended.unwrap(), expected) {
            (Committed::Done { .. }, Ok(())) => {}
            (Committed::Conflict(conflict), Err(expected)) => assert_eq!(conflict, expected, "{index}"),
            (ended, expected) => panic!("{index}: {ended:?}, {expected:?}"),
        }
    }
    let seen: Vec<u64> = store.changes(ONE, 0, 100).await.unwrap().iter().map(|change| change.change_seq).collect();
    assert_eq!(seen, (1..=7).collect::<Vec<_>>());
    let there =
        [("tsk_1", true), ("tsk_2", true), ("tsk_3", false), ("tsk_a", false), ("tsk_b", true), ("tsk_c", false)];
    for (id, is_there) in there {
        assert_eq!(store.task(ONE, id).await.unwrap().is_some(), is_there, "{id}");
    }
    assert_eq!(store.task(ONE, "tsk_b").await.unwrap().unwrap().version, 2);
}

async fn an_error_hurts_nobody_else(database: &Database) {
    let store = database.with_tenants().await;
    let mut tip = Tip::default();
    let first = event(ONE, "vis_1", &mut tip);
    write(&*store, ONE, vec![Write::Event(Box::new(first.clone()))]).await;
    // No two events of a tenant have one hash: the database says no.
    let mut twin = event(ONE, "vis_2", &mut Tip::default());
    twin.hash.clone_from(&first.hash);
    let mut commits = vec![(ONE, commit(vec![Write::Event(Box::new(twin))]))];
    commits.extend((3..9).map(|number| (ONE, commit(visit(&format!("vis_{number}"))))));
    let mut ended = together(database, &*store, &commits).await;
    let failed = ended.remove(0);
    assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    assert_eq!(ended.into_iter().map(done).collect::<Vec<_>>(), (3..9).collect::<Vec<u64>>());
    assert_eq!(store.tip(ONE, "vis_2").await.unwrap(), Tip::default());
    // What cannot be right does not even wait.
    for writes in [vec![tenant_event(OTHER)], stream(OTHER, "vis_1", 1), stream(ONE, ONE, 1)] {
        let failed = store.commit(ONE, &commit(writes)).await;
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
}

async fn commits_of_one_stream_follow_each_other(database: &Database) {
    let store = database.with_tenants().await;
    let mut tip = Tip::default();
    let mut commits = Vec::new();
    for number in 0..6 {
        commits.push((ONE, commit(vec![Write::Event(Box::new(event(ONE, "vis_1", &mut tip)))])));
        commits.push((ONE, commit(visit(&format!("vis_other{number}")))));
    }
    let before = transactions(database).await;
    for ended in together(database, &*store, &commits).await {
        done(ended);
    }
    assert_eq!(store.tip(ONE, "vis_1").await.unwrap(), tip);
    // One for each event of the stream at least, and the others with them.
    let transactions = transactions(database).await - before;
    assert!((6..=7).contains(&transactions), "{transactions}");
}

async fn who_goes_away_has_committed(database: &Database) {
    let store = database.with_tenants().await;
    let commits = [(ONE, commit(vec![new_task("tsk_1")]))];
    drop(queue(&*store, &commits).await);
    // Behind it, so it is through by now.
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_2")]).await, 2);
    assert!(store.task(ONE, "tsk_1").await.unwrap().is_some());
}

/// More rows than a statement takes, and every number that is not a power of two.
async fn rows_of_every_number_arrive(database: &Database) {
    let store = database.with_tenants().await;
    for count in (1..=9).chain([33, 64, 65, 700]) {
        let hashes: BTreeSet<String> = (0..count).map(|number| format!("{count}_{number}")).collect();
        let mut writes = vec![Write::Awaits { visit: format!("vis_{count}"), sha256: hashes.clone() }];
        writes.extend((0..count).map(|number| new_task(&format!("tsk_{count}_{number}"))));
        writes.extend(hashes.iter().map(|hash| Write::Evidence(evidence(hash))));
        write(&*store, ONE, writes).await;
        let found = store.arrived(ONE, &hashes).await.unwrap();
        assert!(found.keys().eq(&hashes));
        for hash in hashes {
            assert_eq!(store.awaiting(ONE, &hash).await.unwrap(), [format!("vis_{count}")]);
        }
        for number in 0..count {
            assert!(store.task(ONE, &format!("tsk_{count}_{number}")).await.unwrap().is_some());
        }
    }
}
