//! The answers of the detailing steps as the rules read them, by step id.
//!
//! Members a form may leave out are optional here. Amounts of money are decimal strings, days `YYYY-MM-DD`, moments RFC 3339
//! with their offset. A step that is about one doctor is repeated, and the instance is the doctor's id.

use serde::Deserialize;
use sopwith_sdk::{Input, Submission};

/// Accepted instances of a repeated step: the doctor's id and what was handed in, in the order of the ids.
pub fn of_each<'a>(input: &'a Input, step: &'a str) -> impl Iterator<Item = (&'a str, &'a Submission)> {
    let of_step = input.steps.values().filter(move |submission| submission.step == step);
    of_step.filter_map(|submission| Some((submission.instance.as_deref()?, submission)))
}

/// Answers of step `pre_call`.
#[derive(Debug, Deserialize)]
pub struct PreCall {
    /// Whom the rep is going to see.
    #[serde(default)]
    pub doctors: Vec<PlannedDoctor>,
}

/// One doctor the rep is going to see.
#[derive(Debug, Deserialize)]
pub struct PlannedDoctor {
    /// Key of dataset `hcps`.
    pub hcp: String,
    /// `awareness`, `trial`, `adopt`, `retain` or `safety_info`.
    pub objective: Option<String>,
    /// Why there is none.
    pub no_objective_reason: Option<String>,
    /// `f2f`, `email`, `wechat` or `phone`.
    pub channel: Option<String>,
}

/// Answers of step `compliance`.
#[derive(Debug, Deserialize)]
pub struct Compliance {
    /// Filing number of the rep.
    pub filing_no: Option<String>,
    /// What the institution agreed to.
    pub appointment: Option<Appointment>,
    /// Where the talk will be.
    pub zone: Option<String>,
}

/// An appointment with the institution.
#[derive(Debug, Deserialize)]
pub struct Appointment {
    /// Not before this moment.
    pub from: String,
    /// Not after this moment.
    pub to: String,
}

/// Answers of step `attendees`.
#[derive(Debug, Deserialize)]
pub struct Attendees {
    /// Who was there.
    #[serde(default)]
    pub attendees: Vec<Attendee>,
}

/// One doctor who was there.
#[derive(Debug, Deserialize)]
pub struct Attendee {
    /// Key of dataset `hcps`.
    pub hcp: String,
}

/// Answers of step `detailing`, for one doctor.
#[derive(Debug, Deserialize)]
pub struct Detailing {
    /// Where the talk was.
    pub zone: Option<String>,
    /// `full`, `short` or `reminder`.
    pub level: Option<String>,
    /// The objective of the call was reached.
    pub objective_met: Option<bool>,
    /// What was talked about.
    #[serde(default)]
    pub topics: Vec<Topic>,
}

impl Detailing {
    /// Topics by their priority.
    pub fn in_order(&self) -> Vec<&Topic> {
        let mut topics: Vec<&Topic> = self.topics.iter().collect();
        topics.sort_by_key(|topic| topic.priority.unwrap_or(i64::MAX));
        topics
    }
}

/// One product that was talked about.
#[derive(Debug, Deserialize)]
pub struct Topic {
    /// Key of dataset `products`.
    pub product: String,
    /// Which came first.
    pub priority: Option<i64>,
    /// Key of dataset `materials`, `id@version`.
    pub material: Option<String>,
    /// How long its slides were shown, in seconds.
    pub dwell_s: Option<f64>,
    /// Key messages that were given.
    #[serde(default)]
    pub messages: Vec<String>,
    /// `positive`, `neutral`, `negative` or `objection`.
    pub reaction: Option<String>,
}

/// Answers of step `question`.
#[derive(Debug, Deserialize)]
pub struct Questions {
    /// What doctors asked.
    #[serde(default)]
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// Who asked.
    pub hcp: String,
    /// About which product.
    pub product: String,
    /// `on_label` or `off_label`.
    pub label: String,
    /// `rep` or `medical`.
    pub answered_by: Option<String>,
    /// Material the answer rests on, `id@version`.
    pub reference: Option<String>,
}

