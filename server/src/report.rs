//! The visit report: one page that says what happened at a visit and why it was judged so, to read, print and keep.
//!
//! A pure function: no file, no clock, no network. The page is whole in itself and holds no script; one style sheet stands
//! in it, pictures are `data:` addresses. Each section is a function in `report/` and one word in `ROWS`.

mod answers;
mod follow;
mod head;
mod html;
mod icon;
mod map;
mod page;
mod personal;
mod photos;
mod plain;
mod plane;
mod proof;
mod score;
#[cfg(test)]
mod tests;
mod timeline;
mod when;
mod why;
mod words;

use engine::effective::EffectiveSop;
use engine::visit::Visit;
use html::Html;
use page::Page;
use serde_json::json;
use std::collections::BTreeMap;

/// Nothing is loaded, nothing runs.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A part of the page.
type Section = fn(&Page<'_>, &mut Html);

/// The parts of the page: rows, columns that stand side by side where there is room, sections one below the other.
const ROWS: [&[&[Section]]; 6] = [
    &[&[head::section]],
    &[&[why::section]],
    &[&[score::section, follow::tasks, follow::comments], &[map::section]],
    &[&[timeline::section]],
    &[&[photos::section]],
    &[&[answers::section]],
];

/// What a page is made from.
pub struct Report<'a> {
    /// Name or id of the tenant.
    pub tenant: &'a str,
    /// The SOP the visit runs on.
    pub sop: &'a EffectiveSop,
    /// The visit.
    pub visit: &'a Visit,
    /// Name of the rep.
    pub rep: &'a str,
    /// What codes in the answers are called, for instance names of dataset rows by key.
    pub names: &'a BTreeMap<String, String>,
    /// Pictures by SHA-256.
    pub photos: &'a BTreeMap<String, Photo>,
    /// What people said about the visit, in order.
    pub comments: &'a [Comment],
    /// Show personal answers and signatures.
    pub personal: bool,
    /// When the page is made, server time in milliseconds.
    pub made_at_ms: i64,
    /// Hash of the visit's last event.
    pub tip: &'a str,
}

/// A picture, already small.
pub struct Photo {
    /// Media type, for instance `image/jpeg`.
    pub media_type: String,
    /// The bytes.
    pub thumbnail: Vec<u8>,
}

/// What somebody said about a visit.
pub struct Comment {
    /// Name of who.
    pub user: String,
    /// When, server time in milliseconds.
    pub at_ms: i64,
    /// What.
    pub text: String,
}

/// The page, as a whole HTML document in `en` or `zh-CN`, whichever is nearer to `language`.
#[must_use]
pub fn page(report: &Report<'_>, language: &str) -> String {
    let page = Page::new(report, language);
    let mut html = Html::default();
    html.element("head", &[], |html| {
        html.void("meta", &[("charset", "utf-8")]);
        html.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
        html.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
        html.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
        let title = json!({
            "title": head::title(&page), "customer": page.visit.customer.name, "date": page.visit.business_date,
        });
        html.leaf("title", &[], &page.words.fill("page.title", &title));
        html.style(include_str!("report/report.css"));
    });
    html.element("body", &[], |html| {
        html.element("main", &[], |html| {
            for row in ROWS {
                html.element("div", &[("class", if row.len() > 1 { "row" } else { "" })], |html| {
                    for column in row {
                        html.element("div", &[], |html| column.iter().for_each(|section| section(&page, html)));
                    }
                });
            }
        });
        proof::section(&page, html);
    });
    html.document(page.words.language)
}
