//! Tasks: making one, finding those a caller may see, and the verbs that are not the engine's (assign, claim, comment, …).
//!
//! What a visit's own verbs do is `visit_command.rs`.

use crate::app::{App, new_id};
use crate::flows::book::Book;
use crate::flows::caller::{Caller, OVERSEES, SEES_PERSONAL};
use crate::flows::load;
use crate::flows::once::{Answer, Asked, Decided, once};
use crate::flows::problem::{NAME_MAX, Problem, Result, Violation};
use crate::flows::sops::{self, Loaded};
use crate::flows::visit_command::{Applied, Sent};
use crate::store::{Scope, TaskField, TaskQuery, TaskScope};
use engine::command::{Action, Command, Create, Customer, Origin, Times};
use engine::rejection::Rejection;
use engine::submit;
use engine::task::{self, Actor, Candidates, Comment, Role, Task, TaskAction, TaskKind, TaskState, Window};
use engine::text::Text;
use engine::time::{self, format_utc};
use engine::visit::visit_of_task;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::ToSchema;

/// Roles that make tasks about the customers of their org units.
const MAKERS: &[Role] = &[Role::Rep, Role::Manager, Role::Admin, Role::Ops];

/// What a new task says.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// Client-made id, `tsk_…`; none: the server makes one.
    #[serde(default)]
    pub id: Option<String>,
    /// What kind; default a visit.
    #[serde(default)]
    pub kind: Option<TaskKind>,
    /// Name for people; a visit is named after its SOP and customer.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub title: Option<Text>,
    /// Whom it is about; needed for a visit.
    #[serde(default)]
    pub customer: Option<String>,
    /// Which of the customer's contacts.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// Tenant's purpose code.
    #[serde(default)]
    pub purpose: Option<String>,
    /// The plan it belongs to.
    #[serde(default)]
    pub plan: Option<String>,
    /// When it is planned for.
    #[serde(default)]
    pub planned: Option<Window>,
    /// When it must be done, RFC 3339.
    #[serde(default)]
    pub due: Option<String>,
    /// 0 normal, higher is more urgent.
    #[serde(default)]
    pub priority: i32,
    /// Who does it; default whoever makes it, if they are a rep.
    #[serde(default)]
    pub assignee: Option<String>,
    /// Who may claim it, where nobody is named.
    #[serde(default)]
    pub candidates: Option<Candidates>,
    /// The task it belongs to.
    #[serde(default)]
    pub parent: Option<String>,
    /// Others it has to do with.
    #[serde(default)]
    pub links: Vec<String>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
}

/// A task the caller may see.
///
/// # Errors
/// Not there, or not for them (SCOPE).
pub async fn visible(app: &App, caller: &Caller, id: &str) -> Result<Task> {
    app.store.seen(&caller.tenant, id, &caller.task_scope()).await?.ok_or_else(Problem::not_found)
}

/// A task the caller may see, or could have claimed before somebody else did.
async fn claimable(app: &App, caller: &Caller, id: &str) -> Result<Task> {
    let task = app.store.task(&caller.tenant, id).await?.ok_or_else(Problem::not_found)?;
    let candidates = task.candidates.as_ref().map(|candidates| candidates.role);
    match candidates {
        Some(role) if roles_over(app, caller, &task).await?.contains(&role) => Ok(task),
        _ => visible(app, caller, id).await,
    }
}

/// A query for everything of a tenant: for flows, not for callers.
pub fn everything(limit: u32) -> TaskQuery {
    TaskQuery {
        scope: TaskScope { scope: Some(Scope::Tenant), assignee: None, candidate: Vec::new() },
        equal: BTreeMap::new(),
        org_unit: None,
        business_from: None,
        business_to: None,
        due_before_ms: None,
        planned_from_ms: None,
        planned_to_ms: None,
        text: None,
        after: None,
        limit,
    }
}

