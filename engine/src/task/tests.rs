//! Who may do what to a task, and what becomes of it.

use super::*;
use crate::explain;
use crate::rejection::Rejection;
use crate::tests::{Day, NINE_MS, PLAIN, clock, command};
use crate::time::format_utc;
use crate::verdict::SpawnedTask;
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

fn task(kind: TaskKind, patch: &Value) -> Task {
    let mut task = json!({
        "id": "tsk_one", "kind": kind, "state": "open", "title": {"en": "T", "zh-CN": "T"}, "origin": "plan",
        "created_at": format_utc(NINE_MS), "updated_at": format_utc(NINE_MS), "version": 1,
    });
    for (name, value) in patch.as_object().unwrap() {
        task[name] = value.clone();
    }
    serde_json::from_value(task).unwrap()
}

fn action(verb: &str) -> TaskAction {
    let resolve = |decision| TaskAction::Resolve { decision, reason: Some("r".into()) };
    match verb {
        "assign" => TaskAction::Assign { assignee: "usr_other".into(), on_behalf_of: None, reason: None },
        "assign rep" => TaskAction::Assign { assignee: "usr_rep".into(), on_behalf_of: None, reason: None },
        "claim" => TaskAction::Claim,
        "comment" => TaskAction::Comment { text: "c".into() },
        "request_support" => TaskAction::RequestSupport { text: "help".into() },
        "approve" => resolve(Resolved::Approved),
        "reject" => resolve(Resolved::Rejected),
        "return" => resolve(Resolved::Returned),
        "complete" => resolve(Resolved::Done),
        "cancel" => TaskAction::Cancel { reason: "r".into() },
        other => panic!("no verb {other}"),
    }
}

/// Somebody of `role` does something to a task about a visit of `usr_rep`: the type of the event, or the code.
#[track_caller]
fn check(task: &Task, (user, role): (&str, Role), verb: &str, expected: &str) {
    let roles = BTreeSet::from([role]);
    let done = act(task, &Actor { user, roles: &roles }, Some("usr_rep"), &action(verb), NINE_MS);
    let said = match &done {
        Ok(events) => events.iter().map(|event| event.draft("").kind).collect::<Vec<_>>().join(" "),
        Err(rejection) => rejection.code.clone(),
    };
    assert_eq!(said, expected, "{user} {verb} {:?} {:?}", task.kind, task.state);
}

const REP: (&str, Role) = ("usr_rep", Role::Rep);
const MANAGER: (&str, Role) = ("usr_boss", Role::Manager);
const OPS: (&str, Role) = ("usr_desk", Role::Ops);
const AUDITOR: (&str, Role) = ("usr_eyes", Role::Auditor);

#[test]
fn a_visit_task_is_planned_by_people_and_driven_by_its_visit() {
    let planned = task(TaskKind::Visit, &json!({"candidates": {"role": "rep"}}));
    for (who, verb, expected) in [
        (MANAGER, "assign", "task_assigned"),
        (OPS, "assign", "task_assigned"),
        (REP, "assign", "task.not_allowed"),
        (AUDITOR, "assign", "task.not_allowed"),
        (REP, "claim", "task_claimed"),
        (MANAGER, "claim", "task.not_candidate"),
        (AUDITOR, "comment", "task_commented"),
        (REP, "request_support", "support_requested"),
        (MANAGER, "cancel", "task_cancelled"),
        (REP, "cancel", "task.not_allowed"),
        (MANAGER, "approve", "task.wrong_kind"),
        (MANAGER, "return", "task.wrong_kind"),
        (REP, "complete", "task.wrong_kind"),
    ] {
        check(&planned, who, verb, expected);
    }
    let own = task(TaskKind::Visit, &json!({"assignee": "usr_rep"}));
    check(&own, REP, "cancel", "task_cancelled");
    check(&own, ("usr_other", Role::Rep), "claim", "task.assigned");
    let begun = task(TaskKind::Visit, &json!({"assignee": "usr_rep", "state": "in_progress"}));
    check(&begun, MANAGER, "assign", "task.under_way");
    check(&begun, REP, "cancel", "task.under_way");
    check(&begun, REP, "comment", "task_commented");
}

