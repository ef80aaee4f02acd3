//! `shared_device`: somebody else checked in from this device on the same day.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `shared_device`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedDevice {}

impl Rule for SharedDevice {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "shared_device",
        title: texts! { "en": "Device of two people", "zh-CN": "一机多人" },
        description: texts! {
            "en": "Finds check-ins from a device that somebody else checked in from on the same business date. A handover between shifts is one too.",
            "zh-CN": "发现同一营业日内有其他人从同一部手机签到的情况；交接班共用手机也会被发现。",
        },
        // Only the server knows who else used the device.
        needs: &[(Need::LastOnDevice, Availability::Server)],
        codes: &[(
            "presence.shared_device",
            texts! {
                "en": "{user} checked in from the same phone {minutes} minutes before ({visit}).",
                "zh-CN": "{user} 在 {minutes} 分钟前用同一部手机签到（{visit}）。",
            },
        )],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let other = input.last_on_device.as_ref().filter(|other| other.business_date == input.visit.business_date);
        let Some((other, here)) = other.zip(input.visit.check_in.as_ref()) else { return Ok(Findings::new()) };
        // What the rep is told is the shortest it can have been.
        #[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
        let minutes = round1(here.at.min_ms.saturating_sub(other.at.max_ms).max(0) as f64 / 60_000.0);
        let finding = Finding::warning("presence.shared_device").weight(30).with("user", other.user.as_str());
        Ok(vec![finding.with("minutes", minutes).with("visit", other.visit.as_str())])
    }
}
