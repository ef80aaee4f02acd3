//! The whole database as rows of JSON, and back: the same for both databases, so a dump moves between them.

use super::database::Base;
use super::tables::{TABLES, Table, Type};
use super::{DumpStore, Result, StoreError, error};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use sqlx::{Postgres, QueryBuilder, Row as _, Sqlite};
use trait_gen::trait_gen;

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl DumpStore for Base<Db> {
    async fn dump(
        &self,
        tenant: Option<&str>,
        take: &mut (dyn FnMut(&'static str, Map<String, Value>) -> std::io::Result<()> + Send),
    ) -> Result<u64> {
        let mut tx = self.snapshot().await?;
        let mut rows = 0;
        for table in TABLES {
            // Page by page along the key: nothing but one page is ever in memory.
            let mut last: Option<Map<String, Value>> = None;
            loop {
                let mut sql = Self::page(table, tenant, last.as_ref())?;
                let page = sql.build().fetch_all(&mut *tx).await?;
                let count = page.len();
                for row in page {
                    let mut members = Map::new();
                    for (index, (column, kind)) in table.columns.iter().enumerate() {
                        let value = match kind {
                            Type::Text => Value::from(row.try_get::<String, _>(index)?),
                            Type::OptionalText => Value::from(row.try_get::<Option<String>, _>(index)?),
                            Type::Int => Value::from(row.try_get::<i64, _>(index)?),
                            Type::OptionalInt => Value::from(row.try_get::<Option<i64>, _>(index)?),
                            Type::Bool => Value::from(row.try_get::<bool, _>(index)?),
                            Type::Bytes => Value::from(BASE64.encode(row.try_get::<Vec<u8>, _>(index)?)),
                        };
                        members.insert((*column).to_owned(), value);
                    }
                    last = Some(key_of(table, &members));
                    take(table.name, members).map_err(|error| StoreError::Failed(error.to_string()))?;
                    rows += 1;
                }
                if count < usize::try_from(table.page).unwrap_or(usize::MAX) {
                    break;
                }
            }
        }
        tx.rollback().await?;
        Ok(rows)
    }

    async fn restore(
        &self,
        rows: &mut (dyn Iterator<Item = std::io::Result<(String, Map<String, Value>)>> + Send),
    ) -> Result<u64> {
        let mut tx = self.begin().await?;
        let mut count = 0;
        for row in rows {
            let (name, members) = row.map_err(|error| StoreError::Failed(error.to_string()))?;
            let table = TABLES
                .iter()
                .find(|table| table.name == name)
                .ok_or_else(|| refused("restore", &name, "no such table"))?;
            if let Some(unknown) = members.keys().find(|name| !table.columns.iter().any(|(column, _)| column == name)) {
                return Err(refused(table.name, unknown, "no such column"));
            }
            let mut sql = QueryBuilder::<Db>::new(insert(table));
            let mut binds = sql.separated(", ");
            for (column, kind) in table.columns {
                let wrong = || refused(table.name, column, "is missing or of another type");
                let value = members.get(*column).ok_or_else(wrong)?;
                match kind {
                    Type::Text => binds.push_bind(value.as_str().ok_or_else(wrong)?),
                    Type::OptionalText if value.is_null() => binds.push_bind(None::<String>),
                    Type::OptionalText => binds.push_bind(value.as_str().ok_or_else(wrong)?),
                    Type::Int => binds.push_bind(value.as_i64().ok_or_else(wrong)?),
                    Type::OptionalInt if value.is_null() => binds.push_bind(None::<i64>),
                    Type::OptionalInt => binds.push_bind(value.as_i64().ok_or_else(wrong)?),
                    Type::Bool => binds.push_bind(value.as_bool().ok_or_else(wrong)?),
                    Type::Bytes => {
                        let text = value.as_str().ok_or_else(wrong)?;
                        binds.push_bind(BASE64.decode(text).map_err(|_| wrong())?)
                    }
                };
            }
            sql.push(")");
            if let Err(error) = sql.build().execute(&mut *tx).await {
                if error::is_there_already(&error) {
                    let key = Value::Object(key_of(table, &members)).to_string();
                    return Err(refused(table.name, &key, "is here already"));
                }
                return Err(error.into());
            }
            count += 1;
        }
        // A dump of a program that had no index of places.
        Self::index_places(&mut tx).await?;
        tx.commit().await?;
        Ok(count)
    }

    async fn is_empty(&self) -> Result<bool> {
        let tenants: i64 = sqlx::query_scalar("select count(*) from tenants").fetch_one(&self.read).await?;
        Ok(tenants == 0)
    }

    async fn ping(&self) -> Result<()> {
        let _one: i64 =
            sqlx::query_scalar("select count(*) from tenants where tenant = ''").fetch_one(&self.read).await?;
        Ok(())
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// The rows behind `last`, in the order of the key.
    fn page(table: &Table, tenant: Option<&str>, last: Option<&Map<String, Value>>) -> Result<QueryBuilder<Db>> {
        let names =
            |columns: &[(&'static str, Type)]| columns.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ");
        let key = table.columns.get(..table.key).unwrap_or_default();
        let mut sql = QueryBuilder::<Db>::new(format!("select {} from {}", names(table.columns), table.name));
        sql.push(" where 1 = 1");
        if let Some(tenant) = tenant {
            sql.push(" and tenant = ").push_bind(tenant);
        }
        if let Some(last) = last {
            sql.push(" and (").push(names(key)).push(") > (");
            let mut binds = sql.separated(", ");
            for (column, kind) in key {
                let value = last.get(*column).unwrap_or(&Value::Null);
                let wrong = || refused(table.name, column, "has a key of another type");
                match kind {
                    Type::Int => binds.push_bind(value.as_i64().ok_or_else(wrong)?),
                    Type::Text => binds.push_bind(value.as_str().ok_or_else(wrong)?),
                    _ => return Err(wrong()),
                };
            }
            sql.push(")");
        }
        sql.push(" order by ").push(names(key)).push(" limit ").push_bind(i64::from(table.page));
        Ok(sql)
    }
}

/// `insert into t (a, b) values (`
fn insert(table: &Table) -> String {
    let columns: Vec<&str> = table.columns.iter().map(|(column, _)| *column).collect();
    format!("insert into {} ({}) values (", table.name, columns.join(", "))
}

/// The members of a row that are its key.
fn key_of(table: &Table, members: &Map<String, Value>) -> Map<String, Value> {
    let key = table.columns.iter().take(table.key);
    key.filter_map(|(column, _)| Some(((*column).to_owned(), members.get(*column)?.clone()))).collect()
}

fn refused(table: &'static str, key: &str, detail: &str) -> StoreError {
    super::database::inconsistent(table, key, detail)
}
