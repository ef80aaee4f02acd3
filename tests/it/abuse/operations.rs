//! The operations of the served document, with paths that lead somewhere and bodies that fit their schemas.

use super::DATA;
use anyhow::Context as _;
use serde_json::{Map, Value, json};
use tests::client::Client;

/// One operation.
pub struct Operation {
    /// `POST`
    pub method: String,
    /// As the document has it.
    pub template: String,
    /// With names of things that are there.
    pub path: String,
    /// Names of the members of the query string.
    pub query: Vec<String>,
    /// Names of headers.
    pub headers: Vec<String>,
    /// Media type of the body, if there is one.
    pub media_type: Option<String>,
    /// A body that fits, if it is JSON.
    pub sample: Value,
}

impl Operation {
    /// All of them.
    pub fn all(client: &Client) -> anyhow::Result<Vec<Self>> {
        let document = client.get("/v1/openapi.json")?.expect(200)?.json;
        let paths = document.get("paths").and_then(Value::as_object).context("paths")?;
        let mut all = Vec::new();
        for (template, item) in paths {
            for method in ["get", "put", "post", "delete"] {
                let Some(operation) = item.get(method) else { continue };
                all.push(Self::of(&document, template, method, operation));
            }
        }
        anyhow::ensure!(all.len() > 80, "only {} operations", all.len());
        Ok(all)
    }

    fn of(document: &Value, template: &str, method: &str, operation: &Value) -> Self {
        let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let named = |place: &str| -> Vec<String> {
            let here = parameters.clone().filter(|parameter| parameter.get("in") == Some(&json!(place)));
            here.filter_map(|parameter| Some(parameter.get("name")?.as_str()?.to_owned())).collect()
        };
        let content = operation.pointer("/requestBody/content").and_then(Value::as_object);
        let (media_type, schema) = content.and_then(|content| content.iter().next()).unzip();
        let schema = schema.and_then(|content| content.get("schema")).unwrap_or(&Value::Null);
        let fill = |path: String, (name, value): (&String, &Value)| {
            path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default())
        };
        let fills = DATA.get("fill").and_then(Value::as_object).into_iter().flatten();
        let mut path = fills.fold(template.to_owned(), fill);
        let kind = template.split('/').nth(2).unwrap_or_default();
        if let Some(id) = DATA.pointer(&format!("/ids/{kind}")).and_then(Value::as_str) {
            path = path.replace("{id}", id);
        }
        Self {
            method: method.to_uppercase(),
            template: template.to_owned(),
            path,
            query: named("query"),
            headers: named("header"),
            media_type: media_type.cloned(),
            sample: sample(document, schema, "", 0),
        }
    }

    /// Whether the body is JSON.
    pub fn takes_json(&self) -> bool {
        self.media_type.as_deref() == Some("application/json")
    }

    /// Whether a whole document of any form is taken: an SOP, a dataset.
    pub fn takes_anything(&self) -> bool {
        self.sample == json!({})
    }
}

/// A value that fits a schema, with every member it names.
fn sample(document: &Value, schema: &Value, member: &str, depth: usize) -> Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        return sample(document, target, member, depth);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let choices = schema.get(choice).and_then(Value::as_array).into_iter().flatten();
        if let Some(one) = choices.into_iter().find(|one| one.get("type") != Some(&json!("null"))) {
            return sample(document, one, member, depth);
        }
    }
    if let Some(first) = schema.pointer("/enum/0") {
        return first.clone();
    }
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str())).unwrap_or("object");
    match kind {
        "string" => DATA.pointer(&format!("/members/{member}")).cloned().unwrap_or(json!("text")),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" if depth < 6 => {
            let item = schema.get("items").map_or(json!(1), |item| sample(document, item, member, depth + 1));
            let least = schema.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
            Value::Array(vec![item; least.unwrap_or(1)])
        }
        "object" if depth < 6 => {
            let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let members = members.map(|(name, schema)| (name.clone(), sample(document, schema, name, depth + 1)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        "array" => json!([]),
        _ => json!({}),
    }
}

/// Every place in a value, by pointer, the value itself left out.
pub fn pointers(value: &Value) -> Vec<String> {
    let below = |name: String, value: &Value| {
        let mut all = vec![format!("/{name}")];
        all.extend(pointers(value).into_iter().map(|rest| format!("/{name}{rest}")));
        all
    };
    match value {
        Value::Object(members) => members.iter().flat_map(|(name, value)| below(name.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, value)| below(index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    }
}
