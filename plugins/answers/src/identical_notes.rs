//! `identical_notes`: a rep wrote the same words about several customers.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{
    About, Assess, Availability, Context, Finding, Findings, Input, Need, Rule, RuleError, SameText, Submission, texts,
};
use std::collections::{BTreeMap, BTreeSet};

/// Config of `identical_notes`. Which texts are compared, the form says: `x-free-text`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdenticalNotes {
    /// Shorter notes, in characters, are what everybody writes: "All is well.", "一切正常".
    #[schemars(range(min = 1))]
    min_chars: u32,
    /// The same rep wrote it about so many other customers.
    #[schemars(range(min = 1, max = 20))]
    min_customers: u32,
    /// Only notes of so many days before count.
    #[schemars(range(min = 1, max = 365))]
    within_days: u32,
    /// What so many reps write is a phrase of the house, and blamed on nobody.
    #[schemars(range(min = 2, max = 20))]
    phrase_of_reps: u32,
}

impl Default for IdenticalNotes {
    fn default() -> Self {
        Self { min_chars: 12, min_customers: 3, within_days: 31, phrase_of_reps: 3 }
    }
}

impl Rule for IdenticalNotes {
    type Kind = Assess;
    const ABOUT: About = About {
        id: "identical_notes",
        title: texts! { "en": "The same note everywhere", "zh-CN": "备注雷同" },
        description: texts! {
            "en": "Finds notes that the same rep wrote word for word about several other customers. Short notes and phrases that several reps use are left alone.",
            "zh-CN": "发现同一业务员对多家其他客户填写的文字完全相同的备注。过短的备注和多名业务员共用的标准用语不计。",
        },
        needs: &[(Need::Steps, Availability::Device), (Need::SameTexts, Availability::Server)],
        codes: &[(
            "answers.identical_notes",
            texts! {
                "en": "The same note was written about {customers} other customers. Write what you found here.",
                "zh-CN": "同样的备注已用于其他 {customers} 家客户，请填写本次实际情况。",
            },
        )],
        source: "survey practice: duplicated open answers; limits and weight: tenant parameter",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, _: &Context<'_>) -> Result<Findings, RuleError> {
        let mut notes: BTreeMap<(&str, &str), Vec<&SameText>> = BTreeMap::new();
        for text in &input.same_texts {
            notes.entry((text.step.as_str(), text.pointer.as_str())).or_default().push(text);
        }
        let found = notes.into_iter().filter_map(|((step, pointer), others)| {
            let submission = input.submissions().find(|submission| submission.key() == step)?;
            let customers = self.customers(input, submission, pointer, &others)?;
            Some((customers, pointer))
        });
        // The note that was used most; of two the first.
        let worst = found.reduce(|one, other| if other.0 > one.0 { other } else { one });
        let finding = worst.map(|(customers, pointer)| {
            // A rule over the whole visit has no one step to point into.
            let pointer = if input.submission.is_some() { pointer } else { "" };
            Finding::warning("answers.identical_notes").weight(20).at(pointer).with("customers", customers)
        });
        Ok(finding.into_iter().collect())
    }
}

impl IdenticalNotes {
    /// Of how many other customers the rep wrote the same, if that is too many.
    fn customers(&self, input: &Input, submission: &Submission, pointer: &str, others: &[&SameText]) -> Option<usize> {
        const DAY_MS: i64 = 86_400_000;
        let text = submission.answers.pointer(pointer).and_then(Value::as_str)?;
        let from_ms = submission.at.received_ms.saturating_sub(i64::from(self.within_days) * DAY_MS);
        let recent = || others.iter().filter(|other| other.received_ms >= from_ms);
        let reps: BTreeSet<&str> =
            recent().map(|other| other.user.as_str()).chain([input.visit.user.as_str()]).collect();
        let own = recent().filter(|other| other.user == input.visit.user);
        let customers: BTreeSet<&str> = own.map(|other| other.customer.as_str()).collect();
        let is_said = text.chars().count() >= usize::try_from(self.min_chars).unwrap_or(usize::MAX)
            && customers.len() >= usize::try_from(self.min_customers).unwrap_or(usize::MAX)
            && reps.len() < usize::try_from(self.phrase_of_reps).unwrap_or(usize::MAX);
        is_said.then_some(customers.len())
    }
}
