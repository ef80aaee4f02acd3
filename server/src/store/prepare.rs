//! From a commit to its rows: whatever can be worked out before the transaction is, by whoever commits.
//!
//! What a commit does to one stream, task or visit more than once becomes one row here, so that a statement never meets a
//! row twice.

use super::database::int;
use super::events::{event_row, payload_rows};
use super::imports::staged_row;
use super::ledgers::entry_rows;
use super::outputs::output_row;
use super::places::place_rows;
use super::rows::{Cell, Row, Step, cells};
use super::task_row::{plain, task_rows};
use super::{CommandRecord, Commit, Found, PastScore, Result, StoreError, Write, versions};
use engine::event::{self, Draft, Event, Seal, Tip};
use engine::task::Task;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// A commit as rows.
pub struct Prepared {
    /// Whose (TENANT): every row begins with it.
    pub tenant: Arc<str>,
    /// Now.
    pub at_ms: i64,
    /// What is written by many rows at once.
    pub rows: Vec<Row>,
    /// Events of the tenant's own stream.
    pub own: Vec<OwnEvent>,
    /// What is written one by one: the part of the commit, and the write.
    pub rest: Vec<(usize, Write)>,
    /// The first part that contradicts an earlier one, and the id that has moved on with it.
    pub moved: Option<(usize, String)>,
    /// What others are told of each write; null is nothing.
    pub what: Vec<Value>,
    /// What no other commit of a group may touch, as hashes: two that are equal by chance only wait for each other.
    pub touches: Vec<u64>,
    /// About as many bytes.
    pub size: usize,
}

/// An event of the tenant's own stream: sealed but for its place, which is found in the transaction.
pub struct OwnEvent {
    /// Which part of the commit.
    pub part: usize,
    /// The event, as if it were the first.
    pub event: Event,
    /// Its payloads; their third cell is its place.
    pub payloads: Vec<Row>,
}

/// How one commit moves one stream or task on.
struct Moves<'a, T> {
    first: &'a T,
    last: &'a T,
    part: usize,
}

impl Prepared {
    /// # Errors
    /// A commit that cannot be right, whatever the database holds.
    pub fn of(tenant: &str, commit: &Commit) -> Result<Self> {
        let mut prepared = Self {
            tenant: tenant.into(),
            at_ms: commit.at_ms,
            rows: Vec::new(),
            own: Vec::new(),
            rest: Vec::new(),
            moved: None,
            what: Vec::with_capacity(commit.writes.len()),
            touches: Vec::new(),
            size: 0,
        };
        if let Some(command) = &commit.command {
            prepared.command(command);
        }
        let mut streams: BTreeMap<&str, Moves<'_, Event>> = BTreeMap::new();
        let mut tasks: BTreeMap<&str, (Option<u64>, Moves<'_, Task>)> = BTreeMap::new();
        for (part, write) in (1..).zip(&commit.writes) {
            let what = match write {
                Write::Event(event) => {
                    prepared.event(event, part, &mut streams)?;
                    json!({"event": [event.header.stream, event.header.seq]})
                }
                Write::Task(task, before) => {
                    let moves = Moves { first: &**task, last: task, part };
                    if let Some((_, moves)) = tasks.get_mut(task.id.as_str()) {
                        if *before != Some(moves.last.version) || task.version <= moves.last.version {
                            prepared.moved.get_or_insert_with(|| (part, task.id.clone()));
                        }
                        moves.last = task;
                    } else {
                        tasks.insert(&task.id, (*before, moves));
                    }
                    json!({"task": task.id})
                }
                other => prepared.write(other, part)?,
            };
            prepared.what.push(what);
        }
        for (stream, moves) in streams {
            prepared.touch("stream", stream);
            prepared.stream(&moves)?;
        }
        for (id, (before, moves)) in tasks {
            prepared.touch("task", id);
            let rows = task_rows(&prepared.tenant, moves.last, before, moves.part)?;
            prepared.rows.extend(rows);
        }
        prepared.size += prepared.rows.iter().map(Row::size).sum::<usize>();
        Ok(prepared)
    }

    /// Whether it must be a group of its own: for what is written one by one, and what has lost already.
    pub fn is_alone(&self) -> bool {
        !self.rest.is_empty() || self.moved.is_some()
    }

    fn command(&mut self, command: &CommandRecord) {
        self.touch("command", (&command.actor, &command.id));
        let status = i64::from(command.status);
        let (answer, etag) = (command.answer.as_str(), command.etag.as_ref());
        let cells =
            cells![&self.tenant, &command.actor, &command.id, &command.body_hash, status, answer, etag, command.at_ms];
        self.rows.push(Row { step: Step::Command, part: 0, cells });
    }

    /// A sealed event, if its stream still ends where it was sealed onto.
    fn event<'a>(
        &mut self,
        event: &'a Event,
        part: usize,
        streams: &mut BTreeMap<&'a str, Moves<'a, Event>>,
    ) -> Result<()> {
        let header = &event.header;
        let wrong = |what: &str| Err(StoreError::Failed(format!("{}: {what}", header.stream)));
        if *header.tenant != *self.tenant {
            return wrong("an event of another tenant");
        }
        if header.stream == header.tenant {
            return wrong("events of the tenant's own stream are sealed by the store");
        }
        if header.seq == 0 {
            return wrong("events count from 1");
        }
        if let Some(moves) = streams.get_mut(header.stream.as_str()) {
            let last = moves.last;
            if header.seq != last.header.seq.saturating_add(1) || header.previous != last.hash {
                self.moved.get_or_insert_with(|| (part, header.stream.clone()));
            }
            moves.last = event;
        } else {
            streams.insert(&header.stream, Moves { first: event, last: event, part });
        }
        self.rows.push(event_row(&self.tenant, event, part)?);
        self.rows.extend(payload_rows(&self.tenant, event, part)?);
        Ok(())
    }

