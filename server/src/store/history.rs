//! What the past can tell a rule, as places in streams: what happened there is read from the events themselves.

use super::database::{Base, inconsistent, natural, parse};
use super::rows::{Statement, Work};
use super::{HistoryStore, PastArrival, PastEvent, PastScore, PastUse, Result, Scope};
use async_trait::async_trait;
use engine::standing::Scored;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeSet;
use trait_gen::trait_gen;

type Place = (String, i64, String);
type UseRow = (String, String, String, String, String, i64, i64, String);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl HistoryStore for Base<Db> {
    async fn last_check_in(&self, tenant: &str, user: &str, not: &str, before_ms: i64) -> Result<Option<PastEvent>> {
        let row = sqlx::query_as(
            "select c.visit, c.seq, e.hash from check_ins c
             join events e on e.tenant = c.tenant and e.stream = c.visit and e.seq = c.seq
             where c.tenant = $1 and c.user_id = $2 and c.visit <> $3 and c.at_ms <= $4
             order by c.at_ms desc, c.visit desc limit 1",
        )
        .bind(tenant)
        .bind(user)
        .bind(not)
        .bind(before_ms)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_place).transpose()
    }

    async fn last_on_device(
        &self,
        tenant: &str,
        device: &str,
        user: &str,
        not: &str,
        before_ms: i64,
    ) -> Result<Option<PastEvent>> {
        let row = sqlx::query_as(
            "select c.visit, c.seq, e.hash from check_ins c
             join events e on e.tenant = c.tenant and e.stream = c.visit and e.seq = c.seq
             where c.tenant = $1 and c.device = $2 and c.user_id <> $3 and c.visit <> $4 and c.at_ms <= $5
             order by c.at_ms desc, c.visit desc limit 1",
        )
        .bind(tenant)
        .bind(device)
        .bind(user)
        .bind(not)
        .bind(before_ms)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_place).transpose()
    }

    async fn next_check_in(&self, tenant: &str, user: &str, not: &str, after_ms: i64) -> Result<Option<PastEvent>> {
        let row = sqlx::query_as(
            "select c.visit, c.seq, e.hash from check_ins c
             join events e on e.tenant = c.tenant and e.stream = c.visit and e.seq = c.seq
             where c.tenant = $1 and c.user_id = $2 and c.visit <> $3 and c.at_ms > $4
             order by c.at_ms, c.visit limit 1",
        )
        .bind(tenant)
        .bind(user)
        .bind(not)
        .bind(after_ms)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_place).transpose()
    }

    async fn uses(&self, tenant: &str, sha256: &BTreeSet<String>, not: &str) -> Result<Vec<(PastUse, String)>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select u.sha256, u.visit, u.customer, u.step, u.class, u.received_ms, u.seq, e.hash from evidence_uses u
             join events e on e.tenant = u.tenant and e.stream = u.visit and e.seq = u.seq where u.tenant = ",
        );
        sql.push_bind(tenant).push(" and u.visit <> ").push_bind(not).push(" and u.sha256 in ");
        Self::list(&mut sql, sha256);
        sql.push(" order by u.sha256, u.received_ms, u.visit, u.step, u.seq, u.class");
        let rows: Vec<UseRow> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter()
            .map(|(sha256, visit, customer, step, class, received_ms, seq, hash)| {
                let seq = natural("evidence_uses", &sha256, seq)?;
                Ok((PastUse { sha256, visit, customer, step, class, received_ms, seq }, hash))
            })
            .collect()
    }

    async fn arrivals(&self, tenant: &str, customer: &str, limit: u32) -> Result<Vec<PastArrival>> {
        let rows: Vec<(String, i64, String, i64)> = sqlx::query_as(
            "select visit, seq, user_id, at_ms from arrivals where tenant = $1 and customer = $2
             order by at_ms desc, visit desc, seq desc limit $3",
        )
        .bind(tenant)
        .bind(customer)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        rows.into_iter()
            .map(|(visit, seq, user, at_ms)| {
                let seq = natural("arrivals", &visit, seq)?;
                Ok(PastArrival { visit, seq, user, at_ms })
            })
            .collect()
    }

    async fn missed_customers(
        &self,
        tenant: &str,
        scope: &Scope,
        times: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select a.customer from arrivals a
             join records r on r.tenant = a.tenant and r.kind = 'customer' and r.id = a.customer and r.newest
             where a.misses and a.tenant = ",
        );
        sql.push_bind(tenant);
        if let Some(after) = after {
            sql.push(" and a.customer > ").push_bind(after);
        }
        if let Scope::Under(units) = scope {
            sql.push(" and (r.org_unit is null or r.org_unit in ");
            Self::units_under(&mut sql, tenant, units);
            sql.push(")");
        }
        sql.push(" group by a.customer having count(*) >= ").push_bind(i64::from(times));
        sql.push(" order by a.customer limit ").push_bind(i64::from(limit));
        Ok(sql.build_query_scalar().fetch_all(&self.read).await?)
    }

    async fn previous_visit(
        &self,
        tenant: &str,
        customer: &str,
        not: &str,
        before_ms: i64,
    ) -> Result<Option<PastEvent>> {
        let row = sqlx::query_as(
            "select j.visit, j.seq, e.hash from judged_visits j
             join events e on e.tenant = j.tenant and e.stream = j.visit and e.seq = j.seq
             where j.tenant = $1 and j.customer = $2 and j.visit <> $3 and j.at_ms <= $4
             order by j.at_ms desc, j.visit desc limit 1",
        )
        .bind(tenant)
        .bind(customer)
        .bind(not)
        .bind(before_ms)
        .fetch_optional(&self.read)
        .await?;
        row.map(to_place).transpose()
    }

    async fn scored_visits(
        &self,
        tenant: &str,
        (from_ms, to_ms): (i64, i64),
        after: &str,
        limit: u32,
    ) -> Result<Vec<PastScore>> {
        let rows: Vec<(i64, String, String, String, i64, String)> = sqlx::query_as(
            "select at_ms, visit, user_id, sop, tenths, parts from scored_visits
             where tenant = $1 and tenths is not null and at_ms >= $2 and at_ms < $3 and (at_ms > $2 or visit > $4)
             order by at_ms, visit limit $5",
        )
        .bind(tenant)
        .bind(from_ms)
        .bind(to_ms)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        rows.into_iter()
            .map(|(at_ms, visit, user, sop, tenths, parts)| {
                let parts = serde_json::from_value(parse("scored_visits", &visit, &parts)?)
                    .map_err(|error| inconsistent("scored_visits", &visit, error))?;
                Ok(PastScore { at_ms, visit, scored: Scored { user, sop, tenths: Some(tenths), parts } })
            })
            .collect()
    }
}

