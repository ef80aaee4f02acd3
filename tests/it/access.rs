//! Every operation of the served OpenAPI, as everybody: nobody, each role, another region, another tenant. What is expected
//! stands in `tests/data/access.json`, a row for each operation; an operation without a row fails, and a row without one.
//!
//! Refusals must be problems in the caller's language, must hold nothing of the company, and must change nothing.

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::client::{Answer, Client};
use tests::company::{Company, envelope, position};
use tests::server::{Kind, Place, Server};

/// Who asks, in which role; all of them but the last belong to region A.
const PEOPLE: &[(&str, &str)] = &[
    ("usr_rep", "rep"),
    ("usr_manager", "manager"),
    ("usr_regional-admin", "admin"),
    ("usr_ops", "ops"),
    ("usr_auditor", "auditor"),
    ("usr_partner", "partner"),
    ("usr_operator", "operator"),
    ("usr_admin", "tenant_admin"),
];
/// The same in region B.
const ELSEWHERE: &[(&str, &str)] = &[("usr_rep-b", "rep"), ("usr_manager-b", "manager")];
/// What only region A knows.
const REGIONAL: &[&str] =
    &["SECRET", "Place a", "_a\"", "tsk_", "vis_", "usr_rep\"", "usr_manager\"", "usr_ops", "gra_rep\"", "Region "];
/// What only the first company knows.
const OURS: &[&str] = &["Place b", "_b\"", "org_hq", "usr_rep-b", "cty_place", "cal_all", "sas_all", "test.draft"];

