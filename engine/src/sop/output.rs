//! What answers become beyond the visit: business records, and amounts posted to ledgers.

use super::{Computed, Effect};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A typed business record written from the answers of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Id within the SOP.
    pub id: String,
    /// Record type, for instance `price_observation`.
    #[serde(rename = "type")]
    pub record: String,
    /// Step the record comes from.
    pub step: String,
    /// CEL over the submission: written only where this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// JSON Pointer to a list in the answers: one record for each item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<String>,
    /// Members of the record: JSON Pointers, relative to the item where `each` is given.
    pub fields: BTreeMap<String, String>,
    /// What each record posts to ledgers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postings: Vec<Posting>,
}

/// An amount of a record that goes into or out of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// One of the SOP's `ledgers`.
    pub ledger: String,
    /// Parts that together name the account: CEL behind `=`, or a JSON Pointer, relative as those of `fields`.
    pub account: Vec<String>,
    /// JSON Pointer to a whole number or a decimal text, not negative, in the ledger's unit; without one, records are counted: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// Which way.
    pub direction: Direction,
}

/// Which way an amount goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The balance grows.
    In,
    /// The balance shrinks.
    Out,
}

/// Accounts with a balance each, kept by entries that are never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Name for people.
    pub title: Text,
    /// Unit of every amount, UCUM, for instance `{piece}` or `kg`; money by its ISO 4217 code.
    pub unit: String,
    /// Least balance an account may have: a number or `=CEL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Computed>,
    /// Greatest balance an account may have: a number or `=CEL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Computed>,
    /// What a posting does that takes an account out of its bounds, or cannot be read. Default hold.
    #[serde(default = "Effect::hold")]
    pub effect: Effect,
    /// Risk weight of that in percent. Default 0.
    #[serde(default)]
    pub weight: u32,
}
