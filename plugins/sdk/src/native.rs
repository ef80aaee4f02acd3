//! Runs the rules of a plugin in this process, without WebAssembly: for case files and debuggers.

use crate::answer::{Answer, RuleError};
use crate::context::Context;
use crate::rule::{Interface, Plugin, dispatch};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Rows by dataset, then key.
pub type Lookups = BTreeMap<String, BTreeMap<String, Value>>;

/// Where the rows come from.
pub trait Rows: fmt::Debug {
    /// The row of `dataset` under `key` as JSON text.
    fn row(&self, dataset: &str, key: &str) -> Option<String>;
}

impl Rows for Lookups {
    fn row(&self, dataset: &str, key: &str) -> Option<String> {
        self.get(dataset)?.get(key).map(ToString::to_string)
    }
}

/// Runs `rule` of `P` over the JSON text of an input, as the component would.
///
/// # Errors
/// What the rule, or the SDK in its place, answers instead of a result.
pub fn run<P: Plugin>(interface: Interface, rule: &str, input: &str, rows: &dyn Rows) -> Result<Answer, RuleError> {
    dispatch::<P>(interface, rule, input, &Context { rows })
}
