//! A plain HTTP client for tests: what was sent and what came back, nothing retried, nothing hidden.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::time::Duration;

/// A server's address and a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::blocking::Client,
    /// `http://127.0.0.1:port`
    pub url: String,
    /// Bearer token; none: no header.
    pub token: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as JSON, or null.
    pub json: Value,
}

impl Answer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The problem's code, or nothing.
    #[must_use]
    pub fn code(&self) -> &str {
        self.json.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    /// This answer, if it has the status.
    ///
    /// # Errors
    /// It has another.
    pub fn expect(self, status: u16) -> anyhow::Result<Self> {
        ensure!(
            self.status == status,
            "{} instead of {status}: {}",
            self.status,
            String::from_utf8_lossy(&self.bytes).chars().take(2000).collect::<String>()
        );
        Ok(self)
    }
}

/// A request in the making.
pub struct Request {
    builder: reqwest::blocking::RequestBuilder,
}

impl Request {
    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { builder: self.builder.json(body) }
    }

    /// A body of bytes.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Vec<u8>>, media_type: &str) -> Self {
        Self { builder: self.builder.header("content-type", media_type).body(bytes.into()) }
    }

    /// A header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { builder: self.builder.header(name, value) }
    }

    /// The command's id.
    #[must_use]
    pub fn command(self, id: &str) -> Self {
        self.header("idempotency-key", id)
    }

    /// The version that was seen.
    #[must_use]
    pub fn saw(self, version: impl std::fmt::Display) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// Sends it.
    ///
    /// # Errors
    /// No answer came.
    pub fn send(self) -> anyhow::Result<Answer> {
        let response = self.builder.send().context("no answer")?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let bytes = response.bytes().context("the answer was cut")?.to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Answer { status, headers, bytes, json })
    }
}

impl Client {
    /// A client of the server at `url`.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(url: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let http = reqwest::blocking::Client::builder().timeout(Duration::from_secs(120)).build()?;
        Ok(Self { http, url: url.to_owned(), token: token.map(str::to_owned) })
    }

    /// The same server as somebody else.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// Any request.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        let method = method.parse().unwrap_or_default();
        let mut builder = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        Request { builder }
    }

    /// A GET.
    ///
    /// # Errors
    /// No answer came.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.request("GET", path).send()
    }

    /// A PUT of JSON.
    ///
    /// # Errors
    /// No answer came.
    pub fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.request("PUT", path).json(body).send()
    }

    /// A command.
    ///
    /// # Errors
    /// No answer came.
    pub fn post(&self, path: &str, id: &str, body: &Value) -> anyhow::Result<Answer> {
        self.request("POST", path).command(id).json(body).send()
    }
}
