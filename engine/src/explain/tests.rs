//! Everything that ran is named, with what it looked at; and the words are what readers of that language expect.

use super::*;
use crate::command::Action;
use crate::contest;
use crate::finding as findings;
use crate::tests::{Day, PLAIN, command};
use crate::visit::VisitEvent;
use serde_json::Value;

/// The events of a visit, as the full explanation wants them.
fn happened(day: &Day, visit: &str) -> Vec<Happened> {
    let of_visit = day.record.events.iter().filter(|event| event.header.stream == visit);
    of_visit
        .map(|event| {
            let at_ms = crate::time::parse("at", &event.header.at).unwrap();
            (VisitEvent::of(event).unwrap(), event.hash.clone(), at_ms)
        })
        .collect()
}

fn explained(day: &Day, visit: &str, language: &str, personal: bool) -> FullExplanation {
    full(&PLAIN, &happened(day, visit), Reader { language, personal }).unwrap()
}

/// Two visits of one rep to one customer: the rules of the second are told of the first.
fn two_visits() -> Day {
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    day.visit("two", "cus_one", 3600, 0, 5);
    day
}

fn step<'a>(explanation: &'a FullExplanation, key: &str) -> &'a ExplainedStep {
    explanation.steps.iter().find(|step| step.key == key).unwrap()
}

fn sources(checks: &[ExplainedCheck]) -> Vec<&str> {
    checks.iter().map(|check| check.source.as_str()).collect()
}

#[test]
fn every_check_and_rule_of_a_step_is_named_with_what_it_looked_at() {
    let day = two_visits();
    let explanation = explained(&day, "vis_two", "en", true);
    let events = happened(&day, "vis_two");
    for declared in &PLAIN.sop.steps {
        let shown = step(&explanation, &declared.id);
        let mut expected = Vec::new();
        expected.extend(declared.form.iter().map(|_| "form".to_owned()));
        expected.extend(declared.evidence.iter().map(|_| "evidence".to_owned()));
        expected.extend(declared.location.iter().map(|_| "location".to_owned()));
        expected.extend(declared.checks.iter().map(|_| "check".to_owned()));
        expected.extend(declared.rules.iter().map(|binding| binding.rule.clone()));
        if shown.event.is_some() {
            assert_eq!(sources(&shown.checks), expected, "{}", declared.id);
            assert!(events.iter().any(|(_, hash, _)| Some(hash) == shown.event.as_ref()), "{}", declared.id);
        }
        for check in &shown.checks {
            assert!(!check.title.is_empty() && !check.said.is_empty(), "{check:?}");
            assert_eq!(check.plugin.is_some(), check.source.contains('/'), "{check:?}");
            if let Some(plugin) = &check.plugin {
                let pin = &PLAIN.plugins[&plugin.name];
                assert_eq!((&plugin.version, &plugin.hash), (&pin.manifest.version, &pin.hash));
            }
        }
    }
    let survey = step(&explanation, "survey");
    let form = survey.checks.iter().find(|check| check.source == "form").unwrap();
    let pointers: Vec<&str> = form.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(pointers, ["/open", "/quantity"]);
    assert!(form.inputs.iter().all(|input| input.label.is_some() && input.value.is_none()));
}

#[test]
fn what_was_gathered_is_named_by_the_event_it_came_from() {
    let day = two_visits();
    let explanation = explained(&day, "vis_two", "en", true);
    let all = explanation.steps.iter().flat_map(|step| &step.checks).chain(&explanation.checks);
    let of_others = happened(&day, "vis_one");
    let needs: Vec<&ExplainedInput> = all
        .flat_map(|check| &check.inputs)
        .filter(|input| input.kind == InputKind::Need && input.name != "steps")
        .collect();
    let told: Vec<&&ExplainedInput> = needs.iter().filter(|input| input.reference.is_some()).collect();
    assert!(!told.is_empty(), "{needs:?}");
    for input in told {
        assert!(of_others.iter().any(|(_, hash, _)| Some(hash) == input.reference.as_ref()), "{input:?}");
    }
}

#[test]
fn nothing_that_was_found_is_left_out_and_weights_add_up() {
    let day = two_visits();
    for visit in ["vis_one", "vis_two"] {
        let explanation = explained(&day, visit, "en", true);
        let verdict = day.journal.visits().get(visit).unwrap().verdict().unwrap();
        let all = explanation.steps.iter().flat_map(|step| &step.checks).chain(&explanation.checks);
        let mut shown: Vec<&str> = all.flat_map(|check| &check.findings).map(|found| found.id.as_str()).collect();
        let mut expected: Vec<String> = verdict.findings.iter().map(findings::id).collect();
        shown.sort_unstable();
        expected.sort();
        assert_eq!(shown, expected, "{visit}");
        let risk = explanation.risk.unwrap();
        assert_eq!(risk.weights.last().map_or(0.0, |last| last.risk), risk.value);
        let weights = verdict.findings.iter().filter(|found| found.weight > 0).count();
        assert_eq!(risk.weights.len(), weights);
        let score = explanation.score.unwrap();
        assert_eq!(score.total, verdict.score.as_ref().unwrap().total);
        assert_eq!(explanation.judged, Some(verdict.decision));
    }
}

