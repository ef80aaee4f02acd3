//! What a submission says of the time it took, and what the bytes of its photos say once they are here.

use crate::canon::sha256_hex;
use crate::command::Record;
use crate::input::{Exif, TimeSource};
use crate::recheck::recheck;
use crate::tests::{Day, NINE_MS, command, submission};
use crate::visit::Visit;
use serde_json::{Value, json};

fn at(second: i64) -> Value {
    json!({"wall": crate::time::format_utc(NINE_MS + second * 1000), "monotonic_ms": second * 1000, "boot": "b"})
}

#[test]
fn the_time_a_step_was_open_is_known_if_the_client_says_when_it_was_opened() {
    let spent = |opened: Option<Value>| {
        let mut day = Day::new();
        day.visit("one", "cus_one", 0, 0, 1);
        let mut body = submission("survey", 100, "");
        if let Some(opened) = opened {
            body["opened"] = opened;
        }
        day.take(&command("cmd_survey", "usr_rep", "tsk_one", (200, 200), "submit", &body));
        let input = day.journal.visits()["vis_one"].steps.get("survey").and_then(|step| step.input.clone())?;
        let Ok(rechecked) = recheck(&mut day.record, "vis_one");
        assert_eq!(rechecked.differences, []);
        Some((input.spent.map(|spent| (spent.min_s, spent.max_s, spent.source)), input.minimum_s))
    };
    assert_eq!(spent(None), Some((None, None)));
    assert_eq!(spent(Some(at(170))), Some((Some((30.0, 30.0, TimeSource::Monotonic)), Some(60.0))));
    // Another run of the phone: what both clocks allow.
    let rebooted = spent(Some(json!({"wall": at(170)["wall"], "monotonic_ms": 5, "boot": "a"})));
    let Some((Some((min_s, max_s, TimeSource::Estimated)), Some(_))) = rebooted else { panic!("{rebooted:?}") };
    assert!(min_s <= 30.0 && max_s >= 30.0, "{min_s} to {max_s}");
    // Opened after it was handed in: that clock says nothing.
    assert_eq!(spent(Some(at(201))), Some((None, None)));
    assert_eq!(spent(Some(json!({"wall": "noon", "monotonic_ms": 5, "boot": "b"}))), None);
}

fn arrival(sha256: &str, second: i64, software: &str) -> Record {
    let received = crate::time::format_utc(NINE_MS + second * 1000);
    let record = json!({"record": "evidence", "sha256": sha256, "received": received, "exif": {"software": software, "taken_min_ms": 1}});
    serde_json::from_value(record).unwrap()
}

#[test]
fn what_the_bytes_say_is_known_from_when_they_are_here() {
    let mut day = Day::new();
    let hash = |step: &str| sha256_hex(format!("one {step}").as_bytes());
    day.take(&arrival(&hash("arrive"), -10, "early"));
    day.visit("one", "cus_one", 0, 0, 5);
    let said = |visit: &Visit, step: &str| {
        visit.steps[step].input.as_ref().unwrap().evidence[0].exif.as_ref().and_then(|exif| exif.software.clone())
    };
    let visit = &day.journal.visits()["vis_one"];
    assert_eq!((said(visit, "arrive").as_deref(), said(visit, "pictures")), (Some("early"), None));
    day.take(&arrival(&hash("pictures"), 500, "late"));
    let visit = day.journal.visits()["vis_one"].clone();
    assert_eq!(said(&visit, "pictures").as_deref(), Some("late"));
    assert_eq!(Visit::rebuild(&day.record.stream("vis_one")).unwrap().as_ref(), Some(&visit));
    let Ok(rechecked) = recheck(&mut day.record, "vis_one");
    assert!(rechecked.differences.is_empty(), "{rechecked:?}");
    // Nothing else of the input changes, and nothing is written where nothing is said.
    let submitted = |exif: Option<Exif>| {
        let mut input = visit.steps["arrive"].input.clone().unwrap();
        input.evidence[0].exif = exif;
        serde_json::to_string(&input).unwrap()
    };
    assert!(!submitted(None).contains("exif") && submitted(Some(Exif::default())).contains("\"exif\":{}"));
}
