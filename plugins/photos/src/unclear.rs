//! `unclear`: photos that show too little: blurred, taken askew, too dark, by what the client's own models say.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};
use std::collections::{BTreeMap, BTreeSet};

/// Config of `unclear`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Unclear {
    /// Hints the client gives, by name, 0 to 1, and the most of each that a photo may have: `blur` (0 is sharp), `tilt` (0 is
    /// level, 1 lies on its side), `dark` (1 is black).
    most: BTreeMap<String, f64>,
    /// Classes of photos to look at; none: all.
    classes: BTreeSet<String>,
}

impl Default for Unclear {
    fn default() -> Self {
        let most = [("blur", 0.6), ("tilt", 0.3), ("dark", 0.8)];
        Self { most: most.map(|(hint, most)| (hint.to_owned(), most)).into(), classes: BTreeSet::new() }
    }
}

impl Rule for Unclear {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "unclear",
        title: texts! { "en": "Photo shows too little", "zh-CN": "照片不清晰" },
        description: texts! {
            "en": "Finds photos that the client's own models take for blurred, askew or too dark. A client that gives no hint gives no signal.",
            "zh-CN": "发现客户端检测为模糊、倾斜或过暗的照片。客户端不提供检测结果时不作判断。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "photos.unclear",
            texts! {
                "en": "{photos} photo(s) show too little ({hints}). Take them again, straight on and with a steady hand.",
                "zh-CN": "有 {photos} 张照片不清晰（{hints}），请持稳手机、正对拍摄对象重新拍摄。",
            },
        )],
        source: "what the client's own models say; limits: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let mut photos = BTreeSet::new();
        let mut hints = BTreeSet::new();
        for photo in input.submissions().flat_map(|submission| &submission.evidence) {
            if !self.classes.is_empty() && !self.classes.contains(&photo.class) {
                continue;
            }
            let too_much = |(hint, most): &(&String, &f64)| photo.hints.get(*hint).is_some_and(|given| given > *most);
            for (hint, _) in self.most.iter().filter(too_much) {
                photos.insert(photo.sha256.as_str());
                hints.insert(hint.as_str());
            }
        }
        if photos.is_empty() {
            return Ok(Findings::new());
        }
        let named: Vec<&str> = hints.into_iter().collect();
        let finding = Finding::warning("photos.unclear").with("photos", photos.len()).with("hints", named.join(", "));
        Ok(vec![finding.evidence_all(photos)])
    }
}
