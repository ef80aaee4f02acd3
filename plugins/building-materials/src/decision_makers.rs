//! `decision_makers`: before the tender somebody specifies; a contact was not tomorrow.

use crate::{answers, stage};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, dates, texts,
};
use std::collections::BTreeSet;

/// Config of `decision_makers`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionMakers {}

impl Rule for DecisionMakers {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "decision_makers",
        title: texts! { "en": "Decision makers", "zh-CN": "关键决策人" },
        description: texts! {
            "en": "Before the tender at least one person must be known who specifies materials; dates of contact must be possible.",
            "zh-CN": "招标前至少应掌握一位材料选型人；最近联系日期须合理。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "decision.nobody_specifies",
                texts! {
                    "en": "The tender is still ahead: who specifies materials? Find out, usually at the designer.",
                    "zh-CN": "项目尚未招标，还没有材料选型人，请尽快了解（通常在设计院）。",
                },
            ),
            (
                "decision.twice",
                texts! {
                    "en": "{org} has the same person in the same role twice. Keep one row.",
                    "zh-CN": "{org} 的同一人以同一角色重复填写，请只保留一行。",
                },
            ),
            (
                "decision.contact_in_future",
                texts! {
                    "en": "The last contact {last_contact} is after {business_date}.",
                    "zh-CN": "最近联系日期 {last_contact} 晚于 {business_date}。",
                },
            ),
            (
                "decision.bad_date",
                texts! {
                    "en": "\"{last_contact}\" is not a date of the calendar.",
                    "zh-CN": "“{last_contact}”不是有效日期。",
                },
            ),
        ],
        source: "usual practice: somebody who specifies before the tender; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::DecisionMakers = input.submission()?.answers_as()?;
        let today = dates::business_date(input)?;
        let mut findings = Findings::new();
        let stage = input.step_answers::<answers::Stage>("stage")?.map(|answers| answers.stage);
        if let Some(stage) = stage.filter(|stage| stage::rank(stage) < stage::rank("tender"))
            && !answers.people.iter().any(|person| person.role == "specifies")
        {
            findings.push(Finding::warning("decision.nobody_specifies").at("/people").with("stage", stage));
        }
        let mut seen = BTreeSet::new();
        for (index, person) in answers.people.iter().enumerate() {
            if !seen.insert((person.name.trim(), person.org.trim(), person.role.as_str())) {
                let finding = Finding::error("decision.twice").at(format!("/people/{index}"));
                findings.push(finding.with("org", person.org.as_str()));
            }
            let Some(text) = person.last_contact.as_deref() else { continue };
            let about = |code: &str| {
                Finding::error(code).at(format!("/people/{index}/last_contact")).with("last_contact", text)
            };
            match dates::parse(text) {
                None => findings.push(about("decision.bad_date")),
                Some(date) if date > today => {
                    findings.push(about("decision.contact_in_future").with("business_date", today.to_string()));
                }
                Some(_) => {}
            }
        }
        Ok(findings)
    }
}
