//! SQLite: one file, one writer, and settings under which a commit is on disk when it returns (ACK).

use super::database::Base;
use super::open::{Options, STATEMENTS, Synchronous};
use super::{Result, StoreError, migrations};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection};
use std::path::Path;

/// Opens a migrated file and reads the settings back.
pub async fn open(path: &Path, options: &Options) -> Result<Base<Sqlite>> {
    let mut settings = settings(path).busy_timeout(options.patience).synchronous(match options.synchronous {
        Synchronous::Full => SqliteSynchronous::Full,
        Synchronous::Off => SqliteSynchronous::Off,
    });
    for (name, value) in &options.pragmas {
        settings = settings.pragma(*name, value.clone());
    }
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(options.patience)
            .max_lifetime(None)
            .idle_timeout(None)
            // A file does not hang up.
            .test_before_acquire(false)
            .after_release(|connection, _| {
                Box::pin(async move {
                    if !connection.is_in_transaction() {
                        return Ok(true);
                    }
                    // SQLite rolls back by itself when the disk is full; the library then still counts a transaction, and
                    // no other could ever begin on this connection. `ping` waits for a rollback that is on its way.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
    };
    let write = pool(1).connect_with(settings.clone()).await?;
    check(&mut *write.acquire().await?, options.synchronous).await?;
    // Checkpoints and changes come from the writer only.
    let read = pool(options.connections.max(1)).connect_with(settings.pragma("query_only", "on")).await?;
    check(&mut *read.acquire().await?, options.synchronous).await?;
    Ok(Base::new(read, write, 1, options))
}

/// Makes the file if there is none and brings its schema up to date.
pub async fn migrate(path: &Path) -> Result<()> {
    let is_new = !path.exists();
    let mut connection =
        SqliteConnection::connect_with(&settings(path).create_if_missing(true)).await.map_err(at(path))?;
    migrations::migrator(migrations::SQLITE).run_direct(None, &mut connection, false).await?;
    let mut tx = connection.begin().await?;
    Base::<Sqlite>::index_places(&mut tx).await?;
    tx.commit().await?;
    connection.close().await?;
    if is_new && let Some(folder) = path.parent() {
        // SQLite makes the content durable; the name of a new file is its folder's.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
    }
    Ok(())
}

/// Version and checksum of the migrations the file has had; none when there is no file.
pub async fn applied(path: &Path) -> Result<Vec<(i64, Vec<u8>)>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut connection = SqliteConnection::connect_with(&settings(path)).await.map_err(at(path))?;
    let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema where name = '_sqlx_migrations'")
        .fetch_one(&mut connection)
        .await?;
    let applied =
        if tables == 0 { Vec::new() } else { sqlx::query_as(migrations::APPLIED).fetch_all(&mut connection).await? };
    connection.close().await?;
    Ok(applied)
}

/// `fullfsync`: on macOS a plain fsync stops at the drive's cache. `secure_delete`: what is erased is overwritten.
fn settings(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("fullfsync", "on")
        .pragma("checkpoint_fullfsync", "on")
        .pragma("secure_delete", "on")
        .statement_cache_capacity(STATEMENTS)
}

/// Reads the settings back: asking for one is not having it.
async fn check(connection: &mut SqliteConnection, wanted: Synchronous) -> Result<()> {
    let journal: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&mut *connection).await?;
    let synchronous: i64 = sqlx::query_scalar("pragma synchronous").fetch_one(&mut *connection).await?;
    let foreign_keys: i64 = sqlx::query_scalar("pragma foreign_keys").fetch_one(&mut *connection).await?;
    let weaker = |name: &str, found: &str, least: &str| {
        Err(StoreError::Unfit(format!(
            "SQLite has {name}={found}, which loses what was acknowledged: it must be {least}"
        )))
    };
    if journal != "wal" {
        return weaker("journal_mode", &journal, "wal");
    }
    // 2 is FULL, 3 is EXTRA.
    if wanted == Synchronous::Full && synchronous < 2 {
        return weaker("synchronous", &synchronous.to_string(), "2 (FULL)");
    }
    if foreign_keys != 1 {
        return weaker("foreign_keys", &foreign_keys.to_string(), "1");
    }
    Ok(())
}

/// The file that could not be opened.
fn at(path: &Path) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| match StoreError::from(error) {
        StoreError::Unavailable(detail) => StoreError::Unavailable(format!("{}: {detail}", path.display())),
        other => other,
    }
}