#[test]
fn a_review_is_decided_by_candidates_and_never_by_the_rep() {
    let review = task(TaskKind::Review, &json!({"candidates": {"role": "manager"}}));
    for (who, verb, expected) in [
        (MANAGER, "claim", "task_claimed"),
        (MANAGER, "approve", "task_resolved"),
        (MANAGER, "reject", "task_resolved"),
        (MANAGER, "return", "task_resolved"),
        (MANAGER, "complete", "task.wrong_kind"),
        (MANAGER, "assign", "task_assigned"),
        (MANAGER, "assign rep", "review.own_visit"),
        (OPS, "approve", "task.not_candidate"),
        // A rep who leads others is a rep here all the same.
        (("usr_rep", Role::Manager), "approve", "review.own_visit"),
        (("usr_rep", Role::Manager), "claim", "review.own_visit"),
        (REP, "cancel", "task.not_allowed"),
        (MANAGER, "cancel", "task_cancelled"),
    ] {
        check(&review, who, verb, expected);
    }
    let claimed = task(TaskKind::Review, &json!({"candidates": {"role": "manager"}, "assignee": "usr_boss"}));
    check(&claimed, ("usr_chief", Role::Manager), "claim", "task.assigned");
    check(&claimed, MANAGER, "claim", "task.assigned");
    check(&claimed, MANAGER, "approve", "task_resolved");
    let approval = task(TaskKind::Approval, &json!({"assignee": "usr_boss"}));
    check(&approval, MANAGER, "approve", "task_resolved");
    check(&approval, MANAGER, "return", "task.wrong_kind");
    check(&approval, OPS, "approve", "task.not_yours");
}

#[test]
fn other_work_is_done_by_whose_it_is() {
    for kind in [TaskKind::FollowUp, TaskKind::Support] {
        let open = task(kind, &json!({"candidates": {"role": "ops"}, "assignee": "usr_rep"}));
        check(&open, REP, "complete", "task_resolved");
        check(&open, OPS, "complete", "task_resolved");
        check(&open, AUDITOR, "complete", "task.not_candidate");
        check(&open, OPS, "approve", "task.wrong_kind");
    }
    check(&task(TaskKind::Support, &json!({})), REP, "request_support", "task.wrong_kind");
}

#[test]
fn a_closed_task_takes_nothing_but_comments() {
    for state in ["done", "cancelled", "missed"] {
        for kind in [TaskKind::Visit, TaskKind::Review, TaskKind::FollowUp] {
            let closed = task(kind, &json!({"state": state, "candidates": {"role": "manager"}}));
            for verb in ["assign", "claim", "request_support", "approve", "complete", "cancel"] {
                check(&closed, MANAGER, verb, "task.closed");
            }
            check(&closed, AUDITOR, "comment", "task_commented");
        }
    }
}

#[test]
fn a_reason_must_say_something() {
    let review = task(TaskKind::Review, &json!({"candidates": {"role": "manager"}}));
    let roles = BTreeSet::from([Role::Manager]);
    let actor = Actor { user: "usr_boss", roles: &roles };
    let resolve = |decision, reason: Option<&str>| TaskAction::Resolve { decision, reason: reason.map(str::to_owned) };
    for (action, pointer) in [
        (TaskAction::Comment { text: " \n".into() }, Some("/text")),
        (TaskAction::RequestSupport { text: String::new() }, Some("/text")),
        (TaskAction::Cancel { reason: " ".into() }, Some("/reason")),
        (resolve(Resolved::Rejected, None), Some("/reason")),
        (resolve(Resolved::Returned, Some("")), Some("/reason")),
        (resolve(Resolved::Rejected, Some("why")), None),
        (resolve(Resolved::Approved, None), None),
    ] {
        let done = act(&review, &actor, None, &action, NINE_MS);
        let missing = done.err().map(|Rejection { code, pointer, .. }| (code, pointer));
        assert_eq!(missing, pointer.map(|pointer| ("text.missing".to_owned(), pointer.to_owned())), "{action:?}");
    }
}

