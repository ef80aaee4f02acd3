//! Running the engine and the rules for one decision, on a thread that may be busy for long, when it is the tenant's turn.
//! NO-TX: nothing of the store is open here.

use crate::app::App;
use crate::flows::problem::{Problem, Result};
use crate::flows::sops::Loaded;
use crate::plugins::Sandbox;
use crate::turns::Turn;
use engine::command::{Action, Clock, Command};
use engine::gather::Gathered;
use engine::rejection::Rejection;
use engine::rule::RuleCall;
use engine::submit::{self, Pending};
use engine::visit::{Visit, VisitEvent};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
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

impl Question {
    /// Whether rules may run for it; if none can, it is answered in microseconds.
    fn may_run_rules(&self) -> bool {
        match self {
            Self::Command(command) => {
                matches!(command.action, Action::Submit(_) | Action::Amend(_) | Action::Complete(_))
            }
            Self::Close(_) | Self::Again | Self::Neighbour => true,
        }
    }
}

/// What happened, or why nothing can.
///
/// # Errors
/// The judging thread died: a fault of ours.
pub async fn judge(
    app: &App,
    tenant: &str,
    loaded: Arc<Loaded>,
    visit: Visit,
    question: Question,
    gathered: Gathered,
) -> Result<std::result::Result<Vec<VisitEvent>, Rejection>> {
    let host = Arc::clone(&app.host);
    let span = tracing::Span::current();
    let turn = app.turns.take(tenant, question.may_run_rules()).await;
    let (sender, judged) = tokio::sync::oneshot::channel();
    let judging = move |turn: &Turn| {
        let _entered = span.enter();
        let sop = &loaded.effective;
        let pending: Pending<'_> = match &question {
            Question::Command(command) => submit::check(sop, &visit, command, &gathered)?,
            Question::Close(clock) => submit::close(sop, &visit, &gathered, Some(clock)),
            Question::Again => submit::close(sop, &visit, &gathered, None),
            Question::Neighbour => submit::reassess(sop, &visit, &gathered),
        };
        let sandbox = Sandbox { host: &host, plugins: &loaded.plugins, rows: Arc::clone(&loaded.rows) };
        let calls: Vec<&RuleCall> = pending.calls().collect();
        let outcomes = if turn.may_share() && calls.len() > 1 {
            calls.par_iter().map(|call| sandbox.run(call)).collect()
        } else {
            calls.iter().map(|call| sandbox.run(call)).collect()
        };
        Ok(pending.decide(outcomes))
    };
    turn.run(move |turn| {
        // Nobody listens any more when the request was given up.
        sender.send(judging(turn)).ok();
    });
    judged.await.map_err(Problem::internal)
}
