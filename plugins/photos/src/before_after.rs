//! `before_after`: the photo after the work is the photo before it.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, Submission, texts,
};

/// Config of `before_after`: which photos to compare.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BeforeAfter {
    /// Step with the photos before.
    before_step: String,
    /// Evidence requirement of that step; null: all of its evidence.
    before_requirement: Option<String>,
    /// Step with the photos after.
    after_step: String,
    /// Evidence requirement of that step; null: all of its evidence.
    after_requirement: Option<String>,
    /// Photos whose perceptual hashes differ in at most this many of 64 bits are the same.
    #[schemars(range(min = 0, max = 64))]
    max_distance: u32,
}

impl Default for BeforeAfter {
    fn default() -> Self {
        Self {
            before_step: "before_photo".into(),
            before_requirement: None,
            after_step: "after_photo".into(),
            after_requirement: None,
            max_distance: 6,
        }
    }
}

impl Rule for BeforeAfter {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "before_after",
        title: texts! { "en": "Before equals after", "zh-CN": "前后照片雷同" },
        description: texts! {
            "en": "Compares the photos after the work with those before it, by bytes and by perceptual hash.",
            "zh-CN": "按文件内容和感知哈希比较整改前后的照片。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "photos.before_equals_after",
            texts! {
                "en": "{photos} photo(s) after the work look the same as before it. Take the photo again after the work.",
                "zh-CN": "有 {photos} 张整改后照片与整改前几乎相同，请在整改后重新拍摄。",
            },
        )],
        source: "64-bit perceptual hashes at a small Hamming distance; distance and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let before = evidence(input, &self.before_step, self.before_requirement.as_deref());
        let after = evidence(input, &self.after_step, self.after_requirement.as_deref());
        let mut same = Vec::new();
        let mut n_after = 0_u32;
        for photo in after {
            let twins =
                before.iter().filter(|other| photo.distance(other).is_some_and(|bits| bits <= self.max_distance));
            let twins: Vec<&str> = twins.map(|other| other.sha256.as_str()).collect();
            if !twins.is_empty() {
                n_after += 1;
                same.push(photo.sha256.as_str());
                same.extend(twins);
            }
        }
        if n_after == 0 {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("photos.before_equals_after").weight(25);
        Ok(vec![finding.with("photos", n_after).evidence_all(same)])
    }
}

/// Evidence of a step (of all its instances): the submission under judgement stands for the accepted one it replaces.
fn evidence<'a>(input: &'a Input, step: &str, requirement: Option<&str>) -> Vec<&'a Evidence> {
    let judged = input.submission.as_ref();
    let is_replaced =
        |it: &Submission| judged.is_some_and(|judged| judged.step == it.step && judged.instance == it.instance);
    judged
        .into_iter()
        .chain(input.steps.values().filter(|it| !is_replaced(it)))
        .filter(|submission| submission.step == step)
        .flat_map(|submission| &submission.evidence)
        .filter(|evidence| requirement.is_none_or(|requirement| evidence.requirement == requirement))
        .collect()
}
