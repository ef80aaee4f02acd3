//! The places of a visit as a sketch, north up: the customer with its fence, check-in, check-out, evidence.
//!
//! The fence is the one the engine judged the check-in with; a sketch decides nothing. Nothing is loaded from anywhere.

use super::html::{Html, number};
use super::page::Page;
use super::plane::{Disc, LatLon, Spot, Window, nice_length, spot};
use super::words::Words;
use engine::command::Location;
use engine::input::PositionInput;
use engine::place::{self, Crs, Fence, FenceResult, to_wgs84};
use engine::sop::StepKind;
use serde_json::json;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 205.0;
/// A map shows at least this many metres.
const LEAST_M: f64 = 40.0;
/// Marks nearer than this, in pixels, would cover each other.
const TOO_NEAR: f64 = 15.0;
/// Class of the check-in's mark.
const CHECK_IN: &str = "check-in";
/// A close-up is drawn when everything lies in less than this share of the map.
const CLOSE: f64 = 0.3;

/// A position that can be drawn.
struct Mark {
    letter: &'static str,
    class: &'static str,
    at: Spot,
    accuracy: f64,
}

/// What there is to draw.
struct Sketch {
    customer: Option<Customer>,
    marks: Vec<Mark>,
    evidence: Vec<Mark>,
    /// Metres from the check-in to the customer, as the engine measured them.
    away: Option<f64>,
}

struct Customer {
    /// The point, or the corners of the polygon.
    corners: Vec<Spot>,
    fence: Option<f64>,
}

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    let words = &page.words;
    html.element("section", &[("class", "map"), ("aria-labelledby", "map")], |html| {
        html.leaf("h2", &[("id", "map")], &words.say("map.title"));
        let fence = fence(page);
        match sketch(page, fence) {
            Some(sketch) => draw(page, &sketch, html),
            None => html.leaf("p", &[("class", "note empty")], &words.say("map.no_position")),
        }
        legend(page, fence, html);
    });
}

/// The fence of the check-in step, as the engine computes it.
fn fence(page: &Page<'_>) -> Option<Fence> {
    let step = page.sop.sop.steps.iter().find(|step| step.kind == StepKind::CheckIn)?;
    let required = step.location.as_ref()?;
    let submission = page.visit.steps.get(&step.id).and_then(|record| record.submission.as_ref());
    let context =
        submission.map_or_else(|| page.progress.context.clone(), |submission| page.progress.context_with(submission));
    let number = |computed| page.sop.number(computed, &context).ok();
    Some(Fence {
        radius_m: number(&required.radius_m)?,
        max_accuracy_m: number(&required.max_accuracy_m)?,
        max_age_s: number(&required.max_age_s)?,
    })
}

fn corners(location: &Location) -> Option<Vec<LatLon>> {
    if location.polygon.is_empty() {
        return Some(vec![to_wgs84(location.lat, location.lon, location.crs)?]);
    }
    location.polygon.iter().map(|[lon, lat]| to_wgs84(*lat, *lon, location.crs)).collect()
}

fn drawable(position: &PositionInput) -> Option<LatLon> {
    (position.crs != Crs::Unknown).then(|| to_wgs84(position.lat, position.lon, Crs::Wgs84)).flatten()
}

fn position<'a>(page: &Page<'a>, kind: StepKind) -> Option<&'a PositionInput> {
    page.first(kind)?.1.input.as_ref()?.position.as_ref()
}

/// Everything that has a place; none if nothing has.
fn sketch(page: &Page<'_>, fence: Option<Fence>) -> Option<Sketch> {
    let customer = page.visit.customer.location.as_ref().and_then(corners);
    let check_in = position(page, StepKind::CheckIn);
    let check_out = position(page, StepKind::CheckOut);
    let pieces: Vec<&PositionInput> = page.pieces.iter().filter_map(|piece| piece.input.position.as_ref()).collect();
    let known = [check_in, check_out].into_iter().flatten().chain(pieces.iter().copied());
    let origin =
        customer.as_ref().and_then(|corners| corners.first().copied()).or_else(|| known.clone().find_map(drawable))?;
    let mark = |letter, class, position: &PositionInput| {
        let accuracy = if position.accuracy_m.is_finite() { position.accuracy_m.max(0.0) } else { 0.0 };
        Some(Mark { letter, class, at: spot(origin, drawable(position)?)?, accuracy })
    };
    let radius = fence.map(|fence| fence.radius_m).filter(|radius| radius.is_finite() && *radius > 0.0);
    let customer = customer.and_then(|corners| {
        let corners: Option<Vec<Spot>> = corners.into_iter().map(|corner| spot(origin, corner)).collect();
        Some(Customer { corners: corners?, fence: radius })
    });
    let marks = [("A", CHECK_IN, check_in), ("B", "check-out", check_out)];
    Some(Sketch {
        customer,
        marks: marks.into_iter().filter_map(|(letter, class, position)| mark(letter, class, position?)).collect(),
        away: check_in.and_then(|position| position.to_customer_m),
        evidence: pieces.into_iter().filter_map(|position| mark("", "piece", position)).collect(),
    })
}