/// The open review tasks of a visit.
///
/// # Errors
/// Those of the store.
pub async fn open_reviews(app: &App, tenant: &str, visit_task: &str) -> Result<Vec<Task>> {
    let equal = BTreeMap::from([
        (TaskField::Parent, vec![visit_task.to_owned()]),
        (TaskField::Kind, vec![TaskKind::Review.name().to_owned()]),
        (TaskField::State, vec![TaskState::Open.name().to_owned(), TaskState::InProgress.name().to_owned()]),
    ]);
    Ok(app.store.tasks(tenant, &TaskQuery { equal, ..everything(100) }).await?)
}

/// The SOP that applies to a rep at a customer today, compiled, with its content.
///
/// # Errors
/// No such customer; no SOP applies.
pub async fn applicable_sop(app: &App, tenant: &str, rep: &str, customer: &str) -> Result<Arc<Loaded>> {
    let now_ms = app.clock.now_ms();
    let unknown = || Problem::invalid("/customer", "customer.unknown", &json!({"customer": customer}));
    let (customer, tags) = load::customer(app, tenant, customer, now_ms).await?.ok_or_else(unknown)?;
    applicable(app, tenant, rep, &customer, &tags, now_ms).await
}

async fn applicable(
    app: &App,
    tenant: &str,
    rep: &str,
    customer: &Customer,
    tags: &BTreeSet<String>,
    now_ms: i64,
) -> Result<Arc<Loaded>> {
    let resolution = sops::resolve(app, tenant, rep, customer, tags).await?;
    let Some(winner) = &resolution.winner else {
        return Err(Problem::invalid("", "sop.none_applies", &json!({"customer": customer.id})));
    };
    let date = time::business_date(now_ms, &customer.time_zone, "00:00")
        .map_err(|error| Problem::of_rejection(&Rejection::of_time(&error)))?;
    sops::effective(app, tenant, winner, customer, &date).await
}

/// Makes a task. A visit that a rep makes for now is there at once; one that is planned is made when its rep starts it.
///
/// # Errors
/// Not allowed, or not acceptable.
pub async fn create(app: &App, caller: &Caller, new: &NewTask, sent: &Sent, asked: &Asked) -> Result<Answer> {
    let made = new.id.clone().unwrap_or_else(|| new_id("tsk", app.clock.now_ms()));
    once(app, caller, asked, || decide_new(app, caller, new, &made, sent, asked)).await
}

