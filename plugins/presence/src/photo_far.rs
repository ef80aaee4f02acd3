//! `photo_far`: a photo was taken somewhere else.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Crs, Evidence, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `photo_far`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoFar {
    /// How far from the check-in a photo may be taken, in metres.
    #[schemars(range(min = 0.0, max = 100_000.0))]
    max_m: f64,
}

impl Default for PhotoFar {
    fn default() -> Self {
        Self { max_m: 100.0 }
    }
}

impl Rule for PhotoFar {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "photo_far",
        title: texts! { "en": "Photo from elsewhere", "zh-CN": "照片拍摄地点过远" },
        description: texts! {
            "en": "Finds photos taken away from the check-in, both accuracies taken off in the rep's favour.",
            "zh-CN": "发现拍摄地点远离签到位置的照片，计算时已扣除两处定位误差。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "presence.photo_far",
            texts! {
                "en": "{photos} photo(s) were taken away from the check-in, at least {metres} m. Take photos in place.",
                "zh-CN": "有 {photos} 张照片不是在签到地点拍摄的，至少相距 {metres} 米。请在现场拍照。",
            },
        )],
        source: "usual practice: more than 100 m between photo and check-in; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(check_in) = input.visit.check_in.as_ref().and_then(|check_in| check_in.position.as_ref()) else {
            return Ok(Findings::new());
        };
        if check_in.crs == Crs::Unknown {
            return Ok(Findings::new());
        }
        let far: Vec<(f64, &Evidence)> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .filter_map(|photo| {
                let position = photo.position.as_ref().filter(|position| position.crs != Crs::Unknown)?;
                let metres = round1(photo.from_check_in_m? - position.accuracy_m - check_in.accuracy_m);
                (metres > self.max_m).then_some((metres, photo))
            })
            .collect();
        let Some(farthest) = far.iter().map(|(metres, _)| *metres).max_by(f64::total_cmp) else {
            return Ok(Findings::new());
        };
        let finding = Finding::warning("presence.photo_far").weight(25);
        Ok(vec![
            finding
                .with("photos", far.len())
                .with("metres", farthest)
                .evidence_all(far.iter().map(|(_, photo)| photo.sha256.as_str())),
        ])
    }
}
