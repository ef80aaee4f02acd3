//! Every check that ran over a step or a visit, in order, with what it found: those that found nothing too.
//!
//! Which checks ran, and over what, follows from the document and the state they saw (PURE): nothing of it is stored apart.

use super::full::{CheckOutcome, ExplainedCheck, ExplainedFinding, ExplainedInput, ExplainedPlugin, ReviewedFinding};
use super::{does, finding as line, sentence, source_title, step_title};
use crate::command::Submission;
use crate::effective::EffectiveSop;
use crate::finding::{self, UNAVAILABLE};
use crate::progress::Context;
use crate::rule::{Finding, RuleAnswer};
use crate::sop::{Check, EvidenceRequirement, LocationRequirement, RuleBinding, Step};
use crate::time::format_utc;
use crate::verdict::{CallRecord, Reference};
use crate::visit::Visit;
use serde_json::{Value, json};

/// Stands for what a reader may not see.
pub(super) const MASK: &str = "•••";

/// For whom is explained.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// In which language.
    pub language: &'a str,
    /// Whether they may see what is personal.
    pub personal: bool,
}

/// What checks saw: a step as it was handed in, or the visit as it was over.
pub(super) struct Scene<'a> {
    pub reader: Reader<'a>,
    pub sop: &'a EffectiveSop,
    /// The visit as it is now: what is contested and reviewed.
    pub visit: &'a Visit,
    /// The visit as it was then.
    pub seen: &'a Visit,
    pub context: Context,
    pub key: &'a str,
    pub step: Option<&'a Step>,
    pub submission: Option<&'a Submission>,
    /// Hash of the event that holds the submission.
    pub event: Option<&'a str>,
}

/// Findings and calls that no check has been given yet.
pub(super) struct Pool<'a> {
    pub findings: Vec<&'a Finding>,
    pub calls: Vec<&'a CallRecord>,
}

impl<'a> Pool<'a> {
    pub fn new(findings: &'a [Finding], calls: &'a [CallRecord]) -> Self {
        Self { findings: findings.iter().collect(), calls: calls.iter().collect() }
    }

    pub fn take(&mut self, is: impl Fn(&Finding) -> bool) -> Vec<&'a Finding> {
        let (taken, left) = std::mem::take(&mut self.findings).into_iter().partition(|finding| is(finding));
        self.findings = left;
        taken
    }

    fn call(&mut self, rule: &str) -> Option<&'a CallRecord> {
        let at = self.calls.iter().position(|call| call.rule == rule)?;
        Some(self.calls.remove(at))
    }

    /// What a rule found: by its call's answer where it was called, for a rule may be bound more than once.
    fn of_rule(&mut self, rule: &str, call: Option<&CallRecord>) -> Vec<&'a Finding> {
        let Some(RuleAnswer::Findings(answered)) = call.map(|call| &call.outcome.answer) else {
            let at = self.findings.iter().position(|found| found.source == rule && found.code == UNAVAILABLE);
            return at.map(|at| self.findings.remove(at)).into_iter().collect();
        };
        let of_answer = answered.iter().filter_map(|answered| {
            let same = |found: &&Finding| {
                found.source == rule
                    && (&found.code, &found.pointer) == (&answered.code, &answered.pointer)
                    && found.params.iter().eq(&answered.params)
            };
            let at = self.findings.iter().position(same)?;
            Some(self.findings.remove(at))
        });
        of_answer.collect()
    }
}

