//! A command about a visit: load, gather, judge, write down. The rep's verbs and the reviewer's.

use crate::app::App;
use crate::flows::book::Book;
use crate::flows::caller::Caller;
use crate::flows::follow_up;
use crate::flows::judge::{Question, judge};
use crate::flows::load::{self, LoadedVisit};
use crate::flows::once::{Answer, Asked, Decided, once};
use crate::flows::problem::{Kind, Problem, Result, Violation};
use crate::flows::sops::{self, Loaded};
use crate::flows::tasks;
use crate::flows::visits::Kept;
use crate::processor::Part;
use engine::command::{Action, Command, Create, Times};
use engine::effective::EffectiveSop;
use engine::explain;
use engine::rejection::Rejection;
use engine::rule::Finding;
use engine::submit;
use engine::task::{Actor, Resolution, Resolved, Role, Task, TaskEvent, TaskKind};
use engine::text::{LANGUAGES, Text};
use engine::time::format_utc;
use engine::verdict::Refusal;
use engine::visit::{Visit, VisitEvent, visit_of_task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// From which device, and when it was done there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sent {
    /// `dev_…`
    pub device: String,
    /// When, by the device's clocks.
    pub at: Times,
}

/// What a command that took effect is answered with.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// The task as it is now.
    pub task: Task,
    /// What was found about the submission, if it was one.
    pub findings: Vec<Finding>,
}

/// Carries a command about a visit out. `saw` is the version of the task the caller saw.
///
/// # Errors
/// Not visible, stale, or not acceptable; refusals of the engine are final answers, not errors.
pub async fn act(
    app: &App,
    caller: &Caller,
    task_id: &str,
    action: &Action,
    sent: &Sent,
    asked: &Asked,
    saw: Option<u64>,
) -> Result<Answer> {
    once(app, caller, asked, || async {
        let kept = app.visits.take(&caller.tenant, task_id, &caller.user);
        if let Some(Kept { task, loaded }) = kept.filter(|kept| saw.is_none_or(|saw| saw == kept.task.version))
            && let Ok(decided) = decide(app, caller, task, Some(loaded), action, sent, asked).await
        {
            return Ok(decided);
        }
        let task = tasks::visible(app, caller, task_id).await?;
        if saw.is_some_and(|saw| saw != task.version) {
            return Err(Problem::stale());
        }
        decide(app, caller, task, None, action, sent, asked).await
    })
    .await
}

