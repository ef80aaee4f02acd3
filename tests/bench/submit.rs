//! What a submission costs: `POST` a step with a schema, a condition and three rule calls, until the 2xx that says it is on
//! disk; against the floor (`floor.rs`), and the floor against a raw loop (`raw.rs`).

use crate::floor::Exemplar;
use crate::load::{Lists, Load, Pace, drive};
use crate::measure::{Measure, Of, Settings, median};
use crate::process::{cpu_s, threads_s};
use crate::raw;
use crate::wire::{Connection, request};
use crate::workload::{Crew, Judges, STEPS, TENANT, Visits};
use anyhow::{Context as _, ensure};
use engine::visit::visit_of_task;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tests::server::{Kind, Place, Server};

/// How many clients at once.
const CLIENTS: &[usize] = &[1, 16, 64, 256];

/// With how many the floor is compared with a raw loop.
const RAW_CLIENTS: usize = 64;

/// As it is served to people: by the system's clock, with the worker.
pub const SERVED: [&str; 2] = ["--clock", "system"];

/// See the module header.
pub fn measure(settings: &Settings) -> anyhow::Result<Vec<Measure>> {
    let mut measures = store(settings, Kind::Sqlite, "submit, SQLite")?;
    if std::env::var_os("SOPWITH_PG_URL").is_some() {
        measures.extend(store(settings, Kind::Postgres, "submit, PostgreSQL")?);
    }
    Ok(measures)
}

/// Both servers over copies of one database, with all the visits that will be needed.
pub struct Pair {
    place: Place,
    crew: Crew,
    /// Begun, and not used yet.
    visits: Visits,
    /// The real program.
    real: Server,
    floor: FloorProcess,
    /// The floor's database.
    copy: Place,
    exemplar: Exemplar,
    next: usize,
}

/// The floor as a process, killed when dropped.
struct FloorProcess {
    child: Child,
    address: String,
}

impl Drop for FloorProcess {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

impl FloorProcess {
    fn start(folder: &Path, exemplar: &Exemplar) -> anyhow::Result<Self> {
        let file = folder.join("exemplar.json");
        std::fs::write(&file, serde_json::to_vec(exemplar)?)?;
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("floor").arg(&file).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").map(str::to_owned);
        let mut process = Self { child, address: String::new() };
        process.address = address.context("the floor does not start")?;
        Ok(process)
    }
}

/// `host:port` of a server.
pub fn address(server: &Server) -> &str {
    server.client.url.trim_start_matches("http://")
}

impl Pair {
    /// Makes the company, so many visits for each of so many reps, and starts both.
    pub fn new(kind: Kind, reps: usize, each: usize) -> anyhow::Result<Self> {
        let place = Place::new(kind)?;
        let by_hand = Server::start(&place, &[], None)?;
        let crew = Crew::new(&place, &by_hand, (TENANT, ""), &Judges::honest(STEPS)?, reps)?;
        drop(by_hand);
        let real = Server::start(&place, &SERVED, None)?;
        let mut visits = crew.begin(address(&real), "v", each)?;
        let (rep, task) = visits.pop().context("no visits")?;
        let lists = crew.submissions(&[(rep, task.clone())], 1)?;
        let first = lists.first().and_then(|list| list.first()).context("no submission")?;
        one(address(&real), first)?;
        drop(real);
        let copy = place.copy()?;
        let exemplar = Exemplar {
            store: copy.store.clone(),
            tenant: TENANT.to_owned(),
            actor: format!("usr_rep-{rep}"),
            command: format!("cmd_{}-1", task.trim_start_matches("tsk_")),
            task,
            tasks: visits.iter().map(|(_, task)| task.clone()).collect(),
            group: 1,
        };
        let floor = FloorProcess::start(copy.folder(), &exemplar)?;
        let real = Server::start(&place, &SERVED, None)?;
        Ok(Self { place, crew, visits, real, floor, copy, exemplar, next: 0 })
    }

    /// Lists for so many clients with at least so many requests each, never given before.
    fn lists(&mut self, clients: usize, requests: usize) -> anyhow::Result<Lists> {
        let visits = clients * requests.div_ceil(STEPS);
        let taken = self.visits.get(self.next..self.next + visits).context("too few visits were begun")?;
        let lists = self.crew.submissions(taken, clients)?;
        self.next += visits;
        Ok(lists)
    }
}

/// One request that must be answered with a 2xx; the body of the answer.
pub fn one(address: &str, request: &[u8]) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let answer = connection.call(request).await?;
        let text = String::from_utf8_lossy(answer.body).into_owned();
        ensure!((200..300).contains(&answer.status), "{}: {text}", answer.status);
        Ok(text)
    })
}

