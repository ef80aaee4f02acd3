//! Master data: dated records, revisioned, never overwritten. One way to write, read and list them, whatever their kind.
//!
//! What the kinds are and what each demands is in `people.rs` and `customers.rs`. Every write is an event of the tenant's stream too, so
//! that the audit trail has it and `verify` can prove it.

use crate::app::App;
use crate::flows::caller::Caller;
use crate::flows::once::tenant_event;
use crate::flows::problem::{Kind as No, Problem, Result, Violation};
use crate::store::{Commit, Committed, Record, RecordQuery, Scope, Write};
use engine::task::Role;
use engine::time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use crate::flows::customers::*;
pub use crate::flows::people::*;

/// Roles that read master data.
const EVERYBODY: &[Role] = &[Role::Rep, Role::Manager, Role::Admin, Role::Ops, Role::Auditor];

/// A kind of record.
#[async_trait::async_trait]
pub trait Kind: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Name in the store and in problems.
    const NAME: &'static str;
    /// Prefix of its ids.
    const PREFIX: &'static str;
    /// Who may write it, within their org units.
    const WRITERS: &'static [Role] = &[Role::Admin];
    /// Who may read it; reps only what is in their own org units.
    const READERS: &'static [Role] = EVERYBODY;

    /// The record it is about, with its kind.
    fn subject(&self) -> Option<(&'static str, &str)> {
        None
    }
    /// The org unit it belongs to; by default that of its subject.
    fn org_unit(&self) -> Option<&str> {
        None
    }
    /// Whether saying no org unit means the whole tenant, whatever the unit of its subject.
    fn none_is_all(&self) -> bool {
        false
    }
    /// From and until when it holds, RFC 3339.
    fn holds(&self) -> (Option<&str>, Option<&str>) {
        (None, None)
    }
    /// Other records it names: pointer, kind, id.
    fn names(&self) -> Vec<(String, &'static str, String)> {
        Vec::new()
    }
    /// JSON Pointers of what is personal in it, whatever its custom fields are.
    fn personal(&self) -> &'static [&'static str] {
        &[]
    }
    /// The customer type whose schema marks personal fields, with the pointer the fields stand under.
    fn custom_fields(&self) -> Option<(&str, &'static str)> {
        None
    }
    /// Roles one of which the writer must have too, whatever their org units.
    fn given_by(&self) -> &'static [Role] {
        &[]
    }
    /// Takes away what stands at these pointers; what cannot be missing is blotted out.
    fn hide_personal(&mut self, pointers: &[String]) {
        let Ok(mut value) = serde_json::to_value(&*self) else { return };
        for pointer in pointers {
            let Some((parent, member)) = pointer.rsplit_once('/') else { continue };
            let Some(Value::Object(members)) = value.pointer_mut(parent) else { continue };
            let hidden = match members.get(member) {
                Some(Value::String(_)) => Some(Value::String("•••".to_owned())),
                _ => None,
            };
            match hidden {
                Some(hidden) => drop(members.insert(member.to_owned(), hidden)),
                None => drop(members.remove(member)),
            }
        }
        if let Ok(hidden) = serde_json::from_value(value) {
            *self = hidden;
        }
    }
    /// Whatever else must be so.
    async fn check(&self, _app: &App, _tenant: &str, _id: &str) -> Result<Vec<Violation>> {
        Ok(Vec::new())
    }
}

/// A record as it is shown: id and revision beside its body.
#[derive(Clone, Debug, Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Shown<T> {
    /// Its id.
    pub id: String,
    /// Counts up with every change; the ETag.
    pub revision: u64,
    /// When this revision was written, RFC 3339.
    pub written_at: String,
    /// Who wrote it.
    pub written_by: String,
    /// What it says.
    pub body: T,
}

/// What a caller who may read a kind sees of it.
fn reads<K: Kind>(caller: &Caller) -> Result<Scope> {
    caller.scope(K::READERS).ok_or_else(Problem::not_found)
}

/// Reads one record.
///
/// # Errors
/// Not there, or not in the caller's org units (SCOPE).
pub async fn get<K: Kind>(app: &App, caller: &Caller, id: &str, revision: Option<u64>) -> Result<Shown<K>> {
    let scope = reads::<K>(caller)?;
    let newest = app.store.record(&caller.tenant, K::NAME, id, None).await?.ok_or_else(Problem::not_found)?;
    if !visible(app, caller, &newest, &scope).await? {
        return Err(Problem::not_found());
    }
    let wanted = match revision.filter(|revision| *revision != newest.revision) {
        None => newest,
        Some(revision) if revision > newest.revision => return Err(Problem::not_found()),
        Some(revision) => {
            app.store.record(&caller.tenant, K::NAME, id, Some(revision)).await?.ok_or_else(Problem::not_found)?
        }
    };
    shown(wanted)
}

/// A record without org unit is everybody's in the tenant.
async fn visible(app: &App, caller: &Caller, record: &Record, scope: &Scope) -> Result<bool> {
    match &record.org_unit {
        None => Ok(true),
        Some(unit) => Ok(app.store.in_scope(&caller.tenant, Some(unit), scope).await?),
    }
}

