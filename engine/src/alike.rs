//! What makes two photos or two texts alike, and which of those alike a rule is told of.
//!
//! Photos are compared by their 64-bit perceptual hashes, signatures by the shapes of their strokes (`strokes.rs`), which are
//! 64 bits too. The 64 bits are four bands of 16; two hashes that differ in at most
//! [`MAX_DISTANCE`] = 7 bits have a band in which they differ in at most one (7 bits on four bands: one gets no more than
//! 7 / 4). So whoever asks an index for every band as it is and with each one of its bits turned, 4 × 17 values, finds them
//! all and scans nothing. Texts are compared by the hash of what is left of them without case, width, spaces and punctuation.
//! Where the past is kept is not known here: in memory `history.rs`, in a server its store.

use crate::canon::sha256_hex;
use crate::command::{Command, EvidenceReference, Submission};
use crate::effective::EffectiveSop;
use crate::gather::{Gathered, Wanted};
use crate::input::{PhotoNeighbour, SameText, SubmissionInput};
use crate::rule::Need;
use crate::time;
use crate::verdict::Reference;
use crate::visit::{Visit, step_key};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Photos whose hashes differ in more bits are strangers.
pub const MAX_DISTANCE: u32 = 7;
/// How far back photos and texts are looked for: 365 days.
pub const LOOK_BACK_MS: i64 = 365 * 24 * 3_600_000;
/// Texts of fewer characters, once normalised, are not compared: everybody writes them.
pub const MIN_TEXT_CHARS: usize = 8;
/// Of the photos like one photo a rule is told of so many of the same customer, and of as many of others: the nearest.
pub const MOST_NEIGHBOURS: usize = 5;
/// Of the visits with one text a rule is told of so many: the newest.
pub const MOST_TEXTS: usize = 20;
/// Evidence of these kinds is compared.
const COMPARED: [&str; 2] = ["photo", "signature"];

/// A photo, or signature, of this visit to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPhoto {
    /// Its perceptual hash.
    pub hash: u64,
    /// Who signed, if it is a signature that says so.
    pub signer: Option<String>,
    /// When it was received: what came later is not its past.
    pub before_ms: i64,
}

/// A text of this visit to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedText {
    /// Its step (`step` or `step[key]`).
    pub step: String,
    /// JSON Pointer into the answers.
    pub pointer: String,
    /// When it was received: what came later is not its past.
    pub before_ms: i64,
}

/// A photo, or signature, as it was handed in for some visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastPhoto {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its perceptual hash.
    pub hash: u64,
    /// For which visit.
    pub visit: String,
    /// Of which customer.
    pub customer: String,
    /// Of which rep.
    pub user: String,
    /// In which step.
    pub step: String,
    /// Its class there.
    pub class: String,
    /// Who signed, if it is a signature that says so.
    pub signer: Option<String>,
    /// Business date of the visit.
    pub business_date: String,
    /// When it was received.
    pub received_ms: i64,
}

/// A text as it was handed in for some visit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastText {
    /// What [`text_hash`] makes of it.
    pub hash: String,
    /// For which visit.
    pub visit: String,
    /// Of which customer.
    pub customer: String,
    /// Of which rep.
    pub user: String,
    /// Business date of the visit.
    pub business_date: String,
    /// When it was received.
    pub received_ms: i64,
}

/// A perceptual hash as reporters write it: 16 hex digits. None for anything else.
#[must_use]
pub fn photo_hash(text: &str) -> Option<u64> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// The four bands of a hash, the highest first.
#[must_use]
pub const fn bands(hash: u64) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), u16::from_be_bytes([e, f]), u16::from_be_bytes([g, h])]
}

/// What to ask an index of a band for: its value, and that with each one of its bits turned.
pub fn probes(band: u16) -> impl Iterator<Item = u16> {
    std::iter::once(band).chain((0..u16::BITS).map(move |bit| band ^ (1 << bit)))
}

/// The hash of what a text says: lower case, full-width letters as ASCII, letters and digits only. None when that is shorter
/// than [`MIN_TEXT_CHARS`].
#[must_use]
pub fn text_hash(text: &str) -> Option<String> {
    let said = essence(text);
    (said.chars().count() >= MIN_TEXT_CHARS).then(|| sha256_hex(said.as_bytes()))
}

/// What a text says without what people write in different ways: case, width, spaces and punctuation.
#[must_use]
pub fn essence(text: &str) -> String {
    text.chars().map(narrow).flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// Full-width ASCII, as Chinese keyboards write it, as plain ASCII.
fn narrow(wide: char) -> char {
    match wide {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(wide) - 0xfee0).unwrap_or(wide),
        other => other,
    }
}

