//! `slide_dwell`: "fully detailed", and the slides were hardly looked at.

use crate::answers;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, round1, texts};

/// Config of `slide_dwell`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlideDwell {
    /// Shortest time on all slides of a full detailing, in seconds.
    min_s: f64,
}

impl Default for SlideDwell {
    fn default() -> Self {
        Self { min_s: 30.0 }
    }
}

impl Rule for SlideDwell {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "slide_dwell",
        title: texts! { "en": "Slides skipped", "zh-CN": "页面停留过短" },
        description: texts! {
            "en": "Finds a full detailing whose slides were shown for less time than one takes.",
            "zh-CN": "发现标记为完整推广但资料页面停留总时长过短的情况。",
        },
        codes: &[(
            "slide_dwell.too_short",
            texts! {
                "en": "Fully detailed, with slides shown for {seconds} s in all; at least {min_seconds} s are usual.",
                "zh-CN": "标记为完整推广，但页面停留合计仅 {seconds} 秒，通常至少 {min_seconds} 秒。",
            },
        )],
        source: "30 s: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Detailing = input.submission()?.answers_as()?;
        let dwells: Vec<f64> = answers.topics.iter().filter_map(|topic| topic.dwell_s).collect();
        let seconds = round1(dwells.iter().sum());
        // A client that measures nothing says nothing.
        if answers.level.as_deref() != Some("full") || dwells.is_empty() || seconds >= self.min_s {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("slide_dwell.too_short").at("/topics").weight(30);
        Ok(vec![finding.with("seconds", seconds).with("min_seconds", self.min_s)])
    }
}
