//! `waterproofing`: substrate, weather, thickness and laps of waterproofing work. A lap of sheets and a design life are asked
//! for; who leaves them out says that they cannot be known.

use crate::answers::{self, WaterproofArea};
use crate::limits::Limits;
use crate::project::Fields;
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Submission, Validate, texts};

/// Config of `waterproofing`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waterproofing {}

impl Rule for Waterproofing {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "waterproofing",
        title: texts! { "en": "Waterproofing work", "zh-CN": "防水施工" },
        description: texts! {
            "en": "Checks temperature, moisture of the substrate, thickness, lap, fillet and design life of each place. Sheets have a lap and every place a design life; who leaves one out marks it as unknown.",
            "zh-CN": "检查各部位的施工温度、基层含水率、厚度、搭接宽度、阴阳角圆弧和设计工作年限。卷材须填写搭接宽度，各部位须填写设计工作年限；无法得知的须标注“未知”。",
        },
        codes: &[
            (
                "waterproofing.too_cold",
                texts! {
                    "en": "{part}: {measured} °C is too cold for hot-melt work, which needs {min} °C.",
                    "zh-CN": "{part}：气温 {measured} °C，热熔法施工不得低于 {min} °C。",
                },
            ),
            (
                "waterproofing.substrate_wet",
                texts! {
                    "en": "{part}: the substrate has {measured} % moisture, more than {max} %.",
                    "zh-CN": "{part}：基层含水率 {measured}%，超过 {max}%。",
                },
            ),
            (
                "waterproofing.thin",
                texts! {
                    "en": "{part}: {measured} mm is thinner than the designed {min} mm.",
                    "zh-CN": "{part}：厚度 {measured} 毫米，小于设计厚度 {min} 毫米。",
                },
            ),
            (
                "waterproofing.lap_short",
                texts! {
                    "en": "{part}: a lap of {measured} mm is shorter than {min} mm.",
                    "zh-CN": "{part}：搭接宽度 {measured} 毫米，小于 {min} 毫米。",
                },
            ),
            (
                "waterproofing.lap_missing",
                texts! {
                    "en": "{part}: measure the lap of the sheets. If it cannot be measured any more, mark it as unknown and say why.",
                    "zh-CN": "{part}：请实测卷材搭接宽度；确已无法测量的，请标注“未知”并说明原因。",
                },
            ),
            (
                "waterproofing.lap_unknown",
                texts! {
                    "en": "{part}: the lap of the sheets was not measured. The rep marked it as unknown.",
                    "zh-CN": "{part}：卷材搭接宽度未实测，业务员已标注“未知”。",
                },
            ),
            (
                "waterproofing.fillet_small",
                texts! {
                    "en": "{part}: a fillet of {measured} mm is smaller than {min} mm.",
                    "zh-CN": "{part}：阴阳角圆弧半径 {measured} 毫米，小于 {min} 毫米。",
                },
            ),
            (
                "waterproofing.design_life",
                texts! {
                    "en": "{part}: designed for {measured} years, {min} are required.",
                    "zh-CN": "{part}：防水设计工作年限 {measured} 年，规范要求不少于 {min} 年。",
                },
            ),
            (
                "waterproofing.design_life_missing",
                texts! {
                    "en": "{part}: enter the design life of the waterproofing by the drawing. If nobody can tell, mark it as unknown and say why.",
                    "zh-CN": "{part}：请按图纸填写防水设计工作年限；确实无从得知的，请标注“未知”并说明原因。",
                },
            ),
            (
                "waterproofing.design_life_unknown",
                texts! {
                    "en": "{part}: nobody could tell the design life of the waterproofing. The rep marked it as unknown.",
                    "zh-CN": "{part}：防水设计工作年限无从得知，业务员已标注“未知”。",
                },
            ),
        ],
        source: "GB 55030 (design life); at least 5 °C and 100 mm lap as the trade does it: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Waterproofing = submission.answers_as()?;
        let mut findings = left_out(&answers, submission);
        findings.extend(checks(&answers, &Limits::of(input)?, &Fields::of(input)?).failed());
        Ok(findings)
    }
}

/// Laps of sheets and design lives that were not given. They are no checks: what nobody knows is neither good nor bad work.
fn left_out(answers: &answers::Waterproofing, submission: &Submission) -> Findings {
    let mut findings = Findings::new();
    for (index, area) in answers.areas.iter().enumerate() {
        let mut ask = |member: &str, missing: &str, unknown: &str| {
            let at = format!("/areas/{index}/{member}");
            let is_marked = submission.absent.contains_key(&at);
            let finding = if is_marked { Finding::warning(unknown) } else { Finding::error(missing) };
            findings.push(finding.at(at).with("part", area.part.as_str()));
        };
        if area.lap_mm.is_none() && is_of_sheets(area) {
            ask("lap_mm", "waterproofing.lap_missing", "waterproofing.lap_unknown");
        }
        if area.design_life_y.is_none() {
            ask("design_life_y", "waterproofing.design_life_missing", "waterproofing.design_life_unknown");
        }
    }
    findings
}

/// Sheets lap, whether welded, self-adhesive or glued; a coating has nothing to lap.
fn is_of_sheets(area: &WaterproofArea) -> bool {
    matches!(area.method.as_str(), "hot_melt" | "self_adhesive" | "cold_bonded")
}

/// The checks of all places.
pub fn checks(answers: &answers::Waterproofing, limits: &Limits, fields: &Fields) -> Checks {
    let mut checks = Checks::default();
    for (index, area) in answers.areas.iter().enumerate() {
        let about = |code: &str, member: &str| {
            Finding::warning(code).at(format!("/areas/{index}/{member}")).with("part", area.part.as_str())
        };
        if area.method == "hot_melt" {
            let cold = || about("waterproofing.too_cold", "celsius");
            checks.at_least(area.celsius, limits.hot_melt_min_celsius, cold);
        }
        let wet = || about("waterproofing.substrate_wet", "moisture_percent");
        checks.at_most(area.moisture_percent, limits.moisture_max_percent, wet);
        if let Some(design_mm) = area.design_thickness_mm {
            checks.at_least(area.thickness_mm, design_mm, || about("waterproofing.thin", "thickness_mm"));
        }
        checks.at_least(area.lap_mm, limits.lap_min_mm, || about("waterproofing.lap_short", "lap_mm"));
        checks.at_least(area.fillet_mm, limits.fillet_min_mm, || about("waterproofing.fillet_small", "fillet_mm"));
        if let Some(years) = required_life_y(area, limits, fields) {
            checks.at_least(area.design_life_y, years, || about("waterproofing.design_life", "design_life_y"));
        }
    }
    checks
}

/// How long waterproofing must last; a basement's as long as the structure.
fn required_life_y(area: &WaterproofArea, limits: &Limits, fields: &Fields) -> Option<f64> {
    match area.part.as_str() {
        "roof" => Some(limits.life_roof_min_y),
        "wet_room" => Some(limits.life_wet_room_min_y),
        "basement" => fields.structure_life_y,
        _ => None,
    }
}
