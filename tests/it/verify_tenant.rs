//! `sopwith verify --tenant`: a served company holds, and one flipped byte, wherever it is, is named.

use anyhow::{Context as _, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use tests::company::{Company, position};
use tests::server::{Kind, Place, Server};

/// A PNG of one pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0, 0, 1, 8,
    0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0,
    1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// A company with visits of many ends, its server stopped in good order.
fn company(place: &Place) -> anyhow::Result<String> {
    let server = Server::start(place, &[], None)?;
    let company = Company::new(place, &server, "tnt_proof")?;
    let sha256 = engine::canon::sha256_hex(PNG);
    company.visited("tsk_plain", 7)?;
    company.visited("tsk_held", 500)?;
    // Evidence that comes after the submission that names it, and after the verdict.
    let (user, task) = ("usr_rep", "tsk_late");
    company.verb(user, task, "create", 1, json!({"id": task, "customer": "cus_a", "origin": "ad_hoc"}))?.expect(201)?;
    company.verb(user, task, "start", 1, json!({}))?.expect(200)?;
    let times = json!({"wall": "2026-03-18T09:00:00+08:00", "monotonic_ms": 900, "boot": "boot-1"});
    let photo = json!({"requirement": "entrance", "sha256": sha256, "kind": "photo", "class": "entrance", "live": true, "captured": times});
    let arrive = json!({"step": "arrive", "answers": {}, "position": position(), "evidence": [photo]});
    company.verb(user, task, "submit", 1, arrive)?.expect(200)?;
    // A refused attempt, then the right one.
    let refused =
        company.verb(user, task, "submit", 2, json!({"step": "look", "answers": {"count": -1}}))?.expect(422)?;
    assert_eq!(refused.code(), "submission.refused", "{}", refused.json);
    company.verb(user, task, "submit", 3, json!({"step": "look", "answers": {"count": 0}}))?.expect(200)?;
    company.verb(user, task, "submit", 4, json!({"step": "leave", "answers": {}}))?.expect(200)?;
    company.verb(user, task, "complete", 1, json!({}))?.expect(200)?;
    let rep = company.as_(user)?;
    rep.request("PUT", &format!("/v1/evidence/{sha256}")).bytes(PNG, "image/png").send()?.expect(201)?;
    // Begun and forgotten: closed by policy.
    company.begun("tsk_forgotten")?;
    server.clock(&company.tokens["usr_admin"], "2026-03-20T01:00:00Z")?;
    let forgotten = rep.get("/v1/tasks/tsk_forgotten")?.expect(200)?;
    assert_eq!(forgotten.json.pointer("/task/validity"), Some(&json!("invalid")), "{}", forgotten.json);
    end(server)?;
    Ok(company.tenant)
}

/// Ends a server in good order, so that its database file holds everything.
fn end(server: Server) -> anyhow::Result<()> {
    let status = std::process::Command::new("kill").args(["-TERM", &server.pid().to_string()]).status()?;
    ensure!(status.success(), "kill: {status}");
    let ended = server.wait()?;
    ensure!(ended.success(), "the server ended with {ended}");
    Ok(())
}

fn verify(place: &Place, tenant: &str) -> anyhow::Result<(Option<i32>, String)> {
    let output = place.run(&["verify", "--tenant", tenant])?;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok((output.status.code(), printed))
}

/// Flips one bit in the middle of the first place of a file that holds `marker`.
fn flip(file: &Path, marker: &[u8], within: usize) -> anyhow::Result<()> {
    let mut bytes = std::fs::read(file)?;
    let at = bytes.windows(marker.len()).position(|window| window == marker);
    let at = at.with_context(|| format!("{}: no `{}`", file.display(), String::from_utf8_lossy(marker)))?;
    *bytes.get_mut(at + within).context("within the marker")? ^= 1;
    std::fs::write(file, bytes)?;
    Ok(())
}

fn database(place: &Place) -> PathBuf {
    place.folder().join("store/sopwith.db")
}

#[test]
fn a_served_company_holds_and_one_flipped_byte_is_named() -> anyhow::Result<()> {
    let place = Place::new(Kind::Sqlite)?;
    let tenant = company(&place)?;
    let (code, printed) = verify(&place, &tenant)?;
    assert_eq!(code, Some(0), "{printed}");
    for line in ["hashes: all equal", "follow from their events", "findings: all equal"] {
        assert!(printed.contains(line), "{printed}");
    }
    let whole = std::fs::read(database(&place))?;
    // Where the byte is, and what must be said about it.
    let places: [(&[u8], usize, &str); 4] = [
        (b"\"note\":\"all well\"", 10, "✗ event vis_"),
        (b"\"type\":\"visit_completed\",\"v\":1", 12, "✗ event vis_"),
        (b"\"x-absent\":[\"refused\"]", 14, "✗ object "),
        (b"\"name\":\"Place a\"", 9, "✗ "),
    ];
    for (marker, within, named) in places {
        flip(&database(&place), marker, within)?;
        let (code, printed) = verify(&place, &tenant)?;
        let marker = String::from_utf8_lossy(marker);
        assert_eq!(code, Some(1), "{marker}: {printed}");
        assert!(printed.contains(named), "{marker}: {printed}");
        std::fs::write(database(&place), &whole)?;
    }
    let sha256 = engine::canon::sha256_hex(PNG);
    let photo = place.data().join("evidence").join(&tenant).join(&sha256[..2]).join(&sha256);
    flip(&photo, b"IDAT", 6)?;
    let (code, printed) = verify(&place, &tenant)?;
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains(&format!("✗ evidence {sha256}")), "{printed}");
    Ok(())
}

#[test]
fn a_served_company_on_postgresql_holds() -> anyhow::Result<()> {
    let place = Place::new(Kind::Postgres)?;
    let tenant = company(&place)?;
    let (code, printed) = verify(&place, &tenant)?;
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("findings: all equal"), "{printed}");
    Ok(())
}
