//! `steel`: bars of a size that exists, of an earthquake grade where one is needed, in their place and of their mass.

use crate::answers;
use crate::limits::Limits;
use crate::project::Fields;
use crate::rows::{REBAR, RebarRow};
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// Config of `steel`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steel {}

impl Rule for Steel {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "steel",
        title: texts! { "en": "Reinforcement", "zh-CN": "钢筋工程" },
        description: texts! {
            "en": "Checks diameter, mass and spacing of bars, and that bars of a project designed against earthquakes have an E grade.",
            "zh-CN": "检查钢筋直径、重量偏差和间距；有抗震设防要求的项目须使用带 E 牌号钢筋。",
        },
        codes: &[
            (
                "steel.diameter",
                texts! {
                    "en": "{grade}: there are no bars of {diameter_mm} mm.",
                    "zh-CN": "{grade}：没有公称直径 {diameter_mm} 毫米的钢筋。",
                },
            ),
            (
                "steel.not_seismic",
                texts! {
                    "en": "{grade} has no E, but the project is designed against earthquakes.",
                    "zh-CN": "项目有抗震设防要求，{grade} 不是带 E 的抗震钢筋。",
                },
            ),
            (
                "steel.mass",
                texts! {
                    "en": "{grade}, {diameter_mm} mm: the mass is {measured} % off, more than ±{tolerance} %.",
                    "zh-CN": "{grade} 直径 {diameter_mm} 毫米：重量偏差 {measured}%，超过 ±{tolerance}%。",
                },
            ),
            (
                "steel.spacing",
                texts! {
                    "en": "{grade}, {diameter_mm} mm: spacing {measured} mm, designed {design} ± {tolerance} mm.",
                    "zh-CN": "{grade} 直径 {diameter_mm} 毫米：间距 {measured} 毫米，设计 {design}±{tolerance} 毫米。",
                },
            ),
        ],
        datasets: &[REBAR],
        source: "grades and diameters of hot-rolled ribbed bars (GB/T 1499.2), E grades where earthquakes count",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Steel = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        for (index, bar) in answers.bars.iter().enumerate() {
            let Some(diameter_mm) = bar.diameter_mm else { continue };
            if row(context, diameter_mm)?.is_none() {
                let finding = Finding::error("steel.diameter").at(format!("/bars/{index}/diameter_mm"));
                findings.push(finding.with("grade", bar.grade.as_str()).with("diameter_mm", diameter_mm));
            }
        }
        findings.extend(checks(&answers, &Limits::of(input)?, &Fields::of(input)?, context)?.failed());
        Ok(findings)
    }
}

/// The row of a nominal diameter; none when there are no such bars.
fn row(context: &Context<'_>, diameter_mm: f64) -> Result<Option<RebarRow>, RuleError> {
    context.lookup(REBAR, &diameter_mm.to_string())
}

/// The checks of all bars.
///
/// # Errors
/// `bad_row`.
pub fn checks(
    answers: &answers::Steel,
    limits: &Limits,
    fields: &Fields,
    context: &Context<'_>,
) -> Result<Checks, RuleError> {
    let mut checks = Checks::default();
    for (index, bar) in answers.bars.iter().enumerate() {
        let about = |code: &str, member: &str| {
            let finding = Finding::warning(code).at(format!("/bars/{index}/{member}"));
            let finding = finding.with("grade", bar.grade.as_str());
            finding.with("diameter_mm", bar.diameter_mm.unwrap_or_default())
        };
        if fields.seismic {
            checks.add(bar.grade.ends_with('E'), about("steel.not_seismic", "grade"));
        }
        let row = bar.diameter_mm.map(|diameter_mm| row(context, diameter_mm)).transpose()?.flatten();
        if let (Some(row), Some(measured)) = (row, bar.mass_deviation_percent) {
            let tolerance = row.mass_tolerance_percent;
            let finding = about("steel.mass", "mass_deviation_percent").with("measured", measured);
            checks.add(measured.abs() <= tolerance, finding.with("tolerance", tolerance));
        }
        if let (Some(measured), Some(design)) = (bar.spacing_mm, bar.design_spacing_mm) {
            let tolerance = limits.spacing_tolerance_mm;
            let finding = about("steel.spacing", "spacing_mm").with("measured", measured).with("design", design);
            checks.add((measured - design).abs() <= tolerance, finding.with("tolerance", tolerance));
        }
    }
    Ok(checks)
}
