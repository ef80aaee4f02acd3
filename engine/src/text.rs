//! Texts for people: BCP 47 maps with a fallback chain, and `{name}` placeholders filled from parameters.
//!
//! What must not live here: any sentence. Sentences are data (SOP, manifest) or stand in `explain.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A text in several languages: BCP 47 tag to string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Text(pub BTreeMap<String, String>);

/// The languages every text for people must have.
pub const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

impl Text {
    /// The text in `language`, else in a language with the same primary tag, else English, else any.
    #[must_use]
    pub fn get(&self, language: &str) -> Option<&str> {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        self.0
            .get(language)
            .or_else(|| self.0.iter().find(|(tag, _)| primary(tag) == primary(language)).map(|(_, text)| text))
            .or_else(|| self.0.get("en"))
            .or_else(|| self.0.values().next())
            .map(String::as_str)
    }

    /// The text in `language` with every `{name}` replaced by that member of `parameters`; unknown names stay.
    #[must_use]
    pub fn fill(&self, language: &str, parameters: &Value) -> Option<String> {
        self.get(language).map(|template| fill(template, parameters))
    }
}

/// `template` with every `{name}` replaced by that member of `parameters`; unknown names stay as they are.
#[must_use]
pub fn fill(template: &str, parameters: &Value) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from_open) = rest.split_at(open);
        filled.push_str(before);
        let Some(close) = from_open.find('}') else {
            rest = from_open;
            break;
        };
        match from_open.get(1..close).and_then(|name| parameters.get(name)) {
            Some(Value::String(text)) => filled.push_str(text),
            Some(value) => filled.push_str(&value.to_string()),
            None => filled.push_str(from_open.get(..=close).unwrap_or_default()),
        }
        rest = from_open.get(close + 1..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}
