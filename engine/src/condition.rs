//! Conditions: CEL over `answers`, `absent`, `evidence`, `steps`, `customer`, `parameters` and `visit`.
//!
//! The `cel` crate reads the text; what it may contain, and what it means, is decided here, so that phone and server
//! agree to the last bit, no condition can loop or exhaust memory, and no clock or hash order is ever seen. What must
//! not live here: which conditions an SOP has (`sop.rs`), what becomes of their answers.
//!
//! **Numbers.** There is one kind of number: the double, as in JSON. `6`, `6.0` and `6u` are the same value whether they
//! stand in the condition or in the answers, so no author meets "int plus double". Consequences, all tested:
//! `7 / 2` is 3.5 (not 3); `%` takes any numbers and keeps the sign of its left side; dividing by zero is an error;
//! list positions must be whole; whole results leave as JSON integers; integers beyond 2^53 are refused in the text.
//! `ceil`, `floor`, `round` and `int` (towards zero) give whole numbers and first forgive an error of 1e-9, so that
//! `ceil(8.4 / 1.2)` is 7. Money and other decimals are strings, as everywhere in Sopwith.
//!
//! **Beside standard CEL.** `has(a.b.c)` is false, not an error, when `b` is already missing. `ceil`, `floor`, `round` and
//! `days_between(from, to)` are added, and `text.substring(from, to)` by characters. Left out: map literals, bytes, optional syntax, types, timestamps and durations
//! (they bring time zones and clocks), computed patterns, comprehensions over maps.
//!
//! **Bounds.** Text, nesting, nodes and comprehension depth when compiled; steps of work (each node, each 32 bytes, each
//! list item touched) when evaluated. Recursion never exceeds `MAX_DEPTH`.

mod compile;
mod evaluate;
mod node;
#[cfg(test)]
mod tests;
mod value;

use node::Node;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest condition, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most brackets, or `? :`, open at one place.
pub const MAX_NESTING: usize = 24;
/// Deepest syntax tree; a chain of n operators is n deep.
pub const MAX_DEPTH: usize = 64;
/// Most nodes of the syntax tree.
pub const MAX_NODES: usize = 500;
/// Most comprehensions (`all`, `exists`, `exists_one`, `filter`, `map`) inside one another.
pub const MAX_COMPREHENSIONS: usize = 2;
/// Most steps of work of one evaluation.
pub const MAX_WORK: u64 = 1_000_000;

/// What a condition may start a name with.
pub const ROOTS: [&str; 7] = ["answers", "absent", "evidence", "steps", "customer", "parameters", "visit"];

/// What a condition is evaluated over: JSON by root.
pub trait Roots {
    /// The value of one of [`ROOTS`]; one that is not there is missing, like any other member.
    fn root(&self, name: &str) -> Option<&Value>;
}

/// An object with some of [`ROOTS`] as members.
impl Roots for Value {
    fn root(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

/// A condition, compiled: pure, cheap to evaluate, safe to evaluate on anything.
#[derive(Clone, Debug)]
pub struct Condition {
    text: String,
    root: Node,
    references: References,
}

/// What a condition mentions, known without evaluating it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Roots it reads, for instance `answers`.
    pub variables: BTreeSet<String>,
    /// Functions and macros it calls, operators not counted.
    pub functions: BTreeSet<String>,
    /// Longest static paths, root first: `steps.a.answers.b` is `["steps", "a", "answers", "b"]`.
    pub paths: BTreeSet<Vec<String>>,
}

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct ConditionError {
    /// Stable, for instance `condition.syntax`.
    pub code: &'static str,
    /// What exactly, in English.
    pub detail: String,
}

/// Why a condition has no answer for this context.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct EvalError {
    /// Stable, for instance `condition.missing`.
    pub code: &'static str,
    /// What exactly, in English.
    pub detail: String,
}

impl Condition {
    /// Compiles `text` (without a leading `=`).
    ///
    /// # Errors
    /// `condition.too_long`, `.too_deep`, `.too_large`, `.syntax`, `.number`, `.unknown_variable`, `.unknown_function`,
    /// `.arguments`, `.not_supported`, `.pattern`, `.not_a_list`, `.nested` or `.shadow`.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        let (root, references) = compile::compile(text)?;
        Ok(Self { text: text.to_owned(), root, references })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it mentions.
    #[must_use]
    pub const fn references(&self) -> &References {
        &self.references
    }

    /// Whether it can be true: not so if whatever it gives is a number, a text, a list or null.
    #[must_use]
    pub fn may_hold(&self) -> bool {
        self.root.may_hold()
    }

    /// The value for `context`.
    ///
    /// # Errors
    /// `condition.missing`, `.type`, `.division`, `.not_finite`, `.position`, `.date`, `.not_a_list` or `.work`.
    pub fn eval(&self, context: &dyn Roots) -> Result<Value, EvalError> {
        evaluate::evaluate(&self.root, context)
    }

    /// [`Self::eval`] where only true or false will do.
    ///
    /// # Errors
    /// As `eval`, and `condition.result` for anything else.
    pub fn eval_bool(&self, context: &dyn Roots) -> Result<bool, EvalError> {
        let value = self.eval(context)?;
        value.as_bool().ok_or_else(|| unexpected(&value, "true or false"))
    }

    /// [`Self::eval`] where only a number will do.
    ///
    /// # Errors
    /// As `eval`, and `condition.result` for anything else, null included.
    pub fn eval_number(&self, context: &dyn Roots) -> Result<f64, EvalError> {
        let value = self.eval(context)?;
        value.as_f64().ok_or_else(|| unexpected(&value, "a number"))
    }

    /// [`Self::eval`] where a number or null will do (null: does not apply).
    ///
    /// # Errors
    /// As `eval`, and `condition.result` for anything else.
    pub fn eval_number_or_null(&self, context: &dyn Roots) -> Result<Option<f64>, EvalError> {
        match self.eval(context)? {
            Value::Null => Ok(None),
            value => value.as_f64().map(Some).ok_or_else(|| unexpected(&value, "a number or null")),
        }
    }

    /// [`Self::eval`] where only a list will do.
    ///
    /// # Errors
    /// As `eval`, and `condition.result` for anything else.
    pub fn eval_list(&self, context: &dyn Roots) -> Result<Vec<Value>, EvalError> {
        match self.eval(context)? {
            Value::Array(items) => Ok(items),
            value => Err(unexpected(&value, "a list")),
        }
    }
}

fn unexpected(value: &Value, wanted: &str) -> EvalError {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    EvalError { code: "condition.result", detail: format!("gives {got}, wanted {wanted}") }
}
