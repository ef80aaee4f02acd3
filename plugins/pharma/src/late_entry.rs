//! `late_entry`: the call was written down long after it was made.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, dates, texts,
};

/// Config of `late_entry`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LateEntry {
    /// Hours after the check-in within which a call is written down.
    within_hours: u32,
}

impl Default for LateEntry {
    fn default() -> Self {
        Self { within_hours: 24 }
    }
}

impl Rule for LateEntry {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "late_entry",
        title: texts! { "en": "Entered late", "zh-CN": "补录拜访" },
        description: texts! {
            "en": "Finds steps that were filled in long after the check-in, whenever they were sent.",
            "zh-CN": "发现签到很久之后才填写的步骤（与上传时间无关）。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "late_entry.steps",
            texts! {
                "en": "{steps} step(s) were filled in more than {limit} hours after the check-in, the last after {hours}.",
                "zh-CN": "{steps} 个步骤在签到 {limit} 小时之后填写，最晚为 {hours} 小时后。",
            },
        )],
        source: "24 h: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(check_in) = &input.visit.check_in else { return Ok(Findings::new()) };
        // The shortest it can have been.
        let after_ms = input.steps.values().map(|step| step.at.min_ms.saturating_sub(check_in.at.max_ms));
        let late: Vec<i64> = after_ms.filter(|after| *after > dates::hours_ms(self.within_hours)).collect();
        let Some(longest_ms) = late.iter().max() else { return Ok(Findings::new()) };
        let finding = Finding::warning("late_entry.steps").weight(15).with("steps", late.len());
        Ok(vec![finding.with("hours", longest_ms / dates::hours_ms(1)).with("limit", self.within_hours)])
    }
}
