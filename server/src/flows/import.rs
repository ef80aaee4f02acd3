//! Customers and where they are, out of a file: first all of it is looked at, then all of it is written, or nothing.
//!
//! The file is in memory while it is imported ([`MAX_BYTES`] bounds it, [`turn`] how many are at once); of its rows, and of
//! what is stored, only a batch is. Applied, it is gone through twice: a file with one wrong row is refused with all its
//! problems before anything is written, then revisions are staged batch by batch, and one commit makes them all take effect
//! (`store/imports.rs`). Who reads meanwhile sees what was before. Should it break off anywhere, nothing was imported, and
//! the same file can be sent again; sent after it took effect, it changes nothing.

mod change;
mod fill;
mod geojson;
mod report;
mod row;
#[cfg(test)]
mod tests;

pub use change::Becomes;
pub use fill::{Defaults, named};
pub use report::{Counts, Moved, Report, Shown};
pub use row::RowProblem;

use crate::app::{App, new_id};
use crate::csv_rows::{CsvRows, Encoding};
use crate::flows::caller::Caller;
use crate::flows::customers::{Customer, CustomerType, Location};
use crate::flows::once::tenant_event;
use crate::flows::people::OrgUnit;
use crate::flows::problem::{Kind as No, Problem, Result, sentence};
use crate::flows::records::{Kind as _, current, roles};
use crate::store::{Commit, Committed, Named, Record, Write};
use change::{Change, Stored, Writer, body_of};
use engine::canon;
use engine::place::Crs;
use engine::task::Role;
use fill::{Filled, Reading, Type};
use row::{Column, Row};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::ToSchema;

/// Most bytes of a file.
pub const MAX_BYTES: usize = 128 << 20;
/// Most rows of a file.
pub const MAX_ROWS: u64 = 1_000_000;
/// Most rows that a preview shows.
pub const MAX_SAMPLE: u32 = 200;
/// Rows that are looked at together.
const BATCH: usize = 500;
/// Most problems that are listed.
const PROBLEMS: usize = 100;
/// Most customers that are listed because their place moved far.
const FARTHEST: usize = 10;
/// What was staged and has not taken effect within an hour never will.
const STALE_MS: i64 = 3_600_000;
/// Who imports.
const WRITERS: &[Role] = Customer::WRITERS;
/// Who sees an org unit.
const READERS: &[Role] = Customer::READERS;

/// Imports that this process has in memory at once.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A table.
    Csv,
    /// A FeatureCollection (RFC 7946).
    Geojson,
}

/// How a file is to be read, and whether it is to be written.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is.
    pub format: Format,
    /// What it is written in, if that was said.
    pub encoding: Option<Encoding>,
    /// In which system coordinates are that do not say so themselves.
    pub crs: Option<Crs>,
    /// For new customers.
    pub defaults: Defaults,
    /// Only say what would happen.
    pub preview: bool,
    /// So many rows are shown as they would be.
    pub sample: u32,
}

/// A place among those who import now.
///
/// # Errors
/// `too_many`: come again.
pub fn turn() -> Result<SemaphorePermit<'static>> {
    TURNS.try_acquire().map_err(|_| Problem::new(No::TooMany, "too_many", &Value::Null))
}

/// Imports a file, or says what importing it would do. It is worked at on a thread of its own.
///
/// # Errors
/// `role.missing`; what makes the file unreadable as a whole; `import.refused` with the problems of its rows, if it was to be
/// applied; `import.overtaken`: somebody else wrote one of these customers meanwhile. Nothing was written.
pub async fn import(
    app: Arc<App>,
    caller: Caller,
    options: Options,
    file: impl AsRef<[u8]> + Send + 'static,
) -> Result<Report> {
    caller.scope(WRITERS).ok_or_else(|| Problem::new(No::Forbidden, "role.missing", &roles(WRITERS)))?;
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || runtime.block_on(run(&app, &caller, &options, file.as_ref())));
    work.await.map_err(Problem::internal)?
}

async fn run(app: &App, caller: &Caller, options: &Options, file: &[u8]) -> Result<Report> {
    let now_ms = app.clock.now_ms();
    let types = current::<CustomerType>(app, &caller.tenant, None, now_ms).await?;
    let types = types.into_iter().map(|(_, kind)| Ok((kind.name.clone(), Type::new(kind)?)));
    let reading =
        Reading { types: types.collect::<Result<_>>()?, defaults: options.defaults.clone(), crs: options.crs };
    let look = Pass::new(app, caller, &reading, now_ms, options.sample.min(MAX_SAMPLE));
    let mut report = look.over(options, file).await?;
    if options.preview {
        return Ok(report);
    }
    if report.counts.wrong > 0 {
        return Err(refused(&report));
    }
    if report.counts.new + report.counts.changed > 0 {
        report.import = Some(apply(app, caller, options, file, (&reading, &report.counts, now_ms)).await?);
    }
    Ok(report)
}

