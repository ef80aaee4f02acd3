//! Overlays: a tenant's differences on a template, as changes that give an SOP document when applied to it.
//!
//! A change names its place by a pointer that goes through lists by the name of their items, so that it still means the same
//! when the template moves (`overlay/place.rs`). What the template locks, no overlay changes. What is changed where is known
//! for every place of the result (`overlay/origin.rs`); when the template moves from one version to the next, the changes
//! are carried over and conflicts are said (`overlay/rebase.rs`). Works on JSON, as lint does: the result is linted like any
//! other document. What must not live here: what a document means.

mod origin;
mod place;
mod rebase;
#[cfg(test)]
mod tests;

pub use origin::Origin;
pub use place::{find, name_of};
pub use rebase::{Conflict, Rebased, rebase};

use crate::form::{below, tokens};
use crate::lint::{self, Problem};
use crate::text::Text;
use place::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The meta-schema of overlays, JSON Schema 2020-12.
pub const SCHEMA: &str = include_str!("../../schemas/overlay.schema.json");

/// A tenant's differences on a template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Name of the SOP it gives.
    pub overlay: String,
    /// Semantic version of the SOP it gives.
    pub version: String,
    /// Title of the SOP it gives.
    pub title: Text,
    /// The template.
    pub of: TemplateVersion,
    /// Applied one after the other.
    pub changes: Vec<Change>,
}

/// A template in one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateVersion {
    /// Its name.
    pub sop: String,
    /// Its version, exactly.
    pub version: String,
}

/// One difference. `at` is a pointer by names; `after` and `before` are names in the same list, neither: at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Gives a member, or an item that is there, another value; a member that is not there is made.
    Set {
        /// The member or item.
        at: String,
        /// Its value.
        value: Value,
    },
    /// Puts an item into a list; a list that is not there is made.
    Add {
        /// The list.
        at: String,
        /// The item, which must have a name.
        value: Value,
        /// Comes after this item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Comes before this item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
    /// Takes a member or an item away.
    Remove {
        /// The member or item.
        at: String,
    },
    /// Puts an item elsewhere in its list.
    Move {
        /// The item.
        at: String,
        /// Comes after this item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Comes before this item.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<String>,
    },
}

impl Change {
    /// Where it changes something.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Set { at, .. } | Self::Add { at, .. } | Self::Remove { at } | Self::Move { at, .. } => at,
        }
    }
}

/// A template with an overlay applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// An SOP document of the overlay's name, version and title.
    pub document: Value,
    /// Where each value came from, by JSON Pointer into `document`.
    pub origins: BTreeMap<String, Origin>,
}

/// Members of a document that no change may touch: the first three are the overlay's own, the last is the template's.
const HEAD: [&str; 4] = ["sop", "version", "title", "locked"];

/// Whether a document means to be an overlay.
#[must_use]
pub fn is_overlay(document: &Value) -> bool {
    document.get("overlay").is_some()
}

/// Reads an overlay.
///
/// # Errors
/// Everything that is wrong with its shape, sorted by (pointer, code).
pub fn read(document: &Value) -> Result<Overlay, Vec<Problem>> {
    let problems = lint::shape_of_overlay(document);
    if !problems.is_empty() {
        return Err(problems);
    }
    Overlay::deserialize(document).map_err(|error| {
        let detail = json!({ "detail": error.to_string() });
        vec![problem("", "sop.unreadable", detail)]
    })
}

