//! `short_dwell`: the rep was gone again before the work can have been done.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, round1, texts};

/// Config of `short_dwell`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShortDwell {
    /// Shortest stay that is a visit, in seconds.
    #[schemars(range(min = 0.0, max = 86400.0))]
    min_s: f64,
}

impl Default for ShortDwell {
    fn default() -> Self {
        Self { min_s: 180.0 }
    }
}

impl Rule for ShortDwell {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "short_dwell",
        title: texts! { "en": "Too short a stay", "zh-CN": "停留时间过短" },
        description: texts! {
            "en": "Finds stays shorter than a visit takes, or than the steps that were done take together.",
            "zh-CN": "发现停留时间短于一次拜访所需，或短于已完成各步骤所需总时长的情况。",
        },
        codes: &[
            (
                "presence.short_dwell",
                texts! {
                    "en": "The stay lasted {seconds} s at most; a visit takes at least {min_seconds} s.",
                    "zh-CN": "停留最多 {seconds} 秒，有效拜访至少需要 {min_seconds} 秒。",
                },
            ),
            (
                "presence.faster_than_steps",
                texts! {
                    "en": "The stay lasted {seconds} s at most; the steps that were done take at least {min_seconds} s.",
                    "zh-CN": "停留最多 {seconds} 秒，而已完成的步骤至少需要 {min_seconds} 秒。",
                },
            ),
        ],
        source: "usual practice of field sales in China: under 3 minutes is no visit; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(dwell) = &input.visit.dwell else { return Ok(Findings::new()) };
        let longest_s = round1(dwell.max_s);
        let below = |finding: Finding, min_s: f64| {
            (longest_s < round1(min_s)).then(|| finding.with("seconds", longest_s).with("min_seconds", round1(min_s)))
        };
        Ok([
            below(Finding::error("presence.short_dwell").weight(40), self.min_s),
            below(Finding::warning("presence.faster_than_steps").weight(20), input.visit.step_minimum_s),
        ]
        .into_iter()
        .flatten()
        .collect())
    }
}
