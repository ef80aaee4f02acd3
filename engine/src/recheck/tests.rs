//! What a journal recorded is judged again and found equal, whatever was done; what was changed is found.

use super::*;
use crate::canon;
use crate::event::Erased;
use crate::gather::Gathered;
use crate::history::History;
use crate::journal::Ended;
use crate::rule::RuleFailure;
use crate::tests::{Day, Kept, NINE_MS, PLAIN, clock, command, plain, submission};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Judges a stream again; nothing is wrong with it.
#[track_caller]
fn check(record: &mut Kept, stream: &str) -> Rechecked {
    let Ok(rechecked) = recheck(record, stream);
    assert_eq!(rechecked.differences, vec![], "{stream}");
    rechecked
}

/// A day of three visits: one judged, with what a reviewer and the rep said after; one left open, closed by policy and
/// opened again by late work; one cancelled.
fn a_day() -> Day {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    day.evidence_of("one", 430);
    let mut n_commands = 0;
    let mut take = |day: &mut Day, user: &str, task: &str, at: (i64, i64), verb: &str, body: Value| {
        n_commands += 1;
        day.take(&command(&format!("cmd_more-{n_commands}"), user, task, at, verb, &body))
    };
    let survey = |quantity: i64| submission("survey", quantity, "");
    let ends = [
        take(&mut day, "usr_boss", "tsk_one", (500, 500), "approve", json!({"reason": "seen"})),
        take(&mut day, "usr_rep", "tsk_one", (510, 510), "contest", json!({"finding": "nowhere", "reason": "no"})),
        take(&mut day, "usr_rep", "tsk_one", (520, 520), "contest", json!({"reason": "no"})),
        take(&mut day, "usr_rep", "tsk_one", (530, 530), "amend", json!({"submission": survey(200), "reason": "r"})),
        take(&mut day, "usr_rep", "tsk_one", (540, 540), "amend", json!({"submission": survey(2000), "reason": "r"})),
        take(&mut day, "usr_boss", "tsk_one", (550, 550), "return", json!({"step": "survey", "reason": "r"})),
        take(&mut day, "usr_rep", "tsk_one", (560, 560), "submit", survey(300)),
        take(&mut day, "usr_rep", "tsk_one", (570, 570), "complete", json!({})),
        take(&mut day, "usr_boss", "tsk_one", (580, 580), "reject", json!({"reason": "r"})),
    ];
    let refused: Vec<bool> = ends.iter().map(|ended| matches!(ended, Ended::Refused(_))).collect();
    assert_eq!(refused, [false, true, false, false, true, false, false, false, false]);
    day.visit("two", "cus_one", 1000, 0, 1);
    day.take(&clock(1000 + 8000));
    take(&mut day, "usr_rep", "tsk_two", (1200, 9100), "submit", survey(5));
    take(&mut day, "usr_rep", "tsk_two", (9200, 9200), "skip", json!({"step": "note", "reason": "r"}));
    take(&mut day, "usr_rep", "tsk_two", (9210, 9210), "save_draft", survey(6));
    take(&mut day, "usr_stranger", "tsk_two", (9220, 9220), "complete", json!({}));
    day.take(&clock(20_000));
    day.visit("three", "cus_two", 21_000, 0, 1);
    take(&mut day, "usr_rep", "tsk_three", (21_400, 21_400), "cancel", json!({"reason": "r"}));
    take(&mut day, "usr_rep", "tsk_three", (21_500, 21_500), "complete", json!({}));
    day
}

