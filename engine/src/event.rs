//! Events: what the engine decided, append-only, each hashed onto the one before it in its stream.
//!
//! The header is public and hashed; what is personal (answers, positions, names, gathered inputs) lives in payloads, to
//! which the header only commits. Erasing a payload keeps the proof: [`verify`] says `erased`, never `wrong`, and without
//! its salt a commitment tells nothing. A stored event is one line of canonical JSON, so no byte of it can change
//! unnoticed, not even a space. Which types of event there are and what they do is not known here.

use crate::canon::{self, CanonError, CanonicalJson};
use crate::time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// SHA-256 over the engine's sources and locked dependencies, the same natively and in engine.wasm.
pub const ENGINE_HASH: &str = env!("ENGINE_HASH");
/// The version of the event form that is written.
pub const VERSION: u32 = 1;
/// `previous` of the first event of a stream.
pub const NO_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// What an event's hash begins with, so that no other hashed thing can be passed off as an event.
const DOMAIN: &[u8] = b"sopwith.event.v1";

/// What the engine decides; place in the stream, time and salts are added by [`seal`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What happened, for instance `submitted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stream it belongs to.
    pub stream: String,
    /// What is told by commitment only, by name.
    pub payloads: BTreeMap<String, Value>,
}

/// The public, hashed part of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of this form.
    pub v: u32,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose event it is.
    pub tenant: String,
    /// The stream: of a visit, a task, or the tenant.
    pub stream: String,
    /// Place in the stream, from 1, without gaps.
    pub seq: u64,
    /// Hash of the event before it in the stream, or [`NO_PREVIOUS`].
    pub previous: String,
    /// Hash of the engine that decided, see [`ENGINE_HASH`].
    pub engine: String,
    /// When, RFC 3339 in UTC with milliseconds.
    pub at: String,
    /// SHA-256(salt ‖ JCS(value)) of each payload, by name.
    pub commitments: BTreeMap<String, String>,
}

/// The part of an event that can be erased.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Payload {
    /// It is there.
    Kept(KeptPayload),
    /// It was erased, salt and all: written as the text `erased`.
    Erased(Erased),
}

/// A payload that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeptPayload {
    /// 16 random bytes, lower-case hex.
    pub salt: String,
    /// What was committed to.
    #[cfg_attr(feature = "openapi", schema(value_type = Value))]
    pub value: CanonicalJson,
}

/// The mark of an erased payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Erased {
    /// Written `erased`.
    Erased,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The public part.
    pub header: Header,
    /// See [`hash`].
    pub hash: String,
    /// One for each commitment, by the same name.
    pub payloads: BTreeMap<String, Payload>,
}

impl Event {
    /// The header in canonical form, as it is hashed and stored.
    ///
    /// # Errors
    /// A header that has no canonical form; [`seal`] makes none such.
    pub fn header_text(&self) -> Result<String, CanonError> {
        CanonicalJson::of(&self.header).map(CanonicalJson::into_text)
    }
}

/// The end of a stream: what the next event is hashed onto.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Tip {
    /// `seq` of the last event; 0 for none.
    pub seq: u64,
    /// Its hash; [`NO_PREVIOUS`] for none.
    pub hash: String,
}

impl Default for Tip {
    /// A stream without events.
    fn default() -> Self {
        Self { seq: 0, hash: NO_PREVIOUS.to_owned() }
    }
}

impl Tip {
    /// The end of the stream once `event` is its last.
    #[must_use]
    pub fn after(event: &Event) -> Self {
        Self { seq: event.header.seq, hash: event.hash.clone() }
    }
}

/// What a draft does not know of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    /// Whose event it is.
    pub tenant: &'a str,
    /// Hash of the engine that decided.
    pub engine: &'a str,
    /// When, in ms since the Unix epoch.
    pub at_ms: i64,
    /// The end of the draft's stream.
    pub tip: &'a Tip,
}

/// Makes a draft the next event of its stream. `salts` gives 16 fresh random bytes at each call; it is asked once for
/// each payload, in the order of their names.
///
/// # Errors
/// A payload that has no canonical form.
pub fn seal(draft: Draft, seal: &Seal<'_>, salts: &mut dyn FnMut() -> [u8; 16]) -> Result<Event, CanonError> {
    let Draft { kind, stream, payloads } = draft;
    let texts = payloads.into_iter().map(|(name, value)| Ok((name, CanonicalJson::of(&value)?)));
    let texts = texts.collect::<Result<_, CanonError>>()?;
    seal_texts((kind, stream), texts, seal, salts)
}

