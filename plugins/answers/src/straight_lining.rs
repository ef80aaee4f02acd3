//! `straight_lining`: the same answer to every question of a battery.

use crate::leaves::{is_meant, of_input};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};

/// Config of `straight_lining`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StraightLining {
    /// The questions of the battery as patterns of JSON Pointers, for instance `/rooms/*/state`.
    questions: Vec<String>,
    /// Fewer answers than this say nothing.
    #[serde(default = "eight")]
    #[schemars(range(min = 2))]
    min_answers: u32,
    /// Answers that honestly stand everywhere, for instance `"ok"`: where all is well, all is well everywhere.
    #[serde(default)]
    harmless: Vec<Value>,
}

const fn eight() -> u32 {
    8
}

impl Rule for StraightLining {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "straight_lining",
        title: texts! { "en": "The same answer throughout", "zh-CN": "答案千篇一律" },
        description: texts! {
            "en": "Finds batteries of questions that were all given the same answer, unless it is one that honestly stands everywhere.",
            "zh-CN": "发现成组问题全部选择同一答案的情况；允许普遍出现的正常答案除外。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "answers.straight_lining",
            texts! {
                "en": "All {answers} questions of a kind were answered alike. Look at each by itself.",
                "zh-CN": "{answers} 个同类问题的答案完全相同，请逐项核实。",
            },
        )],
        source: "survey practice: non-differentiation in batteries; weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let leaves = of_input(input);
        let given: Vec<&Value> =
            leaves.iter().filter(|leaf| is_meant(&self.questions, leaf)).map(|leaf| leaf.value).collect();
        let n_given = u32::try_from(given.len()).unwrap_or(u32::MAX);
        let first = given.first().filter(|_| n_given >= self.min_answers);
        let is_one = first.is_some_and(|first| !self.harmless.contains(first) && given.iter().all(|it| it == first));
        if !is_one {
            return Ok(Findings::new());
        }
        Ok(vec![Finding::warning("answers.straight_lining").weight(10).with("answers", n_given)])
    }
}
