//! Evidence: what is here, what is awaited, and who names it. The bytes are files, elsewhere.

use super::database::{Base, inconsistent};
use super::rows::{Statement, Work};
use super::{Evidence, EvidenceStore, Result};
use async_trait::async_trait;
use engine::input::Exif;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::{BTreeMap, BTreeSet};
use trait_gen::trait_gen;

type Row = (String, String, i64, Option<i64>, Option<i64>, String, i64, Option<String>);

macro_rules! select {
    ($rest:literal) => {
        concat!("select sha256, media_type, size, width, height, reported_by, at_ms, exif from evidence ", $rest)
    };
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl EvidenceStore for Base<Db> {
    async fn evidence(&self, tenant: &str, sha256: &str) -> Result<Option<Evidence>> {
        let row: Option<Row> = sqlx::query_as(select!("where tenant = $1 and sha256 = $2"))
            .bind(tenant)
            .bind(sha256)
            .fetch_optional(&self.read)
            .await?;
        row.map(to_evidence).transpose()
    }

    async fn arrived(&self, tenant: &str, sha256: &BTreeSet<String>) -> Result<BTreeMap<String, Option<Exif>>> {
        let mut sql = QueryBuilder::<Db>::new("select sha256, exif from evidence where tenant = ");
        sql.push_bind(tenant).push(" and sha256 in ");
        Self::list(&mut sql, sha256);
        let rows: Vec<(String, Option<String>)> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(|(sha256, exif)| Ok((sha256.clone(), to_exif(&sha256, exif.as_deref())?))).collect()
    }

    async fn all_evidence(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<Evidence>> {
        let rows: Vec<Row> = sqlx::query_as(select!("where tenant = $1 and sha256 > $2 order by sha256 limit $3"))
            .bind(tenant)
            .bind(after.unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await?;
        rows.into_iter().map(to_evidence).collect()
    }

    async fn awaiting(&self, tenant: &str, sha256: &str) -> Result<Vec<String>> {
        let visits = sqlx::query_scalar("select visit from awaited where tenant = $1 and sha256 = $2 order by visit")
            .bind(tenant)
            .bind(sha256)
            .fetch_all(&self.read)
            .await?;
        Ok(visits)
    }

    async fn awaiting_what_is_here(&self, tenant: &str, limit: u32) -> Result<Vec<(String, String)>> {
        let pairs = sqlx::query_as(
            "select a.visit, a.sha256 from awaited a
             join evidence e on e.tenant = a.tenant and e.sha256 = a.sha256
             where a.tenant = $1 order by a.visit, a.sha256 limit $2",
        )
        .bind(tenant)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        Ok(pairs)
    }

    async fn visits_using(&self, tenant: &str, sha256: &str) -> Result<Vec<String>> {
        let visits = sqlx::query_scalar(
            "select visit from evidence_uses where tenant = $1 and sha256 = $2
             union
             select visit from awaited where tenant = $1 and sha256 = $2
             order by visit",
        )
        .bind(tenant)
        .bind(sha256)
        .fetch_all(&self.read)
        .await?;
        Ok(visits)
    }
}

/// Evidence that is on disk; a row that is there stays.
pub const EVIDENCE: Statement = Statement {
    columns: "tenant, sha256, media_type, size, width, height, reported_by, at_ms, exif",
    key: 2,
    work: Work::Insert("evidence", "on conflict do nothing"),
};

/// What a visit awaited goes,
pub const OLD_AWAITS: Statement = Statement {
    columns: "tenant, visit",
    key: 2,
    work: Work::Other("delete from awaited where (tenant, visit) in (select tenant, visit from v)"),
};

/// and what it awaits takes its place.
pub const AWAITS: Statement =
    Statement { columns: "tenant, visit, sha256", key: 3, work: Work::Insert("awaited", "on conflict do nothing") };

fn to_evidence((sha256, media_type, size, width, height, reported_by, at_ms, exif): Row) -> Result<Evidence> {
    let exif = to_exif(&sha256, exif.as_deref())?;
    Ok(Evidence { sha256, media_type, size, width, height, reported_by, at_ms, exif })
}

fn to_exif(sha256: &str, exif: Option<&str>) -> Result<Option<Exif>> {
    exif.map(|exif| serde_json::from_str(exif).map_err(|error| inconsistent("evidence", sha256, error))).transpose()
}
