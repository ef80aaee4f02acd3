//! `compliance`: the rep may promote here at all, the institution agreed to it, and the room is one where it may be.

use crate::answers::{self, Appointment};
use crate::rows::{REPS, Rep};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, dates, texts};

/// Config of `compliance`. What a country does not demand is off.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compliance {
    /// The authority must have the rep on file.
    require_filing: bool,
    /// The institution must have given an appointment.
    require_appointment: bool,
    /// Zones in which nobody promotes.
    forbidden_zones: Vec<String>,
    /// Area of the institution, one of those the rep is filed for; empty: areas do not matter.
    area: String,
}

impl Rule for Compliance {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "compliance",
        title: texts! { "en": "Compliance before the visit", "zh-CN": "访前合规" },
        description: texts! {
            "en": "The rep is on file and under contract, the institution gave an appointment, and the talk is not in a forbidden zone.",
            "zh-CN": "医药代表已备案且合同有效，医疗机构已同意接待，拜访地点不在禁入区域。",
        },
        codes: &[
            (
                "compliance.unfiled",
                texts! {
                    "en": "You are not on file with the authority. Do not visit.",
                    "zh-CN": "您未完成医药代表备案，不得开展拜访。",
                },
            ),
            (
                "compliance.filing_differs",
                texts! {
                    "en": "Your filing number is {expected}, not {filing_no}.",
                    "zh-CN": "您的备案号应为 {expected}，不是 {filing_no}。",
                },
            ),
            (
                "compliance.contract_ended",
                texts! {
                    "en": "Your contract ended on {contract_ends}. Do not visit.",
                    "zh-CN": "您的授权合同已于 {contract_ends} 到期，不得开展拜访。",
                },
            ),
            (
                "compliance.area",
                texts! {
                    "en": "You are not on file for the area {area}.",
                    "zh-CN": "您的备案不包含该区域（{area}）。",
                },
            ),
            (
                "compliance.no_appointment",
                texts! {
                    "en": "The institution has given no appointment. Ask for one first.",
                    "zh-CN": "医疗机构尚未同意接待，请先预约。",
                },
            ),
            (
                "compliance.appointment_reversed",
                texts! {
                    "en": "The appointment ends ({to}) before it begins ({from}).",
                    "zh-CN": "预约结束时间（{to}）早于开始时间（{from}）。",
                },
            ),
            (
                "compliance.forbidden_zone",
                texts! {
                    "en": "Nobody promotes in this zone ({zone}). Choose another room.",
                    "zh-CN": "该区域（{zone}）禁止开展学术推广，请更换地点。",
                },
            ),
        ],
        datasets: &[REPS],
        source: "CN: filing measures for medical representatives, in force since 2020-12-01 (a draft of 2024-11-27 would replace them); house rules of hospitals; zones: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Compliance = input.submission()?.answers_as()?;
        let rep = Rep::find(context, &input.visit.user)?;
        let mut findings = self.filing(&answers, rep.as_ref());
        if let Some(rep) = rep.filter(|rep| rep.contract_ends < input.visit.business_date) {
            let finding = Finding::error("compliance.contract_ended");
            findings.push(finding.with("contract_ends", rep.contract_ends));
        }
        match &answers.appointment {
            None if self.require_appointment => {
                findings.push(Finding::error("compliance.no_appointment").at("/appointment"));
            }
            Some(appointment) => findings.extend(reversed(appointment)),
            None => {}
        }
        if let Some(zone) = answers.zone.filter(|zone| self.forbidden_zones.contains(zone)) {
            findings.push(Finding::error("compliance.forbidden_zone").at("/zone").with("zone", zone));
        }
        Ok(findings)
    }
}

impl Compliance {
    fn filing(&self, answers: &answers::Compliance, rep: Option<&Rep>) -> Findings {
        if !self.require_filing {
            return Findings::new();
        }
        let Some(rep) = rep.filter(|rep| rep.is_filed()) else {
            return vec![Finding::error("compliance.unfiled").at("/filing_no")];
        };
        let mut findings = Findings::new();
        let given = answers.filing_no.as_deref().unwrap_or_default();
        if rep.filing_no.as_deref() != Some(given) {
            let finding = Finding::error("compliance.filing_differs").at("/filing_no");
            findings.push(finding.with("expected", rep.filing_no.as_deref()).with("filing_no", given));
        }
        if !self.area.is_empty() && !rep.areas.contains(&self.area) {
            findings.push(Finding::error("compliance.area").with("area", self.area.as_str()));
        }
        findings
    }
}

fn reversed(appointment: &Appointment) -> Option<Finding> {
    let Appointment { from, to } = appointment;
    let is_reversed = dates::moment_ms(from).zip(dates::moment_ms(to)).is_some_and(|(from, to)| to <= from);
    is_reversed.then(|| {
        let finding = Finding::error("compliance.appointment_reversed").at("/appointment/to");
        finding.with("from", from.as_str()).with("to", to.as_str())
    })
}
