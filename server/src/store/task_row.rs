//! A task as a row: the task itself as JSON, and beside it the columns it is found by. Nothing reads those columns back
//! into a task, so they can only ever be wrong in what is found.

use super::Result;
use super::database::{Stop, Writer, Writing, inconsistent, int};
use engine::task::{Task, TaskKind, TaskState};
use engine::time;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use trait_gen::trait_gen;

/// What a list of a task is called in `task_terms`.
pub const CONTACT: &str = "contact";
/// See [`CONTACT`].
pub const LINK: &str = "link";
/// See [`CONTACT`].
pub const TAG: &str = "tag";

/// What is derived from a task for its columns.
struct Derived {
    body: Value,
    title_text: String,
    created_ms: i64,
    due_ms: Option<i64>,
    planned_from_ms: Option<i64>,
    planned_to_ms: Option<i64>,
    closes_ms: Option<i64>,
    remind_ms: Option<i64>,
}

impl Derived {
    fn of(task: &Task) -> Result<Self> {
        let wrong = |detail: &dyn std::fmt::Display| inconsistent("tasks", &task.id, detail);
        let at = |member: &'static str, text: Option<&String>| {
            text.map(|text| time::parse(member, text)).transpose().map_err(|error| wrong(&error))
        };
        let body = serde_json::to_value(task).map_err(|error| wrong(&error))?;
        let planned = task.planned.as_ref();
        let due_ms = at("due", task.due.as_ref())?;
        let planned_to_ms = at("planned.to", planned.map(|window| &window.to))?;
        let is_live = !task.state.is_closed();
        let is_planned = task.kind == TaskKind::Visit && task.state == TaskState::Open;
        // As `engine::task::due` answers: a window that is over, or a due time that has passed and is not marked.
        let remind_ms = [planned_to_ms.filter(|_| is_planned), due_ms.filter(|_| !task.overdue)];
        Ok(Self {
            title_text: searchable(&task.title.0.values().map(String::as_str).collect::<Vec<_>>().join("\n")),
            created_ms: time::parse("created_at", &task.created_at).map_err(|error| wrong(&error))?,
            planned_from_ms: at("planned.from", planned.map(|window| &window.from))?,
            closes_ms: at("closes_at", task.closes_at.as_ref())?.filter(|_| is_live),
            remind_ms: remind_ms.into_iter().flatten().min().filter(|_| is_live),
            body,
            due_ms,
            planned_to_ms,
        })
    }

    /// A member of the task as it is written in JSON: an enum's word, or a text.
    fn word(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }
}

/// A text as it is compared: lower case, and without the one letter that a database cannot hold.
pub fn searchable(text: &str) -> String {
    plain(&text.to_lowercase())
}

/// PostgreSQL has no NUL in a text; in JSON it is an escape.
pub fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// An optional text that people chose.
fn free(text: &Option<String>) -> Option<String> {
    text.as_deref().map(plain)
}

/// The members that are lists.
fn terms(task: &Task) -> Vec<(&'static str, String)> {
    let contacts = task.contacts.iter().map(|value| (CONTACT, plain(value)));
    let links = task.links.iter().map(|value| (LINK, plain(value)));
    let tags = task.tags.iter().map(|value| (TAG, plain(value)));
    contacts.chain(links).chain(tags).collect()
}

/// Columns that hold the same for an insert and an update, by the numbers of their binds.
const INSERT: &str = "insert into tasks (tenant, id, version, kind, state, title_text, customer, location, sop, purpose,
    origin, plan, priority, assignee, candidate_role, candidate_unit, parent, org_unit, decision, validity, outcome,
    overdue, business_date, due_ms, planned_from_ms, planned_to_ms, closes_ms, remind_ms, created_ms, body)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
    $25, $26, $27, $28, $29, $30 where $31 = 0 on conflict do nothing";

/// See [`INSERT`]; `$31` is the version that is replaced.
const UPDATE: &str = "update tasks set version = $3, kind = $4, state = $5, title_text = $6, customer = $7,
    location = $8, sop = $9, purpose = $10, origin = $11, plan = $12, priority = $13, assignee = $14,
    candidate_role = $15, candidate_unit = $16, parent = $17, org_unit = $18, decision = $19, validity = $20,
    outcome = $21, overdue = $22, business_date = $23, due_ms = $24, planned_from_ms = $25, planned_to_ms = $26,
    closes_ms = $27, remind_ms = $28, created_ms = $29, body = $30
    where tenant = $1 and id = $2 and version = $31 and version < $3";

#[trait_gen(Db -> Sqlite, Postgres)]
impl Writer<Db> {
    /// A task, in place of the version that is expected.
    pub(super) fn task<'a>(&'a mut self, task: &'a Task, expected: Option<u64>) -> Writing<'a, ()> {
        Box::pin(async move {
            let derived = Derived::of(task)?;
            let candidates = task.candidates.as_ref();
            let done = sqlx::query(if expected.is_none() { INSERT } else { UPDATE })
                .bind(&self.tenant)
                .bind(&task.id)
                .bind(int(task.version)?)
                .bind(derived.word("kind"))
                .bind(derived.word("state"))
                .bind(&derived.title_text)
                .bind(free(&task.customer))
                .bind(free(&task.location))
                .bind(free(&task.sop))
                .bind(free(&task.purpose))
                .bind(derived.word("origin"))
                .bind(free(&task.plan))
                .bind(i64::from(task.priority))
                .bind(free(&task.assignee))
                .bind(candidates.map(|candidates| candidates.role.name()))
                .bind(candidates.and_then(|candidates| free(&candidates.org_unit)))
                .bind(free(&task.parent))
                .bind(free(&task.org_unit))
                .bind(derived.word("decision"))
                .bind(derived.word("validity"))
                .bind(free(&task.outcome))
                .bind(task.overdue)
                .bind(free(&task.business_date))
                .bind(derived.due_ms)
                .bind(derived.planned_from_ms)
                .bind(derived.planned_to_ms)
                .bind(derived.closes_ms)
                .bind(derived.remind_ms)
                .bind(derived.created_ms)
                .bind(derived.body.to_string())
                .bind(int(expected.unwrap_or(0))?)
                .execute(&mut *self.tx)
                .await?;
            if done.rows_affected() == 0 {
                return Err(Stop::moved(&task.id));
            }
            if expected.is_some() {
                sqlx::query("delete from task_terms where tenant = $1 and task = $2")
                    .bind(&self.tenant)
                    .bind(&task.id)
                    .execute(&mut *self.tx)
                    .await?;
            }
            let terms = terms(task);
            if !terms.is_empty() {
                let mut sql = QueryBuilder::<Db>::new("insert into task_terms (tenant, term, value, task) ");
                sql.push_values(terms, |mut row, (term, value)| {
                    row.push_bind(self.tenant.as_str()).push_bind(term).push_bind(value).push_bind(task.id.as_str());
                });
                sql.push(" on conflict do nothing");
                sql.build().execute(&mut *self.tx).await?;
            }
            Ok(())
        })
    }
}
