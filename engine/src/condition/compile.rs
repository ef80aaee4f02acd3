//! From text to a checked tree: bounds, names, functions, constant patterns. Nothing is evaluated here.
//!
//! The tree has only what `evaluate.rs` gives a meaning to, so that an unknown construct is refused when an SOP is
//! written, never when a visit is judged.

use super::node::{Arithmetic, Comparison, Fold, Function, Node};
use super::{ConditionError, MAX_COMPREHENSIONS, MAX_DEPTH, MAX_NESTING, MAX_NODES, MAX_TEXT, ROOTS, References};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, TokenKind};
use regex::RegexBuilder;

/// Most memory of one compiled pattern, in bytes.
pub(crate) const MAX_PATTERN: usize = 256 * 1024;
/// Name the parser's macros give to what a comprehension has gathered so far; no author can write it.
const GATHERED: &str = "@result";
/// Integers of a larger magnitude are not exact as doubles.
const MAX_INTEGER: u64 = 1 << 53;

/// Compiles `text`; see [`super::Condition::compile`].
pub(super) fn compile(text: &str) -> Result<(Node, References), ConditionError> {
    scan(text)?;
    let expression = PrattParser::new()
        .max_recursion_depth(u16::try_from(MAX_NESTING).unwrap_or(u16::MAX))
        .parse(text)
        .map_err(|errors| match errors.errors.first() {
            Some(first) => fail("condition.syntax", format!("{} at {}:{}", first.msg, first.pos.0, first.pos.1)),
            None => fail("condition.syntax", "not a CEL expression"),
        })?;
    measure(&expression)?;
    let mut compiler = Compiler { locals: Vec::new(), references: References::default() };
    let root = compiler.node(&expression)?;
    Ok((root, compiler.references))
}

fn fail(code: &'static str, detail: impl Into<String>) -> ConditionError {
    ConditionError { code, detail: detail.into() }
}

/// Looks at the words before the parser does: its recursion follows open brackets and `? :`, and a smaller stack than
/// the parser's author had in mind must do.
fn scan(text: &str) -> Result<(), ConditionError> {
    if text.len() > MAX_TEXT {
        return Err(fail("condition.too_long", format!("{} bytes, at most {MAX_TEXT}", text.len())));
    }
    let mut lexer = Lexer::new(text);
    let (mut open, mut choices, mut signs, mut words) = (0_usize, 0_usize, 0_usize, 0_usize);
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd => return Ok(()),
            TokenKind::TokWhitespace | TokenKind::TokComment => continue,
            TokenKind::TokError => {
                let message = lexer.get_error().map_or("unexpected character", |error| error.message.as_str());
                return Err(fail("condition.syntax", format!("{message} at byte {}", token.start)));
            }
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace => open += 1,
            TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace => {
                open = open.saturating_sub(1);
            }
            TokenKind::TokQuestion => choices += 1,
            _ => {}
        }
        let sign = matches!(token.kind, TokenKind::TokMinus | TokenKind::TokExclamation);
        signs = if sign { signs + 1 } else { 0 };
        words += 1;
        if open > MAX_NESTING || choices > MAX_NESTING || signs > MAX_NESTING {
            return Err(fail("condition.too_deep", format!("more than {MAX_NESTING} inside one another")));
        }
        // Bounds the parser's work; `measure` counts exactly. Three words a node are plenty.
        if words > MAX_NODES * 3 {
            return Err(fail("condition.too_large", format!("more than {MAX_NODES} parts")));
        }
    }
}

