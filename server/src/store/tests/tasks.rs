//! Tasks are found by every field, in one order, page by page.

use super::samples::{HOUR, NOW, all_tasks, org_unit, set, task, write};
use super::{Database, ONE, OTHER, on_both};
use crate::store::{Store, TaskField, TaskQuery, Write};
use engine::command::Origin;
use engine::task::{Candidates, Role, Task, TaskKind, TaskState, Window};
use engine::text::Text;
use engine::time::format_utc;
use engine::verdict::{Decision, Validity};
use std::collections::BTreeMap;

on_both![
    a_task_comes_back_as_it_was,
    each_field_finds,
    times_and_dates_find,
    words_find,
    the_newest_comes_first,
    tasks_are_counted_by_state,
    visits_are_closed_when_policy_says,
    what_is_due_is_reminded_of,
];

fn put(task: &Task) -> Write {
    Write::Task(Box::new(task.clone()), None)
}

/// A task with every member set.
fn full(id: &str) -> Task {
    Task {
        kind: TaskKind::Review,
        state: TaskState::InProgress,
        customer: Some("cus_1".to_owned()),
        location: Some("loc_1".to_owned()),
        contacts: vec!["con_1".to_owned(), "con_2".to_owned(), "con_1".to_owned()],
        sop: Some("audit".to_owned()),
        sop_version: Some("1.0.0".to_owned()),
        purpose: Some("regular\0".to_owned()),
        origin: Origin::FollowUpOf,
        plan: Some("pln_1".to_owned()),
        planned: Some(Window { from: format_utc(NOW), to: "2026-03-02T12:00:00+08:00".to_owned() }),
        due: Some(format_utc(NOW + HOUR)),
        priority: -3,
        assignee: Some("usr_1".to_owned()),
        candidates: Some(Candidates { role: Role::Manager, org_unit: Some("org_1".to_owned()) }),
        business_date: Some("2026-03-02".to_owned()),
        parent: Some("tsk_parent".to_owned()),
        visit: Some("vis_1".to_owned()),
        links: vec!["tsk_link".to_owned()],
        tags: set(&["new\0", "重点"]),
        org_unit: Some("org_1".to_owned()),
        org_path: vec!["org_top".to_owned(), "org_1".to_owned()],
        overdue: true,
        decision: Some(Decision::Held),
        validity: Some(Validity::Invalid),
        outcome: Some("refused".to_owned()),
        score: Some(87.1),
        risk: Some(0.1 + 0.2),
        closes_at: Some(format_utc(NOW + HOUR)),
        ..task(id)
    }
}

async fn ids(store: &dyn Store, query: &TaskQuery) -> Vec<String> {
    store.tasks(ONE, query).await.unwrap().into_iter().map(|task| task.id).collect()
}

fn with(field: TaskField, values: &[&str]) -> TaskQuery {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    TaskQuery { equal: BTreeMap::from([(field, values)]), ..all_tasks() }
}

async fn a_task_comes_back_as_it_was(database: &Database) {
    let store = database.with_tenants().await;
    let task = full("tsk_1");
    write(&*store, ONE, vec![put(&task)]).await;
    assert_eq!(store.task(ONE, "tsk_1").await.unwrap(), Some(task.clone()));
    assert_eq!(store.tasks(ONE, &all_tasks()).await.unwrap(), [task]);
    assert_eq!(store.task(OTHER, "tsk_1").await.unwrap(), None);
    let wrong = Task { due: Some("tomorrow".to_owned()), ..full("tsk_2") };
    assert!(store.commit(ONE, &super::samples::commit(vec![put(&wrong)])).await.is_err());
}

