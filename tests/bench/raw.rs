//! The floor's own floor: the statements of a submission in a raw loop over the same schema, with the bytes the program wrote
//! for one. `rusqlite` on one thread for SQLite, `pgbench` for PostgreSQL.

use crate::workload::TENANT;
use anyhow::{Context as _, bail, ensure};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The rows of one submission.
struct Rows {
    command: Vec<Value>,
    events: Vec<Vec<Value>>,
    payloads: Vec<Vec<Value>>,
}

/// Columns whose values are of the request, by table: what a loop puts in place of the exemplar's.
const COMMANDS: &str = "tenant, actor, id, body_hash, status, answer, etag, at_ms";
const EVENTS: &str = "tenant, stream, seq, hash, header";
const PAYLOADS: &str = "tenant, stream, seq, name, salt, value";

fn rows(connection: &Connection, command: &str, visit: &str) -> anyhow::Result<Rows> {
    let all = |sql: String| -> anyhow::Result<Vec<Vec<Value>>> {
        let mut statement = connection.prepare(&sql)?;
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|index| row.get(index)).collect())?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let last = format!("(select seq from streams where tenant = '{TENANT}' and stream = '{visit}') - 2");
    let of_visit = format!("tenant = '{TENANT}' and stream = '{visit}' and seq > {last} order by seq");
    let mut commands = all(format!("select {COMMANDS} from commands where tenant = '{TENANT}' and id = '{command}'"))?;
    Ok(Rows {
        command: commands.pop().context("no such command")?,
        events: all(format!("select {EVENTS} from events where {of_visit}"))?,
        payloads: all(format!("select {PAYLOADS} from payloads where {of_visit}"))?,
    })
}

