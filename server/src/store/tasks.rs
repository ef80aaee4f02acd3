//! Tasks found: by scope and by every field a client may ask for. What was asked for only ever becomes a bind.
//!
//! A caller sees a task in one of several ways. All of them together, joined by `or`, are no range of any index; so a page
//! is made of the first rows of each way, which are.

use super::database::{Base, inconsistent};
use super::task_row::{CONTACT, LINK, TAG, plain, searchable};
use super::{Result, Scope, TaskField, TaskQuery, TaskScope, TaskStore};
use async_trait::async_trait;
use engine::task::Task;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use std::collections::{BTreeMap, BTreeSet};
use trait_gen::trait_gen;

/// Up to so many org units each have a way of their own. Whoever sees more sees so much of the tenant that a page is soon
/// full when all of it is gone through by time.
const UNITS: usize = 32;

#[trait_gen(Db -> Sqlite, Postgres)]
#[async_trait]
impl TaskStore for Base<Db> {
    async fn task(&self, tenant: &str, id: &str) -> Result<Option<Task>> {
        let body: Option<String> = sqlx::query_scalar("select body from tasks where tenant = $1 and id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(&self.read)
            .await?;
        body.map(|body| to_task(&body)).transpose()
    }

    async fn seen(&self, tenant: &str, id: &str, scope: &TaskScope) -> Result<Option<Task>> {
        let mut sql = QueryBuilder::<Db>::new("select body from tasks where tenant = ");
        sql.push_bind(tenant).push(" and id = ").push_bind(id);
        Self::push_scope(&mut sql, tenant, scope);
        let body: Option<String> = sql.build_query_scalar().fetch_optional(&self.read).await?;
        body.map(|body| to_task(&body)).transpose()
    }

    async fn tasks(&self, tenant: &str, query: &TaskQuery) -> Result<Vec<Task>> {
        let mut ways = Vec::new();
        for way in Way::all(&query.scope) {
            self.split(tenant, way, &mut ways).await?;
        }
        if ways.is_empty() {
            return Ok(Vec::new());
        }
        let mut sql = QueryBuilder::<Db>::new("with page (created_ms, id) as (");
        for (number, way) in ways.iter().enumerate() {
            sql.push(if number == 0 { "" } else { " union " });
            sql.push("select * from (select created_ms, id from tasks where tenant = ").push_bind(tenant);
            Self::push_way(sql.push(" and "), tenant, way);
            Self::push_query(&mut sql, tenant, query);
            if let Some((created_ms, id)) = &query.after {
                sql.push(" and created_ms <= ").push_bind(*created_ms);
                sql.push(" and (created_ms < ").push_bind(*created_ms).push(" or id > ").push_bind(plain(id)).push(")");
            }
            sql.push(" order by created_ms desc, id limit ").push_bind(i64::from(query.limit)).push(") way");
        }
        sql.push(") select t.body from page join tasks t on t.tenant = ").push_bind(tenant).push(" and t.id = page.id");
        sql.push(" order by page.created_ms desc, page.id limit ").push_bind(i64::from(query.limit));
        let bodies: Vec<String> = sql.build_query_scalar().fetch_all(&self.read).await?;
        bodies.iter().map(|body| to_task(body)).collect()
    }

    async fn count_tasks(&self, tenant: &str, query: &TaskQuery) -> Result<BTreeMap<String, u64>> {
        let mut sql = QueryBuilder::<Db>::new("select state, count(*) from tasks where tenant = ");
        sql.push_bind(tenant);
        Self::push_scope(&mut sql, tenant, &query.scope);
        Self::push_query(&mut sql, tenant, query);
        sql.push(" group by state");
        let counts: Vec<(String, i64)> = sql.build_query_as().fetch_all(&self.read).await?;
        counts
            .into_iter()
            .map(|(state, count)| super::database::natural("tasks", &state, count).map(|count| (state, count)))
            .collect()
    }

    async fn to_close(&self, tenant: &str, now_ms: i64, limit: u32) -> Result<Vec<Task>> {
        let bodies: Vec<String> = sqlx::query_scalar(
            "select body from tasks where tenant = $1 and closes_ms <= $2 order by closes_ms, id limit $3",
        )
        .bind(tenant)
        .bind(now_ms)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        bodies.iter().map(|body| to_task(body)).collect()
    }

    async fn to_remind(&self, tenant: &str, now_ms: i64, limit: u32) -> Result<Vec<Task>> {
        let bodies: Vec<String> = sqlx::query_scalar(
            "select body from tasks where tenant = $1 and remind_ms <= $2 order by remind_ms, id limit $3",
        )
        .bind(tenant)
        .bind(now_ms)
        .bind(i64::from(limit))
        .fetch_all(&self.read)
        .await?;
        bodies.iter().map(|body| to_task(body)).collect()
    }
}

#[trait_gen(Db -> Sqlite, Postgres)]
impl Base<Db> {
    /// Everything of a query but its scope and its page.
    fn push_query(sql: &mut QueryBuilder<Db>, tenant: &str, query: &TaskQuery) {
        for (field, values) in &query.equal {
            Self::push_equal(sql, tenant, *field, values);
        }
        if let Some(org_unit) = &query.org_unit {
            sql.push(" and org_unit in ");
            Self::units_under(sql, tenant, &[plain(org_unit)].into());
        }
        if let Some(from) = &query.business_from {
            sql.push(" and business_date >= ").push_bind(plain(from));
        }
        if let Some(to) = &query.business_to {
            sql.push(" and business_date <= ").push_bind(plain(to));
        }
        if let Some(before_ms) = query.due_before_ms {
            sql.push(" and due_ms < ").push_bind(before_ms);
        }
        if let Some(from_ms) = query.planned_from_ms {
            sql.push(" and planned_to_ms > ").push_bind(from_ms);
        }
        if let Some(to_ms) = query.planned_to_ms {
            sql.push(" and planned_from_ms < ").push_bind(to_ms);
        }
        for word in query.text.as_deref().unwrap_or_default().split_whitespace() {
            sql.push(" and title_text like ").push_bind(pattern(&searchable(word))).push(r" escape '\'");
        }
    }

