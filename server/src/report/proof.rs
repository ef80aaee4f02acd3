//! The foot of the page: what the visit was judged with, by hash, and where its events end.

use super::html::Html;
use super::page::Page;
use serde_json::json;

/// The footer.
pub fn section(page: &Page<'_>, html: &mut Html) {
    let words = &page.words;
    let pins = page.visit.pins().cloned().unwrap_or_else(|| page.sop.pins());
    html.element("footer", &[("class", "proof"), ("aria-labelledby", "proof")], |html| {
        html.leaf("h2", &[("id", "proof")], &words.say("proof.title"));
        html.leaf("p", &[("class", "note")], &words.say("proof.how"));
        html.element("dl", &[], |html| {
            let mut row = |name: &str, what: &str, hash: &str| {
                html.element("div", &[], |html| {
                    html.leaf("dt", &[], name);
                    html.element("dd", &[], |html| {
                        html.text(what);
                        if !hash.is_empty() {
                            html.text(" ");
                            html.span("code", hash);
                        }
                    });
                });
            };
            row(&words.say("proof.sop"), &pins.sop, &pins.sop_hash);
            for (name, hash) in &pins.plugins {
                let pinned = page.sop.plugins.get(name).filter(|pin| pin.hash == *hash);
                let named = pinned.map_or_else(|| name.clone(), |pin| format!("{name}@{}", pin.manifest.version));
                row(&words.say("proof.plugin"), &named, hash);
            }
            for (name, hash) in &pins.datasets {
                let pinned = page.sop.datasets.get(name).filter(|pin| pin.hash == *hash);
                let named = pinned.map_or_else(|| name.clone(), |pin| format!("{name}@{}", pin.version));
                row(&words.say("proof.dataset"), &named, hash);
            }
            row(&words.say("proof.engine"), "", &pins.engine);
            row(&words.say("proof.visit"), &page.visit.id, "");
            row(&words.say("proof.task"), &page.visit.task, "");
            let revision = json!({"customer": page.visit.customer.id, "revision": page.visit.customer.revision});
            row(&words.label("customer"), &words.fill("proof.revision", &revision), "");
            row(&words.say("proof.tenant"), page.report.tenant, "");
            row(&words.say("proof.tip"), "", page.report.tip);
            row(&words.say("proof.made_at"), &engine::time::format_utc(page.report.made_at_ms), "");
        });
    });
}
