//! `same_notes`: two doctors, or two visits, and word for word the same note.
//!
//! Notes at other institutions are not seen here; a rule that searches the tenant's texts does that.

use crate::answers::{self, of_each};
use crate::rows::{HCPS, Hcp};
use schemars::JsonSchema;
use serde::Deserialize;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, Submission, texts,
};

/// Config of `same_notes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SameNotes {
    /// Shorter notes are alike by chance; letters without spaces and punctuation.
    min_letters: u32,
}

impl Default for SameNotes {
    fn default() -> Self {
        Self { min_letters: 12 }
    }
}

impl Rule for SameNotes {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "same_notes",
        title: texts! { "en": "Same note again", "zh-CN": "雷同拜访记录" },
        description: texts! {
            "en": "Finds notes that are the same for two doctors of the visit, or as in the visit before.",
            "zh-CN": "发现本次不同医生之间，或与上次拜访内容相同的拜访记录。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::PreviousVisit, Availability::Server)],
        codes: &[
            (
                "same_notes.two_doctors",
                texts! {
                    "en": "The notes on {one} and {other} are the same.",
                    "zh-CN": "{one} 与 {other} 的拜访记录相同。",
                },
            ),
            (
                "same_notes.previous_visit",
                texts! {
                    "en": "The note on {hcp} is the same as one of {date}.",
                    "zh-CN": "{hcp} 的拜访记录与 {date} 的相同。",
                },
            ),
        ],
        datasets: &[HCPS],
        source: "usual practice of fraud control in field sales; tenant parameter",
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let mut notes: Vec<(&str, String)> = Vec::new();
        for (hcp, submission) in of_each(input, "note") {
            if let Some(letters) = self.letters(submission)? {
                notes.push((hcp, letters));
            }
        }
        let mut findings = Findings::new();
        let twice = notes.iter().enumerate().find_map(|(at, note)| {
            let other = notes.iter().skip(at + 1).find(|other| other.1 == note.1)?;
            Some((note.0, other.0))
        });
        if let Some((one, other)) = twice {
            let finding = Finding::warning("same_notes.two_doctors").weight(25).with("one", Hcp::name(context, one)?);
            findings.push(finding.with("other", Hcp::name(context, other)?));
        }
        let Some(previous) = &input.previous_visit else { return Ok(findings) };
        let mut before = Vec::new();
        for submission in previous.steps.values().filter(|submission| submission.step == "note") {
            before.extend(self.letters(submission)?);
        }
        if let Some((hcp, _)) = notes.iter().find(|(_, letters)| before.contains(letters)) {
            let finding = Finding::warning("same_notes.previous_visit").weight(25);
            let finding = finding.with("hcp", Hcp::name(context, hcp)?);
            findings.push(finding.with("date", previous.business_date.as_str()));
        }
        Ok(findings)
    }
}

impl SameNotes {
    /// The letters and digits of a note in lower case; none when they are too few to mean anything.
    fn letters(&self, submission: &Submission) -> Result<Option<String>, RuleError> {
        let note: answers::Note = submission.answers_as()?;
        let letters: String =
            note.text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let is_enough = u32::try_from(letters.chars().count()).is_ok_and(|count| count >= self.min_letters);
        Ok(is_enough.then_some(letters))
    }
}
