//! Accounts of ledgers and their entries: what the events of their streams say, found by account and by time. That nobody
//! overtook an entry is seen at the end of its stream, where it is sealed onto.

use super::database::{Base, inconsistent, int, natural};
use super::rows::{Row, Statement, Step, Work, cells};
use super::task_row::plain;
use super::{AccountBalance, LedgerEntry, LedgerQuery, LedgerStore, Result};
use async_trait::async_trait;
use engine::ledger::{Account, Entry};
use sqlx::{Database, Postgres, QueryBuilder, Row as _, Sqlite};
use std::collections::BTreeSet;
use std::sync::Arc;
use trait_gen::trait_gen;

type BalanceRow = (String, String, i64, String, String, String, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl LedgerStore for Base<Db> {
    async fn balances_of(&self, tenant: &str, accounts: &BTreeSet<Account>) -> Result<Vec<AccountBalance>> {
        let mut found = Vec::new();
        // Few: a submission posts to as many as it has items.
        for account in accounts {
            let row: Option<BalanceRow> = sqlx::query_as(
                "select ledger, account, version, balance, unit, event, at_ms from ledger_balances
                 where tenant = $1 and ledger = $2 and account = $3",
            )
            .bind(tenant)
            .bind(&account.ledger)
            .bind(account.key())
            .fetch_optional(&self.read)
            .await?;
            found.extend(row.map(to_balance).transpose()?);
        }
        Ok(found)
    }

    async fn balances(&self, tenant: &str, query: &LedgerQuery<String>) -> Result<Vec<AccountBalance>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select ledger, account, version, balance, unit, event, at_ms from ledger_balances where tenant = ",
        );
        sql.push_bind(tenant).push(" and ledger = ").push_bind(plain(&query.ledger));
        Self::push_seen(&mut sql, tenant, &query.seen, "owner");
        if let Some(account) = &query.account {
            sql.push(" and account = ").push_bind(account.key());
        }
        if let Some(after) = &query.after {
            sql.push(" and account > ").push_bind(plain(after));
        }
        sql.push(" order by account limit ").push_bind(i64::from(query.limit));
        let rows: Vec<BalanceRow> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(to_balance).collect()
    }

    async fn entries(&self, tenant: &str, query: &LedgerQuery<(i64, String, i64)>) -> Result<Vec<LedgerEntry>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select ledger, account, version, amount, balance, unit, reverses, visit, step, user_id, reason, event, owner,
             org_unit, at_ms from ledger_entries where tenant = ",
        );
        sql.push_bind(tenant).push(" and ledger = ").push_bind(plain(&query.ledger));
        Self::push_seen(&mut sql, tenant, &query.seen, "owner");
        if let Some(account) = &query.account {
            sql.push(" and account = ").push_bind(account.key());
        }
        if let Some((at_ms, account, version)) = &query.after {
            sql.push(" and at_ms <= ").push_bind(*at_ms).push(" and (at_ms < ").push_bind(*at_ms);
            sql.push(" or account > ").push_bind(plain(account)).push(" or (account = ").push_bind(plain(account));
            sql.push(" and version < ").push_bind(*version).push("))");
        }
        sql.push(" order by at_ms desc, account, version desc limit ").push_bind(i64::from(query.limit));
        let rows = sql.build().fetch_all(&self.read).await?;
        rows.iter().map(Self::to_entry).collect()
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    fn to_entry(row: &<Db as Database>::Row) -> Result<LedgerEntry> {
        let account: String = row.try_get("account")?;
        let entry = Entry {
            account: parts("ledger_entries", &account)?,
            ledger: row.try_get("ledger")?,
            amount: row.try_get("amount")?,
            unit: row.try_get("unit")?,
            balance: row.try_get("balance")?,
            reverses: row.try_get("reverses")?,
        };
        Ok(LedgerEntry {
            entry,
            version: natural("ledger_entries", &account, row.try_get("version")?)?,
            visit: row.try_get("visit")?,
            step: row.try_get("step")?,
            user: row.try_get("user_id")?,
            reason: row.try_get("reason")?,
            event: row.try_get("event")?,
            owner: row.try_get("owner")?,
            org_unit: row.try_get("org_unit")?,
            at_ms: row.try_get("at_ms")?,
        })
    }
}

fn to_balance((ledger, key, version, balance, unit, event, at_ms): BalanceRow) -> Result<AccountBalance> {
    let account = Account { ledger, parts: parts("ledger_balances", &key)? };
    let version = natural("ledger_balances", &key, version)?;
    Ok(AccountBalance { account, version, balance, unit, event, at_ms })
}

fn parts(table: &'static str, key: &str) -> Result<Vec<String>> {
    serde_json::from_str(key).map_err(|error| inconsistent(table, key, error))
}

/// An entry. There is none yet: its stream has moved on to it.
pub const ENTRY: Statement = Statement {
    columns:
        "tenant, ledger, account, version, amount, balance, unit, reverses, visit, step, user_id, reason, event, owner,
              org_unit, at_ms",
    key: 4,
    work: Work::Insert("ledger_entries", ""),
};

/// Where the account stands after it.
pub const BALANCE: Statement = Statement {
    columns: "tenant, ledger, account, version, balance, unit, event, owner, org_unit, at_ms",
    key: 3,
    work: Work::Insert(
        "ledger_balances",
        "on conflict (tenant, ledger, account) do update set version = excluded.version, balance = excluded.balance,
           unit = excluded.unit, event = excluded.event, at_ms = excluded.at_ms",
    ),
};

/// The rows of an entry.
pub fn entry_rows(tenant: &Arc<str>, row: &LedgerEntry, part: usize) -> Result<[Row; 2]> {
    let (entry, key, version) = (&row.entry, row.entry.account().key(), int(row.version)?);
    let entered = cells![
        tenant,
        &entry.ledger,
        &key,
        version,
        &entry.amount,
        &entry.balance,
        &entry.unit,
        entry.reverses,
        row.visit.as_ref(),
        row.step.as_deref().map(plain),
        &row.user,
        row.reason.as_deref().map(plain),
        &row.event,
        row.owner.as_ref(),
        row.org_unit.as_ref(),
        row.at_ms,
    ];
    let balance = cells![
        tenant,
        &entry.ledger,
        &key,
        version,
        &entry.balance,
        &entry.unit,
        &row.event,
        row.owner.as_ref(),
        row.org_unit.as_ref(),
        row.at_ms,
    ];
    Ok([Row { step: Step::Entry, part, cells: entered }, Row { step: Step::Balance, part, cells: balance }])
}
