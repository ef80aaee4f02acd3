//! A dataset from a CSV file: the declared schema says what the text in a cell is.

use super::{Check, MAX_FAULTS, MAX_ROWS};
use crate::csv_rows::{CsvFault, CsvRow, CsvRows, Encoding};
use engine::canon;
use engine::sop::DatasetDeclaration;
use serde_json::{Map, Value, json};

/// What a CSV file does not say of itself.
#[derive(Clone, Debug)]
pub struct Head {
    /// Name of the dataset.
    pub dataset: String,
    /// Version.
    pub version: String,
    /// First business date.
    pub valid_from: Option<String>,
    /// Last business date.
    pub valid_to: Option<String>,
}

/// Deepest JSON in a cell.
const DEPTH: usize = 16;

/// The canonical bytes of the dataset in a CSV file, how many rows it has, and its encoding. An empty cell is a member that is not there;
/// cells of columns for lists and objects hold JSON.
///
/// # Errors
/// Everything that is wrong, up to [`MAX_FAULTS`].
pub fn from_csv(
    head: &Head,
    file: &[u8],
    said: Option<Encoding>,
    declaration: &DatasetDeclaration,
    mut check: Check,
) -> Result<(Vec<u8>, usize, Encoding), Vec<CsvFault>> {
    let rows = CsvRows::open(file, said).map_err(|fault| vec![fault])?;
    let encoding = rows.encoding();
    let columns: Vec<Column> = rows.header().iter().map(|name| Column::of(name, declaration)).collect();
    let mut faults = Vec::new();
    let mut bytes = Vec::with_capacity(file.len() * 2);
    bytes.extend_from_slice(b"{\"dataset\":");
    bytes.extend_from_slice(json!(head.dataset).to_string().as_bytes());
    bytes.extend_from_slice(b",\"rows\":[");
    let mut count = 0;
    for row in rows {
        let read = row.map_err(|fault| vec![fault]).and_then(|row| object(&columns, row));
        match read {
            Err(found) => faults.extend(found),
            Ok((number, value)) => {
                count += 1;
                if count > MAX_ROWS {
                    faults.push(CsvFault::new(number, "", "dataset.too_many_rows", json!({"most": MAX_ROWS})));
                }
                if !check.row(number, &value) {
                    break;
                }
                if count > 1 {
                    bytes.push(b',');
                }
                // Every number was made exact, so that every row has a canonical form.
                bytes.extend(canon::jcs(&value).unwrap_or_default());
            }
        }
        if faults.len() >= MAX_FAULTS || count > MAX_ROWS {
            break;
        }
    }
    faults.extend_from_slice(check.faults());
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.row);
        faults.truncate(MAX_FAULTS);
        return Err(faults);
    }
    bytes.push(b']');
    for (name, date) in [("valid_from", &head.valid_from), ("valid_to", &head.valid_to)] {
        if let Some(date) = date {
            bytes.extend_from_slice(format!(",\"{name}\":{}", json!(date)).as_bytes());
        }
    }
    bytes.extend_from_slice(format!(",\"version\":{}}}", json!(head.version)).as_bytes());
    Ok((bytes, count, encoding))
}

/// What a column holds.
struct Column {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Whole,
    YesNo,
    Json,
}

impl Column {
    fn of(name: &str, declaration: &DatasetDeclaration) -> Self {
        let schema = declaration.schema.get("properties").and_then(|properties| properties.get(name));
        let declared = schema.and_then(|schema| schema.get("type"));
        let kinds: Vec<&str> = match declared {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let kind = [
            ("string", Kind::Text),
            ("number", Kind::Number),
            ("integer", Kind::Whole),
            ("boolean", Kind::YesNo),
            ("array", Kind::Json),
            ("object", Kind::Json),
        ];
        let kind = kind.into_iter().find(|(name, _)| kinds.contains(name)).map_or(Kind::Text, |(_, kind)| kind);
        Self { name: name.to_owned(), kind }
    }

    fn read(&self, cell: String, row: u64) -> Result<Value, CsvFault> {
        let text = cell.trim();
        let wrong = |code| CsvFault::new(row, &self.name, code, json!({"cell": text}));
        match self.kind {
            Kind::Text => Ok(Value::String(cell)),
            Kind::Number | Kind::Whole => {
                let number = serde_json::from_str(text).ok().filter(Value::is_number);
                number.and_then(|number| canon::normalize(number).ok()).ok_or_else(|| wrong("dataset.no_number"))
            }
            Kind::YesNo => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(wrong("dataset.no_boolean")),
            },
            Kind::Json => {
                let read = engine::form::json_depth_within(text.as_bytes(), DEPTH).then(|| serde_json::from_str(text));
                let value: Option<Value> = read.and_then(Result::ok);
                value.and_then(|value| canon::normalize(value).ok()).ok_or_else(|| wrong("dataset.no_json"))
            }
        }
    }
}

fn object(columns: &[Column], row: CsvRow) -> Result<(u64, Value), Vec<CsvFault>> {
    let mut members = Map::new();
    let mut faults = Vec::new();
    for (column, cell) in columns.iter().zip(row.cells).filter(|(_, cell)| !cell.is_empty()) {
        match column.read(cell, row.row) {
            Ok(value) => drop(members.insert(column.name.clone(), value)),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok((row.row, Value::Object(members))) } else { Err(faults) }
}
