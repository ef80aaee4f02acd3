//! The bundled client: talks to a server as phones and administrators do, over HTTP and nothing else.
//!
//! It loads a company, publishes an SOP, and drives recorded visits with the times and photos of that day. It knows no
//! industry: what it sends is data.

mod drive;
mod import;
mod setup;
mod table;

use crate::cli::{ClientCommand, CustomersCommand, PublishArguments, ServerArguments, UploadArguments};
use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::time::Duration;

/// How often a request is tried that could not be carried out for now.
const TRIES: u32 = 8;
/// How often by somebody who waits for a server to come back: about a minute.
const TRIES_OF_THE_PATIENT: u32 = 120;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Runs a client command.
///
/// # Errors
/// The server cannot be reached, or says no.
pub async fn run(command: &ClientCommand) -> anyhow::Result<bool> {
    match command {
        ClientCommand::Load(arguments) => setup::load(arguments).await,
        ClientCommand::Customers(CustomersCommand::Import(arguments)) => import::import(arguments).await,
        ClientCommand::Tokens(arguments) => setup::tokens(arguments).await,
        ClientCommand::Drive(arguments) => drive::drive(arguments).await,
        ClientCommand::Table(arguments) => table::table(arguments).await,
    }
}

/// `sopwith sop publish`
///
/// # Errors
/// The server cannot be reached, or says no.
pub async fn publish(arguments: &PublishArguments) -> anyhow::Result<bool> {
    setup::publish(arguments).await
}

/// `sopwith plugin upload`
///
/// # Errors
/// The server cannot be reached, or says no.
pub async fn upload(arguments: &UploadArguments) -> anyhow::Result<bool> {
    setup::upload(arguments).await
}

/// A server, as somebody.
#[derive(Clone)]
pub struct Server {
    http: reqwest::Client,
    base: String,
    token: String,
    tries: u32,
}

/// An answer.
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Version, if it has one.
    pub etag: Option<String>,
    /// JSON, or null.
    pub body: Value,
}

impl Answer {
    /// Whether the same request may be answered otherwise in a moment.
    fn is_for_now(&self) -> bool {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => true,
            StatusCode::CONFLICT => {
                let code = self.body.get("code").and_then(Value::as_str);
                matches!(code, Some("busy" | "command.in_flight"))
            }
            _ => false,
        }
    }
}

/// What a request carries beside its address.
#[derive(Default, Clone, Copy)]
pub struct With<'a> {
    /// A JSON body.
    pub json: Option<&'a Value>,
    /// A body of bytes with its media type.
    pub bytes: Option<(&'a [u8], &'a str)>,
    /// The command's id.
    pub command: Option<&'a str>,
    /// The version that was seen.
    pub saw: Option<&'a str>,
}

impl Server {
    /// A server as whoever has the token.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(base: &str, token: &str) -> anyhow::Result<Self> {
        Self::answering_within(Duration::from_secs(60), base, token)
    }

    /// A server that may take so long for an answer.
    ///
    /// # Errors
    /// No client can be made.
    pub fn answering_within(longest: Duration, base: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(longest).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), token: token.to_owned(), tries: TRIES })
    }

    /// The same server, waited for when it is away for a while.
    pub fn patient(self) -> Self {
        Self { tries: TRIES_OF_THE_PATIENT, ..self }
    }

    /// The same server as somebody else.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    /// Of arguments.
    ///
    /// # Errors
    /// No client can be made.
    pub fn of(arguments: &ServerArguments) -> anyhow::Result<Self> {
        Self::new(&arguments.server, &arguments.token)
    }

    /// Sends a request; what cannot be carried out for now (429, 503, a broken connection) is tried again: it is the same
    /// command.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn send(&self, method: Method, path: &str, with: With<'_>) -> anyhow::Result<Answer> {
        self.send_after(async || Ok(()), method, path, with).await
    }

    /// Sends a request, and before each try does something else.
    ///
    /// # Errors
    /// The server cannot be reached; those of `before`.
    pub async fn send_after(
        &self,
        before: impl AsyncFn() -> anyhow::Result<()>,
        method: Method,
        path: &str,
        with: With<'_>,
    ) -> anyhow::Result<Answer> {
        let mut pause = Duration::from_millis(50);
        for attempt in 1.. {
            before().await?;
            match self.once(method.clone(), path, with).await {
                Ok(answer) if attempt < self.tries && answer.is_for_now() => {}
                Ok(answer) => return Ok(answer),
                Err(error) if attempt >= self.tries => return Err(error),
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
        bail!("no answer")
    }

    async fn once(&self, method: Method, path: &str, with: With<'_>) -> anyhow::Result<Answer> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(command) = with.command {
            request = request.header("idempotency-key", command);
        }
        if let Some(saw) = with.saw {
            request = request.header(IF_MATCH, saw);
        }
        if let Some(json) = with.json {
            request = request.json(json);
        }
        if let Some((bytes, media_type)) = with.bytes {
            request = request.header(CONTENT_TYPE, media_type).body(bytes.to_vec());
        }
        let response = request.send().await.with_context(|| format!("{} {path}", self.base))?;
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = response.bytes().await?;
        Ok(Answer { status, etag, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }

    /// Sends a request that must succeed.
    ///
    /// # Errors
    /// The server cannot be reached, or says no.
    pub async fn must(&self, method: Method, path: &str, with: With<'_>) -> anyhow::Result<Answer> {
        let answer = self.send(method.clone(), path, with).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        bail!("{method} {path}: {}", said(&answer))
    }

    /// Gets JSON.
    ///
    /// # Errors
    /// As `must`.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        Ok(self.must(Method::GET, path, With::default()).await?.body)
    }

    /// Gets every item of a list, page by page.
    ///
    /// # Errors
    /// As `must`.
    pub async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{separator}limit=200{after}")).await?;
            items.extend(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("next").and_then(Value::as_str) {
                Some(next) => after = format!("&after={next}"),
                None => return Ok(items),
            }
        }
    }
}

/// Status, code and words of an answer that says no.
pub fn said(answer: &Answer) -> String {
    let text = |member: &str| answer.body.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let places: Vec<String> = answer
        .body
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|error| {
            let text = |member: &str| error.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("\n  {} {}: {}", text("pointer"), text("code"), text("detail"))
        })
        .collect();
    format!("{} {}: {}{}", answer.status.as_u16(), text("code"), text("detail"), places.concat())
}

/// A bar for work of known length; nothing where nobody looks.
pub fn progress(length: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or_default());
    if let Ok(style) = ProgressStyle::with_template("{prefix:>12} {bar:40} {pos}/{len}  {elapsed}  {wide_msg:.dim}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar
}
