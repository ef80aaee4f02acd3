//! Commands and rings: running a program, showing that it runs, timing it.
//!
//! A ring is one named part of a longer run. In a terminal it is one line that moves; elsewhere (CI, a pipe) every line
//! of every program is printed. What a ring does is the business of the other files.

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// Cargo, the one that runs us, in the workspace.
///
/// What Cargo tells us about our own package is not passed on: build scripts that ask for those variables (ring's) would
/// run again, and all that stands on them be built again, whenever somebody goes from `cargo` to `cargo xtask` and back.
pub fn cargo(root: &Path) -> Command {
    const OURS: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OURS.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}

/// A cargo argument that makes a guest's bytes independent of the folders of this machine: where the sources lie would
/// otherwise be part of every panic message, and so of the component's hash.
///
/// # Errors
/// A folder is not UTF-8.
pub fn same_bytes_everywhere(root: &Path) -> Result<String> {
    let home =
        std::env::var_os("CARGO_HOME").map(Into::into).or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut flags = Vec::new();
    for (folder, name) in [(Some(root.to_path_buf()), "sopwith"), (home, "cargo")] {
        let Some(folder) = folder else { continue };
        let folder = folder.to_str().with_context(|| format!("not a UTF-8 path: {}", folder.display()))?;
        flags.push(format!("--remap-path-prefix={folder}=/{name}"));
    }
    Ok(format!("target.wasm32-unknown-unknown.rustflags={}", serde_json::to_string(&flags)?))
}

/// Stdout of a program that must succeed.
///
/// # Errors
/// It cannot be started, fails, or prints what is not UTF-8.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}`: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed bytes that are not UTF-8"))
}

/// The program with its arguments, as one would type it.
fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| {
            Path::new(word)
                .file_name()
                .filter(|_| word == command.get_program())
                .unwrap_or(word)
                .to_string_lossy()
                .into_owned()
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Rings in order, with their times.
pub struct Rings {
    started: Instant,
    done: Vec<(&'static str, Duration, String)>,
    not_run: Vec<String>,
}

impl Rings {
    /// None yet.
    pub fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new(), not_run: Vec::new() }
    }

    /// Runs one ring and says how long it took.
    ///
    /// # Errors
    /// Those of `work`, under the name of the ring.
    pub fn ring(&mut self, name: &'static str, work: impl FnOnce(&Ring) -> Result<()>) -> Result<()> {
        let ring = Ring::new(name);
        let started = Instant::now();
        let result = work(&ring);
        let took = started.elapsed();
        ring.bar.finish_and_clear();
        result.with_context(|| format!("{name} failed after {:.1} s", took.as_secs_f64()))?;
        let note = ring.note();
        let not_run = ring.not_run.into_inner();
        let word = if not_run.is_empty() { "ok" } else { "--" };
        println!("{word}   {:>7.1} s  {name}{note}", took.as_secs_f64());
        self.not_run.extend(not_run);
        self.done.push((name, took, note));
        Ok(())
    }

    /// Every ring with its time, the total, and what was not run.
    pub fn finish(self) {
        println!();
        for (name, took, note) in &self.done {
            println!("  {:>7.1} s  {name}{note}", took.as_secs_f64());
        }
        println!("  {:>7.1} s  in all; everything that was run is green", self.started.elapsed().as_secs_f64());
        for what in &self.not_run {
            println!("NOT RUN: {what}");
        }
    }
}

/// Runs a single ring's work outside a longer run.
///
/// # Errors
/// Those of `work`.
pub fn alone(work: impl FnOnce(&Ring) -> Result<()>) -> Result<()> {
    let ring = Ring::new("");
    let result = work(&ring);
    ring.bar.finish_and_clear();
    for what in ring.not_run.into_inner() {
        println!("NOT RUN: {what}");
    }
    result
}

/// One running ring.
pub struct Ring {
    bar: ProgressBar,
    terminal: bool,
    tests: Cell<u64>,
    not_run: RefCell<Vec<String>>,
}

