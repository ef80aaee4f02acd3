//! Tenants, and the door: whose is a token.

use super::database::{Base, Stop, Writer, Writing, parse};
use super::tables::TABLES;
use super::{Result, Session, Tenant, TenantStore, Token};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, FromRow as _, Postgres, Row as _, Sqlite};
use trait_gen::trait_gen;

type TenantRow = (String, String, bool, i64, String);
type TokenRow = (String, String, String, String, String, i64, Option<i64>, Option<i64>);

macro_rules! tokens_where {
    ($condition:literal) => {
        concat!(
            "select tenant, id, hash, user_id, label, created_ms, expires_ms, revoked_ms from tokens where ",
            $condition
        )
    };
}

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl TenantStore for Base<Db> {
    async fn create_tenant(&self, tenant: &Tenant) -> Result<bool> {
        let mut tx = self.begin().await?;
        let made = sqlx::query(
            "insert into tenants (tenant, name, suspended, created_ms, secret) values ($1, $2, $3, $4, $5)
             on conflict do nothing",
        )
        .bind(&tenant.id)
        .bind(&tenant.name)
        .bind(tenant.suspended)
        .bind(tenant.created_ms)
        .bind(&tenant.secret)
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("insert into counters (tenant, change_seq) values ($1, 0)")
            .bind(&tenant.id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn tenant(&self, tenant: &str) -> Result<Option<Tenant>> {
        let row: Option<TenantRow> =
            sqlx::query_as("select tenant, name, suspended, created_ms, secret from tenants where tenant = $1")
                .bind(tenant)
                .fetch_optional(&self.read)
                .await?;
        Ok(row.map(to_tenant))
    }

    async fn tenants(&self) -> Result<Vec<Tenant>> {
        let rows: Vec<TenantRow> =
            sqlx::query_as("select tenant, name, suspended, created_ms, secret from tenants order by tenant")
                .fetch_all(&self.read)
                .await?;
        Ok(rows.into_iter().map(to_tenant).collect())
    }

    async fn suspend_tenant(&self, tenant: &str, suspended: bool) -> Result<bool> {
        let done = sqlx::query("update tenants set suspended = $2 where tenant = $1")
            .bind(tenant)
            .bind(suspended)
            .execute(&self.write)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn delete_tenant(&self, tenant: &str) -> Result<u64> {
        let mut tx = self.begin().await?;
        // The counter first: a commit that is on its way is waited for, one that comes later finds no tenant.
        let mut deleted =
            sqlx::query("delete from counters where tenant = $1").bind(tenant).execute(&mut *tx).await?.rows_affected();
        for table in TABLES.iter().rev() {
            let sql = format!("delete from {} where tenant = $1", table.name);
            deleted += sqlx::query(AssertSqlSafe(sql)).bind(tenant).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(deleted)
    }

    async fn session(&self, hash: &str, now_ms: i64) -> Result<Option<Session>> {
        let rows = sqlx::query(
            "select t.tenant, t.id, t.hash, t.user_id, t.label, t.created_ms, t.expires_ms, t.revoked_ms, n.suspended,
               u.id is not null and (u.to_ms is null or u.to_ms > $2) as user_is_there, g.body
             from tokens t
             join tenants n on n.tenant = t.tenant
             left join records u on u.tenant = t.tenant and u.kind = 'user' and u.id = t.user_id and u.newest
             left join records g on g.tenant = t.tenant and g.kind = 'grant' and g.subject = t.user_id and g.newest
               and (g.from_ms is null or g.from_ms <= $2) and (g.to_ms is null or g.to_ms > $2)
             where t.hash = $1 order by g.id",
        )
        .bind(hash)
        .bind(now_ms)
        .fetch_all(&self.read)
        .await?;
        let mut session = None;
        for row in &rows {
            let (tenant, token) = to_token(TokenRow::from_row(row)?);
            let grant: Option<String> = row.try_get("body")?;
            let grant = grant.map(|body| parse("records", &token.user, &body)).transpose()?;
            let session = session.get_or_insert(Session {
                tenant,
                suspended: row.try_get("suspended")?,
                token,
                user_is_there: row.try_get("user_is_there")?,
                grants: Vec::new(),
            });
            session.grants.extend(grant);
        }
        Ok(session)
    }

    async fn tokens(&self, tenant: &str, user: &str) -> Result<Vec<Token>> {
        let rows: Vec<TokenRow> = sqlx::query_as(tokens_where!("tenant = $1 and user_id = $2 order by id"))
            .bind(tenant)
            .bind(user)
            .fetch_all(&self.read)
            .await?;
        Ok(rows.into_iter().map(|row| to_token(row).1).collect())
    }

    async fn token_by_id(&self, tenant: &str, id: &str) -> Result<Option<Token>> {
        let row: Option<TokenRow> = sqlx::query_as(tokens_where!("tenant = $1 and id = $2"))
            .bind(tenant)
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(|row| to_token(row).1))
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// A new token.
    pub(super) fn token<'a>(&'a mut self, token: &'a Token) -> Writing<'a, ()> {
        Box::pin(async move {
            let made = sqlx::query(
                "insert into tokens (tenant, id, hash, user_id, label, created_ms, expires_ms, revoked_ms)
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
            )
            .bind(&self.tenant)
            .bind(&token.id)
            .bind(&token.hash)
            .bind(&token.user)
            .bind(&token.label)
            .bind(token.created_ms)
            .bind(token.expires_ms)
            .bind(token.revoked_ms)
            .execute(&mut *self.tx)
            .await?;
            if made.rows_affected() == 0 { Err(Stop::moved(&token.id)) } else { Ok(()) }
        })
    }

    /// Ends a token; one that has ended, or is not there, stays as it is.
    pub(super) fn revoke_token<'a>(&'a mut self, id: &'a str) -> Writing<'a, ()> {
        Box::pin(async move {
            sqlx::query("update tokens set revoked_ms = $3 where tenant = $1 and id = $2 and revoked_ms is null")
                .bind(&self.tenant)
                .bind(id)
                .bind(self.at_ms)
                .execute(&mut *self.tx)
                .await?;
            Ok(())
        })
    }
}

fn to_tenant((id, name, suspended, created_ms, secret): TenantRow) -> Tenant {
    Tenant { id, name, suspended, created_ms, secret }
}

fn to_token((tenant, id, hash, user, label, created_ms, expires_ms, revoked_ms): TokenRow) -> (String, Token) {
    (tenant, Token { id, hash, user, label, created_ms, expires_ms, revoked_ms })
}
