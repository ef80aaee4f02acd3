//! `sopwith sop render`: the SOP that an overlay, the tenant's values and a customer give, and where each line comes from.
//!
//! What is shown is what a run is pinned to: the document and the parameters. It is written as JSON, a line each, with the
//! origin in front: the template, the head of the overlay, one of its changes, a slice of a parameter, the tenant.

use crate::cli::{Language, RenderArguments};
use crate::flows::problem::sentence;
use crate::judge::parse_sop;
use crate::sop_folder;
use crate::sop_lint;
use anyhow::Context as _;
use engine::input::CustomerInput;
use engine::lint::{self, Problem};
use engine::overlay::{self, Change, Origin, Overlay};
use engine::parameters;
use engine::sop::Sop;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Members that come first in an object, in this order.
const FIRST: [&str; 9] = ["sop", "version", "id", "code", "rule", "kind", "type", "title", "help"];
/// Longest text that is not broken up although it could be.
const LINE: usize = 90;

/// Where a value of the effective SOP comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
enum Source {
    Document(Origin),
    /// The slice of that index.
    Slice {
        slice: usize,
    },
    Tenant(&'static str),
}

/// An effective SOP with the origin of every value, by JSON Pointer into it.
struct Rendered {
    /// `{"sop", "parameters"}`.
    effective: Value,
    origins: BTreeMap<String, Source>,
    overlay: Option<Overlay>,
}

/// Runs the command; false when something is wrong with what is put together.
///
/// # Errors
/// When a file cannot be read.
pub fn run(arguments: &RenderArguments) -> anyhow::Result<bool> {
    let language = arguments.language;
    let rendered = match render(arguments)? {
        Ok(rendered) => rendered,
        Err(problems) => {
            sop_lint::print(&problems, language, arguments.json);
            return Ok(false);
        }
    };
    if arguments.json {
        let Rendered { effective, origins, .. } = &rendered;
        println!(
            "{}",
            json!({"sop": effective.get("sop"), "parameters": effective.get("parameters"), "origins": origins})
        );
        return Ok(true);
    }
    let mut page = Page { origins: &rendered.origins, language, text: String::new() };
    page.value(&rendered.effective, "", "", 0, "");
    for (index, change) in rendered.overlay.iter().flat_map(|overlay| overlay.changes.iter().enumerate()) {
        if let Change::Remove { at } = change {
            page.line(&Source::Document(Origin::Change(index)), &format!("- {at}"));
        }
    }
    print!("{}", page.text);
    Ok(true)
}

fn render(arguments: &RenderArguments) -> anyhow::Result<Result<Rendered, Vec<Problem>>> {
    let template = sop_folder::document(&arguments.sop)?;
    let mut origins = BTreeMap::new();
    let mut from = None;
    let document = match &arguments.overlay {
        None => {
            note(&template, "/sop", &Source::Document(Origin::Template), &mut origins);
            template
        }
        Some(file) => {
            let applied = overlay::read(&sop_folder::document(file)?)
                .and_then(|overlay| Ok((overlay::apply(&template, &overlay)?, overlay)));
            let (applied, overlay) = match applied {
                Ok(applied) => applied,
                Err(problems) => return Ok(Err(problems)),
            };
            let placed = applied.origins.into_iter();
            origins.extend(placed.map(|(pointer, origin)| (format!("/sop{pointer}"), Source::Document(origin))));
            from = Some(overlay);
            applied.document
        }
    };
    let (_, problems) = lint::lint(&serde_json::to_vec(&document)?, None);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let sop = parse_sop(&document)?;
    let own = arguments.parameters.as_deref().map_or_else(|| Ok(Map::new()), object)?;
    let problems = lint::overrides(&sop, &own);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let customer = arguments.customer.as_deref().map(customer).transpose()?;
    let values = parameter_values(&sop, &own, customer.as_ref(), &mut origins);
    origins.insert(String::new(), Source::Document(Origin::Template));
    origins.insert("/parameters".to_owned(), Source::Document(Origin::Template));
    Ok(Ok(Rendered { effective: json!({"sop": document, "parameters": values}), origins, overlay: from }))
}

fn object(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let value = sop_folder::read_json(file)?;
    value.as_object().cloned().with_context(|| format!("{}: not a JSON object", file.display()))
}

fn customer(file: &Path) -> anyhow::Result<CustomerInput> {
    let members = object(file)?;
    let text = |name: &str| {
        let text = members.get(name).and_then(Value::as_str).map(str::to_owned);
        text.with_context(|| format!("{}: a customer has an `{name}`", file.display()))
    };
    let fields = members.get("fields").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(CustomerInput { id: text("id")?, kind: text("type")?, fields, area_m2: None })
}

/// The value of each parameter; its origin is noted.
fn parameter_values(
    sop: &Sop,
    own: &Map<String, Value>,
    customer: Option<&CustomerInput>,
    origins: &mut BTreeMap<String, Source>,
) -> Map<String, Value> {
    let slices = parameters::slices(sop);
    let sliced = customer.map(|customer| parameters::for_customer(&slices, customer)).unwrap_or_default();
    let mut values = Map::new();
    for (name, parameter) in &sop.parameters {
        let (value, source) = match (own.get(name), sliced.get(name)) {
            (Some(value), _) => (value, Source::Tenant("tenant")),
            (None, Some((index, value))) => (value, Source::Slice { slice: *index }),
            (None, None) => {
                let default = origins.get(&format!("/sop/parameters/{name}/default"));
                (&parameter.default, default.cloned().unwrap_or(Source::Document(Origin::Template)))
            }
        };
        note(value, &format!("/parameters/{name}"), &source, origins);
        values.insert(name.clone(), value.clone());
    }
    values
}

/// Notes one origin for a value and all in it.
fn note(value: &Value, pointer: &str, source: &Source, origins: &mut BTreeMap<String, Source>) {
    origins.insert(pointer.to_owned(), source.clone());
    for (name, _, member) in members(value) {
        note(member, &format!("{pointer}/{name}"), source, origins);
    }
}

/// What is in a value: token of its pointer, name if it has one, value; the telling members first.
fn members(value: &Value) -> Vec<(String, Option<&str>, &Value)> {
    match value {
        Value::Object(members) => {
            let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
            let mut named: Vec<(&String, &Value)> = members.iter().collect();
            named.sort_by_key(|(name, _)| rank(name));
            let token = |name: &str| name.replace('~', "~0").replace('/', "~1");
            named.into_iter().map(|(name, value)| (token(name), Some(name.as_str()), value)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), None, item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

struct Page<'a> {
    origins: &'a BTreeMap<String, Source>,
    language: Language,
    text: String,
}

impl Page<'_> {
    fn source(&self, pointer: &str) -> Source {
        self.origins.get(pointer).cloned().unwrap_or(Source::Document(Origin::Template))
    }

    /// One line: the origin, and what comes from there.
    fn line(&mut self, source: &Source, text: &str) {
        let word = |code: &str| sentence(code, &Value::Null).get(self.language.tag()).unwrap_or(code).to_owned();
        let name = match source {
            Source::Document(Origin::Template) => word("origin.template"),
            Source::Document(Origin::Overlay) => word("origin.overlay"),
            Source::Document(Origin::Change(index)) => format!("/changes/{index}"),
            Source::Slice { slice } => format!("by/{slice}"),
            Source::Tenant(_) => word("origin.tenant"),
        };
        let wide = name.chars().filter(|letter| !letter.is_ascii()).count();
        let width = 13_usize.saturating_sub(wide);
        // Writing to a String cannot fail.
        writeln!(self.text, "{name:<width$}│ {text}").unwrap_or_default();
    }

    fn value(&mut self, value: &Value, pointer: &str, name: &str, depth: usize, comma: &str) {
        let source = self.source(pointer);
        let indent = "  ".repeat(depth);
        let inner = members(value);
        let short = value.to_string();
        if inner.is_empty() || (short.len() <= LINE && depth > 1 && self.is_of_one_origin(value, pointer, &source)) {
            return self.line(&source, &format!("{indent}{name}{short}{comma}"));
        }
        let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
        self.line(&source, &format!("{indent}{name}{open}"));
        let last = inner.len();
        for (at, (token, member, value)) in inner.into_iter().enumerate() {
            let name = member.map(|member| format!("{}: ", json!(member))).unwrap_or_default();
            let comma = if at + 1 == last { "" } else { "," };
            self.value(value, &format!("{pointer}/{token}"), &name, depth + 1, comma);
        }
        self.line(&source, &format!("{indent}{close}{comma}"));
    }

    fn is_of_one_origin(&self, value: &Value, pointer: &str, source: &Source) -> bool {
        members(value).into_iter().all(|(token, _, member)| {
            let pointer = format!("{pointer}/{token}");
            self.source(&pointer) == *source && self.is_of_one_origin(member, &pointer, source)
        })
    }
}
