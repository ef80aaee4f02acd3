//! How standings add up, and that a visit that was told one is judged again from it.

use super::*;
use crate::canon::CanonicalJson;
use crate::command::Record;
use crate::event::{ENGINE_HASH, Seal, Tip, seal};
use crate::gather::Gathered;
use crate::recheck::{Differs, recheck};
use crate::rule::{RuleCall, RuleOutcome};
use crate::submit;
use crate::tests::{Day, NINE_MS, command};
use crate::verdict::Reference;
use crate::visit::VisitEvent;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

fn scored(user: &str, tenths: i64, full: f64) -> Scored {
    let parts = [("full".to_owned(), full)].into();
    Scored { user: user.to_owned(), sop: "a".to_owned(), tenths: Some(tenths), parts }
}

/// Standings where each of these has five visits of this mean, in tenths.
fn of(means: &[(&str, i64)]) -> BTreeMap<String, RepStanding> {
    let mut tallies = Tallies::default();
    for (user, tenths) in means {
        for off in [-2, -1, 0, 1, 2] {
            tallies.add(scored(user, tenths + off, 1.0));
        }
    }
    tallies.standings()
}

#[test]
fn a_rep_is_compared_with_the_others_and_not_with_themselves() {
    let all = of(&[("one", 700), ("two", 720), ("three", 740), ("best", 900)]);
    let best = &all[&id("best", "a")];
    assert_eq!((best.visits, best.mean, best.peers), (5, Some(90.0), 3));
    assert_eq!((best.peer_mean, best.peer_sd, best.z), (Some(72.0), Some(2.0), Some(9.0)));
    let one = &all[&id("one", "a")];
    assert_eq!((one.peer_mean, one.z), (Some(78.67), Some(-0.88)));
}

#[test]
fn too_few_or_all_alike_are_no_measure() {
    let two = of(&[("one", 700), ("two", 720), ("best", 900)]);
    let best = &two[&id("best", "a")];
    assert_eq!((best.peers, best.peer_mean, best.peer_sd, best.z), (2, None, None, None));
    let alike = of(&[("one", 701), ("two", 701), ("three", 701), ("best", 900)]);
    let best = &alike[&id("best", "a")];
    assert_eq!((best.peers, best.peer_mean, best.peer_sd, best.z), (3, Some(70.1), Some(0.0), None));
    // Who was there four times only is no peer, but has peers.
    let mut tallies = Tallies::default();
    for user in ["one", "two", "three", "few"] {
        for tenths in [700, 710, 720, 730, 740].iter().take(if user == "few" { 4 } else { 5 }) {
            tallies.add(scored(user, *tenths, 1.0));
        }
    }
    let all = tallies.standings();
    assert_eq!((all[&id("one", "a")].peers, all[&id("few", "a")].peers), (2, 3));
}

#[test]
fn of_each_part_the_least_is_known_and_in_how_many_visits_it_applied() {
    let mut tallies = Tallies::default();
    for full in [1.0, 0.75, 1.0] {
        tallies.add(scored("one", 900, full));
    }
    tallies.add(Scored { parts: BTreeMap::new(), ..scored("one", 900, 1.0) });
    // Nothing applied: that is no score of nothing.
    tallies.add(Scored { tenths: None, ..scored("one", 0, 0.0) });
    // Another SOP is another standing.
    tallies.add(Scored { sop: "b".to_owned(), ..scored("one", 0, 0.0) });
    let all = tallies.standings();
    let one = &all[&id("one", "a")];
    assert_eq!((one.visits, one.mean), (4, Some(90.0)));
    assert_eq!(one.parts, [("full".to_owned(), PartStanding { visits: 3, least: 0.75 })].into());
    assert_eq!(all.len(), 2);
    let gone = one.without_visits();
    assert_eq!((gone.id(), gone.visits, gone.mean, gone.parts.len()), (one.id(), 0, None, 0));
}

/// The plain SOP; its signal rule asks how the rep stands.
static SOP: LazyLock<Arc<EffectiveSop>> = LazyLock::new(|| {
    let sop = serde_json::from_str(include_str!("../../../tests/sops/plain.json")).unwrap();
    let mut plugins: Value = serde_json::from_str(include_str!("../../../tests/sops/plugins.json")).unwrap();
    let needs = plugins.pointer_mut("/demo/manifest/rules/1/needs").unwrap().as_array_mut().unwrap();
    needs.push(json!({"need": NAME, "availability": "server"}));
    let effective = EffectiveSop::new(sop, serde_json::from_value(plugins).unwrap(), [].into(), &Map::new());
    Arc::new(effective.map_err(|problems| format!("{problems:?}")).unwrap())
});

