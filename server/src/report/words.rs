//! The report's own texts (`texts.json`), and how numbers, units and lists are written.
//!
//! The trade's words come from the SOP's `labels`; ours are the fallback.

use engine::text::Text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

static TEXTS: LazyLock<BTreeMap<String, Text>> =
    LazyLock::new(|| serde_json::from_str(include_str!("texts.json")).unwrap_or_default());

/// Texts in one language.
pub struct Words<'a> {
    /// The language: one of `engine::text::LANGUAGES`.
    pub language: &'static str,
    labels: &'a BTreeMap<String, Text>,
}

impl<'a> Words<'a> {
    /// The words of the language nearest to `language`, with an SOP's labels.
    pub fn new(language: &str, labels: &'a BTreeMap<String, Text>) -> Self {
        let chinese = language.get(..2).is_some_and(|primary| primary.eq_ignore_ascii_case("zh"));
        Self { language: if chinese { "zh-CN" } else { "en" }, labels }
    }

    /// A text; its key where there is none.
    pub fn say(&self, key: &str) -> String {
        self.known(key).unwrap_or(key).to_owned()
    }

    /// A text, if there is one.
    pub fn known(&self, key: &str) -> Option<&'static str> {
        TEXTS.get(key)?.get(self.language)
    }

    /// A text with its placeholders filled.
    pub fn fill(&self, key: &str, params: &Value) -> String {
        TEXTS.get(key).and_then(|text| text.fill(self.language, params)).unwrap_or_else(|| key.to_owned())
    }

    /// The trade's word for one of ours.
    pub fn label(&self, key: &str) -> String {
        match self.labels.get(key).and_then(|text| text.get(self.language)) {
            Some(label) => label.to_owned(),
            None => self.say(&format!("label.{key}")),
        }
    }

    /// A text of the SOP.
    pub fn of<'t>(&self, text: &'t Text) -> &'t str {
        text.get(self.language).unwrap_or_default()
    }

    /// A length in metres, or in kilometres from ten on.
    pub fn metres(&self, metres: f64) -> String {
        let (key, length) = if metres < 10_000.0 { ("length.m", metres) } else { ("length.km", metres / 1000.0) };
        self.fill(key, &serde_json::json!({"length": tenths(length)}))
    }

    /// Items of a list, in one line.
    pub fn list(&self, items: &[String]) -> String {
        items.join(&self.say("list.separator"))
    }
}

/// Every key.
#[cfg(test)]
pub fn keys() -> std::collections::BTreeSet<&'static str> {
    TEXTS.keys().map(String::as_str).collect()
}

/// At most one decimal, half away from zero as the engine rounds.
pub fn tenths(number: f64) -> String {
    let text = format!("{:.1}", (number * 10.0 + 1e-9_f64.copysign(number)).round() / 10.0);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A unit as people write it; UCUM codes that look odd are put right.
pub fn unit(unit: &str) -> &str {
    match unit {
        "m2" => "m²",
        "m3" => "m³",
        "cm2" => "cm²",
        "Cel" => "°C",
        "[degF]" => "°F",
        // `{person}` is UCUM for a count of persons.
        other => other.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(other),
    }
}

/// The first digits of a hash.
pub fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::text::LANGUAGES;
    use std::collections::BTreeSet;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn every_text_is_there_in_both_languages_with_the_same_placeholders() {
        assert!(TEXTS.len() > 80, "texts.json cannot be read");
        for (key, text) in TEXTS.iter() {
            let of = |language: &str| text.0.get(language).filter(|text| !text.is_empty());
            let all: Vec<_> = LANGUAGES.iter().filter_map(|language| of(language)).collect();
            assert_eq!(all.len(), LANGUAGES.len(), "{key}");
            assert!(all.windows(2).all(|pair| placeholders(pair[0]) == placeholders(pair[1])), "{key}");
        }
    }

    #[test]
    fn labels_of_the_trade_come_first() {
        let text = Text([("en".to_owned(), "Site".to_owned())].into());
        let labels = BTreeMap::from([("customer".to_owned(), text)]);
        let words = Words::new("zh-Hans", &labels);
        assert_eq!((words.language, words.label("customer").as_str()), ("zh-CN", "Site"));
        assert_eq!(words.label("rep"), "业务员");
        assert_eq!(Words::new("fr", &labels).language, "en");
    }

    #[test]
    fn lengths_are_short() {
        let labels = BTreeMap::new();
        let words = Words::new("en", &labels);
        assert_eq!(
            [300.0, 24.14, 83_123.0].map(|metres| words.metres(metres)),
            ["300\u{a0}m", "24.1\u{a0}m", "83.1\u{a0}km"]
        );
    }
}
