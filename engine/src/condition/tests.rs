//! Tables of conditions and what they give, and a comparison with the `cel` crate's own interpreter.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn context() -> Value {
    json!({
        "answers": {
            "qty": 12, "half": 0.5, "price": "4.50", "note": "Tür zu", "open": true, "nothing": null,
            "codes": ["a", "b", "c"],
            "rows": [{"id": "a", "n": 6}, {"id": "b", "n": 0}, {"id": "c", "n": 1.5}],
            "empty": []
        },
        "absent": {"/qty": {"code": "refused"}},
        "evidence": [{"class": "front", "live": true}, {"class": "inside", "live": false}],
        "steps": {"arrive": {"state": "done", "answers": {"n": 3}}, "count": {"state": "open", "answers": {}}},
        "customer": {"id": "cus_1", "type": "kiosk", "fields": {"width_m": 6, "wide_m": 8.4}},
        "parameters": {"limit": 60},
        "visit": {"risk": 60, "business_date": "2026-03-01", "score": null}
    })
}

#[track_caller]
fn gives(text: &str, expected: Value) {
    let condition = Condition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(condition.eval(&context()), Ok(expected), "{text}");
}

#[track_caller]
fn has_no_answer(text: &str, code: &str) {
    let condition = Condition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let error = condition.eval(&context()).expect_err(text);
    assert_eq!(error.code, code, "{text}: {error}");
}

#[track_caller]
fn is_refused(text: &str, code: &str) {
    let error = Condition::compile(text).expect_err("should be refused");
    assert_eq!(error.code, code, "{}: {error}", text.chars().take(80).collect::<String>());
}

#[test]
fn numbers_are_doubles_wherever_they_come_from() {
    for (text, expected) in [
        ("answers.qty % 6 == 0", json!(true)),
        ("answers.qty % 5", json!(2)),
        ("-7 % 3", json!(-1)),
        ("7.5 % 2", json!(1.5)),
        ("7 / 2", json!(3.5)),
        ("6 / 2", json!(3)),
        ("answers.qty + 1", json!(13)),
        ("answers.qty - 0.5", json!(11.5)),
        ("answers.qty * answers.half", json!(6)),
        ("answers.half * 2 == 1", json!(true)),
        ("answers.qty / 5.0", json!(2.4)),
        ("2u + 1", json!(3)),
        ("0x10 + 0.5", json!(16.5)),
        ("1e3 == 1000", json!(true)),
        ("answers.qty == 12.0", json!(true)),
        ("answers.qty < 12.5 && 12 >= answers.qty", json!(true)),
        ("visit.risk >= 60", json!(true)),
        ("visit.risk >= parameters.limit", json!(true)),
        ("size(answers.codes) >= 2", json!(true)),
        ("size(answers.codes) / 2", json!(1.5)),
        ("answers.codes.size() - 1 == 2", json!(true)),
        ("customer.fields.width_m / 1.2", json!(5)),
        ("ceil(customer.fields.width_m / 1.2)", json!(5)),
        ("ceil(customer.fields.wide_m / 1.2)", json!(7)),
        ("ceil(7.001)", json!(8)),
        ("floor(8.4 / 1.2)", json!(7)),
        ("floor(-0.5)", json!(-1)),
        ("round(2.5) + round(-2.5)", json!(0)),
        ("round(0.1 + 0.2)", json!(0)),
        ("int(7 / 2)", json!(3)),
        ("int(-3.5)", json!(-3)),
        ("int('12') + double('0.5')", json!(12.5)),
        ("double(answers.price) * 2", json!(9)),
        ("string(answers.qty / 2) + '/' + string(0.5) + string(true)", json!("6/0.5true")),
        ("-answers.qty", json!(-12)),
        ("0 * -1", json!(0)),
        ("answers.codes[1]", json!("b")),
        ("answers.codes[size(answers.codes) - 1]", json!("c")),
        ("answers.rows[2].n", json!(1.5)),
        ("9007199254740992", json!(9_007_199_254_740_992_i64)),
    ] {
        gives(text, expected);
    }
}

