//! Visits under way, kept in memory as their last command left them, so that the next does not read all of it again.
//!
//! What is kept is only ever a shortcut: it is taken for one command, which commits onto the end of the stream it was read
//! from or not at all, and it counts only while the task's row is the one it was kept with.

use crate::flows::load::LoadedVisit;
use engine::visit::VisitState;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

/// Most memory of all that is kept, in bytes, as `weight` counts.
const MOST: u64 = 128 << 20;
/// A visit nobody works on is let go of after this time; what was erased of it then is gone here too.
const IDLE: Duration = Duration::from_secs(120);

/// See the module header.
pub struct Visits(Cache<(String, String), Arc<Kept>>);

/// A visit after a commit.
pub struct Kept {
    /// State and end of its stream.
    pub loaded: LoadedVisit,
    /// The version of its task.
    pub version: u64,
}

impl Default for Visits {
    fn default() -> Self {
        let weight = |_: &(String, String), kept: &Arc<Kept>| weight(&kept.loaded);
        Self(Cache::builder().max_capacity(MOST).weigher(weight).time_to_idle(IDLE).build())
    }
}

impl Visits {
    /// The visit, if it is kept as of that version of its task.
    pub fn take(&self, tenant: &str, visit: &str, version: u64) -> Option<LoadedVisit> {
        let kept = self.0.remove(&(tenant.to_owned(), visit.to_owned()))?;
        (kept.version == version).then(|| kept.loaded.clone())
    }

    /// Keeps a visit that goes on.
    pub fn put(&self, tenant: &str, kept: Kept) {
        if matches!(kept.loaded.visit.state, VisitState::Open(_)) {
            self.0.insert((tenant.to_owned(), kept.loaded.visit.id.clone()), Arc::new(kept));
        }
    }
}

/// About how many bytes a visit takes: a few thousand for itself and for each step that something happened to.
fn weight(loaded: &LoadedVisit) -> u32 {
    const EACH: usize = 12 << 10;
    let parts = 1 + loaded.visit.steps.len() + loaded.visit.refused.len();
    u32::try_from(parts.saturating_mul(EACH)).unwrap_or(u32::MAX)
}
