//! Companies on a server of their own: a fresh database and folder, the program serving them, records, SOPs and plugins in.

use super::http::{self, Request};
use crate::day::{self, Day};
use crate::postgres::Postgres;
use crate::run::Ring;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Runs the server until the pipe closes, however we end; then lets requests under way end.
#[cfg(unix)]
const UNTIL_THE_PIPE_CLOSES: &str = r#"
"$@" </dev/null &
server=$!
exec >/dev/null
read -r _
kill -TERM "$server" 2>/dev/null
wait "$server"
"#;

/// When the companies are set up: before the first recorded visit.
const BEFORE: &str = "2026-01-05T00:00:00Z";

/// Where companies will be served from.
pub struct Place {
    root: PathBuf,
    sopwith: PathBuf,
    /// Companies, photos and visits.
    material: PathBuf,
    /// Files of this server alone.
    folder: PathBuf,
    store: String,
}

/// A running server with its companies in it.
pub struct Server {
    place: Place,
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// `http://127.0.0.1:port`
    pub url: String,
    /// In order of their days.
    pub companies: Vec<Company>,
}

/// A company, with the SOP of its recorded day.
pub struct Company {
    /// `tnt_…`
    pub tenant: String,
    name: String,
    /// What its people call the SOP.
    title: String,
    admin: String,
    /// Folder of its SOP.
    pub sop: PathBuf,
    /// What it is filled with.
    pub material: PathBuf,
    /// Files of this company on this server.
    folder: PathBuf,
}

impl Place {
    /// A new folder for a server, and an empty database: SQLite in that folder, or a PostgreSQL that nobody used yet.
    ///
    /// # Errors
    /// The folder cannot be made anew.
    pub fn new(root: &Path, sopwith: &Path, material: &Path, name: &str, postgres: Option<&Postgres>) -> Result<Self> {
        let kind = if postgres.is_some() { "postgres" } else { "sqlite" };
        let folder = material.join(format!("{name}-{kind}"));
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let file = || format!("sqlite:{}", folder.join("sopwith.db").display());
        let store = postgres.map_or_else(file, Postgres::url);
        let (root, sopwith, material) = (root.to_path_buf(), sopwith.to_path_buf(), material.to_path_buf());
        Ok(Self { root, sopwith, material, folder, store })
    }

    /// A company of its own in the database, with an admin who may also move the clock.
    fn tenant(&self, day: &Day) -> Result<Company> {
        let sop = self.root.join(&day.sop);
        let about: Value = read(&sop.join("demo/company.json"))?;
        let document: Value = read(&sop.join("sop.json"))?;
        let text = |value: &Value| value["zh-CN"].as_str().map(str::to_owned);
        let tenant = about["tenant"]["id"].as_str().context("a company without id")?.to_owned();
        let name = text(&about["tenant"]["name"]).context("a company without name")?;
        let roles = ["--roles", "admin,operator"];
        let mut create = self.command(&["tenant", "create", &tenant, "--name", &name]);
        let admin = crate::run::output(create.args(roles))?.trim().to_owned();
        let folder = self.folder.join(&tenant);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let (title, material) = (text(&document["title"]).unwrap_or_default(), self.material.join(&day.material));
        Ok(Company { tenant, name, title, admin, sop, material, folder })
    }

    fn serve(self) -> Result<Server> {
        let log = self.folder.join("serve.log");
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--clock", "manual"]);
        // Its log is a file.
        command.env("NO_COLOR", "1");
        #[cfg(unix)]
        {
            let mut shell = Command::new("sh");
            shell.args(["-c", UNTIL_THE_PIPE_CLOSES, "sh"]).arg(command.get_program()).args(command.get_args());
            shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(&self.root);
            // Ctrl-C is for us; the shell notices that we are gone.
            std::os::unix::process::CommandExt::process_group(&mut shell, 0);
            command = shell;
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut child = command.spawn().context("cannot start `sopwith serve`")?;
        let mut stdout = BufReader::new(child.stdout.take().context("the server has no stdout")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
        let server = Server { place: self, child, stdout, url, companies: Vec::new() };
        if server.url.is_empty() {
            bail!("the server did not start:\n{}", fs::read_to_string(&log)?);
        }
        Ok(server)
    }

    /// The program, with this database and this folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.sopwith);
        command.args(arguments).current_dir(&self.root);
        command.env("SOPWITH_STORE", &self.store).env("SOPWITH_DATA", self.folder.join("data"));
        command
    }
}

impl Server {
    /// Serves every company that has a recorded day: database migrated, companies made, plugins uploaded, SOPs published,
    /// records loaded, tokens made.
    ///
    /// # Errors
    /// The server does not start, or refuses what it must take.
    pub fn with(place: Place, ring: &Ring, components: &Path) -> Result<Self> {
        ring.run(&mut place.command(&["migrate"]))?;
        let mut companies = Vec::new();
        for day in day::days(&place.root)? {
            companies.push(place.tenant(&day)?);
        }
        let mut server = place.serve()?;
        server.companies = companies;
        let first = server.companies.first().context("no company")?;
        server.put(first, "/v1/clock", &json!({"now": BEFORE}))?;
        for company in &server.companies {
            server.fill(company, ring, components)?;
        }
        Ok(server)
    }

