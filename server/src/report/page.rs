//! What every section needs: the report's data put together once, numbered, and in one language.

use super::Report;
use super::html::Html;
use super::personal::{MASK, Personal};
use super::plain::{self, Attempt, Found};
use super::when::{self, Zone};
use super::words::Words;
use engine::effective::EffectiveSop;
use engine::input::EvidenceInput;
use engine::progress::{Progress, progress};
use engine::sop::{Step, StepKind};
use engine::time::Moment;
use engine::visit::{StepRecord, Visit};

/// See the module header.
pub struct Page<'a> {
    /// What was asked for.
    pub report: &'a Report<'a>,
    /// Its SOP.
    pub sop: &'a EffectiveSop,
    /// Its visit.
    pub visit: &'a Visit,
    /// Texts in the language of the page.
    pub words: Words<'a>,
    /// The customer's time zone.
    pub zone: Zone,
    /// Where the steps stand.
    pub progress: Progress,
    /// Which answers are personal.
    pub personal: Personal,
    /// Every step and instance that applies, was touched or does not apply, in the order of the document.
    pub keys: Vec<(String, &'a Step)>,
    /// Evidence, numbered from 1 in the order of the steps.
    pub pieces: Vec<Piece<'a>>,
    /// Findings that stand, numbered from 1, the gravest first.
    pub found: Vec<Found>,
    /// Refused attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// A piece of evidence that a step was handed in with.
pub struct Piece<'a> {
    /// From 1.
    pub number: usize,
    /// The step or instance.
    pub key: &'a str,
    /// What the SOP calls it.
    pub title: String,
    /// What was recorded of it.
    pub input: &'a EvidenceInput,
}

impl<'a> Page<'a> {
    /// Puts a report together.
    pub fn new(report: &'a Report<'a>, language: &str) -> Self {
        let (sop, visit) = (report.sop, report.visit);
        let mut page = Self {
            report,
            sop,
            visit,
            words: Words::new(language, &sop.sop.labels),
            zone: Zone::of(&visit.customer.time_zone),
            progress: progress(sop, visit),
            personal: Personal::of(sop, visit),
            keys: Vec::new(),
            pieces: Vec::new(),
            found: Vec::new(),
            attempts: Vec::new(),
        };
        page.keys = keys(sop, visit, &page.progress);
        page.pieces = pieces(&page);
        page.found = plain::found(&page);
        page.attempts = plain::attempts(&page);
        page
    }

    /// Title of a step, with the instance of a repeated one.
    pub fn step_title(&self, key: &str) -> String {
        let (step, instance) = key.split_once('[').unwrap_or((key, ""));
        let title = self.sop.step(step).map_or(step, |step| self.words.of(&step.title));
        let instance = instance.strip_suffix(']').unwrap_or(instance);
        if instance.is_empty() {
            return title.to_owned();
        }
        if !self.report.personal && self.personal.is_in(instance) {
            return format!("{title} · {MASK}");
        }
        let named = self.report.names.get(instance).map_or(instance, String::as_str);
        format!("{title} · {named}")
    }

    /// The id of a step's heading. It holds no key: instances may be called anything.
    pub fn anchor(&self, key: &str) -> String {
        let index = self.keys.iter().position(|(known, _)| known == key).unwrap_or_default();
        format!("step-{}", index + 1)
    }

    /// A moment in the customer's time zone.
    pub fn moment(&self, moment: &Moment) -> String {
        self.zone.moment(moment, &self.visit.business_date)
    }

    /// A recorded time in the customer's time zone.
    pub fn at(&self, at: &engine::input::TimeInput) -> String {
        self.moment(&when::moment_of(at))
    }

    /// The first step of a kind and what became of it, if it was handed in.
    pub fn first(&self, kind: StepKind) -> Option<(&'a Step, &'a StepRecord)> {
        let step = self.sop.sop.steps.iter().find(|step| step.kind == kind)?;
        let record = self.visit.steps.get(&step.id).filter(|record| record.submission.is_some())?;
        Some((step, record))
    }

    /// Whether an answer is personal and not to be shown.
    pub fn is_masked(&self, key: &str, pointer: &str) -> bool {
        !self.report.personal && self.personal.covers(key, pointer)
    }

    /// Numbers of the findings that point at a place of a step.
    pub fn pointed_at(&self, key: &str, pointer: &str) -> Vec<usize> {
        let here = |found: &&Found| found.step == key && found.pointer == pointer;
        self.found.iter().filter(here).map(|found| found.number).collect()
    }

    /// Links to findings.
    pub fn finding_links(&self, numbers: &[usize], html: &mut Html) {
        for number in numbers {
            html.text(" ");
            html.leaf("a", &[("class", "ref"), ("href", &format!("#f{number}"))], &format!("F{number}"));
        }
    }

    /// Links to the evidence of this visit with that hash; the hash where there is none.
    pub fn evidence_links(&self, sha256: &str, html: &mut Html) {
        let mut known = false;
        for piece in self.pieces.iter().filter(|piece| piece.input.sha256 == sha256) {
            known = true;
            html.text(" ");
            html.leaf(
                "a",
                &[("class", "ref"), ("href", &format!("#p{}", piece.number))],
                &format!("P{}", piece.number),
            );
        }
        if !known {
            html.text(" ");
            html.span("code", super::words::short(sha256));
        }
    }
}

fn keys<'a>(sop: &'a EffectiveSop, visit: &Visit, progress: &Progress) -> Vec<(String, &'a Step)> {
    let mut keys: Vec<(String, &Step)> = Vec::new();
    for step in &sop.sop.steps {
        let expected =
            progress.steps.iter().filter(|status| status.step == step.id).map(engine::progress::StepStatus::key);
        let touched = visit.steps.keys().filter(|key| key.split('[').next() == Some(&step.id)).cloned();
        for key in expected.chain(touched) {
            if !keys.iter().any(|(known, _)| *known == key) {
                keys.push((key, step));
            }
        }
    }
    keys
}

fn pieces<'a>(page: &Page<'a>) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (key, step) in &page.keys {
        let Some((key, record)) = page.visit.steps.get_key_value(key) else { continue };
        for input in record.input.iter().flat_map(|input| &input.evidence) {
            let requirement = step.evidence.iter().find(|requirement| requirement.id == input.requirement);
            let title = requirement.map_or(input.class.as_str(), |requirement| page.words.of(&requirement.title));
            pieces.push(Piece { number: pieces.len() + 1, key, title: title.to_owned(), input });
        }
    }
    pieces
}
