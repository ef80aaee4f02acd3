//! Forms: JSON Schema 2020-12, compiled once; answers give every violation at once, with JSON Pointers.
//!
//! Schemas and answers both come from people who may be careless or hostile, so everything is bounded before a library
//! recurses into it: schemas in `schema.rs`, answers in `bounds.rs`. Nothing is fetched: only `#/…` references exist, and
//! they may not form a cycle. Patterns run on a linear-time engine with a size limit. What must not live here: what a
//! violation does to a visit.
//!
//! Three annotations have a meaning. `x-absent: [code…]` on a property lets a rep say why it is not answered; the mark then
//! stands in for the answer where it is `required`. `x-personal: true` marks personal data, `x-free-text: true` a text in
//! the rep's own words, which other visits may be compared with. `i18n` is JSON Forms' key for labels; clients use it.

mod absent;
pub(crate) mod bounds;
mod place;
mod schema;
#[cfg(test)]
mod tests;

pub use bounds::json_depth_within;
pub use place::Place;

use crate::command::Absent;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{PatternOptions, Validator};
use schema::Graph;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Largest schema, in bytes of compact JSON.
pub const MAX_SCHEMA: usize = 256 * 1024;
/// Deepest schema, and deepest answers.
pub const MAX_DEPTH: usize = 32;
/// Most subschemas once every reference is followed.
pub const MAX_SUBSCHEMAS: u64 = 10_000;
/// Largest answers, in bytes (texts and names, and eight for every value).
pub const MAX_ANSWERS: usize = 256 * 1024;
/// Longest list in answers.
pub const MAX_LIST: usize = 10_000;
/// Longest text in answers, in bytes.
pub const MAX_STRING: usize = 64 * 1024;
/// Most absent marks of one submission.
pub const MAX_MARKS: usize = 1_000;
/// Most violations reported at once.
pub const MAX_VIOLATIONS: usize = 100;
/// Most subschemas of one place times values in the answers: what bounds the work of a validation.
const MAX_WORK: u64 = 500_000;
/// Most memory of one compiled pattern, in bytes.
const MAX_PATTERN: usize = 256 * 1024;

/// The formats that are checked; others are refused in schemas, because nobody would check them.
pub const FORMATS: [&str; 7] = ["date", "date-time", "time", "duration", "email", "uri", "uuid"];
/// Formats of numbers in schemas made from Rust types. They name a representation; the bounds beside them are what is
/// checked.
pub const NUMBER_FORMATS: [&str; 11] =
    ["double", "float", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64"];

/// A form ready to judge answers.
#[derive(Debug)]
pub struct CompiledForm {
    validator: Validator,
    graph: Graph,
    /// Where texts in the rep's own words stand: tokens of pointers, `*` for any list item or unnamed member.
    free_texts: Vec<Vec<String>>,
}

/// What is wrong with a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormProblem {
    /// JSON Pointer into the schema.
    pub pointer: String,
    /// Stable, for instance `schema.unknown_keyword`.
    pub code: &'static str,
    /// What exactly, in English, or the name it is about.
    pub detail: String,
}

/// What is wrong with answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// JSON Pointer into the answers; for a missing or unexpected member, that member.
    pub pointer: String,
    /// JSON Schema keyword, `x-absent`, or `too_large` and `too_deep` for answers that are not looked at.
    pub keyword: String,
    /// `form.<keyword>`, `absent.not_allowed` or `absent.answered`.
    pub code: String,
    /// Values for the message: what the schema wants, and names of members; never answers.
    pub params: BTreeMap<String, Value>,
}

impl Violation {
    fn new(pointer: impl Into<String>, keyword: &str, params: Value) -> Self {
        let params = match params {
            Value::Object(members) => members.into_iter().collect(),
            _ => BTreeMap::new(),
        };
        Self { pointer: pointer.into(), keyword: keyword.to_owned(), code: format!("form.{keyword}"), params }
    }
}

impl CompiledForm {
    /// Compiles `schema`.
    ///
    /// # Errors
    /// Every problem found, sorted by (pointer, code).
    pub fn compile(schema: &Value) -> Result<Self, Vec<FormProblem>> {
        let graph = Graph::read(schema)?;
        let free_texts = graph.pointers(|node| node.free_text);
        let free_texts = free_texts.iter().filter_map(|pointer| tokens(pointer)).collect();
        match options().build(schema) {
            Ok(validator) => Ok(Self { validator, graph, free_texts }),
            Err(first) => {
                let meta = jsonschema::draft202012::meta::validator();
                let mut problems: Vec<_> = meta.iter_errors(schema).map(|error| not_a_schema(&error)).collect();
                if problems.is_empty() {
                    problems.push(not_a_schema(&first));
                }
                problems.sort();
                problems.dedup();
                Err(problems)
            }
        }
    }