#[test]
fn names_logic_and_lists_follow_cel() {
    for (text, expected) in [
        ("answers.open ? 'yes' : 'no'", json!("yes")),
        ("has(answers.qty) && !has(answers.missing)", json!(true)),
        ("has(answers.missing.below)", json!(false)),
        ("has(answers.nothing)", json!(true)),
        ("has(answers.nothing.below)", json!(false)),
        ("answers.nothing == null && visit.score == null", json!(true)),
        ("answers.missing == 1 || true", json!(true)),
        ("true || answers.missing == 1", json!(true)),
        ("answers.missing == 1 && false", json!(false)),
        ("steps['arrive'].answers.n + steps.arrive.answers[\"n\"]", json!(6)),
        ("'/qty' in absent", json!(true)),
        ("absent['/qty'].code == 'refused'", json!(true)),
        ("'b' in answers.codes && !('z' in answers.codes)", json!(true)),
        ("1.5 in [1, 3 / 2]", json!(true)),
        ("answers.rows.all(row, row.n >= 0)", json!(true)),
        ("answers.rows.exists(row, row.n > 5)", json!(true)),
        ("answers.rows.exists_one(row, row.n == 0)", json!(true)),
        ("answers.rows.filter(row, row.n > 1).map(row, row.id)", json!(["a", "c"])),
        ("answers.rows.map(row, row.n > 1, row.id)", json!(["a", "c"])),
        ("answers.empty.all(x, false) && !answers.empty.exists(x, true)", json!(true)),
        ("[1, 2].map(x, [10, 20].map(y, x * y))", json!([[10, 20], [20, 40]])),
        ("evidence.filter(item, item.live).size()", json!(1)),
        ("answers.codes + ['d'] == ['a', 'b', 'c', 'd']", json!(true)),
        ("[1.0, 'x', null] == [1, 'x', null]", json!(true)),
        ("steps.count.answers == steps.count.answers", json!(true)),
        ("1 == '1'", json!(false)),
        ("visit.business_date < '2026-03-02'", json!(true)),
        ("days_between('2026-02-27', visit.business_date)", json!(2)),
        ("days_between(visit.business_date, '2025-03-01')", json!(-365)),
        ("size(answers.note)", json!(6)),
        (
            "'2026-03-02'.substring(0, 4) == '2026' && 'Tür'.substring(1, 2) == 'ü' && ''.substring(0, 0) == ''",
            json!(true),
        ),
        ("answers.note.startsWith('Tür') && answers.note.endsWith('zu') && answers.note.contains('r z')", json!(true)),
        ("answers.price.matches('^[0-9]+\\\\.[0-9]{2}$')", json!(true)),
        ("matches('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '^(a+)+$')", json!(false)),
        ("answers.rows", json!([{"id": "a", "n": 6}, {"id": "b", "n": 0}, {"id": "c", "n": 1.5}])),
        ("customer.fields", json!({"width_m": 6, "wide_m": 8.4})),
    ] {
        gives(text, expected);
    }
}

#[test]
fn an_evaluation_without_answer_says_why() {
    for (text, code) in [
        ("answers.missing", "condition.missing"),
        ("answers.missing == 1 && true", "condition.missing"),
        ("steps.nowhere.state", "condition.missing"),
        ("answers.rows.all(row, row.other == 1)", "condition.missing"),
        ("answers.qty + 'x'", "condition.type"),
        ("answers.qty > 'x'", "condition.type"),
        ("answers.note - 1", "condition.type"),
        ("answers.qty.x", "condition.type"),
        ("answers.qty && true", "condition.type"),
        ("size(answers.qty)", "condition.type"),
        ("int('1.5')", "condition.type"),
        ("double('nan')", "condition.type"),
        ("has(answers.qty.x)", "condition.type"),
        ("answers.qty / 0", "condition.division"),
        ("answers.qty % (answers.half - 0.5)", "condition.division"),
        ("1e308 * 10", "condition.not_finite"),
        ("(1e308 * 10 - 1e308 * 10) > 0", "condition.not_finite"),
        ("answers.codes[3]", "condition.position"),
        ("'2026'.substring(0, 5)", "condition.position"),
        ("'2026'.substring(3, 2)", "condition.position"),
        ("'2026'.substring(-1, 2)", "condition.position"),
        ("answers.codes[-1]", "condition.position"),
        ("answers.codes[0.5]", "condition.position"),
        ("days_between('2026-2-1', '2026-02-02')", "condition.date"),
        ("days_between('2026-02-30', '2026-02-02')", "condition.date"),
        ("answers.note.all(x, true)", "condition.not_a_list"),
        ("answers.rows[0].all(name, true)", "condition.not_a_list"),
        ("(answers.open ? steps : answers).exists(name, true)", "condition.not_a_list"),
    ] {
        has_no_answer(text, code);
    }
}

