//! The rows of a backup, to be compared with those of another.

use anyhow::Context as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows by table, in the order of their keys.
pub type Rows = BTreeMap<String, Vec<Value>>;

/// Reads the rows of a backup.
///
/// # Errors
/// It is none.
pub fn read(backup: &Path) -> anyhow::Result<Rows> {
    let mut rows = Rows::new();
    for line in std::fs::read_to_string(backup.join("rows.jsonl"))?.lines() {
        let mut line: Value = serde_json::from_str(line)?;
        let Some(table) = line.get("table").and_then(Value::as_str).map(str::to_owned) else { continue };
        rows.entry(table).or_default().push(line.get_mut("row").context("row")?.take());
    }
    Ok(rows)
}

/// The rows of one tenant.
#[must_use]
pub fn of_tenant(rows: &Rows, tenant: &str) -> Rows {
    let of = |rows: &Vec<Value>| -> Vec<Value> {
        rows.iter().filter(|row| row.get("tenant").and_then(Value::as_str) == Some(tenant)).cloned().collect()
    };
    rows.iter().map(|(table, rows)| (table.clone(), of(rows))).filter(|(_, rows)| !rows.is_empty()).collect()
}
