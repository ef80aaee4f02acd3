//! What rules need from outside the visit: which questions to ask, and the answers as plain data.
//!
//! The engine says what it wants (`Wanted`), whoever holds the history answers (`Gathered`). What was answered is
//! recorded by reference to the events it came from, never copied.

use crate::alike::{WantedPhoto, WantedText};
use crate::canon::{CanonError, CanonicalJson};
use crate::command::{Command, EvidenceReference, Position, Submission};
use crate::effective::EffectiveSop;
use crate::input::{
    CheckInInput, CustomerInput, EvidenceInput, EvidenceUse, Exif, Interval, OnDevice, PhotoNeighbour, PositionInput,
    PreviousVisit, RepStanding, SameText, SubmissionInput, TimeSource, VisitInput,
};
use crate::ledger::{Account, Balance};
use crate::place;
use crate::progress::{Progress, Standing, StepStatus, progress};
use crate::rule::Need;
use crate::sop::{RuleBinding, StepKind};
use crate::time::{self, Moment, TimeError};
use crate::verdict::Reference;
use crate::visit::{StepRecord, Visit};
use serde_json::{Map, Value, json};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What must be gathered before a command can be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which needs.
    pub needs: BTreeSet<Need>,
    /// The rep whose check-ins are meant.
    pub user: String,
    /// The SOP under which their standing is meant.
    pub sop: String,
    /// The visit under judgement; its own data are not history.
    pub visit: String,
    /// The device of the check-in, whose check-ins by others are meant; empty before there is one.
    pub device: String,
    /// The customer whose previous visit is meant.
    pub customer: String,
    /// Only check-ins and visits before this moment count (latest possible, server milliseconds).
    pub before_ms: i64,
    /// Hashes of the evidence whose other uses are meant.
    pub evidence: BTreeSet<String>,
    /// Photos, by SHA-256, whose likes in other visits are meant.
    pub photos: BTreeMap<String, WantedPhoto>,
    /// Texts, by `alike::text_hash`, whose like at other customers are meant.
    pub texts: BTreeMap<String, WantedText>,
    /// Accounts whose balance is meant.
    pub accounts: BTreeSet<Account>,
    /// A seed is meant: the verdict draws.
    pub draws: bool,
}

/// How many check-ins before one are looked at for a position. Source: nobody is ten times in a row where no phone knows its place.
pub const LOOK_BACK: u32 = 10;

/// The answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The rep's check-in before this one.
    pub last_check_in: Option<CheckInInput>,
    /// The last one with a position, where that one has none: at most [`LOOK_BACK`] check-ins before.
    pub last_located: Option<CheckInInput>,
    /// The check-in of somebody else from the same device before this one.
    pub last_on_device: Option<OnDevice>,
    /// Other uses of the evidence, in the order of `sort_uses`.
    pub evidence_uses: Vec<EvidenceUse>,
    /// The last completed visit to the customer.
    pub previous_visit: Option<PreviousVisit>,
    /// Photos that look like one of this visit, in the order of `alike::sort_neighbours`.
    pub photo_neighbours: Vec<PhotoNeighbour>,
    /// Visits with a text of this visit, in the order of `alike::sort_texts`.
    pub same_texts: Vec<SameText>,
    /// How the rep stood among their peers before this visit.
    pub rep_standing: Option<RepStanding>,
    /// Which of the evidence is already here.
    pub arrived: BTreeSet<String>,
    /// What the bytes of evidence that is here say of how it was made, by SHA-256.
    pub exif: BTreeMap<String, Exif>,
    /// Where the accounts stand; one nobody has posted to may be missing.
    pub balances: BTreeMap<Account, Balance>,
    /// Where they were read, sorted.
    pub references: Vec<Reference>,
    /// What decides whether the visit is drawn (`draw.rs`); none where nobody holds the secret.
    pub draw_seed: Option<String>,
}

/// What a submission says to other visits about its evidence.
#[must_use]
pub fn uses_of(visit: &Visit, submission: &SubmissionInput) -> Vec<EvidenceUse> {
    let used = |evidence: &EvidenceInput| EvidenceUse {
        sha256: evidence.sha256.clone(),
        visit: visit.id.clone(),
        customer: visit.customer.id.clone(),
        step: submission.step.clone(),
        class: evidence.class.clone(),
        received_ms: submission.at.received_ms,
    };
    submission.evidence.iter().map(used).collect()
}

