//! Documents with a mistake and the problems they must give (`cases/*.json`), hints, and hostile documents.
//!
//! A case is a list of edits of `cases/base.json`, which has no problem: `set` the value `at` a pointer (`/-` appends), or
//! take it away where there is no `set`.

use super::*;
use crate::condition::MAX_NODES;
use crate::text::LANGUAGES;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    edits: Vec<Edit>,
    expect: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    at: String,
    #[serde(default, deserialize_with = "present")]
    set: Option<Value>,
}

/// Tells `"set": null` from no `set`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn base() -> Value {
    serde_json::from_str(include_str!("cases/base.json")).expect("base.json")
}

fn manifests() -> BTreeMap<String, Manifest> {
    serde_json::from_str(include_str!("cases/plugins.json")).expect("plugins.json")
}

fn edit(document: &mut Value, edit: &Edit) {
    let (parent, name) = edit.at.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent).expect(&edit.at), &edit.set) {
        (Value::Array(items), Some(value)) if name == "-" => items.push(value.clone()),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().expect("a position")] = value.clone(),
        (Value::Object(members), Some(value)) => drop(members.insert(name, value.clone())),
        (Value::Object(members), None) => drop(members.remove(&name).expect("a member to take away")),
        (place, _) => panic!("{}: cannot edit {place}", edit.at),
    }
}

fn problems(document: &Value) -> Vec<Problem> {
    lint(document.to_string().as_bytes(), Some(&manifests())).1
}

fn short(problems: &[Problem]) -> Vec<(String, String)> {
    problems.iter().map(|problem| (problem.pointer.clone(), problem.code.clone())).collect()
}

#[track_caller]
fn run(cases: &str) {
    let cases: Vec<Case> = serde_json::from_str(cases).expect("cases");
    assert!(!cases.is_empty());
    for case in cases {
        let mut document = base();
        for change in &case.edits {
            edit(&mut document, change);
        }
        let problems = problems(&document);
        assert_eq!(short(&problems), case.expect, "{}: {problems:#?}", case.name);
        for (problem, language) in problems.iter().flat_map(|problem| LANGUAGES.map(|language| (problem, language))) {
            let template = hint(&problem.code, language).unwrap_or_else(|| panic!("no hint for {problem:?}"));
            let unfilled: Vec<&str> =
                placeholders(&template).into_iter().filter(|name| !problem.params.contains_key(*name)).collect();
            assert!(unfilled.is_empty(), "{}: {problem:?} does not fill {unfilled:?}", case.name);
        }
    }
}

/// The names between `{` and `}`.
fn placeholders(template: &str) -> BTreeSet<&str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
}

#[test]
fn the_base_of_the_cases_has_no_problem() {
    let (sop, problems) = lint(include_bytes!("cases/base.json"), Some(&manifests()));
    assert_eq!(problems, []);
    let sop = sop.expect("readable");
    let (again, problems) = lint(serde_json::to_string(&sop).expect("writable").as_bytes(), None);
    assert_eq!((again, problems), (Some(sop), vec![]), "what is read can be written and read again");
}

/// Notes which members of the meta-schema `instance` uses, as `<schema>.<member>`.
fn use_members(meta: &Value, schema: &Value, name: &str, instance: &Value, used: &mut BTreeSet<String>) {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.trim_start_matches('#');
        return use_members(meta, meta.pointer(target).expect(target), target, instance, used);
    }
    for (member, value) in instance.as_object().into_iter().flatten() {
        if let Some(below) = schema.get("properties").and_then(|properties| properties.get(member)) {
            used.insert(format!("{name}.{member}"));
            use_members(meta, below, &format!("{name}.{member}"), value, used);
        } else if let Some(below) = schema.get("additionalProperties") {
            use_members(meta, below, name, value, used);
        }
    }
    for item in instance.as_array().into_iter().flatten() {
        use_members(meta, schema.get("items").unwrap_or(&Value::Null), name, item, used);
    }
}

