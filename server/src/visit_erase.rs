//! `sopwith visit erase`: what a visit's events say of people goes, salts and all; headers, hashes and so the proof stay.
//! `verify` calls it erased, not wrong. The bytes of evidence are files under their hash and are not touched.

use crate::cli::VisitEraseArguments;
use crate::flows::once::tenant_event;
use crate::store::{self, Commit, Options};
use serde_json::json;
use std::collections::BTreeSet;

/// Runs the command; false when there is no such visit.
///
/// # Errors
/// The database cannot be used.
pub async fn run(arguments: &VisitEraseArguments) -> anyhow::Result<bool> {
    let VisitEraseArguments { store, tenant, visit } = arguments;
    let store = store::open(&store.store, &Options::default()).await?;
    let mut names = BTreeSet::new();
    let mut last = 0;
    loop {
        let page = store.events(tenant, visit, last, 500).await?;
        let Some(end) = page.last() else { break };
        last = end.seq;
        names.extend(page.iter().flat_map(|event| event.payloads.keys().cloned()));
    }
    if !visit.starts_with("vis_") || last == 0 {
        println!("there is no {visit}");
        return Ok(false);
    }
    // The trail first: an erasure that is not on record must not happen.
    let at_ms = crate::clock::Clock::system().now_ms();
    let event = tenant_event(tenant, "payloads_erased", [("erased", json!({"stream": visit, "by": "installation"}))]);
    store.commit(tenant, &Commit { at_ms, command: None, writes: vec![event] }).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let erased = store.erase(tenant, visit, &names).await?;
    println!("{erased} payloads of {visit} erased");
    Ok(true)
}