#[test]
fn events_carry_a_task_to_its_end_and_can_be_read_back() {
    let created = task(TaskKind::Review, &json!({"candidates": {"role": "manager"}}));
    let mut live = created.clone();
    let mut events = vec![TaskEvent::TaskCreated { task: Box::new(created.clone()) }];
    let roles = BTreeSet::from([Role::Manager]);
    let mut step = |user: &str, verb: &str| {
        let done = act(&live, &Actor { user, roles: &roles }, None, &action(verb), NINE_MS + HOUR_MS).unwrap();
        done.iter().for_each(|event| live.apply(event, NINE_MS + HOUR_MS));
        events.extend(done);
        (live.state, live.assignee.clone(), live.version)
    };
    assert_eq!(step("usr_boss", "claim"), (TaskState::InProgress, Some("usr_boss".into()), 2));
    assert_eq!(step("usr_boss", "assign"), (TaskState::Open, Some("usr_other".into()), 3));
    assert_eq!(step("usr_other", "comment"), (TaskState::Open, Some("usr_other".into()), 4));
    assert_eq!(step("usr_other", "reject"), (TaskState::Done, Some("usr_other".into()), 5));
    let resolution = live.resolution.clone().unwrap();
    assert_eq!((resolution.decision, resolution.user.as_str()), (Resolved::Rejected, "usr_other"));
    assert_eq!((live.comments.len(), live.updated_at.clone()), (1, format_utc(NINE_MS + HOUR_MS)));

    let mut rebuilt: Option<Task> = None;
    for event in &events {
        let draft = event.draft("tsk_one");
        let payloads = crate::canon::members(&draft.payloads).unwrap();
        let read = TaskEvent::from_payloads(&draft.kind, payloads.iter()).unwrap();
        assert_eq!(read, *event);
        rebuilt = match rebuilt {
            None => Task::begin(&read),
            Some(mut task) => {
                task.apply(&read, NINE_MS + HOUR_MS);
                Some(task)
            }
        };
    }
    assert_eq!(rebuilt, Some(live.clone()));
    let mut released = created;
    released.apply(&TaskEvent::TaskClaimed { user: "usr_boss".into() }, NINE_MS);
    released.apply(&TaskEvent::TaskReleased { user: "usr_admin".into(), reason: None }, NINE_MS);
    assert_eq!((released.state, released.assignee, released.version), (TaskState::Open, None, 3));
    assert!(serde_json::from_value::<Task>(json!({"id": "tsk_a"})).is_err());
}

#[test]
fn time_makes_a_task_overdue_once_and_a_planned_visit_missed() {
    let due_at = |hours: i64| format_utc(NINE_MS + hours * HOUR_MS);
    let window = json!({"from": due_at(0), "to": due_at(2)});
    let kinds = |task: &Task, hours: i64| {
        due(task, NINE_MS + hours * HOUR_MS).iter().map(|event| event.draft("").kind).collect::<Vec<_>>().join(" ")
    };
    let mut review = task(TaskKind::Review, &json!({"due": due_at(1)}));
    assert_eq!(kinds(&review, 0), "");
    assert_eq!(kinds(&review, 1), "task_overdue");
    review.apply(&TaskEvent::TaskOverdue { at: due_at(1) }, NINE_MS + HOUR_MS);
    assert!(review.overdue && kinds(&review, 5).is_empty());

    let mut planned = task(TaskKind::Visit, &json!({"planned": window, "due": due_at(1)}));
    assert_eq!(kinds(&planned, 1), "task_overdue");
    assert_eq!(kinds(&planned, 2), "task_missed");
    assert_eq!(kinds(&task(TaskKind::Visit, &json!({"planned": window, "state": "in_progress"})), 3), "");
    assert_eq!(kinds(&task(TaskKind::Visit, &json!({"planned": window, "state": "cancelled"})), 3), "");
    assert_eq!(kinds(&task(TaskKind::Visit, &json!({"planned": {"from": "?", "to": "?"}, "due": "?"})), 3), "");
    planned.apply(&TaskEvent::TaskMissed { at: due_at(2) }, NINE_MS + 2 * HOUR_MS);
    assert_eq!((planned.state, kinds(&planned, 3)), (TaskState::Missed, String::new()));

    // LATE: the phone was offline; the visit that was begun in time brings the task back.
    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 3 * 3600, 1);
    planned.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS + 4 * HOUR_MS);
    assert_eq!(planned.state, TaskState::InProgress);
}

