//! What visits leave behind, over HTTP: records, accounts that two phones draw on at once, tasks that leave with a step, and
//! the next visit that does what was left. On both databases.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use tests::client::Answer;
use tests::company::{Company, envelope};
use tests::server::{Kind, Place, Server};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn look(count: i64) -> Value {
    json!({"step": "look", "answers": {"count": count}})
}

fn taken(count: i64) -> Value {
    json!({"step": "extra", "answers": {"lot": "lot-a", "taken": count}})
}

/// The items of a list as the texts at some pointers.
fn listed(company: &Company, user: &str, path: &str, pointers: &[&str]) -> anyhow::Result<Vec<String>> {
    let page = company.as_(user)?.get(path)?.expect(200)?;
    let items = page.json.get("items").and_then(Value::as_array).cloned().context("items")?;
    let line = |item: &Value| {
        let words = pointers.iter().map(|pointer| item.pointer(pointer).cloned().unwrap_or_default());
        words.map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    Ok(items.iter().map(line).collect())
}

/// Two phones that were offline send what they took, at the same moment.
fn both(company: &Company, tasks: [&str; 2], counts: [i64; 2]) -> anyhow::Result<Vec<Answer>> {
    let barrier = Arc::new(Barrier::new(2));
    let send = |(task, count): (&str, i64)| {
        let (client, barrier) = (company.as_("usr_rep")?, Arc::clone(&barrier));
        let (path, id) = (format!("/v1/tasks/{task}/submit"), format!("cmd_{}-taken", task.replacen("tsk_", "", 1)));
        Ok(std::thread::spawn(move || {
            barrier.wait();
            client.post(&path, &id, &envelope(taken(count)))
        }))
    };
    let threads: Vec<_> = tasks.into_iter().zip(counts).map(send).collect::<anyhow::Result<_>>()?;
    threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a phone panicked"))?).collect()
}

fn walk(kind: Kind) -> anyhow::Result<()> {
    let place = Place::new(kind)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_outputs")?;
    let calendar = json!({"title": {"en": "Region a", "zh-CN": "甲区"}, "time_zone": "Asia/Shanghai", "bound_to": ["org_a"],
        "weekly": {"thu": [["09:00", "12:00"], ["13:00", "18:00"]], "fri": [["09:00", "18:00"]]},
        "exceptions": [{"date": "2026-03-19", "hours": []}]});
    company.as_("usr_admin")?.put("/v1/calendars/cal_a", &calendar)?.expect(201)?;
    accounts(&company)?;
    records(&company)?;
    follow_up(&company)?;
    place.verify(&company.tenant)
}

/// Five pieces, and two phones that take four and three of them.
fn accounts(company: &Company) -> anyhow::Result<()> {
    let opening = json!({"account": ["usr_rep", "lot-a"], "amount": "5", "reason": "opening balance"});
    let manager = company.as_("usr_manager")?;
    let opened = manager.post("/v1/ledgers/stock/entries", "cmd_open", &opening)?.expect(201)?;
    assert_eq!(text(&opened.json, "/entry/balance"), "5", "{}", opened.json);
    // The same again is the same; the next is another.
    manager.post("/v1/ledgers/stock/entries", "cmd_open", &opening)?.expect(201)?;
    let nothing = json!({"account": ["usr_rep", "lot-a"], "amount": "0", "reason": "none"});
    let refused = manager.post("/v1/ledgers/stock/entries", "cmd_nothing", &nothing)?.expect(422)?;
    assert_eq!(refused.code(), "ledger.amount", "{}", refused.json);
    manager.post("/v1/ledgers/stok/entries", "cmd_stok", &opening)?.expect(404)?;

    for task in ["tsk_one", "tsk_two"] {
        company.begun(task)?;
        company.verb("usr_rep", task, "submit", 2, look(7))?.expect(200)?;
    }
    let answers = both(company, ["tsk_one", "tsk_two"], [4, 3])?;
    let mut found = Vec::new();
    for answer in &answers {
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.json);
        found.push(text(&answer.json, "/findings/0/code"));
    }
    found.sort_unstable();
    assert_eq!(found, ["", "ledger.below_min"], "one is accepted, one is kept and held");
    let balances = "/v1/ledgers/stock/balances";
    assert_eq!(listed(company, "usr_rep", balances, &["/account/1", "/balance", "/version"])?, ["lot-a -2 3"]);
    assert_eq!(listed(company, "usr_manager-b", balances, &["/balance"])?, [""; 0], "another region's");
    let mut decided = Vec::new();
    for task in ["tsk_one", "tsk_two"] {
        company.verb("usr_rep", task, "submit", 4, json!({"step": "leave", "answers": {}}))?.expect(200)?;
        let over = company.verb("usr_rep", task, "complete", 1, json!({}))?.expect(200)?;
        decided.push(text(&over.json, "/task/decision").to_owned());
    }
    decided.sort_unstable();
    assert_eq!(decided, ["accepted", "held"]);
    let reviews = listed(company, "usr_manager", "/v1/tasks?kind=review&state=open", &["/entry"])?;
    assert_eq!(reviews, ["review"], "somebody decides over the one that is held");
    Ok(())
}

