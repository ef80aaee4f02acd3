//! A full disk, a lost database, too much at once, a stop: everybody is told to come back, nothing is half there, and whoever
//! comes back with the same command finds it done once.

use anyhow::{Context as _, ensure};
use engine::event::{Event, Tips};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::client::{Answer, Client};
use tests::company::Company;
use tests::server::{FORGETFUL, Kind, Place, Server};

/// How often something is tried before the test gives up.
const TRIES: usize = 2_000;

/// For now not possible: 503 and when to come back.
fn is_unavailable(answer: &Answer) -> anyhow::Result<()> {
    ensure!(answer.status == 503 && answer.code() == "unavailable", "{} {}", answer.status, answer.json);
    ensure!(answer.header("retry-after").is_some(), "no Retry-After: {:?}", answer.headers);
    Ok(())
}

fn comment(client: &Client, task: &str, number: usize) -> anyhow::Result<Answer> {
    let text = format!("{number} {}", "words ".repeat(200));
    client.post(&format!("/v1/tasks/{task}/comment"), &format!("cmd_comment-{number}"), &json!({"text": text}))
}

/// The events of a stream, verified; how many are of a type.
fn count(client: &Client, stream: &str, kind: &str) -> anyhow::Result<usize> {
    let (mut tips, mut found, mut after) = (Tips::default(), 0, String::new());
    loop {
        let page = client.get(&format!("/v1/streams/{stream}/events?limit=200{after}"))?.expect(200)?;
        let events: Vec<Event> = serde_json::from_value(page.json.get("items").cloned().context("items")?)?;
        for event in &events {
            let verification = tips.verify(event);
            ensure!(verification.faults.is_empty(), "{stream}: {:?}", verification.faults);
        }
        found += events.iter().filter(|event| event.header.kind == kind).count();
        match page.json.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(found),
        }
    }
}

/// The largest file of the database, in bytes.
fn largest_file(place: &Place) -> anyhow::Result<u64> {
    let mut largest = 0;
    for entry in std::fs::read_dir(place.folder().join("store"))? {
        let about = entry?.metadata()?;
        largest = largest.max(if about.is_file() { about.len() } else { 0 });
    }
    Ok(largest)
}

/// Files of evidence, those that are not whole among them.
fn evidence_files(place: &Place) -> anyhow::Result<Vec<String>> {
    let mut folders = vec![place.data().join("evidence")];
    let mut names = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { names.push(path.display().to_string()) }
        }
    }
    Ok(names)
}

/// No file may grow beyond a limit, which the program is told as it is told of a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_forgotten_once_there_is_room() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_full")?;
    company.begun("tsk_one")?;
    let tokens = company.tokens.clone();
    let rep = |server: &Server| server.as_(tokens.get("usr_rep").map_or("", String::as_str));
    server.kill()?;

    let server = Server::start_limited(&place, &[], largest_file(&place)? + 100_000)?;
    let mut done = 0;
    let first = loop {
        ensure!(done < TRIES, "the disk is never full");
        let answer = comment(&rep(&server), "tsk_one", done)?;
        if answer.status != 200 {
            break answer;
        }
        done += 1;
    };
    is_unavailable(&first)?;
    ensure!(done > 0, "nothing fitted");
    // What needs no room still works, what needs some still does not.
    rep(&server).get("/v1/me")?.expect(200)?;
    rep(&server).get("/v1/tasks?limit=1")?.expect(200)?;
    is_unavailable(&comment(&rep(&server), "tsk_one", done)?)?;
    let noise: String = (0..150_000_u32).map(|n| engine::canon::sha256_hex(&n.to_be_bytes())).collect();
    let track = format!("[\"{noise}\"]").into_bytes();
    let hash = engine::canon::sha256_hex(&track);
    let put = |server: &Server| {
        let path = format!("/v1/evidence/{hash}");
        rep(server).request("PUT", &path).bytes(track.clone(), "application/json").send()
    };
    is_unavailable(&put(&server)?)?;
    ensure!(evidence_files(&place)?.is_empty(), "{:?}", evidence_files(&place)?);
    server.kill()?;

    let server = Server::start(&place, &[], None)?;
    ensure!(count(&rep(&server), "tsk_one", "task_commented")? == done, "nothing half written");
    comment(&rep(&server), "tsk_one", done)?.expect(200)?;
    comment(&rep(&server), "tsk_one", done)?.expect(200)?;
    ensure!(count(&rep(&server), "tsk_one", "task_commented")? == done + 1, "the same command once");
    put(&server)?.expect(201)?;
    put(&server)?.expect(200)?;
    ensure!(evidence_files(&place)?.len() == 1, "{:?}", evidence_files(&place)?);
    Ok(())
}

