//! A task as a client shows it: every step with its form and what may be done now, and why not; the verdict in words.
//! A client needs no knowledge of any industry for it.

use crate::app::App;
use crate::flows::audit;
use crate::flows::caller::Caller;
use crate::flows::follow_up;
use crate::flows::load::{self, LoadedVisit};
use crate::flows::outputs::{self, OutputView};
use crate::flows::problem::Result;
use crate::flows::sops::{self, Loaded};
use crate::flows::tasks;
use engine::effective::Pins;
use engine::explain::{self, Explanation};
use engine::progress::{Standing, progress};
use engine::signature;
use engine::sop::Step;
use engine::submit;
use engine::task::{Actor, AllowedVerb, Task, TaskKind};
use engine::verdict::{Refusal, Verdict};
use engine::visit::Visit;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// See the module header.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// The task.
    pub task: Task,
    /// The steps, in an order in which they can be done.
    pub steps: Vec<StepView>,
    /// What may be done with the task.
    pub verbs: Vec<AllowedVerb>,
    /// What a run is pinned to, once it began.
    pub pins: Option<Pins>,
    /// The trade's words, in the asked language.
    pub labels: BTreeMap<String, String>,
    /// What became of the visit, in words.
    pub explanation: Option<Explanation>,
    /// What became of the visit, as data.
    pub verdict: Option<Verdict>,
    /// Attempts that were refused.
    pub refused: Vec<Refusal>,
    /// Evidence that is named and not here.
    pub awaited: Vec<String>,
    /// What is open at the customer of a visit: completing it can close what was done.
    #[serde(default)]
    pub open_at_customer: Vec<Task>,
    /// What the visit's submissions became.
    #[serde(default)]
    pub outputs: Vec<OutputView>,
}

/// A step as a client shows it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StepView {
    /// `step`, or `step[key]` for an instance.
    pub key: String,
    /// Step id.
    pub step: String,
    /// Instance key.
    pub instance: Option<String>,
    /// What the client shows: `check_in`, `form`, `photo`, …
    pub kind: String,
    /// Name, in the asked language.
    pub title: String,
    /// What the rep is told.
    pub help: Option<String>,
    /// `open`, `blocked`, `done`, …
    pub standing: String,
    /// The visit cannot complete without it.
    pub required: bool,
    /// Steps it waits for.
    pub waits_for: Vec<String>,
    /// JSON Schema and UI schema.
    #[schema(value_type = Option<Object>)]
    pub form: Option<Value>,
    /// Evidence to hand in.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<Value>,
    /// What was handed in; only for the rep, and on record for those who may see personal data.
    #[schema(value_type = Option<Object>)]
    pub submission: Option<Value>,
    /// Whether it can be handed in now.
    pub allowed: bool,
    /// Code of the reason why not.
    pub why_not: Option<String>,
}

