//! `call_quality`: the leaves of the score of a call, and the marks of its gate. The SOP's score tree weighs the leaves; a
//! mark caps the total at what the SOP says. Within a part what does not apply is left out, and the rest counts in full.

use crate::answers::{self, Detailing, of_each};
use crate::gate;
use crate::rows::{CYCLE_PLAN, CyclePlan, HCPS, Hcp, REPS};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sopwith_sdk::{
    About, Availability, Context, Input, Need, Rule, RuleError, Score, Scorecard, dates, ratio, round1, texts,
};
use std::collections::BTreeSet;

/// Config of `call_quality`. What a country does not demand is off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallQuality {
    /// The authority must have the rep on file.
    pub require_filing: bool,
    /// Zones in which nobody promotes.
    pub forbidden_zones: Vec<String>,
    /// Most that one item may be worth to one doctor, a decimal string.
    pub cap_item: String,
    /// Most that one doctor may receive in a year, a decimal string.
    pub cap_year: String,
    /// Hours from awareness within which harm must be with drug safety.
    pub report_hours: u32,
    /// Shortest good call on one doctor, in seconds.
    min_s: f64,
    /// Longest good call on one doctor, in seconds.
    max_s: f64,
    /// Hours from the check-in within which everything must be with the server.
    sync_hours: u32,
}

impl Default for CallQuality {
    fn default() -> Self {
        Self {
            require_filing: false,
            forbidden_zones: Vec::new(),
            cap_item: "300.00".to_owned(),
            cap_year: "2000.00".to_owned(),
            report_hours: 24,
            min_s: 180.0,
            max_s: 1200.0,
            sync_hours: 24,
        }
    }
}

impl Rule for CallQuality {
    type Kind = Score;
    const ABOUT: About = About {
        id: "call_quality",
        title: texts! { "en": "Call quality", "zh-CN": "拜访质量" },
        description: texts! {
            "en": "Objective, priority, key messages, reactions, time, follow-up and timely entry, each from 0 to 1. Marks: unfiled_rep, forbidden_zone, expired_licence_with_samples, late_adverse_event, spend_over_cap, restricted_product.",
            "zh-CN": "目标达成、优先级、关键信息、反馈、时长、跟进和及时上传，各项 0 到 1。标记：unfiled_rep（未备案）、forbidden_zone（禁入区域）、expired_licence_with_samples（证书过期仍发样品）、late_adverse_event（不良事件迟报）、spend_over_cap（利益超限）、restricted_product（限制产品）。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[],
        datasets: &[HCPS, REPS, CYCLE_PLAN],
        source: "weighted parts of a call; weights: tenant parameter; gate: compliance of the country pack",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Scorecard, RuleError> {
        let mut calls = Vec::new();
        for (hcp, submission) in of_each(input, "detailing") {
            let specialty = Hcp::find(context, hcp)?.map(|hcp| hcp.specialty);
            let plan = specialty.map(|specialty| context.lookup(CYCLE_PLAN, &specialty)).transpose()?.flatten();
            calls.push(Call { hcp, answers: submission.answers_as()?, plan });
        }
        let (objective, follow_up) = (objective(&calls, input)?, follow_up(&calls, input)?);
        let card = Scorecard::new();
        let card = objective.on(card, "objective");
        let card = priority(&calls).on(card, "priority");
        let card = messages(&calls).on(card, "messages");
        let card = reaction(&calls).on(card, "reaction");
        let card = self.time(&calls, input).on(card, "time");
        let card = follow_up.on(card, "follow_up");
        let card = self.synced(&calls, input).on(card, "synced");
        Ok(gate::marks(self, input, context)?.into_iter().fold(card, |card, mark| card.mark(mark)))
    }
}

/// One doctor the rep talked with.
struct Call<'a> {
    hcp: &'a str,
    answers: Detailing,
    plan: Option<CyclePlan>,
}

/// A leaf before it has its name.
struct Leaf {
    value: Option<f64>,
    detail: Value,
}

impl Leaf {
    /// `right` of `all`; not applicable when there are none.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn share(right: usize, all: usize, names: [&str; 2]) -> Self {
        let [right_name, all_name] = names;
        Self { value: ratio(right as f64, all as f64), detail: json!({ right_name: right, all_name: all }) }
    }

    fn on(self, card: Scorecard, id: &str) -> Scorecard {
        card.part(id, self.value, self.detail)
    }
}

