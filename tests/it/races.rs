//! Verbs on one task at the same moment: one wins, the others learn why, nothing happens twice, and the record of it
//! verifies. On both databases.

use anyhow::{Context as _, ensure};
use engine::event::{Event, Tips};
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use tests::client::{Answer, Client};
use tests::company::{Company, envelope, position};
use tests::server::{Kind, Place, Server};

/// A company, and a name for each task of a test.
struct Field {
    company: Company,
    _server: Server,
    _place: Place,
}

/// One of those who run: as whom, what, under which command id, having seen which version.
struct Runner {
    client: Client,
    path: String,
    command: String,
    saw: Option<u64>,
    body: Value,
}

impl Field {
    fn new(kind: Kind) -> anyhow::Result<Self> {
        let place = Place::new(kind)?;
        let server = Server::start(&place, &[], None)?;
        let company = Company::new(&place, &server, "tnt_races")?;
        Ok(Self { company, _server: server, _place: place })
    }

    fn runner(&self, user: &str, task: &str, verb: &str, command: &str, body: Value) -> anyhow::Result<Runner> {
        let client = self.company.as_(user)?;
        let path = if verb == "create" { "/v1/tasks".to_owned() } else { format!("/v1/tasks/{task}/{verb}") };
        Ok(Runner { client, path, command: command.to_owned(), saw: None, body })
    }

    fn version(&self, user: &str, task: &str) -> anyhow::Result<u64> {
        let view = self.company.as_(user)?.get(&format!("/v1/tasks/{task}"))?.expect(200)?;
        view.json.pointer("/task/version").and_then(Value::as_u64).context("version")
    }

    /// The events of a stream, verified from the first to the last.
    fn events(&self, stream: &str) -> anyhow::Result<Vec<Event>> {
        // The tenant's own stream is for those who see all of it.
        let reader = if stream == self.company.tenant { "usr_admin" } else { "usr_auditor" };
        let page = self.company.as_(reader)?.get(&format!("/v1/streams/{stream}/events?limit=200"))?.expect(200)?;
        let items = page.json.get("items").cloned().context("items")?;
        let events: Vec<Event> = serde_json::from_value(items)?;
        let mut tips = Tips::default();
        for event in &events {
            let verification = tips.verify(event);
            ensure!(verification.faults.is_empty(), "{stream}: {:?}", verification.faults);
        }
        Ok(events)
    }

    /// How many events of a type a stream has.
    fn count(&self, stream: &str, kind: &str) -> anyhow::Result<usize> {
        Ok(self.events(stream)?.iter().filter(|event| event.header.kind == kind).count())
    }
}

/// Sends everything at the same moment; the answers in the order of the runners.
fn race(runners: Vec<Runner>) -> anyhow::Result<Vec<Answer>> {
    let barrier = Arc::new(Barrier::new(runners.len()));
    let run = |runner: Runner| {
        let barrier = Arc::clone(&barrier);
        std::thread::spawn(move || {
            let mut request = runner.client.request("POST", &runner.path).command(&runner.command);
            if let Some(saw) = runner.saw {
                request = request.saw(saw);
            }
            let request = request.json(&runner.body);
            barrier.wait();
            request.send()
        })
    };
    let threads: Vec<_> = runners.into_iter().map(run).collect();
    let join = |thread: std::thread::JoinHandle<anyhow::Result<Answer>>| {
        thread.join().map_err(|_| anyhow::anyhow!("a runner panicked"))?
    };
    threads.into_iter().map(join).collect()
}

/// Exactly one won; every other was told one of these codes.
fn one_wins(answers: &[Answer], codes: &[&str]) -> anyhow::Result<()> {
    let won = answers.iter().filter(|answer| (200..300).contains(&answer.status)).count();
    let said: Vec<String> = answers.iter().map(|answer| format!("{} {}", answer.status, answer.code())).collect();
    ensure!(won == 1, "{won} won: {said:?}");
    for answer in answers.iter().filter(|answer| answer.status >= 300) {
        ensure!((400..500).contains(&answer.status) && codes.contains(&answer.code()), "{said:?}: {}", answer.json);
    }
    Ok(())
}

fn look(count: i64) -> Value {
    envelope(json!({"step": "look", "answers": {"count": count}}))
}

