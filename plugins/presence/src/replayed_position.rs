//! `replayed_position`: nobody measures the same position twice; one of the last visit was played again.

use crate::measured::{Fix, fixes};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};

/// Config of `replayed_position`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayedPosition {}

impl Rule for ReplayedPosition {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "replayed_position",
        title: texts! { "en": "Position of another day", "zh-CN": "重放历史定位" },
        description: texts! {
            "en": "Finds measured positions that are, with their accuracy, the same to the last digit as some of the last visit here.",
            "zh-CN": "发现与上次拜访的定位坐标及精度完全相同的定位。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::PreviousVisit, Availability::Server)],
        codes: &[(
            "presence.replayed_position",
            texts! {
                "en": "{positions} position(s) are those of the visit of {date} ({visit}), to the last digit.",
                "zh-CN": "有 {positions} 个定位与 {date} 的拜访（{visit}）完全相同。",
            },
        )],
        source: "equal coordinates of a fix on another day, to the last digit; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(previous) = &input.previous_visit else { return Ok(Findings::new()) };
        let before = fixes(previous.steps.values());
        let is_again = |fix: &&Fix<'_>| {
            before.iter().any(|known| {
                known.is_at(fix) && known.position.accuracy_m.to_bits() == fix.position.accuracy_m.to_bits()
            })
        };
        let n_again = fixes(input.submissions()).iter().filter(is_again).count();
        if n_again == 0 {
            return Ok(Findings::new());
        }
        let finding = Finding::error("presence.replayed_position").weight(60).with("positions", n_again);
        Ok(vec![finding.with("date", previous.business_date.as_str()).with("visit", previous.visit.as_str())])
    }
}