fn draw(page: &Page<'_>, sketch: &Sketch, html: &mut Html) {
    let fence = sketch.customer.as_ref().and_then(|customer| customer.fence);
    // A circle of kilometres around a bad fix would hide everything else; it is cut off at the edge instead.
    let most = fence.unwrap_or(500.0).max(200.0);
    let points = || sketch.marks.iter().chain(&sketch.evidence);
    let near: Vec<Disc> = points()
        .map(|mark| Disc { at: mark.at, radius: mark.accuracy.min(most) })
        .chain(sketch.customer.iter().flat_map(|c| &c.corners).map(|corner| Disc { at: *corner, radius: 0.0 }))
        .collect();
    let fenced = sketch.customer.iter().flat_map(|customer| {
        customer.corners.iter().map(|corner| Disc { at: *corner, radius: customer.fence.unwrap_or(0.0) })
    });
    let all: Vec<Disc> = near.iter().copied().chain(fenced).collect();
    let (Some(whole), Some(close)) =
        (Window::around(&all, LEAST_M, WIDTH, HEIGHT), Window::around(&near, LEAST_M, WIDTH, HEIGHT))
    else {
        return;
    };
    panel(page, sketch, &whole, "map.whole", html);
    if whole.scale < close.scale * CLOSE && !sketch.marks.is_empty() {
        panel(page, sketch, &close, "map.close", html);
    }
}

fn panel(page: &Page<'_>, sketch: &Sketch, window: &Window, name: &str, html: &mut Html) {
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    let about = page.words.fill(name, &json!({"customer": page.visit.customer.name}));
    html.element("svg", &[("class", "sketch"), ("viewBox", &view), ("role", "img"), ("aria-label", &about)], |html| {
        html.leaf("title", &[], &about);
        html.leaf("rect", &[("class", "ground"), ("width", &number(WIDTH)), ("height", &number(HEIGHT))], "");
        if let Some(customer) = &sketch.customer {
            customer_shape(customer, window, html);
        }
        for mark in sketch.evidence.iter().chain(&sketch.marks) {
            circle(&format!("accuracy {}", mark.class), window.pixel(mark.at), mark.accuracy * window.scale, html);
        }
        for mark in &sketch.evidence {
            circle("piece", window.pixel(mark.at), 3.0, html);
        }
        far_line(&page.words, sketch, window, html);
        if let Some(customer) = &sketch.customer
            && let [point] = customer.corners.as_slice()
        {
            let (x, y) = window.pixel(*point);
            let d = format!("M{} {}l7 7l-7 7l-7 -7z", number(x), number(y - 7.0));
            html.leaf("path", &[("class", "customer"), ("d", &d)], "");
        }
        marks(&sketch.marks, window, html);
        compass(&page.words.say("map.north"), html);
        scale_bar(&page.words, window, html);
    });
}

fn circle(class: &str, (x, y): (f64, f64), radius: f64, html: &mut Html) {
    let (x, y, radius) = (number(x), number(y), number(radius));
    html.leaf("circle", &[("class", class), ("cx", &x), ("cy", &y), ("r", &radius)], "");
}

