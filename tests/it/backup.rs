//! Backups made while the server is at work, put back into either database; one tenant taken out, and one removed.

use crate::killed::{everything_is_there_once, missing};
use anyhow::{Context as _, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Output;
use tests::chance::Chance;
use tests::company::Company;
use tests::demo::{self, Demo, text};
use tests::driving::Driving;
use tests::rows;
use tests::server::{FORGETFUL, Kind, Place, Server};

/// What the client has been told before the backup begins: at least so much …
const BEFORE: u64 = 100;
/// … and less than so much more.
const MORE: u64 = 200;
/// What it is told after it is made.
const AFTER: u64 = 40;

/// Makes a backup while the day is driven, and puts it back into other databases; a server there knows all that was
/// acknowledged before the backup began. The day is driven to its end on the first of them.
fn backed_up_while_driven(from: Kind, into: &[Kind]) -> anyhow::Result<()> {
    let place = Place::new(from)?;
    let server = Server::start(&place, &[], None)?;
    let demo = Demo::new(&place, &server)?;
    let day = demo::sop().join("day/day.jsonl");
    let mut driving = Driving::start(&demo, &server.client.url, &day)?;
    driving.some(BEFORE + Chance::new(&format!("backup of {from:?}"))?.below(MORE))?;
    let acknowledged = driving.acknowledged.clone();
    let folder = place.folder().join("backup");
    let (arguments, mut meanwhile) = (["backup", text(&folder)?], 0);
    let said = std::thread::scope(|scope| {
        let backup = scope.spawn(|| place.must(&arguments));
        while !backup.is_finished() {
            driving.some(1)?;
            meanwhile += 1;
        }
        backup.join().map_err(|_| anyhow::anyhow!("the backup panicked"))?
    })?;
    ensure!(meanwhile > 1, "nothing happened while the backup was made");
    driving.some(AFTER)?;
    driving.kill()?;
    println!("{} acknowledged before, {meanwhile} meanwhile: {}", acknowledged.len(), said.trim());
    drop(server);
    for (number, kind) in into.iter().enumerate() {
        let place = Place::new(*kind)?;
        place.must(&["restore", text(&folder)?])?;
        place.verify(demo::TENANT)?;
        let server = Server::start(&place, &[], None)?;
        if number == 0 {
            let driven = Driving::start(&demo, &server.client.url, &day)?.finish()?;
            let differs = acknowledged.iter().zip(&driven).find(|(first, second)| first != second);
            ensure!(differs.is_none(), "asked again: {differs:?}");
            server.clock(&demo.admin, demo::AFTER)?;
            demo.expect_rows(&place, &server)?;
            place.verify(demo::TENANT)?;
        }
        server.clock(&demo.admin, demo::AFTER)?;
        everything_is_there_once(&demo, &server, &acknowledged)?;
        ensure!(missing(&demo, &server, &acknowledged)?.is_empty());
    }
    Ok(())
}

#[test]
fn backup_of_sqlite_while_driven() -> anyhow::Result<()> {
    backed_up_while_driven(Kind::Sqlite, &[Kind::Postgres, Kind::Sqlite])
}

#[test]
fn backup_of_postgres_while_driven() -> anyhow::Result<()> {
    backed_up_while_driven(Kind::Postgres, &[Kind::Sqlite])
}

/// Evidence of a tenant: its bytes, and the hash they are kept under.
fn evidence(tenant: &str) -> (Vec<u8>, String) {
    let bytes = json!(["a track of", tenant]).to_string().into_bytes();
    let sha256 = engine::canon::sha256_hex(&bytes);
    (bytes, sha256)
}

/// A small company with a visit and a piece of evidence.
fn company(place: &Place, server: &Server, tenant: &str) -> anyhow::Result<Company> {
    let company = Company::new(place, server, tenant)?;
    company.visited("tsk_one", 500)?;
    let (bytes, sha256) = evidence(tenant);
    let path = format!("/v1/evidence/{sha256}");
    company.as_("usr_rep")?.request("PUT", &path).bytes(bytes, "application/json").send()?.expect(201)?;
    Ok(company)
}

/// Whether the rep of a company can read the visit and the evidence.
fn is_whole(company: &Company, server: &Server) -> anyhow::Result<bool> {
    let rep = server.as_(company.tokens.get("usr_rep").context("rep")?);
    let (bytes, sha256) = evidence(&company.tenant);
    let there = rep.get(&format!("/v1/evidence/{sha256}"))?;
    Ok(rep.get("/v1/tasks/tsk_one")?.status == 200 && there.status == 200 && there.bytes == bytes)
}

fn must_fail(output: &Output, code: i32, says: &str) -> anyhow::Result<()> {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(output.status.code() == Some(code) && said.contains(says), "{}: {said}", output.status);
    Ok(())
}

/// All files below a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

#[test]
fn restore_takes_only_a_whole_backup_and_only_into_an_empty_database() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    let company = company(&place, &server, "tnt_one")?;
    drop(server);
    let folder = place.folder().join("backup");
    place.must(&["backup", text(&folder)?])?;
    must_fail(&place.run(&["backup", text(&folder)?])?, 2, "must be a new folder")?;
    must_fail(&place.run(&["restore", text(&folder)?])?, 2, "not empty")?;
    let other = Place::new(Kind::Sqlite)?;
    let rows = folder.join("rows.jsonl");
    let all = std::fs::read_to_string(&rows)?;
    let lines: Vec<&str> = all.lines().collect();
    let (_, but_the_last) = lines.split_last().context("rows")?;
    let one_less = [&lines[..1], &lines[2..]].concat().join("\n");
    for cut in [but_the_last.join("\n"), lines[..lines.len() / 2].join("\n"), one_less, String::new()] {
        std::fs::write(&rows, cut)?;
        must_fail(&other.run(&["restore", text(&folder)?])?, 2, "its end is missing")?;
    }
    std::fs::write(&rows, all)?;
    let pieces = files(&folder.join("evidence"))?;
    let [piece] = &pieces[..] else { anyhow::bail!("{pieces:?}") };
    let bytes = std::fs::read(piece)?;
    let mut changed = bytes.clone();
    changed[3] ^= 1;
    std::fs::write(piece, changed)?;
    must_fail(&other.run(&["restore", text(&folder)?])?, 2, "another hash")?;
    std::fs::remove_file(piece)?;
    must_fail(&other.run(&["restore", text(&folder)?])?, 2, "evidence")?;
    // Whatever was refused left the database empty.
    std::fs::write(piece, bytes)?;
    other.must(&["restore", text(&folder)?])?;
    other.verify("tnt_one")?;
    let server = Server::start(&other, &[], None)?;
    server.clock(company.tokens.get("usr_admin").context("admin")?, tests::company::NOW)?;
    ensure!(is_whole(&company, &server)?);
    Ok(())
}

