//! `cargo xtask bench`: builds for release, measures, and writes down what was measured, on what and of which commit.
//!
//! What is measured and against what is the program `bench` (`tests/bench/`); here is only what it needs around it, and the
//! report. No figure makes this fail: it is not a test.

mod guests;
mod report;

use crate::postgres::{self, Postgres};
use crate::run::{Ring, Rings, cargo, output};
use crate::{plugins, wasm};
use anyhow::{Context, Result, bail};
use report::{Measure, Run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the report is checked in.
const REPORT: &str = "docs/benchmarks.md";
/// Where the report of growth is.
const GROWTH: &str = "docs/benchmarks-growth.md";

/// What one may ask of a benchmark.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only show that it works.
    quick: bool,
    /// The figures as JSON, too.
    json: Option<PathBuf>,
    /// How things are when there are a million visits, instead.
    growth: bool,
    /// Only these measurements; the report is then not written.
    only: Vec<String>,
}

impl Wish {
    /// From words of the command line.
    ///
    /// # Errors
    /// Other words.
    pub fn of(words: &[&str]) -> Result<Self> {
        let mut wish = Self::default();
        let mut rest = words;
        loop {
            rest = match rest {
                [] => return Ok(wish),
                ["--quick", rest @ ..] => {
                    wish.quick = true;
                    rest
                }
                ["--json", file, rest @ ..] => {
                    wish.json = Some(file.into());
                    rest
                }
                ["growth", rest @ ..] => {
                    wish.growth = true;
                    rest
                }
                [name, rest @ ..] if !name.starts_with('-') => {
                    wish.only.push((*name).to_owned());
                    rest
                }
                _ => bail!("bench [growth] [--quick] [--json FILE] [MEASUREMENT…], not `{}`", words.join(" ")),
            };
        }
    }
}

/// The programs a run needs.
pub struct Programs<'a> {
    /// `bench`
    pub bench: PathBuf,
    /// `sopwith`
    pub sopwith: &'a Path,
    /// Folder of the components.
    pub plugins: &'a Path,
    /// `engine.wasm`
    pub engine: &'a Path,
    /// Folder of rules in other languages; none: they are not measured.
    pub guests: Option<&'a Path>,
}

/// Builds, measures, prints, writes.
///
/// # Errors
/// Something does not build, or cannot be measured.
pub fn bench(root: &Path, wish: &Wish) -> Result<()> {
    let mut rings = Rings::new();
    let target = wasm::target_folder(root)?;
    let program = |name: &str| target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let (mut components, mut engine, mut postgres, mut run) = (PathBuf::new(), PathBuf::new(), None, None);
    rings.ring("toolchain", |ring| wasm::target(root, ring))?;
    rings.ring("release build", |ring| {
        let what = ["--package", "server", "--bin", "sopwith", "--package", "tests", "--bin", "bench"];
        ring.run(cargo(root).args(["build", "--release", "--locked"]).args(what))
    })?;
    let sopwith = program("sopwith");
    rings.ring("plugins", |ring| {
        components = plugins::build_with(root, ring, &sopwith)?;
        engine = wasm::engine(root, ring)?;
        Ok(())
    })?;
    let mut guests = PathBuf::new();
    rings.ring("rules in other languages", |ring| {
        guests = guests::build(root, ring, &sopwith)?;
        Ok(())
    })?;
    rings.ring("PostgreSQL", |ring| {
        postgres = Some(Postgres::start(root, ring)?);
        Ok(())
    })?;
    rings.ring("measure", |ring| {
        let programs = Programs {
            bench: program("bench"),
            sopwith: &sopwith,
            plugins: &components,
            engine: &engine,
            guests: Some(&guests),
        };
        let mut words: Vec<&str> = wish.only.iter().map(String::as_str).collect();
        if wish.growth {
            words.extend(["growth", "tenants"]);
        }
        if wish.quick {
            words.push("--quick");
        }
        run = Some(Run::new(root, &words, measure(root, ring, &programs, postgres.as_ref(), &words)?)?);
        Ok(())
    })?;
    let run = run.context("nothing was measured")?;
    println!("\n{}", run.table());
    if let Some(file) = &wish.json {
        std::fs::write(file, run.json()?).with_context(|| file.display().to_string())?;
    }
    // What was only shown to work, or only in part, is no report.
    if !wish.quick && wish.only.is_empty() {
        let file = root.join(if wish.growth { GROWTH } else { REPORT });
        std::fs::write(&file, run.markdown()).with_context(|| file.display().to_string())?;
        println!("written to {}", file.display());
    }
    rings.finish();
    Ok(())
}

/// Shows that every measurement works, with programs that are there: a ring of `cargo xtask test`.
///
/// # Errors
/// Something cannot be measured.
pub fn check(root: &Path, ring: &Ring, programs: &Programs<'_>, postgres: Option<&Postgres>) -> Result<()> {
    let measures = measure(root, ring, programs, postgres, &["--quick"])?;
    ring.say(&format!("{} figures measured, none judged", measures.len()));
    Ok(())
}

fn measure(
    root: &Path,
    ring: &Ring,
    programs: &Programs<'_>,
    postgres: Option<&Postgres>,
    words: &[&str],
) -> Result<Vec<Measure>> {
    let folder = wasm::target_folder(root)?.join("bench");
    std::fs::create_dir_all(&folder)?;
    let json = folder.join("measures.json");
    let mut command = Command::new(&programs.bench);
    command.args(words).arg("--json").arg(&json).current_dir(root);
    command
        .env("SOPWITH_BIN", programs.sopwith)
        .env("SOPWITH_PLUGINS", programs.plugins)
        .env("SOPWITH_ENGINE_WASM", programs.engine)
        .env("SOPWITH_BENCH", &folder);
    if let Some(guests) = programs.guests {
        command.env("SOPWITH_BENCH_GUESTS", guests);
    }
    if let Some(postgres) = postgres {
        command.env(postgres::URL, postgres.url());
        command.env("SOPWITH_PGBENCH", postgres.program("pgbench"));
    }
    ring.watch(&mut command)?;
    Ok(serde_json::from_slice(&std::fs::read(&json)?)?)
}

/// The commit that is measured, and whether something in the folder is not in it.
fn commit(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(root));
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Ok(format!("{}{}", commit.trim(), if changed.trim().is_empty() { "" } else { " and changes" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_benchmark_is_asked_for_in_a_few_words() {
        assert_eq!(Wish::of(&[]).unwrap(), Wish::default());
        let wish = Wish::of(&["growth", "--quick", "--json", "a.json"]).unwrap();
        assert_eq!(wish, Wish { quick: true, growth: true, json: Some("a.json".into()), only: Vec::new() });
        assert_eq!(Wish::of(&["submit", "list"]).unwrap().only, ["submit", "list"]);
        assert!(Wish::of(&["--fast"]).is_err() && Wish::of(&["--json"]).is_err());
    }
}
