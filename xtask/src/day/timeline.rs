//! Everything the server sees, sorted by when it sees it.

use super::chance;
use super::photo::Photo;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lines with their moment. Customers are known before anything happens.
#[derive(Default)]
pub struct Timeline {
    lines: Vec<(i64, String)>,
    photos: Photos,
}

/// Files by the SHA-256 of their bytes.
pub type Photos = BTreeMap<String, Vec<u8>>;

impl Timeline {
    /// A customer, known from the beginning.
    ///
    /// # Errors
    /// Not JSON.
    pub fn customer(&mut self, record: &Value) -> Result<()> {
        self.push(i64::MIN, record)
    }

    /// A command.
    ///
    /// # Errors
    /// Not JSON.
    pub fn command(&mut self, received: i64, record: &Value) -> Result<()> {
        self.push(received, record)
    }

    /// A photo was taken; gives its reference back.
    ///
    /// # Errors
    /// The reference names no file.
    pub fn photo(&mut self, photo: Photo) -> Result<Value> {
        let sha256 = photo.reference.get("sha256").and_then(Value::as_str).context("a photo without a hash")?;
        self.photos.insert(sha256.to_owned(), photo.png);
        Ok(photo.reference)
    }

    /// The bytes of a photo have arrived.
    ///
    /// # Errors
    /// Outside the calendar.
    pub fn evidence(&mut self, received: i64, sha256: &str) -> Result<()> {
        self.push(received, &json!({ "record": "evidence", "sha256": sha256, "received": chance::utc(received)? }))
    }

    /// The server looks at its clock.
    ///
    /// # Errors
    /// Outside the calendar.
    pub fn clock(&mut self, now: i64) -> Result<()> {
        self.push(now, &json!({ "record": "clock", "now": chance::utc(now)? }))
    }

    /// Canonical JSON, so that the bytes do not depend on how a map is kept.
    fn push(&mut self, at: i64, record: &Value) -> Result<()> {
        let line = serde_json_canonicalizer::to_string(record).context("not JSON")?;
        self.lines.push((at, line));
        Ok(())
    }

    /// One record a line, in the order the server saw them; and the photos.
    pub fn into_lines(mut self) -> (String, Photos) {
        self.lines.sort_by_key(|(at, _)| *at);
        (self.lines.into_iter().map(|(_, line)| line + "\n").collect(), self.photos)
    }
}
