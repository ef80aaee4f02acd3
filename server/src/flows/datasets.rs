//! Datasets: published whole or not at all, every row held against every SOP that reads them; and the rows that concern a
//! customer.
//!
//! A CSV file has no types: those are what the SOP that declares the dataset says. Few large files are worked on at once
//! (`App::bulk`), so that what one tenant brings cannot take all memory.

use crate::app::App;
use crate::csv_rows::{CsvFault, Encoding};
use crate::dataset::{self, Check, Head, LoadedDataset};
use crate::flows::caller::Caller;
use crate::flows::problem::{Problem, Result, Violation};
use crate::flows::publish::{self, Content, VersionView};
use crate::flows::records::{self, Kind as _};
use crate::flows::sops::{self, DatasetAbout};
use crate::store::VersionKind;
use engine::canon;
use engine::sop::{Dataset, DatasetDeclaration, DatasetSlice, SliceBy};
use engine::task::Role;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Most bytes of a dataset in JSON.
pub const MAX_JSON: usize = 8 << 20;
/// Most bytes of a dataset in CSV.
pub const MAX_CSV: usize = 128 << 20;

/// What the SOPs of a tenant declare of a dataset, each declaration once, the newest first.
async fn declarations(
    app: &App,
    tenant: &str,
    name: &str,
    published: bool,
) -> Result<Vec<(String, DatasetDeclaration)>> {
    let mut versions = sops::all_versions(app, tenant, VersionKind::Sop, None).await?;
    versions.retain(|version| version.published == published);
    versions.sort_by(|a, b| (b.at_ms, &b.version).cmp(&(a.at_ms, &a.version)));
    let mut found: Vec<(String, DatasetDeclaration)> = Vec::new();
    for version in versions {
        let sop = sops::json_object(app, tenant, &version.hash).await?;
        let declared = sop.get("datasets").and_then(|declared| declared.get(name));
        // What a draft says may be anything.
        let Some(declaration) = declared.and_then(|value| DatasetDeclaration::deserialize(value).ok()) else {
            continue;
        };
        if !found.iter().any(|(_, other)| *other == declaration) {
            found.push((format!("{} {}", version.name, version.version), declaration));
        }
    }
    Ok(found)
}

/// Publishes a dataset version from JSON.
///
/// # Errors
/// It is not a dataset; a row does not fit an SOP that reads it; this version is there with other content.
pub async fn put_json(app: &App, caller: &Caller, name: &str, number: &str, document: Value) -> Result<VersionView> {
    caller.must_cover_tenant(Role::Admin)?;
    let dataset: Dataset = serde_path_to_error::deserialize(&document).map_err(|error| {
        let pointer = format!("/{}", error.path().to_string().replace('.', "/"));
        Problem::invalid(&pointer, "dataset.malformed", &json!({"detail": error.inner().to_string()}))
    })?;
    publish::named(&document, "dataset", name, number)?;
    let head = Head {
        dataset: dataset.dataset,
        version: dataset.version,
        valid_from: dataset.valid_from,
        valid_to: dataset.valid_to,
    };
    valid(&head)?;
    let declared = declarations(app, &caller.tenant, name, true).await?;
    let rows = dataset.rows;
    let checked = tokio::task::spawn_blocking(move || {
        let mut check = check(&declared)?;
        for (row, members) in (1..).zip(rows) {
            if !check.row(row, &Value::Object(members)) {
                break;
            }
        }
        match check.faults() {
            [] => Ok((Content::of(&document)?, count(&document))),
            faults => Err(Problem::at_all(faults.iter().map(in_json).collect())),
        }
    });
    let (content, rows) = checked.await.map_err(Problem::internal)??;
    put(app, caller, &head, content, DatasetAbout { rows, ..about(&head) }).await
}

fn count(document: &Value) -> usize {
    document.get("rows").and_then(Value::as_array).map_or(0, Vec::len)
}

/// A fault at its place in `rows`.
fn in_json(fault: &CsvFault) -> Violation {
    let row = fault.row.saturating_sub(1);
    Violation { pointer: format!("/rows/{row}/{}", fault.column), ..fault.violation() }
}

