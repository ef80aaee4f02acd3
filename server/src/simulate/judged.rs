//! What the engine and the plugins say of a simulated set: how each class ended, and by which findings it was found.

use super::conduct::Cheat;
use super::days::{Labels, Set};
use crate::judge::TENANT;
use crate::plugins::Sandbox;
use anyhow::bail;
use engine::command::Record;
use engine::effective::EffectiveSop;
use engine::journal::{Ended, Journal, Outside};
use engine::rule::{RuleCall, RuleOutcome};
use engine::submit::standing_decision;
use engine::verdict::{Decision, Validity};
use engine::visit::Visit;
use indicatif::ProgressBar;
use serde::Serialize;
use std::collections::BTreeMap;

/// How the visits of one class ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// In all.
    pub visits: usize,
    /// Accepted and valid: nobody looks.
    pub passed: usize,
    /// Marked, and valid.
    pub flagged: usize,
    /// A person must look: held, returned or rejected.
    pub held: usize,
    /// Does not count, and is not held.
    pub invalid: usize,
    /// Visits by finding code.
    pub codes: BTreeMap<String, usize>,
}

impl Tally {
    /// Visits somebody or something took notice of.
    pub const fn noticed(&self) -> usize {
        self.visits - self.passed
    }

    /// Visits that cost an honest person something.
    pub const fn stopped(&self) -> usize {
        self.held + self.invalid
    }

    /// A share of the visits in per cent, to one decimal; none of none.
    pub fn percent(&self, part: usize) -> Option<f64> {
        (self.visits > 0).then(|| (part as f64 * 1000.0 / self.visits as f64).round() / 10.0)
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.visits += other.visits;
        self.passed += other.passed;
        self.flagged += other.flagged;
        self.held += other.held;
        self.invalid += other.invalid;
        for (code, count) in &other.codes {
            *self.codes.entry(code.clone()).or_default() += count;
        }
    }

    fn count(&mut self, visit: Option<&Visit>) {
        self.visits += 1;
        let verdict = visit.and_then(Visit::verdict);
        let valid = verdict.is_some_and(|verdict| verdict.validity == Validity::Valid);
        match visit.and_then(standing_decision) {
            Some(Decision::Accepted) if valid => self.passed += 1,
            Some(Decision::Flagged) if valid => self.flagged += 1,
            Some(Decision::Accepted | Decision::Flagged) => self.invalid += 1,
            // What never got as far as a verdict is nobody's visit.
            Some(Decision::Held | Decision::Returned | Decision::Rejected) | None => self.held += 1,
        }
        let mut codes: Vec<&String> =
            verdict.into_iter().flat_map(|verdict| &verdict.findings).map(|finding| &finding.code).collect();
        codes.sort();
        codes.dedup();
        for code in codes {
            *self.codes.entry(code.clone()).or_default() += 1;
        }
    }
}

/// Honest visits (none) and each class.
pub type Tallies = BTreeMap<Option<Cheat>, Tally>;

/// Judges a set as a server does.
///
/// # Errors
/// A line belongs to nothing: the generator is wrong.
pub fn judge(sop: &EffectiveSop, sandbox: &Sandbox<'_>, set: &Set, bar: &ProgressBar) -> anyhow::Result<Tallies> {
    let mut journal = Journal::new(sop, TENANT);
    let mut outside = Unsalted(sandbox);
    for line in &set.lines {
        let record = match Record::from_json(line.to_string().as_bytes()) {
            Ok(record) => record,
            Err(problem) => bail!("{line}: {problem:?}"),
        };
        if let (Ended::Quarantined { rejection }, _) = journal.apply(&record, &mut outside) {
            bail!("{line}: {} {:?}", rejection.code, rejection.params);
        }
        bar.inc(1);
    }
    Ok(tallies(&journal, &set.labels))
}

fn tallies(journal: &Journal<'_>, labels: &Labels) -> Tallies {
    let mut tallies = Tallies::new();
    for (visit, label) in labels {
        tallies.entry(*label).or_default().count(journal.visits().get(visit));
    }
    tallies
}

/// The sandbox; nothing is kept, so nothing needs a salt that nobody can guess.
struct Unsalted<'a>(&'a Sandbox<'a>);

impl Outside for Unsalted<'_> {
    fn call(&mut self, call: &RuleCall) -> RuleOutcome {
        self.0.run(call)
    }

    fn salt(&mut self) -> [u8; 16] {
        [0; 16]
    }
}
