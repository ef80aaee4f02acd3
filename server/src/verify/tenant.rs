//! `sopwith verify --tenant`: everything a tenant's database and files hold, proven: hashes and chains of all events, content
//! and evidence under their hashes, rows that follow from events, and every finding by judging again.

use super::database::{RecordedTenant, cause};
use crate::app::App;
use crate::cli::DataArguments;
use crate::client::progress;
use crate::flows::load;
use crate::flows::sops;
use crate::store::{Record, StoredEvent, VersionKind};
use crate::tenant;
use anyhow::Context as _;
use engine::canon;
use engine::event::{self, ENGINE_HASH, Event, Payload, Tip};
use engine::ledger;
use engine::recheck;
use engine::standing;
use engine::task::{Task, TaskEvent};
use engine::time;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many rows one look takes.
const PAGE: u32 = 500;

/// What was looked at, and what is wrong.
#[derive(Default)]
struct Found {
    events: u64,
    payloads: u64,
    erased: u64,
    other_engine: bool,
    objects: u64,
    evidence: u64,
    rows: u64,
    calls: u64,
    not_judged: usize,
    faults: Vec<String>,
}

impl Found {
    fn fault(&mut self, what: &str, detail: impl std::fmt::Display) {
        self.faults.push(format!("{what}: {detail}"));
    }
}

/// Runs the command; false when something is wrong.
///
/// # Errors
/// When the database cannot be read at all.
pub fn run(data: &DataArguments, tenant: &str) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    let app = runtime.block_on(tenant::app(&data.store, &data.data))?;
    if runtime.block_on(app.store.tenant(tenant))?.is_none() {
        println!("there is no {tenant}");
        return Ok(false);
    }
    let mut found = Found::default();
    let streams = runtime.block_on(hashes(&app, tenant, &mut found))?;
    runtime.block_on(content(&app, tenant, &mut found))?;
    println!("{} events, {} payloads, {} erased", found.events, found.payloads, found.erased);
    println!("{} objects, {} pieces of evidence", found.objects, found.evidence);
    if found.other_engine {
        println!("judged by another engine; this one is {ENGINE_HASH}");
    }
    if found.faults.is_empty() {
        println!("hashes: all equal");
        runtime.block_on(rows(&app, tenant, &streams, &mut found))?;
        let bar = progress(streams.len(), "judging");
        let mut recorded = RecordedTenant::new(&app, tenant, runtime.handle().clone());
        for stream in &streams {
            let rechecked = recheck::recheck(&mut recorded, stream).with_context(|| stream.clone())?;
            found.calls += rechecked.calls;
            found.not_judged += rechecked.erased.len();
            for difference in rechecked.differences {
                found.fault(&format!("event {stream} {} {}", difference.seq, difference.kind), difference.what);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if found.faults.is_empty() {
            println!("rows: all {} follow from their events", found.rows);
            println!("findings: all equal ({} rule calls made again)", found.calls);
        }
        if found.not_judged > 0 {
            println!("findings: {} events not judged again, because what they rest on was erased", found.not_judged);
        }
    } else {
        println!("findings: not recomputed, because the record was changed");
    }
    for fault in &found.faults {
        println!("✗ {fault}");
    }
    Ok(found.faults.is_empty())
}

/// Hashes and chains of every stream; their names.
async fn hashes(app: &App, tenant: &str, found: &mut Found) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let page = app.store.streams(tenant, names.last().map(String::as_str), PAGE).await?;
        let full = page.len() >= PAGE as usize;
        for (stream, tip) in page {
            chain(app, tenant, &stream, &tip, found).await?;
            names.push(stream);
        }
        if !full {
            return Ok(names);
        }
    }
}

async fn chain(app: &App, tenant: &str, stream: &str, end: &Tip, found: &mut Found) -> anyhow::Result<()> {
    let mut tip = Tip::default();
    for stored in load::stream(app, tenant, stream, None).await.map_err(cause)? {
        let what = format!("event {stream} {}", stored.seq);
        found.events += 1;
        let event = match stored.event() {
            Ok(event) => event,
            Err(error) => {
                found.fault(&what, error);
                continue;
            }
        };
        if let Err(detail) = canonical(&stored, &event) {
            found.fault(&what, detail);
        }
        let header = &event.header;
        if header.tenant != tenant || header.stream != stream || header.seq != stored.seq {
            found.fault(&what, "the header names another place");
        }
        let verification = event::verify(&event, &tip);
        for fault in &verification.faults {
            found.fault(&format!("{what} {}", header.kind), fault);
        }
        found.payloads += event.payloads.len() as u64;
        found.erased += verification.erased.len() as u64;
        found.other_engine |= header.engine != ENGINE_HASH;
        tip = Tip::after(&event);
    }
    if tip != *end {
        found.fault(&format!("stream {stream}"), "its last event is not the one it ends with");
    }
    Ok(())
}