#[test]
fn every_kind_of_event_is_judged_again_and_equal() {
    let mut day = a_day();
    let mut kinds = BTreeSet::new();
    for name in ["vis_one", "vis_two", "vis_three"] {
        let rechecked = check(&mut day.record, name);
        assert!(rechecked.erased.is_empty() && rechecked.calls > 0, "{rechecked:?}");
        kinds.extend(day.record.stream(name).iter().map(|event| event.header.kind.clone()));
        let rebuilt = Visit::rebuild(&day.record.stream(name)).unwrap();
        assert_eq!(rebuilt.as_ref(), day.journal.visits().get(name), "{name}");
    }
    assert_eq!(kinds, VisitEvent::TYPES.iter().map(|kind| (*kind).to_owned()).collect());
    let names_neighbours = |need: &str| day.record.events.iter().any(|event| json!(event).to_string().contains(need));
    assert!(["last_check_in", "previous_visit"].into_iter().all(names_neighbours));
    let Ok(others) = recheck(&mut day.record, "tnt_one");
    assert_eq!(others, Rechecked::default());
}

#[test]
fn who_else_used_the_device_is_told_and_judged_again() {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    day.visit_by("usr_mate", "mate", "cus_two", (1000, 0), 5);
    day.visit("two", "cus_one", 2000, 0, 5);
    // Received last, done before all others.
    day.visit_by("usr_mate", "early", "cus_two", (-500, 9000), 5);
    let mut told = |name: &str| {
        check(&mut day.record, name);
        let verdict = day.journal.visits().get(name).unwrap().verdict().unwrap().clone();
        let on = |finding: &crate::rule::Finding| Some(finding.params.get("on_device")?.get("visit")?.clone());
        let mut told: Vec<Value> = verdict.findings.iter().filter_map(on).collect();
        told.dedup();
        let hashes: Vec<String> =
            verdict.gathered.iter().filter(|it| it.need == "last_on_device").map(|it| it.event.clone()).collect();
        let named = |event: &&Event| hashes.contains(&event.hash);
        let streams: BTreeSet<String> =
            day.record.events.iter().filter(named).map(|it| it.header.stream.clone()).collect();
        (json!(told), json!(streams))
    };
    assert_eq!(told("vis_one"), (json!([]), json!([])));
    assert_eq!(told("vis_mate"), (json!(["vis_one"]), json!(["vis_one"])));
    assert_eq!(told("vis_two"), (json!(["vis_mate"]), json!(["vis_mate"])));
    assert_eq!(told("vis_early"), (json!([]), json!([])));
}

#[test]
fn behind_a_check_in_without_position_is_the_one_before_with_one() {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    for (index, lost) in ["lost", "lost-again"].into_iter().enumerate() {
        let at = 1000 + 100 * i64::try_from(index).unwrap();
        let mut arrive = submission("arrive", 0, &format!("{index:064x}"));
        arrive.as_object_mut().unwrap().remove("position");
        let create = json!({"customer": "cus_one", "origin": "ad_hoc"});
        for (verb, body) in [("create", create), ("start", json!({})), ("submit", arrive)] {
            let id = format!("cmd_{lost}-{verb}");
            let ended = day.take(&command(&id, "usr_rep", &format!("tsk_{lost}"), (at, at), verb, &body));
            assert!(matches!(ended, Ended::Applied { .. }), "{verb}: {ended:?}");
        }
    }
    day.visit("two", "cus_one", 2000, 0, 5);
    check(&mut day.record, "vis_two");
    let verdict = day.journal.visits().get("vis_two").unwrap().verdict().unwrap();
    let said = |name: &str| verdict.findings.iter().find_map(|finding| finding.params.get(name).cloned());
    assert_eq!((said("after"), said("located")), (Some(json!("vis_lost-again")), Some(json!("vis_one"))));
    let behind = |need: &str| verdict.gathered.iter().filter(|it| it.need == need).count();
    assert_eq!((behind("last_check_in"), behind("last_located")), (1, 1));
}

