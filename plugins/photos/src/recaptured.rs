//! `recaptured`: what took the photo thinks it is a photo of a screen or of a print.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, texts,
};

/// Config of `recaptured`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recaptured {
    /// Name of the hint the client gives.
    hint: String,
    /// Probability from which on (not including it) a photo counts as recaptured.
    #[schemars(range(min = 0.0, max = 1.0))]
    above: f64,
}

impl Default for Recaptured {
    fn default() -> Self {
        Self { hint: "recapture".into(), above: 0.8 }
    }
}

impl Rule for Recaptured {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "recaptured",
        title: texts! { "en": "Photo of a screen", "zh-CN": "翻拍照片" },
        description: texts! {
            "en": "Finds photos that the client's own detector takes for photos of a screen or a print. A client without a detector gives no hint, and that is no signal.",
            "zh-CN": "发现客户端检测为翻拍屏幕或翻拍照片的照片。客户端不提供检测结果时不作判断。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "photos.recaptured",
            texts! {
                "en": "{photos} photo(s) look like photos of a screen or a print. Photograph the thing itself.",
                "zh-CN": "有 {photos} 张照片疑似翻拍屏幕或纸质照片，请拍摄实物。",
            },
        )],
        source: "what the client's own detector says; limit and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let is_recaptured = |photo: &&Evidence| photo.hints.get(&self.hint).is_some_and(|hint| *hint > self.above);
        let photos: Vec<&str> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .filter(is_recaptured)
            .map(|photo| photo.sha256.as_str())
            .collect();
        if photos.is_empty() {
            return Ok(Findings::new());
        }
        Ok(vec![Finding::warning("photos.recaptured").weight(50).with("photos", photos.len()).evidence_all(photos)])
    }
}
