//! Streams of events. Append-only: a stream's row says where it ends, and only the next event finds it there.

use super::database::{Base, Stop, Writer, Writing, canonical, inconsistent, int, natural};
use super::{EventStore, Result, StoreError, StoredEvent};
use async_trait::async_trait;
use engine::canon;
use engine::event::{self, Draft, Event, Payload, Seal, Tip};
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeMap;
use trait_gen::trait_gen;

/// Place, hash, header, and one payload of the event, if it has any.
type Row = (i64, String, String, Option<String>, Option<String>, Option<String>);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl EventStore for Base<Db> {
    async fn events(&self, tenant: &str, stream: &str, after: u64, limit: u32) -> Result<Vec<StoredEvent>> {
        let rows: Vec<Row> = sqlx::query_as(
            "select e.seq, e.hash, e.header, p.name, p.salt, p.value
             from (
               select tenant, stream, seq, hash, header from events
               where tenant = $1 and stream = $2 and seq > $3 order by seq limit $4
             ) e
             left join payloads p on p.tenant = e.tenant and p.stream = e.stream and p.seq = e.seq
             order by e.seq, p.name",
        )
        .bind(tenant)
        .bind(stream)
        .bind(int(after)?)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        let mut events: Vec<StoredEvent> = Vec::new();
        for (seq, hash, header, name, salt, value) in rows {
            let seq = natural("events", stream, seq)?;
            if events.last().is_none_or(|last| last.seq != seq) {
                events.push(StoredEvent { stream: stream.to_owned(), seq, hash, header, payloads: BTreeMap::new() });
            }
            if let (Some(last), Some(name)) = (events.last_mut(), name) {
                last.payloads.insert(name, salt.zip(value));
            }
        }
        Ok(events)
    }

    async fn tip(&self, tenant: &str, stream: &str) -> Result<Tip> {
        let row: Option<(i64, String)> =
            sqlx::query_as("select seq, hash from streams where tenant = $1 and stream = $2")
                .bind(tenant)
                .bind(stream)
                .fetch_optional(&self.read)
                .await?;
        row.map_or_else(|| Ok(Tip::default()), |(seq, hash)| Ok(Tip { seq: natural("streams", stream, seq)?, hash }))
    }

    async fn event_by_hash(&self, tenant: &str, hash: &str) -> Result<Option<(String, u64)>> {
        let row: Option<(String, i64)> =
            sqlx::query_as("select stream, seq from events where tenant = $1 and hash = $2")
                .bind(tenant)
                .bind(hash)
                .fetch_optional(&self.read)
                .await?;
        row.map(|(stream, seq)| natural("events", &stream, seq).map(|seq| (stream, seq))).transpose()
    }

    async fn streams(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, Tip)>> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "select stream, seq, hash from streams where tenant = $1 and stream > $2 order by stream limit $3",
        )
        .bind(tenant)
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        rows.into_iter()
            .map(|(stream, seq, hash)| {
                let tip = Tip { seq: natural("streams", &stream, seq)?, hash };
                Ok((stream, tip))
            })
            .collect()
    }

    async fn erase(&self, tenant: &str, stream: &str, names: &[&str]) -> Result<u64> {
        let mut sql = QueryBuilder::<Db>::new("update payloads set salt = null, value = null where tenant = ");
        sql.push_bind(tenant).push(" and stream = ").push_bind(stream);
        sql.push(" and salt is not null and name in (null");
        for name in names {
            sql.push(", ").push_bind(*name);
        }
        sql.push(")");
        Ok(sql.build().execute(&self.write).await?.rows_affected())
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// A sealed event, if the stream still ends where it was sealed onto.
    pub(super) fn event<'a>(&'a mut self, event: &'a Event) -> Writing<'a, ()> {
        Box::pin(async move {
            let header = &event.header;
            if header.tenant != self.tenant {
                return Err(StoreError::Failed(format!("{}: an event of another tenant", header.stream)).into());
            }
            let sql = match header.seq {
                0 => return Err(StoreError::Failed(format!("{}: events count from 1", header.stream)).into()),
                // `$5` stands in both, so that both take the same values.
                1 => {
                    "insert into streams (tenant, stream, seq, hash) select $1, $2, $3, $4 where $5 <> ''
                 on conflict do nothing"
                }
                _ => {
                    "update streams set seq = $3, hash = $4
                 where tenant = $1 and stream = $2 and seq = $3 - 1 and hash = $5"
                }
            };
            let moved = sqlx::query(sql)
                .bind(&self.tenant)
                .bind(&header.stream)
                .bind(int(header.seq)?)
                .bind(&event.hash)
                .bind(&header.previous)
                .execute(&mut *self.tx)
                .await?;
            if moved.rows_affected() == 0 {
                return Err(Stop::moved(&header.stream));
            }
            self.append(event).await
        })
    }

    /// An event of the tenant's own stream, sealed onto its end, which is held from here on. Gives its place.
    pub(super) fn tenant_event<'a>(&'a mut self, draft: &'a Draft, salts: &'a [[u8; 16]]) -> Writing<'a, u64> {
        Box::pin(async move {
            if draft.stream != self.tenant || salts.len() != draft.payloads.len() {
                let text = format!("{}: not a draft of the tenant's stream with one salt for each payload", draft.kind);
                return Err(StoreError::Failed(text).into());
            }
            // An update that changes nothing, to hold the row: the one way that both databases know.
            sqlx::query(
                "insert into streams (tenant, stream, seq, hash) values ($1, $1, 0, $2) on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(event::NO_PREVIOUS)
            .execute(&mut *self.tx)
            .await?;
            let (seq, hash): (i64, String) =
                sqlx::query_as("update streams set seq = seq where tenant = $1 and stream = $1 returning seq, hash")
                    .bind(&self.tenant)
                    .fetch_one(&mut *self.tx)
                    .await?;
            let tip = Tip { seq: natural("streams", &self.tenant, seq)?, hash };
            let mut salts = salts.iter().copied();
            let seal = Seal { tenant: &self.tenant, engine: event::ENGINE_HASH, at_ms: self.at_ms, tip: &tip };
            let event = event::seal(draft.clone(), &seal, &mut || salts.next().unwrap_or_default())
                .map_err(|error| StoreError::Failed(format!("{}: {error}", draft.kind)))?;
            sqlx::query("update streams set seq = $2, hash = $3 where tenant = $1 and stream = $1")
                .bind(&self.tenant)
                .bind(int(event.header.seq)?)
                .bind(&event.hash)
                .execute(&mut *self.tx)
                .await?;
            self.append(&event).await?;
            Ok(event.header.seq)
        })
    }

    /// The rows of an event whose stream has moved to it.
    fn append<'a>(&'a mut self, event: &'a Event) -> Writing<'a, ()> {
        Box::pin(async move {
            let header = &event.header;
            let seq = int(header.seq)?;
            let text = canon::value_of(header).map_err(|error| inconsistent("events", &header.stream, error))?;
            sqlx::query("insert into events (tenant, stream, seq, hash, header) values ($1, $2, $3, $4, $5)")
                .bind(&header.tenant)
                .bind(&header.stream)
                .bind(seq)
                .bind(&event.hash)
                .bind(canonical(&text)?)
                .execute(&mut *self.tx)
                .await?;
            let mut rows = Vec::new();
            for (name, payload) in &event.payloads {
                rows.push(match payload {
                    Payload::Erased(_) => (name, None, None),
                    Payload::Kept(kept) => (name, Some(kept.salt.as_str()), Some(canonical(&kept.value)?)),
                });
            }
            if rows.is_empty() {
                return Ok(());
            }
            let mut sql = QueryBuilder::<Db>::new("insert into payloads (tenant, stream, seq, name, salt, value) ");
            sql.push_values(rows, |mut row, (name, salt, value)| {
                row.push_bind(header.tenant.as_str())
                    .push_bind(header.stream.as_str())
                    .push_bind(seq)
                    .push_bind(name.as_str())
                    .push_bind(salt)
                    .push_bind(value);
            });
            sql.build().execute(&mut *self.tx).await?;
            Ok(())
        })
    }
}
