//! Bytes to a server and bytes back, for requests that no HTTP library would send.

use crate::client::{Answer, Client};
use anyhow::{Context as _, Result};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What a request line, headers and a body have in common, before they are bytes.
pub struct Raw<'a> {
    /// Method.
    pub method: &'a str,
    /// Path and query exactly as they are sent.
    pub target: &'a str,
    /// Headers beside `host`, `connection`, the client's token and the length of the body.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// As much of the body as is sent.
    pub body: &'a [u8],
    /// The length that is claimed.
    pub length: usize,
}

impl Client {
    /// Sends a request as it stands and then nothing more; none: the connection ended without an answer.
    ///
    /// # Errors
    /// There is no connection, or what comes back is not HTTP.
    pub fn raw(&self, raw: &Raw<'_>) -> Result<Option<Answer>> {
        let host = self.url.trim_start_matches("http://");
        let mut out = format!(
            "{} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
            raw.method, raw.target, raw.length
        )
        .into_bytes();
        if let Some(token) = &self.token {
            out.extend(format!("authorization: Bearer {token}\r\n").as_bytes());
        }
        for (name, value) in raw.headers {
            out.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        out.extend(b"\r\n");
        out.extend(raw.body);
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(90)))?;
        // A server that has seen enough may close before all is sent; what it said is still there.
        if stream.write_all(&out).is_ok() && raw.body.len() < raw.length {
            stream.shutdown(Shutdown::Write)?;
        }
        let mut back = Vec::new();
        if stream.read_to_end(&mut back).is_err() && back.is_empty() {
            return Ok(None);
        }
        if back.is_empty() { Ok(None) } else { parse(&back).map(Some) }
    }
}

fn parse(back: &[u8]) -> Result<Answer> {
    let end = back.windows(4).position(|four| four == b"\r\n\r\n").context("no end of headers")?;
    let (head, body) = back.split_at(end);
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let bytes = body.get(4..).unwrap_or_default().to_vec();
    let json = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer { status: status.context("no status")?, headers, bytes, json })
}
