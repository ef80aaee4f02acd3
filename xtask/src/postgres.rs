//! `cargo xtask postgres`: a private PostgreSQL for tests, made from the server's own programs and gone afterwards.
//!
//! It listens on a free port of this machine only, trusts whoever is here, and has fsync on, as any server must that
//! `sopwith serve` accepts. A shell between us and the server holds the other end of a pipe: however we end, the pipe
//! closes, the shell stops the server and throws its data away.

use crate::run::{Ring, alone};
use crate::wasm;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The environment variable the tests read.
pub const URL: &str = "SOPWITH_PG_URL";

/// How to have what is missing.
const HOW: &str = "PostgreSQL's programs (initdb, postgres) are missing: on Debian \
                   `sudo apt-get update && sudo apt-get install -y postgresql`, on Fedora \
                   `sudo dnf install -y postgresql-server`, on macOS `brew install postgresql`";

/// Where distributions put them when they are not in PATH: the folder before the version, the start of the version's
/// folder, and what follows.
const PLACES: &[(&str, &str, &str)] = &[
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr/lib64/pgsql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
];

/// Runs the server until the pipe closes: folder of the programs, folder of the data, port, what to remove at last.
const UNTIL_THE_PIPE_CLOSES: &str = r#"
"$1/postgres" -D "$2" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories='' \
    -c max_connections=300 -c deadlock_timeout=100ms -c lc_messages=C &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
rm -rf "$2"
rmdir "$4" 2>/dev/null
"#;

/// What the server says when it answers.
const READY: &str = "database system is ready to accept connections";

/// `cargo xtask postgres [-- COMMAND…]`: runs a command beside a server, or keeps one until Enter.
///
/// # Errors
/// There is no server, or the command fails.
pub fn beside(root: &Path, command: &[&str]) -> Result<()> {
    let mut postgres = None;
    alone(|ring| {
        postgres = Some(Postgres::start(root, ring)?);
        Ok(())
    })?;
    let Some(postgres) = postgres else { return Ok(()) };
    let Some((program, arguments)) = command.split_first() else {
        println!("{URL}={}\nEnter ends it.", postgres.url());
        std::io::stdin().read_line(&mut String::new())?;
        return Ok(());
    };
    let status = Command::new(program).args(arguments).env(URL, postgres.url()).status();
    let status = status.with_context(|| format!("cannot start `{program}`"))?;
    if !status.success() {
        bail!("`{program}`: {status}");
    }
    Ok(())
}

/// A server that runs as long as this value lives.
pub struct Postgres {
    /// Where the server's own programs are.
    programs: PathBuf,
    /// Holds nothing but the data, which the shell removes.
    folder: PathBuf,
    port: u16,
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Postgres {
    /// Starts one, installing PostgreSQL first where that is needed and possible.
    ///
    /// # Errors
    /// There is none and none can be installed, or it does not start.
    pub fn start(root: &Path, ring: &Ring) -> Result<Self> {
        let programs = match find() {
            Some(programs) => programs,
            None => install(ring)?,
        };
        let user = User::of_the_server()?;
        // Between finding a port free and the server taking it, somebody else may.
        let mut attempts = (0..3).map(|_| Self::attempt(root, &programs, user.as_ref()));
        let postgres = match attempts.find(Result::is_ok) {
            Some(postgres) => postgres?,
            None => Self::attempt(root, &programs, user.as_ref())?,
        };
        ring.say(&format!("PostgreSQL of {}: {}", programs.display(), postgres.url()));
        Ok(postgres)
    }

    /// Address of the superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// One of the server's own programs: what is in PATH may be links to some of them only.
    pub fn program(&self, name: &str) -> PathBuf {
        let server = self.programs.join("postgres").canonicalize().unwrap_or_default();
        let beside = server.parent().map(|folder| folder.join(name)).filter(|program| program.is_file());
        beside.unwrap_or_else(|| self.programs.join(name))
    }

    fn attempt(root: &Path, programs: &Path, user: Option<&User>) -> Result<Self> {
        let folder = folder(root, user)?;
        let data = folder.join("data");
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pgdata").arg(&data).current_dir(&folder);
        let made = run_as(user, &mut initdb).output().context("cannot start initdb")?;
        if !made.status.success() {
            remove(&folder);
            bail!("initdb: {}\n{}", made.status, String::from_utf8_lossy(&made.stderr));
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", UNTIL_THE_PIPE_CLOSES, "sh"]).arg(programs).arg(&data).arg(port.to_string()).arg(&folder);
        shell.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C is for us; the shell notices that we are gone.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut shell = run_as(user, &mut shell).spawn().context("cannot start `sh`")?;
        let (pipe, said) = (shell.stdin.take(), shell.stderr.take());
        let postgres = Self { programs: programs.to_owned(), folder, port, shell, pipe };
        let mut lines = BufReader::new(said.context("the server has no stderr")?).lines();
        let mut before = Vec::new();
        while let Some(line) = lines.next().transpose()? {
            if line.contains(READY) {
                // Nobody wants the rest, but a full pipe would stop the server.
                std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
                return Ok(postgres);
            }
            let ended = line.contains("FATAL");
            before.push(line);
            if ended {
                break;
            }
        }
        bail!("PostgreSQL did not start:\n{}", before.join("\n"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.pipe.take());
        if let Err(error) = self.shell.wait() {
            eprintln!("xtask: PostgreSQL may still be running: {error}");
        }
        remove(&self.folder);
    }
}

/// The folder with `initdb` and `postgres`: from PATH, else the newest that a distribution installed.
fn find() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).find(has_both);
    in_path.or_else(|| {
        let mut found: Vec<(Vec<u64>, PathBuf)> = Vec::new();
        for (before, start, after) in PLACES {
            for entry in std::fs::read_dir(before).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let Some(version) = name.to_str().and_then(|name| name.strip_prefix(start)) else { continue };
                found.push((numbers(version), entry.path().join(after)));
            }
        }
        found.retain(|(_, folder)| has_both(folder));
        found.into_iter().max().map(|(_, folder)| folder)
    })
}

