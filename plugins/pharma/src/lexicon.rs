//! `lexicon`: free text without words that must not be there, and without anything that tells a patient apart.

use crate::patient_data;
use crate::rows::{LEXICON, Match, Term, WordList};
use regex_lite::RegexBuilder;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sopwith_sdk::{About, Context, Finding, Findings, Input, Rule, RuleError, Validate, texts};

/// Config of `lexicon`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lexicon {
    /// Rows of dataset `lexicon` that hold here.
    lists: Vec<String>,
    /// Members of the answers that hold free text, wherever they stand.
    members: Vec<String>,
    /// Look for patient data too.
    patient_data: bool,
}

impl Default for Lexicon {
    fn default() -> Self {
        Self { lists: Vec::new(), members: vec!["text".to_owned()], patient_data: true }
    }
}

impl Rule for Lexicon {
    type Kind = Validate;
    const ABOUT: About = About {
        id: "lexicon",
        title: texts! { "en": "Free text", "zh-CN": "自由文本" },
        description: texts! {
            "en": "Looks for listed words (anywhere, as a word, or by pattern) and for patient data in free text.",
            "zh-CN": "检查自由文本中的禁用词（包含、整词或正则）和患者个人信息。",
        },
        codes: &[
            (
                "lexicon.blocked",
                texts! {
                    "en": "\"{found}\" must not be in the text ({topic}).",
                    "zh-CN": "文本中不得出现“{found}”（{topic}）。",
                },
            ),
            (
                "lexicon.warned",
                texts! {
                    "en": "\"{found}\": is that what you want to say? ({topic})",
                    "zh-CN": "“{found}”：请确认表述是否恰当（{topic}）。",
                },
            ),
            (
                "lexicon.patient_data",
                texts! {
                    "en": "The text tells a patient apart ({kinds}). Take it out.",
                    "zh-CN": "文本含有可识别患者的信息（{kinds}），请删除。",
                },
            ),
        ],
        datasets: &[LEXICON],
        source: "word lists of the tenant; CN: prescription counting is forbidden; identity numbers: GB 11643, ISO 7064 MOD 11-2",
        ..About::EMPTY
    };

    fn run(&self, input: &Input, context: &Context<'_>) -> Result<Findings, RuleError> {
        let submission = input.submission()?;
        let mut lists = Vec::with_capacity(self.lists.len());
        for list in &self.lists {
            let missing = || RuleError::new("no_such_list", format!("dataset {LEXICON} has no list `{list}`"));
            lists.push(context.lookup::<WordList>(LEXICON, list)?.ok_or_else(missing)?);
        }
        let terms = || lists.iter().flat_map(|list| &list.terms);
        let mut findings = Findings::new();
        for (at, text) in self.texts(&submission.answers) {
            let text = Text::of(text);
            for term in terms() {
                if let Some(found) = term.found_in(&text)? {
                    let finding =
                        if term.block { Finding::error("lexicon.blocked") } else { Finding::warning("lexicon.warned") };
                    findings.push(finding.at(at.as_str()).with("found", found).with("topic", term.topic.as_str()));
                }
            }
            let kinds = if self.patient_data { patient_data::kinds(text.whole) } else { Vec::new() };
            if !kinds.is_empty() {
                findings.push(Finding::error("lexicon.patient_data").at(at).with("kinds", kinds.join(", ")));
            }
        }
        Ok(findings)
    }
}

impl Lexicon {
    /// Free text in the answers with its place, in the order of the places. The host bounds how deep answers are.
    fn texts<'a>(&self, answers: &'a Value) -> Vec<(String, &'a str)> {
        let mut found = Vec::new();
        let mut pending = vec![(String::new(), answers)];
        while let Some((at, value)) = pending.pop() {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                        match member.as_str().filter(|_| self.members.contains(name)) {
                            Some(text) => found.push((place, text)),
                            None => pending.push((place, member)),
                        }
                    }
                }
                Value::Array(items) => {
                    pending.extend(items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        found.sort();
        found
    }
}

/// A free text in the forms it is searched in, each made once.
struct Text<'a> {
    whole: &'a str,
    lower: String,
    squeezed: String,
}

impl<'a> Text<'a> {
    fn of(whole: &'a str) -> Self {
        Self { whole, lower: whole.to_lowercase(), squeezed: squeezed(whole) }
    }
}

impl Term {
    /// What of the text the term is about; none when it is not there.
    ///
    /// # Errors
    /// `bad_row` when the pattern is none.
    fn found_in(&self, text: &Text<'_>) -> Result<Option<String>, RuleError> {
        Ok(match self.how {
            Match::Contains => text.squeezed.contains(&squeezed(&self.term)).then(|| self.term.clone()),
            Match::Exact => has_word(&text.lower, &self.term.to_lowercase()).then(|| self.term.clone()),
            Match::Regex => {
                let pattern = RegexBuilder::new(&self.term).case_insensitive(true).build();
                let bad =
                    |error| RuleError::new("bad_row", format!("dataset {LEXICON}, term `{}`: {error}", self.term));
                pattern.map_err(bad)?.find(text.whole).map(|found| found.as_str().to_owned())
            }
        })
    }
}

/// In lower case, without what people put between letters to slip through.
fn squeezed(text: &str) -> String {
    let between = |letter: &char| letter.is_whitespace() || matches!(letter, '.' | '-' | '_' | '*' | '·' | '\u{200b}');
    text.chars().filter(|letter| !between(letter)).flat_map(char::to_lowercase).collect()
}

/// Whether a word stands in the text with neither letter nor digit beside it. Chinese writes no spaces: there every place
/// is one between words.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |letter: char| letter.is_ascii_alphanumeric();
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(joins) && !after.is_some_and(joins)
    })
}
