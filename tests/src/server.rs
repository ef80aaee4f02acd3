//! The real binary as a server: a database and a folder of its own, any free port, a clock moved by hand. It ends with the
//! test that started it.

use crate::client::Client;
use crate::fault::FaultLayer;
use anyhow::{Context as _, ensure};
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// So that what `sopwith` changes beside a server that runs is seen at once, as a replica would see it a moment later.
pub const FORGETFUL: [&str; 2] = ["--remember-ms", "0"];

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded one.
    Sqlite,
    /// The private cluster that `cargo xtask test` starts.
    Postgres,
}

/// A database and a folder, removed when dropped unless it is kept.
pub struct Place {
    folder: PathBuf,
    /// Removes the folder.
    _gone_afterwards: Option<tempfile::TempDir>,
    /// As `--store` takes it.
    pub store: String,
    /// Database to drop, and the cluster's URL.
    postgres: Option<(String, String)>,
}

impl Place {
    /// An empty, migrated database.
    ///
    /// # Errors
    /// It cannot be made; for PostgreSQL: no cluster is there.
    pub fn new(kind: Kind) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let gone_afterwards = tempfile::tempdir()?;
        let folder = gone_afterwards.path().to_owned();
        let (store, postgres) = match kind {
            Kind::Sqlite => (sqlite(&folder), None),
            Kind::Postgres => {
                let cluster = std::env::var("SOPWITH_PG_URL").ok();
                let cluster = cluster.context("SOPWITH_PG_URL is not set: run `cargo xtask test`")?;
                let name = format!("it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                let mut client = postgres::Client::connect(&cluster, postgres::NoTls)?;
                client.batch_execute(&format!("create database {name}"))?;
                (with_database(&cluster, &name), Some((name, cluster)))
            }
        };
        std::fs::create_dir(folder.join("store"))?;
        let place = Self { folder, _gone_afterwards: Some(gone_afterwards), store, postgres };
        place.must(&["migrate", "--store", &place.store])?;
        Ok(place)
    }

    /// An SQLite database in a folder that stays; made if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn kept(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("store"))?;
        let store = sqlite(folder);
        let place = Self { folder: folder.to_owned(), _gone_afterwards: None, store, postgres: None };
        place.must(&["migrate", "--store", &place.store])?;
        Ok(place)
    }

    /// A copy of it as it is; nothing may be writing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn copy(&self) -> anyhow::Result<Self> {
        let kind = if self.postgres.is_some() { Kind::Postgres } else { Kind::Sqlite };
        let copy = Self::new(kind)?;
        match (&self.postgres, &copy.postgres) {
            (Some((from, cluster)), Some((to, _))) => {
                let mut client = postgres::Client::connect(cluster, postgres::NoTls)?;
                client.batch_execute(&format!("drop database {to}"))?;
                client.batch_execute(&format!("create database {to} template {from}"))?;
            }
            _ => {
                let file = |place: &Self| place.folder().join("store/sopwith.db");
                for more in ["", "-wal"] {
                    let from = file(self).with_extension(format!("db{more}"));
                    if from.exists() {
                        std::fs::copy(&from, file(&copy).with_extension(format!("db{more}")))?;
                    }
                }
            }
        }
        Ok(copy)
    }

    /// The folder of everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of evidence and code, as `--data` takes it.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("store/data")
    }

    /// On PostgreSQL: the name of the database, and the address of the cluster.
    #[must_use]
    pub fn database(&self) -> Option<(&str, &str)> {
        self.postgres.as_ref().map(|(name, cluster)| (name.as_str(), cluster.as_str()))
    }

    /// Runs the binary with arguments; what it printed.
    ///
    /// # Errors
    /// It cannot be started, or fails.
    pub fn must(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(arguments)?;
        ensure!(
            output.status.success(),
            "sopwith {}: {}\n{}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs the binary with arguments.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<std::process::Output> {
        Command::new(crate::built("SOPWITH_BIN")?)
            .args(arguments)
            .current_dir(crate::root())
            .env("SOPWITH_STORE", &self.store)
            .env("SOPWITH_DATA", self.data())
            .output()
            .context("sopwith")
    }

    /// Makes a tenant; its first user's token.
    ///
    /// # Errors
    /// As `must`.
    pub fn tenant(&self, tenant: &str, roles: &str) -> anyhow::Result<String> {
        Ok(self.must(&["tenant", "create", tenant, "--name", tenant, "--roles", roles])?.trim().to_owned())
    }

    /// Checks every hash, row, file and finding of a tenant.
    ///
    /// # Errors
    /// Something is wrong; what is.
    pub fn verify(&self, tenant: &str) -> anyhow::Result<()> {
        let said = self.must(&["verify", "--tenant", tenant])?;
        println!("verify {tenant}: {}", said.trim().replace('\n', "; "));
        Ok(())
    }
}

