//! Properties over random command orders: nothing panics, streams stay whole, and what is rebuilt equals what was live.

use crate::canon::CanonicalJson;
use crate::door;
use crate::event::{self, Tips};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SOP: &str = include_str!("../../../tests/sops/plain.json");
const PLUGINS: &str = include_str!("../../../tests/sops/plugins.json");

/// One thing a confused client might send: verb, step, answers, seconds after the last, who.
#[derive(Clone, Debug)]
struct Move {
    verb: &'static str,
    step: &'static str,
    quantity: i64,
    open: bool,
    seconds: i64,
    user: &'static str,
    evidence: bool,
    again: bool,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let verb = prop::sample::select(vec![
        "create",
        "start",
        "submit",
        "submit",
        "submit",
        "submit",
        "skip",
        "save_draft",
        "amend",
        "complete",
        "cancel",
        "return",
    ]);
    let step = prop::sample::select(vec!["brief", "arrive", "survey", "room", "pictures", "note", "leave", "nowhere"]);
    let user = prop::sample::select(vec!["usr_rep", "usr_rep", "usr_rep", "usr_boss"]);
    let one = (verb, step, -2_i64..1200, any::<bool>(), 0_i64..4000, user, any::<bool>(), prop::bool::weighted(0.1))
        .prop_map(|(verb, step, quantity, open, seconds, user, evidence, again)| Move {
            verb,
            step,
            quantity,
            open,
            seconds,
            user,
            evidence,
            again,
        });
    prop::collection::vec(one, 1..24)
}

fn records(moves: &[Move]) -> Vec<Value> {
    let customer = json!({"record": "customer", "id": "cus_one", "revision": 1, "type": "place", "name": "Place", "time_zone": "Asia/Shanghai",
        "fields": {"size": 1}, "location": {"id": "loc_one", "lat": 30.0, "lon": 104.0, "crs": "wgs84"}});
    let mut second = 0;
    let mut records = vec![customer];
    // A visit that begins well, so that the random moves reach deep states.
    let opening =
        [("create", "brief"), ("start", "brief"), ("submit", "arrive"), ("submit", "survey"), ("submit", "pictures")];
    let opening = opening.map(|(verb, step)| Move {
        verb,
        step,
        quantity: 1,
        open: true,
        seconds: 20,
        user: "usr_rep",
        evidence: true,
        again: false,
    });
    for (index, one) in opening.iter().chain(moves).enumerate() {
        second += one.seconds;
        let at = 1_772_413_200 + second;
        let time = json!({"wall": crate::time::format_utc(at * 1000), "monotonic_ms": second * 1000, "boot": "b"});
        let class = match one.step {
            "arrive" => "entrance",
            _ => "wall",
        };
        let evidence = json!([{"requirement": class, "class": class, "kind": "photo", "live": true, "captured": time, "sha256": format!("{index:064x}")}]);
        let submission = json!({
            "step": one.step, "answers": if one.step == "survey" { json!({"open": one.open, "quantity": one.quantity}) } else { json!({}) },
            "evidence": if one.evidence && ["arrive", "pictures"].contains(&one.step) { evidence } else { json!([]) },
            "position": {"lat": 30.0, "lon": 104.0, "crs": "wgs84", "accuracy_m": 5.0},
        });
        let body = match one.verb {
            "create" => json!({"customer": "cus_one", "origin": "plan"}),
            "submit" | "save_draft" => submission,
            "amend" => json!({"submission": submission, "reason": "r"}),
            "skip" | "return" => json!({"step": one.step, "reason": "r"}),
            "cancel" => json!({"reason": "r"}),
            _ => json!({}),
        };
        let id = if one.again { "cmd_same".to_owned() } else { format!("cmd_{index}") };
        let mut at = time;
        at["received"] = at["wall"].clone();
        records.push(json!({"record": "command", "id": id, "user": one.user, "device": "dev_a", "task": "tsk_one", "at": at, "verb": one.verb, "body": body}));
    }
    records
}

fn judge(records: &[Value]) -> Value {
    let no_findings = json!([{"outcome": {"answer": {"findings": []}}}]);
    let card = json!([{"outcome": {"answer": {"scorecard": {"parts": [{"id": "quality", "value": 0.5}]}}}}]);
    let request = json!({
        "ask": "judge", "sop": serde_json::from_str::<Value>(SOP).unwrap(), "plugins": serde_json::from_str::<Value>(PLUGINS).unwrap(),
        "records": records, "outcomes": {"demo/check": no_findings, "demo/signal": no_findings, "demo/quality": card},
    });
    serde_json::from_slice(&door::respond(&serde_json::to_vec(&request).unwrap())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// LATE: every record ends somehow. APPEND: streams are gapless chains. A visit that is over has exactly one verdict
    /// that counts, and a score within its bounds.
    #[test]
    fn no_order_of_commands_breaks_an_invariant(moves in moves()) {
        let records = records(&moves);
        let response = judge(&records);
        prop_assert_eq!(response["ended"].as_array().map(Vec::len), Some(records.len()));
        let mut tips = Tips::default();
        for event in response["events"].as_array().unwrap() {
            let line = String::from_utf8(crate::canon::jcs(event).unwrap()).unwrap();
            let event = event::from_line(line).unwrap();
            prop_assert_eq!(tips.verify(&event).faults, vec![]);
        }
        for visit in response["visits"].as_object().unwrap().values() {
            let verdict = &visit["verdict"];
            if let Some(score) = verdict["score"]["total"].as_f64() {
                prop_assert!((0.0..=100.0).contains(&score));
            }
            if verdict["decision"] == "held" {
                prop_assert!(verdict["tasks"].as_array().unwrap().iter().any(|task| task["kind"] == "review"));
            }
        }
    }

    /// REPLAY: the same records give the same bytes.
    #[test]
    fn judging_again_gives_the_same_bytes(moves in moves()) {
        let records = records(&moves);
        prop_assert_eq!(judge(&records).to_string(), judge(&records).to_string());
    }

    /// What is rebuilt from a visit's stored events equals the visit that was live.
    #[test]
    fn a_visit_rebuilt_from_its_events_equals_the_live_one(moves in moves()) {
        use crate::visit::{Visit, VisitEvent};
        let response = judge(&records(&moves));
        let mut rebuilt: Option<Visit> = None;
        for event in response["events"].as_array().unwrap().iter().filter(|event| event["header"]["stream"] == "vis_one") {
            let payloads: BTreeMap<String, CanonicalJson> =
                event["payloads"].as_object().unwrap().iter().map(|(name, payload)| (name.clone(), CanonicalJson::of(&payload["value"]).unwrap())).collect();
            let what = VisitEvent::from_payloads(event["header"]["type"].as_str().unwrap(), payloads.iter()).unwrap();
            let at_ms = crate::time::parse("at", event["header"]["at"].as_str().unwrap()).unwrap();
            rebuilt = match rebuilt {
                None => Visit::begin(&what, at_ms),
                Some(mut visit) => {
                    visit.apply(&what, event["hash"].as_str().unwrap(), at_ms);
                    Some(visit)
                }
            };
        }
        let rebuilt = rebuilt.unwrap();
        prop_assert_eq!(crate::canon::value_of(&rebuilt.verdict()).unwrap(), response["visits"]["vis_one"]["verdict"].clone());
        prop_assert_eq!(rebuilt.is_over(), response["visits"]["vis_one"]["over"].as_bool().unwrap());
    }
}
