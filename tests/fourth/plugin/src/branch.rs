//! `branch`: the parts of the inspection score. What was not answered is left out.

use crate::answers::{CashCount, Hall, Machine, Security};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sopwith_sdk::{About, Availability, Context, Input, Need, Rule, RuleError, Score, Scorecard, money, ratio, texts};

/// Config of `branch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Longest wait that is still good, in minutes.
    longest_wait_min: i64,
    /// Fewest days of recordings.
    least_recording_days: i64,
}

/// Answers that are as they should be, of those given.
#[derive(Default)]
struct Share {
    right: u32,
    all: u32,
}

impl Share {
    fn count(&mut self, answer: Option<bool>) {
        if let Some(is_right) = answer {
            self.all += 1;
            self.right += u32::from(is_right);
        }
    }

    fn onto(self, card: Scorecard, id: &str) -> Scorecard {
        let value = ratio(f64::from(self.right), f64::from(self.all));
        card.part(id, value, json!({"right": self.right, "all": self.all}))
    }
}

impl Rule for Branch {
    type Kind = Score;
    const ABOUT: About = About {
        id: "branch",
        title: texts! { "en": "Branch inspection", "zh-CN": "网点检查得分" },
        description: texts! {
            "en": "Service, cash, machines and security, each from 0 to 1. Mark: cash_differs.",
            "zh-CN": "服务、现金、自助设备和安防，各项 0 到 1。标记：cash_differs（账实不符）。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Scorecard, RuleError> {
        let cash = cash(input)?;
        let differs = cash.right < cash.all;
        let mut card = self.service(input)?.onto(Scorecard::new(), "service");
        card = cash.onto(card, "cash");
        card = machines(input)?.onto(card, "machines");
        card = self.security(input)?.onto(card, "security");
        Ok(if differs { card.mark("cash_differs") } else { card })
    }
}

impl Branch {
    fn service(&self, input: &Input) -> Result<Share, RuleError> {
        let mut share = Share::default();
        if let Some(hall) = input.step_answers::<Hall>("hall")? {
            share.count(hall.licence_shown);
            share.count(hall.fees_shown);
            share.count(hall.notices_current);
            share.count(hall.waiting_minutes.map(|minutes| minutes <= self.longest_wait_min));
        }
        Ok(share)
    }

    fn security(&self, input: &Input) -> Result<Share, RuleError> {
        let mut share = Share::default();
        if let Some(security) = input.step_answers::<Security>("security")? {
            share.count(security.guard_present);
            share.count(security.recording_days.map(|days| days >= self.least_recording_days));
            // ISO dates compare as text.
            share.count(security.extinguisher_valid_to.map(|to| to >= input.visit.business_date));
            share.count(security.alarm_tested);
        }
        Ok(share)
    }
}

/// Boxes that agree with the books, to the fen.
fn cash(input: &Input) -> Result<Share, RuleError> {
    let mut share = Share::default();
    for counted in input.step_answers::<CashCount>("cash")?.into_iter().flat_map(|cash| cash.boxes) {
        let amounts = money::cents(&counted.booked).zip(money::cents(&counted.counted));
        share.count(amounts.map(|(booked, counted)| booked == counted));
    }
    Ok(share)
}

/// Machines in service, and nothing wrong with what a customer touches.
fn machines(input: &Input) -> Result<Share, RuleError> {
    let mut share = Share::default();
    for submission in input.steps.values().filter(|submission| submission.step == "machine") {
        let machine: Machine = submission.answers_as()?;
        share.count(machine.in_service);
        share.count(machine.camera_free.zip(machine.foreign_device).map(|(free, foreign)| free && !foreign));
    }
    Ok(share)
}
