//! `batch_reuse`: more of a batch is on building sites than was ever made. What cannot be compared is said, not passed over.

use crate::answers;
use crate::rows::{BATCHES, Batch};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, round1, texts};
use std::collections::BTreeMap;

/// Config of `batch_reuse`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchReuse {}

impl Rule for BatchReuse {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "batch_reuse",
        title: texts! { "en": "Batch seen too often", "zh-CN": "批次超量" },
        description: texts! {
            "en": "Adds up what this visit and earlier ones at other projects saw of a batch, and compares it with what was made. Names batches that are not registered or have another unit there.",
            "zh-CN": "汇总本次及其他项目登记的同一批次数量，与该批次生产量比较；未登记或计量单位不同的批次予以提示。",
        },
        codes: &[
            (
                "batch.more_than_made",
                texts! {
                    "en": "Batch {batch}: {here} {unit} here and {elsewhere} {unit} at {projects} are more than the {made} {unit} made.",
                    "zh-CN": "批次 {batch}：本项目 {here} {unit}，其他项目（{projects}）{elsewhere} {unit}，合计超过生产量 {made} {unit}。",
                },
            ),
            (
                "batch.unregistered",
                texts! {
                    "en": "Batch {batch} is not in the register of batches: nobody can say whether it was seen elsewhere.",
                    "zh-CN": "批次 {batch} 未在批次登记中，无法核对是否在其他项目出现。",
                },
            ),
            (
                "batch.other_unit",
                texts! {
                    "en": "Batch {batch} is given in {unit} here and in {registered} in the register: the quantities cannot be compared.",
                    "zh-CN": "批次 {batch} 本次以 {unit} 填写，登记单位为 {registered}，数量无法比较。",
                },
            ),
        ],
        datasets: &[BATCHES],
        source: "batch sizes of the product standards; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Materials = input.submission()?.answers_as()?;
        let mut here: BTreeMap<(&str, &str), (usize, f64)> = BTreeMap::new();
        for (index, item) in answers.items.iter().enumerate() {
            let (Some(qty), Some(unit)) = (item.qty, item.unit.as_deref()) else { continue };
            here.entry((item.batch.as_str(), unit)).or_insert((index, 0.0)).1 += qty;
        }
        let mut findings = Findings::new();
        let mut is_found = false;
        for ((number, unit), (index, qty)) in here {
            let about = |finding: Finding| finding.at(format!("/items/{index}/batch")).with("batch", number);
            let Some(batch) = context.lookup::<Batch>(BATCHES, number)? else {
                findings.push(about(Finding::info("batch.unregistered")));
                continue;
            };
            if batch.unit != unit {
                let finding = about(Finding::info("batch.other_unit"));
                findings.push(finding.with("unit", unit).with("registered", batch.unit.as_str()));
                continue;
            }
            let others = || batch.seen.iter().filter(|seen| seen.customer != input.customer.id);
            let elsewhere: f64 = others().map(|seen| seen.qty).sum();
            // The first is enough: weights add up over signals, not over rows.
            if !is_found && round1(qty + elsewhere) > batch.made {
                is_found = true;
                let projects: Vec<&str> = others().map(|seen| seen.project.as_str()).collect();
                let finding = about(Finding::warning("batch.more_than_made"));
                findings.push(
                    finding
                        .with("here", round1(qty))
                        .with("elsewhere", round1(elsewhere))
                        .with("projects", projects.join(", "))
                        .with("made", batch.made)
                        .with("unit", unit)
                        .weight(40),
                );
            }
        }
        Ok(findings)
    }
}
