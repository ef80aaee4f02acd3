//! Parameters at work: the value each has for a customer, and where it comes from.
//!
//! The first of these that says something wins: the assignment that made the SOP apply, what the tenant set when it installed
//! the SOP, the first slice whose condition holds for the customer, the default. It is found out once, when a run is pinned
//! (PINNED). What must not live here: whether values are within bounds, which lint says.

use crate::condition::Condition;
use crate::input::CustomerInput;
use crate::sop::{ParameterSlice, Sop};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Slices by parameter, of those that have some.
pub type Slices = BTreeMap<String, Vec<ParameterSlice>>;

/// The slices of a document.
#[must_use]
pub fn slices(sop: &Sop) -> Slices {
    let sliced = sop.parameters.iter().filter(|(_, parameter)| !parameter.by.is_empty());
    sliced.map(|(name, parameter)| (name.clone(), parameter.by.clone())).collect()
}

/// Which slice holds for a customer, by parameter, with its value. A condition that cannot be evaluated (the customer has no
/// such field) does not hold.
#[must_use]
pub fn for_customer(slices: &Slices, customer: &CustomerInput) -> BTreeMap<String, (usize, Value)> {
    let context = json!({"customer": customer});
    let holds = |slice: &ParameterSlice| {
        Condition::compile(&slice.when).is_ok_and(|when| when.eval_bool(&context).unwrap_or(false))
    };
    let first = |(name, slices): (&String, &Vec<ParameterSlice>)| {
        let (index, slice) = slices.iter().enumerate().find(|(_, slice)| holds(slice))?;
        Some((name.clone(), (index, slice.value.clone())))
    };
    slices.iter().filter_map(first).collect()
}

/// The same with `own` values over them: what is given to [`crate::effective::EffectiveSop::new`].
#[must_use]
pub fn values(slices: &Slices, customer: &CustomerInput, own: &Map<String, Value>) -> Map<String, Value> {
    let sliced = for_customer(slices, customer);
    let mut values: Map<String, Value> = sliced.into_iter().map(|(name, (_, value))| (name, value)).collect();
    values.extend(own.clone());
    values
}
