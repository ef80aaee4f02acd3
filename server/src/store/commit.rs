//! ONE-COMMIT: all that a decision changes, in one transaction, in an order in which nobody can see half of it.
//!
//! A transaction holds a group of commits. The guards come first: who sends a command twice finds the first answer, and who
//! loses takes nothing with it. The counters of the tenants come last: their rows are held until the group is durable, so
//! the numbers have no gap and a reader who has seen one has seen all before it.

use super::database::{Base, Dialect, Stop, Writer, Writing, inconsistent, int, natural, parse};
use super::group::{Attempt, Persist};
use super::prepare::Prepared;
use super::rows::{Cell, Row, Statement, Step, Work, cells};
use super::{
    Change, CommandRecord, Commit, CommitStore, Committed, Conflict, Result, StoreError, Write, error, events,
};
use crate::processor::Part;
use async_trait::async_trait;
use engine::event::{self, Tip};
use serde_json::Value;
use sqlx::{Arguments as _, AssertSqlSafe, Database, Pool, Postgres, Row as _, Sqlite, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use trait_gen::trait_gen;

/// How often a group is tried that only had to give way to another.
const ATTEMPTS: u32 = 8;

/// A command takes its place.
pub const COMMAND: Statement = Statement {
    columns: "tenant, actor, id, body_hash, status, answer, etag, at_ms",
    key: 3,
    work: Work::Insert("commands", "on conflict do nothing returning tenant, actor, id"),
};

/// The next numbers of tenants; a tenant that is gone gives none.
pub const COUNT: Statement = Statement {
    columns: "tenant, commits",
    key: 1,
    work: Work::Other(
        "update counters set change_seq = counters.change_seq + v.commits from v where counters.tenant = v.tenant
         returning counters.tenant, counters.change_seq",
    ),
};

/// What each commit changed.
pub const CHANGE: Statement =
    Statement { columns: "tenant, change_seq, at_ms, what", key: 2, work: Work::Insert("changes", "") };

type CommandRow = (String, String, String, i64, String, Option<String>, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl CommitStore for Base<Db> {
    async fn commit(&self, tenant: &str, commit: &Commit) -> Result<Committed> {
        let commit = Part::Store.of(|| Prepared::of(tenant, commit))?;
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let queues = u64::try_from(self.queues.len()).unwrap_or(1).max(1);
        let queue = usize::try_from(hasher.finish() % queues).unwrap_or(0);
        let queue = self.queues.get(queue).ok_or_else(|| StoreError::Failed("no queue".to_owned()))?;
        queue.commit(commit).await
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

/// Carries groups out, one at a time.
pub struct Scribe<DB: Database> {
    pool: Pool<DB>,
    /// The texts of statements, by the number of rows.
    texts: HashMap<(Step, usize), Arc<str>>,
}

impl<DB: Database> Scribe<DB> {
    /// One that has written nothing yet.
    pub fn new(pool: Pool<DB>) -> Self {
        Self { pool, texts: HashMap::new() }
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Persist for Scribe<Db> {
    const TENANTS_MEET: bool = Db::TENANTS_MEET;

    fn persist<'a>(&'a mut self, group: &'a [&'a Prepared]) -> Writing<'a, Attempt> {
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                match self.attempt(group).await {
                    Err(Stop::Sql(error)) if attempt < ATTEMPTS && error::clashed(&error) => attempt += 1,
                    ended => return ended,
                }
            }
        })
    }
}

/// Who has lost: by place in the group, the first part that did and the id that had moved on.
type Lost = BTreeMap<usize, (usize, String)>;

