//! Why: the findings in plain words, grouped by what they do, and the attempts that were refused.

use super::html::Html;
use super::icon::{self, Icon};
use super::page::Page;
use super::plain::Found;
use engine::explain;
use engine::sop::{Effect, StepKind};
use engine::verdict::Decision;
use engine::visit::StepState;
use serde_json::{Value, json};

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    html.element("section", &[("class", "why"), ("aria-labelledby", "why")], |html| {
        html.leaf("h2", &[("id", "why")], &page.words.say("why.title"));
        let never = page.visit.verdict().is_some_and(|verdict| verdict.decision == Decision::Rejected)
            && page.first(StepKind::CheckIn).is_none();
        if never {
            html.leaf("p", &[("class", "because")], &page.words.say("why.never_checked_in"));
        }
        let grave = page.found.iter().any(|found| found.effect != Effect::None);
        if !grave && !never {
            let sentence = |code| explain::sentence(code, &Value::Null, page.words.language);
            let said = match (page.visit.verdict(), page.found.is_empty()) {
                (None, _) => sentence("explain.not_judged"),
                (Some(_), true) => sentence("explain.nothing_found"),
                (Some(_), false) => page.words.say("why.only_notes"),
            };
            let class = if page.visit.verdict().is_some() { "fine" } else { "note" };
            html.leaf("p", &[("class", class)], &said);
        }
        for effect in [Effect::Reject, Effect::Hold, Effect::Invalidate, Effect::Flag] {
            group(page, effect, html);
        }
        refused(page, html);
        group(page, Effect::None, html);
    });
}

const fn look(effect: Effect) -> (&'static str, &'static str, Icon) {
    match effect {
        Effect::Reject => ("rejected", "effect.reject", icon::BACK),
        Effect::Hold => ("held", "effect.hold", icon::PAUSE),
        Effect::Invalidate => ("rejected", "effect.invalidate", icon::CROSS),
        Effect::Flag => ("flagged", "effect.flag", icon::FLAG),
        Effect::None => ("noted", "effect.none", icon::DOT),
    }
}

fn group(page: &Page<'_>, effect: Effect, html: &mut Html) {
    let group: Vec<&Found> = page.found.iter().filter(|found| found.effect == effect).collect();
    if group.is_empty() {
        return;
    }
    let (class, heading, mark) = look(effect);
    html.element("div", &[("class", &format!("group {class}"))], |html| {
        html.element("h3", &[], |html| {
            icon::draw(mark, html);
            html.text(&page.words.say(heading));
        });
        html.element("ol", &[("class", "findings")], |html| {
            for found in group {
                html.element("li", &[("id", &format!("f{}", found.number))], |html| one(page, found, html));
            }
        });
    });
}

fn one(page: &Page<'_>, found: &Found, html: &mut Html) {
    html.span("number", &format!("F{}", found.number));
    html.element("div", &[], |html| {
        html.element("p", &[], |html| {
            step(page, &found.step, html);
            html.text(&found.text);
        });
        html.element("p", &[("class", "by")], |html| {
            html.text(&found.source);
            html.text(" · ");
            html.span("code", &found.code);
            if found.weight > 0 {
                html.text(" · ");
                html.text(&page.words.fill("why.weight", &json!({"weight": found.weight})));
            }
            if found.original_effect.is_some() {
                html.text(" · ");
                html.text(&page.words.say("why.not_redoable"));
            }
            if !found.evidence.is_empty() {
                html.text(" · ");
                html.text(&page.words.say("why.evidence"));
                for sha256 in &found.evidence {
                    page.evidence_links(sha256, html);
                }
            }
        });
    });
}

/// The step a sentence is about, with a link to its answers.
fn step(page: &Page<'_>, key: &str, html: &mut Html) {
    if key.is_empty() {
        return;
    }
    let title = page.step_title(key);
    let answered = page.sop.step(key.split('[').next().unwrap_or(key)).is_some_and(|step| step.form.is_some())
        && page.visit.steps.get(key).is_some_and(|record| record.submission.is_some());
    if answered {
        html.leaf("a", &[("class", "about"), ("href", &format!("#{}", page.anchor(key)))], &title);
    } else {
        html.span("about", &title);
    }
    html.text(&page.words.say("why.colon"));
}

fn refused(page: &Page<'_>, html: &mut Html) {
    if page.attempts.is_empty() {
        return;
    }
    html.element("div", &[("class", "group refused")], |html| {
        html.element("h3", &[], |html| {
            icon::draw(icon::BACK, html);
            html.text(&page.words.fill("why.refused", &json!({"attempts": page.attempts.len()})));
        });
        html.element("ol", &[("class", "findings")], |html| {
            for attempt in &page.attempts {
                html.element("li", &[], |html| {
                    html.span("number", "↺");
                    html.element("p", &[], |html| {
                        step(page, &attempt.step, html);
                        html.text(&attempt.reasons.join(" "));
                        if page.visit.steps.get(&attempt.step).is_some_and(|record| record.state == StepState::Done) {
                            html.text(" ");
                            html.span("small", &page.words.say("why.corrected"));
                        }
                    });
                });
            }
        });
    });
}