/// Whether the stored texts are canonical to the byte, so that not even a space can have changed.
fn canonical(stored: &StoredEvent, event: &Event) -> Result<(), String> {
    let same = |name: &str, text: &str| {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        match canon::jcs(&value) {
            Ok(bytes) if bytes == text.as_bytes() => Ok(()),
            Ok(_) | Err(_) => Err(format!("{name} is not canonical: some byte was changed")),
        }
    };
    same("header", &stored.header)?;
    event.payloads.iter().try_for_each(|(name, payload)| match (event.header.commitments.get(name), payload) {
        // Only canonical text is ever committed to.
        (Some(commitment), Payload::Kept(kept)) if event::opens_as_stored(commitment, kept) => Ok(()),
        (_, Payload::Kept(kept)) => same(name, kept.value.as_str()),
        (_, Payload::Erased(_)) => Ok(()),
    })
}

/// Content and evidence under their hashes.
async fn content(app: &App, tenant: &str, found: &mut Found) -> anyhow::Result<()> {
    let mut last: Option<String> = None;
    loop {
        let page = app.store.objects(tenant, last.as_deref(), PAGE).await?;
        for hash in &page {
            let bytes = app.store.object(tenant, hash).await?.unwrap_or_default();
            found.objects += 1;
            if canon::sha256_hex(&bytes) != *hash {
                found.fault(&format!("object {hash}"), "the content has another hash");
            }
        }
        if page.len() < PAGE as usize {
            break;
        }
        last = page.last().cloned();
    }
    let mut last: Option<String> = None;
    loop {
        let page = app.store.all_evidence(tenant, last.as_deref(), PAGE).await?;
        for row in &page {
            found.evidence += 1;
            match app.evidence.get(tenant, &row.sha256) {
                Ok(bytes) if canon::sha256_hex(&bytes) == row.sha256 => {}
                Ok(_) => found.fault(&format!("evidence {}", row.sha256), "the bytes have another hash"),
                Err(error) => found.fault(&format!("evidence {}", row.sha256), error),
            }
        }
        if page.len() < PAGE as usize {
            return Ok(());
        }
        last = page.last().map(|row| row.sha256.clone());
    }
}

/// Rows that follow from events say what the events say: tasks, accounts, every revision of master data, versions.
async fn rows(app: &App, tenant: &str, streams: &[String], found: &mut Found) -> anyhow::Result<()> {
    for stream in streams {
        if stream.starts_with("tsk_") {
            task(app, tenant, stream, found).await?;
        } else if stream.starts_with("led_") {
            account(app, tenant, stream, found).await?;
        } else if stream.starts_with("rst_") {
            standing(app, tenant, stream, found).await?;
        }
    }
    let mut versions: BTreeMap<(String, String, String), Value> = BTreeMap::new();
    let own = load::stream(app, tenant, tenant, None).await.map_err(cause)?;
    let own: Vec<Event> = own.iter().map(StoredEvent::event).collect::<Result<_, _>>()?;
    // What was staged for an import that never took effect was never written.
    let imported: BTreeSet<String> =
        own.iter().filter(|event| event.header.kind == "records_imported").filter_map(import_of).collect();
    for event in own {
        if event.header.kind == "import_staged" && import_of(&event).is_some_and(|import| imported.contains(&import)) {
            staged(app, tenant, &event, found).await?;
        }
        if event.header.kind == "record_written" {
            record(app, tenant, &event, found).await?;
        }
        if let Some(written) = payload(&event, "version").filter(|_| event.header.kind == "version_written") {
            let text = |name: &str| written.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            versions.insert((text("kind"), text("name"), text("version")), written.clone());
        }
    }
    for ((kind, name, number), written) in versions {
        version(app, tenant, (&kind, &name, &number), &written, found).await?;
    }
    Ok(())
}

/// An account stands where its last entry says.
async fn account(app: &App, tenant: &str, stream: &str, found: &mut Found) -> anyhow::Result<()> {
    let stored = load::stream(app, tenant, stream, None).await.map_err(cause)?;
    let last = stored.last().map(StoredEvent::event).transpose()?;
    let Some((account, balance)) = last.as_ref().and_then(ledger::balance_after) else { return Ok(()) };
    let rows = app.store.balances_of(tenant, &[account].into()).await?;
    found.rows += 1;
    let same = rows.first().is_some_and(|row| {
        let stands = (row.version, row.event.as_str(), row.balance.as_str());
        stands == (balance.tip.seq, balance.tip.hash.as_str(), balance.amount.to_string().as_str())
    });
    if !same {
        found.fault(&format!("account {stream}"), "its row is not what its last entry says");
    }
    Ok(())
}

/// Every revision of how a rep stands is what its event says.
async fn standing(app: &App, tenant: &str, stream: &str, found: &mut Found) -> anyhow::Result<()> {
    for stored in load::stream(app, tenant, stream, None).await.map_err(cause)? {
        if let Some(body) = payload(&stored.event()?, "standing") {
            revision_is(app, tenant, (standing::NAME, stream, Some(stored.seq)), &body, found).await?;
        }
    }
    Ok(())
}