fn check(declared: &[(String, DatasetDeclaration)]) -> Result<Check> {
    let declared = declared.iter().map(|(sop, declaration)| (sop.clone(), declaration));
    Check::of(declared).map_err(Problem::internal)
}

/// Publishes a dataset version from a CSV file.
///
/// # Errors
/// No SOP declares it; everything that is wrong with the file, by row and column; this version is there with other content.
pub async fn put_csv(
    app: &App,
    caller: &Caller,
    head: Head,
    file: impl AsRef<[u8]> + Send + 'static,
    said: Option<Encoding>,
) -> Result<VersionView> {
    caller.must_cover_tenant(Role::Admin)?;
    let named = json!({"dataset": head.dataset, "version": head.version});
    publish::named(&named, "dataset", &head.dataset, &head.version)?;
    valid(&head)?;
    let published = declarations(app, &caller.tenant, &head.dataset, true).await?;
    let drafted = declarations(app, &caller.tenant, &head.dataset, false).await?;
    let Some((_, declaration)) = published.first().or(drafted.first()).cloned() else {
        return Err(Problem::invalid("", "dataset.undeclared", &json!({"dataset": head.dataset})));
    };
    let held_against = if published.is_empty() { drafted.into_iter().take(1).collect() } else { published };
    let of = head.clone();
    let read = tokio::task::spawn_blocking(move || {
        let check = check(&held_against)?;
        let read = dataset::from_csv(&of, file.as_ref(), said, &declaration, check);
        let refused = |faults: Vec<CsvFault>| Problem::at_all(faults.iter().map(CsvFault::violation).collect());
        let (bytes, rows, encoding) = read.map_err(refused)?;
        Ok::<_, Problem>((Content { hash: canon::sha256_hex(&bytes), bytes }, rows, encoding))
    });
    let (content, rows, encoding) = read.await.map_err(Problem::internal)??;
    put(app, caller, &head, content, DatasetAbout { rows, encoding: Some(encoding.name().into()), ..about(&head) })
        .await
}

/// Dates that are dates, the last not before the first.
fn valid(head: &Head) -> Result<()> {
    let mut wrong = Vec::new();
    for (member, date) in [("/valid_from", &head.valid_from), ("/valid_to", &head.valid_to)] {
        if let Some(date) = date
            && (date.len() != 10 || engine::time::parse("date", &format!("{date}T00:00:00Z")).is_err())
        {
            wrong.push(Violation::new(member, "calendar.date", &Value::Null));
        }
    }
    if let (Some(from), Some(to), true) = (&head.valid_from, &head.valid_to, wrong.is_empty())
        && from > to
    {
        wrong.push(Violation::new("/valid_to", "dataset.validity", &json!({"from": from, "to": to})));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::at_all(wrong)) }
}

fn about(head: &Head) -> DatasetAbout {
    let (valid_from, valid_to) = (head.valid_from.clone(), head.valid_to.clone());
    DatasetAbout { valid_from, valid_to, ..DatasetAbout::default() }
}

async fn put(app: &App, caller: &Caller, head: &Head, content: Content, about: DatasetAbout) -> Result<VersionView> {
    let about = DatasetAbout { overlaps: overlaps(app, &caller.tenant, head).await?, ..about };
    let about = serde_json::to_value(about).map_err(Problem::internal)?;
    let (name, number) = (head.dataset.as_str(), head.version.as_str());
    let new = publish::New { kind: VersionKind::Dataset, name, number, about, published: true };
    publish::put(app, caller, new, content, None).await.map(Into::into)
}

/// Versions that hold on some of the same days. Where two do, the one published last is taken.
async fn overlaps(app: &App, tenant: &str, head: &Head) -> Result<Vec<String>> {
    let meets = |about: &DatasetAbout| {
        let begins = |from: &Option<String>, to: &Option<String>| match (from, to) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        };
        begins(&about.valid_from, &head.valid_to) && begins(&head.valid_from, &about.valid_to)
    };
    let others = sops::all_versions(app, tenant, VersionKind::Dataset, Some(&head.dataset)).await?;
    let others = others.into_iter().filter(|other| other.version != head.version);
    let meeting = others.filter(|other| DatasetAbout::deserialize(&other.about).is_ok_and(|about| meets(&about)));
    Ok(meeting.map(|other| other.version).collect())
}

