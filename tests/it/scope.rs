//! Roles hold where they were granted and nowhere else: nobody rises above what they have, and a role in one region means
//! nothing in another.

use anyhow::ensure;
use serde::Deserialize;
use serde_json::{Value, json};
use tests::company::Company;
use tests::server::{Kind, Place, Server};

#[derive(Deserialize)]
struct Try {
    as_: String,
    method: String,
    path: String,
    body: Value,
    #[serde(default)]
    saw: Option<u64>,
    status: u16,
    code: String,
}

#[test]
fn nobody_gets_more_than_they_have() -> anyhow::Result<()> {
    let tries: Vec<Try> = serde_json::from_slice(&std::fs::read(tests::root().join("tests/data/scope.json"))?)?;
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_one")?;
    for (index, one) in tries.iter().enumerate() {
        let mut request = company.as_(&one.as_)?.request(&one.method, &one.path).json(&one.body);
        if one.method == "POST" {
            request = request.command(&format!("cmd_try-{index}"));
        }
        if let Some(saw) = one.saw {
            request = request.saw(saw);
        }
        let answer = request.send()?;
        ensure!(
            (answer.status, answer.code()) == (one.status, one.code.as_str()),
            "{} {} {}: {} instead of {} {}",
            one.as_,
            one.method,
            one.path,
            answer.json,
            one.status,
            one.code
        );
    }
    Ok(())
}

#[test]
fn a_role_in_one_region_means_nothing_in_another() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let mut company = Company::new(&place, &server, "tnt_one")?;
    let admin = company.as_("usr_admin")?;
    admin.put("/v1/users/usr_both", &json!({"name": "Both", "org_unit": "org_a"}))?.expect(201)?;
    for (grant, role, unit) in [("gra_both-a", "rep", "org_a"), ("gra_both-b", "manager", "org_b")] {
        let body = json!({"user": "usr_both", "role": role, "org_unit": unit});
        admin.put(&format!("/v1/grants/{grant}"), &body)?.expect(201)?;
    }
    let made = admin.post("/v1/users/usr_both/tokens", "cmd_both", &json!({"label": "test"}))?.expect(201)?;
    let token = made.json.get("token").and_then(Value::as_str).unwrap_or_default().to_owned();
    company.tokens.insert("usr_both".into(), token);
    let both = company.as_("usr_both")?;
    // A rep's customers and a manager's: both regions.
    let seen = both.get("/v1/customers")?.expect(200)?.json;
    assert_eq!(seen.get("items").and_then(Value::as_array).map(Vec::len), Some(2), "{seen}");
    // Their own task in region A is theirs to do, not to give away.
    let body = json!({"id": "tsk_own", "customer": "cus_a", "origin": "manager", "assignee": "usr_both"});
    let planned = company.verb("usr_manager", "tsk_own", "create", 1, body)?.expect(201)?;
    let version = planned.json.pointer("/task/version").and_then(Value::as_u64).unwrap_or_default();
    let assign = both.request("POST", "/v1/tasks/tsk_own/assign").command("cmd_away").saw(version);
    let refused = assign.json(&json!({"assignee": "usr_rep-b"})).send()?.expect(422)?;
    assert_eq!(refused.code(), "task.not_allowed", "{}", refused.json);
    // A colleague's visit there is neither seen nor reviewed.
    company.visited("tsk_other", 500)?;
    both.get("/v1/tasks/tsk_other")?.expect(404)?;
    let review = both.get("/v1/tasks?kind=review")?.expect(200)?.json;
    assert_eq!(review.get("items"), Some(&json!([])));
    let approve = both.request("POST", "/v1/tasks/tsk_other/approve").command("cmd_approve").saw(1);
    approve.json(&tests::company::envelope(json!({}))).send()?.expect(404)?;
    // Nor is it started: a visit is begun by the rep it is planned for.
    let body = json!({"id": "tsk_hers", "customer": "cus_a", "origin": "manager", "assignee": "usr_rep"});
    company.verb("usr_manager", "tsk_hers", "create", 1, body)?.expect(201)?;
    company.verb("usr_both", "tsk_hers", "start", 1, json!({}))?.expect(404)?;
    Ok(())
}

#[test]
fn a_manager_who_is_also_a_rep_does_not_start_what_is_planned_for_others() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_one")?;
    let grant = json!({"user": "usr_manager", "role": "rep", "org_unit": "org_a"});
    company.as_("usr_admin")?.put("/v1/grants/gra_also-rep", &grant)?.expect(201)?;
    let body = json!({"id": "tsk_hers", "customer": "cus_a", "origin": "manager", "assignee": "usr_rep"});
    company.verb("usr_manager", "tsk_hers", "create", 1, body)?.expect(201)?;
    let refused = company.verb("usr_manager", "tsk_hers", "start", 1, json!({}))?.expect(422)?;
    assert_eq!(refused.code(), "task.not_yours");
    company.verb("usr_rep", "tsk_hers", "start", 2, json!({}))?.expect(200)?;
    // What a manager reads of somebody else's visit is on record.
    company
        .verb(
            "usr_rep",
            "tsk_hers",
            "submit",
            1,
            json!({"step": "arrive", "answers": {}, "position": tests::company::position()}),
        )?
        .expect(200)?;
    let reads = || -> anyhow::Result<usize> {
        let page = company.as_("usr_admin")?.get("/v1/streams/tnt_one/events?limit=200")?.expect(200)?.json;
        Ok(page.to_string().matches("\"personal_read\"").count())
    };
    let before = reads()?;
    company.as_("usr_manager")?.get("/v1/tasks/tsk_hers")?.expect(200)?;
    company.as_("usr_rep")?.get("/v1/tasks/tsk_hers")?.expect(200)?;
    company.as_("usr_ops")?.get("/v1/tasks/tsk_hers")?.expect(200)?;
    assert_eq!(reads()?, before + 1);
    Ok(())
}
