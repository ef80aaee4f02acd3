//! A list of checks of work on the site: the rule of a step says which failed, the score counts them all.

use sopwith_sdk::{Finding, Findings};

/// Checks of one step, in the order of its answers.
#[derive(Debug, Default)]
pub struct Checks(Vec<(bool, Finding)>);

impl Checks {
    /// Adds a check; `finding` is said when it failed.
    pub fn add(&mut self, passed: bool, finding: Finding) {
        self.0.push((passed, finding));
    }

    /// Adds a check of a reading that must be at least `min`; what was not measured is not checked.
    pub fn at_least(&mut self, measured: Option<f64>, min: f64, finding: impl FnOnce() -> Finding) {
        if let Some(measured) = measured {
            self.add(measured >= min, finding().with("measured", measured).with("min", min));
        }
    }

    /// Adds a check of a reading that must be at most `max`; what was not measured is not checked.
    pub fn at_most(&mut self, measured: Option<f64>, max: f64, finding: impl FnOnce() -> Finding) {
        if let Some(measured) = measured {
            self.add(measured <= max, finding().with("measured", measured).with("max", max));
        }
    }

    /// How many there are, and how many of them passed.
    pub fn count(&self) -> (usize, usize) {
        (self.0.len(), self.0.iter().filter(|(passed, _)| *passed).count())
    }

    /// What to say of those that failed.
    pub fn failed(self) -> Findings {
        self.0.into_iter().filter(|(passed, _)| !passed).map(|(_, finding)| finding).collect()
    }
}
