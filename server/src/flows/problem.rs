//! Every reason to say no, as data: a kind, a stable code, sentences in every language, and where in the request.
//!
//! `http/problem.rs` alone knows which status code a kind has. Sentences are in `texts.json`; those of the engine, of SOPs
//! and of plugins come filled in.

use crate::store::StoreError;
use engine::command::Malformed;
use engine::rejection::Rejection;
use engine::text::{LANGUAGES, Text, fill};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static TEXTS: LazyLock<BTreeMap<String, Text>> =
    LazyLock::new(|| serde_json::from_str(include_str!("texts.json")).unwrap_or_default());

/// Most bytes of a text that something is found by: PostgreSQL's indexes take no longer ones.
pub const NAME_MAX: usize = 200;

/// What sort of no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request is not understood.
    Malformed,
    /// Nobody known is asking.
    Unauthenticated,
    /// They may not.
    Forbidden,
    /// It is not there, or not for them.
    NotFound,
    /// Something else is in the way.
    Conflict,
    /// It changed since they saw it.
    Stale,
    /// Too many bytes.
    TooLarge,
    /// A media type that is not taken.
    Unsupported,
    /// Understood, and not acceptable.
    Invalid,
    /// They did not say which version they saw.
    Unseen,
    /// Too often.
    TooMany,
    /// For now not possible; try again.
    Unavailable,
    /// A fault of ours.
    Internal,
}

/// One place in the request and what is wrong there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON Pointer into the body; empty for all of it.
    pub pointer: String,
    /// Stable code.
    pub code: String,
    /// In words.
    pub detail: Text,
}

/// See the module header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What sort of no.
    pub kind: Kind,
    /// Stable code.
    pub code: String,
    /// In words.
    pub detail: Text,
    /// Where.
    #[serde(default)]
    pub errors: Vec<Violation>,
    /// For the log; never part of an answer.
    #[serde(skip)]
    pub cause: Option<String>,
}

/// What flows give.
pub type Result<T> = std::result::Result<T, Problem>;

/// A sentence of this program, or of the engine where this program has none, in every language.
pub fn sentence(code: &str, params: &Value) -> Text {
    let one = |language: &&str| {
        let own = TEXTS.get(code).and_then(|text| text.get(language)).map(|template| fill(template, params));
        ((*language).to_owned(), own.unwrap_or_else(|| engine::explain::sentence(code, params, language)))
    };
    Text(LANGUAGES.iter().map(one).collect())
}

impl Violation {
    /// A violation with the sentence of its code.
    pub fn new(pointer: &str, code: &str, params: &Value) -> Self {
        Self { pointer: pointer.to_owned(), code: code.to_owned(), detail: sentence(code, params) }
    }
}

impl Problem {
    /// A problem with the sentence of its code.
    pub fn new(kind: Kind, code: &str, params: &Value) -> Self {
        Self { kind, code: code.to_owned(), detail: sentence(code, params), errors: Vec::new(), cause: None }
    }

    /// Not there, or not for this caller: the two look alike (SCOPE).
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", &Value::Null)
    }

    /// Not acceptable at one place.
    pub fn invalid(pointer: &str, code: &str, params: &Value) -> Self {
        Self::at_all(vec![Violation::new(pointer, code, params)])
    }

    /// Not acceptable at these places.
    pub fn at_all(errors: Vec<Violation>) -> Self {
        let mut problem = Self::new(Kind::Invalid, "invalid", &json!({"count": errors.len()}));
        if let [only] = errors.as_slice() {
            problem.code.clone_from(&only.code);
            problem.detail.clone_from(&only.detail);
        }
        problem.errors = errors;
        problem
    }

    /// Somebody else's change came first.
    pub fn stale() -> Self {
        Self::new(Kind::Stale, "version.stale", &Value::Null)
    }

    /// The caller must say which version they saw.
    pub fn unseen() -> Self {
        Self::new(Kind::Unseen, "version.unseen", &Value::Null)
    }

    /// A fault of ours; `cause` is for the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(Kind::Internal, "internal", &Value::Null) }
    }

    /// What the engine says no to.
    pub fn of_rejection(rejection: &Rejection) -> Self {
        let params = Value::Object(rejection.params.clone());
        Self::invalid(&rejection.pointer, &rejection.code, &params)
    }

    /// Whether the same command will get the same no: such an answer is kept.
    pub const fn is_final(&self) -> bool {
        matches!(self.kind, Kind::Invalid)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                Self { cause: Some(cause), ..Self::new(Kind::Unavailable, "unavailable", &Value::Null) }
            }
            StoreError::Inconsistent { .. } | StoreError::Unfit(_) | StoreError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        let params = json!({"detail": malformed.detail});
        Self { kind: Kind::Malformed, ..Self::invalid(&malformed.pointer, malformed.code, &params) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_there_in_every_language() {
        assert!(TEXTS.len() > 20, "texts.json cannot be read");
        for (code, text) in TEXTS.iter() {
            for language in LANGUAGES {
                assert!(text.0.get(language).is_some_and(|text| !text.is_empty()), "{code} in {language}");
            }
        }
    }

    #[test]
    fn sentences_of_the_engine_are_found_too() {
        let text = sentence("step.unknown", &json!({"step": "x"}));
        assert_eq!(text.0["en"], "The SOP has no step x.");
    }
}
