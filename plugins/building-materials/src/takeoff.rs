//! `takeoff`: quantity = area × layers × (1 + lap) × (1 + waste) × use, and not more than a building can take.

use crate::answers::{self, TakeoffLine, is_given};
use crate::project::Fields;
use crate::rows::{UNITS, Unit};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, round1, texts};

/// Config of `takeoff`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Takeoff {
    /// How far a quantity may be from the formula, in percent: people round to whole rolls and bags.
    #[schemars(range(min = 0.0, max = 100.0))]
    tolerance_percent: f64,
    /// Most m² of material for each m² of floor area without a reason.
    #[schemars(range(min = 0.0, max = 1000.0))]
    max_per_gfa: f64,
}

impl Default for Takeoff {
    fn default() -> Self {
        Self { tolerance_percent: 1.0, max_per_gfa: 3.0 }
    }
}

impl Rule for Takeoff {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "takeoff",
        title: texts! { "en": "Take-off", "zh-CN": "工程量测算" },
        description: texts! {
            "en": "Quantities follow area × layers × (1 + lap) × (1 + waste) × use per m²; much more than the floor area needs a reason.",
            "zh-CN": "工程量 = 面积 × 层数 × (1 + 搭接率) × (1 + 损耗率) × 单位用量；远超建筑面积的须说明原因。",
        },
        codes: &[
            (
                "takeoff.differs",
                texts! {
                    "en": "{product}: {qty} {unit} entered, {computed} {unit} computed.",
                    "zh-CN": "{product}：填写 {qty} {unit}，按公式应为 {computed} {unit}。",
                },
            ),
            (
                "takeoff.needs_reason",
                texts! {
                    "en": "{product}: {covered_m2} m² are more than {max_per_gfa} times the floor area of {gfa_m2} m². Say why.",
                    "zh-CN": "{product}：{covered_m2} 平方米超过建筑面积 {gfa_m2} 平方米的 {max_per_gfa} 倍，请说明原因。",
                },
            ),
            (
                "takeoff.large_explained",
                texts! {
                    "en": "{product}: {covered_m2} m² are more than {max_per_gfa} times the floor area of {gfa_m2} m². The rep gave a reason.",
                    "zh-CN": "{product}：{covered_m2} 平方米超过建筑面积 {gfa_m2} 平方米的 {max_per_gfa} 倍，已说明原因。",
                },
            ),
            (
                "takeoff.unit_unknown",
                texts! {
                    "en": "{product}: {unit} is not a unit of the trade. Use a UCUM code such as m2, t or m3.",
                    "zh-CN": "{product}：{unit} 不是行业计量单位，请使用 UCUM 代码，例如 m2、t、m3。",
                },
            ),
        ],
        datasets: &[UNITS],
        source: "area × layers × (1 + lap) × (1 + waste); at most 3 × the floor area: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Takeoff = input.submission()?.answers_as()?;
        let gfa_m2 = Fields::of(input)?.gfa_m2;
        let mut findings = Findings::new();
        for (index, line) in answers.lines.iter().enumerate() {
            let unit = line.unit.as_deref().unwrap_or_default();
            let about = |finding: Finding, member: &str| {
                finding.at(format!("/lines/{index}/{member}")).with("product", line.product.as_str())
            };
            if Unit::find(context, unit)?.is_none() {
                findings.push(about(Finding::error("takeoff.unit_unknown"), "unit").with("unit", unit));
            }
            let Some(covered_m2) = covered_m2(line) else { continue };
            let computed = round1(covered_m2 * line.use_per_m2.unwrap_or(1.0));
            if let Some(qty) = line.qty.filter(|qty| self.differs(*qty, computed)) {
                let finding = about(Finding::error("takeoff.differs"), "qty").with("qty", qty);
                findings.push(finding.with("computed", computed).with("unit", unit));
            }
            if let Some(gfa_m2) = gfa_m2.filter(|gfa_m2| covered_m2 > self.max_per_gfa * gfa_m2) {
                let finding = if is_given(line.reason.as_deref()) {
                    about(Finding::warning("takeoff.large_explained"), "reason")
                } else {
                    about(Finding::error("takeoff.needs_reason"), "reason")
                };
                let finding = finding.with("covered_m2", round1(covered_m2)).with("gfa_m2", gfa_m2);
                findings.push(finding.with("max_per_gfa", self.max_per_gfa));
            }
        }
        Ok(findings)
    }
}

impl Takeoff {
    fn differs(&self, qty: f64, computed: f64) -> bool {
        // A tenth is what the formula itself is rounded to.
        round1((qty - computed).abs()) > (computed * self.tolerance_percent / 100.0).max(0.1)
    }
}

/// Surface of material with all layers, laps and waste, m²; none without area and layers.
fn covered_m2(line: &TakeoffLine) -> Option<f64> {
    Some(line.area_m2? * line.layers? * (1.0 + line.lap_percent / 100.0) * (1.0 + line.waste_percent / 100.0))
}