/// Transactions a second of a loop over a copy of the database; each round has ids of its own.
pub fn sqlite(
    file: &Path,
    (command, visit): (&str, &str),
    tasks: &[String],
    round: u64,
    length: Duration,
) -> anyhow::Result<f64> {
    let mut connection = Connection::open(file)?;
    for (name, value) in
        [("journal_mode", "wal"), ("synchronous", "full"), ("foreign_keys", "on"), ("secure_delete", "on")]
    {
        connection.pragma_update(None, name, value)?;
    }
    let rows = rows(&connection, command, visit)?;
    let columns: Vec<String> =
        connection.prepare("select * from tasks")?.column_names().iter().map(|c| (*c).to_owned()).collect();
    let binds = |count: usize| (1..=count).map(|bind| format!("?{bind}")).collect::<Vec<_>>().join(", ");
    let set: Vec<String> = columns.iter().enumerate().map(|(index, name)| format!("{name} = ?{}", index + 1)).collect();
    let update_task = format!("update tasks set {} where tenant = ?1 and id = ?2 and version = ?3 - 1", set.join(", "));
    let insert = |table: &str, columns: &str| {
        format!("insert into {table} ({columns}) values ({})", binds(columns.split(',').count()))
    };
    let (commands, events, payloads) =
        (insert("commands", COMMANDS), insert("events", EVENTS), insert("payloads", PAYLOADS));
    let begun = Instant::now();
    let mut done = 0_u64;
    for task in tasks.iter().cycle() {
        if begun.elapsed() >= length {
            break;
        }
        let stream = task.replacen("tsk_", "vis_", 1);
        let hash = |number: u64| format!("{:064x}", ((round + 1) << 40) + done * 2 + number);
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut command = rows.command.clone();
        set_at(&mut command, 2, format!("cmd_raw-{round}-{done}"));
        transaction.prepare_cached(&commands)?.execute(params_from_iter(command))?;
        let seq: i64 = transaction
            .prepare_cached(
                "update streams set seq = seq + 2, hash = ?3 where tenant = ?1 and stream = ?2 returning seq",
            )?
            .query_row([TENANT, &stream, &hash(1)], |row| row.get(0))?;
        for (number, event) in (0_u64..).zip(&rows.events) {
            let mut event = event.clone();
            set_at(&mut event, 1, stream.clone());
            set_at(&mut event, 2, seq - 1 + i64::try_from(number)?);
            set_at(&mut event, 3, hash(number));
            transaction.prepare_cached(&events)?.execute(params_from_iter(event))?;
        }
        let first = rows.payloads.first().and_then(|row| row.get(2)).cloned();
        for payload in &rows.payloads {
            let mut payload = payload.clone();
            let later = i64::from(payload.get(2).cloned() != first);
            set_at(&mut payload, 1, stream.clone());
            set_at(&mut payload, 2, seq - 1 + later);
            transaction.prepare_cached(&payloads)?.execute(params_from_iter(payload))?;
        }
        let mut row: Vec<Value> = transaction
            .prepare_cached("select * from tasks where tenant = ?1 and id = ?2")?
            .query_row([TENANT, task], |row| (0..columns.len()).map(|index| row.get(index)).collect())?;
        let Some(Value::Integer(version)) = row.get(2).cloned() else { bail!("a task without version") };
        set_at(&mut row, 2, version + 1);
        let changed = transaction.prepare_cached(&update_task)?.execute(params_from_iter(row))?;
        ensure!(changed == 1, "{task} did not change");
        transaction
            .prepare_cached("delete from task_terms where tenant = ?1 and task = ?2")?
            .execute([TENANT, task])?;
        let change: i64 = transaction
            .prepare_cached("update counters set change_seq = change_seq + 1 where tenant = ?1 returning change_seq")?
            .query_row([TENANT], |row| row.get(0))?;
        transaction
            .prepare_cached("insert into changes (tenant, change_seq, at_ms, what) values (?1, ?2, ?3, ?4)")?
            .execute((TENANT, change, 0, what(task, &stream)))?;
        transaction.commit()?;
        done += 1;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn set_at(row: &mut [Value], index: usize, value: impl Into<Value>) {
    if let Some(place) = row.get_mut(index) {
        *place = value.into();
    }
}

/// What a commit tells others, as long as the program says it.
fn what(task: &str, stream: &str) -> String {
    format!(r#"[{{"event":["{stream}",4]}},{{"event":["{stream}",5]}},{{"task":"{task}"}}]"#)
}

/// Transactions a second of `pgbench` with so many clients over a copy of the database. None without `pgbench`.
pub fn postgres(store: &str, command: &str, visit: &str, clients: usize, seconds: u64) -> anyhow::Result<Option<f64>> {
    let Some(pgbench) = std::env::var_os("SOPWITH_PGBENCH").filter(|program| Path::new(program).exists()) else {
        return Ok(None);
    };
    let mut client = postgres::Client::connect(store, postgres::NoTls)?;
    let mut script = String::from("\\set task random(0, 7)\n");
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut variable = |value: String| {
        let name = format!("v{}", variables.len());
        variables.push((name.clone(), value));
        format!(":{name}")
    };
    let command = client.query_one(
        "select actor, body_hash, answer, at_ms from commands where tenant = $1 and id = $2",
        &[&TENANT, &command],
    )?;
    let (actor, body_hash): (String, String) = (command.get(0), command.get(1));
    let answer = variable(command.get(2));
    let at_ms: i64 = command.get(3);
    let stream = "'vis_v-' || :client_id || '-' || :task";
    let task = "'tsk_v-' || :client_id || '-' || :task";
    script.push_str("begin;\n");
    writeln!(
        script,
        "insert into commands (tenant, actor, id, body_hash, status, answer, etag, at_ms) values ('{TENANT}', '{actor}', \
         'cmd_' || gen_random_uuid(), '{body_hash}', 0, {answer}, null, {at_ms}) on conflict do nothing;"
    )?;
    let hash = "md5(random()::text) || md5(random()::text)";
    writeln!(
        script,
        "update streams set seq = seq + 2, hash = {hash} where tenant = '{TENANT}' and stream = {stream} returning seq \\gset"
    )?;
    let last = "(select seq from streams where tenant = $1 and stream = $2) - 2";
    let events = client.query(
        &format!("select seq, header from events where tenant = $1 and stream = $2 and seq > {last} order by seq"),
        &[&TENANT, &visit],
    )?;
    let first: i64 = events.first().context("no events")?.get(0);
    for event in &events {
        let back = 1 - (event.get::<_, i64>(0) - first);
        let header = variable(event.get(1));
        writeln!(
            script,
            "insert into events (tenant, stream, seq, hash, header) values ('{TENANT}', {stream}, :seq - {back}, {hash}, {header});"
        )?;
    }
    let payloads = client.query(
        &format!("select seq, name, salt, value from payloads where tenant = $1 and stream = $2 and seq > {last} order by seq"),
        &[&TENANT, &visit],
    )?;
    let values: Vec<String> = payloads
        .iter()
        .map(|row| {
            let back = 1 - (row.get::<_, i64>(0) - first);
            let (name, salt): (String, String) = (row.get(1), row.get(2));
            let value = variable(row.get(3));
            format!("('{TENANT}', {stream}, :seq - {back}, '{name}', '{salt}', {value})")
        })
        .collect();
    writeln!(script, "insert into payloads (tenant, stream, seq, name, salt, value) values {};", values.join(", "))?;
    let body: String = client
        .query_one(
            "select body from tasks where tenant = $1 and id = $2",
            &[&TENANT, &visit.replacen("vis_", "tsk_", 1)],
        )?
        .get(0);
    let body = variable(body);
    let same = ["kind", "state", "title_text", "customer", "location", "sop", "purpose", "origin", "plan", "priority"];
    let same: Vec<String> = same.iter().map(|name| format!("{name} = {name}")).collect();
    writeln!(
        script,
        "update tasks set version = version + 1, {}, body = {body} where tenant = '{TENANT}' and id = {task};",
        same.join(", ")
    )?;
    writeln!(script, "delete from task_terms where tenant = '{TENANT}' and task = {task};")?;
    writeln!(
        script,
        "update counters set change_seq = change_seq + 1 where tenant = '{TENANT}' returning change_seq \\gset"
    )?;
    let what = variable(what("tsk_v-00-00", "vis_v-00-00"));
    writeln!(
        script,
        "insert into changes (tenant, change_seq, at_ms, what) values ('{TENANT}', :change_seq, 0, {what});\ncommit;"
    )?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("submit.sql");
    std::fs::write(&file, script)?;
    let mut run = Command::new(pgbench);
    run.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]).arg("--file").arg(&file);
    run.arg(format!("--client={clients}")).arg(format!("--time={seconds}"));
    for (name, value) in &variables {
        run.arg("--define").arg(format!("{name}={value}"));
    }
    let output = run.arg(store).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}\n{said}{}", output.status, String::from_utf8_lossy(&output.stderr));
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    Ok(Some(tps.with_context(|| format!("pgbench says no tps:\n{said}"))?))
}
