//! `sopwith`: parses the command line and hands over to one module for each command.

mod cases;
mod cli;
mod expect;
mod judge;
mod log;
mod plugin_build;
mod plugin_check;
mod plugin_new;
mod plugin_test;
mod plugins;
mod sop_folder;
mod sop_lint;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "what serves from it comes with the HTTP API"))]
mod store;
mod table;
mod verify;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let done = match cli.command {
        cli::Command::Judge(arguments) => judge::run(&arguments),
        cli::Command::Verify(arguments) => verify::run(&arguments),
        cli::Command::Sop(cli::SopCommand::Lint(arguments)) => sop_lint::run(&arguments),
        cli::Command::Plugin(cli::PluginCommand::New(arguments)) => plugin_new::run(&arguments),
        cli::Command::Plugin(cli::PluginCommand::Build(arguments)) => plugin_build::run(&arguments),
        cli::Command::Plugin(cli::PluginCommand::Check(arguments)) => plugin_check::run(&arguments),
        cli::Command::Plugin(cli::PluginCommand::Test(arguments)) => plugin_test::run(&arguments),
        cli::Command::CompilePlugin => return host_api::compile_child(),
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