    /// Where a stream ends from now on.
    fn stream(&mut self, moves: &Moves<'_, Event>) -> Result<()> {
        let (first, last, part) = (&moves.first.header, moves.last, moves.part);
        let mut cells = cells![&self.tenant, &first.stream, int(last.header.seq)?, &last.hash];
        let step = if first.seq == 1 {
            Step::Begin
        } else {
            cells.extend(cells![int(first.seq)? - 1, &first.previous]);
            Step::Move
        };
        self.rows.push(Row { cells, step, part });
        Ok(())
    }

    /// Any other write; what others are told of it.
    fn write(&mut self, write: &Write, part: usize) -> Result<Value> {
        let tenant = Arc::clone(&self.tenant);
        match write {
            Write::TenantEvent(draft, salts) => self.own_event(draft, salts, part)?,
            Write::Evidence(evidence) => {
                let cells = cells![
                    &tenant,
                    &evidence.sha256,
                    &evidence.media_type,
                    evidence.size,
                    evidence.width,
                    evidence.height,
                    &evidence.reported_by,
                    evidence.at_ms,
                    evidence.exif.as_ref().map(|exif| json!(exif).to_string())
                ];
                self.put(Row { step: Step::Evidence, part, cells });
                return Ok(json!({"evidence": evidence.sha256}));
            }
            Write::Object { hash, bytes } => {
                self.put(Row { step: Step::Object, part, cells: cells![&tenant, hash, bytes.as_slice()] });
            }
            Write::Awaits { visit, sha256 } => {
                self.touch("stream", visit);
                self.rows
                    .retain(|row| row.step != Step::Awaits || row.cells.get(1).is_none_or(|it| it.text() != visit));
                self.put(Row { step: Step::OldAwaits, part, cells: cells![&tenant, visit] });
                for sha256 in sha256 {
                    self.rows.push(Row { step: Step::Awaits, part, cells: cells![&tenant, visit, sha256] });
                }
            }
            Write::CheckIn { user, visit, seq, at_ms, device } => {
                self.touch("stream", visit);
                self.put(Row {
                    step: Step::CheckIn,
                    part,
                    cells: cells![&tenant, visit, user, int(*seq)?, *at_ms, device],
                });
            }
            Write::Arrival { customer, arrival, misses } => {
                self.touch("stream", &arrival.visit);
                let (visit, seq, at_ms) = (&arrival.visit, int(arrival.seq)?, arrival.at_ms);
                let cells = cells![&tenant, visit, seq, customer, &arrival.user, at_ms, *misses];
                self.put(Row { step: Step::Arrival, part, cells });
            }
            Write::Judged { customer, visit, seq, at_ms } => {
                self.touch("stream", visit);
                self.put(Row { step: Step::Judged, part, cells: cells![&tenant, visit, customer, int(*seq)?, *at_ms] });
            }
            Write::Scored(PastScore { visit, at_ms, scored }) => {
                self.touch("stream", visit);
                let (user, sop, parts) = (&scored.user, &scored.sop, json!(scored.parts).to_string());
                let cells = cells![&tenant, visit, user, sop, *at_ms, scored.tenths, parts];
                self.put(Row { step: Step::Scored, part, cells });
            }
            Write::Use(used) => {
                let (seq, received_ms) = (int(used.seq)?, used.received_ms);
                let (visit, step, class) = (&used.visit, &used.step, &used.class);
                let cells = cells![&tenant, &used.sha256, visit, step, class, seq, &used.customer, received_ms];
                self.put(Row { step: Step::Use, part, cells });
            }
            Write::Photo(photo, event) => {
                let [one, two, three, four] = engine::alike::bands(photo.hash).map(i64::from);
                let (visit, sha256, customer, user) = (&photo.visit, &photo.sha256, &photo.customer, &photo.user);
                let (step, class, date) = (&photo.step, &photo.class, &photo.business_date);
                let (received_ms, phash) = (photo.received_ms, photo.hash.cast_signed());
                let mut cells = cells![&tenant, visit, event, sha256, customer, user, step, class, date];
                cells.extend(cells![received_ms, phash, one, two, three, four, photo.signer.as_deref()]);
                self.put(Row { step: Step::Photo, part, cells });
            }
            Write::Text(text, event) => {
                let (visit, hash, customer, user) = (&text.visit, &text.hash, &text.customer, &text.user);
                let (date, received_ms) = (&text.business_date, text.received_ms);
                let cells = cells![&tenant, visit, event, hash, customer, user, date, received_ms];
                self.put(Row { step: Step::Text, part, cells });
            }
            Write::Handed { visit, step, revision } => {
                self.touch("stream", visit);
                let cells = cells![&tenant, visit, plain(step), i64::from(*revision)];
                self.put(Row { step: Step::OldOutputs, part, cells });
            }
            Write::Output(output) => {
                self.touch("stream", &output.record.visit);
                self.put(output_row(&tenant, output, part)?);
                return Ok(json!({"output": output.record.id}));
            }
            Write::Entry(entry) => {
                self.touch("stream", entry.entry.account().stream());
                for row in entry_rows(&tenant, entry, part)? {
                    self.put(row);
                }
            }
            Write::Findings { visit, task, sop, found } => {
                self.touch("stream", visit);
                let of_visit =
                    |row: &Row| row.step == Step::Findings && row.cells.get(1).is_some_and(|it| it.text() == visit);
                self.rows.retain(|row| !of_visit(row));
                self.put(Row { step: Step::OldFindings, part, cells: cells![&tenant, visit] });
                for found in found {
                    let cells = self.found(visit, task, sop, found);
                    self.rows.push(Row { step: Step::Findings, part, cells });
                }
            }
            Write::Outbox { id, topic, body } => {
                self.touch("outbox", id);
                let cells = cells![&tenant, id, topic, body.to_string(), 0, self.at_ms, false];
                self.put(Row { step: Step::Outbox, part, cells });
            }
            Write::OutboxDone(id) => {
                self.touch("outbox", id);
                self.put(Row { step: Step::Done, part, cells: cells![&tenant, id] });
                self.put(Row { step: Step::Again, part, cells: cells![&tenant, id, self.at_ms] });
            }
            Write::Record(record, _) => {
                self.rows.extend(place_rows(&tenant, record, part));
                self.rest.push((part, write.clone()));
                return Ok(json!({"record": [record.kind, record.id]}));
            }
            // Not `put`: an import has each record once, and its rows are many.
            Write::Staged { import, record } => {
                self.rows.push(staged_row(&tenant, import, record, part)?);
                self.rows.extend(place_rows(&tenant, record, part));
            }
            Write::Import { import, .. } => {
                self.rest.push((part, write.clone()));
                return Ok(json!({"import": import}));
            }
            Write::Version(version, _) => {
                self.rest.push((part, write.clone()));
                return Ok(json!({"version": [versions::kind_text(version.kind), version.name, version.version]}));
            }
            Write::Token(_) | Write::RevokeToken(_) => self.rest.push((part, write.clone())),
            Write::Event(_) | Write::Task(..) => {}
        }
        Ok(Value::Null)
    }