fn submit_against_submit(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_submit-{n}");
    let visit = task.replacen("tsk_", "vis_", 1);
    field.company.begun(&task)?;
    let saw = field.version("usr_rep", &task)?;
    let runner = |k: i64| field.runner("usr_rep", &task, "submit", &format!("cmd_submit-{n}-{k}"), look(k));
    let mut runners = (0..4).map(runner).collect::<anyhow::Result<Vec<_>>>()?;
    runners.iter_mut().for_each(|runner| runner.saw = Some(saw));
    one_wins(&race(runners)?, &["version.stale"])?;
    ensure!(field.count(&visit, "submitted")? == 2, "the check-in and one look");
    // Who does not say what they saw corrects what is there: each is carried out, one after the other.
    let runner = |k: i64| field.runner("usr_rep", &task, "submit", &format!("cmd_correct-{n}-{k}"), look(k));
    for answer in race((0..3).map(runner).collect::<anyhow::Result<_>>()?)? {
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.json);
    }
    ensure!(field.count(&visit, "submitted")? == 5, "three corrections");
    Ok(())
}

fn complete_against_complete(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_twice-{n}");
    field.company.begun(&task)?;
    field
        .company
        .verb("usr_rep", &task, "submit", 2, json!({"step": "look", "answers": {"count": 500}}))?
        .expect(200)?;
    field.company.verb("usr_rep", &task, "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    let runner = |k| field.runner("usr_rep", &task, "complete", &format!("cmd_twice-{n}-{k}"), envelope(json!({})));
    let answers = race((0..4).map(runner).collect::<anyhow::Result<_>>()?)?;
    one_wins(&answers, &["task.not_possible", "task.closed"])?;
    ensure!(field.count(&task.replacen("tsk_", "vis_", 1), "visit_completed")? == 1, "completed once");
    let reviews =
        field.company.as_("usr_manager")?.get(&format!("/v1/tasks?kind=review&parent={task}"))?.expect(200)?;
    ensure!(reviews.json["items"].as_array().is_some_and(|items| items.len() == 1), "one review: {}", reviews.json);
    Ok(())
}

fn complete_against_cancel(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_end-{n}");
    let visit = task.replacen("tsk_", "vis_", 1);
    field.company.begun(&task)?;
    field.company.verb("usr_rep", &task, "submit", 2, json!({"step": "look", "answers": {"count": 1}}))?.expect(200)?;
    field.company.verb("usr_rep", &task, "submit", 3, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    let complete = field.runner("usr_rep", &task, "complete", &format!("cmd_end-{n}-a"), envelope(json!({})))?;
    let cancel = envelope(json!({"reason": "closed"}));
    let cancel = field.runner("usr_rep", &task, "cancel", &format!("cmd_end-{n}-b"), cancel)?;
    let answers = race(vec![complete, cancel])?;
    one_wins(&answers, &["task.not_possible", "task.closed"])?;
    let ends = field.count(&visit, "visit_completed")? + field.count(&visit, "visit_cancelled")?;
    ensure!(ends == 1, "it ended {ends} times");
    Ok(())
}

fn approve_against_reject(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_review-{n}");
    field.company.visited(&task, 500)?;
    let saw = field.version("usr_manager", &task)?;
    let note = envelope(json!({"reason": "seen"}));
    let mut runners = vec![
        field.runner("usr_manager", &task, "approve", &format!("cmd_review-{n}-a"), note.clone())?,
        field.runner("usr_regional-admin", &task, "reject", &format!("cmd_review-{n}-b"), note.clone())?,
        field.runner("usr_admin", &task, "reject", &format!("cmd_review-{n}-c"), note)?,
    ];
    runners.iter_mut().for_each(|runner| runner.saw = Some(saw));
    let answers = race(runners)?;
    one_wins(&answers, &["version.stale"])?;
    ensure!(field.count(&task.replacen("tsk_", "vis_", 1), "reviewed")? == 1, "one review");
    let query = format!("/v1/tasks?kind=review&parent={task}");
    let reviews = field.company.as_("usr_manager")?.get(&query)?.expect(200)?;
    let items = reviews.json.get("items").and_then(Value::as_array).context("items")?;
    ensure!(items.len() == 1 && items.iter().all(|review| review["state"] == "done"), "{}", reviews.json);
    let id = items.first().and_then(|review| review.get("id")).and_then(Value::as_str).context("id")?;
    ensure!(field.count(id, "task_resolved")? == 1, "the review task was resolved once");
    Ok(())
}

fn one_command_many_times(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_same-{n}");
    field.company.begun(&task)?;
    let runner = |_| field.runner("usr_rep", &task, "submit", &format!("cmd_same-{n}"), look(7));
    let answers = race((0..6).map(runner).collect::<anyhow::Result<_>>()?)?;
    let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    let first = done.first().context("nobody was answered")?;
    for answer in &answers {
        let waits = answer.status == 409 && answer.code() == "command.in_flight";
        ensure!(waits || answer.status == 200 && answer.json == first.json, "{}: {}", answer.status, answer.json);
    }
    let again = field.runner("usr_rep", &task, "submit", &format!("cmd_same-{n}"), look(7))?;
    let again = race(vec![again])?;
    ensure!(again.iter().all(|answer| answer.status == 200 && answer.json == first.json), "the stored answer");
    let other = race(vec![field.runner("usr_rep", &task, "submit", &format!("cmd_same-{n}"), look(8))?])?;
    ensure!(other.iter().all(|answer| answer.status == 422 && answer.code() == "command.reused"), "another body");
    ensure!(field.count(&task.replacen("tsk_", "vis_", 1), "submitted")? == 2, "the check-in and one look");
    Ok(())
}

fn one_name_for_many_tasks(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_name-{n}");
    let body = envelope(json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}));
    let runner = |k| field.runner("usr_rep", &task, "create", &format!("cmd_name-{n}-{k}"), body.clone());
    let mut runners = (0..4).map(runner).collect::<anyhow::Result<Vec<_>>>()?;
    let body = json!({"id": task, "kind": "follow_up", "title": {"en": "Call"}, "origin": "manager"});
    runners.push(field.runner("usr_manager", &task, "create", &format!("cmd_name-{n}-m"), envelope(body))?);
    one_wins(&race(runners)?, &["task.exists"])?;
    ensure!(field.count(&task, "task_created")? == 1, "made once");
    Ok(())
}

