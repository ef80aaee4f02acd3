//! `two_institutions`: a call at another institution had hardly begun when this one did.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};

/// Config of `two_institutions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TwoInstitutions {
    /// Fewest minutes between check-ins at two institutions.
    min_minutes: u32,
}

impl Default for TwoInstitutions {
    fn default() -> Self {
        Self { min_minutes: 10 }
    }
}

impl Rule for TwoInstitutions {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "two_institutions",
        title: texts! { "en": "Two institutions at once", "zh-CN": "短时间内跨机构拜访" },
        description: texts! {
            "en": "Finds check-ins at two institutions closer together than a call and the way between them take.",
            "zh-CN": "发现在两家医疗机构签到的间隔短于一次拜访及路途所需时间的情况。",
        },
        // The rep may have checked in last with another phone: only the server knows.
        needs: &[(Need::LastCheckIn, Availability::Server)],
        codes: &[(
            "two_institutions.too_close",
            texts! {
                "en": "{minutes} minutes at most since the check-in at another institution ({customer}).",
                "zh-CN": "距在另一家机构（{customer}）签到最多 {minutes} 分钟。",
            },
        )],
        source: "10 minutes: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some((last, here)) = input.last_check_in.as_ref().zip(input.visit.check_in.as_ref()) else {
            return Ok(Findings::new());
        };
        let longest_ms = here.at.max_ms.saturating_sub(last.at.min_ms).max(0);
        if last.customer == here.customer || longest_ms >= i64::from(self.min_minutes).saturating_mul(60_000) {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("two_institutions.too_close").weight(30);
        Ok(vec![finding.with("minutes", longest_ms / 60_000).with("customer", last.customer.as_str())])
    }
}
