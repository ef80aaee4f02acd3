//! Canonical JSON (RFC 8785, "JCS"), SHA-256 and hex: the only way anything is hashed.
//!
//! Two machines must get the same bytes for the same data, and what is read back from those bytes must be judged like
//! the original. So a number that would not survive the trip is refused, never rounded: RFC 8785 knows only doubles.
//! What must not live here: what is hashed and why (`event.rs` for events).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;
mod write;

/// Deepest nesting of a hashed value. The JSON parser stops at 128; the rest is room for the envelope of an event.
pub const DEPTH_MAX: u32 = 100;

/// Every integer up to here is a double (2⁵³).
pub(crate) const EXACT_MAX: u64 = 1 << 53;

/// Why a value has no canonical form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonError {
    /// An integer that is another number once it is a double.
    #[error("number `{number}` at `{pointer}` is not exact as a double: write it as text")]
    Number {
        /// JSON Pointer to the number.
        pointer: String,
        /// The number as it stood there.
        number: String,
    },
    /// Nested too deep to be read back.
    #[error("nested deeper than {DEPTH_MAX}")]
    Depth,
    /// Not JSON at all, for instance a map with keys that are no strings.
    #[error("not JSON: {detail}")]
    NotJson {
        /// What the serializer said.
        detail: String,
    },
}

/// Canonical JSON as text: made once, then hashed, stored and handed on as it is. Inside other JSON it is the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalJson(String);

impl CanonicalJson {
    /// The canonical form of `value`. A NaN or an infinity in it becomes `null`: serde knows no other JSON for them, so
    /// types that are recorded must not hold any.
    ///
    /// # Errors
    /// `CanonError` when `value` would not be the same value read back from that text.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, CanonError> {
        write::text(value).map(Self)
    }

    /// Text as it was stored; that it is canonical is for whoever verifies to say.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn stored(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        Ok(Self(text))
    }

    /// `null`.
    pub(crate) fn null() -> Self {
        Self("null".to_owned())
    }

    /// An object of members that are canonical.
    pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a Self)>) -> Self {
        let mut members: Vec<(&str, &Self)> = members.into_iter().collect();
        members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        let length: usize = members.iter().map(|(name, value)| name.len() + value.0.len() + 8).sum();
        let mut text = String::with_capacity(length);
        text.push('{');
        for (name, value) in members {
            if text.len() > 1 {
                text.push(',');
            }
            write::quoted(name, &mut text);
            text.push(':');
            text.push_str(&value.0);
        }
        text.push('}');
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// SHA-256 of the text, lower-case hex.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(self.0.as_bytes())
    }
}

impl Serialize for CanonicalJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CanonicalJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The members of a struct or a map by name, each in canonical form; none for anything that is no object.
///
/// # Errors
/// As [`CanonicalJson::of`].
pub fn members<T: Serialize + ?Sized>(value: &T) -> Result<BTreeMap<String, CanonicalJson>, CanonError> {
    let members = write::members(value)?;
    Ok(members.into_iter().map(|(name, text)| (name, CanonicalJson(text))).collect())
}

/// The canonical bytes of `value`.
///
/// # Errors
/// As [`CanonicalJson::of`].
pub fn jcs(value: &Value) -> Result<Vec<u8>, CanonError> {
    write::text(value).map(String::into_bytes)
}

/// `value` as it is read back from its canonical bytes: `1.0` has become `1`, `-0.0` has become `0`.
///
/// What is judged must be this form, or a replay from stored bytes could see a double where the first run saw an integer.
///
/// # Errors
/// As [`jcs`].
pub fn normalize(mut value: Value) -> Result<Value, CanonError> {
    settle(&mut value, 0)?;
    Ok(value)
}

/// A typed value as canonical JSON data, see [`normalize`] and [`CanonicalJson::of`].
///
/// # Errors
/// As [`jcs`].
pub fn value_of<T: Serialize>(value: &T) -> Result<Value, CanonError> {
    let mut value = serde_json::to_value(value).map_err(not_json)?;
    settle(&mut value, 0)?;
    Ok(value)
}

/// SHA-256 of the canonical bytes, lower-case hex.
///
/// # Errors
/// As [`jcs`].
pub fn hash_value(value: &Value) -> Result<String, CanonError> {
    Ok(sha256_hex(&jcs(value)?))
}

/// SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-256 of `bytes`, lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(&[bytes]))
}

/// `bytes` in lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(byte & 15)]));
    text
}

/// The `N` bytes that `text` spells, or none unless it is exactly `2 N` hex digits in lower case: with two spellings of
/// one hash, a changed letter would go unnoticed.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |character: u8| match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Only numbers change: what is written without point and exponent is read as an integer.
fn settle(value: &mut Value, depth: u32) -> Result<(), CanonError> {
    if depth > DEPTH_MAX {
        return Err(CanonError::Depth);
    }
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => {
            let text = write::text(number)?;
            if number.is_f64() {
                *number = text.parse().map_err(not_json)?;
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| settle(item, depth + 1).map_err(|error| error.below(&index.to_string()))),
        Value::Object(members) => members
            .iter_mut()
            .try_for_each(|(name, member)| settle(member, depth + 1).map_err(|error| error.below(name))),
    }
}

impl CanonError {
    /// The error as seen from the parent that holds `name`.
    fn below(self, name: &str) -> Self {
        match self {
            Self::Number { pointer, number } => {
                let token = name.replace('~', "~0").replace('/', "~1");
                Self::Number { pointer: format!("/{token}{pointer}"), number }
            }
            Self::Depth | Self::NotJson { .. } => self,
        }
    }
}

fn not_json(error: serde_json::Error) -> CanonError {
    CanonError::NotJson { detail: error.to_string() }
}