/// Applies an overlay to its template. The result is not linted.
///
/// # Errors
/// The overlay is for another template; every change that cannot be made, at `/changes/<n>`.
pub fn apply(template: &Value, overlay: &Overlay) -> Result<Applied, Vec<Problem>> {
    let mut problems: Vec<Problem> = other_template(template, overlay).into_iter().collect();
    let locks = locks(template);
    let mut document = template.clone();
    let mut marks = Vec::new();
    for (index, change) in overlay.changes.iter().enumerate() {
        match apply_one(&mut document, &locks, change) {
            Ok(mark) => marks.push((index, mark)),
            Err(fault) => {
                let pointer = format!("/changes/{index}/{}", fault.member);
                problems.push(problem(&pointer, fault.code, fault.params));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Value::Object(members) = &mut document {
        members.insert("sop".to_owned(), json!(overlay.overlay));
        members.insert("version".to_owned(), json!(overlay.version));
        members.insert("title".to_owned(), json!(overlay.title));
    }
    let origins = origin::origins(&document, &marks);
    Ok(Applied { document, origins })
}

fn other_template(template: &Value, overlay: &Overlay) -> Option<Problem> {
    let text = |member| template.get(member).and_then(Value::as_str).unwrap_or_default();
    let (sop, version) = (text("sop"), text("version"));
    (sop != overlay.of.sop || version != overlay.of.version).then(|| {
        let wanted = format!("{} {}", overlay.of.sop, overlay.of.version);
        problem("/of", "overlay.other_template", json!({ "wanted": wanted, "found": format!("{sop} {version}") }))
    })
}

pub(crate) fn problem(pointer: &str, code: &str, params: Value) -> Problem {
    let params = if let Value::Object(members) = params { members } else { Map::new() };
    Problem { pointer: pointer.to_owned(), code: code.to_owned(), params: params.into_iter().collect() }
}

/// What a template locks, as tokens.
fn locks(template: &Value) -> Vec<Vec<String>> {
    let listed = template.get("locked").and_then(Value::as_array).into_iter().flatten();
    listed.filter_map(|lock| tokens(lock.as_str()?)).collect()
}

/// What a change covers: a place by names, and whether everything below it too.
pub(crate) struct Mark {
    path: String,
    deep: bool,
}

/// Makes one change, or says why not; then nothing is changed.
fn apply_one(document: &mut Value, locks: &[Vec<String>], change: &Change) -> Result<Mark, Fault> {
    let at = change.at();
    let path = tokens(at).unwrap_or_default();
    let Some((last, above)) = path.split_last() else {
        return Err(Fault::at("overlay.nothing", json!({ "at": at })));
    };
    if path.first().is_some_and(|first| HEAD.contains(&first.as_str())) {
        return Err(Fault::at("overlay.head", json!({ "at": at })));
    }
    if let Some(lock) = locks.iter().find(|lock| forbids(lock, &path, change)) {
        let lock = lock.iter().fold(String::new(), |pointer, token| below(&pointer, token));
        return Err(Fault::at("overlay.locked", json!({ "at": at, "lock": lock })));
    }
    let path = path.iter().fold(String::new(), |pointer, token| below(&pointer, token));
    match change {
        Change::Set { value, .. } => {
            place::set(document, above, last, value)?;
            Ok(Mark { path, deep: true })
        }
        Change::Add { value, after, before, .. } => {
            let name = place::add(document, above, last, value, anchor(after.as_ref(), before.as_ref())?)?;
            Ok(Mark { path: below(&path, &name), deep: true })
        }
        Change::Remove { .. } => {
            place::remove(document, above, last)?;
            Ok(Mark { path, deep: false })
        }
        Change::Move { after, before, .. } => {
            place::move_item(document, above, last, anchor(after.as_ref(), before.as_ref())?)?;
            Ok(Mark { path, deep: false })
        }
    }
}

/// At or below a lock nothing changes, and what holds one is neither replaced nor taken away.
fn forbids(lock: &[String], path: &[String], change: &Change) -> bool {
    let replaces = matches!(change, Change::Set { .. } | Change::Remove { .. });
    path.starts_with(lock) || (replaces && lock.starts_with(path))
}

/// Where in a list an item goes.
#[derive(Clone, Copy)]
pub(crate) enum Anchor<'a> {
    End,
    After(&'a str),
    Before(&'a str),
}

fn anchor<'a>(after: Option<&'a String>, before: Option<&'a String>) -> Result<Anchor<'a>, Fault> {
    match (after, before) {
        (None, None) => Ok(Anchor::End),
        (Some(name), None) => Ok(Anchor::After(name)),
        (None, Some(name)) => Ok(Anchor::Before(name)),
        (Some(_), Some(_)) => Err(Fault { member: "before", code: "overlay.two_anchors", params: json!({}) }),
    }
}