async fn decide_new(
    app: &App,
    caller: &Caller,
    new: &NewTask,
    id: &str,
    sent: &Sent,
    asked: &Asked,
) -> Result<Decided> {
    let tenant = caller.tenant.as_str();
    if !engine::id::check_id("tsk", id) {
        return Err(Problem::invalid("/id", "id.malformed", &json!({"prefix": "tsk"})));
    }
    if app.store.task(tenant, id).await?.is_some() {
        return Err(Problem::invalid("/id", "task.exists", &json!({"task": id})));
    }
    let now_ms = app.clock.now_ms();
    let kind = new.kind.unwrap_or(TaskKind::Visit);
    let assignee = who_does_it(app, caller, new, kind).await?;
    let customer = match &new.customer {
        None => None,
        Some(customer) => {
            let unknown = || Problem::invalid("/customer", "customer.unknown", &json!({"customer": customer}));
            let known = app.store.record(tenant, "customer", customer, None).await?.ok_or_else(unknown)?;
            // Rather unknown than a hint that another org unit has it (SCOPE).
            if known.org_unit.is_some() && !caller.covers(app, MAKERS, known.org_unit.as_deref()).await? {
                return Err(unknown());
            }
            let (judged, tags) = load::customer(app, tenant, customer, now_ms).await?.ok_or_else(unknown)?;
            Some((judged, tags, known.org_unit))
        }
    };
    let org_unit = match &customer {
        Some((_, _, Some(unit))) => Some(unit.clone()),
        Some((_, _, None)) | None => org_unit_of(app, tenant, assignee.as_deref().unwrap_or(&caller.user)).await?,
    };
    let mut task = blank(app, caller, new, id, kind, assignee, org_unit).await?;
    let mut book = Book::new(tenant, now_ms);
    if kind != TaskKind::Visit {
        if new.title.is_none() {
            return Err(Problem::invalid("/title", "task.title", &Value::Null));
        }
        book.new_task(task.clone())?;
        return done(task, book, true);
    }
    let Some((customer, tags, _)) = customer else {
        return Err(Problem::invalid("/customer", "task.customer", &Value::Null));
    };
    let Some(rep) = task.assignee.clone() else {
        // Which SOP applies is known once somebody has taken it.
        if new.title.is_none() {
            let named = |language: &&str| ((*language).to_owned(), customer.name.clone());
            task.title = Text(engine::text::LANGUAGES.iter().map(named).collect());
        }
        book.new_task(task.clone())?;
        return done(task, book, true);
    };
    let loaded = applicable(app, tenant, &rep, &customer, &tags, now_ms).await?;
    let sop = &loaded.effective;
    task.sop = Some(sop.sop.sop.clone());
    task.sop_version = Some(sop.sop.version.clone());
    if new.title.is_none() {
        task.title = Text(
            sop.sop.title.0.iter().map(|(tag, title)| (tag.clone(), format!("{title} · {}", customer.name))).collect(),
        );
    }
    let create = Command {
        id: asked.id.clone(),
        user: rep.clone(),
        device: sent.device.clone(),
        task: id.to_owned(),
        at: Times { received: Some(format_utc(now_ms)), ..sent.at.clone() },
        action: Action::Create(Create {
            customer: customer.id.clone(),
            origin: new.origin,
            purpose: new.purpose.clone(),
        }),
    };
    let event = submit::create(sop, &customer, &create).map_err(|rejection| Problem::of_rejection(&rejection))?;
    // One that is planned can still become somebody else's; its visit is made when it is started.
    if rep == caller.user && new.planned.is_none() {
        sops::kept(app, tenant, &loaded).await?.into_iter().for_each(|write| book.write(write));
        let visit = book.visit_events(sop, None, &visit_of_task(id), &[event])?;
        task.project(sop, &visit, now_ms);
    }
    book.new_task(task.clone())?;
    done(task, book, true)
}

/// Who a new task is for, and whether the caller may say so.
async fn who_does_it(app: &App, caller: &Caller, new: &NewTask, kind: TaskKind) -> Result<Option<String>> {
    const PLANNERS: &[Role] = &[Role::Manager, Role::Admin, Role::Ops];
    match &new.assignee {
        None if kind == TaskKind::Visit && new.candidates.is_none() => {
            caller.must_be(&[Role::Rep])?;
            Ok(Some(caller.user.clone()))
        }
        Some(user) if *user == caller.user => {
            caller.must_be(MAKERS)?;
            Ok(Some(user.clone()))
        }
        None => caller.must_be(PLANNERS).map(|()| None),
        Some(user) => {
            caller.must_be(PLANNERS)?;
            assignable(app, caller, user, "/assignee").await?;
            Ok(Some(user.clone()))
        }
    }
}

/// A user whom the caller may give work.
async fn assignable(app: &App, caller: &Caller, user: &str, pointer: &str) -> Result<()> {
    let unknown = || Problem::invalid(pointer, "record.unknown", &json!({"kind": "user", "id": user}));
    let record = app.store.record(&caller.tenant, "user", user, None).await?.ok_or_else(unknown)?;
    let now_ms = app.clock.now_ms();
    if record.to_ms.is_some_and(|to_ms| to_ms <= now_ms)
        || !caller.covers(app, OVERSEES, record.org_unit.as_deref()).await?
    {
        return Err(unknown());
    }
    Ok(())
}

async fn org_unit_of(app: &App, tenant: &str, user: &str) -> Result<Option<String>> {
    Ok(app.store.record(tenant, "user", user, None).await?.and_then(|user| user.org_unit))
}

