//! `altered_device`: the system says that the phone is rooted, or that it is none.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Integrity, Need, Rule, RuleError, texts,
};

/// Config of `altered_device`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlteredDevice {}

impl Rule for AlteredDevice {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "altered_device",
        title: texts! { "en": "Altered phone", "zh-CN": "设备环境异常" },
        description: texts! {
            "en": "Finds phones that say they are rooted or emulated. A client that does not ask the system gives no signal. Whether such a phone may be used is the company's policy.",
            "zh-CN": "发现已 root（越狱）的手机或模拟器。客户端未检测时不作判断；是否允许使用由企业策略决定。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "presence.rooted",
                texts! {
                    "en": "The phone is rooted or jailbroken. Use one that is as it was sold.",
                    "zh-CN": "手机已 root 或越狱，请使用未改装的手机。",
                },
            ),
            (
                "presence.emulator",
                texts! {
                    "en": "This is an emulated phone. Use a real one.",
                    "zh-CN": "检测到手机模拟器，请使用真实手机。",
                },
            ),
        ],
        source: "signal of the operating system or the client (Play Integrity, App Attest); effect and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let said: Vec<Integrity> = input.submissions().filter_map(|submission| submission.integrity).collect();
        let mut findings = Findings::new();
        if said.iter().any(|it| it.rooted == Some(true)) {
            findings.push(Finding::warning("presence.rooted").weight(30));
        }
        if said.iter().any(|it| it.emulator == Some(true)) {
            findings.push(Finding::warning("presence.emulator").weight(70));
        }
        Ok(findings)
    }
}
