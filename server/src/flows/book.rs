//! Writing down what happened: events sealed onto their streams, the task row they change, what they become beyond the
//! visit, and the indexes the past is asked through. Everything ends in one list of writes (ONE-COMMIT); nothing here touches the store.

use crate::flows::load::LoadedVisit;
use crate::flows::problem::{Problem, Result};
use crate::store::{Found, LedgerEntry, Output, PastArrival, PastScore, PastUse, Record, Write};
use engine::alike;
use engine::canon::CanonError;
use engine::command::{Action, Amend, Command, Position};
use engine::effective::EffectiveSop;
use engine::event::{Draft, ENGINE_HASH, Event, Seal, Tip, seal};
use engine::finding;
use engine::input::RepStanding;
use engine::ledger::{self, LedgerEvent};
use engine::output;
use engine::place::shift;
use engine::rule::Finding;
use engine::sop::StepKind;
use engine::standing::{self, Scored};
use engine::task::{Task, TaskEvent};
use engine::time::format_utc;
use engine::visit::{Visit, VisitEvent, step_key};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where an entry of an account comes from.
pub struct Entering<'a> {
    /// The visit that posts it.
    pub visit: Option<&'a str>,
    /// The step, and instance as `step[key]`.
    pub step: Option<&'a str>,
    /// Who posts or adjusts.
    pub user: &'a str,
    /// Why, if it is an adjustment.
    pub reason: Option<&'a str>,
}

/// The writes of one decision.
pub struct Book<'a> {
    tenant: &'a str,
    now_ms: i64,
    /// The org unit that what is written belongs to.
    org_unit: Option<String>,
    tips: BTreeMap<String, Tip>,
    writes: Vec<Write>,
}

impl<'a> Book<'a> {
    /// Nothing yet.
    pub const fn new(tenant: &'a str, now_ms: i64) -> Self {
        Self { tenant, now_ms, org_unit: None, tips: BTreeMap::new(), writes: Vec::new() }
    }

    /// What is written from here on belongs to this org unit.
    pub fn of_unit(&mut self, org_unit: Option<String>) {
        self.org_unit = org_unit;
    }

