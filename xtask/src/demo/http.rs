//! As much HTTP as the demo needs to talk to a server on this machine: one request, one answer, one connection.

use anyhow::{Context, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is sent.
pub struct Request<'a> {
    /// GET, PUT.
    pub method: &'a str,
    /// From the first `/`.
    pub path: &'a str,
    /// Bearer token.
    pub token: &'a str,
    /// BCP 47 tag.
    pub language: &'a str,
    /// JSON; empty: none.
    pub json: &'a str,
}

/// Sends a request to `http://host:port` and gives the answer's body.
///
/// # Errors
/// The server cannot be reached, or does not say 2xx.
pub fn send(base: &str, request: &Request<'_>) -> Result<String> {
    let Request { method, path, token, language, json } = request;
    let host = base.strip_prefix("http://").with_context(|| format!("`{base}` is no http:// address"))?;
    let mut stream = TcpStream::connect(host).with_context(|| base.to_owned())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer comes in one piece, and the connection ends with it.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nAccept-Language: {language}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        json.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(json.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("{method} {path}"))?;
    body(&answer).with_context(|| format!("{method} {path}")).map(str::to_owned)
}

/// The body of an answer that says 2xx.
fn body(answer: &str) -> Result<&str> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is cut off")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
        return Ok(body);
    }
    bail!("{status}: {body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_that_says_yes_has_a_body() {
        assert_eq!(body("HTTP/1.0 200 OK\r\nETag: \"1\"\r\n\r\n{}\r\n\r\n").unwrap(), "{}\r\n\r\n");
        assert_eq!(body("HTTP/1.0 201 Created\r\n\r\n").unwrap(), "");
        assert!(body("HTTP/1.0 404 Not Found\r\n\r\nno").unwrap_err().to_string().contains("404"));
        assert!(body("HTTP/1.0 200 OK\r\n").is_err());
        assert!(body("").is_err());
    }
}
