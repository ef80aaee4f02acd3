//! Canonical JSON straight from any serializable value, in one pass and one buffer.
//!
//! Members are written as they come. Where they do not come in the order of RFC 8785, as those of a struct, their text is
//! put in order when the object ends. That the bytes are those of the crate `serde_json_canonicalizer` is tested.

use super::{CanonError, DEPTH_MAX, EXACT_MAX};
use serde::ser::{self, Serialize};
use std::cmp::Ordering;
use std::fmt::Display;
use std::ops::Range;

/// The canonical text of `value`.
pub(super) fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, CanonError> {
    let mut writer = Writer { out: String::with_capacity(256), ..Writer::default() };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// The members of a struct or a map: name and canonical text of each, in order.
pub(super) fn members<T: Serialize + ?Sized>(value: &T) -> Result<Vec<(String, String)>, CanonError> {
    let mut writer = Writer { out: String::with_capacity(4096), ..Writer::default() };
    value.serialize(&mut writer)?;
    let of = |member: &Member| {
        let value = writer.out.get(member.name.end + 1..member.end).unwrap_or_default();
        (writer.name(member), value.to_owned())
    };
    Ok(writer.members.iter().map(of).collect())
}

/// Adds a text as JSON.
pub(super) fn quoted(name: &str, out: &mut String) {
    let mut writer = Writer { out: std::mem::take(out), ..Writer::default() };
    writer.string(name);
    *out = writer.out;
}

/// How a double is spelled.
pub(super) fn double(number: f64) -> String {
    ryu_js::Buffer::new().format_finite(number).to_owned()
}

#[derive(Default)]
struct Writer {
    out: String,
    depth: u32,
    /// Those of every object that is open; after the end, those of the outermost.
    members: Vec<Member>,
}

/// Where a member stands in the text.
#[derive(Clone)]
struct Member {
    /// The name, with its quotes.
    name: Range<usize>,
    end: usize,
    /// The name has no escape and no character that UTF-16 sorts in another way than UTF-8.
    plain: bool,
}

impl Writer {
    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut rest = text;
        // Most texts have nothing to escape; looking at all bytes at once is faster than at one after the other.
        if !text.bytes().fold(false, |found, byte| found | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
            self.out.push_str(text);
            self.out.push('"');
            return;
        }
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            let (plain, special) = rest.split_at(at);
            self.out.push_str(plain);
            let mut characters = special.chars();
            match characters.next().unwrap_or_default() {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                control => self.out.push_str(&format!("\\u{:04x}", u32::from(control))),
            }
            rest = characters.as_str();
        }
        self.out.push_str(rest);
        self.out.push('"');
    }

    /// An integer, which must read back as itself. Large ones do if they are the shortest spelling of a double, since that
    /// is how a large double reads back.
    fn integer(&mut self, spelling: &str, magnitude: u64, nearest: f64) -> Result<(), CanonError> {
        if magnitude > EXACT_MAX && double(nearest) != spelling {
            return Err(CanonError::Number { pointer: String::new(), number: spelling.to_owned() });
        }
        self.out.push_str(spelling);
        Ok(())
    }

    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonError> {
        if self.depth > DEPTH_MAX { Err(CanonError::Depth) } else { value.serialize(self) }
    }

    fn list(&mut self, opening: &str, levels: u32) -> List<'_> {
        self.out.push_str(opening);
        self.depth += levels;
        List { writer: self, length: 0, levels }
    }

    fn object(&mut self, opening: &str, levels: u32) -> Object<'_> {
        self.out.push_str(opening);
        self.depth += levels;
        Object { begin: self.out.len(), first: self.members.len(), sorted: true, name: 0..0, writer: self, levels }
    }

    /// A variant with something in it: an object of one member.
    fn variant(&mut self, name: &str, opening: &str) -> String {
        let before = std::mem::take(&mut self.out);
        self.string(name);
        let quoted = std::mem::replace(&mut self.out, before);
        format!("{{{quoted}:{opening}")
    }

    fn name(&self, member: &Member) -> String {
        self.out.get(member.name.clone()).and_then(|quoted| serde_json::from_str(quoted).ok()).unwrap_or_default()
    }

    fn order(&self, a: &Member, b: &Member) -> Ordering {
        if a.plain && b.plain {
            let inner = |member: &Member| self.out.get(member.name.start + 1..member.name.end - 1);
            return inner(a).cmp(&inner(b));
        }
        self.name(a).encode_utf16().cmp(self.name(b).encode_utf16())
    }
}

impl<'a> ser::Serializer for &'a mut Writer {
    type Ok = ();
    type Error = CanonError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), CanonError> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), CanonError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), CanonError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), CanonError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), CanonError> {
        self.integer(&value.to_string(), value.unsigned_abs(), value as f64)
    }

    fn serialize_u8(self, value: u8) -> Result<(), CanonError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), CanonError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), CanonError> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), CanonError> {
        self.integer(&value.to_string(), value, value as f64)
    }

    fn serialize_f32(self, value: f32) -> Result<(), CanonError> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), CanonError> {
        if value.is_finite() {
            self.out.push_str(ryu_js::Buffer::new().format_finite(value));
        } else {
            self.out.push_str("null");
        }
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), CanonError> {
        self.string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), CanonError> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CanonError> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), CanonError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CanonError> {
        self.out.push_str("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CanonError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), CanonError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), CanonError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonError> {
        let mut object = self.object("{", 1);
        ser::SerializeMap::serialize_entry(&mut object, variant, value)?;
        object.close("}")
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<List<'a>, CanonError> {
        Ok(self.list("[", 1))
    }

    fn serialize_tuple(self, _length: usize) -> Result<List<'a>, CanonError> {
        Ok(self.list("[", 1))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<List<'a>, CanonError> {
        Ok(self.list("[", 1))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<List<'a>, CanonError> {
        let opening = self.variant(variant, "[");
        Ok(self.list(&opening, 2))
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Object<'a>, CanonError> {
        Ok(self.object("{", 1))
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Object<'a>, CanonError> {
        Ok(self.object("{", 1))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Object<'a>, CanonError> {
        let opening = self.variant(variant, "{");
        Ok(self.object(&opening, 2))
    }
}