async fn each_field_finds(database: &Database) {
    let store = database.with_tenants().await;
    write(&*store, ONE, vec![put(&task("tsk_plain")), put(&full("tsk_full"))]).await;
    write(&*store, OTHER, vec![put(&full("tsk_other"))]).await;
    let cases = [
        (TaskField::Kind, "review", "visit"),
        (TaskField::State, "in_progress", "open"),
        (TaskField::Origin, "follow_up_of", "plan"),
        (TaskField::Priority, "-3", "0"),
        (TaskField::Overdue, "true", "false"),
        (TaskField::Customer, "cus_1", ""),
        (TaskField::Location, "loc_1", ""),
        (TaskField::Contact, "con_2", ""),
        (TaskField::Sop, "audit", ""),
        (TaskField::Purpose, "regular\0", ""),
        (TaskField::Plan, "pln_1", ""),
        (TaskField::Assignee, "usr_1", ""),
        (TaskField::CandidateRole, "manager", ""),
        (TaskField::Parent, "tsk_parent", ""),
        (TaskField::Link, "tsk_link", ""),
        (TaskField::Tag, "重点", ""),
        (TaskField::Decision, "held", ""),
        (TaskField::Validity, "invalid", ""),
        (TaskField::Outcome, "refused", ""),
    ];
    for (field, of_full, of_plain) in cases {
        assert_eq!(ids(&*store, &with(field, &[of_full])).await, ["tsk_full"], "{field:?}");
        assert_eq!(ids(&*store, &with(field, &["x", of_full])).await, ["tsk_full"], "{field:?}");
        assert_eq!(ids(&*store, &with(field, &["x", "' or 1=1 --", "\0"])).await, [""; 0], "{field:?}");
        assert_eq!(ids(&*store, &with(field, &[])).await, [""; 0], "{field:?}");
        let plain = ids(&*store, &with(field, &[of_plain])).await;
        assert_eq!(plain, if of_plain.is_empty() { &[][..] } else { &["tsk_plain"] }, "{field:?}");
    }
    // Fields add up.
    let mut both = with(TaskField::Tag, &["重点", "new\0"]);
    both.equal.insert(TaskField::Contact, vec!["con_1".to_owned()]);
    assert_eq!(ids(&*store, &both).await, ["tsk_full"]);
    both.equal.insert(TaskField::State, vec!["open".to_owned()]);
    assert_eq!(ids(&*store, &both).await, [""; 0]);
    // A tag that was taken off finds nothing any more.
    let without = Task { version: 2, tags: set(&[]), ..full("tsk_full") };
    write(&*store, ONE, vec![Write::Task(Box::new(without), Some(1))]).await;
    assert_eq!(ids(&*store, &with(TaskField::Tag, &["重点"])).await, [""; 0]);
    assert_eq!(ids(&*store, &with(TaskField::Contact, &["con_1"])).await, ["tsk_full"]);
}

async fn times_and_dates_find(database: &Database) {
    let store = database.with_tenants().await;
    // Planned from NOW to 12:00 in Shanghai, which is 04:00 UTC.
    write(&*store, ONE, vec![put(&task("tsk_plain")), put(&full("tsk_full"))]).await;
    write(&*store, ONE, vec![org_unit("org_top", None), org_unit("org_1", Some("org_top"))]).await;
    let end = engine::time::parse("end", "2026-03-02T04:00:00Z").unwrap();
    let finds = async |query: TaskQuery| match &ids(&*store, &query).await[..] {
        [] => false,
        [one] => one == "tsk_full",
        _ => panic!("{query:?}"),
    };
    let date = |text: &str| Some(text.to_owned());
    for (date, from, to) in
        [(date("2026-03-01"), true, false), (date("2026-03-02"), true, true), (date("2026-03-03"), false, true)]
    {
        assert_eq!(finds(TaskQuery { business_from: date.clone(), ..all_tasks() }).await, from);
        assert_eq!(finds(TaskQuery { business_to: date, ..all_tasks() }).await, to);
    }
    assert!(finds(TaskQuery { due_before_ms: Some(NOW + HOUR + 1), ..all_tasks() }).await);
    assert!(!finds(TaskQuery { due_before_ms: Some(NOW + HOUR), ..all_tasks() }).await);
    assert!(finds(TaskQuery { planned_from_ms: Some(end - 1), ..all_tasks() }).await);
    assert!(!finds(TaskQuery { planned_from_ms: Some(end), ..all_tasks() }).await);
    assert!(finds(TaskQuery { planned_to_ms: Some(NOW + 1), ..all_tasks() }).await);
    assert!(!finds(TaskQuery { planned_to_ms: Some(NOW), ..all_tasks() }).await);
    assert!(finds(TaskQuery { org_unit: Some("org_top".to_owned()), ..all_tasks() }).await);
    assert!(finds(TaskQuery { org_unit: Some("org_1".to_owned()), ..all_tasks() }).await);
    assert!(!finds(TaskQuery { org_unit: Some("org_2".to_owned()), ..all_tasks() }).await);
}

async fn words_find(database: &Database) {
    let store = database.with_tenants().await;
    let texts = [("en", "100% CHECK of A_B \\ ÄRGER"), ("zh-CN", "拜访 南京东路\0店")];
    let title = Text(texts.map(|(language, text)| (language.to_owned(), text.to_owned())).into());
    write(&*store, ONE, vec![put(&task("tsk_plain")), put(&Task { title, ..task("tsk_1") })]).await;
    let by = |text: &str| TaskQuery { text: Some(text.to_owned()), ..all_tasks() };
    for text in ["check", "100%", "a_b", "\\", "of  check", "ärger", "南京", "hec 南京东路 100", "路\0店"] {
        assert_eq!(ids(&*store, &by(text)).await, ["tsk_1"], "{text}");
    }
    for text in ["100_", "a%b", "checks", "visit check", "_", "%%", "'"] {
        let found = ids(&*store, &by(text)).await;
        let expected: &[&str] = if text == "_" { &["tsk_1", "tsk_plain"] } else { &[] };
        assert_eq!(found, expected, "{text}");
    }
    // No words ask for nothing.
    assert_eq!(ids(&*store, &by("  ")).await.len(), 2);
}