/// What a submission says to other visits about its photos.
#[must_use]
pub fn photos_of(visit: &Visit, submission: &SubmissionInput) -> Vec<PastPhoto> {
    let photos = submission.evidence.iter().filter(|evidence| COMPARED.contains(&evidence.kind.as_str()));
    let past = photos.filter_map(|photo| {
        Some(PastPhoto {
            sha256: photo.sha256.clone(),
            hash: photo_hash(photo.phash.as_deref()?)?,
            visit: visit.id.clone(),
            customer: visit.customer.id.clone(),
            user: visit.user.clone(),
            step: submission.step.clone(),
            class: photo.class.clone(),
            signer: photo.signer.clone(),
            business_date: visit.business_date.clone(),
            received_ms: submission.at.received_ms,
        })
    });
    past.collect()
}

/// What a submission says to other visits about the texts in its answers (`x-free-text` of the form), each once.
#[must_use]
pub fn texts_of(sop: &EffectiveSop, visit: &Visit, submission: &SubmissionInput) -> Vec<PastText> {
    let texts = sop.form(&submission.step).map(|form| form.free_texts(&submission.answers)).unwrap_or_default();
    let hashes: BTreeSet<String> = texts.into_iter().filter_map(|(_, text)| text_hash(text)).collect();
    let past = |hash| PastText {
        hash,
        visit: visit.id.clone(),
        customer: visit.customer.id.clone(),
        user: visit.user.clone(),
        business_date: visit.business_date.clone(),
        received_ms: submission.at.received_ms,
    };
    hashes.into_iter().map(past).collect()
}

/// What a visit has so far is looked for, as far as a rule needs it.
pub(crate) fn want_visit(wanted: &mut Wanted, sop: &EffectiveSop, visit: &Visit) {
    for record in visit.steps.values() {
        if let (Some(submission), Some(input)) = (&record.submission, &record.input) {
            want(wanted, sop, submission, input.at.received_ms);
        }
    }
}

/// What a submission holds is looked for; it replaces what was handed in for the same step.
pub(crate) fn want(wanted: &mut Wanted, sop: &EffectiveSop, submission: &Submission, before_ms: i64) {
    let is_needed = wanted.needs.contains(&Need::PhotoNeighbours);
    let compared = |evidence: &&EvidenceReference| is_needed && COMPARED.contains(&evidence.kind.as_str());
    for photo in submission.evidence.iter().filter(compared) {
        if let Some(hash) = photo.phash.as_deref().and_then(photo_hash) {
            let signer = photo.signed.as_ref().map(|signed| signed.signer.clone());
            wanted.photos.entry(photo.sha256.clone()).or_insert(WantedPhoto { hash, signer, before_ms });
        }
    }
    if !wanted.needs.contains(&Need::SameTexts) {
        return;
    }
    let step = step_key(&submission.step, submission.instance.as_deref());
    wanted.texts.retain(|_, text| text.step != step);
    let texts = sop.form(&submission.step).map(|form| form.free_texts(&submission.answers)).unwrap_or_default();
    for (pointer, text) in texts {
        if let Some(hash) = text_hash(text) {
            wanted.texts.entry(hash).or_insert_with(|| WantedText { step: step.clone(), pointer, before_ms });
        }
    }
}

/// When a command was received; a command that cannot say so is refused before anything is looked for.
pub(crate) fn received_ms(command: &Command) -> i64 {
    time::moment(&command.at, None).map_or(i64::MIN, |at| at.received_ms)
}

fn in_time(before_ms: i64, received_ms: i64) -> bool {
    received_ms <= before_ms && received_ms >= before_ms.saturating_sub(LOOK_BACK_MS)
}

impl Wanted {
    /// The photo as a neighbour of the visit's photo `sha256`, if it is one: of another visit, other bytes, not later, like it.
    #[must_use]
    pub fn neighbour(&self, sha256: &str, photo: &PastPhoto) -> Option<PhotoNeighbour> {
        let own = self.photos.get(sha256)?;
        let distance = (own.hash ^ photo.hash).count_ones();
        let is_other = photo.visit != self.visit && photo.sha256 != sha256;
        (is_other && distance <= MAX_DISTANCE && in_time(own.before_ms, photo.received_ms)).then(|| PhotoNeighbour {
            sha256: sha256.to_owned(),
            other: photo.sha256.clone(),
            distance,
            visit: photo.visit.clone(),
            customer: photo.customer.clone(),
            user: photo.user.clone(),
            step: photo.step.clone(),
            class: photo.class.clone(),
            signer: photo.signer.clone(),
            business_date: photo.business_date.clone(),
            received_ms: photo.received_ms,
        })
    }

