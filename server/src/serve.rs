//! `sopwith serve`: puts the service together, runs it, and ends it without losing what is under way.

use crate::app::{App, PerTenant};
use crate::cli::{ClockKind, ServeArguments};
use crate::clock::Clock;
use crate::evidence_files::EvidenceFiles;
use crate::flows::sessions::Sessions;
use crate::flows::sops::SopCache;
use crate::flows::visits::Visits;
use crate::store::{self, Options, SchemaState, Store, Synchronous};
use crate::turns::Turns;
use crate::{http, plugins, worker};
use anyhow::{Context as _, bail};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Bytes of compiled SOPs that are kept.
const SOPS: u64 = 256 << 20;
/// Large files that are taken in at once.
const LARGE_FILES: usize = 2;
/// Loaded plugins that are kept.
const PLUGINS: u64 = 2_048;

/// Runs the command until it is told to stop.
///
/// # Errors
/// The store cannot be opened, its schema is not this program's, or the address is taken.
pub fn run(arguments: &ServeArguments) -> anyhow::Result<bool> {
    log(arguments.log_json);
    open_files();
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    runtime.block_on(serve(arguments))?;
    Ok(true)
}

/// A loaded plugin keeps the file of its code open and a connection its socket: this process wants all it may have.
fn open_files() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the number of open files stays limited");
        }
    }
}

fn log(json: bool) {
    let filter = EnvFilter::try_from_env("SOPWITH_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json { lines.json().flatten_event(true).init() } else { lines.compact().init() }
}

async fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    if arguments.migrate {
        store::migrate(&arguments.store).await?;
    }
    match store::schema(&arguments.store).await? {
        SchemaState::UpToDate => {}
        SchemaState::Behind => bail!("the database is older than this program: run `sopwith migrate`"),
        SchemaState::Newer => bail!("the database is newer than this program: use the newer program"),
    }
    let synchronous = if arguments.synchronous_off { Synchronous::Off } else { Synchronous::Full };
    if synchronous == Synchronous::Off {
        tracing::warn!(
            "--synchronous-off: a crash can lose what was acknowledged; this is for the durability test alone"
        );
    }
    let store = store::open(&arguments.store, &Options { synchronous, ..Options::default() }).await?;
    let clock = match arguments.clock {
        ClockKind::System => Clock::system(),
        ClockKind::Manual => Clock::by_hand(0),
    };
    let mut app = app(store, clock, &arguments.data, arguments.requests_per_tenant)?;
    app.sessions = Sessions::new(Duration::from_millis(arguments.remember_ms));
    let app = Arc::new(app);
    let metrics = PrometheusBuilder::new().install_recorder().context("metrics")?;
    let listener = tokio::net::TcpListener::bind(&arguments.listen).await.context(arguments.listen.clone())?;
    let address = listener.local_addr()?;
    tracing::info!(%address, store = %arguments.store, "serving");
    // The one line on standard output: whoever started the program waits for it.
    println!("listening on http://{address}");
    let stop = CancellationToken::new();
    let worker = match app.clock.is_by_hand() {
        // A clock moved by hand does the work when it is moved.
        true => None,
        false => Some(tokio::spawn(worker::run(Arc::clone(&app), stop.clone()))),
    };
    tokio::spawn(stop_on_signal(stop.clone()));
    tokio::spawn(keep_up(metrics.clone()));
    http::serve(listener, Arc::clone(&app), metrics, stop).await?;
    if let Some(worker) = worker {
        worker.await.context("the worker")?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// The service over a store.
///
/// # Errors
/// The sandbox cannot be set up.
pub fn app(store: Arc<dyn Store>, clock: Clock, data: &Path, per_tenant: usize) -> anyhow::Result<App> {
    let host = plugins::host(Some(data.join("code")))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(App {
        turns: Turns::new(cores)?,
        sessions: Sessions::new(Duration::ZERO),
        visits: Visits::default(),
        store,
        host: Arc::new(host),
        clock,
        evidence: EvidenceFiles::new(data.join("evidence")),
        sops: SopCache::new(SOPS, PLUGINS),
        bulk: tokio::sync::Semaphore::new(LARGE_FILES),
        in_flight: Mutex::new(BTreeSet::new()),
        stood: Mutex::default(),
        per_tenant: PerTenant::new(per_tenant),
    })
}

/// Folds what was measured into its sums now and then: until then every single figure is kept.
async fn keep_up(metrics: PrometheusHandle) {
    let mut looks = tokio::time::interval(Duration::from_secs(5));
    loop {
        looks.tick().await;
        metrics.run_upkeep();
    }
}

async fn stop_on_signal(stop: CancellationToken) {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if interrupted.await.is_err() {
        return;
    }
    stop.cancel();
}
