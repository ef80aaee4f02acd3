//! `questions`: a rep answers from the label, with a reference; anything else goes to medical affairs.

use crate::answers::{self, Question};
use crate::rows::{HCPS, Hcp, MATERIALS, Material, PRODUCTS, Product};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Validate, texts};

/// Config of `questions`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Questions {}

impl Rule for Questions {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "questions",
        title: texts! { "en": "Doctors' questions", "zh-CN": "医生提问" },
        description: texts! {
            "en": "Off-label questions are not answered by the rep; an answer on the label names an approved, valid reference.",
            "zh-CN": "超说明书问题不得由代表回答；说明书内的回答须引用已审批且有效的资料。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "questions.off_label_answered",
                texts! {
                    "en": "A question outside the label of {product} is not yours to answer. Pass it to medical affairs.",
                    "zh-CN": "关于 {product} 的超说明书问题不得由代表回答，请转交医学部。",
                },
            ),
            (
                "questions.no_reference",
                texts! {
                    "en": "Name the approved material your answer about {product} rests on.",
                    "zh-CN": "请注明关于 {product} 的回答所依据的已审批资料。",
                },
            ),
            (
                "questions.reference_invalid",
                texts! {
                    "en": "{reference} cannot be a reference for {product}: it is unknown, not approved, not valid today, or about something else.",
                    "zh-CN": "{reference} 不能作为 {product} 的依据：资料不存在、未审批、不在有效期内或属于其他产品。",
                },
            ),
            (
                "questions.not_there",
                texts! {
                    "en": "{hcp} was not there.",
                    "zh-CN": "{hcp} 不在参与医生名单中。",
                },
            ),
        ],
        datasets: &[HCPS, PRODUCTS, MATERIALS],
        source: "promotion on label only: Drug Administration Law of China Art. 90, 21 CFR 202.1, Directive 2001/83/EC Art. 87; usual practice: such questions go to medical affairs",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Questions = input.submission()?.answers_as()?;
        let there = input.step_answers::<answers::Attendees>("attendees")?;
        let mut findings = Findings::new();
        for (index, question) in answers.questions.iter().enumerate() {
            let at = format!("/questions/{index}");
            let was_there = |there: &answers::Attendees| there.attendees.iter().any(|it| it.hcp == question.hcp);
            if !there.as_ref().is_none_or(was_there) {
                let finding = Finding::error("questions.not_there").at(format!("{at}/hcp"));
                findings.push(finding.with("hcp", Hcp::name(context, &question.hcp)?));
            }
            findings.extend(answer(question, &at, input, context)?);
        }
        Ok(findings)
    }
}

/// What is wrong with who answered and from what.
fn answer(question: &Question, at: &str, input: &Input, context: &Context<'_>) -> Result<Option<Finding>, RuleError> {
    if question.answered_by.as_deref() != Some("rep") {
        return Ok(None);
    }
    let product = Product::name(context, &question.product)?;
    let about = |code: &str, member: &str| Finding::error(code).at(format!("{at}/{member}")).with("product", product);
    if question.label == "off_label" {
        return Ok(Some(about("questions.off_label_answered", "answered_by")));
    }
    let Some(reference) = question.reference.as_deref() else {
        return Ok(Some(about("questions.no_reference", "reference")));
    };
    let today = input.visit.business_date.as_str();
    let fits =
        |material: &Material| material.is_approved() && material.runs_on(today) && material.product == question.product;
    let is_valid = Material::find(context, reference)?.as_ref().is_some_and(fits);
    Ok((!is_valid).then(|| about("questions.reference_invalid", "reference").with("reference", reference)))
}
