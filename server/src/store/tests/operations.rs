//! Random operations, and the model that knows how a commit must end: maps in memory, no SQL.
//!
//! An operation names things by small numbers and says whether it is up to date; the model makes writes of it that are, or
//! that are not.

use super::samples;
use crate::store::{CommandRecord, Commit, Committed, Scope};
use crate::store::{Conflict, Record, TaskField, TaskQuery, TaskScope, Version, VersionKind, Write};
use engine::event::Tip;
use engine::task::{Candidates, Role, Task, TaskState};
use engine::text::Text;
use engine::time::format_utc;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// One step of a case.
#[derive(Clone, Debug)]
pub enum Operation {
    Commit { command: Option<u8>, changes: Vec<Change> },
    Erase(u8, bool),
    Take { at: u8, limit: u8 },
    Postpone { id: u8, at: u8 },
    Tasks(Filter),
}

/// One write to be.
#[derive(Clone, Debug)]
pub enum Change {
    Task { id: u8, up_to_date: bool, filled: Filled },
    Record { id: u8, up_to_date: bool, unit: Option<u8> },
    OrgUnit { id: u8, parent: Option<u8>, up_to_date: bool },
    Version { id: u8, up_to_date: bool, published: bool, offered: bool, same: bool },
    Event { stream: u8, up_to_date: bool },
    TenantEvent,
    Object(u8, u8),
    Token(u8),
    RevokeToken(u8),
    Evidence(u8),
    Awaits(u8, BTreeSet<u8>),
    CheckIn { user: u8, stream: u8, at: u8 },
    Use { evidence: u8, stream: u8, at: u8 },
    Judged { customer: u8, stream: u8, at: u8 },
    Photo { hash: u8, stream: u8, at: u8 },
    Text { hash: u8, stream: u8, at: u8 },
    Outbox(u8, u8),
    OutboxDone(u8),
}

/// What a task is found by.
#[derive(Clone, Debug)]
pub struct Filled {
    state: u8,
    unit: Option<u8>,
    assignee: Option<u8>,
    candidate: Option<(bool, Option<u8>)>,
    tags: BTreeSet<u8>,
    due: Option<u8>,
    created: u8,
    title: String,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Filter {
    whole_tenant: bool,
    units: Option<BTreeSet<u8>>,
    assignee: Option<u8>,
    candidate: Option<(bool, BTreeSet<u8>)>,
    states: Option<BTreeSet<u8>>,
    tags: Option<BTreeSet<u8>>,
    below: Option<u8>,
    due_before: Option<u8>,
    text: Option<String>,
    limit: u8,
}

const STATES: [TaskState; 5] =
    [TaskState::Open, TaskState::InProgress, TaskState::Done, TaskState::Cancelled, TaskState::Missed];

/// One of few, so that things meet.
fn few() -> impl Strategy<Value = u8> {
    0..4_u8
}

fn some_of() -> impl Strategy<Value = BTreeSet<u8>> {
    proptest::collection::btree_set(few(), 0..3)
}

fn mostly() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.85)
}

/// Words with all that could mean something in a pattern.
fn words() -> impl Strategy<Value = String> {
    "[a%_\\\\B王 ]{0,5}"
}

fn filled() -> impl Strategy<Value = Filled> {
    let optional = || prop::option::of(few());
    let candidate = prop::option::of((any::<bool>(), optional()));
    (0..5_u8, optional(), optional(), candidate, some_of(), optional(), few(), words()).prop_map(
        |(state, unit, assignee, candidate, tags, due, created, title)| Filled {
            state,
            unit,
            assignee,
            candidate,
            tags,
            due,
            created,
            title,
        },
    )
}

