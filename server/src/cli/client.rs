//! What can be asked of the bundled client: `sopwith client …`.

use super::{Language, ServerArguments};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `sopwith client …`
#[derive(Subcommand)]
pub enum ClientCommand {
    /// Write records: a file with a list of `{"path", "body"}`, each put in order.
    Load(LoadArguments),
    /// Work with customers.
    #[command(subcommand)]
    Customers(CustomersCommand),
    /// Make a token for every user, into a file.
    Tokens(TokensArguments),
    /// Drive recorded visits as their phones would have, with progress.
    Drive(DriveArguments),
    /// Print the visits of some business dates as a table, and compare them with expected rows.
    Table(ClientTableArguments),
}

/// `sopwith client load`
#[derive(Args)]
pub struct LoadArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// The records.
    pub file: PathBuf,
}

/// `sopwith client customers …`
#[derive(Subcommand)]
pub enum CustomersCommand {
    /// Import customers and their locations from CSV or GeoJSON: all of the file or nothing.
    Import(ImportArguments),
}

/// `sopwith client customers import`
#[derive(Args)]
pub struct ImportArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// The file: `.csv`, `.geojson` or `.json`.
    pub file: PathBuf,
    /// System of coordinates that do not say it themselves: wgs84, gcj02, bd09 or unknown.
    #[arg(long)]
    pub crs: Option<String>,
    /// Encoding of a table, utf-8 or gbk; default: found out.
    #[arg(long)]
    pub encoding: Option<String>,
    /// Customer type of new customers that do not say theirs.
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Time zone of new customers that do not say theirs.
    #[arg(long)]
    pub time_zone: Option<String>,
    /// Org unit of new customers that do not say theirs.
    #[arg(long)]
    pub org_unit: Option<String>,
    /// Only say what would happen.
    #[arg(long)]
    pub preview: bool,
    /// Language of the problems.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}

/// `sopwith client tokens`
#[derive(Args)]
pub struct TokensArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// Where to write them: token by user.
    pub file: PathBuf,
}

/// `sopwith client drive`
#[derive(Args)]
pub struct DriveArguments {
    /// Where the server is.
    #[arg(long, env = "SOPWITH_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// Token by user, as `client tokens` writes it.
    #[arg(long, value_name = "FILE")]
    pub tokens: PathBuf,
    /// Who may move the server's clock to the recorded times.
    #[arg(long, default_value = "usr_operator")]
    pub operator: String,
    /// Recorded visits, one JSON record a line.
    #[arg(long, value_name = "FILE")]
    pub visits: PathBuf,
    /// Folder of the photos, `<sha256>.png`.
    #[arg(long, value_name = "DIR")]
    pub evidence: PathBuf,
    /// Write every acknowledged command here, one line each, as it is acknowledged; `-`: on standard output.
    #[arg(long, value_name = "FILE")]
    pub acknowledged: Option<PathBuf>,
}

/// `sopwith client table`
#[derive(Args)]
pub struct ClientTableArguments {
    /// Where, and as whom.
    #[command(flatten)]
    pub server: ServerArguments,
    /// First business date.
    #[arg(long)]
    pub from: String,
    /// Last business date.
    #[arg(long)]
    pub to: String,
    /// Compare with expected rows; differing rows are named and the exit code is 1.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Language of the table.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}