    /// SCOPE: what is not seen is not there. A task without org unit is the whole tenant's alone.
    fn push_scope(sql: &mut QueryBuilder<Db>, tenant: &str, scope: &TaskScope) {
        sql.push(" and (1 = 0");
        for way in Way::all(scope) {
            Self::push_way(sql.push(" or "), tenant, &way);
        }
        sql.push(")");
    }

    /// The tasks that are seen in one way.
    fn push_way(sql: &mut QueryBuilder<Db>, tenant: &str, way: &Way<'_>) {
        match way {
            Way::Tenant => {
                sql.push("1 = 1");
            }
            Way::Unit(unit) => {
                sql.push("org_unit = ").push_bind(unit.clone());
            }
            Way::Units(units) => {
                sql.push("org_unit in ");
                Self::units_under(sql, tenant, units);
            }
            Way::Own(user) => {
                sql.push("assignee = ").push_bind(plain(user));
            }
            Way::Free(role, of) => {
                sql.push("(assignee is null and candidate_role = ").push_bind(plain(role));
                match of {
                    Of::Any => {}
                    Of::None => {
                        sql.push(" and candidate_unit is null");
                    }
                    Of::Unit(unit) => {
                        sql.push(" and candidate_unit = ").push_bind(unit.clone());
                    }
                    Of::Units(units) => {
                        // No unit: whoever has the role, anywhere.
                        sql.push(" and (candidate_unit is null or candidate_unit in ");
                        Self::units_under(sql, tenant, units);
                        sql.push(")");
                    }
                }
                sql.push(")");
            }
        }
    }

    /// A way as ways that are each a range of an index, if they are not too many.
    async fn split<'a>(&self, tenant: &str, way: Way<'a>, ways: &mut Vec<Way<'a>>) -> Result<()> {
        let (Way::Units(under) | Way::Free(_, Of::Units(under))) = way else {
            ways.push(way);
            return Ok(());
        };
        let mut sql = QueryBuilder::<Db>::new("select distinct descendant from org_closure where tenant = ");
        sql.push_bind(tenant).push(" and ancestor in ");
        Self::list(&mut sql, under);
        sql.push(" limit ").push_bind(i64::try_from(UNITS + 1).unwrap_or(i64::MAX));
        let units: Vec<String> = sql.build_query_scalar().fetch_all(&self.read).await?;
        match way {
            _ if units.len() > UNITS => ways.push(way),
            Way::Free(role, _) => {
                ways.push(Way::Free(role, Of::None));
                ways.extend(units.into_iter().map(|unit| Way::Free(role, Of::Unit(unit))));
            }
            _ => ways.extend(units.into_iter().map(Way::Unit)),
        }
        Ok(())
    }