async fn decide(
    app: &App,
    caller: &Caller,
    mut acted_on: Task,
    kept: Option<LoadedVisit>,
    action: &Action,
    sent: &Sent,
    asked: &Asked,
) -> Result<Decided> {
    let tenant = caller.tenant.as_str();
    let reviews = matches!(action, Action::Approve(_) | Action::Reject(_) | Action::Return(_));
    let mut task = match (&acted_on.kind, &acted_on.parent) {
        (TaskKind::Visit, _) => acted_on.clone(),
        (TaskKind::Review, Some(parent)) if reviews => {
            app.store.task(tenant, parent).await?.ok_or_else(|| Problem::internal(format!("{parent} is gone")))?
        }
        _ => return Err(not_possible(action, &acted_on)),
    };
    if reviews {
        may_review(app, caller, &task).await?;
    }
    let now_ms = app.clock.now_ms();
    let command = Command {
        id: asked.id.clone(),
        user: caller.user.clone(),
        device: sent.device.clone(),
        task: task.id.clone(),
        at: Times { received: Some(format_utc(now_ms)), ..sent.at.clone() },
        action: action.clone(),
    };
    let id = visit_of_task(&task.id);
    tracing::Span::current().record("visit", id.as_str());
    let before = match kept {
        Some(kept) => Some(kept),
        None => load::visit(app, tenant, &id).await?,
    };
    let loaded = sop_of(app, tenant, &task, before.as_ref(), &caller.user).await?;
    let mut book = Book::new(tenant, now_ms);
    if before.as_ref().is_none_or(|before| before.visit.pins().is_none()) {
        sops::kept(app, tenant, &loaded).await?.into_iter().for_each(|write| book.write(write));
    }
    let (before, created) = match before {
        Some(before) => (before, None),
        None if matches!(action, Action::Start {}) => {
            let roles = tasks::roles_over(app, caller, &task).await?;
            let actor = Actor { user: &caller.user, roles: &roles };
            task.may_start(&actor).map_err(|rejection| Problem::of_rejection(&rejection))?;
            begin(app, tenant, &loaded, &task, &command, now_ms).await?
        }
        None => return Err(not_possible(action, &task)),
    };
    let wanted = submit::wanted(&loaded.effective, &before.visit, &command);
    let gathered = load::gather(app, tenant, &wanted).await?;
    book.of_unit(task.org_unit.clone());
    gathered.balances.iter().for_each(|(account, balance)| book.at_end(&account.stream(), balance.tip.clone()));
    let question = Question::Command(Box::new(command));
    let LoadedVisit { visit, tip } = before;
    let (visit, events) = judge(app, tenant, Arc::clone(&loaded), visit, question, gathered).await?;
    let before = LoadedVisit { visit, tip };
    let refused = refusal(&events).map(|refusal| problem_of(&loaded.effective, refusal));
    let findings = findings(&events);
    let n_before = task.version;
    let (events, before) = match created {
        // Nothing to refuse onto: a visit that cannot even begin leaves no trace but the answer.
        Some(_) if refused.is_some() => (Vec::new(), None),
        Some(created) => (std::iter::once(created).chain(events).collect(), None),
        None => (events, Some(before)),
    };
    let mut goes_on = None;
    if !events.is_empty() {
        let visit = Part::Engine.of(|| book.visit_events(&loaded.effective, before, &id, &events))?;
        neighbours(app, tenant, &loaded.effective, &visit, &events, &mut book).await?;
        task.project(&loaded.effective, &visit, now_ms);
        book.changed_task(&mut task, n_before);
        follow_up::spawn(app, tenant, &loaded.effective, &visit, &task, &events, &mut book).await?;
        if let (Action::Complete(complete), None) = (action, &refused) {
            follow_up::close(app, caller, &visit, &complete.closes, &mut book).await?;
        }
        if reviews && refused.is_none() {
            resolve_reviews(app, caller, &task, &mut acted_on, action, &mut book).await?;
        }
        if let (Action::Contest(_), None, Some(contested)) = (action, &refused, visit.contested.last()) {
            let id = format!("{}-contest-{}", task.id, visit.contested.len());
            book.new_task(Task::contested(&task, id, &loaded.effective, contested, now_ms))?;
        }
        let tip = book.end(&id);
        goes_on = Some(Kept { task: task.clone(), loaded: LoadedVisit { visit, tip } });
    }
    let shown = if acted_on.kind == TaskKind::Visit { task } else { acted_on };
    let answer = match refused {
        Some(problem) => Answer::Refused(Box::new(problem)),
        None => {
            let etag = Some(shown.version.to_string());
            Answer::done(false, &Applied { task: shown, findings }, etag)?
        }
    };
    Ok(Decided { writes: book.into_writes(), answer, kept: goes_on })
}

/// Managers and admins review what is in their org units; never their own visit (the engine sees to that).
async fn may_review(app: &App, caller: &Caller, visit_task: &Task) -> Result<()> {
    const REVIEWERS: &[Role] = &[Role::Manager, Role::Admin];
    caller.must_be(REVIEWERS)?;
    if caller.covers(app, REVIEWERS, visit_task.org_unit.as_deref()).await? {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "scope.outside", &Value::Null))
}

/// The SOP a visit runs on: what it is pinned to, else what applies today.
async fn sop_of(app: &App, tenant: &str, task: &Task, visit: Option<&LoadedVisit>, user: &str) -> Result<Arc<Loaded>> {
    if let Some(pins) = visit.and_then(|loaded| loaded.visit.pins()) {
        return sops::pinned(app, tenant, pins).await;
    }
    let customer = task.customer.as_deref().ok_or_else(|| Problem::internal("a visit task without customer"))?;
    let rep = task.assignee.as_deref().unwrap_or(user);
    tasks::applicable_sop(app, tenant, rep, customer).await
}

