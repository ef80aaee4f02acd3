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
        Self::of_at_most(MOST)
    }
}

impl Visits {
    fn of_at_most(bytes: u64) -> Self {
        let weight = |_: &(String, String), kept: &Arc<Kept>| weight(&kept.loaded);
        // The newest is the one that goes on: moka's own policy would rather keep what it has than take in what was only
        // put, and a visit is taken out and put back at each step.
        let builder = Cache::builder().eviction_policy(EvictionPolicy::lru());
        Self(builder.max_capacity(bytes).weigher(weight).time_to_idle(IDLE).build())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::event::Tip;
    use engine::visit::{Visit, VisitEvent};
    use serde_json::{Value, json};

    /// A visit that has just begun.
    fn begun(number: u32) -> Kept {
        let task = format!("tsk_{number}");
        let command = |verb: &str, body: Value| {
            let at = json!({"wall": "2026-03-18T09:00:00+08:00", "monotonic_ms": 1, "boot": "boot-1"});
            json!({"id": "cmd_1", "user": "usr_rep", "device": "dev_1", "task": task, "at": at, "verb": verb, "body": body})
        };
        let event = |event: Value| serde_json::from_value::<VisitEvent>(event).unwrap();
        let created = event(json!({
            "type": "visit_created", "business_date": "2026-03-18", "sop": "5e",
            "command": command("create", json!({"customer": "cus_a", "origin": "ad_hoc"})),
            "customer": {"id": "cus_a", "revision": 1, "type": "place", "name": "A", "time_zone": "Asia/Shanghai"},
        }));
        let started = event(json!({
            "type": "visit_started", "command": command("start", json!({})),
            "pins": {"sop": "a 1.0.0", "sop_hash": "5e", "plugins": {}, "datasets": {}, "engine": "e"},
        }));
        let mut visit = Visit::begin(&created, 0).unwrap();
        visit.apply(&started, "", 0);
        let task = json!({
            "id": task, "kind": "visit", "state": "in_progress", "title": {"en": "A"}, "origin": "ad_hoc",
            "assignee": "usr_rep", "version": 1, "created_at": "", "updated_at": "",
        });
        let (task, tip) = (serde_json::from_value(task).unwrap(), Tip::default());
        Kept { task, loaded: LoadedVisit { visit, tip } }
    }

    #[test]
    fn a_visit_that_goes_on_is_kept_rather_than_those_that_only_began() {
        let visits = Visits::of_at_most(u64::from(weight(&begun(0).loaded)) * 10);
        for number in 1..=200 {
            visits.put("t", begun(number));
        }
        visits.0.run_pending_tasks();
        visits.put("t", begun(0));
        for number in 201..=205 {
            visits.0.run_pending_tasks();
            let goes_on = visits.take("t", "tsk_0", "usr_rep").expect("it goes on");
            visits.put("t", begun(number));
            visits.put("t", goes_on);
        }
        visits.0.run_pending_tasks();
        assert!(visits.take("t", "tsk_0", "usr_other").is_none(), "it is the rep's alone");
        assert!(visits.take("t", "tsk_1", "usr_rep").is_none(), "it was put longest ago");
    }
}
