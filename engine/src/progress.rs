//! Where a run stands: which steps apply, which are open, what is still required, and the CEL context all of that is
//! evaluated in.
//!
//! Conditions are evaluated in the order of the DAG, each seeing the steps before it, so that the counts move with the
//! answers. A `when` that cannot be evaluated does not hold; a `required` that cannot is taken as true.

use crate::command::Submission;
use crate::condition::Roots;
use crate::effective::{EffectiveSop, Sight};
use crate::sop::{Step, StepKind};
use crate::visit::{StepState, Visit, step_key};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where one step (or one instance of a repeated step) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its condition does not hold.
    NotApplicable,
    /// Steps before it are not over.
    Blocked,
    /// May be handed in now.
    Open,
    /// Accepted.
    Done,
    /// Left out.
    Skipped,
    /// To be done again.
    Returned,
}

impl Standing {
    /// Steps after it may begin.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::NotApplicable | Self::Done | Self::Skipped => true,
            Self::Blocked | Self::Open | Self::Returned => false,
        }
    }

    /// The name CEL and clients see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::Blocked => "blocked",
            Self::Open => "open",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Returned => "returned",
        }
    }
}

/// One row of the progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StepStatus {
    /// Step id.
    pub step: String,
    /// Instance key of a repeated step.
    pub instance: Option<String>,
    /// Where it stands.
    pub standing: Standing,
    /// The visit cannot complete without it.
    pub required: bool,
    /// Steps it waits for that are not over.
    pub waits_for: Vec<String>,
}

impl StepStatus {
    /// `step` or `step[key]`.
    #[must_use]
    pub fn key(&self) -> String {
        step_key(&self.step, self.instance.as_deref())
    }

    fn has_key(&self, key: &str) -> bool {
        if self.instance.is_none() { self.step == key } else { self.key() == key }
    }
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Steps in DAG order, instances after each other.
    pub steps: Vec<StepStatus>,
    /// CEL context without a submission.
    pub context: Context,
}

/// What conditions of an SOP are evaluated over: each root is shared, and of steps there is only what the SOP's own
/// conditions may read. So a copy costs nothing, and nobody copies answers that no condition looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    answers: Arc<Value>,
    absent: Arc<Value>,
    evidence: Arc<Value>,
    steps: Arc<Value>,
    customer: Arc<Value>,
    parameters: Arc<Value>,
    visit: Arc<Value>,
}

impl Roots for Context {
    fn root(&self, name: &str) -> Option<&Value> {
        match name {
            "answers" => Some(&self.answers),
            "absent" => Some(&self.absent),
            "evidence" => Some(&self.evidence),
            "steps" => Some(&self.steps),
            "customer" => Some(&self.customer),
            "parameters" => Some(&self.parameters),
            "visit" => Some(&self.visit),
            _ => None,
        }
    }
}

impl Context {
    /// With more members of `visit`.
    #[must_use]
    pub(crate) fn with_visit(mut self, members: &[(&str, Value)]) -> Self {
        if let Value::Object(visit) = Arc::make_mut(&mut self.visit) {
            visit.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        self
    }
}

impl Progress {
    /// The row of a step or instance.
    #[must_use]
    pub fn status(&self, key: &str) -> Option<&StepStatus> {
        self.steps.iter().find(|status| status.has_key(key))
    }

    /// Required steps that apply, and how many of them are over.
    #[must_use]
    pub fn required(&self) -> (usize, usize) {
        let required = self.steps.iter().filter(|status| status.required && status.standing != Standing::NotApplicable);
        (required.clone().count(), required.filter(|status| status.standing.is_over()).count())
    }

    /// Required steps that are not over.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.steps.iter().filter(|status| status.required && !status.standing.is_over()).map(StepStatus::key).collect()
    }

    /// The context with a submission's answers, absent marks and evidence in it, and which instance of a repeated step it is
    /// of as `visit.instance`.
    #[must_use]
    pub fn context_with(&self, submission: &Submission) -> Context {
        let context = self.context.clone();
        let context = match &submission.instance {
            Some(instance) => context.with_visit(&[("instance", json!(instance))]),
            None => context,
        };
        Context {
            answers: object_or_empty(&submission.answers),
            absent: Arc::new(json!(submission.absent)),
            evidence: Arc::new(json!(submission.evidence)),
            ..context
        }
    }
}

fn object_or_empty(answers: &Arc<Value>) -> Arc<Value> {
    if answers.is_object() { Arc::clone(answers) } else { Arc::new(json!({})) }
}

/// Computes where `visit` stands under `sop`.
#[must_use]
pub fn progress(sop: &EffectiveSop, visit: &Visit) -> Progress {
    let mut context = base_context(sop, visit);
    let mut steps = Vec::new();
    let mut over: BTreeMap<&str, bool> = BTreeMap::new();
    for step in sop.steps_in_order() {
        let waits_for: Vec<String> = sop
            .waits_for(step)
            .into_iter()
            .filter(|id| !over.get(id).copied().unwrap_or(false))
            .map(str::to_owned)
            .collect();
        let rows = rows(sop, visit, step, &waits_for, &context);
        over.insert(&step.id, is_over(step, &rows));
        let sight = sop.sight(&step.id);
        if sight != Sight::Nothing
            && let Value::Object(known) = Arc::make_mut(&mut context.steps)
        {
            known.insert(step.id.clone(), step_context(visit, step, &rows, sight));
        }
        steps.extend(rows);
    }
    Progress { steps, context }
}

