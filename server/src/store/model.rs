//! The data that goes in and comes out: plain structs, no database in them.

use super::{Found, PastArrival, PastScore, PastUse, Result, StoreError};
use engine::alike::{PastPhoto, PastText};
use engine::canon::CanonicalJson;
use engine::event::{Draft, Event};
use engine::input::Exif;
use engine::task::Task;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

mod outputs;

pub use outputs::{AccountBalance, LedgerEntry, LedgerQuery, Output, OutputQuery, OwnOrScope};

/// A company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// `tnt_…`
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Whether it may be used.
    pub suspended: bool,
    /// When it was made.
    pub created_ms: i64,
    /// 32 random bytes, hex: seeds of random rechecks. Never leaves the server.
    pub secret: String,
}

/// A bearer token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `tok_…`
    pub id: String,
    /// SHA-256 of the token, hex.
    pub hash: String,
    /// Whose it is.
    pub user: String,
    /// What it is for, in words.
    pub label: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_ms: Option<i64>,
}

/// What a token opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Whose company.
    pub tenant: String,
    /// Whether the company may not be used now.
    pub suspended: bool,
    /// The token.
    pub token: Token,
    /// Whether its user is there and has not ended.
    pub user_is_there: bool,
    /// What the user's grants that hold now say, by id.
    pub grants: Vec<Value>,
}

/// One revision of a master record (user, org unit, customer, location, …): dated, never overwritten.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `user`, `org_unit`, `customer`, …: the name of its kind in `flows/records.rs`.
    pub kind: String,
    /// Id with the prefix of its kind.
    pub id: String,
    /// From 1, without gaps.
    pub revision: u64,
    /// The record it is about: a location's customer, a grant's user, an org unit's parent.
    pub subject: Option<String>,
    /// The org unit it belongs to, for SCOPE; none: the whole tenant's.
    pub org_unit: Option<String>,
    /// From when it holds.
    pub from_ms: Option<i64>,
    /// Until when it holds (exclusive).
    pub to_ms: Option<i64>,
    /// What it says, in the form of its kind.
    pub body: Value,
    /// When this revision was written.
    pub at_ms: i64,
    /// Who wrote it.
    pub by: String,
}

/// What a caller may see, by org unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole tenant.
    Tenant,
    /// These org units and all below them.
    Under(BTreeSet<String>),
}

/// Which records to list: the newest revision of each, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordQuery {
    /// Kind.
    pub kind: String,
    /// Only those about this record.
    pub subject: Option<String>,
    /// What the caller may see; records without org unit are everybody's.
    pub scope: Scope,
    /// Only those that hold at this moment.
    pub at_ms: Option<i64>,
    /// After this id.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// What kind of thing is versioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionKind {
    /// An SOP document.
    Sop,
    /// A plugin.
    Plugin,
    /// A dataset.
    Dataset,
}

/// A draft, or a published, immutable version of an SOP, plugin or dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Of what.
    pub kind: VersionKind,
    /// Its name.
    pub name: String,
    /// Semantic version, or for datasets the tenant's own text.
    pub version: String,
    /// Published versions never change but for `offered`.
    pub published: bool,
    /// Other tenants may install it.
    pub offered: bool,
    /// Counts the changes; what an ETag says.
    pub revision: u64,
    /// Hash of the object that holds the content; a draft's content is an object too.
    pub hash: String,
    /// What is known of it beside the content: manifest, pinned plugin hashes, validity, customer types.
    pub about: Value,
    /// When it was last changed.
    pub at_ms: i64,
    /// By whom.
    pub by: String,
}

/// A version that another tenant offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The tenant that publishes it.
    pub publisher: String,
    /// What is offered.
    pub version: Version,
}

/// Which tasks a caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskScope {
    /// Tasks of these org units; one without org unit is for those who see the whole tenant.
    pub scope: Option<Scope>,
    /// Tasks assigned to this user, whatever their org unit.
    pub assignee: Option<String>,
    /// Unassigned tasks for one of these roles whose candidate org unit is in the scope given with it, or is none.
    pub candidate: Vec<(String, Scope)>,
}

