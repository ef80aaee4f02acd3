//! `fixed_position`: a measured position trembles; one that does not by a digit was typed in.

use crate::measured::{Fix, fixes};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `fixed_position`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FixedPosition {
    /// The positions must certainly lie this far apart in time, in seconds: a phone may report one fix several times.
    #[schemars(range(min = 0.0, max = 86400.0))]
    min_apart_s: f64,
}

impl Default for FixedPosition {
    fn default() -> Self {
        Self { min_apart_s: 60.0 }
    }
}

impl Rule for FixedPosition {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "fixed_position",
        title: texts! { "en": "Position that never moves", "zh-CN": "定位固定不动" },
        description: texts! {
            "en": "Finds visits all of whose measured positions, of steps and photos, are the same to the last digit over minutes.",
            "zh-CN": "发现在数分钟内，各步骤和照片的定位坐标完全相同、毫无抖动的拜访。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "presence.fixed_position",
            texts! {
                "en": "{positions} positions over {minutes} minutes are the same to the last digit; a measured one trembles.",
                "zh-CN": "{minutes} 分钟内的 {positions} 个定位坐标完全相同，而真实定位会有抖动。",
            },
        )],
        source: "a real receiver never gives the same fix twice; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let fixes = fixes(input.submissions());
        let Some(first) = fixes.first().filter(|first| fixes.iter().all(|fix| fix.is_at(first))) else {
            return Ok(Findings::new());
        };
        let apart_s = certainly_apart_s(&fixes, first);
        if apart_s <= self.min_apart_s {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("presence.fixed_position").weight(40);
        Ok(vec![finding.with("positions", fixes.len()).with("minutes", round1(apart_s / 60.0))])
    }
}

/// Seconds between the earliest and the latest, at least.
fn certainly_apart_s(fixes: &[Fix<'_>], first: &Fix<'_>) -> f64 {
    let earliest = fixes.iter().map(|fix| fix.at.max_ms).min().unwrap_or(first.at.max_ms);
    let latest = fixes.iter().map(|fix| fix.at.min_ms).max().unwrap_or(first.at.min_ms);
    #[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
    let apart_ms = latest.saturating_sub(earliest) as f64;
    round1(apart_ms / 1000.0)
}