async fn the_newest_comes_first(database: &Database) {
    let store = database.with_tenants().await;
    let made = |id: &str, at_ms| put(&Task { created_at: format_utc(at_ms), ..task(id) });
    let writes = vec![made("tsk_b", NOW), made("tsk_a", NOW), made("tsk_c", NOW + 5), made("tsk_d", NOW - 5)];
    write(&*store, ONE, writes).await;
    let order = ["tsk_c", "tsk_a", "tsk_b", "tsk_d"];
    assert_eq!(ids(&*store, &all_tasks()).await, order);
    let mut after = None;
    for id in order {
        let page = store.tasks(ONE, &TaskQuery { after, limit: 1, ..all_tasks() }).await.unwrap();
        assert_eq!(page[0].id, id);
        after = Some((engine::time::parse("at", &page[0].created_at).unwrap(), page[0].id.clone()));
    }
    assert_eq!(store.tasks(ONE, &TaskQuery { after, limit: 1, ..all_tasks() }).await.unwrap(), []);
}

async fn tasks_are_counted_by_state(database: &Database) {
    let store = database.with_tenants().await;
    let states = [TaskState::Open, TaskState::Open, TaskState::Done, TaskState::Missed];
    let writes = states.iter().enumerate().map(|(index, state)| {
        put(&Task { state: *state, priority: i32::try_from(index).unwrap(), ..task(&format!("tsk_{index}")) })
    });
    write(&*store, ONE, writes.collect()).await;
    let count = async |query: &TaskQuery| store.count_tasks(ONE, query).await.unwrap();
    let counts = |pairs: &[(&str, u64)]| pairs.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
    let page = TaskQuery { limit: 1, after: Some((NOW, "tsk_2".to_owned())), ..all_tasks() };
    assert_eq!(count(&page).await, counts(&[("done", 1), ("missed", 1), ("open", 2)]));
    assert_eq!(count(&with(TaskField::Priority, &["1", "2"])).await, counts(&[("done", 1), ("open", 1)]));
    assert_eq!(store.count_tasks(OTHER, &all_tasks()).await.unwrap(), BTreeMap::new());
}

async fn visits_are_closed_when_policy_says(database: &Database) {
    let store = database.with_tenants().await;
    let closes = |id: &str, state, at_ms: i64| put(&Task { state, closes_at: Some(format_utc(at_ms)), ..task(id) });
    let writes = vec![
        closes("tsk_later", TaskState::InProgress, NOW + 1),
        closes("tsk_second", TaskState::InProgress, NOW),
        closes("tsk_first", TaskState::InProgress, NOW - 1),
        closes("tsk_done", TaskState::Done, NOW - 1),
        put(&task("tsk_never")),
    ];
    write(&*store, ONE, writes).await;
    let to_close = async |now_ms, limit| {
        let tasks = store.to_close(ONE, now_ms, limit).await.unwrap();
        tasks.into_iter().map(|task| task.id).collect::<Vec<_>>()
    };
    assert_eq!(to_close(NOW, 10).await, ["tsk_first", "tsk_second"]);
    assert_eq!(to_close(NOW, 1).await, ["tsk_first"]);
    assert_eq!(to_close(NOW + 1, 10).await, ["tsk_first", "tsk_second", "tsk_later"]);
    assert_eq!(store.to_close(OTHER, NOW, 10).await.unwrap(), []);
}

async fn what_is_due_is_reminded_of(database: &Database) {
    let store = database.with_tenants().await;
    let window = |from, to| Some(Window { from: format_utc(from), to: format_utc(to) });
    let due = |at_ms| Some(format_utc(at_ms));
    let tasks = [
        Task { due: due(NOW), ..task("tsk_due") },
        Task { due: due(NOW), overdue: true, ..task("tsk_marked") },
        Task { due: due(NOW), state: TaskState::Done, ..task("tsk_done") },
        Task { due: due(NOW + 1), ..task("tsk_later") },
        Task { planned: window(NOW - HOUR, NOW - 1), ..task("tsk_missed") },
        Task { planned: window(NOW - HOUR, NOW + 1), ..task("tsk_running") },
        Task { planned: window(NOW - HOUR, NOW - 1), state: TaskState::InProgress, ..task("tsk_begun") },
        Task { planned: window(NOW - HOUR, NOW - 1), kind: TaskKind::FollowUp, ..task("tsk_no_visit") },
        Task { planned: window(NOW - HOUR, NOW), due: due(NOW - 2), overdue: true, ..task("tsk_marked_and_missed") },
    ];
    write(&*store, ONE, tasks.iter().map(put).collect()).await;
    let reminded = store.to_remind(ONE, NOW, 10).await.unwrap();
    let ids: Vec<&str> = reminded.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["tsk_missed", "tsk_due", "tsk_marked_and_missed"]);
    // The engine has the last word, and has one for exactly these.
    for task in &tasks {
        assert_eq!(!engine::task::due(task, NOW).is_empty(), ids.contains(&task.id.as_str()), "{}", task.id);
    }
    assert_eq!(store.to_remind(ONE, NOW, 1).await.unwrap().len(), 1);
    assert_eq!(store.to_remind(OTHER, NOW, 10).await.unwrap(), []);
}
