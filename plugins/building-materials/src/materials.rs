//! `materials`: what is built in has a certificate; quantities have a unit of the trade.

use crate::answers::{self, Material, is_given};
use crate::rows::{UNITS, Unit};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Submission, Validate, dates, texts};
use std::collections::BTreeSet;

/// Evidence requirement of step `materials` that holds the photos of batch labels.
const LABEL: &str = "label";

/// Config of `materials`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Materials {}

impl Rule for Materials {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "materials",
        title: texts! { "en": "Materials on the site", "zh-CN": "进场材料" },
        description: texts! {
            "en": "A batch in use needs its certificate; without one, a reason and a photo of its label. Quantities are above zero, in a unit of the trade.",
            "zh-CN": "已使用的批次须有质量证明文件；没有的须说明原因并拍摄批次标签。数量须大于零，计量单位须为行业单位。",
        },
        codes: &[
            (
                "materials.uncertified",
                texts! {
                    "en": "{product}, batch {batch} is in use without a certificate. Enter its number, or say why there is none and photograph the label.",
                    "zh-CN": "{product} 批次 {batch} 无质量证明文件却已使用。请填写证书编号；确无证书的，请说明原因并拍摄批次标签。",
                },
            ),
            (
                "materials.uncertified_explained",
                texts! {
                    "en": "{product}, batch {batch} is in use without a certificate. The rep gave a reason and a photo.",
                    "zh-CN": "{product} 批次 {batch} 无质量证明文件却已使用，已说明原因并附标签照片。",
                },
            ),
            (
                "materials.quantity",
                texts! {
                    "en": "{product}, batch {batch}: {qty} is not a quantity. It must be above zero, and whole where the unit is counted.",
                    "zh-CN": "{product} 批次 {batch}：数量 {qty} 无效，须大于零；按件计量的须为整数。",
                },
            ),
            (
                "materials.unit_unknown",
                texts! {
                    "en": "{product}: {unit} is not a unit of the trade. Use a UCUM code such as m2, t or m3.",
                    "zh-CN": "{product}：{unit} 不是行业计量单位，请使用 UCUM 代码，例如 m2、t、m3。",
                },
            ),
            (
                "materials.batch_twice",
                texts! {
                    "en": "{product}, batch {batch} is entered twice. Merge the rows.",
                    "zh-CN": "{product} 批次 {batch} 重复填写，请合并为一行。",
                },
            ),
            (
                "materials.bad_date",
                texts! {
                    "en": "{product}: \"{date}\" is not a day before the visit.",
                    "zh-CN": "{product}：型式检验日期“{date}”无效，须为拜访当日或之前的日期。",
                },
            ),
        ],
        datasets: &[UNITS],
        source: "a batch in use has its certificate (acceptance of materials); units by UCUM",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Materials = submission.answers_as()?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, item) in answers.items.iter().enumerate() {
            let about = |finding: Finding, member: &str| {
                let finding = finding.at(format!("/items/{index}/{member}"));
                finding.with("product", item.product.as_str()).with("batch", item.batch.as_str())
            };
            if !seen.insert((item.product.as_str(), item.batch.as_str())) {
                findings.push(about(Finding::error("materials.batch_twice"), "batch"));
            }
            let unit = item.unit.as_deref().map(|code| Unit::find(context, code)).transpose()?;
            if let (Some(code), Some(None)) = (&item.unit, &unit) {
                findings.push(about(Finding::error("materials.unit_unknown"), "unit").with("unit", code.as_str()));
            }
            let is_whole = unit.flatten().is_some_and(|unit| unit.whole);
            if let Some(qty) = item.qty.filter(|qty| *qty <= 0.0 || (is_whole && qty.fract() != 0.0)) {
                findings.push(about(Finding::error("materials.quantity"), "qty").with("qty", qty));
            }
            if let Some(date) = item.type_test_date.as_deref()
                && dates::parse(date).is_none_or(|date| date > today)
            {
                findings.push(about(Finding::error("materials.bad_date"), "type_test_date").with("date", date));
            }
            if is_uncertified(item) {
                findings.push(about(uncertified(item, submission), "certificate"));
            }
        }
        Ok(findings)
    }
}

/// Whether work has begun with a batch that has no certificate.
pub fn is_uncertified(item: &Material) -> bool {
    item.in_use && !is_given(item.certificate.as_deref())
}

fn uncertified(item: &Material, submission: &Submission) -> Finding {
    let labels = || submission.evidence_for(LABEL).map(|photo| photo.sha256.as_str());
    if is_given(item.missing_reason.as_deref()) && labels().next().is_some() {
        Finding::warning("materials.uncertified_explained").evidence_all(labels())
    } else {
        Finding::error("materials.uncertified")
    }
}