/// The rows of a dataset version that concern a customer, in the order of their keys, after a key: key and row.
///
/// # Errors
/// No such version; no such customer, or not for this caller (SCOPE).
pub async fn rows(
    app: &App,
    caller: &Caller,
    (name, number): (&str, &str),
    customer: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Value)>> {
    let tenant = caller.tenant.as_str();
    let version =
        app.store.version(tenant, VersionKind::Dataset, name, number).await?.ok_or_else(Problem::not_found)?;
    records::get::<records::Customer>(app, caller, customer, None).await?;
    let declared = declarations(app, tenant, name, true).await?;
    let Some((_, declaration)) = declared.into_iter().next() else {
        return Err(Problem::invalid("", "dataset.undeclared", &json!({"dataset": name})));
    };
    let slice = declaration.slice.clone();
    let declaration = serde_json::to_value(declaration).map_err(Problem::internal)?;
    let declared = Map::from_iter([(name.to_owned(), declaration)]);
    let loaded = sops::dataset(app, tenant, &version.hash, &declared).await?;
    let concerned = concerned(app, tenant, customer, slice.as_ref()).await?;
    page(&loaded, slice.as_ref(), &concerned, after, limit)
}

/// What the column of a slice may name for a customer.
async fn concerned(app: &App, tenant: &str, customer: &str, slice: Option<&DatasetSlice>) -> Result<BTreeSet<String>> {
    match slice.map(|slice| slice.by) {
        None => Ok(BTreeSet::new()),
        Some(SliceBy::Customer) => Ok(BTreeSet::from([customer.to_owned()])),
        Some(SliceBy::OrgUnit) => {
            let record = app.store.record(tenant, records::Customer::NAME, customer, None).await?;
            match record.and_then(|record| record.org_unit) {
                Some(unit) => Ok(app.store.org_path(tenant, &unit).await?.into_iter().collect()),
                None => Ok(BTreeSet::new()),
            }
        }
    }
}

fn page(
    loaded: &LoadedDataset,
    slice: Option<&DatasetSlice>,
    concerned: &BTreeSet<String>,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Value)>> {
    let mut page = Vec::new();
    for (key, text) in loaded.rows_after(after) {
        let row: Value = serde_json::from_str(text).map_err(Problem::internal)?;
        let whom =
            slice.and_then(|slice| row.get(&slice.column)).and_then(Value::as_str).filter(|text| !text.is_empty());
        if whom.is_none_or(|whom| concerned.contains(whom)) {
            page.push((key.to_owned(), row));
        }
        if page.len() >= limit {
            break;
        }
    }
    Ok(page)
}

/// What is wrong with the datasets that a new version of an SOP would read: its rows must fit what is there.
///
/// # Errors
/// Those of the store.
pub async fn misfits(app: &App, tenant: &str, sop: &engine::sop::Sop) -> Result<Vec<Violation>> {
    let today = engine::time::format_utc(app.clock.now_ms());
    let today = today.get(..10).unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, declaration) in &sop.datasets {
        let Some(hash) = sops::dataset_for(app, tenant, name, today).await? else { continue };
        let bytes = sops::object(app, tenant, &hash).await?;
        let declaration = serde_json::to_value(declaration).map_err(Problem::internal)?;
        let declared = Map::from_iter([(name.clone(), declaration)]);
        let read = tokio::task::spawn_blocking(move || LoadedDataset::read(bytes, &declared).map(drop));
        if let Err(error) = read.await.map_err(Problem::internal)? {
            let params = json!({"dataset": name, "detail": format!("{error:#}")});
            wrong.push(Violation::new(&format!("/datasets/{name}"), "dataset.does_not_fit", &params));
        }
    }
    Ok(wrong)
}
