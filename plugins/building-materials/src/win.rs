//! The chance to win a project, and when to go there again.

use crate::answers;
use crate::limits::Limits;
use crate::project::Fields;
use serde_json::{Value, json};
use sopwith_sdk::{Input, RuleError, dates, round1};

/// Chances are never nothing and never certain.
const BOUNDS: (f64, f64) = (0.02, 0.97);
/// A decision maker's stance moves the chance by this for each point …
const STANCE_STEP: f64 = 0.1;
/// … within these bounds, for the two most influential ones.
const STANCE_BOUNDS: (f64, f64) = (0.6, 1.4);
/// How many decision makers count.
const MOST_INFLUENTIAL: usize = 2;

/// A chance and how it came about: the product of its factors, within bounds.
pub struct Win {
    /// 0.02 to 0.97, six decimals.
    pub chance: f64,
    deal: f64,
    spec: f64,
    people: f64,
    competitor: f64,
    recency: f64,
    /// Days until the next visit should be.
    pub next_days: i64,
}

impl Win {
    /// The chance by the steps of this visit; none before the stage of the deal is known. Steps that were not done change
    /// nothing.
    ///
    /// # Errors
    /// `bad_answers`, `bad_input`.
    pub fn of(input: &Input, limits: &Limits) -> Result<Option<Self>, RuleError> {
        let deal = input.step_answers::<answers::Stage>("stage")?.and_then(|answers| answers.deal);
        let Some(deal) = deal.and_then(|deal| limits.win_by_deal.get(&deal).copied()) else { return Ok(None) };
        let spec = input.step_answers::<answers::SpecIn>("spec_in")?;
        let spec = spec.and_then(|answers| limits.win_by_spec.get(&answers.level).copied()).unwrap_or(1.0);
        let rivals = input.step_answers::<answers::Competitors>("competitor")?;
        let is_incumbent = rivals.is_some_and(|answers| answers.items.iter().any(|item| item.incumbent));
        let competitor = if is_incumbent { limits.win_incumbent } else { 1.0 };
        let people = input.step_answers::<answers::DecisionMakers>("decision_makers")?;
        let recency = match &people {
            Some(answers) if is_stale(answers, limits, input)? => limits.win_stale,
            _ => 1.0,
        };
        let people = people.map_or(1.0, |answers| stances(&answers));
        let chance = (deal * spec * people * competitor * recency).clamp(BOUNDS.0, BOUNDS.1);
        let chance = (chance * 1e6).round() / 1e6;
        let value = chance * Fields::of(input)?.expected_value.unwrap_or_default();
        let [top, likely, others] = limits.next_visit_days;
        let next_days = if value >= limits.top_decile_value {
            top
        } else if chance > limits.likely_from {
            likely
        } else {
            others
        };
        Ok(Some(Self { chance, deal, spec, people, competitor, recency, next_days }))
    }

    /// The chance in percent, one decimal.
    pub fn percent(&self) -> f64 {
        round1(self.chance * 100.0)
    }

    /// The factors, for people.
    pub fn detail(&self) -> Value {
        let three = |factor: f64| (factor * 1e3).round() / 1e3;
        json!({
            "percent": self.percent(),
            "deal": three(self.deal),
            "spec": three(self.spec),
            "decision_makers": three(self.people),
            "competitor": three(self.competitor),
            "recency": three(self.recency),
            "next_visit_days": self.next_days,
        })
    }
}

/// 1 and a tenth for each point of stance of the two most influential people; they stand first.
fn stances(answers: &answers::DecisionMakers) -> f64 {
    let sum: f64 = answers.people.iter().take(MOST_INFLUENTIAL).filter_map(|person| person.stance).sum();
    (1.0 + STANCE_STEP * sum).clamp(STANCE_BOUNDS.0, STANCE_BOUNDS.1)
}

/// Whether nobody was spoken with for long before this visit.
fn is_stale(answers: &answers::DecisionMakers, limits: &Limits, input: &Input) -> Result<bool, RuleError> {
    let today = dates::business_date(input)?;
    let last = answers.people.iter().filter_map(|person| dates::parse(person.last_contact.as_deref()?)).max();
    Ok(last.is_none_or(|last| dates::days_between(last, today) > limits.win_stale_days))
}
