//! A tenant in a database as a record to judge again from.
//!
//! `engine::recheck` asks one question after the other and waits for each answer; the store is asked on the runtime that
//! was there before.

use crate::app::App;
use crate::flows::load;
use crate::flows::problem::Problem;
use crate::flows::sops::{self, Loaded};
use crate::plugins::Sandbox;
use crate::store::StoredEvent;
use engine::effective::{EffectiveSop, Pins};
use engine::event::Event;
use engine::recheck::{Located, Recorded};
use engine::rule::{FailureCode, RuleAnswer, RuleCall, RuleFailure, RuleOutcome};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::runtime::Handle;

/// See the module header.
pub struct RecordedTenant<'a> {
    app: &'a App,
    tenant: &'a str,
    runtime: Handle,
    /// What was loaded, by the address of its SOP: a call comes with the SOP that was handed out.
    loaded: BTreeMap<usize, Arc<Loaded>>,
    /// Hashes of SOPs that are there: a visit asks for the same one at each of its steps.
    there: BTreeSet<String>,
}

impl<'a> RecordedTenant<'a> {
    /// A tenant; `runtime` must not be the one this thread runs on.
    pub const fn new(app: &'a App, tenant: &'a str, runtime: Handle) -> Self {
        Self { app, tenant, runtime, loaded: BTreeMap::new(), there: BTreeSet::new() }
    }
}

/// A problem of the store as an error with its cause.
pub fn cause(problem: Problem) -> anyhow::Error {
    let detail = problem.detail.get("en").unwrap_or_default().to_owned();
    anyhow::anyhow!("{}: {}", problem.code, problem.cause.unwrap_or(detail))
}

fn address(sop: &EffectiveSop) -> usize {
    std::ptr::from_ref(sop).addr()
}

impl Recorded for RecordedTenant<'_> {
    type Error = anyhow::Error;

    fn find(&mut self, hash: &str) -> anyhow::Result<Option<Located>> {
        let found = self.runtime.block_on(self.app.store.event_by_hash(self.tenant, hash))?;
        Ok(found.map(|(stream, seq)| Located { stream, seq }))
    }

    fn events(&mut self, stream: &str, up_to: u64) -> anyhow::Result<Vec<Event>> {
        let up_to = (up_to != u64::MAX).then_some(up_to);
        let stored = self.runtime.block_on(load::stream(self.app, self.tenant, stream, up_to)).map_err(cause)?;
        Ok(stored.iter().map(StoredEvent::event).collect::<Result<_, _>>()?)
    }

    fn sop(&mut self, hash: &str, pins: Option<&Pins>) -> anyhow::Result<Option<Arc<EffectiveSop>>> {
        // A visit that has not started calls no rule: its SOP needs no plugins.
        let bare = Pins {
            sop: String::new(),
            sop_hash: hash.to_owned(),
            plugins: BTreeMap::new(),
            datasets: BTreeMap::new(),
            engine: String::new(),
        };
        let pins = pins.unwrap_or(&bare);
        if !self.there.contains(hash) {
            if !self.runtime.block_on(self.app.store.has_object(self.tenant, hash))? {
                return Ok(None);
            }
            self.there.insert(hash.to_owned());
        }
        let loaded = self.runtime.block_on(sops::pinned(self.app, self.tenant, pins)).map_err(cause)?;
        let sop = Arc::clone(&loaded.effective);
        self.loaded.insert(address(&sop), loaded);
        Ok(Some(sop))
    }

    fn call(&mut self, sop: &EffectiveSop, call: &RuleCall) -> RuleOutcome {
        match self.loaded.get(&address(sop)) {
            Some(loaded) => {
                let (plugins, rows) = (&loaded.plugins, Arc::clone(&loaded.rows));
                Sandbox { host: &self.app.host, plugins, rows }.run(call)
            }
            None => {
                let failure = RuleFailure { code: FailureCode::NoSuchPlugin, detail: call.plugin_hash.clone() };
                RuleOutcome { answer: RuleAnswer::Failed(failure), lookups: Vec::new(), fuel: 0 }
            }
        }
    }
}
