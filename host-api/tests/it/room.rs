//! Memory is used again from call to call, and nobody may notice: not by what is in it, not by the answer, not by the fuel.

use crate::guest::{Finding, Guest, call, finding, host};
use engine::rule::{RuleAnswer, RuleOutcome};
use host_api::{Limits, Room};
use serde_json::json;
use std::sync::Arc;

/// Limits with room for this many calls, from a pool that keeps this much.
fn limits(calls: u32, kept_bytes: Option<usize>) -> Limits {
    Limits { room: Room { calls, kept_bytes }, ..Limits::default() }
}

fn weight(outcome: &RuleOutcome) -> u32 {
    let RuleAnswer::Findings(findings) = &outcome.answer else { panic!("{outcome:?}") };
    findings[0].weight
}

/// Grows its memory to 8 MiB and says as a weight whether all of it, from page 4 on, is zero (0) or not (1).
fn looker() -> Guest {
    let mut guest = Guest::validate("");
    let result = guest.image.findings(&[Finding { weight: 0, ..finding() }]);
    let weight = format!("(i32.add (i32.load (i32.const {})) (i32.const 32))", result + 4);
    guest.run = format!(
        "(drop (memory.grow (i32.const 124)))
         (local.set 4 (i32.const 262144))
         (loop $again
           (if (i64.ne (i64.load (local.get 4)) (i64.const 0)) (then (i32.store {weight} (i32.const 1))))
           (br_if $again (i32.lt_u (local.tee 4 (i32.add (local.get 4) (i32.const 8))) (i32.const 8388608))))
         (i32.const {result})"
    );
    guest
}

/// Fills 8 MiB of its memory, and a table, with what must not be found.
fn writer() -> Guest {
    let mut guest = Guest::finds(&[Finding { weight: 7, ..finding() }]);
    let result = guest.run.clone();
    guest.fields = "(table $t 1 funcref) (elem declare func $run)".into();
    guest.run = format!(
        "(drop (memory.grow (i32.const 124)))
         (drop (table.grow $t (ref.func $run) (i32.const 5000)))
         (memory.fill (i32.const 262144) (i32.const 0xa5) (i32.const 8126464))
         {result}"
    );
    guest
}

/// Says as a weight how many of 5,000 new elements of its table are not null.
fn table_looker() -> Guest {
    let mut guest = Guest::validate("");
    let result = guest.image.findings(&[Finding { weight: 0, ..finding() }]);
    let weight = format!("(i32.add (i32.load (i32.const {})) (i32.const 32))", result + 4);
    guest.fields = "(table $t 5001 funcref)".into();
    guest.run = format!(
        "(loop $again
           (if (i32.eqz (ref.is_null (table.get $t (local.get 4)))) (then (i32.store {weight} (i32.const 1))))
           (br_if $again (i32.lt_u (local.tee 4 (i32.add (local.get 4) (i32.const 1))) (i32.const 5001))))
         (i32.const {result})"
    );
    guest
}

#[test]
fn a_guest_finds_nothing_of_the_one_before() {
    // Less is kept than is written, all of it is kept, nothing is kept but the slot.
    for kept in [Some(2 << 20), Some(16 << 20), Some(0)] {
        let host = host(limits(1, kept));
        let writer = host.load(&writer().build()).unwrap();
        let lookers = [looker(), table_looker()].map(|guest| host.load(&guest.build()).unwrap());
        for _ in 0..5 {
            assert_eq!(weight(&call(&host, &writer, "look", json!({}))), 7);
            for looker in &lookers {
                assert_eq!(weight(&call(&host, looker, "look", json!({}))), 0, "{kept:?}");
            }
        }
    }
}

/// An end in the middle of a call leaves its memory as it is; the slot must be cleaned all the same.
#[test]
fn a_guest_finds_nothing_of_one_that_trapped() {
    let host = host(limits(1, Some(16 << 20)));
    let mut writer = writer();
    writer.run = writer
        .run
        .replace("(memory.fill", "(memory.fill (i32.const 262144) (i32.const 1) (i32.const 99)) (memory.fill");
    writer.run.push_str(" drop unreachable");
    let writer = host.load(&writer.build()).unwrap();
    let looker = host.load(&looker().build()).unwrap();
    for _ in 0..5 {
        assert!(matches!(call(&host, &writer, "look", json!({})).answer, RuleAnswer::Failed(_)));
        assert_eq!(weight(&call(&host, &looker, "look", json!({}))), 0);
    }
}

/// REPLAY: a guest cannot tell where its memory comes from, not even by what it may grow to.
#[test]
fn outcomes_are_equal_with_a_pool_and_without() {
    let (pooled, on_demand) = (host(limits(2, Some(2 << 20))), host(limits(2, None)));
    let mut guests = vec![looker(), writer(), table_looker(), Guest::finds(&[finding()])];
    for fields in [
        "(table $t 1 funcref)",
        "(table $t 1 6000 funcref)",
        "(table $t 1 10000 funcref)",
        "(table $t 1 30000 funcref)",
    ] {
        for by in [5_000, 7_000, 9_999, 10_000, 20_000, 40_000] {
            guests.push(Guest {
                fields: fields.into(),
                ..Guest::validate(format!("(drop (table.grow $t (ref.null func) (i32.const {by}))) unreachable"))
            });
        }
    }
    for by in [10, 251, 252, 253, 300, 70_000] {
        guests.push(Guest::validate(format!("(drop (memory.grow (i32.const {by}))) unreachable")));
    }
    for (index, guest) in guests.into_iter().enumerate() {
        let wasm = guest.build();
        let here = pooled.load(&wasm).unwrap();
        let there = on_demand.load(&wasm).unwrap();
        for _ in 0..2 {
            let outcomes = (call(&pooled, &here, "look", json!({})), call(&on_demand, &there, "look", json!({})));
            assert_eq!(outcomes.0, outcomes.1, "guest {index}");
        }
    }
}

/// Ten threads, room for one: they wait for each other, and every call ends as if it were alone.
#[test]
fn a_call_without_room_waits() {
    let host = host(limits(1, Some(2 << 20)));
    let plugin = host.load(&looker().build()).unwrap();
    let expected = call(&host, &plugin, "look", json!({}));
    std::thread::scope(|scope| {
        for _ in 0..10 {
            let (host, plugin, expected) = (&host, Arc::clone(&plugin), &expected);
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(&call(host, &plugin, "look", json!({})), expected);
                }
            });
        }
    });
}
