//! A figure with its floor, its spread and what it must reach. How something is measured is not known here.

use serde::Serialize;

/// How to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Only show that it works: as few rounds as give a figure.
    pub quick: bool,
}

impl Settings {
    /// `many`, or `few` when it must only be shown to work.
    pub fn rounds(&self, many: usize, few: usize) -> usize {
        if self.quick { few } else { many }
    }
}

/// A figure of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    /// What it belongs to: `rule call`.
    pub group: &'static str,
    /// What was measured.
    pub name: String,
    /// The median over the rounds.
    pub value: f64,
    /// Of `value`, `spread` and `floor`: `us`, `ms`, `1/s`, `MB`, `B`.
    pub unit: &'static str,
    /// The least and the greatest of the rounds.
    pub spread: [f64; 2],
    /// What it is measured against in the same rounds.
    pub floor: Option<Floor>,
    /// What it must reach.
    pub must: Option<Must>,
}

/// What a figure is measured against.
#[derive(Clone, Debug, Serialize)]
pub struct Floor {
    /// What it is.
    pub name: String,
    /// Its median over the rounds.
    pub value: f64,
    /// The median over the rounds of figure ÷ floor.
    pub ratio: f64,
}

/// What a figure must reach.
#[derive(Clone, Debug, Serialize)]
pub struct Must {
    /// In words: `ratio ≤ 1.5`.
    pub what: String,
    /// Whether it did in this run.
    pub reached: bool,
}

/// What is compared with a bound.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// The figure itself.
    Value,
    /// Figure ÷ floor.
    Ratio,
    /// Figure − floor.
    Above,
}

impl Measure {
    /// A figure by itself: one value a round.
    pub fn alone(group: &'static str, name: impl Into<String>, unit: &'static str, rounds: &[f64]) -> Self {
        let spread = [min(rounds), max(rounds)];
        Self { group, name: name.into(), value: median(rounds), unit, spread, floor: None, must: None }
    }

    /// A figure beside its floor: both measured in every round.
    pub fn beside(
        group: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        rounds: &[f64],
        floor: impl Into<String>,
        floors: &[f64],
    ) -> Self {
        let ratios: Vec<f64> = rounds.iter().zip(floors).map(|(value, floor)| value / floor).collect();
        let floor = Floor { name: floor.into(), value: median(floors), ratio: median(&ratios) };
        Self { floor: Some(floor), ..Self::alone(group, name, unit, rounds) }
    }

    /// It must not be more than `bound`.
    pub fn at_most(self, of: Of, bound: f64) -> Self {
        self.must(of, "≤", bound, |found| found <= bound)
    }

    /// It must not be less than `bound`.
    pub fn at_least(self, of: Of, bound: f64) -> Self {
        self.must(of, "≥", bound, |found| found >= bound)
    }

    fn must(mut self, of: Of, sign: &str, bound: f64, holds: impl Fn(f64) -> bool) -> Self {
        let floor = self.floor.as_ref();
        let (what, found) = match of {
            Of::Value => (format!("{sign} {bound} {}", self.unit), Some(self.value)),
            Of::Ratio => (format!("ratio {sign} {bound}"), floor.map(|floor| floor.ratio)),
            Of::Above => (format!("{sign} floor + {bound} {}", self.unit), floor.map(|floor| self.value - floor.value)),
        };
        self.must = Some(Must { what, reached: found.is_some_and(holds) });
        self
    }
}

/// The middle of the values; of an even number the lower one of the two. NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

fn min(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_judged_by_itself_by_its_ratio_or_by_what_it_adds() {
        let figure = Measure::beside("g", "n", "us", &[3.0, 1.0, 2.0], "floor", &[1.0, 1.0, 1.0]);
        assert_eq!((figure.value, figure.spread), (2.0, [1.0, 3.0]));
        let reached = |figure: Measure| figure.must.unwrap().reached;
        assert!(reached(figure.clone().at_most(Of::Value, 2.0)) && !reached(figure.clone().at_most(Of::Value, 1.9)));
        assert!(reached(figure.clone().at_least(Of::Ratio, 2.0)) && !reached(figure.clone().at_least(Of::Ratio, 2.1)));
        assert!(reached(figure.clone().at_most(Of::Above, 1.0)) && !reached(figure.at_most(Of::Above, 0.9)));
        assert!(!reached(Measure::alone("g", "n", "us", &[1.0]).at_most(Of::Ratio, 9.0)), "no floor, no ratio");
    }
}
