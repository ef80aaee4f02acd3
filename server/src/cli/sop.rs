//! `sopwith sop …`: work with SOP documents, overlays among them.

use super::{Language, ServerArguments};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `sopwith sop …`
#[derive(Subcommand)]
pub enum SopCommand {
    /// Report everything that is wrong with an SOP.
    Lint(LintArguments),
    /// Show the SOP that an overlay, parameters and a customer give, and where each line comes from.
    Render(RenderArguments),
    /// Carry an overlay over to another version of its template; conflicts are named and the exit code is 1.
    Rebase(RebaseArguments),
    /// Try the conditions of an SOP over the cases beside it; the exit code is 1 when one comes out otherwise.
    Test(ConditionsArguments),
    /// Publish an SOP folder with its datasets, or an overlay, to a server.
    Publish(PublishArguments),
}

/// `sopwith sop render`
#[derive(Args)]
pub struct RenderArguments {
    /// Folder of the SOP, or a JSON file.
    pub sop: PathBuf,
    /// An overlay on it.
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,
    /// The tenant's values: a JSON object.
    #[arg(long, value_name = "FILE")]
    pub parameters: Option<PathBuf>,
    /// A customer: a JSON object with `id`, `type` and `fields`; with it, slices of parameters are taken.
    #[arg(long, value_name = "FILE")]
    pub customer: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Language of the origins and hints.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith sop test`
#[derive(Args)]
pub struct ConditionsArguments {
    /// Folder of the SOP, with `conditions.json`.
    pub sop: PathBuf,
    /// An overlay on it, `NAME.json`; `NAME/conditions.json` beside it has cases of what it adds.
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,
}

/// `sopwith sop rebase`
#[derive(Args)]
pub struct RebaseArguments {
    /// The overlay.
    #[arg(long, value_name = "FILE")]
    pub overlay: PathBuf,
    /// Folder of the template it is on.
    #[arg(long, value_name = "FOLDER")]
    pub from: PathBuf,
    /// Folder of the template it goes to.
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Print one JSON object: `overlay` and `conflicts`.
    #[arg(long)]
    pub json: bool,
    /// Language of the report.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith sop lint`
#[derive(Args)]
pub struct LintArguments {
    /// Folder of the SOP, or a JSON file: an SOP or an overlay.
    pub sop: PathBuf,
    /// Folder of the template, for an overlay: then the SOP it gives is linted too.
    #[arg(long, value_name = "FOLDER")]
    pub of: Option<PathBuf>,
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

/// `sopwith sop publish`
#[derive(Args)]
pub struct PublishArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// Folder of the SOP, or a JSON file: an SOP or an overlay.
    pub sop: PathBuf,
}