/// An array that is being written.
struct List<'a> {
    writer: &'a mut Writer,
    length: u64,
    levels: u32,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonError> {
        if self.length > 0 {
            self.writer.out.push(',');
        }
        self.writer.inner(value).map_err(|error| error.below(&self.length.to_string()))?;
        self.length += 1;
        Ok(())
    }

    fn close(self) -> Result<(), CanonError> {
        self.writer.out.push_str(if self.levels == 1 { "]" } else { "]}" });
        self.writer.depth -= self.levels;
        Ok(())
    }
}

/// An object that is being written.
struct Object<'a> {
    writer: &'a mut Writer,
    /// Where its first member begins in the text, and in the list of members.
    begin: usize,
    first: usize,
    sorted: bool,
    /// The name whose value comes next.
    name: Range<usize>,
    levels: u32,
}

impl Object<'_> {
    fn key(&mut self, name: impl FnOnce(&mut Writer) -> Result<(), CanonError>) -> Result<(), CanonError> {
        if self.writer.out.len() > self.begin {
            self.writer.out.push(',');
        }
        let start = self.writer.out.len();
        name(self.writer)?;
        match self.writer.out.as_bytes().get(start) {
            Some(b'"') => {}
            // A number as a name is its spelling.
            Some(b'-' | b'0'..=b'9') => {
                let spelling = self.writer.out.split_off(start);
                self.writer.string(&spelling);
            }
            _ => return Err(ser::Error::custom("a name must be text")),
        }
        self.name = start..self.writer.out.len();
        self.writer.out.push(':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonError> {
        let written = self.writer.inner(value);
        let quoted = self.writer.out.get(self.name.clone()).unwrap_or_default();
        // From U+E000 on (first byte 0xEE) the two orders differ.
        let plain = !quoted.bytes().fold(false, |found, byte| found | (byte >= 0xee) | (byte == b'\\'));
        let member = Member { name: self.name.clone(), end: self.writer.out.len(), plain };
        if let Err(error) = written {
            return Err(error.below(&self.writer.name(&member)));
        }
        let before = self.writer.members.get(self.first..).and_then(<[Member]>::last);
        self.sorted &= before.is_none_or(|before| self.writer.order(before, &member) == Ordering::Less);
        self.writer.members.push(member);
        Ok(())
    }

    fn close(self, closing: &str) -> Result<(), CanonError> {
        let Self { writer, begin, first, sorted, levels, .. } = self;
        if !sorted {
            let mut members = writer.members.split_off(first);
            members.sort_by(|a, b| writer.order(a, b));
            if members.windows(2).any(|pair| matches!(pair, [a, b] if writer.order(a, b) == Ordering::Equal)) {
                return Err(ser::Error::custom("an object has a name twice"));
            }
            let mut ordered = String::with_capacity(writer.out.len() - begin);
            for member in &mut members {
                if !ordered.is_empty() {
                    ordered.push(',');
                }
                let start = begin + ordered.len();
                ordered.push_str(writer.out.get(member.name.start..member.end).unwrap_or_default());
                member.name = start..start + member.name.len();
                member.end = begin + ordered.len();
            }
            writer.out.truncate(begin);
            writer.out.push_str(&ordered);
            writer.members.append(&mut members);
        }
        writer.out.push_str(closing);
        writer.depth -= levels;
        if writer.depth > 0 {
            writer.members.truncate(first);
        }
        Ok(())
    }
}

macro_rules! list {
    ($($kind:ident, $item:ident;)*) => {$(
        impl ser::$kind for List<'_> {
            type Ok = ();
            type Error = CanonError;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonError> {
                self.item(value)
            }

            fn end(self) -> Result<(), CanonError> {
                self.close()
            }
        }
    )*};
}

list! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

impl ser::SerializeMap for Object<'_> {
    type Ok = ();
    type Error = CanonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonError> {
        self.key(|writer| key.serialize(writer))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonError> {
        self.value(value)
    }

    fn end(self) -> Result<(), CanonError> {
        self.close("}")
    }
}

impl ser::SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = CanonError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), CanonError> {
        self.key(|writer| {
            writer.string(name);
            Ok(())
        })?;
        self.value(value)
    }

    fn end(self) -> Result<(), CanonError> {
        self.close("}")
    }
}

impl ser::SerializeStructVariant for Object<'_> {
    type Ok = ();
    type Error = CanonError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), CanonError> {
        self.key(|writer| {
            writer.string(name);
            Ok(())
        })?;
        self.value(value)
    }

    fn end(self) -> Result<(), CanonError> {
        self.close("}}")
    }
}

impl ser::Error for CanonError {
    fn custom<T: Display>(message: T) -> Self {
        Self::NotJson { detail: message.to_string() }
    }
}
