//! Answers drawn from a template: JSON in which an object with a `$` member stands for something drawn or looked up.
//!
//! | written | gives |
//! |---|---|
//! | `{"$one": [a, b]}` | one of the items |
//! | `{"$weighted": [[9, a], [1, b]]}` | one of the items, by weight |
//! | `{"$some": [least, most], "$of": [a, b, c]}` | so many of the items, in their order |
//! | `{"$chance": 0.9}` | true so often |
//! | `{"$int": [1, 9]}`, `{"$number": [1, 9, decimals]}`, `{"$money": [1, 9]}` | a number; `money` as text with two decimals |
//! | `{"$date": [from, to]}` | a day so many days after the visit's |
//! | `{"$moment": [from, to]}` | a moment so many seconds after now, RFC 3339 |
//! | `{"$list": [least, most], "$as": t}`, `{"$each": list, "$as": t}` | a list; `/item` and `/index` are seen in `t` |
//! | `{"$at": "/item/price"}` | what is there: `/customer/…`, `/steps/<key>/…`, `/item…`, `/index`, `/instance`, `/user` |
//! | `{"$row": [dataset, key, member]}` | a member of a dataset's row |
//! | `{"$near": t, "$by": 0.1}` | about as much, with the decimals it had |
//! | `{"$product": [t, …], "$decimals": 2}` | the numbers multiplied |
//! | `{"$if": t, "$then": a, "$else": b}`, `{"$equal": [a, b]}` | a choice; without `$else` nothing |
//! | `{"$text": [t, …]}` | the parts as one free text |
//!
//! A member that comes out as null is left out. Nothing here knows a trade.

use super::chance::Chance;
use crate::dataset::LoadedDataset;
use anyhow::{Context as _, bail};
use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// What is there: mostly what was there last time.
    Looks,
    /// Made up, with no regard to what was there last time.
    MakesUp,
    /// What takes no thought: the first choice, yes, round numbers.
    Careless,
    /// What is there, but the same free text everywhere.
    SameText,
}

/// Who draws, from what.
pub struct Draw<'a> {
    /// What stays the same at this customer.
    pub stable: Chance,
    /// What is of this visit alone.
    pub fresh: Chance,
    /// What is of the person alone.
    pub person: Chance,
    /// How likely an answer is not as it was last time.
    pub changes: f64,
    /// How.
    pub manner: Manner,
    /// The visit's day.
    pub date: NaiveDate,
    /// Now, in ms since the Unix epoch.
    pub now_ms: i64,
    /// `customer`, `steps`, `instance`, `user`.
    pub scope: &'a Value,
    /// The SOP's tables.
    pub datasets: &'a BTreeMap<String, Arc<LoadedDataset>>,
}

/// The item of the innermost list, and where it stands.
#[derive(Clone, Copy)]
struct Item<'a> {
    value: &'a Value,
    index: usize,
}

