//! A fourth industry, which no line of the program knows: its folder and its plugin are all there is. It goes the way of
//! every SOP: published and assigned over the API, visited through the client, reported, verified, judged from a file.
//!
//! `tests/fourth/visits.json` tells its visits; over HTTP and in the recorded file they are the same commands.

use crate::day::sopwith;
use anyhow::Context as _;
use engine::canon::sha256_hex;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tests::client::Client;
use tests::company::Company;
use tests::demo::text as path_text;
use tests::png::{self, Pixel};
use tests::server::{Kind, Place, Server};

const TENANT: &str = "tnt_fourth";
const SOP: &str = "/v1/sops/bank.branch-inspection/versions/1.0.0";
/// Milliseconds of 2026-03-18T00:00:00+08:00.
const MIDNIGHT_MS: i64 = 1_773_763_200_000;

fn folder() -> PathBuf {
    tests::root().join("tests/fourth")
}

fn read(name: &str) -> anyhow::Result<Value> {
    let bytes = std::fs::read(folder().join(name)).with_context(|| name.to_owned())?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// One thing a phone sends.
struct Sent {
    verb: &'static str,
    body: Value,
    /// Seconds since midnight.
    at_s: i64,
    /// What is uploaded with it.
    photos: Vec<Vec<u8>>,
    /// It must be refused.
    refused: bool,
}

/// A visit as its phone sends it.
fn commands(visit: &Value, customer: &Value) -> anyhow::Result<Vec<Sent>> {
    let name = text(visit, "/visit");
    let (hour, minute) = text(visit, "/starts").split_once(':').context("starts")?;
    let starts_s = hour.parse::<i64>()? * 3600 + minute.parse::<i64>()? * 60;
    let sent = |verb, body, at_s| Sent { verb, body, at_s, photos: Vec::new(), refused: false };
    let create = json!({"customer": customer["id"], "origin": "ad_hoc"});
    let mut all = vec![sent("create", create, starts_s - 120), sent("start", json!({}), starts_s - 60)];
    let mut last_s = starts_s;
    for step in list(visit, "/steps") {
        last_s = starts_s + step["after_s"].as_i64().context("after_s")?;
        let mut body = json!({"step": step["step"], "answers": step["answers"]});
        if let Some(instance) = step.get("instance") {
            body["instance"] = instance.clone();
        }
        if ["arrival", "departure"].contains(&text(step, "/step")) {
            body["position"] = json!({"lat": 30.0002, "lon": 104.0001, "crs": "wgs84", "accuracy_m": 12, "age_s": 1, "mock": false, "provider": "gps"});
        }
        if let Some(answers) = step.get("first_try") {
            let mut first = body.clone();
            first["answers"] = answers.clone();
            all.push(Sent { refused: true, ..sent("submit", first, last_s - 60) });
        }
        let mut photos = Vec::new();
        for (requirement, count) in step.get("photos").and_then(Value::as_object).into_iter().flatten() {
            for number in 0..count.as_u64().context("photos")? {
                // A picture of its own: as many grey pixels as no other has.
                let sides = 16 + u32::try_from(all.len())? + u32::try_from(number)?;
                let width = 16 + u32::from(name.as_bytes().last().copied().unwrap_or_default());
                let bytes = png::black(width, sides, Pixel::Grey8);
                let evidence = json!({
                    "requirement": requirement, "sha256": sha256_hex(&bytes), "kind": "photo",
                    "class": class_of(text(step, "/step"), requirement)?, "live": true, "captured": times(last_s - 20),
                });
                photos.push((evidence, bytes));
            }
        }
        if !photos.is_empty() {
            body["evidence"] = photos.iter().map(|(evidence, _)| evidence.clone()).collect();
        }
        let photos = photos.into_iter().map(|(_, bytes)| bytes).collect();
        all.push(Sent { photos, ..sent("submit", body, last_s) });
    }
    all.push(sent("complete", json!({}), last_s + 30));
    Ok(all)
}

/// The class of an evidence requirement, as the SOP says it.
fn class_of(step: &str, requirement: &str) -> anyhow::Result<Value> {
    let sop = read("sop.json")?;
    let found = list(&sop, "/steps")
        .filter(|known| text(known, "/id") == step)
        .flat_map(|known| list(known, "/evidence"))
        .find(|known| text(known, "/id") == requirement);
    Ok(found.with_context(|| format!("{step} has no `{requirement}`"))?["class"].clone())
}

fn times(at_s: i64) -> Value {
    json!({"wall": engine::time::format_utc(MIDNIGHT_MS + at_s * 1000), "monotonic_ms": at_s * 1000, "boot": "boot-1"})
}

/// The visits as `sopwith judge` reads them.
fn recorded(visits: &Value, customer: &Value) -> anyhow::Result<String> {
    let mut record = customer.clone();
    record["record"] = json!("customer");
    record["revision"] = json!(1);
    let mut lines = vec![record];
    for visit in list(visits, "/visits") {
        let name = text(visit, "/visit");
        for (number, sent) in commands(visit, customer)?.into_iter().enumerate() {
            let received = engine::time::format_utc(MIDNIGHT_MS + sent.at_s * 1000 + 900);
            for photo in &sent.photos {
                lines.push(json!({"record": "evidence", "sha256": sha256_hex(photo), "received": received}));
            }
            let mut at = times(sent.at_s);
            at["received"] = json!(received);
            lines.push(json!({
                "record": "command", "id": format!("cmd_{name}-{number}"), "user": "usr_rep", "device": "dev_test",
                "task": format!("tsk_{name}"), "at": at, "verb": sent.verb, "body": sent.body,
            }));
        }
    }
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// What is expected, as `sopwith judge --expect` reads it.
fn expected(visits: &Value) -> Value {
    list(visits, "/visits")
        .map(|visit| {
            let mut row = visit["expect"].clone();
            row["visit"] = json!(format!("vis_{}", text(visit, "/visit")));
            row["title"] = json!({"en": visit["about"]});
            row
        })
        .collect()
}

/// Everything the industry brings, over the API.
fn furnish(company: &Company, customer: &Value) -> anyhow::Result<()> {
    let admin = company.as_("usr_admin")?;
    let put = |path: &str, body: &Value, status| admin.put(path, body)?.expect(status).with_context(|| path.to_owned());
    let component = std::fs::read(tests::built("SOPWITH_PLUGINS")?.join("bank.wasm"))?;
    let presence = std::fs::read(tests::built("SOPWITH_PLUGINS")?.join("presence.wasm"))?;
    for (id, bytes) in [("cmd_plugin-1", component), ("cmd_plugin-2", presence)] {
        admin.request("POST", "/v1/plugins").command(id).bytes(bytes, "application/wasm").send()?.expect(201)?;
    }
    let document = included(read("sop.json")?)?;
    let limits = read("datasets/cash_limits.json")?;
    put(&format!("/v1/datasets/cash_limits/versions/{}", text(&limits, "/version")), &limits, 200)?;
    put(SOP, &document, 200)?;
    admin.post(&format!("{SOP}/publish"), "cmd_publish-fourth", &json!({}))?.expect(200)?;
    let name = json!({"en": "Branch", "zh-CN": "网点"});
    put(
        "/v1/customer-types/cty_branch",
        &json!({"type": "branch", "title": name, "schema": document["customer"]["fields"]}),
        201,
    )?;
    let id = text(customer, "/id");
    put(
        &format!("/v1/customers/{id}"),
        &json!({"type": "branch", "name": customer["name"], "time_zone": customer["time_zone"], "org_unit": "org_a", "status": "active", "fields": customer["fields"]}),
        201,
    )?;
    let mut location = customer["location"].clone();
    let at = text(&location, "/id").to_owned();
    location.as_object_mut().context("location")?.remove("id");
    location["customer"] = customer["id"].clone();
    location["source"] = json!("survey");
    put(&format!("/v1/locations/{at}"), &location, 201)?;
    let assignment = json!({"sop": "bank.branch-inspection", "versions": "^1.0", "roles": ["rep"], "customers": {"types": ["branch"]}});
    put("/v1/sop-assignments/sas_branch", &assignment, 201)?;
    Ok(())
}

/// The document with its `$include`s replaced.
fn included(value: Value) -> anyhow::Result<Value> {
    match value {
        Value::Object(members) => match members.get("$include").and_then(Value::as_str) {
            Some(name) => read(name),
            None => members.into_iter().map(|(name, member)| Ok((name, included(member)?))).collect(),
        },
        Value::Array(items) => items.into_iter().map(included).collect(),
        scalar => Ok(scalar),
    }
}

/// Sends a visit as its phone does; what was refused, by code.
fn send(rep: &Client, visit: &Value, customer: &Value) -> anyhow::Result<Vec<String>> {
    let task = format!("tsk_{}", text(visit, "/visit"));
    let mut refused = Vec::new();
    for (number, mut sent) in commands(visit, customer)?.into_iter().enumerate() {
        for photo in sent.photos {
            let path = format!("/v1/evidence/{}", sha256_hex(&photo));
            rep.request("PUT", &path).bytes(photo, "image/png").send()?.expect(201)?;
        }
        if sent.verb == "create" {
            sent.body["id"] = json!(task);
        }
        let path =
            if sent.verb == "create" { "/v1/tasks".to_owned() } else { format!("/v1/tasks/{task}/{}", sent.verb) };
        let body = json!({"device": "dev_test", "at": times(sent.at_s), "body": sent.body});
        let answer = rep.post(&path, &format!("cmd_{}-{number}", text(visit, "/visit")), &body)?;
        if sent.refused {
            let answer = answer.expect(422)?;
            refused.extend(list(&answer.json, "/errors").map(|error| text(error, "/code").to_owned()));
        } else {
            answer.expect(if sent.verb == "create" { 201 } else { 200 })?;
        }
    }
    Ok(refused)
}

#[test]
fn a_fourth_industry_is_served_without_a_line_of_code() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, TENANT)?;
    let (visits, customers) = (read("visits.json")?, read("customers.json")?);
    let customer = customers.pointer("/0").context("a customer")?;
    furnish(&company, customer)?;
    let (rep, manager) = (company.as_("usr_rep")?, company.as_("usr_manager")?);
    let operator = company.tokens.get("usr_admin").context("admin")?;
    for visit in list(&visits, "/visits") {
        let ends_s = commands(visit, customer)?.last().context("commands")?.at_s;
        server.clock(operator, &engine::time::format_utc(MIDNIGHT_MS + (ends_s + 5) * 1000))?;
        let refused = send(&rep, visit, customer)?;
        let task = format!("/v1/tasks/tsk_{}", text(visit, "/visit"));
        let view = manager.get(&task)?.expect(200)?.json;
        for member in ["decision", "validity", "outcome"] {
            let there = view.pointer(&format!("/task/{member}"));
            assert_eq!(there, visit.pointer(&format!("/expect/{member}")), "{task} {member}: {view}");
        }
        for code in list(visit, "/expect/codes").filter_map(Value::as_str) {
            let found = view.to_string().contains(&format!("\"{code}\"")) || refused.iter().any(|known| known == code);
            assert!(found, "{task}: no `{code}` in {view}");
        }
        for (language, words) in
            [("en", ["Branch inspection", "Inspection score"]), ("zh-CN", ["网点检查", "检查得分"])]
        {
            let page = manager.get(&format!("{task}/report?language={language}"))?.expect(200)?;
            let page = String::from_utf8_lossy(&page.bytes).into_owned();
            assert!(words.iter().all(|word| page.contains(word)), "{task} {language}");
        }
    }
    let follow_ups = manager.get("/v1/tasks?kind=follow_up&state=open")?.expect(200)?;
    assert_eq!(list(&follow_ups.json, "/items").count(), 2, "{}", follow_ups.json);
    place.verify(TENANT)
}

