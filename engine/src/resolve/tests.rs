//! Which assignment wins, and what the others are told.

use super::*;
use crate::tests::{NINE_MS, customer};
use crate::time::format_utc;
use proptest::prelude::*;

fn published() -> Vec<PublishedVersion> {
    let version = |sop: &str, version: &str, types: &[&str]| PublishedVersion {
        sop: sop.into(),
        version: version.into(),
        hash: format!("{sop}@{version}"),
        customer_types: types.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    vec![
        version("audit", "1.0.0", &["place"]),
        version("audit", "1.1.0", &["place"]),
        version("audit", "1.10.0", &["place"]),
        version("audit", "2.0.0", &["site"]),
        version("audit", "3.0.0-beta.1", &["place"]),
        version("safety", "1.0.0", &["place", "site"]),
        version("odd", "one", &["place"]),
    ]
}

fn assignment(patch: Value) -> SopAssignment {
    let mut value = json!({"sop": "audit", "versions": "^1"});
    for (name, member) in patch.as_object().unwrap() {
        value[name] = member.clone();
    }
    serde_json::from_value(value).unwrap()
}

/// Asks for a rep of team A at nine, for a place tagged `key` with field `size` 1.
fn ask(assignments: &[(&str, Value)]) -> Resolution {
    let assignments: Vec<(String, SopAssignment)> =
        assignments.iter().map(|(id, patch)| ((*id).to_owned(), assignment(patch.clone()))).collect();
    let (roles, tags) = (BTreeSet::from([Role::Rep]), BTreeSet::from(["key".to_owned()]));
    let org_path = ["org_root", "org_east", "org_team-a"].map(str::to_owned);
    let who = Who { user: "usr_rep", roles: &roles, org_path: &org_path };
    resolve(&assignments, &published(), &who, &customer("cus_one"), &tags, NINE_MS)
}

#[track_caller]
fn check(assignments: &[(&str, Value)], winner: Option<&str>, why: &[&str]) {
    let resolution = ask(assignments);
    let won =
        resolution.winner.as_ref().map(|winner| format!("{} {}@{}", winner.assignment, winner.sop, winner.version));
    assert_eq!(won.as_deref(), winner, "{:#?}", resolution.considered);
    let said: Vec<String> = resolution
        .considered
        .iter()
        .map(|one| {
            let because = one.params.get("because").and_then(Value::as_str).unwrap_or_default();
            format!("{} {} {because}", one.assignment, one.why).trim_end().to_owned()
        })
        .collect();
    assert_eq!(said, why);
    let applying = resolution.considered.iter().filter(|one| one.applies).count();
    assert_eq!(applying > 0, winner.is_some());
}

#[test]
fn the_newest_version_in_the_range_that_serves_the_customer_is_meant() {
    check(&[("a", json!({}))], Some("a audit@1.10.0"), &["a resolve.wins"]);
    check(&[("a", json!({"versions": "=1.1.0"}))], Some("a audit@1.1.0"), &["a resolve.wins"]);
    check(&[("a", json!({"versions": "*"}))], Some("a audit@1.10.0"), &["a resolve.wins"]);
    check(&[("a", json!({"versions": ">=3.0.0-beta"}))], Some("a audit@3.0.0-beta.1"), &["a resolve.wins"]);
    check(&[("a", json!({"versions": "^2"}))], None, &["a resolve.type_not_served"]);
    check(&[("a", json!({"versions": "^9"}))], None, &["a resolve.no_version"]);
    check(&[("a", json!({"sop": "unheard-of"}))], None, &["a resolve.no_version"]);
    check(&[("a", json!({"sop": "odd", "versions": "*"}))], None, &["a resolve.no_version"]);
    check(&[("a", json!({"versions": "newest"}))], None, &["a resolve.malformed"]);
    check(&[], None, &[]);
}

#[test]
fn what_does_not_fit_says_why() {
    let (past, future) = (format_utc(NINE_MS - 1), format_utc(NINE_MS + 1));
    for (patch, why) in [
        (json!({"from": future}), "resolve.not_yet"),
        (json!({"to": format_utc(NINE_MS)}), "resolve.ended"),
        (json!({"to": past}), "resolve.ended"),
        (json!({"from": "yesterday"}), "resolve.malformed"),
        (json!({"org_unit": "org_west"}), "resolve.org_unit"),
        (json!({"roles": ["manager", "admin"]}), "resolve.role"),
        (json!({"customers": {"types": ["site"]}}), "resolve.customer_type"),
        (json!({"customers": {"tags": ["key", "new"]}}), "resolve.customer_tag"),
        (json!({"customers": {"fields": {"size": 2}}}), "resolve.customer_field"),
        (json!({"customers": {"fields": {"colour": "red"}}}), "resolve.customer_field"),
    ] {
        check(&[("a", patch)], None, &[&format!("a {why}")]);
    }
    let fits = json!({"from": format_utc(NINE_MS), "to": future, "org_unit": "org_team-a", "roles": ["manager", "rep"],
        "customers": {"types": ["place"], "tags": ["key"], "fields": {"size": 1}}});
    check(&[("a", fits)], Some("a audit@1.10.0"), &["a resolve.wins"]);
}

#[test]
fn priority_then_depth_then_version_then_id_decide() {
    let everywhere = json!({});
    let east = json!({"org_unit": "org_east"});
    let team = json!({"org_unit": "org_team-a", "versions": "=1.0.0"});
    check(
        &[("a", everywhere.clone()), ("b", team.clone()), ("c", east.clone())],
        Some("b audit@1.0.0"),
        &["b resolve.wins", "c resolve.outranked org_unit", "a resolve.outranked org_unit"],
    );
    check(
        &[("b", team), ("a", json!({"priority": 1}))],
        Some("a audit@1.10.0"),
        &["a resolve.wins", "b resolve.outranked priority"],
    );
    check(
        &[("a", json!({"versions": "=1.1.0"})), ("b", everywhere.clone())],
        Some("b audit@1.10.0"),
        &["b resolve.wins", "a resolve.outranked version"],
    );
    check(
        &[
            ("b", everywhere.clone()),
            ("a", everywhere),
            ("z", json!({"roles": ["ops"]})),
            ("y", json!({"to": "0001-01-01T00:00:00Z"})),
        ],
        Some("a audit@1.10.0"),
        &["a resolve.wins", "b resolve.outranked id", "y resolve.ended", "z resolve.role"],
    );
    let pilot =
        json!({"sop": "safety", "versions": "*", "priority": 5, "mandatory": true, "parameters": {"radius_m": 50}});
    let winner = ask(&[("a", pilot)]).winner.unwrap();
    assert!(winner.mandatory && winner.parameters["radius_m"] == 50 && winner.hash == "safety@1.0.0");
}

#[test]
fn a_malformed_assignment_is_refused_where_it_is_written() {
    for (patch, pointer) in [
        (json!({"versions": "newest"}), "/versions"),
        (json!({"from": "1 May"}), "/from"),
        (json!({"to": "1 May"}), "/to"),
        (json!({"from": "2026-05-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}), "/to"),
    ] {
        let rejection = assignment(patch).check().unwrap_err();
        assert_eq!((rejection.code.as_str(), rejection.pointer.as_str()), ("resolve.malformed", pointer));
    }
    assert_eq!(assignment(json!({"from": "2026-05-01T00:00:00Z"})).check(), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Exactly one wins if any applies, whatever the order they are stored in.
    #[test]
    fn the_order_of_storage_decides_nothing(
        drawn in prop::collection::vec((0_usize..6, -1_i32..2, 0_usize..4, 0_usize..4), 0..8),
        turn in 0_usize..8,
    ) {
        const UNITS: [Option<&str>; 4] = [None, Some("org_root"), Some("org_team-a"), Some("org_west")];
        const RANGES: [&str; 4] = ["^1", "=1.0.0", "*", "^2"];
        let mut assignments: Vec<(String, Value)> = drawn
            .iter()
            .enumerate()
            .map(|(index, (name, priority, unit, range))| {
                let patch = json!({"priority": priority, "org_unit": UNITS[*unit], "versions": RANGES[*range]});
                (format!("{name}-{index}"), patch)
            })
            .collect();
        let ask_now = |assignments: &[(String, Value)]| {
            let borrowed: Vec<(&str, Value)> = assignments.iter().map(|(id, patch)| (id.as_str(), patch.clone())).collect();
            ask(&borrowed)
        };
        let first = ask_now(&assignments);
        let wins = first.considered.iter().filter(|one| one.why == "resolve.wins").count();
        prop_assert_eq!(wins, usize::from(first.winner.is_some()));
        prop_assert_eq!(first.considered.len(), assignments.len());
        if !assignments.is_empty() {
            let by = turn % assignments.len();
            assignments.rotate_left(by);
        }
        prop_assert_eq!(ask_now(&assignments), first);
    }
}
