//! Visits under way, kept in memory as their last command left them, so that the next does not read all of it again.
//!
//! What is kept is only ever a shortcut: it is taken for one command of the visit's own rep, who may see it whatever their
//! grants (SCOPE). The command commits onto the end of the stream and the version of the task that were kept, or not at
//! all; and when it cannot be decided, it is decided again from what is stored.

use crate::flows::load::LoadedVisit;
use engine::task::Task;
use engine::visit::{VisitState, visit_of_task};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

/// Most memory of all that is kept, in bytes, as `weight` counts.
const MOST: u64 = 64 << 20;
/// A visit nobody works on is let go of after this time; what was erased of it then is gone here too.
const IDLE: Duration = Duration::from_secs(120);

/// See the module header.
pub struct Visits(Cache<(String, String), Arc<Kept>>);

/// A visit after a commit.
#[derive(Clone)]
pub struct Kept {
    /// Its task.
    pub task: Task,
    /// State and end of its stream.
    pub loaded: LoadedVisit,
}

impl Default for Visits {
    fn default() -> Self {
        let weight = |_: &(String, String), kept: &Arc<Kept>| weight(&kept.loaded);
        // The newest is the one that goes on: moka's own policy would rather keep what it has than take in what was only
        // put, and a visit is taken out and put back at each step.
        let builder = Cache::builder().eviction_policy(EvictionPolicy::lru());
        Self(builder.max_capacity(MOST).weigher(weight).time_to_idle(IDLE).build())
    }
}

impl Visits {
    /// The visit of a task, if it is this rep's.
    pub fn take(&self, tenant: &str, task: &str, rep: &str) -> Option<Kept> {
        let kept = self.0.remove(&(tenant.to_owned(), visit_of_task(task)))?;
        Some(Arc::unwrap_or_clone(kept)).filter(|kept| kept.task.assignee.as_deref() == Some(rep))
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
