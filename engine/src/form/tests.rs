//! Schemas that are refused, answers and their violations, absent marks.

use super::*;
use crate::command::AbsentCode;

#[track_caller]
fn form(schema: Value) -> CompiledForm {
    CompiledForm::compile(&schema).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[track_caller]
fn problems(schema: Value) -> Vec<(String, &'static str)> {
    let problems = CompiledForm::compile(&schema).expect_err("should be refused");
    problems.into_iter().map(|problem| (problem.pointer, problem.code)).collect()
}

fn marks(marks: &[(&str, AbsentCode)]) -> BTreeMap<String, Absent> {
    marks.iter().map(|(pointer, code)| ((*pointer).to_owned(), Absent { code: *code, reason: None })).collect()
}

fn short(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations.iter().map(|violation| (violation.pointer.as_str(), violation.code.as_str())).collect()
}

fn sample() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "count", "day"],
        "properties": {
            "name": {"type": "string", "minLength": 2, "pattern": "^[A-Z]", "x-personal": true},
            "count": {"type": "integer", "minimum": 0, "maximum": 99, "multipleOf": 3, "x-absent": ["not_applicable", "unknown"]},
            "day": {"type": "string", "format": "date", "x-absent": ["refused"]},
            "kind": {"enum": ["a", "b"], "x-help": {"en": "which"}},
            "rows": {
                "type": "array", "maxItems": 3, "uniqueItems": true,
                "items": {"$ref": "#/$defs/row"}
            },
            "odd/na~me": {"const": 1}
        },
        "if": {"properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        "then": {"required": ["rows"], "properties": {"rows": {"minItems": 1}}},
        "$defs": {"row": {
            "type": "object", "required": ["id", "note"], "additionalProperties": false,
            "properties": {"id": {"type": ["string", "null"]}, "note": {"type": "string", "x-absent": ["hidden"], "x-personal": true}}
        }}
    })
}

#[test]
fn every_violation_is_reported_at_once_and_sorted() {
    let answers = json!({"name": "x", "count": 100, "kind": "c", "rows": [{"id": 1}, {"id": null, "note": "", "more": 1}], "odd/na~me": 2, "typo": 1});
    let violations = form(sample()).validate(&answers, &BTreeMap::new());
    assert_eq!(
        short(&violations),
        [
            ("/count", "form.maximum"),
            ("/count", "form.multipleOf"),
            ("/day", "form.required"),
            ("/kind", "form.enum"),
            ("/name", "form.minLength"),
            ("/name", "form.pattern"),
            ("/odd~1na~0me", "form.const"),
            ("/rows/0/id", "form.type"),
            ("/rows/0/note", "form.required"),
            ("/rows/1/more", "form.additionalProperties"),
            ("/typo", "form.additionalProperties"),
        ]
    );
    let params: Vec<Value> = violations.iter().map(|violation| json!(violation.params)).collect();
    assert_eq!(params[0], json!({"limit": 99}));
    assert_eq!(params[1], json!({"multiple_of": 3.0}));
    assert_eq!(params[2], json!({"property": "day"}));
    assert_eq!(params[3], json!({"options": ["a", "b"]}));
    assert_eq!(params[7], json!({"types": ["null", "string"]}));
}

#[test]
fn valid_answers_have_no_violation() {
    let answers =
        json!({"name": "Xu", "count": 3.0, "day": "2026-02-28", "kind": "b", "rows": [{"id": "1", "note": ""}]});
    assert_eq!(form(sample()).validate(&answers, &BTreeMap::new()), []);
}

#[test]
fn an_allowed_mark_stands_in_for_a_required_answer() {
    let form = form(sample());
    let answers = json!({"name": "Xu", "rows": [{"id": "1"}, {"id": "2"}]});
    let given = marks(&[
        ("/count", AbsentCode::Unknown),
        ("/day", AbsentCode::Refused),
        ("/rows/0/note", AbsentCode::Hidden),
        ("/rows/1/note", AbsentCode::Hidden),
    ]);
    assert_eq!(form.validate(&answers, &given), []);
}

