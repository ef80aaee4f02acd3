//! What people notice of a server beside submissions: how soon it is there, how much memory it takes while nothing happens,
//! how fast verdicts are verified, how long a list takes however far one leafs, and what a tenant whose rules burn all they
//! may does to another.

use crate::hostile;
use crate::load::{Load, Pace, drive};
use crate::measure::{Measure, Of, Settings, median};
use crate::process::resident;
use crate::submit::{SERVED, address, one};
use crate::wire::{Connection, request};
use crate::workload::{Crew, Judges, STEPS, TENANT};
use anyhow::Context as _;
use engine::task::Task;
use serde_json::{Value, json};
use server::store::{self, Commit, Options, StoreUrl, Write};
use std::time::{Duration, Instant};
use tests::server::{Kind, Place, Server};

const GROUP: &str = "served, SQLite";
/// Tasks of a page.
pub const PAGE: usize = 50;

/// See the module header.
pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Measure>> {
    let place = Place::new(Kind::Sqlite)?;
    let by_hand = Server::start(&place, &[], None)?;
    let crew = Crew::new(&place, &by_hand, (TENANT, ""), &Judges::honest(STEPS)?, 16)?;
    let spinning = Crew::new(&place, &by_hand, ("tnt_hostile", "h"), &hostile::judges(place.folder())?, 16)?;
    drop(by_hand);
    let mut measures = start(settings, &place, &crew)?;
    measures.extend(neighbour(settings, &place, &crew, &spinning)?);
    measures.extend(replay(settings, &place, &crew)?);
    measures.extend(list(settings, &place, &crew)?);
    Ok(measures)
}

/// From the start of the process to the answer of its first submission, the plugins' code being in the cache; then what it
/// holds in memory.
fn start(settings: &Settings, place: &Place, crew: &Crew) -> anyhow::Result<Vec<Measure>> {
    let server = Server::start(place, &SERVED, None)?;
    let visits = crew.begin(address(&server), "start", 1)?;
    let lists = crew.submissions(&visits, visits.len())?;
    let mut firsts = lists.iter().filter_map(|list| list.first());
    one(address(&server), firsts.next().context("no visit")?)?;
    drop(server);
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for first in firsts.take(settings.rounds(9, 2)) {
        let begun = Instant::now();
        let server = Server::start(place, &SERVED, None)?;
        one(address(&server), first)?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        memory.push(resident(&server.pid().to_string())?.all);
    }
    let name = "process start to first submission, code cache warm";
    Ok(vec![
        Measure::alone(GROUP, name, "ms", &times).at_most(Of::Value, 300.0),
        Measure::alone(GROUP, "memory after the first submission", "MB", &memory).at_most(Of::Value, 80.0),
    ])
}

/// An honest tenant at a steady pace, alone and beside one whose every rule call burns its whole budget.
fn neighbour(settings: &Settings, place: &Place, crew: &Crew, spinning: &Crew) -> anyhow::Result<Vec<Measure>> {
    /// Submissions a second of the honest tenant.
    const PACE: f64 = 200.0;
    let rounds = settings.rounds(5, 1);
    let seconds = settings.rounds(4, 1);
    let server = Server::start(place, &SERVED, None)?;
    let at = address(&server).to_owned();
    let submissions = (PACE * seconds as f64) as usize;
    let each = (2 * rounds + 1) * submissions.div_ceil(crew.reps.len() * STEPS);
    let visits = crew.begin(&at, "steady", each)?;
    let mut chunks = visits.chunks(crew.reps.len() * submissions.div_ceil(crew.reps.len() * STEPS));
    let mut steady = || -> anyhow::Result<Load> {
        let lists = crew.submissions(chunks.next().context("too few visits")?, crew.reps.len())?;
        drive(&at, &lists, Pace::Open(PACE))?.all_well()
    };
    steady()?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for number in 0..rounds {
        alone.push(steady()?.wait(0.99) / 1e3);
        let burning = spinning.begin(&at, &format!("burn{number}"), 2 * seconds)?;
        let lists = spinning.submissions(&burning, spinning.reps.len())?;
        // A second driver, so that the first one's waits are its own.
        let other = at.clone();
        let length = Duration::from_secs(seconds as u64 + 1);
        let burns = std::thread::spawn(move || drive(&other, &lists, Pace::Closed(length)));
        beside.push(steady()?.wait(0.99) / 1e3);
        let burnt = burns.join().map_err(|_| anyhow::anyhow!("the hostile driver panicked"))??.all_well()?;
        eprintln!("the hostile tenant got {:.0} answers a second", burnt.rate());
    }
    let name = "p99 at 200 submissions a second, beside a hostile tenant";
    Ok(vec![
        Measure::beside(GROUP, name, "ms", &beside, "the same without that tenant", &alone).at_most(Of::Ratio, 1.5),
    ])
}

