//! Tasks found, and what time and repetition do to them: filters, counts and cursors; missed, overdue and forgotten; the same
//! command twice.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::company::{Company, envelope};
use tests::server::{Kind, Place, Server};

#[derive(Deserialize)]
struct Table {
    tasks: Vec<Value>,
    queries: BTreeMap<String, Vec<String>>,
}

fn company(place: &Place) -> anyhow::Result<(Server, Company)> {
    let server = Server::start(place, &[], None)?;
    let company = Company::new(place, &server, "tnt_one")?;
    Ok((server, company))
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    page.get("items").and_then(Value::as_array).into_iter().flatten().map(|task| text(task, "/id")).collect()
}

#[test]
fn tasks_are_found_by_every_field() -> anyhow::Result<()> {
    let table: Table = serde_json::from_slice(&std::fs::read(tests::root().join("tests/data/tasks.json"))?)?;
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    for body in &table.tasks {
        company.verb("usr_admin", &text(body, "/id"), "create", 1, body.clone())?.expect(201)?;
    }
    company.visited("tsk_done", 3)?;
    let admin = company.as_("usr_admin")?;
    for (query, expected) in &table.queries {
        let page = admin.get(&format!("/v1/tasks?counts=true&{query}"))?.expect(200)?.json;
        let mut found = ids(&page);
        found.sort();
        assert_eq!(&found, expected, "{query}");
        let counts = page.get("counts").and_then(Value::as_object).context("counts")?;
        let counted: u64 = counts.values().filter_map(Value::as_u64).sum();
        assert_eq!(counted, expected.len() as u64, "{query}: {counts:?}");
    }
    let counts = admin.get("/v1/tasks?counts=true&limit=1")?.expect(200)?.json;
    assert_eq!(counts.get("counts"), Some(&json!({"open": 4, "done": 1})), "of all, not of the page");
    // A filter only ever takes away from what one may see.
    let seen = ids(&company.as_("usr_rep")?.get("/v1/tasks?assignee=usr_rep,usr_admin&kind=approval,visit")?.json);
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(ids(&company.as_("usr_manager-b")?.get("/v1/tasks?org_unit=org_a")?.expect(200)?.json).is_empty());
    for wrong in ["due_before=soon", "limit=0", "limit=201", "limit=x", "after=x", "counts=perhaps"] {
        let answer = admin.get(&format!("/v1/tasks?{wrong}"))?.expect(400)?;
        assert!(!answer.code().is_empty(), "{wrong}");
    }
    Ok(())
}