/// Ends every connection of the server to its database.
const TERMINATE: &str =
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and backend_type = 'client backend'";

#[test]
fn lost_connections_are_made_again_and_nothing_is_doubled() -> anyhow::Result<()> {
    const COMMENTS: usize = 8;
    let place = Place::new(Kind::Postgres)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_lost")?;
    company.begun("tsk_one")?;
    let rep = company.as_("usr_rep")?;
    let (name, cluster) = place.database().context("PostgreSQL")?;
    let mut database = postgres::Client::connect(cluster, postgres::NoTls)?;
    let cutting = Arc::new(AtomicBool::new(false));
    let (told, named) = (Arc::clone(&cutting), name.to_owned());
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let cutter = std::thread::spawn(move || -> anyhow::Result<u64> {
        let mut cut = 0;
        for () in begun {
            while told.load(Ordering::Relaxed) {
                cut += u64::try_from(database.query(TERMINATE, &[&named])?.len())?;
            }
        }
        Ok(cut)
    });
    let mut refused = 0;
    for number in 0..COMMENTS {
        // No connection lives while this is tried …
        cutting.store(true, Ordering::Relaxed);
        begin.send(())?;
        let first = comment(&rep, "tsk_one", number);
        cutting.store(false, Ordering::Relaxed);
        let first = first?;
        if first.status == 200 {
            continue;
        }
        is_unavailable(&first)?;
        refused += 1;
        // … and then they do; one that was cut before may still be in the way.
        let again = (0..TRIES).map(|_| comment(&rep, "tsk_one", number));
        let answer = again.into_iter().find(|answer| answer.as_ref().is_ok_and(|answer| answer.status != 503));
        answer.context("it never went through")??.expect(200)?;
    }
    drop(begin);
    let cut = cutter.join().map_err(|_| anyhow::anyhow!("the cutter panicked"))??;
    ensure!(cut > 0 && refused > 0, "{cut} connections were cut, {refused} requests refused");
    ensure!(count(&rep, "tsk_one", "task_commented")? == COMMENTS, "each comment once");
    Ok(())
}

#[test]
fn a_database_that_takes_nobody_is_told_and_comes_back() -> anyhow::Result<()> {
    let place = Place::new(Kind::Postgres)?;
    let server = Server::start(&place, &[], None)?;
    let company = Company::new(&place, &server, "tnt_gone")?;
    company.begun("tsk_one")?;
    let rep = company.as_("usr_rep")?;
    let (name, cluster) = place.database().context("PostgreSQL")?;
    let mut database = postgres::Client::connect(cluster, postgres::NoTls)?;
    database.batch_execute(&format!("alter database {name} allow_connections false"))?;
    database.query(TERMINATE, &[&name])?;
    for number in 0..3 {
        is_unavailable(&comment(&rep, "tsk_one", number)?)?;
    }
    is_unavailable(&rep.get("/v1/tasks")?)?;
    let manager = company.as_("usr_manager")?;
    is_unavailable(&manager.get("/v1/tasks/tsk_one/report")?)?;
    server.client.get("/readyz")?.expect(503)?;
    server.client.get("/healthz")?.expect(200)?;
    database.batch_execute(&format!("alter database {name} allow_connections true"))?;
    for number in 0..3 {
        comment(&rep, "tsk_one", number)?.expect(200)?;
    }
    server.client.get("/readyz")?.expect(200)?;
    ensure!(count(&rep, "tsk_one", "task_commented")? == 3, "each comment once");
    Ok(())
}