/// A file with problems, which is not imported.
fn refused(report: &Report) -> Problem {
    let params = json!({"wrong": report.counts.wrong, "rows": report.counts.rows, "shown": report.problems.len()});
    let errors = report.problems.iter().map(|problem| problem.violation.clone()).collect();
    Problem {
        detail: sentence("import.refused", &params),
        code: "import.refused".to_owned(),
        ..Problem::at_all(errors)
    }
}

/// Stages everything and makes it take effect; the import's id.
async fn apply(
    app: &App,
    caller: &Caller,
    options: &Options,
    file: &[u8],
    (reading, counts, now_ms): (&Reading, &Counts, i64),
) -> Result<String> {
    let import = new_id("imp", now_ms);
    let tenant = caller.tenant.as_str();
    // What was left by one that was cut short, if that is so long ago that it cannot be under way.
    let stale_ms = now_ms.saturating_sub(STALE_MS);
    app.store.unstage(tenant, &import, stale_ms).await?;
    let mut pass = Pass::new(app, caller, reading, now_ms, 0);
    pass.staging = Some(Staging { import: import.clone(), parts: 0, records: 0 });
    let done = pass.over_and_staged(options, file).await;
    let taken = match done {
        // What was looked at has changed between the two passes, or the same file would do the same.
        Ok((report, _)) if report.counts != *counts => Ok(false),
        Ok((_, staging)) => take_effect(app, caller, options, file, (counts, &staging, now_ms)).await,
        Err(problem) => Err(problem),
    };
    if matches!(taken, Ok(true)) {
        return Ok(import);
    }
    // Should this fail too, a later import sweeps up: nobody ever sees what is staged.
    let swept = app.store.unstage(tenant, &import, stale_ms).await;
    taken?;
    swept?;
    Err(Problem::new(No::Conflict, "import.overtaken", &Value::Null))
}

async fn take_effect(
    app: &App,
    caller: &Caller,
    options: &Options,
    file: &[u8],
    (counts, staging, now_ms): (&Counts, &Staging, i64),
) -> Result<bool> {
    let about = json!({
        "import": staging.import, "by": caller.user, "file": canon::sha256_hex(file), "format": options.format,
        "crs": options.crs, "counts": counts, "parts": staging.parts, "records": staging.records,
    });
    let writes = vec![
        Write::Import { import: staging.import.clone(), records: staging.records },
        tenant_event(&caller.tenant, "records_imported", [("about", about)]),
    ];
    let commit = Commit { at_ms: now_ms, command: None, writes };
    Ok(matches!(app.commit(&caller.tenant, &commit).await?, Committed::Done { .. }))
}

/// What is staged so far.
struct Staging {
    import: String,
    parts: u64,
    records: u64,
}

/// What is known of an org unit.
#[derive(Clone, Copy)]
struct Unit {
    /// The caller sees it.
    known: bool,
    /// The caller may write there.
    theirs: bool,
}

/// Once through the file.
struct Pass<'a> {
    app: &'a App,
    caller: &'a Caller,
    reading: &'a Reading,
    now_ms: i64,
    sample: u32,
    staging: Option<Staging>,
    units: BTreeMap<Option<String>, Unit>,
    /// The row of each id, by half of its hash: 24 bytes a row.
    seen: HashMap<[u8; 16], u64>,
    report: Report,
}

impl<'a> Pass<'a> {
    fn new(app: &'a App, caller: &'a Caller, reading: &'a Reading, now_ms: i64, sample: u32) -> Self {
        let (units, seen, report) = (BTreeMap::new(), HashMap::new(), Report::default());
        Self { app, caller, reading, now_ms, sample, staging: None, units, seen, report }
    }

    async fn over(mut self, options: &Options, file: &[u8]) -> Result<Report> {
        self.rows(options, file).await?;
        Ok(self.report)
    }

    async fn over_and_staged(mut self, options: &Options, file: &[u8]) -> Result<(Report, Staging)> {
        self.rows(options, file).await?;
        let staging = self.staging.ok_or_else(|| Problem::internal("nothing was to be staged"))?;
        Ok((self.report, staging))
    }

