//! `sample_heaping`: everybody got exactly as many samples as is allowed.

use crate::answers;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};

/// Config of `sample_heaping`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampleHeaping {
    /// Packs of one product a doctor may have in one call.
    call_limit: u32,
    /// Fewest lines that make a pattern.
    min_lines: u32,
}

impl Default for SampleHeaping {
    fn default() -> Self {
        Self { call_limit: 4, min_lines: 3 }
    }
}

impl Rule for SampleHeaping {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "sample_heaping",
        title: texts! { "en": "Samples heaped at the limit", "zh-CN": "样品数量集中于上限" },
        description: texts! {
            "en": "Finds visits in which every line of samples is exactly the limit.",
            "zh-CN": "发现所有样品数量均恰为上限的拜访。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "sample_heaping.at_limit",
            texts! {
                "en": "All {lines} lines of samples are exactly the limit of {limit}.",
                "zh-CN": "全部 {lines} 行样品数量均恰为上限 {limit}。",
            },
        )],
        source: "tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let mut lines = Vec::new();
        for (_, submission) in answers::of_each(input, "samples") {
            lines.extend(submission.answers_as::<answers::Samples>()?.lines);
        }
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let at_limit = |line: &answers::SampleLine| line.qty == Some(f64::from(self.call_limit));
        if count < self.min_lines.max(1) || !lines.iter().all(at_limit) {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("sample_heaping.at_limit").weight(10);
        Ok(vec![finding.with("lines", count).with("limit", self.call_limit)])
    }
}