#[test]
fn what_is_not_a_condition_is_refused_when_written() {
    for (text, code) in [
        ("", "condition.syntax"),
        ("answers.", "condition.syntax"),
        ("1 +", "condition.syntax"),
        ("'unterminated", "condition.syntax"),
        ("a & b", "condition.syntax"),
        ("é", "condition.syntax"),
        ("answers.qty == 1 é", "condition.syntax"),
        ("answers.?qty", "condition.syntax"),
        ("[?answers.qty]", "condition.syntax"),
        ("has(answers)", "condition.syntax"),
        ("answers.rows.all(row.x, true)", "condition.syntax"),
        ("answer.qty", "condition.unknown_variable"),
        (".answers.qty", "condition.unknown_variable"),
        ("now", "condition.unknown_variable"),
        ("now() > 1", "condition.unknown_function"),
        ("timestamp('2026-01-01T00:00:00Z')", "condition.unknown_function"),
        ("duration('1h')", "condition.unknown_function"),
        ("visit.business_date.getFullYear()", "condition.unknown_function"),
        ("type(1)", "condition.unknown_function"),
        ("answers.rows.all(row, 1, 2, 3)", "condition.unknown_function"),
        ("ceil(1, 2)", "condition.arguments"),
        ("answers.qty.ceil()", "condition.arguments"),
        ("contains('a', 'b')", "condition.arguments"),
        ("size()", "condition.arguments"),
        ("{'a': 1}", "condition.not_supported"),
        ("answers{a: 1}", "condition.not_supported"),
        ("b'x'", "condition.not_supported"),
        ("answers.note.matches(answers.price)", "condition.pattern"),
        ("answers.note.matches('(a)\\\\1')", "condition.pattern"),
        ("answers.note.matches('(?=a)')", "condition.pattern"),
        ("answers.note.matches('a{1000}{1000}')", "condition.pattern"),
        ("9007199254740993", "condition.number"),
        ("steps.all(name, true)", "condition.not_a_list"),
        ("answers.exists(name, true)", "condition.not_a_list"),
        ("absent.map(pointer, pointer)", "condition.not_a_list"),
        ("customer.fields.all(name, true)", "condition.not_a_list"),
        ("steps['arrive'].answers.all(name, true)", "condition.not_a_list"),
        ("'text'.all(letter, true)", "condition.not_a_list"),
        ("[1].all(x, [1].all(y, [1].all(z, true)))", "condition.nested"),
        ("[1].all(answers, true)", "condition.shadow"),
        ("[1].all(x, [2].all(x, true))", "condition.shadow"),
    ] {
        is_refused(text, code);
    }
}

#[test]
fn size_depth_and_number_of_parts_are_bounded() {
    is_refused(&"1".repeat(MAX_TEXT + 1), "condition.too_long");
    for (open, close) in [("(", ")"), ("[", "]"), ("size(", ")")] {
        is_refused(&format!("{}1{}", open.repeat(600), close.repeat(600)), "condition.too_deep");
    }
    is_refused(&"(".repeat(50_000), "condition.too_long");
    is_refused(&"(".repeat(MAX_TEXT), "condition.too_deep");
    is_refused(&"true?1:".repeat(500), "condition.too_deep");
    is_refused(&"!-".repeat(1000), "condition.too_deep");
    is_refused(&format!("1{}", "+1".repeat(MAX_DEPTH)), "condition.too_deep");
    is_refused(&format!("answers{}", ".a".repeat(MAX_DEPTH)), "condition.too_deep");
    is_refused(&format!("true{}", " || true".repeat(MAX_NODES / 2)), "condition.too_large");
    is_refused(&format!("[1{}]", ",1".repeat(MAX_NODES)), "condition.too_large");
    is_refused(&format!("[{}]", "1,".repeat(2000)), "condition.too_large");
    is_refused(&format!("[1{}].all(x, true)", ",1".repeat(MAX_NODES)), "condition.too_large");
    gives(&format!("{}1{}", "(".repeat(20), ")".repeat(20)), json!(1));
    gives(&format!("1{}", "+1".repeat(40)), json!(41));
    gives(&format!("true{}", " && true".repeat(200)), json!(true));
}