fn filter() -> impl Strategy<Value = Filter> {
    let scope = (prop::bool::weighted(0.3), prop::option::of(some_of()), prop::option::of(few()));
    let candidate = prop::option::of((any::<bool>(), some_of()));
    let rarely = || prop::option::weighted(0.2, some_of());
    let equal = (rarely(), rarely(), prop::option::weighted(0.2, few()), prop::option::weighted(0.2, few()));
    (scope, candidate, equal, prop::option::weighted(0.2, words()), 1..9_u8).prop_map(
        |((whole_tenant, units, assignee), candidate, (states, tags, below, due_before), text, limit)| Filter {
            whole_tenant,
            units,
            assignee,
            candidate,
            states,
            tags,
            below,
            due_before,
            text,
            limit,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (few(), mostly(), filled()).prop_map(|(id, up_to_date, filled)| Change::Task { id, up_to_date, filled }),
        2 => (few(), mostly(), prop::option::of(few()))
            .prop_map(|(id, up_to_date, unit)| Change::Record { id, up_to_date, unit }),
        3 => (few(), prop::option::weighted(0.7, few()), mostly())
            .prop_map(|(id, parent, up_to_date)| Change::OrgUnit { id, parent, up_to_date }),
        2 => (few(), mostly(), any::<bool>(), any::<bool>(), mostly()).prop_map(
            |(id, up_to_date, published, offered, same)| Change::Version { id, up_to_date, published, offered, same }
        ),
        4 => (few(), mostly()).prop_map(|(stream, up_to_date)| Change::Event { stream, up_to_date }),
        1 => Just(Change::TenantEvent),
        1 => (few(), few()).prop_map(|(hash, byte)| Change::Object(hash, byte)),
        1 => few().prop_map(Change::Token),
        1 => few().prop_map(Change::RevokeToken),
        1 => few().prop_map(Change::Evidence),
        1 => (few(), some_of()).prop_map(|(visit, evidence)| Change::Awaits(visit, evidence)),
        1 => (few(), few(), few()).prop_map(|(user, stream, at)| Change::CheckIn { user, stream, at }),
        1 => (few(), few(), few()).prop_map(|(evidence, stream, at)| Change::Use { evidence, stream, at }),
        1 => (few(), few(), few()).prop_map(|(customer, stream, at)| Change::Judged { customer, stream, at }),
        1 => (few(), few(), few()).prop_map(|(hash, stream, at)| Change::Photo { hash, stream, at }),
        1 => (few(), few(), few()).prop_map(|(hash, stream, at)| Change::Text { hash, stream, at }),
        1 => (few(), few()).prop_map(|(id, body)| Change::Outbox(id, body)),
        1 => few().prop_map(Change::OutboxDone),
    ]
}

/// Any operation.
pub fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (prop::option::weighted(0.4, 0..12_u8), vec(change(), 1..5))
            .prop_map(|(command, changes)| Operation::Commit { command, changes }),
        1 => (few(), any::<bool>()).prop_map(|(stream, both)| Operation::Erase(stream, both)),
        1 => (few(), 1..3_u8).prop_map(|(at, limit)| Operation::Take { at, limit }),
        1 => (few(), few()).prop_map(|(id, at)| Operation::Postpone { id, at }),
        4 => filter().prop_map(Operation::Tasks),
    ]
}

/// A moment of a small number.
pub fn at(number: u8) -> i64 {
    samples::NOW + i64::from(number)
}

fn unit(number: u8) -> String {
    format!("org_{number}")
}

fn units(numbers: &BTreeSet<u8>) -> Scope {
    Scope::Under(numbers.iter().map(|number| unit(*number)).collect())
}

/// What a tenant holds, as far as a commit depends on it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub tenant: String,
    pub change_seq: u64,
    pub tasks: BTreeMap<String, Task>,
    pub records: BTreeMap<(String, String), Record>,
    pub versions: BTreeMap<String, Version>,
    pub tips: BTreeMap<String, Tip>,
    pub commands: BTreeMap<String, CommandRecord>,
    pub tokens: BTreeSet<String>,
}