    /// A field equal to one of the values.
    fn push_equal(sql: &mut QueryBuilder<Db>, tenant: &str, field: TaskField, values: &[String]) {
        match place(field) {
            Place::Text(column) => {
                sql.push(" and ").push(column).push(" in (null");
                for value in values {
                    sql.push(", ").push_bind(plain(value));
                }
                sql.push(")");
            }
            Place::Term(term) => {
                sql.push(" and id in (select task from task_terms where tenant = ").push_bind(tenant);
                sql.push(" and term = ").push_bind(term).push(" and value in (null");
                for value in values {
                    sql.push(", ").push_bind(plain(value));
                }
                sql.push("))");
            }
            Place::Priority => {
                sql.push(" and priority in (null");
                for value in values.iter().filter_map(|value| value.parse::<i64>().ok()) {
                    sql.push(", ").push_bind(value);
                }
                sql.push(")");
            }
            Place::Overdue => {
                sql.push(" and overdue in (null");
                for value in values.iter().filter_map(|value| value.parse::<bool>().ok()) {
                    sql.push(", ").push_bind(value);
                }
                sql.push(")");
            }
        }
    }
}

/// In what way a caller sees tasks.
enum Way<'a> {
    /// All of them.
    Tenant,
    /// Those of an org unit.
    Unit(String),
    /// Those of org units and all below them.
    Units(&'a BTreeSet<String>),
    /// Those assigned to a user.
    Own(&'a str),
    /// Those that nobody has yet, for a role.
    Free(&'a str, Of<'a>),
}

/// Of which org unit candidates are.
enum Of<'a> {
    /// Of any.
    Any,
    /// Of none that is named.
    None,
    /// Of this one.
    Unit(String),
    /// Of none that is named, of these and of all below them.
    Units(&'a BTreeSet<String>),
}

impl<'a> Way<'a> {
    /// Every way of a scope. Who sees everything sees nothing more in another way.
    fn all(scope: &'a TaskScope) -> Vec<Self> {
        let under = match &scope.scope {
            Some(Scope::Tenant) => return vec![Self::Tenant],
            Some(Scope::Under(units)) => Some(Self::Units(units)),
            None => None,
        };
        let own = scope.assignee.as_deref().map(Self::Own);
        let free = scope.candidate.iter().map(|(role, units)| match units {
            Scope::Tenant => Self::Free(role, Of::Any),
            Scope::Under(units) => Self::Free(role, Of::Units(units)),
        });
        under.into_iter().chain(own).chain(free).collect()
    }
}

/// Where a field stands.
enum Place {
    /// In a column.
    Text(&'static str),
    /// In `task_terms`.
    Term(&'static str),
    /// In the column of that name, a number.
    Priority,
    /// In the column of that name, a boolean.
    Overdue,
}

fn place(field: TaskField) -> Place {
    match field {
        TaskField::Kind => Place::Text("kind"),
        TaskField::State => Place::Text("state"),
        TaskField::Customer => Place::Text("customer"),
        TaskField::Location => Place::Text("location"),
        TaskField::Contact => Place::Term(CONTACT),
        TaskField::Sop => Place::Text("sop"),
        TaskField::Purpose => Place::Text("purpose"),
        TaskField::Origin => Place::Text("origin"),
        TaskField::Plan => Place::Text("plan"),
        TaskField::Priority => Place::Priority,
        TaskField::Assignee => Place::Text("assignee"),
        TaskField::CandidateRole => Place::Text("candidate_role"),
        TaskField::Parent => Place::Text("parent"),
        TaskField::Link => Place::Term(LINK),
        TaskField::Tag => Place::Term(TAG),
        TaskField::Decision => Place::Text("decision"),
        TaskField::Validity => Place::Text("validity"),
        TaskField::Outcome => Place::Text("outcome"),
        TaskField::Overdue => Place::Overdue,
    }
}

/// A pattern that finds the word anywhere, with nothing in it that means anything.
fn pattern(word: &str) -> String {
    let mut pattern = String::from("%");
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

fn to_task(body: &str) -> Result<Task> {
    serde_json::from_str(body).map_err(|error| inconsistent("tasks", "body", error))
}
