//! The schemas of the HTTP API: no two types share a name, and what is written has the members its schema names.

use crate::tests::{Day, PLAIN, customer};
use crate::{
    command, effective, event, explain, gate, lint, progress, recheck, rejection, resolve, rule, sop, task, verdict,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

type Schemas = BTreeMap<String, Value>;

fn add<T: ToSchema>(known: &mut Schemas) {
    let mut schemas: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    for (name, schema) in schemas {
        let schema = serde_json::to_value(schema).unwrap();
        let before = known.insert(name.clone(), schema.clone());
        assert!(before.is_none_or(|before| before == schema), "two types are called {name}");
    }
}

fn schemas() -> Schemas {
    let mut known = Schemas::new();
    add::<command::Action>(&mut known);
    add::<command::Customer>(&mut known);
    add::<command::EvidenceArrival>(&mut known);
    add::<command::Clock>(&mut known);
    add::<command::Verb>(&mut known);
    add::<command::Times>(&mut known);
    add::<effective::Pins>(&mut known);
    add::<effective::PluginPin>(&mut known);
    add::<effective::DatasetPin>(&mut known);
    add::<event::Event>(&mut known);
    add::<event::Verification>(&mut known);
    add::<explain::Explanation>(&mut known);
    add::<explain::FullExplanation>(&mut known);
    add::<gate::AllowedVerb>(&mut known);
    add::<lint::Problem>(&mut known);
    add::<progress::StepStatus>(&mut known);
    add::<recheck::Rechecked>(&mut known);
    add::<rejection::Rejection>(&mut known);
    add::<resolve::SopAssignment>(&mut known);
    add::<resolve::PublishedVersion>(&mut known);
    add::<resolve::Resolution>(&mut known);
    add::<rule::Manifest>(&mut known);
    add::<sop::Dataset>(&mut known);
    add::<sop::Form>(&mut known);
    add::<task::Task>(&mut known);
    add::<verdict::Assessment>(&mut known);
    add::<verdict::Verdict>(&mut known);
    add::<verdict::Refusal>(&mut known);
    known
}

/// Every member of `value` is one of the schema's, and every one that is required is there.
#[track_caller]
fn check(known: &Schemas, name: &str, value: &Value) {
    let schema = known.get(name).unwrap_or_else(|| panic!("no schema {name}"));
    let declared = schema["properties"].as_object().unwrap_or_else(|| panic!("{name}: {schema}"));
    let members = value.as_object().unwrap();
    let undeclared: Vec<_> = members.keys().filter(|member| !declared.contains_key(*member)).collect();
    assert!(undeclared.is_empty(), "{name}: {undeclared:?}");
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<_> = required.filter(|member| !members.contains_key(*member)).collect();
    assert!(missing.is_empty(), "{name}: {missing:?}");
}

#[test]
fn what_is_written_has_the_members_its_schema_names() {
    let known = schemas();
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 5);
    let visit = day.journal.visits().get("vis_one").unwrap();
    let verdict = visit.verdict().unwrap();
    check(&known, "Verdict", &json!(verdict));
    check(&known, "ScoreResult", &json!(verdict.score));
    check(&known, "ScoreTree", &json!(verdict.score.as_ref().unwrap().tree));
    check(&known, "Finding", &json!(verdict.findings.first().unwrap()));
    check(&known, "Pins", &json!(visit.pins().unwrap()));
    check(&known, "Customer", &json!(customer("cus_one")));
    check(&known, "Explanation", &json!(explain::visit(&PLAIN, visit, "en")));
    check(&known, "Event", &json!(day.record.events.first().unwrap()));
    check(&known, "Header", &json!(day.record.events.first().unwrap().header));
    check(&known, "Manifest", &json!(PLAIN.plugins["demo"].manifest));
    let submission = visit.steps["arrive"].submission.as_ref().unwrap();
    check(&known, "Submission", &json!(submission));
    check(&known, "Times", &json!(submission.evidence.first().unwrap().captured));
}

#[test]
fn every_reference_of_a_schema_leads_to_a_schema() {
    let known = schemas();
    let text = json!(known).to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap_or_default();
        assert!(known.contains_key(name), "nothing is called {name}");
    }
    assert!(known.len() > 60, "{}", known.len());
}
