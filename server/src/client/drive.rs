//! Driving recorded visits: every command as its phone would have sent it, at its recorded time, with its photos.
//!
//! The server's clock is moved by hand to the time each record was received. A server that goes away is waited for: what
//! it did not answer is sent again, the same command under the same id. What is acknowledged is written down, so that a
//! test can kill the server anywhere and ask afterwards whether it kept its word.

use super::{Answer, Server, With, progress, said};
use crate::cli::DriveArguments;
use anyhow::{Context as _, bail, ensure};
use engine::canon;
use engine::command::{Adjustment, Command, Record};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

/// `sopwith client drive`
pub async fn drive(arguments: &DriveArguments) -> anyhow::Result<bool> {
    let bytes = std::fs::read(&arguments.tokens).with_context(|| arguments.tokens.display().to_string())?;
    let tokens: BTreeMap<String, String> = serde_json::from_slice(&bytes)?;
    let recorded =
        std::fs::read_to_string(&arguments.visits).with_context(|| arguments.visits.display().to_string())?;
    let lines: Vec<&str> = recorded.lines().filter(|line| !line.trim().is_empty()).collect();
    let operator = tokens.get(&arguments.operator).with_context(|| format!("no token of {}", arguments.operator))?;
    let mut driver = Driver {
        server: Server::new(&arguments.server, operator)?.patient(),
        operator: operator.clone(),
        tokens,
        evidence: &arguments.evidence,
        reporters: BTreeMap::new(),
        acknowledged: match &arguments.acknowledged {
            None => None,
            Some(file) if file.as_os_str() == "-" => Some(Box::new(std::io::stdout())),
            Some(file) => Some(Box::new(std::fs::OpenOptions::new().create(true).append(true).open(file)?)),
        },
        refused: 0,
    };
    let bar = progress(lines.len(), "records");
    for (index, line) in lines.iter().enumerate() {
        let record = Record::from_json(line.as_bytes()).with_context(|| format!("line {}", index + 1))?;
        if let Record::Command(command) = &record {
            bar.set_message(format!("{} {}", command.at.received.as_deref().unwrap_or_default(), command.task));
        }
        driver.record(&record).await.with_context(|| format!("line {}", index + 1))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!("{} records driven, {} commands refused", lines.len(), driver.refused);
    Ok(true)
}

struct Driver<'a> {
    server: Server,
    operator: String,
    tokens: BTreeMap<String, String>,
    evidence: &'a Path,
    /// Who took a photo, by hash.
    reporters: BTreeMap<String, String>,
    acknowledged: Option<Box<dyn std::io::Write>>,
    refused: u64,
}

impl Driver<'_> {
    async fn record(&mut self, record: &Record) -> anyhow::Result<()> {
        match record {
            // Customers were loaded with the company.
            Record::Customer(_) => Ok(()),
            Record::Clock(clock) => self.clock(&clock.now).await,
            Record::Evidence(arrival) => self.upload(&arrival.sha256, &arrival.received).await,
            Record::Adjustment(adjustment) => self.adjust(adjustment).await,
            Record::Command(command) => self.command(command).await,
        }
    }

    async fn clock(&self, now: &str) -> anyhow::Result<()> {
        let body = json!({"now": now});
        let with = With { json: Some(&body), ..With::default() };
        self.server.with_token(&self.operator).must(Method::PUT, "/v1/clock", with).await?;
        Ok(())
    }

    /// Sends a user's request at a recorded time. A server that was started again does not know how late it is, so it is
    /// told before each try.
    async fn send(&self, user: &str, now: &str, method: Method, path: &str, with: With<'_>) -> anyhow::Result<Answer> {
        let token = self.tokens.get(user).with_context(|| format!("no token of {user}"))?;
        self.server.with_token(token).send_after(async || self.clock(now).await, method, path, with).await
    }

    async fn upload(&mut self, sha256: &str, now: &str) -> anyhow::Result<()> {
        let file = self.evidence.join(format!("{sha256}.png"));
        let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
        let user = self.reporters.get(sha256).with_context(|| format!("nobody named {sha256}"))?;
        let with = With { bytes: Some((&bytes, "image/png")), ..With::default() };
        let answer = self.send(user, now, Method::PUT, &format!("/v1/evidence/{sha256}"), with).await?;
        ensure!(answer.status.is_success(), "{sha256} of {user}: {}", said(&answer));
        let line = json!({"evidence": sha256, "user": user});
        self.acknowledge(&line)
    }

    async fn adjust(&self, adjustment: &Adjustment) -> anyhow::Result<()> {
        let Adjustment { ledger, account, amount, user, reason, received } = adjustment;
        let body = json!({"account": account, "amount": amount, "reason": reason});
        // The same line is the same command, however often the day is driven.
        let hash = canon::hash_value(&json!(adjustment))?;
        let id = format!("cmd_{}", hash.get(..40).unwrap_or_default());
        let with = With { json: Some(&body), command: Some(&id), ..With::default() };
        let answer = self.send(user, received, Method::POST, &format!("/v1/ledgers/{ledger}/entries"), with).await?;
        ensure!(answer.status.is_success(), "{account:?} of {ledger}: {}", said(&answer));
        Ok(())
    }

    async fn command(&mut self, command: &Command) -> anyhow::Result<()> {
        let sent = json!(command.as_sent());
        let verb = sent.get("verb").and_then(Value::as_str).context("verb")?.to_owned();
        let mut body = sent.get("body").cloned().unwrap_or_else(|| json!({}));
        for evidence in body.get("evidence").and_then(Value::as_array).into_iter().flatten() {
            if let Some(sha256) = evidence.get("sha256").and_then(Value::as_str) {
                self.reporters.entry(sha256.to_owned()).or_insert_with(|| command.user.clone());
            }
        }
        let path = if verb == "create" {
            if let Value::Object(members) = &mut body {
                members.insert("id".into(), json!(command.task));
            }
            "/v1/tasks".to_owned()
        } else {
            format!("/v1/tasks/{}/{verb}", command.task)
        };
        let envelope = json!({"device": command.device, "at": sent.get("at"), "body": body});
        let with = With { json: Some(&envelope), command: Some(&command.id), ..With::default() };
        let now = command.at.received.as_deref().context("a command without time of receipt")?;
        let answer = self.send(&command.user, now, Method::POST, &path, with).await?;
        self.check(&answer, command)?;
        self.acknowledge(&json!({
            "command": command.id, "user": command.user, "task": command.task,
            "status": answer.status.as_u16(), "answer": canon::hash_value(&without_request_id(answer.body))?,
        }))
    }

    /// A refusal is part of the day; anything else but success is not.
    fn check(&mut self, answer: &Answer, command: &Command) -> anyhow::Result<()> {
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::UNPROCESSABLE_ENTITY => {
                self.refused += 1;
                Ok(())
            }
            _ => bail!("{} of {}: {}", command.id, command.user, said(answer)),
        }
    }

    fn acknowledge(&mut self, what: &Value) -> anyhow::Result<()> {
        let Some(file) = &mut self.acknowledged else { return Ok(()) };
        writeln!(file, "{what}")?;
        Ok(())
    }
}

/// What must be the same when a command is answered again.
fn without_request_id(mut body: Value) -> Value {
    if let Value::Object(members) = &mut body {
        members.remove("request_id");
    }
    body
}
