//! `site_boundary`: a check-in outside the site, the accuracy of the fix taken off in the rep's favour.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Crs, Finding, Findings, Input, Rule, RuleError, round1, texts};

/// Config of `site_boundary`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SiteBoundary {
    /// How far outside the polygon still counts as on the site, in metres.
    #[schemars(range(min = 0.0, max = 100_000.0))]
    margin_m: f64,
}

impl Default for SiteBoundary {
    fn default() -> Self {
        Self { margin_m: 0.0 }
    }
}

impl Rule for SiteBoundary {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "site_boundary",
        title: texts! { "en": "Outside the site", "zh-CN": "项目围栏外签到" },
        description: texts! {
            "en": "Finds a check-in whose position, less its accuracy, lies outside the site polygon.",
            "zh-CN": "发现扣除定位误差后仍在项目围栏外的签到。",
        },
        codes: &[(
            "site.outside",
            texts! {
                "en": "The check-in was at least {metres} m outside the site.",
                "zh-CN": "签到位置在项目围栏外至少 {metres} 米。",
            },
        )],
        source: "outside the polygon by more than the accuracy; weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let position = input.submission()?.position.as_ref().filter(|position| position.crs != Crs::Unknown);
        let beyond = position
            .and_then(|position| Some(round1(position.to_customer_m? - position.accuracy_m)))
            .filter(|metres| *metres > self.margin_m);
        Ok(beyond
            .map(|metres| Finding::warning("site.outside").with("metres", metres).weight(50))
            .into_iter()
            .collect())
    }
}
