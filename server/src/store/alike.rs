//! Photos and texts that are alike: what may be, found by index. Which of it counts is `engine::alike`'s to say.

use super::database::Base;
use super::rows::{Statement, Work};
use super::{AlikeStore, Result};
use async_trait::async_trait;
use engine::alike::{PastPhoto, PastText, bands, probes};
use sqlx::{Postgres, QueryBuilder, Sqlite};
use trait_gen::trait_gen;

/// Of the photos with one value of a band at most so many are looked at, the newest: a hash that everybody has, of a lens
/// that was covered, must not make all of a year be read.
const MOST_OF_A_BAND: i64 = 256;
/// Of the visits with one text at most so many.
const MOST_OF_A_TEXT: i64 = 128;

type PhotoRow = (String, String, String, String, String, String, String, String, i64, i64, Option<String>);
type TextRow = (String, String, String, String, String, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl AlikeStore for Base<Db> {
    async fn photos_like(
        &self,
        tenant: &str,
        phash: u64,
        not: &str,
        between_ms: (i64, i64),
    ) -> Result<Vec<(PastPhoto, String)>> {
        let rows: Vec<PhotoRow> =
            Self::photos_by_band(tenant, phash, not, between_ms).build_query_as().fetch_all(&self.read).await?;
        Ok(rows.into_iter().map(to_photo).collect())
    }

    async fn same_texts(
        &self,
        tenant: &str,
        hash: &str,
        not: (&str, &str),
        between_ms: (i64, i64),
    ) -> Result<Vec<(PastText, String)>> {
        let rows: Vec<TextRow> = sqlx::query_as(
            "select event, visit, customer, user_id, business_date, received_ms from free_texts
             where tenant = $1 and hash = $2 and visit <> $3 and customer <> $4 and received_ms >= $5 and received_ms <= $6
             order by received_ms desc, visit, event limit $7",
        )
        .bind(tenant)
        .bind(hash)
        .bind(not.0)
        .bind(not.1)
        .bind(between_ms.0)
        .bind(between_ms.1)
        .bind(MOST_OF_A_TEXT)
        .fetch_all(&self.read)
        .await?;
        let text = |(event, visit, customer, user, business_date, received_ms): TextRow| {
            (PastText { hash: hash.to_owned(), visit, customer, user, business_date, received_ms }, event)
        };
        Ok(rows.into_iter().map(text).collect())
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// Photos with one of the probes of each band: a range of an index for each, and a union that gives every photo once.
    pub(super) fn photos_by_band(
        tenant: &str,
        phash: u64,
        not: &str,
        (from_ms, to_ms): (i64, i64),
    ) -> QueryBuilder<Db> {
        const COLUMNS: &str =
            "event, visit, sha256, customer, user_id, step, class, business_date, received_ms, phash, signer";
        let mut sql = QueryBuilder::<Db>::new("");
        let mut between = "";
        for (band, bits) in bands(phash).into_iter().enumerate() {
            for probe in probes(bits) {
                sql.push(std::mem::replace(&mut between, " union "));
                sql.push("select * from (select ").push(COLUMNS).push(" from photos where tenant = ").push_bind(tenant);
                sql.push(" and band_").push(band).push(" = ").push_bind(i64::from(probe));
                sql.push(" and received_ms >= ").push_bind(from_ms).push(" and received_ms <= ").push_bind(to_ms);
                sql.push(" and visit <> ").push_bind(not);
                sql.push(" order by received_ms desc limit ").push_bind(MOST_OF_A_BAND).push(") as t");
            }
        }
        sql.push(" order by received_ms desc, visit, event, sha256");
        sql
    }
}

fn to_photo(row: PhotoRow) -> (PastPhoto, String) {
    let (event, visit, sha256, customer, user, step, class, business_date, received_ms, phash, signer) = row;
    let hash = phash.cast_unsigned();
    (PastPhoto { sha256, hash, visit, customer, user, step, class, signer, business_date, received_ms }, event)
}

/// A photo; the same again is the same.
pub const PHOTO: Statement = Statement {
    columns: "tenant, visit, event, sha256, customer, user_id, step, class, business_date, received_ms, phash, band_0, \
              band_1, band_2, band_3, signer",
    key: 4,
    work: Work::Insert("photos", "on conflict do nothing"),
};

/// A text; the same again is the same.
pub const TEXT: Statement = Statement {
    columns: "tenant, visit, event, hash, customer, user_id, business_date, received_ms",
    key: 4,
    work: Work::Insert("free_texts", "on conflict do nothing"),
};