/// [`seal`] for payloads that are canonical already, on a stream.
pub(crate) fn seal_texts(
    (kind, stream): (String, String),
    texts: BTreeMap<String, CanonicalJson>,
    seal: &Seal<'_>,
    salts: &mut dyn FnMut() -> [u8; 16],
) -> Result<Event, CanonError> {
    let mut commitments = BTreeMap::new();
    let mut payloads = BTreeMap::new();
    for (name, value) in texts {
        let salt = salts();
        commitments.insert(name.clone(), commitment(&salt, &value));
        payloads.insert(name, Payload::Kept(KeptPayload { salt: canon::hex(&salt), value }));
    }
    let header = Header {
        v: VERSION,
        kind,
        tenant: seal.tenant.to_owned(),
        stream,
        seq: seal.tip.seq.saturating_add(1),
        previous: seal.tip.hash.clone(),
        engine: seal.engine.to_owned(),
        at: time::format_utc(seal.at_ms),
        commitments,
    };
    let hash = hash(&header)?;
    Ok(Event { header, hash, payloads })
}

/// What happened, from its type and payloads.
pub(crate) fn read<'a, T: DeserializeOwned>(
    kind: &str,
    payloads: impl Iterator<Item = (&'a String, &'a CanonicalJson)>,
) -> Result<T, serde_json::Error> {
    let mut text = format!("{{\"type\":{}", serde_json::to_string(kind)?);
    for (name, value) in payloads {
        text.extend([",", &serde_json::to_string(name)?, ":", value.as_str()]);
    }
    text.push('}');
    serde_json::from_str(&text)
}

/// `SHA-256(salt ‖ JCS(value))`, lower-case hex.
#[must_use]
pub fn commitment(salt: &[u8; 16], value: &CanonicalJson) -> String {
    canon::hex(&canon::sha256(&[salt, value.as_str().as_bytes()]))
}

/// `SHA-256("sopwith.event.v1" ‖ previous ‖ JCS(header))`, lower-case hex; `previous` as its 32 bytes.
///
/// # Errors
/// A header that has no canonical form, or whose `previous` is no hash.
pub fn hash(header: &Header) -> Result<String, CanonError> {
    let previous: [u8; 32] = canon::unhex(&header.previous)
        .ok_or_else(|| CanonError::NotJson { detail: "`previous` is not 64 lower-case hex digits".to_owned() })?;
    let canonical = CanonicalJson::of(header)?;
    Ok(canon::hex(&canon::sha256(&[DOMAIN, &previous, canonical.as_str().as_bytes()])))
}

/// One thing that is wrong with an event. As JSON: `{"fault": "hash", …}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = EventFault))]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// Written in a form nobody knows here.
    #[error("version {v} of the event form is unknown")]
    Version {
        /// The version it names.
        v: u32,
    },
    /// A member that does not have its form: `at`, `previous`, or the whole header.
    #[error("`{member}` is malformed")]
    Malformed {
        /// The member.
        member: String,
    },
    /// The header is not the one that was hashed, or the hash was changed.
    #[error("hash is {found}, but the header gives {computed}")]
    Hash {
        /// As stored.
        found: String,
        /// As it must be.
        computed: String,
    },
    /// It does not follow the event before it.
    #[error("previous is {found}, but the event before has {expected}")]
    Previous {
        /// As stored.
        found: String,
        /// Hash of the event before.
        expected: String,
    },
    /// An event is missing, doubled, or out of order.
    #[error("seq is {found}, but {expected} is next")]
    Sequence {
        /// As stored.
        found: u64,
        /// As it must be.
        expected: u64,
    },
    /// A payload is not the one that was committed to.
    #[error("payload `{payload}` is not what the header commits to")]
    Commitment {
        /// Its name.
        payload: String,
    },
    /// A payload is gone without having been erased.
    #[error("payload `{payload}` is missing")]
    Missing {
        /// Its name.
        payload: String,
    },
    /// A payload the header knows nothing of.
    #[error("payload `{payload}` is not in the header")]
    Uncommitted {
        /// Its name.
        payload: String,
    },
}

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Verification {
    /// What is wrong; empty when the event is proven.
    pub faults: Vec<Fault>,
    /// Names of payloads that were erased: not wrong, but no longer to be seen.
    pub erased: Vec<String>,
}

/// Checks everything an event says of itself and that it follows `tip`. Versions are checked too, but not types.
#[must_use]
pub fn verify(event: &Event, tip: &Tip) -> Verification {
    let header = &event.header;
    let mut faults = Vec::new();
    if header.v != VERSION {
        faults.push(Fault::Version { v: header.v });
    }
    if time::parse("at", &header.at).map(time::format_utc).as_ref() != Ok(&header.at) {
        faults.push(Fault::Malformed { member: "at".to_owned() });
    }
    match hash(header) {
        Ok(computed) if computed == event.hash => {}
        Ok(computed) => faults.push(Fault::Hash { found: event.hash.clone(), computed }),
        Err(_) if canon::unhex::<32>(&header.previous).is_none() => {
            faults.push(Fault::Malformed { member: "previous".to_owned() });
        }
        Err(_) => faults.push(Fault::Malformed { member: "header".to_owned() }),
    }
    if header.previous != tip.hash {
        faults.push(Fault::Previous { found: header.previous.clone(), expected: tip.hash.clone() });
    }
    let expected = tip.seq.saturating_add(1);
    if header.seq != expected {
        faults.push(Fault::Sequence { found: header.seq, expected });
    }
    let mut erased = Vec::new();
    for (name, commitment) in &header.commitments {
        match event.payloads.get(name) {
            None => faults.push(Fault::Missing { payload: name.clone() }),
            Some(Payload::Erased(Erased::Erased)) => erased.push(name.clone()),
            Some(Payload::Kept(kept)) if opens(commitment, kept) => {}
            Some(Payload::Kept(_)) => faults.push(Fault::Commitment { payload: name.clone() }),
        }
    }
    let unknown = event.payloads.keys().filter(|name| !header.commitments.contains_key(*name));
    faults.extend(unknown.map(|name| Fault::Uncommitted { payload: name.clone() }));
    Verification { faults, erased }
}

