//! What is durable: traits over plain data, one SQL body for SQLite and PostgreSQL.
//!
//! TENANT: the tenant is the first argument of everything; only the door (`token`) and the loops over all tenants are
//! without. A transaction is one method that takes data, `commit` (ONE-COMMIT); no handle to one ever leaves this folder,
//! so none can be open while a rule runs (NO-TX). What can be expected to clash is a result (`Committed::Conflict`), not an
//! error. Who may see what is decided elsewhere and arrives here as a `Scope`.

mod alike;
mod commit;
mod database;
mod dump;
mod error;
mod events;
mod evidence;
mod findings;
mod group;
mod history;
mod imports;
mod ledgers;
mod migrations;
mod model;
mod open;
mod outbox;
mod outputs;
mod past;
mod places;
mod postgres;
mod prepare;
mod records;
mod rows;
mod sqlite;
mod tables;
mod task_row;
mod tasks;
mod tenants;
#[cfg(test)]
mod tests;
mod versions;

pub use findings::{Found, RuleVerdicts, RuleVerdictsQuery};
pub use model::{
    AccountBalance, Change, CommandRecord, Commit, Committed, Conflict, Evidence, LedgerEntry, LedgerQuery, Offer,
    Output, OutputQuery, OwnOrScope, Record, RecordQuery, Scope, Session, StoredEvent, TaskField, TaskQuery, TaskScope,
    Tenant, Token, Version, VersionKind, Write,
};
pub use open::{Options, SchemaState, StoreUrl, Synchronous, migrate, open, schema};
pub use outbox::OutboxItem;
pub use past::{PastArrival, PastEvent, PastScore, PastUse};

use async_trait::async_trait;
use engine::alike::{PastPhoto, PastText};
use engine::event::Tip;
use engine::input::Exif;
use engine::ledger::Account;
use engine::task::Task;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Why the store could not answer. Never part of an answer to a client.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// For now: the disk is full, the database is gone, no connection was free in time. Nothing is half-written; whether a
    /// commit that broke off at its very end was written is learnt by sending the same command again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It may not be served from: settings that lose what was acknowledged, or a schema of another version.
    #[error("{0}")]
    Unfit(String),
    /// A row does not have its form.
    #[error("{table} {key}: {detail}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Key of the row.
        key: String,
        /// What is wrong.
        detail: String,
    },
    /// Anything else; a bug of ours until shown otherwise.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// What every method gives.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Writing.
#[async_trait]
pub trait CommitStore {
    /// Makes a decision durable: all of it or nothing. ACK: when it returns `Done`, it is on disk. It shares a transaction
    /// with others that wait; whoever stops waiting may have it made all the same.
    async fn commit(&self, tenant: &str, commit: &Commit) -> Result<Committed>;
    /// The answer a command had.
    async fn command(&self, tenant: &str, actor: &str, id: &str) -> Result<Option<CommandRecord>>;
    /// Commits after `after`, in order, without gaps.
    async fn changes(&self, tenant: &str, after: u64, limit: u32) -> Result<Vec<Change>>;
}

/// Tenants and the door.
#[async_trait]
pub trait TenantStore {
    /// Makes a tenant; false if the id is taken.
    async fn create_tenant(&self, tenant: &Tenant) -> Result<bool>;
    /// A tenant.
    async fn tenant(&self, tenant: &str) -> Result<Option<Tenant>>;
    /// All tenants, by id.
    async fn tenants(&self) -> Result<Vec<Tenant>>;
    /// Suspends or resumes; false if there is none.
    async fn suspend_tenant(&self, tenant: &str, suspended: bool) -> Result<bool>;
    /// Deletes every row of a tenant; how many.
    async fn delete_tenant(&self, tenant: &str) -> Result<u64>;
    /// What the token with this hash opens at a moment. The one look-up that does not know its tenant yet, and one question
    /// for all of it, because every request asks it.
    async fn session(&self, hash: &str, now_ms: i64) -> Result<Option<Session>>;
    /// A user's tokens.
    async fn tokens(&self, tenant: &str, user: &str) -> Result<Vec<Token>>;
    /// The token of this id.
    async fn token_by_id(&self, tenant: &str, id: &str) -> Result<Option<Token>>;
}

