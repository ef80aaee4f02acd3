//! Rules that behave: what they return arrives, what they look up is recorded, and it all happens the same every time.

use crate::guest::{Finding, Guest, HOST, Image, Rows, call, finding, host, load, manifest};
use engine::canon::CanonicalJson;
use engine::rule::{
    FailureCode, Interface, Lookup, Part, RuleAnswer, RuleCall, RuleFailure, RuleFinding, RuleOutcome, Severity,
};
use host_api::{CallLimits, Datasets, Limits, NoDatasets, Plugin};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Every rule looks up the row under its own name and returns it as the parameters of a finding; `echo` returns its input.
fn mirror() -> Arc<Plugin> {
    load(&mirror_bytes()).unwrap()
}

fn mirror_bytes() -> Vec<u8> {
    let mut guest = Guest::validate("");
    guest.manifest = manifest(Interface::Validate, &["known", "missing", "elsewhere", "echo"]);
    let mut image = Image::default();
    let [dataset, length] = image.text("rows");
    let [level, level_length] = image.text("info");
    let row = image.words(&[0, 0, 0]);
    // The list of the result is one finding; its parameters are words 6 and 7.
    let result = image.findings(&[Finding { params: String::new(), ..finding() }]);
    let list = format!("(i32.load (i32.const {}))", result + 4);
    guest.run = format!(
        "(call $log (i32.const {level}) (i32.const {level_length}) (local.get 0) (local.get 1))
         (if (i32.eq (local.get 1) (i32.const 4))
           (then
             (i32.store offset=24 {list} (local.get 2))
             (i32.store offset=28 {list} (local.get 3)))
           (else
             (call $lookup (i32.const {dataset}) (i32.const {length}) (local.get 0) (local.get 1) (i32.const {row}))
             (if (i32.load8_u (i32.const {row}))
               (then
                 (i32.store offset=24 {list} (i32.load offset=4 (i32.const {row})))
                 (i32.store offset=28 {list} (i32.load offset=8 (i32.const {row})))))))
         (i32.const {result})"
    );
    guest.image = image;
    guest.build()
}

fn findings(outcome: &RuleOutcome) -> &[RuleFinding] {
    let RuleAnswer::Findings(findings) = &outcome.answer else { panic!("{outcome:?}") };
    findings
}

fn failed(outcome: &RuleOutcome) -> &RuleFailure {
    let RuleAnswer::Failed(failure) = &outcome.answer else { panic!("{outcome:?}") };
    failure
}

#[test]
fn a_finding_arrives_as_the_guest_made_it() {
    let plugin = load(&Guest::finds(&[finding()]).build()).unwrap();
    assert_eq!(plugin.interfaces(), [Interface::Validate]);
    assert_eq!(plugin.manifest().plugin, "probe");
    assert_eq!(plugin.hash().len(), 64);
    let outcome = call(&HOST, &plugin, "look", json!({}));
    let expected = RuleFinding {
        code: "rows.odd".into(),
        severity: Severity::Warning,
        pointer: "/count".into(),
        params: json!({"found": 3}).as_object().unwrap().clone(),
        weight: 30,
        evidence: vec!["0af9".repeat(16)],
    };
    assert_eq!(findings(&outcome), [expected]);
    assert!(outcome.fuel > 0);
    assert!(outcome.lookups.is_empty());
}

#[test]
fn no_finding_is_an_answer() {
    let plugin = load(&Guest::finds(&[]).build()).unwrap();
    assert!(findings(&call(&HOST, &plugin, "look", json!({}))).is_empty());
}

#[test]
fn findings_keep_the_order_of_the_guest() {
    let made = ["/b", "/a", "/c"].map(|pointer| Finding { pointer: pointer.into(), ..finding() });
    let plugin = load(&Guest::finds(&made).build()).unwrap();
    let outcome = call(&HOST, &plugin, "look", json!({}));
    let pointers: Vec<_> = findings(&outcome).iter().map(|finding| finding.pointer.as_str()).collect();
    assert_eq!(pointers, ["/b", "/a", "/c"]);
}

#[test]
fn an_assess_rule_returns_findings_too() {
    let mut guest = Guest::new(Interface::Assess, "");
    guest.run = format!("i32.const {}", guest.image.findings(&[finding()]));
    let plugin = load(&guest.build()).unwrap();
    assert_eq!(plugin.interfaces(), [Interface::Assess]);
    assert_eq!(findings(&call(&HOST, &plugin, "look", json!({}))).len(), 1);
}

