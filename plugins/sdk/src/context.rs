//! What a rule may ask while it runs: rows of datasets, and a line in the log.
//!
//! On wasm32 a `Context` is empty and calls the imports directly, so a plugin that never looks anything up does not
//! import `dataset`.

use crate::answer::RuleError;
use serde::de::DeserializeOwned;

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever debugs the rule.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd.
    Warn,
    /// Wrong.
    Error,
}

impl Level {
    /// The name in WIT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What a rule may ask while it runs.
#[derive(Debug)]
pub struct Context<'a> {
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) rows: &'a dyn crate::native::Rows,
    #[cfg(target_arch = "wasm32")]
    pub(crate) lifetime: std::marker::PhantomData<&'a ()>,
}

impl Context<'_> {
    /// The row of `dataset` under exactly `key`; none when there is no such row. The rule's `About` must name the
    /// dataset.
    ///
    /// # Errors
    /// `bad_row` when the row does not have the members `T` wants.
    pub fn lookup<T: DeserializeOwned>(&self, dataset: &str, key: &str) -> Result<Option<T>, RuleError> {
        let Some(row) = self.row(dataset, key) else { return Ok(None) };
        serde_json::from_str(&row)
            .map(Some)
            .map_err(|error| RuleError::new("bad_row", format!("dataset {dataset}, key {key}: {error}")))
    }

    /// A line for the person who debugs the plugin. Natively it goes to standard error.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn log(&self, level: Level, text: &str) {
        eprintln!("{}: {text}", level.name());
    }

    /// A line for the person who debugs the plugin.
    #[cfg(target_arch = "wasm32")]
    pub fn log(&self, level: Level, text: &str) {
        crate::wasm::log(level, text);
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn row(&self, dataset: &str, key: &str) -> Option<String> {
        self.rows.row(dataset, key)
    }

    #[cfg(target_arch = "wasm32")]
    fn row(&self, dataset: &str, key: &str) -> Option<String> {
        crate::wasm::lookup(dataset, key)
    }
}
