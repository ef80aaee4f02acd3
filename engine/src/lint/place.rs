//! A place in the document: a value and the JSON Pointer to it. Asking for what is not there gives nothing; that it is
//! missing is the meta-schema's to say.

use crate::form::below;
use serde_json::Value;

#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, pointer: String::new() }
    }

    /// The member `name`; none if it is not there or null.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { value, pointer: self.child(name) })
    }

    /// Pointer to the member `name`, there or not.
    pub(super) fn child(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.value.get(name).and_then(Value::as_str)
    }

    /// The items of the list under `name`.
    pub(super) fn items(&self, name: &str) -> Vec<Self> {
        let list = self.value.get(name).and_then(Value::as_array).into_iter().flatten();
        let pointer = self.child(name);
        list.enumerate().map(|(at, value)| Self { value, pointer: format!("{pointer}/{at}") }).collect()
    }

    /// The members of the object under `name`.
    pub(super) fn members(&self, name: &str) -> Vec<(&'a str, Self)> {
        let pointer = self.child(name);
        let members = self.value.get(name).and_then(Value::as_object).into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), Self { value, pointer: below(&pointer, name) })).collect()
    }

    /// `(id, pointer to it)` of every item of the list under `list`.
    pub(super) fn ids(&self, list: &str, id: &str) -> Vec<(&'a str, String)> {
        self.items(list).iter().filter_map(|item| item.text(id).map(|text| (text, item.child(id)))).collect()
    }
}