/// Counts nodes and depth without recursion.
fn measure(expression: &IdedExpr) -> Result<(), ConditionError> {
    let (mut nodes, mut pending) = (0_usize, vec![(expression, 1_usize)]);
    while let Some((expression, depth)) = pending.pop() {
        nodes += 1;
        if nodes > MAX_NODES {
            return Err(fail("condition.too_large", format!("more than {MAX_NODES} parts")));
        }
        if depth > MAX_DEPTH {
            return Err(fail("condition.too_deep", format!("more than {MAX_DEPTH} operators inside one another")));
        }
        let mut push = |child| pending.push((child, depth + 1));
        match &expression.expr {
            Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(&mut push),
            Expr::Comprehension(fold) => {
                [&fold.iter_range, &fold.accu_init, &fold.loop_cond, &fold.loop_step, &fold.result]
                    .into_iter()
                    .for_each(&mut push);
            }
            Expr::List(list) => list.elements.iter().for_each(&mut push),
            Expr::Select(select) => push(&select.operand),
            Expr::Map(_) | Expr::Struct(_) => {
                return Err(fail("condition.not_supported", "`{ }` is not part of conditions"));
            }
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        }
    }
    Ok(())
}

struct Compiler {
    locals: Vec<String>,
    references: References,
}

type Compiled = Result<Node, ConditionError>;

