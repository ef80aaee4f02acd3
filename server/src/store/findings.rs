//! What rules found in verdicts, and whether it was contested, upheld or overturned.

use super::database::{Base, natural};
use super::rows::{Statement, Work};
use super::{FindingStore, Result, Scope};
use async_trait::async_trait;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::BTreeSet;
use trait_gen::trait_gen;

/// A finding of the verdict over a visit, and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `fnd_…`
    pub id: String,
    /// `<plugin>/<rule>`, or the name of a built-in check.
    pub rule: String,
    /// Version and hash of the plugin; none for a built-in check.
    pub plugin: Option<(String, String)>,
    /// Code.
    pub code: String,
    /// What it did there.
    pub effect: String,
    /// Risk weight in percent.
    pub weight: u32,
    /// Whether the rep contests it.
    pub contested: bool,
    /// What a reviewer said of it (`upheld` or `overturned`), who, and when.
    pub decided: Option<(String, String, i64)>,
}

/// Which verdicts over findings to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdictsQuery {
    /// What the caller may see, by the org unit of the visit.
    pub scope: Scope,
    /// Only rules of these plugins, by hash.
    pub plugin_hashes: Option<BTreeSet<String>>,
    /// Only this rule.
    pub rule: Option<String>,
    /// Found from, ms.
    pub from_ms: Option<i64>,
    /// Found before, ms.
    pub to_ms: Option<i64>,
}

/// How often a rule found something, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdicts {
    /// `<plugin>/<rule>`, or the name of a built-in check.
    pub rule: String,
    /// Version of the plugin.
    pub version: Option<String>,
    /// Its hash.
    pub hash: Option<String>,
    /// Code.
    pub code: String,
    /// In how many verdicts.
    pub found: u64,
    /// How many of them are contested.
    pub contested: u64,
    /// How many a reviewer upheld.
    pub upheld: u64,
    /// How many a reviewer overturned.
    pub overturned: u64,
}

type Counted = (String, Option<String>, Option<String>, String, i64, i64, i64, i64);

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl FindingStore for Base<Db> {
    async fn rule_verdicts(&self, tenant: &str, query: &RuleVerdictsQuery) -> Result<Vec<RuleVerdicts>> {
        let mut sql = QueryBuilder::<Db>::new(
            "select f.rule, f.plugin_version, f.plugin_hash, f.code, count(*),
               count(case when f.contested then 1 end), count(case when f.verdict = 'upheld' then 1 end),
               count(case when f.verdict = 'overturned' then 1 end)
             from finding_verdicts f join tasks t on t.tenant = f.tenant and t.id = f.task where f.tenant = ",
        );
        sql.push_bind(tenant);
        // SCOPE: a visit without org unit is the whole tenant's alone.
        if let Scope::Under(units) = &query.scope {
            sql.push(" and t.org_unit in ");
            Self::units_under(&mut sql, tenant, units);
        }
        if let Some(hashes) = &query.plugin_hashes {
            sql.push(" and f.plugin_hash in ");
            Self::list(&mut sql, hashes);
        }
        if let Some(rule) = &query.rule {
            sql.push(" and f.rule = ").push_bind(rule.replace('\0', "\u{fffd}"));
        }
        if let Some(from_ms) = query.from_ms {
            sql.push(" and f.found_ms >= ").push_bind(from_ms);
        }
        if let Some(to_ms) = query.to_ms {
            sql.push(" and f.found_ms < ").push_bind(to_ms);
        }
        sql.push(" group by f.rule, f.plugin_version, f.plugin_hash, f.code");
        let rows: Vec<Counted> = sql.build_query_as().fetch_all(&self.read).await?;
        let mut counted = rows.into_iter().map(to_verdicts).collect::<Result<Vec<_>>>()?;
        // The two databases do not agree where nothing stands.
        counted.sort_by(|a, b| (&a.rule, &a.version, &a.hash, &a.code).cmp(&(&b.rule, &b.version, &b.hash, &b.code)));
        Ok(counted)
    }
}

/// What was found before in a visit goes, unless somebody contested or judged it,
pub const OLD_FINDINGS: Statement = Statement {
    columns: "tenant, visit",
    key: 2,
    work: Work::Other(
        "delete from finding_verdicts
         where (tenant, visit) in (select tenant, visit from v) and not contested and verdict is null",
    ),
};

/// and what was found takes its place. What a reviewer said stays.
pub const FINDINGS: Statement = Statement {
    columns: "tenant, visit, finding, task, rule, plugin_version, plugin_hash, code, sop, sop_version, effect, weight, \
              found_ms, contested, verdict, decided_by, decided_ms",
    key: 3,
    work: Work::Insert(
        "finding_verdicts",
        "on conflict (tenant, visit, finding) do update set
           rule = excluded.rule, plugin_version = excluded.plugin_version, plugin_hash = excluded.plugin_hash,
           sop = excluded.sop, sop_version = excluded.sop_version, effect = excluded.effect, weight = excluded.weight,
           contested = excluded.contested,
           verdict = coalesce(excluded.verdict, finding_verdicts.verdict),
           decided_by = coalesce(excluded.decided_by, finding_verdicts.decided_by),
           decided_ms = coalesce(excluded.decided_ms, finding_verdicts.decided_ms)",
    ),
};

fn to_verdicts((rule, version, hash, code, found, contested, upheld, overturned): Counted) -> Result<RuleVerdicts> {
    let count = |number| natural("finding_verdicts", &rule, number);
    let (found, contested) = (count(found)?, count(contested)?);
    let (upheld, overturned) = (count(upheld)?, count(overturned)?);
    Ok(RuleVerdicts { version, hash, code, found, contested, upheld, overturned, rule })
}
