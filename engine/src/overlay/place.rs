//! Places of a document by name: members by their name, items of lists by theirs, and what can be done there.

use super::Anchor;
use crate::form::{below, tokens};
use serde_json::{Value, json};

/// Members that name an item of a list, the first that is there.
const NAMES: [&str; 4] = ["id", "code", "rule", "scope"];

/// Why a change cannot be made.
#[derive(Debug)]
pub(super) struct Fault {
    /// The member of the change it is about.
    pub(super) member: &'static str,
    pub(super) code: &'static str,
    pub(super) params: Value,
}

impl Fault {
    pub(super) const fn at(code: &'static str, params: Value) -> Self {
        Self { member: "at", code, params }
    }
}

/// The name of an item of a list: its `id`, else `code`, `rule` or `scope`; a text is its own name.
#[must_use]
pub fn name_of(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| name_member(item).and_then(|member| item.get(member)?.as_str()))
}

fn name_member(item: &Value) -> Option<&'static str> {
    NAMES.into_iter().find(|member| item.get(member).is_some_and(Value::is_string))
}

/// The value at a pointer by names; none if there is nothing, or the name is there twice.
#[must_use]
pub fn find<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    tokens(pointer)?.iter().try_fold(document, |value, token| match value {
        Value::Object(members) => members.get(token),
        Value::Array(items) => items.get(position(items, token).ok()?),
        _ => None,
    })
}

/// Where in a list the item of a name is.
fn position(items: &[Value], name: &str) -> Result<usize, &'static str> {
    let mut found = items.iter().enumerate().filter(|(_, item)| name_of(item) == Some(name));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Ok(index),
        (None, _) => Err("overlay.nothing"),
        (Some(_), Some(_)) => Err("overlay.ambiguous"),
    }
}

fn descend<'a>(document: &'a mut Value, path: &[String]) -> Result<&'a mut Value, Fault> {
    let mut value = document;
    let mut pointer = String::new();
    for token in path {
        pointer = below(&pointer, token);
        let nothing = |code| Fault::at(code, json!({ "at": pointer }));
        value = match value {
            Value::Object(members) => members.get_mut(token).ok_or_else(|| nothing("overlay.nothing"))?,
            Value::Array(items) => {
                let index = position(items, token).map_err(nothing)?;
                items.get_mut(index).ok_or_else(|| nothing("overlay.nothing"))?
            }
            _ => return Err(nothing("overlay.nothing")),
        };
    }
    Ok(value)
}

fn pointer(above: &[String], last: &str) -> String {
    let above = above.iter().fold(String::new(), |pointer, token| below(&pointer, token));
    below(&above, last)
}

pub(super) fn set(document: &mut Value, above: &[String], last: &str, value: &Value) -> Result<(), Fault> {
    let at = || json!({ "at": pointer(above, last) });
    if names_an_item(document, above, last) {
        return Err(Fault::at("overlay.renamed", at()));
    }
    match descend(document, above)? {
        Value::Object(members) => {
            members.insert(last.to_owned(), value.clone());
            Ok(())
        }
        Value::Array(items) => {
            let index = position(items, last).map_err(|code| Fault::at(code, at()))?;
            if name_of(value) != Some(last) {
                return Err(Fault { member: "value", code: "overlay.renamed", params: at() });
            }
            items.get_mut(index).map(|item| *item = value.clone()).ok_or_else(|| Fault::at("overlay.nothing", at()))
        }
        _ => Err(Fault::at("overlay.nothing", at())),
    }
}

/// Whether a member is the name of an item of a list.
fn names_an_item(document: &mut Value, above: &[String], last: &str) -> bool {
    let Some((_, list)) = above.split_last() else { return false };
    let in_list = descend(document, list).is_ok_and(|list| list.is_array());
    in_list && descend(document, above).is_ok_and(|item| name_member(item) == Some(last))
}

/// Gives the name of the item.
pub(super) fn add(
    document: &mut Value,
    above: &[String],
    last: &str,
    value: &Value,
    anchor: Anchor<'_>,
) -> Result<String, Fault> {
    let at = || json!({ "at": pointer(above, last) });
    let holder = descend(document, above)?;
    let missing = holder.as_object().is_some_and(|members| !members.contains_key(last));
    let mut made = Vec::new();
    let list = if missing {
        &mut made
    } else {
        let list = descend(holder, &[last.to_owned()]).map_err(|fault| Fault { params: at(), ..fault })?;
        list.as_array_mut().ok_or_else(|| Fault::at("overlay.not_a_list", at()))?
    };
    let Some(name) = name_of(value).map(str::to_owned) else {
        return Err(Fault { member: "value", code: "overlay.unnamed", params: json!({}) });
    };
    if position(list, &name) != Err("overlay.nothing") {
        return Err(Fault { member: "value", code: "overlay.taken", params: json!({ "name": name }) });
    }
    let index = index(list, anchor)?;
    list.insert(index, value.clone());
    if let (true, Value::Object(members)) = (missing, holder) {
        members.insert(last.to_owned(), Value::Array(made));
    }
    Ok(name)
}

/// Where an item goes.
fn index(list: &[Value], anchor: Anchor<'_>) -> Result<usize, Fault> {
    let (member, name, shift) = match anchor {
        Anchor::End => return Ok(list.len()),
        Anchor::After(name) => ("after", name, 1),
        Anchor::Before(name) => ("before", name, 0),
    };
    let unknown = |_| Fault { member, code: "overlay.no_anchor", params: json!({ "name": name }) };
    Ok(position(list, name).map_err(unknown)? + shift)
}

pub(super) fn remove(document: &mut Value, above: &[String], last: &str) -> Result<(), Fault> {
    let nothing = |code| Fault::at(code, json!({ "at": pointer(above, last) }));
    if names_an_item(document, above, last) {
        return Err(nothing("overlay.renamed"));
    }
    match descend(document, above)? {
        Value::Object(members) => members.remove(last).map(drop).ok_or_else(|| nothing("overlay.nothing")),
        Value::Array(items) => {
            let index = position(items, last).map_err(nothing)?;
            items.remove(index);
            Ok(())
        }
        _ => Err(nothing("overlay.nothing")),
    }
}

pub(super) fn move_item(document: &mut Value, above: &[String], last: &str, anchor: Anchor<'_>) -> Result<(), Fault> {
    let nothing = |code| Fault::at(code, json!({ "at": pointer(above, last) }));
    let Value::Array(items) = descend(document, above)? else { return Err(nothing("overlay.not_an_item")) };
    let from = position(items, last).map_err(nothing)?;
    let mut others = items.clone();
    let item = others.remove(from);
    let to = index(&others, anchor)?;
    others.insert(to, item);
    *items = others;
    Ok(())
}
