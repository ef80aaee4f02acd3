//! What can be asked of `sopwith simulate`.

use super::Language;
use clap::Args;
use std::path::PathBuf;

/// `sopwith simulate`
#[derive(Args)]
pub struct SimulateArguments {
    /// Folders of SOPs with a `simulate.json`; none: all in `schemas/`.
    pub sops: Vec<PathBuf>,
    /// The same seed gives the same visits, and the same figures.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Honest visits, over all SOPs.
    #[arg(long, default_value_t = 2000)]
    pub honest: usize,
    /// Visits of people who cheat, over all SOPs and classes.
    #[arg(long, default_value_t = 2000)]
    pub cheating: usize,
    /// Write all figures here.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Folder of built plugins, `<name>.wasm`.
    #[arg(long, value_name = "DIR", default_value = "target/plugins")]
    pub plugins: PathBuf,
    /// Language of the table.
    #[arg(long, value_enum, default_value = "en")]
    pub language: Language,
}
