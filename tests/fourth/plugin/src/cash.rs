//! `cash`: what is counted is what the books say, within the limit of its place, counted by two people.

use crate::answers::{CashBox, CashCount};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, money, texts};

/// Dataset of limits, key `place`.
const LIMITS: &str = "cash_limits";

/// Config of `cash`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cash {}

/// A row of the limits.
#[derive(Deserialize)]
struct Limit {
    /// Decimal string, CNY.
    limit: String,
}

impl Rule for Cash {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "cash",
        title: texts! { "en": "Cash against the books", "zh-CN": "现金账实核对" },
        description: texts! {
            "en": "Compares what was counted with the books to the fen, and with the limit of its place; two people count.",
            "zh-CN": "按分核对实点金额与账面金额，并与该位置的限额比较；清点须由两人完成。",
        },
        codes: &[
            (
                "cash.unexplained",
                texts! {
                    "en": "{box}: counted and booked differ by {difference} yuan. Count again, or give the reason.",
                    "zh-CN": "{box}：实点与账面相差 {difference} 元，请复点或填写原因。",
                },
            ),
            (
                "cash.differs",
                texts! {
                    "en": "{box}: counted and booked differ by {difference} yuan.",
                    "zh-CN": "{box}：实点与账面相差 {difference} 元。",
                },
            ),
            (
                "cash.over_limit",
                texts! {
                    "en": "{box}: {counted} yuan are more than the limit of {limit}.",
                    "zh-CN": "{box}：{counted} 元超过限额 {limit} 元。",
                },
            ),
            (
                "cash.counted_alone",
                texts! { "en": "{box} was counted by one person only.", "zh-CN": "{box} 仅由一人清点。" },
            ),
            (
                "cash.bad_amount",
                texts! { "en": "{box}: an amount looks like 1234.50.", "zh-CN": "{box}：金额格式应如 1234.50。" },
            ),
        ],
        datasets: &[LIMITS],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: CashCount = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        for (index, counted) in answers.boxes.iter().enumerate() {
            findings.extend(one(counted, &format!("/boxes/{index}"), context)?);
        }
        Ok(findings)
    }
}

fn one(cash: &CashBox, at: &str, context: &Context<'_>) -> Result<Findings, RuleError> {
    let about = |finding: Finding, member: &str| finding.at(format!("{at}/{member}")).with("box", cash.id.as_str());
    let Some((booked, counted)) = money::cents(&cash.booked).zip(money::cents(&cash.counted)) else {
        return Ok(vec![about(Finding::error("cash.bad_amount"), "counted")]);
    };
    let mut findings = Findings::new();
    if booked != counted {
        let is_explained = cash.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
        let finding = match is_explained {
            true => about(Finding::error("cash.differs").weight(60), "counted"),
            false => about(Finding::error("cash.unexplained"), "reason"),
        };
        findings.push(finding.with("difference", money::shown(counted - booked)));
    }
    if let Some(row) = context.lookup::<Limit>(LIMITS, &cash.place)? {
        let limit = money::cents(&row.limit)
            .ok_or_else(|| RuleError::new("bad_row", format!("{}: limit `{}` is no amount", cash.place, row.limit)))?;
        if counted > limit {
            let finding = about(Finding::warning("cash.over_limit").weight(10), "counted");
            findings.push(finding.with("counted", money::shown(counted)).with("limit", money::shown(limit)));
        }
    }
    if cash.custodians.len() < 2 {
        findings.push(about(Finding::warning("cash.counted_alone").weight(20), "custodians"));
    }
    Ok(findings)
}