#[test]
fn a_mark_the_form_does_not_allow_is_a_violation_and_stands_in_for_nothing() {
    let form = form(sample());
    let answers = json!({"name": "Xu", "count": 3, "rows": [{"id": "1"}]});
    let given = marks(&[
        ("/count", AbsentCode::Unknown),
        ("/day", AbsentCode::Hidden),
        ("/name", AbsentCode::Refused),
        ("/nowhere/at/all", AbsentCode::Hidden),
        ("not a pointer", AbsentCode::Hidden),
        ("/rows/0/note", AbsentCode::Unknown),
    ]);
    let violations = form.validate(&answers, &given);
    assert_eq!(
        short(&violations),
        [
            ("/count", "absent.answered"),
            ("/day", "form.required"),
            ("/day", "absent.not_allowed"),
            ("/name", "absent.answered"),
            ("/nowhere/at/all", "absent.not_allowed"),
            ("/rows/0/note", "form.required"),
            ("/rows/0/note", "absent.not_allowed"),
            ("not a pointer", "absent.not_allowed"),
        ]
    );
    assert_eq!(json!(violations[2].params), json!({"given": "hidden", "allowed": ["refused"]}));
}

#[test]
fn personal_data_is_found_through_references_and_lists() {
    let pointers: Vec<String> = form(sample()).personal_pointers().into_iter().collect();
    assert_eq!(pointers, ["/name", "/rows/*/note"]);
}

#[test]
fn top_level_answers_are_known() {
    let closed = form(sample());
    assert!(closed.may_have("kind") && closed.may_have("odd/na~me"));
    assert!(!closed.may_have("knid"));
    let open = form(json!({"properties": {"a": {}}, "patternProperties": {"^b": {}}}));
    assert!(open.may_have("b1"));
    assert!(form(json!({})).may_have("anything"));
    let deep = form(json!({"allOf": [{"then": {"$ref": "#/$defs/a"}}], "$defs": {"a": {"properties": {"x": {}}}}}));
    assert!(deep.may_have("x") && !deep.may_have("y"));
}

#[test]
fn schemas_that_reach_out_loop_or_hide_a_typo_are_refused() {
    let cycle =
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}});
    let laughs: BTreeMap<String, Value> = (0..30)
        .map(|at| (format!("d{at}"), json!({"allOf": vec![json!({"$ref": format!("#/$defs/d{}", at + 1)}); 2]})))
        .chain([("d30".to_owned(), json!({}))])
        .collect();
    let chain: BTreeMap<String, Value> = (0..200)
        .map(|at| (format!("d{at}"), json!({"$ref": format!("#/$defs/d{}", at + 1)})))
        .chain([("d200".to_owned(), json!({}))])
        .collect();
    for (schema, expected) in [
        (
            json!({"properties": {"a": {"$ref": "https://example.com/a.json"}}}),
            ("/properties/a/$ref", "schema.reference_remote"),
        ),
        (json!({"$ref": "file:///etc/passwd"}), ("/$ref", "schema.reference_remote")),
        (json!({"$ref": "other.json#/a"}), ("/$ref", "schema.reference_remote")),
        (json!({"$ref": "//example.com"}), ("/$ref", "schema.reference_remote")),
        (json!({"$ref": "#/$defs/nowhere"}), ("/$ref", "schema.reference_unknown")),
        (json!({"$ref": "#anchor"}), ("/$ref", "schema.reference_unknown")),
        (json!({"$ref": "#/required", "required": ["a"]}), ("/$ref", "schema.reference_unknown")),
        (json!({"$id": "https://example.com/a"}), ("/$id", "schema.unknown_keyword")),
        (json!({"$dynamicRef": "#a"}), ("/$dynamicRef", "schema.unknown_keyword")),
        (json!({"properties": {"a": {"minimun": 1}}}), ("/properties/a/minimun", "schema.unknown_keyword")),
        (json!({"definitions": {}}), ("/definitions", "schema.unknown_keyword")),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), ("/$schema", "schema.dialect")),
        (
            json!({"items": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}),
            ("/items/$schema", "schema.dialect"),
        ),
        (json!({"format": "regex"}), ("/format", "schema.format")),
        (json!({"pattern": "(a)\\1"}), ("/pattern", "schema.pattern")),
        (json!({"pattern": "^(?!a)"}), ("/pattern", "schema.pattern")),
        (json!({"pattern": "a{1000}{1000}"}), ("/pattern", "schema.pattern")),
        (json!({"pattern": "("}), ("/pattern", "schema.pattern")),
        (json!({"patternProperties": {"(?<=a)b": {}}}), ("/patternProperties/(?<=a)b", "schema.pattern")),
        (json!({"x-absent": ["busy"]}), ("/x-absent/0", "schema.absent")),
        (json!({"x-absent": "refused"}), ("/x-absent", "schema.absent")),
        (json!({"x-personal": "yes"}), ("/x-personal", "schema.invalid")),
        (json!({"i18n": {"en": "a"}}), ("/i18n", "schema.invalid")),
        (json!({"type": "text"}), ("/type", "schema.invalid")),
        (json!({"properties": []}), ("/properties", "schema.invalid")),
        (json!([]), ("", "schema.invalid")),
        (json!({"items": 5}), ("/items", "schema.invalid")),
        (json!({"properties": {"child": {"$ref": "#"}}}), ("", "schema.reference_cycle")),
        (cycle, ("/$defs/b", "schema.reference_cycle")),
        (json!({"$ref": "#/$defs/d0", "$defs": laughs}), ("/$defs/d18", "schema.too_large")),
        (json!({"$ref": "#/$defs/d0", "$defs": chain}), ("/$defs/d136", "schema.too_deep")),
        (json!({"description": "x".repeat(MAX_SCHEMA)}), ("", "schema.too_large")),
    ] {
        let text: String = schema.to_string().chars().take(100).collect();
        assert_eq!(problems(schema), [(expected.0.to_owned(), expected.1)], "{text}");
    }
    let deep = (0..MAX_DEPTH + 1).fold(json!({}), |schema, _| json!({ "items": schema }));
    assert_eq!(problems(deep), [(String::new(), "schema.too_deep")]);
}

