//! Stand-in until the report lands.
use engine::effective::EffectiveSop;
use engine::task::Comment;
use engine::visit::Visit;
use std::collections::BTreeMap;
pub struct Report<'a> { pub tenant: &'a str, pub sop: &'a EffectiveSop, pub visit: &'a Visit, pub rep: &'a str, pub photos: &'a BTreeMap<String, Photo>, pub personal: bool, pub comments: &'a [Comment], pub made_at_ms: i64, pub tip: &'a str }
pub struct Photo { pub media_type: String, pub thumbnail: Vec<u8> }
pub fn page(report: &Report<'_>, language: &str) -> String { format!("<html>{}{}</html>", report.tenant, language) }
