//! `flood_test`: water stands for a day and a night, deep enough, and nothing comes through; the photo of its end is taken
//! at its end.

use crate::answers;
use crate::limits::Limits;
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Context, Evidence, Finding, Findings, Input, Rule, RuleError, Validate, dates, round1, texts,
};

/// Evidence requirement of step `flood_test` with the photo of its end.
const END_PHOTO: &str = "flood_end";

/// Config of `flood_test`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FloodTest {}

impl Rule for FloodTest {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "flood_test",
        title: texts! { "en": "Flood test", "zh-CN": "蓄水试验" },
        description: texts! {
            "en": "A finished flood test lasted 24 hours, also by the photo of its end, and was deep enough; a leak is named.",
            "zh-CN": "已结束的蓄水试验须满 24 小时（以结束照片的拍摄时间为准）且水深足够；渗漏予以提示。",
        },
        codes: &[
            (
                "flood.photo_too_early",
                texts! {
                    "en": "The photo of the end was taken {hours} h after the start; the test lasts {min_hours} h.",
                    "zh-CN": "结束照片拍摄于开始后 {hours} 小时，蓄水试验应不少于 {min_hours} 小时。",
                },
            ),
            (
                "flood.too_short",
                texts! {
                    "en": "The test lasted {hours} h; {min_hours} h are required.",
                    "zh-CN": "蓄水时间为 {hours} 小时，应不少于 {min_hours} 小时。",
                },
            ),
            (
                "flood.bad_time",
                texts! {
                    "en": "\"{time}\" is not a moment; give date, time and offset.",
                    "zh-CN": "“{time}”不是有效时间，请填写日期、时间和时区。",
                },
            ),
            (
                "flood.shallow",
                texts! {
                    "en": "The water stood {measured} mm deep; {min} mm are required.",
                    "zh-CN": "蓄水深度 {measured} 毫米，应不小于 {min} 毫米。",
                },
            ),
            ("flood.leak", texts! { "en": "Water came through.", "zh-CN": "蓄水试验发现渗漏。" }),
        ],
        source: "usual practice of acceptance: 24 hours, 20 mm deep; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::FloodTest = submission.answers_as()?;
        let limits = Limits::of(input)?;
        if answers.state != "finished" {
            return Ok(Findings::new());
        }
        let mut findings = Findings::new();
        let start = moment(answers.start.as_deref(), "/start", &mut findings);
        let end = moment(answers.end.as_deref(), "/end", &mut findings);
        let about =
            |finding: Finding, hours: f64| finding.with("hours", hours).with("min_hours", limits.flood_min_hours);
        if let Some(hours) = start.zip(end).map(|(start, end)| hours(start, end))
            && hours < limits.flood_min_hours
        {
            findings.push(about(Finding::error("flood.too_short").at("/end"), hours));
        }
        // The latest a photo can have been taken: a clock that is wrong is not the rep's fault.
        let early = |photo: &Evidence| {
            start.map(|start| hours(start, photo.at.max_ms)).filter(|hours| *hours < limits.flood_min_hours)
        };
        let first_early = submission.evidence_for(END_PHOTO).find_map(|photo| Some((photo, early(photo)?)));
        if let Some((photo, hours)) = first_early {
            let finding = Finding::error("flood.photo_too_early").at("/evidence").evidence(photo.sha256.as_str());
            findings.push(about(finding, hours));
        }
        findings.extend(checks(&answers, &limits).failed());
        Ok(findings)
    }
}

/// The checks of a finished test.
pub fn checks(answers: &answers::FloodTest, limits: &Limits) -> Checks {
    let mut checks = Checks::default();
    if answers.state == "finished" {
        let shallow = || Finding::warning("flood.shallow").at("/depth_mm");
        checks.at_least(answers.depth_mm, limits.flood_min_mm, shallow);
        if let Some(leak) = answers.leak {
            checks.add(!leak, Finding::warning("flood.leak").at("/leak"));
        }
    }
    checks
}

fn hours(from_ms: i64, to_ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a difference of moments is far below 2^53")]
    let ms = to_ms.saturating_sub(from_ms) as f64;
    round1(ms / 3_600_000.0)
}

fn moment(text: Option<&str>, at: &str, findings: &mut Findings) -> Option<i64> {
    let text = text?;
    let moment = dates::moment_ms(text);
    if moment.is_none() {
        findings.push(Finding::error("flood.bad_time").at(at).with("time", text));
    }
    moment
}
