//! Records that submissions become: found by type, customer and date, newest first.

use super::database::{Base, inconsistent, parse};
use super::rows::{Row, Statement, Step, Work, cells};
use super::task_row::plain;
use super::{Output, OutputQuery, OutputStore, OwnOrScope, Result, Scope, StoreError};
use async_trait::async_trait;
use engine::output::OutputRecord;
use serde_json::Value;
use sqlx::{Database, Postgres, QueryBuilder, Row as _, Sqlite};
use std::sync::Arc;
use trait_gen::trait_gen;

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl OutputStore for Base<Db> {
    async fn outputs(&self, tenant: &str, query: &OutputQuery) -> Result<Vec<Output>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select id, type, visit, customer, user_id, org_unit, step, output, item, revision, business_date, event,
             at_ms, standing, fields from outputs where tenant = ",
        );
        sql.push_bind(tenant);
        Self::push_seen(&mut sql, tenant, &query.seen, "user_id");
        for (column, value) in [("type", &query.kind), ("customer", &query.customer), ("visit", &query.visit)] {
            if let Some(value) = value {
                sql.push(" and ").push(column).push(" = ").push_bind(plain(value));
            }
        }
        if let Some(from) = &query.from {
            sql.push(" and business_date >= ").push_bind(plain(from));
        }
        if let Some(to) = &query.to {
            sql.push(" and business_date <= ").push_bind(plain(to));
        }
        if !query.replaced {
            sql.push(" and standing");
        }
        if let Some((at_ms, id)) = &query.after {
            sql.push(" and at_ms <= ").push_bind(*at_ms);
            sql.push(" and (at_ms < ").push_bind(*at_ms).push(" or id > ").push_bind(plain(id)).push(")");
        }
        sql.push(" order by at_ms desc, id limit ").push_bind(i64::from(query.limit));
        let rows = sql.build().fetch_all(&self.read).await?;
        rows.iter().map(Self::to_output).collect()
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// SCOPE: what is theirs, and what is in their org units; `user` is the column that says whose it is.
    pub(super) fn push_seen(sql: &mut QueryBuilder<Db>, tenant: &str, seen: &OwnOrScope, user: &str) {
        if seen.scope == Some(Scope::Tenant) {
            return;
        }
        sql.push(" and (").push(user).push(" = ").push_bind(plain(&seen.user));
        if let Some(Scope::Under(units)) = &seen.scope {
            sql.push(" or org_unit in ");
            Self::units_under(sql, tenant, units);
        }
        sql.push(")");
    }

    fn to_output(row: &<Db as Database>::Row) -> Result<Output> {
        let id: String = row.try_get("id")?;
        let natural = |number: i64| u32::try_from(number).map_err(|error| inconsistent("outputs", &id, error));
        let text: Option<String> = row.try_get("fields")?;
        let erased = text.is_none();
        let fields = match text.map(|text| parse("outputs", &id, &text)).transpose()? {
            None => serde_json::Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(inconsistent("outputs", &id, "its fields are no object")),
        };
        let record = OutputRecord {
            item: natural(row.try_get("item")?)?,
            revision: natural(row.try_get("revision")?)?,
            id,
            kind: row.try_get("type")?,
            visit: row.try_get("visit")?,
            customer: row.try_get("customer")?,
            user: row.try_get("user_id")?,
            step: row.try_get("step")?,
            output: row.try_get("output")?,
            business_date: row.try_get("business_date")?,
            fields,
        };
        Ok(Output {
            record,
            erased,
            standing: row.try_get("standing")?,
            org_unit: row.try_get("org_unit")?,
            event: row.try_get("event")?,
            at_ms: row.try_get("at_ms")?,
        })
    }
}

/// Records of earlier submissions of a step no longer stand,
pub const OLD_OUTPUTS: Statement = Statement {
    columns: "tenant, visit, step, revision",
    key: 3,
    work: Work::Other(
        "update outputs set standing = false from v
         where outputs.tenant = v.tenant and outputs.visit = v.visit and outputs.step = v.step
           and outputs.revision < v.revision and outputs.standing",
    ),
};

/// and those of the new one do.
pub const OUTPUTS: Statement = Statement {
    columns: "tenant, id, type, visit, customer, user_id, org_unit, step, output, item, revision, business_date, event,
              at_ms, standing, fields",
    key: 2,
    work: Work::Insert("outputs", "on conflict do nothing"),
};

/// The row of a record.
pub fn output_row(tenant: &Arc<str>, output: &Output, part: usize) -> Result<Row> {
    let record = &output.record;
    let fields = serde_json::to_string(&record.fields).map_err(|error| StoreError::Failed(error.to_string()))?;
    let cells = cells![
        tenant,
        &record.id,
        &record.kind,
        &record.visit,
        &record.customer,
        &record.user,
        output.org_unit.as_ref(),
        plain(&record.step),
        &record.output,
        i64::from(record.item),
        i64::from(record.revision),
        &record.business_date,
        &output.event,
        output.at_ms,
        output.standing,
        Some(fields),
    ];
    Ok(Row { step: Step::Outputs, part, cells })
}