    async fn rows(&mut self, options: &Options, file: &[u8]) -> Result<()> {
        match options.format {
            Format::Csv => {
                let rows =
                    CsvRows::open(file, options.encoding).map_err(|fault| Problem::at_all(vec![fault.violation()]))?;
                self.report.encoding = Some(rows.encoding().name());
                let columns = row::columns(&rows).map_err(|problems| {
                    Problem::at_all(problems.into_iter().map(|problem| problem.violation).collect())
                })?;
                let read = rows.map(|row| match row {
                    Ok(row) => Ok(Row::of_csv(&columns, row)),
                    Err(fault) => Err(vec![fault.into()]),
                });
                self.batches(read).await
            }
            Format::Geojson => {
                let features = geojson::features(file)?;
                let read = (0..).zip(features).map(|(index, feature)| geojson::row(index, feature));
                self.batches(read).await
            }
        }
    }

    async fn batches(&mut self, rows: impl Iterator<Item = std::result::Result<Row, Vec<RowProblem>>>) -> Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        for row in rows {
            self.report.counts.rows += 1;
            if self.report.counts.rows > MAX_ROWS {
                return Err(Problem::new(No::TooLarge, "import.too_many_rows", &json!({"most": MAX_ROWS})));
            }
            match row.and_then(|row| self.identified(row)) {
                Ok(row) => batch.push(row),
                Err(problems) => self.wrong(problems),
            }
            if batch.len() >= BATCH {
                self.batch(std::mem::take(&mut batch)).await?;
            }
        }
        self.batch(batch).await
    }

    /// The row with its id, which no other row may have.
    fn identified(&mut self, row: Row) -> std::result::Result<(String, Row), Vec<RowProblem>> {
        let id = row.text(&Column::Id).to_owned();
        if !engine::id::check_id(Customer::PREFIX, &id) {
            return Err(vec![row.problem(&Column::Id, "id.malformed", &json!({"prefix": Customer::PREFIX}))]);
        }
        let hash = canon::sha256(&[id.as_bytes()]);
        let half: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
        if let Some(other) = self.seen.insert(half, row.place.number()) {
            let params = json!({"id": id, "other": other});
            return Err(vec![row.problem(&Column::Id, "import.twice", &params)]);
        }
        Ok((id, row))
    }

    fn wrong(&mut self, problems: Vec<RowProblem>) {
        self.report.counts.wrong += 1;
        let room = PROBLEMS.saturating_sub(self.report.problems.len());
        self.report.problems.extend(problems.into_iter().take(room));
    }

    async fn batch(&mut self, rows: Vec<(String, Row)>) -> Result<()> {
        let ids: BTreeSet<String> = rows.iter().map(|(id, _)| id.clone()).collect();
        let mut stored = self.stored(&ids).await?;
        let mut records = Vec::new();
        for (id, row) in rows {
            let there = stored.remove(&id).unwrap_or_default();
            match self.row(&id, &row, &there).await? {
                Ok((filled, change)) => {
                    self.count(&row, &id, &filled, &change, &there);
                    records.extend(change.records);
                }
                Err(problems) => self.wrong(problems),
            }
        }
        self.stage(records).await
    }

    /// What is there of these customers.
    async fn stored(&self, ids: &BTreeSet<String>) -> Result<BTreeMap<String, Stored>> {
        let tenant = self.caller.tenant.as_str();
        let mut stored: BTreeMap<String, Stored> = BTreeMap::new();
        for record in self.app.store.records_of(tenant, Customer::NAME, Named::Id, ids).await? {
            let (id, customer) = (record.id.clone(), body_of(&record)?);
            stored.entry(id).or_default().customer = Some((record, customer));
        }
        for record in self.app.store.records_of(tenant, Location::NAME, Named::Subject, ids).await? {
            let goes_on = record.to_ms.is_none_or(|to_ms| to_ms > self.now_ms);
            if let Some(customer) = record.subject.clone().filter(|_| goes_on) {
                let location = body_of(&record)?;
                stored.entry(customer).or_default().locations.push((record, location));
            }
        }
        Ok(stored)
    }

    /// What a row says and changes, if it may.
    async fn row(
        &mut self,
        id: &str,
        row: &Row,
        stored: &Stored,
    ) -> Result<std::result::Result<(Filled, Change), Vec<RowProblem>>> {
        let before = stored.customer.as_ref();
        if let Some((record, _)) = before
            && !self.unit(record.org_unit.as_deref()).await?.theirs
        {
            // Not a word about what it is (SCOPE).
            return Ok(Err(vec![row.problem(&Column::Id, "import.not_yours", &json!({"id": id}))]));
        }
        let filled = match self.reading.fill(row, id, before.map(|(_, customer)| customer)) {
            Ok(filled) => filled,
            Err(problems) => return Ok(Err(problems)),
        };
        let org_unit = filled.customer.org_unit.as_deref();
        let unit = self.unit(org_unit).await?;
        if !unit.known {
            let params = json!({"kind": OrgUnit::NAME, "id": org_unit});
            return Ok(Err(vec![row.problem(&Column::OrgUnit, "record.unknown", &params)]));
        }
        if !unit.theirs {
            return Ok(Err(vec![row.problem(&Column::OrgUnit, "scope.outside", &Value::Null)]));
        }
        let writer = Writer { by: &self.caller.user, now_ms: self.now_ms };
        let change = writer.change(row, id, &filled, stored).map_err(|problem| vec![problem]);
        Ok(change.map(|change| (filled, change)))
    }

    async fn unit(&mut self, org_unit: Option<&str>) -> Result<Unit> {
        let key = org_unit.map(str::to_owned);
        if let Some(unit) = self.units.get(&key) {
            return Ok(*unit);
        }
        let (app, caller) = (self.app, self.caller);
        let known = match org_unit {
            None => true,
            Some(id) => {
                app.store.record(&caller.tenant, OrgUnit::NAME, id, None).await?.is_some()
                    && caller.covers(app, READERS, org_unit).await?
            }
        };
        let unit = Unit { known, theirs: caller.covers(app, WRITERS, org_unit).await? };
        self.units.insert(key, unit);
        Ok(unit)
    }

    fn count(&mut self, row: &Row, id: &str, filled: &Filled, change: &Change, stored: &Stored) {
        let report = &mut self.report;
        match change.becomes {
            Becomes::New => report.counts.new += 1,
            Becomes::Changed => report.counts.changed += 1,
            Becomes::Unchanged => report.counts.unchanged += 1,
        }
        if change.located {
            report.counts.located += 1;
            report.counts.moved += u64::from(!stored.locations.is_empty());
        }
        let location = filled.whereabouts.as_ref().map(|there| there.location.clone());
        if let Some(location) = &location {
            let point = [location.lon, location.lat];
            let points = if location.polygon.is_empty() { &[point][..] } else { &location.polygon };
            report.bounding_box = points.iter().fold(report.bounding_box, |found, [lon, lat]| {
                let [west, south, east, north] = found.unwrap_or([*lon, *lat, *lon, *lat]);
                Some([west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)])
            });
        }
        let (row, customer, moved_m) = (row.place.number(), id.to_owned(), change.moved_m);
        if let Some(moved_m) = moved_m {
            report.farthest.push(Moved { row, customer, moved_m });
            report.farthest.sort_by(|one, other| other.moved_m.total_cmp(&one.moved_m).then(one.row.cmp(&other.row)));
            report.farthest.truncate(FARTHEST);
        }
        if report.sample.len() < usize::try_from(self.sample).unwrap_or_default() {
            let (id, mut customer, becomes) = (id.to_owned(), filled.customer.clone(), change.becomes);
            if let Some(kind) = self.reading.types.get(&customer.kind) {
                customer.hide_personal(&kind.personal);
            }
            report.sample.push(Shown { row, id, becomes, customer, location, moved_m });
        }
    }

    /// Stages what a batch writes, with the event that says what it is.
    async fn stage(&mut self, records: Vec<Record>) -> Result<()> {
        let Some(staging) = self.staging.as_mut().filter(|_| !records.is_empty()) else { return Ok(()) };
        staging.parts += 1;
        staging.records += u64::try_from(records.len()).unwrap_or(u64::MAX);
        let about = json!({"import": staging.import, "part": staging.parts, "by": self.caller.user});
        let said = records.iter().map(|record| json!([record.kind, record.id, record.revision, record.body]));
        let event = tenant_event(&self.caller.tenant, "import_staged", [("about", about), ("records", said.collect())]);
        let import = &staging.import;
        let staged =
            records.into_iter().map(|record| Write::Staged { import: import.clone(), record: Box::new(record) });
        let writes = std::iter::once(event).chain(staged).collect();
        let commit = Commit { at_ms: self.now_ms, command: None, writes };
        match self.app.commit(&self.caller.tenant, &commit).await? {
            Committed::Done { .. } => Ok(()),
            Committed::Conflict(_) => Err(Problem::new(No::Conflict, "import.overtaken", &Value::Null)),
        }
    }
}