    /// Every violation of `answers`, at most [`MAX_VIOLATIONS`], sorted by (pointer, keyword). `absent` are the rep's marks
    /// by JSON Pointer.
    #[must_use]
    pub fn validate(&self, answers: &Value, absent: &BTreeMap<String, Absent>) -> Vec<Violation> {
        let mut violations = bounds::check(answers, absent, MAX_WORK / self.graph.width().max(1));
        if violations.is_empty() {
            // Listing errors costs more than finding that there is none, which is nearly always so.
            if !self.validator.is_valid(answers) {
                for error in self.validator.iter_errors(answers) {
                    describe(error.instance_path().as_str(), error.kind(), &mut violations);
                }
            }
            absent::apply(&self.graph, answers, absent, &mut violations);
        }
        let key = |violation: &Violation| {
            let params = violation.params.iter().map(|(name, value)| format!("{name}={value}")).collect::<String>();
            (violation.pointer.clone(), violation.keyword.clone(), params)
        };
        violations.sort_by_cached_key(key);
        violations.dedup();
        violations.truncate(MAX_VIOLATIONS);
        violations
    }

    /// Where personal data stands: JSON Pointers with `*` for any list item or unnamed member.
    #[must_use]
    pub fn personal_pointers(&self) -> BTreeSet<String> {
        self.graph.pointers(|node| node.personal)
    }

    /// The texts in the rep's own words (`x-free-text`) of answers, each with its JSON Pointer, in order.
    #[must_use]
    pub fn free_texts<'a>(&self, answers: &'a Value) -> Vec<(String, &'a str)> {
        let mut found = Vec::new();
        for pointer in &self.free_texts {
            let mut places = vec![(String::new(), answers)];
            for token in pointer {
                places = places.into_iter().flat_map(|(at, value)| inside(&at, value, token)).collect();
            }
            found.extend(places.into_iter().filter_map(|(at, value)| Some((at, value.as_str()?))));
        }
        found.sort();
        found
    }

    /// Whether a place in the answers, or what it stands in, is personal.
    #[must_use]
    pub fn is_personal(&self, pointer: &str) -> bool {
        let here = tokens(pointer).unwrap_or_default();
        let covers = |place: &String| {
            let place = tokens(place).unwrap_or_default();
            place.len() <= here.len() && place.iter().zip(&here).all(|(wanted, token)| wanted == "*" || wanted == token)
        };
        self.personal_pointers().iter().any(covers)
    }

    /// Whether an answer `name` can exist at the top of the form.
    #[must_use]
    pub fn may_have(&self, name: &str) -> bool {
        self.graph.may_have(name)
    }
}

/// What every schema is compiled with: nothing fetched, formats asserted, linear-time patterns.
pub(crate) fn options() -> jsonschema::ValidationOptions<'static> {
    let options = jsonschema::draft202012::options()
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN));
    NUMBER_FORMATS.iter().fold(options, |options, format| options.with_format(*format, |_: &str| true))
}

fn not_a_schema(error: &jsonschema::ValidationError<'_>) -> FormProblem {
    FormProblem {
        pointer: error.instance_path().as_str().to_owned(),
        code: "schema.invalid",
        detail: error.kind().keyword().to_owned(),
    }
}

/// Turns one error of the library into violations: codes and values, no sentences.
pub(crate) fn describe(pointer: &str, kind: &ValidationErrorKind, violations: &mut Vec<Violation>) {
    use ValidationErrorKind as Kind;
    let keyword = kind.keyword();
    let params = match kind {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            violations.push(Violation::new(below(pointer, name), keyword, json!({ "property": name })));
            return;
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                violations.push(Violation::new(below(pointer, name), keyword, json!({ "property": name })));
            }
            return;
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            violations.push(Violation::new(below(pointer, name), keyword, json!({ "property": name })));
            return;
        }
        Kind::Type { kind: TypeKind::Single(kind) } => json!({ "types": [kind.as_str()] }),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            json!({ "types": kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() })
        }
        Kind::Constant { expected_value } => json!({ "expected": **expected_value }),
        Kind::Enum { options } => json!({ "options": **options }),
        Kind::Minimum { limit } | Kind::Maximum { limit } => json!({ "limit": limit }),
        Kind::ExclusiveMinimum { limit } | Kind::ExclusiveMaximum { limit } => json!({ "limit": limit }),
        Kind::MinLength { limit } | Kind::MaxLength { limit } => json!({ "limit": limit }),
        Kind::MinItems { limit } | Kind::MaxItems { limit } => json!({ "limit": limit }),
        Kind::MinProperties { limit } | Kind::MaxProperties { limit } => json!({ "limit": limit }),
        Kind::MultipleOf { multiple_of } => json!({ "multiple_of": multiple_of }),
        Kind::Pattern { pattern } => json!({ "pattern": pattern }),
        Kind::Format { format } => json!({ "format": format }),
        _ => Value::Null,
    };
    violations.push(Violation::new(pointer, keyword, params));
}

/// `pointer` with one more reference token.
pub(crate) fn below(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// The values one step into `value`: under `token`, or all of them for `*`.
fn inside<'a>(at: &str, value: &'a Value, token: &str) -> Vec<(String, &'a Value)> {
    match value {
        Value::Array(items) if token == "*" => {
            items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect()
        }
        Value::Array(items) => {
            let item = token.parse::<usize>().ok().and_then(|index| items.get(index));
            item.map(|item| (format!("{at}/{token}"), item)).into_iter().collect()
        }
        Value::Object(members) if token == "*" => {
            members.iter().map(|(name, member)| (below(at, name), member)).collect()
        }
        Value::Object(members) => members.get(token).map(|member| (below(at, token), member)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The reference tokens of a JSON Pointer; none if it is not one.
pub(crate) fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let tokens = pointer.strip_prefix('/')?.split('/');
    Some(tokens.map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}
