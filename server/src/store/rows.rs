//! One statement for many rows: what a group of commits writes to a table goes there at once.
//!
//! The number of rows in a statement is rounded up to a power of two and filled with rows of nulls, which every statement
//! passes over: so there are few texts, and each is prepared once. What a statement says stands beside what is read back;
//! here is the order in which they run.

use super::database::Dialect;
use super::{
    alike, commit, events, evidence, findings, history, imports, ledgers, outbox, outputs, places, task_row, versions,
};
use std::sync::Arc;

/// Most values of one statement; rows that need more go in several.
const VALUES: usize = 2048;

/// The statements of a group, in the order in which they run. Up to `Task` they give back the keys of what they wrote: whose
/// key is missing has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The tenant's own stream, held where it ends.
    OwnStream,
    /// A command takes its place.
    Command,
    /// A stream begins.
    Begin,
    /// A stream moves on.
    Move,
    /// A task that is new.
    NewTask,
    /// A task in place of an earlier version.
    Task,
    /// The lists of a task go,
    OldTerms,
    /// and come.
    Terms,
    /// An event.
    Event,
    /// A payload of an event.
    Payload,
    /// What a visit awaited goes,
    OldAwaits,
    /// and what it awaits comes.
    Awaits,
    /// An accepted check-in.
    CheckIn,
    /// A check-in with its position.
    Arrival,
    /// A use of evidence.
    Use,
    /// A judged visit.
    Judged,
    /// Its score, for the standing of its rep.
    Scored,
    /// A photo, to find those like it.
    Photo,
    /// A text, to find the same.
    Text,
    /// A customer in a cell.
    Place,
    /// What submissions that were replaced became,
    OldOutputs,
    /// and what the new ones become.
    Outputs,
    /// An entry of an account,
    Entry,
    /// and where the account stands after it.
    Balance,
    /// What was found in a visit goes,
    OldFindings,
    /// and what was found comes.
    Findings,
    /// Evidence.
    Evidence,
    /// Content by hash.
    Object,
    /// What an import brings.
    Staged,
    /// Work that is done,
    Done,
    /// unless it was asked for again meanwhile.
    Again,
    /// Work that is asked for.
    Outbox,
    /// The numbers of the commits.
    Count,
    /// What each commit changed.
    Change,
}

impl Step {
    /// What it runs.
    pub const fn statement(self) -> &'static Statement {
        match self {
            Self::Command => &commit::COMMAND,
            Self::OwnStream => &events::OWN_STREAM,
            Self::Begin => &events::BEGIN,
            Self::Move => &events::MOVE,
            Self::NewTask => &task_row::NEW_TASK,
            Self::Task => &task_row::TASK,
            Self::OldTerms => &task_row::OLD_TERMS,
            Self::Terms => &task_row::TERMS,
            Self::Event => &events::EVENT,
            Self::Payload => &events::PAYLOAD,
            Self::OldAwaits => &evidence::OLD_AWAITS,
            Self::Awaits => &evidence::AWAITS,
            Self::CheckIn => &history::CHECK_IN,
            Self::Arrival => &history::ARRIVAL,
            Self::Use => &history::USE,
            Self::Judged => &history::JUDGED,
            Self::Scored => &history::SCORED,
            Self::Photo => &alike::PHOTO,
            Self::Text => &alike::TEXT,
            Self::Place => &places::PLACE,
            Self::OldOutputs => &outputs::OLD_OUTPUTS,
            Self::Outputs => &outputs::OUTPUTS,
            Self::Entry => &ledgers::ENTRY,
            Self::Balance => &ledgers::BALANCE,
            Self::OldFindings => &findings::OLD_FINDINGS,
            Self::Findings => &findings::FINDINGS,
            Self::Evidence => &evidence::EVIDENCE,
            Self::Object => &versions::OBJECT,
            Self::Staged => &imports::STAGED,
            Self::Done => &outbox::DONE,
            Self::Again => &outbox::AGAIN,
            Self::Outbox => &outbox::OUTBOX,
            Self::Count => &commit::COUNT,
            Self::Change => &commit::CHANGE,
        }
    }
}

/// What is done with many rows. They are the table `v`.
pub struct Statement {
    /// The columns of `v`; those of the key come first.
    pub columns: &'static str,
    /// How many are the key, by which rows are sorted (so that two groups take locks in one order) and told apart.
    pub key: usize,
    /// What is done.
    pub work: Work,
}

