//! A dataset: its rows checked against what SOPs declare, and found by key.
//!
//! A million rows are kept as the bytes they were published with and a place for each key, not as a million small objects.
//! Faults name row and column. Where a dataset comes from and where it is kept is elsewhere; what a row means is an SOP's.

mod check;
mod csv;

pub use check::{Check, MAX_FAULTS};
pub use csv::{Head, from_csv};

use anyhow::{Context as _, ensure};
use engine::canon;
use engine::effective::DatasetPin;
use engine::sop::DatasetDeclaration;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most rows of a dataset.
pub const MAX_ROWS: usize = 1_000_000;

/// A dataset with its rows by key.
pub struct LoadedDataset {
    /// Its name.
    pub name: String,
    /// What a run pins.
    pub pin: DatasetPin,
    /// The canonical dataset.
    bytes: Vec<u8>,
    /// Where each row is in `bytes`, with its hash.
    rows: BTreeMap<Box<str>, (Range<usize>, [u8; 32])>,
}

/// A dataset as it is written, rows unread.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    dataset: String,
    version: String,
    #[serde(default)]
    valid_from: Option<String>,
    #[serde(default)]
    valid_to: Option<String>,
    #[serde(borrow)]
    rows: Vec<&'a RawValue>,
}

/// Reads a dataset from its JSON.
///
/// # Errors
/// As [`LoadedDataset::read`].
pub fn of_value(value: &Value, declared: &Map<String, Value>) -> anyhow::Result<LoadedDataset> {
    LoadedDataset::read(canon::jcs(value)?, declared)
}

impl LoadedDataset {
    /// Reads a dataset from its canonical bytes.
    ///
    /// # Errors
    /// When it does not have the shape of a dataset, its SOP does not declare it, a row does not fit the declared schema, or
    /// a key is missing or there twice.
    pub fn read(bytes: Vec<u8>, declared: &Map<String, Value>) -> anyhow::Result<Self> {
        let hash = canon::sha256_hex(&bytes);
        let written: Written<'_> = serde_json::from_slice(&bytes).context("not a dataset")?;
        let name = written.dataset;
        let declaration = declared.get(&name).with_context(|| format!("the SOP declares no dataset `{name}`"))?;
        let declaration = DatasetDeclaration::deserialize(declaration).with_context(|| format!("dataset `{name}`"))?;
        let mut check = Check::of([(String::new(), &declaration)])?;
        let mut rows = BTreeMap::new();
        let start = bytes.as_ptr().addr();
        for (row, raw) in (1..).zip(&written.rows) {
            let text = raw.get();
            let value: Value = serde_json::from_str(text)?;
            check.row(row, &value);
            if let Some(fault) = check.faults().first() {
                let place = row - 1;
                anyhow::bail!(
                    "/rows/{place}/{}: {}",
                    fault.column,
                    fault.violation().detail.get("en").unwrap_or_default()
                );
            }
            let at = text.as_ptr().addr() - start;
            let key = value.get(&declaration.key).and_then(Value::as_str).unwrap_or_default();
            rows.insert(key.into(), (at..at + text.len(), Sha256::digest(text.as_bytes()).into()));
        }
        ensure!(rows.len() <= MAX_ROWS, "more than {MAX_ROWS} rows");
        let pin =
            DatasetPin { hash, version: written.version, valid_from: written.valid_from, valid_to: written.valid_to };
        Ok(Self { name, pin, bytes, rows })
    }

    /// The canonical text of a row, and its hash.
    pub fn row(&self, key: &str) -> Option<(&str, String)> {
        let (place, hash) = self.rows.get(key)?;
        let text = self.bytes.get(place.clone()).and_then(|text| std::str::from_utf8(text).ok())?;
        Some((text, hash.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Rows in the order of their keys, from after a key on: key and canonical text.
    pub fn rows_after<'a>(&'a self, key: Option<&str>) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = key.map_or(Unbounded, Excluded);
        let rows = self.rows.range::<str, _>((from, Unbounded));
        rows.filter_map(|(key, (place, _))| {
            let text = self.bytes.get(place.clone()).and_then(|text| std::str::from_utf8(text).ok())?;
            Some((key.as_ref(), text))
        })
    }

    /// The dataset as JSON.
    ///
    /// # Errors
    /// Never: it was read.
    pub fn value(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.bytes)
    }

    /// Bytes of memory it takes, about.
    pub fn weight(&self) -> usize {
        const ROW: usize = 100;
        self.bytes.len() + self.rows.len() * ROW
    }
}

#[cfg(test)]
mod tests;
