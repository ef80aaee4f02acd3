//! What a file would do, or did.

use super::change::Becomes;
use super::row::RowProblem;
use crate::flows::customers::{Customer, Location};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many of what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Rows with anything in them, the header apart.
    pub rows: u64,
    /// Customers that were not there.
    pub new: u64,
    /// Customers about which something changes, or where they are.
    pub changed: u64,
    /// Rows that say what is known.
    pub unchanged: u64,
    /// Rows with a problem.
    pub wrong: u64,
    /// Locations that begin.
    pub located: u64,
    /// Of those, such that end another.
    pub moved: u64,
}

/// A customer that gets another place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Moved {
    /// Row of the table, or index of the feature.
    pub row: u64,
    /// The customer.
    pub customer: String,
    /// From the place before, in metres, to 0.1.
    pub moved_m: f64,
}

/// A row as it would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// Row of the table, or index of the feature.
    pub row: u64,
    /// The customer's id.
    pub id: String,
    /// What becomes of it.
    pub becomes: Becomes,
    /// All that would be known of it; what is personal is blotted out, as in lists.
    pub customer: Customer,
    /// Where the row says it is.
    pub location: Option<Location>,
    /// From the place before, in metres, if that is another.
    pub moved_m: Option<f64>,
}

/// What a file would do, or did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The import, if anything was written: `imp_…`.
    pub import: Option<String>,
    /// What a table is written in.
    pub encoding: Option<&'static str>,
    /// How many of what.
    pub counts: Counts,
    /// West, south, east, north of all places, in the coordinates of the file.
    pub bounding_box: Option<[f64; 4]>,
    /// The places that move the farthest.
    pub farthest: Vec<Moved>,
    /// The first rows.
    pub sample: Vec<Shown>,
    /// The first problems, in the order of the file.
    pub problems: Vec<RowProblem>,
}