/// Notes a loss; the first part of a commit counts.
fn lose(lost: &mut Lost, place: usize, part: usize, id: &str) {
    let first = lost.entry(place).or_insert_with(|| (part, id.to_owned()));
    if part < first.0 {
        *first = (part, id.to_owned());
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Scribe<Db> {
    /// One attempt. Whatever it returns early with, the transaction is dropped and leaves no trace.
    async fn attempt(&mut self, group: &[&Prepared]) -> Result<Attempt, Stop> {
        let mut tx = self.pool.begin_with(Db::BEGIN).await.map_err(Stop::Broken)?;
        let mut what: Vec<Vec<Value>> = group.iter().map(|commit| commit.what.clone()).collect();
        let own = self.own_events(&mut tx, group, &mut what).await?;
        let mut steps: BTreeMap<Step, Vec<(usize, &Row)>> = BTreeMap::new();
        let rows = group.iter().enumerate().flat_map(|(place, commit)| commit.rows.iter().map(move |row| (place, row)));
        for (place, row) in rows.chain(own.iter().map(|row| (0, row))) {
            steps.entry(row.step).or_default().push((place, row));
        }
        for rows in steps.values_mut() {
            // The sort keeps the order of those with equal keys: what several commits bring, the first has brought.
            rows.sort_by(|(_, one), (_, other)| one.key().cmp(other.key()));
            rows.dedup_by(|(_, next), (_, before)| next.key() == before.key());
        }
        let mut lost = Lost::new();
        let first_of_others = Step::OldTerms;
        for (step, rows) in steps.range(..first_of_others) {
            self.guard(&mut tx, *step, rows, &mut lost).await?;
        }
        for (place, commit) in group.iter().enumerate() {
            if let Some((part, id)) = &commit.moved {
                lose(&mut lost, place, *part, id);
            }
            let mut writer = Writer { tx, tenant: commit.tenant.to_string(), at_ms: commit.at_ms };
            for (part, write) in &commit.rest {
                match writer.write(write).await {
                    Err(Stop::Conflict(Conflict::Moved(id))) => {
                        lose(&mut lost, place, *part, &id);
                        break;
                    }
                    done => done?,
                }
            }
            tx = writer.tx;
        }
        if lost.is_empty() {
            for (step, rows) in steps.range(first_of_others..) {
                let rows: Vec<&Row> = rows.iter().map(|(_, row)| *row).collect();
                self.run(&mut tx, *step, &rows).await?;
            }
            let places = self.count(&mut tx, group, what, &mut lost).await?;
            if lost.is_empty() {
                tx.commit().await.map_err(Stop::Broken)?;
                return Ok(Attempt::Done(places));
            }
        }
        let mut losers = Vec::new();
        for (place, (part, id)) in lost {
            let first = group.get(place).and_then(|commit| commit.rows.first());
            let command = first.filter(|row| part == 0 && row.step == Step::Command);
            losers.push((
                place,
                match command {
                    Some(command) => Conflict::Command(Box::new(Self::first_answer(&mut tx, command).await?)),
                    None => Conflict::Moved(id),
                },
            ));
        }
        tx.rollback().await?;
        Ok(Attempt::Lost(losers))
    }

    /// Seals the events of the tenants' own streams onto their ends, and says where they stand. Gives their rows.
    async fn own_events(
        &mut self,
        tx: &mut Transaction<'static, Db>,
        group: &[&Prepared],
        what: &mut [Vec<Value>],
    ) -> Result<Vec<Row>, Stop> {
        let tenants = group.iter().filter(|commit| !commit.own.is_empty()).map(|commit| &commit.tenant);
        let tenants: BTreeSet<&Arc<str>> = tenants.collect();
        if tenants.is_empty() {
            return Ok(Vec::new());
        }
        let hold =
            |tenant| Row { step: Step::OwnStream, part: 0, cells: cells![tenant, tenant, 0, event::NO_PREVIOUS] };
        let rows: Vec<Row> = tenants.into_iter().map(hold).collect();
        let found = self.run(tx, Step::OwnStream, &rows.iter().collect::<Vec<_>>()).await?;
        let mut tips: BTreeMap<String, (Tip, Tip)> = BTreeMap::new();
        for row in found {
            let tenant: String = row.try_get(0)?;
            let tip = Tip { seq: natural("streams", &tenant, row.try_get(1)?)?, hash: row.try_get(2)? };
            tips.insert(tenant, (tip.clone(), tip));
        }
        let mut rows = Vec::new();
        for (commit, what) in group.iter().zip(what) {
            for own in &commit.own {
                let Some((_, tip)) = tips.get_mut(&*commit.tenant) else { continue };
                let mut event = own.event.clone();
                (event.header.seq, event.header.previous) = (tip.seq.saturating_add(1), tip.hash.clone());
                event.hash = event::hash(&event.header).map_err(|error| StoreError::Failed(error.to_string()))?;
                *tip = Tip::after(&event);
                if let Some(what) = own.part.checked_sub(1).and_then(|index| what.get_mut(index)) {
                    *what = serde_json::json!({"event": [event.header.stream, event.header.seq]});
                }
                rows.push(events::event_row(&commit.tenant, &event, own.part)?);
                for payload in &own.payloads {
                    let mut payload = payload.clone();
                    if let Some(seq) = payload.cells.get_mut(2) {
                        *seq = Cell::Int(Some(int(event.header.seq)?));
                    }
                    rows.push(payload);
                }
            }
        }
        for (tenant, (before, after)) in tips {
            let cells = cells![&tenant, &tenant, int(after.seq)?, after.hash, int(before.seq)?, before.hash];
            rows.push(Row { step: Step::Move, part: 0, cells });
        }
        Ok(rows)
    }

    /// Runs a step in which a row can lose.
    async fn guard(
        &mut self,
        tx: &mut Transaction<'static, Db>,
        step: Step,
        rows: &[(usize, &Row)],
        lost: &mut Lost,
    ) -> Result<(), Stop> {
        let sent: Vec<&Row> = rows.iter().map(|(_, row)| *row).collect();
        let found = self.run(tx, step, &sent).await?;
        if found.len() == rows.len() {
            return Ok(());
        }
        let columns = step.statement().key;
        let mut kept: HashSet<Vec<String>> = HashSet::new();
        for row in found {
            kept.insert((0..columns).map(|column| row.try_get(column)).collect::<Result<_, _>>()?);
        }
        for (place, row) in rows {
            let key: Vec<String> = row.key().iter().map(|cell| cell.text().to_owned()).collect();
            if !kept.contains(&key) {
                lose(lost, *place, row.part, key.last().map_or("", String::as_str));
            }
        }
        Ok(())
    }

    /// Numbers the commits of each tenant in the order of the group, and says what they changed.
    async fn count(
        &mut self,
        tx: &mut Transaction<'static, Db>,
        group: &[&Prepared],
        what: Vec<Vec<Value>>,
        lost: &mut Lost,
    ) -> Result<Vec<u64>, Stop> {
        let mut commits: BTreeMap<&str, i64> = BTreeMap::new();
        for commit in group {
            *commits.entry(&*commit.tenant).or_default() += 1;
        }
        let rows: Vec<Row> = commits
            .iter()
            .map(|(tenant, commits)| Row { step: Step::Count, part: 0, cells: cells![*tenant, *commits] })
            .collect();
        let mut last: HashMap<String, i64> = HashMap::new();
        for row in self.run(tx, Step::Count, &rows.iter().collect::<Vec<_>>()).await? {
            let (tenant, change_seq): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            let before = change_seq - commits.get(tenant.as_str()).copied().unwrap_or_default();
            last.insert(tenant, before);
        }
        let (mut places, mut rows) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        for (place, (commit, what)) in group.iter().zip(what).enumerate() {
            let Some(last) = last.get_mut(&*commit.tenant) else {
                // No such tenant, or it was deleted a moment ago.
                lose(lost, place, usize::MAX, &commit.tenant);
                continue;
            };
            *last += 1;
            places.push(natural("counters", &commit.tenant, *last)?);
            let what = what.into_iter().filter(|what| !what.is_null()).collect();
            let cells = cells![&commit.tenant, *last, commit.at_ms, Value::Array(what).to_string()];
            rows.push(Row { step: Step::Change, part: 0, cells });
        }
        if lost.is_empty() {
            self.run(tx, Step::Change, &rows.iter().collect::<Vec<_>>()).await?;
        }
        Ok(places)
    }

    /// Runs a step over rows; what it gives back.
    fn run<'a>(
        &'a mut self,
        tx: &'a mut Transaction<'static, Db>,
        step: Step,
        rows: &'a [&'a Row],
    ) -> Writing<'a, Vec<<Db as Database>::Row>> {
        Box::pin(async move {
            let statement = step.statement();
            let most = statement.most();
            let mut found = Vec::new();
            for rows in rows.chunks(most) {
                let size = rows.len().next_power_of_two().min(most);
                let text = self.texts.entry((step, size)).or_insert_with(|| statement.text::<Db>(size).into());
                let mut binds = <Db as Database>::Arguments::default();
                let nothing: Vec<Cell> =
                    rows.first().map(|row| row.cells.iter().map(Cell::nothing).collect()).unwrap_or_default();
                let padding = std::iter::repeat_n(&nothing, size - rows.len());
                for cell in rows.iter().map(|row| &row.cells).chain(padding).flatten() {
                    match cell.clone() {
                        Cell::Text(text) => binds.add(text),
                        Cell::Int(number) => binds.add(number),
                        Cell::Bool(is) => binds.add(is),
                        Cell::Bytes(bytes) => binds.add(bytes.as_deref()),
                    }
                    .map_err(sqlx::Error::Encode)?;
                }
                // Made of constants only.
                let text = AssertSqlSafe(Arc::clone(text));
                found.extend(sqlx::query_with(text, binds).fetch_all(&mut **tx).await?);
            }
            Ok(found)
        })
    }

    /// What the command was answered that was here first.
    async fn first_answer(tx: &mut Transaction<'static, Db>, command: &Row) -> Result<CommandRecord, Stop> {
        let mut sql = sqlx::query_as(
            "select actor, id, body_hash, status, answer, etag, at_ms from commands
             where tenant = $1 and actor = $2 and id = $3",
        );
        for cell in command.key() {
            sql = sql.bind(cell.text().to_owned());
        }
        let row: CommandRow = sql.fetch_one(&mut **tx).await?;
        Ok(to_command(row)?)
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// What is rare enough to be written one by one.
    fn write<'a>(&'a mut self, write: &'a Write) -> Writing<'a, ()> {
        match write {
            Write::Record(record, expected) => self.record(record, *expected),
            Write::Import { import, records } => self.import(import, *records),
            Write::Version(version, expected) => self.version(version, *expected),
            Write::Token(token) => self.token(token),
            Write::RevokeToken(id) => self.revoke_token(id),
            _ => Box::pin(std::future::ready(Err(StoreError::Failed("written as rows".to_owned()).into()))),
        }
    }
}

fn to_command((actor, id, body_hash, status, answer, etag, at_ms): CommandRow) -> Result<CommandRecord, StoreError> {
    let status = u16::try_from(status).map_err(|error| inconsistent("commands", &id, error))?;
    Ok(CommandRecord { actor, id, body_hash, status, answer, etag, at_ms })
}
