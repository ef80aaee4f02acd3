//! The server is killed again and again in the middle of the recorded day and driven on: what it acknowledged is there, once.
//!
//! When it is killed follows from what it acknowledged and from a seed, never from time. With the fault layer the machine
//! loses its power with each kill: what was not synced is gone. The control, which does not wait for the disk, loses what
//! it acknowledged.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use tests::chance::Chance;
use tests::demo::{self, Demo};
use tests::driving::{Driving, member};
use tests::fault::{FaultLayer, Lost};
use tests::server::{Kind, Place, Server};

/// How often the server is killed.
const KILLS: u64 = 20;
/// Between two kills, at least so many acknowledgements …
const LEAST: u64 = 20;
/// … and fewer than so many more. All kills together must fit into the day.
const MORE: u64 = 18;
/// Fewer than so many requests are answered between the last acknowledgement and the kill, so that it hits anything.
const REQUESTS: u64 = 60;

/// An address that stays the server's while it is away. Not among the ports that outgoing connections get.
pub fn address() -> anyhow::Result<String> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000)?;
    let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed)).take(1_000);
    let free = ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    Ok(format!("127.0.0.1:{}", free.context("no free port")?))
}

/// The company on a server that has an address to come back to.
fn served(place: &Place) -> anyhow::Result<(String, Server, Demo)> {
    let address = address()?;
    let server = Server::start_at(place, &address, &[], None)?;
    let demo = Demo::new(place, &server)?;
    Ok((address, server, demo))
}

/// Drives the day over kills and checks all that must hold then; with a fault layer the power is cut at each kill.
fn killed_and_driven_on(
    kind: Kind,
    fault: impl FnOnce(&Place) -> anyhow::Result<Option<FaultLayer>>,
) -> anyhow::Result<()> {
    let mut chance = Chance::new(&format!("killed on {kind:?}"))?;
    let place = Place::new(kind)?;
    let (address, server, demo) = served(&place)?;
    server.kill()?;
    let fault = fault(&place)?;
    let start = || Server::start_at(&place, &address, &[], fault.as_ref());
    let mut server = start()?;
    let day = demo::sop().join("day/day.jsonl");
    let mut driving = Driving::start(&demo, &server.client.url, &day)?;
    let mut lost = Vec::new();
    for _ in 0..KILLS {
        driving.some(LEAST + chance.below(MORE))?;
        for _ in 0..chance.below(REQUESTS) {
            server.client.get("/healthz")?.expect(200)?;
        }
        server.kill()?;
        if let Some(fault) = &fault {
            lost.extend(Some(fault.lose_unsynced()?).filter(|lost| *lost != Lost::default()));
        }
        server = start()?;
    }
    let before_last_kill = driving.acknowledged.len();
    let acknowledged = driving.finish()?;
    println!("{} acknowledged, the last kill after {before_last_kill}; unsynced: {lost:?}", acknowledged.len());
    ensure!(before_last_kill < acknowledged.len(), "the last kill was after the day");
    server.clock(&demo.admin, demo::AFTER)?;
    everything_is_there_once(&demo, &server, &acknowledged)?;
    demo.expect_rows(&place, &server)?;
    // A client that forgot what it did asks everything again, and is told the same.
    let again = Driving::start(&demo, &server.client.url, &day)?.finish()?;
    let differs = acknowledged.iter().zip(&again).find(|(first, second)| first != second);
    ensure!(acknowledged.len() == again.len() && differs.is_none(), "asked again: {differs:?}");
    everything_is_there_once(&demo, &server, &acknowledged)?;
    place.verify(demo::TENANT)
}

/// What was acknowledged is there, nothing is there twice, and the feed of changes has no gap.
pub fn everything_is_there_once(demo: &Demo, server: &Server, acknowledged: &[Value]) -> anyhow::Result<()> {
    let missing = missing(demo, server, acknowledged)?;
    ensure!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    let changes = demo.all(server, "/v1/changes")?;
    let mut written = BTreeSet::new();
    for (seq, change) in (1_u64..).zip(&changes) {
        ensure!(change.get("change_seq") == Some(&json!(seq)), "instead of change {seq}: {change}");
        for what in change.get("what").and_then(Value::as_array).into_iter().flatten() {
            if let Some(event) = what.get("event") {
                ensure!(written.insert(event.to_string()), "twice in the feed: {event}");
            }
        }
    }
    Ok(())
}