/// Lists records: one more than `limit` when there are more.
///
/// # Errors
/// Those of the store.
pub async fn list<K: Kind>(
    app: &App,
    caller: &Caller,
    subject: Option<String>,
    at_ms: Option<i64>,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<Shown<K>>> {
    let scope = reads::<K>(caller)?;
    let query = RecordQuery { kind: K::NAME.to_owned(), subject, scope, at_ms, after, limit };
    app.store.records(&caller.tenant, &query).await?.into_iter().map(shown).collect()
}

/// Every record of a kind (about `subject`) that holds at a moment, whoever asks: for flows, not for callers.
///
/// # Errors
/// Those of the store.
pub async fn current<K: Kind>(app: &App, tenant: &str, subject: Option<&str>, at_ms: i64) -> Result<Vec<(Record, K)>> {
    const PAGE: u32 = 500;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let query = RecordQuery {
            kind: K::NAME.to_owned(),
            subject: subject.map(str::to_owned),
            scope: Scope::Tenant,
            at_ms: Some(at_ms),
            after: after.take(),
            limit: PAGE,
        };
        let page = app.store.records(tenant, &query).await?;
        let full = page.len() >= PAGE as usize;
        after = page.last().map(|record| record.id.clone());
        for record in page {
            let body = serde_json::from_value(record.body.clone()).map_err(Problem::internal)?;
            found.push((record, body));
        }
        if !full {
            return Ok(found);
        }
    }
}

/// Where a record says something personal.
///
/// # Errors
/// Those of the store.
pub async fn personal_fields<K: Kind>(app: &App, tenant: &str, body: &K) -> Result<Vec<String>> {
    let mut pointers: Vec<String> = body.personal().iter().map(|pointer| (*pointer).to_owned()).collect();
    if let Some((kind, under)) = body.custom_fields()
        && let Some((_, kind)) = customer_type(app, tenant, kind).await?
    {
        pointers.extend(marked_personal(&kind.schema, under));
    }
    let value = serde_json::to_value(body).map_err(Problem::internal)?;
    pointers.retain(|pointer| value.pointer(pointer).is_some_and(|value| !value.is_null()));
    Ok(pointers)
}

/// Pointers of the fields that a customer type's schema marks as personal, which stand under a pointer.
pub fn marked_personal(schema: &Value, under: &str) -> Vec<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let marked = properties.into_iter().flatten().filter(|(_, schema)| schema.get("x-personal") == Some(&json!(true)));
    marked.map(|(name, _)| format!("{under}/{}", name.replace('~', "~0").replace('/', "~1"))).collect()
}

/// Whether something was made, changed, or was so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    Created,
    /// It is another revision.
    Changed,
    /// It said the same already.
    Same,
}

/// Writes a record: new, or the revision after the one the caller saw.
///
/// # Errors
/// The id or the body is not acceptable; the org unit is not the caller's; it changed meanwhile (`version.stale`), or the
/// caller did not say what they saw (`version.unseen`).
pub async fn put<K: Kind>(app: &App, caller: &Caller, id: &str, body: &K, saw: Option<u64>) -> Result<(Put, Shown<K>)> {
    if !engine::id::check_id(K::PREFIX, id) {
        return Err(Problem::invalid("", "id.malformed", &json!({"prefix": K::PREFIX})));
    }
    let scope =
        caller.scope(K::WRITERS).ok_or_else(|| Problem::new(No::Forbidden, "role.missing", &roles(K::WRITERS)))?;
    let before = app.store.record(&caller.tenant, K::NAME, id, None).await?;
    if let Some(before) = &before
        && !visible(app, caller, before, &scope).await?
    {
        return Err(Problem::not_found());
    }
    let outside = || Problem::new(No::Forbidden, "scope.outside", &Value::Null);
    // What belongs to no unit is seen by everybody and changed only by those who have the whole tenant.
    if let Some(before) = &before
        && !caller.covers(app, K::WRITERS, before.org_unit.as_deref()).await?
    {
        return Err(outside());
    }
    let mut record = record(app, caller, id, body).await?;
    // A unit is put where its parent is; from then on it is a unit of its own.
    let moves = K::NAME == OrgUnit::NAME && before.as_ref().is_none_or(|before| before.subject != record.subject);
    let place = if moves { &record.subject } else { &record.org_unit };
    if !caller.covers(app, K::WRITERS, place.as_deref()).await? {
        return Err(outside());
    }
    if !body.given_by().is_empty() {
        caller.must_be(body.given_by())?;
    }
    if let Some(before) = &before {
        if before.body == record.body {
            return Ok((Put::Same, shown(before.clone())?));
        }
        let saw = saw.ok_or_else(Problem::unseen)?;
        if saw != before.revision {
            return Err(Problem::stale());
        }
        record.revision = before.revision + 1;
    } else if saw.is_some() {
        return Err(Problem::stale());
    }
    let about = json!({"kind": K::NAME, "id": id, "revision": record.revision, "by": caller.user});
    let event = tenant_event(&caller.tenant, "record_written", [("about", about), ("record", record.body.clone())]);
    let expected = before.as_ref().map(|before| before.revision);
    let writes = vec![Write::Record(Box::new(record.clone()), expected), event];
    let commit = Commit { at_ms: record.at_ms, command: None, writes };
    match app.commit(&caller.tenant, &commit).await? {
        Committed::Done { .. } => {
            let put = if before.is_some() { Put::Changed } else { Put::Created };
            Ok((put, shown(record)?))
        }
        Committed::Conflict(_) => Err(Problem::stale()),
    }
}