/// What a check-in that stands says to others who use its device, and the device.
#[must_use]
pub fn on_device(sop: &EffectiveSop, visit: &Visit) -> Option<(String, OnDevice)> {
    let device = visit.check_in_device(&sop.sop)?.to_owned();
    let check_in = visit.check_in(&sop.sop)?;
    let (user, business_date) = (visit.user.clone(), visit.business_date.clone());
    let CheckInInput { visit, customer, at, .. } = check_in;
    Some((device, OnDevice { user, visit, customer, business_date, at }))
}

impl Wanted {
    /// Whether a check-in from the device is somebody else's, and early enough.
    #[must_use]
    pub fn is_on_device(&self, on_device: &OnDevice) -> bool {
        on_device.user != self.user && on_device.visit != self.visit && on_device.at.max_ms <= self.before_ms
    }
}

/// What a visit that was judged says to the next one of its customer.
#[must_use]
pub fn previous_of(sop: &EffectiveSop, visit: &Visit) -> PreviousVisit {
    PreviousVisit {
        visit: visit.id.clone(),
        business_date: visit.business_date.clone(),
        steps: steps(visit, &progress(sop, visit)),
    }
}

/// The order of `Gathered::evidence_uses`.
pub fn sort_uses(uses: &mut [EvidenceUse]) {
    uses.sort_by(|a, b| {
        (&a.sha256, a.received_ms, &a.visit, &a.step, &a.class).cmp(&(
            &b.sha256,
            b.received_ms,
            &b.visit,
            &b.step,
            &b.class,
        ))
    });
}

/// The needs of the rules that may be called.
pub(crate) fn needs<'a>(sop: &EffectiveSop, bindings: impl Iterator<Item = &'a RuleBinding>) -> BTreeSet<Need> {
    bindings
        .filter_map(|binding| sop.rule(&binding.rule))
        .flat_map(|(_, manifest)| manifest.needs.iter().map(|declared| declared.need))
        .collect()
}