/// What was acknowledged and is not there.
///
/// # Errors
/// Something is there twice.
pub fn missing(demo: &Demo, server: &Server, acknowledged: &[Value]) -> anyhow::Result<Vec<String>> {
    let commands = commands(demo, server)?;
    let twice: Vec<_> = commands.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "carried out more than once: {twice:?}");
    let mut missing = Vec::new();
    for line in acknowledged {
        if let Some(command) = member(line, "command") {
            let done = line.get("status").and_then(Value::as_u64).is_some_and(|status| status < 300);
            if done && !commands.contains_key(command) {
                missing.push(command.to_owned());
            }
        } else {
            let (sha256, user) = (member(line, "evidence"), member(line, "user"));
            let (sha256, user) = (sha256.context("evidence")?, user.context("user")?);
            let there = demo.as_(server, user)?.get(&format!("/v1/evidence/{sha256}"))?;
            let photo = std::fs::read(demo::photos()?.join(format!("{sha256}.png")))?;
            if there.status != 200 || there.bytes != photo {
                missing.push(sha256.to_owned());
            }
        }
    }
    Ok(missing)
}

/// How many events each command made that an event names, over the streams of all tasks and visits. Every stream is whole.
fn commands(demo: &Demo, server: &Server) -> anyhow::Result<BTreeMap<String, u32>> {
    let tasks = demo.all(server, "/v1/tasks")?;
    // A review or follow-up names the visit it is about.
    let streams: BTreeSet<&str> =
        tasks.iter().flat_map(|task| [member(task, "id"), member(task, "visit")]).flatten().collect();
    let mut commands = BTreeMap::new();
    for stream in streams {
        let events = demo.all(server, &format!("/v1/streams/{stream}/events"))?;
        for (seq, event) in (1_u64..).zip(&events) {
            ensure!(event.pointer("/header/seq") == Some(&json!(seq)), "instead of {seq} of {stream}: {event}");
            if let Some(id) = event.pointer("/payloads/command/value/id").and_then(Value::as_str) {
                *commands.entry(id.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(commands)
}

#[test]
fn killed_on_sqlite() -> anyhow::Result<()> {
    killed_and_driven_on(Kind::Sqlite, |_| Ok(None))
}

#[test]
fn killed_on_postgres() -> anyhow::Result<()> {
    killed_and_driven_on(Kind::Postgres, |_| Ok(None))
}

/// The power is cut with every kill.
#[cfg(target_os = "linux")]
#[test]
fn killed_without_power() -> anyhow::Result<()> {
    killed_and_driven_on(Kind::Sqlite, |place| Ok(Some(fault(place)?)))
}

/// The control: without waiting for the disk, what was acknowledged is lost, and the test sees it.
#[cfg(target_os = "linux")]
#[test]
fn killed_without_power_nor_waiting_for_the_disk() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (address, server, demo) = served(&place)?;
    server.kill()?;
    let fault = fault(&place)?;
    let server = Server::start_at(&place, &address, &["--synchronous-off"], Some(&fault))?;
    let mut driving = Driving::start(&demo, &server.client.url, &demo::sop().join("day/day.jsonl"))?;
    driving.some(100)?;
    server.kill()?;
    let acknowledged = driving.kill()?;
    let lost = fault.lose_unsynced()?;
    let server = Server::start_at(&place, &address, &[], None)?;
    server.clock(&demo.admin, demo::AFTER)?;
    let missing = missing(&demo, &server, &acknowledged)?;
    println!("{lost:?}; {} of {} acknowledged are missing", missing.len(), acknowledged.len());
    ensure!(!missing.is_empty(), "nothing acknowledged was lost: this control proves nothing");
    Ok(())
}

#[cfg(target_os = "linux")]
fn fault(place: &Place) -> anyhow::Result<FaultLayer> {
    FaultLayer::build(&place.folder().join("fault"), &place.folder().join("store"))
}
