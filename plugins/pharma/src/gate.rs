//! What makes the score of a call nothing, however good the talk was. Each is a mark; the SOP's caps say what a mark does.

use crate::answers::{self, of_each};
use crate::call_quality::CallQuality;
use crate::rows::{Hcp, Rep};
use crate::safety;
use crate::transfer::Caps;
use sopwith_sdk::{Context, Input, RuleError};

/// The marks of a visit.
///
/// # Errors
/// `bad_answers`, `bad_row`, `bad_config`.
pub fn marks(config: &CallQuality, input: &Input, context: &Context<'_>) -> Result<Vec<&'static str>, RuleError> {
    let found = [
        ("unfiled_rep", config.require_filing && !is_filed(input, context)?),
        ("forbidden_zone", was_in_forbidden_zone(config, input)?),
        ("expired_licence_with_samples", had_samples_without_licence(input, context)?),
        ("late_adverse_event", was_safety_late(config, input)?),
        ("spend_over_cap", passed_a_cap(config, input, context)?),
        ("restricted_product", saw_restricted_product(input, context)?),
    ];
    Ok(found.into_iter().filter(|(_, holds)| *holds).map(|(mark, _)| mark).collect())
}

fn is_filed(input: &Input, context: &Context<'_>) -> Result<bool, RuleError> {
    Ok(Rep::find(context, &input.visit.user)?.is_some_and(|rep| rep.is_filed()))
}

/// Where it was planned, or where it was.
fn was_in_forbidden_zone(config: &CallQuality, input: &Input) -> Result<bool, RuleError> {
    let mut zones = Vec::new();
    zones.extend(input.step_answers::<answers::Compliance>("compliance")?.and_then(|it| it.zone));
    for (_, submission) in of_each(input, "detailing") {
        zones.extend(submission.answers_as::<answers::Detailing>()?.zone);
    }
    Ok(zones.iter().any(|zone| config.forbidden_zones.contains(zone)))
}

fn had_samples_without_licence(input: &Input, context: &Context<'_>) -> Result<bool, RuleError> {
    for (hcp, submission) in of_each(input, "samples") {
        let had_some = !submission.answers_as::<answers::Samples>()?.lines.is_empty();
        let lapsed = |hcp: &Hcp| !hcp.licence.holds_on(&input.visit.business_date);
        if had_some && Hcp::find(context, hcp)?.as_ref().is_some_and(lapsed) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn was_safety_late(config: &CallQuality, input: &Input) -> Result<bool, RuleError> {
    let Some(submission) = input.steps.get("safety") else { return Ok(false) };
    let answers: answers::Safety = submission.answers_as()?;
    Ok(safety::hours_late(submission, &answers, config.report_hours).is_some())
}

fn passed_a_cap(config: &CallQuality, input: &Input, context: &Context<'_>) -> Result<bool, RuleError> {
    let caps = Caps::of(&config.cap_item, &config.cap_year)?;
    for (hcp, submission) in of_each(input, "transfer") {
        let answers: answers::Transfers = submission.answers_as()?;
        let spent = Hcp::find(context, hcp)?.map_or(0, |hcp| hcp.spent_cents());
        if caps.are_passed(&answers.items, spent) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn saw_restricted_product(input: &Input, context: &Context<'_>) -> Result<bool, RuleError> {
    for (hcp, submission) in of_each(input, "detailing") {
        let Some(hcp) = Hcp::find(context, hcp)? else { continue };
        let answers: answers::Detailing = submission.answers_as()?;
        if answers.topics.iter().any(|topic| !hcp.may_see(&topic.product)) {
            return Ok(true);
        }
    }
    Ok(false)
}