impl Compiler {
    fn node(&mut self, expression: &IdedExpr) -> Compiled {
        match &expression.expr {
            Expr::Literal(literal) => constant(literal),
            Expr::Ident(_) | Expr::Select(_) => self.path(expression),
            Expr::Call(call) if call.func_name == operators::INDEX => self.path(expression),
            Expr::List(list) if list.optional_indices.is_empty() => Ok(Node::List(self.nodes(&list.elements)?)),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(fold) => self.fold(fold),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(fail("condition.not_supported", "not part of conditions"))
            }
        }
    }

    fn boxed(&mut self, expression: &IdedExpr) -> Result<Box<Node>, ConditionError> {
        self.node(expression).map(Box::new)
    }

    fn nodes(&mut self, expressions: &[IdedExpr]) -> Result<Vec<Node>, ConditionError> {
        expressions.iter().map(|expression| self.node(expression)).collect()
    }

    /// A name, or members of something; notes the static path where there is one.
    fn path(&mut self, expression: &IdedExpr) -> Compiled {
        if let Some(path) = self.static_path(expression) {
            self.references.paths.insert(path);
        }
        self.member(expression)
    }

    fn member(&mut self, expression: &IdedExpr) -> Compiled {
        match &expression.expr {
            Expr::Select(select) => {
                let operand = Box::new(self.member(&select.operand)?);
                let name = select.field.clone();
                Ok(if select.test { Node::Has(operand, name) } else { Node::Member(operand, name) })
            }
            Expr::Ident(name) => {
                if let Some(local) = self.locals.iter().rposition(|local| local == name) {
                    return Ok(Node::Local(local));
                }
                let root = ROOTS.into_iter().find(|root| root == name).ok_or_else(|| {
                    fail("condition.unknown_variable", format!("`{name}`; there are {}", ROOTS.join(", ")))
                })?;
                self.references.variables.insert(name.clone());
                Ok(Node::Root(root))
            }
            Expr::Call(call) if call.func_name == operators::INDEX => self.item(call),
            // What members are taken of, a call for instance.
            _ => self.node(expression),
        }
    }

    fn item(&mut self, call: &CallExpr) -> Compiled {
        let [list, position] = call.args.as_slice() else {
            return Err(fail("condition.syntax", "`[ ]` takes one position"));
        };
        let list = Box::new(self.member(list)?);
        Ok(match self.node(position)? {
            // `steps["a"]` is `steps.a`.
            Node::Text(name) => Node::Member(list, name),
            position => Node::Item(list, Box::new(position)),
        })
    }

    /// The longest static path `expression` begins with, if it begins with a root.
    fn static_path(&self, expression: &IdedExpr) -> Option<Vec<String>> {
        let (mut names, mut rest) = (Vec::new(), expression);
        loop {
            match &rest.expr {
                Expr::Ident(name) if ROOTS.contains(&name.as_str()) && !self.locals.contains(name) => {
                    names.push(name.clone());
                    names.reverse();
                    return Some(names);
                }
                Expr::Select(select) => {
                    names.push(select.field.clone());
                    rest = &select.operand;
                }
                Expr::Call(call) if call.func_name == operators::INDEX => {
                    let [list, position] = call.args.as_slice() else { return None };
                    match &position.expr {
                        Expr::Literal(LiteralValue::String(name)) => names.push(name.inner().to_owned()),
                        // What hangs below a computed position is not static.
                        _ => names.clear(),
                    }
                    rest = list;
                }
                _ => return None,
            }
        }
    }

    fn call(&mut self, call: &CallExpr) -> Compiled {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                Ok(Node::If(Box::new([self.node(condition)?, self.node(yes)?, self.node(no)?])))
            }
            (operators::LOGICAL_AND, [a, b]) => Ok(Node::And(self.boxed(a)?, self.boxed(b)?)),
            (operators::LOGICAL_OR, [a, b]) => Ok(Node::Or(self.boxed(a)?, self.boxed(b)?)),
            (operators::LOGICAL_NOT, [a]) => Ok(Node::Not(self.boxed(a)?)),
            (operators::NEGATE, [a]) => Ok(Node::Negate(self.boxed(a)?)),
            (operators::IN, [a, b]) => Ok(Node::In(self.boxed(a)?, self.boxed(b)?)),
            (name, [a, b]) if call.target.is_none() => {
                if let Some(operator) = arithmetic(name) {
                    Ok(Node::Arithmetic(operator, self.boxed(a)?, self.boxed(b)?))
                } else if let Some(operator) = comparison(name) {
                    Ok(Node::Compare(operator, self.boxed(a)?, self.boxed(b)?))
                } else {
                    self.function(call)
                }
            }
            _ => self.function(call),
        }
    }

    fn function(&mut self, call: &CallExpr) -> Compiled {
        let name = call.func_name.as_str();
        let given: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if name == "matches" {
            self.references.functions.insert(name.to_owned());
            return self.matches(&given);
        }
        let (function, method, arguments) = match name {
            "size" => (Function::Size, None, 1),
            "contains" => (Function::Contains, Some(true), 2),
            "startsWith" => (Function::StartsWith, Some(true), 2),
            "endsWith" => (Function::EndsWith, Some(true), 2),
            "substring" => (Function::Substring, Some(true), 3),
            "int" => (Function::Int, Some(false), 1),
            "double" => (Function::Double, Some(false), 1),
            "string" => (Function::String, Some(false), 1),
            "ceil" => (Function::Ceil, Some(false), 1),
            "floor" => (Function::Floor, Some(false), 1),
            "round" => (Function::Round, Some(false), 1),
            "days_between" => (Function::DaysBetween, Some(false), 2),
            _ => return Err(fail("condition.unknown_function", format!("`{name}`"))),
        };
        if given.len() != arguments || method.is_some_and(|method| method != call.target.is_some()) {
            let shape = if method == Some(true) { format!("x.{name}(…)") } else { format!("{name}(…)") };
            return Err(fail("condition.arguments", format!("`{shape}` takes {arguments} values in all")));
        }
        self.references.functions.insert(name.to_owned());
        let arguments = given.into_iter().map(|argument| self.node(argument)).collect::<Result<_, _>>()?;
        Ok(Node::Call(function, arguments))
    }

    /// Patterns are constants of a linear-time engine: a pattern from an answer could be made to be slow.
    fn matches(&mut self, given: &[&IdedExpr]) -> Compiled {
        let [text, pattern] = given else {
            return Err(fail("condition.arguments", "`x.matches(pattern)` takes one pattern"));
        };
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return Err(fail("condition.pattern", "the pattern of `matches` must be a constant text"));
        };
        let pattern = RegexBuilder::new(pattern.inner())
            .size_limit(MAX_PATTERN)
            .dfa_size_limit(MAX_PATTERN)
            .build()
            .map_err(|error| fail("condition.pattern", error.to_string()))?;
        Ok(Node::Matches(self.boxed(text)?, pattern))
    }

    /// Reads back what the parser made of a macro.
    fn fold(&mut self, fold: &ComprehensionExpr) -> Compiled {
        let range = self.range(&fold.iter_range)?;
        if self.locals.len() >= MAX_COMPREHENSIONS {
            let detail =
                format!("more than {MAX_COMPREHENSIONS} of `all`, `exists`, `filter`, `map` inside one another");
            return Err(fail("condition.nested", detail));
        }
        let variable = &fold.iter_var;
        if ROOTS.contains(&variable.as_str()) || self.locals.contains(variable) {
            return Err(fail("condition.shadow", format!("`{variable}` already has a meaning here")));
        }
        self.locals.push(variable.clone());
        let done = self.step(&fold.loop_step);
        self.locals.pop();
        Ok(Node::Fold(Box::new(range), Box::new(done?)))
    }

    fn range(&mut self, range: &IdedExpr) -> Compiled {
        let path = self.static_path(range);
        let node = self.node(range)?;
        let never = match &node {
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => true,
            Node::Root(root) => *root != "evidence",
            Node::Member(..) => path.is_some_and(|path| {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                matches!(
                    names.as_slice(),
                    ["customer", "fields"] | ["steps", _] | ["steps", _, "answers" | "absent" | "instances" | "state"]
                )
            }),
            _ => false,
        };
        if never {
            return Err(fail("condition.not_a_list", "`all`, `exists`, `filter` and `map` go over lists only"));
        }
        Ok(node)
    }

    fn step(&mut self, step: &IdedExpr) -> Result<Fold, ConditionError> {
        let unknown = || fail("condition.not_supported", "a macro this engine does not know");
        let Expr::Call(call) = &step.expr else { return Err(unknown()) };
        let (name, fold) = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [gathered, test]) if is_gathered(gathered) => ("all", Fold::All(self.node(test)?)),
            (operators::LOGICAL_OR, [gathered, test]) if is_gathered(gathered) => {
                ("exists", Fold::Exists(self.node(test)?))
            }
            (operators::ADD, [gathered, item]) if is_gathered(gathered) => {
                let item = only_element(item).ok_or_else(unknown)?;
                ("map", Fold::Collect { when: None, item: self.node(item)? })
            }
            (operators::CONDITIONAL, [test, then, otherwise]) if is_gathered(otherwise) => {
                let test = self.node(test)?;
                let Expr::Call(then) = &then.expr else { return Err(unknown()) };
                match then.args.as_slice() {
                    [gathered, added] if is_gathered(gathered) && then.func_name == operators::ADD => {
                        match only_element(added) {
                            Some(item) => ("filter", Fold::Collect { when: Some(test), item: self.node(item)? }),
                            None => ("exists_one", Fold::ExistsOne(test)),
                        }
                    }
                    _ => return Err(unknown()),
                }
            }
            _ => return Err(unknown()),
        };
        self.references.functions.insert(name.to_owned());
        Ok(fold)
    }
}

