//! HTTP/1.1 as cheaply as a driver can speak it: requests are bytes made beforehand, of an answer only status, version and
//! length are looked at. A client library would take as much of the machine as the server that is measured.

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most headers of an answer.
const HEADERS: usize = 32;

/// A request, ready to be sent.
pub fn request(method: &str, path: &str, token: &str, command: Option<&str>, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let key = command.map(|id| format!("idempotency-key: {id}\r\n")).unwrap_or_default();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{key}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back; the body is in the connection's buffer until the next call.
pub struct Answer<'a> {
    /// Status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| address.to_owned())?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and waits for the whole answer.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server hung up: {}", String::from_utf8_lossy(&self.buffer));
            }
            if let Some((status, head, length)) = head(&self.buffer)? {
                while self.buffer.len() < head + length {
                    if self.stream.read_buf(&mut self.buffer).await? == 0 {
                        bail!("the answer was cut");
                    }
                }
                return Ok(Answer { status, body: self.buffer.get(head..head + length).unwrap_or_default() });
            }
        }
    }
}

/// Status, where the body begins, and how long it is; none while the head is not complete.
fn head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.trim().parse().ok());
    Ok(Some((response.code.context("no status")?, head, length.context("an answer without content-length")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_there() -> anyhow::Result<()> {
        let whole = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(head(&whole[..30])?, None);
        assert_eq!(head(whole)?, Some((201, 43, 2)));
        Ok(())
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let text = String::from_utf8(request("POST", "/v1/tasks", "t", Some("cmd_1"), &serde_json::json!({}))).unwrap();
        assert!(text.contains("content-length: 2\r\n") && text.contains("idempotency-key: cmd_1\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n{}"), "{text}");
    }
}
