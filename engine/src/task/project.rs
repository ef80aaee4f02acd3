//! Tasks and visits: what a visit says about its task, and the tasks a visit leaves behind.

use super::{Candidates, Comment, Role, Task, TaskKind, TaskState};
use crate::command::Origin;
use crate::effective::EffectiveSop;
use crate::explain;
use crate::rule::Finding;
use crate::submit::standing_decision;
use crate::text::{LANGUAGES, Text};
use crate::time::format_utc;
use crate::verdict::SpawnedTask;
use crate::visit::{Contested, Visit, VisitState};
use serde_json::json;

impl Task {
    /// Takes over from its visit what a task shows of it. Called once for each commit that changed the visit.
    pub fn project(&mut self, sop: &EffectiveSop, visit: &Visit, at_ms: i64) {
        self.state = match &visit.state {
            // A task that was cancelled or missed comes back only when the visit is begun.
            VisitState::Planned if self.state.is_closed() => self.state,
            VisitState::Planned => TaskState::Open,
            VisitState::Open(_) => TaskState::InProgress,
            VisitState::Over(..) => TaskState::Done,
            VisitState::Cancelled => TaskState::Cancelled,
        };
        self.visit = Some(visit.id.clone());
        self.assignee = Some(visit.user.clone());
        self.customer = Some(visit.customer.id.clone());
        self.location = visit.customer.location.as_ref().map(|location| location.id.clone());
        self.business_date = Some(visit.business_date.clone());
        self.sop = Some(sop.sop.sop.clone());
        self.sop_version = Some(sop.sop.version.clone());
        let verdict = visit.verdict();
        self.decision = standing_decision(visit);
        self.validity = verdict.map(|verdict| verdict.validity);
        self.outcome = verdict.and_then(|verdict| verdict.outcome.clone());
        self.score = verdict.and_then(|verdict| verdict.score.as_ref()?.total);
        self.risk = verdict.map(|verdict| verdict.risk);
        self.closes_at = visit.closes_at_ms(sop).map(format_utc);
        self.touch(at_ms);
    }

    /// The task a verdict over the visit of `parent`, or a submission of it, asks for. A follow-up for reps is the rep's own.
    #[must_use]
    pub fn spawned(parent: &Self, spawned: &SpawnedTask, sop: &EffectiveSop, at_ms: i64) -> Self {
        let entry = sop.sop.tasks.iter().find(|entry| entry.id == spawned.entry);
        let kind = TaskKind::named(&spawned.kind).unwrap_or(TaskKind::FollowUp);
        let role = Role::named(&spawned.role).unwrap_or(Role::Manager);
        let own = kind == TaskKind::FollowUp && role == Role::Rep && spawned.org_unit.is_none();
        let org_unit = spawned.org_unit.clone().or_else(|| parent.org_unit.clone());
        Self {
            title: entry.map_or_else(|| said("task.review"), |entry| entry.title.clone()),
            origin: if kind == TaskKind::FollowUp { Origin::FollowUpOf } else { Origin::Rule },
            entry: Some(spawned.entry.clone()),
            due: Some(spawned.due.clone()),
            assignee: parent.assignee.clone().filter(|_| own),
            candidates: Some(Candidates { role, org_unit }),
            ..Self::child(parent, spawned.id.clone(), kind, at_ms)
        }
    }

    /// The task that `act` with `RequestSupport` calls for: the support desk helps with `parent`.
    #[must_use]
    pub fn support(parent: &Self, id: String, asked: &Comment, at_ms: i64) -> Self {
        Self {
            title: said("task.support"),
            candidates: Some(Candidates { role: Role::Ops, org_unit: None }),
            comments: vec![asked.clone()],
            ..Self::child(parent, id, TaskKind::Support, at_ms)
        }
    }

    /// The review that a contested verdict over the visit of `parent` asks for; its title names the finding, if it is one.
    #[must_use]
    pub fn contested(parent: &Self, id: String, sop: &EffectiveSop, contested: &Contested, at_ms: i64) -> Self {
        let user = parent.assignee.clone().unwrap_or_default();
        let contest = Comment { user, at: format_utc(contested.at_ms), text: contested.reason.clone() };
        let named = |found: &Finding| {
            let of = |language: &str| json!({"finding": explain::subject(sop, found, language)});
            let one = |language: &str| explain::sentence("task.contested_finding", &of(language), language);
            Text(LANGUAGES.iter().map(|language| ((*language).to_owned(), one(language))).collect())
        };
        Self {
            title: contested.found.as_ref().map_or_else(|| said("task.contested"), named),
            candidates: Some(Candidates { role: Role::Manager, org_unit: parent.org_unit.clone() }),
            comments: vec![contest],
            ..Self::child(parent, id, TaskKind::Review, at_ms)
        }
    }

    fn child(parent: &Self, id: String, kind: TaskKind, at_ms: i64) -> Self {
        Self {
            id,
            kind,
            state: TaskState::Open,
            title: Text::default(),
            customer: parent.customer.clone(),
            location: parent.location.clone(),
            contacts: parent.contacts.clone(),
            sop: parent.sop.clone(),
            sop_version: parent.sop_version.clone(),
            purpose: None,
            origin: Origin::Rule,
            plan: None,
            planned: None,
            due: None,
            priority: parent.priority,
            assignee: None,
            candidates: None,
            business_date: parent.business_date.clone(),
            parent: Some(parent.id.clone()),
            visit: parent.visit.clone(),
            entry: None,
            links: Vec::new(),
            tags: std::collections::BTreeSet::new(),
            comments: Vec::new(),
            org_unit: parent.org_unit.clone(),
            org_path: parent.org_path.clone(),
            overdue: false,
            decision: None,
            validity: None,
            outcome: None,
            score: None,
            risk: None,
            resolution: None,
            closes_at: None,
            created_at: format_utc(at_ms),
            updated_at: format_utc(at_ms),
            version: 1,
        }
    }
}

fn said(code: &str) -> Text {
    explain::sentences().get(code).cloned().unwrap_or_default()
}
