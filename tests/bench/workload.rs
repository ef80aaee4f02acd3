//! What is served while it is measured: a company whose reps check prices, and the requests they send.
//!
//! The SOP is made from the store audit's own price step: its form, its dataset, its rule, with two fraud rules of any visit
//! and a CEL check beside it; so one submission is a schema, a condition and three rule calls. A visit has several such
//! steps, so that few visits carry many submissions.

use crate::load::{Lists, Pace, drive};
use crate::wire::request;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::company::{Company, envelope};
use tests::demo::text;
use tests::server::{Place, Server};

/// The tenant.
pub const TENANT: &str = "tnt_bench";
/// Price steps of a visit that is to carry many submissions.
pub const STEPS: usize = 8;
/// Rows of a submission.
const ROWS: usize = 20;

/// A company whose reps check prices.
#[derive(Serialize, Deserialize)]
pub struct Crew {
    /// Token of each rep.
    pub reps: Vec<String>,
    /// The answers of a step.
    answers: Value,
    /// In the ids of its visits.
    name: String,
    /// Price steps of a visit.
    steps: usize,
}

/// Visits that are begun: task ids, each with the number of the rep whose it is.
pub type Visits = Vec<(usize, String)>;

/// What a price step is judged by.
#[derive(Clone)]
pub struct Judges {
    /// Files of components.
    pub components: Vec<PathBuf>,
    /// As an SOP names plugins.
    pub plugins: Value,
    /// As a step names rules; null: the audit's own rule and two fraud rules.
    pub rules: Value,
    /// Price steps of a visit.
    pub steps: usize,
}

impl Judges {
    /// The rules of the store audit, for visits of so many steps.
    pub fn honest(steps: usize) -> anyhow::Result<Self> {
        let folder = tests::built("SOPWITH_PLUGINS")?;
        let components = ["presence.wasm", "fmcg.wasm"].map(|name| folder.join(name)).to_vec();
        Ok(Self { components, plugins: json!({"fmcg": "^1.0", "presence": "^1.0"}), rules: Value::Null, steps })
    }
}

impl Crew {
    /// Makes the company with so many reps on a server whose clock is moved by hand.
    pub fn new(
        place: &Place,
        server: &Server,
        (tenant, name): (&str, &str),
        judges: &Judges,
        reps: usize,
    ) -> anyhow::Result<Self> {
        let company = Company::new(place, server, tenant)?;
        let admin = company.tokens.get("usr_admin").context("no admin")?.clone();
        let folder = place.folder().join(format!("sop-{name}"));
        let products = sop(&folder, judges)?;
        let as_admin = ["--server", &server.client.url, "--token", &admin];
        for component in &judges.components {
            place.must(&[&["plugin", "upload", text(component)?] as &[&str], &as_admin].concat())?;
        }
        place.must(&[&["sop", "publish", text(&folder)?] as &[&str], &as_admin].concat())?;
        let client = company.as_("usr_admin")?;
        let assignment = json!({"sop": "bench.prices", "versions": "^1.0", "roles": ["rep"], "customers": {"types": ["place"]}, "priority": 9});
        client.put("/v1/sop-assignments/sas_bench", &assignment)?.expect(201)?;
        let mut tokens = Vec::new();
        for number in 0..reps {
            let user = format!("usr_rep-{number}");
            client.put(&format!("/v1/users/{user}"), &json!({"name": user, "org_unit": "org_a"}))?.expect(201)?;
            let grant = json!({"user": user, "role": "rep", "org_unit": "org_a"});
            client.put(&format!("/v1/grants/gra_rep-{number}"), &grant)?.expect(201)?;
            let path = format!("/v1/users/{user}/tokens");
            let made =
                client.post(&path, &format!("cmd_token-rep-{number}"), &json!({"label": "bench"}))?.expect(201)?;
            tokens.push(made.json.get("token").and_then(Value::as_str).context("token")?.to_owned());
        }
        Ok(Self { reps: tokens, answers: answers(&products), name: name.to_owned(), steps: judges.steps })
    }

    /// The body of a submission of a step.
    pub fn submission(&self, step: usize) -> Value {
        let at = json!({"wall": "2026-03-18T09:00:00+08:00", "monotonic_ms": 1000 + step, "boot": "boot-1"});
        json!({"device": "dev_bench", "at": at, "body": {"step": format!("price_{step}"), "answers": self.answers}})
    }

