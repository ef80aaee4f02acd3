//! The figures of a run as a table for the screen, as Markdown and as JSON, with the machine and the commit they are of.

use super::commit;
use crate::run::output;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// A figure, as the program `bench` gives it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Measure {
    group: String,
    name: String,
    value: f64,
    unit: String,
    spread: [f64; 2],
    floor: Option<Floor>,
    must: Option<Must>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Floor {
    name: String,
    value: f64,
    ratio: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Must {
    what: String,
    reached: bool,
}

/// A run: what, when, on what.
#[derive(Debug, Serialize)]
pub struct Run {
    command: String,
    commit: String,
    at: String,
    machine: String,
    measures: Vec<Measure>,
}

impl Run {
    /// The figures of a run of `cargo xtask bench` with these words.
    ///
    /// # Errors
    /// Git does not say which commit this is.
    pub fn new(root: &Path, words: &[&str], measures: Vec<Measure>) -> Result<Self> {
        let at = chrono::DateTime::from_timestamp(now_s()?, 0).map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
        Ok(Self {
            command: format!("cargo xtask bench {}", words.join(" ")).trim().to_owned(),
            commit: commit(root)?,
            at: at.unwrap_or_default(),
            machine: machine(),
            measures,
        })
    }

    /// For programs.
    ///
    /// # Errors
    /// A figure is no number.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// For the screen.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut group = "";
        for measure in &self.measures {
            if measure.group != group {
                group = &measure.group;
                text.push_str(&format!("{group}\n"));
            }
            let [name, value, floor, ratio, must] = measure.cells();
            writeln!(text, "  {name:<58} {value:>12} {floor:>12} {ratio:>7}  {must}").unwrap_or_default();
        }
        text
    }

    /// For the repository.
    pub fn markdown(&self) -> String {
        let Self { command, commit, at, machine, .. } = self;
        let mut text = format!(
            "# Benchmarks\n\nMade by `{command}`; do not edit. Commit {commit}, {at}, {machine}.\n\n\
             Figures are medians over the rounds of one run, with the least and the greatest. A floor was measured in the same \
             rounds; ratio is the median of figure ÷ floor, round by round. What each measurement does, and what the figures mean: \
             [PERFORMANCE.md](PERFORMANCE.md).\n"
        );
        let mut group = "";
        for measure in &self.measures {
            if measure.group != group {
                group = &measure.group;
                text.push_str(&format!(
                    "\n## {}\n\n| what | figure | least … greatest | floor | ratio | must be | the floor is |\n|---|---:|---:|---:|---:|---|---|\n",
                    capital(group)
                ));
            }
            let [name, value, floor, ratio, must] = measure.cells();
            let [least, greatest] = measure.spread.map(figure);
            let against = measure.floor.as_ref().map_or("", |floor| floor.name.as_str());
            text.push_str(&format!(
                "| {name} | {value} | {least} … {greatest} | {floor} | {ratio} | {must} | {against} |\n"
            ));
        }
        text
    }
}

impl Measure {
    /// Name, value, floor, ratio, what it must reach.
    fn cells(&self) -> [String; 5] {
        let unit = match self.unit.as_str() {
            "us" => "µs",
            other => other,
        };
        let floor = self.floor.as_ref();
        let must = self.must.as_ref().map(|must| format!("{} {}", must.what, if must.reached { "✓" } else { "✗" }));
        [
            self.name.clone(),
            format!("{} {unit}", figure(self.value)),
            floor.map(|floor| figure(floor.value)).unwrap_or_default(),
            floor.map(|floor| format!("{:.2}", floor.ratio)).unwrap_or_default(),
            must.unwrap_or_default(),
        ]
    }
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
fn now_s() -> Result<i64> {
    Ok(i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())?)
}

/// Processor, cores, memory, system, compiler: as far as they are known.
fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':').map(|(_, value)| value.trim().to_owned()))
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    let memory = memory.map(|kib| format!(", {:.0} GiB", kib / f64::from(1 << 20))).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.trim().split('-').next().filter(|text| !text.is_empty());
    let system = kernel.map_or_else(|| std::env::consts::OS.to_owned(), |version| format!("Linux {version}"));
    let rustc = output(Command::new("rustc").arg("--version")).unwrap_or_default();
    let rustc = rustc.split(' ').nth(1).unwrap_or_default().to_owned();
    format!("{cores} cores of {processor}{memory}, {system}, rustc {rustc}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let floor = Some(Floor { name: "nothing".into(), value: 10.0, ratio: 1.25 });
        let must = Some(Must { what: "ratio ≤ 1.2".into(), reached: false });
        let measure = Measure {
            group: "rule call".into(),
            name: "fresh".into(),
            value: 12.5,
            unit: "us".into(),
            spread: [12.0, 1300.0],
            floor,
            must,
        };
        let text = |text: &str| text.to_owned();
        Run {
            command: text("c"),
            commit: text("abc"),
            at: text("then"),
            machine: text("here"),
            measures: vec![measure],
        }
    }

    #[test]
    fn a_figure_stands_beside_its_floor_and_what_it_must_reach() {
        assert!(run().markdown().contains("| fresh | 12.5 µs | 12.0 … 1300 | 10.0 | 1.25 | ratio ≤ 1.2 ✗ | nothing |"));
        assert!(run().table().contains("fresh") && run().table().contains("1.25"));
    }

    #[test]
    fn three_digits_count() {
        assert_eq!([0.1234, 1.5, 12.34, 123.4, 12345.6].map(figure), ["0.12", "1.50", "12.3", "123", "12346"]);
    }
}
