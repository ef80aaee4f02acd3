//! `sopwith verify`: every hash of a log, then every finding by driving the engine and the rules again.
//!
//! A tenant of a database is verified the same way (`verify/tenant.rs`, `verify/database.rs`). The log carries what its runs were pinned to, so nothing else is asked. Each visit's stream is judged again on its own
//! (`engine::recheck`); `verify/recorded.rs` is the log as the record that needs.

mod database;
mod recorded;
mod tenant;

use crate::cli::VerifyArguments;
use crate::log::{self, Fault, Log};
use crate::plugins;
use anyhow::Context as _;
use engine::event::{ENGINE_HASH, Payload};
use engine::recheck;
use recorded::RecordedLog;
use std::collections::BTreeSet;

/// Runs the command; false when something is wrong.
///
/// # Errors
/// When the log cannot be read at all.
pub fn run(arguments: &VerifyArguments) -> anyhow::Result<bool> {
    if let Some(tenant) = &arguments.tenant {
        return tenant::run(&arguments.data, tenant);
    }
    let file = arguments.log.as_ref().context("a log, or a tenant")?;
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let (log, mut faults) = log::read(&bytes)?;
    let payloads = log.events.iter().flat_map(|(_, event)| event.payloads.values());
    let erased = payloads.clone().filter(|payload| matches!(payload, Payload::Erased(_))).count();
    println!("{} events, {} payloads, {erased} erased", log.events.len(), payloads.count());
    if log.events.iter().any(|(_, event)| event.header.engine != ENGINE_HASH) {
        println!("judged by another engine; this one is {ENGINE_HASH}");
    }
    if faults.is_empty() {
        println!("hashes: all equal");
        let (n_calls, n_erased) = judge_again(&log, &mut faults)?;
        if faults.is_empty() {
            println!("findings: all equal ({n_calls} rule calls made again)");
        }
        if n_erased > 0 {
            println!("findings: {n_erased} events not judged again, because what they rest on was erased");
        }
    } else {
        println!("findings: not recomputed, because the log was changed");
    }
    for fault in &faults {
        println!("✗ line {}: {}: {}", fault.line, fault.what, fault.detail);
    }
    Ok(faults.is_empty())
}

/// Judges every stream again; how many rule calls that took, and how many events were erased or rest on erased ones.
fn judge_again(log: &Log, faults: &mut Vec<Fault>) -> anyhow::Result<(u64, usize)> {
    let host = plugins::host(None)?;
    let mut recorded = RecordedLog::new(log, &host);
    let streams: BTreeSet<&String> = log.events.iter().map(|(_, event)| &event.header.stream).collect();
    let (mut n_calls, mut n_erased) = (0, 0);
    for stream in streams {
        let rechecked = recheck::recheck(&mut recorded, stream)?;
        n_calls += rechecked.calls;
        n_erased += rechecked.erased.len();
        for difference in rechecked.differences {
            let line = recorded.line(stream, difference.seq);
            let what = format!("event {stream} {} {}", difference.seq, difference.kind);
            faults.push(Fault { line, what, detail: difference.what.to_string() });
        }
    }
    faults.sort_by_key(|fault| fault.line);
    Ok((n_calls, n_erased))
}
