//! `concrete`: slump and temperature of concrete as it comes, and how long it was on the way.

use crate::answers::{self, Truck, is_given};
use crate::limits::Limits;
use crate::work::Checks;
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::dates::moment_ms;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};
use std::collections::BTreeSet;

/// Config of `concrete`: none; limits are parameters of the SOP.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concrete {}

impl Rule for Concrete {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "concrete",
        title: texts! { "en": "Concrete work", "zh-CN": "混凝土施工" },
        description: texts! {
            "en": "Checks slump and temperature of each pour, and of each truck the time from mixing to pouring and to sampling. Late pouring needs a reason.",
            "zh-CN": "检查各浇筑部位的坍落度和入模温度，以及各车从拌制到浇筑、从到场到取样的时间；超时浇筑须说明原因。",
        },
        codes: &[
            (
                "concrete.slump",
                texts! {
                    "en": "{part}: slump {measured} mm, designed {design} ± {tolerance} mm.",
                    "zh-CN": "{part}：坍落度 {measured} 毫米，设计 {design}±{tolerance} 毫米。",
                },
            ),
            (
                "concrete.too_cold",
                texts! {
                    "en": "{part}: {measured} °C, at least {min} °C are required.",
                    "zh-CN": "{part}：入模温度 {measured} °C，不得低于 {min} °C。",
                },
            ),
            (
                "concrete.too_warm",
                texts! {
                    "en": "{part}: {measured} °C, at most {max} °C are allowed.",
                    "zh-CN": "{part}：入模温度 {measured} °C，不得高于 {max} °C。",
                },
            ),
            (
                "concrete.poured_late_unexplained",
                texts! {
                    "en": "Ticket {ticket}: poured {measured} min after mixing, more than {max}. Correct the times, or say why and what was done.",
                    "zh-CN": "发货单 {ticket}：拌制后 {measured} 分钟浇筑，超过 {max} 分钟。请核对时间；如属实，请说明原因及处理措施。",
                },
            ),
            (
                "concrete.poured_late",
                texts! {
                    "en": "Ticket {ticket}: poured {measured} min after mixing, more than {max}. The rep gave a reason.",
                    "zh-CN": "发货单 {ticket}：拌制后 {measured} 分钟浇筑，超过 {max} 分钟，已说明原因。",
                },
            ),
            (
                "concrete.sampled_late",
                texts! {
                    "en": "Ticket {ticket}: sampled {measured} min after the truck came, more than {max}.",
                    "zh-CN": "发货单 {ticket}：到场 {measured} 分钟后取样，超过 {max} 分钟。",
                },
            ),
            (
                "concrete.times_reversed",
                texts! {
                    "en": "Ticket {ticket}: mixed, arrived, sampled and poured must follow one another. Check the times.",
                    "zh-CN": "发货单 {ticket}：拌制、到场、取样、浇筑时间应依次递增，请核对。",
                },
            ),
            (
                "concrete.ticket_twice",
                texts! {
                    "en": "Ticket {ticket} is entered twice. Keep one row.",
                    "zh-CN": "发货单 {ticket} 重复填写，请只保留一行。",
                },
            ),
        ],
        source: "GB/T 14902 (slump tolerance, sampling time), 5 to 35 °C; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let answers: answers::Concrete = input.submission()?.answers_as()?;
        let mut findings = Findings::new();
        let mut tickets = BTreeSet::new();
        for (index, truck) in answers.trucks.iter().enumerate() {
            let about =
                |code: &str| Finding::error(code).at(format!("/trucks/{index}")).with("ticket", truck.ticket.as_str());
            if !tickets.insert(truck.ticket.trim()) {
                findings.push(about("concrete.ticket_twice"));
            }
            if !is_in_order(truck) {
                findings.push(about("concrete.times_reversed"));
            }
        }
        findings.extend(checks(&answers, &Limits::of(input)?).failed());
        Ok(findings)
    }
}