/// A submission as rules see it: times as intervals, positions on WGS-84, distances worked out. `before` is where the visit
/// stands.
///
/// # Errors
/// When a time of the command or of its evidence cannot be read.
pub(crate) fn normalise(
    sop: &EffectiveSop,
    visit: &Visit,
    before: &Progress,
    command: &Command,
    submission: &Submission,
) -> Result<SubmissionInput, TimeError> {
    let at = time::moment(&command.at, None)?;
    let spent = spent(submission, &at)?;
    let position = submission.position.as_ref().map(|position| position_input(visit, position));
    let is_check_in = sop.step(&submission.step).is_some_and(|step| step.kind == StepKind::CheckIn);
    let check_in =
        if is_check_in { position.clone() } else { visit.check_in(&sop.sop).and_then(|check_in| check_in.position) };
    let evidence = submission
        .evidence
        .iter()
        .map(|reference| evidence_input(visit, at.received_ms, reference, check_in.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(SubmissionInput {
        step: submission.step.clone(),
        instance: submission.instance.clone(),
        answers: if submission.answers.is_null() { Arc::new(json!({})) } else { Arc::clone(&submission.answers) },
        absent: submission.absent.clone(),
        evidence,
        position,
        at: at.input(),
        minimum_s: spent.as_ref().and_then(|_| minimum_s(sop, before, submission)),
        spent,
        integrity: submission.integrity,
    })
}

/// From when the step was opened to when it was handed in. A device that says it was opened later says nothing.
fn spent(submission: &Submission, at: &Moment) -> Result<Option<Interval>, TimeError> {
    let Some(opened) = &submission.opened else { return Ok(None) };
    let opened = time::moment(opened, Some(at.received_ms))?;
    let same_boot = !at.boot.is_empty() && opened.boot == at.boot;
    let is_later = if same_boot { opened.monotonic_ms > at.monotonic_ms } else { opened.min_ms > at.max_ms };
    Ok((!is_later).then(|| time::interval(&opened, at)))
}

fn minimum_s(sop: &EffectiveSop, before: &Progress, submission: &Submission) -> Option<f64> {
    let minimum = sop.step(&submission.step)?.min_seconds.as_ref()?;
    sop.number(minimum, &before.context_with(submission)).ok().filter(|seconds| *seconds > 0.0)
}

/// Adds what the bytes say that are here.
pub(crate) fn read_exif(submission: &mut SubmissionInput, exif: &BTreeMap<String, Exif>) {
    for evidence in &mut submission.evidence {
        if let Some(exif) = exif.get(&evidence.sha256) {
            evidence.exif = Some(exif.clone());
        }
    }
}

fn position_input(visit: &Visit, position: &Position) -> PositionInput {
    let (lat, lon) = place::to_wgs84(position.lat, position.lon, position.crs).unwrap_or((position.lat, position.lon));
    PositionInput {
        lat,
        lon,
        crs: position.crs,
        accuracy_m: position.accuracy_m,
        age_s: position.age_s,
        mock: position.mock,
        provider: position.provider.clone(),
        to_customer_m: visit.customer.location.as_ref().and_then(|location| place::to_location_m(location, position)),
    }
}

fn evidence_input(
    visit: &Visit,
    received_ms: i64,
    reference: &EvidenceReference,
    check_in: Option<&PositionInput>,
) -> Result<EvidenceInput, TimeError> {
    let at = time::moment(&reference.captured, Some(received_ms))?;
    let position = reference.position.as_ref().map(|position| position_input(visit, position));
    let from_check_in_m = position
        .as_ref()
        .zip(check_in)
        .and_then(|(there, here)| place::distance_m((there.lat, there.lon), (here.lat, here.lon)));
    Ok(EvidenceInput {
        requirement: reference.requirement.clone(),
        sha256: reference.sha256.clone(),
        kind: reference.kind.clone(),
        class: reference.class.clone(),
        part: reference.part.clone(),
        live: reference.live,
        at: at.input(),
        position,
        from_check_in_m,
        phash: reference.phash.clone(),
        signer: reference.signed.as_ref().map(|signed| signed.signer.clone()),
        hints: reference.hints.clone(),
        exif: None,
    })
}

/// Check-in to check-out; to the last sign of life where a policy closes.
pub(crate) fn dwell(sop: &EffectiveSop, visit: &Visit, closed: bool) -> Option<Interval> {
    let from = visit.moment(&sop.sop, StepKind::CheckIn)?;
    match visit.moment(&sop.sop, StepKind::CheckOut) {
        Some(to) => Some(time::interval(from, to)),
        None if closed => {
            let last =
                visit.steps.values().filter_map(|record| record.moment.as_ref()).max_by_key(|moment| moment.max_ms)?;
            Some(Interval { source: TimeSource::Estimated, ..time::interval(from, last) })
        }
        None => None,
    }
}

/// The accepted submissions of steps that apply.
pub fn steps(visit: &Visit, progress: &Progress) -> BTreeMap<String, SubmissionInput> {
    done(visit, progress).into_iter().filter_map(|(key, record)| Some((key, record.input.clone()?))).collect()
}

fn done<'a>(visit: &'a Visit, progress: &Progress) -> BTreeMap<String, &'a StepRecord> {
    let rows = progress.steps.iter().filter(|status| status.standing == Standing::Done).map(StepStatus::key);
    let record = |key: &str| visit.steps.get(key).filter(|record| record.input.is_some());
    rows.filter_map(|key| record(&key).map(|record| (key, record.as_ref()))).collect()
}

/// Everything the calls of one judgement share.
pub(crate) struct InputBase<'a> {
    pub sop: &'a EffectiveSop,
    pub visit: &'a Visit,
    pub progress: &'a Progress,
    pub gathered: &'a Gathered,
    pub submission: Option<&'a SubmissionInput>,
    pub closed: bool,
}

/// What the calls of one judgement share, each part in canonical form once.
pub(crate) struct Inputs<'a> {
    base: &'a InputBase<'a>,
    customer: Part,
    parameters: Part,
    submission: Part,
    visit: Part,
    steps: OnceCell<Part>,
}

type Part = Result<CanonicalJson, CanonError>;

impl InputBase<'_> {
    pub fn inputs(&self) -> Inputs<'_> {
        let Self { sop, visit, progress, submission, closed, .. } = *self;
        let submitted_check_in = submission
            .filter(|s| sop.step(&s.step).is_some_and(|step| step.kind == StepKind::CheckIn))
            .map(|s| CheckInInput {
                visit: visit.id.clone(),
                customer: visit.customer.id.clone(),
                at: s.at.clone(),
                position: s.position.clone(),
            });
        let customer = CustomerInput::from(&*visit.customer);
        let so_far = VisitInput {
            id: visit.id.clone(),
            user: visit.user.clone(),
            origin: visit.create.origin,
            business_date: visit.business_date.clone(),
            check_in: submitted_check_in.or_else(|| visit.check_in(&sop.sop)),
            dwell: dwell(sop, visit, closed),
            step_minimum_s: step_minimum_s(sop, progress),
            closed_by_policy: closed,
        };
        Inputs {
            base: self,
            customer: CanonicalJson::of(&customer),
            parameters: CanonicalJson::of(&sop.parameters),
            submission: CanonicalJson::of(&submission),
            visit: CanonicalJson::of(&so_far),
            steps: OnceCell::new(),
        }
    }
}

