//! `panorama`: a building site changes within a month; a picture that looks like last month's is last month's.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, PhotoNeighbour, Rule, RuleError, dates, texts,
};
use std::collections::BTreeSet;

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
            "en": "Finds a panorama that looks like one of a visit to the same site a month ago or more.",
            "zh-CN": "发现与同一项目一个月或更久以前的拜访几乎相同的现场全景照。",
        },
        needs: &[(Need::PhotoNeighbours, Availability::Server)],
        codes: &[(
            "panorama.unchanged",
            texts! {
                "en": "{photos} panorama(s) look the same as {days} days ago ({visit}). Take a new one.",
                "zh-CN": "有 {photos} 张全景照与 {days} 天前的拜访（{visit}）相同，请重新拍摄。",
            },
        )],
        source: "64-bit perceptual hash equal to a visit of 30 days ago or more; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let today = dates::business_date(input)?;
        let panoramas: BTreeSet<&str> =
            input.submission()?.evidence_for(&self.requirement).map(|photo| photo.sha256.as_str()).collect();
        let days_ago =
            |photo: &PhotoNeighbour| dates::parse(&photo.business_date).map(|date| dates::days_between(date, today));
        let is_old = |photo: &&PhotoNeighbour| {
            let is_same_site = photo.customer == input.customer.id && panoramas.contains(photo.sha256.as_str());
            is_same_site
                && photo.distance <= self.max_distance
                && days_ago(photo).is_some_and(|days| days >= self.min_days)
        };
        let old: Vec<&PhotoNeighbour> = input.photo_neighbours.iter().filter(is_old).collect();
        let nearest = old.iter().min_by_key(|photo| (photo.distance, photo.received_ms, photo.visit.as_str()));
        let Some((nearest, days)) = nearest.and_then(|photo| Some((photo, days_ago(photo)?))) else {
            return Ok(Findings::new());
        };
        let photos: BTreeSet<&str> = old.iter().map(|photo| photo.sha256.as_str()).collect();
        let finding = Finding::warning("panorama.unchanged").at("/evidence").with("photos", photos.len());
        let finding = finding.with("days", days).with("visit", nearest.visit.as_str()).weight(40);
        let others = old.iter().map(|photo| photo.other.as_str());
        Ok(vec![finding.evidence_all(photos.iter().copied().chain(others))])
    }
}
