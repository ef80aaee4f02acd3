//! The command line: what can be asked, nothing of how it is done.
//!
//! Exit codes: 0 all is well, 1 the answer is no (a row differs, a fault was found), 2 it could not be done.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Field visits as SOPs: judged, explained, verifiable.
#[derive(Parser)]
#[command(name = "sopwith", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Judge recorded visits under an SOP.
    Judge(JudgeArguments),
    /// Check every hash of a log, and every finding by running the rules again.
    Verify(VerifyArguments),
    /// Work with SOP documents.
    #[command(subcommand)]
    Sop(SopCommand),
    /// Work with plugins.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Compile one component from standard input to standard output, confined. Started by sopwith itself.
    #[command(hide = true)]
    CompilePlugin,
}

/// `sopwith sop …`
#[derive(Subcommand)]
pub enum SopCommand {
    /// Report everything that is wrong with an SOP.
    Lint(LintArguments),
}

/// `sopwith plugin …`
#[derive(Subcommand)]
pub enum PluginCommand {
    /// Start a plugin: a folder with one rule and its cases.
    New(NewArguments),
    /// Build a plugin folder, or encode a built module, into a component.
    Build(BuildArguments),
    /// Say whether a component would be taken, and what it contains.
    Check(CheckArguments),
    /// Run case files against a component in the sandbox.
    Test(TestArguments),
}

/// Languages the program speaks.
#[derive(Clone, Copy, ValueEnum)]
pub enum Language {
    /// English.
    #[value(name = "en")]
    En,
    /// 简体中文.
    #[value(name = "zh-CN")]
    ZhCn,
}

impl Language {
    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }
}

/// `sopwith judge`
#[derive(Args)]
pub struct JudgeArguments {
    /// Folder of the SOP: `sop.json`, and `datasets/*.json` beside it.
    pub sop: PathBuf,
    /// Recorded visits, one JSON record a line.
    #[arg(long, value_name = "FILE")]
    pub visits: PathBuf,
    /// Folder of built plugins, `<name>.wasm`.
    #[arg(long, value_name = "DIR", default_value = "target/plugins")]
    pub plugins: PathBuf,
    /// Write the log of events here: everything `sopwith verify` needs.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Compare with expected rows; differing rows are named and the exit code is 1.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Print one JSON object a visit instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Language of the table.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith verify`
#[derive(Args)]
pub struct VerifyArguments {
    /// A log written by `sopwith judge --log`.
    pub log: PathBuf,
}

/// `sopwith sop lint`
#[derive(Args)]
pub struct LintArguments {
    /// Folder of the SOP, or a JSON file.
    pub sop: PathBuf,
    /// Folder of built plugins; with it, rules, configs and codes are checked too.
    #[arg(long, value_name = "DIR")]
    pub plugins: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Language of the hints.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith plugin new`
#[derive(Args)]
pub struct NewArguments {
    /// Name of the plugin: lower-case letters, digits and `-`.
    pub name: String,
    /// Path to the `sopwith-sdk` crate.
    #[arg(long, value_name = "DIR")]
    pub sdk: Option<PathBuf>,
}

/// `sopwith plugin build`
#[derive(Args)]
pub struct BuildArguments {
    /// A core module to encode; without it the crate in this folder is built.
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Where to write the component; default `<name>.wasm` beside the module.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `sopwith plugin check`
#[derive(Args)]
pub struct CheckArguments {
    /// The component.
    pub component: PathBuf,
    /// Language of the texts.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith plugin test`
#[derive(Args)]
pub struct TestArguments {
    /// The component.
    pub component: PathBuf,
    /// Folder of case files.
    #[arg(long, value_name = "DIR", default_value = "cases")]
    pub cases: PathBuf,
}
