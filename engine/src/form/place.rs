//! What a form says about a place in the answers: its title, its unit, what a choice is called, and the order of members.
//!
//! A place is described by several subschemas at once (`$ref`, `allOf`, `then`, …). Titles are looked for in this order:
//! the label of the UI schema, JSON Forms' `i18n` key in the SOP's texts, `title` or `x-title` (a string or a BCP 47 map),
//! the member's name. Nothing is validated here.

use crate::explain::sentence;
use crate::sop::Form;
use crate::text::Text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most subschemas looked at for one place.
const MAX_PARTS: usize = 200;

/// One place of a form.
#[derive(Clone)]
pub struct Place<'a> {
    root: &'a Value,
    texts: &'a BTreeMap<String, Text>,
    parts: Vec<&'a Value>,
    /// The UI schema of the object, or of the items of the list, at this place.
    layout: Option<&'a Value>,
    label: Option<&'a Value>,
}

impl<'a> Place<'a> {
    /// The whole of the answers.
    #[must_use]
    pub fn root(form: &'a Form, texts: &'a BTreeMap<String, Text>) -> Self {
        Self::at(&form.schema, texts, vec![&form.schema], Some(&form.ui), None)
    }

    fn at(
        root: &'a Value,
        texts: &'a BTreeMap<String, Text>,
        parts: Vec<&'a Value>,
        layout: Option<&'a Value>,
        label: Option<&'a Value>,
    ) -> Self {
        Self { root, texts, parts: together(root, parts), layout, label }
    }

    /// A member of the object here.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        let named = |part: &&'a Value| part.get("properties").and_then(|properties| properties.get(name));
        let mut parts: Vec<&'a Value> = self.parts.iter().filter_map(named).collect();
        if parts.is_empty() {
            parts.extend(self.parts.iter().filter_map(|part| part.get("additionalProperties")));
        }
        let control = self.controls().into_iter().find(|(found, _)| *found == name).map(|(_, control)| control);
        let detail = control.and_then(|control| control.pointer("/options/detail")).filter(|detail| detail.is_object());
        // Without a layout of their own, the controls of an object may stand in that of its owner.
        Self::at(self.root, self.texts, parts, detail, control.and_then(|control| control.get("label")))
    }

    /// An item of the list here.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        let at = |part: &&'a Value| {
            let prefix = part.get("prefixItems").and_then(|items| items.get(index));
            prefix.or_else(|| part.get("items"))
        };
        Self::at(self.root, self.texts, self.parts.iter().filter_map(at).collect(), self.layout, None)
    }

    /// What the place is called.
    #[must_use]
    pub fn title(&self, language: &str, name: &str) -> String {
        let from_key = |part: &&Value| {
            let key = part.get("i18n")?.as_str()?;
            self.texts.get(&format!("{key}.label")).map(|text| text.get(language).unwrap_or_default().to_owned())
        };
        let annotated = |part: &&Value| {
            text(language, part.get("title"))
                .or_else(|| text(language, part.get("x-title")))
                .filter(|_| is_about_all(part))
        };
        let found = text(language, self.label)
            .or_else(|| self.parts.iter().find_map(from_key))
            .or_else(|| self.parts.iter().find_map(annotated));
        found.unwrap_or_else(|| readable(name))
    }

    /// The titles on the way to a place below, rows counted from 1.
    #[must_use]
    pub fn path(&self, language: &str, pointer: &str) -> Vec<String> {
        let mut here = self.clone();
        let mut titles = Vec::new();
        for token in pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")) {
            let row = token.parse::<usize>().ok().filter(|_| here.parts.iter().any(|part| part.get("items").is_some()));
            here = match row {
                Some(index) => {
                    titles.push(sentence("path.row", &json!({"row": index + 1}), language));
                    here.item(index)
                }
                None => {
                    let member = here.member(&token);
                    titles.push(member.title(language, &token));
                    member
                }
            };
        }
        titles
    }

    /// What a choice is called, if the form says so.
    #[must_use]
    pub fn choice(&self, language: &str, value: &Value) -> Option<String> {
        let from_key = |part: &&Value| {
            let key = part.get("i18n")?.as_str()?;
            self.texts
                .get(&format!("{key}.{}", value.as_str()?))
                .map(|text| text.get(language).unwrap_or_default().to_owned())
        };
        let named = |part: &&Value| {
            let said = text(language, part.get("title")).or_else(|| text(language, part.get("x-title")));
            said.filter(|_| part.get("const") == Some(value))
        };
        self.parts.iter().find_map(from_key).or_else(|| self.parts.iter().find_map(named))
    }

    /// The unit as the form has it (UCUM where there is one), if there is one.
    #[must_use]
    pub fn unit(&self) -> Option<&'a str> {
        self.parts.iter().find_map(|part| part.get("x-unit")?.as_str())
    }

    /// Names of the members, as the form orders them: by the UI schema, then as required, then the others.
    #[must_use]
    pub fn order(&self) -> Vec<&'a str> {
        let mut order: Vec<&'a str> = self.controls().into_iter().map(|(name, _)| name).collect();
        let required = self.parts.iter().filter_map(|part| part.get("required")?.as_array()).flatten();
        order.extend(required.filter_map(Value::as_str));
        let others = self.parts.iter().filter_map(|part| part.get("properties")?.as_object());
        order.extend(others.flat_map(|properties| properties.keys().map(String::as_str)));
        let mut seen = std::collections::BTreeSet::new();
        order.retain(|name| seen.insert(*name));
        order
    }

    /// The controls of the layout with the member each is for, in order; details of lists are not looked into.
    fn controls(&self) -> Vec<(&'a str, &'a Value)> {
        let mut controls = Vec::new();
        let mut pending: Vec<&'a Value> = self.layout.into_iter().collect();
        while let Some(element) = pending.pop() {
            let scope =
                element.get("scope").and_then(Value::as_str).and_then(|scope| scope.strip_prefix("#/properties/"));
            if let Some(name) = scope.filter(|name| !name.contains('/')) {
                controls.push((name, element));
            }
            pending.extend(element.get("elements").and_then(Value::as_array).into_iter().flatten().rev());
        }
        controls
    }
}