/// What is done with `v`.
pub enum Work {
    /// Its rows go into a table that has its columns; what follows the rows.
    Insert(&'static str, &'static str),
    /// Anything else. A row of nulls must match nothing.
    Other(&'static str),
}

impl Statement {
    /// At most so many rows in one statement.
    pub fn most(&self) -> usize {
        let most = VALUES / self.width();
        if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 }
    }

    /// The text for so many rows.
    pub fn text<D: Dialect>(&self, rows: usize) -> String {
        let mut text = format!("with v ({}) as (values ", self.columns);
        let width = self.width();
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { "), (" });
            for column in 1..=width {
                if column > 1 {
                    text.push_str(", ");
                }
                D::place(row * width + column, &mut text);
            }
        }
        text.push_str(")) ");
        let columns = self.columns;
        text.push_str(&match self.work {
            Work::Insert(table, end) => {
                format!("insert into {table} ({columns}) select * from v where tenant is not null {end}")
            }
            Work::Other(sql) => sql.to_owned(),
        });
        text
    }

    fn width(&self) -> usize {
        self.columns.split(',').count()
    }
}

/// A value of a column. Each column has one kind, also where it has no value: PostgreSQL wants to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// A text.
    Text(Option<Arc<str>>),
    /// A number.
    Int(Option<i64>),
    /// True or false.
    Bool(Option<bool>),
    /// Bytes.
    Bytes(Option<Arc<[u8]>>),
}

impl Cell {
    /// Nothing, of the same kind.
    pub const fn nothing(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(None),
            Self::Int(_) => Self::Int(None),
            Self::Bool(_) => Self::Bool(None),
            Self::Bytes(_) => Self::Bytes(None),
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> &str {
        if let Self::Text(Some(text)) = self { text } else { "" }
    }

    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, |text| text.len()),
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len()),
            Self::Int(_) | Self::Bool(_) => 8,
        }
    }
}

/// A row on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Its values.
    pub cells: Vec<Cell>,
    /// Where it goes.
    pub step: Step,
    /// Which part of its commit it came from: 0 is the command, the writes count from 1.
    pub part: usize,
}

impl Row {
    /// What tells it from others of its step.
    pub fn key(&self) -> &[Cell] {
        self.cells.get(..self.step.statement().key).unwrap_or_default()
    }

    /// About as many bytes.
    pub fn size(&self) -> usize {
        self.cells.iter().map(Cell::size).sum()
    }
}

macro_rules! from {
    ($($kind:ident: $type:ty, $value:ident => $cell:expr;)+) => {
        $(
            impl From<$type> for Cell {
                fn from($value: $type) -> Self {
                    Self::$kind($cell)
                }
            }
        )+
    };
}

from! {
    Text: &Arc<str>, value => Some(Arc::clone(value));
    Text: &str, value => Some(value.into());
    Text: &String, value => Some(value.as_str().into());
    Text: String, value => Some(value.into());
    Text: Option<&str>, value => value.map(Into::into);
    Text: Option<&String>, value => value.map(|value| value.as_str().into());
    Text: Option<String>, value => value.map(Into::into);
    Int: i64, value => Some(value);
    Int: Option<i64>, value => value;
    Bool: bool, value => Some(value);
    Bytes: &[u8], value => Some(value.into());
}

/// The cells of a row.
macro_rules! cells {
    ($($value:expr),+ $(,)?) => { vec![$($crate::store::rows::Cell::from($value)),+] };
}
pub(super) use cells;

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Postgres, Sqlite};

    #[test]
    fn a_text_has_a_place_for_each_value() {
        let statement = Statement { columns: "tenant, id", key: 2, work: Work::Insert("t", "on conflict do nothing") };
        let rest = "insert into t (tenant, id) select * from v where tenant is not null on conflict do nothing";
        assert_eq!(statement.text::<Sqlite>(2), format!("with v (tenant, id) as (values (?, ?), (?, ?)) {rest}"));
        assert_eq!(statement.text::<Postgres>(2), format!("with v (tenant, id) as (values ($1, $2), ($3, $4)) {rest}"));
        assert_eq!(statement.most(), 1024);
    }
}
