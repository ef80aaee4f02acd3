//! A call taken apart, for the program that measures. Not for serving.
//!
//! `run_staged` is `Host::call` with a clock between its parts. `Warm` keeps one instance from call to call: it shows what
//! a store of its own costs, and is exactly what a rule must not be run in, because a guest could remember.

use crate::call::{ask, check, prepare};
use crate::host::Host;
use crate::imports::{Datasets, State, limit};
use crate::plugin::{Plugin, instantiate};
use crate::room::Permit;
use engine::rule::{RuleAnswer, RuleCall, RuleFailure};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::Instance;

/// What a call is made of, in order.
pub const STAGES: [&str; 4] = ["store and instance", "call", "check of the answer", "drop"];

/// One call, and how long each of [`STAGES`] took.
///
/// # Errors
/// The call failed.
pub fn run_staged(
    host: &Host,
    plugin: &Plugin,
    call: &RuleCall,
    datasets: &Arc<dyn Datasets>,
) -> Result<(RuleAnswer, [Duration; 4]), RuleFailure> {
    let limits = host.limits.of(call.interface);
    let mut clock = Clock(Instant::now());
    let (rule, input) = prepare(plugin, call, limits)?;
    let state = State::new(&plugin.hash, limits).with_datasets(Arc::clone(datasets), Arc::clone(&plugin.datasets));
    let permit = plugin.runtime.permit();
    let (mut store, instance) = instantiate(&plugin.runtime, &plugin.instance, state, limits);
    let instance = instance?;
    let instantiated = clock.lap();
    let said = ask(plugin, rule, input, &mut store, &instance)?;
    let called = clock.lap();
    let answer = check(said, rule, limits)?;
    let checked = clock.lap();
    drop(store.into_data().lookups);
    drop(permit);
    Ok((answer, [instantiated, called, checked, clock.lap()]))
}

struct Clock(Instant);

impl Clock {
    fn lap(&mut self) -> Duration {
        let before = std::mem::replace(&mut self.0, Instant::now());
        self.0.duration_since(before)
    }
}

/// An instance that is called again and again.
pub struct Warm<'a> {
    store: Store<State>,
    instance: Instance,
    host: &'a Host,
    plugin: &'a Plugin,
    _permit: Permit<'a>,
}

impl<'a> Warm<'a> {
    /// An instance for calls like this one.
    ///
    /// # Errors
    /// It cannot be instantiated.
    pub fn new(
        host: &'a Host,
        plugin: &'a Plugin,
        call: &RuleCall,
        datasets: &Arc<dyn Datasets>,
    ) -> Result<Self, RuleFailure> {
        let limits = host.limits.of(call.interface);
        let state = State::new(&plugin.hash, limits).with_datasets(Arc::clone(datasets), Arc::clone(&plugin.datasets));
        let permit = plugin.runtime.permit();
        let (store, instance) = instantiate(&plugin.runtime, &plugin.instance, state, limits);
        Ok(Self { store, instance: instance?, host, plugin, _permit: permit })
    }

    /// One more call, under fresh limits.
    ///
    /// # Errors
    /// The call failed.
    pub fn call(&mut self, call: &RuleCall) -> Result<RuleAnswer, RuleFailure> {
        let limits = self.host.limits.of(call.interface);
        let (rule, input) = prepare(self.plugin, call, limits)?;
        self.store.data_mut().renew(limits);
        limit(&mut self.store, limits).map_err(|error| crate::failure::of_instantiation(&error))?;
        let said = ask(self.plugin, rule, input, &mut self.store, &self.instance)?;
        check(said, rule, limits)
    }
}
