//! How a command travels, and how a line becomes a `Record`: every way a line can be wrong is named.

use super::{Action, Amend, Command, Complete, Contest, Create, Note, Reason, Record, Reject, Skip, Submission, Times};
use crate::canon;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// A command as it travels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    id: String,
    user: String,
    device: String,
    task: String,
    at: Times,
    verb: String,
    #[serde(default)]
    body: Value,
}

impl TryFrom<Envelope> for Command {
    type Error = Malformed;

    fn try_from(envelope: Envelope) -> Result<Self, Malformed> {
        let Envelope { id, user, device, task, at, verb, body } = envelope;
        let body = if body.is_null() { Value::Object(Map::new()) } else { body };
        let mut tagged = Map::from_iter([("verb".to_owned(), Value::String(verb))]);
        tagged.insert("body".to_owned(), body);
        let action = parse(Value::Object(tagged))?;
        Ok(Self { id, user, device, task, at, action })
    }
}

/// An `Envelope` that borrows its command.
#[derive(Serialize)]
struct Sent<'a> {
    id: &'a str,
    user: &'a str,
    device: &'a str,
    task: &'a str,
    at: &'a Times,
    verb: &'static str,
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Nothing {},
    Create(&'a Create),
    Submission(&'a Submission),
    Skip(&'a Skip),
    Amend(&'a Amend),
    Complete(&'a Complete),
    Reason(&'a Reason),
    Note(&'a Note),
    Reject(&'a Reject),
    Contest(&'a Contest),
}

impl Serialize for Command {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, user, device, task, at, action } = self;
        let body = match action {
            Action::Start {} => Body::Nothing {},
            Action::Complete(complete) => Body::Complete(complete),
            Action::Create(create) => Body::Create(create),
            Action::SaveDraft(submission) | Action::Submit(submission) => Body::Submission(submission),
            Action::Skip(skip) | Action::Return(skip) => Body::Skip(skip),
            Action::Amend(amend) => Body::Amend(amend),
            Action::Cancel(reason) => Body::Reason(reason),
            Action::Reject(reject) => Body::Reject(reject),
            Action::Approve(note) => Body::Note(note),
            Action::Contest(contest) => Body::Contest(contest),
        };
        Sent { id, user, device, task, at, verb: action.verb().name(), body }.serialize(serializer)
    }
}

/// A line that is not a record: where, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Malformed {
    /// Stable code: `record.too_deep`, `.not_utf8`, `.not_json`, `.number` or `.malformed`.
    pub code: &'static str,
    /// JSON Pointer to the member.
    pub pointer: String,
    /// For the developer of the client.
    pub detail: String,
}

/// Deepest nesting of a record.
pub const RECORD_DEPTH: usize = 64;

impl Record {
    /// Reads one line.
    ///
    /// # Errors
    /// `Malformed` when the bytes are not UTF-8, not JSON, nested too deep, or not a record.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Malformed> {
        let malformed = |code, detail: String| Malformed { code, pointer: String::new(), detail };
        if !crate::form::json_depth_within(bytes, RECORD_DEPTH) {
            return Err(malformed("record.too_deep", format!("nested deeper than {RECORD_DEPTH}")));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| malformed("record.not_utf8", error.to_string()))?;
        let value: Value =
            serde_json::from_str(text).map_err(|error| malformed("record.not_json", error.to_string()))?;
        let value = canon::normalize(value).map_err(|error| malformed("record.number", error.to_string()))?;
        parse(value)
    }
}

/// Reads a value into a type, naming the member that does not fit.
fn parse<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Malformed> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer: String = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
                serde_path_to_error::Segment::Map { key } => {
                    Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                }
                serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
            })
            .collect();
        Malformed { code: "record.malformed", pointer, detail: error.into_inner().to_string() }
    })
}
