//! The command line: what can be asked, nothing of how it is done.
//!
//! Exit codes: 0 all is well, 1 the answer is no (a row differs, a fault was found), 2 it could not be done.

mod client;
mod simulate;
mod sop;

pub use client::*;
pub use simulate::SimulateArguments;
pub use sop::{ConditionsArguments, LintArguments, PublishArguments, RebaseArguments, RenderArguments, SopCommand};

use crate::store::StoreUrl;
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
    /// Serve the API.
    Serve(ServeArguments),
    /// Bring the database to this program's schema.
    Migrate(StoreArguments),
    /// Make, suspend, export or delete a company.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Work with users.
    #[command(subcommand)]
    User(UserCommand),
    /// Work with visits.
    #[command(subcommand)]
    Visit(VisitCommand),
    /// Write everything into a folder: the database in one snapshot, and the evidence it names. The server may go on.
    Backup(BackupArguments),
    /// Put a backup back into an empty database.
    Restore(BackupArguments),
    /// Judge recorded visits under an SOP.
    Judge(JudgeArguments),
    /// Make up honest and cheating visits from a seed, judge them, and say how many are noticed.
    Simulate(SimulateArguments),
    /// Check every hash of a log or of a tenant, and every finding by running the rules again.
    Verify(VerifyArguments),
    /// Talk to a server as its clients do.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Print the OpenAPI document.
    Openapi,
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

/// `sopwith plugin …`
#[derive(Subcommand)]
pub enum PluginCommand {
    /// Start a plugin: a folder with one rule and its cases.
    New(NewArguments),
    /// Build a plugin folder, or encode a built module, into a component.
    Build(BuildArguments),
    /// Close a component of another language: what it imports and may not have traps.
    Seal(SealArguments),
    /// Say whether a component would be taken, and what it contains.
    Check(CheckArguments),
    /// Run case files against a component in the sandbox.
    Test(TestArguments),
    /// Upload components to a server.
    Upload(UploadArguments),
}

/// Which database.
#[derive(Args, Clone)]
pub struct StoreArguments {
    /// `sqlite:FILE` or `postgres://…`
    #[arg(long, env = "SOPWITH_STORE", default_value = "sqlite:sopwith.db")]
    pub store: StoreUrl,
}

/// Database and files.
#[derive(Args, Clone)]
pub struct DataArguments {
    /// `sqlite:FILE` or `postgres://…`
    #[arg(long, env = "SOPWITH_STORE", default_value = "sqlite:sopwith.db")]
    pub store: StoreUrl,
    /// Folder of evidence and compiled plugins.
    #[arg(long, env = "SOPWITH_DATA", value_name = "DIR", default_value = "sopwith-data")]
    pub data: PathBuf,
}

/// Which clock a server goes by.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockKind {
    /// The system's.
    System,
    /// One that an operator moves (`PUT /v1/clock`): for demos and tests.
    Manual,
}

/// `sopwith serve`
#[derive(Args)]
pub struct ServeArguments {
    /// `sqlite:FILE` or `postgres://…`
    #[arg(long, env = "SOPWITH_STORE", default_value = "sqlite:sopwith.db")]
    pub store: StoreUrl,
    /// Folder of evidence and compiled plugins.
    #[arg(long, env = "SOPWITH_DATA", value_name = "DIR", default_value = "sopwith-data")]
    pub data: PathBuf,
    /// Address and port; port 0: any that is free.
    #[arg(long, env = "SOPWITH_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Bring the database to this program's schema first.
    #[arg(long)]
    pub migrate: bool,
    /// Which clock to go by.
    #[arg(long, value_enum, default_value = "system")]
    pub clock: ClockKind,
    /// Requests of one tenant that may be under way at once; 0: no limit.
    #[arg(long, default_value_t = 256)]
    pub requests_per_tenant: usize,
    /// How long another process's change of tokens, users and grants may take to be seen, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub remember_ms: u64,
    /// Log JSON lines.
    #[arg(long, env = "SOPWITH_LOG_JSON")]
    pub log_json: bool,
    /// Do not wait for the disk. For the control of the durability test: what was acknowledged can be lost.
    #[arg(long, hide = true)]
    pub synchronous_off: bool,
}

/// `sopwith tenant …`
#[derive(Subcommand)]
pub enum TenantCommand {
    /// Make a company with its first user; prints that user's token, once.
    Create(TenantCreateArguments),
    /// Nobody of the company gets in any more.
    Suspend(TenantSuspendArguments),
    /// Write everything of a company into a folder, in the form of a backup.
    Export(TenantExportArguments),
    /// Delete everything of a company.
    Delete(TenantDeleteArguments),
}

