//! The API's description: valid OpenAPI 3.1.0, complete, and as it is checked in.

use anyhow::Context as _;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use tests::server::{Kind, Place, Server};

fn printed() -> anyhow::Result<String> {
    let output = Command::new(tests::built("SOPWITH_BIN")?).arg("openapi").output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn document() -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&printed()?)?)
}

/// Every operation with its place.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let items = paths.flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |member| (path, member)));
    items.map(|(path, (method, operation))| (format!("{method} {path}"), operation)).collect()
}

#[test]
fn what_is_checked_in_is_what_is_served() -> anyhow::Result<()> {
    let kept = std::fs::read_to_string(tests::root().join("schemas/openapi.json")).unwrap_or_default();
    let printed = printed()?;
    let differs = kept.lines().zip(printed.lines()).position(|(a, b)| a != b);
    assert!(
        kept == printed,
        "schemas/openapi.json is not what the program prints (line {}): run `cargo xtask openapi` and look at the difference",
        differs.map_or(kept.lines().count().min(printed.lines().count()), |line| line) + 1
    );
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let served = server.client.get("/v1/openapi.json")?.expect(200)?;
    assert_eq!(String::from_utf8_lossy(&served.bytes), printed);
    Ok(())
}

#[test]
fn every_operation_says_what_it_is() -> anyhow::Result<()> {
    let document = document()?;
    assert_eq!(document.get("openapi").and_then(Value::as_str), Some("3.1.0"));
    let mut ids = BTreeSet::new();
    let operations = operations(&document);
    assert!(operations.len() > 80, "{} operations", operations.len());
    for (place, operation) in operations {
        let said = |member: &str| operation.get(member).and_then(Value::as_str).unwrap_or_default();
        assert!(!said("summary").is_empty(), "{place} has no summary");
        assert!(ids.insert(said("operationId").to_owned()), "{place}: its operationId is there twice");
        assert_eq!(operation.get("tags").and_then(Value::as_array).map(Vec::len), Some(1), "{place} has not one tag");
        let responses = operation.get("responses").and_then(Value::as_object).context("responses")?;
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place} says nothing of success");
        let problem = responses.get("default").and_then(|r| r.pointer("/content/application~1problem+json/schema"));
        assert!(problem.is_some(), "{place} says nothing of problems");
        for (status, response) in responses {
            assert!(response.get("description").is_some(), "{place} {status} has no description");
        }
        let body = operation.get("requestBody").is_some();
        let writes = place.starts_with("put") || place.starts_with("post");
        assert!(writes || !body, "{place} has a body");
        check_parameters(&place, operation)?;
    }
    Ok(())
}

/// The parameters are those of the path, each once, and commands say that they have an id.
fn check_parameters(place: &str, operation: &Value) -> anyhow::Result<()> {
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut named = BTreeSet::new();
    for parameter in &parameters {
        let (name, place_in) = (parameter.get("name"), parameter.get("in"));
        let (name, place_in) = (name.and_then(Value::as_str), place_in.and_then(Value::as_str));
        let (name, place_in) = (name.context("name")?, place_in.context("in")?);
        assert!(named.insert((place_in.to_owned(), name.to_owned())), "{place}: {name} is there twice");
        assert!(parameter.get("schema").is_some(), "{place}: {name} has no schema");
        let required = parameter.get("required") == Some(&Value::Bool(true));
        assert!(place_in != "path" || required, "{place}: {name} is in the path and not required");
        assert!(name != "Idempotency-Key" || required, "{place}: a command has an id");
    }
    let in_path = |named: &(String, String)| (named.0 == "path").then(|| named.1.clone());
    let said: BTreeSet<String> = named.iter().filter_map(in_path).collect();
    let template: BTreeSet<String> =
        place.split('{').skip(1).filter_map(|rest| rest.split('}').next().map(str::to_owned)).collect();
    assert_eq!(said, template, "{place}");
    Ok(())
}

#[test]
fn every_reference_leads_somewhere() -> anyhow::Result<()> {
    let document = document()?;
    let mut open = vec![&document];
    let mut references = BTreeSet::new();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    references.insert(reference.clone());
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').with_context(|| format!("{reference} leads outside"))?;
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    Ok(())
}
