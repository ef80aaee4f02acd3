//! What the SQL of this folder runs on: one generic store, and the little in which the two databases differ.
//!
//! Each trait is implemented once, in its own file, over `Base<Db>`; `trait_gen` makes both implementations from that one
//! body. What cannot be said alike on both is a constant of `Dialect`, with the reason beside it.

use super::group::Queue;
use super::{Result, Store, StoreError};
use serde_json::Value;
use sqlx::{Database, Pool, Postgres, Sqlite, Transaction};
use std::pin::Pin;
use trait_gen::trait_gen;

/// A database and how it is reached.
pub struct Base<DB: Database> {
    /// For questions.
    pub(super) read: Pool<DB>,
    /// For commits. SQLite: one connection, so writers queue here and never find the file locked.
    pub(super) write: Pool<DB>,
    /// Where commits wait, by tenant.
    pub(super) queues: Vec<Queue>,
}

/// A transaction that writes for one tenant (TENANT) what is rare, one by one; it is in the file of each entity.
pub struct Writer<DB: Database> {
    /// Dropped without `commit`, it leaves no trace.
    pub(super) tx: Transaction<'static, DB>,
    /// Whose.
    pub(super) tenant: String,
    /// Now.
    pub(super) at_ms: i64,
}

/// A write on its way. Boxed one by one: the compiler cannot see that the sum of them all may change threads.
pub type Writing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'a>>;

/// In what the databases differ.
pub trait Dialect {
    /// Begins a transaction that writes.
    const BEGIN: &'static str;
    /// Begins a transaction whose every question sees the same moment.
    const SNAPSHOT: &'static str;
    /// Whether one transaction may hold commits of several tenants.
    const TENANTS_MEET: bool;
    /// Writes the place of the bind of this number, from 1.
    fn place(number: usize, sql: &mut String);
}

impl Dialect for Sqlite {
    /// A deferred transaction that reads first fails when it then writes behind another writer; this one waits its turn.
    const BEGIN: &'static str = "begin immediate";
    /// Every transaction is a snapshot.
    const SNAPSHOT: &'static str = "begin";
    /// There is one file and one writer.
    const TENANTS_MEET: bool = true;
    /// Without a number: SQLite looks for a numbered one in a list, every time.
    fn place(_: usize, sql: &mut String) {
        sql.push('?');
    }
}

impl Dialect for Postgres {
    /// Read committed: statements that count rows wait for the other writer and then see what it did. A few rows meet a
    /// table by its key, always: a plan made while the table was small must not read all of it when it is large, and rows
    /// are locked in the order in which they are given.
    const BEGIN: &'static str =
        "begin; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off";
    const SNAPSHOT: &'static str = "begin isolation level repeatable read, read only";
    /// Tenants may be on different machines (TENANT).
    const TENANTS_MEET: bool = false;
    fn place(number: usize, sql: &mut String) {
        sql.push('$');
        sql.push_str(&number.to_string());
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// A transaction that writes. Dropped without `commit`, it leaves no trace.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Db>, sqlx::Error> {
        self.write.begin_with(Db::BEGIN).await
    }

    /// A transaction that sees one moment.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Db>, sqlx::Error> {
        self.read.begin_with(Db::SNAPSHOT).await
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Store for Base<Db> {}

/// A number as the databases know it.
pub fn int(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| StoreError::Failed(format!("{number} does not fit a column")))
}

/// A number that cannot be negative.
pub fn natural(table: &'static str, key: &str, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| inconsistent(table, key, format!("{number} is negative")))
}

/// JSON of a column. Not canonical form: it must read back as the very same value, and only what is hashed needs bytes.
pub fn parse(table: &'static str, key: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| inconsistent(table, key, error))
}

/// A row that does not have its form.
pub fn inconsistent(table: &'static str, key: &str, detail: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent { table, key: key.to_owned(), detail: detail.to_string() }
}

/// How a transaction that writes can end before its end.
#[derive(Debug)]
pub enum Stop {
    /// It could not begin, or broke off at its very end: whatever it held, the same would happen to the rest.
    Broken(sqlx::Error),
    /// Somebody else was faster: an answer, not an error.
    Conflict(super::Conflict),
    /// The database says no; perhaps only to this attempt.
    Sql(sqlx::Error),
    /// Anything else.
    Store(StoreError),
}

impl Stop {
    /// Stream, task, record or version moved on.
    pub fn moved(id: &str) -> Self {
        Self::Conflict(super::Conflict::Moved(id.to_owned()))
    }
}

impl From<Stop> for StoreError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Broken(error) | Stop::Sql(error) => error.into(),
            Stop::Store(error) => error,
            Stop::Conflict(conflict) => Self::Failed(format!("{conflict:?} where nothing can conflict")),
        }
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