/// The members of a task that can be filtered by equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskField {
    /// `visit`, `review`, …
    Kind,
    /// `open`, …
    State,
    /// Customer id.
    Customer,
    /// Location id.
    Location,
    /// One of its contacts.
    Contact,
    /// SOP name.
    Sop,
    /// Purpose code.
    Purpose,
    /// Origin.
    Origin,
    /// Plan id.
    Plan,
    /// Priority, as text.
    Priority,
    /// User id.
    Assignee,
    /// Role of the candidates.
    CandidateRole,
    /// Parent task.
    Parent,
    /// One of its links.
    Link,
    /// One of its tags.
    Tag,
    /// Decision.
    Decision,
    /// Validity.
    Validity,
    /// Outcome.
    Outcome,
    /// `true` or `false`.
    Overdue,
}

/// Which tasks to list; order is newest first: created descending, then id.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskQuery {
    /// What the caller may see.
    pub scope: TaskScope,
    /// Each field equal to one of its values.
    pub equal: BTreeMap<TaskField, Vec<String>>,
    /// Only tasks of this org unit and below.
    pub org_unit: Option<String>,
    /// Business date from, inclusive.
    pub business_from: Option<String>,
    /// Business date to, inclusive.
    pub business_to: Option<String>,
    /// Due before, ms.
    pub due_before_ms: Option<i64>,
    /// Planned window ends after, ms.
    pub planned_from_ms: Option<i64>,
    /// Planned window begins before, ms.
    pub planned_to_ms: Option<i64>,
    /// Words in the title, lower case.
    pub text: Option<String>,
    /// Behind this place: created, id.
    pub after: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

/// The answer that is kept with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// Who sent it: a user.
    pub actor: String,
    /// `cmd_…`, unique for the actor.
    pub id: String,
    /// SHA-256 of operation and body, hex.
    pub body_hash: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub answer: String,
    /// ETag of the answer, if it had one.
    pub etag: Option<String>,
    /// When.
    pub at_ms: i64,
}

/// Evidence whose bytes are on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// SHA-256 of the bytes, hex.
    pub sha256: String,
    /// Sniffed media type.
    pub media_type: String,
    /// Size in bytes.
    pub size: i64,
    /// Pixels, for images.
    pub width: Option<i64>,
    /// Pixels, for images.
    pub height: Option<i64>,
    /// Who brought it.
    pub reported_by: String,
    /// When it arrived.
    pub at_ms: i64,
    /// What the bytes say of how it was made.
    pub exif: Option<Exif>,
}

/// One thing that a commit writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// A sealed event. Its `seq` must be the next of its stream, else the commit is a conflict.
    Event(Box<Event>),
    /// An event of the tenant's own stream, sealed here: many commits meet at its end. One salt for each payload, by name.
    TenantEvent(Draft, Vec<[u8; 16]>),
    /// A task; `expected` is the version it replaces, none if it must be new. Its own version is greater.
    Task(Box<Task>, Option<u64>),
    /// A record's next revision; `expected` is the one before, none if it must be new.
    Record(Box<Record>, Option<u64>),
    /// A record's next revision, which an import brings: unseen until the import takes effect.
    Staged {
        /// `imp_…`
        import: String,
        /// The revision.
        record: Box<Record>,
    },
    /// An import takes effect: what was staged for it is written, if it is so many and each is still the next revision.
    Import {
        /// `imp_…`
        import: String,
        /// How many were staged.
        records: u64,
    },
    /// A version; `expected` is the revision it replaces, none if it must be new.
    Version(Box<Version>, Option<u64>),
    /// Content under its hash; one that is there stays.
    Object {
        /// SHA-256 of the bytes, or the canonical hash of a JSON value.
        hash: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A token.
    Token(Token),
    /// A token ends now.
    RevokeToken(String),
    /// Evidence that is on disk; a row that is there stays.
    Evidence(Evidence),
    /// What a visit awaits from now on; replaces what it awaited.
    Awaits {
        /// The visit.
        visit: String,
        /// What is not here.
        sha256: BTreeSet<String>,
    },
    /// An accepted check-in; replaces the visit's earlier one.
    CheckIn {
        /// The rep.
        user: String,
        /// The visit.
        visit: String,
        /// The `submitted` event.
        seq: u64,
        /// Latest it can have been.
        at_ms: i64,
        /// From which device.
        device: String,
    },
    /// A check-in with a position that counts, accepted or refused.
    Arrival {
        /// The customer.
        customer: String,
        /// The visit and the event.
        arrival: PastArrival,
        /// Whether it is far from where the customer was said to be.
        misses: bool,
    },
    /// A use of evidence.
    Use(PastUse),
    /// A photo that was handed in, and the hash of the event.
    Photo(PastPhoto, String),
    /// A text that was handed in, and the hash of the event.
    Text(PastText, String),
    /// A visit that was judged; replaces its earlier row.
    Judged {
        /// The customer.
        customer: String,
        /// The visit.
        visit: String,
        /// The event with the verdict.
        seq: u64,
        /// When it was checked in, latest.
        at_ms: i64,
    },
    /// What a judged visit says to the standing of its rep; replaces its earlier row.
    Scored(PastScore),
    /// A record that a submission becomes.
    Output(Box<Output>),
    /// The submission of a step that counts from now on: what earlier ones became no longer stands.
    Handed {
        /// The visit.
        visit: String,
        /// Step, and instance as `step[key]`.
        step: String,
        /// How often it was handed in.
        revision: u32,
    },
    /// An entry of an account, whose event is among these writes.
    Entry(Box<LedgerEntry>),
    /// The findings of the verdict over a visit; in place of those before that nobody contested or judged.
    Findings {
        /// The visit.
        visit: String,
        /// Its task, whose org unit decides who may see it.
        task: String,
        /// Name and version of the SOP it was judged by.
        sop: (String, String),
        /// The findings.
        found: Vec<Found>,
    },
    /// Work for the worker, due now. The same id while one is waiting is the same work, with the newer body.
    Outbox {
        /// Unique in the tenant.
        id: String,
        /// What to do.
        topic: String,
        /// With what.
        body: Value,
    },
    /// Work that is done; if it was asked for again since it was taken, it is due again now.
    OutboxDone(String),
}

