//! Which customers are in which cells: an index over every location that was ever written, so that neighbours are looked up.
//! Whether they are there still, and what that means, is `engine::place::duplicates`' to say.

use super::database::{Base, inconsistent, parse};
use super::rows::{Row, Statement, Step, Work, cells};
use super::{PlaceStore, Record, Result};
use async_trait::async_trait;
use engine::command::Location;
use engine::place::{Crs, cells};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{Database, Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeSet;
use std::sync::Arc;
use trait_gen::trait_gen;

/// The kind of record that has a place.
const LOCATION: &str = "location";
/// Ranges of one question: SQLite takes 500 parts of a union.
const RANGES: usize = 200;
/// Locations that are read at once when an index is made.
const PAGE: i64 = 500;

/// A customer in a cell; the same again is the same, and nothing is ever taken out: who asks looks at where the customer is now.
pub const PLACE: Statement =
    Statement { columns: "tenant, cell, customer", key: 3, work: Work::Insert("places", "on conflict do nothing") };

/// What a record of a location adds to the index, written with the record itself. What an import stages is in the index
/// before it takes effect, or never does: what a cell says is not believed, customers are looked at.
pub fn place_rows(tenant: &Arc<str>, record: &Record, part: usize) -> Vec<Row> {
    if record.kind != LOCATION {
        return Vec::new();
    }
    let Some(customer) = &record.subject else { return Vec::new() };
    let row = |cell| Row { step: Step::Place, part, cells: cells![tenant, cell, customer] };
    cells_of(&record.body).into_iter().map(row).collect()
}

/// What a location says of where it is.
#[derive(Deserialize)]
struct Where {
    lat: f64,
    lon: f64,
    crs: Crs,
    #[serde(default)]
    polygon: Vec<[f64; 2]>,
}

/// The cells of a stored location; none if it says none.
fn cells_of(body: &Value) -> BTreeSet<String> {
    let Ok(Where { lat, lon, crs, polygon }) = Where::deserialize(body) else { return BTreeSet::new() };
    cells::cells(&Location { id: String::new(), lat, lon, crs, accuracy_m: 0.0, polygon })
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl PlaceStore for Base<Db> {
    async fn customers_in(
        &self,
        tenant: &str,
        ranges: &[(String, String)],
        after: Option<&str>,
        limit: u32,
    ) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for some in ranges.chunks(RANGES) {
            let mut sql = Self::by_cell(tenant, some, after, limit);
            found.extend(sql.build_query_scalar::<String>().fetch_all(&self.read).await?);
        }
        Ok(found.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// A range of the key for each range of cells, and a union that gives every customer once.
    pub(super) fn by_cell(
        tenant: &str,
        ranges: &[(String, String)],
        after: Option<&str>,
        limit: u32,
    ) -> QueryBuilder<Db> {
        let mut sql = QueryBuilder::<Db>::new("");
        let mut between = "";
        for (from, to) in ranges {
            sql.push(std::mem::replace(&mut between, " union "));
            sql.push("select customer from places where tenant = ").push_bind(tenant);
            sql.push(" and cell >= ").push_bind(from.as_str()).push(" and cell <= ").push_bind(to.as_str());
            if let Some(after) = after {
                sql.push(" and customer > ").push_bind(after);
            }
        }
        sql.push(" order by customer limit ").push_bind(i64::from(limit));
        sql
    }

    /// Makes the index of locations that were written before there was one. With anything in it, it is there.
    pub(super) async fn index_places(connection: &mut <Db as Database>::Connection) -> Result<()> {
        let some: Option<String> =
            sqlx::query_scalar("select tenant from places limit 1").fetch_optional(&mut *connection).await?;
        if some.is_some() {
            return Ok(());
        }
        let tenants: Vec<String> =
            sqlx::query_scalar("select tenant from tenants order by tenant").fetch_all(&mut *connection).await?;
        for tenant in tenants {
            let mut after = String::new();
            loop {
                let page: Vec<(String, Option<String>, String)> = sqlx::query_as(
                    "select id, subject, body from records where tenant = $1 and kind = $2 and id > $3 and newest
                     order by id limit $4",
                )
                .bind(&tenant)
                .bind(LOCATION)
                .bind(&after)
                .bind(PAGE)
                .fetch_all(&mut *connection)
                .await?;
                let Some((last, ..)) = page.last() else { break };
                after.clone_from(last);
                for (id, customer, body) in &page {
                    let customer = customer.as_ref().ok_or_else(|| inconsistent("records", id, "of no customer"))?;
                    for cell in cells_of(&parse("records", id, body)?) {
                        sqlx::query(
                            "insert into places (tenant, cell, customer) values ($1, $2, $3) on conflict do nothing",
                        )
                        .bind(&tenant)
                        .bind(cell)
                        .bind(customer)
                        .execute(&mut *connection)
                        .await?;
                    }
                }
            }
        }
        Ok(())
    }
}
