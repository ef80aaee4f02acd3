//! SOP versions over HTTP: a draft is linted, a published version never changes, a visit ends on the version it began on, and
//! `resolve` says which version is whose, and why.

use anyhow::Context as _;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::company::Company;
use tests::server::{Kind, Place, Server};

const DRAFT: &str = "/v1/sops/test.inspection/versions/1.1.0";

fn company(place: &Place) -> anyhow::Result<(Server, Company)> {
    let server = Server::start(place, &[], None)?;
    let company = Company::new(place, &server, "tnt_one")?;
    Ok((server, company))
}

/// 1.1.0: the form of `look` has one more field, which must be filled in.
fn newer() -> Value {
    let schema = json!({
        "type": "object", "required": ["count", "shade"], "additionalProperties": false,
        "properties": {
            "count": {"type": "integer", "maximum": 1_000_000, "x-absent": ["refused"]},
            "note": {"type": "string", "maxLength": 200, "x-personal": true},
            "shade": {"type": "string", "maxLength": 20},
        },
    });
    document(|sop| {
        sop["version"] = json!("1.1.0");
        sop["steps"][1]["form"]["schema"] = schema;
    })
}

fn document(change: impl FnOnce(&mut Value)) -> Value {
    let bytes = std::fs::read(tests::root().join("tests/sops/inspection.json")).unwrap_or_default();
    let mut sop: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    change(&mut sop);
    sop
}

fn pointers(problem: &Answer) -> Vec<&str> {
    let errors = problem.json.get("errors").and_then(Value::as_array).into_iter().flatten();
    errors.filter_map(|error| error.get("pointer")?.as_str()).collect()
}

#[test]
fn a_broken_draft_is_kept_but_not_published() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let mut broken = newer();
    broken["steps"][1]["form"]["schema"]["required"] = json!(["count", 7]);
    broken["steps"][1]["checks"][0]["that"] = json!("answers.count >");
    let linted = admin.request("POST", "/v1/sops/lint").json(&broken).send()?.expect(200)?;
    let problems = linted.json.get("problems").and_then(Value::as_array).context("problems")?;
    assert!(problems.len() >= 2, "{}", linted.json);
    admin.put(DRAFT, &broken)?.expect(200)?;
    let refused = admin.post(&format!("{DRAFT}/publish"), "cmd_publish-broken", &json!({}))?.expect(422)?;
    let said = pointers(&refused);
    for pointer in ["/steps/1/form/schema", "/steps/1/checks/0/that"] {
        assert!(said.iter().any(|said| said.starts_with(pointer)), "nothing at {pointer}: {}", refused.json);
    }
    let kept = admin.get(DRAFT)?.expect(200)?;
    assert_eq!(kept.json.pointer("/version/published"), Some(&json!(false)));
    Ok(())
}

