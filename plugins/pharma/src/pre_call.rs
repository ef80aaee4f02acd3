//! `pre_call`: whom the rep is going to see, whether they agreed to it, and what for.

use crate::answers::{self, PlannedDoctor, is_given};
use crate::rows::{Consent, HCPS, Hcp};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::BTreeSet;

/// Config of `pre_call`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreCall {
    /// A doctor must have agreed to be contacted by the channel.
    require_consent: bool,
}

impl Default for PreCall {
    fn default() -> Self {
        Self { require_consent: true }
    }
}

impl Rule for PreCall {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "pre_call",
        title: texts! { "en": "Call plan", "zh-CN": "访前计划" },
        description: texts! {
            "en": "Planned doctors work at this institution, have agreed to the channel, and each call has an objective or a reason why not.",
            "zh-CN": "计划拜访的医生须属于本机构并同意该联系渠道；每次拜访须有目标，否则说明原因。",
        },
        codes: &[
            (
                "pre_call.unknown_hcp",
                texts! {
                    "en": "There is no doctor {hcp} in the list.",
                    "zh-CN": "医生名单中没有 {hcp}。",
                },
            ),
            (
                "pre_call.elsewhere",
                texts! {
                    "en": "{name} does not work at this institution.",
                    "zh-CN": "{name} 不在本机构执业。",
                },
            ),
            (
                "pre_call.duplicate",
                texts! {
                    "en": "{name} is planned twice. Keep one row.",
                    "zh-CN": "{name} 重复计划，请只保留一行。",
                },
            ),
            (
                "pre_call.no_consent",
                texts! {
                    "en": "{name} has not agreed to be contacted this way ({channel}), or no longer does.",
                    "zh-CN": "{name} 未同意以此方式（{channel}）联系，或同意已失效。",
                },
            ),
            (
                "pre_call.licence_expired",
                texts! {
                    "en": "The licence of {name} ended on {expires}. No samples may be left.",
                    "zh-CN": "{name} 的执业证书已于 {expires} 到期，不得提供样品。",
                },
            ),
            (
                "pre_call.objective_needs_reason",
                texts! {
                    "en": "The call on {name} has no objective. Choose one, or say why there is none.",
                    "zh-CN": "对 {name} 的拜访没有目标，请选择目标或说明原因。",
                },
            ),
            (
                "pre_call.no_objective",
                texts! {
                    "en": "The call on {name} has no objective: {reason}",
                    "zh-CN": "对 {name} 的拜访没有目标：{reason}",
                },
            ),
        ],
        datasets: &[HCPS],
        source: "consent by channel as CRM systems of the trade keep it; GDPR Art. 6 and 7, PIPL Art. 13; objective: usual practice of detailing",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::PreCall = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut seen = BTreeSet::new();
        for (index, planned) in answers.doctors.iter().enumerate() {
            let at = format!("/doctors/{index}");
            let Some(hcp) = Hcp::find(context, &planned.hcp)? else {
                let finding = Finding::error("pre_call.unknown_hcp").at(format!("{at}/hcp"));
                findings.push(finding.with("hcp", planned.hcp.as_str()));
                continue;
            };
            let about = |finding: Finding, member: &str| {
                finding.at(format!("{at}/{member}")).with("hcp", planned.hcp.as_str()).with("name", hcp.name.as_str())
            };
            if !seen.insert(planned.hcp.as_str()) {
                findings.push(about(Finding::error("pre_call.duplicate"), "hcp"));
            }
            if hcp.institution != input.customer.id {
                findings.push(about(Finding::error("pre_call.elsewhere"), "hcp"));
            }
            let today = input.visit.business_date.as_str();
            if !hcp.licence.holds_on(today) {
                let finding = about(Finding::warning("pre_call.licence_expired"), "hcp");
                findings.push(finding.with("expires", hcp.licence.expires.as_str()));
            }
            if let Some(channel) = planned.channel.as_deref().filter(|_| self.require_consent) {
                let agreed = |consent: &Consent| consent.channel == channel && consent.holds_on(today);
                if !hcp.consents.iter().any(agreed) {
                    let finding = about(Finding::error("pre_call.no_consent"), "channel");
                    findings.push(finding.with("channel", channel));
                }
            }
            findings.extend(objective(planned).map(|finding| about(finding, "objective")));
        }
        Ok(findings)
    }
}

fn objective(planned: &PlannedDoctor) -> Option<Finding> {
    if is_given(planned.objective.as_deref()) {
        return None;
    }
    Some(match planned.no_objective_reason.as_deref().filter(|reason| is_given(Some(reason))) {
        Some(reason) => Finding::warning("pre_call.no_objective").with("reason", reason),
        None => Finding::error("pre_call.objective_needs_reason"),
    })
}