/// The signal rule says what it was told.
fn told(call: &RuleCall) -> RuleOutcome {
    let input: crate::input::RuleInput = serde_json::from_str(call.input.as_str()).unwrap();
    assert_eq!(CanonicalJson::of(&input).as_ref(), Ok(&call.input), "{}", call.rule);
    let Some(standing) = input.rep_standing else { return crate::tests::answer(call) };
    let finding =
        json!({"code": "demo.signal", "severity": "warning", "pointer": "", "params": {"z": standing.z}, "weight": 15});
    serde_json::from_value(json!({"answer": {"findings": [finding]}})).unwrap()
}

fn at(standing: &RepStanding, at_ms: i64) -> Event {
    let place = Seal { tenant: "tnt_one", engine: ENGINE_HASH, at_ms, tip: &Tip::default() };
    seal(standing.draft(), &place, &mut || [3; 16]).unwrap()
}

#[test]
fn a_visit_that_was_told_how_its_rep_stands_is_judged_again_from_it() {
    let mut day = Day::under(&SOP);
    day.record.answer = told;
    day.visit("one", "cus_one", 0, 0, 4);
    let visit = day.journal.visits()["vis_one"].clone();
    let Record::Command(complete) = command("cmd_end", "usr_rep", "tsk_one", (600, 600), "complete", &json!({})) else {
        panic!("no command")
    };
    let wanted = submit::wanted(&SOP, &visit, &complete);
    assert!(wanted.needs.contains(&Need::RepStanding));
    let sop = &SOP.sop.sop;
    let rep = |user: &str, sop: &str| {
        let standing = of(&[("one", 700), ("two", 720), ("three", 740), ("best", 900)])[&id("best", "a")].clone();
        RepStanding { user: user.to_owned(), sop: sop.to_owned(), ..standing }
    };
    let event = at(&rep("usr_rep", sop), NINE_MS - 1);
    let standing = RepStanding::told(&event, &wanted);
    assert_eq!(standing, Some(rep("usr_rep", sop)));
    let references = vec![Reference::new(NAME, &event.hash)];
    let gathered = Gathered { rep_standing: standing, references, ..Gathered::default() };
    let pending = submit::check(&SOP, &visit, &complete, &gathered).unwrap();
    let outcomes = pending.calls().map(told).collect();
    let events = pending.decide(outcomes);
    let [VisitEvent::VisitCompleted { verdict, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert!(verdict.findings.iter().any(|finding| finding.params.get("z") == Some(&json!(9))), "{verdict:?}");
    day.record.append("vis_one", &events, NINE_MS + 600_000);
    let differs = |record: &crate::tests::Kept, event: Option<Event>| {
        let mut record = record.clone();
        record.events.extend(event);
        let Ok(rechecked) = recheck(&mut record, "vis_one");
        rechecked.differences.into_iter().map(|it| it.what).collect::<Vec<_>>()
    };
    assert_eq!(differs(&day.record, Some(event.clone())), []);
    let unfounded = [Differs::Unfounded { need: NAME.to_owned(), event: event.hash.clone() }];
    assert_eq!(differs(&day.record, None), unfounded);
    // Somebody else's, another SOP's, later than the check-in, or kept elsewhere: no answer.
    let late = at(&rep("usr_rep", sop), NINE_MS + 600_000);
    for wrong in [at(&rep("usr_mate", sop), NINE_MS - 1), at(&rep("usr_rep", "other"), NINE_MS - 1), late] {
        assert_eq!(RepStanding::told(&wrong, &wanted), None);
        let wrong = Event { hash: event.hash.clone(), ..wrong };
        assert_eq!(differs(&day.record, Some(wrong)), unfounded);
    }
    let mut elsewhere = event;
    "rst_elsewhere".clone_into(&mut elsewhere.header.stream);
    assert_eq!(RepStanding::told(&elsewhere, &wanted), None);
}

#[test]
fn only_where_a_rule_asks_a_visit_counts_for_its_rep() {
    let of = |day: &mut Day, sop| {
        day.visit("one", "cus_one", 0, 0, 5);
        Scored::of(sop, &day.journal.visits()["vis_one"])
    };
    assert_eq!(of(&mut Day::new(), &crate::tests::PLAIN), None);
    let scored = of(&mut Day::under(&SOP), &SOP).unwrap();
    assert_eq!((scored.user.as_str(), scored.sop.as_str()), ("usr_rep", SOP.sop.sop.as_str()));
    assert!(scored.tenths.is_some() && scored.parts.contains_key("quality"), "{scored:?}");
}
