//! `stage`: a building does not go back. If it seems to, somebody must say why.

use crate::answers::{self, is_given};
use crate::project::Fields;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, dates, texts,
};

/// Config of `stage`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {}

/// The stages of a building, in order.
const STAGES: [&str; 9] =
    ["planning", "design", "tender", "foundation", "structure", "roof", "fit_out", "acceptance", "warranty"];

/// How far a stage is; none for a word that is no stage.
pub fn rank(stage: &str) -> Option<usize> {
    STAGES.iter().position(|known| *known == stage)
}

impl Rule for Stage {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "stage",
        title: texts! { "en": "Stage of the building", "zh-CN": "工程阶段" },
        description: texts! {
            "en": "Compares the stage with that of the previous visit, else with the one on record; an earlier one needs a reason.",
            "zh-CN": "与上次拜访（否则与项目档案）的工程阶段比较，阶段后退须说明原因。",
        },
        needs: &[(Need::PreviousVisit, Availability::Server)],
        codes: &[
            (
                "stage.moved_back_unexplained",
                texts! {
                    "en": "The stage goes back to {stage}; the building was further already. Correct it, or say why.",
                    "zh-CN": "工程阶段退回“{stage}”，此前已更靠后。请更正；如属实，请说明原因。",
                },
            ),
            (
                "stage.moved_back",
                texts! {
                    "en": "The stage went back to {stage}; the building was further already. The rep gave a reason.",
                    "zh-CN": "工程阶段退回“{stage}”，此前已更靠后，已说明原因。",
                },
            ),
            (
                "stage.window_not_later",
                texts! {
                    "en": "The next material window {next_window} is not after {business_date}.",
                    "zh-CN": "下一批材料进场窗口 {next_window} 应晚于 {business_date}。",
                },
            ),
            (
                "stage.bad_date",
                texts! {
                    "en": "\"{next_window}\" is not a date of the calendar.",
                    "zh-CN": "“{next_window}”不是有效日期。",
                },
            ),
        ],
        source: "stages of a building follow each other; usual practice",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Stage = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let last = last_stage(input)?;
        if let (Some(last), Some(now)) = (&last, rank(&answers.stage))
            && rank(last).is_some_and(|before| now < before)
        {
            let finding = if is_given(answers.back_reason.as_deref()) {
                Finding::warning("stage.moved_back").at("/stage")
            } else {
                Finding::error("stage.moved_back_unexplained").at("/back_reason")
            };
            findings.push(finding.with("last", last.as_str()).with("stage", answers.stage.as_str()));
        }
        if let Some(text) = answers.next_window.as_deref() {
            let today = dates::business_date(input)?;
            let about = |code: &str| Finding::error(code).at("/next_window").with("next_window", text);
            match dates::parse(text) {
                None => findings.push(about("stage.bad_date")),
                Some(date) if date <= today => {
                    findings.push(about("stage.window_not_later").with("business_date", today.to_string()));
                }
                Some(_) => {}
            }
        }
        Ok(findings)
    }
}

/// The stage of the previous visit, else the one on record.
fn last_stage(input: &Input) -> Result<Option<String>, RuleError> {
    let previous = input.previous_visit.as_ref().and_then(|previous| previous.steps.get("stage"));
    match previous.map(|step| step.answers_as::<answers::Stage>()).transpose()? {
        Some(answers) => Ok(Some(answers.stage)),
        None => Ok(Fields::of(input)?.last_stage),
    }
}
