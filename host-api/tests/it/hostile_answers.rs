//! Plugins that load and then misbehave. One table: name, guest, how the call must end.

use crate::guest::{Finding, Guest, HOST, call, finding, host, load};
use engine::rule::{FailureCode, Interface, RuleAnswer};
use host_api::Limits;
use serde_json::json;
use std::time::Duration;

/// A guest whose one finding is not as it should be.
fn finds(change: impl FnOnce(&mut Finding)) -> Guest {
    let mut finding = finding();
    change(&mut finding);
    Guest::finds(&[finding])
}

/// A guest that returns one finding, some of whose 13 words are replaced.
fn finds_words(changes: &[(usize, u32)]) -> Guest {
    let mut guest = Guest::validate("");
    let result = guest.image.findings(&[finding()]);
    let patches: String = changes
        .iter()
        .map(|(word, value)| {
            let offset = word * 4;
            format!("(i32.store offset={offset} (i32.load (i32.const {})) (i32.const {}))", result + 4, *value as i32)
        })
        .collect();
    guest.run = format!("{patches} (i32.const {result})");
    guest
}

/// A guest that returns these words as its result.
fn returns(words: &[u32]) -> Guest {
    let mut guest = Guest::validate("");
    guest.run = format!("i32.const {}", guest.image.words(words));
    guest
}

/// A guest that looks up `key` in `dataset`, then answers well.
fn looks_up(dataset: &str, key: &str) -> Guest {
    let mut guest = Guest::validate("");
    let ([dataset, dataset_length], [key, key_length]) = (guest.image.text(dataset), guest.image.text(key));
    let (row, result) = (guest.image.words(&[0, 0, 0]), guest.image.findings(&[]));
    guest.run = format!(
        "(call $lookup (i32.const {dataset}) (i32.const {dataset_length}) (i32.const {key}) (i32.const {key_length})
           (i32.const {row}))
         (i32.const {result})"
    );
    guest
}

/// A guest that answers well but for a further field of its module.
fn with_fields(fields: &str) -> Guest {
    let mut guest = Guest::finds(&[finding()]);
    guest.fields = fields.into();
    guest
}

