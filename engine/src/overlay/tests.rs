//! Changes and what they give (`cases/apply.json`), templates that move (`cases/rebase.json`), and what holds for any.

use super::*;
use crate::lint::hint;
use crate::text::LANGUAGES;
use proptest::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    changes: Vec<Change>,
    /// Ids of the steps, in order.
    #[serde(default)]
    order: Vec<String>,
    /// Values of the result, by names.
    #[serde(default)]
    values: BTreeMap<String, Value>,
    /// Origins of places of the result, by index.
    #[serde(default)]
    origins: BTreeMap<String, Origin>,
    #[serde(default)]
    problems: Vec<(String, String)>,
    /// What the template changed, of a rebase.
    #[serde(default)]
    template: Vec<Change>,
    /// What it locks besides.
    #[serde(default)]
    locked: Vec<String>,
    /// Place, code, whether it is kept, and the three values; `…`: anything.
    #[serde(default)]
    conflicts: Vec<(String, String, bool, Value, Value, Value)>,
}

fn template() -> Value {
    serde_json::from_str(include_str!("cases/template.json")).expect("template.json")
}

fn overlay(changes: &[Change]) -> Overlay {
    let document = json!({
        "overlay": "retail.shop-visit.north", "version": "2.0.0", "title": {"en": "North", "zh-CN": "北区"},
        "of": {"sop": "retail.shop-visit", "version": "1.0.0"}, "changes": changes,
    });
    read(&document).expect("an overlay")
}

/// The template with changes nothing forbids, as version 1.1.0.
fn next(changes: &[Change], locked: &[String]) -> Value {
    let mut document = template();
    for change in changes {
        if let Err(fault) = apply_one(&mut document, &[], change) {
            panic!("{change:?}: {fault:?}");
        }
    }
    document["version"] = json!("1.1.0");
    document["locked"].as_array_mut().expect("a list").extend(locked.iter().map(|lock| json!(lock)));
    document
}

#[track_caller]
fn check_result(case: &Case, document: &Value) {
    for (at, value) in &case.values {
        assert_eq!(find(document, at), Some(value), "{}: {at}", case.name);
    }
    if !case.order.is_empty() {
        let steps: Vec<&str> = document["steps"].as_array().unwrap().iter().filter_map(name_of).collect();
        assert_eq!(steps, case.order, "{}", case.name);
    }
}

#[track_caller]
fn check_hint(problem: &Problem) {
    for language in LANGUAGES {
        let template = hint(&problem.code, language).unwrap_or_else(|| panic!("no hint for {problem:?}"));
        let names = template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        let unfilled: Vec<&str> = names.filter(|name| !problem.params.contains_key(*name)).collect();
        assert!(unfilled.is_empty(), "{problem:?} does not fill {unfilled:?}");
    }
}

#[test]
fn changes_give_what_their_cases_say() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/apply.json")).expect("apply.json");
    for case in cases {
        match apply(&template(), &overlay(&case.changes)) {
            Ok(applied) => {
                assert_eq!(case.problems, [], "{}", case.name);
                check_result(&case, &applied.document);
                for (pointer, origin) in &case.origins {
                    assert_eq!(applied.origins.get(pointer), Some(origin), "{}: {pointer}", case.name);
                }
                let problems = lint::lint(applied.document.to_string().as_bytes(), None).1;
                assert_eq!(problems, [], "{}", case.name);
            }
            Err(problems) => {
                problems.iter().for_each(check_hint);
                let found: Vec<(String, String)> =
                    problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect();
                assert_eq!(found, case.problems, "{}", case.name);
            }
        }
    }
}

