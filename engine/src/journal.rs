//! A book of visits in memory: takes records in the order a server saw them, gives events.
//!
//! It is what `sopwith judge`, the case files and a phone drive the engine with. It holds the history rules may ask for,
//! but runs no rule and knows no random: both come from `Outside`. Every record ends applied, duplicate, refused or
//! quarantined (LATE); nothing is dropped.

use crate::canon;
use crate::command::{Action, Adjustment, Clock, Command, Customer, EvidenceArrival, Record};
use crate::effective::EffectiveSop;
use crate::event::{Draft, ENGINE_HASH, Event, Seal, Tips, seal};
use crate::history::History;
use crate::id;
use crate::ledger::{self, Account, AdjustedBy, LedgerEvent};
use crate::rejection::Rejection;
use crate::rule::{Finding, RuleCall, RuleOutcome};
use crate::submit::{self, Pending};
use crate::time;
use crate::verdict::Refusal;
use crate::visit::{Visit, VisitEvent, visit_of_task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// What the engine cannot do itself.
pub trait Outside {
    /// Runs a rule.
    fn call(&mut self, call: &RuleCall) -> RuleOutcome;
    /// Sixteen bytes nobody can guess, for a payload's commitment.
    fn salt(&mut self) -> [u8; 16];
}

/// How a record ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum Ended {
    /// It took effect.
    Applied {
        /// Findings of the submission, if it was one.
        findings: Vec<Finding>,
    },
    /// The same command was here before; this is how it ended then.
    Duplicate,
    /// It was refused, and why.
    Refused(Refusal),
    /// It belongs to nothing that is known; kept for a person.
    Quarantined {
        /// Why.
        rejection: Rejection,
    },
}

/// The book.
pub struct Journal<'a> {
    sop: &'a EffectiveSop,
    /// Which one a customer gets instead, where parameters are sliced.
    choose: Option<&'a dyn Fn(&Customer) -> &'a EffectiveSop>,
    /// The one that was chosen for a visit (PINNED).
    chosen: BTreeMap<String, &'a EffectiveSop>,
    tenant: String,
    customers: BTreeMap<String, Customer>,
    visits: BTreeMap<String, Visit>,
    /// Where each stream ends.
    tips: Tips,
    /// Body hash by command id.
    commands: BTreeMap<String, String>,
    history: History,
    now_ms: i64,
}

impl<'a> Journal<'a> {
    /// An empty book for one tenant under one SOP.
    #[must_use]
    pub fn new(sop: &'a EffectiveSop, tenant: &str) -> Self {
        Self {
            sop,
            choose: None,
            chosen: BTreeMap::new(),
            tenant: tenant.to_owned(),
            customers: BTreeMap::new(),
            visits: BTreeMap::new(),
            tips: Tips::default(),
            commands: BTreeMap::new(),
            history: History::default(),
            now_ms: i64::MIN,
        }
    }

    /// The same, each visit pinned to what is chosen for its customer when it begins.
    #[must_use]
    pub fn choosing(sop: &'a EffectiveSop, tenant: &str, choose: &'a dyn Fn(&Customer) -> &'a EffectiveSop) -> Self {
        Self { choose: Some(choose), ..Self::new(sop, tenant) }
    }

