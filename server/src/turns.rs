//! Whose rules run next. As many judgements at once as there are cores; one tenant never has more of them waiting for a core
//! than that, so another's waits behind a few and not behind a queue; and a tenant whose judgements are slow, or not known
//! yet, gets half of the cores, so that one is left for everybody else.

use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Judgements of a tenant that take longer than this in the mean are slow.
const SLOW: Duration = Duration::from_millis(5);
/// Judgements that take longer than this in the mean gain by running their rule calls side by side; starting a call on
/// another core costs some ten microseconds.
const WORTH_SHARING: Duration = Duration::from_micros(200);
/// What is taken for the mean of a tenant nobody has judged for: slow, until some judgements were quick.
const UNKNOWN_US: u64 = 8_000;
/// How much of the mean the newest judgement is: one in so many.
const WEIGHT: u64 = 8;
/// Tenants whose mean is kept.
const TENANTS: u64 = 10_000;

/// See the module header.
pub struct Turns {
    cores: u32,
    all: Arc<Semaphore>,
    tenants: Cache<String, Arc<Tenant>>,
}

struct Tenant {
    turns: Arc<Semaphore>,
    mean_us: AtomicU64,
}

/// A core to judge on; given back when dropped.
pub struct Turn {
    tenant: Arc<Tenant>,
    begun: Instant,
    mean_us: u64,
    _of_tenant: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// For so many cores.
    pub fn new(cores: usize) -> Self {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX).max(1);
        Self { cores, all: Arc::new(Semaphore::new(cores as usize)), tenants: Cache::new(TENANTS) }
    }

    /// Waits for a core.
    pub async fn take(&self, tenant: &str) -> Turn {
        let new =
            || Arc::new(Tenant { turns: Arc::new(Semaphore::new(self.cores as usize)), mean_us: UNKNOWN_US.into() });
        let tenant = self.tenants.get_with_by_ref(tenant, new);
        // Semaphores are never closed, so there is always a permit in the end.
        let mut of_tenant = Arc::clone(&tenant.turns).acquire_owned().await.ok();
        // Whether it is slow may only be known since it waits.
        let mean_us = tenant.mean_us.load(Ordering::Relaxed);
        if u128::from(mean_us) > SLOW.as_micros() && self.cores > 1 {
            drop(of_tenant);
            of_tenant = Arc::clone(&tenant.turns).acquire_many_owned(2).await.ok();
        }
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { tenant, begun: Instant::now(), mean_us, _of_tenant: of_tenant, _of_all: of_all }
    }
}

impl Turn {
    /// Whether to run rule calls on several cores, if more are free: worth it, and fair to others.
    pub fn may_share(&self) -> bool {
        (WORTH_SHARING.as_micros()..SLOW.as_micros()).contains(&u128::from(self.mean_us))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX / WEIGHT);
        // Two that end at the same moment may lose one of them; it is a mean.
        let mean_us = self.tenant.mean_us.load(Ordering::Relaxed);
        self.tenant.mean_us.store((mean_us * (WEIGHT - 1)).saturating_add(took_us) / WEIGHT, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// The turn, if there is one now.
    fn now(future: impl Future<Output = Turn>) -> Option<Turn> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    /// Has a tenant judged for so often that it is known to be quick.
    fn known(turns: &Turns, tenant: &str) {
        for _ in 0..40 {
            drop(now(turns.take(tenant)).unwrap());
        }
    }

    #[test]
    fn a_tenant_gets_all_cores_while_nobody_else_wants_one() {
        let turns = Turns::new(2);
        known(&turns, "a");
        let one = now(turns.take("a"));
        let two = now(turns.take("a"));
        assert!(one.is_some() && two.is_some() && now(turns.take("a")).is_none() && now(turns.take("b")).is_none());
        drop(one);
        assert!(now(turns.take("b")).is_some());
    }

    #[test]
    fn a_slow_tenant_leaves_a_core_to_others() {
        let turns = Turns::new(2);
        // Nobody knows yet that it is not.
        let slow = now(turns.take("slow"));
        assert!(slow.is_some() && now(turns.take("slow")).is_none());
        assert!(now(turns.take("quick")).is_some());
    }

    #[test]
    fn a_tenant_that_was_slow_is_forgiven() {
        let turns = Turns::new(2);
        now(turns.take("a")).unwrap().tenant.mean_us.store(50_000, Ordering::Relaxed);
        known(&turns, "a");
        let (one, two) = (now(turns.take("a")), now(turns.take("a")));
        assert!(one.is_some() && two.is_some());
    }
}