#[test]
fn templates_that_move_meet_what_their_cases_say() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/rebase.json")).expect("rebase.json");
    let any = |expected: &Value, found: &mut Value| {
        if *expected == json!("…") {
            *found = expected.clone();
        }
    };
    for case in cases {
        let to = next(&case.template, &case.locked);
        let rebased = rebase(&overlay(&case.changes), &template(), &to).expect(&case.name);
        rebased.conflicts.iter().for_each(|conflict| check_hint(&conflict.problem));
        let mut found: Vec<(String, String, bool, Value, Value, Value)> = rebased
            .conflicts
            .into_iter()
            .map(|c| (c.problem.pointer, c.problem.code, c.kept, json!(c.before), json!(c.template), json!(c.overlay)))
            .collect();
        for (expected, found) in case.conflicts.iter().zip(&mut found) {
            any(&expected.3, &mut found.3);
            any(&expected.4, &mut found.4);
            any(&expected.5, &mut found.5);
        }
        assert_eq!(found, case.conflicts, "{}", case.name);
        assert_eq!(rebased.overlay.of.version, "1.1.0");
        let applied = apply(&to, &rebased.overlay).unwrap_or_else(|problems| panic!("{}: {problems:?}", case.name));
        check_result(&case, &applied.document);
    }
}

#[test]
fn what_is_no_overlay_is_said_like_what_is_no_sop() {
    let codes = |document: Value| -> Vec<(String, String)> {
        let problems = read(&document).expect_err("problems");
        problems.iter().for_each(check_hint);
        problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect()
    };
    let good = || json!(overlay(&[]));
    let mut document = good();
    document["of"]["version"] = json!("^1.0");
    document["changes"] = json!([{"op": "set", "at": "/a"}, {"op": "put", "at": "a"}]);
    assert_eq!(
        codes(document),
        [
            ("/changes/0/value".to_owned(), "shape.missing".to_owned()),
            ("/changes/1/at".to_owned(), "shape.pattern".to_owned()),
            ("/changes/1/op".to_owned(), "shape.choice".to_owned()),
            ("/of/version".to_owned(), "shape.pattern".to_owned()),
        ]
    );
    let mut document = good();
    document["texts"] = json!({});
    assert_eq!(codes(document), [("/texts".to_owned(), "shape.unknown_member".to_owned())]);
    let mut document = good();
    document["changes"] = json!([{"op": "remove", "at": "/a", "value": 1}]);
    assert_eq!(codes(document), [(String::new(), "sop.unreadable".to_owned())]);
}

#[test]
fn an_overlay_of_another_version_is_not_applied() {
    let problems = apply(&next(&[], &[]), &overlay(&[])).expect_err("another version");
    assert_eq!((problems.len(), problems[0].code.as_str()), (1, "overlay.other_template"));
    check_hint(&problems[0]);
}

#[test]
fn without_changes_only_the_head_is_another() {
    let mut applied = apply(&template(), &overlay(&[])).expect("nothing to do").document;
    for member in ["sop", "version", "title"] {
        assert_ne!(applied[member], template()[member]);
        applied[member] = template()[member].clone();
    }
    assert_eq!(applied, template());
}

/// Ten steps with members to change.
fn wide() -> Value {
    let step = |n: usize| {
        json!({"id": format!("s{n}"), "kind": "brief", "title": {"en": format!("Step {n}")}, "min_seconds": n,
            "checks": [{"code": "a", "that": "true"}, {"code": "b", "that": "true"}]})
    };
    json!({"sop": "retail.shop-visit", "version": "1.0.0", "title": {"en": "T"}, "locked": [],
        "steps": (0..10).map(step).collect::<Vec<_>>()})
}

/// A change of something below step `s<step>`, or of the list beside it.
fn changes_of(step: usize) -> impl Strategy<Value = Vec<Change>> {
    let at = move |rest: &str| format!("/steps/s{step}{rest}");
    let set = |at: String, value: Value| Change::Set { at, value };
    let add = |at: String, value: Value, after: Option<String>| Change::Add { at, value, after, before: None };
    prop_oneof![
        any::<u8>().prop_map(move |n| vec![set(at("/min_seconds"), json!(n))]),
        Just(vec![set(at("/title/zh-CN"), json!("新"))]),
        Just(vec![Change::Remove { at: at("/min_seconds") }]),
        Just(vec![Change::Remove { at: at("/checks/a") }, add(at("/checks"), json!({"code": "c"}), None)]),
        Just(vec![Change::Move { at: at("/checks/a"), after: Some("b".into()), before: None }]),
        Just(vec![set(at("/checks/b/that"), json!("false")), set(at("/help"), json!({"en": "Help"}))]),
        Just(vec![add(
            "/steps".into(),
            json!({"id": format!("new{step}"), "kind": "brief"}),
            Some(format!("s{step}"))
        )]),
    ]
}

