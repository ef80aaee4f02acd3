//! Where each value of a result came from: the template, the head of the overlay, or one of its changes.

use super::{Mark, name_of};
use crate::form::below;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The template has it so.
    Template,
    /// Name, version and title of the overlay.
    Overlay,
    /// The change of that index, from 0, which came last.
    Change(usize),
}

/// The last change that covers each place of `document`, by JSON Pointer (by index through lists).
pub(super) fn origins(document: &Value, marks: &[(usize, Mark)]) -> BTreeMap<String, Origin> {
    let last = |deep: bool| -> BTreeMap<&str, usize> {
        let covering = marks.iter().filter(|(_, mark)| mark.deep == deep);
        covering.map(|(index, mark)| (mark.path.as_str(), *index)).collect()
    };
    let mut walk = Walk { deep: last(true), shallow: last(false), origins: BTreeMap::new() };
    walk.visit(document, "", "", None);
    let head = |pointer: &str| {
        ["/sop", "/version", "/title"].iter().any(|own| pointer == *own || pointer.starts_with(&format!("{own}/")))
    };
    let mut origins = walk.origins;
    origins.iter_mut().filter(|(pointer, _)| head(pointer)).for_each(|(_, origin)| *origin = Origin::Overlay);
    origins
}

struct Walk<'a> {
    /// The last change that covers a place with all below, by names.
    deep: BTreeMap<&'a str, usize>,
    /// The last that covers it alone.
    shallow: BTreeMap<&'a str, usize>,
    origins: BTreeMap<String, Origin>,
}

impl Walk<'_> {
    fn visit(&mut self, value: &Value, names: &str, pointer: &str, above: Option<usize>) {
        let covering = above.max(self.deep.get(names).copied());
        let last = covering.max(self.shallow.get(names).copied());
        self.origins.insert(pointer.to_owned(), last.map_or(Origin::Template, Origin::Change));
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.visit(member, &below(names, name), &below(pointer, name), covering);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let index = index.to_string();
                    let name = name_of(item).unwrap_or(&index);
                    self.visit(item, &below(names, name), &below(pointer, &index), covering);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
