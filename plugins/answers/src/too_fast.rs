//! `too_fast`: steps were handed in before anybody can have done them.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `too_fast`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TooFast {
    /// Share of the least time of a step (`min_seconds`) below which it was too fast.
    #[schemars(range(min = 0.01, max = 1.0))]
    share: f64,
    /// So many steps must have been too fast: one alone may be a slip of the finger.
    #[schemars(range(min = 1))]
    min_steps: u32,
}

impl Default for TooFast {
    fn default() -> Self {
        Self { share: 0.5, min_steps: 2 }
    }
}

impl Rule for TooFast {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "too_fast",
        title: texts! { "en": "Steps done too fast", "zh-CN": "填写过快" },
        description: texts! {
            "en": "Compares how long steps were open with how long they take at least. A client that does not say when a step was opened gives no signal.",
            "zh-CN": "将各步骤的填写时长与其最短时长比较。客户端未上报打开时间时不作判断。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "answers.too_fast",
            texts! {
                "en": "{steps} step(s) were open for {seconds} s together at most; they take at least {min_seconds} s.",
                "zh-CN": "有 {steps} 个步骤合计最多只用了 {seconds} 秒，而至少需要 {min_seconds} 秒。",
            },
        )],
        source: "survey practice: paradata on speeding; share and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let known = input.submissions().filter_map(|it| Some((it.spent.as_ref()?.max_s, it.minimum_s?)));
        let fast: Vec<(f64, f64)> =
            known.filter(|(spent_s, least_s)| round1(*spent_s) < round1(least_s * self.share)).collect();
        let n_fast = u32::try_from(fast.len()).unwrap_or(u32::MAX);
        if n_fast < self.min_steps {
            return Ok(Findings::new());
        }
        let seconds = round1(fast.iter().map(|(spent_s, _)| spent_s).sum());
        let least = round1(fast.iter().map(|(_, least_s)| least_s).sum());
        let finding = Finding::warning("answers.too_fast").weight(20).with("steps", n_fast);
        Ok(vec![finding.with("seconds", seconds).with("min_seconds", least)])
    }
}