impl Model {
    /// The commit that the changes make now, and how it must end.
    pub fn commit(&mut self, command: Option<u8>, changes: &[Change]) -> (Commit, Committed) {
        let mut after = self.clone();
        let mut ended = None;
        let writes = changes.iter().map(|change| after.write(change, &mut ended)).collect();
        let command = command.map(|number| samples::command("usr_1", &format!("cmd_{number}")));
        let clash = command.as_ref().and_then(|command| self.commands.get(&command.id));
        let ended = match (clash, ended) {
            (Some(first), _) => Committed::Conflict(Conflict::Command(Box::new(first.clone()))),
            (None, Some(moved)) => Committed::Conflict(Conflict::Moved(moved)),
            (None, None) => {
                after.change_seq += 1;
                after.commands.extend(command.iter().map(|command| (command.id.clone(), command.clone())));
                let change_seq = after.change_seq;
                *self = after;
                Committed::Done { change_seq }
            }
        };
        (Commit { command, ..samples::commit(writes) }, ended)
    }

    /// One write; `moved` is set to the first thing that moved on.
    fn write(&mut self, change: &Change, moved: &mut Option<String>) -> Write {
        let mut clash = |id: &str| {
            moved.get_or_insert_with(|| id.to_owned());
        };
        match change {
            Change::Task { id, up_to_date, filled } => {
                let mut task = filled.task(&format!("tsk_{id}"));
                let expected = expected(self.tasks.get(&task.id).map(|task| task.version), *up_to_date);
                task.version = expected.unwrap_or(0) + 1;
                if *up_to_date {
                    self.tasks.insert(task.id.clone(), task.clone());
                } else {
                    clash(&task.id);
                }
                Write::Task(Box::new(task), expected)
            }
            Change::Record { id, up_to_date, unit: of } => {
                self.record("customer", &format!("cus_{id}"), None, of.map(unit), *up_to_date, &mut clash)
            }
            Change::OrgUnit { id, parent, up_to_date } => {
                let (id, parent) = (unit(*id), parent.map(unit));
                let ring = parent.as_ref().is_some_and(|parent| self.above(parent).contains(&id));
                if ring {
                    clash(&id);
                }
                self.record("org_unit", &id, parent, Some(id.clone()), *up_to_date, &mut clash)
            }
            Change::Version { id, up_to_date, published, offered, same } => {
                let name = format!("sop_{id}");
                let before = self.versions.get(&name);
                let expected = expected(before.map(|version| version.revision), *up_to_date);
                let mut version = samples::version(VersionKind::Sop, &name, "1.0.0", expected.unwrap_or(0) + 1);
                (version.published, version.offered) = (*published, *offered);
                if let Some(before) = before.filter(|_| *same) {
                    version.hash.clone_from(&before.hash);
                }
                let frozen = before
                    .is_some_and(|before| before.published && !(version.published && before.hash == version.hash));
                if *up_to_date && !frozen {
                    self.versions.insert(name, version.clone());
                } else {
                    clash(&name);
                }
                Write::Version(Box::new(version), expected)
            }
            Change::Event { stream, up_to_date } => {
                let stream = format!("vis_{stream}");
                let mut tip = self.tips.get(&stream).cloned().unwrap_or_default();
                if !up_to_date {
                    clash(&stream);
                    tip.seq += 1;
                }
                let event = samples::event(&self.tenant, &stream, &mut tip);
                if *up_to_date {
                    self.tips.insert(stream, tip);
                }
                Write::Event(Box::new(event))
            }
            Change::Token(id) => {
                let token = samples::token(&format!("tok_{id}"), "usr_1");
                if !self.tokens.insert(token.id.clone()) {
                    clash(&token.id);
                }
                Write::Token(token)
            }
            Change::TenantEvent => samples::tenant_event(&self.tenant),
            Change::Object(hash, byte) => Write::Object { hash: format!("{hash}"), bytes: vec![*byte; 3] },
            Change::RevokeToken(id) => Write::RevokeToken(format!("tok_{id}")),
            Change::Evidence(sha256) => Write::Evidence(samples::evidence(&format!("{sha256}"))),
            Change::Awaits(visit, evidence) => Write::Awaits {
                visit: format!("vis_{visit}"),
                sha256: evidence.iter().map(|sha256| format!("{sha256}")).collect(),
            },
            Change::CheckIn { user, stream, at: at_ms } => Write::CheckIn {
                user: format!("usr_{user}"),
                visit: format!("vis_{stream}"),
                seq: 1,
                at_ms: at(*at_ms),
                device: format!("dev_{}", user % 2),
            },
            Change::Use { evidence, stream, at: at_ms } => {
                Write::Use(samples::used(&format!("{evidence}"), &format!("vis_{stream}"), "front", at(*at_ms)))
            }
            Change::Judged { customer, stream, at: at_ms } => Write::Judged {
                customer: format!("cus_{customer}"),
                visit: format!("vis_{stream}"),
                seq: 1,
                at_ms: at(*at_ms),
            },
            Change::Photo { hash, stream, at: at_ms } => {
                let sha256 = format!("{hash}");
                let photo = samples::photo(&sha256, &format!("vis_{stream}"), u64::from(*hash), at(*at_ms));
                Write::Photo(photo, "e1".to_owned())
            }
            Change::Text { hash, stream, at: at_ms } => {
                let text = samples::text(&format!("{hash}"), &format!("vis_{stream}"), at(*at_ms));
                Write::Text(text, "e1".to_owned())
            }
            Change::Outbox(id, body) => {
                Write::Outbox { id: format!("{id}"), topic: "reassess".to_owned(), body: json!(body) }
            }
            Change::OutboxDone(id) => Write::OutboxDone(format!("{id}")),
        }
    }

