//! `actions`: what was agreed must be due after the visit.

use crate::answers;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, dates, texts};

/// Config of `actions`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actions {}

impl Rule for Actions {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "actions",
        title: texts! { "en": "Agreed actions", "zh-CN": "后续行动" },
        description: texts! {
            "en": "An action that is still open must be due later than the day of the visit.",
            "zh-CN": "未完成的后续行动，截止日期须晚于拜访日期。",
        },
        codes: &[
            (
                "actions.due_not_later",
                texts! {
                    "en": "\"{what}\" is due {due}. Choose a day after {business_date}.",
                    "zh-CN": "“{what}”的截止日期为 {due}，请选择 {business_date} 之后的日期。",
                },
            ),
            (
                "actions.bad_date",
                texts! {
                    "en": "\"{what}\": \"{due}\" is not a date of the calendar.",
                    "zh-CN": "“{what}”：“{due}”不是有效日期。",
                },
            ),
        ],
        source: "usual practice of store audits",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Talk = input.submission()?.answers_as()?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        for (index, action) in answers.actions.iter().enumerate().filter(|(_, action)| !action.done) {
            let Some(due) = action.due.as_deref() else { continue };
            let about = |code: &str| {
                let finding = Finding::error(code).at(format!("/actions/{index}/due"));
                finding.with("what", action.what.as_str()).with("due", due)
            };
            match dates::parse(due) {
                None => findings.push(about("actions.bad_date")),
                Some(date) if date <= today => {
                    findings.push(about("actions.due_not_later").with("business_date", today.to_string()));
                }
                Some(_) => {}
            }
        }
        Ok(findings)
    }
}
