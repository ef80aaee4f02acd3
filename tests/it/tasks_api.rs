//! The verbs of the task API, each as a client uses it: who may, what it does, and what who comes second is told.

use anyhow::Context as _;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use tests::client::{Answer, Client};
use tests::company::{Company, envelope};
use tests::server::{Kind, Place, Server};

struct Office {
    company: Company,
    _server: Server,
    _place: Place,
}

impl Office {
    /// The company with a second rep in region A.
    fn new() -> anyhow::Result<Self> {
        let place = Place::new(Kind::Sqlite)?;
        let server = Server::start(&place, &[], None)?;
        let mut company = Company::new(&place, &server, "tnt_one")?;
        let admin = company.as_("usr_admin")?;
        admin.put("/v1/users/usr_second", &json!({"name": "Second", "org_unit": "org_a"}))?.expect(201)?;
        let grant = json!({"user": "usr_second", "role": "rep", "org_unit": "org_a"});
        admin.put("/v1/grants/gra_second", &grant)?.expect(201)?;
        let made = admin.post("/v1/users/usr_second/tokens", "cmd_second", &json!({"label": "test"}))?.expect(201)?;
        company.tokens.insert("usr_second".into(), text(&made.json, "/token"));
        Ok(Self { company, _server: server, _place: place })
    }

    fn as_(&self, user: &str) -> anyhow::Result<Client> {
        self.company.as_(user)
    }

    /// A task as somebody sees it.
    fn view(&self, user: &str, task: &str) -> anyhow::Result<Value> {
        Ok(self.as_(user)?.get(&format!("/v1/tasks/{task}"))?.expect(200)?.json)
    }

    /// A verb with the version that is seen now; a body as it is.
    fn seeing(&self, user: &str, task: &str, verb: &str, id: &str, body: &Value) -> anyhow::Result<Answer> {
        let version = text(&self.view(user, task)?, "/task/version");
        let request = self.as_(user)?.request("POST", &format!("/v1/tasks/{task}/{verb}"));
        request.command(id).saw(version).json(body).send()
    }

    fn planned(&self, task: &str) -> anyhow::Result<Answer> {
        let window = json!({"from": "2026-03-18T02:00:00Z", "to": "2026-03-18T04:00:00Z"});
        let body =
            json!({"id": task, "customer": "cus_a", "origin": "manager", "assignee": "usr_rep", "planned": window});
        self.company.verb("usr_manager", task, "create", 1, body)?.expect(201)
    }

    /// A finding of a visit as its explanation shows it to somebody.
    fn found(&self, user: &str, task: &str, code: &str) -> anyhow::Result<Value> {
        let explanation = self.as_(user)?.get(&format!("/v1/tasks/{task}/explanation"))?.expect(200)?.json;
        let steps = explanation.get("steps").and_then(Value::as_array).into_iter().flatten();
        let checks = steps.filter_map(|step| step.get("checks")?.as_array()).flatten();
        let mut found = checks.filter_map(|check| check.get("findings")?.as_array()).flatten();
        let found = found.find(|finding| text(finding, "/code") == code);
        found.cloned().with_context(|| format!("{code} is not explained: {explanation}"))
    }