#[test]
fn a_suspended_company_is_told_and_let_in_again() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &FORGETFUL, None)?;
    let token = place.tenant("tnt_one", "admin")?;
    let other = place.tenant("tnt_two", "admin")?;
    server.as_(&token).get("/v1/me")?.expect(200)?;
    place.must(&["tenant", "suspend", "tnt_one"])?;
    let no = server.as_(&token).get("/v1/me")?.expect(403)?;
    ensure!(no.code() == "tenant.suspended", "{}", no.json);
    let write =
        server.as_(&token).put("/v1/org-units/org_a", &json!({"name": {"en": "A"}, "kind": "team", "parent": null}))?;
    ensure!(write.expect(403)?.code() == "tenant.suspended", "a write");
    server.as_(&other).get("/v1/me")?.expect(200)?;
    place.must(&["tenant", "suspend", "tnt_one", "--resume"])?;
    server.as_(&token).get("/v1/me")?.expect(200)?;
    Ok(())
}

/// A request whose handler waits for a body that is still to come.
struct UnderWay(TcpStream);

impl UnderWay {
    /// Sends all but the body, and waits for the server to ask for it.
    fn begin(client: &Client, path: &str, media_type: &str, length: usize) -> anyhow::Result<Self> {
        let host = client.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host)?;
        let token = client.token.clone().unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\nidempotency-key: cmd_under-way\r\n\
             content-type: {media_type}\r\ncontent-length: {length}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut asked = [0; 25];
        stream.read_exact(&mut asked)?;
        ensure!(asked.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&asked));
        Ok(Self(stream))
    }

    /// Sends the body; the status of the answer.
    fn end(mut self, body: &[u8]) -> anyhow::Result<u16> {
        self.0.write_all(body)?;
        let mut back = Vec::new();
        self.0.read_to_end(&mut back)?;
        let status = back.get(9..12).context("no answer")?;
        Ok(std::str::from_utf8(status)?.parse()?)
    }
}

#[test]
fn a_company_with_too_much_under_way_waits_and_others_do_not() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &["--requests-per-tenant", "1"], None)?;
    let admin = server.as_(&place.tenant("tnt_one", "admin")?);
    let other = server.as_(&place.tenant("tnt_two", "admin")?);
    let waiting = UnderWay::begin(&admin, "/v1/sops/lint", "application/json", 2)?;
    let no = admin.get("/v1/me")?.expect(429)?;
    ensure!(no.code() == "too_many" && no.header("retry-after").is_some(), "{:?} {}", no.headers, no.json);
    other.get("/v1/me")?.expect(200)?;
    server.client.get("/readyz")?.expect(200)?;
    ensure!(waiting.end(b"{}")? == 200, "the one under way");
    admin.get("/v1/me")?.expect(200)?;
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_stop_lets_what_is_under_way_end() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let admin = server.as_(&place.tenant("tnt_one", "admin")?);
    let component = std::fs::read(tests::built("SOPWITH_PLUGINS")?.join("presence.wasm"))?;
    let upload = UnderWay::begin(&admin, "/v1/plugins", "application/wasm", component.len())?;
    let stop = std::process::Command::new("kill").args(["-TERM", &server.pid().to_string()]).status()?;
    ensure!(stop.success(), "kill: {stop}");
    // Nobody else is let in any more.
    let host = admin.url.trim_start_matches("http://").to_owned();
    ensure!((0..TRIES * 100).any(|_| TcpStream::connect(&host).is_err()), "the server still listens");
    ensure!(upload.end(&component)? == 201, "the upload under way");
    let ended = server.wait()?;
    ensure!(ended.code() == Some(0), "{ended}");
    let server = Server::start(&place, &[], None)?;
    let kept = server.as_(admin.token.as_deref().unwrap_or_default()).get("/v1/plugins")?.expect(200)?;
    ensure!(kept.json.pointer("/items/0/name") == Some(&json!("presence")), "{}", kept.json);
    Ok(())
}
