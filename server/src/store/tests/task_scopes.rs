//! SCOPE: a task one may not see is in no list, no count, and not there.

use super::samples::{all_tasks, new_task, org_unit, set, task, under, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Scope, Store, TaskQuery, TaskScope, Write};
use engine::task::{Candidates, Role, Task};

on_both![
    a_scope_is_units_own_tasks_and_what_one_may_take_up,
    a_scope_holds_with_every_filter,
    pages_follow_each_other_however_many_units_are_seen,
];

/// Tasks of a tree `top` over `east` (over `team`) and `west`; each is named after who may see it.
async fn tree(store: &dyn Store) {
    let units = [("top", None), ("east", Some("top")), ("team", Some("east")), ("west", Some("top"))];
    write(store, ONE, units.map(|(unit, parent)| org_unit(unit, parent)).into()).await;
    let of = |id: &str, unit: Option<&str>| Task { org_unit: unit.map(str::to_owned), ..task(id) };
    let candidates = |role, unit: Option<&str>| Some(Candidates { role, org_unit: unit.map(str::to_owned) });
    let tasks = [
        of("nobody", None),
        of("team", Some("team")),
        of("west", Some("west")),
        Task { assignee: Some("usr_1".to_owned()), ..of("west_of_usr_1", Some("west")) },
        Task { candidates: candidates(Role::Manager, Some("team")), ..of("for_managers_of_team", None) },
        Task { candidates: candidates(Role::Manager, None), ..of("for_managers", None) },
        Task {
            candidates: candidates(Role::Manager, Some("team")),
            assignee: Some("usr_2".to_owned()),
            ..of("taken_by_usr_2", None)
        },
    ];
    write(store, ONE, tasks.map(|task| Write::Task(Box::new(task), None)).into()).await;
}

async fn seen(store: &dyn Store, scope: TaskScope) -> Vec<String> {
    let query = TaskQuery { scope: scope.clone(), ..all_tasks() };
    let listed: Vec<String> = store.tasks(ONE, &query).await.unwrap().into_iter().map(|task| task.id).collect();
    // Lists, counts and single tasks agree.
    let counted: u64 = store.count_tasks(ONE, &query).await.unwrap().values().sum();
    assert_eq!(counted, listed.len() as u64);
    for task in store.tasks(ONE, &all_tasks()).await.unwrap() {
        let may = store.seen(ONE, &task.id, &scope).await.unwrap().is_some();
        assert_eq!(may, listed.contains(&task.id), "{}", task.id);
    }
    // And nothing is seen through the wall.
    assert_eq!(store.tasks(OTHER, &query).await.unwrap(), []);
    assert!(store.seen(OTHER, "team", &scope).await.unwrap().is_none());
    listed
}

async fn a_scope_is_units_own_tasks_and_what_one_may_take_up(database: &Database) {
    let store = database.with_tenants().await;
    tree(&*store).await;
    let nothing = TaskScope { scope: None, assignee: None, candidate: Vec::new() };
    assert_eq!(seen(&*store, nothing.clone()).await, [""; 0]);
    let units = |scope: Scope| TaskScope { scope: Some(scope), ..nothing.clone() };
    assert_eq!(seen(&*store, units(Scope::Tenant)).await.len(), 7);
    assert_eq!(seen(&*store, units(under(&["team"]))).await, ["team"]);
    assert_eq!(seen(&*store, units(under(&["east"]))).await, ["team"]);
    assert_eq!(seen(&*store, units(under(&["top"]))).await, ["team", "west", "west_of_usr_1"]);
    assert_eq!(seen(&*store, units(under(&["east", "west"]))).await, ["team", "west", "west_of_usr_1"]);
    assert_eq!(seen(&*store, units(under(&[]))).await, [""; 0]);
    assert_eq!(seen(&*store, units(under(&["nowhere"]))).await, [""; 0]);

    let own = TaskScope { assignee: Some("usr_1".to_owned()), ..nothing.clone() };
    assert_eq!(seen(&*store, own).await, ["west_of_usr_1"]);

    let role = |role: &str, scope| TaskScope { candidate: vec![(role.to_owned(), scope)], ..nothing.clone() };
    assert_eq!(seen(&*store, role("manager", under(&["east"]))).await, ["for_managers", "for_managers_of_team"]);
    assert_eq!(seen(&*store, role("manager", under(&["west"]))).await, ["for_managers"]);
    assert_eq!(seen(&*store, role("manager", Scope::Tenant)).await, ["for_managers", "for_managers_of_team"]);
    assert_eq!(seen(&*store, role("rep", Scope::Tenant)).await, [""; 0]);

    let all = TaskScope {
        scope: Some(under(&["team"])),
        assignee: Some("usr_1".to_owned()),
        candidate: vec![("rep".to_owned(), Scope::Tenant), ("manager".to_owned(), under(&["west"]))],
    };
    assert_eq!(seen(&*store, all).await, ["for_managers", "team", "west_of_usr_1"]);
}

