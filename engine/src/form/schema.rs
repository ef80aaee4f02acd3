//! Reads a schema before the library does: finds what is wrong with it, and how its parts hang together.
//!
//! The result is a graph of subschemas. Edges that stay at the same place of the answers (`allOf`, `if`, `$ref`, …) are
//! kept apart from edges that go one step into them (`properties`, `items`, …).

use super::absent::CODES;
use super::bounds::value_depth_within;
use super::{FORMATS, FormProblem, MAX_DEPTH, MAX_PATTERN, MAX_SCHEMA, MAX_SUBSCHEMAS, NUMBER_FORMATS, below, tokens};
use regex::RegexBuilder;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The only dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Keywords with a value that is not a schema.
const PLAIN: [&str; 32] = [
    "$schema",
    "$ref",
    "$comment",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "type",
    "enum",
    "const",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "format",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "i18n",
];

/// A schema and how its parts hang together.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: Vec<Subschema>,
    width: u64,
}

#[derive(Debug, Default)]
pub(super) struct Subschema {
    /// Subschemas about the same value, references included.
    here: Vec<usize>,
    properties: BTreeMap<String, usize>,
    prefix: Vec<usize>,
    items: Option<usize>,
    additional: Option<usize>,
    /// Other subschemas about members or items, and definitions.
    others: Vec<usize>,
    /// Says nothing about members, or allows members it does not name.
    open: bool,
    absent: Vec<&'static str>,
    pub(super) personal: bool,
    pub(super) free_text: bool,
}

impl Subschema {
    fn inside(&self) -> impl Iterator<Item = usize> + '_ {
        let named = self.properties.values().chain(&self.prefix).chain(&self.items).chain(&self.additional);
        named.chain(&self.others).copied()
    }
}

struct Reader<'a> {
    nodes: Vec<Subschema>,
    places: BTreeMap<String, usize>,
    pending: Vec<(&'a Value, String, usize)>,
    references: Vec<(usize, String, String)>,
    problems: Vec<FormProblem>,
}

impl Graph {
    /// Reads `schema`.
    ///
    /// # Errors
    /// Every problem, sorted.
    pub(super) fn read(schema: &Value) -> Result<Self, Vec<FormProblem>> {
        let whole = |code, detail: String| Err(vec![FormProblem { pointer: String::new(), code, detail }]);
        if !value_depth_within(schema, MAX_DEPTH) {
            return whole("schema.too_deep", MAX_DEPTH.to_string());
        }
        if schema.to_string().len() > MAX_SCHEMA {
            return whole("schema.too_large", MAX_SCHEMA.to_string());
        }
        let mut reader = Reader {
            nodes: Vec::new(),
            places: BTreeMap::new(),
            pending: Vec::new(),
            references: Vec::new(),
            problems: Vec::new(),
        };
        reader.add(schema, String::new());
        while let Some((schema, pointer, node)) = reader.pending.pop() {
            reader.read(schema, &pointer, node);
        }
        reader.resolve();
        let width = if reader.problems.is_empty() { reader.measure() } else { None };
        match width {
            Some(width) => Ok(Self { nodes: reader.nodes, width }),
            None => {
                reader.problems.sort();
                reader.problems.dedup();
                Err(reader.problems)
            }
        }
    }

    /// Most subschemas that are about one and the same value.
    pub(super) const fn width(&self) -> u64 {
        self.width
    }