impl Inputs<'_> {
    /// The input of one rule, a `RuleInput`: what all rules see, plus the needs it declares and nothing else.
    pub fn for_rule(&self, rule: &str, needs: &[Need], config: &Map<String, Value>) -> Part {
        let InputBase { visit, progress, gathered, .. } = *self.base;
        let has = |need: Need| needs.contains(&need);
        let no_steps = CanonicalJson::object([]);
        let steps = if has(Need::Steps) {
            self.steps.get_or_init(|| steps_text(visit, progress)).as_ref().map_err(CanonError::clone)?
        } else {
            &no_steps
        };
        let last_check_in = gathered.last_check_in.as_ref().filter(|_| has(Need::LastCheckIn));
        let evidence_uses = if has(Need::EvidenceUses) { gathered.evidence_uses.as_slice() } else { &[] };
        let previous_visit = gathered.previous_visit.as_ref().filter(|_| has(Need::PreviousVisit));
        let photo_neighbours =
            Some(&gathered.photo_neighbours).filter(|it| has(Need::PhotoNeighbours) && !it.is_empty());
        let photo_neighbours = photo_neighbours.map(CanonicalJson::of).transpose()?;
        let same_texts = Some(&gathered.same_texts).filter(|it| has(Need::SameTexts) && !it.is_empty());
        let same_texts = same_texts.map(CanonicalJson::of).transpose()?;
        let located = gathered.last_located.as_ref().filter(|_| has(Need::LastCheckIn));
        let located = located.map(CanonicalJson::of).transpose()?;
        let on_device = gathered.last_on_device.as_ref().filter(|_| has(Need::LastOnDevice));
        let on_device = on_device.map(CanonicalJson::of).transpose()?;
        let standing = gathered.rep_standing.as_ref().filter(|_| has(Need::RepStanding));
        let standing = standing.map(CanonicalJson::of).transpose()?;
        let left_out_when_empty = [
            ("last_located", &located),
            ("last_on_device", &on_device),
            ("photo_neighbours", &photo_neighbours),
            ("same_texts", &same_texts),
            ("rep_standing", &standing),
        ];
        let left_out_when_empty = left_out_when_empty.into_iter().filter_map(|(name, it)| Some((name, it.as_ref()?)));
        let members = [
            ("rule", &CanonicalJson::of(rule)?),
            ("config", &CanonicalJson::of(config)?),
            ("parameters", self.parameters.as_ref().map_err(CanonError::clone)?),
            ("customer", self.customer.as_ref().map_err(CanonError::clone)?),
            ("visit", self.visit.as_ref().map_err(CanonError::clone)?),
            ("submission", self.submission.as_ref().map_err(CanonError::clone)?),
            ("steps", steps),
            ("last_check_in", &CanonicalJson::of(&last_check_in)?),
            ("evidence_uses", &CanonicalJson::of(evidence_uses)?),
            ("previous_visit", &CanonicalJson::of(&previous_visit)?),
        ];
        Ok(CanonicalJson::object(members.into_iter().chain(left_out_when_empty)))
    }
}

fn steps_text(visit: &Visit, progress: &Progress) -> Part {
    let done = done(visit, progress);
    let texts = done.iter().map(|(key, record)| Ok((key.as_str(), record.input_text()?)));
    Ok(CanonicalJson::object(texts.collect::<Result<Vec<_>, CanonError>>()?))
}

/// Sum of the least times of the steps that were done, in seconds.
fn step_minimum_s(sop: &EffectiveSop, progress: &Progress) -> f64 {
    progress
        .steps
        .iter()
        .filter(|status| status.standing == Standing::Done)
        .filter_map(|status| sop.step(&status.step)?.min_seconds.as_ref())
        .filter_map(|seconds| sop.number(seconds, &progress.context).ok())
        .filter(|seconds| *seconds > 0.0)
        .sum()
}

#[cfg(test)]
mod tests;
