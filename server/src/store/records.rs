//! Master data: dated revisions, and the tree of org units that scopes are made of.

use super::database::{Base, Stop, Writer, Writing, inconsistent, int, natural, parse};
use super::{Named, Record, RecordQuery, RecordStore, Result, Scope, StoreError};
use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeSet;
use trait_gen::trait_gen;

/// The kind of record whose subject is its parent in the tree.
const ORG_UNIT: &str = "org_unit";

type Row = (String, String, i64, Option<String>, Option<String>, Option<i64>, Option<i64>, String, i64, String);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select kind, id, revision, subject, org_unit, from_ms, to_ms, body, at_ms, written_by from records ",
            $rest
        )
    };
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl RecordStore for Base<Db> {
    async fn record(&self, tenant: &str, kind: &str, id: &str, revision: Option<u64>) -> Result<Option<Record>> {
        let row: Option<Row> = match revision {
            None => {
                sqlx::query_as(select!("where tenant = $1 and kind = $2 and id = $3 and newest"))
                    .bind(tenant)
                    .bind(kind)
                    .bind(id)
                    .fetch_optional(&self.read)
                    .await?
            }
            Some(revision) => {
                sqlx::query_as(select!("where tenant = $1 and kind = $2 and id = $3 and revision = $4"))
                    .bind(tenant)
                    .bind(kind)
                    .bind(id)
                    .bind(int(revision)?)
                    .fetch_optional(&self.read)
                    .await?
            }
        };
        row.map(to_record).transpose()
    }

    async fn record_by(&self, tenant: &str, kind: &str, id: &str, by_ms: i64) -> Result<Option<Record>> {
        let row: Option<Row> = sqlx::query_as(select!(
            "where tenant = $1 and kind = $2 and id = $3 and at_ms <= $4 order by revision desc limit 1"
        ))
        .bind(tenant)
        .bind(kind)
        .bind(id)
        .bind(by_ms)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_record).transpose()
    }

    async fn in_scope(&self, tenant: &str, org_unit: Option<&str>, scope: &Scope) -> Result<bool> {
        let (Some(org_unit), Scope::Under(units)) = (org_unit, scope) else { return Ok(true) };
        let mut sql = QueryBuilder::<Db>::new("select count(*) from org_closure where tenant = ");
        sql.push_bind(tenant).push(" and descendant = ").push_bind(org_unit).push(" and ancestor in ");
        Self::list(&mut sql, units);
        let above: i64 = sql.build_query_scalar().fetch_one(&self.read).await?;
        Ok(above > 0)
    }

    async fn records(&self, tenant: &str, query: &RecordQuery) -> Result<Vec<Record>> {
        let mut sql = QueryBuilder::<Db>::new(select!("where newest and tenant = "));
        sql.push_bind(tenant).push(" and kind = ").push_bind(query.kind.as_str());
        if let Some(after) = &query.after {
            sql.push(" and id > ").push_bind(after.as_str());
        }
        if let Some(subject) = &query.subject {
            sql.push(" and subject = ").push_bind(subject.as_str());
        }
        if let Scope::Under(units) = &query.scope {
            sql.push(" and (org_unit is null or org_unit in ");
            Self::units_under(&mut sql, tenant, units);
            sql.push(")");
        }
        if let Some(at_ms) = query.at_ms {
            sql.push(" and (from_ms is null or from_ms <= ").push_bind(at_ms);
            sql.push(") and (to_ms is null or to_ms > ").push_bind(at_ms).push(")");
        }
        sql.push(" order by id limit ").push_bind(i64::from(query.limit));
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(to_record).collect()
    }

    async fn records_of(&self, tenant: &str, kind: &str, of: Named, names: &BTreeSet<String>) -> Result<Vec<Record>> {
        let mut sql = QueryBuilder::<Db>::new(select!("where newest and tenant = "));
        sql.push_bind(tenant).push(" and kind = ").push_bind(kind);
        sql.push(match of {
            Named::Id => " and id in ",
            Named::Subject => " and subject in ",
        });
        Self::list(&mut sql, names);
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(to_record).collect()
    }

    async fn org_path(&self, tenant: &str, org_unit: &str) -> Result<Vec<String>> {
        let path = sqlx::query_scalar(
            "select ancestor from org_closure where tenant = $1 and descendant = $2 order by depth desc",
        )
        .bind(tenant)
        .bind(org_unit)
        .fetch_all(&self.read)
        .await?;
        Ok(path)
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// `(a, b, …)`; for an empty list something that is never equal.
    pub(super) fn list<'a>(sql: &mut QueryBuilder<Db>, values: impl IntoIterator<Item = &'a String>) {
        sql.push("(null");
        for value in values {
            sql.push(", ").push_bind(value.as_str());
        }
        sql.push(")");
    }

    /// `(these org units and all below them)`: SCOPE as SQL.
    pub(super) fn units_under(sql: &mut QueryBuilder<Db>, tenant: &str, units: &BTreeSet<String>) {
        sql.push("(select descendant from org_closure where tenant = ").push_bind(tenant).push(" and ancestor in ");
        Self::list(sql, units);
        sql.push(")");
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// The next revision of a record. The one before loses its mark, and nothing else, so who is second finds no row.
    pub(super) fn record<'a>(&'a mut self, record: &'a Record, expected: Option<u64>) -> Writing<'a, ()> {
        Box::pin(async move {
            if record.revision != expected.unwrap_or(0).saturating_add(1) {
                return Err(
                    StoreError::Failed(format!("{}: revision {} is not next", record.id, record.revision)).into()
                );
            }
            if let Some(expected) = expected {
                let marked = sqlx::query(
                    "update records set newest = false
                 where tenant = $1 and kind = $2 and id = $3 and revision = $4 and newest",
                )
                .bind(&self.tenant)
                .bind(&record.kind)
                .bind(&record.id)
                .bind(int(expected)?)
                .execute(&mut *self.tx)
                .await?;
                if marked.rows_affected() == 0 {
                    return Err(Stop::moved(&record.id));
                }
            }
            let made = sqlx::query(
            "insert into records (tenant, kind, id, revision, newest, subject, org_unit, from_ms, to_ms, body, at_ms,
             written_by) values ($1, $2, $3, $4, true, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
        )
        .bind(&self.tenant)
        .bind(&record.kind)
        .bind(&record.id)
        .bind(int(record.revision)?)
        .bind(&record.subject)
        .bind(&record.org_unit)
        .bind(record.from_ms)
        .bind(record.to_ms)
        .bind(record.body.to_string())
        .bind(record.at_ms)
        .bind(&record.by)
        .execute(&mut *self.tx)
        .await?;
            if made.rows_affected() == 0 {
                return Err(Stop::moved(&record.id));
            }
            if record.kind == ORG_UNIT {
                self.hang(&record.id, record.subject.as_deref()).await?;
            }
            Ok(())
        })
    }

    /// Hangs an org unit, with all below it, where its newest record says: under its parent and all above that.
    ///
    /// A parent below its own child would be a ring, which has no top: that is a conflict, by the unit's id. Two moves
    /// that are innocent alone can make one together, so whoever moves a unit holds the tenant's counter first.
    fn hang<'a>(&'a mut self, unit: &'a str, parent: Option<&'a str>) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query("update counters set change_seq = change_seq where tenant = $1")
                .bind(&self.tenant)
                .execute(&mut *self.tx)
                .await?;
            // `union` without `all` ends even on a ring.
            let rings: i64 = sqlx::query_scalar(
                "with recursive up (id) as (
               select r.id from records r
               where r.tenant = $1 and r.kind = 'org_unit' and r.newest and r.id = $3
               union
               select r.subject from records r join up on r.id = up.id
               where r.tenant = $1 and r.kind = 'org_unit' and r.newest and r.subject is not null
             )
             select count(*) from up where id = $2",
            )
            .bind(&self.tenant)
            .bind(unit)
            .bind(parent)
            .fetch_one(&mut *self.tx)
            .await?;
            if rings > 0 {
                return Err(Stop::moved(unit));
            }
            sqlx::query(
                "delete from org_closure
             where tenant = $1
               and descendant in (select descendant from org_closure where tenant = $1 and ancestor = $2)
               and ancestor not in (select descendant from org_closure where tenant = $1 and ancestor = $2)",
            )
            .bind(&self.tenant)
            .bind(unit)
            .execute(&mut *self.tx)
            .await?;
            // Units may have been written before their parent; they come along with the first record of it.
            sqlx::query(
                "with recursive up (id, depth) as (
               select r.id, 0 from records r where r.tenant = $1 and r.kind = 'org_unit' and r.id = $2 and r.newest
               union all
               select p.id, up.depth + 1
               from up
               join records r on r.tenant = $1 and r.kind = 'org_unit' and r.id = up.id and r.newest
               join records p on p.tenant = $1 and p.kind = 'org_unit' and p.id = r.subject and p.newest
             ), down (id, depth) as (
               select r.id, 0 from records r where r.tenant = $1 and r.kind = 'org_unit' and r.id = $2 and r.newest
               union all
               select r.id, down.depth + 1
               from down
               join records r on r.tenant = $1 and r.kind = 'org_unit' and r.subject = down.id and r.newest
             )
             insert into org_closure (tenant, ancestor, descendant, depth)
             select $1, up.id, down.id, up.depth + down.depth from up cross join down where true
             on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(unit)
            .execute(&mut *self.tx)
            .await?;
            Ok(())
        })
    }
}

fn to_record(row: Row) -> Result<Record> {
    let (kind, id, revision, subject, org_unit, from_ms, to_ms, body, at_ms, by) = row;
    let key = format!("{kind} {id} {revision}");
    if revision < 1 {
        return Err(inconsistent("records", &key, "revisions count from 1"));
    }
    Ok(Record {
        revision: natural("records", &key, revision)?,
        body: parse("records", &key, &body)?,
        kind,
        id,
        subject,
        org_unit,
        from_ms,
        to_ms,
        at_ms,
        by,
    })
}