/// Whether a payload is what the commitment says. Stored text need not be canonical; what it says is committed to.
fn opens(expected: &str, kept: &KeptPayload) -> bool {
    opens_as_stored(expected, kept)
        || CanonicalJson::of(&kept.value)
            .is_ok_and(|value| canon::unhex(&kept.salt).is_some_and(|salt| commitment(&salt, &value) == expected))
}

/// Whether the commitment is to a payload's very text: then not even a space of it was changed.
#[must_use]
pub fn opens_as_stored(expected: &str, kept: &KeptPayload) -> bool {
    canon::unhex(&kept.salt).is_some_and(|salt| commitment(&salt, &kept.value) == expected)
}

/// The ends of many streams, followed while events are written or read in any interleaving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tips {
    tips: BTreeMap<(String, String), Tip>,
}

impl Tips {
    /// The end of a stream.
    #[must_use]
    pub fn of(&self, tenant: &str, stream: &str) -> Tip {
        self.tips.get(&(tenant.to_owned(), stream.to_owned())).cloned().unwrap_or_default()
    }

    /// Makes `event` the end of its stream.
    pub fn advance(&mut self, event: &Event) {
        self.tips.insert((event.header.tenant.clone(), event.header.stream.clone()), Tip::after(event));
    }

    /// Verifies `event` as the next of its stream, then goes on from it, wrong or not: one gap is one fault.
    pub fn verify(&mut self, event: &Event) -> Verification {
        let verification = verify(event, &self.of(&event.header.tenant, &event.header.stream));
        self.advance(event);
        verification
    }
}

/// Why a line is no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum LineFault {
    /// Not JSON, or not the shape of an event.
    #[error("not an event: {detail}")]
    NotAnEvent {
        /// What the parser said.
        detail: String,
    },
    /// It says the same as an event, but not in the same bytes.
    #[error("not canonical JSON from byte {at} on")]
    NotCanonical {
        /// The first byte that differs, from 0.
        at: u64,
    },
}

/// The one line an event is stored as, without line end.
///
/// # Errors
/// A payload that has no canonical form; [`seal`] makes no such event.
pub fn to_line(event: &Event) -> Result<String, CanonError> {
    CanonicalJson::of(event).map(CanonicalJson::into_text)
}

/// Reads a line (without line end), which must be canonical to the byte. Whether it is true is for [`verify`] to say.
///
/// # Errors
/// `LineFault`.
pub fn from_line(line: impl AsRef<[u8]>) -> Result<Event, LineFault> {
    let line = line.as_ref();
    let not_an_event = |detail: String| LineFault::NotAnEvent { detail };
    let event: Event = serde_json::from_slice(line).map_err(|error| not_an_event(error.to_string()))?;
    let canonical = to_line(&event).map_err(|error| not_an_event(error.to_string()))?;
    if canonical.as_bytes() == line {
        return Ok(event);
    }
    let same = canonical.bytes().zip(line).take_while(|(one, other)| one == *other).count();
    Err(LineFault::NotCanonical { at: u64::try_from(same).unwrap_or(u64::MAX) })
}

/// Why a proven event cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Unreadable {
    /// From a newer engine.
    #[error("version {v} of the event form is unknown, the newest known is {VERSION}")]
    Version {
        /// The version it names.
        v: u32,
    },
    /// From a newer engine, or from something else.
    #[error("event type `{kind}` is unknown")]
    Type {
        /// The type it names.
        #[serde(rename = "type")]
        kind: String,
    },
}

/// The event in today's form: the one place where old versions are lifted. Verify first, a lifted header no longer has
/// the stored hash; the stored bytes stay as they are. `types` are the types the caller can apply.
///
/// # Errors
/// `Unreadable`: nothing unknown is skipped in silence.
pub fn upcast<'a>(event: &'a Event, types: &[&str]) -> Result<Cow<'a, Event>, Unreadable> {
    if event.header.v != VERSION {
        return Err(Unreadable::Version { v: event.header.v });
    }
    if !types.contains(&event.header.kind.as_str()) {
        return Err(Unreadable::Type { kind: event.header.kind.clone() });
    }
    Ok(Cow::Borrowed(event))
}
