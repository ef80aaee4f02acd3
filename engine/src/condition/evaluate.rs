//! The meaning of a checked tree over a JSON context. Borrows the context, counts its work, never panics.
//!
//! `&&` and `||` are CEL's: the side that decides wins, even if the other one has no answer. `all` and `exists` likewise.

use super::node::{Arithmetic, Comparison, Fold, Function, Node};
use super::value::{Val, date, fail, forgive, json_number, parse, print, whole};
use super::{EvalError, MAX_WORK, Roots};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

type Evaluated<'a> = Result<Val<'a>, EvalError>;

/// Evaluates `root`; see [`super::Condition::eval`].
pub(super) fn evaluate(root: &Node, context: &dyn Roots) -> Result<Value, EvalError> {
    let mut run = Run { context, locals: Vec::new(), work: MAX_WORK };
    let value = run.value(root)?;
    run.json(&value)
}

struct Run<'a> {
    context: &'a dyn Roots,
    locals: Vec<Val<'a>>,
    work: u64,
}

impl<'a> Run<'a> {
    fn charge(&mut self, work: usize) -> Result<(), EvalError> {
        let left = u64::try_from(work).ok().and_then(|work| self.work.checked_sub(work));
        self.work = left.unwrap_or(0);
        left.map(drop).ok_or_else(|| fail("condition.work", format!("more than {MAX_WORK} steps")))
    }

    fn charge_text(&mut self, text: &str) -> Result<(), EvalError> {
        self.charge(text.len() / 32)
    }