/// A version's row is what was last written of it.
async fn version(
    app: &App,
    tenant: &str,
    (kind, name, number): (&str, &str, &str),
    written: &Value,
    found: &mut Found,
) -> anyhow::Result<()> {
    let of = match kind {
        "sop" => VersionKind::Sop,
        "plugin" => VersionKind::Plugin,
        _ => VersionKind::Dataset,
    };
    found.rows += 1;
    let same = app.store.version(tenant, of, name, number).await?.is_some_and(|row| {
        let said = |member: &str, value: Value| written.get(member) == Some(&value);
        said("published", row.published.into())
            && said("offered", row.offered.into())
            && said("hash", row.hash.into())
            // What events say is canonical: there 1.0 is 1.
            && canon::normalize(row.about.clone()).is_ok_and(|about| said("about", about))
    });
    if !same {
        found.fault(&format!("{kind} {name} {number}"), "its row is not what was written");
    }
    Ok(())
}

async fn record(app: &App, tenant: &str, event: &Event, found: &mut Found) -> anyhow::Result<()> {
    let (Some(about), Some(body)) = (payload(event, "about"), payload(event, "record")) else { return Ok(()) };
    let text = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default();
    let revision = about.get("revision").and_then(Value::as_u64);
    revision_is(app, tenant, (text("kind"), text("id"), revision), &body, found).await
}

/// A revision's row is what was written of it.
async fn revision_is(
    app: &App,
    tenant: &str,
    (kind, id, revision): (&str, &str, Option<u64>),
    body: &Value,
    found: &mut Found,
) -> anyhow::Result<()> {
    let stored: Option<Record> = app.store.record(tenant, kind, id, revision).await?;
    found.rows += 1;
    if stored.is_none_or(|stored| stored.body != *body) {
        let what = format!("record {kind} {id} {}", revision.unwrap_or_default());
        found.fault(&what, "it is not what was written");
    }
    Ok(())
}

/// The import an event belongs to.
fn import_of(event: &Event) -> Option<String> {
    payload(event, "about")?.get("import")?.as_str().map(str::to_owned)
}

/// The revisions that one part of an import brought.
async fn staged(app: &App, tenant: &str, event: &Event, found: &mut Found) -> anyhow::Result<()> {
    let Some(Value::Array(records)) = payload(event, "records") else { return Ok(()) };
    for record in &records {
        let text = |at: usize| record.get(at).and_then(Value::as_str).unwrap_or_default();
        let (revision, body) = (record.get(2).and_then(Value::as_u64), record.get(3).cloned().unwrap_or_default());
        revision_is(app, tenant, (text(0), text(1), revision), &body, found).await?;
    }
    Ok(())
}

fn payload(event: &Event, name: &str) -> Option<Value> {
    match event.payloads.get(name)? {
        Payload::Kept(kept) => Some(kept.value.value()),
        Payload::Erased(_) => None,
    }
}

/// A task's row is what its events, and those of its visit, add up to; how often it changed is not part of that.
async fn task(app: &App, tenant: &str, id: &str, found: &mut Found) -> anyhow::Result<()> {
    let Some(row) = app.store.task(tenant, id).await? else {
        found.fault(&format!("task {id}"), "its row is missing");
        return Ok(());
    };
    let mut built: Option<Task> = None;
    for stored in load::stream(app, tenant, id, None).await.map_err(cause)? {
        let event = stored.event()?;
        let kept: BTreeMap<_, _> = event
            .payloads
            .iter()
            .filter_map(|(name, payload)| match payload {
                Payload::Kept(kept) => Some((name, &kept.value)),
                Payload::Erased(_) => None,
            })
            .collect();
        if kept.len() < event.payloads.len() {
            return Ok(());
        }
        let happened = TaskEvent::from_payloads(&event.header.kind, kept.into_iter())?;
        let at_ms = time::parse("at", &event.header.at)?;
        match &mut built {
            None => built = Task::begin(&happened),
            Some(task) => task.apply(&happened, at_ms),
        }
    }
    let Some(mut built) = built else { return Ok(()) };
    let loaded = match &row.visit {
        Some(visit) if row.kind == engine::task::TaskKind::Visit => match load::visit(app, tenant, visit).await {
            // What the row shows of the visit was erased there.
            Err(problem) if problem.code == "visit.erased" => return Ok(()),
            loaded => loaded.map_err(cause)?,
        },
        _ => None,
    };
    if let Some(loaded) = loaded
        && let Some(pins) = loaded.visit.pins()
    {
        let sop = sops::pinned(app, tenant, pins).await.map_err(cause)?;
        built.project(&sop.effective, &loaded.visit, 0);
    }
    built.version = row.version;
    built.updated_at.clone_from(&row.updated_at);
    found.rows += 1;
    if built != row {
        found.fault(&format!("task {id}"), "its row is not what its events say");
    }
    Ok(())
}
