//! Imports: revisions of master data that are staged a batch at a time, unseen, and take effect all at once.
//!
//! A million rows in one commit would have to be in memory at once; in a million commits a reader would see half an import.
//! So they are staged by small commits, and one statement moves them: whoever reads sees none of them or all.

use super::database::{Base, Stop, Writer, Writing, int};
use super::rows::{Row, Statement, Step, Work, cells};
use super::{ImportStore, Record, Result};
use async_trait::async_trait;
use sqlx::{Postgres, Sqlite};
use std::sync::Arc;
use trait_gen::trait_gen;

/// A revision that an import brings; staged again, it is the same.
pub const STAGED: Statement = Statement {
    columns: "tenant, import, kind, id, revision, subject, org_unit, from_ms, to_ms, body, at_ms, written_by",
    key: 4,
    work: Work::Insert("import_rows", "on conflict do nothing"),
};

/// The row of a staged revision.
pub fn staged_row(tenant: &Arc<str>, import: &str, record: &Record, part: usize) -> Result<Row> {
    let (subject, org_unit) = (record.subject.as_ref(), record.org_unit.as_ref());
    let cells = cells![
        tenant,
        import,
        &record.kind,
        &record.id,
        int(record.revision)?,
        subject,
        org_unit,
        record.from_ms,
        record.to_ms,
        record.body.to_string(),
        record.at_ms,
        &record.by
    ];
    Ok(Row { step: Step::Staged, part, cells })
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl ImportStore for Base<Db> {
    async fn unstage(&self, tenant: &str, import: &str, before_ms: i64) -> Result<u64> {
        let deleted = sqlx::query("delete from import_rows where tenant = $1 and (import = $2 or at_ms < $3)")
            .bind(tenant)
            .bind(import)
            .bind(before_ms)
            .execute(&self.write)
            .await?;
        Ok(deleted.rows_affected())
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// Moves what is staged to `records`. The revisions before lose their mark, and nothing else, so whoever wrote one of
    /// these records meanwhile leaves too few; then the whole import is a conflict, by its own id.
    pub(super) fn import<'a>(&'a mut self, import: &'a str, records: u64) -> Writing<'a, ()> {
        Box::pin(async move {
            let later: i64 = sqlx::query_scalar(
                "select count(*) from import_rows where tenant = $1 and import = $2 and revision > 1",
            )
            .bind(&self.tenant)
            .bind(import)
            .fetch_one(&mut *self.tx)
            .await?;
            let marked = sqlx::query(
                "update records set newest = false from import_rows s
                 where s.tenant = $1 and s.import = $2 and s.revision > 1 and records.tenant = s.tenant
                   and records.kind = s.kind and records.id = s.id and records.revision = s.revision - 1
                   and records.newest",
            )
            .bind(&self.tenant)
            .bind(import)
            .execute(&mut *self.tx)
            .await?;
            let made = sqlx::query(
                "insert into records (tenant, kind, id, revision, newest, subject, org_unit, from_ms, to_ms, body, at_ms,
                 written_by)
                 select tenant, kind, id, revision, true, subject, org_unit, from_ms, to_ms, body, at_ms, written_by
                 from import_rows where tenant = $1 and import = $2
                 on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(import)
            .execute(&mut *self.tx)
            .await?;
            if marked.rows_affected() != u64::try_from(later).unwrap_or_default() || made.rows_affected() != records {
                return Err(Stop::moved(import));
            }
            sqlx::query("delete from import_rows where tenant = $1 and import = $2")
                .bind(&self.tenant)
                .bind(import)
                .execute(&mut *self.tx)
                .await?;
            Ok(())
        })
    }
}
