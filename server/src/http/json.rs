//! JSON that is taken: bounded in depth, UTF-8, every member once, no number that would change, no text that cannot be kept.

use super::problem::ApiProblem;
use crate::flows::problem::{Kind, Problem};
use engine::command::RECORD_DEPTH;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

/// A problem of what came in.
pub fn malformed(pointer: &str, code: &str, detail: &str) -> ApiProblem {
    let problem = Problem::invalid(pointer, code, &json!({"detail": detail}));
    ApiProblem(Problem { kind: Kind::Malformed, ..problem })
}

/// Reads JSON: bounded depth, UTF-8, canonical numbers, the shape of `T`.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiProblem> {
    if !engine::form::json_depth_within(bytes, RECORD_DEPTH) {
        return Err(malformed("", "record.too_deep", &format!("nested deeper than {RECORD_DEPTH}")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| malformed("", "record.not_utf8", &error.to_string()))?;
    let Strict(value) = serde_json::from_str(text).map_err(|error| {
        // The parser itself finds only faults of form; what else is said is said by `Strict`.
        let code = if error.is_data() { "record.doubled" } else { "record.not_json" };
        malformed("", code, &error.to_string())
    })?;
    if let Some(number) = endless(text) {
        return Err(malformed("", "record.number", &format!("{number} is not exact as a double: write it as text")));
    }
    let value = engine::canon::normalize(value).map_err(|error| malformed("", "record.number", &error.to_string()))?;
    if let Some(pointer) = nul(&value) {
        return Err(malformed(&pointer, "record.nul", ""));
    }
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
        malformed(&pointer, "record.malformed", &error.into_inner().to_string())
    })
}

/// The first integer of a JSON text that is in no machine's range: the parser would round it without a word.
fn endless(text: &str) -> Option<&str> {
    let (mut rest, mut in_text) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            '"' => in_text = !in_text,
            // What is escaped is one more letter of the text, a quote too.
            '\\' => length += rest.get(length..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8),
            '-' | '0'..='9' if !in_text => {
                let end = rest.find(|letter: char| !matches!(letter, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                length = end.unwrap_or(rest.len());
                let number = rest.get(..length)?;
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(number);
                }
            }
            _ => {}
        }
        rest = rest.get(length..)?;
    }
    None
}

/// Where a text holds NUL, which PostgreSQL cannot keep; in a name it is said of what is named.
pub fn nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(format!("/{index}{}", nul(item)?)))
        }
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let rest = if name.contains('\0') { Some(String::new()) } else { nul(member) };
            Some(format!("/{}{}", name.replace('~', "~0").replace('/', "~1"), rest?))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// JSON in which every member stands once: of two, one reader would believe the first and the next the last.
struct Strict(Value);

impl<'de> serde::Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((name, Strict(member))) = members.next_entry::<String, Strict>()? {
            if all.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member `{name}` is there twice")));
            }
            all.insert(name, member);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_body_says_where() {
        #[derive(serde::Deserialize, Debug)]
        struct Body {
            #[expect(dead_code, reason = "only its shape counts")]
            list: Vec<u32>,
        }
        let pointer = |text: &[u8]| parse::<Body>(text).err().map(|problem| problem.0.errors[0].pointer.clone());
        assert_eq!(pointer(br#"{"list": [1, "x"]}"#).unwrap(), "/list/1");
        assert_eq!(pointer(br#"{"list": [1, {"a/b": "\u0000"}]}"#).unwrap(), "/list/1/a~1b");
        let code = |text: &[u8]| parse::<Body>(text).err().unwrap().0.code;
        assert_eq!(code(b"{"), "record.not_json");
        assert_eq!(code(br#"{"list": [], "list": [1]}"#), "record.doubled");
        assert_eq!(code(br#"{"list": [1e400]}"#), "record.not_json");
        assert_eq!(code(br#"{"list": [18446744073709551616]}"#), "record.number");
        assert_eq!(endless(r#"{"a\"-99999999999999999999": [1, -2, 1e30, "\\"], "99999999999999999999": 0.5}"#), None);
        assert_eq!(endless("[[1], -99999999999999999999]"), Some("-99999999999999999999"));
        assert_eq!(code(b"\xff"), "record.not_utf8");
        assert_eq!(code("[".repeat(50_000).as_bytes()), "record.too_deep");
    }
}