#[test]
fn a_cursor_walks_everything_once_even_while_tasks_come() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (server, company) = company(&place)?;
    let make = |task: &str| {
        let body = json!({"id": task, "kind": "follow_up", "title": {"en": "x", "zh-CN": "x"}, "origin": "manager", "assignee": "usr_rep"});
        company.verb("usr_manager", task, "create", 1, body)?.expect(201)
    };
    let operator = company.tokens.get("usr_operator").context("operator")?;
    // Many of the same moment: the cursor must tell them apart.
    let mut made: Vec<String> = (0..11).map(|n| format!("tsk_walk-{n:02}")).collect();
    for (index, task) in made.iter().enumerate() {
        if index % 4 == 0 {
            server.clock(operator, &format!("2026-03-18T01:00:{:02}Z", 10 + index))?;
        }
        make(task)?;
    }
    let rep = company.as_("usr_rep")?;
    for limit in [1, 2, 3, 10, 11, 200] {
        let (mut walked, mut after) = (Vec::new(), String::new());
        loop {
            let page = rep.get(&format!("/v1/tasks?limit={limit}{after}"))?.expect(200)?.json;
            walked.extend(ids(&page));
            // Newer ones come before the first page and disturb no walk.
            if limit == 2 && walked.len() == 4 {
                server.clock(operator, "2026-03-18T01:05:00Z")?;
                make("tsk_late")?;
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        walked.sort();
        assert_eq!(walked, made, "limit {limit}");
        if limit == 2 {
            made.insert(0, "tsk_late".into());
        }
    }
    Ok(())
}

#[test]
fn time_alone_marks_closes_and_misses() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (server, company) = company(&place)?;
    let operator = company.tokens.get("usr_operator").context("operator")?;
    let view = |task: &str| company.as_("usr_rep")?.get(&format!("/v1/tasks/{task}"))?.expect(200);
    let window = json!({"from": "2026-03-18T02:00:00Z", "to": "2026-03-18T04:00:00Z"});
    let plan =
        json!({"id": "tsk_plan", "customer": "cus_a", "origin": "manager", "assignee": "usr_rep", "planned": window});
    company.verb("usr_manager", "tsk_plan", "create", 1, plan)?.expect(201)?;
    let call = json!({"id": "tsk_call", "kind": "follow_up", "title": {"en": "Call", "zh-CN": "致电"}, "origin": "manager", "assignee": "usr_rep", "due": "2026-03-18T03:00:00Z"});
    company.verb("usr_manager", "tsk_call", "create", 1, call)?.expect(201)?;
    company.begun("tsk_forgotten")?;
    let closes_at = text(&view("tsk_forgotten")?.json, "/task/closes_at");
    assert_eq!(closes_at, "2026-03-18T11:00:00.000Z", "ten hours after the last sign of life");
    server.clock(operator, "2026-03-18T02:59:59Z")?;
    assert_eq!(view("tsk_call")?.json.pointer("/task/overdue"), Some(&json!(false)));
    server.clock(operator, "2026-03-18T03:00:00Z")?;
    let overdue = view("tsk_call")?.json;
    assert_eq!((overdue.pointer("/task/overdue"), text(&overdue, "/task/state")), (Some(&json!(true)), "open".into()));
    server.clock(operator, "2026-03-18T04:00:00Z")?;
    assert_eq!(text(&view("tsk_plan")?.json, "/task/state"), "missed");
    server.clock(operator, "2026-03-18T10:59:59Z")?;
    assert_eq!(text(&view("tsk_forgotten")?.json, "/task/state"), "in_progress");
    server.clock(operator, "2026-03-18T11:00:00Z")?;
    let closed = view("tsk_forgotten")?.json;
    assert_eq!((text(&closed, "/task/state"), text(&closed, "/task/outcome")), ("done".into(), "abandoned".into()));
    // What was done before that and arrives after it opens the visit again.
    let submit = json!({"step": "look", "answers": {"count": 1}});
    company.verb("usr_rep", "tsk_forgotten", "submit", 2, submit)?.expect(200)?;
    assert_eq!(text(&view("tsk_forgotten")?.json, "/task/state"), "in_progress");
    // What is done later does not.
    server.clock(operator, "2026-03-18T21:00:00Z")?;
    server.clock(operator, "2026-03-18T22:30:00Z")?;
    let mut late = envelope(json!({"step": "leave", "answers": {}}));
    late["at"] = json!({"wall": "2026-03-19T06:00:00+08:00", "monotonic_ms": 90_000_000, "boot": "boot-1"});
    let late = company.as_("usr_rep")?.post("/v1/tasks/tsk_forgotten/submit", "cmd_late", &late)?.expect(422)?;
    assert_eq!(late.code(), "task.not_possible");
    // Each marked once, whatever the clock does.
    let version = view("tsk_call")?.header("etag").map(str::to_owned);
    server.clock(operator, "2026-03-19T00:00:00Z")?;
    assert_eq!(view("tsk_call")?.header("etag").map(str::to_owned), version);
    // Late work counts: a missed visit may still be begun.
    company.verb("usr_rep", "tsk_plan", "start", 1, json!({}))?.expect(200)?;
    assert_eq!(text(&view("tsk_plan")?.json, "/task/state"), "in_progress");
    Ok(())
}