    /// Adds a write as it is.
    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }

    /// What is to be committed.
    pub fn into_writes(self) -> Vec<Write> {
        self.writes
    }

    /// Seals a draft onto its stream, whose end must have been given by `at_end` unless it is new.
    fn seal(&mut self, draft: Draft) -> Result<(u64, String)> {
        self.sealed(&draft.stream.clone(), |place| seal(draft, place, &mut crate::app::salt))
    }

    fn sealed(
        &mut self,
        stream: &str,
        seal: impl FnOnce(&Seal<'_>) -> std::result::Result<Event, CanonError>,
    ) -> Result<(u64, String)> {
        let tip = self.tips.entry(stream.to_owned()).or_default();
        let place = Seal { tenant: self.tenant, engine: ENGINE_HASH, at_ms: self.now_ms, tip };
        let event = seal(&place).map_err(Problem::internal)?;
        *tip = Tip::after(&event);
        let written = (event.header.seq, event.hash.clone());
        self.writes.push(Write::Event(Box::new(event)));
        Ok(written)
    }

    /// Where a stream ends before this decision.
    pub fn at_end(&mut self, stream: &str, tip: Tip) {
        self.tips.insert(stream.to_owned(), tip);
    }

    /// Where a stream ends after it.
    pub fn end(&self, stream: &str) -> Tip {
        self.tips.get(stream).cloned().unwrap_or_default()
    }

    /// A task that is new.
    ///
    /// # Errors
    /// A value without canonical form.
    pub fn new_task(&mut self, task: Task) -> Result<()> {
        self.seal(TaskEvent::TaskCreated { task: Box::new(task.clone()) }.draft(&task.id))?;
        self.writes.push(Write::Task(Box::new(task), None));
        Ok(())
    }

    /// What happened to a task on its own stream, ending at `tip`.
    ///
    /// # Errors
    /// A value without canonical form.
    pub fn task_events(&mut self, task: &mut Task, tip: Tip, events: &[TaskEvent]) -> Result<()> {
        self.at_end(&task.id, tip);
        for event in events {
            self.seal(event.draft(&task.id))?;
            task.apply(event, self.now_ms);
        }
        Ok(())
    }

    /// The task as it is now, in place of version `before`.
    pub fn changed_task(&mut self, task: &mut Task, before: u64) {
        task.version = before + 1;
        task.updated_at = format_utc(self.now_ms);
        self.writes.push(Write::Task(Box::new(task.clone()), Some(before)));
    }

    /// What happened to a visit; gives the state after it. `before` is none when the visit begins.
    ///
    /// # Errors
    /// A value without canonical form, or a visit that does not begin.
    pub fn visit_events(
        &mut self,
        sop: &EffectiveSop,
        before: Option<LoadedVisit>,
        id: &str,
        events: &[VisitEvent],
    ) -> Result<Visit> {
        let awaited: BTreeSet<String> = before.as_ref().map(|loaded| loaded.visit.awaited.clone()).unwrap_or_default();
        let mut visit = before.map(|loaded| {
            self.at_end(id, loaded.tip);
            loaded.visit
        });
        for event in events {
            let (seq, hash) = self.sealed(id, |place| event.seal(id, place, &mut crate::app::salt))?;
            match &mut visit {
                None => visit = Visit::begin(event, self.now_ms),
                Some(visit) => visit.apply(event, &hash, self.now_ms),
            }
            if let Some(visit) = &visit {
                self.index(sop, visit, event, (seq, &hash));
                self.outputs(sop, visit, event, &hash)?;
            }
        }
        let visit = visit.ok_or_else(|| Problem::internal("a visit begins with its creation"))?;
        if visit.awaited != awaited {
            self.writes.push(Write::Awaits { visit: visit.id.clone(), sha256: visit.awaited.clone() });
        }
        Ok(visit)
    }

    /// What an event (already applied to `visit`) becomes beyond the visit: records, and entries of accounts, whose ends must
    /// have been given by `at_end`.
    fn outputs(&mut self, sop: &EffectiveSop, visit: &Visit, event: &VisitEvent, hash: &str) -> Result<()> {
        match event {
            VisitEvent::Submitted { command, .. } => {
                let (Action::Submit(submission) | Action::Amend(Amend { submission, .. })) = &command.action else {
                    return Ok(());
                };
                let step = step_key(&submission.step, submission.instance.as_deref());
                let revision = visit.steps.get(&step).map_or(0, |record| record.attempts);
                if revision > 1 && sop.sop.outputs.iter().any(|output| output.step == submission.step) {
                    self.writes.push(Write::Handed { visit: visit.id.clone(), step, revision });
                }
                for record in output::records(sop, visit, submission) {
                    self.writes.push(Write::Output(Box::new(Output {
                        record,
                        erased: false,
                        standing: true,
                        org_unit: self.org_unit.clone(),
                        event: hash.to_owned(),
                        at_ms: self.now_ms,
                    })));
                }
            }
            VisitEvent::Assessed { assessment } => {
                let entering =
                    Entering { visit: Some(&visit.id), step: Some(&assessment.step), user: &visit.user, reason: None };
                for posted in ledger::posted(&visit.id, &assessment.step, &assessment.ledger, hash) {
                    self.enter(&posted, &entering)?;
                }
            }
            VisitEvent::VisitCancelled { .. } => {
                for (step, record) in &visit.steps {
                    let (visit, step, revision) = (visit.id.clone(), step.clone(), record.attempts + 1);
                    self.writes.push(Write::Handed { visit, step, revision });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An entry of an account, whose end must have been given by `at_end` unless it is new.
    ///
    /// # Errors
    /// A value without canonical form.
    pub fn enter(&mut self, happened: &LedgerEvent, entering: &Entering<'_>) -> Result<LedgerEntry> {
        let (version, event) = self.seal(happened.draft())?;
        let entry = happened.entry().clone();
        let row = LedgerEntry {
            version,
            visit: entering.visit.map(str::to_owned),
            step: entering.step.map(str::to_owned),
            user: entering.user.to_owned(),
            reason: entering.reason.map(str::to_owned),
            event,
            owner: entry.account.iter().find(|part| engine::id::check_id("usr", part)).cloned(),
            org_unit: self.org_unit.clone(),
            at_ms: self.now_ms,
            entry,
        };
        self.writes.push(Write::Entry(Box::new(row.clone())));
        Ok(row)
    }

    /// What an event (already applied to `visit`) adds to the indexes.
    fn index(&mut self, sop: &EffectiveSop, visit: &Visit, event: &VisitEvent, (seq, hash): (u64, &str)) {
        match event {
            VisitEvent::Submitted { command, submission, .. } => {
                for evidence in &submission.evidence {
                    self.writes.push(Write::Use(PastUse {
                        sha256: evidence.sha256.clone(),
                        visit: visit.id.clone(),
                        customer: visit.customer.id.clone(),
                        step: submission.step.clone(),
                        class: evidence.class.clone(),
                        received_ms: submission.at.received_ms,
                        seq,
                    }));
                }
                for photo in alike::photos_of(visit, submission) {
                    self.writes.push(Write::Photo(photo, hash.to_owned()));
                }
                for text in alike::texts_of(sop, visit, submission) {
                    self.writes.push(Write::Text(text, hash.to_owned()));
                }
                let is_check_in = sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn);
                if is_check_in {
                    self.arrival(visit, submitted_position(command), seq, submission.at.max_ms);
                    let (user, visit, at_ms) = (visit.user.clone(), visit.id.clone(), submission.at.max_ms);
                    self.writes.push(Write::CheckIn { user, visit, seq, at_ms, device: command.device.clone() });
                }
            }
            // Who is refused for where they are may be right all the same: the customer may be elsewhere.
            VisitEvent::Refused { command, refusal } if command.user == visit.user => {
                let outside = |step: &str| {
                    sop.step(step).is_some_and(|step| step.kind == StepKind::CheckIn)
                        && refusal.findings.iter().any(|finding| finding.code == "location.outside")
                };
                if matches!(&command.action, Action::Submit(submission) if outside(&submission.step)) {
                    self.arrival(visit, submitted_position(command), seq, self.now_ms);
                }
            }
            VisitEvent::VisitCompleted { .. } | VisitEvent::VisitClosed { .. } | VisitEvent::Reassessed { .. } => {
                if let Some(check_in) = visit.check_in(&sop.sop) {
                    let at_ms = check_in.at.max_ms;
                    if let Some(scored) = Scored::of(sop, visit) {
                        self.writes.push(Write::Scored(PastScore { visit: visit.id.clone(), at_ms, scored }));
                    }
                    let (customer, visit) = (visit.customer.id.clone(), visit.id.clone());
                    self.writes.push(Write::Judged { customer, visit, seq, at_ms });
                }
                self.found(sop, visit);
            }
            VisitEvent::Reviewed { .. } | VisitEvent::Contested { .. } => self.found(sop, visit),
            _ => {}
        }
    }

    /// Where a rep was when they checked in, if that says anything about where the customer is.
    fn arrival(&mut self, visit: &Visit, position: Option<&Position>, seq: u64, at_ms: i64) {
        let Some((location, position)) = visit.customer.location.as_ref().zip(position) else { return };
        if shift::counts(position) {
            let (visit_id, user) = (visit.id.clone(), visit.user.clone());
            self.writes.push(Write::Arrival {
                customer: visit.customer.id.clone(),
                arrival: PastArrival { visit: visit_id, seq, user, at_ms },
                misses: shift::misses(location, position),
            });
        }
    }

    /// What the verdict over the visit found, by who found it, and what was said of it.
    fn found(&mut self, sop: &EffectiveSop, visit: &Visit) {
        let Some(verdict) = visit.verdict() else { return };
        let one = |found: &Finding| {
            let id = finding::id(found);
            let pin = sop.rule(&found.source).map(|(pin, _)| (pin.manifest.version.clone(), pin.hash.clone()));
            let decided = visit.review.as_ref().and_then(|review| review.findings.get(&id));
            Found {
                rule: found.source.clone(),
                plugin: pin,
                code: found.code.clone(),
                effect: json!(found.effect).as_str().unwrap_or_default().to_owned(),
                weight: found.weight,
                contested: visit.contested.iter().any(|contested| contested.finding.as_ref() == Some(&id)),
                decided: decided.map(|said| (said.verdict.name().to_owned(), said.user.clone(), said.at_ms)),
                id,
            }
        };
        self.writes.push(Write::Findings {
            visit: visit.id.clone(),
            task: visit.task.clone(),
            sop: (sop.sop.sop.clone(), sop.sop.version.clone()),
            found: verdict.findings.iter().map(one).collect(),
        });
    }

    /// How a rep stands, in place of the revision before, as a record and as the event that proves it. Its stream must have
    /// been given by `at_end` unless it is new.
    ///
    /// # Errors
    /// A value without canonical form.
    pub fn standing(&mut self, standing: &RepStanding, org_unit: Option<String>, before: Option<u64>) -> Result<()> {
        let body = serde_json::to_value(standing).map_err(Problem::internal)?;
        let record = Record {
            kind: standing::NAME.to_owned(),
            id: standing.id(),
            revision: before.unwrap_or(0) + 1,
            subject: Some(standing.user.clone()),
            org_unit,
            from_ms: None,
            to_ms: None,
            body: engine::canon::normalize(body).map_err(Problem::internal)?,
            at_ms: self.now_ms,
            by: "installation".to_owned(),
        };
        self.seal(standing.draft())?;
        self.writes.push(Write::Record(Box::new(record), before));
        Ok(())
    }

    /// Work for the worker: judge a visit again, because `why`.
    pub fn reassess(&mut self, visit: &str, why: &str) {
        let body: Value = json!({"visit": visit, "why": why});
        self.writes.push(Write::Outbox { id: format!("reassess {visit}"), topic: "reassess".into(), body });
    }
}

/// The position a command was sent with.
pub const fn submitted_position(command: &Command) -> Option<&Position> {
    match &command.action {
        Action::Submit(submission) => submission.position.as_ref(),
        Action::Amend(amend) => amend.submission.position.as_ref(),
        _ => None,
    }
}
