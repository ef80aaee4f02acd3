//! Canonical JSON (RFC 8785, "JCS"), SHA-256 and hex: the only way anything is hashed.
//!
//! Two machines must get the same bytes for the same data, and what is read back from those bytes must be judged like
//! the original. So a number that would not survive the trip is refused, never rounded: RFC 8785 knows only doubles.
//! What must not live here: what is hashed and why (`event.rs` for events).

use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

#[cfg(test)]
mod tests;

/// Deepest nesting of a hashed value. The JSON parser stops at 128; the rest is room for the envelope of an event.
pub const DEPTH_MAX: u32 = 100;

/// Every integer up to here is a double (2⁵³).
const EXACT_MAX: u64 = 1 << 53;

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

/// The canonical bytes of `value`.
///
/// # Errors
/// `CanonError` when `value` would not be the same value read back from those bytes.
pub fn jcs(value: &Value) -> Result<Vec<u8>, CanonError> {
    check(value, 0)?;
    serde_json_canonicalizer::to_vec(value).map_err(not_json)
}

/// `value` as it is read back from its canonical bytes: `1.0` has become `1`, `-0.0` has become `0`.
///
/// What is judged must be this form, or a replay from stored bytes could see a double where the first run saw an integer.
///
/// # Errors
/// As [`jcs`].
pub fn normalize(value: &Value) -> Result<Value, CanonError> {
    serde_json::from_slice(&jcs(value)?).map_err(not_json)
}

/// A typed value as canonical JSON data, see [`normalize`]. A NaN or an infinity in it becomes `null`: serde knows no
/// other JSON for them, so types that are recorded must not hold any.
///
/// # Errors
/// As [`jcs`].
pub fn value_of<T: Serialize>(value: &T) -> Result<Value, CanonError> {
    normalize(&serde_json::to_value(value).map_err(not_json)?)
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
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
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

fn check(value: &Value, depth: u32) -> Result<(), CanonError> {
    if depth > DEPTH_MAX {
        return Err(CanonError::Depth);
    }
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if survives(number) => Ok(()),
        Value::Number(number) => Err(CanonError::Number { pointer: String::new(), number: number.to_string() }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check(item, depth + 1).map_err(|error| error.below(&index.to_string()))),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            check(member, depth + 1).map_err(|error| error.below(&name.replace('~', "~0").replace('/', "~1")))
        }),
    }
}

impl CanonError {
    /// The error as seen from the parent that holds `token`.
    fn below(self, token: &str) -> Self {
        match self {
            Self::Number { pointer, number } => Self::Number { pointer: format!("/{token}{pointer}"), number },
            Self::Depth | Self::NotJson { .. } => self,
        }
    }
}

/// Whether the number reads back as itself. Large integers pass if they are the shortest spelling of a double, since
/// that is how a large double reads back.
fn survives(number: &Number) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    match magnitude {
        None => number.as_f64().is_some_and(f64::is_finite),
        Some(magnitude) if magnitude <= EXACT_MAX => true,
        Some(_) => number
            .as_f64()
            .and_then(|double| serde_json_canonicalizer::to_string(&double).ok())
            .is_some_and(|text| text == number.to_string()),
    }
}

fn not_json(error: serde_json::Error) -> CanonError {
    CanonError::NotJson { detail: error.to_string() }
}