#[test]
fn the_meta_schema_and_the_typed_document_have_the_same_members() {
    run(include_str!("cases/full.json"));
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/full.json")).expect("cases");
    let mut document = base();
    cases[0].edits.iter().for_each(|change| edit(&mut document, change));
    let sop = Sop::deserialize(&document).expect("the typed document knows every member");
    assert_eq!(lint(serde_json::to_string(&sop).expect("writable").as_bytes(), None).1, [], "the meta-schema too");

    let meta: Value = serde_json::from_str(SCHEMA).expect("sop.schema.json");
    assert_eq!(jsonschema::draft202012::meta::validate(&meta).map_err(|error| error.to_string()), Ok(()));
    let mut used = BTreeSet::new();
    use_members(&meta, &meta, "", &document, &mut used);
    let mut all = BTreeSet::new();
    let definitions = meta["$defs"].as_object().expect("definitions");
    let schemas = definitions.iter().map(|(name, schema)| (format!("/$defs/{name}"), schema));
    for (name, schema) in schemas.chain([(String::new(), &meta)]) {
        let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        all.extend(members.map(|(member, _)| format!("{name}.{member}")));
    }
    assert_eq!(used.intersection(&all).collect::<Vec<_>>(), all.iter().collect::<Vec<_>>(), "cases/full.json uses all");
}

#[test]
fn mistakes_in_steps_are_found() {
    run(include_str!("cases/steps.json"));
}

#[test]
fn mistakes_in_conditions_are_found() {
    run(include_str!("cases/conditions.json"));
}

#[test]
fn mistakes_in_schemas_are_found() {
    run(include_str!("cases/schemas.json"));
}

#[test]
fn mistakes_in_rules_are_found() {
    run(include_str!("cases/rules.json"));
}

#[test]
fn mistakes_in_texts_are_found() {
    run(include_str!("cases/texts.json"));
}

#[test]
fn mistakes_in_what_tenants_may_change_are_found() {
    run(include_str!("cases/tuning.json"));
}

#[test]
fn mistakes_in_results_are_found() {
    run(include_str!("cases/results.json"));
}

#[test]
fn mistakes_in_the_shape_are_found_with_all_others() {
    run(include_str!("cases/shape.json"));
}

#[test]
fn a_cycle_is_named_in_its_order() {
    let mut document = base();
    edit(&mut document, &Edit { at: "/steps/1/after".into(), set: Some(json!(["leave"])) });
    let problem = problems(&document).into_iter().find(|problem| problem.code == "step.cycle").expect("a cycle");
    assert_eq!(problem.params["steps"], "arrive → leave → count → arrive");
    assert!(problem.hint("zh-CN").contains("arrive → leave"));
}

#[test]
fn a_language_the_document_promises_must_be_everywhere() {
    let mut document = base();
    edit(&mut document, &Edit { at: "/languages".into(), set: Some(json!(["en", "zh-CN", "fr"])) });
    let problems = problems(&document);
    let places: BTreeSet<&str> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert!(problems.iter().all(|problem| problem.code == "text.missing" && problem.params["language"] == "fr"));
    let count = |value: &Value| value.to_string().matches("\"zh-CN\":").count();
    assert_eq!(places.len(), count(&base()), "{places:?}");
}

#[test]
fn without_manifests_rules_are_not_judged() {
    let mut document = base();
    edit(&mut document, &Edit { at: "/steps/1/rules/0/rule".into(), set: Some(json!("presence/anything")) });
    assert_eq!(lint(document.to_string().as_bytes(), None).1, []);
}

#[test]
fn hostile_documents_are_refused_unread() {
    let code = |bytes: &[u8]| {
        let (sop, problems) = lint(bytes, None);
        assert_eq!((sop, problems.len()), (None, 1));
        problems[0].code.clone()
    };
    assert_eq!(code("[".repeat(50_000).as_bytes()), "sop.too_deep");
    assert_eq!(code(format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000)).as_bytes()), "sop.too_deep");
    assert_eq!(code("{\"a\":".repeat(50_000).as_bytes()), "sop.too_deep");
    assert_eq!(code(&vec![b' '; MAX_DOCUMENT + 1]), "sop.too_large");
    assert_eq!(code(b"{\"sop\": 1e400}"), "sop.not_json");
    assert_eq!(code(b"{\"sop\": \"\xff\"}"), "sop.not_json");
    assert_eq!(code(b""), "sop.not_json");
}

