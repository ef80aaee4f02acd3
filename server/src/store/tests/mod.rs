//! The contract of the store: one list of cases, each run on SQLite and on PostgreSQL.
//!
//! Here is the set-up; a case is a function of a `Database`. PostgreSQL is the server `SOPWITH_PG_URL` names, where every
//! case has a database of its own. Who is faster is decided by barriers and locks, never by waiting.

mod alike;
mod commits;
mod counting;
mod differential;
mod dumps;
mod events;
mod evidence;
mod findings;
mod groups;
mod history;
mod imports;
mod isolation;
mod operations;
mod org_tree;
mod outbox;
mod outputs;
mod places;
mod records;
mod safety;
mod samples;
mod task_scopes;
mod tasks;
mod tenants;
mod versions;

use super::{Options, Store, StoreUrl, migrate, open};
use samples::tenant;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::sync::Arc;

/// Makes `sqlite::case` and `postgres::case` of each case.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&super::Database::sqlite().await).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case(&super::Database::postgres().await).await;
                }
            )+
        }
    };
}
use on_both;

/// Two tenants of every database.
const ONE: &str = "tnt_one";
/// See [`ONE`].
const OTHER: &str = "tnt_other";

/// A database of one case, migrated, and gone with this value.
struct Database {
    url: StoreUrl,
    place: Place,
}

enum Place {
    /// A folder that goes with the value.
    Folder(#[expect(dead_code, reason = "held for its end")] tempfile::TempDir),
    /// Address of the server and name of the database.
    Server(String, String),
}

impl Database {
    async fn sqlite() -> Self {
        let database = Self::empty_sqlite();
        migrate(&database.url).await.unwrap();
        database
    }

    async fn postgres() -> Self {
        let database = Self::empty_postgres().await;
        migrate(&database.url).await.unwrap();
        database
    }

    fn empty_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: StoreUrl::Sqlite(folder.path().join("sopwith.db")), place: Place::Folder(folder) }
    }

    async fn empty_postgres() -> Self {
        let server = server();
        let name = format!("case_{}", uuid::Uuid::now_v7().simple());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        connection.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        connection.close().await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{before}/{name}").parse().unwrap(), place: Place::Server(server, name) }
    }

    /// An empty database of the same kind.
    async fn another(&self) -> Self {
        match self.place {
            Place::Folder(_) => Self::sqlite().await,
            Place::Server(..) => Self::postgres().await,
        }
    }

    /// The store, opened once more.
    async fn open(&self) -> Arc<dyn Store> {
        self.open_with(&Options::default()).await
    }

    async fn open_with(&self, options: &Options) -> Arc<dyn Store> {
        open(&self.url, options).await.unwrap()
    }

    /// The store with [`ONE`] and [`OTHER`] in it.
    async fn with_tenants(&self) -> Arc<dyn Store> {
        let store = self.open().await;
        assert!(store.create_tenant(&tenant(ONE)).await.unwrap());
        assert!(store.create_tenant(&tenant(OTHER)).await.unwrap());
        store
    }

    /// A connection that goes around the store.
    async fn postgres_connection(&self) -> PgConnection {
        let StoreUrl::Postgres(url) = &self.url else { panic!("not PostgreSQL") };
        PgConnection::connect(url).await.unwrap()
    }

    /// Runs SQL as somebody else would.
    async fn tamper(&self, sql: &'static str) {
        match &self.url {
            StoreUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                connection.execute(sql).await.unwrap();
                connection.close().await.unwrap();
            }
            StoreUrl::Postgres(_) => {
                let mut connection = self.postgres_connection().await;
                connection.execute(sql).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Place::Server(server, name) = &self.place else { return };
        let (server, sql) = (server.clone(), format!("drop database if exists {name} with (force)"));
        // A runtime cannot wait inside itself.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await?;
                connection.execute(AssertSqlSafe(sql)).await?;
                connection.close().await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("{name} could not be dropped");
        }
    }
}

/// The server of all cases.
fn server() -> String {
    match std::env::var("SOPWITH_PG_URL") {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("SOPWITH_PG_URL is not set: run `cargo xtask test`"),
    }
}
