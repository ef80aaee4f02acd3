//! Rows held against what SOPs declare: schema and key. All faults up to a bound, each with row and column.

use crate::csv_rows::CsvFault;
use anyhow::anyhow;
use engine::form::{CompiledForm, Violation};
use engine::sop::DatasetDeclaration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Most faults that are named of one dataset.
pub const MAX_FAULTS: usize = 100;

/// Goes through the rows of a dataset.
pub struct Check {
    declared: Vec<Declared>,
    faults: Vec<CsvFault>,
}

struct Declared {
    /// Which SOP says so; empty: the only one there is.
    sop: String,
    key: String,
    schema: CompiledForm,
    /// The row of each key.
    seen: HashMap<String, u64>,
}

impl Check {
    /// Against what each of some SOPs declares.
    ///
    /// # Errors
    /// A schema does not compile, which lint would have said.
    pub fn of<'a>(declared: impl IntoIterator<Item = (String, &'a DatasetDeclaration)>) -> anyhow::Result<Self> {
        let compiled = declared.into_iter().map(|(sop, declaration)| {
            let schema = CompiledForm::compile(&declaration.schema)
                .map_err(|problems| anyhow!("the schema of its rows: {problems:?}"))?;
            Ok(Declared { sop, key: declaration.key.clone(), schema, seen: HashMap::new() })
        });
        Ok(Self { declared: compiled.collect::<anyhow::Result<_>>()?, faults: Vec::new() })
    }

    /// Looks at the row of that number; false: there are enough faults.
    pub fn row(&mut self, number: u64, row: &Value) -> bool {
        for declared in &mut self.declared {
            for violation in declared.schema.validate(row, &BTreeMap::new()) {
                self.faults.push(misfit(number, &declared.sop, &violation));
            }
            match row.get(&declared.key).and_then(Value::as_str) {
                None => {
                    let params = json!({"sop": declared.sop});
                    self.faults.push(CsvFault::new(number, &declared.key, "dataset.no_key", params));
                }
                Some(key) => {
                    if let Some(other) = declared.seen.insert(key.to_owned(), number) {
                        let params = json!({"key": key, "other_row": other});
                        self.faults.push(CsvFault::new(number, &declared.key, "dataset.key_twice", params));
                    }
                }
            }
        }
        self.faults.len() < MAX_FAULTS
    }

    /// What was found.
    pub fn faults(&self) -> &[CsvFault] {
        &self.faults
    }
}

fn misfit(row: u64, sop: &str, violation: &Violation) -> CsvFault {
    let column = violation.pointer.strip_prefix('/').unwrap_or_default();
    let wanted: Vec<String> = violation.params.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let params = json!({"sop": sop, "keyword": violation.keyword, "wanted": wanted.join(", ")});
    CsvFault::new(row, column, "dataset.row", params)
}