/// `9.6` comes before `15`; a folder without a number before both.
fn numbers(version: &str) -> Vec<u64> {
    version.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}

/// Installs Debian's package. Its own server is not started: `RUNLEVEL=1` means a machine under maintenance.
fn install(ring: &Ring) -> Result<PathBuf> {
    if !Path::new("/usr/bin/apt-get").exists() || !is_root()? {
        bail!("{HOW}");
    }
    ring.say("PostgreSQL is missing; apt-get will install it");
    for arguments in [["update", "--quiet"].as_slice(), &["install", "--yes", "--quiet", "postgresql"]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).args(["--option", "APT::Install-Recommends=false"]);
        ring.run(command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1")).context(HOW)?;
    }
    find().context(HOW)
}

/// Whom the server runs as when we are root, which it refuses.
struct User {
    uid: u32,
    gid: u32,
}

impl User {
    fn of_the_server() -> Result<Option<Self>> {
        if !is_root()? {
            return Ok(None);
        }
        let id = |what: &str, name: &str| id(&[what, name]).ok().flatten();
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id("-u", name), id("-g", name)) {
                return Ok(Some(Self { uid, gid }));
            }
        }
        bail!("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")
    }
}

fn is_root() -> Result<bool> {
    Ok(cfg!(unix) && id(&["-u"])? == Some(0))
}

/// What `id` says, if it says a number.
fn id(arguments: &[&str]) -> Result<Option<u32>> {
    let said = Command::new("id").args(arguments).output().context("cannot start `id`")?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().parse().ok())
}

#[cfg(unix)]
fn run_as<'a>(user: Option<&User>, command: &'a mut Command) -> &'a mut Command {
    use std::os::unix::process::CommandExt as _;
    match user {
        None => command,
        Some(User { uid, gid }) => command.gid(*gid).uid(*uid),
    }
}

#[cfg(not(unix))]
fn run_as<'a>(_: Option<&User>, command: &'a mut Command) -> &'a mut Command {
    command
}

/// A new folder for the data: under `target/`, or, where the server's user cannot go, where temporary files are.
fn folder(root: &Path, user: Option<&User>) -> Result<PathBuf> {
    let name = format!("postgres-{}", std::process::id());
    for parent in [wasm::target_folder(root)?, std::env::temp_dir()] {
        let folder = parent.join(&name);
        if std::fs::create_dir_all(&folder).is_err() {
            continue;
        }
        #[cfg(unix)]
        if let Some(User { uid, gid }) = user {
            std::os::unix::fs::chown(&folder, Some(*uid), Some(*gid))?;
        }
        // Started from elsewhere: a program cannot start in a folder it may not enter.
        let mut test = Command::new("test");
        test.arg("-w").arg(&folder).current_dir("/");
        if run_as(user, &mut test).status().context("cannot start `test`")?.success() {
            return Ok(folder);
        }
        remove(&folder);
    }
    bail!("there is no folder that PostgreSQL can write to")
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("xtask: {} is left: {error}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_greatest_number() {
        let mut versions = ["9.6", "15", "@16", "", "10"].map(numbers);
        versions.sort();
        assert_eq!(versions, [vec![], vec![9, 6], vec![10], vec![15], vec![16]]);
    }
}