    fn record(
        &mut self,
        kind: &str,
        id: &str,
        subject: Option<String>,
        org_unit: Option<String>,
        up_to_date: bool,
        clash: &mut dyn FnMut(&str),
    ) -> Write {
        let key = (kind.to_owned(), id.to_owned());
        let expected = expected(self.records.get(&key).map(|record| record.revision), up_to_date);
        let record = Record { subject, org_unit, ..samples::record(kind, id, expected.unwrap_or(0) + 1) };
        if up_to_date {
            self.records.insert(key, record.clone());
        } else {
            clash(id);
        }
        Write::Record(Box::new(record), expected)
    }

    /// An org unit and those above it, the lowest first; the last may have no record yet. Stops at a ring, which a commit
    /// that fails may have had in mind.
    fn above(&self, unit: &str) -> Vec<String> {
        let mut above = Vec::new();
        let mut next = Some(unit.to_owned());
        while let Some(unit) = next.filter(|unit| !above.contains(unit)) {
            let record = self.records.get(&("org_unit".to_owned(), unit.clone()));
            next = record.and_then(|record| record.subject.clone());
            above.push(unit);
        }
        above
    }

    /// An org unit and those above it, the highest first.
    pub fn path(&self, unit: &str) -> Vec<String> {
        let mut path = self.above(unit);
        path.retain(|unit| self.records.contains_key(&("org_unit".to_owned(), unit.clone())));
        path.reverse();
        path
    }

    fn is_in(&self, unit: &str, scope: &Scope) -> bool {
        match scope {
            Scope::Tenant => true,
            Scope::Under(units) => self.path(unit).iter().any(|above| units.contains(above)),
        }
    }