#[test]
fn a_command_is_carried_out_once() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    company.begun("tsk_once")?;
    let rep = company.as_("usr_rep")?;
    let send = |id: &str, verb: &str, body: Value| rep.post(&format!("/v1/tasks/tsk_once/{verb}"), id, &envelope(body));
    let look = |count: i64| json!({"step": "look", "answers": {"count": count}});
    let stream = || rep.get("/v1/streams/vis_once/events?limit=200");
    for (id, body, status) in [("cmd_bad", look(-1), 422), ("cmd_good", look(3), 200)] {
        let first = send(id, "submit", body.clone())?.expect(status)?;
        let events = stream()?.json;
        let again = send(id, "submit", body)?.expect(status)?;
        let without = |answer: &Value| {
            let mut answer = answer.clone();
            answer.as_object_mut().map(|members| members.remove("request_id"));
            answer
        };
        assert_eq!(without(&first.json), without(&again.json));
        assert_eq!(first.header("etag"), again.header("etag"));
        assert_eq!(stream()?.json, events, "nothing happened again");
        let other = send(id, "submit", look(4))?.expect(422)?;
        assert_eq!(other.code(), "command.reused");
        let other = send(id, "save_draft", look(3))?.expect(422)?;
        assert_eq!(other.code(), "command.reused", "another verb is another command");
        assert_eq!(stream()?.json, events);
    }
    // Ids are the actor's own.
    let comment = json!({"text": "mine"});
    company.as_("usr_manager")?.post("/v1/tasks/tsk_once/comment", "cmd_good", &comment)?.expect(200)?;
    for wrong in ["cmd_", "x", "cmd_A", "CMD_a"] {
        assert_eq!(send(wrong, "complete", json!({}))?.expect(400)?.code(), "command.id");
    }
    let none = rep.request("POST", "/v1/tasks/tsk_once/complete").json(&envelope(json!({}))).send()?.expect(400)?;
    assert_eq!(none.code(), "command.id_missing");
    Ok(())
}

#[test]
fn a_token_is_shown_once_and_works_until_it_is_revoked() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let make = |label: &str| admin.post("/v1/users/usr_rep/tokens", "cmd_token", &json!({"label": label}));
    let made = make("phone")?.expect(201)?.json;
    let token = text(&made, "/token");
    assert!(token.starts_with("swt_") && token.len() == 47, "{token}");
    let again = make("phone")?.expect(201)?.json;
    assert_eq!((text(&again, "/id"), text(&again, "/token")), (text(&made, "/id"), String::new()), "shown once");
    assert_eq!(make("tablet")?.expect(422)?.code(), "command.reused");
    let phone = server.as_(&token);
    assert_eq!(text(&phone.get("/v1/me")?.expect(200)?.json, "/user"), "usr_rep");
    let events = admin.get("/v1/streams/tnt_one/events?limit=200")?.expect(200)?;
    assert!(!String::from_utf8_lossy(&events.bytes).contains(&token), "the audit trail knows no token");
    // Anybody gives up their own.
    phone.request("DELETE", &format!("/v1/tokens/{}", text(&made, "/id"))).send()?.expect(204)?;
    let refused = phone.get("/v1/me")?.expect(401)?;
    assert_eq!((refused.code(), refused.header("www-authenticate")), ("token.revoked", Some("Bearer")));
    let ends = json!({"label": "short", "expires_at": "2026-03-18T01:00:30Z"});
    let short =
        server.as_(&text(&admin.post("/v1/users/usr_rep/tokens", "cmd_short", &ends)?.expect(201)?.json, "/token"));
    short.get("/v1/me")?.expect(200)?;
    server.clock(company.tokens.get("usr_operator").context("operator")?, "2026-03-18T01:00:30Z")?;
    assert_eq!(short.get("/v1/me")?.expect(401)?.code(), "token.expired");
    Ok(())
}
