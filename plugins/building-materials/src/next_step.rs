//! `next_step`: agreed actions are due after the visit; the next visit is suggested by the chance to win.

use crate::answers;
use crate::limits::Limits;
use crate::win::Win;
use chrono::Days;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, dates, texts,
};

/// Config of `next_step`: none; the factors of the chance are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NextStep {}

impl Rule for NextStep {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "next_step",
        title: texts! { "en": "Next step", "zh-CN": "下一步行动" },
        description: texts! {
            "en": "Open actions and the next visit are after the day of the visit. Says the chance to win and until when to come again.",
            "zh-CN": "未完成的行动和下次拜访须晚于拜访日期；给出赢单概率和建议的下次拜访时间。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "next.suggested",
                texts! {
                    "en": "The chance to win is {percent} %. Come again within {days} day(s), until {by}.",
                    "zh-CN": "赢单概率 {percent}%，建议 {days} 天内（{by} 前）再次拜访。",
                },
            ),
            (
                "next.later_than_suggested",
                texts! {
                    "en": "The next visit on {next_visit} is later than suggested ({by}).",
                    "zh-CN": "下次拜访 {next_visit} 晚于建议日期 {by}。",
                },
            ),
            (
                "next.not_later",
                texts! {
                    "en": "{date} is not after {business_date}. Choose a later day.",
                    "zh-CN": "{date} 应晚于 {business_date}，请重新选择日期。",
                },
            ),
            (
                "next.bad_date",
                texts! {
                    "en": "\"{date}\" is not a date of the calendar.",
                    "zh-CN": "“{date}”不是有效日期。",
                },
            ),
        ],
        source: "chance to win from stage, specification, people, competitors, recency; factors: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Close = input.submission()?.answers_as()?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        let open = answers.actions.iter().enumerate().filter(|(_, action)| !action.done);
        let dates = open
            .filter_map(|(index, action)| Some((format!("/actions/{index}/due"), action.due.as_deref()?)))
            .chain(answers.next_visit.as_deref().map(|date| ("/next_visit".to_owned(), date)));
        for (at, text) in dates {
            match dates::parse(text) {
                None => findings.push(Finding::error("next.bad_date").at(at).with("date", text)),
                Some(date) if date <= today => {
                    let finding = Finding::error("next.not_later").at(at).with("date", text);
                    findings.push(finding.with("business_date", today.to_string()));
                }
                Some(_) => {}
            }
        }
        let Some(win) = Win::of(input, &Limits::of(input)?)? else { return Ok(findings) };
        let days = u64::try_from(win.next_days).unwrap_or_default();
        let Some(by) = today.checked_add_days(Days::new(days)) else { return Ok(findings) };
        let finding = Finding::info("next.suggested").at("/next_visit").with("percent", win.percent());
        findings.push(finding.with("days", days).with("by", by.to_string()));
        if let Some(next_visit) = answers.next_visit.as_deref().and_then(dates::parse).filter(|date| *date > by) {
            let finding = Finding::warning("next.later_than_suggested").at("/next_visit");
            findings.push(finding.with("next_visit", next_visit.to_string()).with("by", by.to_string()));
        }
        Ok(findings)
    }
}
