//! `same_parts`: what was photographed before the work is photographed after it, part by part.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, texts,
};
use std::collections::BTreeSet;

/// Config of `same_parts`; bound to the step with the photos after.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SameParts {
    /// Step with the photos before.
    before_step: String,
}

impl Default for SameParts {
    fn default() -> Self {
        Self { before_step: "before_photo".into() }
    }
}

impl Rule for SameParts {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "same_parts",
        title: texts! { "en": "The same parts again", "zh-CN": "前后照片部位一致" },
        description: texts! {
            "en": "Each part that was photographed before the work must be photographed after it. Where the client does not say which part a photo shows, nothing is said.",
            "zh-CN": "整改前拍摄的每个部位，整改后都须再次拍摄。客户端未标明部位时不作判断。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "photos.part_missing",
            texts! {
                "en": "Not photographed again: {parts}. Take a photo of each part that you photographed before.",
                "zh-CN": "以下部位未再次拍摄：{parts}。整改前拍过的每个部位都要重新拍摄。",
            },
        )],
        source: "the same section ids before and after",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let after = parts(&input.submission()?.evidence);
        let before = input.steps.get(&self.before_step).map(|step| parts(&step.evidence)).unwrap_or_default();
        if after.is_empty() {
            return Ok(Findings::new());
        }
        let missing: Vec<&str> = before.difference(&after).copied().collect();
        if missing.is_empty() {
            return Ok(Findings::new());
        }
        Ok(vec![Finding::error("photos.part_missing").at("/evidence").with("parts", missing.join(", "))])
    }
}

fn parts(evidence: &[Evidence]) -> BTreeSet<&str> {
    evidence.iter().filter_map(|photo| photo.part.as_deref()).collect()
}
