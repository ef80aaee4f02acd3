//! What a database says, in the words of `StoreError`.
//!
//! For now or for ever is the whole question: what passes by itself is `Unavailable`, the rest is `Failed`. Clashes that
//! are expected never come here, statements are written so that they count rows instead.

use super::StoreError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// Classes of SQLSTATE that pass: connection, resources (disk full, memory, connections), operator intervention, system.
const CLASSES: &[&str] = &["08", "53", "57", "58"];
/// Other states that pass: a lock not had in time, a database that takes no connections for now, a stand-by that cannot be
/// written to, a database being dropped.
const STATES: &[&str] = &["55P03", "55000", "55006", "25006", "3D000", "25P03"];
/// The database chose this transaction to give way to another.
const CLASH: &[&str] = &["40001", "40P01"];
/// Primary codes of SQLite that pass: BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN.
const CODES: &[i32] = &[5, 6, 7, 8, 10, 13, 14];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) { Self::Unavailable(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => Self::Unfit(format!(
                "the database knows migration {version}, which is newer than this program: use a newer one"
            )),
            MigrateError::VersionMismatch(version) => {
                Self::Unfit(format!("migration {version} of the database is not the one of this program"))
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Whether the same question may be answered later.
fn passes(error: &sqlx::Error) -> bool {
    use sqlx::Error;
    match error {
        Error::Io(_)
        | Error::Tls(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => true,
        Error::Database(error) => {
            if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
                let state = error.code();
                CLASSES.iter().any(|class| state.starts_with(class))
                    || STATES.contains(&state)
                    || CLASH.contains(&state)
            } else {
                sqlite_code(error.as_ref()).is_some_and(|code| CODES.contains(&code))
            }
        }
        _ => false,
    }
}

/// Whether the transaction only has to be run again: nothing is wrong with it.
pub fn clashed(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| CLASH.contains(&error.code()))
}

/// Whether a key was there already.
pub fn is_there_already(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// SQLite's primary result code: the low byte of the extended one.
fn sqlite_code(error: &(dyn sqlx::error::DatabaseError + 'static)) -> Option<i32> {
    error.try_downcast_ref::<SqliteError>()?;
    error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
