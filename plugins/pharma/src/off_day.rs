//! `off_day`: a call on a weekend, a holiday, or while the rep was on leave.

use crate::rows::{CALENDAR, CalendarDay};
use chrono::Datelike;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, dates, texts};

/// Config of `off_day`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OffDay {
    /// Days nobody works, Monday is 1, Sunday 7.
    weekend: Vec<u32>,
}

impl Default for OffDay {
    fn default() -> Self {
        Self { weekend: vec![6, 7] }
    }
}

impl Rule for OffDay {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "off_day",
        title: texts! { "en": "Visit on a day off", "zh-CN": "休息日拜访" },
        description: texts! {
            "en": "Finds visits on weekends and holidays, make-up working days apart, and on the rep's own days of leave.",
            "zh-CN": "发现在周末、节假日（调休工作日除外）或本人请假日的拜访。",
        },
        codes: &[
            (
                "off_day.not_working",
                texts! {
                    "en": "{business_date} is not a working day.",
                    "zh-CN": "{business_date} 不是工作日。",
                },
            ),
            (
                "off_day.leave",
                texts! {
                    "en": "You were on leave on {business_date}.",
                    "zh-CN": "{business_date} 为您的请假日。",
                },
            ),
        ],
        datasets: &[CALENDAR],
        source: "CN: notice of the General Office of the State Council on holidays in 2026, as dataset rows; weekend: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let day = dates::business_date(input)?;
        let kind = |key: &str| context.lookup::<CalendarDay>(CALENDAR, key).map(|row| row.map(|row| row.kind));
        let about = |code: &str| vec![Finding::warning(code).weight(20).with("business_date", day.to_string())];
        if kind(&format!("{}/{day}", input.visit.user))?.as_deref() == Some("leave") {
            return Ok(about("off_day.leave"));
        }
        let is_off = match kind(&day.to_string())?.as_deref() {
            Some("working") => false,
            Some("holiday") => true,
            Some(_) | None => self.weekend.contains(&day.weekday().number_from_monday()),
        };
        Ok(if is_off { about("off_day.not_working") } else { Findings::new() })
    }
}
