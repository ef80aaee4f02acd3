//! `posm`: missing material needs a reason, cooler readings must be possible.

use crate::answers::{self, is_given};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, round1, texts};

/// Config of `posm`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Posm {
    /// Lowest temperature a cooler or freezer can show, in °C.
    min_celsius: f64,
    /// Highest temperature a cooler can show, in °C.
    max_celsius: f64,
}

impl Default for Posm {
    fn default() -> Self {
        Self { min_celsius: -30.0, max_celsius: 15.0 }
    }
}

impl Rule for Posm {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "posm",
        title: texts! { "en": "Point-of-sale material and coolers", "zh-CN": "物料与冰柜" },
        description: texts! {
            "en": "Material that should be there and is not needs a reason; cooler temperature and purity must be possible.",
            "zh-CN": "应有而缺失的物料须说明原因；冰柜温度和纯度须在合理范围内。",
        },
        codes: &[
            (
                "posm.needs_reason",
                texts! {
                    "en": "{item} should be in this store. Say why it is not.",
                    "zh-CN": "本店应有{item}，请填写缺失原因。",
                },
            ),
            (
                "posm.cooler_temperature",
                texts! {
                    "en": "{cooler}: {celsius} °C is outside {min_celsius} to {max_celsius} °C. Read the thermometer again.",
                    "zh-CN": "{cooler}：{celsius} °C 超出 {min_celsius} 至 {max_celsius} °C，请重新查看温度计。",
                },
            ),
            (
                "posm.cooler_purity",
                texts! {
                    "en": "{cooler}: purity must be from 0 to 100 percent, not {purity_percent}.",
                    "zh-CN": "{cooler}：纯度应在 0 到 100% 之间，不能是 {purity_percent}。",
                },
            ),
        ],
        source: "usual practice: coolers from −30 to 15 °C; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Posm = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        for (index, item) in answers.items.iter().enumerate() {
            if item.expected && item.present == Some(false) && !is_given(item.reason.as_deref()) {
                let finding = Finding::error("posm.needs_reason").at(format!("/items/{index}/reason"));
                findings.push(finding.with("item", item.item.as_str()));
            }
        }
        for (index, cooler) in answers.coolers.iter().enumerate() {
            if let Some(celsius) = cooler.celsius.map(round1)
                && !(self.min_celsius..=self.max_celsius).contains(&celsius)
            {
                findings.push(
                    Finding::error("posm.cooler_temperature")
                        .at(format!("/coolers/{index}/celsius"))
                        .with("cooler", cooler.cooler.as_str())
                        .with("celsius", celsius)
                        .with("min_celsius", self.min_celsius)
                        .with("max_celsius", self.max_celsius),
                );
            }
            if let Some(purity) = cooler.purity_percent.map(round1)
                && !(0.0..=100.0).contains(&purity)
            {
                findings.push(
                    Finding::error("posm.cooler_purity")
                        .at(format!("/coolers/{index}/purity_percent"))
                        .with("cooler", cooler.cooler.as_str())
                        .with("purity_percent", purity),
                );
            }
        }
        Ok(findings)
    }
}
