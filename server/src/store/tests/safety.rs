//! ACK and what is refused: weaker settings, another schema, a full disk, a lost connection.

use super::samples::{commit, new_task, tenant, write};
use super::{Database, ONE, on_both};
use crate::store::tables::{TABLES, Type};
use crate::store::{
    Committed, Options, SchemaState, Store, StoreError, StoreUrl, Synchronous, Write, migrate, open, schema,
};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use std::collections::BTreeSet;
use std::time::Duration;

on_both![
    what_is_not_migrated_is_refused,
    a_newer_schema_is_refused,
    migrating_again_changes_nothing,
    the_tables_of_a_dump_are_those_of_the_schema,
];

fn unfit(opened: crate::store::Result<std::sync::Arc<dyn Store>>) -> String {
    match opened {
        Err(StoreError::Unfit(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

async fn refused(database: &Database, options: &Options) -> String {
    unfit(open(&database.url, options).await)
}

async fn what_is_not_migrated_is_refused(database: &Database) {
    let empty = match database.url {
        StoreUrl::Sqlite(_) => Database::empty_sqlite(),
        StoreUrl::Postgres(_) => Database::empty_postgres().await,
    };
    assert_eq!(schema(&empty.url).await.unwrap(), SchemaState::Behind);
    assert!(refused(&empty, &Options::default()).await.contains("sopwith migrate"));
    // Asking makes nothing.
    if let StoreUrl::Sqlite(path) = &empty.url {
        assert!(!path.exists());
    }
    migrate(&empty.url).await.unwrap();
    assert_eq!(schema(&empty.url).await.unwrap(), SchemaState::UpToDate);
    empty.open().await.ping().await.unwrap();
}

async fn a_newer_schema_is_refused(database: &Database) {
    let checksum = match database.url {
        StoreUrl::Sqlite(_) => "x'00'",
        StoreUrl::Postgres(_) => "'\\x00'",
    };
    let sql = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (1000, 'tomorrow', true, {checksum}, 0)"
    );
    database.tamper(Box::leak(sql.into_boxed_str())).await;
    assert_eq!(schema(&database.url).await.unwrap(), SchemaState::Newer);
    assert!(refused(database, &Options::default()).await.contains("newer"));
    assert!(matches!(migrate(&database.url).await, Err(StoreError::Unfit(_))));
    // A migration that was edited after it had landed is not the one this program knows either.
    database.tamper("delete from _sqlx_migrations where version = 1000").await;
    let sql = format!("update _sqlx_migrations set checksum = {checksum}");
    database.tamper(Box::leak(sql.into_boxed_str())).await;
    assert_eq!(schema(&database.url).await.unwrap(), SchemaState::Newer);
    assert!(matches!(migrate(&database.url).await, Err(StoreError::Unfit(_))));
}

async fn migrating_again_changes_nothing(database: &Database) {
    let store = database.with_tenants().await;
    migrate(&database.url).await.unwrap();
    assert_eq!(store.tenant(ONE).await.unwrap(), Some(tenant(ONE)));
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_1")]).await, 1);
}

/// Tables, columns, keys and types as the database itself tells them.
async fn described(database: &Database) -> BTreeSet<(String, String, bool, i64)> {
    let mut columns = BTreeSet::new();
    match &database.url {
        StoreUrl::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
            let rows = sqlx::query(
                "select t.name, c.name, c.\"notnull\", c.pk from sqlite_schema t join pragma_table_info(t.name) c
                 where t.type = 'table' and t.name not like '%sqlx%' and t.name not like 'sqlite%'",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap();
            for row in rows {
                columns.insert((row.get(0), row.get(1), row.get::<i64, _>(2) == 1, row.get(3)));
            }
        }
        StoreUrl::Postgres(_) => {
            let rows = sqlx::query(
                "select c.table_name::text, c.column_name::text, c.is_nullable = 'NO', coalesce(k.ordinal_position, 0)::bigint
                 from information_schema.columns c
                 left join information_schema.table_constraints p
                   on p.table_name = c.table_name and p.constraint_type = 'PRIMARY KEY'
                 left join information_schema.key_column_usage k
                   on k.constraint_name = p.constraint_name and k.column_name = c.column_name
                 where c.table_schema = 'public' and c.table_name not like '%sqlx%'",
            )
            .fetch_all(&mut database.postgres_connection().await)
            .await
            .unwrap();
            for row in rows {
                columns.insert((row.get(0), row.get(1), row.get(2), row.get(3)));
            }
        }
    }
    columns
}

async fn the_tables_of_a_dump_are_those_of_the_schema(database: &Database) {
    let mut declared = BTreeSet::new();
    for table in TABLES {
        assert_eq!(table.columns[0], ("tenant", Type::Text), "{}: the tenant leads every key", table.name);
        for (index, (column, kind)) in table.columns.iter().enumerate() {
            let required = !matches!(kind, Type::OptionalText | Type::OptionalInt);
            let place = if index < table.key { i64::try_from(index).unwrap() + 1 } else { 0 };
            declared.insert((table.name.to_owned(), (*column).to_owned(), required, place));
        }
    }
    assert_eq!(described(database).await, declared);
}

#[tokio::test]
async fn weaker_settings_of_sqlite_are_refused() {
    let database = Database::sqlite().await;
    let with = |name, value: &str| Options { pragmas: vec![(name, value.to_owned())], ..Options::default() };
    for weak in ["0", "1", "NORMAL"] {
        let why = refused(&database, &with("synchronous", weak)).await;
        assert!(why.contains("synchronous") && why.contains("acknowledged"), "{why}");
    }
    assert!(refused(&database, &with("journal_mode", "DELETE")).await.contains("journal_mode=delete"));
    assert!(refused(&database, &with("foreign_keys", "OFF")).await.contains("foreign_keys"));
    database.open_with(&with("synchronous", "EXTRA")).await;
    // Whoever asks for it by name may have it: the control of the durability test.
    database.open_with(&Options { synchronous: Synchronous::Off, ..Options::default() }).await;
    database.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weaker_settings_of_postgresql_are_refused() {
    let database = Database::postgres().await;
    let mut connection = database.postgres_connection().await;
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut connection).await.unwrap();
    for weak in ["off", "local"] {
        let sql = format!("alter database {name} set synchronous_commit = {weak}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        let why = refused(&database, &Options::default()).await;
        assert!(why.contains(&format!("synchronous_commit={weak}")), "{why}");
    }
    for strong in ["on", "remote_write", "remote_apply"] {
        let sql = format!("alter database {name} set synchronous_commit = {strong}");
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        database.open().await.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_half_written() {
    let database = Database::sqlite().await;
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![new_task("tsk_before")]).await;
    drop(store);
    let StoreUrl::Sqlite(path) = &database.url else { panic!("not SQLite") };
    let pages = std::fs::metadata(path).unwrap().len() / 4096 + 20;
    let full = Options { pragmas: vec![("max_page_count", pages.to_string())], ..Options::default() };
    let store = database.open_with(&full).await;
    let large = || Write::Object { hash: "aa".to_owned(), bytes: vec![1; 500_000] };
    // Again and again: SQLite rolls back by itself, and the connection must not be left in between.
    for round in 0..5 {
        let failed = store.commit(ONE, &commit(vec![new_task("tsk_full"), large()])).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        assert_eq!(store.task(ONE, "tsk_full").await.unwrap(), None);
        assert_eq!(store.object(ONE, "aa").await.unwrap(), None);
        // What fits still goes through.
        assert_eq!(write(&*store, ONE, vec![new_task(&format!("tsk_{round}"))]).await, 2 + round);
    }
    drop(store);
    // Space again.
    let store = database.open().await;
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_full"), large()]).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_unavailable_and_comes_back() {
    let database = Database::postgres().await;
    let store = database.with_tenants().await;
    let mut admin = database.postgres_connection().await;
    let end_all = "select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()";
    // In the middle of a commit: it waits for a lock and is cut off.
    let mut holder = database.postgres_connection().await;
    holder.execute("begin; update counters set change_seq = change_seq").await.unwrap();
    let cut_off = {
        let store = store.clone();
        tokio::spawn(async move { store.commit(ONE, &commit(vec![new_task("tsk_cut")])).await })
    };
    loop {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut admin)
        .await
        .unwrap();
        if waiting > 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
    admin.execute(end_all).await.unwrap();
    let cut_off = cut_off.await.unwrap();
    assert!(matches!(cut_off, Err(StoreError::Unavailable(_))), "{cut_off:?}");
    assert_eq!(store.task(ONE, "tsk_cut").await.unwrap(), None);
    // Idle connections that died are replaced without anybody noticing.
    admin.execute(end_all).await.unwrap();
    assert_eq!(write(&*store, ONE, vec![new_task("tsk_1")]).await, 1);

    // The database is gone for good.
    let name: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    drop((admin, holder));
    let mut server = <sqlx::PgConnection as sqlx::Connection>::connect(&super::server()).await.unwrap();
    server.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
    let gone = store.commit(ONE, &commit(vec![new_task("tsk_2")])).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    let gone = store.ping().await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "{gone:?}");
    assert!(matches!(open(&database.url, &Options::default()).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_free_connection_it_is_unavailable() {
    let database = Database::postgres().await;
    let store = database
        .open_with(&Options { connections: 1, patience: Duration::from_millis(200), ..Options::default() })
        .await;
    let (held, release) = (tokio::sync::oneshot::channel(), std::sync::mpsc::channel::<()>());
    let (say_held, released) = (held.0, release.1);
    assert!(store.create_tenant(&tenant(ONE)).await.unwrap());
    let holder = {
        let store = store.clone();
        let mut once = Some((say_held, released));
        tokio::spawn(async move {
            let mut take = |_: &'static str, _| {
                if let Some((say_held, released)) = once.take() {
                    say_held.send(()).unwrap();
                    tokio::task::block_in_place(|| released.recv()).unwrap();
                }
                Ok(())
            };
            store.dump(None, &mut take).await.unwrap();
        })
    };
    held.1.await.unwrap();
    let committed = store.commit(ONE, &commit(vec![new_task("tsk_1")])).await;
    assert!(matches!(committed, Err(StoreError::Unavailable(_))), "{committed:?}");
    release.0.send(()).unwrap();
    holder.await.unwrap();
    let committed = store.commit(ONE, &commit(vec![new_task("tsk_1")])).await.unwrap();
    assert_eq!(committed, Committed::Done { change_seq: 1 });
}

#[test]
fn both_databases_have_the_same_migrations() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = |name: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder.join(name)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let known = |known: &[(i64, &str, &str)]| -> BTreeSet<String> {
        known.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect()
    };
    assert_eq!(files("sqlite"), known(crate::store::migrations::SQLITE));
    assert_eq!(files("postgres"), known(crate::store::migrations::POSTGRES));
    assert_eq!(files("sqlite"), files("postgres"));
}

#[test]
fn an_address_is_read_and_its_password_is_not_printed() {
    let parse = |text: &str| text.parse::<StoreUrl>();
    assert_eq!(parse("sqlite:data/sopwith.db"), Ok(StoreUrl::Sqlite("data/sopwith.db".into())));
    assert_eq!(parse("sqlite:///var/sopwith.db"), Ok(StoreUrl::Sqlite("/var/sopwith.db".into())));
    let url = parse("postgresql://sopwith:s3cret@db.example:5432/visits?sslmode=require").unwrap();
    assert_eq!(url.to_string(), "postgres://db.example:5432/visits");
    assert_eq!(format!("{url:?}"), "postgres://db.example:5432/visits");
    for wrong in ["", "sqlite:", "sqlite://", "mysql://a", "postgres:a", "data.db"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