/// What a task is found by is kept short.
fn too_long(new: &NewTask) -> Vec<Violation> {
    let lists = [("contacts", &new.contacts), ("links", &new.links)];
    let lists =
        lists.into_iter().flat_map(|(name, list)| list.iter().enumerate().map(move |(at, text)| (name, at, text)));
    let tags = new.tags.iter().enumerate().map(|(at, tag)| ("tags", at, tag));
    let mut found: Vec<(String, &String)> =
        lists.chain(tags).map(|(name, at, text)| (format!("/{name}/{at}"), text)).collect();
    let unit = new.candidates.as_ref().and_then(|candidates| candidates.org_unit.as_ref());
    let single = [("/plan", new.plan.as_ref()), ("/purpose", new.purpose.as_ref()), ("/candidates/org_unit", unit)];
    found.extend(single.into_iter().filter_map(|(pointer, text)| Some((pointer.to_owned(), text?))));
    found.retain(|(_, text)| text.len() > NAME_MAX);
    let params = json!({"bytes": NAME_MAX});
    found.into_iter().map(|(pointer, _)| Violation::new(&pointer, "text.too_long", &params)).collect()
}

async fn blank(
    app: &App,
    caller: &Caller,
    new: &NewTask,
    id: &str,
    kind: TaskKind,
    assignee: Option<String>,
    org_unit: Option<String>,
) -> Result<Task> {
    let tenant = caller.tenant.as_str();
    let wrong = too_long(new);
    if !wrong.is_empty() {
        return Err(Problem::at_all(wrong));
    }
    for (pointer, text) in [("/due", new.due.as_ref()), ("/planned/from", new.planned.as_ref().map(|p| &p.from))] {
        if let Some(text) = text {
            time::parse("due", text)
                .map_err(|error| Problem::invalid(pointer, "time.invalid", &json!({"detail": error.to_string()})))?;
        }
    }
    if let Some(planned) = &new.planned {
        let invalid = |error: time::TimeError| {
            Problem::invalid("/planned/to", "time.invalid", &json!({"detail": error.to_string()}))
        };
        let (from, to) = (time::parse("from", &planned.from), time::parse("to", &planned.to).map_err(invalid)?);
        if from.is_ok_and(|from| to <= from) {
            return Err(Problem::invalid("/planned/to", "record.ends_before_it_begins", &Value::Null));
        }
    }
    if let Some(parent) = &new.parent {
        visible(app, caller, parent)
            .await
            .map_err(|_| Problem::invalid("/parent", "task.unknown", &json!({"task": parent})))?;
    }
    let org_path = match &org_unit {
        Some(unit) => app.store.org_path(tenant, unit).await?,
        None => Vec::new(),
    };
    let now = format_utc(app.clock.now_ms());
    Ok(Task {
        id: id.to_owned(),
        kind,
        state: TaskState::Open,
        title: new.title.clone().unwrap_or_default(),
        customer: new.customer.clone(),
        location: None,
        contacts: new.contacts.clone(),
        sop: None,
        sop_version: None,
        purpose: new.purpose.clone(),
        origin: new.origin,
        plan: new.plan.clone(),
        planned: new.planned.clone(),
        due: new.due.clone(),
        priority: new.priority,
        assignee,
        candidates: new.candidates.clone(),
        business_date: None,
        parent: new.parent.clone(),
        visit: None,
        entry: None,
        links: new.links.clone(),
        tags: new.tags.clone(),
        comments: Vec::new(),
        org_unit,
        org_path,
        overdue: false,
        decision: None,
        validity: None,
        outcome: None,
        score: None,
        risk: None,
        resolution: None,
        closes_at: None,
        created_at: now.clone(),
        updated_at: now,
        version: 1,
    })
}

fn done(task: Task, book: Book<'_>, created: bool) -> Result<Decided> {
    let etag = Some(task.version.to_string());
    let answer = Answer::done(created, &Applied { task, findings: Vec::new() }, etag)?;
    Ok(Decided::new(book.into_writes(), answer))
}

