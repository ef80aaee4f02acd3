//! `stale_photo`: a photo is older than the visit.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `stale_photo`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StalePhoto {
    /// How long before the check-in a photo may be taken, in seconds.
    #[schemars(range(min = 0.0, max = 604_800.0))]
    max_age_s: f64,
}

impl Default for StalePhoto {
    fn default() -> Self {
        Self { max_age_s: 1800.0 }
    }
}

impl Rule for StalePhoto {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "stale_photo",
        title: texts! { "en": "Old photo", "zh-CN": "旧照片" },
        description: texts! {
            "en": "Finds photos that were certainly taken before this visit, for instance yesterday's.",
            "zh-CN": "发现可以确定是在本次拜访之前拍摄的照片，例如昨天的照片。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "presence.stale_photo",
            texts! {
                "en": "{photos} photo(s) were taken before this visit, at least {minutes} minutes before the check-in. Take new ones.",
                "zh-CN": "有 {photos} 张照片拍摄于本次拜访之前，至少比签到早 {minutes} 分钟。请重新拍摄。",
            },
        )],
        source: "usual practice; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        // While the check-in itself is judged, its own time stands for it.
        let check_in = input.visit.check_in.as_ref().map(|check_in| &check_in.at);
        let Some(check_in) = check_in.or(input.submission.as_ref().map(|submission| &submission.at)) else {
            return Ok(Findings::new());
        };
        let stale: Vec<(f64, &Evidence)> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .map(|photo| (seconds_between(photo.at.max_ms, check_in.min_ms), photo))
            .filter(|(age_s, _)| *age_s > self.max_age_s)
            .collect();
        // "At least": the youngest of the old ones.
        let Some(least_s) = stale.iter().map(|(age_s, _)| *age_s).min_by(f64::total_cmp) else {
            return Ok(Findings::new());
        };
        let finding = Finding::error("presence.stale_photo").weight(60);
        Ok(vec![
            finding
                .with("photos", stale.len())
                .with("minutes", round1(least_s / 60.0))
                .evidence_all(stale.iter().map(|(_, photo)| photo.sha256.as_str())),
        ])
    }
}

#[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
fn seconds_between(from_ms: i64, to_ms: i64) -> f64 {
    round1(to_ms.saturating_sub(from_ms) as f64 / 1000.0)
}
