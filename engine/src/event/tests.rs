//! Every byte of a stored event counts, and every fault has its name.

use super::*;
use serde_json::json;

fn draft() -> Draft {
    let payloads = [
        ("answers", json!({"name": "Müller \u{1f600} \"x\"", "n": [1, -2.5, 1e300, null, true], "": {}})),
        ("position", json!({"lat": 31.2, "lon": 121.0, "crs": "gcj02"})),
    ];
    let payloads = payloads.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Draft { kind: "submitted".into(), stream: "vis_1".into(), payloads }
}

/// The `n`-th event of a stream whose salts count up.
fn stream(n: u8) -> Vec<Event> {
    let mut tip = Tip::default();
    let mut salt = 0;
    (0..n)
        .map(|index| {
            let place =
                Seal { tenant: "ten_1", engine: ENGINE_HASH, at_ms: 1_772_413_200_000 + i64::from(index), tip: &tip };
            let event = seal(draft(), &place, &mut || {
                salt += 1;
                [salt; 16]
            })
            .unwrap();
            tip = Tip::after(&event);
            event
        })
        .collect()
}

fn first() -> Event {
    stream(1).remove(0)
}

#[track_caller]
fn check(event: &Event, expected: &[Fault]) {
    assert_eq!(verify(event, &Tip::default()).faults, expected);
}

/// Computed by hand: the form of a hash may never change.
#[test]
fn hashes_have_the_published_form() {
    let event = seal(
        Draft { payloads: [("a".to_owned(), json!({"b": 1.0}))].into(), ..draft() },
        &Seal { tenant: "ten_1", engine: "e", at_ms: 0, tip: &Tip::default() },
        &mut || [0xab; 16],
    )
    .unwrap();
    assert_eq!(event.header.commitments["a"], "ff22cef2ac5df5ef690116483686976e16ab53fddb7b5b1c9e35c218103310af");
    assert_eq!(event.hash, "27088adbfdfe9a7fccee02c621f75199ff0e39adc75883a1028741c141398580");
    assert_eq!(event.header.at, "1970-01-01T00:00:00.000Z");
}

#[test]
fn the_engine_has_a_name() {
    assert!(canon::unhex::<32>(ENGINE_HASH).is_some(), "{ENGINE_HASH}");
}

#[test]
fn a_sealed_stream_verifies_and_reads_back() {
    let mut tips = Tips::default();
    for (event, seq) in stream(3).iter().zip(1..) {
        assert_eq!(event.header.seq, seq);
        assert_eq!(tips.verify(event), Verification::default());
        let line = to_line(event).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(from_line(&line).as_ref(), Ok(event));
    }
    assert_eq!(tips.of("ten_1", "vis_1").seq, 3);
    assert_eq!(tips.of("ten_2", "vis_1"), Tip::default());
}

#[test]
fn every_flipped_bit_of_a_line_is_found() {
    let event = stream(2).remove(1);
    let tip = Tip::after(&first());
    let line = to_line(&event).unwrap().into_bytes();
    assert_eq!(verify(&from_line(&line).unwrap(), &tip), Verification::default());
    let mut found = (0, 0);
    for byte in 0..line.len() {
        for bit in 0..8 {
            let mut flipped = line.clone();
            flipped[byte] ^= 1 << bit;
            match from_line(&flipped) {
                Err(_) => found.0 += 1,
                Ok(read) => {
                    let verification = verify(&read, &tip);
                    let text = String::from_utf8_lossy(&flipped).into_owned();
                    assert!(!verification.faults.is_empty(), "bit {bit} of byte {byte} is not found in {text}");
                    found.1 += 1;
                }
            }
        }
    }
    assert_eq!(found.0 + found.1, line.len() * 8);
    assert!(found.0 > 1_000 && found.1 > 1_000, "both nets caught something: {found:?}");
}

