//! Evidence as a contact sheet: the picture where it is here, and when and how far from the check-in it was taken.

use super::Photo;
use super::html::Html;
use super::page::{Page, Piece};
use super::personal::MASK;
use super::words::short;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// Media types that show a picture and nothing else.
const PICTURES: [&str; 5] = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"];
/// Kind of evidence that shows a person's hand.
const SIGNATURE: &str = "signature";

/// The section.
pub fn section(page: &Page<'_>, html: &mut Html) {
    if page.pieces.is_empty() {
        return;
    }
    let any = page.pieces.iter().any(|piece| page.report.photos.contains_key(&piece.input.sha256));
    let class = if any { "photos" } else { "photos bare" };
    html.element("section", &[("class", class), ("aria-labelledby", "photos")], |html| {
        html.leaf("h2", &[("id", "photos")], &page.words.label("evidence"));
        if !any {
            html.leaf("p", &[("class", "note")], &page.words.say("photos.none_here"));
        }
        for (key, _) in &page.keys {
            let pieces: Vec<&Piece<'_>> = page.pieces.iter().filter(|piece| piece.key == key).collect();
            if pieces.is_empty() {
                continue;
            }
            html.element("div", &[("class", "sheet")], |html| {
                html.leaf("h3", &[], &page.step_title(key));
                html.element("div", &[("class", "grid")], |html| {
                    for piece in pieces {
                        figure(page, piece, any, html);
                    }
                });
            });
        }
    });
}

fn figure(page: &Page<'_>, piece: &Piece<'_>, any: bool, html: &mut Html) {
    let words = &page.words;
    let cited: Vec<usize> = page
        .found
        .iter()
        .filter(|found| found.evidence.contains(&piece.input.sha256))
        .map(|found| found.number)
        .collect();
    let class = if cited.is_empty() { "" } else { "cited" };
    html.element("figure", &[("id", &format!("p{}", piece.number)), ("class", class)], |html| {
        picture(page, piece, any, html);
        html.element("figcaption", &[], |html| {
            html.element("p", &[], |html| {
                html.span("number", &format!("P{}", piece.number));
                html.text(" ");
                html.leaf("strong", &[], &piece.title);
                page.finding_links(&cited, html);
            });
            let mut said = vec![page.at(&piece.input.at)];
            said.push(match (&piece.input.position, piece.input.from_check_in_m) {
                (_, Some(away)) => words.fill("photos.from_check_in", &json!({"distance": words.metres(away)})),
                (Some(_), None) => words.say("place.unknown_distance"),
                (None, None) => words.say("place.no_position"),
            });
            if !piece.input.live {
                said.push(words.say("photos.not_live"));
            }
            html.leaf("p", &[], &words.list(&said));
            html.leaf("p", &[("class", "code")], short(&piece.input.sha256));
        });
    });
}

fn picture(page: &Page<'_>, piece: &Piece<'_>, any: bool, html: &mut Html) {
    let words = &page.words;
    let hidden = piece.input.kind == SIGNATURE && !page.report.personal;
    let photo = page.report.photos.get(&piece.input.sha256);
    match photo.filter(|_| !hidden) {
        Some(photo) if PICTURES.contains(&photo.media_type.as_str()) => image(page, piece, photo, html),
        Some(photo) => html.leaf("div", &[("class", "blank")], &photo.media_type),
        None if page.visit.awaited.contains(&piece.input.sha256) => {
            html.leaf("div", &[("class", "blank awaited")], &words.say("photos.awaited"));
        }
        None if hidden => html.leaf("div", &[("class", "blank"), ("title", &words.say("answers.personal"))], MASK),
        // One sentence for all of them stands above.
        None if !any => {}
        None => html.leaf("div", &[("class", "blank")], &words.say("photos.not_here")),
    }
}

fn image(page: &Page<'_>, piece: &Piece<'_>, photo: &Photo, html: &mut Html) {
    let alternative = page.words.fill(
        "photos.alt",
        &json!({"title": piece.title, "step": page.step_title(piece.key), "time": page.at(&piece.input.at)}),
    );
    let source = format!("data:{};base64,{}", photo.media_type, BASE64_STANDARD.encode(&photo.thumbnail));
    html.void("img", &[("src", &source), ("alt", &alternative)]);
}