async fn a_scope_holds_with_every_filter(database: &Database) {
    let store = database.with_tenants().await;
    tree(&*store).await;
    let scope = TaskScope { scope: Some(under(&["team"])), assignee: None, candidate: Vec::new() };
    let filters = [
        TaskQuery { org_unit: Some("top".to_owned()), ..all_tasks() },
        TaskQuery { text: Some("visit".to_owned()), ..all_tasks() },
        TaskQuery { after: Some((i64::MAX, String::new())), ..all_tasks() },
        TaskQuery { equal: [(crate::store::TaskField::State, vec!["open".to_owned()])].into(), ..all_tasks() },
    ];
    for filter in filters {
        let query = TaskQuery { scope: scope.clone(), ..filter };
        let ids: Vec<String> = store.tasks(ONE, &query).await.unwrap().into_iter().map(|task| task.id).collect();
        assert_eq!(ids, ["team"], "{query:?}");
    }
    // The same ids with another tenant stay there: its units are not ours.
    write(&*store, OTHER, vec![new_task("team"), org_unit("team", None)]).await;
    assert!(store.seen(OTHER, "team", &scope).await.unwrap().is_none());
    let tagged = Task { org_unit: Some("team".to_owned()), tags: set(&["x"]), ..task("tsk_tagged") };
    write(&*store, OTHER, vec![Write::Task(Box::new(tagged), None)]).await;
    let tag = TaskQuery { equal: [(crate::store::TaskField::Tag, vec!["x".to_owned()])].into(), scope, ..all_tasks() };
    assert_eq!(store.tasks(ONE, &tag).await.unwrap(), []);
    assert_eq!(store.tasks(OTHER, &tag).await.unwrap().len(), 1);
}

/// Page by page the same as at once, whether each org unit is looked at by itself or there are too many for that.
async fn pages_follow_each_other_however_many_units_are_seen(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![org_unit("top", None), org_unit("few", Some("top"))]).await;
    for number in 0..40_u32 {
        let (unit, below) = (format!("unit_{number}"), if number % 8 == 0 { "few" } else { "top" });
        let created_at = engine::time::format_utc(super::samples::NOW + i64::from(number % 5) * super::samples::HOUR);
        let of = |kind: &str| Task { created_at: created_at.clone(), ..task(&format!("{kind}_{number:02}")) };
        let candidates = |unit: Option<&String>| Some(Candidates { role: Role::Rep, org_unit: unit.cloned() });
        let tasks = [
            Task { org_unit: Some(unit.clone()), ..of("unit") },
            Task { candidates: candidates(Some(&unit)), ..of("free") },
            // Seen in two ways.
            Task { org_unit: Some(unit.clone()), candidates: candidates(None), ..of("both") },
            Task { assignee: Some("usr_1".to_owned()), ..of("own") },
        ];
        let mut writes = vec![org_unit(&unit, Some(below))];
        writes.extend(tasks.map(|task| Write::Task(Box::new(task), None)));
        write(&*store, ONE, writes).await;
    }
    for (units, of_units, free) in [("few", 5, 5), ("top", 40, 40)] {
        let scope = TaskScope {
            scope: Some(under(&[units])),
            assignee: Some("usr_1".to_owned()),
            candidate: vec![("rep".to_owned(), under(&[units]))],
        };
        let mut query = TaskQuery { scope, limit: 1000, ..all_tasks() };
        let whole = store.tasks(ONE, &query).await.unwrap();
        assert_eq!(whole.len(), of_units + free + 40 + 40);
        let place = |task: &Task| (std::cmp::Reverse(task.created_at.clone()), task.id.clone());
        assert!(whole.is_sorted_by_key(place));
        query.limit = 7;
        let mut paged: Vec<Task> = Vec::new();
        loop {
            let page = store.tasks(ONE, &query).await.unwrap();
            paged.extend(page.iter().cloned());
            let Some(last) = page.last() else { break };
            query.after = Some((engine::time::parse("created_at", &last.created_at).unwrap(), last.id.clone()));
        }
        assert_eq!(paged, whole);
    }
}