    /// Codes of absent marks allowed at the place `tokens` lead to, in the order of the schema.
    pub(super) fn allowed_absences(&self, tokens: &[String]) -> Vec<&'static str> {
        let mut places = self.same_place([0].into());
        for token in tokens {
            places = self.same_place(places.iter().flat_map(|at| self.step(*at, token)).collect());
        }
        let allowed: BTreeSet<_> =
            places.iter().filter_map(|at| self.nodes.get(*at)).flat_map(|node| &node.absent).collect();
        CODES.iter().map(|(code, _)| *code).filter(|code| allowed.contains(code)).collect()
    }

    pub(super) fn may_have(&self, name: &str) -> bool {
        let places = self.same_place([0].into());
        let mut nodes = places.iter().filter_map(|at| self.nodes.get(*at));
        let says_nothing = nodes.clone().all(|node| node.properties.is_empty());
        says_nothing || nodes.any(|node| node.open || node.properties.contains_key(name))
    }

    /// Where subschemas stand that are meant: JSON Pointers with `*` for any list item or unnamed member.
    pub(super) fn pointers(&self, is_meant: impl Fn(&Subschema) -> bool) -> BTreeSet<String> {
        let mut pointers = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut pending = vec![(0, String::new())];
        while let Some((start, pointer)) = pending.pop() {
            for at in self.same_place([start].into()) {
                let Some(node) = self.nodes.get(at) else { continue };
                if !seen.insert((at, pointer.clone())) {
                    continue;
                }
                if is_meant(node) {
                    pointers.insert(pointer.clone());
                }
                pending.extend(node.properties.iter().map(|(name, to)| (*to, below(&pointer, name))));
                pending.extend(node.prefix.iter().enumerate().map(|(at, to)| (*to, format!("{pointer}/{at}"))));
                pending.extend(node.items.iter().chain(&node.additional).map(|to| (*to, format!("{pointer}/*"))));
            }
        }
        pointers
    }

    /// `places` and everything about the same values.
    fn same_place(&self, places: BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached = places;
        let mut pending: Vec<usize> = reached.iter().copied().collect();
        while let Some(at) = pending.pop() {
            for to in self.nodes.get(at).into_iter().flat_map(|node| &node.here) {
                if reached.insert(*to) {
                    pending.push(*to);
                }
            }
        }
        reached
    }

    fn step(&self, at: usize, token: &str) -> Option<usize> {
        let node = self.nodes.get(at)?;
        let position: Option<usize> = token.parse().ok();
        let named = node.properties.get(token).copied();
        named.or_else(|| position.and_then(|at| node.prefix.get(at).copied().or(node.items))).or(node.additional)
    }
}

impl<'a> Reader<'a> {
    fn problem(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.problems.push(FormProblem { pointer: pointer.to_owned(), code, detail: detail.into() });
    }

    fn add(&mut self, schema: &'a Value, pointer: String) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Subschema::default());
        self.places.insert(pointer.clone(), node);
        self.pending.push((schema, pointer, node));
        node
    }