/// What a record is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Its id.
    Id,
    /// The record it is about.
    Subject,
}

/// Master data.
#[async_trait]
pub trait RecordStore {
    /// The newest revision, or the one asked for.
    async fn record(&self, tenant: &str, kind: &str, id: &str, revision: Option<u64>) -> Result<Option<Record>>;
    /// The newest revision that was written by a moment.
    async fn record_by(&self, tenant: &str, kind: &str, id: &str, by_ms: i64) -> Result<Option<Record>>;
    /// Whether an org unit is in the scope.
    async fn in_scope(&self, tenant: &str, org_unit: Option<&str>, scope: &Scope) -> Result<bool>;
    /// Newest revisions.
    async fn records(&self, tenant: &str, query: &RecordQuery) -> Result<Vec<Record>>;
    /// Newest revisions of these ids, or about these subjects; in no order.
    async fn records_of(&self, tenant: &str, kind: &str, of: Named, names: &BTreeSet<String>) -> Result<Vec<Record>>;
    /// An org unit and those above it, the highest first; empty if there is none.
    async fn org_path(&self, tenant: &str, org_unit: &str) -> Result<Vec<String>>;
}

/// SOPs, plugins, datasets, and content by hash.
#[async_trait]
pub trait VersionStore {
    /// A version.
    async fn version(&self, tenant: &str, kind: VersionKind, name: &str, version: &str) -> Result<Option<Version>>;
    /// Versions of a kind, or of one name, by (name, version), after that place.
    async fn versions(
        &self,
        tenant: &str,
        kind: VersionKind,
        name: Option<&str>,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Version>>;
    /// What other tenants offer.
    async fn offers(&self, kind: Option<VersionKind>) -> Result<Vec<Offer>>;
    /// Whether there is content with this hash.
    async fn has_object(&self, tenant: &str, hash: &str) -> Result<bool>;
    /// Content by hash.
    async fn object(&self, tenant: &str, hash: &str) -> Result<Option<Vec<u8>>>;
    /// Hashes of all content, after a hash.
    async fn objects(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>>;
}

/// Tasks.
#[async_trait]
pub trait TaskStore {
    /// A task, whoever asks: for the engine and the worker.
    async fn task(&self, tenant: &str, id: &str) -> Result<Option<Task>>;
    /// A task, if a caller may see it (SCOPE).
    async fn seen(&self, tenant: &str, id: &str, scope: &TaskScope) -> Result<Option<Task>>;
    /// A page.
    async fn tasks(&self, tenant: &str, query: &TaskQuery) -> Result<Vec<Task>>;
    /// How many by state, whatever page was asked for. A filter by state counts too.
    async fn count_tasks(&self, tenant: &str, query: &TaskQuery) -> Result<BTreeMap<String, u64>>;
    /// Open visits whose policy closes them by now, the earliest first.
    async fn to_close(&self, tenant: &str, now_ms: i64, limit: u32) -> Result<Vec<Task>>;
    /// Tasks that are due by now and not marked, and planned visits whose window has passed.
    async fn to_remind(&self, tenant: &str, now_ms: i64, limit: u32) -> Result<Vec<Task>>;
}

/// Events.
#[async_trait]
pub trait EventStore {
    /// Events of a stream after `after`, in order.
    async fn events(&self, tenant: &str, stream: &str, after: u64, limit: u32) -> Result<Vec<StoredEvent>>;
    /// Where a stream ends.
    async fn tip(&self, tenant: &str, stream: &str) -> Result<Tip>;
    /// Stream and place of the event with this hash.
    async fn event_by_hash(&self, tenant: &str, hash: &str) -> Result<Option<(String, u64)>>;
    /// Streams and their ends, by name, after a name.
    async fn streams(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, Tip)>>;
    /// Erases payloads of a stream by name, value and salt, and what was found in that visit; how many payloads. The proof
    /// stays. The texts that the stream is found by go too.
    async fn erase(&self, tenant: &str, stream: &str, names: &[&str]) -> Result<u64>;
}

/// What the past can tell a rule.
#[async_trait]
pub trait HistoryStore {
    /// The user's last check-in not later than `before_ms`, in another visit.
    async fn last_check_in(&self, tenant: &str, user: &str, not: &str, before_ms: i64) -> Result<Option<PastEvent>>;
    /// The last check-in from the device by anybody but the user, not later than `before_ms`, in another visit.
    async fn last_on_device(
        &self,
        tenant: &str,
        device: &str,
        user: &str,
        not: &str,
        before_ms: i64,
    ) -> Result<Option<PastEvent>>;
    /// The user's first check-in later than `after_ms`, in another visit: the one a late neighbour may change.
    async fn next_check_in(&self, tenant: &str, user: &str, not: &str, after_ms: i64) -> Result<Option<PastEvent>>;
    /// Uses of the evidence in other visits, with the hash of their event, sorted by (sha256, received, visit, step).
    async fn uses(&self, tenant: &str, sha256: &BTreeSet<String>, not: &str) -> Result<Vec<(PastUse, String)>>;
    /// The customer's last check-ins, the latest first: accepted ones, and those refused outside the fence.
    async fn arrivals(&self, tenant: &str, customer: &str, limit: u32) -> Result<Vec<PastArrival>>;
    /// Customers in the scope that were missed by at least `times` check-ins, by id, after an id.
    async fn missed_customers(
        &self,
        tenant: &str,
        scope: &Scope,
        times: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>>;
    /// The customer's last judged visit checked in not later than `before_ms`, other than `not`.
    async fn previous_visit(
        &self,
        tenant: &str,
        customer: &str,
        not: &str,
        before_ms: i64,
    ) -> Result<Option<PastEvent>>;
    /// Judged visits with a score, checked in from the one moment until before the other, by check-in and id; of those at the
    /// first moment only the ones after `after`.
    async fn scored_visits(
        &self,
        tenant: &str,
        between_ms: (i64, i64),
        after: &str,
        limit: u32,
    ) -> Result<Vec<PastScore>>;
}

/// Photos and texts that are alike.
#[async_trait]
pub trait AlikeStore {
    /// Photos of other visits than `not`, received within the span (both ends count), among which are all (but of very common
    /// hashes only the newest) that differ in at most `engine::alike::MAX_DISTANCE` bits; the newest first, each with its event.
    async fn photos_like(
        &self,
        tenant: &str,
        phash: u64,
        not: &str,
        between_ms: (i64, i64),
    ) -> Result<Vec<(PastPhoto, String)>>;
    /// The same text in other visits to other customers than `not`, received within the span; the newest first, each with its
    /// event.
    async fn same_texts(
        &self,
        tenant: &str,
        hash: &str,
        not: (&str, &str),
        between_ms: (i64, i64),
    ) -> Result<Vec<(PastText, String)>>;
}

/// Which customers may be near a place.
#[async_trait]
pub trait PlaceStore {
    /// Customers behind `after`, by id and at most `limit`, with a location, current or not, in one of these ranges of cells,
    /// both ends among them.
    async fn customers_in(
        &self,
        tenant: &str,
        ranges: &[(String, String)],
        after: Option<&str>,
        limit: u32,
    ) -> Result<BTreeSet<String>>;
}

/// How good rules are: what they found, and what became of it.
#[async_trait]
pub trait FindingStore {
    /// Counts by rule, plugin version, plugin hash and code, in that order.
    async fn rule_verdicts(&self, tenant: &str, query: &RuleVerdictsQuery) -> Result<Vec<RuleVerdicts>>;
}

/// Evidence rows; the bytes are files.
#[async_trait]
pub trait EvidenceStore {
    /// A row.
    async fn evidence(&self, tenant: &str, sha256: &str) -> Result<Option<Evidence>>;
    /// Which of these are here, and what their bytes say of how they were made.
    async fn arrived(&self, tenant: &str, sha256: &BTreeSet<String>) -> Result<BTreeMap<String, Option<Exif>>>;
    /// Rows, by hash, after a hash.
    async fn all_evidence(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<Evidence>>;
    /// Visits that await this evidence.
    async fn awaiting(&self, tenant: &str, sha256: &str) -> Result<Vec<String>>;
    /// Visits that await evidence which is here: the two arrived at the same moment.
    async fn awaiting_what_is_here(&self, tenant: &str, limit: u32) -> Result<Vec<(String, String)>>;
    /// Visits that name this evidence: whose scope decides who may see it.
    async fn visits_using(&self, tenant: &str, sha256: &str) -> Result<Vec<String>>;
}

/// What submissions become beyond their visits.
#[async_trait]
pub trait OutputStore {
    /// A page of records.
    async fn outputs(&self, tenant: &str, query: &OutputQuery) -> Result<Vec<Output>>;
}

/// Accounts of ledgers.
#[async_trait]
pub trait LedgerStore {
    /// Where these accounts stand; one without entries is not among the answers.
    async fn balances_of(&self, tenant: &str, accounts: &BTreeSet<Account>) -> Result<Vec<AccountBalance>>;
    /// A page of a ledger's accounts, by account.
    async fn balances(&self, tenant: &str, query: &LedgerQuery<String>) -> Result<Vec<AccountBalance>>;
    /// A page of a ledger's entries, newest first, then by account, the latest of each first.
    async fn entries(&self, tenant: &str, query: &LedgerQuery<(i64, String, i64)>) -> Result<Vec<LedgerEntry>>;
}

/// What imports have staged. It comes and takes effect through `commit`.
#[async_trait]
pub trait ImportStore {
    /// Deletes what is staged for an import, and for all that are older than `before_ms`; how many rows.
    async fn unstage(&self, tenant: &str, import: &str, before_ms: i64) -> Result<u64>;
}

/// The worker's queue.
#[async_trait]
pub trait OutboxStore {
    /// Work that is due, leased until `lease_until_ms`: another worker will not get it before.
    async fn take(&self, tenant: &str, now_ms: i64, lease_until_ms: i64, limit: u32) -> Result<Vec<OutboxItem>>;
    /// It did not work; again at `due_ms`.
    async fn postpone(&self, tenant: &str, id: &str, due_ms: i64) -> Result<()>;
}

/// The whole database, table by table: backup, export, restore.
#[async_trait]
pub trait DumpStore {
    /// Every row of every table (or of one tenant) in one snapshot, as JSON: `(table, row)` handed to `take` in an order in
    /// which they can be put back. Blobs are base64.
    async fn dump(
        &self,
        tenant: Option<&str>,
        take: &mut (dyn FnMut(&'static str, serde_json::Map<String, Value>) -> std::io::Result<()> + Send),
    ) -> Result<u64>;
    /// Puts rows back, all or nothing. Unknown tables or columns are refused.
    async fn restore(
        &self,
        rows: &mut (dyn Iterator<Item = std::io::Result<(String, serde_json::Map<String, Value>)>> + Send),
    ) -> Result<u64>;
    /// Whether there is any tenant.
    async fn is_empty(&self) -> Result<bool>;
    /// A cheap question, to see whether the database answers.
    async fn ping(&self) -> Result<()>;
}

/// All of it.
pub trait Store:
    CommitStore
    + TenantStore
    + RecordStore
    + VersionStore
    + TaskStore
    + EventStore
    + HistoryStore
    + AlikeStore
    + PlaceStore
    + FindingStore
    + EvidenceStore
    + OutputStore
    + LedgerStore
    + ImportStore
    + OutboxStore
    + DumpStore
    + Send
    + Sync
{
}