#[test]
fn a_fourth_industry_is_judged_and_verified_from_a_file() -> anyhow::Result<()> {
    let temp = tempfile::tempdir()?;
    let (visits, customers) = (read("visits.json")?, read("customers.json")?);
    let customer = customers.pointer("/0").context("a customer")?;
    let file = |name: &str, text: String| -> anyhow::Result<PathBuf> {
        let file = temp.path().join(name);
        std::fs::write(&file, text)?;
        Ok(file)
    };
    let recorded = file("visits.jsonl", recorded(&visits, customer)?)?;
    let expected = file("expected.json", expected(&visits).to_string())?;
    let (log, plugins) = (temp.path().join("log.jsonl"), tests::built("SOPWITH_PLUGINS")?);
    let must = |arguments: &[&str]| -> anyhow::Result<()> {
        let output = sopwith(arguments)?;
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
        Ok(())
    };
    let sop = folder();
    let [sop, recorded, expected, log, plugins] = [&sop as &Path, &recorded, &expected, &log, &plugins].map(path_text);
    let (sop, plugins, log) = (sop?, plugins?, log?);
    let pages = temp.path().join("pages");
    must(&["sop", "lint", sop, "--plugins", plugins])?;
    let judge = ["judge", sop, "--visits", recorded?, "--plugins", plugins, "--expect", expected?, "--log", log];
    must(&[&judge as &[&str], &["--report", path_text(&pages)?, "--language", "zh-CN"]].concat())?;
    let page = std::fs::read_to_string(pages.join("vis_harbour-2.html"))?;
    for said in ["澜江银行港湾路支行", "实点与账面相差 -100.00 元", "现金账实不符", "检查得分"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("周敏"), "who counted is personal");
    must(&["verify", log])
}
