//! `near_duplicate`: a photo looks like one of another customer or another day.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, PhotoNeighbour, Rule, RuleError, texts,
};
use std::collections::BTreeSet;

/// Config of `near_duplicate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NearDuplicate {
    /// Photos of two customers whose perceptual hashes differ in at most this many of 64 bits are the same. Those that differ in
    /// more than 7 are never looked at.
    #[schemars(range(min = 0, max = 64))]
    max_distance: u32,
    /// Whether photos of one customer on two days are compared.
    same_customer: bool,
    /// The same limit for them, a stricter one: a place that did not change looks alike without any fraud, but by hand, on
    /// another day, nobody takes the same photo to the bit.
    #[schemars(range(min = 0, max = 64))]
    same_customer_distance: u32,
    /// Classes of photos that honestly look alike wherever they are taken, for instance of a form.
    ignore_classes: BTreeSet<String>,
}

impl Default for NearDuplicate {
    fn default() -> Self {
        Self { max_distance: 6, same_customer: true, same_customer_distance: 3, ignore_classes: BTreeSet::new() }
    }
}

impl NearDuplicate {
    fn is_duplicate(&self, input: &Input, photo: &PhotoNeighbour) -> bool {
        if photo.customer != input.customer.id {
            return photo.distance <= self.max_distance;
        }
        // Who is there twice on one day may well photograph the same thing twice.
        let is_another_day = photo.business_date != input.visit.business_date;
        self.same_customer && is_another_day && photo.distance <= self.same_customer_distance
    }
}

impl Rule for NearDuplicate {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "near_duplicate",
        title: texts! { "en": "Photo looks like another visit's", "zh-CN": "照片与其他拜访雷同" },
        description: texts! {
            "en": "Finds photos that look like one of another customer, or of the same customer on another day, by perceptual hash. Photos of one visit may look alike.",
            "zh-CN": "按感知哈希发现与其他客户的照片、或同一客户其他日期的照片几乎相同的照片。同一次拜访内重拍不算。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::PhotoNeighbours, Availability::Server)],
        codes: &[(
            "photos.near_duplicate",
            texts! {
                "en": "{photos} photo(s) look like photos of another visit ({visit}, {date}). Take new ones on the spot.",
                "zh-CN": "有 {photos} 张照片与其他拜访（{visit}，{date}）的照片几乎相同，请在现场重新拍摄。",
            },
        )],
        source: "64-bit perceptual hashes at a small Hamming distance; distances and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let handed_in: BTreeSet<&str> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .filter(|evidence| evidence.kind == "photo" && !self.ignore_classes.contains(&evidence.class))
            .map(|evidence| evidence.sha256.as_str())
            .collect();
        let found: Vec<&PhotoNeighbour> = input
            .photo_neighbours
            .iter()
            .filter(|photo| handed_in.contains(photo.sha256.as_str()) && self.is_duplicate(input, photo))
            .collect();
        let Some(nearest) = found.iter().min_by_key(|photo| (photo.distance, photo.received_ms, photo.visit.as_str()))
        else {
            return Ok(Findings::new());
        };
        let photos: BTreeSet<&str> = found.iter().map(|photo| photo.sha256.as_str()).collect();
        let finding = Finding::warning("photos.near_duplicate")
            .weight(40)
            .with("photos", photos.len())
            .with("visit", nearest.visit.as_str())
            .with("date", nearest.business_date.as_str());
        let others = found.iter().map(|photo| photo.other.as_str());
        Ok(vec![finding.evidence_all(photos.iter().copied().chain(others))])
    }
}
