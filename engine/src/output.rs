//! Outputs: what a submission becomes beyond its visit, as plain data. Pure; whoever keeps the records writes them with the
//! event they come from.
//!
//! A record is derived, never decided: the event has all of it, so records can be made again. What they post to ledgers is
//! `ledger.rs`.

use crate::canon;
use crate::command::Submission;
use crate::effective::EffectiveSop;
use crate::progress::{Context, progress};
use crate::sop::Output;
use crate::visit::{Visit, step_key};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A typed business record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputRecord {
    /// `out_…`, derived from visit, step, output, item and revision, so that making it twice makes one.
    pub id: String,
    /// Record type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `vis_…`
    pub visit: String,
    /// `cus_…`
    pub customer: String,
    /// Whose visit, `usr_…`.
    pub user: String,
    /// Step, and instance as `step[key]`.
    pub step: String,
    /// Entry of the SOP's `outputs`.
    pub output: String,
    /// Place in the list it comes from, from 0.
    pub item: u32,
    /// How often the step had been handed in: the submission it comes from.
    pub revision: u32,
    /// `YYYY-MM-DD`
    pub business_date: String,
    /// The members the SOP names; one that was not answered is not there.
    pub fields: Map<String, Value>,
}

/// The records of a submission that stands; `visit` is the one after it.
#[must_use]
pub fn records(sop: &EffectiveSop, visit: &Visit, submission: &Submission) -> Vec<OutputRecord> {
    if of_step(sop, &submission.step).next().is_none() {
        return Vec::new();
    }
    let step = step_key(&submission.step, submission.instance.as_deref());
    let revision = visit.steps.get(&step).map_or(0, |record| record.attempts);
    let context = progress(sop, visit).context_with(submission);
    let record = |output: &Output, (item, value): (u32, &Value)| OutputRecord {
        id: id(&[&visit.id, &step, &output.id, &item.to_string(), &revision.to_string()]),
        kind: output.record.clone(),
        visit: visit.id.clone(),
        customer: visit.customer.id.clone(),
        user: visit.user.clone(),
        step: step.clone(),
        output: output.id.clone(),
        item,
        revision,
        business_date: visit.business_date.clone(),
        fields: fields(output, value),
    };
    let mut records = Vec::new();
    for output in applying(sop, &submission.step, &context) {
        records.extend(items(output, submission).map(|item| record(output, item)));
    }
    records
}

/// The outputs a step has.
pub(crate) fn of_step<'a>(sop: &'a EffectiveSop, step: &str) -> impl Iterator<Item = &'a Output> {
    sop.sop.outputs.iter().filter(move |output| output.step == step)
}

/// What records of an output come from: the items of its list, or the answers as a whole.
pub(crate) fn items<'a>(output: &Output, submission: &'a Submission) -> impl Iterator<Item = (u32, &'a Value)> {
    let answers: &'a Value = &submission.answers;
    let list: &'a [Value] = match &output.each {
        Some(each) => answers.pointer(each).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default(),
        None => std::slice::from_ref(answers),
    };
    (0..).zip(list)
}

/// Where an item of an output stands in the answers.
pub(crate) fn place(output: &Output, item: u32, pointer: &str) -> String {
    output.each.as_ref().map_or_else(|| pointer.to_owned(), |each| format!("{each}/{item}{pointer}"))
}

/// The outputs of a step that apply.
pub(crate) fn applying<'a>(
    sop: &'a EffectiveSop,
    step: &str,
    context: &'a Context,
) -> impl Iterator<Item = &'a Output> {
    of_step(sop, step).filter(|output| sop.applies(output.when.as_ref(), context))
}

fn fields(output: &Output, item: &Value) -> Map<String, Value> {
    let field = |(name, pointer): (&String, &String)| Some((name.clone(), item.pointer(pointer)?.clone()));
    output.fields.iter().filter_map(field).collect()
}

fn id(parts: &[&str]) -> String {
    let hash = canon::hash_value(&json!(parts)).unwrap_or_default();
    format!("out_{}", hash.get(..40).unwrap_or_default())
}