    fn found(&self, visit: &str, task: &str, (sop, version): &(String, String), found: &Found) -> Vec<Cell> {
        let Found { id, rule, plugin, code, effect, weight, contested, decided } = found;
        let (plugin_version, hash) = plugin.as_ref().map(|(version, hash)| (version, hash)).unzip();
        let verdict = decided.as_ref().map(|(verdict, ..)| verdict);
        let (by, decided_ms) = (decided.as_ref().map(|(_, by, _)| by), decided.as_ref().map(|(.., at_ms)| *at_ms));
        let (weight, found_ms, contested) = (i64::from(*weight), self.at_ms, *contested);
        cells![
            &self.tenant,
            visit,
            id,
            task,
            rule,
            plugin_version,
            hash,
            code,
            sop,
            version,
            effect,
            weight,
            found_ms,
            contested,
            verdict,
            by,
            decided_ms
        ]
    }

    fn own_event(&mut self, draft: &Draft, salts: &[[u8; 16]], part: usize) -> Result<()> {
        let wrong = |what: &dyn std::fmt::Display| StoreError::Failed(format!("{}: {what}", draft.kind));
        if *draft.stream != *self.tenant || salts.len() != draft.payloads.len() {
            return Err(wrong(&"not a draft of the tenant's stream with one salt for each payload"));
        }
        let mut salts = salts.iter().copied();
        let tip = Tip::default();
        let seal = Seal { tenant: &self.tenant, engine: event::ENGINE_HASH, at_ms: self.at_ms, tip: &tip };
        let event = event::seal(draft.clone(), &seal, &mut || salts.next().unwrap_or_default())
            .map_err(|error| wrong(&error))?;
        let payloads = payload_rows(&self.tenant, &event, part)?;
        self.size += payloads.iter().map(Row::size).sum::<usize>();
        self.own.push(OwnEvent { part, event, payloads });
        Ok(())
    }

    /// A row in place of an earlier one with the same key.
    fn put(&mut self, row: Row) {
        self.rows.retain(|other| other.step != row.step || other.key() != row.key());
        self.rows.push(row);
    }

    fn touch(&mut self, kind: &str, id: impl std::hash::Hash) {
        let mut hasher = DefaultHasher::new();
        (&self.tenant, kind, id).hash(&mut hasher);
        self.touches.push(hasher.finish());
    }
}