fn is_gathered(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == GATHERED)
}

/// `x` of `[x]`.
fn only_element(expression: &IdedExpr) -> Option<&IdedExpr> {
    match &expression.expr {
        Expr::List(list) => list.elements.first().filter(|_| list.elements.len() == 1),
        _ => None,
    }
}

fn constant(literal: &LiteralValue) -> Compiled {
    let integer = |magnitude: u64, number: f64| {
        if magnitude <= MAX_INTEGER {
            Ok(Node::Number(number))
        } else {
            Err(fail("condition.number", "integers beyond 9007199254740992 are not exact; use a text"))
        }
    };
    match literal {
        LiteralValue::Null => Ok(Node::Null),
        LiteralValue::Boolean(value) => Ok(Node::Bool(*value.inner())),
        LiteralValue::Double(value) => Ok(Node::Number(*value.inner())),
        LiteralValue::Int(value) => integer(value.inner().unsigned_abs(), *value.inner() as f64),
        LiteralValue::UInt(value) => integer(*value.inner(), *value.inner() as f64),
        LiteralValue::String(value) => Ok(Node::Text(value.inner().to_owned())),
        LiteralValue::Bytes(_) => Err(fail("condition.not_supported", "bytes are not part of conditions")),
    }
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        operators::ADD => Arithmetic::Add,
        operators::SUBSTRACT => Arithmetic::Subtract,
        operators::MULTIPLY => Arithmetic::Multiply,
        operators::DIVIDE => Arithmetic::Divide,
        operators::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}