#[test]
fn a_damaged_original_is_not_backed_up() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let server = Server::start(&place, &[], None)?;
    company(&place, &server, "tnt_one")?;
    let pieces = files(&place.data().join("evidence"))?;
    let [piece] = &pieces[..] else { anyhow::bail!("{pieces:?}") };
    std::fs::write(piece, "something else")?;
    must_fail(&place.run(&["backup", text(&place.folder().join("backup"))?])?, 2, "another hash")?;
    Ok(())
}

fn tenants_come_and_go(kind: Kind) -> anyhow::Result<()> {
    let place = Place::new(kind)?;
    let server = Server::start(&place, &FORGETFUL, None)?;
    let (one, two) = (company(&place, &server, "tnt_one")?, company(&place, &server, "tnt_two")?);
    place.must(&["tenant", "suspend", "tnt_one"])?;
    let me = |company: &Company| anyhow::Ok(company.as_("usr_rep")?.get("/v1/me")?.status);
    ensure!((me(&one)?, me(&two)?) == (403, 200), "suspended");
    place.must(&["tenant", "suspend", "tnt_one", "--resume"])?;
    ensure!((me(&one)?, me(&two)?) == (200, 200), "resumed");
    must_fail(&place.run(&["tenant", "suspend", "tnt_none"])?, 1, "there is no tnt_none")?;

    let backup = |name: &str| {
        let folder = place.folder().join(name);
        place.must(&["backup", text(&folder)?])?;
        rows::read(&folder)
    };
    let before = backup("before")?;
    let export = place.folder().join("export");
    place.must(&["tenant", "export", "tnt_one", text(&export)?])?;
    ensure!(rows::read(&export)? == rows::of_tenant(&before, "tnt_one"), "the export is other than the backup");
    let (_, sha256) = evidence("tnt_one");
    let pieces = files(&export.join("evidence"))?;
    ensure!(pieces.len() == 1 && pieces.iter().all(|piece| piece.ends_with(&sha256)), "{pieces:?}");

    must_fail(&place.run(&["tenant", "delete", "tnt_one", "--confirm", "tnt_two"])?, 2, "--confirm")?;
    place.must(&["tenant", "delete", "tnt_one", "--confirm", "tnt_one"])?;
    must_fail(&place.run(&["tenant", "delete", "tnt_one", "--confirm", "tnt_one"])?, 1, "there is no tnt_one")?;
    ensure!(backup("after")? == rows::of_tenant(&before, "tnt_two"), "more or less than one tenant went");
    let left = files(&place.data().join("evidence"))?;
    ensure!(left.len() == 1 && !place.data().join("evidence/tnt_one").exists(), "{left:?}");
    ensure!((me(&one)?, me(&two)?) == (401, 200), "deleted");
    ensure!(is_whole(&two, &server)?);
    place.verify("tnt_two")?;

    // What was exported can come back elsewhere.
    let other = Place::new(kind)?;
    other.must(&["restore", text(&export)?])?;
    let server = Server::start(&other, &[], None)?;
    server.clock(one.tokens.get("usr_admin").context("admin")?, tests::company::NOW)?;
    ensure!(is_whole(&one, &server)?);
    Ok(())
}

#[test]
fn tenants_come_and_go_on_sqlite() -> anyhow::Result<()> {
    tenants_come_and_go(Kind::Sqlite)
}

#[test]
fn tenants_come_and_go_on_postgres() -> anyhow::Result<()> {
    tenants_come_and_go(Kind::Postgres)
}
