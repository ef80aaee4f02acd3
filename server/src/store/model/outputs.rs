//! Records that submissions become, and entries of accounts, as rows.

use super::super::Scope;
use engine::ledger::{Account, Entry};
use engine::output::OutputRecord;

/// A record, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The record. Its fields are empty once the visit was erased.
    pub record: OutputRecord,
    /// Its visit was erased.
    pub erased: bool,
    /// The submission it comes from stands.
    pub standing: bool,
    /// The org unit of the visit.
    pub org_unit: Option<String>,
    /// Hash of the `submitted` event.
    pub event: String,
    /// When that was written.
    pub at_ms: i64,
}

/// What somebody may see of what has a user and an org unit: what is theirs, and what is in their scope. What has no org
/// unit is the whole tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrScope {
    /// The user.
    pub user: String,
    /// The scope.
    pub scope: Option<Scope>,
}

/// Which records to list; order is newest first, then id.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputQuery {
    /// What the caller may see.
    pub seen: OwnOrScope,
    /// Only of this type.
    pub kind: Option<String>,
    /// Only about this customer.
    pub customer: Option<String>,
    /// Only of this visit.
    pub visit: Option<String>,
    /// Business date from, inclusive.
    pub from: Option<String>,
    /// Business date to, inclusive.
    pub to: Option<String>,
    /// Also those of submissions that were replaced.
    pub replaced: bool,
    /// Behind this place: when it was written, id.
    pub after: Option<(i64, String)>,
    /// At most so many.
    pub limit: u32,
}

/// Where an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// How many entries it has.
    pub version: u64,
    /// Decimal text.
    pub balance: String,
    /// UCUM, or an ISO 4217 code.
    pub unit: String,
    /// Hash of the last entry.
    pub event: String,
    /// When that was written.
    pub at_ms: i64,
}

/// An entry of an account, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// The entry.
    pub entry: Entry,
    /// Its place in the account, from 1.
    pub version: u64,
    /// The visit that posted it.
    pub visit: Option<String>,
    /// The step, and instance as `step[key]`.
    pub step: Option<String>,
    /// Who posted or adjusted.
    pub user: String,
    /// Why, if it is an adjustment.
    pub reason: Option<String>,
    /// Hash of its event.
    pub event: String,
    /// The user the account is named after.
    pub owner: Option<String>,
    /// The org unit it belongs to; an account belongs to that of its first entry.
    pub org_unit: Option<String>,
    /// When.
    pub at_ms: i64,
}

/// Which accounts of a ledger, or which of its entries.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerQuery<K> {
    /// What the caller may see; `user` is whom an account is named after.
    pub seen: OwnOrScope,
    /// The ledger.
    pub ledger: String,
    /// Only this account.
    pub account: Option<Account>,
    /// Behind this place.
    pub after: Option<K>,
    /// At most so many.
    pub limit: u32,
}
