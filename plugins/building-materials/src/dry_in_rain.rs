//! `dry_in_rain`: a roof that was measured dry on a day it rained there.

use crate::answers;
use crate::limits::Limits;
use crate::project::Fields;
use crate::rows::{WEATHER, Weather};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, texts};

/// Config of `dry_in_rain`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DryInRain {
    /// Rain of a day that wets a roof, mm.
    #[schemars(range(min = 0.0, max = 500.0))]
    min_mm: f64,
}

impl Default for DryInRain {
    fn default() -> Self {
        Self { min_mm: 5.0 }
    }
}

impl Rule for DryInRain {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "dry_in_rain",
        title: texts! { "en": "Dry roof in the rain", "zh-CN": "雨天基层干燥" },
        description: texts! {
            "en": "Compares the moisture measured on a roof with the rain of that day in the project's district. Places under a roof are left out.",
            "zh-CN": "将屋面基层含水率与项目所在区县当日降雨量比较；室内部位不比较。",
        },
        codes: &[(
            "waterproofing.dry_in_rain",
            texts! {
                "en": "The roof was measured with {measured} % moisture, and it rained {rain_mm} mm that day.",
                "zh-CN": "屋面基层含水率记为 {measured}%，而当日降雨 {rain_mm} 毫米。",
            },
        )],
        datasets: &[WEATHER],
        source: "a weather service's rain of the day; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(district) = Fields::of(input)?.district else { return Ok(Findings::new()) };
        let answers: answers::Waterproofing = input.submission()?.answers_as()?;
        let driest_wet = Limits::of(input)?.moisture_max_percent;
        let dry = answers.areas.iter().enumerate().find_map(|(index, area)| {
            let measured = area.moisture_percent.filter(|measured| area.part == "roof" && *measured <= driest_wet)?;
            Some((index, measured))
        });
        let Some((index, measured)) = dry else { return Ok(Findings::new()) };
        let key = format!("{district}/{}", input.visit.business_date);
        let rain_mm = context.lookup::<Weather>(WEATHER, &key)?.map_or(0.0, |day| day.rain_mm);
        if rain_mm < self.min_mm {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("waterproofing.dry_in_rain").at(format!("/areas/{index}/moisture_percent"));
        Ok(vec![finding.with("measured", measured).with("rain_mm", rain_mm).weight(20)])
    }
}