impl Draw<'_> {
    /// The answers.
    ///
    /// # Errors
    /// The template is not as the table above says.
    pub fn answers(&self, template: &Value) -> anyhow::Result<Value> {
        self.value(template, "", None)
    }

    fn value(&self, template: &Value, path: &str, item: Option<Item<'_>>) -> anyhow::Result<Value> {
        match template {
            Value::Object(members) if members.keys().any(|name| name.starts_with('$')) => {
                self.drawn(members, path, item).with_context(|| format!("at `{path}`: {template}"))
            }
            Value::Object(members) => {
                let mut made = Map::new();
                for (name, member) in members {
                    let value = self.value(member, &format!("{path}/{name}"), item)?;
                    if !value.is_null() {
                        made.insert(name.clone(), value);
                    }
                }
                Ok(Value::Object(made))
            }
            Value::Array(items) => self.all(items, path, item).map(Value::Array),
            scalar => Ok(scalar.clone()),
        }
    }

    fn all(&self, templates: &[Value], path: &str, item: Option<Item<'_>>) -> anyhow::Result<Vec<Value>> {
        let each = |(at, template)| self.value(template, &format!("{path}/{at}"), item);
        templates.iter().enumerate().map(each).collect()
    }

    fn drawn(&self, members: &Map<String, Value>, path: &str, item: Option<Item<'_>>) -> anyhow::Result<Value> {
        let member = |name: &str| members.get(name).with_context(|| format!("no `{name}`"));
        let (name, argument) =
            members.iter().find(|(name, _)| WORDS.contains(&name.as_str())).context("nothing to do")?;
        let numbers = || -> anyhow::Result<Vec<f64>> {
            argument.as_array().context("no list")?.iter().map(|one| one.as_f64().context("no number")).collect()
        };
        let range = || numbers().and_then(|range| <[f64; 2]>::try_from(range).ok().context("two numbers"));
        let sub = |template: &Value, part: &str| self.value(template, &format!("{path}/{part}"), item);
        let unit = self.unit(path);
        Ok(match name.as_str() {
            "$one" => {
                let items = argument.as_array().context("no list")?;
                sub(items.get(self.index(path, items.len())).context("an empty list")?, "one")?
            }
            "$weighted" => sub(weighted(argument, self.likeliest(unit))?, "one")?,
            "$some" => self.some(range()?, member("$of")?, path, item)?,
            "$chance" => json!(self.manner == Manner::Careless || unit < argument.as_f64().context("no number")?),
            "$int" => json!(self.rounded(range()?, unit)),
            "$number" => match numbers()?.as_slice() {
                [from, to, decimals] => json!(round(from + (to - from) * unit, *decimals)),
                _ => bail!("three numbers"),
            },
            "$money" => {
                let [from, to] = range()?;
                json!(format!("{:.2}", from + (to - from) * unit))
            }
            "$date" => self.day(range()?, unit)?,
            "$moment" => {
                let [from, to] = range()?;
                let seconds = self.now_ms / 1000 + (from + (to - from) * unit) as i64;
                json!(engine::time::format_utc(seconds * 1000).replace(".000", ""))
            }
            "$list" => {
                let [from, to] = range()?;
                let count = (from + (to - from + 1.0) * unit).floor() as usize;
                self.each(&vec![Value::Null; count], member("$as")?, path, item)?
            }
            "$each" => match sub(argument, "each")? {
                Value::Array(items) => self.each(&items, member("$as")?, path, item)?,
                _ => bail!("`$each` goes over no list"),
            },
            "$at" => self.at(argument.as_str().context("no pointer")?, item),
            "$row" => self.row(&self.all(argument.as_array().context("no list")?, path, item)?)?,
            "$near" => near(&sub(argument, "near")?, member("$by")?.as_f64().context("no number")?, unit)?,
            "$product" => {
                let factors = self.all(argument.as_array().context("no list")?, path, item)?;
                let product: f64 = factors.iter().map(number).collect::<anyhow::Result<Vec<f64>>>()?.iter().product();
                json!(round(product, members.get("$decimals").and_then(Value::as_f64).unwrap_or(2.0)))
            }
            "$if" => match truthy(&sub(argument, "if")?) {
                true => sub(member("$then")?, "then")?,
                false => members.get("$else").map_or(Ok(Value::Null), |other| sub(other, "else"))?,
            },
            "$equal" => {
                let sides = self.all(argument.as_array().context("no list")?, path, item)?;
                json!(sides.first() == sides.get(1))
            }
            _ => self.text(argument.as_array().context("no list")?, path, item)?,
        })
    }

    /// A draw of this place in the answers.
    fn unit(&self, path: &str) -> f64 {
        self.source(path).unit(path)
    }

    /// What a place in the answers is drawn from: what last time's was, unless something changed.
    fn source(&self, path: &str) -> Chance {
        let changed = self.manner == Manner::MakesUp || self.fresh.happens(&format!("{path} changed"), self.changes);
        if changed { self.fresh } else { self.stable }
    }

    fn likeliest(&self, unit: f64) -> f64 {
        if self.manner == Manner::Careless { 0.0 } else { unit }
    }

    fn index(&self, path: &str, length: usize) -> usize {
        (self.likeliest(self.unit(path)) * length as f64).floor() as usize
    }

    /// A whole number; the careless write a multiple of five where there is one.
    fn rounded(&self, [from, to]: [f64; 2], unit: f64) -> i64 {
        let drawn = (from + (to - from + 1.0) * unit).floor();
        let round = (drawn / 5.0).round() * 5.0;
        (if self.manner == Manner::Careless && (from..=to).contains(&round) { round } else { drawn }) as i64
    }

    fn some(&self, [from, to]: [f64; 2], of: &Value, path: &str, item: Option<Item<'_>>) -> anyhow::Result<Value> {
        let known = if of.is_array() { of.clone() } else { self.value(of, path, item)? };
        let items = known.as_array().context("no list")?;
        let count = (from + (to - from + 1.0) * self.unit(path)).floor() as usize;
        let mut order: Vec<usize> = (0..items.len()).collect();
        order = self.source(path).shuffled(path, order);
        order.truncate(count);
        order.sort_unstable();
        let chosen: Vec<Value> = order.into_iter().filter_map(|at| items.get(at).cloned()).collect();
        self.all(&chosen, path, item).map(Value::Array)
    }

    fn each(&self, items: &[Value], template: &Value, path: &str, outer: Option<Item<'_>>) -> anyhow::Result<Value> {
        let one = |(index, value): (usize, &Value)| {
            let value = if value.is_null() { outer.map_or(value, |outer| outer.value) } else { value };
            self.value(template, &format!("{path}/{index}"), Some(Item { value, index }))
        };
        items.iter().enumerate().map(one).collect()
    }

    fn day(&self, [from, to]: [f64; 2], unit: f64) -> anyhow::Result<Value> {
        let days = (from + (to - from + 1.0) * unit).floor() as i64;
        let magnitude = Days::new(days.unsigned_abs());
        let day = match days < 0 {
            true => self.date.checked_sub_days(magnitude),
            false => self.date.checked_add_days(magnitude),
        };
        Ok(json!(day.context("outside the calendar")?.format("%Y-%m-%d").to_string()))
    }

    fn at(&self, pointer: &str, item: Option<Item<'_>>) -> Value {
        if let ("/index", Some(item)) = (pointer, item) {
            return json!(item.index);
        }
        let inside = pointer.strip_prefix("/item").filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = match (inside, item) {
            (Some(rest), Some(item)) => item.value.pointer(rest),
            _ => self.scope.pointer(pointer),
        };
        found.cloned().unwrap_or_default()
    }

    fn row(&self, arguments: &[Value]) -> anyhow::Result<Value> {
        let [Value::String(dataset), Value::String(key), Value::String(member)] = arguments else {
            bail!("dataset, key and member")
        };
        let rows = self.datasets.get(dataset).with_context(|| format!("no dataset `{dataset}`"))?;
        let (row, _) = rows.row(key).with_context(|| format!("{dataset} has no row `{key}`"))?;
        let row: Value = serde_json::from_str(row)?;
        Ok(row.get(member).cloned().unwrap_or_default())
    }

    fn text(&self, parts: &[Value], path: &str, item: Option<Item<'_>>) -> anyhow::Result<Value> {
        let person = self.person.of(path);
        let own = Draw { stable: person, fresh: person, changes: 0.0, manner: Manner::Looks, ..*self };
        let (draw, item) = if self.manner == Manner::SameText { (&own, None) } else { (self, item) };
        let texts = draw.all(parts, path, item)?;
        let text = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        Ok(json!(texts.iter().filter(|part| !part.is_null()).map(text).collect::<String>()))
    }
}

