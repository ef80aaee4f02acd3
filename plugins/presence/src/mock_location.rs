//! `mock_location`: the operating system said a position is simulated.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Evidence, Finding, Findings, Input, Need, Position, Rule, RuleError, texts,
};

/// Config of `mock_location`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MockLocation {}

impl Rule for MockLocation {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "mock_location",
        title: texts! { "en": "Simulated location", "zh-CN": "虚拟定位" },
        description: texts! {
            "en": "Finds positions, of the visit or of photos, that the phone reports as simulated.",
            "zh-CN": "发现手机报告为虚拟定位的签到位置或照片位置。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "presence.mock_location",
            texts! {
                "en": "The phone reported a simulated location {positions} time(s). Switch off the location app and check in again.",
                "zh-CN": "手机有 {positions} 次报告为虚拟定位。请关闭虚拟定位软件后重新签到。",
            },
        )],
        source: "signal of the operating system (Android isFromMockProvider, iOS isSimulatedBySoftware); weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        // The visit's own check-in counts only where no submission is judged: else it was judged with its step.
        let check_in = input.visit.check_in.as_ref().filter(|_| input.submission.is_none() && input.steps.is_empty());
        let of_visit = check_in.and_then(|check_in| check_in.position.as_ref());
        let of_steps = input.submissions().filter_map(|submission| submission.position.as_ref());
        let n_positions = of_visit.into_iter().chain(of_steps).filter(|position| is_mock(position)).count();
        let photos: Vec<&Evidence> = input
            .submissions()
            .flat_map(|submission| &submission.evidence)
            .filter(|evidence| evidence.position.as_ref().is_some_and(is_mock))
            .collect();
        if n_positions + photos.len() == 0 {
            return Ok(Findings::new());
        }
        let finding = Finding::error("presence.mock_location").weight(70).with("positions", n_positions + photos.len());
        Ok(vec![finding.evidence_all(photos.iter().map(|photo| photo.sha256.as_str()))])
    }
}

fn is_mock(position: &Position) -> bool {
    position.mock == Some(true)
}
