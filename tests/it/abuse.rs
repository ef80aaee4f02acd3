//! What no honest client sends, to every operation of the served OpenAPI document: none is answered by a fault of ours, and
//! every no is a problem with a code that says where.

mod bodies;
mod evidence;
mod operations;
mod places;
mod plugins;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::sync::LazyLock;
use tests::client::{Answer, Client};
use tests::company::Company;
use tests::furnished::furnish;
use tests::server::{Kind, Place, Server};

/// What is sent: `tests/data/abuse.json`.
static DATA: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read(tests::root().join("tests/data/abuse.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
});

/// Texts of a list in the data.
fn texts(name: &str) -> Vec<&'static str> {
    DATA.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A served company and somebody in every role of it.
struct Target {
    server: Server,
    company: Company,
    anybody: Client,
    _place: Place,
}

impl Target {
    fn new(kind: Kind) -> anyhow::Result<Self> {
        let place = Place::new(kind)?;
        let server = Server::start(&place, &[], None)?;
        let company = Company::new(&place, &server, "tnt_abuse")?;
        furnish(&company)?;
        let anybody = company.as_("usr_admin")?;
        for role in ["rep", "manager", "ops", "auditor", "partner"] {
            let grant = json!({"user": "usr_admin", "role": role, "org_unit": null});
            anybody.put(&format!("/v1/grants/gra_any-{role}"), &grant)?.expect(201)?;
        }
        Ok(Self { server, company, anybody, _place: place })
    }

    /// The server is there and its database answers.
    fn lives(&self) -> anyhow::Result<()> {
        self.server.client.get("/readyz")?.expect(200)?;
        Ok(())
    }
}

/// Not a fault of ours; and if it is a no, a whole problem.
fn is_told(answer: &Answer) -> anyhow::Result<()> {
    ensure!(answer.status < 500, "{}: {}", answer.status, answer.json);
    if answer.status < 400 {
        return Ok(());
    }
    let text = |name: &str| answer.json.get(name).and_then(Value::as_str).unwrap_or_default();
    ensure!(
        answer.header("content-type") == Some("application/problem+json"),
        "{}: {:?}",
        answer.status,
        answer.headers
    );
    ensure!(answer.json.get("status") == Some(&json!(answer.status)), "{}: {}", answer.status, answer.json);
    ensure!(text("type") == format!("https://sopwith.dev/problems/{}", answer.code()), "{}", answer.json);
    for name in ["code", "title", "detail"] {
        ensure!(!text(name).is_empty(), "no {name}: {}", answer.json);
    }
    ensure!(answer.header("x-request-id") == Some(text("request_id")), "{}", answer.json);
    for error in answer.json.get("errors").and_then(Value::as_array).context("errors")? {
        let pointer = error.get("pointer").and_then(Value::as_str).context("pointer")?;
        ensure!(pointer.is_empty() || pointer.starts_with('/'), "{error}");
        ensure!(error.get("code").is_some_and(|code| code != ""), "{error}");
    }
    Ok(())
}
