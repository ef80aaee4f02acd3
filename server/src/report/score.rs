//! The score: its tree as nested bars, what did not apply, and the caps that bound it.

use super::html::{Html, number};
use super::page::Page;
use super::words::tenths;
use engine::score::{ScoreResult, ScoreTree};
use engine::sop::ScoreNode;
use serde_json::json;

/// Length of a full bar.
const BAR: f64 = 200.0;

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    let (Some(declared), Some(score)) =
        (&page.sop.sop.score, page.visit.verdict().and_then(|verdict| verdict.score.as_ref()))
    else {
        return;
    };
    html.element("section", &[("class", "score"), ("aria-labelledby", "score")], |html| {
        html.leaf("h2", &[("id", "score")], &page.words.label("score"));
        total(page, score, html);
        if !declared.root.nodes.is_empty() {
            html.element("table", &[("class", "bars")], |html| {
                html.element("thead", &[], |html| {
                    html.element("tr", &[], |html| {
                        for (key, class) in [
                            ("score.part", ""),
                            ("score.reached", ""),
                            ("score.weight", "number"),
                            ("score.points", "number"),
                        ] {
                            html.leaf("th", &[("scope", "col"), ("class", class)], &page.words.say(key));
                        }
                    });
                });
                html.element("tbody", &[], |html| rows(page, &declared.root, &score.tree, 0, html));
            });
        }
    });
}

/// The total, and what bounds it.
fn total(page: &Page<'_>, score: &ScoreResult, html: &mut Html) {
    let words = &page.words;
    html.element("div", &[("class", "total")], |html| {
        html.leaf("strong", &[], &score.total.map_or_else(|| "–".to_owned(), tenths));
        let cap = score.caps.first().map(|cap| cap.at);
        total_bar(score.uncapped, score.total, cap, &words.say("score.bar"), html);
    });
    if score.total.is_none() {
        html.leaf("p", &[("class", "note")], &words.say("score.nothing_applies"));
    }
    let lowest = score.caps.first().map(|cap| cap.at);
    for cap in &score.caps {
        let declared = page.sop.sop.score.iter().flat_map(|score| &score.caps).find(|known| known.code == cap.code);
        let message = declared.and_then(|declared| page.sop.sop.texts.get(&declared.message));
        let said = message.and_then(|text| text.fill(words.language, &json!({"at": cap.at})));
        let bounds = score.uncapped.is_some_and(|uncapped| uncapped > cap.at) && lowest == Some(cap.at);
        html.element("p", &[("class", "cap")], |html| {
            html.leaf("strong", &[], &words.fill("score.cap", &json!({"at": tenths(cap.at)})));
            html.text(" ");
            html.text(&said.unwrap_or_else(|| cap.code.clone()));
            if let (true, Some(uncapped)) = (bounds, score.uncapped) {
                html.text(" ");
                html.text(&words.fill("score.uncapped", &json!({"score": tenths(uncapped)})));
            }
        });
    }
}

fn total_bar(uncapped: Option<f64>, total: Option<f64>, cap: Option<f64>, name: &str, html: &mut Html) {
    let width = |points: f64| number(points.clamp(0.0, 100.0) / 100.0 * BAR * 2.0);
    let (full, height) = (number(BAR * 2.0), "18");
    let view = format!("0 0 {full} {height}");
    html.element(
        "svg",
        &[("class", "bar"), ("viewBox", &view), ("preserveAspectRatio", "none"), ("role", "img")],
        |html| {
            html.leaf("title", &[], name);
            html.leaf("rect", &[("class", "track"), ("width", &full), ("height", height)], "");
            if let Some(uncapped) = uncapped {
                html.leaf("rect", &[("class", "lost"), ("width", &width(uncapped)), ("height", height)], "");
            }
            if let Some(total) = total {
                html.leaf("rect", &[("class", "fill"), ("width", &width(total)), ("height", height)], "");
            }
            if let Some(cap) = cap {
                html.leaf("rect", &[("class", "limit"), ("x", &width(cap)), ("width", "2"), ("height", height)], "");
            }
        },
    );
}

/// The children of a node, each with its own below it.
fn rows(page: &Page<'_>, declared: &ScoreNode, scored: &ScoreTree, depth: usize, html: &mut Html) {
    let sum: f64 = scored.nodes.iter().map(|node| node.weight).sum();
    for (node, result) in declared.nodes.iter().zip(&scored.nodes) {
        let class = format!("depth{}{}", depth.min(4), if result.value.is_none() { " not-applicable" } else { "" });
        html.element("tr", &[("class", &class)], |html| {
            html.leaf("th", &[("scope", "row")], page.words.of(&node.title));
            html.element("td", &[], |html| reached(page, result, html));
            let weight = if sum > 0.0 { result.weight / sum } else { 0.0 };
            html.leaf("td", &[("class", "number")], &percent(weight));
            let points = result.value.map(|value| {
                page.words.fill(
                    "score.points_of",
                    &json!({"points": tenths(100.0 * value * result.effective_weight), "of": tenths(100.0 * result.effective_weight)}),
                )
            });
            html.leaf("td", &[("class", "number")], &points.unwrap_or_else(|| "–".to_owned()));
        });
        rows(page, node, result, depth + 1, html);
    }
}

fn reached(page: &Page<'_>, result: &ScoreTree, html: &mut Html) {
    let Some(value) = result.value else {
        html.text(&page.words.say("score.not_applicable"));
        return;
    };
    let (full, height) = (number(BAR), "10");
    let view = format!("0 0 {full} {height}");
    html.element(
        "svg",
        &[("class", "bar"), ("viewBox", &view), ("preserveAspectRatio", "none"), ("aria-hidden", "true")],
        |html| {
            html.leaf("rect", &[("class", "track"), ("width", &full), ("height", height)], "");
            html.leaf("rect", &[("class", "fill"), ("width", &number(value * BAR)), ("height", height)], "");
        },
    );
    html.span("percent", &percent(value));
}

fn percent(share: f64) -> String {
    format!("{} %", tenths(100.0 * share))
}