fn cases() -> Vec<(&'static str, Guest, FailureCode)> {
    use FailureCode::{Limit, MalformedOutput, OutOfFuel, OutputTooLarge, Trap};
    vec![
        // Work without end.
        ("loops for ever", Guest::validate("(loop $again (br $again)) unreachable"), OutOfFuel),
        (
            "calls the host for ever",
            Guest::validate(
                "(loop $again (call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (br $again)) unreachable",
            ),
            OutOfFuel,
        ),
        (
            "copies its memory for ever",
            Guest::validate(
                "(loop $again (memory.copy (i32.const 0) (i32.const 131072) (i32.const 131072)) (br $again)) unreachable",
            ),
            OutOfFuel,
        ),
        (
            "recurses for ever",
            Guest::validate(
                "(call $run (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (i32.add (i32.const 1))",
            ),
            Limit,
        ),
        (
            "loops while it is handed its input",
            Guest { realloc: Some("(loop $again (br $again)) unreachable".into()), ..Guest::finds(&[]) },
            OutOfFuel,
        ),
        (
            "loops after it has answered",
            with_fields(
                r#"(func (export "cabi_post_sopwith:plugin/validate@1.0.0#run") (param i32) (loop $again (br $again)))"#,
            ),
            OutOfFuel,
        ),
        (
            "traps after it has answered",
            with_fields(r#"(func (export "cabi_post_sopwith:plugin/validate@1.0.0#run") (param i32) unreachable)"#),
            Trap,
        ),
        // Things without end.
        ("grows its memory at once", Guest::validate("(memory.grow (i32.const 1000))"), Limit),
        (
            "grows its memory page by page",
            Guest::validate(
                "(loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable",
            ),
            Limit,
        ),
        (
            "grows a table",
            Guest {
                fields: "(table $t 1 funcref)".into(),
                ..Guest::validate("(table.grow $t (ref.null func) (i32.const 20000))")
            },
            Limit,
        ),
        (
            "looks up without end",
            Guest {
                run: "(loop $again
                    (call $lookup (i32.const 1024) (i32.const 4) (i32.const 1032) (i32.const 7) (i32.const 2048))
                    (br $again)) unreachable"
                    .into(),
                ..looks_up("rows", "missing")
            },
            Limit,
        ),
        // Traps.
        ("executes unreachable", Guest::validate("unreachable"), Trap),
        ("divides by zero", Guest::validate("(i32.div_u (i32.const 1) (i32.const 0))"), Trap),
        ("reads outside of memory", Guest::validate("(i32.load (i32.const 0x7fff0000))"), Trap),
        ("writes outside of memory", Guest::validate("(i32.store (i32.const -4) (i32.const 1)) (i32.const 0)"), Trap),
        ("converts NaN to an integer", Guest::validate("(i32.trunc_f64_s (f64.const nan))"), Trap),
        (
            "calls a function that is not there",
            Guest {
                fields: "(table $t 1 funcref)".into(),
                ..Guest::validate("(call_indirect $t (result i32) (i32.const 0))")
            },
            Trap,
        ),
        (
            "traps while it is handed its input",
            Guest { realloc: Some("unreachable".into()), ..Guest::finds(&[]) },
            Trap,
        ),
        // The host's functions.
        ("looks up a dataset its manifest does not name", looks_up("secrets", "known"), Trap),
        ("looks up a key of a kilobyte and more", looks_up("rows", &"k".repeat(2_000)), Limit),
        (
            "looks up a key that is not text",
            Guest {
                fields: r#"(data (i32.const 4096) "\ff")"#.into(),
                run: "(call $lookup (i32.const 1024) (i32.const 4) (i32.const 4096) (i32.const 1) (i32.const 2048))
                      (i32.const 0)"
                    .into(),
                ..looks_up("rows", "known")
            },
            MalformedOutput,
        ),
        (
            "looks up a key outside of memory",
            Guest::validate(
                "(call $lookup (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 2048)) (i32.const 0)",
            ),
            MalformedOutput,
        ),
        (
            "logs ten megabytes at once",
            Guest {
                pages: 200,
                ..Guest::validate(
                    "(call $log (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10000000)) (i32.const 0)",
                )
            },
            OutputTooLarge,
        ),
        // Answers that are too large.
        ("returns ten megabytes", Guest { pages: 200, ..finds_words(&[(6, 0), (7, 10_000_000)]) }, OutputTooLarge),
        (
            "returns a little more than it may",
            finds(|finding| {
                finding.params = format!(r#"{{"long":"{}"}}"#, "x".repeat(65 * 1024));
            }),
            OutputTooLarge,
        ),
        ("returns a hundred thousand findings", Guest { pages: 200, ..returns(&[0, 0, 100_000]) }, OutputTooLarge),
        (
            "returns more findings than it may",
            Guest::finds(&vec![Finding { evidence: Vec::new(), ..finding() }; 201]),
            MalformedOutput,
        ),
        // Answers that are not what the contract says.
        ("returns a pointer outside of memory", Guest::validate("(i32.const -4)"), MalformedOutput),
        ("returns a pointer that is not aligned", Guest::validate("(i32.const 1025)"), MalformedOutput),
        ("returns a list outside of memory", returns(&[0, 0x7fff_0000, 1]), MalformedOutput),
        ("returns a list longer than memory", returns(&[0, 1024, u32::MAX]), MalformedOutput),
        ("returns text outside of memory", finds_words(&[(0, 0x7fff_0000)]), MalformedOutput),
        ("returns text longer than memory", finds_words(&[(1, u32::MAX)]), MalformedOutput),
        ("returns neither ok nor err", returns(&[2, 0, 0]), MalformedOutput),
        (
            "returns text that is not UTF-8",
            Guest { fields: r#"(data (i32.const 131000) "\c3\28")"#.into(), ..finds_words(&[(4, 131_000), (5, 2)]) },
            MalformedOutput,
        ),
        (
            "is handed its input outside of memory",
            Guest { realloc: Some("i32.const 0x7fff0000".into()), ..Guest::finds(&[]) },
            MalformedOutput,
        ),
        ("knows a fourth severity", finds(|finding| finding.severity = "fatal".into()), MalformedOutput),
        ("weighs four billion", finds(|finding| finding.weight = u32::MAX), MalformedOutput),
        ("weighs 101", finds(|finding| finding.weight = 101), MalformedOutput),
        ("has a code its manifest does not name", finds(|finding| finding.code = "rows.even".into()), MalformedOutput),
        ("has parameters that are not JSON", finds(|finding| finding.params = "{".into()), MalformedOutput),
        ("has parameters that are a list", finds(|finding| finding.params = "[]".into()), MalformedOutput),
        (
            "has parameters nested a thousand deep",
            finds(|finding| {
                finding.params = format!("{}1{}", r#"{"a":"#.repeat(1_000), "}".repeat(1_000));
            }),
            MalformedOutput,
        ),
        ("has an extension that is not JSON", finds(|finding| finding.ext = "more".into()), MalformedOutput),
        ("has a pointer that is none", finds(|finding| finding.pointer = "count".into()), MalformedOutput),
        ("has a pointer with a stray tilde", finds(|finding| finding.pointer = "/a~2".into()), MalformedOutput),
        ("has evidence that is no hash", finds(|finding| finding.evidence = vec!["photo".into()]), MalformedOutput),
        ("scores not a number", Guest::scores(&[("part", Some(f64::NAN))], &[]), MalformedOutput),
        ("scores infinity", Guest::scores(&[("part", Some(f64::INFINITY))], &[]), MalformedOutput),
        ("scores more than one", Guest::scores(&[("part", Some(1.000_001))], &[]), MalformedOutput),
        ("scores less than nothing", Guest::scores(&[("part", Some(-0.1))], &[]), MalformedOutput),
        ("scores a part twice", Guest::scores(&[("part", None), ("part", None)], &[]), MalformedOutput),
        ("scores a part without a name", Guest::scores(&[("", None)], &[]), MalformedOutput),
        ("marks with nothing", Guest::scores(&[], &[""]), MalformedOutput),
        ("scores more parts than it may", Guest::scores(&[("part", None); 201], &[]), MalformedOutput),
    ]
}

#[test]
fn every_hostile_call_ends_with_its_failure_and_in_the_same_way_twice() {
    let mut wrong = Vec::new();
    for (name, guest, expected) in cases() {
        let plugin = match load(&guest.build()) {
            Ok(plugin) => plugin,
            Err(refused) => {
                wrong.push(format!("{name}: not even loaded: {refused}"));
                continue;
            }
        };
        let outcome = call(&HOST, &plugin, "look", json!({"answers": {}}));
        match &outcome.answer {
            RuleAnswer::Failed(failure) if failure.code == expected => {
                assert!(!failure.detail.is_empty() && !failure.detail.contains("0x"), "{name}: {}", failure.detail);
            }
            answer => wrong.push(format!("{name}: expected {expected:?}, got {answer:?}")),
        }
        assert_eq!(call(&HOST, &plugin, "look", json!({"answers": {}})), outcome, "{name}: not the same twice");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_deadline_stops_what_fuel_does_not() {
    let mut limits = Limits::default();
    limits.validate.fuel = u64::MAX / 2;
    limits.validate.deadline = Duration::from_millis(50);
    let host = host(limits);
    let plugin = host.load(&Guest::validate("(loop $again (br $again)) unreachable").build()).unwrap();
    let outcome = call(&host, &plugin, "look", json!({}));
    assert!(
        matches!(&outcome.answer, RuleAnswer::Failed(failure) if failure.code == FailureCode::Deadline),
        "{outcome:?}"
    );
}

#[test]
fn each_interface_has_its_own_budget() {
    let limits = Limits::default();
    let fuel = |interface| {
        let guest = Guest::new(interface, "(loop $again (br $again)) unreachable");
        call(&HOST, &load(&guest.build()).unwrap(), "look", json!({})).fuel
    };
    assert_eq!(fuel(Interface::Validate), limits.validate.fuel);
    assert_eq!(fuel(Interface::Assess), limits.assess.fuel);
    assert!(limits.validate.fuel < limits.assess.fuel);
}

#[test]
fn a_bad_call_does_not_spoil_the_next() {
    let bad = load(&Guest::validate("unreachable").build()).unwrap();
    let good = load(&Guest::finds(&[finding()]).build()).unwrap();
    for _ in 0..20 {
        assert!(matches!(call(&HOST, &bad, "look", json!({})).answer, RuleAnswer::Failed(_)));
        assert!(matches!(call(&HOST, &good, "look", json!({})).answer, RuleAnswer::Findings(_)));
    }
}