/// The visit of a planned task, begun by the rep who starts it.
async fn begin(
    app: &App,
    tenant: &str,
    loaded: &Loaded,
    task: &Task,
    command: &Command,
    now_ms: i64,
) -> Result<(LoadedVisit, Option<VisitEvent>)> {
    let customer = task.customer.clone().unwrap_or_default();
    let (customer, _) = load::customer(app, tenant, &customer, now_ms).await?.ok_or_else(Problem::not_found)?;
    let create = Create { customer: customer.id.clone(), origin: task.origin, purpose: task.purpose.clone() };
    let create = Command { action: Action::Create(create), ..command.clone() };
    let event =
        submit::create(&loaded.effective, &customer, &create).map_err(|rejection| Problem::of_rejection(&rejection))?;
    let visit = Visit::begin(&event, now_ms).ok_or_else(|| Problem::internal("a creation begins a visit"))?;
    Ok((LoadedVisit { visit, tip: engine::event::Tip::default() }, Some(event)))
}

fn not_possible(action: &Action, task: &Task) -> Problem {
    let params = json!({"verb": action.verb().name(), "state": task.state.name()});
    Problem::of_rejection(&Rejection::new("task.not_possible", "", &params))
}

fn refusal(events: &[VisitEvent]) -> Option<&Refusal> {
    events.iter().find_map(|event| match event {
        VisitEvent::Refused { refusal, .. } => Some(refusal),
        _ => None,
    })
}

fn findings(events: &[VisitEvent]) -> Vec<Finding> {
    let assessed = events.iter().find_map(|event| match event {
        VisitEvent::Assessed { assessment } => Some(assessment.findings.clone()),
        _ => None,
    });
    assessed.unwrap_or_default()
}

/// A refusal of the engine as a problem, in the words of the SOP and its plugins.
fn problem_of(sop: &EffectiveSop, refusal: &Refusal) -> Problem {
    let text = |line: &dyn Fn(&str) -> String| Text(LANGUAGES.iter().map(|l| ((*l).to_owned(), line(l))).collect());
    let params = Value::Object(refusal.params.clone());
    let mut problem = Problem::new(Kind::Invalid, &refusal.code, &params);
    problem.errors = refusal
        .findings
        .iter()
        .filter(|finding| finding.effect == engine::sop::Effect::Reject)
        .map(|finding| Violation {
            pointer: format!("/body/answers{}", finding.pointer),
            code: finding.code.clone(),
            detail: text(&|language| explain::finding(sop, finding, language).text),
        })
        .collect();
    if problem.errors.is_empty() {
        problem.errors.push(Violation {
            pointer: if refusal.pointer.is_empty() { String::new() } else { format!("/body{}", refusal.pointer) },
            code: refusal.code.clone(),
            detail: problem.detail.clone(),
        });
    }
    problem
}

/// A check-in that arrives after a later one of the same rep changes what was known about that one.
pub async fn neighbours(
    app: &App,
    tenant: &str,
    sop: &EffectiveSop,
    visit: &Visit,
    events: &[VisitEvent],
    book: &mut Book<'_>,
) -> Result<()> {
    for event in events {
        let VisitEvent::Submitted { submission, .. } = event else { continue };
        let is_check_in = sop.step(&submission.step).is_some_and(|step| step.kind == engine::sop::StepKind::CheckIn);
        if !is_check_in {
            continue;
        }
        let later = app.store.next_check_in(tenant, &visit.user, &visit.id, submission.at.max_ms).await?;
        if let Some(later) = later {
            book.reassess(&later.visit, "a check-in before it arrived late");
        }
    }
    Ok(())
}

/// A review answers every open review task of the visit.
async fn resolve_reviews(
    app: &App,
    caller: &Caller,
    visit_task: &Task,
    acted_on: &mut Task,
    action: &Action,
    book: &mut Book<'_>,
) -> Result<()> {
    let (decision, reason) = match action {
        Action::Approve(note) => (Resolved::Approved, note.reason.clone()),
        Action::Reject(reason) => (Resolved::Rejected, Some(reason.reason.clone())),
        Action::Return(step) => (Resolved::Returned, Some(step.reason.clone())),
        _ => return Ok(()),
    };
    let at = format_utc(app.clock.now_ms());
    let resolution = Resolution { decision, user: caller.user.clone(), reason, at, visit: None };
    for mut review in tasks::open_reviews(app, &caller.tenant, &visit_task.id).await? {
        let before = review.version;
        let tip = app.store.tip(&caller.tenant, &review.id).await?;
        let event = TaskEvent::TaskResolved { resolution: resolution.clone() };
        book.task_events(&mut review, tip, &[event])?;
        book.changed_task(&mut review, before);
        if review.id == acted_on.id {
            *acted_on = review;
        }
    }
    Ok(())
}
