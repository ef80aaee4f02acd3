//! `truck_tickets`: a delivery ticket with more concrete than a truck carries.

use crate::answers;
use crate::limits::Limits;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Context, Finding, Findings, Input, Rule, RuleError, texts};

/// Config of `truck_tickets`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TruckTickets {}

impl Rule for TruckTickets {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "truck_tickets",
        title: texts! { "en": "Impossible delivery ticket", "zh-CN": "发货单方量异常" },
        description: texts! {
            "en": "Finds delivery tickets with more concrete than a truck mixer carries.",
            "zh-CN": "发现方量超过搅拌车容量的发货单。",
        },
        codes: &[(
            "truck.more_than_it_carries",
            texts! {
                "en": "{tickets} ticket(s) have more than the {max} m³ a truck carries, for instance {ticket} with {volume_m3} m³.",
                "zh-CN": "有 {tickets} 张发货单超过搅拌车容量 {max} 立方米，例如 {ticket}（{volume_m3} 立方米）。",
            },
        )],
        source: "a truck mixer carries up to 12 m³; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Concrete = input.submission()?.answers_as()?;
        let max = Limits::of(input)?.mixer_max_m3;
        let over: Vec<(usize, &str, f64)> = (answers.trucks.iter().enumerate())
            .filter_map(|(index, truck)| Some((index, truck.ticket.as_str(), truck.volume_m3?)))
            .filter(|(_, _, volume_m3)| *volume_m3 > max)
            .collect();
        let Some((index, ticket, volume_m3)) = over.first().copied() else { return Ok(Findings::new()) };
        let finding = Finding::warning("truck.more_than_it_carries").at(format!("/trucks/{index}/volume_m3"));
        let finding = finding.with("tickets", over.len()).with("ticket", ticket).with("volume_m3", volume_m3);
        Ok(vec![finding.with("max", max).weight(20)])
    }
}
