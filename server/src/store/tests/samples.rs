//! Values to write, with everything filled in that a case does not care about.

use crate::store::{
    CommandRecord, Commit, Committed, Conflict, Evidence, PastArrival, PastUse, Record, RecordQuery, Scope, Store,
    TaskQuery, TaskScope, Tenant, Token, Version, VersionKind, Write,
};
use engine::alike::{PastPhoto, PastText};
use engine::command::Origin;
use engine::event::{self, Draft, Event, Seal, Tip};
use engine::task::{Task, TaskKind, TaskState};
use engine::text::Text;
use engine::time::format_utc;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A Monday.
pub const NOW: i64 = 1_772_413_200_000;
/// An hour.
pub const HOUR: i64 = 3_600_000;

pub fn tenant(id: &str) -> Tenant {
    Tenant {
        id: id.to_owned(),
        name: format!("Company {id}"),
        suspended: false,
        created_ms: NOW,
        secret: "5e".repeat(32),
    }
}

pub fn token(id: &str, user: &str) -> Token {
    Token {
        id: id.to_owned(),
        hash: engine::canon::sha256_hex(id.as_bytes()),
        user: user.to_owned(),
        label: "phone".to_owned(),
        created_ms: NOW,
        expires_ms: Some(NOW + HOUR),
        revoked_ms: None,
    }
}

pub fn task(id: &str) -> Task {
    Task {
        id: id.to_owned(),
        kind: TaskKind::Visit,
        state: TaskState::Open,
        title: Text(BTreeMap::from([("en".to_owned(), format!("Visit {id}"))])),
        customer: None,
        location: None,
        contacts: Vec::new(),
        sop: None,
        sop_version: None,
        purpose: None,
        origin: Origin::Plan,
        plan: None,
        planned: None,
        due: None,
        priority: 0,
        assignee: None,
        candidates: None,
        business_date: None,
        parent: None,
        visit: None,
        entry: None,
        links: Vec::new(),
        tags: BTreeSet::new(),
        comments: Vec::new(),
        org_unit: None,
        org_path: Vec::new(),
        overdue: false,
        decision: None,
        validity: None,
        outcome: None,
        score: None,
        risk: None,
        resolution: None,
        closes_at: None,
        created_at: format_utc(NOW),
        updated_at: format_utc(NOW),
        version: 1,
    }
}

pub fn record(kind: &str, id: &str, revision: u64) -> Record {
    Record {
        kind: kind.to_owned(),
        id: id.to_owned(),
        revision,
        subject: None,
        org_unit: None,
        from_ms: None,
        to_ms: None,
        body: json!({"name": format!("{id} {revision}"), "exact": 1.0, "large": u64::MAX}),
        at_ms: NOW + i64::try_from(revision).unwrap(),
        by: "usr_admin".to_owned(),
    }
}

/// The first revision of where a customer is: latitude and longitude on WGS-84.
pub fn location(id: &str, customer: &str, (lat, lon): (f64, f64)) -> Record {
    let body = json!({"customer": customer, "lat": lat, "lon": lon, "crs": "wgs84", "source": "survey"});
    Record { subject: Some(customer.to_owned()), body, ..record("location", id, 1) }
}

/// The first revision of an org unit.
pub fn org_unit(id: &str, parent: Option<&str>) -> Write {
    let record =
        Record { subject: parent.map(str::to_owned), org_unit: Some(id.to_owned()), ..record("org_unit", id, 1) };
    Write::Record(Box::new(record), None)
}

pub fn version(kind: VersionKind, name: &str, version: &str, revision: u64) -> Version {
    Version {
        kind,
        name: name.to_owned(),
        version: version.to_owned(),
        published: false,
        offered: false,
        revision,
        hash: engine::canon::sha256_hex(format!("{name} {version} {revision}").as_bytes()),
        about: json!({"customer_types": ["any"]}),
        at_ms: NOW,
        by: "usr_admin".to_owned(),
    }
}

pub fn evidence(sha256: &str) -> Evidence {
    Evidence {
        sha256: sha256.to_owned(),
        media_type: "image/jpeg".to_owned(),
        size: 5_000_000_000,
        width: Some(4000),
        height: None,
        reported_by: "usr_rep".to_owned(),
        at_ms: NOW,
        exif: None,
    }
}

/// A photo of a customer named after its visit.
pub fn photo(sha256: &str, visit: &str, hash: u64, received_ms: i64) -> PastPhoto {
    PastPhoto {
        sha256: sha256.to_owned(),
        hash,
        visit: visit.to_owned(),
        customer: visit.replacen("vis_", "cus_", 1),
        user: "usr_1".to_owned(),
        step: "front".to_owned(),
        class: "front".to_owned(),
        signer: None,
        business_date: "2026-03-02".to_owned(),
        received_ms,
    }
}

