//! `evidence_reuse`: the same bytes were handed in for another visit.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, EvidenceUse, Finding, Findings, Input, Need, Rule, RuleError, texts,
};
use std::collections::BTreeSet;

/// Config of `evidence_reuse`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceReuse {}

impl Rule for EvidenceReuse {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "evidence_reuse",
        title: texts! { "en": "Photo used before", "zh-CN": "照片重复使用" },
        description: texts! {
            "en": "Finds evidence whose bytes were already handed in for another visit of the company.",
            "zh-CN": "发现已在公司其他拜访中提交过的同一份照片或文件。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::EvidenceUses, Availability::Server)],
        codes: &[(
            "presence.evidence_reused",
            texts! {
                "en": "{photos} photo(s) were already used in another visit ({visit}). Take new ones.",
                "zh-CN": "有 {photos} 张照片已在其他拜访（{visit}）中使用过，请重新拍摄。",
            },
        )],
        source: "equal SHA-256 (FIPS 180-4) of a photo in another visit; weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let handed_in: BTreeSet<&str> =
            input.submissions().flat_map(|submission| &submission.evidence).map(|it| it.sha256.as_str()).collect();
        let is_reuse = |it: &&EvidenceUse| it.visit != input.visit.id && handed_in.contains(it.sha256.as_str());
        let uses: Vec<&EvidenceUse> = input.evidence_uses.iter().filter(is_reuse).collect();
        let Some(first) = uses.iter().min_by_key(|it| (it.received_ms, it.visit.as_str())) else {
            return Ok(Findings::new());
        };
        let photos: BTreeSet<&str> = uses.iter().map(|it| it.sha256.as_str()).collect();
        let finding = Finding::error("presence.evidence_reused").weight(60);
        Ok(vec![finding.with("photos", photos.len()).with("visit", first.visit.as_str()).evidence_all(photos)])
    }
}
