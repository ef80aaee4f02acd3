//! Somebody leaves: one command hands their open work over and shuts their doors; nothing else changes.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::company::Company;
use tests::demo::text;
use tests::driving::member;
use tests::rows::{self, Rows};
use tests::server::{FORGETFUL, Kind, Place, Server};

/// What went and what came, by table; a row that changed did both.
type Difference = BTreeMap<String, (Vec<Value>, Vec<Value>)>;

fn rows_now(place: &Place, name: &str) -> anyhow::Result<Rows> {
    let folder = place.folder().join(name);
    place.must(&["backup", text(&folder)?])?;
    rows::read(&folder)
}

fn difference(before: &Rows, after: &Rows) -> Difference {
    let but = |rows: &[Value], without: &[Value]| {
        let without: BTreeSet<String> = without.iter().map(Value::to_string).collect();
        rows.iter().filter(|row| !without.contains(&row.to_string())).cloned().collect::<Vec<_>>()
    };
    let tables: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = Vec::new();
    tables
        .into_iter()
        .filter_map(|table| {
            let (before, after) = (before.get(table).unwrap_or(&none), after.get(table).unwrap_or(&none));
            let (went, came) = (but(before, after), but(after, before));
            (went != came).then(|| (table.clone(), (went, came)))
        })
        .collect()
}

/// The values of a column.
fn column(rows: &[Value], name: &str) -> BTreeSet<String> {
    rows.iter().filter_map(|row| member(row, name)).map(str::to_owned).collect()
}

fn set<'a>(of: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    of.into_iter().map(str::to_owned).collect()
}

/// All that may differ after a user of `tnt_one` has left, and that it does.
fn only_their_open_work_moved(difference: &Difference, user: &str, moved: &BTreeSet<String>) -> anyhow::Result<()> {
    for (table, (went, came)) in difference {
        let both = [&went[..], came].concat();
        ensure!(column(&both, "tenant") == set(["tnt_one"]), "{table}: {both:?}");
        let as_expected = match table.as_str() {
            // Only more of it: what happened stays as it was.
            "changes" => went.is_empty(),
            "events" | "payloads" => {
                let mut streams = moved.clone();
                streams.insert("tnt_one".into());
                went.is_empty() && column(came, "stream").is_subset(&streams)
            }
            "streams" => column(came, "stream").iter().all(|stream| stream == "tnt_one" || moved.contains(stream)),
            "counters" => true,
            "tasks" => column(went, "assignee") == set([user]) && column(&both, "id") == *moved,
            "tokens" => column(&both, "user_id") == set([user]) && went.len() == came.len(),
            "records" => {
                let kinds = column(&both, "kind");
                let theirs = |row: &Value| member(row, "id") == Some(user) || member(row, "subject") == Some(user);
                kinds.is_subset(&set(["user", "grant"])) && both.iter().all(theirs)
            }
            _ => false,
        };
        ensure!(as_expected, "{table}: {went:#?} became {came:#?}");
    }
    let (went, came) = difference.get("tasks").context("no task moved")?;
    ensure!(went.len() == moved.len() && came.len() == moved.len(), "{came:?}");
    let (went, came) = difference.get("tokens").context("no token ended")?;
    let ended = |row: &Value| row.get("revoked_ms").is_some_and(Value::is_i64);
    ensure!(!went.iter().any(ended) && came.iter().all(ended), "{came:?}");
    Ok(())
}

