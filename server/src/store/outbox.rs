//! The worker's queue. Who takes work moves its due time to the end of the lease; who dies with it loses nothing.

use super::database::{Base, inconsistent, parse};
use super::rows::{Statement, Work};
use super::{OutboxStore, Result};
use async_trait::async_trait;
use serde_json::Value;
use sqlx::{Postgres, Sqlite};
use trait_gen::trait_gen;

/// Work that follows from a commit, done by the worker.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxItem {
    /// Which tenant's.
    pub tenant: String,
    /// Unique in the tenant.
    pub id: String,
    /// What to do: `reassess`.
    pub topic: String,
    /// With what.
    pub body: Value,
    /// How often it was tried.
    pub attempts: u32,
}

type Row = (String, String, String, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl OutboxStore for Base<Db> {
    async fn take(&self, tenant: &str, now_ms: i64, lease_until_ms: i64, limit: u32) -> Result<Vec<OutboxItem>> {
        // The second `due_ms <= $2` is for another worker who took the row while this one waited for it.
        let mut rows: Vec<Row> = sqlx::query_as(
            "update outbox set due_ms = $3, attempts = attempts + 1, again = false
             where tenant = $1 and due_ms <= $2 and id in (
               select id from outbox where tenant = $1 and due_ms <= $2 order by due_ms, id limit $4
             )
             returning id, topic, body, attempts",
        )
        .bind(tenant)
        .bind(now_ms)
        .bind(lease_until_ms)
        .bind(i64::from(limit))
        .fetch_all(&self.write)
        .await?;
        rows.sort();
        rows.into_iter()
            .map(|(id, topic, body, attempts)| {
                let attempts = u32::try_from(attempts).map_err(|error| inconsistent("outbox", &id, error))?;
                let body = parse("outbox", &id, &body)?;
                Ok(OutboxItem { tenant: tenant.to_owned(), id, topic, body, attempts })
            })
            .collect()
    }

    async fn postpone(&self, tenant: &str, id: &str, due_ms: i64) -> Result<()> {
        sqlx::query("update outbox set due_ms = $3 where tenant = $1 and id = $2")
            .bind(tenant)
            .bind(id)
            .bind(due_ms)
            .execute(&self.write)
            .await?;
        Ok(())
    }
}

/// Work, due now. While the same id waits it is the same work; while somebody is at it, it is noted as asked for again,
/// since what they read may be older than this commit.
pub const OUTBOX: Statement = Statement {
    columns: "tenant, id, topic, body, attempts, due_ms, again",
    key: 2,
    work: Work::Insert(
        "outbox",
        "on conflict (tenant, id) do update set topic = excluded.topic, body = excluded.body, again = true",
    ),
};

/// Work that is done,
pub const DONE: Statement = Statement {
    columns: "tenant, id",
    key: 2,
    work: Work::Other("delete from outbox where (tenant, id) in (select tenant, id from v) and not again"),
};

/// unless it was asked for again meanwhile: then it is due now.
pub const AGAIN: Statement = Statement {
    columns: "tenant, id, due_ms",
    key: 2,
    work: Work::Other(
        "update outbox set again = false, attempts = 0, due_ms = v.due_ms from v
         where outbox.tenant = v.tenant and outbox.id = v.id and outbox.again",
    ),
};
