//! The visit in time: every step when it was handed in and how long it took, what was refused, how it ended.
//!
//! The state keeps no time of a refused attempt, so attempts stand with the step they were about.

use super::head;
use super::html::{Html, number};
use super::page::Page;
use super::when;
use engine::input::TimeSource;
use engine::progress::Standing;
use engine::sop::{Step, StepKind};
use engine::time::Moment;
use engine::visit::{StepRecord, StepState};
use serde_json::json;

/// Length of the axis.
const AXIS: f64 = 1000.0;

/// A step that was handed in, and from when on it can have been worked on.
struct Row<'a> {
    key: &'a str,
    step: &'a Step,
    record: &'a StepRecord,
    from: Option<&'a Moment>,
    at: &'a Moment,
}

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    html.element("section", &[("class", "timeline"), ("aria-labelledby", "timeline")], |html| {
        html.leaf("h2", &[("id", "timeline")], &page.words.say("timeline.title"));
        if page.visit.pins().is_none() && page.attempts.is_empty() {
            html.leaf("p", &[("class", "note")], &page.words.say("timeline.nothing"));
            return;
        }
        let rows = rows(page);
        let zone = page.zone.name(rows.first().map_or(page.visit.last_sign_ms, |row| row.at.likely_ms()));
        html.element("p", &[("class", "note")], |html| {
            html.text(&page.words.fill("timeline.zone", &json!({"zone": zone})));
            if rows.iter().any(|row| row.at.source == TimeSource::Estimated) {
                html.text(" ");
                html.text(&page.words.say("timeline.about"));
            }
            if let Some((dwell, source)) = head::dwell(page) {
                html.text(" ");
                let dwell = json!({"dwell": dwell, "source": source});
                html.leaf("strong", &[], &page.words.fill("timeline.dwell", &dwell));
            }
        });
        html.element("ol", &[("class", "events")], |html| {
            let span = span(&rows);
            for row in &rows {
                done(page, row, span, html);
            }
            for (key, step) in &page.keys {
                not_done(page, key, step, html);
            }
            let unplaced = page.attempts.iter().filter(|attempt| attempt.step.is_empty());
            for attempt in unplaced {
                event("refused", "", html, |html| refused(page, &attempt.reasons, html));
            }
            if let Some(closed_at_ms) = page.visit.closed_at_ms {
                let time = page.zone.clock(closed_at_ms, &page.visit.business_date);
                event("closed", &time, html, |html| html.leaf("strong", &[], &page.words.say("timeline.closed")));
            }
        });
        not_needed(page, html);
    });
}

/// Steps that were handed in, in time.
fn rows<'a>(page: &'a Page<'_>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = page
        .keys
        .iter()
        .filter_map(|(key, step)| {
            let record = page.visit.steps.get(key)?;
            Some(Row { key, step, record, from: None, at: record.moment.as_ref()? })
        })
        .collect();
    rows.sort_by_key(|row| row.at.likely_ms());
    let times: Vec<&Moment> = rows.iter().map(|row| row.at).collect();
    for (row, before) in rows.iter_mut().skip(1).zip(times) {
        row.from = Some(before);
    }
    rows
}

