//! `impossible_speed`: nobody gets from the last check-in to this one that fast.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Crs, Finding, Findings, Input, Moment, Need, Position, Rule, RuleError,
    distance_m, round1, texts,
};

/// Config of `impossible_speed`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImpossibleSpeed {
    /// Fastest a rep can travel, in km/h.
    #[schemars(range(min = 1.0, max = 1000.0))]
    max_kmh: f64,
}

impl Default for ImpossibleSpeed {
    fn default() -> Self {
        Self { max_kmh: 150.0 }
    }
}

impl Rule for ImpossibleSpeed {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "impossible_speed",
        title: texts! { "en": "Impossible speed", "zh-CN": "移动速度异常" },
        description: texts! {
            "en": "Compares this place and time with the rep's last check-in, in the rep's favour: the shortest possible way in the longest possible time.",
            "zh-CN": "将本次地点和时间与上一次签到比较，并从有利于业务员的角度计算：最短距离、最长时间。",
        },
        // The rep may have checked in last with another phone: only the server knows.
        needs: &[(Need::LastCheckIn, Availability::Server)],
        codes: &[(
            "presence.impossible_speed",
            texts! {
                "en": "{km} km from the last check-in in {minutes} minutes would be {kmh} km/h.",
                "zh-CN": "{minutes} 分钟内距上一次签到已有 {km} 公里，相当于时速 {kmh} 公里。",
            },
        )],
        source: "usual practice: more than 150 km/h between check-ins; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        // One without a position hides nothing: the one before it counts.
        let last = input.last_located.as_ref().or(input.last_check_in.as_ref());
        let last = last.and_then(|last| Some((&last.at, last.position.as_ref()?)));
        let Some(((last_at, from), (at, to))) = last.zip(here(input)) else { return Ok(Findings::new()) };
        if from.crs == Crs::Unknown || to.crs == Crs::Unknown {
            return Ok(Findings::new());
        }
        let metres = distance_m(from, to) - from.accuracy_m - to.accuracy_m;
        // At least a second, so that two places at once are a speed too.
        let seconds = seconds_between(last_at.min_ms, at.max_ms).max(1.0);
        let kmh = round1(metres / seconds * 3.6);
        if metres <= 0.0 || kmh <= self.max_kmh {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("presence.impossible_speed").weight(30);
        Ok(vec![finding.with("km", round1(metres / 1000.0)).with("minutes", round1(seconds / 60.0)).with("kmh", kmh)])
    }
}

/// Where and when the rep is: the submission under judgement, else the visit's check-in.
fn here(input: &Input) -> Option<(&Moment, &Position)> {
    let submission = input.submission.as_ref().and_then(|it| Some((&it.at, it.position.as_ref()?)));
    submission.or_else(|| input.visit.check_in.as_ref().and_then(|it| Some((&it.at, it.position.as_ref()?))))
}

#[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
fn seconds_between(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms) as f64 / 1000.0
}
