//! `competitor`: shares of one project do not add up to more than all of it.

use crate::answers;
use crate::rows::{UNITS, Unit};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, round1, texts};

/// Config of `competitor`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Competitor {}

impl Rule for Competitor {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "competitor",
        title: texts! { "en": "Competitors", "zh-CN": "竞品情况" },
        description: texts! {
            "en": "Estimated shares add up to 100 percent at most; prices are for a unit of the trade.",
            "zh-CN": "预估份额合计不超过 100%；价格须对应行业计量单位。",
        },
        codes: &[
            (
                "competitor.shares",
                texts! {
                    "en": "The estimated shares add up to {percent} %.",
                    "zh-CN": "预估份额合计为 {percent}%，不能超过 100%。",
                },
            ),
            (
                "competitor.unit_unknown",
                texts! {
                    "en": "{brand}: {unit} is not a unit of the trade. Use a UCUM code such as m2, t or m3.",
                    "zh-CN": "{brand}：{unit} 不是行业计量单位，请使用 UCUM 代码，例如 m2、t、m3。",
                },
            ),
        ],
        datasets: &[UNITS],
        source: "usual practice of site reports",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Competitors = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let percent = round1(answers.items.iter().filter_map(|item| item.share_percent).sum());
        if percent > 100.0 {
            findings.push(Finding::error("competitor.shares").at("/items").with("percent", percent));
        }
        for (index, item) in answers.items.iter().enumerate() {
            let Some(unit) = item.unit.as_deref() else { continue };
            if Unit::find(context, unit)?.is_none() {
                let finding = Finding::error("competitor.unit_unknown").at(format!("/items/{index}/unit"));
                findings.push(finding.with("brand", item.brand.as_str()).with("unit", unit));
            }
        }
        Ok(findings)
    }
}
