//! `safety`: what was heard about harm is complete enough to follow up, and forwarded in time. It is forwarded even if it is
//! not complete.

use crate::answers::{self, SafetyEvent, is_given};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Submission, Validate, dates, texts};

/// Config of `safety`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Safety {
    /// Hours from the rep's awareness within which it must be with drug safety.
    within_hours: u32,
}

impl Default for Safety {
    fn default() -> Self {
        Self { within_hours: 24 }
    }
}

impl Rule for Safety {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "safety",
        title: texts! { "en": "Adverse events and complaints", "zh-CN": "不良事件与产品投诉" },
        description: texts! {
            "en": "Names which of the four minimum elements (patient, reporter, product, event) are missing, or the moment of awareness, and reports forwarded too late. A report without that moment counts from when it was handed in.",
            "zh-CN": "提示四要素（患者、报告者、产品、事件）或获知时间的缺失，以及超时上报的情况；未填写获知时间的，以提交时间为准。",
        },
        codes: &[
            (
                "safety.nothing_reported",
                texts! {
                    "en": "You heard of harm or a complaint: say what.",
                    "zh-CN": "您获知了不良事件或投诉，请填写内容。",
                },
            ),
            (
                "safety.contradiction",
                texts! {
                    "en": "There are events here, so the answer is yes.",
                    "zh-CN": "已填写事件，请将是否获知改为“是”。",
                },
            ),
            (
                "safety.aware_in_future",
                texts! {
                    "en": "{aware_at} is after now.",
                    "zh-CN": "获知时间 {aware_at} 晚于当前时间。",
                },
            ),
            (
                "safety.incomplete",
                texts! {
                    "en": "Forwarded. Still missing: {missing}. Ask again if you can.",
                    "zh-CN": "已上报。尚缺：{missing}，请尽量补充。",
                },
            ),
            (
                "safety.late",
                texts! {
                    "en": "Forwarded {hours} hours after you came to know; the limit is {limit}.",
                    "zh-CN": "获知后 {hours} 小时才上报，时限为 {limit} 小时。",
                },
            ),
        ],
        source: "four minimum elements of a report: ICH E2D; 24 h: usual limit inside companies, tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let answers: answers::Safety = submission.answers_as()?;
        let mut findings = Findings::new();
        if answers.heard != Some(true) {
            if !answers.events.is_empty() {
                findings.push(Finding::error("safety.contradiction").at("/heard"));
            }
            return Ok(findings);
        }
        if answers.events.is_empty() {
            findings.push(Finding::error("safety.nothing_reported").at("/events"));
        }
        match answers.aware_at.as_deref().map(|text| (text, dates::moment_ms(text))) {
            Some((text, Some(aware_ms))) if aware_ms > submission.at.max_ms => {
                findings.push(Finding::error("safety.aware_in_future").at("/aware_at").with("aware_at", text));
            }
            Some((_, Some(_))) => {}
            // It is no reason to wait: the time of the submission stands for it.
            Some((_, None)) | None => {
                findings.push(Finding::warning("safety.incomplete").at("/aware_at").with("missing", "aware_at"));
            }
        }
        for (index, event) in answers.events.iter().enumerate() {
            let missing = missing(event).join(", ");
            if !missing.is_empty() {
                let finding = Finding::warning("safety.incomplete").at(format!("/events/{index}"));
                findings.push(finding.with("missing", missing));
            }
        }
        if let Some(hours) = hours_late(submission, &answers, self.within_hours) {
            let finding = Finding::warning("safety.late").at("/aware_at");
            findings.push(finding.with("hours", hours).with("limit", self.within_hours));
        }
        Ok(findings)
    }
}

/// Which of the four minimum elements of a report are missing, in the order of ICH E2D.
fn missing(event: &SafetyEvent) -> Vec<&'static str> {
    let patient = event.patient.as_ref().is_some_and(|patient| {
        [&patient.initials, &patient.age_band, &patient.sex].into_iter().any(|it| is_given(it.as_deref()))
    });
    let elements = [
        ("patient", patient),
        ("reporter", is_given(event.reporter.as_deref())),
        ("product", is_given(event.product.as_deref())),
        ("event", is_given(event.event.as_deref())),
    ];
    elements.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect()
}

/// Whole hours from awareness to where drug safety could read it, if they are too many. Day 0 is the rep's awareness, not
/// the desk's receipt; who does not say when came to know when the report was handed in.
pub fn hours_late(submission: &Submission, answers: &answers::Safety, within_hours: u32) -> Option<i64> {
    if answers.heard != Some(true) {
        return None;
    }
    let aware_ms = answers.aware_at.as_deref().and_then(dates::moment_ms).unwrap_or(submission.at.max_ms);
    let taken_ms = submission.at.received_ms.saturating_sub(aware_ms);
    (taken_ms > dates::hours_ms(within_hours)).then_some(taken_ms / dates::hours_ms(1))
}
