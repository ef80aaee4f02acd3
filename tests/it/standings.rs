//! How reps stand beside their peers, over HTTP: worked out when a day is over, told to the rules of the next visits, and proved.
//! Who scores far above everybody else and never misses anything is asked about it; who scores as others do is not.

use anyhow::Context as _;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::company::{Company, position};
use tests::demo::text;
use tests::server::{Kind, Place, Server};

const PEERS: [&str; 4] = ["usr_one", "usr_two", "usr_three", "usr_four"];
const FIRST_DAY: &str = "2026-03-18T01:00:00Z";
const NEXT_DAY: &str = "2026-03-19T01:00:00Z";

/// The company with four more reps, and its SOP with a score and the rule bound.
fn company(place: &Place, server: &Server) -> anyhow::Result<Company> {
    let mut company = Company::new(place, server, "tnt_standing")?;
    let admin = company.tokens.get("usr_admin").context("admin")?.clone();
    let answers = tests::built("SOPWITH_PLUGINS")?.join("answers.wasm");
    let url = server.client.url.as_str();
    place.must(&["plugin", "upload", text(&answers)?, "--server", url, "--token", &admin])?;
    let client = server.as_(&admin);
    for user in PEERS {
        client.put(&format!("/v1/users/{user}"), &json!({"name": user, "org_unit": "org_a"}))?.expect(201)?;
        let grant = json!({"user": user, "role": "rep", "org_unit": "org_a"});
        client.put(&format!("/v1/grants/{}", user.replacen("usr_", "gra_", 1)), &grant)?.expect(201)?;
        let command = user.replacen("usr_", "cmd_token-", 1);
        let made =
            client.post(&format!("/v1/users/{user}/tokens"), &command, &json!({"label": "test"}))?.expect(201)?;
        let token = made.json.get("token").and_then(Value::as_str).context("token")?;
        company.tokens.insert(user.to_owned(), token.to_owned());
    }
    let part = |id: &str, value: &str| json!({"id": id, "title": {"en": id, "zh-CN": id}, "value": value});
    let parts = [
        part("full", "steps.look.answers.count >= 50 ? 1.0 : 0.9"),
        part("amount", "double(steps.look.answers.count) / 100.0"),
    ];
    let config = json!({"always_full": ["full"], "min_visits": 5, "min_peers": 4});
    company.publish(
        "1.1.0",
        &json!({
            "plugins": {"answers": "^1"},
            "rules": [{"rule": "answers/outstanding_scores", "config": config}],
            "score": {"root": {"id": "total", "title": {"en": "Total", "zh-CN": "总分"}, "nodes": parts}},
        }),
    )?;
    Ok(company)
}

/// A whole visit by a rep on a day; its count is what it scores.
fn visit(company: &Company, user: &str, (task, now): (&str, &str), count: u32) -> anyhow::Result<()> {
    let sent = |number: u32, verb: &str, body: Value| -> anyhow::Result<Answer> {
        let id = format!("cmd_{}-{number}", task.trim_start_matches("tsk_"));
        let path = if verb == "create" { "/v1/tasks".to_owned() } else { format!("/v1/tasks/{task}/{verb}") };
        let at = json!({"wall": now, "monotonic_ms": 1000, "boot": "boot-1"});
        company.as_(user)?.post(&path, &id, &json!({"device": "dev_test", "at": at, "body": body}))
    };
    sent(0, "create", json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}))?.expect(201)?;
    sent(1, "start", json!({}))?.expect(200)?;
    sent(2, "submit", json!({"step": "arrive", "answers": {}, "position": position()}))?.expect(200)?;
    sent(3, "submit", json!({"step": "look", "answers": {"count": count}}))?.expect(200)?;
    sent(4, "submit", json!({"step": "leave", "answers": {}}))?.expect(200)?;
    sent(5, "complete", json!({}))?.expect(200)?;
    Ok(())
}