impl Scene<'_> {
    /// Everything a step was checked by.
    pub fn step_checks(&self, step: &Step, gathered: &[Reference], mut pool: Pool<'_>) -> Vec<ExplainedCheck> {
        let mut checks = Vec::new();
        if step.form.is_some() {
            let found = pool.take(|found| matches!(found.source.as_str(), "form" | "absent"));
            checks.push(self.check("form", None, self.about("form", &Value::Null), self.answered(), &found));
        }
        for requirement in &step.evidence {
            let of_requirement = |found: &Finding| {
                matches!(found.source.as_str(), "evidence" | "signature")
                    && found.params.get("requirement") == Some(&json!(requirement.id))
            };
            checks.push(self.evidence(requirement, &pool.take(of_requirement)));
        }
        if let Some(location) = &step.location {
            checks.push(self.location(location, &pool.take(|found| found.source == "location")));
        }
        for check in &step.checks {
            let of_check = |found: &Finding| {
                let expression = found.params.get("expression").and_then(Value::as_str);
                found.source == "check" && (found.code == check.code || expression == Some(&check.that))
            };
            checks.push(self.sop_check(check, &pool.take(of_check)));
        }
        checks.extend(step.rules.iter().map(|binding| self.rule(binding, gathered, &mut pool)));
        checks.extend(self.others(&mut pool));
        checks
    }

    /// What nothing above accounts for, by source.
    pub fn others(&self, pool: &mut Pool<'_>) -> Vec<ExplainedCheck> {
        let mut checks = Vec::new();
        while let Some(source) = pool.findings.first().map(|found| found.source.clone()) {
            let found = pool.take(|found| found.source == source);
            checks.push(self.check(&source, None, String::new(), self.submitted().into_iter().collect(), &found));
        }
        checks
    }

    fn evidence(&self, requirement: &EvidenceRequirement, found: &[&Finding]) -> ExplainedCheck {
        let mut inputs = self.limit("min", &requirement.min);
        inputs.extend(self.handed_in(&requirement.id));
        let about = if requirement.live { "evidence_live" } else { "evidence" };
        let description = self.about(about, &json!({"max": requirement.max}));
        let mut check = self.check("evidence", requirement.title.get(self.reader.language), description, inputs, found);
        self.only_when(&mut check, requirement.when.as_deref());
        check
    }

    fn location(&self, location: &LocationRequirement, found: &[&Finding]) -> ExplainedCheck {
        let limits = [
            ("radius_m", &location.radius_m),
            ("max_accuracy_m", &location.max_accuracy_m),
            ("max_age_s", &location.max_age_s),
        ];
        let mut inputs: Vec<ExplainedInput> =
            limits.iter().flat_map(|(name, computed)| self.limit(name, computed)).collect();
        inputs.extend(self.places());
        self.check("location", None, self.about("location", &Value::Null), inputs, found)
    }

    fn sop_check(&self, check: &Check, found: &[&Finding]) -> ExplainedCheck {
        let description = self.about("check", &json!({"that": check.that}));
        let title = self.sop.sop.texts.get(&check.message).and_then(|text| text.get(self.reader.language));
        self.check("check", title, description, self.mentioned(&check.that), found)
    }

    /// A rule: its plugin, what it was told, what it said.
    pub fn rule(&self, binding: &RuleBinding, gathered: &[Reference], pool: &mut Pool<'_>) -> ExplainedCheck {
        let language = self.reader.language;
        let applies = self.sop.applies(binding.when.as_ref(), &self.context);
        let call = if applies { pool.call(&binding.rule) } else { None };
        let found = if applies { pool.of_rule(&binding.rule, call) } else { Vec::new() };
        let Some((pin, manifest)) = self.sop.rule(&binding.rule) else {
            return self.check(&binding.rule, None, String::new(), Vec::new(), &found);
        };
        let mut inputs: Vec<ExplainedInput> = Vec::new();
        if let Some(call) = call {
            inputs.extend(self.submitted());
            inputs.extend(self.configured(binding));
            inputs.extend(self.gathered(manifest, gathered));
            inputs.extend(self.looked_up(&call.outcome));
        }
        let description = manifest.description.get(language).unwrap_or_default().to_owned();
        let mut check = self.check(&binding.rule, manifest.title.get(language), description, inputs, &found);
        check.plugin = Some(ExplainedPlugin {
            name: pin.manifest.plugin.clone(),
            title: pin.manifest.title.get(language).unwrap_or_default().to_owned(),
            version: pin.manifest.version.clone(),
            hash: pin.hash.clone(),
            interface: manifest.interface,
            input_hash: call.map(|call| call.input_hash.clone()),
        });
        if let Some(RuleAnswer::Scorecard(card)) = call.map(|call| &call.outcome.answer)
            && found.is_empty()
        {
            check.outcome = CheckOutcome::Scored;
            check.said = sentence("outcome.scored", &json!({"parts": card.parts.len()}), language);
        }
        self.only_when(&mut check, binding.when.as_deref());
        check
    }

    /// Where the condition of a check does not hold, it did not apply; where there is one, it is an input too.
    fn only_when(&self, check: &mut ExplainedCheck, when: Option<&str>) {
        let Some(when) = when else { return };
        check.inputs.extend(self.mentioned(when));
        if check.findings.is_empty() && !self.sop.holds(when, &self.context).unwrap_or(false) {
            check.outcome = CheckOutcome::DidNotApply;
            check.said = sentence("outcome.did_not_apply", &json!({"when": when}), self.reader.language);
        }
    }

    /// A check with what it found; an empty title is the source's.
    pub fn check(
        &self,
        source: &str,
        title: Option<&str>,
        description: String,
        inputs: Vec<ExplainedInput>,
        found: &[&Finding],
    ) -> ExplainedCheck {
        let language = self.reader.language;
        let (outcome, code) = if found.is_empty() {
            (CheckOutcome::NothingFound, "outcome.nothing_found")
        } else if found.iter().all(|found| found.code == UNAVAILABLE) {
            (CheckOutcome::Unavailable, "outcome.unavailable")
        } else {
            (CheckOutcome::Found, "outcome.found")
        };
        ExplainedCheck {
            source: source.to_owned(),
            title: title.map_or_else(|| source_title(self.sop, source, language), str::to_owned),
            description,
            outcome,
            said: sentence(code, &json!({"count": found.len()}), language),
            plugin: None,
            inputs,
            findings: found.iter().map(|found| self.finding(found)).collect(),
        }
    }

    pub fn about(&self, what: &str, params: &Value) -> String {
        sentence(&format!("about.{what}"), params, self.reader.language)
    }

    pub fn title(&self) -> String {
        step_title(self.sop, self.key, self.reader.language)
    }

    fn finding(&self, found: &Finding) -> ExplainedFinding {
        let id = finding::id(found);
        let of_answers = !matches!(found.source.as_str(), "evidence" | "location");
        let reviewed = self.visit.review.as_ref().and_then(|review| review.findings.get(&id)).map(|decided| {
            let code = format!("finding.{}", decided.verdict.name());
            ReviewedFinding {
                verdict: decided.verdict,
                said: sentence(&code, &Value::Null, self.reader.language),
                reason: decided.reason.clone(),
                user: decided.user.clone(),
                at: format_utc(decided.at_ms),
            }
        });
        ExplainedFinding {
            code: found.code.clone(),
            text: line(self.sop, &masked(self.sop, found, self.reader), self.reader.language).text,
            severity: found.severity,
            effect: found.effect,
            does: does(found.effect, self.reader.language),
            original_effect: found.original_effect,
            weight: found.weight,
            pointer: found.pointer.clone(),
            label: self.label(&found.pointer).filter(|_| of_answers),
            evidence: found.evidence.clone(),
            contested: self.visit.contested.iter().any(|contested| contested.finding.as_ref() == Some(&id)),
            reviewed,
            id,
        }
    }
}

/// A finding about a personal answer, without the values it names, unless the reader may see them.
pub(super) fn masked(sop: &EffectiveSop, found: &Finding, reader: Reader<'_>) -> Finding {
    let step = found.step.split('[').next().unwrap_or_default();
    let personal = || sop.form(step).is_some_and(|form| form.is_personal(&found.pointer));
    let mut shown = found.clone();
    if !reader.personal && personal() {
        let values = shown.params.iter_mut().filter(|(name, _)| *name != "message");
        values.for_each(|(_, value)| *value = json!(MASK));
    }
    shown
}