/// Changes a recorded value as somebody could who mends the hashes afterwards.
fn forge(record: &mut Kept, stream: &str, kind: &str, pointer: &str, value: Value) -> u64 {
    let (payload, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
    let event = record
        .events
        .iter_mut()
        .find(|event| event.header.stream == stream && event.header.kind == kind)
        .unwrap_or_else(|| panic!("no {kind}"));
    let Some(Payload::Kept(kept)) = event.payloads.get_mut(payload) else { panic!("no {payload}") };
    let mut all = kept.value.value();
    let target = if rest.is_empty() { Some(&mut all) } else { all.pointer_mut(&format!("/{rest}")) };
    *target.unwrap_or_else(|| panic!("no {pointer}")) = value;
    kept.value = CanonicalJson::of(&all).unwrap();
    event.header.seq
}

#[test]
fn what_was_forged_is_found_and_named() {
    let day = a_day();
    let none = "0".repeat(64);
    for (stream, kind, pointer, value) in [
        ("vis_one", "visit_created", "business_date", json!("2026-03-01")),
        ("vis_one", "visit_created", "command/task", json!("tsk_other")),
        ("vis_one", "visit_started", "pins/plugins/demo", json!(none)),
        ("vis_one", "submitted", "submission/received", json!(1)),
        ("vis_one", "submitted", "submission/at/received_ms", json!(1)),
        (
            "vis_one",
            "assessed",
            "assessment/findings",
            json!([{"source": "s", "code": "c", "step": "", "pointer": "",
            "severity": "info", "effect": "none", "weight": 0}]),
        ),
        ("vis_one", "visit_completed", "verdict/risk", json!(0.1)),
        ("vis_one", "visit_completed", "verdict/decision", json!("rejected")),
        ("vis_one", "visit_completed", "verdict/awaited", json!([])),
        ("vis_one", "reviewed", "decision", json!("rejected")),
        ("vis_one", "reassessed", "verdict/score/total", json!(99)),
        ("vis_one", "refused", "refusal/code", json!("step.unknown")),
        ("vis_two", "visit_closed", "verdict/validity", json!("valid")),
        ("vis_two", "visit_closed", "verdict/dwell", Value::Null),
    ] {
        let mut record = day.record.clone();
        if pointer == "submission/received" {
            // A member nobody knows: the event cannot be read.
            let event = record.events.iter_mut().find(|event| event.header.kind == kind).unwrap();
            let Some(Payload::Kept(kept)) = event.payloads.get_mut("submission") else { panic!("no submission") };
            let mut all = kept.value.value();
            all["received"] = value;
            kept.value = CanonicalJson::of(&all).unwrap();
            let Ok(rechecked) = recheck(&mut record, stream);
            assert!(matches!(&rechecked.differences.as_slice(), [Difference { what: Differs::Unreadable { .. }, .. }]));
            continue;
        }
        let seq = forge(&mut record, stream, kind, pointer, value);
        let Ok(rechecked) = recheck(&mut record, stream);
        let differs: Vec<u64> = rechecked.differences.iter().map(|difference| difference.seq).collect();
        assert!(differs.contains(&seq), "{kind} {pointer}: {differs:?}");
    }
    let mut record = day.record.clone();
    forge(&mut record, "vis_one", "visit_completed", "verdict/risk", json!(0.1));
    let Ok(rechecked) = recheck(&mut record, "vis_one");
    let said: Vec<String> = rechecked.differences.iter().map(|one| format!("{} {}", one.kind, one.what)).collect();
    assert_eq!(said, ["visit_completed judged again it differs in [\"verdict\"]"]);
}

#[test]
fn an_event_that_was_left_out_or_put_in_is_found() {
    let day = a_day();
    let without = |kind: &str| {
        let mut record = day.record.clone();
        let at = record.events.iter().position(|event| event.header.kind == kind).unwrap();
        let stream = record.events.remove(at).header.stream;
        let Ok(rechecked) = recheck(&mut record, &stream);
        rechecked.differences.iter().map(|one| format!("{}: {}", one.kind, one.what)).collect::<Vec<_>>()
    };
    assert_eq!(without("assessed").first().unwrap(), "submitted: an event is missing after it: assessed");
    assert_eq!(without("visit_started").first().unwrap(), "submitted: judged again it is refused");
    assert_eq!(
        without("visit_created"),
        ["visit_started: no event comes of it now", "visit_started: event 2 cannot be read: it does not begin a visit"]
    );
    let mut record = day.record.clone();
    let visit = Visit::rebuild(&record.stream("vis_one")).unwrap().unwrap();
    let verdict = visit.verdict().unwrap().clone();
    let early = crate::command::Clock { now: time::format_utc(NINE_MS) };
    record.append("vis_one", &[VisitEvent::VisitClosed { clock: early, verdict }], NINE_MS + 600_000);
    let Ok(rechecked) = recheck(&mut record, "vis_one");
    assert_eq!(rechecked.differences.first().map(|one| one.what.clone()), Some(Differs::Nothing));
}

fn erase(record: &mut Kept, stream: &str, kind: &str) -> u64 {
    let event =
        record.events.iter_mut().find(|event| event.header.stream == stream && event.header.kind == kind).unwrap();
    for payload in event.payloads.values_mut() {
        *payload = Payload::Erased(Erased::Erased);
    }
    event.header.seq
}

#[test]
fn what_was_erased_is_reported_and_the_rest_is_judged() {
    let day = a_day();
    // The check-in of the first visit is the neighbour of the second.
    let mut record = day.record.clone();
    let seq = erase(&mut record, "vis_one", "submitted");
    let own = check(&mut record, "vis_one");
    let n_events = u64::try_from(record.stream("vis_one").len()).unwrap();
    assert_eq!(own.erased, (seq..=n_events).collect::<Vec<_>>());
    assert_eq!(own.judged, 2);
    let neighbour = check(&mut record, "vis_two");
    let erased: BTreeSet<String> = record
        .stream("vis_two")
        .iter()
        .filter(|event| neighbour.erased.contains(&event.header.seq))
        .map(|event| event.header.kind.clone())
        .collect();
    let rests_on_it = ["submitted", "assessed", "visit_closed"].map(str::to_owned).into();
    assert_eq!(erased, rests_on_it);
    assert!(neighbour.judged > 3, "{neighbour:?}");
}

#[test]
fn a_late_neighbour_is_assessed_again_and_that_is_judged_again_too() {
    for (steps, kinds) in [(5, vec!["assessed", "reassessed"]), (1, vec!["assessed"])] {
        let mut day = Day::new();
        day.visit("first", "cus_one", 0, 0, 1);
        day.visit("second", "cus_one", 2000, 0, steps);
        day.visit("between", "cus_two", 1000, 1900, 1);
        let mut history = History::default();
        for event in day.record.events.iter().filter(|event| event.header.stream.starts_with("vis_")) {
            let before = day.record.stream(&event.header.stream);
            let so_far = before.iter().filter(|one| one.header.seq <= event.header.seq);
            let visit = Visit::rebuild(so_far).unwrap().unwrap();
            history.note(&PLAIN, &visit, &VisitEvent::of(event).unwrap(), &event.hash);
        }
        let visit = day.journal.visits().get("vis_second").unwrap();
        let after = |visit: &Visit| visit.steps["arrive"].findings.first().map(|found| found.params["after"].clone());
        assert_eq!(after(visit), Some(json!("vis_first")));
        let gathered = history.gather(&submit::wanted_for_reassessment(&PLAIN, visit));
        let pending = submit::reassess(&PLAIN, visit, &gathered);
        let outcomes = pending.calls().map(crate::tests::answer).collect();
        let made = pending.decide(outcomes);
        let made_kinds: Vec<String> = made.iter().map(|event| event.draft("").kind).collect();
        assert_eq!(made_kinds, kinds);
        day.record.append("vis_second", &made, NINE_MS + 5_000_000);
        let rebuilt = Visit::rebuild(&day.record.stream("vis_second")).unwrap().unwrap();
        assert_eq!(after(&rebuilt), Some(json!("vis_between")));
        check(&mut day.record, "vis_second");

        // With what was known before, nothing changes: only gathered inputs are new to it.
        let gathered = history_without(&day, "vis_between").gather(&submit::wanted_for_reassessment(&PLAIN, visit));
        let pending = submit::reassess(&PLAIN, visit, &gathered);
        let outcomes = pending.calls().map(crate::tests::answer).collect();
        let VisitEvent::Assessed { assessment } = pending.decide(outcomes).remove(0) else { panic!("not assessed") };
        let recorded = day.record.stream("vis_second").into_iter().find(|event| event.header.kind == "assessed");
        let VisitEvent::Assessed { assessment: first } = VisitEvent::of(&recorded.unwrap()).unwrap() else {
            panic!("not assessed")
        };
        assert_eq!(assessment, first);
    }
}

fn history_without(day: &Day, left_out: &str) -> History {
    let mut history = History::default();
    let streams = ["vis_first", "vis_second", "vis_between"].into_iter().filter(|stream| *stream != left_out);
    for stream in streams {
        let events = day.record.stream(stream);
        for (index, event) in events.iter().enumerate() {
            let visit = Visit::rebuild(events.iter().take(index + 1)).unwrap().unwrap();
            history.note(&PLAIN, &visit, &VisitEvent::of(event).unwrap(), &event.hash);
        }
    }
    history
}

#[test]
fn what_cannot_be_redone_is_held_when_it_is_assessed_again() {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    let visit = day.journal.visits().get("vis_one").unwrap();
    let gathered = Gathered::default();
    let pending = submit::reassess(&PLAIN, visit, &gathered);
    let bad =
        json!({"answer": {"findings": [{"code": "demo.wrong", "severity": "error", "pointer": "", "weight": 5}]}});
    let outcomes = pending.calls().map(|_| serde_json::from_value(bad.clone()).unwrap()).collect();
    let made = pending.decide(outcomes);
    let Some(VisitEvent::Assessed { assessment }) = made.first() else { panic!("{made:?}") };
    let effects: Vec<_> = assessment.findings.iter().map(|one| (one.effect, one.original_effect)).collect();
    assert_eq!(effects, [(crate::sop::Effect::Hold, Some(crate::sop::Effect::Reject))]);
    let Some(VisitEvent::Reassessed { verdict }) = made.get(1) else { panic!("{made:?}") };
    assert_eq!(verdict.decision, crate::verdict::Decision::Held);
}

#[test]
fn a_log_may_hold_several_versions_and_a_visit_may_start_on_a_newer_one() {
    let newer = plain(&json!({"radius_m": 50}));
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 0);
    // Created under the first, started under the second: rebuild the state before the start and start again.
    day.record.events.retain(|event| event.header.kind != "visit_started");
    let created = Visit::rebuild(&day.record.stream("vis_one")).unwrap().unwrap();
    let gathered = Gathered::default();
    for (second, verb, body) in [(10, "start", json!({})), (20, "submit", submission("arrive", 0, &"a".repeat(64)))] {
        let record = command(&format!("cmd_{verb}"), "usr_rep", "tsk_one", (second, second), verb, &body);
        let crate::command::Record::Command(command) = record else { panic!("no command") };
        let visit = Visit::rebuild(&day.record.stream("vis_one")).unwrap().unwrap();
        let pending = submit::check(&newer, &visit, &command, &gathered).unwrap();
        let outcomes = pending.calls().map(crate::tests::answer).collect();
        day.record.append("vis_one", &pending.decide(outcomes), NINE_MS + second * 1000);
    }
    let started = Visit::rebuild(&day.record.stream("vis_one")).unwrap().unwrap();
    assert_eq!((created.sop.as_str(), started.sop.as_str()), (PLAIN.hash.as_str(), newer.hash.as_str()));
    let Ok(rechecked) = recheck(&mut day.record, "vis_one");
    let missing: BTreeSet<String> = rechecked.differences.iter().map(|one| one.what.to_string()).collect();
    assert_eq!(missing, [format!("the SOP {} it was judged under is not in the record", newer.hash)].into());
    day.record.sops.push(newer);
    assert_eq!(check(&mut day.record, "vis_one").judged, 3);
}