    fn fill(&self, company: &Company, ring: &Ring, components: &Path) -> Result<()> {
        let document: Value = read(&company.sop.join("sop.json"))?;
        let mut upload = self.command(company, &["plugin", "upload"]);
        for plugin in document["plugins"].as_object().into_iter().flatten().map(|(name, _)| name) {
            upload.arg(components.join(format!("{plugin}.wasm")));
        }
        ring.run(&mut upload)?;
        // What assigns the SOP can only be loaded when the SOP is there.
        ring.run(self.command(company, &["sop", "publish"]).arg(&company.sop))?;
        ring.run(self.command(company, &["client", "load"]).arg(company.material.join("company.json")))?;
        ring.run(self.command(company, &["client", "tokens"]).arg(company.tokens_file()))
    }

    /// Drives recorded visits as their phones would have.
    ///
    /// # Errors
    /// The server refuses what it must take.
    pub fn drive(&self, ring: &Ring, company: &Company, visits: &Path) -> Result<()> {
        let mut drive = self.command(company, &["client", "drive", "--tokens"]);
        drive.arg(company.tokens_file()).arg("--visits").arg(visits);
        ring.watch(drive.arg("--evidence").arg(self.place.material.join("photos")))
    }

    /// The command that prints a company's recorded day, and compares it with what is expected.
    ///
    /// # Errors
    /// The day cannot be read.
    pub fn table(&self, company: &Company, compare: bool) -> Result<Command> {
        let script: Value = read(&company.day().join("visits.json"))?;
        let date = script["date"].as_str().context("a day without date")?;
        let mut table = self.command(company, &["client", "table", "--from", date, "--to", date]);
        if compare {
            table.arg("--expect").arg(company.day().join("expected.json"));
        }
        Ok(table)
    }

    /// The command that makes every hash and every finding of a company again.
    pub fn verify(&self, company: &Company) -> Command {
        self.command(company, &["verify", "--tenant", &company.tenant])
    }

    /// Gets what is served at a path.
    ///
    /// # Errors
    /// The server says no.
    pub fn get(&self, path: &str, token: &str, language: &str) -> Result<String> {
        http::send(&self.url, &Request { method: "GET", path, token, language, json: "" })
    }

    fn put(&self, company: &Company, path: &str, body: &Value) -> Result<String> {
        let json = body.to_string();
        http::send(&self.url, &Request { method: "PUT", path, token: &company.admin, language: "en", json: &json })
    }

    /// The folder of this server.
    pub fn folder(&self) -> &Path {
        &self.place.folder
    }

    /// The database, as `--store` takes it.
    pub fn store(&self) -> &str {
        &self.place.store
    }

    /// Waits until the server ends.
    ///
    /// # Errors
    /// It ended without being asked to.
    pub fn until_it_ends(mut self) -> Result<()> {
        self.stdout.read_to_end(&mut Vec::new())?;
        bail!("the server ended; {} says why", self.place.folder.join("serve.log").display())
    }

    /// The program as a client of this server, as a company's admin.
    fn command(&self, company: &Company, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("SOPWITH_SERVER", &self.url).env("SOPWITH_TOKEN", &company.admin);
        command
    }
}

impl Company {
    /// Who it is and what is shown of it, in its people's words.
    pub fn heading(&self) -> String {
        format!("{} · {} ({})", self.name, self.title, self.tenant)
    }

    /// Folder of its recorded day.
    pub fn day(&self) -> PathBuf {
        self.sop.join("day")
    }

    /// Token by user.
    pub fn tokens_file(&self) -> PathBuf {
        self.folder.join("tokens.json")
    }

    /// A user of each role whose grant has not ended, with a token; of several the first of the company's list.
    ///
    /// # Errors
    /// Company or tokens cannot be read.
    pub fn people(&self) -> Result<BTreeMap<String, (String, String)>> {
        let tokens: BTreeMap<String, String> = read(&self.tokens_file())?;
        let puts: Vec<Value> = read(&self.material.join("company.json"))?;
        let mut people = BTreeMap::new();
        for grant in puts.iter().filter(|put| put["path"].as_str().is_some_and(|path| path.starts_with("/v1/grants/")))
        {
            let text = |member: &str| grant["body"][member].as_str().unwrap_or_default().to_owned();
            let user = text("user");
            if let (Some(token), true) = (tokens.get(&user), grant["body"]["to"].is_null()) {
                people.entry(text("role")).or_insert((user, token.clone()));
            }
        }
        Ok(people)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        #[cfg(unix)]
        drop(self.child.stdin.take());
        // Without the shell nobody tells the server that we are gone.
        #[cfg(not(unix))]
        self.child.kill().unwrap_or_default();
        if let Err(error) = self.child.wait() {
            eprintln!("xtask: the server may still be running: {error}");
        }
    }
}

/// Runs a program whose output is the point.
///
/// # Errors
/// It cannot be started, or fails.
pub fn show(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot start sopwith")?;
    if !status.success() {
        bail!("sopwith: {status}");
    }
    Ok(())
}

/// Reads JSON.
fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("cannot understand {}", file.display()))
}