    /// The SOP a visit runs under.
    #[must_use]
    pub fn sop_of(&self, visit: &str) -> &'a EffectiveSop {
        self.chosen.get(visit).copied().unwrap_or(self.sop)
    }

    /// The visits, by id.
    #[must_use]
    pub const fn visits(&self) -> &BTreeMap<String, Visit> {
        &self.visits
    }

    /// Takes one record.
    pub fn apply(&mut self, record: &Record, outside: &mut impl Outside) -> (Ended, Vec<Event>) {
        let mut events = Vec::new();
        let ended = match record {
            Record::Customer(customer) => {
                self.customers.insert(customer.id.clone(), customer.clone());
                applied()
            }
            Record::Clock(clock) => match time::parse("now", &clock.now) {
                Ok(now_ms) => {
                    self.advance(now_ms, outside, &mut events);
                    applied()
                }
                Err(error) => self.quarantine(json!(record), Rejection::of_time(&error), outside, &mut events),
            },
            Record::Adjustment(adjustment) => self.adjust(adjustment, outside, &mut events),
            Record::Evidence(arrival) => self.evidence(arrival, outside, &mut events),
            Record::Command(command) => self.command(command, outside, &mut events),
        };
        (ended, events)
    }

    /// Keeps a line that is no record.
    pub fn quarantine_line(
        &mut self,
        line: &[u8],
        rejection: Rejection,
        outside: &mut impl Outside,
    ) -> (Ended, Vec<Event>) {
        let mut events = Vec::new();
        let raw = json!({"raw": String::from_utf8_lossy(line), "sha256": canon::sha256_hex(line)});
        let ended = self.quarantine(raw, rejection, outside, &mut events);
        (ended, events)
    }

    fn quarantine(
        &mut self,
        what: Value,
        rejection: Rejection,
        outside: &mut impl Outside,
        events: &mut Vec<Event>,
    ) -> Ended {
        let payloads = BTreeMap::from([("record".to_owned(), what), ("rejection".to_owned(), json!(rejection))]);
        self.seal(Draft { kind: "quarantined".into(), stream: self.tenant.clone(), payloads }, outside, events);
        Ended::Quarantined { rejection }
    }

    fn evidence(&mut self, arrival: &EvidenceArrival, outside: &mut impl Outside, events: &mut Vec<Event>) -> Ended {
        match time::parse("received", &arrival.received) {
            Ok(now_ms) => self.advance(now_ms, outside, events),
            Err(error) => {
                return self.quarantine(
                    json!(Record::Evidence(arrival.clone())),
                    Rejection::of_time(&error),
                    outside,
                    events,
                );
            }
        }
        self.history.arrived.insert(arrival.sha256.clone());
        if let Some(exif) = &arrival.exif {
            self.history.exif.insert(arrival.sha256.clone(), exif.clone());
        }
        let waiting: Vec<String> = self
            .visits
            .values()
            .filter(|visit| visit.awaited.contains(&arrival.sha256))
            .map(|visit| visit.id.clone())
            .collect();
        if waiting.is_empty() {
            let payloads = BTreeMap::from([("evidence".to_owned(), json!(arrival))]);
            self.seal(
                Draft { kind: "evidence_arrived".into(), stream: self.tenant.clone(), payloads },
                outside,
                events,
            );
        }
        for id in waiting {
            self.happened(&id, VisitEvent::EvidenceArrived { evidence: arrival.clone() }, outside, events);
            let complete = self.visits.get(&id).filter(|visit| visit.awaited.is_empty() && visit.verdict().is_some());
            let Some(visit) = complete.cloned() else { continue };
            let sop = self.sop_of(&id);
            let gathered = self.history.gather(&submit::wanted_for_verdict(sop, &visit));
            let pending = submit::close(sop, &visit, &gathered, None);
            let decided = decide(pending, outside);
            self.all_happened(&id, decided, outside, events);
        }
        applied()
    }

    fn command(&mut self, command: &Command, outside: &mut impl Outside, events: &mut Vec<Event>) -> Ended {
        let received = command.at.received.as_deref().map(|text| time::parse("received", text));
        match received {
            Some(Ok(now_ms)) => self.advance(now_ms, outside, events),
            Some(Err(error)) => {
                return self.quarantine(
                    json!(Record::Command(Box::new(command.clone()))),
                    Rejection::of_time(&error),
                    outside,
                    events,
                );
            }
            None => {
                let missing = Rejection::new("time.not_received", "/at/received", &json!({}));
                return self.quarantine(json!(Record::Command(Box::new(command.clone()))), missing, outside, events);
            }
        }
        let body = match canon::hash_value(&json!(command.as_sent())) {
            Ok(body) => body,
            Err(error) => {
                let inexact = Rejection::new("record.number", "", &json!({"detail": error.to_string()}));
                return self.quarantine(json!({"raw": format!("{command:?}")}), inexact, outside, events);
            }
        };
        let visit_id = visit_of_task(&command.task);
        match self.commands.get(&command.id) {
            Some(seen) if *seen == body => return Ended::Duplicate,
            Some(_) => {
                let reused = Rejection::new("command.reused", "/id", &json!({"command": command.id}));
                return self.refuse(&visit_id, command, reused, outside, events);
            }
            None => {}
        }
        if let Some(pointer) = malformed_id(command) {
            return self.quarantine(
                json!(Record::Command(Box::new(command.clone()))),
                Rejection::new("id.malformed", pointer, &json!({})),
                outside,
                events,
            );
        }
        self.commands.insert(command.id.clone(), body);
        if let (Action::Create(create), false) = (&command.action, self.visits.contains_key(&visit_id)) {
            let Some(customer) = self.customers.get(&create.customer).cloned() else {
                let unknown = Rejection::new("customer.unknown", "/customer", &json!({"customer": create.customer}));
                return self.quarantine(json!(Record::Command(Box::new(command.clone()))), unknown, outside, events);
            };
            let sop = self.choose.map_or(self.sop, |choose| choose(&customer));
            return match submit::create(sop, &customer, command) {
                Ok(event) => {
                    self.chosen.insert(visit_id.clone(), sop);
                    self.happened(&visit_id, event, outside, events);
                    applied()
                }
                Err(rejection) => {
                    self.quarantine(json!(Record::Command(Box::new(command.clone()))), rejection, outside, events)
                }
            };
        }
        let Some(visit) = self.visits.get(&visit_id).cloned() else {
            let unknown = Rejection::new("task.unknown", "/task", &json!({"task": command.task}));
            return self.quarantine(json!(Record::Command(Box::new(command.clone()))), unknown, outside, events);
        };
        let sop = self.sop_of(&visit_id);
        let gathered = self.history.gather(&submit::wanted(sop, &visit, command));
        match submit::check(sop, &visit, command, &gathered) {
            Ok(pending) => {
                let decided = decide(pending, outside);
                let ended = ended(&decided);
                self.all_happened(&visit_id, decided, outside, events);
                ended
            }
            Err(rejection) => self.refuse(&visit_id, command, rejection, outside, events),
        }
    }

    fn refuse(
        &mut self,
        visit: &str,
        command: &Command,
        rejection: Rejection,
        outside: &mut impl Outside,
        events: &mut Vec<Event>,
    ) -> Ended {
        if !self.visits.contains_key(visit) {
            return self.quarantine(json!(Record::Command(Box::new(command.clone()))), rejection, outside, events);
        }
        let event = rejection.refused(command);
        let ended = ended(std::slice::from_ref(&event));
        self.happened(visit, event, outside, events);
        ended
    }

    /// Moves the clock, which never goes back, and closes what is due.
    fn advance(&mut self, now_ms: i64, outside: &mut impl Outside, events: &mut Vec<Event>) {
        self.now_ms = self.now_ms.max(now_ms);
        let due: Vec<String> = self
            .visits
            .values()
            .filter(|visit| {
                visit.closes_at_ms(self.sop_of(&visit.id)).is_some_and(|closes_at_ms| closes_at_ms <= self.now_ms)
            })
            .map(|visit| visit.id.clone())
            .collect();
        let clock = Clock { now: time::format_utc(self.now_ms) };
        for id in due {
            let Some(visit) = self.visits.get(&id).cloned() else { continue };
            let sop = self.sop_of(&id);
            let gathered = self.history.gather(&submit::wanted_for_verdict(sop, &visit));
            let pending = submit::close(sop, &visit, &gathered, Some(&clock));
            let decided = decide(pending, outside);
            self.all_happened(&id, decided, outside, events);
        }
    }

    fn all_happened(
        &mut self,
        visit: &str,
        decided: Vec<VisitEvent>,
        outside: &mut impl Outside,
        events: &mut Vec<Event>,
    ) {
        for event in decided {
            self.happened(visit, event, outside, events);
        }
    }

    /// Seals an event, applies it to the visit and to the history, as it will be read back.
    fn happened(&mut self, visit_id: &str, event: VisitEvent, outside: &mut impl Outside, events: &mut Vec<Event>) {
        let tip = self.tips.of(&self.tenant, visit_id);
        let place = Seal { tenant: &self.tenant, engine: ENGINE_HASH, at_ms: self.now_ms, tip: &tip };
        let sealed = event.seal(visit_id, &place, &mut || outside.salt());
        let hash = match sealed {
            Ok(sealed) => self.keep(sealed, events),
            Err(_) => self.seal(event.draft(visit_id), outside, events),
        };
        let stored = events.last().filter(|stored| stored.hash == hash);
        let event = stored.and_then(|stored| VisitEvent::of(stored).ok()).unwrap_or(event);
        if let Some(visit) = Visit::begin(&event, self.now_ms) {
            self.visits.insert(visit_id.to_owned(), visit);
        }
        let sop = self.sop_of(visit_id);
        if let Some(visit) = self.visits.get_mut(visit_id) {
            visit.apply(&event, &hash, self.now_ms);
            self.history.note(sop, visit, &event, &hash);
        }
        if let VisitEvent::Assessed { assessment } = &event {
            for posted in ledger::posted(visit_id, &assessment.step, &assessment.ledger, &hash) {
                self.enter(&posted, outside, events);
            }
        }
    }

    /// Seals an entry onto the stream of its account.
    fn enter(&mut self, happened: &LedgerEvent, outside: &mut impl Outside, events: &mut Vec<Event>) {
        self.seal(happened.draft(), outside, events);
        if let Some(sealed) = events.last() {
            self.history.note_entry(sealed);
        }
    }

    fn adjust(&mut self, adjustment: &Adjustment, outside: &mut impl Outside, events: &mut Vec<Event>) -> Ended {
        let received = time::parse("received", &adjustment.received).map_err(|error| Rejection::of_time(&error));
        let happened = received.and_then(|now_ms| {
            self.advance(now_ms, outside, events);
            let account = Account { ledger: adjustment.ledger.clone(), parts: adjustment.account.clone() };
            let (known, before) = (self.sop.sop.ledgers.get(&account.ledger), self.history.balance(&account));
            let unknown = || Rejection::new("ledger.unknown", "/ledger", &json!({"ledger": account.ledger}));
            let unit = &known.ok_or_else(unknown)?.unit;
            let by = AdjustedBy { user: adjustment.user.clone(), reason: adjustment.reason.clone() };
            LedgerEvent::adjusted(&account, unit, &before, &adjustment.amount, by)
        });
        match happened {
            Ok(happened) => {
                self.enter(&happened, outside, events);
                applied()
            }
            Err(rejection) => {
                self.quarantine(json!(Record::Adjustment(adjustment.clone())), rejection, outside, events)
            }
        }
    }

    fn seal(&mut self, draft: Draft, outside: &mut impl Outside, events: &mut Vec<Event>) -> String {
        let tip = self.tips.of(&self.tenant, &draft.stream);
        let place = Seal { tenant: &self.tenant, engine: ENGINE_HASH, at_ms: self.now_ms, tip: &tip };
        // Records and outcomes are canonical when they come in. Should a value be none all the same, its text is kept.
        let event = seal(draft.clone(), &place, &mut || outside.salt())
            .or_else(|_| seal(as_text(draft), &place, &mut || outside.salt()));
        event.map_or_else(|_| String::new(), |event| self.keep(event, events))
    }

    fn keep(&mut self, event: Event, events: &mut Vec<Event>) -> String {
        self.tips.advance(&event);
        let hash = event.hash.clone();
        events.push(event);
        hash
    }
}

fn as_text(draft: Draft) -> Draft {
    let payloads = draft.payloads.into_iter().map(|(name, value)| (name, Value::String(value.to_string()))).collect();
    Draft { payloads, ..draft }
}

const fn applied() -> Ended {
    Ended::Applied { findings: Vec::new() }
}

fn decide(pending: Pending<'_>, outside: &mut impl Outside) -> Vec<VisitEvent> {
    let outcomes = pending.calls().map(|call| outside.call(call)).collect();
    pending.decide(outcomes)
}

fn ended(events: &[VisitEvent]) -> Ended {
    for event in events {
        match event {
            VisitEvent::Refused { refusal, .. } => return Ended::Refused(refusal.clone()),
            VisitEvent::Assessed { assessment } => return Ended::Applied { findings: assessment.findings.clone() },
            _ => {}
        }
    }
    applied()
}

fn malformed_id(command: &Command) -> Option<&'static str> {
    [
        ("cmd", &command.id, "/id"),
        ("usr", &command.user, "/user"),
        ("dev", &command.device, "/device"),
        ("tsk", &command.task, "/task"),
    ]
    .into_iter()
    .find(|(prefix, text, _)| !id::check_id(prefix, text))
    .map(|(_, _, pointer)| pointer)
}
