//! Accounts of ledgers: where they stand, what went in and out, and what people put in or take out without a visit.

use crate::app::App;
use crate::flows::book::{Book, Entering};
use crate::flows::caller::Caller;
use crate::flows::load;
use crate::flows::once::{Answer, Asked, Decided, once};
use crate::flows::outputs::seen;
use crate::flows::problem::{Kind, Problem, Result, Violation};
use crate::store::{AccountBalance, LedgerEntry, LedgerQuery, VersionKind};
use engine::ledger::{Account, AdjustedBy, Entry, LedgerEvent};
use engine::task::Role;
use engine::time::format_utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Who adjusts accounts in their org units.
const ADJUSTERS: &[Role] = &[Role::Manager, Role::Admin];

/// An opening balance, or a correction.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// The account's parts.
    pub account: Vec<String>,
    /// Decimal text in the ledger's unit; negative takes out.
    pub amount: String,
    /// Why.
    pub reason: String,
}

/// Where an account stands.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BalanceView {
    /// The account's parts.
    pub account: Vec<String>,
    /// Decimal text.
    pub balance: String,
    /// UCUM, or an ISO 4217 code.
    pub unit: String,
    /// How many entries it has.
    pub version: u64,
    /// Hash of the last.
    pub event: String,
    /// When that was written, RFC 3339 UTC.
    pub changed_at: String,
}

/// An entry of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// The entry.
    pub entry: Entry,
    /// Its place in the account, from 1.
    pub version: u64,
    /// The visit that posted it; none: an adjustment.
    pub visit: Option<String>,
    /// The step, and instance as `step[key]`.
    pub step: Option<String>,
    /// Who posted or adjusted.
    pub user: String,
    /// Why, if it is an adjustment.
    pub reason: Option<String>,
    /// Hash of its event.
    pub event: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

impl From<AccountBalance> for BalanceView {
    fn from(row: AccountBalance) -> Self {
        let AccountBalance { account, version, balance, unit, event, at_ms } = row;
        Self { account: account.parts, balance, unit, version, event, changed_at: format_utc(at_ms) }
    }
}

impl From<LedgerEntry> for EntryView {
    fn from(row: LedgerEntry) -> Self {
        let LedgerEntry { entry, version, visit, step, user, reason, event, at_ms, .. } = row;
        Self { entry, version, visit, step, user, reason, event, at: format_utc(at_ms) }
    }
}

/// The accounts of a ledger, or its entries, that a caller may see: those named after them, and those of the org units they
/// oversee.
pub fn query<K>(
    caller: &Caller,
    ledger: &str,
    account: Option<Vec<String>>,
    after: Option<K>,
    limit: u32,
) -> LedgerQuery<K> {
    let ledger = ledger.to_owned();
    let account = account.map(|parts| Account { ledger: ledger.clone(), parts });
    LedgerQuery { seen: seen(caller), ledger, account, after, limit }
}

/// Tells a ledger nobody has posted to from one that no published SOP has.
///
/// # Errors
/// No such ledger.
pub async fn must_exist(app: &App, caller: &Caller, ledger: &str) -> Result<()> {
    unit(app, &caller.tenant, ledger).await?.map(drop).ok_or_else(Problem::not_found)
}

/// Puts something into an account, or takes it out.
///
/// # Errors
/// No such ledger; the account is not the caller's to adjust; not acceptable.
pub async fn adjust(app: &App, caller: &Caller, ledger: &str, new: &NewEntry, asked: &Asked) -> Result<Answer> {
    once(app, caller, asked, || decide(app, caller, ledger, new)).await
}

async fn decide(app: &App, caller: &Caller, ledger: &str, new: &NewEntry) -> Result<Decided> {
    let tenant = caller.tenant.as_str();
    let unit = unit(app, tenant, ledger).await?.ok_or_else(Problem::not_found)?;
    let account = Account { ledger: ledger.to_owned(), parts: new.account.clone() };
    let org_unit = org_unit(app, caller, &account).await?;
    let before = load::balances(app, tenant, &BTreeSet::from([account.clone()])).await?;
    let before = before.get(&account).cloned().unwrap_or_default();
    let by = AdjustedBy { user: caller.user.clone(), reason: new.reason.clone() };
    let happened = LedgerEvent::adjusted(&account, &unit, &before, &new.amount, by)
        .map_err(|rejection| Problem::of_rejection(&rejection))?;
    let mut book = Book::new(tenant, app.clock.now_ms());
    book.of_unit(org_unit);
    book.at_end(&account.stream(), before.tip);
    let entering = Entering { visit: None, step: None, user: &caller.user, reason: Some(&new.reason) };
    let row = book.enter(&happened, &entering)?;
    let answer = Answer::done(true, &EntryView::from(row), None)?;
    Ok(Decided::new(book.into_writes(), answer))
}

/// The org unit of an account: that of the first user, customer or contact it is named after. One that is named after
/// nobody is the whole tenant's.
async fn org_unit(app: &App, caller: &Caller, account: &Account) -> Result<Option<String>> {
    let kinds = [("usr", "user"), ("cus", "customer"), ("con", "contact")];
    let named = account.parts.iter().enumerate().find_map(|(index, part)| {
        let (_, kind) = kinds.iter().find(|(prefix, _)| engine::id::check_id(prefix, part))?;
        Some((index, *kind, part))
    });
    let Some((index, kind, id)) = named else {
        if caller.covers(app, ADJUSTERS, None).await? {
            return Ok(None);
        }
        return Err(Problem::new(Kind::Forbidden, "scope.outside", &Value::Null));
    };
    // Rather unknown than a hint that another org unit has it (SCOPE).
    let unknown = || {
        let what = Violation::new(&format!("/account/{index}"), "record.unknown", &json!({"kind": kind, "id": id}));
        Problem { errors: vec![what], ..Problem::not_found() }
    };
    let record = app.store.record(&caller.tenant, kind, id, None).await?.ok_or_else(unknown)?;
    if !caller.covers(app, ADJUSTERS, record.org_unit.as_deref()).await? {
        return Err(unknown());
    }
    Ok(record.org_unit)
}

/// The unit of a ledger, as the last of the tenant's published SOPs says that has it.
async fn unit(app: &App, tenant: &str, ledger: &str) -> Result<Option<String>> {
    const PAGE: u32 = 100;
    let (mut unit, mut after) = (None, None::<(String, String)>);
    loop {
        let place = after.as_ref().map(|(name, version)| (name.as_str(), version.as_str()));
        let page = app.store.versions(tenant, VersionKind::Sop, None, place, PAGE).await?;
        let full = page.len() >= PAGE as usize;
        after = page.last().map(|last| (last.name.clone(), last.version.clone()));
        for version in page.iter().filter(|version| version.published) {
            let bytes = app.store.object(tenant, &version.hash).await?.unwrap_or_default();
            let document: Value = serde_json::from_slice(&bytes).map_err(Problem::internal)?;
            let said = document.get("ledgers").and_then(|ledgers| ledgers.get(ledger)).and_then(|it| it.get("unit"));
            unit = said.and_then(Value::as_str).map(str::to_owned).or(unit);
        }
        if !full {
            return Ok(unit);
        }
    }
}
