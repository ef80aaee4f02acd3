//! The table of visits that a server judged, and its comparison with expected rows.

use super::{Server, progress};
use crate::cli::ClientTableArguments;
use crate::expect;
use crate::table::{self, Heading, Row};
use anyhow::Context as _;
use engine::verdict::{Refusal, Verdict};
use serde_json::Value;
use std::collections::BTreeMap;

/// `sopwith client table`
pub async fn table(arguments: &ClientTableArguments) -> anyhow::Result<bool> {
    let server = Server::of(&arguments.server)?;
    let language = arguments.language.tag();
    let (from, to) = (&arguments.from, &arguments.to);
    let mut tasks = server.all(&format!("/v1/tasks?kind=visit&business_from={from}&business_to={to}")).await?;
    let id = |task: &Value| task.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    tasks.sort_by_key(id);
    let bar = progress(tasks.len(), "visits");
    let mut rows = Vec::new();
    let mut labels = BTreeMap::new();
    let mut sop = String::new();
    for task in &tasks {
        let view = server.get(&format!("/v1/tasks/{}?language={language}", id(task))).await?;
        if let Some(Value::Object(words)) = view.get("labels") {
            labels.extend(words.iter().filter_map(|(word, text)| Some((word.clone(), text.as_str()?.to_owned()))));
        }
        if let Some(pinned) = view.pointer("/pins/sop").and_then(Value::as_str) {
            let hash = view.pointer("/pins/sop_hash").and_then(Value::as_str).unwrap_or_default();
            sop = format!("{pinned} · {}", hash.get(..12).unwrap_or_default());
        }
        rows.push(row(&server, &view).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    table::print(&Heading { title: sop, labels: &labels }, &rows, language)?;
    match &arguments.expect {
        None => Ok(true),
        Some(file) => expect::compare(&rows, file, language, true),
    }
}

/// A visit as the server shows it.
async fn row(server: &Server, view: &Value) -> anyhow::Result<Row> {
    let text = |pointer: &str| view.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let verdict: Option<Verdict> = serde_json::from_value(view.get("verdict").cloned().unwrap_or_default())?;
    let refused: Vec<Refusal> = serde_json::from_value(view.get("refused").cloned().unwrap_or_default())?;
    let found = verdict.iter().flat_map(|verdict| &verdict.findings).map(|finding| finding.code.clone());
    let refused = refused
        .into_iter()
        .flat_map(|refusal| refusal.findings.into_iter().map(|finding| finding.code).chain([refusal.code]));
    let customer = text("/task/customer").context("a visit without customer")?;
    let name = server.get(&format!("/v1/customers/{customer}")).await?;
    Ok(Row {
        visit: text("/task/visit").context("a task without visit")?,
        user: text("/task/assignee").unwrap_or_default(),
        customer: name.pointer("/body/name").and_then(Value::as_str).unwrap_or(&customer).to_owned(),
        decision: serde_json::from_value(view.pointer("/task/decision").cloned().unwrap_or_default())?,
        validity: verdict.as_ref().map(|verdict| verdict.validity),
        outcome: verdict.as_ref().and_then(|verdict| verdict.outcome.clone()),
        codes: found.chain(refused).collect(),
        explanation: serde_json::from_value(view.get("explanation").cloned().context("no explanation")?)?,
    })
}