const WORDS: [&str; 18] = [
    "$one",
    "$weighted",
    "$some",
    "$chance",
    "$int",
    "$number",
    "$money",
    "$date",
    "$moment",
    "$list",
    "$each",
    "$at",
    "$row",
    "$near",
    "$product",
    "$if",
    "$equal",
    "$text",
];

fn weighted(pairs: &Value, unit: f64) -> anyhow::Result<&Value> {
    let pairs = pairs.as_array().context("no list")?;
    let weight = |pair: &Value| pair.get(0).and_then(Value::as_f64).unwrap_or_default();
    let mut left = unit * pairs.iter().map(weight).sum::<f64>();
    for pair in pairs {
        left -= weight(pair);
        if left < 0.0 {
            return pair.get(1).context("no item");
        }
    }
    pairs.last().and_then(|pair| pair.get(1)).context("an empty list")
}

fn near(value: &Value, by: f64, unit: f64) -> anyhow::Result<Value> {
    let factor = 1.0 + by * (2.0 * unit - 1.0);
    let Some(text) = value.as_str() else { return Ok(json!(round(number(value)? * factor, 2.0))) };
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    Ok(json!(format!("{:.decimals$}", text.parse::<f64>()? * factor)))
}

fn number(value: &Value) -> anyhow::Result<f64> {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or_else(text).with_context(|| format!("{value} is no number"))
}

