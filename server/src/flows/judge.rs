//! Running the engine and the rules for one decision, on a thread that may block. NO-TX: nothing of the store is open here.

use crate::app::App;
use crate::flows::problem::{Problem, Result};
use crate::flows::sops::Loaded;
use crate::plugins::Sandbox;
use engine::command::{Clock, Command};
use engine::gather::Gathered;
use engine::journal::Outside as _;
use engine::rejection::Rejection;
use engine::submit::{self, Pending};
use engine::visit::{Visit, VisitEvent};
use std::sync::Arc;

/// What is to be judged.
pub enum Question {
    /// A command.
    Command(Box<Command>),
    /// The policy closes the visit.
    Close(Clock),
    /// The verdict again: something it awaited is here.
    Again,
    /// Check-in and verdict again: a neighbour arrived late.
    Neighbour,
}

/// What happened, or why nothing can.
///
/// # Errors
/// The judging thread died: a fault of ours.
pub async fn judge(
    app: &App,
    loaded: Arc<Loaded>,
    visit: Visit,
    question: Question,
    gathered: Gathered,
) -> Result<std::result::Result<Vec<VisitEvent>, Rejection>> {
    let host = Arc::clone(&app.host);
    let span = tracing::Span::current();
    let judging = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        let sop = &loaded.effective;
        let pending: Pending<'_> = match &question {
            Question::Command(command) => submit::check(sop, &visit, command, &gathered)?,
            Question::Close(clock) => submit::close(sop, &visit, &gathered, Some(clock)),
            Question::Again => submit::close(sop, &visit, &gathered, None),
            Question::Neighbour => submit::reassess(sop, &visit, &gathered),
        };
        let mut sandbox = Sandbox { host: &host, plugins: &loaded.plugins, rows: Arc::clone(&loaded.rows) };
        let outcomes = pending.calls().map(|call| sandbox.call(call)).collect();
        Ok(pending.decide(outcomes))
    });
    judging.await.map_err(Problem::internal)
}