#[test]
fn a_byte_too_many_or_too_few_is_found() {
    let line = to_line(&first()).unwrap();
    for byte in 0..line.len() {
        let mut shorter = line.clone().into_bytes();
        shorter.remove(byte);
        let gone = from_line(&shorter).map(|event| verify(&event, &Tip::default()).faults);
        assert!(gone.is_err() || gone.is_ok_and(|faults| !faults.is_empty()), "byte {byte} is not missed");
        let mut longer = line.clone().into_bytes();
        longer.insert(byte, b' ');
        let spaced = from_line(&longer).map(|event| verify(&event, &Tip::default()).faults);
        assert!(spaced.is_err() || spaced.is_ok_and(|faults| !faults.is_empty()), "a space at {byte} is not seen");
    }
}

#[test]
fn a_line_that_says_the_same_in_other_bytes_is_refused() {
    let line = to_line(&first()).unwrap();
    let respelled = [
        format!("{line}\n"),
        format!(" {line}"),
        line.replace("-2.5", "-2.50"),
        line.replace("1e+300", "1e300"),
        line.replace("\u{1f600}", "\\ud83d\\ude00"),
        line.replace("\"seq\":1,", "\"seq\":1.0,"),
        line.replace("\"seq\":1,", "\"seq\":1,\"seq\":1,"),
        line.replace("\"null\"", "null").replace("\"v\":1", "\"v\":1,\"x\":null"),
        line.replacen("\"header\"", "\"hash\":\"\",\"header\"", 1),
    ];
    for other in respelled {
        assert_ne!(other, line);
        assert!(from_line(&other).is_err(), "{other}");
    }
    assert_eq!(from_line(line.replacen(':', ": ", 1)), Err(LineFault::NotCanonical { at: 8 }));
    for nonsense in ["", "null", "{}", "[]", "{\"header\":1}", "\u{0}"] {
        assert!(matches!(from_line(nonsense), Err(LineFault::NotAnEvent { .. })), "{nonsense}");
    }
    let deep = "[".repeat(50_000);
    assert!(matches!(from_line(line.replace("\"gcj02\"", &deep)), Err(LineFault::NotAnEvent { .. })));
}

#[test]
fn what_was_changed_is_named() {
    let event = first();
    let payload = |name: &str| name.to_owned();

    let mut changed = event.clone();
    changed.header.tenant = "ten_2".into();
    let computed = hash(&changed.header).unwrap();
    check(&changed, &[Fault::Hash { found: event.hash.clone(), computed }]);

    let mut changed = event.clone();
    changed.hash = changed.hash.to_uppercase();
    check(&changed, &[Fault::Hash { found: changed.hash.clone(), computed: event.hash.clone() }]);

    for wrong in [json!({"lat": 31.3, "lon": 121, "crs": "gcj02"}), json!(9_007_199_254_740_993_u64)] {
        let mut changed = event.clone();
        let Some(Payload::Kept(kept)) = changed.payloads.get_mut("position") else { panic!("it is kept") };
        kept.value = CanonicalJson::stored(wrong.to_string()).unwrap();
        check(&changed, &[Fault::Commitment { payload: payload("position") }]);
    }
    for salt in ["01".repeat(15), "0A".repeat(16), String::new()] {
        let mut changed = event.clone();
        let Some(Payload::Kept(kept)) = changed.payloads.get_mut("answers") else { panic!("it is kept") };
        kept.salt = salt;
        check(&changed, &[Fault::Commitment { payload: payload("answers") }]);
    }

    let mut changed = event.clone();
    let gone = changed.payloads.remove("answers").unwrap();
    changed.payloads.insert("other".into(), gone);
    check(
        &changed,
        &[Fault::Missing { payload: payload("answers") }, Fault::Uncommitted { payload: payload("other") }],
    );

    let rehashed = |change: &dyn Fn(&mut Header)| {
        let mut changed = event.clone();
        change(&mut changed.header);
        changed.hash = hash(&changed.header).unwrap();
        changed
    };
    check(&rehashed(&|header| header.v = 2), &[Fault::Version { v: 2 }]);
    check(&rehashed(&|header| header.seq = 7), &[Fault::Sequence { found: 7, expected: 1 }]);
    check(
        &rehashed(&|header| header.at = "2026-03-02T09:00:00+08:00".into()),
        &[Fault::Malformed { member: payload("at") }],
    );
    let other = "11".repeat(32);
    check(
        &rehashed(&|header| header.previous = "11".repeat(32)),
        &[Fault::Previous { found: other, expected: NO_PREVIOUS.into() }],
    );

    let mut changed = event.clone();
    changed.header.previous = "AA".repeat(32);
    check(
        &changed,
        &[
            Fault::Malformed { member: payload("previous") },
            Fault::Previous { found: "AA".repeat(32), expected: NO_PREVIOUS.into() },
        ],
    );
    let mut changed = event;
    changed.header.seq = u64::MAX;
    check(
        &changed,
        &[Fault::Malformed { member: payload("header") }, Fault::Sequence { found: u64::MAX, expected: 1 }],
    );
}

