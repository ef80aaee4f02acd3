//! SOPs, plugins and datasets in their versions, and content by hash.

use super::database::{Base, Stop, Writer, Writing, inconsistent, int, natural, parse};
use super::rows::{Statement, Work};
use super::{Offer, Result, StoreError, Version, VersionKind, VersionStore};
use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use trait_gen::trait_gen;

type Row = (String, String, String, String, bool, bool, i64, String, String, i64, String);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select tenant, kind, name, version, published, offered, revision, hash, about, at_ms, written_by ",
            "from versions ",
            $rest
        )
    };
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl VersionStore for Base<Db> {
    async fn version(&self, tenant: &str, kind: VersionKind, name: &str, version: &str) -> Result<Option<Version>> {
        let row: Option<Row> =
            sqlx::query_as(select!("where tenant = $1 and kind = $2 and name = $3 and version = $4"))
                .bind(tenant)
                .bind(kind_text(kind))
                .bind(name)
                .bind(version)
                .fetch_optional(&self.read)
                .await?;
        row.map(|row| to_version(row).map(|offer| offer.version)).transpose()
    }

    async fn versions(
        &self,
        tenant: &str,
        kind: VersionKind,
        name: Option<&str>,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Version>> {
        let mut sql = QueryBuilder::<Db>::new(select!("where tenant = "));
        sql.push_bind(tenant).push(" and kind = ").push_bind(kind_text(kind));
        if let Some(name) = name {
            sql.push(" and name = ").push_bind(name);
        }
        if let Some((name, version)) = after {
            sql.push(" and (name, version) > (").push_bind(name).push(", ").push_bind(version).push(")");
        }
        sql.push(" order by name, version limit ").push_bind(i64::from(limit));
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(|row| to_version(row).map(|offer| offer.version)).collect()
    }

    async fn offers(&self, kind: Option<VersionKind>) -> Result<Vec<Offer>> {
        let mut sql = QueryBuilder::<Db>::new(select!("where offered and published"));
        if let Some(kind) = kind {
            sql.push(" and kind = ").push_bind(kind_text(kind));
        }
        sql.push(" order by tenant, kind, name, version");
        let rows: Vec<Row> = sql.build_query_as().fetch_all(&self.read).await?;
        rows.into_iter().map(to_version).collect()
    }

    async fn has_object(&self, tenant: &str, hash: &str) -> Result<bool> {
        let found: i64 = sqlx::query_scalar("select count(*) from objects where tenant = $1 and hash = $2")
            .bind(tenant)
            .bind(hash)
            .fetch_one(&self.read)
            .await?;
        Ok(found > 0)
    }

    async fn object(&self, tenant: &str, hash: &str) -> Result<Option<Vec<u8>>> {
        let bytes = sqlx::query_scalar("select bytes from objects where tenant = $1 and hash = $2")
            .bind(tenant)
            .bind(hash)
            .fetch_optional(&self.read)
            .await?;
        Ok(bytes)
    }

    async fn objects(&self, tenant: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
        let hashes =
            sqlx::query_scalar("select hash from objects where tenant = $1 and hash > $2 order by hash limit $3")
                .bind(tenant)
                .bind(after.unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(&self.read)
                .await?;
        Ok(hashes)
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// A draft, or the one change a published version knows: `offered`. Whoever tries another finds no row.
    pub(super) fn version<'a>(&'a mut self, version: &'a Version, expected: Option<u64>) -> Writing<'a, ()> {
        Box::pin(async move {
            if version.revision != expected.unwrap_or(0).saturating_add(1) {
                let text = format!("{} {}: revision {} is not next", version.name, version.version, version.revision);
                return Err(StoreError::Failed(text).into());
            }
            let sql = match expected {
            None => {
                "insert into versions (tenant, kind, name, version, published, offered, revision, hash, about, at_ms,
                 written_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing"
            }
            Some(_) => {
                "update versions set published = $5, offered = $6, revision = $7, hash = $8, about = $9, at_ms = $10,
                 written_by = $11
                 where tenant = $1 and kind = $2 and name = $3 and version = $4 and revision = $7 - 1
                   and (not published or ($5 and hash = $8 and about = $9))"
            }
        };
            let done = sqlx::query(sql)
                .bind(&self.tenant)
                .bind(kind_text(version.kind))
                .bind(&version.name)
                .bind(&version.version)
                .bind(version.published)
                .bind(version.offered)
                .bind(int(version.revision)?)
                .bind(&version.hash)
                .bind(version.about.to_string())
                .bind(version.at_ms)
                .bind(&version.by)
                .execute(&mut *self.tx)
                .await?;
            if done.rows_affected() == 0 { Err(Stop::moved(&version.name)) } else { Ok(()) }
        })
    }
}

/// Content under its hash; what is there stays.
pub const OBJECT: Statement =
    Statement { columns: "tenant, hash, bytes", key: 2, work: Work::Insert("objects", "on conflict do nothing") };

/// As in the column and in JSON.
pub fn kind_text(kind: VersionKind) -> &'static str {
    match kind {
        VersionKind::Sop => "sop",
        VersionKind::Plugin => "plugin",
        VersionKind::Dataset => "dataset",
    }
}

fn to_version(row: Row) -> Result<Offer> {
    let (publisher, kind, name, version, published, offered, revision, hash, about, at_ms, by) = row;
    let key = format!("{kind} {name} {version}");
    let kind = [VersionKind::Sop, VersionKind::Plugin, VersionKind::Dataset]
        .into_iter()
        .find(|known| kind_text(*known) == kind)
        .ok_or_else(|| inconsistent("versions", &key, "kind is unknown"))?;
    let revision = natural("versions", &key, revision)?;
    let about = parse("versions", &key, &about)?;
    Ok(Offer {
        publisher,
        version: Version { kind, name, version, published, offered, revision, hash, about, at_ms, by },
    })
}