#[derive(Deserialize)]
struct Table {
    company: BTreeMap<String, Value>,
    operations: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    roles: BTreeSet<String>,
    object: Object,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    path: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    body: Option<Value>,
    command: Option<Value>,
    media: Option<String>,
    bytes: Option<String>,
    prepare: Option<String>,
    sees: Option<String>,
    #[serde(default)]
    but: BTreeMap<String, Expected>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Object {
    Region,
    List,
    Tenant,
    Own,
}

#[derive(Clone, Deserialize)]
struct Expected {
    status: u16,
    #[serde(default)]
    code: String,
}

const fn ok() -> u16 {
    200
}

fn no(status: u16, code: &str) -> Expected {
    Expected { status, code: code.to_owned() }
}

/// An operation as the document names it.
struct Operation {
    method: String,
    path: String,
}

struct Walk {
    company: Company,
    abroad: Client,
    strangers: Vec<(&'static str, Client)>,
    plugin: Vec<u8>,
    counter: AtomicU32,
}

type Names = BTreeMap<&'static str, String>;

#[test]
fn every_operation_as_everybody() -> anyhow::Result<()> {
    let table: Table = serde_json::from_slice(&std::fs::read(tests::root().join("tests/data/access.json"))?)?;
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let walk = Walk::new(&place, &server, &table)?;
    let operations = operations(&server.client)?;
    let named: Vec<&String> = operations.keys().filter(|id| !table.operations.contains_key(*id)).collect();
    assert!(named.is_empty(), "no row in tests/data/access.json says who may: {named:?}");
    let gone: Vec<&String> = table.operations.keys().filter(|id| !operations.contains_key(*id)).collect();
    assert!(gone.is_empty(), "rows of operations that are not there: {gone:?}");
    let mut wrong = Vec::new();
    for (id, row) in &table.operations {
        let operation = operations.get(id).context("listed")?;
        if let Err(error) = walk.operation(operation, row, &mut wrong) {
            wrong.push(format!("the example cannot be made: {error:#}"));
        }
        for line in wrong.iter_mut().filter(|line| !line.starts_with("· ")) {
            *line = format!("· {id}: {line}");
        }
    }
    assert!(wrong.is_empty(), "{} answers are not as the table says:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// The operations of the served document by their ids.
fn operations(client: &Client) -> anyhow::Result<BTreeMap<String, Operation>> {
    let document = client.get("/v1/openapi.json")?.expect(200)?.json;
    let mut operations = BTreeMap::new();
    for (path, item) in document.get("paths").and_then(Value::as_object).context("paths")? {
        for (method, operation) in item.as_object().context("item")? {
            let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
            let one = Operation { method: method.to_uppercase(), path: path.clone() };
            ensure!(operations.insert(id.to_owned(), one).is_none(), "the operationId {id} is there twice");
        }
    }
    Ok(operations)
}

impl Walk {
    fn new(place: &Place, server: &Server, table: &Table) -> anyhow::Result<Self> {
        let company = Company::new(place, server, "tnt_one")?;
        let admin = company.as_("usr_admin")?;
        for (path, body) in &table.company {
            let before = admin.get(path)?;
            let mut request = admin.request("PUT", path).json(body);
            if let Some(etag) = before.header("etag") {
                request = request.header("if-match", etag);
            }
            let put = request.send()?;
            ensure!(matches!(put.status, 200 | 201), "{path}: {}", put.json);
        }
        let token = |id: &str, body: Value| admin.post("/v1/users/usr_rep/tokens", id, &body)?.expect(201);
        let expired = token("cmd_expired", json!({"label": "old", "expires_at": "2026-03-01T00:00:00Z"}))?;
        let revoked = token("cmd_revoked", json!({"label": "lost"}))?;
        let of = |made: &Answer, member: &str| text(&made.json, member);
        admin.request("DELETE", &format!("/v1/tokens/{}", of(&revoked, "id"))).send()?.expect(204)?;
        let as_ = |token: &str| server.client.with_token(Some(token));
        let strangers = vec![
            ("token.missing", server.client.clone()),
            ("token.unknown", as_(&format!("swt_{}", "a".repeat(43)))),
            ("token.expired", as_(&of(&expired, "token"))),
            ("token.revoked", as_(&of(&revoked, "token"))),
        ];
        let plugin = std::fs::read(tests::built("SOPWITH_PLUGINS")?.join("presence.wasm"))?;
        let abroad = as_(&place.tenant("tnt_two", "admin,operator")?);
        Ok(Self { company, abroad, strangers, plugin, counter: AtomicU32::new(0) })
    }

    /// One operation as everybody: first those who may not, on one example; then those who may, on one each.
    fn operation(&self, operation: &Operation, row: &Row, wrong: &mut Vec<String>) -> anyhow::Result<()> {
        let first = row.roles.first().context("no roles")?;
        let names = self.names(row, first, "usr_rep")?;
        let before = self.changes()?;
        let mut changes = false;
        for (code, client) in &self.strangers {
            self.refused(operation, row, &names, client, &no(401, code), &[], wrong)?;
        }
        for (user, role) in PEOPLE.iter().filter(|(_, role)| !row.roles.contains(*role)) {
            let expected = match (row.but.get(*role), *role) {
                (Some(expected), _) => expected.clone(),
                (None, "admin") if row.roles.contains("tenant_admin") && !row.roles.contains("operator") => {
                    no(403, "scope.outside")
                }
                _ => no(403, "role.missing"),
            };
            self.refused(operation, row, &names, &self.company.as_(user)?, &expected, &[], wrong)?;
        }
        for (user, role) in ELSEWHERE {
            let expected = match (row.but.get("elsewhere"), row.object) {
                (Some(expected), _) => expected.clone(),
                (None, _) if !row.roles.contains(*role) => no(403, "role.missing"),
                (None, Object::Region) => no(404, "not_found"),
                (None, _) => no(row.status, ""),
            };
            changes |= expected.status < 400 && operation.method != "GET";
            self.refused(operation, row, &names, &self.company.as_(user)?, &expected, &[REGIONAL], wrong)?;
        }
        let may = ["admin", "tenant_admin", "operator"].iter().any(|role| row.roles.contains(*role));
        let expected = match (row.but.get("abroad"), row.object) {
            (Some(expected), _) => expected.clone(),
            _ if !may => no(403, "role.missing"),
            (None, Object::Region | Object::Tenant) => no(404, "not_found"),
            (None, Object::List | Object::Own) => no(row.status, ""),
        };
        self.refused(operation, row, &names, &self.abroad, &expected, &[REGIONAL, OURS], wrong)?;
        if !changes && self.changes()? != before {
            wrong.push("something was changed by those who may not".into());
        }
        self.allowed(operation, row, wrong)
    }

    fn allowed(&self, operation: &Operation, row: &Row, wrong: &mut Vec<String>) -> anyhow::Result<()> {
        let may = PEOPLE.iter().filter(|(_, role)| row.roles.contains(*role));
        for (user, role) in may {
            let names = self.names(row, role, user)?;
            let answer = self.send(operation, row, &names, &self.company.as_(user)?, "en")?;
            if answer.status != row.status {
                wrong.push(format!("{user} gets {} instead of {}: {}", answer.status, row.status, answer.json));
            }
        }
        Ok(())
    }

    /// Somebody who may not (or only sees what is theirs) asks; a problem must be one, in both languages.
    #[expect(clippy::too_many_arguments, reason = "one cell of the table")]
    fn refused(
        &self,
        operation: &Operation,
        row: &Row,
        names: &Names,
        client: &Client,
        expected: &Expected,
        foreign: &[&[&str]],
        wrong: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let token = client.token.as_ref();
        let known = self.company.tokens.iter().find(|(_, known)| Some(*known) == token).map(|(user, _)| user.as_str());
        let who = known.unwrap_or("a stranger");
        let mut names = names.clone();
        names.insert("user", known.unwrap_or("usr_admin").to_owned());
        if matches!(expected.status, 401 | 403) {
            // Who is refused is refused before the body is read.
            names.insert("refused", String::new());
        }
        let names = &names;
        let english = self.send(operation, row, names, client, "en")?;
        let code = english.code().to_owned();
        if english.status != expected.status || (!expected.code.is_empty() && code != expected.code) {
            let Expected { status, code } = expected;
            wrong.push(format!("{who} gets {} instead of {status} {code}: {}", english.status, english.json));
            return Ok(());
        }
        let asked = self.asked(operation, row, names)?;
        let said = String::from_utf8_lossy(&english.bytes);
        for needle in foreign.iter().flat_map(|needles| needles.iter()) {
            if said.contains(needle) && !asked.contains(needle) {
                wrong.push(format!("{who} is told of `{needle}`: {said}"));
            }
        }
        if expected.status < 400 {
            return Ok(());
        }
        let chinese = self.send(operation, row, names, client, "zh-CN,zh;q=0.9")?;
        for answer in [&english, &chinese] {
            let whole = answer.header("content-type") == Some("application/problem+json")
                && !text(&answer.json, "request_id").is_empty()
                && answer.json.get("status").and_then(Value::as_u64) == Some(u64::from(answer.status))
                && text(&answer.json, "type").ends_with(&code);
            if !whole {
                wrong.push(format!("{who}: not a problem: {:?} {}", answer.headers, answer.json));
            }
        }
        let (detail, other) = (text(&english.json, "detail"), text(&chinese.json, "detail"));
        if detail.is_empty() || detail == other || other.is_ascii() {
            wrong.push(format!("{who}: `{detail}` and `{other}` are not two languages"));
        }
        Ok(())
    }

    /// Everything a request says, to know what an answer may repeat.
    fn asked(&self, operation: &Operation, row: &Row, names: &Names) -> anyhow::Result<String> {
        let body = row.body.as_ref().or(row.command.as_ref()).cloned().unwrap_or_default();
        let path: Value = json!([row.path, row.query, operation.path]);
        Ok(fill(&json!([path, body]), names)?.to_string())
    }

    fn send(
        &self,
        operation: &Operation,
        row: &Row,
        names: &Names,
        client: &Client,
        language: &str,
    ) -> anyhow::Result<Answer> {
        let mut path = operation.path.clone();
        for (name, value) in &row.path {
            path = path.replace(&format!("{{{name}}}"), &said(value, names));
        }
        ensure!(!path.contains('{'), "{path}: the row does not say all parameters");
        let query: Vec<String> = row.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut request = client.request(&operation.method, &path).header("accept-language", language);
        if operation.method == "POST" {
            request = request.command(&format!("cmd_walk-{}", self.next()));
        }
        if let Some(etag) = names.get("etag") {
            request = request.header("if-match", etag);
        }
        if let Some(body) = &row.body {
            request = request.json(&fill(body, names)?);
        } else if let Some(command) = &row.command {
            request = request.json(&envelope(fill(command, names)?));
        } else if let Some(bytes) = &row.bytes {
            let mut bytes = if bytes == "{plugin}" { self.plugin.clone() } else { said(bytes, names).into_bytes() };
            if names.contains_key("refused") {
                bytes.truncate(100);
            }
            request = request.bytes(bytes, row.media.as_deref().unwrap_or("application/octet-stream"));
        }
        request.send()
    }

    fn next(&self) -> u32 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// The seq of the company's last change that changed something: a refusal that is kept for its command does not.
    fn changes(&self) -> anyhow::Result<u64> {
        let admin = self.company.as_("usr_admin")?;
        let (mut after, mut last) = (String::new(), 0);
        loop {
            let page = admin.get(&format!("/v1/changes?limit=200{after}"))?.expect(200)?.json;
            for change in page.get("items").and_then(Value::as_array).into_iter().flatten() {
                if change.get("what").and_then(Value::as_array).is_none_or(|what| !what.is_empty()) {
                    last = change.get("change_seq").and_then(Value::as_u64).unwrap_or(0);
                }
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(last),
            }
        }
    }

    /// What the placeholders of a row mean for one try.
    fn names(&self, row: &Row, role: &str, user: &str) -> anyhow::Result<Names> {
        let n = self.next();
        let mut names = BTreeMap::from([
            ("n", n.to_string()),
            ("nn", format!("{:02}", n % 60)),
            ("user", user.to_owned()),
            ("task", format!("tsk_walk-{n}")),
            ("visit", format!("vis_walk-{n}")),
        ]);
        if let Some(prepare) = &row.prepare {
            self.prepare(prepare, role.trim_start_matches("tenant_"), n, &mut names)?;
        }
        if let Some(sees) = &row.sees {
            let seen = self.company.as_("usr_admin")?.get(&said(sees, &names))?.expect(200)?;
            names.insert("etag", seen.header("etag").context("no ETag")?.to_owned());
        }
        Ok(names)
    }

    fn prepare(&self, what: &str, role: &str, n: u32, names: &mut Names) -> anyhow::Result<()> {
        let company = &self.company;
        let admin = company.as_("usr_admin")?;
        let task = names.get("task").cloned().unwrap_or_default();
        let submit = |number, body| company.verb("usr_rep", &task, "submit", number, body)?.expect(200);
        match what {
            "planned" => {
                let window = json!({"from": "2026-03-19T01:00:00Z", "to": "2026-03-19T02:00:00Z"});
                let body = json!({"id": task, "customer": "cus_a", "origin": "manager", "assignee": "usr_rep", "planned": window});
                company.verb("usr_manager", &task, "create", 1, body)?.expect(201)?;
            }
            "begun" => company.begun(&task)?,
            "left" => {
                company.begun(&task)?;
                submit(2, json!({"step": "look", "answers": {"count": 1}}))?;
                submit(3, json!({"step": "leave", "answers": {}}))?;
            }
            "held" => {
                company.visited(&task, 500)?;
                let reviews = admin.get(&format!("/v1/tasks?kind=review&parent={task}"))?.expect(200)?.json;
                names.insert("review", text(reviews.pointer("/items/0").context("no review")?, "id"));
            }
            "pool" => {
                let candidates = json!({"role": role, "org_unit": "org_a"});
                let title = json!({"en": "SECRET job", "zh-CN": "SECRET"});
                let body = json!({"id": task, "kind": "follow_up", "title": title, "customer": "cus_a", "origin": "manager", "candidates": candidates});
                company.verb("usr_manager", &task, "create", 1, body)?.expect(201)?;
            }
            "token" => {
                let made = admin.post("/v1/users/usr_manager/tokens", &format!("cmd_t-{n}"), &json!({"label": "x"}))?;
                names.insert("token", text(&made.expect(201)?.json, "id"));
            }
            "bytes" | "evidence" => {
                let bytes = json!([n]).to_string();
                let sha256 = engine::canon::sha256_hex(bytes.as_bytes());
                if what == "evidence" {
                    company
                        .verb(
                            "usr_rep",
                            &task,
                            "create",
                            1,
                            json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}),
                        )?
                        .expect(201)?;
                    company.verb("usr_rep", &task, "start", 1, json!({}))?.expect(200)?;
                    let captured = envelope(json!({})).get("at").cloned();
                    let photo = json!({"requirement": "entrance", "sha256": sha256, "kind": "photo", "class": "entrance", "live": true, "captured": captured});
                    submit(1, json!({"step": "arrive", "answers": {}, "position": position(), "evidence": [photo]}))?;
                    let put = company.as_("usr_rep")?.request("PUT", &format!("/v1/evidence/{sha256}"));
                    put.bytes(bytes.clone(), "application/json").send()?.expect(201)?;
                }
                names.extend([("bytes", bytes), ("sha256", sha256)]);
            }
            "plugin" => {
                let upload = admin.request("POST", "/v1/plugins").command(&format!("cmd_plugin-{n}"));
                let known = upload.bytes(self.plugin.clone(), "application/wasm").send()?.json;
                names.extend([("plugin_name", text(&known, "name")), ("plugin_version", text(&known, "version"))]);
            }
            "offer" => {
                let path = "/v1/sops/test.offered/versions/1.0.0";
                if admin.get(path)?.status == 404 {
                    let inspection = std::fs::read(tests::root().join("tests/sops/inspection.json"))?;
                    let mut sop: Value = serde_json::from_slice(&inspection)?;
                    tests::case::merge(&mut sop, &json!({"sop": "test.offered"}));
                    admin.put(path, &sop)?.expect(200)?;
                    admin.post(&format!("{path}/publish"), "cmd_publish-offered", &json!({}))?.expect(200)?;
                }
                let offered =
                    admin.post(&format!("{path}/offer"), &format!("cmd_offer-{n}"), &json!({}))?.expect(200)?;
                names.insert("hash", text(&offered.json, "hash"));
            }
            "overlay" => {
                let overlay = json!({"overlay": "test.local", "version": "1.0.0", "title": {"en": "Local", "zh-CN": "本地"},
                    "of": {"sop": "test.inspection", "version": "1.0.0"}, "changes": []});
                admin.put("/v1/sops/test.local/versions/1.0.0", &overlay)?.expect(200)?;
            }
            "priced" => {
                let path = "/v1/sops/test.priced/versions/1.0.0";
                if admin.get(path)?.status == 404 {
                    let inspection = std::fs::read(tests::root().join("tests/sops/inspection.json"))?;
                    let mut sop: Value = serde_json::from_slice(&inspection)?;
                    let prices = json!({"title": {"en": "Prices", "zh-CN": "价格"}, "key": "code",
                        "schema": {"type": "object", "properties": {"code": {"type": "string"}}}});
                    tests::case::merge(&mut sop, &json!({"sop": "test.priced", "datasets": {"prices": prices}}));
                    admin.put(path, &sop)?.expect(200)?;
                    admin.post(&format!("{path}/publish"), "cmd_publish-priced", &json!({}))?.expect(200)?;
                }
            }
            _ => anyhow::bail!("nobody prepares `{what}`"),
        }
        Ok(())
    }
}

#[test]
fn what_is_no_operation_is_not_found() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let admin = server.as_(&place.tenant("tnt_one", "admin")?);
    for path in ["/", "/v2/tasks", "/v1/nothing", "/v1/tasks/tsk_none/fly"] {
        let answer = admin.get(path)?.expect(404)?;
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
    }
    Ok(())
}

/// Placeholders filled in, everywhere in a value.
fn fill(value: &Value, names: &Names) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&said(&value.to_string(), names))?)
}

/// A text with its placeholders filled in.
fn said(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    for (name, value) in names {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
