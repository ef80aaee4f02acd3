//! What a guest can reach: two imports, and the store they work on. Plus the limits a store enforces itself.
//!
//! PURE: `log` gives nothing back, `dataset` gives rows of pinned datasets, and every row is recorded.

use crate::limits::CallLimits;
use engine::rule::Lookup;
use std::collections::BTreeSet;
use std::sync::Arc;
use wasmtime::component::Linker;
use wasmtime::{Engine, ResourceLimiter, Store, StoreContextMut, Trap};

/// Fuel of one call of the host, besides one for each byte that crosses.
const CALL_FUEL: u64 = 1_000;

/// Longest key of a lookup, bytes: it is recorded.
const KEY_BYTES: usize = 1024;

/// Where the rows come from.
pub trait Datasets: Send + Sync {
    /// The row of `dataset` under exactly this `key`.
    ///
    /// Only datasets the plugin's manifest names are asked for. The answer must not change between two runs that are
    /// meant to give the same verdict: it is read from pinned dataset versions.
    fn lookup(&self, dataset: &str, key: &str) -> Row;
}

/// Answer to a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// There is such a row.
    Found {
        /// The row as a JSON object.
        json: String,
        /// Hash of the pinned dataset.
        dataset_hash: String,
        /// Hash of the row.
        row_hash: String,
    },
    /// There is no such row.
    Absent {
        /// Hash of the pinned dataset.
        dataset_hash: String,
    },
    /// This machine cannot tell: the dataset, or this part of it, is elsewhere. The call ends as undecided.
    Outside,
}

/// No dataset is here: every lookup ends the call as undecided.
pub struct NoDatasets;

impl Datasets for NoDatasets {
    fn lookup(&self, _dataset: &str, _key: &str) -> Row {
        Row::Outside
    }
}

/// Why the host ended a call, as it travels through the guest's frames.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("{0}")]
    Limit(String),
    #[error("the row `{key}` of the dataset `{dataset}` is not on this machine")]
    Undecided { dataset: String, key: String },
    #[error("it looked up the dataset `{0}`, which its manifest does not name")]
    Undeclared(String),
}

/// Where rows come from, and from which datasets.
struct Rows {
    datasets: Arc<dyn Datasets>,
    declared: Arc<BTreeSet<String>>,
}

/// What one store carries.
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    /// None while the manifest is asked for: a manifest depends on nothing.
    rows: Option<Rows>,
    pub(crate) lookups: Vec<Lookup>,
    log: Log,
    lookups_left: usize,
}

impl State {
    pub(crate) fn new(plugin: &Arc<str>, limits: &CallLimits) -> Self {
        Self {
            limiter: Limiter::new(limits),
            rows: None,
            lookups: Vec::new(),
            log: Log { plugin: Arc::clone(plugin), lines_left: limits.log_lines, line_bytes: limits.log_line_bytes },
            lookups_left: limits.lookups,
        }
    }

    /// Lets the guest look up the datasets its manifest names.
    pub(crate) fn with_datasets(mut self, datasets: Arc<dyn Datasets>, declared: Arc<BTreeSet<String>>) -> Self {
        self.rows = Some(Rows { datasets, declared });
        self
    }

    /// As if no call had been made yet; memory stays counted. For `stages`.
    pub(crate) fn renew(&mut self, limits: &CallLimits) {
        self.lookups.clear();
        self.lookups_left = limits.lookups;
        self.log.lines_left = limits.log_lines;
    }

    fn look_up(&mut self, dataset: String, key: String) -> Result<Option<String>, Stop> {
        let Some(Rows { datasets, declared }) = &self.rows else { return Err(Stop::Undeclared(shorten(&dataset))) };
        if !declared.contains(&dataset) {
            return Err(Stop::Undeclared(shorten(&dataset)));
        }
        if key.len() > KEY_BYTES {
            return Err(Stop::Limit(format!(
                "the key of a lookup has {} bytes, at most {KEY_BYTES} are allowed",
                key.len()
            )));
        }
        self.lookups_left =
            self.lookups_left.checked_sub(1).ok_or_else(|| Stop::Limit("too many lookups in one call".to_owned()))?;
        let (hash, row, json) = match datasets.lookup(&dataset, &key) {
            Row::Found { json, dataset_hash, row_hash } => (dataset_hash, Some(row_hash), Some(json)),
            Row::Absent { dataset_hash } => (dataset_hash, None, None),
            Row::Outside => return Err(Stop::Undecided { dataset, key }),
        };
        self.lookups.push(Lookup { dataset, hash, key, row });
        Ok(json)
    }
}

