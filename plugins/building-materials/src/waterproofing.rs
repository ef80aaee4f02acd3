//! `waterproofing`: substrate, weather, thickness and laps of waterproofing work.

use crate::answers::{self, WaterproofArea};
use crate::limits::Limits;
use crate::project::Fields;
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

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
            "en": "Checks temperature, moisture of the substrate, thickness, lap, fillet and design life of each place.",
            "zh-CN": "检查各部位的施工温度、基层含水率、厚度、搭接宽度、阴阳角圆弧和设计工作年限。",
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
        ],
        source: "GB 55030 (design life); at least 5 °C and 100 mm lap as the trade does it: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        Ok(checks(&input.submission()?.answers_as()?, &Limits::of(input)?, &Fields::of(input)?).failed())
    }
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
