//! Values a condition works with, and how numbers, texts and dates turn into one another.

use super::EvalError;
use chrono::NaiveDate;
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::rc::Rc;

/// How far from a whole number a number may be and still be taken for it by `ceil`, `floor`, `round` and `int`.
const FORGIVEN: f64 = 1e-9;
/// Whole numbers up to here leave as JSON integers; beyond, a double does not know its last digit.
const MAX_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A value: JSON, borrowed from the context wherever possible.
#[derive(Clone, Debug)]
pub(super) enum Val<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// A list of the context.
    Rows(&'a [Value]),
    /// A list made here.
    Items(Rc<Vec<Val<'a>>>),
    Object(&'a Map<String, Value>),
}

impl<'a> Val<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(rows) => Self::Rows(rows),
            Value::Object(members) => Self::Object(members),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.len(),
            Self::Items(items) => items.len(),
            _ => 0,
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<Self> {
        match self {
            Self::Rows(rows) => rows.get(at).map(Self::of),
            Self::Items(items) => items.get(at).cloned(),
            _ => None,
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Rows(_) | Self::Items(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

pub(super) fn fail(code: &'static str, detail: impl Into<String>) -> EvalError {
    EvalError { code, detail: detail.into() }
}

/// `number` as a position in a list, if it is whole.
pub(super) fn whole(number: f64) -> Option<usize> {
    ((0.0..=MAX_INTEGER).contains(&number) && number.trunc() == number).then_some(number as usize)
}

/// The nearest whole number if `number` is only a rounding error away from it.
pub(super) fn forgive(number: f64) -> f64 {
    let nearest = number.round();
    if (number - nearest).abs() < FORGIVEN { nearest } else { number }
}

/// A decimal number; no spaces, no `inf`, no `nan`.
pub(super) fn parse(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// Shortest digits that give the number back; whole numbers without `.0`.
pub(super) fn print(number: f64) -> String {
    let number = if number == 0.0 { 0.0 } else { number };
    format!("{number}")
}

pub(super) fn json_number(number: f64) -> Result<Value, EvalError> {
    if number.trunc() == number && number.abs() <= MAX_INTEGER {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| fail("condition.not_finite", "the number is too large to be written down"))
}

/// An ISO date, `YYYY-MM-DD` and nothing else.
pub(super) fn date(text: &str) -> Result<NaiveDate, EvalError> {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    shape
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
        .ok_or_else(|| fail("condition.date", "not a date `YYYY-MM-DD`"))
}
