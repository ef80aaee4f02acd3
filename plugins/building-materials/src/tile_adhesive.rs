//! `tile_adhesive`: temperature, coverage, hollow tiles and pull-off strength of tiling.

use crate::answers;
use crate::limits::Limits;
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// Config of `tile_adhesive`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TileAdhesive {}

impl Rule for TileAdhesive {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "tile_adhesive",
        title: texts! { "en": "Tiling work", "zh-CN": "瓷砖铺贴" },
        description: texts! {
            "en": "Checks temperature, adhesive on the back of a lifted tile, hollow tiles and pull-off strength.",
            "zh-CN": "检查施工温度、揭砖满浆率、空鼓率和粘结强度。",
        },
        codes: &[
            (
                "tiling.too_cold",
                texts! {
                    "en": "{part}: {measured} °C is too cold for tiling, which needs {min} °C.",
                    "zh-CN": "{part}：气温 {measured} °C，铺贴施工不得低于 {min} °C。",
                },
            ),
            (
                "tiling.coverage",
                texts! {
                    "en": "{part}: {measured} % of the tile's back has adhesive, {min} % are required.",
                    "zh-CN": "{part}：揭砖满浆率 {measured}%，应不低于 {min}%。",
                },
            ),
            (
                "tiling.hollow",
                texts! {
                    "en": "{part}: {measured} % of the tiles sound hollow, more than {max} %.",
                    "zh-CN": "{part}：空鼓率 {measured}%，超过 {max}%。",
                },
            ),
            (
                "tiling.pull_off",
                texts! {
                    "en": "{part}: a pull-off strength of {measured} MPa is below {min} MPa.",
                    "zh-CN": "{part}：粘结强度 {measured} MPa，低于 {min} MPa。",
                },
            ),
        ],
        source: "usual practice of tiling; limits: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        Ok(checks(&input.submission()?.answers_as()?, &Limits::of(input)?).failed())
    }
}

/// The checks of all surfaces.
pub fn checks(answers: &answers::TileAdhesive, limits: &Limits) -> Checks {
    let mut checks = Checks::default();
    for (index, surface) in answers.surfaces.iter().enumerate() {
        let about = |code: &str, member: &str| {
            Finding::warning(code).at(format!("/surfaces/{index}/{member}")).with("part", surface.part.as_str())
        };
        checks.at_least(surface.celsius, limits.tiling_min_celsius, || about("tiling.too_cold", "celsius"));
        let bare = || about("tiling.coverage", "coverage_percent");
        checks.at_least(surface.coverage_percent, limits.coverage_min_percent, bare);
        checks.at_most(surface.hollow_percent, limits.hollow_max_percent, || about("tiling.hollow", "hollow_percent"));
        checks.at_least(surface.pull_off_mpa, limits.pull_off_min_mpa, || about("tiling.pull_off", "pull_off_mpa"));
    }
    checks
}
