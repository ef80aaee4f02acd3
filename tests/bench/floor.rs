//! The floor of a submission: the same HTTP server and store, the same bytes made durable, one transaction each, no engine.
//!
//! It runs as a process of its own (`bench floor …`), on a copy of the database that the real program serves. What it writes
//! is what the real program wrote for one exemplary submission, with the ids of each request in place of its own.

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use engine::event::{Event, Tip};
use engine::task::Task;
use engine::visit::visit_of_task;
use serde::{Deserialize, Serialize};
use server::store::{self, CommandRecord, Commit, Committed, Options, Store, StoreUrl, Write};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the floor is told.
#[derive(Serialize, Deserialize)]
pub struct Exemplar {
    /// As `--store` takes it.
    pub store: String,
    /// The tenant.
    pub tenant: String,
    /// Who sent the exemplary submission.
    pub actor: String,
    /// Its command.
    pub command: String,
    /// Its task.
    pub task: String,
    /// The tasks that will be asked for.
    pub tasks: Vec<String>,
    /// Most commits in one transaction: 1 for the floor.
    pub group: usize,
}

/// What is written, and where each task stands.
struct Floor {
    store: Arc<dyn Store>,
    tenant: String,
    command: CommandRecord,
    answer: Bytes,
    events: Vec<Event>,
    tasks: BTreeMap<String, Mutex<(Task, Tip)>>,
    next: AtomicU64,
}

impl Floor {
    async fn new(exemplar: Exemplar) -> anyhow::Result<Self> {
        let url: StoreUrl = exemplar.store.parse().map_err(anyhow::Error::msg)?;
        let store = store::open(&url, &Options { group: exemplar.group, ..Options::default() }).await?;
        let tenant = exemplar.tenant;
        let command = store.command(&tenant, &exemplar.actor, &exemplar.command).await?.context("no such command")?;
        let visit = visit_of_task(&exemplar.task);
        let tip = store.tip(&tenant, &visit).await?;
        let stored = store.events(&tenant, &visit, tip.seq.saturating_sub(2), 2).await?;
        let events: Vec<Event> = stored.iter().map(|event| event.event()).collect::<Result<_, _>>()?;
        let kinds: Vec<&str> = events.iter().map(|event| event.header.kind.as_str()).collect();
        ensure!(kinds == ["submitted", "assessed"], "the exemplar ends with {kinds:?}");
        let mut tasks = BTreeMap::new();
        for id in exemplar.tasks {
            let task = store.task(&tenant, &id).await?.with_context(|| id.clone())?;
            let tip = store.tip(&tenant, &visit_of_task(&id)).await?;
            tasks.insert(id, Mutex::new((task, tip)));
        }
        let answer = Bytes::from(command.answer.clone());
        Ok(Self { store, tenant, command, answer, events, tasks, next: AtomicU64::new(1) })
    }

    /// The commit of one request: two events onto the visit, the task in its next version, the command with its answer.
    fn commit(&self, id: &str, command: &str) -> Option<Commit> {
        let mut place = self.tasks.get(id)?.lock().unwrap_or_else(PoisonError::into_inner);
        let (task, tip) = &mut *place;
        let mut writes = Vec::new();
        for event in &self.events {
            let mut event = event.clone();
            event.header.stream = visit_of_task(id);
            event.header.seq = tip.seq + 1;
            event.header.previous.clone_from(&tip.hash);
            // As long as a hash and as unique; nobody verifies the floor.
            event.hash = format!("{:064x}", self.next.fetch_add(1, Ordering::Relaxed));
            *tip = Tip::after(&event);
            writes.push(Write::Event(Box::new(event)));
        }
        let before = task.version;
        task.version += 1;
        writes.push(Write::Task(Box::new(task.clone()), Some(before)));
        let command = CommandRecord { id: command.to_owned(), ..self.command.clone() };
        Some(Commit { at_ms: self.command.at_ms, command: Some(command), writes })
    }
}

/// Writes and answers.
async fn submit(
    State(floor): State<Arc<Floor>>,
    Path(task): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StatusCode> {
    let command = headers.get("idempotency-key").and_then(|id| id.to_str().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    let commit = floor.commit(&task, command).filter(|_| !body.is_empty()).ok_or(StatusCode::NOT_FOUND)?;
    match floor.store.commit(&floor.tenant, &commit).await {
        Ok(Committed::Done { .. }) => Ok(answer(&floor)),
        Ok(Committed::Conflict(_)) => Err(StatusCode::CONFLICT),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Answers and writes nothing: what HTTP alone costs.
async fn echo(State(floor): State<Arc<Floor>>, body: Bytes) -> Result<Response, StatusCode> {
    if body.is_empty() { Err(StatusCode::BAD_REQUEST) } else { Ok(answer(&floor)) }
}

fn answer(floor: &Floor) -> Response {
    ([(CONTENT_TYPE, "application/json")], floor.answer.clone()).into_response()
}

/// Serves until it is killed; says where on standard output.
pub fn serve(exemplar: &std::path::Path) -> anyhow::Result<()> {
    let exemplar: Exemplar = serde_json::from_slice(&std::fs::read(exemplar)?)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let floor = Arc::new(Floor::new(exemplar).await?);
        let router = Router::new()
            .route("/v1/tasks/{task}/submit", post(submit))
            .route("/v1/tasks/{task}/echo", post(echo))
            .with_state(floor);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        axum::serve(listener, router).await?;
        Ok(())
    })
}
