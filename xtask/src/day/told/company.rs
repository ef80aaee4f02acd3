//! The company behind a told day: what a server must hold before somebody drives the day over HTTP.
//!
//! `demo/company.json` lists the records in the words of the API; the customers of the day stand in `day/customers.json`
//! only and become records here, each with its place and its owner.

use super::super::read;
use super::{Customer, Told};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// From when what is generated holds.
const SINCE: &str = "2026-01-01T00:00:00+08:00";

/// `demo/company.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Company {
    /// Who it is: `id` and `name`; read where the demo makes the tenant.
    #[serde(rename = "tenant")]
    _tenant: Value,
    records: Vec<Put>,
}

/// One request.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Put {
    path: String,
    body: Value,
}

/// Everything to put, in order: the company, the customers of the day, and what names those: relations and assignments.
///
/// # Errors
/// The company cannot be read.
pub fn puts(told: &Told) -> Result<Vec<Put>> {
    let company: Company = read(&told.folder.join("demo/company.json"))?;
    let names_customers =
        |put: &Put| ["/v1/relations/", "/v1/sop-assignments/"].iter().any(|it| put.path.starts_with(it));
    let (last, mut puts): (Vec<Put>, Vec<Put>) = company.records.into_iter().partition(names_customers);
    for customer in &told.customers {
        puts.extend(records(customer).with_context(|| customer.id.clone())?);
    }
    puts.extend(last);
    Ok(puts)
}

fn records(customer: &Customer) -> Result<[Put; 3]> {
    let stem = customer.id.strip_prefix("cus_").context("a customer's id begins with cus_")?;
    let location = customer.location["id"].as_str().context("a location without id")?;
    let mut place = customer.location.clone();
    if let Value::Object(members) = &mut place {
        members.remove("id");
        members.extend([
            ("customer".to_owned(), json!(customer.id)),
            ("source".to_owned(), json!("survey")),
            ("from".to_owned(), json!(SINCE)),
            ("to".to_owned(), Value::Null),
        ]);
    }
    let body = json!({
        "type": customer.kind, "name": customer.name, "time_zone": customer.time_zone, "org_unit": customer.org_unit,
        "status": "active", "fields": customer.fields, "tags": [],
    });
    let owner = json!({ "customer": customer.id, "user": customer.owner, "kind": "owner", "from": SINCE, "to": null });
    Ok([
        Put { path: format!("/v1/customers/{}", customer.id), body },
        Put { path: format!("/v1/locations/{location}"), body: place },
        Put { path: format!("/v1/assignments/asg_{stem}-owner"), body: owner },
    ])
}