fn claim_against_claim(field: &Field, n: u32) -> anyhow::Result<()> {
    let task = format!("tsk_claim-{n}");
    let body = json!({
        "id": task, "kind": "support", "title": {"en": "Help"}, "origin": "manager",
        "customer": "cus_a", "candidates": {"role": "manager", "org_unit": "org_a"},
    });
    field.company.verb("usr_manager", &task, "create", 1, body)?.expect(201)?;
    let saw = field.version("usr_manager", &task)?;
    let users = ["usr_manager", "usr_manager", "usr_manager"];
    let claim = |(k, user): (usize, &str)| field.runner(user, &task, "claim", &format!("cmd_claim-{n}-{k}"), json!({}));
    let mut runners = users.into_iter().enumerate().map(claim).collect::<anyhow::Result<Vec<_>>>()?;
    runners.iter_mut().for_each(|runner| runner.saw = Some(saw));
    one_wins(&race(runners)?, &["task.assigned"])?;
    ensure!(field.count(&task, "task_claimed")? == 1, "claimed once");
    Ok(())
}

/// Two whole visits of one rep whose check-ins race: each reads the other's, and both are judged.
fn check_in_against_check_in(field: &Field, n: u32) -> anyhow::Result<()> {
    let arrive = envelope(json!({"step": "arrive", "answers": {}, "position": position()}));
    let mut runners = Vec::new();
    for which in ["a", "b"] {
        let task = format!("tsk_two-{n}-{which}");
        let body = json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"});
        field.company.verb("usr_rep", &task, "create", 1, body)?.expect(201)?;
        field.company.verb("usr_rep", &task, "start", 1, json!({}))?.expect(200)?;
        runners.push(field.runner("usr_rep", &task, "submit", &format!("cmd_two-{n}-{which}"), arrive.clone())?);
    }
    for answer in race(runners)? {
        ensure!(answer.status == 200, "{}: {}", answer.status, answer.json);
    }
    for which in ["a", "b"] {
        ensure!(field.count(&format!("vis_two-{n}-{which}"), "submitted")? == 1, "once each");
    }
    Ok(())
}

fn all(kind: Kind) -> anyhow::Result<()> {
    let field = Field::new(kind)?;
    for n in 0..3 {
        submit_against_submit(&field, n).context("submit × submit")?;
        complete_against_complete(&field, n).context("complete × complete")?;
        complete_against_cancel(&field, n).context("complete × cancel")?;
        approve_against_reject(&field, n).context("approve × reject")?;
        one_command_many_times(&field, n).context("one command, many times")?;
        one_name_for_many_tasks(&field, n).context("one name, many tasks")?;
        claim_against_claim(&field, n).context("claim × claim")?;
        check_in_against_check_in(&field, n).context("check-in × check-in")?;
    }
    ensure!(!field.events(&field.company.tenant)?.is_empty(), "the tenant's own stream");
    // Commits are counted without gaps, whoever raced.
    let changes = field.company.as_("usr_admin")?.get("/v1/changes?limit=200")?.expect(200)?;
    let seqs: Vec<u64> =
        changes.json["items"].as_array().into_iter().flatten().filter_map(|c| c["change_seq"].as_u64()).collect();
    ensure!(seqs.iter().zip(1..).all(|(seq, n)| *seq == n), "{seqs:?}");
    Ok(())
}

#[test]
fn one_wins_and_the_others_learn_why_on_sqlite() -> anyhow::Result<()> {
    all(Kind::Sqlite)
}

#[test]
fn one_wins_and_the_others_learn_why_on_postgres() -> anyhow::Result<()> {
    all(Kind::Postgres)
}
