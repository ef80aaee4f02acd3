//! The top of the page: who, where, when, what became of it, and the few numbers that say what happened.

use super::html::Html;
use super::icon;
use super::page::Page;
use super::when;
use super::words::tenths;
use engine::command::Origin;
use engine::input::TimeSource;
use engine::sop::{Counts, StepKind};
use engine::submit::standing_decision;
use engine::verdict::{Decision, Validity};
use engine::visit::VisitState;
use engine::{explain, time};
use serde_json::json;

/// The head.
pub fn section(page: &Page<'_>, html: &mut Html) {
    html.element("header", &[("class", "head")], |html| {
        html.leaf("p", &[("class", "kind")], &title(page));
        html.element("h1", &[], |html| {
            html.text(&page.visit.customer.name);
            html.text(" ");
            html.span("type", &page.words.label("customer"));
        });
        meta(page, html);
    });
    html.element("section", &[("class", "verdict"), ("aria-label", &page.words.say("head.verdict"))], |html| {
        verdict(page, html);
    });
    html.element("dl", &[("class", "facts"), ("aria-label", &page.words.say("head.facts"))], |html| facts(page, html));
}

/// What kind of page this is: `Store visit report`.
pub fn title(page: &Page<'_>) -> String {
    page.words.fill("head.title", &json!({"visit": page.words.label("visit")}))
}

fn meta(page: &Page<'_>, html: &mut Html) {
    let words = &page.words;
    let origin = match page.visit.create.origin {
        Origin::Plan => "origin.plan",
        Origin::AdHoc => "origin.ad_hoc",
        Origin::Manager => "origin.manager",
        Origin::Rule => "origin.rule",
        Origin::Crm => "origin.crm",
        Origin::FollowUpOf => "origin.follow_up_of",
    };
    let mut rows = vec![
        (words.label("rep"), page.report.rep.to_owned()),
        (words.say("head.business_date"), when::date(words, &page.visit.business_date)),
        (words.say("head.sop"), words.of(&page.sop.sop.title).to_owned()),
        (words.say("head.origin"), words.say(origin)),
    ];
    if let Some(purpose) = &page.visit.create.purpose {
        let purpose = page.report.names.get(purpose).unwrap_or(purpose);
        rows.push((words.say("head.purpose"), purpose.clone()));
    }
    html.element("dl", &[("class", "meta")], |html| {
        for (name, value) in rows {
            html.element("div", &[], |html| {
                html.leaf("dt", &[], &name);
                html.leaf("dd", &[], &value);
            });
        }
    });
}

fn verdict(page: &Page<'_>, html: &mut Html) {
    let words = &page.words;
    let decision = standing_decision(page.visit);
    let (class, mark) = decision.map_or(("open", icon::OPEN), look);
    let said = decision.map_or_else(|| state(page), |decision| explain::decision(decision, words.language));
    html.element("div", &[("class", &format!("decision {class}"))], |html| {
        icon::draw(mark, html);
        html.element("div", &[], |html| {
            html.span("caption", &words.say("head.decision"));
            html.leaf("strong", &[], &said);
        });
    });
    let Some(verdict) = page.visit.verdict() else { return };
    let (class, mark) = match verdict.validity {
        Validity::Valid => ("valid", icon::CHECK),
        Validity::Invalid => ("invalid", icon::CROSS),
    };
    html.element("div", &[("class", &format!("badge {class}"))], |html| {
        html.span("caption", &words.say("head.validity"));
        html.element("strong", &[], |html| {
            icon::draw(mark, html);
            html.text(&explain::validity(verdict.validity, words.language));
        });
    });
    let outcome = verdict.outcome.as_ref().and_then(|id| page.sop.sop.outcomes.iter().find(|known| known.id == *id));
    if let Some(outcome) = outcome {
        html.element("div", &[("class", "badge")], |html| {
            html.span("caption", &words.say("head.outcome"));
            html.leaf("strong", &[], words.of(&outcome.title));
            html.span("small", &words.say(counts(outcome.counts)));
        });
    }
    html.element("div", &[("class", "badge")], |html| {
        html.span("caption", &words.label("score"));
        let total = verdict.score.as_ref().and_then(|score| score.total);
        html.leaf("strong", &[("class", "large")], &total.map_or_else(|| "–".to_owned(), tenths));
        let uncapped =
            verdict.score.as_ref().and_then(|score| score.uncapped).filter(|uncapped| Some(*uncapped) != total);
        let small = match (total, uncapped) {
            (None, _) => words.say("head.no_score"),
            (Some(_), Some(uncapped)) => words.fill("head.before_caps", &json!({"score": tenths(uncapped)})),
            (Some(_), None) => words.say("head.of_100"),
        };
        html.span("small", &small);
    });
    let policy = &page.sop.sop.policy;
    let class = if verdict.risk >= policy.risk_review { "badge alarm" } else { "badge" };
    html.element("div", &[("class", class)], |html| {
        html.span("caption", &words.say("head.risk"));
        html.leaf("strong", &[("class", "large")], &tenths(verdict.risk));
        html.span("small", &words.fill("head.risk_from", &json!({"review": tenths(policy.risk_review)})));
    });
}