/// `sopwith verify --tenant` over visits with many submissions: every hash and every finding again, on one core.
fn replay(settings: &Settings, place: &Place, crew: &Crew) -> anyhow::Result<Vec<Measure>> {
    let server = Server::start(place, &SERVED, None)?;
    let visits = crew.begin(address(&server), "replay", settings.rounds(32, 1))?;
    let lists = crew.submissions(&visits, crew.reps.len())?;
    drive(address(&server), &lists, Pace::Closed(Duration::MAX))?.all_well()?;
    drop(server);
    let verdicts = verdicts(place)?;
    let mut rates = Vec::new();
    for _ in 0..settings.rounds(3, 1) {
        let begun = Instant::now();
        place.must(&["verify", "--tenant", TENANT])?;
        rates.push(verdicts / begun.elapsed().as_secs_f64());
    }
    let name = "verify: step verdicts of three rules made again, one core, start included";
    Ok(vec![Measure::alone(GROUP, name, "1/s", &rates).at_least(Of::Value, 5_000.0)])
}

/// How many step verdicts the tenant has.
fn verdicts(place: &Place) -> anyhow::Result<f64> {
    let file = place.folder().join("store/sopwith.db");
    let connection = rusqlite::Connection::open(file)?;
    let sql = "select count(*) from payloads where tenant = ?1 and name = 'assessment'";
    let count: i64 = connection.query_row(sql, [TENANT], |row| row.get(0))?;
    Ok(count as f64)
}

/// The first page of a rep's list and the thousandth.
fn list(settings: &Settings, place: &Place, crew: &Crew) -> anyhow::Result<Vec<Measure>> {
    let pages = settings.rounds(1_000, 20);
    fill(place, pages * PAGE + PAGE)?;
    let server = Server::start(place, &SERVED, None)?;
    let token = crew.reps.first().context("no rep")?;
    let (first, last) = (page_of(token, None), thousandth(address(&server), token, pages)?);
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..settings.rounds(7, 1) {
        let wait = |request: &Vec<u8>| -> anyhow::Result<f64> {
            let lists = vec![vec![request.clone(); settings.rounds(200, 5)]];
            Ok(drive(address(&server), &lists, Pace::Closed(Duration::MAX))?.all_well()?.wait(0.5) / 1e3)
        };
        near.push(wait(&first)?);
        far.push(wait(&last)?);
    }
    let name = format!("page {pages} of a list of {} tasks, p50", pages * PAGE + PAGE);
    eprintln!("first page {:.2} ms", median(&near));
    Ok(vec![Measure::beside(GROUP, name, "ms", &far, "the first page", &near).at_most(Of::Ratio, 1.5)])
}

pub fn page_of(token: &str, after: Option<&str>) -> Vec<u8> {
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    request("GET", &format!("/v1/tasks?limit={PAGE}{after}"), token, None, &json!({}))
}

/// The request of a page, found by leafing.
pub fn thousandth(address: &str, token: &str, pages: usize) -> anyhow::Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let mut page = page_of(token, None);
        for _ in 1..pages {
            let answer = connection.call(&page).await?;
            let body: Value = serde_json::from_slice(answer.body)?;
            let next = body.get("next").and_then(Value::as_str).context("the list ends too soon")?;
            page = page_of(token, Some(next));
        }
        Ok(page)
    })
}

/// Tasks of the first rep, through the store's own commits.
fn fill(place: &Place, count: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let url: StoreUrl = place.store.parse().map_err(anyhow::Error::msg)?;
        let store = store::open(&url, &Options::default()).await?;
        let like = store.task(TENANT, "tsk_start-0-0").await?.context("no task to copy")?;
        let tasks: Vec<usize> = (0..count).collect();
        for chunk in tasks.chunks(200) {
            let writes = chunk
                .iter()
                .map(|number| {
                    let created = engine::time::format_utc(1_700_000_000_000 + *number as i64 * 1_000);
                    let id = format!("tsk_fill-{number}");
                    let task = Task { id, version: 1, visit: None, created_at: created, ..like.clone() };
                    Write::Task(Box::new(task), None)
                })
                .collect();
            store.commit(TENANT, &Commit { at_ms: 0, command: None, writes }).await?;
        }
        Ok(())
    })
}
