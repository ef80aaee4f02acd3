//! Tasks that a visit leaves behind: what the SOP's `tasks` ask for when a submission stands, and when the visit is judged.
//!
//! An entry makes one task: its id is derived, so whoever finds it there already makes no second one.

use crate::command::Submission;
use crate::effective::EffectiveSop;
use crate::progress::{Context, progress};
use crate::rule::Finding;
use crate::sop::Spawn;
use crate::time::working::WorkingDays;
use crate::time::{self, format_utc};
use crate::verdict::{Decision, DueWorking, SpawnedTask, Verdict};
use crate::visit::Visit;

/// Until when a task is due whose entry does not say, in seconds.
const DUE_S: u32 = 86_400;

/// The tasks of entries whose condition holds over the finished visit, and a review of what is held or drawn.
pub(crate) fn at_verdict(sop: &EffectiveSop, visit: &Visit, context: &Context, verdict: &Verdict) -> Vec<SpawnedTask> {
    let entries = sop.sop.tasks.iter().filter(|entry| entry.step.is_none());
    let from_ms = visit.last_sign_ms;
    let mut tasks: Vec<SpawnedTask> = entries
        .filter(|entry| asks(sop, entry, context, &verdict.findings))
        .map(|entry| task(sop, visit, entry, None, context, from_ms))
        .collect();
    if (verdict.decision == Decision::Held || verdict.is_drawn()) && !tasks.iter().any(|task| task.kind == "review") {
        tasks.push(SpawnedTask {
            id: id(visit, "review", None),
            kind: "review".to_owned(),
            entry: "review".to_owned(),
            role: "manager".to_owned(),
            due: format_utc(after(from_ms, DUE_S)),
            org_unit: None,
            working: None,
        });
    }
    tasks
}

/// The tasks that leave with a submission that was accepted and made at `at_ms`; `visit` is the one after it.
pub(crate) fn at_step(
    sop: &EffectiveSop,
    visit: &Visit,
    submission: &Submission,
    findings: &[Finding],
    at_ms: i64,
) -> Vec<SpawnedTask> {
    let context = progress(sop, visit).context_with(submission);
    of_step(sop, &submission.step)
        .filter(|entry| asks(sop, entry, &context, findings))
        .map(|entry| {
            let instance = submission.instance.as_deref().filter(|_| entry.step.is_some());
            task(sop, visit, entry, instance, &context, at_ms)
        })
        .collect()
}

/// Whether any task can leave with a submission of a step.
pub(crate) fn may_follow(sop: &EffectiveSop, step: &str) -> bool {
    of_step(sop, step).next().is_some()
}

/// The entries to ask when a submission of a step stands: its own, and those that wait for a finding anywhere.
fn of_step<'a>(sop: &'a EffectiveSop, step: &str) -> impl Iterator<Item = &'a Spawn> {
    sop.sop.tasks.iter().filter(move |entry| match &entry.step {
        Some(of) => of == step,
        None => entry.finding.is_some(),
    })
}

fn asks(sop: &EffectiveSop, entry: &Spawn, context: &Context, findings: &[Finding]) -> bool {
    let stands = |code: &String| findings.iter().any(|finding| finding.code == *code);
    entry.finding.as_ref().is_none_or(stands) && sop.applies(entry.when.as_ref(), context)
}

fn task(
    sop: &EffectiveSop,
    visit: &Visit,
    entry: &Spawn,
    instance: Option<&str>,
    context: &Context,
    at_ms: i64,
) -> SpawnedTask {
    let text = |computed| sop.compute(computed, context).ok().and_then(|value| value.as_str().map(str::to_owned));
    let from = entry.due_from.as_ref().and_then(text).and_then(|text| time::parse("due_from", &text).ok());
    let from_ms = from.unwrap_or(at_ms);
    let working = entry.due_working_days.map(|days| DueWorking { days, from: format_utc(from_ms) });
    let by_seconds = after(from_ms, entry.due_s.unwrap_or(DUE_S));
    let due_ms = match &working {
        Some(working) => {
            WorkingDays::default().end_of(working.days, from_ms, &visit.customer.time_zone).unwrap_or(by_seconds)
        }
        None => by_seconds,
    };
    SpawnedTask {
        id: id(visit, &entry.id, instance),
        kind: entry.kind.clone(),
        entry: entry.id.clone(),
        role: entry.role.clone(),
        due: format_utc(due_ms),
        org_unit: entry.org_unit.as_ref().and_then(text),
        working,
    }
}

fn after(from_ms: i64, seconds: u32) -> i64 {
    from_ms.saturating_add(i64::from(seconds).saturating_mul(1000))
}

/// An instance's key can be anything: its hash stands for it.
fn id(visit: &Visit, entry: &str, instance: Option<&str>) -> String {
    let suffix = visit.task.strip_prefix("tsk_").unwrap_or(&visit.task);
    let entry = entry.replace('_', "-");
    let instance = instance.map(|key| crate::canon::sha256_hex(key.as_bytes()));
    let instance = instance.as_ref().and_then(|hash| hash.get(..8)).map(|hash| format!("-{hash}")).unwrap_or_default();
    format!("tsk_{suffix}-{entry}{instance}")
}
