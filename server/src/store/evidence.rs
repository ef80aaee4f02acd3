//! Evidence: what is here, what is awaited, and who names it. The bytes are files, elsewhere.

use super::database::{Base, Writer, Writing};
use super::{Evidence, EvidenceStore, Result};
use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeSet;
use trait_gen::trait_gen;

type Row = (String, String, i64, Option<i64>, Option<i64>, String, i64);

macro_rules! select {
    ($rest:literal) => {
        concat!("select sha256, media_type, size, width, height, reported_by, at_ms from evidence ", $rest)
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
        Ok(row.map(to_evidence))
    }

    async fn arrived(&self, tenant: &str, sha256: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut sql = QueryBuilder::<Db>::new("select sha256 from evidence where tenant = ");
        sql.push_bind(tenant).push(" and sha256 in ");
        Self::list(&mut sql, sha256);
        let rows: Vec<String> = sql.build_query_scalar().fetch_all(&self.read).await?;
        Ok(rows.into_iter().collect())
    }

    async fn all_evidence(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<Evidence>> {
        let rows: Vec<Row> = sqlx::query_as(select!("where tenant = $1 and sha256 > $2 order by sha256 limit $3"))
            .bind(tenant)
            .bind(after.unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(&self.read)
            .await?;
        Ok(rows.into_iter().map(to_evidence).collect())
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

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// Evidence that is on disk; a row that is there stays.
    pub(super) fn evidence<'a>(&'a mut self, evidence: &'a Evidence) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "insert into evidence (tenant, sha256, media_type, size, width, height, reported_by, at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(&evidence.sha256)
            .bind(&evidence.media_type)
            .bind(evidence.size)
            .bind(evidence.width)
            .bind(evidence.height)
            .bind(&evidence.reported_by)
            .bind(evidence.at_ms)
            .execute(&mut *self.tx)
            .await?;
            Ok(())
        })
    }

    /// What a visit awaits, in place of what it awaited.
    pub(super) fn awaits<'a>(&'a mut self, visit: &'a str, sha256: &'a BTreeSet<String>) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query("delete from awaited where tenant = $1 and visit = $2")
                .bind(&self.tenant)
                .bind(visit)
                .execute(&mut *self.tx)
                .await?;
            if !sha256.is_empty() {
                let mut sql = QueryBuilder::<Db>::new("insert into awaited (tenant, visit, sha256) ");
                sql.push_values(sha256, |mut row, sha256| {
                    row.push_bind(self.tenant.as_str()).push_bind(visit).push_bind(sha256.as_str());
                });
                sql.push(" on conflict do nothing");
                sql.build().execute(&mut *self.tx).await?;
            }
            Ok(())
        })
    }
}

fn to_evidence((sha256, media_type, size, width, height, reported_by, at_ms): Row) -> Evidence {
    Evidence { sha256, media_type, size, width, height, reported_by, at_ms }
}
