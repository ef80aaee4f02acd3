//! `sopwith`: parses the command line and hands over to one module for each command.
//!
//! A library, so that what is measured of the store is this store; `main.rs` is the program.

mod app;
mod backup;
mod cases;
mod cli;
mod client;
mod clock;
mod csv_rows;
mod dataset;
mod evidence_files;
mod expect;
mod flows;
mod http;
mod judge;
mod log;
mod plugin_build;
mod plugin_check;
mod plugin_new;
mod plugin_seal;
mod plugin_test;
mod plugins;
mod processor;
mod report;
mod reports;
mod serve;
mod simulate;
mod sop_folder;
mod sop_lint;
mod sop_rebase;
mod sop_render;
mod sop_test;
pub mod store;
mod table;
mod tenant;
mod turns;
mod user_end;
mod verify;
mod visit_erase;
mod worker;

use anyhow::Context as _;
use clap::Parser as _;
use cli::{Command, PluginCommand, SopCommand, UserCommand, VisitCommand};
use std::process::ExitCode;

/// JSON is many small pieces, made on one thread and dropped on another: glibc's allocator takes a fifth of the processor time
/// of a submission, this one a third of that (docs/PERFORMANCE.md).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The program: 0 all is well, 1 the answer is no, 2 it could not be done.
#[must_use]
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let done = match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Migrate(arguments) => wait(async { Ok(store::migrate(&arguments.store).await.map(|()| true)?) }),
        Command::Tenant(command) => wait(tenant::run(&command)),
        Command::User(UserCommand::End(arguments)) => wait(user_end::run(&arguments)),
        Command::Visit(VisitCommand::Erase(arguments)) => wait(visit_erase::run(&arguments)),
        Command::Backup(arguments) => wait(backup::run(&arguments)),
        Command::Restore(arguments) => wait(backup::restore(&arguments)),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Client(command) => wait(client::run(&command)),
        Command::Openapi => {
            print!("{}", http::openapi());
            Ok(true)
        }
        Command::Sop(SopCommand::Lint(arguments)) => sop_lint::run(&arguments),
        Command::Sop(SopCommand::Render(arguments)) => sop_render::run(&arguments),
        Command::Sop(SopCommand::Rebase(arguments)) => sop_rebase::run(&arguments),
        Command::Sop(SopCommand::Test(arguments)) => sop_test::run(&arguments),
        Command::Sop(SopCommand::Publish(arguments)) => wait(client::publish(&arguments)),
        Command::Plugin(PluginCommand::New(arguments)) => plugin_new::run(&arguments),
        Command::Plugin(PluginCommand::Build(arguments)) => plugin_build::run(&arguments),
        Command::Plugin(PluginCommand::Seal(arguments)) => plugin_seal::run(&arguments),
        Command::Plugin(PluginCommand::Check(arguments)) => plugin_check::run(&arguments),
        Command::Plugin(PluginCommand::Test(arguments)) => plugin_test::run(&arguments),
        Command::Plugin(PluginCommand::Upload(arguments)) => wait(client::upload(&arguments)),
        Command::CompilePlugin => return host_api::compile_child(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sopwith: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs a command that waits for a database or a server.
fn wait(command: impl Future<Output = anyhow::Result<bool>>) -> anyhow::Result<bool> {
    tokio::runtime::Runtime::new().context("no runtime")?.block_on(command)
}
