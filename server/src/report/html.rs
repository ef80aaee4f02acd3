//! HTML made safely: whatever is passed as text or attribute value is escaped, tag and attribute names are constants.
//!
//! Nothing else writes markup; there is no way to put in text unescaped. What is on the page is decided elsewhere.

use std::fmt::Write as _;

/// A page, or a part of one, in the making.
#[derive(Default)]
pub struct Html(String);

/// Attributes of an element: constant names, any values.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// An element and what is inside it.
    pub fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, inside: impl FnOnce(&mut Self)) {
        self.void(tag, attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An element with nothing but text inside.
    pub fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// An element with a class and nothing but text inside.
    pub fn span(&mut self, class: &str, text: &str) {
        self.leaf("span", &[("class", class)], text);
    }

    /// An element without an end (`img`, `meta`).
    pub fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(value, &mut self.0);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        escape(text, &mut self.0);
    }

    /// The style sheet: a constant, so nothing of it needs to be escaped.
    pub fn style(&mut self, css: &'static str) {
        self.0.push_str("<style>");
        self.0.push_str(css);
        self.0.push_str("</style>");
    }

    /// The whole document, with `self` as what is inside `html`.
    pub fn document(self, language: &'static str) -> String {
        let mut document = String::with_capacity(self.0.len() + 64);
        document.push_str("<!DOCTYPE html>\n<html lang=\"");
        document.push_str(language);
        document.push_str("\">");
        document.push_str(&self.0);
        document.push_str("</html>\n");
        document
    }
}

/// Escapes for text and for quoted attributes alike. Characters that would hide or reorder text (controls, and those that
/// override its direction) are shown as `\u{fffd}`.
fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

/// A number for SVG: at most two decimals, never in scientific notation.
pub fn number(number: f64) -> String {
    if !number.is_finite() {
        return "0".to_owned();
    }
    let mut text = String::new();
    if write!(text, "{number:.2}").is_err() {
        return "0".to_owned();
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Html, number};

    #[test]
    fn text_and_values_are_escaped() {
        let mut html = Html::default();
        html.element("p", &[("title", "a\"b'<c>&")], |html| html.text("<script>alert(\"1\")</script>\u{0}\u{202e}\n"));
        assert_eq!(
            html.0,
            "<p title=\"a&quot;b&#39;&lt;c&gt;&amp;\">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;\u{fffd}\u{fffd}\n</p>"
        );
    }

    #[test]
    fn numbers_are_short_and_plain() {
        for (value, expected) in
            [(1.0, "1"), (-0.001, "0"), (2.505, "2.5"), (1e9, "1000000000"), (f64::NAN, "0"), (f64::INFINITY, "0")]
        {
            assert_eq!(number(value), expected);
        }
    }
}