#[test]
fn a_score_keeps_parts_marks_and_what_does_not_apply() {
    let parts = [("whole", Some(1.0)), ("none", Some(-0.0)), ("beside", None)];
    let plugin = load(&Guest::scores(&parts, &["late"]).build()).unwrap();
    let outcome = call(&HOST, &plugin, "look", json!({}));
    let RuleAnswer::Scorecard(card) = &outcome.answer else { panic!("{outcome:?}") };
    let part =
        |id: &str, value| Part { id: id.into(), value, detail: json!({"why": "because"}).as_object().unwrap().clone() };
    assert_eq!(card.parts, [part("whole", Some(1.0)), part("none", Some(0.0)), part("beside", None)]);
    assert!(card.parts[1].value.unwrap().is_sign_positive(), "-0 and 0 would hash differently");
    assert_eq!(card.marks, ["late"]);
}

#[test]
fn the_input_reaches_the_guest_as_canonical_json() {
    let plugin = mirror();
    let input: Value = serde_json::from_str(r#"{"b":[1.0,"ü"],"a":{"z":null,"y":1e3}}"#).unwrap();
    let outcome = call(&HOST, &plugin, "echo", input.clone());
    assert_eq!(
        Value::Object(findings(&outcome)[0].params.clone()),
        json!({"a": {"y": 1000, "z": null}, "b": [1, "ü"]})
    );
    let other_order: Value = serde_json::from_str(r#"{"a":{"y":1000,"z":null},"b":[1,"ü"]}"#).unwrap();
    assert_eq!(call(&HOST, &plugin, "echo", other_order), outcome);
}

#[test]
fn a_row_that_is_read_is_recorded() {
    let outcome = call(&HOST, &mirror(), "known", json!({}));
    assert_eq!(Value::Object(findings(&outcome)[0].params.clone()), json!({"n": 1}));
    let lookup = Lookup {
        dataset: "rows".into(),
        hash: "hash of rows".into(),
        key: "known".into(),
        row: Some("hash of known".into()),
    };
    assert_eq!(outcome.lookups, [lookup]);
}

#[test]
fn a_row_that_is_not_there_is_recorded_too() {
    let outcome = call(&HOST, &mirror(), "missing", json!({}));
    assert!(findings(&outcome)[0].params.is_empty());
    assert_eq!(outcome.lookups.iter().map(|lookup| lookup.row.as_deref()).collect::<Vec<_>>(), [None]);
}

#[test]
fn a_row_that_is_elsewhere_ends_the_call_as_undecided() {
    let plugin = mirror();
    let outcome = call(&HOST, &plugin, "elsewhere", json!({}));
    assert_eq!(failed(&outcome).code, FailureCode::Undecided);
    assert!(outcome.lookups.is_empty());
    let call = RuleCall {
        rule: "probe/known".into(),
        plugin_hash: plugin.hash().into(),
        interface: Interface::Validate,
        input: CanonicalJson::of(&json!({})).unwrap(),
    };
    let outcome = HOST.call(&plugin, &call, &(Arc::new(NoDatasets) as Arc<dyn Datasets>));
    assert_eq!(failed(&outcome).code, FailureCode::Undecided);
}

#[test]
fn an_error_of_the_guest_is_its_own() {
    let mut guest = Guest::validate("");
    guest.run = format!("i32.const {}", guest.image.error("rows.stale", "the rows are old", true));
    let plugin = load(&guest.build()).unwrap();
    let outcome = call(&HOST, &plugin, "look", json!({}));
    let failure = failed(&outcome);
    assert_eq!(failure.code, FailureCode::Declared);
    assert_eq!(failure.detail, "rows.stale: the rows are old (may be tried again)");
}

#[test]
fn a_call_for_another_plugin_rule_or_interface_does_not_run() {
    let plugin = load(&Guest::finds(&[finding()]).build()).unwrap();
    let right = RuleCall {
        rule: "probe/look".into(),
        plugin_hash: plugin.hash().into(),
        interface: Interface::Validate,
        input: CanonicalJson::of(&json!({})).unwrap(),
    };
    let cases = [
        (RuleCall { plugin_hash: "0".repeat(64), ..right.clone() }, FailureCode::NoSuchPlugin),
        (RuleCall { rule: "probe/other".into(), ..right.clone() }, FailureCode::NoSuchRule),
        (RuleCall { rule: "other/look".into(), ..right.clone() }, FailureCode::NoSuchRule),
        (RuleCall { rule: "look".into(), ..right.clone() }, FailureCode::NoSuchRule),
        (RuleCall { interface: Interface::Score, ..right.clone() }, FailureCode::NoSuchRule),
        (RuleCall { input: CanonicalJson::of(&"x".repeat(300 * 1024)).unwrap(), ..right.clone() }, FailureCode::Limit),
    ];
    for (call, expected) in cases {
        let outcome = HOST.call(&plugin, &call, &(Arc::new(NoDatasets) as Arc<dyn Datasets>));
        assert_eq!(failed(&outcome).code, expected, "{}", call.rule);
        assert_eq!(outcome.fuel, 0);
    }
}

#[test]
fn the_same_call_gives_the_same_outcome_and_burns_the_same_fuel() {
    let input = json!({"numbers": (0..500).collect::<Vec<_>>()});
    let mut seen = BTreeMap::<String, usize>::new();
    let plugin = mirror();
    for rule in ["known", "missing", "elsewhere", "echo"] {
        seen.clear();
        for _ in 0..200 {
            let outcome = call(&HOST, &plugin, rule, input.clone());
            *seen.entry(serde_json::to_string(&outcome).unwrap()).or_default() += 1;
        }
        assert_eq!(seen.len(), 1, "{rule}: {seen:?}");
    }
}

#[test]
fn another_host_burns_the_same_fuel() {
    let wasm = Guest::finds(&[finding()]).build();
    let other = host(Limits::default());
    let here = call(&HOST, &load(&wasm).unwrap(), "look", json!({}));
    let there = call(&other, &other.load(&wasm).unwrap(), "look", json!({}));
    assert_eq!(here, there);
}

#[test]
fn a_guest_keeps_nothing_from_one_call_to_the_next() {
    // Counts its calls in memory and reports the count as the weight.
    let mut guest = Guest::validate("");
    let result = guest.image.findings(&[Finding { weight: 0, ..finding() }]);
    let weight = format!("(i32.add (i32.load (i32.const {})) (i32.const 32))", result + 4);
    guest.run = format!("(i32.store {weight} (i32.add (i32.load {weight}) (i32.const 1))) (i32.const {result})");
    let plugin = load(&guest.build()).unwrap();
    for _ in 0..3 {
        assert_eq!(findings(&call(&HOST, &plugin, "look", json!({})))[0].weight, 1);
    }
}

#[test]
fn calls_from_several_threads_do_not_disturb_each_other() {
    let plugin = mirror();
    let expected = call(&HOST, &plugin, "known", json!({}));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(call(&HOST, &plugin, "known", json!({})), expected);
                }
            });
        }
    });
}