/// The rows of one step: one, or one for each instance.
fn rows(sop: &EffectiveSop, visit: &Visit, step: &Step, waits_for: &[String], context: &Context) -> Vec<StepStatus> {
    let required = sop.compute(&step.required, context).map_or(true, |value| value != Value::Bool(false));
    let row = |instance: Option<String>, standing: Standing| StepStatus {
        step: step.id.clone(),
        instance,
        standing,
        required,
        waits_for: waits_for.to_vec(),
    };
    if !sop.applies(step.when.as_ref(), context) {
        return vec![row(None, Standing::NotApplicable)];
    }
    let standing = |key: &str| match visit.steps.get(key).map(|record| record.state) {
        Some(StepState::Done) => Standing::Done,
        Some(StepState::Skipped) => Standing::Skipped,
        Some(StepState::Returned) => Standing::Returned,
        None if !waits_for.is_empty() => Standing::Blocked,
        None if step.kind == StepKind::Brief => Standing::Done,
        None => Standing::Open,
    };
    match instances(sop, step, context) {
        None => vec![row(None, standing(&step.id))],
        Some(keys) if keys.is_empty() => vec![row(None, Standing::NotApplicable)],
        Some(keys) => {
            let mut rows: Vec<StepStatus> =
                keys.into_iter().map(|key| row(Some(key.clone()), standing(&step_key(&step.id, Some(&key))))).collect();
            if is_over(step, &rows) {
                rows.iter_mut().filter(|row| !row.standing.is_over()).for_each(|row| row.required = false);
            }
            rows
        }
    }
}

/// Instance keys of a repeated step; `None` for an ordinary one.
fn instances(sop: &EffectiveSop, step: &Step, context: &Context) -> Option<Vec<String>> {
    let repeat = step.repeat.as_ref()?;
    let list = sop.compute(&repeat.over, context).unwrap_or(Value::Null);
    let mut keys: Vec<String> = Vec::new();
    for item in list.as_array().into_iter().flatten() {
        if let Some(key) = item.as_str().filter(|key| !keys.iter().any(|seen| seen == key)) {
            keys.push(key.to_owned());
        }
    }
    keys.truncate(usize::try_from(repeat.max).unwrap_or(usize::MAX));
    Some(keys)
}

/// A repeated step is over when enough of its instances are.
fn is_over(step: &Step, rows: &[StepStatus]) -> bool {
    let done = rows.iter().filter(|row| row.standing.is_over()).count();
    let wanted =
        step.repeat.as_ref().and_then(|repeat| repeat.min).map_or(rows.len(), |min| usize::try_from(min).unwrap_or(0));
    done >= wanted.min(rows.len())
}

fn base_context(sop: &EffectiveSop, visit: &Visit) -> Context {
    let untouched: Map<String, Value> = sop
        .sop
        .steps
        .iter()
        .filter_map(|step| match sop.sight(&step.id) {
            Sight::Nothing => None,
            Sight::State => Some((step.id.clone(), json!({"state": "open"}))),
            Sight::Everything => {
                Some((step.id.clone(), json!({"state": "open", "answers": {}, "absent": {}, "evidence": []})))
            }
        })
        .collect();
    Context {
        answers: Arc::new(json!({})),
        absent: Arc::new(json!({})),
        evidence: Arc::new(json!([])),
        steps: Arc::new(Value::Object(untouched)),
        customer: Arc::new(
            json!({"id": visit.customer.id, "type": visit.customer.kind, "fields": visit.customer.fields}),
        ),
        parameters: Arc::clone(&sop.parameters_root),
        visit: Arc::new(json!({
            "id": visit.id,
            "user": visit.user,
            "origin": visit.create.origin,
            "purpose": visit.create.purpose,
            "business_date": visit.business_date,
            "closed_by_policy": false,
        })),
    }
}

fn step_context(visit: &Visit, step: &Step, rows: &[StepStatus], sight: Sight) -> Value {
    let one = |row: &StepStatus| {
        let submission = visit
            .steps
            .get(&row.key())
            .filter(|_| row.standing == Standing::Done && sight == Sight::Everything)
            .and_then(|record| record.submission.as_ref());
        json!({
            "state": row.standing.name(),
            "answers": submission.map_or_else(|| json!({}), |s| object_or_empty(&s.answers).as_ref().clone()),
            "absent": submission.map_or_else(|| json!({}), |s| json!(s.absent)),
            "evidence": submission.map_or_else(|| json!([]), |s| json!(s.evidence)),
        })
    };
    match rows {
        [row] if row.instance.is_none() => one(row),
        rows => {
            let instances: Map<String, Value> =
                rows.iter().filter_map(|row| row.instance.clone().map(|key| (key, one(row)))).collect();
            let state = if is_over(step, rows) { "done" } else { "open" };
            json!({"state": state, "answers": {}, "absent": {}, "evidence": [], "instances": instances})
        }
    }
}
