//! What every flow may use. Nothing here decides anything.

use crate::clock::Clock;
use crate::evidence_files::EvidenceFiles;
use crate::flows::sessions::Sessions;
use crate::flows::sops::SopCache;
use crate::flows::visits::Visits;
use crate::store::{self, Commit, Committed, Store};
use crate::turns::Turns;
use host_api::Host;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The running service.
pub struct App {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// Runs rules.
    pub host: Arc<Host>,
    /// What time it is.
    pub clock: Clock,
    /// Bytes of evidence.
    pub evidence: EvidenceFiles,
    /// Compiled SOPs.
    pub sops: SopCache,
    /// Who came a moment ago.
    pub sessions: Sessions,
    /// Visits under way.
    pub visits: Visits,
    /// Whose judgement runs next, and where.
    pub turns: Turns,
    /// Held while a large file is taken in: few at once, so that memory is bounded.
    pub bulk: tokio::sync::Semaphore,
    /// Commands that are being carried out here, by tenant, actor and id.
    pub in_flight: Mutex<BTreeSet<(String, String, String)>>,
    /// The day of which standings were made last, by tenant.
    pub stood: Mutex<BTreeMap<String, i64>>,
    /// Requests that may be under way for one tenant before it gets a 429.
    pub per_tenant: PerTenant,
}

impl App {
    /// Makes a decision durable, and forgets of callers what it changes.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn commit(&self, tenant: &str, commit: &Commit) -> store::Result<Committed> {
        let committed = self.store.commit(tenant, commit).await?;
        self.sessions.heed(&commit.writes);
        Ok(committed)
    }
}

/// Counts what is under way for each tenant, so that one tenant cannot take the whole machine.
#[derive(Default)]
pub struct PerTenant {
    /// How many at most; 0: no limit.
    pub most: usize,
    under_way: Mutex<BTreeMap<String, usize>>,
}

/// One request under way; gone when dropped.
pub struct UnderWay<'a> {
    counts: &'a PerTenant,
    tenant: String,
}

impl PerTenant {
    /// At most `most` at once; 0: no limit.
    pub fn new(most: usize) -> Self {
        Self { most, under_way: Mutex::default() }
    }

    /// One more for this tenant, unless it has too many.
    pub fn begin(&self, tenant: &str) -> Option<UnderWay<'_>> {
        let mut counts = self.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = counts.entry(tenant.to_owned()).or_default();
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(UnderWay { counts: self, tenant: tenant.to_owned() })
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut counts = self.counts.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.tenant);
            }
        }
    }
}

/// Sixteen bytes nobody can guess, for a payload's commitment.
pub fn salt() -> [u8; 16] {
    let mut salt = [0; 16];
    if getrandom::fill(&mut salt).is_err() {
        // Without random bytes a commitment could be guessed open: better to stop than to write one.
        std::process::abort();
    }
    salt
}

/// A new id: prefix, `_`, and a UUIDv7 at `now_ms`, so that ids sort by time.
pub fn new_id(prefix: &str, now_ms: i64) -> String {
    let ms = u64::try_from(now_ms).unwrap_or_default();
    let [a, b, c, d, e, f, g, h, i, j, ..] = salt();
    let id = uuid::Builder::from_unix_timestamp_millis(ms, &[a, b, c, d, e, f, g, h, i, j]).into_uuid();
    format!("{prefix}_{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_with_too_much_under_way_waits_and_others_do_not() {
        let counts = PerTenant::new(2);
        let one = counts.begin("tnt_a");
        let two = counts.begin("tnt_a");
        assert!(one.is_some() && two.is_some() && counts.begin("tnt_a").is_none());
        assert!(counts.begin("tnt_b").is_some());
        drop(one);
        assert!(counts.begin("tnt_a").is_some());
    }

    #[test]
    fn new_ids_are_ids_and_sort_by_time() {
        let (early, late) = (new_id("tsk", 1_000), new_id("tsk", 2_000));
        assert!(engine::id::check_id("tsk", &early) && early < late, "{early} {late}");
    }
}
