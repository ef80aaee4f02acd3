//! `appointment_window`: the rep was there when the institution had not agreed to it.

use crate::answers;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, dates, texts,
};

/// Config of `appointment_window`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AppointmentWindow {
    /// Minutes before and after that count as punctual.
    tolerance_min: u32,
}

impl Default for AppointmentWindow {
    fn default() -> Self {
        Self { tolerance_min: 15 }
    }
}

impl Rule for AppointmentWindow {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "appointment_window",
        title: texts! { "en": "Outside the appointment", "zh-CN": "预约时段外拜访" },
        description: texts! {
            "en": "Compares the check-in with the window the institution agreed to; only what is surely outside counts.",
            "zh-CN": "将签到时间与医疗机构同意的接待时段比较，仅在确定超出时提示。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[
            (
                "appointment_window.early",
                texts! {
                    "en": "Checked in {minutes} minutes before the appointment began ({from}).",
                    "zh-CN": "在预约开始（{from}）前 {minutes} 分钟签到。",
                },
            ),
            (
                "appointment_window.late",
                texts! {
                    "en": "Checked in {minutes} minutes after the appointment had ended ({to}).",
                    "zh-CN": "在预约结束（{to}）后 {minutes} 分钟签到。",
                },
            ),
        ],
        source: "house rules of institutions; tolerance: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let appointment = input.step_answers::<answers::Compliance>("compliance")?.and_then(|it| it.appointment);
        let Some((appointment, check_in)) = appointment.zip(input.visit.check_in.as_ref()) else {
            return Ok(Findings::new());
        };
        let tolerance_ms = i64::from(self.tolerance_min).saturating_mul(60_000);
        let about = |code: &str, by_ms: i64| {
            let finding = Finding::warning(code).weight(30).with("minutes", by_ms / 60_000);
            finding.with("from", appointment.from.as_str()).with("to", appointment.to.as_str())
        };
        // The latest it can have been is still too early, or the earliest too late.
        let early = dates::moment_ms(&appointment.from).map(|from| from.saturating_sub(check_in.at.max_ms));
        let late = dates::moment_ms(&appointment.to).map(|to| check_in.at.min_ms.saturating_sub(to));
        let early = early.filter(|by| *by > tolerance_ms).map(|by| about("appointment_window.early", by));
        let late = late.filter(|by| *by > tolerance_ms).map(|by| about("appointment_window.late", by));
        Ok(early.into_iter().chain(late).collect())
    }
}