/// The task with everything a client shows, in a language.
///
/// # Errors
/// Not there, or not for this caller.
pub async fn view(app: &App, caller: &Caller, id: &str, language: &str) -> Result<TaskView> {
    let task = tasks::visible(app, caller, id).await?;
    let tenant = caller.tenant.as_str();
    let visit = match &task.visit {
        Some(visit) => load::visit(app, tenant, visit).await?,
        None => None,
    };
    let reviewed = visit.as_ref().map(|loaded| loaded.visit.user.clone());
    let roles = tasks::roles_over(app, caller, &task).await?;
    let actor = Actor { user: &caller.user, roles: &roles };
    let mut verbs = task.allowed(&actor, reviewed.as_deref(), app.clock.now_ms());
    let open_at_customer = match &task.customer {
        Some(customer) if task.kind == TaskKind::Visit => follow_up::open_at(app, caller, customer).await?,
        _ => Vec::new(),
    };
    let Some(LoadedVisit { visit, .. }) = visit else {
        return Ok(without_visit(task, verbs, open_at_customer));
    };
    let loaded = sop_of(app, tenant, &task, &visit).await?;
    let sop = &loaded.effective;
    if task.kind == TaskKind::Visit {
        verbs.extend(submit::allowed(sop, &visit, &caller.user));
    }
    let own = visit.user == caller.user;
    let shown = own || tasks::sees_personal(app, caller, &task).await?;
    if shown && !own && visit.steps.values().any(|record| record.submission.is_some()) {
        audit::read(app, caller, json!({"visit": visit.id})).await?;
    }
    let progress = progress(sop, &visit);
    let verb = verbs.iter().find(|verb| verb.verb == "submit").and_then(|verb| verb.why_not.clone());
    let steps = progress.steps.iter().filter_map(|status| {
        let step = sop.step(&status.step)?;
        let key = status.key();
        let record = visit.steps.get(&key);
        let why_not = verb.clone().or_else(|| match status.standing {
            Standing::Open | Standing::Returned => None,
            Standing::Done if step.redoable && record.is_some() => None,
            Standing::Blocked => Some("step.out_of_order".to_owned()),
            Standing::NotApplicable => Some("step.not_applicable".to_owned()),
            Standing::Done => Some("step.already_done".to_owned()),
            Standing::Skipped => Some("step.skipped".to_owned()),
        });
        let submission = record.and_then(|record| record.submission.as_ref()).map(|submission| json!(submission));
        Some(StepView {
            key,
            step: status.step.clone(),
            instance: status.instance.clone(),
            kind: json!(step.kind).as_str().unwrap_or_default().to_owned(),
            title: step.title.get(language).unwrap_or(&step.id).to_owned(),
            help: step.help.as_ref().and_then(|help| help.get(language)).map(str::to_owned),
            standing: status.standing.name().to_owned(),
            required: status.required,
            waits_for: status.waits_for.clone(),
            form: step.form.as_ref().map(|form| json!(form)),
            evidence: evidence(step, &visit, language),
            submission: submission.filter(|_| shown),
            allowed: why_not.is_none(),
            why_not,
        })
    });
    let labels = sop.sop.labels.iter().filter_map(|(word, text)| Some((word.clone(), text.get(language)?.to_owned())));
    Ok(TaskView {
        steps: steps.collect(),
        verbs,
        pins: visit.pins().cloned(),
        labels: labels.collect(),
        explanation: Some(explain::visit(sop, &visit, language)),
        verdict: visit.verdict().cloned(),
        refused: visit.refused.clone(),
        awaited: visit.awaited.iter().cloned().collect(),
        open_at_customer,
        outputs: outputs::of_visit(app, caller, &visit.id).await?,
        task,
    })
}

/// What is asked for; of a signature also the hash of what it would be given for now.
fn evidence(step: &Step, visit: &Visit, language: &str) -> Vec<Value> {
    let one = |requirement: &engine::sop::EvidenceRequirement| {
        let mut shown = json!(requirement);
        if let Some(members) = shown.as_object_mut() {
            members.insert("title".into(), json!(requirement.title.get(language)));
            if !requirement.signs.is_empty() {
                let content = signature::content_sha256(visit, &requirement.signs, None);
                members.insert("content_sha256".into(), json!(content));
            }
        }
        shown
    };
    step.evidence.iter().map(one).collect()
}

fn without_visit(task: Task, verbs: Vec<AllowedVerb>, open_at_customer: Vec<Task>) -> TaskView {
    TaskView {
        task,
        steps: Vec::new(),
        verbs,
        pins: None,
        labels: BTreeMap::new(),
        explanation: None,
        verdict: None,
        refused: Vec::new(),
        awaited: Vec::new(),
        open_at_customer,
        outputs: Vec::new(),
    }
}

/// The SOP a visit runs on, or would begin on today.
async fn sop_of(app: &App, tenant: &str, task: &Task, visit: &Visit) -> Result<Arc<Loaded>> {
    match visit.pins() {
        Some(pins) => sops::pinned(app, tenant, pins).await,
        None => {
            let customer = task.customer.as_deref().unwrap_or(&visit.customer.id);
            Ok(tasks::applicable_sop(app, tenant, &visit.user, customer).await?)
        }
    }
}