/// An accepted check-in, in place of the visit's earlier one.
pub const CHECK_IN: Statement = Statement {
    columns: "tenant, visit, user_id, seq, at_ms, device",
    key: 2,
    work: Work::Insert(
        "check_ins",
        "on conflict (tenant, visit)
         do update set user_id = excluded.user_id, seq = excluded.seq, at_ms = excluded.at_ms, device = excluded.device",
    ),
};

/// A check-in with its position; the same again is the same.
pub const ARRIVAL: Statement = Statement {
    columns: "tenant, visit, seq, customer, user_id, at_ms, misses",
    key: 3,
    work: Work::Insert("arrivals", "on conflict do nothing"),
};

/// A judged visit, in place of its earlier row.
pub const JUDGED: Statement = Statement {
    columns: "tenant, visit, customer, seq, at_ms",
    key: 2,
    work: Work::Insert(
        "judged_visits",
        "on conflict (tenant, visit)
         do update set customer = excluded.customer, seq = excluded.seq, at_ms = excluded.at_ms",
    ),
};

/// The score of a judged visit, in place of its earlier row.
pub const SCORED: Statement = Statement {
    columns: "tenant, visit, user_id, sop, at_ms, tenths, parts",
    key: 2,
    work: Work::Insert(
        "scored_visits",
        "on conflict (tenant, visit)
         do update set user_id = excluded.user_id, sop = excluded.sop, at_ms = excluded.at_ms, tenths = excluded.tenths,
           parts = excluded.parts",
    ),
};

/// A use of evidence; the same again is the same.
pub const USE: Statement = Statement {
    columns: "tenant, sha256, visit, step, class, seq, customer, received_ms",
    key: 6,
    work: Work::Insert("evidence_uses", "on conflict do nothing"),
};

fn to_place((visit, seq, hash): Place) -> Result<PastEvent> {
    let seq = natural("events", &visit, seq)?;
    Ok(PastEvent { visit, seq, hash })
}
