//! `digit_heaping`: counts end on 0 and 5 far more often than counting makes them.
//!
//! Last digits of real counts above ten are spread nearly evenly, so two in ten end on 0 or 5; estimates and inventions heap there
//! (age heaping, Whipple's index: 1.0 is none, 5.0 is all). Of 20 honest counts 12 or more end so once in 10,000 times.

use crate::leaves::{is_meant, of_input};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, ratio, round1, texts,
};

/// Config of `digit_heaping`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DigitHeaping {
    /// Which answers are counts, as patterns of JSON Pointers; empty: every whole number.
    questions: Vec<String>,
    /// Answers that are no counts: measures read to the next five, numbers of whole cases, what is filled in for the rep.
    ignore: Vec<String>,
    /// Smaller counts are seen at a glance and say nothing.
    #[schemars(range(min = 1))]
    min_value: u64,
    /// Fewer counts than this say nothing.
    #[schemars(range(min = 5))]
    min_counts: u32,
    /// Share of counts ending on 0 or 5 from which on they are heaped.
    #[schemars(range(min = 0.2, max = 1.0))]
    share: f64,
}

impl Default for DigitHeaping {
    fn default() -> Self {
        Self { questions: Vec::new(), ignore: Vec::new(), min_value: 10, min_counts: 20, share: 0.6 }
    }
}

impl Rule for DigitHeaping {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "digit_heaping",
        title: texts! { "en": "Round numbers", "zh-CN": "数字凑整" },
        description: texts! {
            "en": "Finds counts that end on 0 or 5 far more often than counting makes them.",
            "zh-CN": "发现清点数量以 0 或 5 结尾的比例远高于实际清点结果的情况。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "answers.digit_heaping",
            texts! {
                "en": "{percent} % of {counts} counts end on 0 or 5. Count, do not estimate.",
                "zh-CN": "{counts} 个数量中有 {percent}% 以 0 或 5 结尾，请实际清点，不要估算。",
            },
        )],
        source: "last digits of counts, as Whipple's index has them for ages; limits and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let leaves = of_input(input);
        let counts: Vec<u64> = leaves
            .iter()
            .filter(|leaf| self.questions.is_empty() || is_meant(&self.questions, leaf))
            .filter(|leaf| !is_meant(&self.ignore, leaf))
            .filter_map(|leaf| whole(leaf.value))
            .filter(|count| *count >= self.min_value)
            .collect();
        let n_counts = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        let heaped = counts.iter().filter(|count| count.is_multiple_of(5)).count();
        let heaped = f64::from(u32::try_from(heaped).unwrap_or(u32::MAX));
        let share = ratio(heaped, n_counts.into()).filter(|_| n_counts >= self.min_counts).unwrap_or_default();
        if share < self.share {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("answers.digit_heaping").weight(10);
        Ok(vec![finding.with("percent", round1(share * 100.0)).with("counts", n_counts)])
    }
}

/// The number, if it is a whole one; 3.0 is.
fn whole(value: &Value) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative, below 2^53")]
    let of_float = |number: f64| (number.fract() == 0.0 && (0.0..9e15).contains(&number)).then_some(number as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}
