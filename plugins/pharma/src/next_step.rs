//! `next_step`: what was agreed with whom is due after the visit.

use crate::answers;
use crate::rows::{HCPS, Hcp};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, dates, texts,
};

/// Config of `next_step`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextStep {}

impl Rule for NextStep {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "next_step",
        title: texts! { "en": "Next steps", "zh-CN": "下一步行动" },
        description: texts! {
            "en": "What was agreed is with a doctor who was there, and due later than the day of the visit.",
            "zh-CN": "约定事项须对应参与的医生，截止日期须晚于拜访日期。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "next_step.due_not_later",
                texts! {
                    "en": "\"{what}\" is due {due}. Choose a day after {business_date}.",
                    "zh-CN": "“{what}”的截止日期为 {due}，请选择 {business_date} 之后的日期。",
                },
            ),
            (
                "next_step.bad_date",
                texts! {
                    "en": "\"{what}\": \"{due}\" is not a date of the calendar.",
                    "zh-CN": "“{what}”：“{due}”不是有效日期。",
                },
            ),
            (
                "next_step.not_there",
                texts! {
                    "en": "\"{what}\": {hcp} was not there.",
                    "zh-CN": "“{what}”：{hcp} 不在参与医生名单中。",
                },
            ),
        ],
        datasets: &[HCPS],
        source: "usual practice of call reports",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::NextSteps = input.submission()?.answers_as()?;
        let there = input.step_answers::<answers::Attendees>("attendees")?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        for (index, action) in answers.actions.iter().enumerate() {
            let about = |code: &str, member: &str| {
                Finding::error(code).at(format!("/actions/{index}/{member}")).with("what", action.what.as_str())
            };
            let was_there = |there: &answers::Attendees| there.attendees.iter().any(|it| it.hcp == action.hcp);
            if !there.as_ref().is_none_or(was_there) {
                findings.push(about("next_step.not_there", "hcp").with("hcp", Hcp::name(context, &action.hcp)?));
            }
            let Some(due) = action.due.as_deref() else { continue };
            match dates::parse(due) {
                None => findings.push(about("next_step.bad_date", "due").with("due", due)),
                Some(date) if date <= today => {
                    let finding = about("next_step.due_not_later", "due").with("due", due);
                    findings.push(finding.with("business_date", today.to_string()));
                }
                Some(_) => {}
            }
        }
        Ok(findings)
    }
}