fn some_of(steps: [usize; 5]) -> impl Strategy<Value = Vec<Change>> {
    let each = steps.map(|step| proptest::option::of(changes_of(step)));
    Vec::from(each).prop_map(|all| all.into_iter().flatten().flatten().collect())
}

fn edited(document: &Value, changes: &[Change]) -> Value {
    let mut document = document.clone();
    for change in changes {
        apply_one(&mut document, &[], change).map(drop).unwrap_or_else(|fault| panic!("{change:?}: {fault:?}"));
    }
    document
}

proptest! {
    #[test]
    fn rebasing_onto_the_same_version_is_the_identity(changes in some_of([0, 1, 2, 3, 4])) {
        let overlay = overlay(&changes);
        let rebased = rebase(&overlay, &wide(), &wide()).unwrap();
        prop_assert_eq!(rebased, Rebased { overlay, conflicts: vec![] });
    }

    #[test]
    fn changes_of_different_places_always_merge(ours in some_of([0, 2, 4, 6, 8]), theirs in some_of([1, 3, 5, 7, 9])) {
        let mut to = edited(&wide(), &theirs);
        to["version"] = json!("1.1.0");
        let rebased = rebase(&overlay(&ours), &wide(), &to).unwrap();
        prop_assert_eq!(&rebased.conflicts, &vec![]);
        let mut merged = apply(&to, &rebased.overlay).unwrap().document;
        // In whichever order the two are made, the result is the same.
        let other = edited(&edited(&wide(), &ours), &theirs);
        merged["sop"] = other["sop"].clone();
        merged["version"] = other["version"].clone();
        merged["title"] = other["title"].clone();
        prop_assert_eq!(merged, other);
    }

    #[test]
    fn whatever_meets_whatever_the_result_can_be_applied(ours in some_of([0, 1, 2, 3, 4]), theirs in some_of([0, 1, 2, 3, 4])) {
        let mut to = edited(&wide(), &theirs);
        to["version"] = json!("1.1.0");
        let rebased = rebase(&overlay(&ours), &wide(), &to).unwrap();
        let dropped = rebased.conflicts.iter().filter(|conflict| !conflict.kept).count();
        prop_assert!(rebased.overlay.changes.len() + dropped <= ours.len());
        prop_assert!(apply(&to, &rebased.overlay).is_ok());
        for conflict in &rebased.conflicts {
            check_hint(&conflict.problem);
        }
    }

    #[test]
    fn origins_name_every_place_of_the_result(changes in some_of([0, 2, 4, 6, 8])) {
        fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
            found.push(pointer.to_owned());
            match value {
                Value::Object(members) => members.iter().for_each(|(n, m)| places(m, &below(pointer, n), found)),
                Value::Array(items) => items.iter().enumerate().for_each(|(n, i)| places(i, &format!("{pointer}/{n}"), found)),
                _ => {}
            }
        }
        let applied = apply(&wide(), &overlay(&changes)).unwrap();
        let mut found = Vec::new();
        places(&applied.document, "", &mut found);
        found.sort();
        let mut named: Vec<String> = applied.origins.keys().cloned().collect();
        named.sort();
        prop_assert_eq!(found, named);
        // What the template has there, it still has where nothing else is named.
        for (pointer, origin) in applied.origins {
            let value = applied.document.pointer(&pointer).unwrap();
            if origin == Origin::Template && !value.is_object() && !value.is_array() && !pointer.starts_with("/steps") {
                let before = wide();
                prop_assert_eq!(before.pointer(&pointer), Some(value));
            }
        }
    }
}