/// One round: a load and the processor time of the server under it, in microseconds a request.
struct Round {
    load: Load,
    cpu_us: f64,
    /// Of it that of each of [`PARTS`].
    parts_us: [f64; 3],
}

/// The parts of the server's processor time that it counts itself. What is left is HTTP and whatever holds the rest together.
const PARTS: [&str; 3] = ["engine", "rules", "store"];

/// What the server has spent on each part so far, in microseconds: as it says itself, and what SQLite's own threads took.
fn parts_us(server: &Server) -> anyhow::Result<[f64; 3]> {
    let metrics = one(address(server), &request("GET", "/metrics", "", None, &Value::Null))?;
    let spent = |part: &str| {
        let line = format!("sopwith_processor_nanoseconds_total{{part=\"{part}\"}} ");
        let nanoseconds = metrics.lines().find_map(|other| other.strip_prefix(&line)?.parse::<f64>().ok());
        nanoseconds.map(|spent| spent / 1e3).with_context(|| format!("the server counts no `{part}`"))
    };
    let [engine, rules, store] = PARTS.map(spent);
    Ok([engine?, rules?, store? + threads_s(server.pid(), "sqlx-sqlite")? * 1e6])
}

fn round(address: &str, pid: u32, lists: &[Vec<Vec<u8>>], pace: Pace) -> anyhow::Result<Round> {
    let before = cpu_s(&pid.to_string())?;
    let load = drive(address, lists, pace)?.all_well()?;
    let cpu_us = (cpu_s(&pid.to_string())? - before) * 1e6 / load.waits.len() as f64;
    Ok(Round { load, cpu_us, parts_us: [0.0; 3] })
}

/// [`round`] of the real server, by parts.
fn round_by_parts(server: &Server, lists: &[Vec<Vec<u8>>], pace: Pace) -> anyhow::Result<Round> {
    let before = parts_us(server)?;
    let mut round = round(address(server), server.pid(), lists, pace)?;
    let after = parts_us(server)?;
    for (part, (after, before)) in round.parts_us.iter_mut().zip(after.into_iter().zip(before)) {
        *part = (after - before) / round.load.waits.len() as f64;
    }
    Ok(round)
}

fn store(settings: &Settings, kind: Kind, group: &'static str) -> anyhow::Result<Vec<Measure>> {
    let rounds = settings.rounds(5, 1);
    let length = Duration::from_millis(if settings.quick { 300 } else { 2_000 });
    // More than two cores can take in a round, over all clients.
    let most = settings.rounds(6_000, 64);
    let reps = settings.rounds(256, 16);
    let clients: Vec<usize> = CLIENTS.iter().copied().filter(|clients| *clients <= reps).collect();
    // A list ends with a whole visit, so each client may take a little more; so do warm-up and echo.
    let each = (rounds * clients.len() + 2) * (most / STEPS + reps).div_ceil(reps) + 1;
    let mut pair = Pair::new(kind, reps, each)?;
    let (mut measures, mut floors) = (Vec::new(), Vec::new());
    let lists = pair.lists(reps / 4, most / reps)?;
    round(address(&pair.real), pair.real.pid(), &lists, Pace::Closed(length))?;
    for clients in &clients {
        let (mut real, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let lists = pair.lists(*clients, (most / clients).min(settings.rounds(4_000, 24)))?;
            floor.push(round(&pair.floor.address, pair.floor.child.id(), &lists, Pace::Closed(length))?);
            real.push(round_by_parts(&pair.real, &lists, Pace::Closed(length))?);
        }
        measures.extend(beside(group, *clients, kind, &real, &floor));
        if *clients == RAW_CLIENTS || settings.quick {
            floors = floor.iter().map(|round| round.load.rate()).collect();
        }
    }
    let echo = pair.echo(most)?;
    measures.push(Measure::alone(group, "of the floor's processor time: HTTP", "us", &[echo]));
    measures.extend(pair.raw(settings, kind, group, &floors)?);
    Ok(measures)
}

impl Pair {
    /// Processor time of a request that is answered as a submission is, with nothing done, in microseconds.
    fn echo(&mut self, most: usize) -> anyhow::Result<f64> {
        let mut lists = self.lists(16, most / 16)?;
        for request in lists.iter_mut().flatten() {
            let text = String::from_utf8(std::mem::take(request))?;
            *request = text.replacen("/submit HTTP", "/echo HTTP", 1).into_bytes();
        }
        let pid = self.floor.child.id();
        Ok(round(&self.floor.address, pid, &lists, Pace::Closed(Duration::MAX))?.cpu_us)
    }