/// First and last moment, in milliseconds; none if there is no time between them.
fn span(rows: &[Row<'_>]) -> Option<(i64, i64)> {
    let (first, last) = (rows.first()?.at.likely_ms(), rows.last()?.at.likely_ms());
    (last > first).then_some((first, last))
}

fn event(class: &str, time: &str, html: &mut Html, inside: impl FnOnce(&mut Html)) {
    html.element("li", &[("class", class)], |html| {
        html.span("time", time);
        html.leaf("span", &[("class", "dot"), ("aria-hidden", "true")], "");
        html.element("div", &[("class", "what")], inside);
    });
}

fn done(page: &Page<'_>, row: &Row<'_>, span: Option<(i64, i64)>, html: &mut Html) {
    let words = &page.words;
    let class = match row.step.kind {
        StepKind::CheckIn | StepKind::CheckOut => "milestone",
        StepKind::Brief | StepKind::Form | StepKind::Photo | StepKind::Signature => "done",
    };
    event(class, &page.moment(row.at), html, |html| {
        if let (Some(from), Some(span)) = (row.from, span) {
            bar(page, from, row.at, span, html);
        }
        html.leaf("strong", &[], &page.step_title(row.key));
        let evidence = row.record.input.as_ref().map_or(0, |input| input.evidence.len());
        if evidence > 0 {
            let label = words.label("evidence");
            html.span("small", &words.fill("timeline.evidence", &json!({"evidence": label, "pieces": evidence})));
        }
        if row.record.attempts > 1 {
            html.span("small", &words.fill("timeline.again", &json!({"times": row.record.attempts})));
        }
        if row.record.state == StepState::Returned {
            html.span("tag", &words.say("step.returned"));
        }
        let findings: Vec<usize> =
            page.found.iter().filter(|found| found.step == row.key).map(|found| found.number).collect();
        page.finding_links(&findings, html);
        for attempt in page.attempts.iter().filter(|attempt| attempt.step == row.key) {
            refused(page, &attempt.reasons, html);
        }
    });
}

/// The time a step took, as a stretch of the visit.
fn bar(page: &Page<'_>, from: &Moment, to: &Moment, (first, last): (i64, i64), html: &mut Html) {
    let (from_ms, to_ms) = (from.likely_ms(), to.likely_ms());
    let along = |at_ms: i64| (at_ms - first) as f64 / (last - first) as f64 * AXIS;
    let (x, width) = (along(from_ms), (along(to_ms) - along(from_ms)).max(4.0));
    let measured = !from.boot.is_empty() && from.boot == to.boot;
    let took = if measured {
        when::interval(&page.words, &engine::time::interval(from, to))
    } else {
        format!("≈ {}", when::duration(&page.words, (to_ms - from_ms) as f64 / 1000.0))
    };
    html.element("div", &[("class", "took")], |html| {
        html.element(
            "svg",
            &[("viewBox", "0 0 1000 8"), ("preserveAspectRatio", "none"), ("aria-hidden", "true")],
            |html| {
                html.leaf("rect", &[("class", "track"), ("width", "1000"), ("height", "8")], "");
                let (x, width) = (number(x.min(AXIS - width)), number(width));
                html.leaf("rect", &[("class", "fill"), ("x", &x), ("width", &width), ("height", "8")], "");
            },
        );
        html.leaf("span", &[], &took);
    });
}

fn refused(page: &Page<'_>, reasons: &[String], html: &mut Html) {
    html.element("p", &[("class", "refusal")], |html| {
        html.leaf("strong", &[], &page.words.say("timeline.refused"));
        html.text(&page.words.say("why.colon"));
        html.text(&reasons.join(" "));
    });
}

/// A step that was left out, returned before it was done, or is missing.
fn not_done(page: &Page<'_>, key: &str, step: &Step, html: &mut Html) {
    if page.visit.steps.get(key).is_some_and(|record| record.moment.is_some()) {
        return;
    }
    let attempts: Vec<_> = page.attempts.iter().filter(|attempt| attempt.step == key).collect();
    let status = page.progress.status(key);
    let standing = status.map_or(Standing::NotApplicable, |status| status.standing);
    let begun = page.visit.pins().is_some();
    let (class, said) = match standing {
        Standing::Skipped => ("left-out", "step.skipped"),
        Standing::Returned => ("missing", "step.returned"),
        Standing::Blocked | Standing::Open if !status.is_some_and(|status| status.required) => {
            ("left-out", "step.optional")
        }
        Standing::Blocked | Standing::Open if page.visit.is_over() => ("missing", "step.missing"),
        Standing::Blocked | Standing::Open => ("open", "step.open"),
        Standing::Done | Standing::NotApplicable => return,
    };
    // Before a visit begins its steps are only a plan; what is optional is worth a line only if somebody tried.
    if (!begun && attempts.is_empty())
        || (said == "step.optional" && attempts.is_empty())
        || step.kind == StepKind::Brief
    {
        return;
    }
    event(class, "", html, |html| {
        html.leaf("strong", &[], &page.step_title(key));
        html.span("tag", &page.words.say(said));
        for attempt in attempts {
            refused(page, &attempt.reasons, html);
        }
    });
}

/// Steps that did not apply, in one line.
fn not_needed(page: &Page<'_>, html: &mut Html) {
    let not_needed: Vec<String> = page
        .progress
        .steps
        .iter()
        .filter(|status| status.standing == Standing::NotApplicable)
        .map(|status| page.step_title(&status.step))
        .collect();
    if page.visit.pins().is_some() && !not_needed.is_empty() {
        let steps = page.words.list(&not_needed);
        html.leaf("p", &[("class", "note")], &page.words.fill("timeline.not_needed", &json!({"steps": steps})));
    }
}
