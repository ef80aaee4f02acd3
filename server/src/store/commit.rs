//! ONE-COMMIT: all that a decision changes, in one transaction, in an order in which nobody can see half of it.
//!
//! The command comes first: who sends it twice finds the first answer. The counter of the tenant comes last: its row is
//! held until the commit is durable, so the numbers have no gap and a reader who has seen one has seen all before it.

use super::database::{Base, Stop, Writer, Writing, inconsistent, int, natural, parse};
use super::{
    Change, CommandRecord, Commit, CommitStore, Committed, Conflict, Result, StoreError, Write, error, versions,
};
use async_trait::async_trait;
use serde_json::{Value, json};
use sqlx::{Postgres, Sqlite};
use trait_gen::trait_gen;

/// How often a commit is tried that only had to give way to another.
const ATTEMPTS: u32 = 8;

type CommandRow = (String, String, String, i64, String, Option<String>, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl CommitStore for Base<Db> {
    async fn commit(&self, tenant: &str, commit: &Commit) -> Result<Committed> {
        let mut attempt = 1;
        loop {
            return match self.try_commit(tenant, commit).await {
                Ok(change_seq) => Ok(Committed::Done { change_seq }),
                Err(Stop::Conflict(conflict)) => Ok(Committed::Conflict(conflict)),
                Err(Stop::Sql(error)) if attempt < ATTEMPTS && error::clashed(&error) => {
                    attempt += 1;
                    continue;
                }
                Err(Stop::Sql(error)) => Err(error.into()),
                Err(Stop::Store(error)) => Err(error),
            };
        }
    }

    async fn command(&self, tenant: &str, actor: &str, id: &str) -> Result<Option<CommandRecord>> {
        let row: Option<CommandRow> = sqlx::query_as(
            "select actor, id, body_hash, status, answer, etag, at_ms from commands
             where tenant = $1 and actor = $2 and id = $3",
        )
        .bind(tenant)
        .bind(actor)
        .bind(id)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_command).transpose()
    }

    async fn changes(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<Change>> {
        let rows: Vec<(i64, i64, String)> = sqlx::query_as(
            "select change_seq, at_ms, what from changes where tenant = $1 and change_seq > $2
             order by change_seq limit $3",
        )
        .bind(tenant)
        .bind(int(after)?)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        rows.into_iter()
            .map(|(change_seq, at_ms, what)| {
                let what = parse("changes", tenant, &what)?;
                Ok(Change { change_seq: natural("changes", tenant, change_seq)?, at_ms, what })
            })
            .collect()
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// One attempt. Whatever it returns early with, the transaction is dropped and leaves no trace.
    async fn try_commit(&self, tenant: &str, commit: &Commit) -> Result<u64, Stop> {
        let mut writer = Writer { tx: self.begin().await?, tenant: tenant.to_owned(), at_ms: commit.at_ms };
        if let Some(command) = &commit.command {
            writer.command(command).await?;
        }
        let mut what = Vec::new();
        for write in &commit.writes {
            what.extend(writer.write(write).await?);
        }
        let mut tx = writer.tx;
        let change_seq: Option<i64> = sqlx::query_scalar(
            "update counters set change_seq = change_seq + 1 where tenant = $1 returning change_seq",
        )
        .bind(tenant)
        .fetch_optional(&mut *tx)
        .await?;
        // No such tenant, or it was deleted a moment ago.
        let change_seq = change_seq.ok_or_else(|| Stop::moved(tenant))?;
        sqlx::query("insert into changes (tenant, change_seq, at_ms, what) values ($1, $2, $3, $4)")
            .bind(tenant)
            .bind(change_seq)
            .bind(commit.at_ms)
            .bind(Value::Array(what).to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(natural("counters", tenant, change_seq)?)
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// Takes the command's place, or finds who has it.
    fn command<'a>(&'a mut self, command: &'a CommandRecord) -> Writing<'a, ()> {
        Box::pin(async move {
            let made = sqlx::query(
                "insert into commands (tenant, actor, id, body_hash, status, answer, etag, at_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(&command.actor)
            .bind(&command.id)
            .bind(&command.body_hash)
            .bind(i64::from(command.status))
            .bind(command.answer.to_string())
            .bind(&command.etag)
            .bind(command.at_ms)
            .execute(&mut *self.tx)
            .await?;
            if made.rows_affected() == 1 {
                return Ok(());
            }
            let row: CommandRow = sqlx::query_as(
                "select actor, id, body_hash, status, answer, etag, at_ms from commands
             where tenant = $1 and actor = $2 and id = $3",
            )
            .bind(&self.tenant)
            .bind(&command.actor)
            .bind(&command.id)
            .fetch_one(&mut *self.tx)
            .await?;
            Err(Stop::Conflict(Conflict::Command(Box::new(to_command(row)?))))
        })
    }

    /// One write; what others are told of it.
    fn write<'a>(&'a mut self, write: &'a Write) -> Writing<'a, Option<Value>> {
        Box::pin(async move {
            match write {
                Write::Event(event) => {
                    self.event(event).await?;
                    return Ok(Some(json!({"event": [event.header.stream, event.header.seq]})));
                }
                Write::TenantEvent(draft, salts) => {
                    let seq = self.tenant_event(draft, salts).await?;
                    return Ok(Some(json!({"event": [self.tenant, seq]})));
                }
                Write::Task(task, expected) => {
                    self.task(task, *expected).await?;
                    return Ok(Some(json!({"task": task.id})));
                }
                Write::Record(record, expected) => {
                    self.record(record, *expected).await?;
                    return Ok(Some(json!({"record": [record.kind, record.id]})));
                }
                Write::Version(version, expected) => {
                    self.version(version, *expected).await?;
                    let kind = versions::kind_text(version.kind);
                    return Ok(Some(json!({"version": [kind, version.name, version.version]})));
                }
                Write::Evidence(evidence) => {
                    self.evidence(evidence).await?;
                    return Ok(Some(json!({"evidence": evidence.sha256})));
                }
                Write::Object { hash, bytes } => self.object(hash, bytes).await?,
                Write::Token(token) => self.token(token).await?,
                Write::RevokeToken(id) => self.revoke_token(id).await?,
                Write::Awaits { visit, sha256 } => self.awaits(visit, sha256).await?,
                Write::CheckIn { user, visit, seq, at_ms } => {
                    self.check_in(user, visit, *seq, *at_ms).await?;
                }
                Write::Use(used) => self.used(used).await?,
                Write::Judged { customer, visit, seq, at_ms } => {
                    self.judged(customer, visit, *seq, *at_ms).await?;
                }
                Write::Outbox { id, topic, body } => {
                    self.outbox(id, topic, body).await?;
                }
                Write::OutboxDone(id) => self.outbox_done(id).await?,
            }
            Ok(None)
        })
    }
}

fn to_command((actor, id, body_hash, status, answer, etag, at_ms): CommandRow) -> Result<CommandRecord, StoreError> {
    let status = u16::try_from(status).map_err(|error| inconsistent("commands", &id, error))?;
    let answer = parse("commands", &id, &answer)?;
    Ok(CommandRecord { actor, id, body_hash, status, answer, etag, at_ms })
}
