//! `site`: the leaves of the site score, and the chance to win beside them. The SOP's score tree weighs them and caps the
//! total; what does not apply to a visit is left out.

use crate::answers::is_given;
use crate::limits::Limits;
use crate::project::Fields;
use crate::rows::{REBAR, SAFETY_SHEETS, SAMPLING_RULES, SamplingRule, Test};
use crate::win::Win;
use crate::work::Checks;
use crate::{answers, concrete, flood_test, materials, safety, sampling, steel, tile_adhesive, waterproofing};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sopwith_sdk::{About, Availability, Context, Input, Need, Rule, RuleError, Score, Scorecard, ratio, texts};

/// Config of `site`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {}

/// A leaf before it has its name: value and detail.
type Leaf = (Option<f64>, Value);

impl Rule for Site {
    type Kind = Score;
    const ABOUT: About = About {
        id: "site",
        title: texts! { "en": "Site score", "zh-CN": "工地得分" },
        description: texts! {
            "en": "Certificates, sampling, workmanship, safety, evidence and the chance to win, each from 0 to 1. Marks: leak, uncertified_batch.",
            "zh-CN": "证书、取样、施工质量、安全、证据完整性和赢单概率，各项 0 到 1。标记：leak（渗漏）、uncertified_batch（无证批次）。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[],
        datasets: &[SAMPLING_RULES, SAFETY_SHEETS, REBAR],
        source: "weighted parts of a site; weights: tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Scorecard, RuleError> {
        let limits = Limits::of(input)?;
        let parts = [
            ("certificates", certificates(input)?),
            ("sampling", samples(input, context)?),
            ("workmanship", workmanship(input, &limits, context)?),
            ("safety", safety(input, &limits, context)?),
            ("evidence", evidence(input)?),
            ("win", Win::of(input, &limits)?.map_or((None, Value::Null), |win| (Some(win.chance), win.detail()))),
        ];
        let mut card = Scorecard::new();
        for (id, (value, detail)) in parts {
            card = card.part(id, value, detail);
        }
        if input.step_answers::<answers::FloodTest>("flood_test")?.is_some_and(|test| test.leak == Some(true)) {
            card = card.mark("leak");
        }
        let materials = input.step_answers::<answers::Materials>("materials")?;
        if materials.is_some_and(|answers| answers.items.iter().any(materials::is_uncertified)) {
            card = card.mark("uncertified_batch");
        }
        Ok(card)
    }
}

/// `right` of `all`; not applicable when there are none.
fn share(right: usize, all: usize, names: [&str; 2]) -> Leaf {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let value = ratio(right as f64, all as f64);
    let [right_name, all_name] = names;
    (value, json!({ right_name: right, all_name: all }))
}

/// Batches in use with a certificate, by batches in use.
fn certificates(input: &Input) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::Materials>("materials")? else { return Ok((None, Value::Null)) };
    let in_use = answers.items.iter().filter(|item| item.in_use).count();
    let uncertified = answers.items.iter().filter(|item| materials::is_uncertified(item)).count();
    Ok(share(in_use - uncertified, in_use, ["certified", "in_use"]))
}

/// Tests with enough specimens, by tests the batches in use need. A batch nobody sampled has none.
fn samples(input: &Input, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(materials) = input.step_answers::<answers::Materials>("materials")? else {
        return Ok((None, Value::Null));
    };
    let samples = input.step_answers::<answers::Sampling>("sampling")?.map(|answers| answers.samples);
    let samples = samples.unwrap_or_default();
    let (mut met, mut required) = (0, 0);
    for item in materials.items.iter().filter(|item| item.in_use) {
        let Some(rule) = SamplingRule::find(context, &item.material)? else { continue };
        required += rule.tests.len();
        let Some(sample) = samples.iter().find(|sample| sampling::is_of(sample, item)) else { continue };
        if sampling::composite_is_enough(sample, &rule) {
            let lot = sampling::lot(sample, sample.qty.or(item.qty).unwrap_or_default());
            let is_met = |test: &&Test| sampling::taken(sample, test) >= rule.required(test, lot);
            met += rule.tests.iter().filter(is_met).count();
        }
    }
    Ok(share(met, required, ["met", "required"]))
}

