//! `sopwith backup`, `restore` and `tenant export`: rows in one snapshot as JSON lines, and the evidence they name.
//!
//! The form is the same for both databases, so a backup of one can be put back into the other. Evidence is content under
//! its hash and never changes, so it is copied after the snapshot while the server goes on.

use crate::cli::{BackupArguments, DataArguments};
use crate::evidence_files::EvidenceFiles;
use crate::store::{self, Options, SchemaState};
use anyhow::{Context as _, ensure};
use engine::canon;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

/// The rows, one `{"table", "row"}` a line; the last line says how many there are, so that a part is not taken for all.
const ROWS: &str = "rows.jsonl";
/// The member of the last line.
const END: &str = "rows";
/// Evidence below this folder, as the server keeps it.
const EVIDENCE: &str = "evidence";

/// `sopwith backup`
///
/// # Errors
/// The database or the folder cannot be used.
pub async fn run(arguments: &BackupArguments) -> anyhow::Result<bool> {
    write(&arguments.data, None, &arguments.folder).await
}

/// Writes a backup of everything, or of one tenant.
///
/// # Errors
/// The folder is there already; the database or the folder cannot be used; evidence is missing.
pub async fn write(data: &DataArguments, tenant: Option<&str>, folder: &Path) -> anyhow::Result<bool> {
    let store = store::open(&data.store, &Options::default()).await?;
    if let Some(tenant) = tenant
        && store.tenant(tenant).await?.is_none()
    {
        println!("there is no {tenant}");
        return Ok(false);
    }
    std::fs::create_dir(folder).with_context(|| format!("{}: must be a new folder", folder.display()))?;
    let mut out = BufWriter::new(File::create(folder.join(ROWS))?);
    let mut evidence: Vec<(String, String)> = Vec::new();
    let rows = store
        .dump(tenant, &mut |table, row| {
            if table == "evidence" {
                let text = |member: &str| row.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
                evidence.push((text("tenant"), text("sha256")));
            }
            serde_json::to_writer(&mut out, &json!({"table": table, "row": row}))?;
            out.write_all(b"\n")
        })
        .await?;
    serde_json::to_writer(&mut out, &json!({ END: rows }))?;
    out.write_all(b"\n")?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    let (from, to) = (EvidenceFiles::new(data.data.join("evidence")), EvidenceFiles::new(folder.join(EVIDENCE)));
    let bar = progress(evidence.len(), "evidence");
    for (tenant, sha256) in &evidence {
        copy(&from, &to, tenant, sha256)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    File::open(folder)?.sync_all()?;
    println!("{rows} rows and {} pieces of evidence in {}", evidence.len(), folder.display());
    Ok(true)
}

fn progress(length: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or_default());
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:40} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

/// Copies one piece, and makes sure on the way that it still is what its hash says.
fn copy(from: &EvidenceFiles, to: &EvidenceFiles, tenant: &str, sha256: &str) -> anyhow::Result<()> {
    let bytes = from.get(tenant, sha256).with_context(|| format!("evidence {sha256} of {tenant}"))?;
    ensure!(canon::sha256_hex(&bytes) == sha256, "evidence {sha256} of {tenant}: the bytes have another hash");
    to.put(tenant, sha256, &bytes).with_context(|| format!("evidence {sha256} of {tenant}"))
}

/// `sopwith restore`: into an empty database, which gets this program's schema first.
///
/// # Errors
/// The database is not empty, or the backup is not whole.
pub async fn restore(arguments: &BackupArguments) -> anyhow::Result<bool> {
    let BackupArguments { data, folder } = arguments;
    store::migrate(&data.store).await?;
    ensure!(store::schema(&data.store).await? == SchemaState::UpToDate, "the database has another schema");
    let store = store::open(&data.store, &Options::default()).await?;
    ensure!(store.is_empty().await?, "the database is not empty: a backup is only put into an empty one");
    let file = folder.join(ROWS);
    ensure!(is_whole(&file)?, "{}: its end is missing", file.display());
    // Files first: a row that is there promises that its file is.
    let (from, to) = (EvidenceFiles::new(folder.join(EVIDENCE)), EvidenceFiles::new(data.data.join("evidence")));
    let mut pieces = 0;
    for line in lines(&file)? {
        let (table, row) = line?;
        if table == "evidence" {
            let text = |member: &str| row.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            copy(&from, &to, &text("tenant"), &text("sha256"))?;
            pieces += 1;
        }
    }
    let rows = store.restore(&mut lines(&file)?).await?;
    println!("{rows} rows and {pieces} pieces of evidence restored");
    Ok(true)
}

/// Whether the last line is there and right.
fn is_whole(file: &Path) -> anyhow::Result<bool> {
    let reader = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
    let (mut count, mut last) = (0_u64, String::new());
    for line in reader.lines() {
        last = line?;
        count += 1;
    }
    let said = serde_json::from_str(&last).ok().and_then(|last: Value| last.get(END)?.as_u64());
    Ok(said.is_some_and(|rows| rows + 1 == count))
}

/// The rows of a backup, without its last line.
fn lines(file: &Path) -> anyhow::Result<impl Iterator<Item = io::Result<(String, Map<String, Value>)>> + Send + use<>> {
    let reader = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
    let rows = reader.lines().map(|line| {
        let malformed = |detail: &str| io::Error::new(io::ErrorKind::InvalidData, format!("not a row: {detail}"));
        let line: Value = serde_json::from_str(&line?).map_err(|error| malformed(&error.to_string()))?;
        if line.get(END).is_some() {
            return Ok(None);
        }
        let table = line.get("table").and_then(Value::as_str).ok_or_else(|| malformed("no table"))?;
        let row = line.get("row").and_then(Value::as_object).ok_or_else(|| malformed("no members"))?;
        Ok(Some((table.to_owned(), row.clone())))
    });
    Ok(rows.filter_map(Result::transpose))
}
