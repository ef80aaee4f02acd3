//! `cargo xtask <command>`: everything this repository can do to itself, on any machine with rustup and a C compiler with `make`.
//!
//! Here is only the list of commands and who answers them. No command logic, and no dependency on a crate of ours:
//! what xtask needs from the program it asks of the built program.

mod bench;
mod boundaries;
mod day;
mod demo;
mod node;
mod openapi;
mod plugins;
mod postgres;
mod rules;
mod run;
mod schemathesis;
mod test;
mod tidy;
mod wasm;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <command>

  demo [--once] [--store sqlite|postgres]
                  build everything, serve a company, drive its month and its recorded day over HTTP,
                  print the table, and stay; --once: stop after the table
  test            all that must hold: format, lints, tests, rules in the sandbox, engine.wasm, Node
  bench [--quick] [--json FILE] [MEASUREMENT…]
                  build for release, measure everything beside its floor, write docs/benchmarks.md
  bench growth    the same with up to a million visits and a thousand tenants
  tidy            the project's own lints (also run by `cargo test -p xtask`)
  plugins         build the first-party plugins into target/plugins
  engine-wasm     build target/engine.wasm and prove that it imports nothing
  node            rules and components in Node: build, transpile, run the case files
  openapi         write schemas/openapi.json as the built program prints it
  rules           write docs/rules.md: every rule, where it is bound, what it does, the cases that show it
  postgres [-- COMMAND…]
                  run a command beside a private PostgreSQL, whose address is in SOPWITH_PG_URL
  schemathesis    send a served company requests made up from its OpenAPI document
  record-day      write the recorded day from its script
                  --check: only compare
  photos OUT      write the photos of the recorded day into a folder, each named by its hash
  demo-data       write what a served demo is filled with into target/demo: company, history, photos
  help            this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&root(), &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(root: &Path, arguments: &[&str]) -> Result<()> {
    match arguments {
        ["demo", words @ ..] => demo::demo(root, &demo::Wish::of(words)?),
        ["test"] => test::test(root),
        ["bench", words @ ..] => bench::bench(root, &bench::Wish::of(words)?),
        ["tidy"] => tidy::tidy(root),
        ["plugins"] => run::alone(|ring| plugins::build(root, ring).map(drop)),
        ["engine-wasm"] => run::alone(|ring| wasm::engine(root, ring).map(drop)),
        ["openapi"] => run::alone(|ring| openapi::write(root, ring)),
        ["rules"] => run::alone(|ring| rules::write(root, ring)),
        ["postgres"] => postgres::beside(root, &[]),
        ["postgres", "--", command @ ..] => postgres::beside(root, command),
        ["schemathesis"] => run::alone(|ring| schemathesis::alone(root, ring)),
        ["record-day"] => day::record(root, false),
        ["record-day", "--check"] => day::record(root, true),
        ["photos", folder] => day::photos(root, Path::new(folder)),
        ["demo-data"] => day::demo_data(root, &demo::folder(root)?),
        ["node"] => run::alone(|ring| node::node(root, ring)),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("unknown command `{}`\n\n{HELP}", arguments.join(" ")),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}