    fn value(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.charge(1)?;
        match node {
            Node::Null => Ok(Val::Null),
            Node::Bool(value) => Ok(Val::Bool(*value)),
            Node::Number(value) => Ok(Val::Number(*value)),
            Node::Text(text) => Ok(Val::Text(Cow::Borrowed(text))),
            Node::Root(name) => self.context.root(name).map(Val::of).ok_or_else(|| missing(node)),
            Node::Local(index) => self.locals.get(*index).cloned().ok_or_else(|| missing(node)),
            Node::Member(operand, name) => match self.value(operand)? {
                Val::Object(members) => members.get(name).map(Val::of).ok_or_else(|| missing(node)),
                other => Err(wrong_type(&format!(".{name}"), &[&other])),
            },
            Node::Has(operand, name) => match self.value(operand) {
                Ok(Val::Object(members)) => Ok(Val::Bool(members.contains_key(name))),
                Ok(Val::Null) => Ok(Val::Bool(false)),
                Err(error) if error.code == "condition.missing" => Ok(Val::Bool(false)),
                Ok(other) => Err(wrong_type("has", &[&other])),
                Err(error) => Err(error),
            },
            Node::Item(list, position) => self.item(node, list, position),
            Node::And(a, b) => self.decided_by(false, a, b),
            Node::Or(a, b) => self.decided_by(true, a, b),
            Node::Not(a) => Ok(Val::Bool(!self.bool(a)?)),
            Node::Negate(a) => match self.value(a)? {
                Val::Number(number) => Ok(Val::Number(-number)),
                other => Err(wrong_type("-", &[&other])),
            },
            Node::If(branches) => {
                let [condition, yes, no] = branches.as_ref();
                if self.bool(condition)? { self.value(yes) } else { self.value(no) }
            }
            Node::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b),
            Node::Compare(operator, a, b) => self.compare(*operator, a, b),
            Node::In(item, list) => self.contains(item, list),
            Node::List(nodes) => {
                let items = nodes.iter().map(|node| self.value(node)).collect::<Result<_, _>>()?;
                Ok(Val::Items(Rc::new(items)))
            }
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Matches(text, pattern) => {
                let text = self.text("matches", text)?;
                self.charge(text.len())?;
                Ok(Val::Bool(pattern.is_match(&text)))
            }
            Node::Fold(range, fold) => self.fold(range, fold),
        }
    }

    fn bool(&mut self, node: &'a Node) -> Result<bool, EvalError> {
        match self.value(node)? {
            Val::Bool(value) => Ok(value),
            other => Err(wrong_type("condition", &[&other])),
        }
    }

    fn text(&mut self, name: &str, node: &'a Node) -> Result<Cow<'a, str>, EvalError> {
        match self.value(node)? {
            Val::Text(text) => Ok(text),
            other => Err(wrong_type(name, &[&other])),
        }
    }

    /// `&&` (decided by false) and `||` (decided by true).
    fn decided_by(&mut self, decisive: bool, a: &'a Node, b: &'a Node) -> Evaluated<'a> {
        let first = self.bool(a);
        if first == Ok(decisive) {
            return Ok(Val::Bool(decisive));
        }
        match (first, self.bool(b)) {
            (_, Ok(second)) if second == decisive => Ok(Val::Bool(decisive)),
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(_), Ok(_)) => Ok(Val::Bool(!decisive)),
        }
    }

    fn item(&mut self, node: &'a Node, list: &'a Node, position: &'a Node) -> Evaluated<'a> {
        match (self.value(list)?, self.value(position)?) {
            (Val::Object(members), Val::Text(name)) => {
                members.get(name.as_ref()).map(Val::of).ok_or_else(|| missing(node))
            }
            (list @ (Val::Rows(_) | Val::Items(_)), Val::Number(position)) => whole(position)
                .and_then(|position| list.get(position))
                .ok_or_else(|| fail("condition.position", format!("no item {}", print(position)))),
            (list, position) => Err(wrong_type("[ ]", &[&list, &position])),
        }
    }

    fn arithmetic(&mut self, operator: Arithmetic, a: &'a Node, b: &'a Node) -> Evaluated<'a> {
        let (a, b) = (self.value(a)?, self.value(b)?);
        let zero = || fail("condition.division", "division by zero");
        Ok(match (operator, a, b) {
            (Arithmetic::Add, Val::Number(a), Val::Number(b)) => Val::Number(a + b),
            (Arithmetic::Add, Val::Text(a), Val::Text(b)) => {
                self.charge_text(&a)?;
                self.charge_text(&b)?;
                Val::Text(a + b)
            }
            (Arithmetic::Add, a @ (Val::Rows(_) | Val::Items(_)), b @ (Val::Rows(_) | Val::Items(_))) => {
                self.charge(a.len().saturating_add(b.len()))?;
                Val::Items(Rc::new(
                    (0..a.len()).filter_map(|at| a.get(at)).chain((0..b.len()).filter_map(|at| b.get(at))).collect(),
                ))
            }
            (Arithmetic::Subtract, Val::Number(a), Val::Number(b)) => Val::Number(a - b),
            (Arithmetic::Multiply, Val::Number(a), Val::Number(b)) => Val::Number(a * b),
            (Arithmetic::Divide | Arithmetic::Remainder, Val::Number(_), Val::Number(0.0)) => return Err(zero()),
            (Arithmetic::Divide, Val::Number(a), Val::Number(b)) => Val::Number(a / b),
            (Arithmetic::Remainder, Val::Number(a), Val::Number(b)) => Val::Number(a % b),
            (operator, a, b) => return Err(wrong_type(operator.sign(), &[&a, &b])),
        })
    }

    fn compare(&mut self, operator: Comparison, a: &'a Node, b: &'a Node) -> Evaluated<'a> {
        let (a, b) = (self.value(a)?, self.value(b)?);
        if matches!(operator, Comparison::Equal | Comparison::NotEqual) {
            let equal = self.equal(&a, &b)?;
            return Ok(Val::Bool(equal == matches!(operator, Comparison::Equal)));
        }
        let order = match (&a, &b) {
            (Val::Number(a), Val::Number(b)) => a.partial_cmp(b),
            (Val::Text(a), Val::Text(b)) => {
                self.charge_text(a)?;
                Some(a.cmp(b))
            }
            (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
            _ => return Err(wrong_type(operator.sign(), &[&a, &b])),
        };
        let order = order.ok_or_else(|| fail("condition.not_finite", "not a number"))?;
        Ok(Val::Bool(match operator {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
            Comparison::Equal | Comparison::NotEqual => order == Ordering::Equal,
        }))
    }

    /// Deep equality; values of different kinds are unequal, 1 and 1.0 are equal. Recursion follows the depth of the
    /// context, which its readers bound.
    fn equal(&mut self, a: &Val<'a>, b: &Val<'a>) -> Result<bool, EvalError> {
        self.charge(1)?;
        Ok(match (a, b) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Number(a), Val::Number(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => {
                self.charge_text(a)?;
                a == b
            }
            (Val::Rows(_) | Val::Items(_), Val::Rows(_) | Val::Items(_)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for at in 0..a.len() {
                    let (Some(a), Some(b)) = (a.get(at), b.get(at)) else { return Ok(false) };
                    if !self.equal(&a, &b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Val::Object(a), Val::Object(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (name, value) in *a {
                    let Some(other) = b.get(name) else { return Ok(false) };
                    if !self.equal(&Val::of(value), &Val::of(other))? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn contains(&mut self, item: &'a Node, list: &'a Node) -> Evaluated<'a> {
        let (item, list) = (self.value(item)?, self.value(list)?);
        match (&item, &list) {
            (Val::Text(name), Val::Object(members)) => Ok(Val::Bool(members.contains_key(name.as_ref()))),
            (_, Val::Rows(_) | Val::Items(_)) => {
                for at in 0..list.len() {
                    if let Some(candidate) = list.get(at)
                        && self.equal(&item, &candidate)?
                    {
                        return Ok(Val::Bool(true));
                    }
                }
                Ok(Val::Bool(false))
            }
            _ => Err(wrong_type("in", &[&item, &list])),
        }
    }

    fn call(&mut self, function: Function, arguments: &'a [Node]) -> Evaluated<'a> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        for value in &values {
            if let Val::Text(text) = value {
                self.charge_text(text)?;
            }
        }
        let number = |number: f64| Ok(Val::Number(number));
        match (function, values.as_slice()) {
            (Function::Size, [Val::Text(text)]) => number(text.chars().count() as f64),
            (Function::Size, [list @ (Val::Rows(_) | Val::Items(_))]) => number(list.len() as f64),
            (Function::Size, [Val::Object(members)]) => number(members.len() as f64),
            (Function::Contains, [Val::Text(text), Val::Text(part)]) => Ok(Val::Bool(text.contains(part.as_ref()))),
            (Function::StartsWith, [Val::Text(text), Val::Text(part)]) => {
                Ok(Val::Bool(text.starts_with(part.as_ref())))
            }
            (Function::EndsWith, [Val::Text(text), Val::Text(part)]) => Ok(Val::Bool(text.ends_with(part.as_ref()))),
            (Function::Substring, [Val::Text(text), Val::Number(from), Val::Number(to)]) => substring(text, *from, *to),
            (Function::Int, [Val::Number(value)]) => number(forgive(*value).trunc()),
            (Function::Double, [Val::Number(value)]) => number(*value),
            (Function::Int | Function::Double, [Val::Text(text)]) => parse(text)
                .filter(|value| matches!(function, Function::Double) || value.trunc() == *value)
                .map(Val::Number)
                .ok_or_else(|| fail("condition.type", "the text is not such a number")),
            (Function::String, [Val::Text(text)]) => Ok(Val::Text(text.clone())),
            (Function::String, [Val::Number(value)]) => Ok(Val::Text(Cow::Owned(print(*value)))),
            (Function::String, [Val::Bool(value)]) => Ok(Val::Text(Cow::Owned(value.to_string()))),
            (Function::Ceil, [Val::Number(value)]) => number(forgive(*value).ceil()),
            (Function::Floor, [Val::Number(value)]) => number(forgive(*value).floor()),
            (Function::Round, [Val::Number(value)]) => number(forgive(*value).round()),
            (Function::DaysBetween, [Val::Text(from), Val::Text(to)]) => {
                number((date(to)?.signed_duration_since(date(from)?)).num_days() as f64)
            }
            (function, values) => Err(wrong_type(function.name(), &values.iter().collect::<Vec<_>>())),
        }
    }

    fn fold(&mut self, range: &'a Node, fold: &'a Fold) -> Evaluated<'a> {
        let range = self.value(range)?;
        if !matches!(range, Val::Rows(_) | Val::Items(_)) {
            let detail = format!("`all`, `exists`, `filter` and `map` go over lists only, not {}", range.kind());
            return Err(fail("condition.not_a_list", detail));
        }
        let (mut gathered, mut held, mut undecided) = (Vec::new(), 0_usize, None);
        for at in 0..range.len() {
            let Some(item) = range.get(at) else { break };
            self.charge(1)?;
            self.locals.push(item);
            let step = self.step(fold, &mut gathered);
            self.locals.pop();
            match (fold, step) {
                (Fold::All(_), Ok(false)) => return Ok(Val::Bool(false)),
                (Fold::Exists(_), Ok(true)) => return Ok(Val::Bool(true)),
                // A later item may still decide.
                (Fold::All(_) | Fold::Exists(_), Err(error)) => undecided = undecided.or(Some(error)),
                (_, Ok(holds)) => held += usize::from(holds),
                (_, Err(error)) => return Err(error),
            }
        }
        match (undecided, fold) {
            (Some(error), _) => Err(error),
            (None, Fold::All(_)) => Ok(Val::Bool(true)),
            (None, Fold::Exists(_)) => Ok(Val::Bool(false)),
            (None, Fold::ExistsOne(_)) => Ok(Val::Bool(held == 1)),
            (None, Fold::Collect { .. }) => Ok(Val::Items(Rc::new(gathered))),
        }
    }

    fn step(&mut self, fold: &'a Fold, gathered: &mut Vec<Val<'a>>) -> Result<bool, EvalError> {
        match fold {
            Fold::All(test) | Fold::Exists(test) | Fold::ExistsOne(test) => self.bool(test),
            Fold::Collect { when, item } => {
                let wanted = when.as_ref().map_or(Ok(true), |when| self.bool(when))?;
                if wanted {
                    gathered.push(self.value(item)?);
                }
                Ok(wanted)
            }
        }
    }

    fn json(&mut self, value: &Val<'a>) -> Result<Value, EvalError> {
        self.charge(1)?;
        Ok(match value {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Number(number) => json_number(*number)?,
            Val::Text(text) => {
                self.charge_text(text)?;
                Value::String(text.clone().into_owned())
            }
            Val::Rows(rows) => Value::Array(rows.iter().map(|row| self.json(&Val::of(row))).collect::<Result<_, _>>()?),
            Val::Items(items) => Value::Array(items.iter().map(|item| self.json(item)).collect::<Result<_, _>>()?),
            Val::Object(members) => {
                let mut copy = Map::new();
                for (name, value) in *members {
                    self.charge_text(name)?;
                    copy.insert(name.clone(), self.json(&Val::of(value))?);
                }
                Value::Object(copy)
            }
        })
    }
}

fn wrong_type(operation: &str, values: &[&Val<'_>]) -> EvalError {
    let kinds: Vec<&str> = values.iter().map(|value| value.kind()).collect();
    fail("condition.type", format!("`{operation}` does not go with {}", kinds.join(" and ")))
}

fn missing(node: &Node) -> EvalError {
    let (mut names, mut rest) = (Vec::new(), node);
    loop {
        match rest {
            Node::Member(operand, name) => {
                names.push(name.as_str());
                rest = operand;
            }
            Node::Item(operand, _) => {
                names.push("[…]");
                rest = operand;
            }
            Node::Root(name) => {
                names.push(name);
                break;
            }
            _ => {
                names.push("…");
                break;
            }
        }
    }
    names.reverse();
    fail("condition.missing", format!("`{}` is not there", names.join(".")))
}

/// The characters from position `from` up to, not with, `to`; positions count from 0 and must lie within the text.
fn substring<'a>(text: &str, from: f64, to: f64) -> Evaluated<'a> {
    let (from_to, size) = (whole(from).zip(whole(to)), text.chars().count());
    match from_to.filter(|(from, to)| from <= to && *to <= size) {
        Some((from, to)) => Ok(Val::Text(Cow::Owned(text.chars().skip(from).take(to - from).collect()))),
        None => Err(fail("condition.position", format!("{} to {} of {size} characters", print(from), print(to)))),
    }
}
