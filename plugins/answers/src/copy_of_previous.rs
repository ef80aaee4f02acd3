//! `copy_of_previous`: the answers are those of the last visit to the same customer.

use crate::leaves::{Leaf, is_meant, of_input, of_submission};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, ratio, round1, texts,
};
use std::collections::BTreeMap;

/// Config of `copy_of_previous`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CopyOfPrevious {
    /// Share of equal answers from which on they are a copy.
    #[schemars(range(min = 0.5, max = 1.0))]
    share: f64,
    /// Fewer answers than this say nothing.
    #[schemars(range(min = 1))]
    min_answers: u32,
    /// Of what is counted or measured (numbers other than 0) at least so many must have been answered, and the share of those that
    /// are equal must be as large: where nothing changed, choices stay as they were, but something is sold or moved all the same.
    #[schemars(range(min = 0))]
    min_counts: u32,
    /// Answers that are not compared because they are filled in for the rep or never change: `/skus/*/gtin`, `order/lines/*/ads`.
    ignore: Vec<String>,
}

impl Default for CopyOfPrevious {
    fn default() -> Self {
        Self { share: 0.95, min_answers: 20, min_counts: 8, ignore: Vec::new() }
    }
}

/// How many answers are there, and how many are equal.
#[derive(Default)]
struct Count {
    all: u32,
    equal: u32,
}

impl Count {
    fn add(&mut self, is_equal: bool) {
        self.all += 1;
        self.equal += u32::from(is_equal);
    }

    fn share(&self) -> f64 {
        ratio(self.equal.into(), self.all.into()).unwrap_or_default()
    }
}

impl Rule for CopyOfPrevious {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "copy_of_previous",
        title: texts! { "en": "Answers of the last visit", "zh-CN": "照抄上次拜访" },
        description: texts! {
            "en": "Compares the answers with those of the last visit to the same customer, whoever made it. A place that did not change has the same choices, but hardly the same counts.",
            "zh-CN": "将答案与同一客户上一次拜访（不论由谁完成）的答案比较。门店没有变化时选项会相同，但数量几乎不可能全部相同。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::PreviousVisit, Availability::Server)],
        codes: &[(
            "answers.copy_of_previous",
            texts! {
                "en": "{percent} % of {answers} answers are those of the last visit ({date}). Count again on the spot.",
                "zh-CN": "{answers} 项答案中有 {percent}% 与上次拜访（{date}）相同，请在现场重新清点。",
            },
        )],
        source: "survey practice: duplicated interviews; share and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        // Twice on one day: nothing has had time to change.
        let previous = input.previous_visit.as_ref().filter(|it| it.business_date != input.visit.business_date);
        let Some(previous) = previous else { return Ok(Findings::new()) };
        let now = self.by_place(of_input(input));
        let before = input.submissions().filter_map(|submission| previous.steps.get(&submission.key()));
        let before = self.by_place(before.flat_map(of_submission).collect());
        let (mut answers, mut counts) = (Count::default(), Count::default());
        for place in now.keys().chain(before.keys().filter(|place| !now.contains_key(*place))) {
            let (one, other) = (now.get(place).copied(), before.get(place).copied());
            let is_equal = one.zip(other).is_some_and(|(one, other)| is_same(one, other));
            answers.add(is_equal);
            if one.is_some_and(is_count) || other.is_some_and(is_count) {
                counts.add(is_equal);
            }
        }
        let is_copy = answers.all >= self.min_answers
            && counts.all >= self.min_counts
            && answers.share() >= self.share
            && (counts.all == 0 || counts.share() >= self.share);
        if !is_copy {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("answers.copy_of_previous").weight(20);
        let finding = finding.with("percent", round1(answers.share() * 100.0)).with("answers", answers.all);
        Ok(vec![finding.with("date", previous.business_date.as_str())])
    }
}

impl CopyOfPrevious {
    fn by_place<'a>(&self, leaves: Vec<Leaf<'a>>) -> BTreeMap<(String, String), &'a Value> {
        let compared = leaves.into_iter().filter(|leaf| !is_meant(&self.ignore, leaf));
        compared.map(|leaf| ((leaf.step, leaf.pointer), leaf.value)).collect()
    }
}

/// JSON knows one kind of number: 3 and 3.0 are the same.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Something that was counted or measured; that there is none of something is often so twice.
fn is_count(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number != 0.0)
}
