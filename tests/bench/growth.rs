//! How things are when there are many visits.
//!
//! Visits are filled in through the store's own commits: the events of a real visit, sealed anew onto a stream of its own, so
//! every chain is valid, with its task, its commands and its places in the indexes of the past. What was filled is kept
//! (`target/bench/growth-…`) and used again by the next run of the same engine.

use crate::load::{Load, Pace, drive};
use crate::measure::{Measure, Of, Settings, median};
use crate::process::resident;
use crate::served::{PAGE, page_of, thousandth};
use crate::submit::{SERVED, address, one};
use crate::workload::{Crew, Judges, TENANT};
use anyhow::Context as _;
use engine::event::{Draft, ENGINE_HASH, Payload, Seal, Tip, seal};
use engine::task::Task;
use engine::visit::visit_of_task;
use serde_json::json;
use server::store::{self, CommandRecord, Commit, Options, Store, StoreUrl, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::server::{Place, Server};

const GROUP: &str = "growth, SQLite";
/// Submissions a second while p50 and p99 are taken, and clients.
const PACE: f64 = 100.0;
/// Commits on their way at once while filling.
const AT_ONCE: usize = 512;
/// One in so many of the filled visits is the first rep's, the others are of reps who are not asked for anything.
const OWN: usize = 8;
/// The visit that all others are made from; no other name contains this one.
const EXEMPLAR: &str = "exemplar-0-0";

/// See the module header.
pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Measure>> {
    let sizes: &[usize] = if settings.quick { &[100, 1_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let folder = std::env::var_os("SOPWITH_BENCH").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("growth-{}", ENGINE_HASH.get(..12).unwrap_or_default()));
    let mut measures = Vec::new();
    let mut before: Option<usize> = None;
    let mut first: Option<Vec<f64>> = None;
    for size in sizes {
        let place = grown(&folder, before, *size)?;
        let at = at_size(settings, &place, *size)?;
        measures.extend(at.measures(*size, first.as_deref()));
        first.get_or_insert(at.p99);
        before = Some(*size);
    }
    Ok(measures)
}

/// The folder of a size.
fn of_size(folder: &Path, size: usize) -> PathBuf {
    folder.join(size.to_string())
}

/// A place with so many visits: as it was kept, or the next smaller one filled up.
fn grown(folder: &Path, before: Option<usize>, size: usize) -> anyhow::Result<Place> {
    let target = of_size(folder, size);
    if target.join("filled").exists() {
        return Place::kept(&target);
    }
    if target.exists() {
        std::fs::remove_dir_all(&target)?;
    }
    let filled = before.unwrap_or(0);
    if let Some(before) = before {
        copy(&of_size(folder, before), &target)?;
    }
    let place = Place::kept(&target)?;
    if before.is_none() {
        let by_hand = Server::start(&place, &[], None)?;
        let crew = Crew::new(&place, &by_hand, (TENANT, ""), &Judges::honest(1)?, 16)?;
        std::fs::write(target.join("crew.json"), serde_json::to_vec(&crew)?)?;
        drop(by_hand);
        exemplar(&place, &crew)?;
    }
    let begun = Instant::now();
    fill(&place, filled, size)?;
    let rate = (size - filled) as f64 / begun.elapsed().as_secs_f64();
    eprintln!("{size} visits; filled {rate:.0} a second");
    std::fs::write(target.join("filled"), size.to_string())?;
    Ok(place)
}

/// Files and folders, as they are.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != "filled" {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn crew(place: &Place) -> anyhow::Result<Crew> {
    Ok(serde_json::from_slice(&std::fs::read(place.folder().join("crew.json"))?)?)
}

/// A whole visit over HTTP.
fn exemplar(place: &Place, crew: &Crew) -> anyhow::Result<()> {
    let server = Server::start(place, &SERVED, None)?;
    let visits = crew.begin(address(&server), "exemplar", 1)?;
    let first = visits.get(..1).context("no visit")?;
    let lists = crew.submissions(first, 1)?;
    one(address(&server), lists.first().and_then(|list| list.first()).context("no submission")?)?;
    let client = server.as_(crew.reps.first().context("no rep")?);
    let end = tests::company::envelope(json!({}));
    client
        .post(&format!("/v1/tasks/tsk_{EXEMPLAR}/complete"), &format!("cmd_complete-{EXEMPLAR}"), &end)?
        .expect(200)?;
    Ok(())
}

/// What every filled visit is made of.
struct Model {
    task: String,
    /// Type and payloads, each as text.
    events: Vec<(String, Vec<(String, String)>)>,
    commands: Vec<CommandRecord>,
}

impl Model {
    async fn read(store: &dyn Store) -> anyhow::Result<Self> {
        let task_id = format!("tsk_{EXEMPLAR}");
        let task = store.task(TENANT, &task_id).await?.context("no exemplar")?;
        let mut events = Vec::new();
        for stored in store.events(TENANT, &visit_of_task(&task_id), 0, 100).await? {
            let event = stored.event()?;
            let kept = event.payloads.into_iter().filter_map(|(name, payload)| match payload {
                Payload::Kept(kept) => Some((name, kept.value.into_text())),
                Payload::Erased(_) => None,
            });
            events.push((event.header.kind, kept.collect()));
        }
        let mut commands = Vec::new();
        for id in [format!("cmd_create-{EXEMPLAR}"), format!("cmd_start-{EXEMPLAR}"), format!("cmd_{EXEMPLAR}-1")] {
            let command = store.command(TENANT, "usr_rep-0", &id).await?.with_context(|| id.clone())?;
            commands.push(command);
        }
        Ok(Self { task: serde_json::to_string(&task)?, events, commands })
    }

    /// All that the visit of this number leaves behind: its commits, in order.
    fn visit(&self, number: usize) -> anyhow::Result<Vec<Commit>> {
        let name = format!("filled-{number}");
        let rep =
            if number.is_multiple_of(OWN) { "usr_rep-0".to_owned() } else { format!("usr_other-{}", number % 5_003) };
        let customer = format!("cus_other-{}", number % 20_011);
        let own = |text: &str| {
            text.replace(EXEMPLAR, &name).replace("usr_rep-0", &rep).replace("\"cus_a\"", &format!("\"{customer}\""))
        };
        let at_ms = 1_700_000_000_000 + i64::try_from(number)? * 1_000;
        let (mut tip, mut writes) = (Tip::default(), Vec::new());
        let mut salt = u128::try_from(number)? << 64;
        for (kind, payloads) in &self.events {
            let payloads = payloads
                .iter()
                .map(|(name, text)| Ok((name.clone(), serde_json::from_str(&own(text))?)))
                .collect::<anyhow::Result<_>>()?;
            let draft = Draft { kind: kind.clone(), stream: format!("vis_{name}"), payloads };
            let place = Seal { tenant: TENANT, engine: ENGINE_HASH, at_ms, tip: &tip };
            let event = seal(draft, &place, &mut || {
                salt += 1;
                salt.to_be_bytes()
            })?;
            tip = Tip::after(&event);
            writes.push(Write::Event(Box::new(event)));
        }
        let created = engine::time::format_utc(at_ms);
        let task: Task = serde_json::from_str(&own(&self.task))?;
        let task = Task { created_at: created.clone(), updated_at: created, version: 1, ..task };
        writes.push(Write::Task(Box::new(task), None));
        writes.push(Write::Judged { customer: customer.clone(), visit: format!("vis_{name}"), seq: tip.seq, at_ms });
        let mut commits = vec![Commit { at_ms, command: None, writes }];
        for command in &self.commands {
            let (id, answer) = (own(&command.id), own(&command.answer));
            let command = CommandRecord { id, actor: rep.clone(), answer, ..command.clone() };
            commits.push(Commit { at_ms, command: Some(command), writes: Vec::new() });
        }
        Ok(commits)
    }
}

fn fill(place: &Place, from: usize, to: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let url: StoreUrl = place.store.parse().map_err(anyhow::Error::msg)?;
        let options =
            Options { group: 256, queue: 4 * AT_ONCE, patience: Duration::from_secs(300), ..Options::default() };
        let store = store::open(&url, &options).await?;
        let model = Arc::new(Model::read(&*store).await?);
        let next = Arc::new(std::sync::atomic::AtomicUsize::new(from));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (store, model, next) = (Arc::clone(&store), Arc::clone(&model), Arc::clone(&next));
            workers.spawn(async move {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= to {
                        return anyhow::Ok(());
                    }
                    for commit in model.visit(number)? {
                        store.commit(TENANT, &commit).await?;
                    }
                    if number.is_multiple_of(50_000) {
                        eprintln!("  {number} of {to} visits");
                    }
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        Ok(())
    })
}

/// Figures of one size: one value a round.
struct AtSize {
    p50: Vec<f64>,
    p99: Vec<f64>,
    near: Vec<f64>,
    far: Vec<f64>,
    page: usize,
    memory: f64,
    bytes: f64,
}

fn at_size(settings: &Settings, place: &Place, size: usize) -> anyhow::Result<AtSize> {
    let crew = crew(place)?;
    let file = place.folder().join("store/sopwith.db");
    let bytes = std::fs::metadata(&file)?.len() as f64 / size as f64;
    let server = Server::start(place, &SERVED, None)?;
    let rounds = settings.rounds(5, 1);
    let submissions = settings.rounds(800, 32);
    // The folder is used again: names of this run are its own.
    let run = std::process::id();
    let each = (rounds + 1) * submissions.div_ceil(crew.reps.len());
    let visits = crew.begin(address(&server), &format!("g{run}"), each)?;
    let mut at = AtSize { p50: vec![], p99: vec![], near: vec![], far: vec![], page: 0, memory: 0.0, bytes };
    for (round, visits) in visits.chunks(submissions.div_ceil(crew.reps.len()) * crew.reps.len()).enumerate() {
        let lists = crew.submissions(visits, crew.reps.len())?;
        let load: Load = drive(address(&server), &lists, Pace::Open(PACE))?.all_well()?;
        // The first round warms up.
        if round > 0 {
            at.p50.push(load.wait(0.5) / 1e3);
            at.p99.push(load.wait(0.99) / 1e3);
        }
    }
    let token = crew.reps.first().context("no rep")?;
    at.page = (size / OWN / PAGE).clamp(1, 1_000);
    let (near, far) = (page_of(token, None), thousandth(address(&server), token, at.page)?);
    for _ in 0..rounds {
        for (request, waits) in [(&near, &mut at.near), (&far, &mut at.far)] {
            let lists = vec![vec![request.clone(); settings.rounds(100, 5)]];
            waits.push(drive(address(&server), &lists, Pace::Closed(Duration::MAX))?.all_well()?.wait(0.5) / 1e3);
        }
    }
    at.memory = resident(&server.pid().to_string())?.all;
    Ok(at)
}

impl AtSize {
    fn measures(&self, size: usize, first: Option<&[f64]>) -> Vec<Measure> {
        let name = |what: &str| format!("{size} visits: {what}");
        let p99 = match first {
            Some(first) => {
                let floor = vec![median(first); self.p99.len()];
                let name = name("p99 of submissions, 100 a second");
                Measure::beside(GROUP, name, "ms", &self.p99, "the same with the fewest visits", &floor)
                    .at_most(Of::Ratio, 1.25)
            }
            None => Measure::alone(GROUP, name("p99 of submissions, 100 a second"), "ms", &self.p99),
        };
        let page = name(&format!("page {} of a list", self.page));
        vec![
            Measure::alone(GROUP, name("p50 of submissions, 100 a second"), "ms", &self.p50),
            p99,
            Measure::beside(GROUP, page, "ms", &self.far, "the first page", &self.near).at_most(Of::Ratio, 1.5),
            Measure::alone(GROUP, name("memory of the server"), "MB", &[self.memory]),
            Measure::alone(GROUP, name("bytes a visit in the database"), "B", &[self.bytes]),
        ]
    }
}