/// The database of a folder.
fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("store/sopwith.db").display())
}

/// The cluster's URL with another database.
fn with_database(cluster: &str, name: &str) -> String {
    let (base, query) = cluster.split_once('?').map_or((cluster, ""), |(base, query)| (base, query));
    let server = base.rsplit_once('/').map_or(base, |(server, _)| server);
    if query.is_empty() { format!("{server}/{name}") } else { format!("{server}/{name}?{query}") }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((name, cluster)) = &self.postgres
            && let Ok(mut client) = postgres::Client::connect(cluster, postgres::NoTls)
        {
            client.batch_execute(&format!("drop database if exists {name} with (force)")).unwrap_or_default();
        }
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Where it is, as nobody.
    pub client: Client,
    log: std::thread::JoinHandle<String>,
}

impl Server {
    /// Starts the binary over a place and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(place: &Place, more: &[&str], fault: Option<&FaultLayer>) -> anyhow::Result<Self> {
        Self::start_at(place, "127.0.0.1:0", more, fault)
    }

    /// The same at an address of one's own choice.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_at(place: &Place, listen: &str, more: &[&str], fault: Option<&FaultLayer>) -> anyhow::Result<Self> {
        let mut command = Command::new(crate::built("SOPWITH_BIN")?);
        if let Some(fault) = fault {
            fault.apply(&mut command);
        }
        Self::spawn(command, place, listen, more)
    }

    /// Starts the binary such that no file can grow beyond so many bytes: a full disk, without one.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_limited(place: &Place, more: &[&str], bytes: u64) -> anyhow::Result<Self> {
        let mut command = Command::new("sh");
        // The unit of `ulimit -f` is 512 bytes; who may ignore the signal is told by an error instead.
        command.args(["-c", r#"trap "" XFSZ && ulimit -f "$0" && exec "$@""#]).arg((bytes / 512).to_string());
        command.arg(crate::built("SOPWITH_BIN")?);
        Self::spawn(command, place, "127.0.0.1:0", more)
    }

    fn spawn(mut command: Command, place: &Place, listen: &str, more: &[&str]) -> anyhow::Result<Self> {
        command.args(["serve", "--listen", listen]).args(more);
        if !more.contains(&"--clock") {
            command.args(["--clock", "manual"]);
        }
        command
            .current_dir(crate::root())
            .env("SOPWITH_STORE", &place.store)
            .env("SOPWITH_DATA", place.data())
            .env("SOPWITH_LOG", std::env::var("SOPWITH_LOG").unwrap_or_else(|_| "warn".into()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("sopwith serve")?;
        let mut stderr = child.stderr.take().context("stderr")?;
        let log = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("the server does not start: {}", log.join().unwrap_or_default());
        };
        Ok(Self { client: Client::new(url, None)?, child, log })
    }

    /// The server as whoever has the token.
    #[must_use]
    pub fn as_(&self, token: &str) -> Client {
        self.client.with_token(Some(token))
    }

    /// Moves its clock.
    ///
    /// # Errors
    /// The token is not an operator's.
    pub fn clock(&self, operator: &str, now: &str) -> anyhow::Result<()> {
        self.as_(operator).put("/v1/clock", &json!({"now": now}))?.expect(200)?;
        Ok(())
    }

    /// Ends it as a power cut would: SIGKILL. What it had logged.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(mut self) -> anyhow::Result<String> {
        self.child.kill()?;
        self.child.wait()?;
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        Ok(log.join().unwrap_or_default())
    }

    /// The process, for signals.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn wait(mut self) -> anyhow::Result<std::process::ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way it is gone.
        self.child.kill().unwrap_or_default();
        if let Err(error) = self.child.wait() {
            eprintln!("the server cannot be waited for: {error}");
        }
    }
}