impl Ring {
    fn new(name: &'static str) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        let bar = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner}  {elapsed:>6}  {prefix}  {wide_msg:.dim}") {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        if !terminal && !name.is_empty() {
            println!("\n==== {name}");
        }
        Self { bar, terminal, tests: Cell::new(0), not_run: RefCell::default() }
    }

    /// Says something that stays on the screen.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// Records, for the end of the run, that something was left out and how to have it.
    pub fn not_run(&self, what: &str) {
        self.not_run.borrow_mut().push(what.to_owned());
    }

    /// Runs a program that must succeed. In a terminal its output is shown only if it fails.
    ///
    /// # Errors
    /// It cannot be started or fails.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        let shown = show(command);
        if self.terminal {
            self.bar.set_message(shown.clone());
            command.env("CARGO_TERM_COLOR", "always");
        } else {
            println!("$ {shown}");
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{shown}`"))?;
        let (sender, lines) = channel();
        let readers = [
            child.stdout.take().map(|pipe| read(pipe, sender.clone())),
            child.stderr.take().map(|pipe| read(pipe, sender)),
        ];
        let mut kept = Vec::new();
        for line in lines {
            self.line(&line);
            kept.push(line);
        }
        for reader in readers.into_iter().flatten() {
            if reader.join().is_err() {
                bail!("`{shown}`: its output could not be read");
            }
        }
        let status = child.wait()?;
        if status.success() {
            return Ok(());
        }
        if self.terminal {
            self.bar.suspend(|| kept.iter().for_each(|line| eprintln!("{line}")));
        }
        bail!("`{shown}`: {status}")
    }

    /// Runs a program that must succeed and shows its own progress: it has the screen to itself.
    ///
    /// # Errors
    /// It cannot be started or fails.
    pub fn watch(&self, command: &mut Command) -> Result<()> {
        let shown = show(command);
        if !self.terminal {
            println!("$ {shown}");
        }
        let status = self.bar.suspend(|| command.stdin(Stdio::null()).status());
        let status = status.with_context(|| format!("cannot start `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}`: {status}");
        }
        Ok(())
    }

    fn line(&self, line: &str) {
        self.tests.set(self.tests.get() + passed(line).unwrap_or(0));
        if !self.terminal {
            println!("{line}");
        } else if is_count(line) {
            self.say(&format!("               {line}"));
        } else {
            self.bar.set_message(line.to_owned());
        }
    }

    fn note(&self) -> String {
        match self.tests.get() {
            _ if !self.not_run.borrow().is_empty() => ": not run, see below".to_owned(),
            0 => String::new(),
            tests => format!(": {tests} tests"),
        }
    }
}

/// Reads a pipe line by line on a thread of its own, so that a full pipe never stops the program.
fn read(pipe: impl Read + Send + 'static, sender: Sender<String>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            // The receiver outlives the pipe; if it is gone there is nobody left to tell.
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    })
}

/// `test result: ok. 12 passed; …` → 12.
fn passed(line: &str) -> Option<u64> {
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}

/// `120 cases, 0 failed` and the like: worth keeping on the screen.
fn is_count(line: &str) -> bool {
    (line.starts_with(|first: char| first.is_ascii_digit()) && line.contains(" cases")) || line.contains("byte-equal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_not_told_about_our_own_package() {
        // The test itself runs under cargo, which says it.
        let command = cargo(Path::new("."));
        assert!(command.get_envs().any(|(name, value)| name == "CARGO_PKG_NAME" && value.is_none()));
    }

    #[test]
    fn passed_tests_are_counted_from_the_runner_s_own_line() {
        assert_eq!(passed("test result: ok. 12 passed; 0 failed; 0 ignored"), Some(12));
        assert_eq!(passed("test result: FAILED. 12 passed; 1 failed"), None);
        assert_eq!(passed("test smoke ... ok"), None);
    }

    #[test]
    fn counts_of_cases_stay_on_the_screen() {
        assert!(is_count("120 cases, 0 failed"));
        assert!(is_count("the recorded day: 400 events byte-equal natively and in engine.wasm"));
        assert!(!is_count("running 3 tests"));
        assert!(!is_count("no cases"));
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let ring = Ring::new("");
        let error = ring.run(Command::new("cargo").arg("no-such-command")).unwrap_err();
        assert!(error.to_string().contains("no-such-command"), "{error}");
        ring.run(Command::new("cargo").arg("--version")).unwrap();
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error_that_names_it() {
        let error = Ring::new("").run(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}
