//! Room for calls of plugins: a pool of memories and tables that is set aside once, and the permits that stand before it.
//!
//! What a call leaves in a slot is gone before the slot is used again: pages that stay are zeroed or set back to what the
//! component's image says, all others are given back to the system. Stores and instances are not pooled; a call always has
//! its own (decision 10).
//!
//! What must not live here: limits of a call. A slot is as large as the most generous of them; each store keeps its own.

use crate::limits::Limits;
use std::sync::{Condvar, Mutex, PoisonError};
use wasmtime::{Enabled, PoolingAllocationConfig};

/// Bytes of a table that stay between calls: all of a usual one, eight bytes an element.
const KEPT_TABLE_BYTES: usize = 128 << 10;

/// The bookkeeping of one instance of a module. Its parts are counted by `ShapeLimits`, so this only has to be enough.
const INSTANCE_BYTES: usize = 8 << 20;

const WASM_PAGE_BYTES: usize = 64 << 10;

/// The pool these limits ask for: each call in it may have all a plugin may have, so a call with a permit finds room.
pub(crate) fn pool(limits: &Limits) -> Option<PoolingAllocationConfig> {
    let kept = limits.room.kept_bytes?;
    let calls = limits.room.calls.max(1);
    let shape = &limits.plugin;
    let most = |of: fn(&crate::limits::CallLimits) -> usize| {
        [&limits.describe, &limits.validate, &limits.assess, &limits.score].into_iter().map(of).max().unwrap_or(0)
    };
    // A slot is larger than any call may fill: the limit of the call must be what stops a guest (`imports::Budget`).
    let memory_bytes = most(|call| call.memory_bytes).saturating_add(WASM_PAGE_BYTES).next_multiple_of(WASM_PAGE_BYTES);
    let table_elements = most(|call| call.table_elements).saturating_add(1);
    let each = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let all = |count: usize| each(count).saturating_mul(calls);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(calls)
        .total_core_instances(all(shape.instances))
        .max_core_instances_per_component(each(shape.instances))
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .total_memories(all(shape.memories))
        .max_memories_per_component(each(shape.memories))
        .max_memory_size(memory_bytes)
        .total_tables(all(shape.tables))
        .max_tables_per_component(each(shape.tables))
        .max_tables_per_module(each(shape.tables))
        .table_elements(table_elements)
        .max_unused_warm_slots(calls)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(KEPT_TABLE_BYTES)
        // Looks only at pages that were touched; without it all of `kept` would be zeroed after each call.
        .pagemap_scan(Enabled::Auto);
    Some(pool)
}

/// As many as there may be calls at one time.
pub(crate) struct Permits {
    free: Mutex<u32>,
    returned: Condvar,
}

impl Permits {
    pub(crate) fn new(count: u32) -> Self {
        Self { free: Mutex::new(count.max(1)), returned: Condvar::new() }
    }

    /// Waits for a free one. Whoever has one ends before its deadline, so the wait ends too.
    pub(crate) fn take(&self) -> Permit<'_> {
        // A count is never half changed, so a panic of another thread spoils nothing.
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Permit(self)
    }
}

/// Room for one call, until it is dropped.
pub(crate) struct Permit<'a>(&'a Permits);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::Permits;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[test]
    fn who_finds_no_permit_waits_for_one() {
        let permits = Permits::new(2);
        let (first, second) = (permits.take(), permits.take());
        let (sender, taken) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let third = permits.take();
                sender.send(()).unwrap();
                drop(third);
            });
            assert!(taken.recv_timeout(Duration::from_millis(50)).is_err(), "there were only two");
            drop(first);
            taken.recv_timeout(Duration::from_secs(10)).unwrap();
        });
        drop(second);
        assert_eq!(*permits.free.lock().unwrap(), 2);
    }
}