    /// Begins so many visits for each rep over HTTP, as reps do.
    pub fn begin(&self, address: &str, batch: &str, each: usize) -> anyhow::Result<Visits> {
        let mut lists: Lists = Vec::new();
        let mut tasks = Vec::new();
        for (rep, token) in self.reps.iter().enumerate() {
            let mut list = Vec::new();
            for number in 0..each {
                let name = format!("{}{batch}-{rep}-{number}", self.name);
                let task = format!("tsk_{name}");
                let new = envelope(json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}));
                list.push(request("POST", "/v1/tasks", token, Some(&format!("cmd_create-{name}")), &new));
                let path = format!("/v1/tasks/{task}/start");
                let start = format!("cmd_start-{name}");
                list.push(request("POST", &path, token, Some(&start), &envelope(json!({}))));
                tasks.push((rep, task));
            }
            lists.push(list);
        }
        drive(address, &lists, Pace::Closed(Duration::MAX))?.all_well().context("beginning visits")?;
        Ok(tasks)
    }

    /// The submissions of the visits, one list for each of so many clients.
    pub fn submissions(&self, visits: &[(usize, String)], clients: usize) -> anyhow::Result<Lists> {
        let mut lists = vec![Vec::new(); clients];
        for (index, (rep, task)) in visits.iter().enumerate() {
            let token = self.reps.get(*rep).context("no such rep")?;
            let list = lists.get_mut(index % clients).context("no clients")?;
            for step in 1..=self.steps {
                let command = format!("cmd_{}-{step}", task.trim_start_matches("tsk_"));
                let path = format!("/v1/tasks/{task}/submit");
                list.push(request("POST", &path, token, Some(&command), &self.submission(step)));
            }
        }
        Ok(lists)
    }
}

/// Writes the folder of the SOP; gives the products of its dataset.
fn sop(folder: &Path, judges: &Judges) -> anyhow::Result<Vec<Value>> {
    let audit = tests::demo::sop();
    let read = |name: &str| -> anyhow::Result<Value> { Ok(serde_json::from_slice(&std::fs::read(audit.join(name))?)?) };
    let document = read("sop.json")?;
    let audit_step = document["steps"].as_array().and_then(|steps| steps.iter().find(|step| step["id"] == "price"));
    let mut step = audit_step.context("the store audit has no price step")?.clone();
    let members = step.as_object_mut().context("a step is an object")?;
    for member in ["when", "evidence", "min_seconds"] {
        members.remove(member);
    }
    members.insert("after".into(), json!([]));
    members.insert(
        "checks".into(),
        json!([{
            "code": "price.some", "that": "size(answers.skus) > 0 && answers.skus.all(s, s.shelf_price != '')",
            "message": "none", "pointer": "/skus", "effect": "reject",
        }]),
    );
    let audit_rule = step["rules"][0].clone();
    let fraud = |rule: &str| json!({"rule": rule});
    step["rules"] = match &judges.rules {
        Value::Null => json!([audit_rule, fraud("presence/clock_skew"), fraud("presence/mock_location")]),
        rules => rules.clone(),
    };
    let steps: Vec<Value> = (1..=judges.steps)
        .map(|number| {
            let mut step = step.clone();
            step["id"] = json!(format!("price_{number}"));
            step
        })
        .collect();
    let texts = read("texts.json")?;
    let names = ["price", "gtin", "currency"];
    let mut kept = texts.as_object().context("texts are an object")?.clone();
    kept.retain(|name, _| names.iter().any(|known| name == known || name.starts_with(&format!("{known}."))));
    kept.insert("none".into(), json!({"en": "No prices.", "zh-CN": "没有价格。"}));
    let parameters: serde_json::Map<String, Value> = ["price_min_ratio", "price_max_ratio"]
        .iter()
        .map(|name| ((*name).to_owned(), document["parameters"][*name].clone()))
        .collect();
    let sop = json!({
        "sop": "bench.prices", "version": "1.0.0", "title": {"en": "Prices", "zh-CN": "价格"}, "languages": ["en", "zh-CN"],
        "customer": {"types": ["place"], "fields": {"type": "object"}},
        "plugins": judges.plugins, "parameters": parameters, "texts": kept,
        "datasets": {"products": document["datasets"]["products"]},
        "steps": steps,
        "outcomes": [{"id": "completed", "title": {"en": "Completed", "zh-CN": "完成"}, "when": "true", "counts": "productive"}],
        "policy": document["policy"],
    });
    for part in ["forms", "datasets"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    std::fs::write(folder.join("sop.json"), serde_json::to_vec_pretty(&sop)?)?;
    for name in ["forms/price.json", "datasets/products.json"] {
        std::fs::copy(audit.join(name), folder.join(name))?;
    }
    let products = read("datasets/products.json")?;
    let rows = products["rows"].as_array().context("rows")?.clone();
    ensure!(rows.len() >= ROWS, "the dataset has {} products, {ROWS} are needed", rows.len());
    Ok(rows)
}

/// Prices of twenty products, each as recommended, and four of competitors.
fn answers(products: &[Value]) -> Value {
    let skus: Vec<Value> = products
        .iter()
        .take(ROWS)
        .map(|product| json!({"gtin": product["gtin"], "shelf_price": product["rrp"], "tag_present": true}))
        .collect();
    let competitors: Vec<Value> = products
        .iter()
        .take(4)
        .map(|product| json!({"brand": "Other", "pack": product["pack"], "unit": product["unit"], "price": product["rrp"], "promo": false}))
        .collect();
    json!({"skus": skus, "competitors": competitors, "currency": "CNY"})
}
