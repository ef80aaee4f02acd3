//! `takeoff_inflated`: far more material than projects of this type take.

use crate::answers;
use crate::project::Fields;
use crate::rows::{TAKEOFF_NORMS, TakeoffNorm};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, ratio, texts};
use std::collections::BTreeSet;

/// Config of `takeoff_inflated`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TakeoffInflated {
    /// Standard deviations above the mean that are still usual.
    #[schemars(range(min = 0.0, max = 20.0))]
    max_deviations: f64,
}

impl Default for TakeoffInflated {
    fn default() -> Self {
        Self { max_deviations: 2.0 }
    }
}

impl Rule for TakeoffInflated {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "takeoff_inflated",
        title: texts! { "en": "Inflated take-off", "zh-CN": "工程量虚高" },
        description: texts! {
            "en": "Compares the quantity of each product line for each m² of floor area with past projects of the same type.",
            "zh-CN": "将各产品线每平方米建筑面积的工程量与同类型历史项目比较。",
        },
        codes: &[(
            "takeoff.inflated",
            texts! {
                "en": "{line}: {per_m2} {unit} for each m² of floor area; projects of this type take {mean} ± {deviation}.",
                "zh-CN": "{line}：每平方米建筑面积 {per_m2} {unit}，同类项目为 {mean}±{deviation}。",
            },
        )],
        datasets: &[TAKEOFF_NORMS],
        source: "more than two standard deviations above past projects; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Takeoff = input.submission()?.answers_as()?;
        let fields = Fields::of(input)?;
        let Some(gfa_m2) = fields.gfa_m2 else { return Ok(Findings::new()) };
        let lines: BTreeSet<&str> = answers.lines.iter().map(|line| line.line.as_str()).collect();
        for line in lines {
            let key = format!("{line}/{}", fields.kind);
            let Some(norm) = context.lookup::<TakeoffNorm>(TAKEOFF_NORMS, &key)? else { continue };
            let counted =
                answers.lines.iter().filter(|it| it.line == line && it.unit.as_deref() == Some(norm.unit.as_str()));
            let Some(per_m2) = ratio(counted.filter_map(|it| it.qty).sum(), gfa_m2) else { continue };
            if per_m2 > norm.mean + self.max_deviations * norm.deviation {
                // The first is enough: weights add up over signals, not over lines.
                let finding = Finding::warning("takeoff.inflated").at("/lines").with("line", line);
                let finding = finding.with("per_m2", per_m2).with("unit", norm.unit.as_str());
                return Ok(vec![finding.with("mean", norm.mean).with("deviation", norm.deviation).weight(15)]);
            }
        }
        Ok(Findings::new())
    }
}
