//! What a visit's phone sends, and what it says itself before it does.

use super::{Said, Scene, Teller};
use crate::simulate::phone::HOUR;
use anyhow::{Context as _, bail};
use engine::command::{Command, Record};
use engine::gather::Gathered;
use engine::rejection::Rejection;
use engine::rule::{Availability, Finding, RuleAnswer, RuleCall, RuleOutcome};
use engine::submit;
use engine::visit::{Visit, VisitEvent};
use serde_json::{Value, json};

impl Teller<'_> {
    pub(super) fn submit(&mut self, body: &Value) -> anyhow::Result<Said> {
        let command = self.command("submit", body)?;
        let named = body.get("evidence").and_then(Value::as_array).into_iter().flatten();
        let arrived = named.filter_map(|one| one.get("sha256")?.as_str().map(str::to_owned)).collect();
        let gathered = Gathered { arrived, ..Gathered::default() };
        let visit = self.visit.as_mut().context("no visit")?;
        let pending = submit::check(self.scene.sop, visit, &command, &gathered)
            .map_err(|rejection| anyhow::anyhow!("{} {}", rejection.code, Value::Object(rejection.params)))?;
        let outcomes = pending.calls().map(|call| on_phone(self.scene, call)).collect();
        for event in pending.decide(outcomes) {
            if let VisitEvent::Refused { refusal, .. } = event {
                let rejects = |finding: &Finding| finding.effect == engine::sop::Effect::Reject;
                return Ok(Said::Correct(refusal.findings.into_iter().filter(rejects).collect()));
            }
            visit.apply(&event, "", self.now_ms);
        }
        self.deliver("submit", body);
        Ok(Said::Accepted)
    }

    /// A verb that the phone does not judge.
    pub(super) fn send(&mut self, verb: &str, body: Value) -> anyhow::Result<()> {
        let command = self.command(verb, &body)?;
        let wrong = |rejection: Rejection| anyhow::anyhow!("{verb}: {}", rejection.code);
        match &mut self.visit {
            None => {
                let event = submit::create(self.scene.sop, &self.plan.site.customer, &command).map_err(wrong)?;
                self.visit = Visit::begin(&event, self.now_ms);
            }
            // What the verdict needs from outside only the server knows.
            Some(_) if verb == "complete" => {}
            Some(visit) => {
                let gathered = Gathered::default();
                let pending = submit::check(self.scene.sop, visit, &command, &gathered).map_err(wrong)?;
                for event in pending.decide(Vec::new()) {
                    visit.apply(&event, "", self.now_ms);
                }
            }
        }
        self.deliver(verb, &body);
        Ok(())
    }

    fn record(&self, verb: &str, body: &Value, received: i64) -> Value {
        let mut at = self.phone.times(self.now_ms, self.plan.conduct.clock_ms);
        at["received"] = json!(engine::time::format_utc(received));
        json!({
            "record": "command", "id": format!("cmd_{}-{:02}", self.plan.name, self.sent + 1), "user": self.plan.rep.user,
            "device": self.phone.model.device, "task": format!("tsk_{}", self.plan.name), "at": at, "verb": verb,
            "body": body,
        })
    }

    fn command(&self, verb: &str, body: &Value) -> anyhow::Result<Command> {
        let record = self.record(verb, body, self.now_ms.saturating_add(self.plan.conduct.clock_ms.max(0)) + HOUR);
        match Record::from_json(record.to_string().as_bytes()) {
            Ok(Record::Command(command)) => Ok(*command),
            Ok(_) => bail!("no command"),
            Err(problem) => bail!("{verb} cannot be read: {problem:?}"),
        }
    }

    fn deliver(&mut self, verb: &str, body: &Value) {
        let received = self.phone.deliver(self.now_ms);
        self.lines.push(received, self.record(verb, body, received));
        self.sent += 1;
        let named = body.get("evidence").and_then(Value::as_array).into_iter().flatten();
        for sha256 in named.filter_map(|one| one.get("sha256")?.as_str()) {
            let arrives = self.phone.upload(sha256, received);
            let record = json!({"record": "evidence", "sha256": sha256, "received": engine::time::format_utc(arrives)});
            self.lines.push(arrives, record);
        }
    }
}

/// A rule on the phone: one that needs the server's memory says nothing there.
fn on_phone(scene: &Scene<'_>, call: &RuleCall) -> RuleOutcome {
    let on_device = scene
        .sop
        .rule(&call.rule)
        .is_some_and(|(_, rule)| rule.needs.iter().all(|declared| declared.availability == Availability::Device));
    if on_device {
        return scene.sandbox.run(call);
    }
    RuleOutcome { answer: RuleAnswer::Findings(Vec::new()), lookups: Vec::new(), fuel: 0 }
}
