//! `shared_device`: somebody else checked in from this device not long before.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, round1, texts,
};

/// Config of `shared_device`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SharedDevice {
    /// How long before the check-in somebody else may have used the device, in hours.
    #[schemars(range(min = 0.0, max = 168.0))]
    within_h: f64,
}

impl Default for SharedDevice {
    fn default() -> Self {
        Self { within_h: 12.0 }
    }
}

impl Rule for SharedDevice {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "shared_device",
        title: texts! { "en": "Device of two people", "zh-CN": "一机多人" },
        description: texts! {
            "en": "Finds check-ins from a device that somebody else checked in from within hours. A handover between shifts is one too.",
            "zh-CN": "发现数小时内有其他人从同一部手机签到的情况；交接班共用手机也会被发现。",
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
        let check_in = input.visit.check_in.as_ref();
        let Some((other, here)) = input.last_on_device.as_ref().zip(check_in) else { return Ok(Findings::new()) };
        // The shortest it can have been is what the rep is told; the longest is what counts, in the rep's favour.
        #[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
        let minutes = |ms: i64| round1(ms.max(0) as f64 / 60_000.0);
        let longest = minutes(here.at.max_ms.saturating_sub(other.at.min_ms));
        if longest > self.within_h * 60.0 {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("presence.shared_device").weight(30).with("user", other.user.as_str());
        let shortest = minutes(here.at.min_ms.saturating_sub(other.at.max_ms));
        Ok(vec![finding.with("minutes", shortest).with("visit", other.visit.as_str())])
    }
}