#[test]
fn hostile_conditions_are_refused() {
    for (text, code) in [
        (format!("{}true{}", "(".repeat(1000), ")".repeat(1000)), "condition.too_deep"),
        (format!("true{}", " && true".repeat(MAX_NODES / 2)), "condition.too_large"),
        (format!("true{}", "?true".repeat(200)), "condition.too_deep"),
    ] {
        let mut document = base();
        edit(&mut document, &Edit { at: "/outcomes/0/when".into(), set: Some(json!(text)) });
        assert_eq!(short(&problems(&document)), [("/outcomes/0/when".to_owned(), code.to_owned())]);
    }
    let mut document = base();
    edit(&mut document, &Edit { at: "/outcomes/0/when".into(), set: Some(json!(" ".repeat(5000) + "1")) });
    let codes: BTreeSet<String> = problems(&document).into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, BTreeSet::from(["condition.too_long".to_owned(), "shape.limit".to_owned()]));
}

fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| pointers(item, &format!("{pointer}/{at}"), found));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| pointers(member, &crate::form::below(pointer, name), found));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_value_anywhere_is_survived_and_judged_alike_twice(
        places in proptest::collection::vec(any::<proptest::sample::Index>(), 1..4),
        junk in prop_oneof![
            Just(json!(null)), Just(json!(-1)), Just(json!(1e300)), Just(json!("=")), Just(json!("=((")), Just(json!("é")),
            Just(json!([])), Just(json!([[]])), Just(json!({})), Just(json!({"": {"$ref": "#"}})), Just(json!({"en": 1})),
        ],
    ) {
        let mut document = base();
        for place in places {
            let mut found = Vec::new();
            pointers(&document, "", &mut found);
            let pointer = place.get(&found).clone();
            *document.pointer_mut(&pointer).expect("a pointer of the document") = junk.clone();
        }
        let first = problems(&document);
        prop_assert_eq!(&first, &problems(&document));
        let mut sorted = first.clone();
        sorted.sort_by_key(|problem| (problem.pointer.clone(), problem.code.clone()));
        prop_assert_eq!(first, sorted);
    }
}

/// Problem codes in the sources: text literals of two words joined by a dot, the first of which is a subject.
fn codes() -> BTreeSet<&'static str> {
    const SOURCES: [&str; 15] = [
        include_str!("../lint.rs"),
        include_str!("conditions.rs"),
        include_str!("flow.rs"),
        include_str!("forms.rs"),
        include_str!("locks.rs"),
        include_str!("../overlay.rs"),
        include_str!("../overlay/place.rs"),
        include_str!("../overlay/rebase.rs"),
        include_str!("results.rs"),
        include_str!("rules.rs"),
        include_str!("shape.rs"),
        include_str!("texts.rs"),
        include_str!("../condition/compile.rs"),
        include_str!("../form/schema.rs"),
        include_str!("../form.rs"),
    ];
    const SUBJECTS: &str = "sop shape step check repeat evidence location parameter dataset schema condition plugin rule \
                            score cap outcome output ledger task policy text locked overlay";
    let literals = SOURCES.into_iter().flat_map(|source| source.split('"'));
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_code = |text: &str| {
        text.split_once('.')
            .is_some_and(|(subject, rest)| SUBJECTS.split_whitespace().any(|s| s == subject) && is_word(rest))
    };
    literals.filter(|text| is_code(text)).collect()
}

#[test]
fn every_code_has_a_hint_in_both_languages_with_the_same_placeholders() {
    let written: BTreeSet<&str> = HINTS.keys().map(String::as_str).collect();
    assert_eq!(written, codes());
    for (code, text) in HINTS.iter() {
        let names =
            |language: &str| placeholders(text.0.get(language).unwrap_or_else(|| panic!("{code} in {language}")));
        assert_eq!(names("en"), names("zh-CN"), "{code}");
    }
    assert_eq!(hint("step.cycle", "de"), hint("step.cycle", "en"));
    assert_eq!(hint("no.such_code", "en"), None);
}

#[test]
fn a_tenants_values_must_be_known_and_within_bounds() {
    let sop: Sop = serde_json::from_str(include_str!("../../../tests/sops/plain.json")).unwrap();
    let found = |values: Value| {
        let problems = overrides(&sop, values.as_object().unwrap());
        problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect::<Vec<_>>()
    };
    let wrong = |pointer: &str, code: &str| vec![(pointer.to_owned(), code.to_owned())];
    assert_eq!(found(json!({"radius_m": 1000})), vec![]);
    assert_eq!(found(json!({"radius_m": 1001})), wrong("/parameters/radius_m", "parameter.value"));
    assert_eq!(found(json!({"radius_m": "100"})), wrong("/parameters/radius_m", "parameter.value"));
    assert_eq!(found(json!({"radius": 100})), wrong("/parameters/radius", "parameter.unknown"));
}