/// Planned doctors whose objective was met, by planned doctors that were met. Without objective it cannot be.
fn objective(calls: &[Call<'_>], input: &Input) -> Result<Leaf, RuleError> {
    let plan = input.step_answers::<answers::PreCall>("pre_call")?.map(|plan| plan.doctors).unwrap_or_default();
    let planned = |call: &&Call<'_>| plan.iter().find(|doctor| doctor.hcp == call.hcp);
    let all = calls.iter().filter(|call| planned(call).is_some()).count();
    let met = calls.iter().filter(|call| {
        let has_objective = planned(call).is_some_and(|doctor| answers::is_given(doctor.objective.as_deref()));
        has_objective && call.answers.objective_met == Some(true)
    });
    Ok(Leaf::share(met.count(), all, ["met", "planned"]))
}

/// Topics in the place the cycle plan has them, by topics, over doctors there is a plan for.
fn priority(calls: &[Call<'_>]) -> Leaf {
    let (mut right, mut all) = (0, 0);
    for call in calls {
        let Some(plan) = &call.plan else { continue };
        for (place, topic) in call.answers.in_order().into_iter().enumerate() {
            all += 1;
            right += usize::from(plan.products.get(place).is_some_and(|planned| planned.product == topic.product));
        }
    }
    Leaf::share(right, all, ["in_place", "topics"])
}

/// Planned key messages that were given, by planned key messages of the products talked about.
fn messages(calls: &[Call<'_>]) -> Leaf {
    let (mut given, mut wanted) = (0, 0);
    for call in calls {
        let topics = &call.answers.topics;
        let said: BTreeSet<&str> = topics.iter().flat_map(|topic| &topic.messages).map(String::as_str).collect();
        for planned in call.plan.iter().flat_map(|plan| &plan.products) {
            if topics.iter().any(|topic| topic.product == planned.product) {
                wanted += planned.messages.len();
                given += planned.messages.iter().filter(|message| said.contains(message.as_str())).count();
            }
        }
    }
    Leaf::share(given, wanted, ["given", "planned"])
}

/// Topics with the doctor's reaction, by topics.
fn reaction(calls: &[Call<'_>]) -> Leaf {
    let topics = || calls.iter().flat_map(|call| &call.answers.topics);
    let recorded = topics().filter(|topic| answers::is_given(topic.reaction.as_deref())).count();
    Leaf::share(recorded, topics().count(), ["recorded", "topics"])
}

/// Doctors with something agreed and a day for it, by doctors.
fn follow_up(calls: &[Call<'_>], input: &Input) -> Result<Leaf, RuleError> {
    let today = dates::business_date(input)?;
    let actions = input.step_answers::<answers::NextSteps>("next_step")?.map(|next| next.actions).unwrap_or_default();
    let is_due =
        |action: &&answers::Action| action.due.as_deref().and_then(dates::parse).is_some_and(|due| due > today);
    let due: BTreeSet<&str> = actions.iter().filter(is_due).map(|action| action.hcp.as_str()).collect();
    let followed = calls.iter().filter(|call| due.contains(call.hcp)).count();
    Ok(Leaf::share(followed, calls.len(), ["followed", "doctors"]))
}

impl CallQuality {
    /// 1 when a doctor's share of the stay can have been within the bounds; none before check-out.
    #[expect(clippy::cast_precision_loss, reason = "a handful of doctors")]
    fn time(&self, calls: &[Call<'_>], input: &Input) -> Leaf {
        let Some(dwell) = input.visit.dwell.as_ref().filter(|_| !calls.is_empty()) else {
            return Leaf { value: None, detail: Value::Null };
        };
        let doctors = calls.len() as f64;
        let (least, most) = (round1(dwell.min_s / doctors), round1(dwell.max_s / doctors));
        let is_good = most >= self.min_s && least <= self.max_s;
        Leaf { value: Some(f64::from(u8::from(is_good))), detail: json!({ "min_s": least, "max_s": most }) }
    }

    /// Steps that were with the server in time, by steps; in the rep's favour.
    fn synced(&self, calls: &[Call<'_>], input: &Input) -> Leaf {
        let Some(check_in) = input.visit.check_in.as_ref().filter(|_| !calls.is_empty()) else {
            return Leaf { value: None, detail: Value::Null };
        };
        let latest_ms = check_in.at.max_ms.saturating_add(dates::hours_ms(self.sync_hours));
        let in_time = input.steps.values().filter(|step| step.at.received_ms <= latest_ms).count();
        Leaf::share(in_time, input.steps.len(), ["in_time", "steps"])
    }
}