#[test]
fn a_small_stack_is_enough_for_the_worst_texts() {
    let run = || {
        for (open, close) in
            [("(", ")"), ("[", "]"), ("size(", ")"), ("-", ""), ("!", ""), ("true?1:", "1"), ("1+(", ")")]
        {
            for times in [12, MAX_NESTING, 200, 2000] {
                let text = format!("{}1{}", open.repeat(times), close.repeat(times));
                if let Ok(condition) = Condition::compile(&text) {
                    drop(condition.eval(&json!({})));
                }
            }
        }
        Condition::compile(&format!("1{}", "+1".repeat(1000))).is_err()
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
    assert!(thread.join().expect("no overflow"));
}

#[test]
fn work_and_memory_of_an_evaluation_are_bounded() {
    let long: Vec<u32> = (0..10_000).collect();
    let context = json!({"answers": {"long": long, "text": "x".repeat(64 * 1024)}});
    for text in [
        "answers.long.all(a, answers.long.all(b, a + b >= 0))",
        "answers.long.all(a, !(-1 in answers.long))",
        "answers.long.map(a, answers.text + answers.text)",
        "answers.long.map(a, answers.text)",
        "answers.long.map(a, answers.long)",
        "answers.long.map(a, answers.long + answers.long)",
        "answers.long.exists(a, answers.text.matches('y'))",
        "answers.long.exists(a, answers.text == answers.text + 'x')",
    ] {
        let condition = Condition::compile(text).expect(text);
        assert_eq!(condition.eval(&context).expect_err(text).code, "condition.work", "{text}");
    }
    let once = Condition::compile("answers.long.filter(a, a % 2 == 0 && a >= 0).size()").expect("compiles");
    assert_eq!(once.eval(&context), Ok(json!(5000)));
}

#[test]
fn references_are_known_without_evaluating() {
    let text = "has(steps.arrive.answers.n) && steps['count'].state == 'done' && \
                answers.rows.exists(row, row.n > parameters.limit) && ceil(visit.score) > 1 && \
                answers.rows[0].n == answers.codes[steps.arrive.answers.n].x";
    let references = Condition::compile(text).expect("compiles").references().clone();
    let paths: Vec<String> = references.paths.iter().map(|path| path.join(".")).collect();
    assert_eq!(
        paths,
        [
            "answers.codes",
            "answers.rows",
            "parameters.limit",
            "steps.arrive.answers.n",
            "steps.count.state",
            "visit.score"
        ]
    );
    assert_eq!(references.variables.iter().collect::<Vec<_>>(), ["answers", "parameters", "steps", "visit"]);
    assert_eq!(references.functions.iter().collect::<Vec<_>>(), ["ceil", "exists"]);
}

#[test]
fn the_answer_must_be_of_the_kind_asked_for() {
    let compile = |text| Condition::compile(text).expect("compiles");
    assert_eq!(compile("answers.open").eval_bool(&context()), Ok(true));
    assert_eq!(compile("1").eval_bool(&context()).expect_err("a number").code, "condition.result");
    assert_eq!(compile("1 / 2").eval_number(&context()), Ok(0.5));
    assert_eq!(compile("null").eval_number(&context()).expect_err("null").code, "condition.result");
    assert_eq!(compile("visit.score").eval_number_or_null(&context()), Ok(None));
    assert_eq!(compile("visit.risk").eval_number_or_null(&context()), Ok(Some(60.0)));
    assert_eq!(compile("answers.codes").eval_list(&context()), Ok(vec![json!("a"), json!("b"), json!("c")]));
    assert_eq!(compile("'a'").eval_list(&context()).expect_err("a text").code, "condition.result");
}

fn cel_value(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| number.as_f64().expect("a double").into(), Into::into),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(cel_value).collect::<Vec<_>>().into(),
        Value::Object(members) => {
            let members: std::collections::HashMap<_, _> =
                members.iter().map(|(name, value)| (name.clone(), cel_value(value))).collect();
            cel::Value::Map(members.into())
        }
    }
}

