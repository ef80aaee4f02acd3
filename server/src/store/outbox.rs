//! The worker's queue. Who takes work moves its due time to the end of the lease; who dies with it loses nothing.

use super::database::{Base, Writer, Writing, inconsistent, parse};
use super::{OutboxItem, OutboxStore, Result};
use async_trait::async_trait;
use serde_json::Value;
use sqlx::{Postgres, Sqlite};
use trait_gen::trait_gen;

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

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// Work, due now. While the same id waits it is the same work; while somebody is at it, it is noted as asked for
    /// again, since what they read may be older than this commit.
    pub(super) fn outbox<'a>(&'a mut self, id: &'a str, topic: &'a str, body: &'a Value) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query(
            "insert into outbox (tenant, id, topic, body, attempts, due_ms, again) values ($1, $2, $3, $4, 0, $5, false)
             on conflict (tenant, id) do update set topic = excluded.topic, body = excluded.body, again = true",
        )
        .bind(&self.tenant)
        .bind(id)
        .bind(topic)
        .bind(body.to_string())
        .bind(self.at_ms)
        .execute(&mut *self.tx)
        .await?;
            Ok(())
        })
    }

    /// Work that is done, unless it was asked for again meanwhile: then it is due now.
    pub(super) fn outbox_done<'a>(&'a mut self, id: &'a str) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query("delete from outbox where tenant = $1 and id = $2 and not again")
                .bind(&self.tenant)
                .bind(id)
                .execute(&mut *self.tx)
                .await?;
            sqlx::query(
                "update outbox set again = false, attempts = 0, due_ms = $3 where tenant = $1 and id = $2 and again",
            )
            .bind(&self.tenant)
            .bind(id)
            .bind(self.at_ms)
            .execute(&mut *self.tx)
            .await?;
            Ok(())
        })
    }
}