#[test]
fn a_fault_is_readable_by_people_and_machines() {
    let fault = Fault::Commitment { payload: "answers".into() };
    assert_eq!(fault.to_string(), "payload `answers` is not what the header commits to");
    assert_eq!(serde_json::to_value(fault).unwrap(), json!({"fault": "commitment", "payload": "answers"}));
}

#[test]
fn a_removed_doubled_or_swapped_event_is_found_once() {
    let events = stream(4);
    let faults = |order: &[usize]| -> Vec<usize> {
        let mut tips = Tips::default();
        order.iter().map(|index| tips.verify(&events[*index]).faults.len()).collect()
    };
    assert_eq!(faults(&[0, 1, 2, 3]), [0, 0, 0, 0]);
    assert_eq!(faults(&[0, 2, 3]), [0, 2, 0]);
    assert_eq!(faults(&[0, 1, 1, 2]), [0, 0, 2, 0]);
    assert_eq!(faults(&[0, 2, 1, 3]), [0, 2, 2, 2]);
    assert_eq!(faults(&[1]), [2]);
}

#[test]
fn an_erased_payload_keeps_the_proof() {
    let mut event = first();
    event.payloads.insert("answers".into(), Payload::Erased(Erased::Erased));
    let line = to_line(&event).unwrap();
    assert!(line.contains(r#""answers":"erased""#), "{line}");
    let verification = verify(&from_line(&line).unwrap(), &Tip::default());
    assert_eq!(verification, Verification { faults: vec![], erased: vec!["answers".into()] });
}

#[test]
fn equal_payloads_have_different_commitments() {
    let events = stream(2);
    assert_ne!(events[0].header.commitments["answers"], events[1].header.commitments["answers"]);
}

#[test]
fn a_payload_without_canonical_form_is_not_sealed() {
    let draft = Draft { payloads: [("a".to_owned(), json!([u64::MAX - 1]))].into(), ..draft() };
    let tip = Tip::default();
    let sealed = seal(draft, &Seal { tenant: "ten_1", engine: "e", at_ms: 0, tip: &tip }, &mut || [0; 16]);
    assert!(matches!(sealed, Err(CanonError::Number { pointer, .. }) if pointer == "/0"));
}

#[test]
fn unknown_versions_and_types_are_refused_by_name() {
    let event = first();
    assert_eq!(upcast(&event, &["created", "submitted"]).as_deref(), Ok(&event));
    assert_eq!(upcast(&event, &["created"]), Err(Unreadable::Type { kind: "submitted".into() }));
    let mut newer = event;
    newer.header.v = 2;
    let error = upcast(&newer, &["submitted"]).unwrap_err();
    assert_eq!(error.to_string(), "version 2 of the event form is unknown, the newest known is 1");
}