/// Everything a decision changes: one transaction (ONE-COMMIT).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// Now.
    pub at_ms: i64,
    /// The command that asked for it; the same (actor, id) again is a conflict.
    pub command: Option<CommandRecord>,
    /// All at once; work is done before it is asked for. What was changed is told in this order, and so is who was faster.
    pub writes: Vec<Write>,
}

/// How a commit ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Committed {
    /// Durable.
    Done {
        /// Its place in the tenant's order, gapless.
        change_seq: u64,
    },
    /// Nothing was written.
    Conflict(Conflict),
}

/// What somebody else was faster at.
#[derive(Clone, Debug, PartialEq)]
pub enum Conflict {
    /// The command is here already, and this is what was answered.
    Command(Box<CommandRecord>),
    /// Stream, task, record, version or token, by its id: it moved on. The tenant, by its own: it is gone. An org unit: it
    /// would hang below itself.
    Moved(String),
}

/// One commit as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// From 1, gapless.
    pub change_seq: u64,
    /// When.
    pub at_ms: i64,
    /// What: a list of `{"task": id}`, `{"record": [kind, id]}`, `{"version": [kind, name, version]}`,
    /// `{"event": [stream, seq]}`, `{"evidence": sha256}`, `{"import": id}` (its records are in its `import_staged` events).
    pub what: Value,
}

/// An event as its rows hold it, byte for byte; whether it is true is for `engine::event::verify` to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Stream.
    pub stream: String,
    /// Place in the stream.
    pub seq: u64,
    /// Hash column.
    pub hash: String,
    /// Header column: canonical JSON.
    pub header: String,
    /// By name: salt (hex) and canonical JSON; none when erased.
    pub payloads: BTreeMap<String, Option<(String, String)>>,
}

impl StoredEvent {
    /// The event.
    ///
    /// # Errors
    /// `Inconsistent` when the text is no event.
    pub fn event(&self) -> Result<Event> {
        let inconsistent = |detail: String| StoreError::Inconsistent {
            table: "events",
            key: format!("{} {}", self.stream, self.seq),
            detail,
        };
        let header = serde_json::from_str(&self.header).map_err(|error| inconsistent(error.to_string()))?;
        let mut payloads = BTreeMap::new();
        for (name, stored) in &self.payloads {
            let payload = match stored {
                None => engine::event::Payload::Erased(engine::event::Erased::Erased),
                Some((salt, text)) => engine::event::Payload::Kept(engine::event::KeptPayload {
                    salt: salt.clone(),
                    value: CanonicalJson::stored(text.clone())
                        .map_err(|error| inconsistent(format!("{name}: {error}")))?,
                }),
            };
            payloads.insert(name.clone(), payload);
        }
        Ok(Event { header, hash: self.hash.clone(), payloads })
    }
}
