//! Pages of small visits: what must stand on them in both languages, that nothing on them can run, and that they can be
//! made of a visit in any state.

mod hostile;
mod pages;
mod places;
mod texts;

use super::{Comment, Photo, Report, page};
use engine::command::Record;
use engine::effective::EffectiveSop;
use engine::journal::{Ended, Journal, Outside};
use engine::rule::{RuleAnswer, RuleCall, RuleOutcome};
use engine::visit::Visit;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A picture of one grey point.
const PICTURE: &[u8] = b"\x89PNG not really";
const SHA: [&str; 3] = [
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
];

/// No rule is called here.
struct Nothing;

impl Outside for Nothing {
    fn call(&mut self, _: &RuleCall) -> RuleOutcome {
        RuleOutcome { answer: RuleAnswer::Findings(Vec::new()), lookups: Vec::new(), fuel: 0 }
    }

    fn salt(&mut self) -> [u8; 16] {
        [0; 16]
    }
}

fn document() -> Value {
    serde_json::from_str(include_str!("tests/sop.json")).unwrap()
}

fn sop(document: Value) -> EffectiveSop {
    let sop = serde_json::from_value(document).unwrap();
    EffectiveSop::new(sop, BTreeMap::new(), BTreeMap::new(), &Map::new())
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn customer(location: Value) -> Value {
    json!({
        "record": "customer", "id": "cus_a", "revision": 7, "type": "site", "name": "Harbour 7", "fields": {},
        "time_zone": "Asia/Shanghai", "location": location,
    })
}

fn point() -> Value {
    json!({"id": "loc_a", "lat": 31.23, "lon": 121.47, "crs": "wgs84", "accuracy_m": 5})
}

/// `seconds` after 09:00 in Shanghai.
fn at(seconds: i64) -> Value {
    let wall = engine::time::format_utc(1_772_586_000_000 + seconds * 1000);
    json!({"wall": wall, "monotonic_ms": seconds * 1000, "boot": "b", "received": wall,
        "anchor": {"server": "2026-03-04T01:00:00Z", "monotonic_ms": 0, "error_ms": 50}})
}

fn command(seconds: i64, verb: &str, body: Value) -> Value {
    json!({
        "record": "command", "id": format!("cmd_{seconds}-{verb}"), "user": "usr_a", "device": "dev_a", "task": "tsk_a",
        "at": at(seconds), "verb": verb, "body": body,
    })
}

fn submit(seconds: i64, step: &str, more: Value) -> Value {
    let mut body = json!({"step": step});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    command(seconds, "submit", body)
}

fn position(lat: f64, lon: f64) -> Value {
    json!({"lat": lat, "lon": lon, "crs": "wgs84", "accuracy_m": 12, "age_s": 1})
}

fn piece(seconds: i64, requirement: &str, kind: &str, sha256: &str) -> Value {
    let mut captured = at(seconds);
    captured.as_object_mut().unwrap().remove("received");
    json!({"requirement": requirement, "sha256": sha256, "kind": kind, "class": requirement, "live": true,
        "captured": captured, "position": position(31.2301, 121.47)})
}

fn begin(location: Value) -> Vec<Value> {
    vec![
        customer(location),
        command(0, "create", json!({"customer": "cus_a", "origin": "plan", "purpose": "weekly"})),
        command(10, "start", json!({})),
    ]
}

fn answers() -> Value {
    json!({
        "foreman": "Zhang San", "people": 2, "area": 41.5, "pace": "fast", "safe": true, "remarks": ["late", "wet"],
        "rooms": [
            {"room": "kitchen", "clean": true, "tools": [{"tool": "saw", "count": 2}]},
            {"room": "r-17", "clean": false, "damp": 80},
        ],
    })
}

/// A visit with everything a report can show.
fn full(location: Value) -> Vec<Value> {
    let mut records = begin(location);
    let arrive = json!({
        "position": position(31.2302, 121.4701),
        "evidence": [piece(50, "gate", "photo", SHA[0]), piece(55, "gate", "photo", SHA[1])],
    });
    records.extend([
        json!({"record": "evidence", "sha256": SHA[0], "received": "2026-03-04T01:00:30Z"}),
        submit(40, "arrive", json!({"position": position(31.24, 121.47)})),
        submit(60, "arrive", arrive),
        submit(200, "survey", json!({"answers": {"foreman": "Zhang San", "pace": "fast", "people": -1}})),
        submit(
            300,
            "survey",
            json!({"answers": answers(), "absent": {"/rooms/0/damp": {"code": "unknown", "reason": "no meter"}}}),
        ),
        submit(330, "room", json!({"instance": "kitchen", "answers": {"done": true}})),
        submit(360, "sign", json!({"evidence": [piece(355, "foreman", "signature", SHA[2])]})),
        submit(420, "leave", json!({"position": position(31.2303, 121.4702)})),
        command(430, "complete", json!({})),
    ]);
    records
}

/// The one visit of a record of lines; each line must be a record.
fn visit(sop: &EffectiveSop, records: &[Value]) -> Visit {
    let mut journal = Journal::new(sop, "tnt_a");
    for record in records {
        let line = serde_json::to_vec(record).unwrap();
        let (ended, _) = journal.apply(&Record::from_json(&line).unwrap(), &mut Nothing);
        assert!(!matches!(ended, Ended::Quarantined { .. }), "{ended:?}");
    }
    journal.visits().values().next().unwrap().clone()
}

/// The page of a visit, with a picture, a comment and a name.
fn render(sop: &EffectiveSop, visit: &Visit, personal: bool, language: &str) -> String {
    let photo = |kind: &str| Photo { media_type: kind.to_owned(), thumbnail: PICTURE.to_vec() };
    let photos = BTreeMap::from([(SHA[0].to_owned(), photo("image/png")), (SHA[2].to_owned(), photo("image/png"))]);
    let names = BTreeMap::from([("r-17".to_owned(), "Bathroom".to_owned())]);
    let comments =
        [Comment { user: "Li".to_owned(), at_ms: 1_772_589_600_000, text: "Ask again\nnext week".to_owned() }];
    let report = Report {
        tenant: "tnt_a",
        sop,
        visit,
        rep: "Wang Wu",
        names: &names,
        photos: &photos,
        comments: &comments,
        personal,
        made_at_ms: 1_772_589_600_000,
        tip: "feedfacefeedface",
    };
    let html = page(&report, language);
    assert_well_formed(&html);
    html
}

/// Text of a page without markup, one space between words.
fn text(html: &str) -> String {
    let body = html.split("<body>").nth(1).unwrap_or(html);
    let mut text = String::new();
    for part in body.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_has(html: &str, wanted: &[&str]) {
    let text = text(html);
    for wanted in wanted {
        assert!(text.contains(wanted), "`{wanted}` is not in: {text}");
    }
}

#[track_caller]
fn assert_has_not(html: &str, unwanted: &[&str]) {
    for unwanted in unwanted {
        assert!(!html.contains(unwanted), "`{unwanted}` is on the page");
    }
}

/// Every element is closed in order, every attribute is quoted, no id is there twice, every link in the page leads
/// somewhere, and nothing can run or be loaded.
#[track_caller]
fn assert_well_formed(html: &str) {
    const VOID: [&str; 2] = ["meta", "img"];
    let body = html.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let (mut open, mut ids, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for part in body.split('<').skip(1) {
        let (tag, rest) = part.split_once('>').unwrap_or_else(|| panic!("no `>` after {part}"));
        assert!(tag == "style" || !rest.contains('>'), "a bare `>` in {part}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        assert!(!matches!(name, "script" | "iframe" | "object" | "embed" | "form" | "base"), "<{name}>");
        let mut attributes = tag[name.len()..].trim_start();
        while let Some((attribute, value)) = attributes.split_once("=\"") {
            let (value, after) = value.split_once('"').unwrap();
            assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} in <{tag}>");
            match attribute {
                "id" => ids.push(value),
                "href" => links.push(value.strip_prefix('#').unwrap_or_else(|| panic!("a link to {value}"))),
                "src" => assert!(value.starts_with("data:image/"), "{value}"),
                _ => {}
            }
            attributes = after.trim_start();
        }
        assert_eq!(attributes, "", "in <{tag}>");
        if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "an id is there twice: {ids:?}");
    for link in links {
        assert!(unique.contains(link), "#{link} leads nowhere");
    }
}
