//! `batch_reuse`: more of a batch is on building sites than was ever made.

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
            "en": "Adds up what this visit and earlier ones at other projects saw of a batch, and compares it with what was made.",
            "zh-CN": "汇总本次及其他项目登记的同一批次数量，与该批次生产量比较。",
        },
        codes: &[(
            "batch.more_than_made",
            texts! {
                "en": "Batch {batch}: {here} {unit} here and {elsewhere} {unit} at {projects} are more than the {made} {unit} made.",
                "zh-CN": "批次 {batch}：本项目 {here} {unit}，其他项目（{projects}）{elsewhere} {unit}，合计超过生产量 {made} {unit}。",
            },
        )],
        datasets: &[BATCHES],
        source: "batch sizes of the product standards; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Materials = input.submission()?.answers_as()?;
        let mut here: BTreeMap<&str, (usize, &str, f64)> = BTreeMap::new();
        for (index, item) in answers.items.iter().enumerate() {
            let (Some(qty), Some(unit)) = (item.qty, item.unit.as_deref()) else { continue };
            here.entry(item.batch.as_str()).or_insert((index, unit, 0.0)).2 += qty;
        }
        for (number, (index, unit, qty)) in here {
            let Some(batch) = context.lookup::<Batch>(BATCHES, number)?.filter(|batch| batch.unit == unit) else {
                continue;
            };
            let others = || batch.seen.iter().filter(|seen| seen.customer != input.customer.id);
            let elsewhere: f64 = others().map(|seen| seen.qty).sum();
            if round1(qty + elsewhere) > batch.made {
                let projects: Vec<&str> = others().map(|seen| seen.project.as_str()).collect();
                // The first is enough: weights add up over signals, not over rows.
                let finding = Finding::warning("batch.more_than_made").at(format!("/items/{index}/batch"));
                return Ok(vec![
                    finding
                        .with("batch", number)
                        .with("here", round1(qty))
                        .with("elsewhere", round1(elsewhere))
                        .with("projects", projects.join(", "))
                        .with("made", batch.made)
                        .with("unit", unit)
                        .weight(40),
                ]);
            }
        }
        Ok(Findings::new())
    }
}