#[test]
fn several_problems_of_a_schema_come_together() {
    let schema = json!({
        "properties": {"b": {"$ref": "http://x/y"}, "a": {"pattern": "(", "format": "never"}},
        "requierd": ["a"]
    });
    let expected = [
        ("/properties/a/format", "schema.format"),
        ("/properties/a/pattern", "schema.pattern"),
        ("/properties/b/$ref", "schema.reference_remote"),
        ("/requierd", "schema.unknown_keyword"),
    ];
    assert_eq!(problems(schema), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn a_pattern_that_backtracks_elsewhere_is_linear_here() {
    let form = form(json!({"type": "string", "pattern": "^(a+)+$"}));
    let answers = json!("a".repeat(50_000) + "!");
    assert_eq!(short(&form.validate(&answers, &BTreeMap::new())), [("", "form.pattern")]);
}

#[test]
fn answers_beyond_the_limits_are_not_looked_at() {
    let any = form(json!({}));
    let none = BTreeMap::new();
    let check = |answers: Value, expected: &[(&str, &str)]| {
        assert_eq!(short(&any.validate(&answers, &none)), expected);
    };
    check(json!({"a": "x".repeat(MAX_STRING + 1)}), &[("/a", "form.too_large")]);
    check(json!({"a": vec![1; MAX_LIST + 1]}), &[("/a", "form.too_large")]);
    check(json!({"a": vec!["x".repeat(1000); 300]}), &[("", "form.too_large")]);
    check((0..MAX_DEPTH + 1).fold(json!(1), |inner, _| json!([inner])), &[("", "form.too_deep")]);
    check((0..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner])), &[]);
    let many =
        (0..=MAX_MARKS).map(|at| (format!("/{at}"), Absent { code: AbsentCode::Hidden, reason: None })).collect();
    assert_eq!(short(&any.validate(&json!({}), &many)), [("", "form.too_large")]);

    let wide = form(json!({"items": {"allOf": vec![json!({"type": "string"}); 200]}}));
    assert_eq!(short(&wide.validate(&json!(vec![1; 5000]), &none)), [("", "form.too_large")]);
    assert_eq!(wide.validate(&json!(vec![1; 150]), &none).len(), MAX_VIOLATIONS);
}

#[test]
fn the_depth_of_json_text_is_known_without_parsing_it() {
    assert!(json_depth_within(br#"{"a":["[[[[","\"[["]}"#, 2));
    assert!(!json_depth_within(br#"{"a":[[1]]}"#, 2));
    assert!(json_depth_within(b"]]]][", 1));
    assert!(!json_depth_within("[".repeat(50_000).as_bytes(), 64));
    assert!(json_depth_within(b"", 0));
}

#[test]
fn tokens_and_pointers_are_inverse() {
    assert_eq!(tokens(&below(&below("", "a/b"), "~c")), Some(vec!["a/b".to_owned(), "~c".to_owned()]));
    assert_eq!(tokens("a"), None);
}