/// What the interpreter of the `cel` crate says, where both languages mean the same.
fn reference(text: &str) -> Result<Value, String> {
    let expression = cel::parser::PrattParser::new().parse(text).map_err(|error| error.to_string())?;
    let mut reference = cel::Context::default();
    for (name, value) in context().as_object().expect("an object") {
        reference.add_variable_from_value(name.as_str(), cel_value(value));
    }
    match reference.resolve(&expression).map_err(|error| error.to_string())? {
        cel::Value::Bool(value) => Ok(json!(value)),
        cel::Value::Int(value) => Ok(json!(value)),
        other => Err(format!("{other:?}")),
    }
}

fn expressions() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just("answers.qty".to_owned()),
        Just("visit.risk".to_owned()),
        Just("answers.missing".to_owned()),
        Just("size(answers.codes)".to_owned()),
        (-9_i32..9).prop_map(|number| number.to_string()),
    ];
    let number = number.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), prop_oneof![Just("+"), Just("-"), Just("*")], inner)
            .prop_map(|(a, sign, b)| format!("({a} {sign} {b})"))
    });
    let truth = prop_oneof![
        (
            number.clone(),
            prop_oneof![Just("=="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")],
            number.clone()
        )
            .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
        number.clone().prop_map(|number| format!("({number} in [1, 2, 12])")),
        Just("answers.open".to_owned()),
        Just("has(answers.missing)".to_owned()),
        Just("answers.rows.all(row, row.n >= 0 || row.missing)".to_owned()),
        Just("answers.rows.exists(row, row.missing == 1 || row.id == 'c')".to_owned()),
        Just("answers.codes.filter(code, code > 'a') == ['b', 'c']".to_owned()),
    ];
    truth.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #[test]
    fn the_cel_crate_gives_the_same_answer(text in expressions()) {
        let ours = Condition::compile(&text).map(|condition| condition.eval(&context()));
        match (ours, reference(&text)) {
            (Ok(Ok(ours)), Ok(theirs)) => prop_assert_eq!(ours, theirs, "{}", text),
            (Ok(Err(_)), Err(_)) => {}
            (Err(error), _) => prop_assert!(error.code.starts_with("condition.too_"), "{}: {}", text, error),
            (ours, theirs) => prop_assert!(false, "{}: {:?} but {:?}", text, ours, theirs),
        }
    }

    #[test]
    fn any_text_is_compiled_or_refused(text in "\\PC{0,200}") {
        if let Ok(condition) = Condition::compile(&text) {
            let first = condition.eval(&context());
            prop_assert_eq!(first, condition.eval(&context()));
        }
    }

    #[test]
    fn any_row_of_words_is_compiled_or_refused(
        words in proptest::collection::vec(prop_oneof![
            Just("answers"), Just(".qty"), Just(".rows"), Just("("), Just(")"), Just("["), Just("]"), Just("{"), Just("}"),
            Just("?"), Just(":"), Just("!"), Just("-"), Just("1"), Just("0x"), Just("1.5e"), Just("'a'"), Just("b''"),
            Just("&&"), Just("||"), Just("=="), Just("in"), Just(".all("), Just("x,"), Just(".map("), Just("has("), Just(","),
            Just("'''"), Just("\\"), Just("`a`"), Just("\n"), Just("//"), Just("if"), Just("ß"),
        ], 0..30)
    ) {
        let text = words.concat();
        if let Ok(condition) = Condition::compile(&text) {
            let first = condition.eval(&context());
            prop_assert_eq!(first, condition.eval(&context()));
        }
    }
}
