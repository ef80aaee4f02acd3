//! A command is carried out once: the same id with the same body gets the stored answer, with another body a refusal.
//!
//! The command's record is part of the same commit as everything it changes (ONE-COMMIT). A commit that clashes with
//! somebody else's is decided again from what is there then; PURE makes that harmless. Whether a command was here before
//! is found out by its commit, or when it cannot be decided: almost none was, and those need not be asked for.

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::problem::{Kind, Problem, Result};
use crate::flows::visits::Kept;
use crate::store::{CommandRecord, Commit, Committed, Conflict, Write};
use engine::canon::CanonicalJson;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::PoisonError;

/// How often a decision is made again because something moved.
const TRIES: u32 = 5;

/// A command's id and what it says.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `cmd_…`, the Idempotency-Key.
    pub id: String,
    /// Hash of operation and body.
    pub body_hash: String,
}

impl Asked {
    /// The id and hash of a command.
    ///
    /// # Errors
    /// The id is malformed, or a number in the body cannot be kept exactly.
    pub fn new(id: &str, operation: &str, body: &impl Serialize) -> Result<Self> {
        if !engine::id::check_id("cmd", id) {
            return Err(Problem {
                kind: Kind::Malformed,
                ..Problem::invalid("", "command.id", &json!({"prefix": "cmd"}))
            });
        }
        let said = CanonicalJson::of(&Said { body, operation })
            .map_err(|error| Problem::invalid("", "record.number", &json!({"detail": error.to_string()})))?;
        Ok(Self { id: id.to_owned(), body_hash: said.hash() })
    }
}

/// What is hashed of a command.
#[derive(Serialize)]
struct Said<'a, T> {
    body: &'a T,
    operation: &'a str,
}

/// What a command is answered with.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It took effect.
    Done {
        /// Something new was made.
        created: bool,
        /// The answer's body, as the text that is sent and kept.
        body: Box<RawValue>,
        /// The version the answer shows.
        etag: Option<String>,
    },
    /// It was refused for good; that is on record too.
    Refused(Box<Problem>),
}

impl Answer {
    /// It took effect, and this is what is said of it.
    ///
    /// # Errors
    /// The body has no JSON: a fault of ours.
    pub fn done(created: bool, body: &impl Serialize, etag: Option<String>) -> Result<Self> {
        let body = serde_json::value::to_raw_value(body).map_err(Problem::internal)?;
        Ok(Self::Done { created, body, etag })
    }
}

/// What a decision changes and what is answered.
pub struct Decided {
    /// The changes.
    pub writes: Vec<Write>,
    /// The answer.
    pub answer: Answer,
    /// The visit as it is once they are made.
    pub kept: Option<Kept>,
}

impl Decided {
    /// Changes and answer, and no visit to keep.
    pub const fn new(writes: Vec<Write>, answer: Answer) -> Self {
        Self { writes, answer, kept: None }
    }
}

/// Carries a command out once. `decide` is asked again when something it looked at moved on meanwhile.
///
/// # Errors
/// `command.reused` (other body), `command.in_flight`, `busy`; those of `decide`, which are not kept unless final.
pub async fn once<F, D>(app: &App, caller: &Caller, asked: &Asked, mut decide: F) -> Result<Answer>
where
    F: FnMut() -> D,
    D: Future<Output = Result<Decided>>,
{
    let key = (caller.tenant.clone(), caller.user.clone(), asked.id.clone());
    let _in_flight = InFlight::begin(app, key)?;
    for _ in 0..TRIES {
        let decided = match decide().await {
            Ok(decided) => decided,
            Err(problem) => {
                // Perhaps it cannot be decided because it has been: the first answer stands.
                if let Some(stored) = app.store.command(&caller.tenant, &caller.user, &asked.id).await? {
                    return replayed(asked, &stored);
                }
                if !problem.is_final() {
                    return Err(problem);
                }
                Decided::new(Vec::new(), Answer::Refused(Box::new(problem)))
            }
        };
        let at_ms = app.clock.now_ms();
        let command = CommandRecord {
            actor: caller.user.clone(),
            id: asked.id.clone(),
            body_hash: asked.body_hash.clone(),
            status: 0,
            answer: serde_json::to_string(&decided.answer).map_err(Problem::internal)?,
            etag: None,
            at_ms,
        };
        let commit = Commit { at_ms, command: Some(command), writes: decided.writes };
        match app.commit(&caller.tenant, &commit).await? {
            Committed::Done { .. } => {
                if let Some(kept) = decided.kept {
                    app.visits.put(&caller.tenant, kept);
                }
                return Ok(decided.answer);
            }
            Committed::Conflict(Conflict::Command(stored)) => return replayed(asked, &stored),
            Committed::Conflict(Conflict::Moved(_)) => {}
        }
    }
    Err(Problem::new(Kind::Conflict, "busy", &Value::Null))
}

fn replayed(asked: &Asked, stored: &CommandRecord) -> Result<Answer> {
    if stored.body_hash != asked.body_hash {
        return Err(Problem::invalid("", "command.reused", &json!({"command": asked.id})));
    }
    serde_json::from_str(&stored.answer).map_err(Problem::internal)
}

/// The mark that a command is being carried out; gone when dropped.
struct InFlight<'a> {
    app: &'a App,
    key: (String, String, String),
}

impl<'a> InFlight<'a> {
    fn begin(app: &'a App, key: (String, String, String)) -> Result<Self> {
        let mut running = app.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if running.insert(key.clone()) {
            Ok(Self { app, key })
        } else {
            Err(Problem::new(Kind::Conflict, "command.in_flight", &json!({"command": key.2})))
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.app.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Makes changes durable that no command asked for: the worker's, an upload's, an administrator's at the command line.
/// `decide` gives the changes, or none when there is nothing to do any more.
///
/// # Errors
/// `busy` when something kept moving; those of `decide` and of the store.
pub async fn settle<F, D>(app: &App, tenant: &str, mut decide: F) -> Result<bool>
where
    F: FnMut() -> D,
    D: Future<Output = Result<Vec<Write>>>,
{
    for _ in 0..TRIES {
        let writes = decide().await?;
        if writes.is_empty() {
            return Ok(false);
        }
        let commit = Commit { at_ms: app.clock.now_ms(), command: None, writes };
        match app.commit(tenant, &commit).await? {
            Committed::Done { .. } => return Ok(true),
            Committed::Conflict(_) => {}
        }
    }
    Err(Problem::new(Kind::Conflict, "busy", &Value::Null))
}

/// An event of the tenant's own stream.
pub fn tenant_event(tenant: &str, kind: &str, payloads: impl IntoIterator<Item = (&'static str, Value)>) -> Write {
    let payloads: std::collections::BTreeMap<String, Value> =
        payloads.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let salts = payloads.iter().map(|_| crate::app::salt()).collect();
    Write::TenantEvent(engine::event::Draft { kind: kind.to_owned(), stream: tenant.to_owned(), payloads }, salts)
}
