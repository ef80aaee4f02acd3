//! The input of a rule as canonical JSON text (RFC 8785), fast.
//!
//! The bytes are those of `serde_json_canonicalizer`, which is asked for everything that is not plain: it makes a string of
//! every number and every key, and for an input of a rule that took a fifth of the whole call. What is plain (whole numbers
//! a double holds, text without escapes) is written straight away. A test holds both against each other.

use serde_json::{Map, Number, Value};
use std::cmp::Ordering;

/// Every whole number up to here is a double.
const EXACT_MAX: u64 = 1 << 53;

/// The canonical text of `value`.
pub(crate) fn text(value: &Value) -> serde_json::Result<String> {
    let mut text = String::with_capacity(4096);
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> serde_json::Result<()> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(number, text)?,
        Value::String(string) => write_string(string, text)?,
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => write_object(members, text)?,
    }
    Ok(())
}

fn write_object(members: &Map<String, Value>, text: &mut String) -> serde_json::Result<()> {
    let sorted = members.keys().zip(members.keys().skip(1)).all(|(one, next)| compare(one, next) == Ordering::Less);
    text.push('{');
    if sorted {
        write_members(members.iter(), text)?;
    } else {
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by(|(one, _), (other, _)| compare(one, other));
        write_members(members.into_iter(), text)?;
    }
    text.push('}');
    Ok(())
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    text: &mut String,
) -> serde_json::Result<()> {
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(name, text)?;
        text.push(':');
        write(value, text)?;
    }
    Ok(())
}

/// In order of UTF-16 units, which for ASCII is the order of bytes.
fn compare(one: &str, other: &str) -> Ordering {
    if one.is_ascii() && other.is_ascii() { one.cmp(other) } else { one.encode_utf16().cmp(other.encode_utf16()) }
}

fn write_number(number: &Number, text: &mut String) -> serde_json::Result<()> {
    use std::fmt::Write as _;
    match number.as_i64() {
        Some(whole) if whole.unsigned_abs() <= EXACT_MAX => {
            // Writing to a string does not fail.
            write!(text, "{whole}").ok();
        }
        _ => text.push_str(&serde_json_canonicalizer::to_string(number)?),
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) -> serde_json::Result<()> {
    if string.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        text.push_str(&serde_json_canonicalizer::to_string(&string)?);
    } else {
        text.push('"');
        text.push_str(string);
        text.push('"');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::text;
    use serde_json::{Value, json};

    #[track_caller]
    fn is_canonical(value: &Value) {
        assert_eq!(text(value).unwrap(), serde_json_canonicalizer::to_string(value).unwrap());
    }

    #[test]
    fn every_kind_of_value_is_written_as_the_standard_says() {
        for value in [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(-9_007_199_254_740_993_i64),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(0.0),
            json!(-0.0),
            json!(1.0),
            json!(0.1),
            json!(1e21),
            json!(1e-7),
            json!(5e-324),
            json!(1.5e300),
            json!(""),
            json!("plain"),
            json!("\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}\u{80}"),
            json!("\u{2028}中文\u{1f600}"),
            json!([]),
            json!({}),
            json!([[], {}, [1, [2.5]]]),
            json!({"b": 1, "a": {"z": null, "": "x"}, "10": 1, "9": 2}),
            // UTF-16 puts the second before the first, bytes do not.
            json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "a": 4, "\u{1}": 5, "\"": 6}),
        ] {
            is_canonical(&value);
        }
    }

    #[test]
    fn made_up_values_are_written_as_the_standard_says() {
        let mut state = 7_u64;
        for _ in 0..3_000 {
            is_canonical(&made_up(&mut state, 0));
        }
    }

    fn next(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    fn word(state: &mut u64) -> String {
        const LETTERS: [char; 12] = ['a', 'b', 'Z', '0', '_', '"', '\\', '\n', 'é', '中', '\u{fb33}', '\u{1f600}'];
        (0..next(state) % 5).map(|_| LETTERS[usize::try_from(next(state) % 12).unwrap()]).collect()
    }

    fn made_up(state: &mut u64, depth: u32) -> Value {
        match next(state) % if depth < 4 { 8 } else { 6 } {
            0 => json!(null),
            1 => json!(next(state).is_multiple_of(2)),
            2 => json!(next(state).cast_signed() >> (next(state) % 64)),
            3 => json!(f64::from_bits(next(state))),
            4 => json!(next(state) as f64 / 1e4),
            5 => json!(word(state)),
            6 => (0..next(state) % 4).map(|_| made_up(state, depth + 1)).collect(),
            _ => Value::Object((0..next(state) % 6).map(|_| (word(state), made_up(state, depth + 1))).collect()),
        }
    }
}
