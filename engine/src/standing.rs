//! How a rep's scores stand beside their peers': a fact over many visits, made once a day by whoever holds them.
//!
//! Rules of a visit are told the last one that was made before its check-in (need `rep_standing`), by reference to the event
//! that says it. Sums are of whole tenths, in the order of users: the numbers are equal wherever, and in whatever order of
//! visits, they are made.

use crate::canon;
use crate::effective::EffectiveSop;
use crate::event::{Draft, Event, Payload};
use crate::gather::{Wanted, needs};
use crate::input::{PartStanding, RepStanding};
use crate::rule::Need;
use crate::score::ScoreTree;
use crate::time;
use crate::visit::Visit;
use serde_json::json;
use std::collections::BTreeMap;

/// Name of the need, of the event and of the record it is kept as.
pub const NAME: &str = "rep_standing";
/// Prefix of its id, which is its stream too.
pub const PREFIX: &str = "rst";
/// Over how many days it is made.
pub const DAYS: u32 = 30;
/// Who has fewer visits than this is no peer: the mean of two visits says little.
pub const PEER_VISITS: u32 = 5;
/// Of fewer peers nothing is told: their mean would tell too much of each of them.
pub const PEERS_TOLD: u32 = 3;

/// A judged visit, for the standing of its rep.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// `usr_…`
    pub user: String,
    /// Name of the SOP.
    pub sop: String,
    /// Its score in tenths, 0 to 1000; none when nothing applied.
    pub tenths: Option<i64>,
    /// The parts of the score that applied, 0 to 1 each.
    pub parts: BTreeMap<String, f64>,
}

impl Scored {
    /// What a judged visit says to the standing of its rep; none when no rule of its SOP asks for that.
    #[must_use]
    pub fn of(sop: &EffectiveSop, visit: &Visit) -> Option<Self> {
        let document = &sop.sop;
        let of_steps = document.steps.iter().flat_map(|step| &step.rules);
        let of_score = document.score.iter().flat_map(|score| &score.rules);
        if !needs(sop, document.rules.iter().chain(of_steps).chain(of_score)).contains(&Need::RepStanding) {
            return None;
        }
        let score = visit.verdict()?.score.as_ref();
        let mut parts = BTreeMap::new();
        if let Some(score) = score {
            leaves(&score.tree, &mut parts);
        }
        // One decimal, 0 to 100: the cast keeps all of it.
        #[expect(clippy::cast_possible_truncation)]
        let tenths = score.and_then(|score| score.total).map(|total| (total * 10.0).round() as i64);
        Some(Self { user: visit.user.clone(), sop: document.sop.clone(), tenths, parts })
    }
}

fn leaves(node: &ScoreTree, parts: &mut BTreeMap<String, f64>) {
    if let Some(value) = node.value.filter(|_| node.nodes.is_empty()) {
        parts.insert(node.id.clone(), value);
    }
    node.nodes.iter().for_each(|child| leaves(child, parts));
}

/// The visits of a span, added up by SOP and user.
#[derive(Debug, Default)]
pub struct Tallies(BTreeMap<String, BTreeMap<String, Tally>>);

#[derive(Debug, Default)]
struct Tally {
    visits: u32,
    tenths: i64,
    parts: BTreeMap<String, PartStanding>,
}

impl Tally {
    fn mean(&self) -> Option<f64> {
        // Far below 2^53: exact.
        #[expect(clippy::cast_precision_loss)]
        let tenths = self.tenths as f64;
        (self.visits > 0).then(|| tenths / (10.0 * f64::from(self.visits)))
    }
}

impl Tallies {
    /// Adds a visit. One without score says nothing.
    pub fn add(&mut self, scored: Scored) {
        let Some(tenths) = scored.tenths else { return };
        let tally = self.0.entry(scored.sop).or_default().entry(scored.user).or_default();
        tally.visits = tally.visits.saturating_add(1);
        tally.tenths = tally.tenths.saturating_add(tenths);
        for (part, value) in scored.parts {
            let part = tally.parts.entry(part).or_insert(PartStanding { visits: 0, least: value });
            part.visits = part.visits.saturating_add(1);
            part.least = part.least.min(value);
        }
    }

    /// How everybody stands, by id.
    #[must_use]
    pub fn standings(self) -> BTreeMap<String, RepStanding> {
        let mut all = BTreeMap::new();
        for (sop, tallies) in self.0 {
            let means: Vec<(&String, f64)> = tallies
                .iter()
                .filter(|(_, tally)| tally.visits >= PEER_VISITS)
                .filter_map(|(user, tally)| Some((user, tally.mean()?)))
                .collect();
            for (user, tally) in &tallies {
                let peers: Vec<f64> = means.iter().filter(|(peer, _)| *peer != user).map(|(_, mean)| *mean).collect();
                let standing = standing(user, &sop, tally, &peers);
                all.insert(id(user, &sop), standing);
            }
        }
        all
    }
}

fn standing(user: &str, sop: &str, tally: &Tally, peers: &[f64]) -> RepStanding {
    let mean = tally.mean();
    let n_peers = u32::try_from(peers.len()).unwrap_or(u32::MAX);
    let beside = (n_peers >= PEERS_TOLD).then(|| mean_and_deviation(peers, n_peers));
    let (peer_mean, peer_sd) = beside.map(|(mean, sd)| (hundredths(mean), hundredths(sd))).unzip();
    // Peers who are all alike are no measure.
    let z = mean.zip(beside).filter(|(_, (_, sd))| hundredths(*sd) > 0.0);
    RepStanding {
        user: user.to_owned(),
        sop: sop.to_owned(),
        days: DAYS,
        visits: tally.visits,
        mean: mean.map(hundredths),
        parts: tally.parts.clone(),
        peers: n_peers,
        peer_mean,
        peer_sd,
        z: z.map(|(mean, (peer_mean, sd))| hundredths((mean - peer_mean) / sd)),
    }
}

/// Mean, and standard deviation of a sample.
fn mean_and_deviation(values: &[f64], count: u32) -> (f64, f64) {
    let count = f64::from(count);
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// The id of a rep's standing under an SOP, which is the stream of its events too: `rst_…`.
#[must_use]
pub fn id(user: &str, sop: &str) -> String {
    let hash = canon::hash_value(&json!([user, sop])).unwrap_or_default();
    format!("{PREFIX}_{}", hash.get(..48).unwrap_or_default())
}

impl RepStanding {
    /// Its id and stream.
    #[must_use]
    pub fn id(&self) -> String {
        id(&self.user, &self.sop)
    }

    /// The same rep without any visit in the span.
    #[must_use]
    pub fn without_visits(&self) -> Self {
        standing(&self.user, &self.sop, &Tally::default(), &[])
    }

    /// The event that says it.
    #[must_use]
    pub fn draft(&self) -> Draft {
        Draft { kind: NAME.to_owned(), stream: self.id(), payloads: [("standing".to_owned(), json!(self))].into() }
    }

    /// What an event says, if it answers what is wanted.
    #[must_use]
    pub fn told(event: &Event, wanted: &Wanted) -> Option<Self> {
        let Payload::Kept(kept) = event.payloads.get("standing")? else { return None };
        let at_ms = time::parse("at", &event.header.at).ok()?;
        let standing: Self = serde_json::from_str(kept.value.as_str()).ok()?;
        let is_it = event.header.kind == NAME
            && event.header.stream == standing.id()
            && (&standing.user, &standing.sop) == (&wanted.user, &wanted.sop)
            && at_ms <= wanted.before_ms;
        is_it.then_some(standing)
    }
}

#[cfg(test)]
mod tests;
