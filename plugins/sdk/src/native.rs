//! Runs the rules of a plugin in this process, without WebAssembly: for case files and debuggers.

use crate::answer::{Answer, RuleError};
use crate::context::Context;
use crate::rule::{Interface, Plugin, dispatch};
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows by dataset, then key.
pub type Lookups = BTreeMap<String, BTreeMap<String, Value>>;

/// Runs `rule` of `P` over the JSON text of an input, as the component would.
///
/// # Errors
/// What the rule, or the SDK in its place, answers instead of a result.
pub fn run<P: Plugin>(interface: Interface, rule: &str, input: &str, lookups: &Lookups) -> Result<Answer, RuleError> {
    dispatch::<P>(interface, rule, input, &Context { lookups })
}
