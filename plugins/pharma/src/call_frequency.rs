//! `call_frequency`: more calls than anybody makes, or than one doctor has time for.
//!
//! Calls of other visits are those the dataset knows of; calls per day are those of this visit.

use crate::answers;
use crate::rows::{HCPS, Hcp};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, dates, texts,
};

/// Config of `call_frequency`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallFrequency {
    /// Most calls on one doctor in a calendar month.
    per_month: u32,
    /// Most doctors in a day.
    per_day: u32,
}

impl Default for CallFrequency {
    fn default() -> Self {
        Self { per_month: 4, per_day: 25 }
    }
}

impl Rule for CallFrequency {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "call_frequency",
        title: texts! { "en": "Too many calls", "zh-CN": "拜访频次异常" },
        description: texts! {
            "en": "Counts the calls on each doctor in the month of the visit, and the doctors of the visit.",
            "zh-CN": "统计当月对每位医生的拜访次数及本次拜访的医生人数。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "call_frequency.month",
                texts! {
                    "en": "This is call {calls} on {hcp} in the month; {limit} are usual at most.",
                    "zh-CN": "本月第 {calls} 次拜访 {hcp}，通常不超过 {limit} 次。",
                },
            ),
            (
                "call_frequency.day",
                texts! {
                    "en": "{calls} doctors in one visit; {limit} in a day are usual at most.",
                    "zh-CN": "一次拜访 {calls} 位医生，通常一天不超过 {limit} 位。",
                },
            ),
        ],
        datasets: &[HCPS],
        source: "usual practice of call planning; tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let attendees =
            input.step_answers::<answers::Attendees>("attendees")?.map(|it| it.attendees).unwrap_or_default();
        let today = dates::business_date(input)?.to_string();
        // `2026-03-` of `2026-03-18`.
        let month = today.get(..8).unwrap_or_default();
        let mut findings = Findings::new();
        for attendee in &attendees {
            let Some(hcp) = Hcp::find(context, &attendee.hcp)? else { continue };
            let before = hcp.recent_calls.iter().filter(|day| day.starts_with(month) && **day < today);
            let calls = before.map(|_| 1_u32).sum::<u32>().saturating_add(1);
            // One finding however many doctors: weights add up over rules.
            if calls > self.per_month && findings.is_empty() {
                let finding = Finding::warning("call_frequency.month").weight(20).with("hcp", hcp.name);
                findings.push(finding.with("calls", calls).with("limit", self.per_month));
            }
        }
        let calls = u32::try_from(attendees.len()).unwrap_or(u32::MAX);
        if calls > self.per_day {
            let finding = Finding::warning("call_frequency.day").weight(20);
            findings.push(finding.with("calls", calls).with("limit", self.per_day));
        }
        Ok(findings)
    }
}