fn round(value: f64, decimals: f64) -> f64 {
    let scale = 10_f64.powi(decimals as i32);
    (value * scale).round() / scale
}

fn truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(manner: Manner, visit: &str, template: &Value) -> anyhow::Result<Value> {
        let chance = Chance::new(3);
        let scope = json!({"customer": {"fields": {"list": ["a", "b"]}}, "steps": {"first": {"here": true}}});
        let date = NaiveDate::from_ymd_opt(2026, 2, 27).unwrap();
        let draw = Draw {
            stable: chance.of("customer"),
            fresh: chance.of(visit),
            person: chance.of("person"),
            changes: 0.3,
            manner,
            date,
            now_ms: 1_000_000_000_000,
            scope: &scope,
            datasets: &BTreeMap::new(),
        };
        draw.answers(template)
    }

    #[test]
    fn what_is_written_is_drawn() -> anyhow::Result<()> {
        let template = json!({
            "rows": {"$each": {"$at": "/customer/fields/list"}, "$as": {
                "name": {"$at": "/item"}, "count": {"$int": [1, 9]}, "price": {"$near": "10.00", "$by": 0.5},
            }},
            "due": {"$date": [2, 2]},
            "there": {"$if": {"$at": "/steps/first/here"}, "$then": "yes", "$else": "no"},
            "nothing": {"$if": false, "$then": 1},
            "area": {"$product": [2, {"$number": [3, 3, 0]}, "1.5"]},
            "both": {"$some": [2, 2], "$of": ["x", "y"]},
        });
        let drawn = draw(Manner::Looks, "visit", &template)?;
        assert_eq!(
            (&drawn["due"], &drawn["there"], &drawn["area"]),
            (&json!("2026-03-01"), &json!("yes"), &json!(9.0))
        );
        assert!(drawn.get("nothing").is_none() && drawn["both"] == json!(["x", "y"]), "{drawn}");
        assert_eq!(drawn.pointer("/rows/1/name"), Some(&json!("b")));
        let price: f64 = drawn.pointer("/rows/0/price").and_then(Value::as_str).unwrap_or_default().parse()?;
        assert!((5.0..=15.0).contains(&price));
        assert!(draw(Manner::Looks, "visit", &json!({"$oops": 1})).is_err());
        Ok(())
    }

    #[test]
    fn who_looks_finds_much_as_it_was_and_who_makes_it_up_does_not() -> anyhow::Result<()> {
        let template: Value = (0..400).map(|_| json!({"$int": [0, 1_000_000]})).collect();
        let same = |one: &Value, other: &Value| {
            let pairs = one.as_array().into_iter().flatten().zip(other.as_array().into_iter().flatten());
            pairs.filter(|(one, other)| one == other).count()
        };
        let [first, second, made_up] =
            [(Manner::Looks, "a"), (Manner::Looks, "b"), (Manner::MakesUp, "c")].map(|(m, v)| draw(m, v, &template));
        let (first, second, made_up) = (first?, second?, made_up?);
        assert!((150..250).contains(&same(&first, &second)), "{}", same(&first, &second));
        assert_eq!(same(&first, &made_up), 0);
        let careless =
            draw(Manner::Careless, "d", &json!([{"$int": [10, 90]}, {"$chance": 0.0}, {"$one": ["x", "y"]}]))?;
        assert_eq!(careless.pointer("/0").and_then(Value::as_i64).map(|count| count % 5), Some(0));
        assert_eq!((&careless[1], &careless[2]), (&json!(true), &json!("x")));
        Ok(())
    }

    #[test]
    fn the_same_text_is_the_same_everywhere() -> anyhow::Result<()> {
        let template = json!({"$text": [{"$one": ["a", "b", "c", "d", "e", "f"]}, " ", {"$int": [1, 1000]}]});
        let texts: anyhow::Result<Vec<Value>> =
            (0..5).map(|n| draw(Manner::SameText, &n.to_string(), &template)).collect();
        assert!(texts?.windows(2).all(|pair| pair.first() == pair.last()));
        assert_ne!(draw(Manner::MakesUp, "1", &template)?, draw(Manner::MakesUp, "2", &template)?);
        Ok(())
    }
}