/// What was answered is there as records; an amendment replaces them, and what was posted is taken back.
fn records(company: &Company) -> anyhow::Result<()> {
    let amended = json!({"submission": taken(1), "reason": "counted again"});
    company.verb("usr_rep", "tsk_one", "amend", 1, amended)?.expect(200)?;
    let path = "/v1/outputs?visit=vis_one&type=sample";
    let fields = ["/record/fields/taken", "/record/revision", "/standing"];
    assert_eq!(listed(company, "usr_rep", path, &fields)?, ["1 2 true"]);
    let mut all = listed(company, "usr_rep", &format!("{path}&replaced=true"), &fields)?;
    all.sort();
    assert_eq!(all, ["1 2 true", "4 1 false"]);
    let entries = "/v1/ledgers/stock/entries?account=%5B%22usr_rep%22%2C%22lot-a%22%5D";
    let said = listed(company, "usr_rep", entries, &["/entry/amount", "/entry/balance", "/visit"])?;
    assert_eq!(said.get(..2), Some(["-1 1 vis_one".to_owned(), "4 2 vis_one".to_owned()].as_slice()), "{said:?}");
    let counted = listed(company, "usr_manager", "/v1/outputs?type=count&customer=cus_a", &["/record/fields/count"])?;
    assert_eq!(counted, ["7", "7"]);
    assert_eq!(listed(company, "usr_manager-b", "/v1/outputs", &["/record/id"])?, [""; 0], "another region's");
    let view = company.as_("usr_rep")?.get("/v1/tasks/tsk_one")?.expect(200)?;
    assert_eq!(view.json.get("outputs").and_then(Value::as_array).map(Vec::len), Some(2), "{}", view.json);
    Ok(())
}

/// A harm leaves at once; what a visit left to do, the next one does.
fn follow_up(company: &Company) -> anyhow::Result<()> {
    company.begun("tsk_three")?;
    company.verb("usr_rep", "tsk_three", "submit", 2, look(0))?.expect(200)?;
    let harm = json!({"step": "extra", "answers": {"harm": "a cut"}});
    company.verb("usr_rep", "tsk_three", "submit", 3, harm.clone())?.expect(200)?;
    let support = "/v1/tasks?kind=support";
    // 2026-03-18 is a Wednesday; Thursday is off here.
    let said = listed(company, "usr_ops", support, &["/entry", "/state", "/due"])?;
    assert_eq!(said, ["harm open 2026-03-20T10:00:00.000Z"], "the visit goes on");
    company.verb("usr_rep", "tsk_three", "submit", 4, harm)?.expect(200)?;
    assert_eq!(listed(company, "usr_ops", support, &["/entry"])?, ["harm"], "said twice, it is one");
    company.verb("usr_rep", "tsk_three", "submit", 5, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    company.verb("usr_rep", "tsk_three", "complete", 1, json!({}))?.expect(200)?;

    company.begun("tsk_four")?;
    let view = company.as_("usr_rep")?.get("/v1/tasks/tsk_four")?.expect(200)?;
    let open = view.json.get("open_at_customer").and_then(Value::as_array).cloned().context("open_at_customer")?;
    let left = open.iter().find(|task| text(task, "/entry") == "count_again").context("what was left to do")?;
    let left = text(left, "/id").to_owned();
    company.verb("usr_rep", "tsk_four", "submit", 2, look(7))?.expect(200)?;
    company.verb("usr_rep", "tsk_four", "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    let closing =
        |number: u32, closes: Value| company.verb("usr_rep", "tsk_four", "complete", number, json!({"closes": closes}));
    let unknown = closing(1, json!([left, "tsk_nowhere"]))?.expect(422)?;
    assert_eq!((unknown.code(), text(&unknown.json, "/errors/0/pointer")), ("task.unknown", "/body/closes/1"));
    let foreign = closing(2, json!(["tsk_three"]))?.expect(422)?;
    assert_eq!(foreign.code(), "task.closed", "{}", foreign.json);
    closing(3, json!([left]))?.expect(200)?;
    let done = company.as_("usr_rep")?.get(&format!("/v1/tasks/{left}"))?.expect(200)?;
    assert_eq!(text(&done.json, "/task/state"), "done");
    assert_eq!(text(&done.json, "/task/resolution/visit"), "vis_four");

    company.begun("tsk_five")?;
    company.verb("usr_rep", "tsk_five", "submit", 2, look(7))?.expect(200)?;
    company.verb("usr_rep", "tsk_five", "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    let again = company.verb("usr_rep", "tsk_five", "complete", 1, json!({"closes": [left]}))?.expect(422)?;
    assert_eq!(again.code(), "task.closed", "{}", again.json);
    let still = company.as_("usr_rep")?.get("/v1/tasks/tsk_five")?.expect(200)?;
    assert_eq!(text(&still.json, "/task/state"), "in_progress", "nothing half-done");
    Ok(())
}

#[test]
fn what_visits_leave_behind_on_sqlite() -> anyhow::Result<()> {
    walk(Kind::Sqlite)
}

#[test]
fn what_visits_leave_behind_on_postgres() -> anyhow::Result<()> {
    walk(Kind::Postgres)
}
