//! Running the engine and the rules for one decision, on a thread that may be busy for long, when it is the tenant's turn.
//! NO-TX: nothing of the store is open here.

use crate::app::App;
use crate::flows::problem::{Problem, Result};
use crate::flows::sops::Loaded;
use crate::plugins::Sandbox;
use crate::processor::Part;
use crate::turns::Turn;
use engine::command::{Action, Clock, Command};
use engine::gather::Gathered;
use engine::rule::RuleCall;
use engine::submit;
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

/// What happened, and the visit back as it was given. A command that cannot be judged is refused.
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
) -> Result<(Visit, Vec<VisitEvent>)> {
    let host = Arc::clone(&app.host);
    let span = tracing::Span::current();
    let turn = app.turns.take(tenant, question.may_run_rules()).await;
    let (sender, judged) = tokio::sync::oneshot::channel();
    let judging = move |turn: &Turn| {
        let _entered = span.enter();
        let sop = &loaded.effective;
        let checked = Part::Engine.of(|| match &question {
            Question::Command(command) => {
                submit::check(sop, &visit, command, &gathered).map_err(|rejection| (rejection, command))
            }
            Question::Close(clock) => Ok(submit::close(sop, &visit, &gathered, Some(clock))),
            Question::Again => Ok(submit::close(sop, &visit, &gathered, None)),
            Question::Neighbour => Ok(submit::reassess(sop, &visit, &gathered)),
        });
        let pending = match checked {
            Ok(pending) => pending,
            Err((rejection, command)) => {
                let refused = rejection.refused(command);
                return (visit, vec![refused]);
            }
        };
        let sandbox = Sandbox { host: &host, plugins: &loaded.plugins, rows: Arc::clone(&loaded.rows) };
        let calls: Vec<&RuleCall> = pending.calls().collect();
        let run = |call: &&RuleCall| Part::Rules.of(|| sandbox.run(call));
        let outcomes = if turn.may_share() && calls.len() > 1 {
            calls.par_iter().map(run).collect()
        } else {
            calls.iter().map(run).collect()
        };
        let events = Part::Engine.of(|| pending.decide(outcomes));
        (visit, events)
    };
    turn.run(move |turn| {
        // Nobody listens any more when the request was given up.
        sender.send(judging(turn)).ok();
    });
    judged.await.map_err(Problem::internal)
}
