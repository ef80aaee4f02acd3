//! `cargo xtask test`: the whole truth. What is not in here is not checked.
//!
//! CI calls this and nothing else. Cold, on two cores, it stays under half an hour: everything native is built once, in
//! the dev profile, and guests once, in the profile `wasm`. Once: every ring names the whole workspace, because Cargo
//! chooses the features of dependencies by the packages it is asked for.

use crate::postgres::{self, Postgres};
use crate::run::{Ring, Rings, cargo};
use crate::{bench, boundaries, day, demo, node, plugins, rules, schemathesis, wasm};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the end-to-end tests need, as the rings before them built it.
#[derive(Default)]
struct Built {
    sopwith: PathBuf,
    plugins: PathBuf,
    engine: PathBuf,
    demo: PathBuf,
    postgres: Option<Postgres>,
}

/// Runs every ring.
///
/// # Errors
/// The first ring that fails.
pub fn test(root: &Path) -> Result<()> {
    let mut built = Built::default();
    let mut rings = Rings::new();
    rings.ring("toolchain", |ring| wasm::target(root, ring))?;
    rings.ring("format", |ring| ring.run(cargo(root).args(["fmt", "--all", "--check"])))?;
    rings.ring("boundaries", |ring| boundaries::check(root, ring))?;
    rings.ring("lints", |ring| {
        ring.run(cargo(root).args(["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]))
    })?;
    rings.ring("documentation", |ring| {
        let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        ring.run(cargo(root).args(doc).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    rings.ring("build", |ring| {
        ring.run(cargo(root).args(["build", "--workspace", "--all-targets", "--locked"]))?;
        built.sopwith = plugins::built_sopwith(root)?;
        Ok(())
    })?;
    rings.ring("plugins", |ring| {
        built.plugins = plugins::build_with(root, ring, &built.sopwith)?;
        Ok(())
    })?;
    rings.ring("docs/rules.md", |_| rules::check(root, &built.sopwith, &built.plugins))?;
    rings.ring("engine.wasm", |ring| {
        built.engine = wasm::engine(root, ring)?;
        Ok(())
    })?;
    rings.ring("demo data", |_| {
        day::record(root, true)?;
        built.demo = demo::folder(root)?;
        day::demo_data(root, &built.demo)
    })?;
    rings.ring("PostgreSQL", |ring| {
        built.postgres = Some(Postgres::start(root, ring)?);
        Ok(())
    })?;
    rings.ring("crates", |ring| {
        let own = ["test", "--workspace", "--lib", "--bins", "--test", "it", "--locked"];
        ring.run(built.environment(cargo(root).args(own)))?;
        ring.run(cargo(root).args(["test", "--workspace", "--doc", "--locked"]))
    })?;
    rings.ring("end to end", |ring| {
        let outside = ["test", "--workspace", "--test", "end_to_end", "--locked", "--", "--show-output"];
        ring.run(built.environment(cargo(root).args(outside)))
    })?;
    rings.ring("recorded days", |ring| {
        demo::judged::days(root, ring, &built.sopwith, &built.plugins)?;
        for postgres in [None, built.postgres.as_ref()] {
            demo::check(root, ring, (&built.sopwith, &built.plugins), postgres)?;
        }
        Ok(())
    })?;
    rings.ring("benchmark", |ring| {
        let bench = built.sopwith.with_file_name(format!("bench{}", std::env::consts::EXE_SUFFIX));
        let programs = bench::Programs {
            bench,
            sopwith: &built.sopwith,
            plugins: &built.plugins,
            engine: &built.engine,
            guests: None,
        };
        bench::check(root, ring, &programs, built.postgres.as_ref())
    })?;
    built.postgres = None;
    rings.ring("schemathesis", |ring| schemathesis::check(root, ring, &built.sopwith))?;
    rings.ring("month before", |ring| demo::judged::month(root, ring, &built.sopwith, &built.plugins))?;
    rings.ring("node", |ring| node::with(root, ring, &built.plugins))?;
    rings.ring("licences", |ring| licences(root, ring))?;
    rings.finish();
    Ok(())
}

impl Built {
    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("SOPWITH_BIN", &self.sopwith)
            .env("SOPWITH_PLUGINS", &self.plugins)
            .env("SOPWITH_ENGINE_WASM", &self.engine)
            .env("SOPWITH_DEMO", &self.demo)
            .env(postgres::URL, self.postgres.as_ref().map(Postgres::url).unwrap_or_default())
    }
}

/// deny.toml, where cargo-deny is installed. The bans in it are also checked by `boundaries`.
fn licences(root: &Path, ring: &Ring) -> Result<()> {
    let version = cargo(root).args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        ring.not_run(
            "licences of dependencies (deny.toml): cargo-deny is missing; `cargo install cargo-deny --locked`",
        );
        return Ok(());
    }
    ring.run(cargo(root).args(["deny", "check", "bans", "licenses", "sources"]))
}