/// `sopwith tenant create`
#[derive(Args)]
pub struct TenantCreateArguments {
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
    /// `tnt_…`
    pub tenant: String,
    /// Name for people.
    #[arg(long)]
    pub name: String,
    /// The first user.
    #[arg(long, default_value = "usr_admin")]
    pub user: String,
    /// Their roles over the whole company.
    #[arg(long, value_delimiter = ',', default_value = "admin")]
    pub roles: Vec<String>,
}

/// `sopwith tenant suspend`
#[derive(Args)]
pub struct TenantSuspendArguments {
    /// Which database.
    #[command(flatten)]
    pub store: StoreArguments,
    /// `tnt_…`
    pub tenant: String,
    /// Let them in again.
    #[arg(long)]
    pub resume: bool,
}

/// `sopwith tenant export`
#[derive(Args)]
pub struct TenantExportArguments {
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
    /// `tnt_…`
    pub tenant: String,
    /// A folder that is not there yet.
    pub folder: PathBuf,
}

/// `sopwith tenant delete`
#[derive(Args)]
pub struct TenantDeleteArguments {
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
    /// `tnt_…`
    pub tenant: String,
    /// The id once more: there is no way back.
    #[arg(long, value_name = "TENANT")]
    pub confirm: String,
}

/// `sopwith user …`
#[derive(Subcommand)]
pub enum UserCommand {
    /// Somebody leaves: their open work goes to somebody else, their grants end, their tokens are revoked.
    End(UserEndArguments),
}

/// `sopwith user end`
#[derive(Args)]
pub struct UserEndArguments {
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
    /// `tnt_…`
    #[arg(long)]
    pub tenant: String,
    /// Who leaves.
    pub user: String,
    /// Who takes over.
    #[arg(long)]
    pub to: String,
}

/// `sopwith visit …`
#[derive(Subcommand)]
pub enum VisitCommand {
    /// Erase what a visit's events say of people: answers, positions, names. That they happened, and their hashes, stay.
    Erase(VisitEraseArguments),
}

/// `sopwith visit erase`
#[derive(Args)]
pub struct VisitEraseArguments {
    /// Which database.
    #[command(flatten)]
    pub store: StoreArguments,
    /// `tnt_…`
    #[arg(long)]
    pub tenant: String,
    /// `vis_…`
    pub visit: String,
}

/// `sopwith backup`, `sopwith restore`
#[derive(Args)]
pub struct BackupArguments {
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
    /// The folder of the backup.
    pub folder: PathBuf,
}

/// Which server, and as whom.
#[derive(Args, Clone)]
pub struct ServerArguments {
    /// Where the server is.
    #[arg(long, env = "SOPWITH_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// Bearer token.
    #[arg(long, env = "SOPWITH_TOKEN", hide_env_values = true)]
    pub token: String,
}

/// `sopwith plugin upload`
#[derive(Args)]
pub struct UploadArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// Components.
    #[arg(required = true)]
    pub components: Vec<PathBuf>,
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
    /// An overlay on it.
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,
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
    /// Write a report of each visit into this folder, `<visit>.html`.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Show personal answers in the reports.
    #[arg(long, requires = "report")]
    pub personal: bool,
    /// Print one JSON object a visit instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Language of the table and the reports.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith verify`
#[derive(Args)]
pub struct VerifyArguments {
    /// A log written by `sopwith judge --log`.
    #[arg(required_unless_present = "tenant")]
    pub log: Option<PathBuf>,
    /// A tenant of a database instead.
    #[arg(long, conflicts_with = "log")]
    pub tenant: Option<String>,
    /// Which database and files.
    #[command(flatten)]
    pub data: DataArguments,
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

/// `sopwith plugin seal`
#[derive(Args)]
pub struct SealArguments {
    /// The component.
    pub component: PathBuf,
    /// Where to write the sealed one; default `<name>.sealed.wasm` beside it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `sopwith plugin check`
#[derive(Args)]
pub struct CheckArguments {
    /// The component.
    pub component: PathBuf,
    /// Print hash and manifest as JSON.
    #[arg(long)]
    pub json: bool,
    /// Language of the texts.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith plugin test`
#[derive(Args)]
pub struct TestArguments {
    /// The component.
    pub component: PathBuf,
    /// Folder of case files, or one of them.
    #[arg(long, value_name = "PATH", default_value = "cases")]
    pub cases: PathBuf,
}