/// The fence, and the polygon in it. A wide round line around a polygon is all within its width.
fn customer_shape(customer: &Customer, window: &Window, html: &mut Html) {
    if let [point] = customer.corners.as_slice() {
        if let Some(radius) = customer.fence {
            circle("fence", window.pixel(*point), radius * window.scale, html);
        }
        return;
    }
    let pixels: Vec<String> = customer
        .corners
        .iter()
        .map(|corner| window.pixel(*corner))
        .map(|(x, y)| format!("{} {}", number(x), number(y)))
        .collect();
    let d = format!("M{}z", pixels.join("L"));
    if let Some(radius) = customer.fence {
        for (class, extra) in [("margin-edge", 3.0), ("margin", 0.0)] {
            let width = number(2.0 * radius * window.scale + extra);
            html.leaf("path", &[("class", class), ("d", &d), ("stroke-width", &width)], "");
        }
    }
    html.leaf("path", &[("class", "polygon"), ("d", &d)], "");
}

/// A line to a check-in outside the fence, with its length.
fn far_line(words: &Words<'_>, sketch: &Sketch, window: &Window, html: &mut Html) {
    let (Some(customer), Some(mark), Some(away)) = (&sketch.customer, sketch.marks.first(), sketch.away) else {
        return;
    };
    if mark.class != CHECK_IN || customer.fence.is_none_or(|fence| away <= fence) {
        return;
    }
    let nearest = customer.corners.iter().min_by(|one, other| one.to(mark.at).total_cmp(&other.to(mark.at)));
    let Some(nearest) = nearest else { return };
    let ((x1, y1), (x2, y2)) = (window.pixel(*nearest), window.pixel(mark.at));
    let (from_x, from_y, to_x, to_y) = (number(x1), number(y1), number(x2), number(y2));
    html.leaf("line", &[("class", "far"), ("x1", &from_x), ("y1", &from_y), ("x2", &to_x), ("y2", &to_y)], "");
    let (x, y) = (number(x1.midpoint(x2)), number(y1.midpoint(y2) - 6.0));
    html.leaf("text", &[("class", "far"), ("x", &x), ("y", &y), ("text-anchor", "middle")], &words.metres(away));
}

/// Letters where somebody was; those that would cover each other share one mark.
fn marks(marks: &[Mark], window: &Window, html: &mut Html) {
    let mut groups: Vec<((f64, f64), &str, String)> = Vec::new();
    for mark in marks {
        let (x, y) = window.pixel(mark.at);
        match groups.iter_mut().find(|((x0, y0), _, _)| (x - x0).hypot(y - y0) < TOO_NEAR) {
            Some((_, class, letters)) => {
                *class = "both";
                letters.push_str(mark.letter);
            }
            None => groups.push(((x, y), mark.class, mark.letter.to_owned())),
        }
    }
    for ((x, y), class, letters) in groups {
        let half = if letters.len() > 1 { 13.0 } else { 8.5 };
        let (left, top, width) = (number(x - half), number(y - 8.5), number(2.0 * half));
        let class = format!("mark {class}");
        html.element("g", &[("class", &class)], |html| {
            let shape = [("x", left.as_str()), ("y", &top), ("width", &width), ("height", "17"), ("rx", "8.5")];
            html.leaf("rect", &shape, "");
            let at = [("x", &*number(x)), ("y", &*number(y + 4.0)), ("text-anchor", "middle")];
            html.leaf("text", &at, &letters);
        });
    }
}

fn compass(north: &str, html: &mut Html) {
    html.leaf("path", &[("class", "north"), ("d", "M398 12l6 16l-6 -4l-6 4z")], "");
    html.leaf("text", &[("class", "north"), ("x", "398"), ("y", "41"), ("text-anchor", "middle")], north);
}

fn scale_bar(words: &Words<'_>, window: &Window, html: &mut Html) {
    let length = nice_length(WIDTH / 3.0 / window.scale);
    let pixels = length * window.scale;
    let d = format!("M14 {y}v6h{width}v-6", y = HEIGHT - 18.0, width = number(pixels));
    html.leaf("path", &[("class", "scale"), ("d", &d)], "");
    let (x, y) = (number(14.0 + pixels / 2.0), number(HEIGHT - 17.0));
    html.leaf("text", &[("class", "scale"), ("x", &x), ("y", &y), ("text-anchor", "middle")], &words.metres(length));
}

