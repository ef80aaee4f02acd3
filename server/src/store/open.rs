//! From an address to a store that may be relied on, or the reason why not.

use super::commit::Scribe;
use super::database::Base;
use super::group::{Persist, Queue};
use super::{Result, Store, StoreError, migrations, postgres, sqlite};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Where the data is: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server. May hold a password, so it is never printed whole.
    Postgres(String),
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.trim_start_matches('/').is_empty() => {
                // `sqlite:///a` is how others write `sqlite:/a`.
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(path.into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            _ => Err("a store is `sqlite:PATH` or `postgres://USER@HOST/DATABASE`".to_owned()),
        }
    }
}

impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let place = url.split_once("://").map_or(url.as_str(), |(_, place)| place);
                let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
                write!(f, "postgres://{}", place.split('?').next().unwrap_or_default())
            }
        }
    }
}

impl std::fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// What a commit on SQLite waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Until it is on disk (ACK).
    #[default]
    Full,
    /// Nothing: loses acknowledged commands when the machine stops. Only to show that the test of durability can fail.
    Off,
}

/// Statements that a connection keeps prepared: those of a group, for each number of rows, and what is asked.
pub const STATEMENTS: usize = 512;

/// How to open a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// SQLite only; PostgreSQL has its own configuration, which is read back.
    pub synchronous: Synchronous,
    /// At most so many connections, for reading on SQLite, for everything on PostgreSQL.
    pub connections: u32,
    /// How long to wait for a free connection, for room in the queue, and on SQLite for another process that writes.
    pub patience: Duration,
    /// Most commits of one transaction; 1 is each alone.
    pub group: usize,
    /// Most commits that wait in a queue: there is one on SQLite, several on PostgreSQL.
    pub queue: usize,
    /// More settings of SQLite, for tests: `max_page_count` fills the disk. What they weaken is refused as ever.
    pub pragmas: Vec<(&'static str, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            connections: 8,
            patience: Duration::from_secs(5),
            group: 64,
            queue: 1024,
            pragmas: Vec::new(),
        }
    }
}

/// What the schema of a database is for this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// The one it knows.
    UpToDate,
    /// Nothing there, or migrations are missing: `migrate`.
    Behind,
    /// It has had migrations this program does not know: it must not touch it.
    Newer,
}

/// Opens a store that is migrated and keeps what it acknowledges.
///
/// # Errors
/// `Unfit` for another schema or weaker settings; `Unavailable` when the database does not answer.
pub async fn open(url: &StoreUrl, options: &Options) -> Result<Arc<dyn Store>> {
    match schema(url).await? {
        SchemaState::UpToDate => {}
        SchemaState::Behind => {
            return Err(StoreError::Unfit(format!(
                "{url} is not migrated: run `sopwith migrate --store {}`",
                match url {
                    StoreUrl::Sqlite(_) => url.to_string(),
                    StoreUrl::Postgres(_) => "postgres://…".to_owned(),
                }
            )));
        }
        SchemaState::Newer => {
            return Err(StoreError::Unfit(format!(
                "{url} has had migrations that this program does not know: use a newer one"
            )));
        }
    }
    Ok(match url {
        StoreUrl::Sqlite(path) => Arc::new(sqlite::open(path, options).await?) as Arc<dyn Store>,
        StoreUrl::Postgres(url) => Arc::new(postgres::open(url, options).await?),
    })
}

/// Brings the schema up to date; makes the file on SQLite.
///
/// # Errors
/// `Unfit` when the database is newer than this program.
pub async fn migrate(url: &StoreUrl) -> Result<()> {
    match url {
        StoreUrl::Sqlite(path) => sqlite::migrate(path).await,
        StoreUrl::Postgres(url) => postgres::migrate(url).await,
    }
}

/// What the schema is for this program. Changes nothing.
///
/// # Errors
/// The database does not answer.
pub async fn schema(url: &StoreUrl) -> Result<SchemaState> {
    match url {
        StoreUrl::Sqlite(path) => Ok(migrations::state(migrations::SQLITE, &sqlite::applied(path).await?)),
        StoreUrl::Postgres(url) => Ok(migrations::state(migrations::POSTGRES, &postgres::applied(url).await?)),
    }
}

impl<DB: sqlx::Database> Base<DB>
where
    Scribe<DB>: Persist,
{
    /// Reads go to one pool, commits to the other, through so many queues.
    pub(super) fn new(read: sqlx::Pool<DB>, write: sqlx::Pool<DB>, queues: u32, options: &Options) -> Self {
        let queues = (0..queues).map(|_| Queue::start(Scribe::new(write.clone()), options)).collect();
        Self { read, write, queues }
    }
}
