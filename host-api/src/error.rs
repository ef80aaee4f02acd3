//! Why the sandbox cannot be had (`HostError`) and why it will not take a binary (`Refused`).
//!
//! How a call fails is `engine::rule::RuleFailure`; it is data, not an error.

use std::fmt;
use std::path::PathBuf;

/// The sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The runtime refused its configuration.
    #[error("cannot set up the WebAssembly runtime: {0}")]
    Runtime(String),
    /// The folder for compiled code cannot be made.
    #[error("cannot make the folder for compiled code {path}: {source}")]
    Cache {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The thread that counts deadlines could not be started.
    #[error("cannot start the thread that counts deadlines: {0}")]
    Ticker(#[source] std::io::Error),
}

/// A binary that will not be run, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refused {
    /// What is wrong.
    pub code: RefusalCode,
    /// For the person who made the plugin.
    pub detail: String,
}

impl Refused {
    /// A refusal.
    pub(crate) fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// What is wrong with a binary. [`RefusalCode::as_str`] is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalCode {
    /// More bytes than allowed.
    TooLarge,
    /// Not a WebAssembly component (or, for `engine.wasm`, not a core module).
    NotAComponent,
    /// Not valid WebAssembly, or it uses a feature that is switched off.
    Invalid,
    /// Too many or too large parts: modules, instances, functions, memories, tables.
    OverLimits,
    /// Valid, but made of things a plugin has no use for: resources, code in nested components.
    NotAllowed,
    /// An import beyond `log` and `dataset`.
    ImportNotAllowed,
    /// The compiler could not compile it within its memory, or at all.
    CompileFailed,
    /// The compiler ran out of time.
    CompileTimeout,
    /// The compiler could not be started; the plugin may be fine.
    CompilerUnavailable,
    /// An import or export has another type than the contract says.
    LinkFailed,
    /// No export `manifest`.
    NoManifest,
    /// `manifest.describe` did not answer.
    ManifestFailed,
    /// What `manifest.describe` says does not hold.
    ManifestInvalid,
    /// The sandbox itself failed; the plugin may be fine.
    HostFailed,
}

impl RefusalCode {
    /// The code as it stands in answers and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "plugin.too_large",
            Self::NotAComponent => "plugin.not_a_component",
            Self::Invalid => "plugin.invalid",
            Self::OverLimits => "plugin.over_limits",
            Self::NotAllowed => "plugin.not_allowed",
            Self::ImportNotAllowed => "plugin.import_not_allowed",
            Self::CompileFailed => "plugin.compile_failed",
            Self::CompileTimeout => "plugin.compile_timeout",
            Self::CompilerUnavailable => "plugin.compiler_unavailable",
            Self::LinkFailed => "plugin.link_failed",
            Self::NoManifest => "plugin.no_manifest",
            Self::ManifestFailed => "plugin.manifest_failed",
            Self::ManifestInvalid => "plugin.manifest_invalid",
            Self::HostFailed => "plugin.host_failed",
        }
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