/// What each mark is, with the numbers a sketch cannot give.
fn legend(page: &Page<'_>, fence: Option<Fence>, html: &mut Html) {
    let words = &page.words;
    html.element("ul", &[("class", "legend")], |html| {
        let area = page.visit.customer.location.as_ref().is_some_and(|location| !location.polygon.is_empty());
        entry("customer", if area { "■" } else { "◆" }, html, |html| customer_entry(page, fence, html));
        for (letter, kind, label) in
            [("A", StepKind::CheckIn, words.label("check_in")), ("B", StepKind::CheckOut, words.label("check_out"))]
        {
            if page.sop.sop.steps.iter().any(|step| step.kind == kind) {
                let class = if letter == "A" { CHECK_IN } else { "check-out" };
                entry(class, letter, html, |html| {
                    html.leaf("strong", &[], &label);
                    html.text(&words.say("why.colon"));
                    html.text(&where_it_was(page, kind, fence));
                });
            }
        }
        if !page.pieces.is_empty() {
            entry("piece", "○", html, |html| {
                html.leaf("strong", &[], &words.label("evidence"));
                html.text(&words.say("why.colon"));
                html.text(&pieces(page));
            });
        }
    });
}

fn entry(class: &str, mark: &str, html: &mut Html, inside: impl FnOnce(&mut Html)) {
    html.element("li", &[], |html| {
        html.leaf("span", &[("class", &format!("key {class}")), ("aria-hidden", "true")], mark);
        html.element("span", &[], inside);
    });
}

fn customer_entry(page: &Page<'_>, fence: Option<Fence>, html: &mut Html) {
    let words = &page.words;
    html.leaf("strong", &[], &page.visit.customer.name);
    html.text(&words.say("why.colon"));
    let mut said =
        vec![match &page.visit.customer.location {
            None => words.say("map.no_location"),
            Some(location) if location.crs == Crs::Unknown => words.say("map.crs_unknown"),
            Some(location) if corners(location).is_none() => words.say("map.location_invalid"),
            Some(location) if location.polygon.is_empty() => words
                .fill("map.point", &json!({"crs": crs(location.crs), "accuracy": words.metres(location.accuracy_m)})),
            Some(location) => words
                .fill("map.polygon", &json!({"crs": crs(location.crs), "accuracy": words.metres(location.accuracy_m)})),
        }];
    if let Some(fence) = fence {
        said.push(words.fill("map.fence", &json!({"radius": words.metres(fence.radius_m)})));
    }
    html.text(&words.list(&said));
}

fn where_it_was(page: &Page<'_>, kind: StepKind, fence: Option<Fence>) -> String {
    let words = &page.words;
    let Some((_, record)) = page.first(kind) else { return words.say("map.not_done") };
    let (Some(given), Some(position)) = (
        record.submission.as_ref().and_then(|submission| submission.position.as_ref()),
        record.input.as_ref().and_then(|input| input.position.as_ref()),
    ) else {
        return words.say("place.no_position");
    };
    if position.crs == Crs::Unknown {
        return words.say("map.crs_unknown");
    }
    let mut said = Vec::new();
    if let Some(away) = position.to_customer_m {
        said.push(words.fill("place.away", &json!({"distance": words.metres(away)})));
    }
    said.push(words.fill("map.accuracy", &json!({"accuracy": words.metres(position.accuracy_m)})));
    let judged = fence.filter(|_| kind == StepKind::CheckIn);
    if let Some(fence) = judged {
        let verdict = place::fence(page.visit.customer.location.as_ref(), Some(given), &fence);
        said.push(words.say(match verdict.result {
            FenceResult::Inside => "map.inside",
            FenceResult::Outside => "map.outside",
            FenceResult::Indeterminate => "map.indeterminate",
        }));
    }
    if position.mock == Some(true) {
        said.push(words.say("map.mock"));
    }
    words.list(&said)
}

fn pieces(page: &Page<'_>) -> String {
    let words = &page.words;
    let placed = page.pieces.iter().filter(|piece| piece.input.position.as_ref().and_then(drawable).is_some()).count();
    let mut said = vec![words.fill("map.pieces", &json!({"placed": placed, "pieces": page.pieces.len()}))];
    let farthest = page.pieces.iter().filter_map(|piece| piece.input.from_check_in_m).max_by(f64::total_cmp);
    if let Some(farthest) = farthest {
        said.push(words.fill("map.farthest", &json!({"distance": words.metres(farthest)})));
    }
    words.list(&said)
}

/// The name of a coordinate system.
fn crs(crs: Crs) -> &'static str {
    match crs {
        Crs::Wgs84 => "WGS-84",
        Crs::Gcj02 => "GCJ-02",
        Crs::Bd09 => "BD-09",
        Crs::Unknown => "?",
    }
}