/// The checks of all pours and trucks.
pub fn checks(answers: &answers::Concrete, limits: &Limits) -> Checks {
    let mut checks = Checks::default();
    for (index, pour) in answers.pours.iter().enumerate() {
        let about = |code: &str, member: &str| {
            Finding::warning(code).at(format!("/pours/{index}/{member}")).with("part", pour.part.as_str())
        };
        if let (Some(measured), Some(design)) = (pour.slump_mm, pour.design_slump_mm) {
            let tolerance = limits.slump_tolerance(design);
            let finding = about("concrete.slump", "slump_mm").with("measured", measured).with("design", design);
            checks.add((measured - design).abs() <= tolerance, finding.with("tolerance", tolerance));
        }
        // One reading, one check: it cannot be too cold and too warm.
        if pour.celsius.is_some_and(|celsius| celsius < limits.concrete_min_celsius) {
            checks.at_least(pour.celsius, limits.concrete_min_celsius, || about("concrete.too_cold", "celsius"));
        } else {
            checks.at_most(pour.celsius, limits.concrete_max_celsius, || about("concrete.too_warm", "celsius"));
        }
    }
    for (index, truck) in answers.trucks.iter().enumerate().filter(|(_, truck)| is_in_order(truck)) {
        let about = |code: &str, member: &str| {
            Finding::warning(code).at(format!("/trucks/{index}/{member}")).with("ticket", truck.ticket.as_str())
        };
        let minutes = |from: &Option<String>, to: &Option<String>| minutes_between(from.as_deref(), to.as_deref());
        let on_the_way = minutes(&truck.mixed_at, &truck.poured_at);
        let late = || {
            if is_given(truck.late_reason.as_deref()) {
                return about("concrete.poured_late", "poured_at");
            }
            let at = format!("/trucks/{index}/late_reason");
            Finding::error("concrete.poured_late_unexplained").at(at).with("ticket", truck.ticket.as_str())
        };
        checks.at_most(on_the_way, limits.pour_max_min, late);
        let waiting = minutes(&truck.arrived_at, &truck.sampled_at);
        checks.at_most(waiting, limits.sample_max_min, || about("concrete.sampled_late", "sampled_at"));
    }
    checks
}

/// Mixed, then arrived, then sampled and poured; what was not written down is in order.
fn is_in_order(truck: &Truck) -> bool {
    let moment = |text: &Option<String>| text.as_deref().and_then(moment_ms);
    let [mixed, arrived] = [&truck.mixed_at, &truck.arrived_at].map(moment);
    let follows =
        |before: Option<i64>, after: Option<i64>| before.zip(after).is_none_or(|(before, after)| before <= after);
    let later = [&truck.sampled_at, &truck.poured_at].map(moment);
    follows(mixed, arrived) && later.into_iter().all(|later| follows(mixed, later) && follows(arrived, later))
}

/// Whole minutes from `from` to `to`; none when either is no moment.
fn minutes_between(from: Option<&str>, to: Option<&str>) -> Option<f64> {
    let (from, to) = (moment_ms(from?)?, moment_ms(to?)?);
    #[expect(clippy::cast_precision_loss, reason = "minutes of years 0 to 9999 are far below 2^53")]
    let minutes = to.checked_sub(from)?.div_euclid(60_000) as f64;
    Some(minutes)
}

#[cfg(test)]
mod tests {
    use super::minutes_between;

    #[test]
    fn minutes_are_whole_and_may_lie_in_different_zones() {
        assert_eq!(minutes_between(Some("2026-03-18T09:00:00+08:00"), Some("2026-03-18T01:25:30Z")), Some(25.0));
        assert_eq!(minutes_between(Some("2026-03-18T09:00:00"), Some("2026-03-18T01:25:30Z")), None);
        assert_eq!(minutes_between(None, Some("2026-03-18T01:25:30Z")), None);
    }
}