#[test]
fn a_deadline_that_passed_is_a_fact_and_another_answer_is_a_difference() {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 2);
    day.record.answer = |_| RuleOutcome {
        answer: RuleAnswer::Failed(RuleFailure { code: FailureCode::Trap, detail: "now".to_owned() }),
        lookups: Vec::new(),
        fuel: 0,
    };
    let Ok(rechecked) = recheck(&mut day.record, "vis_one");
    assert_eq!(rechecked.differences.len(), 2);
    // The same answers, recorded as deadlines that passed: they are taken from the record.
    for event in &mut day.record.events {
        let Some(Payload::Kept(kept)) = event.payloads.get_mut("assessment") else { continue };
        let mut all = kept.value.value();
        let step = all["step"].clone();
        let Some(call) = all["calls"].as_array_mut().unwrap().first_mut() else { continue };
        call["outcome"] =
            json!({"answer": {"failed": {"code": "deadline", "detail": "then"}}, "lookups": [], "fuel": 9});
        let rule = call["rule"].clone();
        let params = json!({"rule": rule, "failure": "deadline", "detail": "then"});
        all["findings"] = json!([{"source": rule, "code": "rule.unavailable", "step": step, "pointer": "",
            "severity": "warning", "effect": "flag", "weight": 0, "params": params, "evidence": []}]);
        kept.value = CanonicalJson::of(&all).unwrap();
    }
    let rechecked = check(&mut day.record, "vis_one");
    assert_eq!(rechecked.calls, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// REPLAY: whatever was done to three visits in whatever order, every stream is judged again and equal, and the visits
    /// its events add up to are the ones that were live.
    #[test]
    fn any_order_of_commands_is_judged_again_and_equal(moves in prop::collection::vec(
        (0_usize..3, 0_usize..16, 0_i64..1500, 0_i64..4000, any::<bool>()), 1..40,
    )) {
        const VERBS: [&str; 16] = ["create", "start", "submit", "submit", "submit", "submit", "submit", "submit", "skip",
            "amend", "complete", "cancel", "return", "approve", "contest", "evidence"];
        const STEPS: [&str; 5] = ["arrive", "survey", "pictures", "leave", "note"];
        let mut day = Day::new();
        for (name, customer) in [("a", "cus_one"), ("b", "cus_one"), ("c", "cus_two")] {
            day.visit(name, customer, 0, 0, 3);
        }
        let mut second = 300;
        for (index, (visit, verb, quantity, seconds, own)) in moves.into_iter().enumerate() {
            second += seconds;
            let name = ["a", "b", "c"][visit];
            let step = STEPS[usize::try_from(quantity).unwrap() % STEPS.len()];
            // Few photos, so that they are used again elsewhere.
            let photo = canon::sha256_hex(format!("{} pictures", ["a", "b", "c"][index % 3]).as_bytes());
            let handed_in = submission(step, quantity, &photo);
            let body = match VERBS[verb] {
                "evidence" => {
                    day.evidence_of(name, second);
                    continue;
                }
                "create" => json!({"customer": "cus_one", "origin": "plan"}),
                "submit" => handed_in,
                "amend" => json!({"submission": handed_in, "reason": "r"}),
                "skip" | "return" => json!({"step": step, "reason": "r"}),
                "cancel" | "contest" => json!({"reason": "r"}),
                _ => json!({}),
            };
            let user = if own { "usr_rep" } else { "usr_boss" };
            let done = second - if own { quantity } else { 0 };
            let id = format!("cmd_{}", index % 30);
            day.take(&command(&id, user, &format!("tsk_{name}"), (done, second), VERBS[verb], &body));
        }
        for (stream, visit) in day.journal.visits() {
            let rebuilt = Visit::rebuild(&day.record.stream(stream)).unwrap();
            prop_assert!(rebuilt.as_ref() == Some(visit), "{} rebuilt is another visit", stream);
        }
        for stream in ["vis_a", "vis_b", "vis_c"] {
            let Ok(rechecked) = recheck(&mut day.record, stream);
            prop_assert_eq!(rechecked.differences, vec![]);
            prop_assert!(rechecked.erased.is_empty());
        }
    }
}
