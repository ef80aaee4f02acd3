//! A small company for tests over HTTP: two regions, somebody in every role, two customers, one SOP without plugins.

use crate::client::{Answer, Client};
use crate::server::{Place, Server};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Roles with a user each in region A, by the user's id.
pub const PEOPLE: &[(&str, &str)] = &[
    ("usr_rep", "rep"),
    ("usr_manager", "manager"),
    ("usr_regional-admin", "admin"),
    ("usr_ops", "ops"),
    ("usr_auditor", "auditor"),
    ("usr_partner", "partner"),
    ("usr_operator", "operator"),
    ("usr_rep-b", "rep"),
    ("usr_manager-b", "manager"),
];

/// When the tests begin.
pub const NOW: &str = "2026-03-18T01:00:00Z";

/// See the module header.
pub struct Company {
    /// `tnt_…`
    pub tenant: String,
    /// Token by user; `usr_admin` is the whole company's admin and operator.
    pub tokens: BTreeMap<String, String>,
    server: Client,
}

impl Company {
    /// Makes the company on a running server.
    ///
    /// # Errors
    /// Something is refused.
    pub fn new(place: &Place, server: &Server, tenant: &str) -> anyhow::Result<Self> {
        let admin = place.tenant(tenant, "admin,operator")?;
        server.clock(&admin, NOW)?;
        let client = server.as_(&admin);
        let mut tokens = BTreeMap::from([("usr_admin".to_owned(), admin)]);
        let put = |path: &str, body: Value| client.put(path, &body)?.expect(201).with_context(|| path.to_owned());
        let name = |name: &str| json!({"en": name, "zh-CN": name});
        put("/v1/org-units/org_hq", json!({"name": name("HQ"), "kind": "headquarters", "parent": null}))?;
        for region in ["a", "b"] {
            let body = json!({"name": name(region), "kind": "region", "parent": "org_hq"});
            put(&format!("/v1/org-units/org_{region}"), body)?;
        }
        for (user, role) in PEOPLE {
            let region = if user.ends_with("-b") { "org_b" } else { "org_a" };
            put(&format!("/v1/users/{user}"), json!({"name": user, "org_unit": region}))?;
            let grant = json!({"user": user, "role": role, "org_unit": region});
            put(&format!("/v1/grants/{}", user.replacen("usr_", "gra_", 1)), grant)?;
            let path = format!("/v1/users/{user}/tokens");
            let made =
                client.post(&path, &user.replacen("usr_", "cmd_token-", 1), &json!({"label": "test"}))?.expect(201)?;
            let token = made.json.get("token").and_then(Value::as_str).context("token")?;
            tokens.insert((*user).to_owned(), token.to_owned());
        }
        let schema = json!({
            "type": "object", "required": ["size"],
            "properties": {"size": {"type": "number", "exclusiveMinimum": 0}, "owner": {"type": "string", "x-personal": true}},
        });
        put("/v1/customer-types/cty_place", json!({"type": "place", "title": name("Place"), "schema": schema}))?;
        for region in ["a", "b"] {
            let body = json!({
                "type": "place", "name": format!("Place {region}"), "time_zone": "Asia/Shanghai",
                "org_unit": format!("org_{region}"), "status": "active", "fields": {"size": 3, "owner": "Somebody"},
            });
            put(&format!("/v1/customers/cus_{region}"), body)?;
            let body = json!({"customer": format!("cus_{region}"), "lat": 30.0, "lon": 104.0, "crs": "wgs84", "accuracy_m": 5, "source": "survey"});
            put(&format!("/v1/locations/loc_{region}"), body)?;
        }
        let company = Self { tenant: tenant.to_owned(), tokens, server: server.client.clone() };
        company.publish("1.0.0", &json!({}))?;
        let assignment =
            json!({"sop": "test.inspection", "versions": "^1.0", "roles": ["rep"], "customers": {"types": ["place"]}});
        put("/v1/sop-assignments/sas_all", assignment)?;
        Ok(company)
    }

    /// The server as a user.
    ///
    /// # Errors
    /// There is no such user.
    pub fn as_(&self, user: &str) -> anyhow::Result<Client> {
        Ok(self.server.with_token(Some(self.tokens.get(user).with_context(|| user.to_owned())?)))
    }

    /// Publishes the test SOP as a version, with a patch (RFC 7396) over it.
    ///
    /// # Errors
    /// It is refused.
    pub fn publish(&self, version: &str, patch: &Value) -> anyhow::Result<Answer> {
        let mut sop: Value = serde_json::from_slice(&std::fs::read(crate::root().join("tests/sops/inspection.json"))?)?;
        crate::case::merge(&mut sop, patch);
        crate::case::merge(&mut sop, &json!({"version": version}));
        let admin = self.as_("usr_admin")?;
        let path = format!("/v1/sops/test.inspection/versions/{version}");
        admin.put(&path, &sop)?.expect(200)?;
        admin
            .post(&format!("{path}/publish"), &format!("cmd_publish-{}", version.replace('.', "-")), &json!({}))?
            .expect(200)
    }

    /// Sends a rep's verb; the command id follows from task, verb and `number`.
    ///
    /// # Errors
    /// No answer came.
    pub fn verb(&self, user: &str, task: &str, verb: &str, number: u32, body: Value) -> anyhow::Result<Answer> {
        let id = format!("cmd_{}-{}-{number}", task.trim_start_matches("tsk_"), verb.replace('_', "-"));
        let path = if verb == "create" { "/v1/tasks".to_owned() } else { format!("/v1/tasks/{task}/{verb}") };
        self.as_(user)?.post(&path, &id, &envelope(body))
    }

    /// A rep's visit to region A's customer, begun: created, started, checked in.
    ///
    /// # Errors
    /// Something is refused.
    pub fn begun(&self, task: &str) -> anyhow::Result<()> {
        self.verb("usr_rep", task, "create", 1, json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}))?
            .expect(201)?;
        self.verb("usr_rep", task, "start", 1, json!({}))?.expect(200)?;
        self.verb("usr_rep", task, "submit", 1, json!({"step": "arrive", "answers": {}, "position": position()}))?
            .expect(200)?;
        Ok(())
    }

    /// A whole visit with a count; over 100 it is held.
    ///
    /// # Errors
    /// Something is refused.
    pub fn visited(&self, task: &str, count: i64) -> anyhow::Result<()> {
        self.begun(task)?;
        self.verb(
            "usr_rep",
            task,
            "submit",
            2,
            json!({"step": "look", "answers": {"count": count, "note": "all well"}}),
        )?
        .expect(200)?;
        self.verb("usr_rep", task, "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
        self.verb("usr_rep", task, "complete", 1, json!({}))?.expect(200)?;
        Ok(())
    }
}

/// A command's envelope around a body.
#[must_use]
pub fn envelope(body: Value) -> Value {
    json!({"device": "dev_test", "at": {"wall": "2026-03-18T09:00:00+08:00", "monotonic_ms": 1000, "boot": "boot-1"}, "body": body})
}

/// A position at the customers.
#[must_use]
pub fn position() -> Value {
    json!({"lat": 30.0, "lon": 104.0, "crs": "wgs84", "accuracy_m": 10, "age_s": 1, "mock": false, "provider": "gps"})
}
