//! `sampling`: how many specimens a batch needs is a matter of its material and its size, and stands in a dataset.

use crate::answers::{self, Sample};
use crate::rows::{Lot, SAMPLING_RULES, SamplingRule, Test};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, dates, texts,
};
use std::collections::BTreeSet;

/// Config of `sampling`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampling {}

impl Rule for Sampling {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "sampling",
        title: texts! { "en": "Sampling", "zh-CN": "取样送检" },
        description: texts! {
            "en": "Compares the specimens taken from each batch with what its material and quantity ask for; batches in use that nobody sampled are named.",
            "zh-CN": "按材料和批量核对取样数量，并提示已使用而未取样的批次。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "sampling.too_few",
                texts! {
                    "en": "{name}, batch {batch}: {test} needs {required} specimen(s), {taken} were taken.",
                    "zh-CN": "{name} 批次 {batch}：{test} 应取 {required} 个试样，实取 {taken} 个。",
                },
            ),
            (
                "sampling.composite_small",
                texts! {
                    "en": "{name}, batch {batch}: a composite sample is {min_mass_kg} kg from {min_points} places or more.",
                    "zh-CN": "{name} 批次 {batch}：混合样应不少于 {min_mass_kg} 千克，取自不少于 {min_points} 处。",
                },
            ),
            (
                "sampling.missing",
                texts! {
                    "en": "{name}, batch {batch} is in use and was not sampled.",
                    "zh-CN": "{name} 批次 {batch} 已使用但未取样。",
                },
            ),
            (
                "sampling.unit",
                texts! {
                    "en": "{name}: give the quantity in {wanted}, not in {unit}.",
                    "zh-CN": "{name}：批量应以 {wanted} 填写，而不是 {unit}。",
                },
            ),
            (
                "sampling.no_rule",
                texts! {
                    "en": "There is no sampling rule for {material}.",
                    "zh-CN": "没有 {material} 的取样规则。",
                },
            ),
            (
                "sampling.seal_twice",
                texts! {
                    "en": "Seal {seal_no} is on two samples. Each sample has its own.",
                    "zh-CN": "封样编号 {seal_no} 重复，每份样品应有独立封样编号。",
                },
            ),
            (
                "sampling.due_too_early",
                texts! {
                    "en": "{name}, batch {batch}: the result is due {result_due}, but specimens of {taken_on} are tested after {age_days} day(s).",
                    "zh-CN": "{name} 批次 {batch}：{taken_on} 取的试样须满 {age_days} 天才能检验，结果日期不能是 {result_due}。",
                },
            ),
        ],
        datasets: &[SAMPLING_RULES],
        source: "sampling rules are rows of the dataset, each with its standard; tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Sampling = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut seals = BTreeSet::new();
        for (index, sample) in answers.samples.iter().enumerate() {
            let at = format!("/samples/{index}");
            if let Some(seal_no) = sample.seal_no.as_deref()
                && !seals.insert(seal_no.trim())
            {
                let finding = Finding::error("sampling.seal_twice").at(format!("{at}/seal_no"));
                findings.push(finding.with("seal_no", seal_no));
            }
            match SamplingRule::find(context, &sample.material)? {
                Some(rule) => findings.extend(judge(sample, &rule, &at)),
                None => {
                    let finding = Finding::error("sampling.no_rule").at(format!("{at}/material"));
                    findings.push(finding.with("material", sample.material.as_str()));
                }
            }
        }
        let Some(materials) = input.step_answers::<answers::Materials>("materials")? else { return Ok(findings) };
        for item in materials.items.iter().filter(|item| item.in_use) {
            let is_sampled = answers.samples.iter().any(|sample| is_of(sample, item));
            if let (false, Some(rule)) = (is_sampled, SamplingRule::find(context, &item.material)?) {
                let finding = Finding::warning("sampling.missing").at("/samples").with("name", rule.name);
                findings.push(finding.with("batch", item.batch.as_str()));
            }
        }
        Ok(findings)
    }
}

/// Whether a sample is of this batch.
pub fn is_of(sample: &Sample, item: &answers::Material) -> bool {
    sample.material == item.material && sample.batch.trim() == item.batch.trim()
}

/// How much of a batch there is to sample.
pub fn lot(sample: &Sample, qty: f64) -> Lot {
    let [mixer_batches, shifts] = [sample.mixer_batches, sample.shifts].map(Option::unwrap_or_default);
    Lot { qty, continuous: sample.continuous, mixer_batches, shifts }
}

/// Specimens of `test` that were taken.
pub fn taken(sample: &Sample, test: &Test) -> f64 {
    sample.taken.iter().filter(|taken| taken.test == test.test).filter_map(|taken| taken.specimens).sum()
}

/// Whether the composite sample, where there must be one, is large enough.
pub fn composite_is_enough(sample: &Sample, rule: &SamplingRule) -> bool {
    let reaches = |given: Option<f64>, min: Option<f64>| min.is_none_or(|min| given.is_some_and(|given| given >= min));
    reaches(sample.mass_kg, rule.min_mass_kg) && reaches(sample.points, rule.min_points)
}

fn judge(sample: &Sample, rule: &SamplingRule, at: &str) -> Findings {
    let mut findings = Findings::new();
    let about = |finding: Finding, member: &str| {
        finding.at(format!("{at}/{member}")).with("name", rule.name.as_str()).with("batch", sample.batch.as_str())
    };
    if let Some(unit) = sample.unit.as_deref().filter(|unit| *unit != rule.unit) {
        let finding = about(Finding::error("sampling.unit"), "unit");
        findings.push(finding.with("wanted", rule.unit.as_str()).with("unit", unit));
        return findings;
    }
    let lot = lot(sample, sample.qty.unwrap_or_default());
    for test in &rule.tests {
        let (required, taken) = (rule.required(test, lot), taken(sample, test));
        if taken < required {
            let finding = about(Finding::warning("sampling.too_few"), "taken").with("test", test.test.as_str());
            findings.push(finding.with("required", required).with("taken", taken));
        }
    }
    if !composite_is_enough(sample, rule) {
        let finding = about(Finding::warning("sampling.composite_small"), "mass_kg");
        let finding = finding.with("min_mass_kg", rule.min_mass_kg.unwrap_or_default());
        findings.push(finding.with("min_points", rule.min_points.unwrap_or_default()));
    }
    let days = |text: &Option<String>| text.as_deref().and_then(dates::parse);
    if let (Some(taken_on), Some(due)) = (days(&sample.taken_on), days(&sample.result_due))
        && dates::days_between(taken_on, due) < rule.age_days
    {
        let finding = about(Finding::error("sampling.due_too_early"), "result_due");
        let finding = finding.with("taken_on", taken_on.to_string()).with("result_due", due.to_string());
        findings.push(finding.with("age_days", rule.age_days));
    }
    findings
}