    /// The text as the same as one of this visit, if it is: of another visit to another customer, not later.
    #[must_use]
    pub fn same_text(&self, text: &PastText) -> Option<SameText> {
        let own = self.texts.get(&text.hash)?;
        let is_other = text.visit != self.visit && text.customer != self.customer;
        (is_other && in_time(own.before_ms, text.received_ms)).then(|| SameText {
            step: own.step.clone(),
            pointer: own.pointer.clone(),
            visit: text.visit.clone(),
            customer: text.customer.clone(),
            user: text.user.clone(),
            business_date: text.business_date.clone(),
            received_ms: text.received_ms,
        })
    }

    /// Of the neighbours found, those a rule is told of, each with its event, in the order of `sort_neighbours`: for each
    /// photo the [`MOST_NEIGHBOURS`] nearest and newest, of this customer and of others, by the same signer and by others.
    fn nearest(&self, mut found: Vec<(PhotoNeighbour, String)>) -> Vec<(PhotoNeighbour, String)> {
        found.sort_by(|(a, one), (b, other)| (rank(a), one).cmp(&(rank(b), other)));
        let mut seen: BTreeSet<[String; 3]> = BTreeSet::new();
        let mut counts: BTreeMap<(String, bool, bool), usize> = BTreeMap::new();
        found.retain(|(photo, _)| {
            // A step that was handed in twice shows its photo twice.
            if !seen.insert([photo.sha256.clone(), photo.visit.clone(), photo.other.clone()]) {
                return false;
            }
            let is_signer = self.photos.get(&photo.sha256).is_some_and(|own| own.signer == photo.signer);
            let of = (photo.sha256.clone(), photo.customer == self.customer, is_signer);
            let count = counts.entry(of).or_default();
            *count += 1;
            *count <= MOST_NEIGHBOURS
        });
        found
    }
}

/// Of the texts found, those a rule is told of, each with hash and event: of each text the newest of the [`MOST_TEXTS`] newest
/// visits.
fn newest(mut found: Vec<(SameText, String, String)>) -> Vec<(SameText, String, String)> {
    found.sort_by(|(a, _, one), (b, _, other)| (place(a), one).cmp(&(place(b), other)));
    let mut seen: BTreeSet<[String; 2]> = BTreeSet::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    found.retain(|(text, hash, _)| {
        if !seen.insert([hash.clone(), text.visit.clone()]) {
            return false;
        }
        let count = counts.entry(hash.clone()).or_default();
        *count += 1;
        *count <= MOST_TEXTS
    });
    found
}

/// The order of `Gathered::photo_neighbours`: by photo, the nearest first, then the newest.
pub fn sort_neighbours(neighbours: &mut [PhotoNeighbour]) {
    neighbours.sort_by(|a, b| rank(a).cmp(&rank(b)));
}

/// The order of `Gathered::same_texts`: by place in this visit, the newest first.
pub fn sort_texts(texts: &mut [SameText]) {
    texts.sort_by(|a, b| place(a).cmp(&place(b)));
}

fn rank(photo: &PhotoNeighbour) -> impl Ord + '_ {
    let PhotoNeighbour { sha256, distance, received_ms, visit, other, step, class, .. } = photo;
    (sha256, *distance, Reverse(*received_ms), visit, other, step, class)
}

fn place(text: &SameText) -> impl Ord + '_ {
    let SameText { step, pointer, received_ms, visit, .. } = text;
    (step, pointer, Reverse(*received_ms), visit)
}

impl Gathered {
    /// Keeps of the neighbours found those that are told, by reference to their events.
    pub fn told_neighbours(
        &mut self,
        found: Vec<(PhotoNeighbour, String)>,
        wanted: &Wanted,
        references: &mut BTreeSet<Reference>,
    ) {
        for (photo, event) in wanted.nearest(found) {
            let about = vec![photo.sha256.clone(), photo.other.clone()];
            references.insert(Reference { need: "photo_neighbours".to_owned(), event, about });
            self.photo_neighbours.push(photo);
        }
        sort_neighbours(&mut self.photo_neighbours);
    }

    /// Keeps of the texts found, each with its hash and event, those that are told, by reference to their events.
    pub fn told_texts(&mut self, found: Vec<(SameText, String, String)>, references: &mut BTreeSet<Reference>) {
        for (text, hash, event) in newest(found) {
            references.insert(Reference { need: "same_texts".to_owned(), event, about: vec![hash] });
            self.same_texts.push(text);
        }
        sort_texts(&mut self.same_texts);
    }
}

#[cfg(test)]
mod tests;