#[test]
fn a_contested_finding_wants_a_verdict_that_stands_beside_the_engines() {
    let mut day = two_visits();
    let of = |day: &Day| day.journal.visits().get("vis_two").unwrap().clone();
    let found = of(&day).verdict().unwrap().findings.iter().find(|found| found.weight > 0).unwrap().clone();
    let id = findings::id(&found);
    let mut second = 9000;
    let mut send = |day: &mut Day, user: &str, verb: &str, body: Value| {
        second += 10;
        let sent = command(&format!("cmd_{second}"), user, "tsk_two", (second, second), verb, &body);
        day.take(&sent)
    };
    let refused = |ended: crate::journal::Ended| format!("{ended:?}");
    let user = of(&day).user;
    let unknown = send(&mut day, &user, "contest", json!({"finding": found.code, "reason": "no"}));
    assert!(refused(unknown).contains("finding.unknown"), "a code is no id");
    send(&mut day, &user, "contest", json!({"finding": id, "reason": "I was there"}));
    assert_eq!(contest::undecided(&of(&day)).into_iter().collect::<Vec<_>>(), [id.as_str()]);

    let said = |id: &str, reason: &str| json!([{"id": id, "verdict": "overturned", "reason": reason}]);
    for (findings, code) in [
        (json!([]), "finding.undecided"),
        (said("fnd_0000000000000000", "no"), "finding.unknown"),
        (said(&id, " "), "text.missing"),
        (json!([said(&id, "a")[0], said(&id, "b")[0]]), "finding.twice"),
    ] {
        let ended = send(&mut day, "usr_boss", "approve", json!({"findings": findings}));
        assert!(refused(ended).contains(code), "{code}");
        assert!(of(&day).review.is_none());
    }
    send(&mut day, "usr_boss", "approve", json!({"findings": said(&id, "the photo shows it")}));
    let explanation = explained(&day, "vis_two", "zh-CN", true);
    let all = explanation.steps.iter().flat_map(|step| &step.checks).chain(&explanation.checks);
    let shown = all.flat_map(|check| &check.findings).find(|shown| shown.id == id).unwrap();
    let reviewed = shown.reviewed.as_ref().unwrap();
    assert!(shown.contested);
    assert_eq!((reviewed.said.as_str(), reviewed.user.as_str()), ("撤销", "usr_boss"));
    assert_eq!(shown.weight, found.weight, "the engine's verdict stays");
    assert_eq!(explanation.contested.last().unwrap().id.as_ref(), Some(&id));
    // What was said of a finding stays when somebody decides again.
    send(&mut day, "usr_boss", "reject", json!({"reason": "all the same"}));
    let review = of(&day).review.unwrap();
    assert_eq!((review.decision, review.findings.len()), (Decision::Rejected, 1));
    // Contested again, it wants a verdict again.
    send(&mut day, &user, "contest", json!({"finding": id, "reason": "look again"}));
    let ended = send(&mut day, "usr_boss", "reject", json!({"reason": "no"}));
    assert!(refused(ended).contains("finding.undecided"));
    let answered = day.record.events.iter().filter_map(|event| match VisitEvent::of(event).unwrap() {
        VisitEvent::Reviewed { command, .. } => Some(command.action),
        _ => None,
    });
    let kept = answered.map(|action| match action {
        Action::Approve(note) => note.findings.len(),
        Action::Reject(reject) => reject.findings.len(),
        _ => 0,
    });
    assert_eq!(kept.collect::<Vec<_>>(), [1, 0], "the event holds what was said");
}

#[test]
fn personal_values_are_not_said_to_who_may_not_see_them() {
    let mut found = findings::built_in("form", "form.maximum", "/person/name", Effect::Flag, &json!({"given": "Li"}));
    found.step = "survey".into();
    let sop: Value = serde_json::from_str(include_str!("../../../tests/sops/plain.json")).unwrap();
    let mut sop = sop;
    let form = sop.pointer_mut("/steps/2/form/schema/properties").unwrap().as_object_mut().unwrap();
    form.insert("person".into(), json!({"type": "object", "x-personal": true}));
    let plugins = serde_json::from_str(include_str!("../../../tests/sops/plugins.json")).unwrap();
    let sop = serde_json::from_value(sop).unwrap();
    let sop = EffectiveSop::new(sop, plugins, [].into(), &Map::new()).map_err(|it| format!("{it:?}")).unwrap();
    let shown = |personal| scene::masked(&sop, &found, Reader { language: "en", personal }).params["given"].clone();
    assert_eq!(shown(true), "Li");
    assert_eq!(shown(false), scene::MASK);
    found.pointer = "/quantity".into();
    assert_eq!(scene::masked(&sop, &found, Reader { language: "en", personal: false }), found);
}

#[test]
fn chinese_sentences_have_full_width_punctuation() {
    let is_chinese = |letter: char| ('\u{4e00}'..='\u{9fff}').contains(&letter) || letter == '}' || letter == '{';
    for (code, text) in sentences() {
        let letters: Vec<char> = text.0.get("zh-CN").unwrap().chars().collect();
        for (index, letter) in letters.iter().enumerate().filter(|(_, letter)| ",;:?!()".contains(**letter)) {
            let beside = [index.checked_sub(1), index.checked_add(1)].into_iter().flatten();
            let beside = beside.filter_map(|index| letters.get(index)).any(|letter| is_chinese(*letter));
            assert!(!beside, "{code}: `{letter}` in {}", letters.iter().collect::<String>());
        }
    }
}
