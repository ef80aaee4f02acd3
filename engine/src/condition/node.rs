//! The tree of a checked condition: everything `evaluate.rs` gives a meaning to, and nothing else.

use regex::Regex;

/// A checked expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    /// A member of the context.
    Root(&'static str),
    /// The variable of an enclosing comprehension, outermost first.
    Local(usize),
    Member(Box<Node>, String),
    Has(Box<Node>, String),
    Item(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    If(Box<[Node; 3]>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Regex),
    Fold(Box<Node>, Box<Fold>),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Substring,
    Int,
    Double,
    String,
    Ceil,
    Floor,
    Round,
    DaysBetween,
}

impl Node {
    pub(super) fn may_hold(&self) -> bool {
        match self {
            Self::Null
            | Self::Number(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Negate(_)
            | Self::Arithmetic(..)
            | Self::Bool(false) => false,
            Self::Call(function, _) => {
                matches!(function, Function::Contains | Function::StartsWith | Function::EndsWith)
            }
            Self::If(parts) => parts.iter().skip(1).any(Self::may_hold),
            Self::Fold(_, fold) => !matches!(**fold, Fold::Collect { .. }),
            Self::Bool(true)
            | Self::Root(_)
            | Self::Local(_)
            | Self::Member(..)
            | Self::Has(..)
            | Self::Item(..)
            | Self::And(..)
            | Self::Or(..)
            | Self::Not(_)
            | Self::Compare(..)
            | Self::In(..)
            | Self::Matches(..) => true,
        }
    }
}

impl Arithmetic {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Comparison {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Function {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Substring => "substring",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Ceil => "ceil",
            Self::Floor => "floor",
            Self::Round => "round",
            Self::DaysBetween => "days_between",
        }
    }
}

/// What a comprehension does with each item.
#[derive(Clone, Debug)]
pub(super) enum Fold {
    All(Node),
    Exists(Node),
    ExistsOne(Node),
    /// `filter` and `map`.
    Collect {
        when: Option<Node>,
        item: Node,
    },
}
