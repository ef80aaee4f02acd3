//! The migrations this program knows, and what it makes of those a database has had.

use super::open::SchemaState;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Version, what it does, SQL.
type Known = &'static [(i64, &'static str, &'static str)];

/// For SQLite.
pub const SQLITE: Known = &[
    (1, "init", include_str!("../../migrations/sqlite/0001_init.sql")),
    (2, "free_tasks", include_str!("../../migrations/sqlite/0002_free_tasks.sql")),
    (3, "outputs", include_str!("../../migrations/sqlite/0003_outputs.sql")),
    (4, "alike", include_str!("../../migrations/sqlite/0004_alike.sql")),
    (5, "finding_verdicts", include_str!("../../migrations/sqlite/0005_finding_verdicts.sql")),
    (7, "imports_and_arrivals", include_str!("../../migrations/sqlite/0007_imports_and_arrivals.sql")),
    (8, "check_in_devices", include_str!("../../migrations/sqlite/0008_check_in_devices.sql")),
    (9, "signers", include_str!("../../migrations/sqlite/0009_signers.sql")),
    (10, "places", include_str!("../../migrations/sqlite/0010_places.sql")),
    (11, "scored_visits", include_str!("../../migrations/sqlite/0011_scored_visits.sql")),
];
/// For PostgreSQL: the same versions and names.
pub const POSTGRES: Known = &[
    (1, "init", include_str!("../../migrations/postgres/0001_init.sql")),
    (2, "free_tasks", include_str!("../../migrations/postgres/0002_free_tasks.sql")),
    (3, "outputs", include_str!("../../migrations/postgres/0003_outputs.sql")),
    (4, "alike", include_str!("../../migrations/postgres/0004_alike.sql")),
    (5, "finding_verdicts", include_str!("../../migrations/postgres/0005_finding_verdicts.sql")),
    (7, "imports_and_arrivals", include_str!("../../migrations/postgres/0007_imports_and_arrivals.sql")),
    (8, "check_in_devices", include_str!("../../migrations/postgres/0008_check_in_devices.sql")),
    (9, "signers", include_str!("../../migrations/postgres/0009_signers.sql")),
    (10, "places", include_str!("../../migrations/postgres/0010_places.sql")),
    (11, "scored_visits", include_str!("../../migrations/postgres/0011_scored_visits.sql")),
];

/// Asks for the version and checksum of every migration a database has had.
pub const APPLIED: &str = "select version, checksum from _sqlx_migrations order by version";

/// Runs what is missing.
pub fn migrator(known: Known) -> Migrator {
    Migrator::with_migrations(
        known
            .iter()
            .map(|(version, name, sql)| {
                Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
            })
            .collect(),
    )
}

/// What a database that has had `applied` is for this program.
pub fn state(known: Known, applied: &[(i64, Vec<u8>)]) -> SchemaState {
    let migrator = migrator(known);
    let knows = |(version, checksum): &(i64, Vec<u8>)| {
        migrator.iter().any(|known| known.version == *version && *known.checksum == **checksum)
    };
    if !applied.iter().all(knows) {
        SchemaState::Newer
    } else if applied.len() < known.len() {
        SchemaState::Behind
    } else {
        SchemaState::UpToDate
    }
}