#[test]
fn a_visit_ends_on_the_version_it_began_on() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let rep = company.as_("usr_rep")?;
    let version = |task: &str| -> anyhow::Result<Value> {
        Ok(rep
            .get(&format!("/v1/tasks/{task}"))?
            .expect(200)?
            .json
            .pointer("/task/sop_version")
            .cloned()
            .unwrap_or_default())
    };
    company.begun("tsk_before")?;
    admin.put(DRAFT, &newer())?.expect(200)?;
    admin.post(&format!("{DRAFT}/publish"), "cmd_publish-11", &json!({}))?.expect(200)?;
    company.begun("tsk_after")?;
    let look = |task, number, answers: Value| {
        company.verb("usr_rep", task, "submit", number, json!({"step": "look", "answers": answers}))
    };
    let rest = |task: &str| -> anyhow::Result<()> {
        company.verb("usr_rep", task, "submit", 4, json!({"step": "leave", "answers": {}}))?.expect(200)?;
        company.verb("usr_rep", task, "complete", 1, json!({}))?.expect(200)?;
        Ok(())
    };
    let form = |task: &str| -> anyhow::Result<bool> {
        let view = rep.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json;
        Ok(view.pointer("/steps/1/form/schema/properties/shade").is_some())
    };
    assert!(!form("tsk_before")? && form("tsk_after")?);
    // The one that began before has no such field, and does not know it.
    look("tsk_before", 2, json!({"count": 3, "shade": "green"}))?.expect(422)?;
    look("tsk_before", 3, json!({"count": 3}))?.expect(200)?;
    rest("tsk_before")?;
    let missing = look("tsk_after", 2, json!({"count": 3}))?.expect(422)?;
    assert!(pointers(&missing).iter().any(|pointer| pointer.ends_with("/shade")), "{}", missing.json);
    look("tsk_after", 3, json!({"count": 3, "shade": "green"}))?.expect(200)?;
    rest("tsk_after")?;
    assert_eq!((version("tsk_before")?, version("tsk_after")?), (json!("1.0.0"), json!("1.1.0")));
    for task in ["tsk_before", "tsk_after"] {
        let view = rep.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json;
        assert_eq!(view.pointer("/task/state"), Some(&json!("done")), "{view}");
    }
    Ok(())
}

/// What `resolve` answers: the version that won, and the code for each assignment.
fn resolved(company: &Company, user: &str, customer: &str) -> anyhow::Result<(String, Vec<(String, String)>)> {
    let path = format!("/v1/sops/resolve?user={user}&customer={customer}");
    let answer = company.as_("usr_admin")?.get(&path)?.expect(200)?.json;
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let considered = answer.get("considered").and_then(Value::as_array).context("considered")?;
    let mut why: Vec<(String, String)> =
        considered.iter().map(|one| (text(one, "/assignment"), text(one, "/why"))).collect();
    why.sort();
    Ok((text(&answer, "/winner/version"), why))
}

#[test]
fn one_team_gets_the_new_version_and_resolve_says_why() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let put = |path: &str, body: Value| admin.put(path, &body)?.expect(201);
    put("/v1/org-units/org_team", json!({"name": {"en": "Team", "zh-CN": "小组"}, "kind": "team", "parent": "org_a"}))?;
    put("/v1/users/usr_pilot", json!({"name": "Pilot", "org_unit": "org_team"}))?;
    put("/v1/grants/gra_pilot", json!({"user": "usr_pilot", "role": "rep", "org_unit": "org_a"}))?;
    admin.put(DRAFT, &newer())?.expect(200)?;
    let early = json!({"sop": "test.inspection", "versions": "=1.1.0", "org_unit": "org_team", "roles": ["rep"]});
    let refused = admin.put("/v1/sop-assignments/sas_team", &early)?.expect(422)?;
    assert_eq!(refused.code(), "sop.no_such_version", "a draft is nobody's: {}", refused.json);
    admin.post(&format!("{DRAFT}/publish"), "cmd_publish-11", &json!({}))?.expect(200)?;
    put("/v1/sop-assignments/sas_team", early)?;
    // Everybody else stays where they are.
    let before = admin.get("/v1/sop-assignments/sas_all")?.expect(200)?;
    let all =
        json!({"sop": "test.inspection", "versions": "=1.0.0", "roles": ["rep"], "customers": {"types": ["place"]}});
    let etag = before.header("etag").context("no ETag")?;
    admin.request("PUT", "/v1/sop-assignments/sas_all").header("if-match", etag).json(&all).send()?.expect(200)?;
    let why =
        |all: &str, team: &str| vec![("sas_all".to_owned(), all.to_owned()), ("sas_team".to_owned(), team.to_owned())];
    let (version, said) = resolved(&company, "usr_pilot", "cus_a")?;
    assert_eq!((version.as_str(), said), ("1.1.0", why("resolve.outranked", "resolve.wins")));
    let (version, said) = resolved(&company, "usr_rep", "cus_a")?;
    assert_eq!((version.as_str(), said), ("1.0.0", why("resolve.wins", "resolve.org_unit")));
    // It is what a visit is made with.
    let made = json!({"id": "tsk_rep", "customer": "cus_a", "origin": "ad_hoc"});
    let made = company.verb("usr_rep", "tsk_rep", "create", 1, made)?.expect(201)?;
    assert_eq!(made.json.pointer("/task/sop_version"), Some(&json!("1.0.0")));
    let planned = json!({"id": "tsk_pilot", "customer": "cus_a", "origin": "manager", "assignee": "usr_pilot"});
    let made = company.verb("usr_manager", "tsk_pilot", "create", 1, planned)?.expect(201)?;
    assert_eq!(made.json.pointer("/task/sop_version"), Some(&json!("1.1.0")));
    // A rep of another region is not told what the team has.
    let path = "/v1/sops/resolve?user=usr_rep-b&customer=cus_b";
    let answer = company.as_("usr_rep-b")?.get(path)?.expect(200)?;
    assert!(!answer.json.to_string().contains("team"), "{}", answer.json);
    Ok(())
}