    /// What is open of a kind about a visit.
    fn about(&self, user: &str, kind: &str, parent: &str) -> anyhow::Result<Vec<Value>> {
        let path = format!("/v1/tasks?kind={kind}&parent={parent}&state=open,in_progress");
        let page = self.as_(user)?.get(&path)?.expect(200)?.json;
        Ok(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Whether a view says a verb is allowed, and if not, why.
fn verb(view: &Value, name: &str) -> Option<String> {
    let verbs = view.get("verbs").and_then(Value::as_array)?;
    let one = verbs.iter().find(|verb| verb.get("verb") == Some(&json!(name)))?;
    Some(one.get("why_not").and_then(Value::as_str).unwrap_or("allowed").to_owned())
}

#[test]
fn a_planned_visit_is_handed_over_until_it_is_begun() -> anyhow::Result<()> {
    let office = Office::new()?;
    office.planned("tsk_plan")?;
    let view = office.view("usr_rep", "tsk_plan")?;
    assert_eq!(verb(&view, "start").as_deref(), Some("allowed"), "{view}");
    let to = json!({"assignee": "usr_second", "on_behalf_of": "usr_manager", "reason": "is ill"});
    let unsaid = office.as_("usr_manager")?.post("/v1/tasks/tsk_plan/assign", "cmd_assign-0", &to)?.expect(428)?;
    assert_eq!(unsaid.code(), "version.unseen");
    let away = json!({"assignee": "usr_rep-b"});
    let unknown = office.seeing("usr_manager", "tsk_plan", "assign", "cmd_assign-1", &away)?.expect(422)?;
    assert_eq!(unknown.code(), "record.unknown", "nobody of another region");
    office.seeing("usr_manager", "tsk_plan", "assign", "cmd_assign-2", &to)?.expect(200)?;
    office.as_("usr_rep")?.get("/v1/tasks/tsk_plan")?.expect(404)?;
    office.company.verb("usr_rep", "tsk_plan", "start", 1, json!({}))?.expect(404)?;
    office.company.verb("usr_second", "tsk_plan", "start", 2, json!({}))?.expect(200)?;
    let view = office.view("usr_second", "tsk_plan")?;
    assert_eq!(text(&view, "/task/state"), "in_progress");
    assert!(text(&view, "/pins/sop").contains("test.inspection"), "{view}");
    let late = office.seeing("usr_manager", "tsk_plan", "assign", "cmd_assign-3", &to)?.expect(422)?;
    assert_eq!(late.code(), "task.under_way");
    Ok(())
}

#[test]
fn of_two_who_claim_one_wins_and_the_other_learns_why() -> anyhow::Result<()> {
    let office = Office::new()?;
    for round in 0..8 {
        let task = format!("tsk_pool-{round}");
        let body = json!({"id": task, "kind": "follow_up", "title": {"en": "Call", "zh-CN": "致电"}, "customer": "cus_a",
            "origin": "manager", "candidates": {"role": "rep", "org_unit": "org_a"}});
        office.company.verb("usr_manager", &task, "create", 1, body)?.expect(201)?;
        let barrier = Arc::new(Barrier::new(2));
        let claim = |user: &str| -> anyhow::Result<std::thread::JoinHandle<anyhow::Result<Answer>>> {
            let (client, barrier) = (office.as_(user)?, Arc::clone(&barrier));
            let (path, id) = (format!("/v1/tasks/{task}/claim"), format!("cmd_claim-{round}"));
            Ok(std::thread::spawn(move || {
                barrier.wait();
                client.request("POST", &path).command(&id).saw(1).json(&json!({})).send()
            }))
        };
        let threads = [claim("usr_rep")?, claim("usr_second")?];
        let mut answers = Vec::new();
        for thread in threads {
            answers.push(thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??);
        }
        answers.sort_by_key(|answer| answer.status);
        let [won, lost] = answers.as_slice() else { anyhow::bail!("two answers") };
        assert_eq!((won.status, lost.status, lost.code()), (200, 422, "task.assigned"), "{}", lost.json);
        let winner = text(&won.json, "/task/assignee");
        assert!(text(&lost.json, "/detail").contains(&winner), "{}", lost.json);
        assert_eq!(text(&office.view("usr_manager", &task)?, "/task/assignee"), winner);
    }
    // Who is no candidate does not even see it.
    let task = "/v1/tasks/tsk_pool-0/claim";
    let claim = office.as_("usr_rep-b")?.request("POST", task).command("cmd_claim-b").saw(1);
    claim.json(&json!({})).send()?.expect(404)?;
    Ok(())
}

#[test]
fn a_comment_stays_and_a_call_for_help_reaches_the_support_desk() -> anyhow::Result<()> {
    let office = Office::new()?;
    office.planned("tsk_plan")?;
    let post = |user: &str, verb: &str, id: &str, text: &str| {
        office.as_(user)?.post(&format!("/v1/tasks/tsk_plan/{verb}"), id, &json!({"text": text}))
    };
    post("usr_manager", "comment", "cmd_comment-1", "ring first")?.expect(200)?;
    assert_eq!(post("usr_rep", "comment", "cmd_comment-2", "  ")?.expect(422)?.code(), "text.missing");
    post("usr_rep", "request_support", "cmd_help", "the app shows no map")?.expect(200)?;
    let view = office.view("usr_rep", "tsk_plan")?;
    assert_eq!(text(&view, "/task/comments/0/text"), "ring first");
    assert_eq!(text(&view, "/task/comments/1/user"), "usr_rep");
    let support = office.about("usr_ops", "support", "tsk_plan")?;
    let help = support.first().context("no support task")?;
    assert_eq!(text(help, "/comments/0/text"), "the app shows no map");
    let id = text(help, "/id");
    office.seeing("usr_ops", &id, "claim", "cmd_claim", &json!({}))?.expect(200)?;
    let done = office.company.verb("usr_ops", &id, "complete", 1, json!({}))?.expect(200)?;
    assert_eq!(
        (text(&done.json, "/task/state"), text(&done.json, "/task/resolution/decision")),
        ("done".into(), "done".into())
    );
    Ok(())
}

#[test]
fn a_verdict_is_contested_by_the_rep_and_looked_at_again() -> anyhow::Result<()> {
    let office = Office::new()?;
    office.company.visited("tsk_held", 500)?;
    let before = office.about("usr_manager", "review", "tsk_held")?.len();
    let id = text(&office.found("usr_rep", "tsk_held", "look.too_many")?, "/id");
    let contest = json!({"finding": id, "reason": "there really are 500"});
    office.company.verb("usr_manager", "tsk_held", "contest", 1, contest.clone())?.expect(403)?;
    let by_code = json!({"finding": "look.too_many", "reason": "no"});
    let unknown = office.company.verb("usr_rep", "tsk_held", "contest", 2, by_code)?.expect(422)?;
    assert_eq!(
        (unknown.code(), text(&unknown.json, "/errors/0/pointer").as_str()),
        ("finding.unknown", "/body/finding")
    );
    office.company.verb("usr_rep", "tsk_held", "contest", 3, contest)?.expect(200)?;
    let reviews = office.about("usr_manager", "review", "tsk_held")?;
    assert_eq!(reviews.len(), before + 1);
    let said = |review: &Value| text(review, "/comments/0/text") == "there really are 500";
    let contested = reviews.iter().find(|review| said(review)).context("no review says why")?;
    assert_eq!(text(contested, "/title/en"), "The rep contests: Check of the SOP · Look");
    let review = text(contested, "/id");
    assert_eq!(text(&office.found("usr_manager", &review, "look.too_many")?, "/contested"), "true");
    // What is contested wants an answer of its own; then one answer settles every open review of the visit.
    let silent = office.seeing("usr_manager", &review, "approve", "cmd_silent", &envelope(json!({})))?.expect(422)?;
    assert_eq!(
        (silent.code(), text(&silent.json, "/errors/0/pointer").as_str()),
        ("finding.undecided", "/body/findings")
    );
    let said = json!([{"id": id, "verdict": "overturned", "reason": "counted"}]);
    let note = envelope(json!({"findings": said}));
    office.seeing("usr_manager", &review, "approve", "cmd_yes", &note)?.expect(200)?;
    let found = office.found("usr_rep", "tsk_held", "look.too_many")?;
    assert_eq!((text(&found, "/reviewed/verdict"), text(&found, "/effect")), ("overturned".into(), "hold".into()));
    let counted = |user: &str| -> anyhow::Result<Value> {
        let items = office.as_(user)?.get("/v1/rules/verdicts")?.expect(200)?.json;
        let items = items.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(items.into_iter().find(|item| text(item, "/code") == "look.too_many").unwrap_or_default())
    };
    let of_rule = counted("usr_manager")?;
    assert_eq!((text(&of_rule, "/overturned"), text(&of_rule, "/contested")), ("1".into(), "1".into()), "{of_rule}");
    assert_eq!(of_rule.pointer("/precision"), Some(&json!(0.0)));
    assert!(counted("usr_manager-b")?.is_null(), "another region's visits are not counted");
    office.as_("usr_rep")?.get("/v1/rules/verdicts")?.expect(403)?;
    assert!(office.about("usr_manager", "review", "tsk_held")?.is_empty());
    assert_eq!(text(&office.view("usr_rep", "tsk_held")?, "/task/decision"), "accepted");
    Ok(())
}

#[test]
fn a_returned_step_is_done_again() -> anyhow::Result<()> {
    let office = Office::new()?;
    office.company.visited("tsk_held", 500)?;
    let back = envelope(json!({"step": "look", "reason": "that cannot be"}));
    let returned = office.seeing("usr_manager", "tsk_held", "return", "cmd_return", &back)?.expect(200)?;
    assert_eq!(text(&returned.json, "/task/state"), "in_progress", "{}", returned.json);
    assert!(office.about("usr_manager", "review", "tsk_held")?.is_empty(), "its review is answered");
    let view = office.view("usr_rep", "tsk_held")?;
    assert_eq!(text(&view, "/steps/1/standing"), "returned", "{view}");
    assert_eq!(verb(&view, "complete").as_deref(), Some("visit.incomplete"), "{view}");
    let again = json!({"step": "look", "answers": {"count": 5}});
    office.company.verb("usr_rep", "tsk_held", "submit", 9, again)?.expect(200)?;
    office.company.verb("usr_rep", "tsk_held", "complete", 2, json!({}))?.expect(200)?;
    let view = office.view("usr_rep", "tsk_held")?;
    assert_eq!(text(&view, "/task/state"), "done");
    assert!(["accepted", "flagged"].contains(&text(&view, "/task/decision").as_str()), "{view}");
    Ok(())
}

#[test]
fn nobody_reviews_their_own_visit() -> anyhow::Result<()> {
    let office = Office::new()?;
    let grant = json!({"user": "usr_rep", "role": "manager", "org_unit": "org_a"});
    office.as_("usr_admin")?.put("/v1/grants/gra_promoted", &grant)?.expect(201)?;
    office.company.visited("tsk_held", 500)?;
    let review = text(office.about("usr_manager", "review", "tsk_held")?.first().context("no review")?, "/id");
    let view = office.view("usr_rep", &review)?;
    assert_eq!(verb(&view, "approve").as_deref(), Some("review.own_visit"), "{view}");
    let bodies = [
        ("approve", json!({})),
        ("reject", json!({"reason": "no"})),
        ("return", json!({"step": "look", "reason": "no"})),
    ];
    for (index, (verb, body)) in bodies.into_iter().enumerate() {
        for task in ["tsk_held", review.as_str()] {
            let id = format!("cmd_own-{index}-{}", task.len());
            let refused = office.seeing("usr_rep", task, verb, &id, &envelope(body.clone()))?.expect(422)?;
            assert_eq!(refused.code(), "review.own_visit", "{verb} {task}");
        }
    }
    let claim = office.seeing("usr_rep", &review, "claim", "cmd_own-claim", &json!({}))?.expect(422)?;
    assert_eq!(claim.code(), "review.own_visit");
    let no_reason =
        office.seeing("usr_manager", &review, "reject", "cmd_reject-1", &envelope(json!({"reason": " "})))?;
    no_reason.expect(422)?;
    let reject = envelope(json!({"reason": "nobody was there"}));
    office.seeing("usr_manager", &review, "reject", "cmd_reject-2", &reject)?.expect(200)?;
    assert_eq!(text(&office.view("usr_rep", "tsk_held")?, "/task/decision"), "rejected");
    Ok(())
}

#[test]
fn what_was_cancelled_takes_nothing_but_comments() -> anyhow::Result<()> {
    let office = Office::new()?;
    let cancel =
        |user: &str, task: &str| office.company.verb(user, task, "cancel", 1, json!({"reason": "closed today"}));
    office.planned("tsk_plan")?;
    assert_eq!(text(&cancel("usr_manager", "tsk_plan")?.expect(200)?.json, "/task/state"), "cancelled");
    let start = office.company.verb("usr_rep", "tsk_plan", "start", 1, json!({}))?.expect(422)?;
    assert_eq!(start.code(), "task.not_possible");
    office.company.begun("tsk_begun")?;
    assert_eq!(cancel("usr_manager", "tsk_begun")?.expect(422)?.code(), "task.not_yours");
    assert_eq!(text(&cancel("usr_rep", "tsk_begun")?.expect(200)?.json, "/task/state"), "cancelled");
    let body = json!({"step": "look", "answers": {"count": 1}});
    let late = office.company.verb("usr_rep", "tsk_begun", "submit", 2, body)?.expect(422)?;
    assert_eq!(late.code(), "task.not_possible");
    let comment = json!({"text": "was it closed?"});
    office.as_("usr_manager")?.post("/v1/tasks/tsk_begun/comment", "cmd_comment", &comment)?.expect(200)?;
    Ok(())
}

#[test]
fn the_view_says_in_words_what_became_of_a_visit() -> anyhow::Result<()> {
    let office = Office::new()?;
    office.company.begun("tsk_held")?;
    let bad = json!({"step": "look", "answers": {"count": -1}});
    let refused = office.company.verb("usr_rep", "tsk_held", "submit", 2, bad)?.expect(422)?;
    assert_eq!(text(&refused.json, "/errors/0/pointer"), "/body/answers/count", "{}", refused.json);
    assert_eq!(text(&refused.json, "/errors/0/detail"), "Less than nothing.");
    let rest = [json!({"step": "look", "answers": {"count": 500}}), json!({"step": "leave", "answers": {}})];
    for (number, body) in (3..).zip(rest) {
        office.company.verb("usr_rep", "tsk_held", "submit", number, body)?.expect(200)?;
    }
    office.company.verb("usr_rep", "tsk_held", "complete", 1, json!({}))?.expect(200)?;
    let view = |language: &str| -> anyhow::Result<Value> {
        let request = office.as_("usr_rep")?.request("GET", "/v1/tasks/tsk_held");
        Ok(request.header("accept-language", language).send()?.expect(200)?.json)
    };
    for (language, why, was_refused, step) in [
        ("en", "More than a hundred: a manager looks at it.", "Less than nothing.", "Look"),
        ("zh-CN", "超过一百，需主管查看。", "数量不能为负。", "查看"),
    ] {
        let view = view(language)?;
        let explanation = view.get("explanation").cloned().unwrap_or_default();
        assert!(text(&explanation, "/findings").contains(why), "{explanation}");
        assert!(text(&explanation, "/refused").contains(was_refused), "{explanation}");
        assert!(!text(&explanation, "/summary").is_empty());
        assert_eq!(text(&view, "/steps/1/title"), step);
    }
    Ok(())
}
