//! `outstanding_scores`: a rep scores far above all peers and never finds anything missing.

use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, texts};

/// Config of `outstanding_scores`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutstandingScores {
    /// More standard deviations than this above the mean of the peers is outstanding.
    #[schemars(range(min = 1.0, max = 20.0))]
    z: f64,
    /// Parts of the score, by id, that were full in every visit: one that once was not clears the rep.
    #[schemars(length(max = 20))]
    always_full: Vec<String>,
    /// Fewer visits with a score, or with one of those parts, say nothing.
    #[schemars(range(min = 5, max = 1000))]
    min_visits: u32,
    /// Fewer peers are no measure.
    #[schemars(range(min = 3, max = 1000))]
    min_peers: u32,
}

impl Default for OutstandingScores {
    fn default() -> Self {
        Self { z: 3.0, always_full: Vec::new(), min_visits: 20, min_peers: 5 }
    }
}

impl Rule for OutstandingScores {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "outstanding_scores",
        title: texts! { "en": "Scores too good to be true", "zh-CN": "得分异常偏高" },
        description: texts! {
            "en": "Finds reps whose mean score lies far above their peers' while the parts that are named were full in every visit. Few visits, few peers, peers who are all alike, or one visit in which something was missing say nothing.",
            "zh-CN": "发现平均得分远高于同事、且指定评分项每次均为满分的业务员。拜访或同事过少、同事得分无差异，或任何一次评分项未满分的，均不作判断。",
        },
        needs: &[(Need::RepStanding, Availability::Server)],
        codes: &[(
            "answers.outstanding_scores",
            texts! {
                "en": "Over {days} days the mean score of {visits} visits was {mean}, that of {peers} peers {peer_mean} ({z} standard deviations), and nothing was ever missing. Please say what you do differently.",
                "zh-CN": "近 {days} 天 {visits} 次拜访的平均得分为 {mean}，{peers} 名同事平均为 {peer_mean}（高出 {z} 个标准差），且从未发现缺失。请说明您的做法有何不同。",
            },
        )],
        source: "outlier test (z-score) against peers; limits and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let Some(standing) = &input.rep_standing else { return Ok(Findings::new()) };
        let (Some(mean), Some(peer_mean), Some(z)) = (standing.mean, standing.peer_mean, standing.z) else {
            return Ok(Findings::new());
        };
        let is_known = standing.visits >= self.min_visits && standing.peers >= self.min_peers;
        let was_full = |part: &String| {
            standing.parts.get(part).is_some_and(|part| part.visits >= self.min_visits && part.least >= 1.0)
        };
        // Named parts only: to score well is no fraud, never to miss anything may be.
        let never_missed = !self.always_full.is_empty() && self.always_full.iter().all(was_full);
        if !(is_known && never_missed && z > self.z) {
            return Ok(Findings::new());
        }
        let finding = Finding::warning("answers.outstanding_scores").weight(15);
        let finding = finding.with("days", standing.days).with("visits", standing.visits).with("mean", mean);
        Ok(vec![finding.with("peers", standing.peers).with("peer_mean", peer_mean).with("z", z)])
    }
}
