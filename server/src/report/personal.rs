//! Which answers are personal, and what must not be repeated elsewhere on a page that does not show them.

use engine::effective::EffectiveSop;
use engine::visit::Visit;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Stands for a personal answer.
pub const MASK: &str = "•••";
/// Shorter answers than this, in bytes, occur in too many words to be looked for in them.
const MIN_PART: usize = 4;

/// The personal places of a visit's forms.
pub struct Personal {
    /// By step: reference tokens, `*` for any item or unnamed member.
    places: BTreeMap<String, Vec<Vec<String>>>,
    /// Texts that were answered there.
    said: BTreeSet<String>,
}

impl Personal {
    /// Reads forms (`x-personal`) and answers.
    pub fn of(sop: &EffectiveSop, visit: &Visit) -> Self {
        let places: BTreeMap<String, Vec<Vec<String>>> = sop
            .sop
            .steps
            .iter()
            .filter_map(|step| Some((step.id.clone(), sop.form(&step.id)?.personal_pointers())))
            .map(|(id, pointers)| (id, pointers.iter().map(|pointer| tokens(pointer)).collect()))
            .collect();
        let mut personal = Self { places, said: BTreeSet::new() };
        let mut said = BTreeSet::new();
        for (key, record) in &visit.steps {
            if let Some(submission) = &record.submission {
                personal.collect(key, &submission.answers, &mut String::new(), &mut said);
            }
        }
        personal.said = said;
        personal
    }

    /// Whether any answer is personal.
    pub fn any(&self) -> bool {
        !self.said.is_empty()
    }

    /// Whether a place, or what it stands in, is personal.
    pub fn covers(&self, key: &str, pointer: &str) -> bool {
        let step = key.split('[').next().unwrap_or(key);
        let here = tokens(pointer);
        let covered = |place: &Vec<String>| {
            place.len() <= here.len() && place.iter().zip(&here).all(|(wanted, token)| wanted == "*" || wanted == token)
        };
        self.places.get(step).is_some_and(|places| places.iter().any(covered))
    }

    /// Whether a text repeats a personal answer.
    pub fn is_in(&self, text: &str) -> bool {
        self.said.iter().any(|said| text == said || (said.len() >= MIN_PART && text.contains(said.as_str())))
    }

    fn collect(&self, key: &str, value: &Value, pointer: &mut String, said: &mut BTreeSet<String>) {
        let length = pointer.len();
        let mut each = |token: &str, value: &Value| {
            pointer.push('/');
            pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
            self.collect(key, value, pointer, said);
            pointer.truncate(length);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| each(name, member)),
            Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| each(&at.to_string(), item)),
            Value::String(text) => {
                if !text.is_empty() && self.covers(key, pointer) {
                    said.insert(text.clone());
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// The reference tokens of a JSON Pointer.
fn tokens(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}