    /// The tasks that a query must find.
    pub fn find(&self, query: &TaskQuery) -> Vec<Task> {
        let mut found: Vec<Task> = self.tasks.values().filter(|task| self.finds(query, task)).cloned().collect();
        found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then(a.id.cmp(&b.id)));
        found.truncate(usize::try_from(query.limit).unwrap());
        found
    }

    fn finds(&self, query: &TaskQuery, task: &Task) -> bool {
        let scope = &query.scope;
        let by_unit = scope.scope.as_ref().is_some_and(|scope| {
            *scope == Scope::Tenant || task.org_unit.as_ref().is_some_and(|unit| self.is_in(unit, scope))
        });
        let by_assignee = scope.assignee.is_some() && scope.assignee == task.assignee;
        let by_candidate = task.assignee.is_none()
            && task.candidates.as_ref().is_some_and(|candidates| {
                scope.candidate.iter().any(|(role, scope)| {
                    candidates.role.name() == role
                        && candidates.org_unit.as_ref().is_none_or(|unit| self.is_in(unit, scope))
                })
            });
        let state = |values: &Vec<String>| values.iter().any(|value| task.state.name() == value);
        let tag = |values: &Vec<String>| values.iter().any(|value| task.tags.contains(value));
        let due_ms = task.due.as_ref().map(|due| engine::time::parse("due", due).unwrap());
        let title = task.title.0.values().map(|text| text.to_lowercase()).collect::<String>();
        let below = |unit: &String| self.is_in(unit, &Scope::Under([query.org_unit.clone().unwrap()].into()));
        (by_unit || by_assignee || by_candidate)
            && query.equal.get(&TaskField::State).is_none_or(state)
            && query.equal.get(&TaskField::Tag).is_none_or(tag)
            && (query.org_unit.is_none() || task.org_unit.as_ref().is_some_and(below))
            && query.due_before_ms.is_none_or(|before_ms| due_ms.is_some_and(|due_ms| due_ms < before_ms))
            && query.text.as_ref().is_none_or(|text| text.split_whitespace().all(|word| title.contains(word)))
    }
}

/// What a write says it replaces: the truth, or something else.
fn expected(now: Option<u64>, up_to_date: bool) -> Option<u64> {
    match (now, up_to_date) {
        (now, true) => now,
        (None, false) => Some(1),
        (Some(1), false) => None,
        (Some(now), false) => Some(now - 1),
    }
}

impl Filled {
    fn task(&self, id: &str) -> Task {
        let role = |is_manager| if is_manager { Role::Manager } else { Role::Rep };
        Task {
            state: STATES[usize::from(self.state)],
            title: Text([("en".to_owned(), self.title.clone())].into()),
            org_unit: self.unit.map(unit),
            assignee: self.assignee.map(|user| format!("usr_{user}")),
            candidates: self
                .candidate
                .map(|(is_manager, of)| Candidates { role: role(is_manager), org_unit: of.map(unit) }),
            tags: self.tags.iter().map(|tag| format!("tag {tag}")).collect(),
            due: self.due.map(|number| format_utc(at(number))),
            created_at: format_utc(at(self.created)),
            ..samples::task(id)
        }
    }
}

impl Filter {
    /// As it is asked.
    pub fn query(&self) -> TaskQuery {
        let states = |states: &BTreeSet<u8>| {
            states.iter().map(|state| STATES[usize::from(*state)].name().to_owned()).collect::<Vec<_>>()
        };
        let tags = |tags: &BTreeSet<u8>| tags.iter().map(|tag| format!("tag {tag}")).collect::<Vec<_>>();
        let mut equal = BTreeMap::new();
        equal.extend(self.states.as_ref().map(|values| (TaskField::State, states(values))));
        equal.extend(self.tags.as_ref().map(|values| (TaskField::Tag, tags(values))));
        let role = |is_manager: bool| if is_manager { "manager".to_owned() } else { "rep".to_owned() };
        TaskQuery {
            scope: TaskScope {
                scope: if self.whole_tenant { Some(Scope::Tenant) } else { self.units.as_ref().map(units) },
                assignee: self.assignee.map(|user| format!("usr_{user}")),
                candidate: self.candidate.iter().map(|(is_manager, of)| (role(*is_manager), units(of))).collect(),
            },
            equal,
            org_unit: self.below.map(unit),
            due_before_ms: self.due_before.map(at),
            text: self.text.as_ref().map(|text| text.to_lowercase()),
            limit: u32::from(self.limit),
            ..samples::all_tasks()
        }
    }
}
