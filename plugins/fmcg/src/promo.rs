//! `promo`: a promotion must be running, and a display somebody is paid for must be seen from two sides.

use crate::answers::{self, is_given};
use crate::rows::{PROMOTIONS, PromotionRow};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Evidence, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::BTreeSet;

/// Evidence requirement of step `promo` that holds the photos of displays.
const DISPLAY: &str = "display";

/// Config of `promo`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Promo {
    /// Photos from different angles that each paid display needs.
    #[schemars(range(min = 0, max = 10))]
    photos_per_display: u32,
    /// Photos whose perceptual hashes differ in at most this many of 64 bits show the same angle.
    #[schemars(range(min = 0, max = 64))]
    same_angle_distance: u32,
}

impl Default for Promo {
    fn default() -> Self {
        Self { photos_per_display: 2, same_angle_distance: 6 }
    }
}

impl Rule for Promo {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "promo",
        title: texts! { "en": "Promotions and displays", "zh-CN": "促销与陈列" },
        description: texts! {
            "en": "Promotions must be running on the visit's date; each paid display needs photos from different angles.",
            "zh-CN": "促销须在拜访当日有效；每个付费陈列须有不同角度的照片。",
        },
        codes: &[
            (
                "promo.unknown",
                texts! {
                    "en": "There is no promotion {promo_id}.",
                    "zh-CN": "没有编号为 {promo_id} 的促销。",
                },
            ),
            (
                "promo.not_running",
                texts! {
                    "en": "{name} runs from {valid_from} to {valid_to}, not on {business_date}.",
                    "zh-CN": "{name} 的有效期为 {valid_from} 至 {valid_to}，{business_date} 不在其中。",
                },
            ),
            (
                "promo.duplicate",
                texts! {
                    "en": "Promotion {promo_id} is entered twice. Keep one row.",
                    "zh-CN": "促销 {promo_id} 重复填写，请只保留一行。",
                },
            ),
            (
                "promo.display_photos",
                texts! {
                    "en": "{displays} paid display(s) need {needed} photos from different angles; there are {photos}.",
                    "zh-CN": "{displays} 个付费陈列需要 {needed} 张不同角度的照片，目前只有 {photos} 张。",
                },
            ),
        ],
        datasets: &[PROMOTIONS],
        source: "usual practice of paid displays: photos from two angles; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Promo = submission.answers_as()?;
        let today = input.visit.business_date.as_str();
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, promotion) in answers.promotions.iter().enumerate() {
            let id = promotion.promo_id.as_str();
            let about =
                |code: &str| Finding::error(code).at(format!("/promotions/{index}/promo_id")).with("promo_id", id);
            if !seen.insert(id) {
                findings.push(about("promo.duplicate"));
            }
            match context.lookup::<PromotionRow>(PROMOTIONS, id)? {
                None => findings.push(about("promo.unknown")),
                Some(row) if !row.runs_on(today) => findings.push(
                    about("promo.not_running")
                        .with("name", row.name)
                        .with("valid_from", row.valid_from)
                        .with("valid_to", row.valid_to)
                        .with("business_date", today),
                ),
                Some(_) => {}
            }
        }
        let claimed: u32 = answers
            .displays
            .iter()
            .filter(|display| display.present == Some(true) && is_given(display.fee_contract.as_deref()))
            .map(|_| 1)
            .sum();
        let needed = claimed.saturating_mul(self.photos_per_display);
        let photos: Vec<&Evidence> = submission.evidence_for(DISPLAY).collect();
        let angles = self.angles(&photos);
        if angles < needed {
            findings.push(
                Finding::error("promo.display_photos")
                    .at("/displays")
                    .with("displays", claimed)
                    .with("needed", needed)
                    .with("photos", angles)
                    .evidence_all(photos.iter().map(|photo| photo.sha256.as_str())),
            );
        }
        Ok(findings)
    }
}

impl Promo {
    /// Photos that show something none of those before them shows. Photos without a perceptual hash differ when their
    /// bytes do.
    fn angles(&self, photos: &[&Evidence]) -> u32 {
        let mut kept: Vec<&Evidence> = Vec::new();
        for photo in photos {
            let is_same =
                |other: &&Evidence| photo.distance(other).is_some_and(|bits| bits <= self.same_angle_distance);
            if !kept.iter().any(is_same) {
                kept.push(photo);
            }
        }
        u32::try_from(kept.len()).unwrap_or(u32::MAX)
    }
}