/// Answers of step `samples`, for one doctor.
#[derive(Debug, Deserialize)]
pub struct Samples {
    /// The doctor's written request.
    pub request: Option<Request>,
    /// Where they are handed over.
    pub address: Option<String>,
    /// What is handed over.
    #[serde(default)]
    pub lines: Vec<SampleLine>,
}

/// A written request for samples.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// When it was written.
    pub date: Option<String>,
    /// Name of the doctor as it stands on the request.
    pub name: Option<String>,
    /// Professional title.
    pub title: Option<String>,
    /// Address of the doctor as it stands on the request.
    pub address: Option<String>,
    /// Licence of the doctor as it stands on the request.
    pub licence_no: Option<String>,
    /// Registration for controlled substances.
    pub dea_no: Option<String>,
    /// The doctor signed it.
    #[serde(default)]
    pub signed: bool,
    /// What is asked for.
    #[serde(default)]
    pub items: Vec<RequestedSample>,
}

/// One product that is asked for.
#[derive(Debug, Deserialize)]
pub struct RequestedSample {
    /// Key of dataset `products`.
    pub product: String,
    /// Strength.
    pub strength: Option<String>,
    /// Packs.
    pub qty: Option<f64>,
    /// Who makes it.
    pub maker: Option<String>,
}

/// One product and lot of samples.
#[derive(Debug, Deserialize)]
pub struct SampleLine {
    /// Key of dataset `products`.
    pub product: String,
    /// Strength as it stands on the pack.
    pub strength: Option<String>,
    /// Key of dataset `lots`.
    pub lot: String,
    /// Expiry as it stands on the pack.
    pub expires: Option<String>,
    /// Packs.
    pub qty: Option<f64>,
}

/// Answers of step `safety`.
#[derive(Debug, Deserialize)]
pub struct Safety {
    /// Something was heard.
    pub heard: Option<bool>,
    /// When the rep came to know.
    pub aware_at: Option<String>,
    /// What was heard.
    #[serde(default)]
    pub events: Vec<SafetyEvent>,
}

/// One adverse event or product complaint.
#[derive(Debug, Deserialize)]
pub struct SafetyEvent {
    /// The patient, as far as one can be told from others.
    pub patient: Option<Patient>,
    /// Who reports it.
    pub reporter: Option<String>,
    /// Which product.
    pub product: Option<String>,
    /// What happened.
    pub event: Option<String>,
}

/// A patient without a name.
#[derive(Debug, Deserialize)]
pub struct Patient {
    /// Initials.
    pub initials: Option<String>,
    /// Age band.
    pub age_band: Option<String>,
    /// Sex.
    pub sex: Option<String>,
}

/// Answers of step `transfer`, for one doctor.
#[derive(Debug, Deserialize)]
pub struct Transfers {
    /// What the doctor received.
    #[serde(default)]
    pub items: Vec<TransferItem>,
}

/// One transfer of value.
#[derive(Debug, Deserialize)]
pub struct TransferItem {
    /// `meal`, `material`, `travel`, `fee` or `grant`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `person`, `department` or `institution`.
    pub recipient: String,
    /// This doctor's share.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// What it cost for everybody.
    pub total: Option<String>,
    /// How many share it.
    pub people: Option<i64>,
}

/// Answers of step `note`, for one doctor.
#[derive(Debug, Deserialize)]
pub struct Note {
    /// What the rep wrote.
    #[serde(default)]
    pub text: String,
}

/// Answers of step `next_step`.
#[derive(Debug, Deserialize)]
pub struct NextSteps {
    /// What was agreed.
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// One agreed action.
#[derive(Debug, Deserialize)]
pub struct Action {
    /// For which doctor.
    pub hcp: String,
    /// What.
    pub what: String,
    /// Until when.
    pub due: Option<String>,
}

/// Whether the rep wrote anything.
pub fn is_given(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}