/// Where a visit without a verdict stands.
fn state(page: &Page<'_>) -> String {
    page.words.say(match &page.visit.state {
        VisitState::Planned => "state.planned",
        VisitState::Open(_) => "head.open",
        VisitState::Over(..) => "state.over",
        VisitState::Cancelled => "state.cancelled",
    })
}

const fn look(decision: Decision) -> (&'static str, icon::Icon) {
    match decision {
        Decision::Accepted => ("accepted", icon::CHECK),
        Decision::Flagged => ("flagged", icon::FLAG),
        Decision::Held => ("held", icon::PAUSE),
        Decision::Returned => ("returned", icon::BACK),
        Decision::Rejected => ("rejected", icon::CROSS),
    }
}

const fn counts(counts: Counts) -> &'static str {
    match counts {
        Counts::Productive => "counts.productive",
        Counts::Unproductive => "counts.unproductive",
        Counts::NotCounted => "counts.not_counted",
    }
}

/// How long the rep stayed, and how that is known.
pub fn dwell(page: &Page<'_>) -> Option<(String, String)> {
    let dwell = page.visit.verdict().and_then(|verdict| verdict.dwell.clone()).or_else(|| {
        let moment = |kind| page.visit.moment(&page.sop.sop, kind);
        Some(time::interval(moment(StepKind::CheckIn)?, moment(StepKind::CheckOut)?))
    })?;
    let source = match dwell.source {
        TimeSource::Monotonic => "fact.measured",
        TimeSource::Estimated => "fact.estimated",
    };
    Some((when::interval(&page.words, &dwell), page.words.say(source)))
}

/// The numbers: check-in, stay, check-out, steps, evidence, refused attempts.
fn facts(page: &Page<'_>, html: &mut Html) {
    let words = &page.words;
    let mut fact = |name: String, value: String, more: Option<String>, alarm: bool| {
        html.element("div", &[("class", if alarm { "alarm" } else { "" })], |html| {
            html.leaf("dt", &[], &name);
            html.leaf("dd", &[("class", "value")], &value);
            if let Some(more) = more {
                html.leaf("dd", &[("class", "more")], &more);
            }
        });
    };
    let placed = |kind| {
        let (_, record) = page.first(kind)?;
        let time = page.moment(record.moment.as_ref()?);
        let away = match record.input.as_ref().and_then(|input| input.position.as_ref()) {
            None => words.say("place.no_position"),
            Some(position) => position.to_customer_m.map_or_else(
                || words.say("place.unknown_distance"),
                |away| words.fill("place.away", &json!({"distance": words.metres(away)})),
            ),
        };
        Some((time, away))
    };
    match placed(StepKind::CheckIn) {
        Some((time, away)) => fact(words.label("check_in"), time, Some(away), false),
        None => fact(words.label("check_in"), words.say("fact.never"), None, true),
    }
    if let Some((dwell, source)) = dwell(page) {
        fact(words.say("fact.dwell"), dwell, Some(source), false);
    }
    match (placed(StepKind::CheckOut), page.visit.closed_at_ms) {
        (Some((time, away)), _) => fact(words.label("check_out"), time, Some(away), false),
        (None, Some(_)) => {
            fact(words.label("check_out"), words.say("fact.none"), Some(words.say("timeline.closed")), true);
        }
        (None, None) => fact(words.label("check_out"), words.say("fact.none"), None, page.visit.is_over()),
    }
    let (required, done) = page.progress.required();
    let more = words.say("fact.required");
    fact(words.say("fact.steps"), format!("{done} / {required}"), Some(more), done < required && page.visit.is_over());
    let awaited = page.visit.awaited.len();
    let more = (awaited > 0).then(|| words.fill("fact.awaited", &json!({"awaited": awaited})));
    fact(words.label("evidence"), page.pieces.len().to_string(), more, awaited > 0);
    let refused = page.attempts.len();
    fact(words.say("fact.refused"), refused.to_string(), None, refused > 0);
}