#[test]
fn a_task_shows_what_its_visit_is() {
    let mut day = Day::new();
    let mut live = task(TaskKind::Visit, &json!({}));
    day.visit("one", "cus_one", 0, 0, 1);
    live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
    assert_eq!((live.state, live.version, live.decision), (TaskState::InProgress, 2, None));
    assert_eq!(live.closes_at, Some(format_utc(NINE_MS + 120_000 + HOUR_MS)));
    assert_eq!((live.visit.as_deref(), live.assignee.as_deref()), (Some("vis_one"), Some("usr_rep")));
    assert_eq!((live.customer.as_deref(), live.location.as_deref()), (Some("cus_one"), Some("loc_one")));
    assert_eq!((live.sop.as_deref(), live.sop_version.as_deref()), (Some("test.plain"), Some("1.0.0")));
    assert_eq!(live.business_date.as_deref(), Some("2026-03-02"));
    day.take(&clock(8000));
    live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
    assert_eq!((live.state, live.decision), (TaskState::Done, Some(Decision::Flagged)));
    assert_eq!((live.validity, live.outcome.as_deref()), (Some(Validity::Invalid), Some("abandoned")));
    assert_eq!((live.closes_at.clone(), live.risk, live.score), (None, Some(0.0), Some(50.0)));
    day.take(&command("cmd_r", "usr_boss", "tsk_one", (8100, 8100), "reject", &json!({"reason": "r"})));
    live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
    assert_eq!(live.decision, Some(Decision::Rejected));
    let returned = json!({"step": "survey", "reason": "r"});
    day.take(&command("cmd_s", "usr_boss", "tsk_one", (8200, 8200), "return", &returned));
    live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
    assert_eq!((live.state, live.decision, live.validity), (TaskState::InProgress, Some(Decision::Returned), None));
    day.take(&command("cmd_t", "usr_rep", "tsk_one", (8300, 8300), "cancel", &json!({"reason": "r"})));
    live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
    assert_eq!((live.state, live.closes_at), (TaskState::Cancelled, None));
}

#[test]
fn a_cancelled_task_stays_so_until_its_visit_is_begun() {
    let mut day = Day::new();
    day.take(&command(
        "cmd_a",
        "usr_rep",
        "tsk_one",
        (0, 0),
        "create",
        &json!({"customer": "cus_one", "origin": "plan"}),
    ));
    for state in ["cancelled", "missed", "open"] {
        let mut live = task(TaskKind::Visit, &json!({"state": state}));
        live.project(&PLAIN, day.journal.visits().get("vis_one").unwrap(), NINE_MS);
        assert_eq!(live.state.name(), state);
    }
}

#[test]
fn a_visit_leaves_tasks_behind() {
    let parent = task(
        TaskKind::Visit,
        &json!({"assignee": "usr_rep", "customer": "cus_one", "visit": "vis_one", "org_unit": "org_a", "org_path": ["org_root", "org_a"], "priority": 2}),
    );
    let spawned = |kind: &str, entry: &str, role: &str| SpawnedTask {
        id: format!("tsk_one-{entry}"),
        kind: kind.into(),
        entry: entry.into(),
        role: role.into(),
        due: format_utc(NINE_MS + HOUR_MS),
        org_unit: None,
        working: None,
    };
    let follow_up = Task::spawned(&parent, &spawned("follow_up", "ask_again", "rep"), &PLAIN, NINE_MS);
    assert_eq!((follow_up.kind, follow_up.origin), (TaskKind::FollowUp, Origin::FollowUpOf));
    assert_eq!((follow_up.assignee.as_deref(), follow_up.title.get("en")), (Some("usr_rep"), Some("Ask again")));
    assert_eq!((follow_up.due, follow_up.version), (Some(format_utc(NINE_MS + HOUR_MS)), 1));
    let review = Task::spawned(&parent, &spawned("review", "review", "manager"), &PLAIN, NINE_MS);
    assert_eq!((review.kind, review.assignee.as_deref(), review.origin), (TaskKind::Review, None, Origin::Rule));
    let candidates = Candidates { role: Role::Manager, org_unit: Some("org_a".into()) };
    assert_eq!((review.candidates, review.parent.as_deref()), (Some(candidates), Some("tsk_one")));
    assert_eq!((review.title.get("zh-CN"), review.priority), (Some("审核拜访"), 2));
    let asked = Comment { user: "usr_rep".into(), at: format_utc(NINE_MS), text: "help".into() };
    let support = Task::support(&parent, "tsk_one-support".into(), &asked, NINE_MS);
    assert_eq!(
        (support.kind, support.comments.len(), support.visit.as_deref()),
        (TaskKind::Support, 1, Some("vis_one"))
    );
}

