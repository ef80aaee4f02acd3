//! A task as a row: the task itself as JSON, and beside it the columns it is found by. Nothing reads those columns back
//! into a task, so they can only ever be wrong in what is found.

use super::Result;
use super::database::{inconsistent, int};
use super::rows::{Row, Statement, Step, Work, cells};
use engine::task::{Task, TaskKind, TaskState};
use engine::time;
use serde_json::Value;
use std::sync::Arc;

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

macro_rules! columns {
    ($($more:literal)?) => {
        concat!(
            "tenant, id, version, kind, state, title_text, customer, location, sop, purpose, origin, plan, priority, ",
            "assignee, candidate_role, candidate_unit, parent, org_unit, decision, validity, outcome, overdue, ",
            "business_date, due_ms, planned_from_ms, planned_to_ms, closes_ms, remind_ms, created_ms, body",
            $($more)?
        )
    };
}

/// A task that is new.
pub const NEW_TASK: Statement = Statement {
    columns: columns!(),
    key: 2,
    work: Work::Insert("tasks", "on conflict do nothing returning tenant, id"),
};

/// A task in place of the version that is expected.
pub const TASK: Statement = Statement {
    columns: columns!(", version_before"),
    key: 2,
    work: Work::Other(
        "update tasks set version = v.version, kind = v.kind, state = v.state, title_text = v.title_text,
           customer = v.customer, location = v.location, sop = v.sop, purpose = v.purpose, origin = v.origin,
           plan = v.plan, priority = v.priority, assignee = v.assignee, candidate_role = v.candidate_role,
           candidate_unit = v.candidate_unit, parent = v.parent, org_unit = v.org_unit, decision = v.decision,
           validity = v.validity, outcome = v.outcome, overdue = v.overdue, business_date = v.business_date,
           due_ms = v.due_ms, planned_from_ms = v.planned_from_ms, planned_to_ms = v.planned_to_ms,
           closes_ms = v.closes_ms, remind_ms = v.remind_ms, created_ms = v.created_ms, body = v.body
         from v
         where tasks.tenant = v.tenant and tasks.id = v.id and tasks.version = v.version_before
           and tasks.version < v.version
         returning tasks.tenant, tasks.id",
    ),
};

/// The lists of a task go,
pub const OLD_TERMS: Statement = Statement {
    columns: "tenant, task",
    key: 2,
    work: Work::Other("delete from task_terms where (tenant, task) in (select tenant, task from v)"),
};

/// and come.
pub const TERMS: Statement = Statement {
    columns: "tenant, term, value, task",
    key: 4,
    work: Work::Insert("task_terms", "on conflict do nothing"),
};

/// The rows of a task that replaces the version `before`, or is new.
pub fn task_rows(tenant: &Arc<str>, task: &Task, before: Option<u64>, part: usize) -> Result<Vec<Row>> {
    let derived = Derived::of(task)?;
    let candidates = task.candidates.as_ref();
    let id: Arc<str> = task.id.as_str().into();
    let mut cells = cells![
        tenant,
        &id,
        int(task.version)?,
        derived.word("kind"),
        derived.word("state"),
        derived.title_text.as_str(),
        free(&task.customer),
        free(&task.location),
        free(&task.sop),
        free(&task.purpose),
        derived.word("origin"),
        free(&task.plan),
        i64::from(task.priority),
        free(&task.assignee),
        candidates.map(|candidates| candidates.role.name()),
        candidates.and_then(|candidates| free(&candidates.org_unit)),
        free(&task.parent),
        free(&task.org_unit),
        derived.word("decision"),
        derived.word("validity"),
        free(&task.outcome),
        task.overdue,
        free(&task.business_date),
        derived.due_ms,
        derived.planned_from_ms,
        derived.planned_to_ms,
        derived.closes_ms,
        derived.remind_ms,
        derived.created_ms,
        derived.body.to_string(),
    ];
    let mut rows = Vec::new();
    if let Some(before) = before {
        cells.push(int(before)?.into());
        rows.push(Row { step: Step::OldTerms, part, cells: cells![tenant, &id] });
    }
    let step = if before.is_some() { Step::Task } else { Step::NewTask };
    rows.push(Row { step, part, cells });
    let terms = terms(task).into_iter();
    rows.extend(terms.map(|(term, value)| Row { step: Step::Terms, part, cells: cells![tenant, term, value, &id] }));
    Ok(rows)
}
