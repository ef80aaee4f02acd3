//! One call of one rule: a store of its own, the input in, the answer out, and what it cost.

use crate::answer;
use crate::failure::{self, failure};
use crate::imports::{Datasets, State};
use crate::limits::CallLimits;
use crate::plugin::{Plugin, instantiate};
use crate::since_v1::{Error, Finding, Scorecard};
use engine::rule::{FailureCode, Interface, RuleAnswer, RuleCall, RuleFailure, RuleManifest, RuleOutcome};
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::Instance;

/// Runs `call`, whatever becomes of it.
pub(crate) fn run(plugin: &Plugin, call: &RuleCall, datasets: Arc<dyn Datasets>, limits: &CallLimits) -> RuleOutcome {
    let (rule, input) = match prepare(plugin, call, limits) {
        Ok(prepared) => prepared,
        Err(failure) => return RuleOutcome { answer: RuleAnswer::Failed(failure), lookups: Vec::new(), fuel: 0 },
    };
    let state = State::new(&plugin.hash, limits).with_datasets(datasets, Arc::clone(&plugin.datasets));
    // Given back after the store, which is declared later.
    let _permit = plugin.runtime.permit();
    let (mut store, instance) = instantiate(&plugin.runtime, &plugin.instance, state, limits);
    let said = instance.and_then(|instance| ask(plugin, rule, input, &mut store, &instance));
    let answer = said.and_then(|said| check(said, rule, limits));
    RuleOutcome {
        answer: answer.unwrap_or_else(RuleAnswer::Failed),
        fuel: limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
        lookups: store.into_data().lookups,
    }
}

/// The rule that is meant and the text it gets.
pub(crate) fn prepare<'a>(
    plugin: &'a Plugin,
    call: &'a RuleCall,
    limits: &CallLimits,
) -> Result<(&'a RuleManifest, &'a str), RuleFailure> {
    // PINNED: a run that pinned other bytes must not get these.
    if call.plugin_hash != plugin.hash() {
        return Err(failure(FailureCode::NoSuchPlugin, "this is not the pinned component"));
    }
    let manifest = plugin.manifest();
    let rule = call
        .rule
        .split_once('/')
        .filter(|(name, _)| *name == manifest.plugin)
        .and_then(|(_, id)| manifest.rules.iter().find(|rule| rule.id == id && rule.interface == call.interface))
        .ok_or_else(|| failure(FailureCode::NoSuchRule, format!("{:?} `{}`", call.interface, call.rule)))?;
    // PURE: the input is canonical, so equal inputs are equal bytes and burn equal fuel.
    let input = call.input.as_str();
    if input.len() > limits.input_bytes {
        let detail = format!("the input has {} bytes, at most {} are allowed", input.len(), limits.input_bytes);
        return Err(failure(FailureCode::Limit, detail));
    }
    Ok((rule, input))
}

/// What the guest said, before anybody has looked at it.
pub(crate) enum Said {
    Findings(Result<Vec<Finding>, Error>),
    Scorecard(Result<Scorecard, Error>),
}

/// Calls the guest.
pub(crate) fn ask(
    plugin: &Plugin,
    rule: &RuleManifest,
    input: &str,
    store: &mut Store<State>,
    instance: &Instance,
) -> Result<Said, RuleFailure> {
    let exports = &plugin.exports;
    let not_exported = || failure(FailureCode::NoSuchRule, format!("{:?} is not exported", rule.interface));
    let arguments = (rule.id.as_str(), input);
    let said = match rule.interface {
        Interface::Validate | Interface::Assess => {
            let run = exports.judge(store, instance, rule.interface).ok_or_else(not_exported)?;
            run.and_then(|run| run.call(store, arguments)).map(|(answer,)| Said::Findings(answer))
        }
        Interface::Score => {
            let run = exports.score(store, instance).ok_or_else(not_exported)?;
            run.and_then(|run| run.call(store, arguments)).map(|(answer,)| Said::Scorecard(answer))
        }
    };
    said.map_err(|error| failure::of_call(&error))
}

/// Looks at every word of it.
pub(crate) fn check(said: Said, rule: &RuleManifest, limits: &CallLimits) -> Result<RuleAnswer, RuleFailure> {
    match said {
        Said::Findings(answer) => answer::findings(answer, rule, limits).map(RuleAnswer::Findings),
        Said::Scorecard(answer) => answer::scorecard(answer, limits).map(RuleAnswer::Scorecard),
    }
}