/// A name as it may stand in a message.
fn shorten(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Every function a plugin can import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    linker.instance("sopwith:plugin/types@1.0.0")?;
    linker.instance("sopwith:plugin/log@1.0.0")?.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, State>, (level, text): (String, String)| {
            charge(&mut store, level.len() + text.len())?;
            store.data_mut().log.write(&level, &text);
            Ok(())
        },
    )?;
    linker.instance("sopwith:plugin/dataset@1.0.0")?.func_wrap(
        "lookup",
        |mut store: StoreContextMut<'_, State>, (dataset, key): (String, String)| {
            charge(&mut store, dataset.len() + key.len())?;
            let row = store.data_mut().look_up(dataset, key)?;
            charge(&mut store, row.as_ref().map_or(0, String::len))?;
            Ok((row,))
        },
    )?;
    Ok(linker)
}

/// Work of the host costs the guest fuel, so that a guest cannot spend its budget on ours.
fn charge(store: &mut StoreContextMut<'_, State>, bytes: usize) -> wasmtime::Result<()> {
    let cost = CALL_FUEL.saturating_add(bytes as u64);
    let left = store.get_fuel()?.checked_sub(cost);
    store.set_fuel(left.unwrap_or(0))?;
    if left.is_none() {
        return Err(Trap::OutOfFuel.into());
    }
    Ok(())
}

/// Lines of a guest, for the person who debugs it.
struct Log {
    plugin: Arc<str>,
    lines_left: usize,
    line_bytes: usize,
}

impl Log {
    /// The text is written escaped: a guest must not be able to fake lines of ours.
    fn write(&mut self, level: &str, text: &str) {
        let Some(left) = self.lines_left.checked_sub(1) else { return };
        self.lines_left = left;
        let (plugin, text) = (&*self.plugin, text.get(..text.floor_char_boundary(self.line_bytes)).unwrap_or_default());
        match level {
            "error" => tracing::error!(target: "plugin", plugin, ?text, "rule"),
            "warn" => tracing::warn!(target: "plugin", plugin, ?text, "rule"),
            "debug" => tracing::debug!(target: "plugin", plugin, ?text, "rule"),
            _ => tracing::info!(target: "plugin", plugin, ?text, "rule"),
        }
    }
}

/// Memory and tables of one store, all of them together. Growing past a limit traps: a guest that is told "no" instead
/// would go on in ways nobody has tested.
pub(crate) struct Limiter {
    memory: Budget,
    tables: Budget,
}

impl Limiter {
    pub(crate) fn new(limits: &CallLimits) -> Self {
        Self {
            memory: Budget { limit: limits.memory_bytes, left: limits.memory_bytes },
            tables: Budget { limit: limits.table_elements, left: limits.table_elements },
        }
    }
}

struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    /// True if the growth fits. False if the guest's own maximum forbids it, which it learns as the standard says.
    ///
    /// REPLAY: where memory comes from a pool, `maximum` is at most a slot's size, which is above the limit. So a maximum
    /// above the limit says nothing here, or a guest could tell a pool from none.
    fn grow(&mut self, what: &str, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum && maximum <= self.limit) {
            return Ok(false);
        }
        match self.left.checked_sub(desired.saturating_sub(current)) {
            Some(rest) => self.left = rest,
            None => return Err(Stop::Limit(format!("too much {what}")).into()),
        }
        Ok(true)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.memory.grow("memory", current, desired, maximum)
    }

    /// Mostly: the machine has no memory left. The guest must not see that, or its answer would depend on it.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Stop::Limit("a memory cannot grow that far".to_owned()).into())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.tables.grow("table", current, desired, maximum)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(Stop::Limit("a table cannot grow that far".to_owned()).into())
    }
}

/// Fuel, deadline, memory and copies of a fresh store.
pub(crate) fn limit<T: Limited + 'static>(store: &mut Store<T>, limits: &CallLimits) -> wasmtime::Result<()> {
    store.limiter(|state| state.limiter());
    store.set_fuel(limits.fuel)?;
    crate::runtime::set_deadline(store, limits.deadline);
    // What one crossing may copy into the host, records around the strings included. The exact size of an answer is
    // checked once it is here.
    store.set_hostcall_fuel(limits.output_bytes.saturating_mul(4));
    Ok(())
}

/// A store with a limiter.
pub(crate) trait Limited {
    fn limiter(&mut self) -> &mut dyn ResourceLimiter;
}

impl Limited for State {
    fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.limiter
    }
}

impl Limited for Limiter {
    fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        self
    }
}
