//! `cargo xtask demo`: from nothing to companies that are served, their recorded days driven over HTTP; of the first the month
//! before, too.
//!
//! Companies, days and expected rows are data under schemas/; nothing here knows what they say. The same steps, without the
//! month, are a ring of `cargo xtask test`.

mod http;
pub mod judged;
mod next;
mod served;

use crate::postgres::Postgres;
use crate::run::{Ring, Rings};
use crate::{day, plugins, wasm};
use anyhow::{Context, Result, bail};
use served::{Place, Server};
use std::fs;
use std::path::{Path, PathBuf};

/// What the audit's golden vector of eight parts must come to. One visit of the first day has exactly these parts.
const GOLDEN: f64 = 83.5;

/// What one may ask of a demo.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Stop after the table.
    once: bool,
    /// On a private PostgreSQL instead of SQLite.
    postgres: bool,
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
                ["--once", rest @ ..] => {
                    wish.once = true;
                    rest
                }
                ["--store", store @ ("sqlite" | "postgres"), rest @ ..] => {
                    wish.postgres = *store == "postgres";
                    rest
                }
                _ => bail!("demo [--once] [--store sqlite|postgres], not `{}`", words.join(" ")),
            };
        }
    }
}

/// Builds what is needed, serves the companies, drives a month and every day, prints the tables, verifies, and stays (unless
/// `once`).
///
/// # Errors
/// Something does not build; the server refuses what it must take; a row did not come out as expected (with `once`).
pub fn demo(root: &Path, wish: &Wish) -> Result<()> {
    let mut rings = Rings::new();
    let (mut sopwith, mut components, mut postgres, mut served) = (PathBuf::new(), PathBuf::new(), None, None);
    rings.ring("toolchain", |ring| wasm::target(root, ring))?;
    rings.ring("sopwith", |ring| {
        sopwith = plugins::sopwith(root, ring)?;
        Ok(())
    })?;
    rings.ring("plugins", |ring| {
        components = plugins::build_with(root, ring, &sopwith)?;
        Ok(())
    })?;
    let folder = folder(root)?;
    rings.ring("demo data", |_| day::demo_data(root, &folder))?;
    if wish.postgres {
        rings.ring("PostgreSQL", |ring| {
            postgres = Some(Postgres::start(root, ring)?);
            Ok(())
        })?;
    }
    let place = Place::new(root, &sopwith, &folder, "served", postgres.as_ref())?;
    rings.ring("companies", |ring| {
        served = Some(Server::with(place, ring, &components)?);
        Ok(())
    })?;
    let server: Server = served.context("no server")?;
    for company in &server.companies {
        let history = company.material.join("history.jsonl");
        if history.exists() {
            rings.ring("month before", |ring| server.drive(ring, company, &history))?;
        }
        rings.ring("recorded day", |ring| server.drive(ring, company, &company.day().join("day.jsonl")))?;
    }
    for company in &server.companies {
        println!("\n{}", company.heading());
        served::show(&mut server.table(company, wish.once)?)?;
    }
    println!();
    rings.ring("verify", |ring| {
        server.companies.iter().try_for_each(|company| ring.watch(&mut server.verify(company)))
    })?;
    if wish.once {
        println!("{}", golden(root)?);
        rings.finish();
        return Ok(());
    }
    println!("{}", next::text(root, &server)?);
    server.until_it_ends()
}

/// The served days as part of a longer run: every row as expected, over HTTP, and every finding equal when made again.
///
/// # Errors
/// The server refuses what it must take, or a row differs.
pub fn check(root: &Path, ring: &Ring, built: (&Path, &Path), postgres: Option<&Postgres>) -> Result<()> {
    let (sopwith, components) = built;
    let place = Place::new(root, sopwith, &folder(root)?, "checked", postgres)?;
    let server = Server::with(place, ring, components)?;
    for company in &server.companies {
        server.drive(ring, company, &company.day().join("day.jsonl"))?;
        ring.run(&mut server.table(company, true)?)?;
        ring.run(&mut server.verify(company))?;
    }
    Ok(())
}

/// Which visit has the golden vector. That it came out as expected is what `--expect` has just shown.
fn golden(root: &Path) -> Result<String> {
    let days = day::days(root)?;
    let first = days.first().context("no day")?;
    let visit = visit_where(&root.join(&first.sop).join("day"), |row| row["score"] == GOLDEN)
        .with_context(|| format!("no row expects {GOLDEN}"))?;
    Ok(format!("golden vector: {GOLDEN} ({visit})"))
}

/// The first visit of a day whose expected row is as asked.
fn visit_where(day: &Path, asked: impl Fn(&serde_json::Value) -> bool) -> Result<String> {
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(day.join("expected.json"))?)?;
    let row = rows.iter().find(|row| asked(row)).context("no such row is expected")?;
    Ok(row["visit"].as_str().context("a row without visit")?.to_owned())
}

/// Where a demo keeps its files.
///
/// # Errors
/// Cargo names no target folder, or the folder cannot be made.
pub fn folder(root: &Path) -> Result<PathBuf> {
    let folder = wasm::target_folder(root)?.join("demo");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_is_asked_for_in_a_few_words() {
        let wish = |once, postgres| Wish { once, postgres };
        assert_eq!(Wish::of(&[]).unwrap(), wish(false, false));
        assert_eq!(Wish::of(&["--once"]).unwrap(), wish(true, false));
        assert_eq!(Wish::of(&["--store", "postgres", "--once"]).unwrap(), wish(true, true));
        assert_eq!(Wish::of(&["--store", "sqlite"]).unwrap(), wish(false, false));
        for wrong in [["--store", "oracle"].as_slice(), &["--store"], &["twice"]] {
            assert!(Wish::of(wrong).is_err());
        }
    }

    #[test]
    fn a_visit_of_the_day_has_the_golden_vector() {
        assert!(golden(&crate::root()).unwrap().contains("vis_"));
    }
}
