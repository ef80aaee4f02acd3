//! Paths, query strings and headers that nobody was given.

use super::operations::Operation;
use super::{Target, is_told, texts};
use anyhow::{Context as _, ensure};
use tests::client::Answer;
use tests::raw::Raw;
use tests::server::Kind;

/// Latin-1, so that bytes that are no UTF-8 can be written down in the data.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}

fn send(target: &Target, method: &str, path: &str, headers: &[(&str, &[u8])]) -> anyhow::Result<Answer> {
    let raw = Raw { method, target: path, headers, body: b"{}", length: 2 };
    target.anybody.raw(&raw)?.with_context(|| format!("{method} {path}: no answer"))
}

/// What the HTTP library itself says no to never reaches a handler and has no body.
fn is_told_or_bare(answer: &Answer) -> anyhow::Result<()> {
    if [400, 414, 431].contains(&answer.status) && answer.bytes.is_empty() { Ok(()) } else { is_told(answer) }
}

fn names_and_queries_nobody_was_given(kind: Kind) -> anyhow::Result<()> {
    let target = Target::new(kind)?;
    let long = format!("cus_{}", "a".repeat(8_000));
    let noise: String = (0..100_u32).map(|n| engine::canon::sha256_hex(&n.to_be_bytes())).collect();
    for operation in Operation::all(&target.anybody)? {
        let about = format!("{} {}", operation.method, operation.template);
        let headers: &[(&str, &[u8])] =
            &[("content-type", b"application/json"), ("idempotency-key", b"cmd_abuse"), ("if-match", b"\"1\"")];
        let names = operation.template.split('/').filter(|part| part.starts_with('{'));
        for name in names {
            for wrong in texts("targets").into_iter().chain([long.as_str(), noise.as_str()]) {
                let fill = |part: &str| if part == name { wrong.to_owned() } else { part.replace(['{', '}'], "") };
                let path = operation.template.split('/').map(fill).collect::<Vec<_>>().join("/");
                let answer = send(&target, &operation.method, &path, headers)?;
                is_told_or_bare(&answer).with_context(|| format!("{about}: {path}"))?;
                ensure!(answer.status >= 400, "{about}: {path}: {}", answer.json);
            }
        }
        for name in &operation.query {
            for value in texts("queries").into_iter().chain([noise.as_str()]) {
                let path = format!("{}?{name}={value}", operation.path);
                let answer = send(&target, &operation.method, &path, headers)?;
                is_told_or_bare(&answer).with_context(|| path.clone())?;
                let refuses = name == "limit" && !value.is_empty() || name == "after" && !value.starts_with("1.");
                ensure!(!refuses || answer.status == 400, "{path}: {} {}", answer.status, answer.json);
            }
            let twice = format!("{}?{name}=1&{name}=2", operation.path);
            is_told(&send(&target, &operation.method, &twice, headers)?).with_context(|| twice.clone())?;
        }
        let unknown = format!("{}?nobody_knows=1&=&&%3D", operation.path);
        is_told(&send(&target, &operation.method, &unknown, headers)?).with_context(|| unknown.clone())?;
    }
    target.lives()
}

#[test]
fn names_and_queries_nobody_was_given_on_sqlite() -> anyhow::Result<()> {
    names_and_queries_nobody_was_given(Kind::Sqlite)
}

#[test]
fn names_and_queries_nobody_was_given_on_postgres() -> anyhow::Result<()> {
    names_and_queries_nobody_was_given(Kind::Postgres)
}

#[test]
fn headers_that_are_none_are_told() -> anyhow::Result<()> {
    let target = Target::new(Kind::Sqlite)?;
    let nobody = target.server.client.clone();
    let huge = "a".repeat(100_000);
    for operation in Operation::all(&target.anybody)? {
        let about = format!("{} {}", operation.method, operation.template);
        let json: (&str, &[u8]) = ("content-type", b"application/json");
        for authorization in texts("authorizations").into_iter().chain([huge.as_str()]) {
            let value = latin1(authorization);
            let headers = [json, ("authorization", value.as_slice()), ("idempotency-key", b"cmd_abuse")];
            let raw =
                Raw { method: &operation.method, target: &operation.path, headers: &headers, body: b"{}", length: 2 };
            let answer = nobody.raw(&raw)?.with_context(|| about.clone())?;
            is_told_or_bare(&answer).with_context(|| format!("{about}: {authorization}"))?;
            ensure!(answer.status == 401 || answer.bytes.is_empty(), "{about}: {} {}", answer.status, answer.json);
        }
        for (header, wrongs, status) in
            [("Idempotency-Key", texts("commands"), 400), ("If-Match", texts("versions"), 412)]
        {
            if !operation.headers.iter().any(|name| name == header) {
                continue;
            }
            for wrong in wrongs.into_iter().chain([huge.as_str()]) {
                let value = latin1(wrong);
                let fine: (&str, &[u8]) = match header {
                    "If-Match" => ("idempotency-key", b"cmd_abuse"),
                    _ => ("if-match", b"\"1\""),
                };
                let answer =
                    send(&target, &operation.method, &operation.path, &[json, fine, (header, value.as_slice())])?;
                is_told_or_bare(&answer).with_context(|| format!("{about}: {header}: {wrong}"))?;
                let bare = answer.bytes.is_empty();
                ensure!(
                    bare || answer.status == status,
                    "{about}: {header}: {wrong}: {} {}",
                    answer.status,
                    answer.json
                );
            }
        }
        if operation.headers.iter().any(|name| name == "Idempotency-Key") {
            let answer = send(&target, &operation.method, &operation.path, &[json, ("if-match", b"\"1\"")])?;
            is_told(&answer).with_context(|| about.clone())?;
            ensure!(answer.code() == "command.id_missing", "{about}: {}", answer.json);
        }
        let odd =
            [json, ("accept-language", b"\xff, *;q=x, zh;q=9e999".as_slice()), ("accept", b"text/\xff".as_slice())];
        is_told(&send(&target, &operation.method, &operation.path, &odd)?).with_context(|| about.clone())?;
    }
    target.lives()
}

#[test]
fn bytes_that_are_no_http_end_the_connection_and_nothing_else() -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let target = Target::new(Kind::Sqlite)?;
    let host = target.anybody.url.trim_start_matches("http://");
    let requests: &[&[u8]] = &[
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/tasks HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /v1/tasks HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"POST /v1/tasks HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
    ];
    for request in requests {
        let mut stream = std::net::TcpStream::connect(host)?;
        stream.write_all(request)?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap_or_default();
        let status: u16 = back.get(9..12).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(400);
        ensure!(status < 500, "{}", String::from_utf8_lossy(&back));
        target.lives()?;
    }
    Ok(())
}