#[test]
fn clients_are_told_which_verbs_there_are_and_why_not() {
    let said = |task: &Task, (user, role): (&str, Role)| {
        let roles = BTreeSet::from([role]);
        let verbs = task.allowed(&Actor { user, roles: &roles }, Some("usr_rep"), NINE_MS);
        let text = |one: &AllowedVerb| match &one.why_not {
            None => one.verb.clone(),
            Some(code) => format!("{}:{code}", one.verb),
        };
        verbs.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let planned = task(TaskKind::Visit, &json!({"assignee": "usr_rep"}));
    assert_eq!(said(&planned, REP), "assign:task.not_allowed claim:task.assigned comment request_support cancel start");
    assert_eq!(
        said(&planned, MANAGER),
        "assign claim:task.assigned comment request_support cancel start:task.not_yours"
    );
    let begun = task(TaskKind::Visit, &json!({"assignee": "usr_rep", "state": "in_progress", "visit": "vis_one"}));
    assert_eq!(said(&begun, REP), "assign:task.not_allowed claim:task.assigned comment request_support");
    let missed = task(TaskKind::Visit, &json!({"assignee": "usr_rep", "state": "missed"}));
    assert!(said(&missed, REP).ends_with("cancel:task.closed start"));
    let review = task(TaskKind::Review, &json!({"candidates": {"role": "manager"}}));
    assert_eq!(said(&review, MANAGER), "assign claim comment request_support approve reject return cancel");
    let support = task(TaskKind::Support, &json!({"candidates": {"role": "ops"}}));
    assert_eq!(said(&support, OPS), "assign claim comment complete cancel");

    let mut day = Day::new();
    day.visit("one", "cus_one", 0, 0, 1);
    let visit = day.journal.visits().get("vis_one").unwrap();
    let refused = |user: &str| {
        let allowed = crate::submit::allowed(&PLAIN, visit, user);
        let refused = allowed.into_iter().filter_map(|one| Some((one.verb, one.why_not?)));
        refused.map(|(verb, code)| format!("{verb}:{code}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        refused("usr_rep"),
        "start:task.not_possible complete:visit.incomplete return:review.own_visit approve:review.own_visit \
         reject:review.own_visit contest:task.not_possible"
    );
    assert!(
        refused("usr_boss").contains("submit:task.not_yours")
            && refused("usr_boss").contains("approve:task.not_possible")
    );
}

#[test]
fn every_refusal_and_every_answer_has_a_sentence() {
    let codes = [
        "task.closed",
        "task.under_way",
        "task.wrong_kind",
        "task.assigned",
        "task.not_candidate",
        "task.not_allowed",
        "task.not_yours",
        "task.not_possible",
        "text.missing",
        "finding.unknown",
        "review.own_visit",
        "task.review",
        "task.support",
        "resolve.wins",
        "resolve.outranked",
        "resolve.not_yet",
        "resolve.ended",
        "resolve.org_unit",
        "resolve.role",
        "resolve.customer_type",
        "resolve.customer_tag",
        "resolve.customer_field",
        "resolve.no_version",
        "resolve.type_not_served",
        "resolve.malformed",
    ];
    let missing: Vec<_> = codes.iter().filter(|code| !explain::sentences().contains_key(**code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(explain::untranslated(), Vec::<String>::new());
}
