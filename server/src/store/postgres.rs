//! PostgreSQL: a pool whose every connection was asked whether a commit is on disk when it returns (ACK).

use super::database::Base;
use super::open::{Options, STATEMENTS};
use super::{Result, StoreError, migrations};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgConnection, Postgres};
use std::str::FromStr as _;

/// Settings of every connection: nobody waits for a lock for ever, and a server that lost its client lets go of locks.
const SESSION: &str = "set lock_timeout = '10s'; set idle_in_transaction_session_timeout = '60s'";

/// Most groups of commits that are under way at once, each of other tenants.
const QUEUES: u32 = 4;

/// Settings that must be read back, and the values that do not lose what was acknowledged.
const LEAST: &[(&str, &[&str])] = &[
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
    ("synchronous_commit", &["on", "remote_write", "remote_apply"]),
    ("server_encoding", &["UTF8"]),
];

/// Opens a migrated database and reads the settings back.
pub async fn open(url: &str, options: &Options) -> Result<Base<Postgres>> {
    let settings = settings(url)?;
    let mut connection = PgConnection::connect_with(&settings).await?;
    if let Some(weak) = weaker(&mut connection).await? {
        return Err(StoreError::Unfit(weak));
    }
    connection.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.patience)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(SESSION).await?;
                // Changed since the start, for this database or this user: such a connection is not used.
                match weaker(connection).await? {
                    None => Ok(()),
                    Some(weak) => Err(sqlx::Error::Configuration(weak.into())),
                }
            })
        })
        .connect_with(settings)
        .await?;
    // Half of the connections at most write, so that there are some to read with.
    let queues = (options.connections / 2).clamp(1, QUEUES);
    Ok(Base::new(pool.clone(), pool, queues, options))
}

/// Brings the schema up to date.
pub async fn migrate(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect_with(&settings(url)?).await?;
    migrations::migrator(migrations::POSTGRES).run_direct(None, &mut connection, false).await?;
    let mut tx = connection.begin().await?;
    Base::<Postgres>::index_places(&mut tx).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Version and checksum of the migrations the database has had.
pub async fn applied(url: &str) -> Result<Vec<(i64, Vec<u8>)>> {
    let mut connection = PgConnection::connect_with(&settings(url)?).await?;
    let is_there: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut connection).await?;
    let applied =
        if is_there { sqlx::query_as(migrations::APPLIED).fetch_all(&mut connection).await? } else { Vec::new() };
    connection.close().await?;
    Ok(applied)
}

fn settings(url: &str) -> Result<PgConnectOptions> {
    // The text of this error holds no part of the address.
    PgConnectOptions::from_str(url)
        .map(|options| options.application_name("sopwith").statement_cache_capacity(STATEMENTS))
        .map_err(|error| StoreError::Failed(format!("not the address of a database: {error}")))
}

/// The first setting that would lose what was acknowledged.
async fn weaker(connection: &mut PgConnection) -> std::result::Result<Option<String>, sqlx::Error> {
    for (name, least) in LEAST {
        let found: String =
            sqlx::query_scalar("select current_setting($1)").bind(*name).fetch_one(&mut *connection).await?;
        if !least.contains(&found.as_str()) {
            return Ok(Some(format!(
                "PostgreSQL has {name}={found}, which loses what was acknowledged: it must be {}",
                least.join(" or ")
            )));
        }
    }
    Ok(None)
}