    fn read(&mut self, schema: &'a Value, pointer: &str, node: usize) {
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(_) => return,
            _ => return self.problem(pointer, "schema.invalid", "type"),
        };
        let mut read = Subschema::default();
        for (keyword, value) in members {
            let place = below(pointer, keyword);
            match keyword.as_str() {
                "allOf" | "anyOf" | "oneOf" => read.here.extend(self.list(value, &place)),
                "not" | "if" | "then" | "else" => read.here.push(self.add(value, place)),
                "dependentSchemas" => read.here.extend(self.named(value, &place).into_values()),
                "properties" => read.properties = self.named(value, &place),
                "prefixItems" => read.prefix = self.list(value, &place),
                "items" => read.items = Some(self.add(value, place)),
                "additionalProperties" => {
                    read.open = *value != Value::Bool(false);
                    read.additional = Some(self.add(value, place));
                }
                "unevaluatedProperties" | "unevaluatedItems" | "contains" | "propertyNames" => {
                    read.others.push(self.add(value, place));
                }
                "patternProperties" => {
                    read.open = true;
                    for (pattern, node) in self.named(value, &place) {
                        self.pattern(&below(&place, &pattern), &pattern);
                        read.others.push(node);
                    }
                }
                "$defs" => read.others.extend(self.named(value, &place).into_values()),
                "x-absent" => read.absent = self.absences(value, &place),
                "x-personal" => read.personal = self.flag(value, &place),
                "x-free-text" => read.free_text = self.flag(value, &place),
                other if other.starts_with("x-") => {}
                other if PLAIN.contains(&other) => self.plain(members, other, &place, node),
                other => self.problem(&place, "schema.unknown_keyword", other),
            }
        }
        if let Some(slot) = self.nodes.get_mut(node) {
            *slot = read;
        }
    }

    fn flag(&mut self, value: &Value, place: &str) -> bool {
        if !value.is_boolean() {
            self.problem(place, "schema.invalid", "type");
        }
        *value == Value::Bool(true)
    }

    fn list(&mut self, value: &'a Value, place: &str) -> Vec<usize> {
        let items = value.as_array().into_iter().flatten().enumerate();
        items.map(|(at, item)| self.add(item, format!("{place}/{at}"))).collect()
    }

    fn named(&mut self, value: &'a Value, place: &str) -> BTreeMap<String, usize> {
        let members = value.as_object().into_iter().flatten();
        members.map(|(name, member)| (name.clone(), self.add(member, below(place, name)))).collect()
    }

    /// Keywords the library checks; here only what it would fetch, ignore or choke on.
    fn plain(&mut self, members: &Map<String, Value>, keyword: &str, place: &str, node: usize) {
        let text = members.get(keyword).and_then(Value::as_str).unwrap_or_default();
        match keyword {
            "$schema" if node != 0 || text != DIALECT => self.problem(place, "schema.dialect", text),
            "format" if !FORMATS.contains(&text) && !NUMBER_FORMATS.contains(&text) => {
                self.problem(place, "schema.format", text)
            }
            "pattern" => self.pattern(place, text),
            "i18n" if text.is_empty() => self.problem(place, "schema.invalid", "type"),
            "$ref" => self.references.push((node, place.to_owned(), text.to_owned())),
            _ => {}
        }
    }

    fn pattern(&mut self, place: &str, pattern: &str) {
        let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
        if compiled.is_err() {
            self.problem(place, "schema.pattern", pattern.chars().take(200).collect::<String>());
        }
    }

    fn absences(&mut self, value: &Value, place: &str) -> Vec<&'static str> {
        let mut absences = Vec::new();
        let Some(given) = value.as_array() else {
            self.problem(place, "schema.absent", value.to_string());
            return absences;
        };
        for (at, code) in given.iter().enumerate() {
            match CODES.iter().find(|(name, _)| Some(*name) == code.as_str()) {
                Some((name, _)) => absences.push(*name),
                None => self.problem(&format!("{place}/{at}"), "schema.absent", code.to_string()),
            }
        }
        absences
    }

    /// Connects references; everything but `#` and `#/…` is refused unread.
    fn resolve(&mut self) {
        for (node, place, reference) in std::mem::take(&mut self.references) {
            let Some(fragment) = reference.strip_prefix('#') else {
                self.problem(&place, "schema.reference_remote", reference);
                continue;
            };
            let target = percent_decoded(fragment).filter(|pointer| tokens(pointer).is_some());
            match target.and_then(|pointer| self.places.get(&pointer).copied()) {
                Some(target) => {
                    if let Some(node) = self.nodes.get_mut(node) {
                        node.here.push(target);
                    }
                }
                None => self.problem(&place, "schema.reference_unknown", reference),
            }
        }
    }

    /// The width of the graph, unless it has a cycle or is too large once every reference is followed.
    fn measure(&mut self) -> Option<u64> {
        // Per node: subschemas below, subschemas about the same value, longest way down.
        let mut measured: Vec<Option<(u64, u64, usize)>> = self.nodes.iter().map(|_| None).collect();
        let mut open = vec![false; self.nodes.len()];
        let mut pending: Vec<(usize, bool)> = (0..self.nodes.len()).rev().map(|node| (node, false)).collect();
        let mut problem = None;
        while let (Some((at, done)), None) = (pending.pop(), problem) {
            let (Some(node), None) = (self.nodes.get(at), measured.get(at).copied().flatten()) else { continue };
            if !done {
                if open.get(at).copied().unwrap_or(false) {
                    problem = Some(("schema.reference_cycle", at));
                    continue;
                }
                if let Some(flag) = open.get_mut(at) {
                    *flag = true;
                }
                pending.push((at, true));
                let edges = node.here.iter().copied().chain(node.inside());
                pending.extend(edges.filter(|to| measured.get(*to).is_some_and(Option::is_none)).map(|to| (to, false)));
                continue;
            }
            let get = |at: &usize| measured.get(*at).copied().flatten().unwrap_or((0, 0, 0));
            let (mut total, mut width, mut depth) = (1_u64, 1_u64, 0);
            for (below, beside, deep) in node.here.iter().map(get) {
                (total, width, depth) = (total.saturating_add(below), width.saturating_add(beside), depth.max(deep));
            }
            for (below, _, deep) in node.inside().map(|to| get(&to)) {
                (total, depth) = (total.saturating_add(below), depth.max(deep));
            }
            if total > MAX_SUBSCHEMAS {
                problem = Some(("schema.too_large", at));
            } else if depth + 1 > MAX_DEPTH * 2 {
                problem = Some(("schema.too_deep", at));
            }
            if let Some(slot) = measured.get_mut(at) {
                *slot = Some((total, width, depth + 1));
            }
        }
        if let Some((code, at)) = problem {
            let place = self.places.iter().find(|(_, node)| **node == at).map(|(place, _)| place.clone());
            self.problem(&place.unwrap_or_default(), code, "");
            return None;
        }
        measured.into_iter().flatten().map(|(_, width, _)| width).max()
    }
}

/// `text` with its `%41`s decoded; none if that is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok()
}
