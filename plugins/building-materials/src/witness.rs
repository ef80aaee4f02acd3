//! `witness`: who watches the sampling is not who sells the material.

use crate::answers;
use crate::rows::{STAFF, Staff};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, texts};

/// Config of `witness`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Witness {}

impl Rule for Witness {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "witness",
        title: texts! { "en": "Witness of the sampling", "zh-CN": "取样见证人" },
        description: texts! {
            "en": "Finds samples whose witness is the rep of the visit, by the company's list of its people.",
            "zh-CN": "对照公司人员名单，发现见证人就是本次拜访业务员的样品。",
        },
        codes: &[(
            "sampling.witness_is_rep",
            texts! {
                "en": "{samples} sample(s) were witnessed by the rep. The witness is appointed by the owner or the supervisor.",
                "zh-CN": "有 {samples} 份样品的见证人是业务员本人，见证人应由建设单位或监理单位指派。",
            },
        )],
        datasets: &[STAFF],
        source: "a witness is not the one who sells; weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Sampling = input.submission()?.answers_as()?;
        let Some(rep) = context.lookup::<Staff>(STAFF, &input.visit.user)? else { return Ok(Findings::new()) };
        let is_rep = |name: &str| plain(name) == plain(&rep.name);
        let by_rep: Vec<usize> = (answers.samples.iter().enumerate())
            .filter(|(_, sample)| sample.witness.as_deref().is_some_and(is_rep))
            .map(|(index, _)| index)
            .collect();
        let Some(first) = by_rep.first() else { return Ok(Findings::new()) };
        let finding = Finding::warning("sampling.witness_is_rep").at(format!("/samples/{first}/witness"));
        Ok(vec![finding.with("samples", by_rep.len()).weight(30)])
    }
}

/// A name without spaces and capitals: how people write it differs.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}
