//! `clock_skew`: the phone's clock does not tell the time.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Moment, Need, Rule, RuleError, TimeSource, round1,
    texts,
};

/// Config of `clock_skew`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClockSkew {
    /// How far the phone's clock may be off, in seconds.
    #[schemars(range(min = 0.0, max = 86400.0))]
    max_skew_s: f64,
}

impl Default for ClockSkew {
    fn default() -> Self {
        Self { max_skew_s: 120.0 }
    }
}

impl Rule for ClockSkew {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "clock_skew",
        title: texts! { "en": "Clock is off", "zh-CN": "手机时间不准" },
        description: texts! {
            "en": "Compares the phone's clock with the server's time where that is known, and with the time of receipt.",
            "zh-CN": "将手机时间与已知的服务器时间及接收时间比较。",
        },
        needs: &[(Need::Steps, Availability::Device)],
        codes: &[(
            "presence.clock_skew",
            texts! {
                "en": "The phone's clock is {minutes} minutes off. Set it to automatic.",
                "zh-CN": "手机时间相差 {minutes} 分钟，请设为自动获取时间。",
            },
        )],
        source: "usual practice: more than 2 minutes off; tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let moments = input.submissions().map(|submission| &submission.at);
        let check_in = input.visit.check_in.as_ref().filter(|_| input.submission.is_none());
        let worst = moments.chain(check_in.map(|check_in| &check_in.at)).map(seconds_off).max_by(f64::total_cmp);
        let Some(off_s) = worst.filter(|off_s| *off_s > self.max_skew_s) else { return Ok(Findings::new()) };
        Ok(vec![Finding::warning("presence.clock_skew").weight(15).with("minutes", round1(off_s / 60.0))])
    }
}

/// How far the wall clock is outside what is known; 0 where it may be right. Without the monotonic clock only "later than
/// received" is known.
fn seconds_off(at: &Moment) -> f64 {
    let (earliest, latest) = match at.source {
        TimeSource::Monotonic => (at.min_ms, at.max_ms.min(at.received_ms)),
        TimeSource::Estimated => (i64::MIN, at.received_ms),
    };
    let off_ms = at.wall_ms.saturating_sub(latest).max(earliest.saturating_sub(at.wall_ms)).max(0);
    #[expect(clippy::cast_precision_loss, reason = "spans of milliseconds below 2^53 are 285,000 years")]
    let off_ms = off_ms as f64;
    round1(off_ms / 1000.0)
}