/// A verb that is not the engine's: who does the task, what is said about it, and the end of tasks that are no visits.
///
/// # Errors
/// Not visible, stale, or not acceptable.
pub async fn act(
    app: &App,
    caller: &Caller,
    id: &str,
    action: &TaskAction,
    asked: &Asked,
    saw: Option<u64>,
) -> Result<Answer> {
    once(app, caller, asked, || decide(app, caller, id, action, saw)).await
}

async fn decide(app: &App, caller: &Caller, id: &str, action: &TaskAction, saw: Option<u64>) -> Result<Decided> {
    let mut task = match action {
        TaskAction::Claim => claimable(app, caller, id).await?,
        _ => visible(app, caller, id).await?,
    };
    // Who comes second is told that somebody has it, which says more than that it changed.
    let lost = *action == TaskAction::Claim && task.assignee.is_some();
    if !lost && saw.is_some_and(|saw| saw != task.version) {
        return Err(Problem::stale());
    }
    if let TaskAction::Assign { assignee, .. } = action {
        assignable(app, caller, assignee, "/assignee").await?;
    }
    let now_ms = app.clock.now_ms();
    let roles = roles_over(app, caller, &task).await?;
    let actor = Actor { user: &caller.user, roles: &roles };
    let reviewed = match &task.parent {
        Some(parent) => app.store.task(&caller.tenant, parent).await?.and_then(|parent| parent.assignee),
        None => None,
    };
    let events = task::act(&task, &actor, reviewed.as_deref(), action, now_ms)
        .map_err(|rejection| Problem::of_rejection(&rejection))?;
    let before = task.version;
    let mut book = Book::new(&caller.tenant, now_ms);
    let tip = app.store.tip(&caller.tenant, &task.id).await?;
    book.task_events(&mut task, tip, &events)?;
    book.changed_task(&mut task, before);
    if let TaskAction::RequestSupport { text } = action {
        let comment = Comment { user: caller.user.clone(), at: format_utc(now_ms), text: text.clone() };
        let id = format!("{}-support-{before}", task.id);
        book.new_task(Task::support(&task, id, &comment, now_ms))?;
    }
    done(task, book, false)
}

/// A page of tasks the caller may see, one more than the limit when there are more, and how many by state if asked.
///
/// # Errors
/// Those of the store.
pub async fn list(
    app: &App,
    caller: &Caller,
    mut query: TaskQuery,
    counts: bool,
) -> Result<(Vec<Task>, Option<BTreeMap<String, u64>>)> {
    query.scope = caller.task_scope();
    let tasks = app.store.tasks(&caller.tenant, &query).await?;
    let counts = if counts { Some(app.store.count_tasks(&caller.tenant, &query).await?) } else { None };
    Ok((tasks, counts))
}

/// Whether the caller may see what is personal in a task that is not theirs.
///
/// # Errors
/// Those of the store.
pub async fn sees_personal(app: &App, caller: &Caller, task: &Task) -> Result<bool> {
    caller.covers(app, SEES_PERSONAL, task.org_unit.as_deref()).await
}

/// What the caller is to a task: roles over its org unit, and the role it waits for where that is granted.
///
/// # Errors
/// Those of the store.
pub async fn roles_over(app: &App, caller: &Caller, task: &Task) -> Result<BTreeSet<Role>> {
    let mut roles = BTreeSet::new();
    for role in caller.roles() {
        let candidate = match &task.candidates {
            Some(candidates) if candidates.role == role => match &candidates.org_unit {
                // No unit: whoever has the role, anywhere.
                None => true,
                unit => caller.covers(app, &[role], unit.as_deref()).await?,
            },
            _ => false,
        };
        if candidate || caller.covers(app, &[role], task.org_unit.as_deref()).await? {
            roles.insert(role);
        }
    }
    Ok(roles)
}