/// Checks of work that passed, by checks made.
fn workmanship(input: &Input, limits: &Limits, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let fields = Fields::of(input)?;
    let mut all = Vec::<Checks>::new();
    if let Some(answers) = input.step_answers("waterproofing")? {
        all.push(waterproofing::checks(&answers, limits, &fields));
    }
    if let Some(answers) = input.step_answers("flood_test")? {
        all.push(flood_test::checks(&answers, limits));
    }
    if let Some(answers) = input.step_answers("concrete")? {
        all.push(concrete::checks(&answers, limits));
    }
    if let Some(answers) = input.step_answers("steel")? {
        all.push(steel::checks(&answers, limits, &fields, context)?);
    }
    if let Some(answers) = input.step_answers("tile_adhesive")? {
        all.push(tile_adhesive::checks(&answers, limits));
    }
    let (checked, passed) = all.iter().map(Checks::count).fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    Ok(share(passed, checked, ["passed", "checked"]))
}

/// The JGJ 59 total where there was an inspection; else protective equipment, induction and hazards that were reported.
fn safety(input: &Input, limits: &Limits, context: &Context<'_>) -> Result<Leaf, RuleError> {
    let Some(answers) = input.step_answers::<answers::CheckIn>("check_in")? else { return Ok((None, Value::Null)) };
    if let Some(inspection) = safety::inspection(&answers, limits, context)? {
        let detail = json!({ "jgj59": inspection.total, "zero_sheets": inspection.zero_sheets });
        return Ok((Some(inspection.total / 100.0), detail));
    }
    let questions = [
        safety::missing_ppe(&answers, limits).is_empty(),
        answers.induction == Some(true),
        answers.hazards.iter().all(|hazard| hazard.reported),
    ];
    Ok(share(questions.iter().filter(|right| **right).count(), questions.len(), ["right", "questions"]))
}

/// Evidence that would prove what the steps say, by step; any of the requirements will do. Asked for only where the step
/// was done.
const EVIDENCE: [(&str, &[&str]); 10] = [
    ("check_in", &["gate"]),
    ("stage", &["panorama"]),
    ("materials", &["certificate"]),
    ("sampling", &["seal"]),
    ("waterproofing", &["work"]),
    ("concrete", &["work"]),
    ("steel", &["work"]),
    ("tile_adhesive", &["work"]),
    ("flood_test", &["flood_end"]),
    ("close", &["site_contact", "site_contact_code"]),
];

/// Kinds of evidence that are there, by those that belong to the steps done.
fn evidence(input: &Input) -> Result<Leaf, RuleError> {
    let mut missing = Vec::new();
    let mut wanted = 0;
    for (step, requirements) in EVIDENCE {
        let Some(submission) = input.steps.get(step) else { continue };
        if !asks(step, &submission.answers) {
            continue;
        }
        wanted += 1;
        if !submission.evidence.iter().any(|evidence| requirements.contains(&evidence.requirement.as_str())) {
            missing.push(step);
        }
    }
    let (value, _) = share(wanted - missing.len(), wanted, ["given", "wanted"]);
    Ok((value, json!({ "wanted": wanted, "missing": missing })))
}

/// Whether what a step says can be proved by evidence at all: nothing sampled, no certificate, a flood test that is not over.
fn asks(step: &str, answers: &Value) -> bool {
    let any = |list: &str, holds: &dyn Fn(&Value) -> bool| {
        answers.get(list).and_then(Value::as_array).is_some_and(|items| items.iter().any(holds))
    };
    match step {
        "materials" => any("items", &|item| is_given(item.get("certificate").and_then(Value::as_str))),
        "sampling" => any("samples", &|_| true),
        "flood_test" => answers.get("state").and_then(Value::as_str) == Some("finished"),
        _ => true,
    }
}