#[test]
fn who_writes_says_what_they_saw() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let draft = |n: u32| {
        document(|sop| {
            sop["version"] = json!("1.1.0");
            sop["steps"][1]["min_seconds"] = json!(n);
        })
    };
    let customer = |n: u32| json!({"type": "place", "name": format!("Place {n}"), "time_zone": "Asia/Shanghai", "org_unit": "org_a", "status": "active", "fields": {"size": 3}});
    admin.put(DRAFT, &draft(1))?.expect(200)?;
    for (path, first, second) in [(DRAFT, draft(2), draft(3)), ("/v1/customers/cus_a", customer(2), customer(3))] {
        let etag = admin.get(path)?.expect(200)?.header("etag").context("no ETag")?.to_owned();
        let put = |etag: &str, body: &Value| admin.request("PUT", path).header("if-match", etag).json(body).send();
        let unseen = admin.put(path, &first)?.expect(428)?;
        assert_eq!(unseen.code(), "version.unseen", "{path}");
        for stale in ["\"9\"", "\"0\"", "\"x\"", "W/\"1\""] {
            assert_eq!(put(stale, &first)?.expect(412)?.code(), "version.stale", "{path} {stale}");
        }
        let changed = put(&etag, &first)?.expect(200)?;
        assert_ne!(changed.header("etag"), Some(etag.as_str()), "{path}");
        put(&etag, &second)?.expect(412)?;
        // The same again is no change, whoever saw what.
        let same = admin.put(path, &first)?.expect(200)?;
        assert_eq!(same.header("etag"), changed.header("etag"), "{path}");
    }
    Ok(())
}

#[test]
fn what_is_published_never_changes() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let (_server, company) = company(&place)?;
    let admin = company.as_("usr_admin")?;
    let path = "/v1/sops/test.inspection/versions/1.0.0";
    let before = admin.get(path)?.expect(200)?;
    let etag = before.header("etag").context("no ETag")?;
    let other = document(|sop| sop["steps"][1]["min_seconds"] = json!(1));
    for body in [other, document(|sop| sop["title"]["en"] = json!("Other"))] {
        let refused = admin.request("PUT", path).header("if-match", etag).json(&body).send()?.expect(409)?;
        assert_eq!(refused.code(), "version.published");
    }
    let again = admin.post(&format!("{path}/publish"), "cmd_publish-again", &json!({}))?.expect(200)?;
    assert_eq!(again.header("etag"), Some(etag), "publishing again changes nothing");
    assert_eq!(admin.get(path)?.expect(200)?.json.get("document"), before.json.get("document"));
    let misnamed = admin.put("/v1/sops/test.inspection/versions/9.9.9", &newer())?.expect(422)?;
    assert_eq!(pointers(&misnamed), ["/version"], "{}", misnamed.json);
    Ok(())
}
