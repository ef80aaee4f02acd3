//! A row as a file has it: cells by column, a geometry, and how a place in it is named. CSV and GeoJSON look alike from here
//! on. What the cells mean is `fill.rs`.

use crate::csv_rows::{CsvFault, CsvRow, CsvRows};
use crate::flows::problem::{Violation, sentence};
use engine::text::{LANGUAGES, Text};
use serde_json::{Value, json};

/// The columns there are, by the names of the fields they fill.
pub const COLUMNS: &str =
    "id, type, name, time_zone, org_unit, status, tags, lat, lon, crs, accuracy_m, from, fields.<name>";

/// What a column fills.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Id,
    Type,
    Name,
    TimeZone,
    OrgUnit,
    Status,
    Tags,
    Lat,
    Lon,
    Crs,
    AccuracyM,
    From,
    /// A custom field.
    Field(String),
}

impl Column {
    /// By the name in a header.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "type" => Self::Type,
            "name" => Self::Name,
            "time_zone" => Self::TimeZone,
            "org_unit" => Self::OrgUnit,
            "status" => Self::Status,
            "tags" => Self::Tags,
            "lat" => Self::Lat,
            "lon" => Self::Lon,
            "crs" => Self::Crs,
            "accuracy_m" => Self::AccuracyM,
            "from" => Self::From,
            _ => Self::Field(name.strip_prefix("fields.").filter(|field| !field.is_empty())?.to_owned()),
        })
    }

    /// Its name in a header.
    pub fn name(&self) -> String {
        match self {
            Self::Id => "id",
            Self::Type => "type",
            Self::Name => "name",
            Self::TimeZone => "time_zone",
            Self::OrgUnit => "org_unit",
            Self::Status => "status",
            Self::Tags => "tags",
            Self::Lat => "lat",
            Self::Lon => "lon",
            Self::Crs => "crs",
            Self::AccuracyM => "accuracy_m",
            Self::From => "from",
            Self::Field(name) => return format!("fields.{name}"),
        }
        .to_owned()
    }

    /// The column behind a pointer into a customer or a location.
    pub fn behind(pointer: &str) -> Option<Self> {
        let mut tokens = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        match (tokens.next()?.as_str(), tokens.next()) {
            ("fields", Some(field)) => Some(Self::Field(field)),
            ("polygon", _) => Some(Self::Lat),
            (name, _) => Self::named(name),
        }
    }
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing: what was there is taken away.
    Empty,
    /// A text, of which the type of the field makes more.
    Text(String),
    /// A value that has its type.
    Json(Value),
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Row of a table, from 1 as a spreadsheet counts.
    Row(u64),
    /// Feature of a collection, from 0.
    Feature(u64),
}

/// Something wrong with a row, with the place in words too.
#[derive(Clone, Debug, PartialEq)]
pub struct RowProblem {
    /// Row or index of the feature.
    pub row: u64,
    /// Name of the column; empty: all of the row.
    pub column: String,
    /// Pointer, code and words.
    pub violation: Violation,
}

impl From<CsvFault> for RowProblem {
    fn from(fault: CsvFault) -> Self {
        Self { row: fault.row, column: fault.column.clone(), violation: fault.violation() }
    }
}

/// A geometry of GeoJSON, in the coordinates of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Geometry {
    /// Latitude, longitude.
    Point(f64, f64),
    /// The outer ring as `[lon, lat]`.
    Polygon(Vec<[f64; 2]>),
}

/// See the module header.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it is.
    pub place: Place,
    /// Cells with their columns, and their pointers below the row's.
    pub cells: Vec<(Column, Cell, String)>,
    /// Its geometry, if it has one.
    pub geometry: Option<Geometry>,
}

impl Row {
    /// A row of a table.
    pub fn of_csv(columns: &[Column], row: CsvRow) -> Self {
        let cells = columns.iter().zip(row.cells).map(|(column, text)| {
            let text = text.trim();
            let cell = if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) };
            (column.clone(), cell, format!("/{}", escaped(&column.name())))
        });
        Self { place: Place::Row(row.row), cells: cells.collect(), geometry: None }
    }

    /// What stands in a column, if the file has it.
    pub fn cell(&self, column: &Column) -> Option<&Cell> {
        self.cells.iter().find(|(other, ..)| other == column).map(|(_, cell, _)| cell)
    }

    /// The text in a column; empty if there is none.
    pub fn text(&self, column: &Column) -> &str {
        match self.cell(column) {
            Some(Cell::Text(text) | Cell::Json(Value::String(text))) => text,
            _ => "",
        }
    }

    /// A problem in a column.
    pub fn problem(&self, column: &Column, code: &str, params: &Value) -> RowProblem {
        self.at(column, Violation::new("", code, params))
    }

    /// A violation that was found in what the row became, at the column it came from.
    pub fn at(&self, column: &Column, violation: Violation) -> RowProblem {
        let own = self.cells.iter().find(|(other, ..)| other == column).map(|(.., pointer)| pointer.clone());
        let drawn = self.geometry.is_some() && matches!(column, Column::Lat | Column::Lon);
        let below = match (own, self.place) {
            _ if drawn => "/geometry/coordinates".to_owned(),
            (Some(own), _) => own,
            (None, Place::Row(_)) => format!("/{}", escaped(&column.name())),
            (None, Place::Feature(_)) => format!("/properties/{}", escaped(&column.name())),
        };
        let name = if drawn { "geometry".to_owned() } else { column.name() };
        self.place.problem(&name, &below, violation)
    }
}

impl Place {
    /// Row or index.
    pub const fn number(self) -> u64 {
        match self {
            Self::Row(number) | Self::Feature(number) => number,
        }
    }

    /// A problem at a pointer below this place.
    pub fn problem(self, column: &str, below: &str, violation: Violation) -> RowProblem {
        let row = self.number();
        let (pointer, words) = match self {
            Self::Row(row) => (format!("/{row}{below}"), "import.in_row"),
            Self::Feature(index) => (format!("/features/{index}{below}"), "import.in_feature"),
        };
        let words = |language: &&str| {
            let detail = violation.detail.get(language).unwrap_or_default();
            let params = json!({"row": row, "column": column, "detail": detail});
            ((*language).to_owned(), sentence(words, &params).get(language).unwrap_or_default().to_owned())
        };
        let detail = Text(LANGUAGES.iter().map(words).collect());
        RowProblem { row, column: column.to_owned(), violation: Violation { pointer, code: violation.code, detail } }
    }
}

/// The columns of a table, by its header.
///
/// # Errors
/// Every name nobody knows; `id`, or half of a place, that is missing.
pub fn columns(rows: &CsvRows<'_>) -> Result<Vec<Column>, Vec<RowProblem>> {
    let header = Place::Row(1);
    let problem = |name: &str, code| {
        let violation = Violation::new("", code, &json!({"name": name, "known": COLUMNS}));
        header.problem(name, &format!("/{}", escaped(name)), violation)
    };
    let mut wrong = Vec::new();
    let mut columns = Vec::new();
    for name in rows.header() {
        match Column::named(name) {
            Some(column) => columns.push(column),
            None => wrong.push(problem(name, "import.column_unknown")),
        }
    }
    let has = |column| columns.contains(&column);
    for (missing, name) in [
        (!has(Column::Id), "id"),
        (has(Column::Lon) && !has(Column::Lat), "lat"),
        (has(Column::Lat) && !has(Column::Lon), "lon"),
    ] {
        if missing {
            wrong.push(problem(name, "import.column_missing"));
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(wrong) }
}

/// A token of a JSON Pointer.
pub fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
