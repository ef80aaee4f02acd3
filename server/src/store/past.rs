//! The data of what the past can tell: places in streams, and what the indexes say of them.

use engine::standing::Scored;

/// A place in the past that a rule may be told of: an event of a visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEvent {
    /// The visit; also the stream.
    pub visit: String,
    /// Which event.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// A check-in at a customer, accepted or refused for where it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastArrival {
    /// The visit; also the stream.
    pub visit: String,
    /// The event that holds the position.
    pub seq: u64,
    /// Who.
    pub user: String,
    /// Latest it can have been.
    pub at_ms: i64,
}

/// A judged visit with a score.
#[derive(Clone, Debug, PartialEq)]
pub struct PastScore {
    /// When it was checked in, latest.
    pub at_ms: i64,
    /// The visit.
    pub visit: String,
    /// What it says to the standing of its rep.
    pub scored: Scored,
}

/// A use of evidence in another visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastUse {
    /// SHA-256.
    pub sha256: String,
    /// The visit.
    pub visit: String,
    /// Its customer.
    pub customer: String,
    /// The step.
    pub step: String,
    /// Class there.
    pub class: String,
    /// When it was received there.
    pub received_ms: i64,
    /// The `submitted` event.
    pub seq: u64,
}
