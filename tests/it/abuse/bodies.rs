//! Bodies: not JSON, not of the form, too large, cut, deep, and every member of every body replaced by poison.

use super::operations::{Operation, pointers};
use super::{DATA, Target, is_told, texts};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::client::{Answer, Client};
use tests::raw::Raw;
use tests::server::Kind;

static NEXT: AtomicU32 = AtomicU32::new(0);

fn send(client: &Client, operation: &Operation, body: Vec<u8>, media_type: Option<&str>) -> anyhow::Result<Answer> {
    let id = format!("cmd_abuse-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut request = client.request(&operation.method, &operation.path);
    if operation.headers.iter().any(|name| name == "Idempotency-Key") {
        request = request.command(&id);
    }
    if operation.headers.iter().any(|name| name == "If-Match") {
        request = request.saw(1);
    }
    request = match media_type {
        Some(media_type) => request.bytes(body, media_type),
        None => request,
    };
    request.send()
}

/// A case of the data as bytes.
fn bytes(case: &Value) -> anyhow::Result<Vec<u8>> {
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    if let Some(hex) = text("hex") {
        let digits = hex.as_bytes().chunks(2).map(|two| Ok(u8::from_str_radix(std::str::from_utf8(two)?, 16)?));
        return digits.collect();
    }
    let times = case.get("times").and_then(Value::as_u64).unwrap_or(1);
    let text = text("text").or(text("repeat")).context("a case without a body")?;
    Ok(text.repeat(usize::try_from(times)?).into_bytes())
}

fn json_operations(target: &Target) -> anyhow::Result<Vec<Operation>> {
    let all = Operation::all(&target.anybody)?;
    let with_body: Vec<Operation> = all.into_iter().filter(Operation::takes_json).collect();
    ensure!(with_body.len() > 30, "only {} operations take JSON", with_body.len());
    Ok(with_body)
}

fn bodies_that_are_no_json(kind: Kind) -> anyhow::Result<()> {
    let target = Target::new(kind)?;
    for operation in json_operations(&target)? {
        for case in DATA.get("bodies").and_then(Value::as_array).context("bodies")? {
            let about = format!("{} {}: {}", operation.method, operation.template, case["name"]);
            let answer = send(&target.anybody, &operation, bytes(case)?, Some("application/json"))?;
            is_told(&answer).with_context(|| about.clone())?;
            ensure!(answer.status == 400, "{about}: {} {}", answer.status, answer.json);
            ensure!(answer.code() == case["code"], "{about}: {}", answer.json);
            let pointer = case.get("pointer").unwrap_or(&Value::Null);
            ensure!(
                pointer.is_null() || answer.json.pointer("/errors/0/pointer") == Some(pointer),
                "{about}: {}",
                answer.json
            );
        }
        for whole in texts("wholes") {
            let answer = send(&target.anybody, &operation, whole.into(), Some("application/json"))?;
            let about = format!("{} {}: {whole}", operation.method, operation.template);
            is_told(&answer).with_context(|| about.clone())?;
            // Lint answers what is wrong with any document.
            let lints = operation.template.ends_with("/lint");
            ensure!(lints || answer.status >= 400, "{about}: {} {}", answer.status, answer.json);
        }
    }
    target.lives()
}

#[test]
fn bodies_that_are_no_json_on_sqlite() -> anyhow::Result<()> {
    bodies_that_are_no_json(Kind::Sqlite)
}

#[test]
fn bodies_that_are_no_json_on_postgres() -> anyhow::Result<()> {
    bodies_that_are_no_json(Kind::Postgres)
}

#[test]
fn bodies_that_are_too_large_cut_or_of_another_type() -> anyhow::Result<()> {
    let target = Target::new(Kind::Sqlite)?;
    for operation in Operation::all(&target.anybody)? {
        let Some(media_type) = operation.media_type.as_deref() else { continue };
        let about = format!("{} {}", operation.method, operation.template);
        let size = match media_type {
            "application/json" if operation.template.contains("/datasets/") => (8 << 20) + 1,
            "text/csv" | "application/geo+json" => (128 << 20) + 1,
            "application/json" => (2 << 20) + 1,
            "application/wasm" => (4 << 20) + 1,
            _ => (16 << 20) + 1,
        };
        let text = [b"\"".as_slice(), &vec![b'a'; size - 2], b"\""].concat();
        let answer = send(&target.anybody, &operation, text, Some(media_type)).with_context(|| about.clone())?;
        is_told(&answer).with_context(|| about.clone())?;
        ensure!(answer.status == 413 && answer.code() == "body.too_large", "{about}: {}", answer.json);
        cut(&target, &operation, media_type).with_context(|| about.clone())?;
        if operation.takes_json() {
            for (media_type, body) in [
                (Some("text/plain"), "{}"),
                (Some("application/x-www-form-urlencoded"), "a=b"),
                (Some("multipart/form-data; boundary=a"), "--a--"),
                (Some("application/xml"), "<a/>"),
                (Some(""), "{}"),
                (None, ""),
            ] {
                let answer = send(&target.anybody, &operation, body.into(), media_type)?;
                is_told(&answer).with_context(|| about.clone())?;
                ensure!(
                    answer.status == 415 && ["body.not_json", "body.not_csv"].contains(&answer.code()),
                    "{about}: {media_type:?}: {}",
                    answer.json
                );
            }
        }
    }
    target.lives()
}

/// A body that ends before it should: the connection ends, with or without an answer, and the server lives on.
fn cut(target: &Target, operation: &Operation, media_type: &str) -> anyhow::Result<()> {
    let id = format!("cmd_cut-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let raw = Raw {
        method: &operation.method,
        target: &operation.path,
        headers: &[("content-type", media_type.as_bytes()), ("idempotency-key", id.as_bytes()), ("if-match", b"\"1\"")],
        body: b"{\"device\": \"dev_",
        length: 1_000,
    };
    if let Some(answer) = target.anybody.raw(&raw)? {
        is_told(&answer)?;
        ensure!(answer.status == 400 && answer.code() == "body.cut", "{}: {}", answer.status, answer.json);
    }
    target.lives()
}

/// A body with one member replaced by a text that may not even be JSON.
fn poisoned(sample: &Value, pointer: &str, poison: &str) -> Option<String> {
    const MARK: &str = "the poison goes here";
    let mut body = sample.clone();
    *body.pointer_mut(pointer)? = json!(MARK);
    Some(body.to_string().replace(&format!("\"{MARK}\""), poison))
}

fn every_member_is_poisoned(kind: Kind) -> anyhow::Result<()> {
    let target = Target::new(kind)?;
    // Longer than an index takes, and such that it cannot be compressed away.
    let noise: String = (0..400_u32).map(|n| engine::canon::sha256_hex(&n.to_be_bytes())).collect();
    let long = format!("\"{noise}\"");
    let mut poisons = texts("poison");
    poisons.push(&long);
    for operation in json_operations(&target)?.iter().filter(|operation| !operation.takes_anything()) {
        for pointer in pointers(&operation.sample) {
            for poison in &poisons {
                let Some(body) = poisoned(&operation.sample, &pointer, poison) else { continue };
                let short: String = poison.chars().take(60).collect();
                let about = format!("{} {} {pointer} = {short}", operation.method, operation.template);
                let answer = send(&target.anybody, operation, body.into_bytes(), Some("application/json"))
                    .with_context(|| about.clone())?;
                is_told(&answer).with_context(|| about.clone())?;
                if ["1e400", "123456789012345678901234567890", "\"\\u0000\"", "\"\\ud800\""].contains(poison) {
                    ensure!(answer.status == 400, "{about}: {} {}", answer.status, answer.json);
                }
            }
            for extra in ["\"unknown_member\": 1, ", "\"device\": 1, ", "\"name\": {}, ", "\"__proto__\": {}, "] {
                let body = operation.sample.to_string().replacen('{', &format!("{{{extra}"), 1);
                let answer = send(&target.anybody, operation, body.into_bytes(), Some("application/json"))?;
                is_told(&answer).with_context(|| format!("{} {}: {extra}", operation.method, operation.template))?;
            }
        }
    }
    target.lives()
}

#[test]
fn every_member_is_poisoned_on_sqlite() -> anyhow::Result<()> {
    every_member_is_poisoned(Kind::Sqlite)
}

#[test]
fn every_member_is_poisoned_on_postgres() -> anyhow::Result<()> {
    every_member_is_poisoned(Kind::Postgres)
}

#[test]
fn unknown_and_doubled_members_are_named() -> anyhow::Result<()> {
    let target = Target::new(Kind::Sqlite)?;
    for operation in json_operations(&target)?.iter().filter(|operation| !operation.takes_anything()) {
        let about = format!("{} {}", operation.method, operation.template);
        let body = operation.sample.to_string().replacen('{', "{\"unknown_member\": 1, ", 1);
        let answer = send(&target.anybody, operation, body.into_bytes(), Some("application/json"))?;
        is_told(&answer).with_context(|| about.clone())?;
        ensure!(answer.status == 400 && answer.code() == "record.malformed", "{about}: {}", answer.json);
        let Some(name) = operation.sample.as_object().and_then(|members| members.keys().next()) else { continue };
        let body = operation.sample.to_string().replacen('{', &format!("{{\"{name}\": 1, "), 1);
        let answer = send(&target.anybody, operation, body.into_bytes(), Some("application/json"))?;
        is_told(&answer).with_context(|| about.clone())?;
        ensure!(answer.status == 400, "{about}: doubled {name}: {} {}", answer.status, answer.json);
    }
    target.lives()
}
