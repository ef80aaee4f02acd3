//! Streams of events. Append-only: a stream's row says where it ends, and only the next event finds it there.

use super::database::{Base, inconsistent, int, natural};
use super::rows::{Row, Statement, Step, Work, cells};
use super::{EventStore, Result, StoredEvent};
use async_trait::async_trait;
use engine::event::{Event, Payload, Tip};
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeMap;
use std::sync::Arc;
use trait_gen::trait_gen;

/// Place, hash, header, and one payload of the event, if it has any.
type Found = (i64, String, String, Option<String>, Option<String>, Option<String>);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl EventStore for Base<Db> {
    async fn events(&self, tenant: &str, stream: &str, after: u64, limit: u32) -> Result<Vec<StoredEvent>> {
        let rows: Vec<Found> = sqlx::query_as(
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
        let mut tx = self.begin().await?;
        let erased = sql.build().execute(&mut *tx).await?.rows_affected();
        let texts = sqlx::query("delete from free_texts where tenant = $1 and visit = $2").bind(tenant).bind(stream);
        texts.execute(&mut *tx).await?;
        // The shape of a signature stays, it must not be used again; whose it is goes.
        sqlx::query("update photos set signer = null where tenant = $1 and visit = $2")
            .bind(tenant)
            .bind(stream)
            .execute(&mut *tx)
            .await?;
        let scores =
            sqlx::query("delete from scored_visits where tenant = $1 and visit = $2").bind(tenant).bind(stream);
        scores.execute(&mut *tx).await?;
        // What the answers became goes with them.
        sqlx::query("update outputs set fields = null where tenant = $1 and visit = $2")
            .bind(tenant)
            .bind(stream)
            .execute(&mut *tx)
            .await?;
        // A finding's id is made of its values, which short ones could be guessed from.
        sqlx::query("delete from finding_verdicts where tenant = $1 and visit = $2")
            .bind(tenant)
            .bind(stream)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(erased)
    }
}

/// The tenant's own stream, made if it is not there, held from here on. An update that changes nothing: the one way to hold
/// a row that both databases know.
pub const OWN_STREAM: Statement = Statement {
    columns: "tenant, stream, seq, hash",
    key: 2,
    work: Work::Insert(
        "streams",
        "on conflict (tenant, stream) do update set seq = streams.seq returning tenant, seq, hash",
    ),
};

/// A stream begins.
pub const BEGIN: Statement = Statement {
    columns: "tenant, stream, seq, hash",
    key: 2,
    work: Work::Insert("streams", "on conflict do nothing returning tenant, stream"),
};

/// A stream moves on, if it still ends where the events were sealed onto it.
pub const MOVE: Statement = Statement {
    columns: "tenant, stream, seq, hash, seq_before, hash_before",
    key: 2,
    work: Work::Other(
        "update streams set seq = v.seq, hash = v.hash from v
         where streams.tenant = v.tenant and streams.stream = v.stream
           and streams.seq = v.seq_before and streams.hash = v.hash_before
         returning streams.tenant, streams.stream",
    ),
};

/// Events of streams that have moved to them.
pub const EVENT: Statement =
    Statement { columns: "tenant, stream, seq, hash, header", key: 3, work: Work::Insert("events", "") };

/// What they tell by commitment only.
pub const PAYLOAD: Statement =
    Statement { columns: "tenant, stream, seq, name, salt, value", key: 4, work: Work::Insert("payloads", "") };

/// The row of an event.
pub fn event_row(tenant: &Arc<str>, event: &Event, part: usize) -> Result<Row> {
    let header = &event.header;
    let text = event.header_text().map_err(|error| inconsistent("events", &header.stream, error))?;
    let cells = cells![tenant, &header.stream, int(header.seq)?, &event.hash, text];
    Ok(Row { step: Step::Event, part, cells })
}

/// The rows of its payloads.
pub fn payload_rows(tenant: &Arc<str>, event: &Event, part: usize) -> Result<Vec<Row>> {
    let seq = int(event.header.seq)?;
    let stream: Arc<str> = event.header.stream.as_str().into();
    let mut rows = Vec::with_capacity(event.payloads.len());
    for (name, payload) in &event.payloads {
        let (salt, value) = match payload {
            Payload::Erased(_) => (None, None),
            Payload::Kept(kept) => (Some(kept.salt.as_str()), Some(kept.value.as_str())),
        };
        rows.push(Row { step: Step::Payload, part, cells: cells![tenant, &stream, seq, name, salt, value] });
    }
    Ok(rows)
}