/// A text about a customer named after its visit.
pub fn text(hash: &str, visit: &str, received_ms: i64) -> PastText {
    PastText {
        hash: hash.to_owned(),
        visit: visit.to_owned(),
        customer: visit.replacen("vis_", "cus_", 1),
        user: "usr_1".to_owned(),
        business_date: "2026-03-02".to_owned(),
        received_ms,
    }
}

pub fn used(sha256: &str, visit: &str, step: &str, received_ms: i64) -> PastUse {
    PastUse {
        sha256: sha256.to_owned(),
        visit: visit.to_owned(),
        customer: "cus_1".to_owned(),
        step: step.to_owned(),
        class: "front".to_owned(),
        received_ms,
        seq: 1,
    }
}

pub fn command(actor: &str, id: &str) -> CommandRecord {
    CommandRecord {
        actor: actor.to_owned(),
        id: id.to_owned(),
        body_hash: "b0".repeat(32),
        status: 201,
        answer: json!({"task": id, "score": 1.0}).to_string(),
        etag: Some("\"1\"".to_owned()),
        at_ms: NOW,
    }
}

pub fn commit(writes: Vec<Write>) -> Commit {
    Commit { at_ms: NOW, command: None, writes }
}

/// A check-in of `usr_1`.
pub fn arrival(visit: &str, seq: u64, at_ms: i64) -> PastArrival {
    PastArrival { visit: visit.to_owned(), seq, user: "usr_1".to_owned(), at_ms }
}

/// A task that must be new.
pub fn new_task(id: &str) -> Write {
    Write::Task(Box::new(task(id)), None)
}

/// A draft with one payload of each kind that matters: text, number, nothing.
pub fn draft(stream: &str, kind: &str) -> Draft {
    let payloads = [("answers", json!({"name": "Wang 王", "count": 1.5})), ("note", Value::Null)];
    Draft {
        kind: kind.to_owned(),
        stream: stream.to_owned(),
        payloads: payloads.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

/// The next event behind `tip`, which moves on.
pub fn event(tenant: &str, stream: &str, tip: &mut Tip) -> Event {
    let mut salt = 0;
    let seal = Seal { tenant, engine: event::ENGINE_HASH, at_ms: NOW, tip };
    let event = event::seal(draft(stream, "noted"), &seal, &mut || {
        salt += 1;
        [salt; 16]
    })
    .unwrap();
    *tip = Tip::after(&event);
    event
}

/// The first `count` events of a stream.
pub fn stream(tenant: &str, stream: &str, count: usize) -> Vec<Write> {
    let mut tip = Tip::default();
    (0..count).map(|_| Write::Event(Box::new(event(tenant, stream, &mut tip)))).collect()
}

/// An event of the tenant's own stream.
pub fn tenant_event(tenant: &str) -> Write {
    Write::TenantEvent(draft(tenant, "noted"), vec![[7; 16], [8; 16]])
}

/// Commits what must go through; its place in the order.
#[track_caller]
pub fn done(committed: crate::store::Result<Committed>) -> u64 {
    match committed {
        Ok(Committed::Done { change_seq }) => change_seq,
        other => panic!("{other:?}"),
    }
}

/// What moved on.
#[track_caller]
pub fn moved(committed: crate::store::Result<Committed>) -> String {
    match committed {
        Ok(Committed::Conflict(Conflict::Moved(id))) => id,
        other => panic!("{other:?}"),
    }
}

/// Commits writes that must go through.
pub async fn write(store: &dyn Store, tenant: &str, writes: Vec<Write>) -> u64 {
    done(store.commit(tenant, &commit(writes)).await)
}

/// Every record of a kind.
pub fn all_records(kind: &str) -> RecordQuery {
    RecordQuery { kind: kind.to_owned(), subject: None, scope: Scope::Tenant, at_ms: None, after: None, limit: 100 }
}

/// Every task.
pub fn all_tasks() -> TaskQuery {
    TaskQuery {
        scope: TaskScope { scope: Some(Scope::Tenant), assignee: None, candidate: Vec::new() },
        equal: BTreeMap::new(),
        org_unit: None,
        business_from: None,
        business_to: None,
        due_before_ms: None,
        planned_from_ms: None,
        planned_to_ms: None,
        text: None,
        after: None,
        limit: 100,
    }
}

/// These org units and all below them.
pub fn under(units: &[&str]) -> Scope {
    Scope::Under(set(units))
}

pub fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