/// A part that describes the place as a whole, not one choice among several.
fn is_about_all(part: &Value) -> bool {
    part.get("const").is_none() || part.get("type").is_some() || part.get("i18n").is_some()
}

/// The parts and everything else that is about the same value.
fn together<'a>(root: &'a Value, parts: Vec<&'a Value>) -> Vec<&'a Value> {
    let mut found: Vec<&'a Value> = Vec::new();
    let mut pending: std::collections::VecDeque<&'a Value> = parts.into();
    while let Some(part) = pending.pop_front().filter(|_| found.len() < MAX_PARTS) {
        if !part.is_object() || found.iter().any(|known| std::ptr::eq(*known, part)) {
            continue;
        }
        found.push(part);
        let referred = part.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        pending.extend(referred.and_then(|pointer| root.pointer(pointer)));
        for keyword in ["allOf", "anyOf", "oneOf"] {
            pending.extend(part.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
        pending.extend(["then", "else"].iter().filter_map(|keyword| part.get(*keyword)));
        pending.extend(part.get("dependentSchemas").and_then(Value::as_object).into_iter().flat_map(|by| by.values()));
    }
    found
}

/// A text that is a string, or a map by language.
fn text(language: &str, value: Option<&Value>) -> Option<String> {
    let said = match value? {
        Value::String(text) => text.clone(),
        map @ Value::Object(_) => {
            let text: Text = serde_json::from_value(map.clone()).ok()?;
            text.get(language).unwrap_or_default().to_owned()
        }
        _ => return None,
    };
    (!said.is_empty()).then_some(said)
}

/// A member's name made readable: `shift_leader` is `Shift leader`.
fn readable(name: &str) -> String {
    let spaced = name.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &Value, path: &[&str], titles: [&str; 2]) {
        let form = Form { schema: form["schema"].clone(), ui: form["ui"].clone() };
        let texts = json!({"price.label": {"en": "Price", "zh-CN": "价格"}});
        let texts: BTreeMap<String, Text> = serde_json::from_value(texts).unwrap();
        for (language, title) in crate::text::LANGUAGES.iter().zip(titles) {
            let place = path.iter().fold(Place::root(&form, &texts), |place, name| match name.parse() {
                Ok(index) => place.item(index),
                Err(_) => place.member(name),
            });
            assert_eq!(place.title(language, path.last().unwrap()), title, "{path:?} in {language}");
        }
    }

    #[test]
    fn titles_come_from_wherever_the_form_has_them() {
        let form = json!({"schema": {
            "properties": {
                "plain": {"type": "string", "title": "Plain"},
                "map": {"title": {"en": "Map", "zh-CN": "图"}},
                "annotated": {"x-title": {"en": "Annotated", "zh-CN": "注"}},
                "keyed": {"i18n": "price", "title": "not this"},
                "referred": {"$ref": "#/$defs/thing"},
                "choice": {"oneOf": [{"const": "a", "title": "A"}]},
                "rows": {"items": {"properties": {"deep": {"title": "Deep"}}}},
                "no_title": {"type": "string"},
            },
            "then": {"properties": {"only_then": {"title": "Only then"}}},
            "$defs": {"thing": {"title": "Thing"}},
        }, "ui": {"elements": [{"elements": [{"scope": "#/properties/plain", "label": {"en": "UI", "zh-CN": "界面"}}]}]}});
        check(&form, &["plain"], ["UI", "界面"]);
        check(&form, &["map"], ["Map", "图"]);
        check(&form, &["annotated"], ["Annotated", "注"]);
        check(&form, &["keyed"], ["Price", "价格"]);
        check(&form, &["referred"], ["Thing", "Thing"]);
        check(&form, &["choice"], ["Choice", "Choice"]);
        check(&form, &["rows", "3", "deep"], ["Deep", "Deep"]);
        check(&form, &["only_then"], ["Only then", "Only then"]);
        check(&form, &["no_title"], ["No title", "No title"]);
    }

    #[test]
    fn a_path_is_said_in_titles() {
        let schema = json!({"properties": {"rows": {"title": "Rows", "items": {"properties": {"a": {"title": "A"}}}}}});
        let form = Form { schema, ui: Value::Null };
        let texts = BTreeMap::new();
        assert_eq!(Place::root(&form, &texts).path("en", "/rows/3/a"), ["Rows", "row 4", "A"]);
        assert!(Place::root(&form, &texts).path("en", "").is_empty());
    }

    #[test]
    fn choices_and_order_come_from_the_form() {
        let form = Form {
            schema: json!({
                "required": ["b", "c"],
                "properties": {"a": {}, "b": {}, "c": {"x-unit": "m2", "oneOf": [{"const": 1, "title": "One"}]}, "d": {}},
            }),
            ui: json!({"elements": [{"scope": "#/properties/d"}, {"scope": "#/properties/b"}]}),
        };
        let texts = BTreeMap::new();
        let place = Place::root(&form, &texts);
        assert_eq!(place.order(), ["d", "b", "c", "a"]);
        assert_eq!(place.member("c").choice("en", &json!(1)), Some("One".to_owned()));
        assert_eq!(place.member("c").choice("en", &json!(2)), None);
        assert_eq!(place.member("c").unit(), Some("m2"));
    }
}