    /// The floor against a raw loop; its server has stopped by then.
    fn raw(self, settings: &Settings, kind: Kind, group: &'static str, floors: &[f64]) -> anyhow::Result<Vec<Measure>> {
        let Self { copy, exemplar, floor, real, place, crew, .. } = self;
        drop((floor, real, place));
        let visit = visit_of_task(&exemplar.task);
        let length = Duration::from_millis(if settings.quick { 300 } else { 2_000 });
        let mut raws = Vec::new();
        for (round, _) in (0..).zip(floors) {
            raws.push(match kind {
                Kind::Sqlite => {
                    let file = copy.folder().join("store/sopwith.db");
                    Some(raw::sqlite(&file, (&exemplar.command, &visit), &exemplar.tasks, round, length)?)
                }
                Kind::Postgres => {
                    // Each client goes on with the visits of a rep of its own.
                    let clients = RAW_CLIENTS.min(crew.reps.len());
                    raw::postgres(&copy.store, &exemplar.command, &visit, clients, length.as_secs().max(1))?
                }
            });
        }
        let raws: Option<Vec<f64>> = raws.into_iter().collect();
        let Some(raws) = raws else {
            eprintln!("NOT RUN: pgbench is missing, so the floor has none of its own");
            return Ok(Vec::new());
        };
        let (name, least) = match kind {
            Kind::Sqlite => ("the same statements in a raw rusqlite loop", 0.4),
            Kind::Postgres => ("the same statements in pgbench, 64 clients", 0.3),
        };
        let floor = format!("the floor itself, {RAW_CLIENTS} clients");
        Ok(vec![Measure::beside(group, floor, "1/s", floors, name, &raws).at_least(Of::Ratio, least)])
    }
}

/// The server's processor time by part.
fn by_parts(group: &'static str, clients: usize, real: &[Round]) -> Vec<Measure> {
    let figure = |name: &str, us: &dyn Fn(&Round) -> f64| {
        let rounds: Vec<f64> = real.iter().map(us).collect();
        Measure::alone(group, format!("of it, {clients} clients: {name}"), "us", &rounds)
    };
    let parts = PARTS
        .iter()
        .enumerate()
        .map(|(part, name)| figure(name, &|round| round.parts_us.get(part).copied().unwrap_or_default()));
    let all_else = figure("HTTP and all else", &|round| round.cpu_us - round.parts_us.iter().sum::<f64>());
    std::iter::once(all_else).chain(parts).collect()
}

/// The figures of one number of clients.
fn beside(group: &'static str, clients: usize, kind: Kind, real: &[Round], floor: &[Round]) -> Vec<Measure> {
    let floor_name = "the same bytes, one transaction each, no engine";
    let of = |rounds: &[Round], figure: &dyn Fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
    let figure = |name: &str, unit: &'static str, figure: &dyn Fn(&Round) -> f64| {
        let name = format!("{name}, {clients} clients");
        Measure::beside(group, name, unit, &of(real, figure), floor_name, &of(floor, figure))
    };
    let rate = figure("submissions", "1/s", &|round| round.load.rate());
    let p50 = figure("p50", "ms", &|round| round.load.wait(0.5) / 1e3);
    let p99 = figure("p99", "ms", &|round| round.load.wait(0.99) / 1e3);
    let cpu = figure("processor time of the server", "us", &|round| round.cpu_us);
    let driver = of(real, &|round| round.load.driver_cpu_s * 1e6 / round.load.waits.len() as f64);
    eprintln!("{group}, {clients} clients: {:.0}/s, driver {:.0} us a request", rate.value, median(&driver));
    match (clients, kind) {
        (1, _) => [vec![rate, p50.at_most(Of::Ratio, 1.4), p99, cpu], by_parts(group, clients, real)].concat(),
        (64, kind) => {
            let least = if kind == Kind::Sqlite { 1.2 } else { 1.0 };
            let driver = Measure::alone(group, "processor time of the driver, 64 clients", "us", &driver);
            let (p99, cpu) = (p99.at_most(Of::Ratio, 1.0), cpu.at_most(Of::Value, 150.0));
            [vec![rate.at_least(Of::Ratio, least), p50, p99, cpu], by_parts(group, clients, real), vec![driver]]
                .concat()
        }
        _ => vec![rate, p50, p99, cpu],
    }
}