/// Counts what guests log.
#[derive(Clone, Default)]
struct LineCounter(Arc<AtomicUsize>);

impl tracing::Subscriber for LineCounter {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "plugin"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_flood_of_log_lines_is_cut_off_and_the_rule_still_answers() {
    let mut guest = Guest::validate("");
    let [text, length] = guest.image.text("x".repeat(5_000));
    let result = guest.image.findings(&[finding()]);
    guest.run = format!(
        "(loop $again
           (call $log (i32.const {text}) (i32.const 4) (i32.const {text}) (i32.const {length}))
           (local.set 4 (i32.add (local.get 4) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get 4) (i32.const 1000))))
         (i32.const {result})"
    );
    let plugin = load(&guest.build()).unwrap();
    let lines = LineCounter::default();
    let outcome = tracing::subscriber::with_default(lines.clone(), || call(&HOST, &plugin, "look", json!({})));
    assert_eq!(findings(&outcome).len(), 1);
    assert_eq!(lines.0.load(Ordering::Relaxed), CallLimits::default().log_lines);
    assert!(outcome.fuel > 1_000 * 5_000, "lines cost fuel, kept or not: {}", outcome.fuel);
}

/// A source of rows with a bug.
struct Broken;

impl Datasets for Broken {
    fn lookup(&self, _: &str, _: &str) -> host_api::Row {
        panic!("the rows are broken")
    }
}

#[test]
fn a_panic_in_the_host_is_an_outcome() {
    let plugin = mirror();
    let call = RuleCall {
        rule: "probe/known".into(),
        plugin_hash: plugin.hash().into(),
        interface: Interface::Validate,
        input: CanonicalJson::of(&json!({})).unwrap(),
    };
    let outcome = HOST.call(&plugin, &call, &(Arc::new(Broken) as Arc<dyn Datasets>));
    assert_eq!(failed(&outcome).code, FailureCode::Trap);
    assert_eq!(failed(&outcome).detail, "the host failed while it ran the rule");
}

/// Rows that are there when another thread has been busy for long.
struct Elsewhere;

impl Datasets for Elsewhere {
    fn lookup(&self, dataset: &str, key: &str) -> host_api::Row {
        let busy_for = |time: Duration| while host_api::busy() < time {};
        std::thread::spawn(move || busy_for(Duration::from_millis(200))).join().unwrap();
        Rows.lookup(dataset, key)
    }
}

/// It matters on a machine with more to do than cores: there a call waits without burning anything.
#[cfg(target_os = "linux")]
#[test]
fn time_a_call_waits_does_not_count_towards_its_deadline() {
    let mut limits = Limits::default();
    limits.validate.deadline = Duration::from_millis(50);
    let host = host(limits);
    let plugin = host.load(&mirror_bytes()).unwrap();
    let call = RuleCall {
        rule: "probe/known".into(),
        plugin_hash: plugin.hash().into(),
        interface: Interface::Validate,
        input: CanonicalJson::of(&json!({})).unwrap(),
    };
    let outcome = host.call(&plugin, &call, &(Arc::new(Elsewhere) as Arc<dyn Datasets>));
    assert_eq!(findings(&outcome).len(), 1);
}
