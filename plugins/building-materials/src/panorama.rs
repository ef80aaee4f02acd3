//! `panorama`: a building site changes within a month; a picture that looks like last month's is last month's.

use crate::dates;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Rule, RuleError, Submission, texts,
};

/// Config of `panorama`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Panorama {
    /// Evidence requirement of the panorama.
    requirement: String,
    /// Visits at least this many days apart cannot have the same picture.
    #[schemars(range(min = 1, max = 3650))]
    min_days: i64,
    /// Bits of the perceptual hash by which two pictures may differ and still be the same.
    #[schemars(range(min = 0, max = 32))]
    max_distance: u32,
}

impl Default for Panorama {
    fn default() -> Self {
        Self { requirement: "panorama".to_owned(), min_days: 30, max_distance: 6 }
    }
}

impl Rule for Panorama {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "panorama",
        title: texts! { "en": "Old panorama", "zh-CN": "旧全景照" },
        description: texts! {
            "en": "Compares the panorama with that of the previous visit, if that was a month ago or more.",
            "zh-CN": "上次拜访在一个月或更久以前时，比较两次的现场全景照。",
        },
        needs: &[(Need::PreviousVisit, Availability::Server)],
        codes: &[(
            "panorama.unchanged",
            texts! {
                "en": "{photos} panorama(s) look the same as {days} days ago ({visit}). Take a new one.",
                "zh-CN": "有 {photos} 张全景照与 {days} 天前的拜访（{visit}）相同，请重新拍摄。",
            },
        )],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let Some(previous) = &input.previous_visit else { return Ok(Findings::new()) };
        let Some(before) = dates::parse(&previous.business_date) else { return Ok(Findings::new()) };
        let days = dates::days_between(before, dates::business_date(input)?);
        if days < self.min_days {
            return Ok(Findings::new());
        }
        let old: Vec<&Evidence> = previous.steps.values().flat_map(|step| self.panoramas(step)).collect();
        let same: Vec<&str> = self
            .panoramas(submission)
            .filter(|photo| old.iter().any(|old| photo.distance(old).is_some_and(|bits| bits <= self.max_distance)))
            .map(|photo| photo.sha256.as_str())
            .collect();
        if same.is_empty() {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("panorama.unchanged").at("/evidence").with("photos", same.len());
        let finding = finding.with("days", days).with("visit", previous.visit.as_str()).weight(40);
        Ok(vec![finding.evidence_all(same)])
    }
}

impl Panorama {
    fn panoramas<'a>(&'a self, submission: &'a Submission) -> impl Iterator<Item = &'a Evidence> {
        submission.evidence_for(&self.requirement)
    }
}