/// Findings of the rule in a visit.
fn found(company: &Company, task: &str) -> anyhow::Result<Vec<Value>> {
    let view = company.as_("usr_manager")?.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json;
    let findings = view.pointer("/verdict/findings").and_then(Value::as_array).with_context(|| view.to_string())?;
    let of_rule = findings.iter().filter(|it| it["source"] == "answers/outstanding_scores");
    Ok(of_rule.map(|it| json!([it["code"], it["weight"], it["effect"], it["params"]])).collect())
}

/// Revision and visits of the standings a user sees, by rep.
fn standings(company: &Company, user: &str, query: &str) -> anyhow::Result<Value> {
    let page = company.as_(user)?.get(&format!("/v1/rep-standings{query}"))?.expect(200)?.json;
    let items = page.get("items").and_then(Value::as_array).with_context(|| page.to_string())?;
    let one =
        |it: &Value| Some((it["body"]["user"].as_str()?.to_owned(), json!([it["revision"], it["body"]["visits"]])));
    Ok(items.iter().filter_map(one).collect::<serde_json::Map<_, _>>().into())
}

#[test]
fn who_scores_too_well_to_be_true_is_asked_from_the_next_day_on() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = company(&place, &server)?;
    let admin = company.tokens.get("usr_admin").context("admin")?;
    for number in 0..5 {
        visit(&company, "usr_rep", (&format!("tsk_rep-{number}"), FIRST_DAY), 100)?;
        for (user, count) in PEERS.into_iter().zip([60_u32, 62, 64, 66]) {
            let task = format!("{}-{number}", user.replacen("usr_", "tsk_", 1));
            visit(&company, user, (&task, FIRST_DAY), count + number)?;
        }
    }
    assert_eq!(found(&company, "tsk_rep-4")?, [Value::Null; 0]);
    assert_eq!(standings(&company, "usr_manager", "")?, json!({}));
    server.clock(admin, NEXT_DAY)?;
    visit(&company, "usr_rep", ("tsk_rep-next", NEXT_DAY), 100)?;
    visit(&company, "usr_one", ("tsk_one-next", NEXT_DAY), 61)?;
    let params = json!({"days": 30, "visits": 5, "mean": 100, "peers": 4, "peer_mean": 82.5, "z": 13.56});
    assert_eq!(found(&company, "tsk_rep-next")?, [json!(["answers.outstanding_scores", 15, "flag", params])]);
    assert_eq!(found(&company, "tsk_one-next")?, [Value::Null; 0]);
    let explained = company.as_("usr_rep")?.get("/v1/tasks/tsk_rep-next")?.expect(200)?.json.to_string();
    assert!(explained.contains("nothing was ever missing"), "{explained}");
    // Once something was missing they are careful, not outstanding; what they are told is of the days before all the same.
    visit(&company, "usr_rep", ("tsk_rep-missing", NEXT_DAY), 49)?;
    assert_eq!(found(&company, "tsk_rep-missing")?.len(), 1);
    // A day is worked out once.
    server.clock(admin, "2026-03-19T09:00:00Z")?;
    assert_eq!(standings(&company, "usr_manager", "?user=usr_rep")?, json!({"usr_rep": [1, 5]}));
    server.clock(admin, "2026-03-20T01:00:00Z")?;
    visit(&company, "usr_rep", ("tsk_rep-after", "2026-03-20T01:00:00Z"), 100)?;
    assert_eq!(found(&company, "tsk_rep-after")?, [Value::Null; 0]);
    // Managers see those of their units, reps themselves.
    let all = json!({"usr_rep": [2, 7], "usr_one": [2, 6], "usr_two": [2, 5], "usr_three": [2, 5], "usr_four": [2, 5]});
    assert_eq!(standings(&company, "usr_manager", "")?, all);
    assert_eq!(standings(&company, "usr_manager-b", "")?, json!({}));
    assert_eq!(standings(&company, "usr_one", "")?, json!({"usr_one": [2, 6]}));
    assert_eq!(standings(&company, "usr_one", "?user=usr_rep")?, json!({}));
    // Who did not visit for a month does not stand anywhere any more.
    server.clock(admin, "2026-05-01T01:00:00Z")?;
    assert_eq!(standings(&company, "usr_rep", "")?, json!({"usr_rep": [3, 0]}));
    place.verify(&company.tenant)?;
    Ok(())
}