/// Names of roles, for a problem.
pub fn roles(roles: &[Role]) -> Value {
    json!({"roles": roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ")})
}

/// The first revision of a record with this body, once everything about it is acceptable.
async fn record<K: Kind>(app: &App, caller: &Caller, id: &str, body: &K) -> Result<Record> {
    let tenant = &caller.tenant;
    let mut wrong = Vec::new();
    let (from_ms, to_ms) = period(body.holds(), &mut wrong);
    let mut org_unit = body.org_unit().map(str::to_owned);
    let mut subject = None;
    if let Some((kind, subject_id)) = body.subject() {
        subject = Some(subject_id.to_owned());
        match known(app, caller, kind, subject_id, K::NAME).await? {
            Some(about) if org_unit.is_none() && kind != OrgUnit::NAME && !body.none_is_all() => {
                org_unit = about.org_unit
            }
            Some(_) => {}
            None if body.names().iter().any(|(_, _, named)| named == subject_id) => {}
            None => wrong.push(Violation::new("", "record.unknown", &json!({"kind": kind, "id": subject_id}))),
        }
    }
    for (pointer, kind, named) in body.names() {
        if known(app, caller, kind, &named, K::NAME).await?.is_none() {
            wrong.push(Violation::new(&pointer, "record.unknown", &json!({"kind": kind, "id": named})));
        }
    }
    wrong.extend(body.check(app, tenant, id).await?);
    if !wrong.is_empty() {
        return Err(Problem::at_all(wrong));
    }
    let body = serde_json::to_value(body).map_err(Problem::internal)?;
    let body = engine::canon::normalize(body)
        .map_err(|error| Problem::invalid("", "record.number", &json!({"detail": error.to_string()})))?;
    // An org unit belongs to itself: those who see the unit see its record.
    let org_unit = if K::NAME == OrgUnit::NAME { Some(id.to_owned()) } else { org_unit };
    Ok(Record {
        kind: K::NAME.to_owned(),
        id: id.to_owned(),
        revision: 1,
        subject,
        org_unit,
        from_ms,
        to_ms,
        body,
        at_ms: app.clock.now_ms(),
        by: caller.user.clone(),
    })
}

/// A record that another one names, as far as the caller sees it: rather unknown than a hint that another org unit has it
/// (SCOPE). Units name what is above them, which those below do not see.
async fn known(app: &App, caller: &Caller, kind: &str, id: &str, named_by: &str) -> Result<Option<Record>> {
    let Some(record) = app.store.record(&caller.tenant, kind, id, None).await? else { return Ok(None) };
    let seen = named_by == OrgUnit::NAME
        || record.org_unit.is_none()
        || caller.covers(app, EVERYBODY, record.org_unit.as_deref()).await?;
    Ok(seen.then_some(record))
}

/// From and until when something holds, in ms; what cannot be read is noted.
pub fn period((from, to): (Option<&str>, Option<&str>), wrong: &mut Vec<Violation>) -> (Option<i64>, Option<i64>) {
    let mut parse = |member: &'static str, text: Option<&str>| match text.map(|text| time::parse(member, text)) {
        None => None,
        Some(Ok(at_ms)) => Some(at_ms),
        Some(Err(error)) => {
            wrong.push(Violation::new(&format!("/{member}"), "time.invalid", &json!({"detail": error.to_string()})));
            None
        }
    };
    let (from_ms, to_ms) = (parse("from", from), parse("to", to));
    if let (Some(from_ms), Some(to_ms)) = (from_ms, to_ms)
        && to_ms <= from_ms
    {
        wrong.push(Violation::new("/to", "record.ends_before_it_begins", &Value::Null));
    }
    (from_ms, to_ms)
}

/// A record as it is shown.
///
/// # Errors
/// The stored body does not have the form of its kind.
pub fn shown<K: Kind>(record: Record) -> Result<Shown<K>> {
    let body = serde_json::from_value(record.body)
        .map_err(|error| Problem::internal(format!("{} {}: {error}", record.kind, record.id)))?;
    Ok(Shown {
        id: record.id,
        revision: record.revision,
        written_at: time::format_utc(record.at_ms),
        written_by: record.by,
        body,
    })
}

/// One named record, as `Kind::names` lists them.
pub fn one(pointer: &str, kind: &'static str, id: Option<&String>) -> Vec<(String, &'static str, String)> {
    id.map(|id| (pointer.to_owned(), kind, id.clone())).into_iter().collect()
}