fn tasks(company: &Company, query: &str) -> anyhow::Result<Vec<Value>> {
    let page = company.as_("usr_admin")?.get(&format!("/v1/tasks?{query}"))?.expect(200)?;
    Ok(page.json.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// The task behind a query that finds one.
fn one(company: &Company, query: &str) -> anyhow::Result<Value> {
    let found = tasks(company, query)?;
    let [task] = &found[..] else { anyhow::bail!("{query}: {found:?}") };
    Ok(task.clone())
}

fn id(task: &Value) -> anyhow::Result<String> {
    Ok(member(task, "id").context("id")?.to_owned())
}

/// A manager takes up the one open review of a visit.
fn claimed_review(company: &Company, visit: &str) -> anyhow::Result<String> {
    let review = one(company, &format!("kind=review&state=open&parent={visit}"))?;
    let review_id = id(&review)?;
    company
        .as_("usr_manager")?
        .request("POST", &format!("/v1/tasks/{review_id}/claim"))
        .command(&format!("cmd_claim-{}", visit.trim_start_matches("tsk_")))
        .saw(review.get("version").and_then(Value::as_u64).context("version")?)
        .json(&json!({}))
        .send()?
        .expect(200)?;
    Ok(review_id)
}

fn planned(company: &Company, task: &str, user: &str, customer: &str) -> anyhow::Result<()> {
    let body = json!({
        "id": task, "customer": customer, "origin": "manager", "assignee": user,
        "planned": {"from": "2026-03-20T09:00:00+08:00", "to": "2026-03-20T12:00:00+08:00"},
    });
    company.verb("usr_admin", task, "create", 1, body)?.expect(201)?;
    Ok(())
}

fn somebody_leaves(kind: Kind) -> anyhow::Result<()> {
    let place = Place::new(kind)?;
    let server = Server::start(&place, &FORGETFUL, None)?;
    let (company, other) = (Company::new(&place, &server, "tnt_one")?, Company::new(&place, &server, "tnt_two")?);
    planned(&company, "tsk_planned", "usr_rep", "cus_a")?;
    planned(&company, "tsk_planned-b", "usr_rep-b", "cus_b")?;
    planned(&other, "tsk_planned", "usr_rep", "cus_a")?;
    company.visited("tsk_none-left", 0)?;
    company.visited("tsk_held", 500)?;
    company.visited("tsk_held-too", 600)?;
    company.visited("tsk_held-unclaimed", 700)?;
    company.begun("tsk_under-way")?;
    let follow_up = id(&one(&company, "kind=follow_up&state=open&assignee=usr_rep")?)?;
    let reviews = [claimed_review(&company, "tsk_held")?, claimed_review(&company, "tsk_held-too")?];
    let history = |company: &Company| {
        let mut view = company.as_("usr_admin")?.get("/v1/tasks/tsk_none-left")?.expect(200)?.json;
        // What is open at the customer now is no part of the past.
        view.as_object_mut().and_then(|members| members.remove("open_at_customer"));
        anyhow::Ok(view)
    };
    let done = history(&company)?;

    let end = |user: &str, to: &str| place.run(&["user", "end", user, "--tenant", "tnt_one", "--to", to]);
    for (user, to) in [("usr_rep", "usr_rep"), ("usr_rep", "usr_nobody"), ("usr_nobody", "usr_rep")] {
        let before = rows_now(&place, &format!("before-{user}-{to}"))?;
        ensure!(end(user, to)?.status.code() == Some(1), "{user} to {to}");
        ensure!(rows_now(&place, &format!("after-{user}-{to}"))? == before, "{user} to {to} changed something");
    }

    let before = rows_now(&place, "before-rep")?;
    ensure!(end("usr_rep", "usr_rep-b")?.status.success());
    let moved = set(["tsk_planned", &follow_up]);
    only_their_open_work_moved(&difference(&before, &rows_now(&place, "after-rep")?), "usr_rep", &moved)?;
    let status = |company: &Company, user: &str| anyhow::Ok(company.as_(user)?.get("/v1/me")?.status);
    ensure!(status(&company, "usr_rep")? == 401 && status(&other, "usr_rep")? == 200);
    for task in &moved {
        let task = company.as_("usr_rep-b")?.get(&format!("/v1/tasks/{task}"))?.expect(200)?;
        ensure!(task.json.pointer("/task/assignee") == Some(&json!("usr_rep-b")), "{}", task.json);
    }
    ensure!(history(&company)? == done, "the past is another");
    let under_way = one(&company, "kind=visit&state=in_progress")?;
    ensure!(member(&under_way, "assignee") == Some("usr_rep"), "{under_way}");
    // Asked again, there is nothing left to do; and nobody can hand over to who has left.
    ensure!(end("usr_rep", "usr_rep-b")?.status.success());
    let output = end("usr_rep-b", "usr_rep")?;
    ensure!(output.status.code() == Some(1), "{}", String::from_utf8_lossy(&output.stdout));

    let before = rows_now(&place, "before-manager")?;
    ensure!(end("usr_manager", "usr_regional-admin")?.status.success());
    let moved = set(reviews.iter().map(String::as_str));
    only_their_open_work_moved(&difference(&before, &rows_now(&place, "after-manager")?), "usr_manager", &moved)?;
    ensure!(status(&company, "usr_manager")? == 401 && status(&other, "usr_manager")? == 200);
    for review in &moved {
        let task = company.as_("usr_regional-admin")?.get(&format!("/v1/tasks/{review}"))?.expect(200)?;
        ensure!(task.json.pointer("/task/assignee") == Some(&json!("usr_regional-admin")), "{}", task.json);
    }
    place.verify("tnt_one")
}

#[test]
fn somebody_leaves_on_sqlite() -> anyhow::Result<()> {
    somebody_leaves(Kind::Sqlite)
}

#[test]
fn somebody_leaves_on_postgres() -> anyhow::Result<()> {
    somebody_leaves(Kind::Postgres)
}

/// A reviewer is never the visit's rep: a review handed over to them is anybody's again who may take it up.
#[test]
fn nobody_inherits_the_review_of_their_own_visit() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &FORGETFUL, None)?;
    let company = Company::new(&place, &server, "tnt_one")?;
    company.visited("tsk_held", 500)?;
    let review = claimed_review(&company, "tsk_held")?;
    place.must(&["user", "end", "usr_manager", "--tenant", "tnt_one", "--to", "usr_rep"])?;
    let open = one(&company, "kind=review&state=open")?;
    ensure!(id(&open)? == review && open.get("assignee") == Some(&Value::Null), "{open}");
    Ok(())
}
