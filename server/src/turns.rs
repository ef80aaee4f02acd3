//! Whose rules run next, and on which threads. As many judgements at once as there are cores; one tenant never has more of
//! them waiting than that, so another's waits behind a few and not behind a queue. A tenant whose judgements are slow, or
//! not known yet, is judged on threads of its own kind: half as many as there are cores, and of a low priority, so that
//! they take what everybody else leaves.
//!
//! Slow is what takes processor time. By the clock on the wall a judgement is slow that had to wait for a core, and a busy
//! tenant would soon share the threads of the one that keeps it waiting. Only judgements that may run rules say whether a
//! tenant is slow: a rep who begins a hundred visits has not made the rules of their steps any quicker.

use host_api::busy;
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Judgements of a tenant that take more processor time than this in the mean are slow.
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

/// The priority of threads that judge for slow tenants (`nice`): a thirtieth of a normal thread's share where both want a
/// core, so that a rule's deadline of seconds still leaves its fuel time to burn.
#[cfg(target_os = "linux")]
const PATIENT: i32 = 15;

/// See the module header.
pub struct Turns {
    cores: u32,
    quick: Lane,
    slow: Lane,
    tenants: Cache<String, Arc<Tenant>>,
}

/// Threads, and how many judgements may be on them.
struct Lane {
    turns: Arc<Semaphore>,
    threads: Arc<rayon::ThreadPool>,
}

struct Tenant {
    turns: Arc<Semaphore>,
    mean_us: AtomicU64,
}

/// A thread to judge on; given back when dropped.
pub struct Turn {
    tenant: Arc<Tenant>,
    threads: Arc<rayon::ThreadPool>,
    mean_us: u64,
    /// Whether rules may run in it.
    rules: bool,
    _of_tenant: Option<OwnedSemaphorePermit>,
    _of_lane: Option<OwnedSemaphorePermit>,
}

impl Lane {
    fn new(name: &'static str, threads: u32, start: impl Fn(usize) + Send + Sync + 'static) -> anyhow::Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .thread_name(move |number| format!("{name}-{number}"))
            .start_handler(start)
            // Whoever waits for the answer learns that none comes; the others go on.
            .panic_handler(|_| tracing::error!("a judgement panicked"))
            .build()?;
        Ok(Self { turns: Arc::new(Semaphore::new(threads as usize)), threads: Arc::new(pool) })
    }
}

/// Gives the calling thread the priority of those that wait; where a system has none for threads, they are only fewer.
fn wait_for_others(_thread: usize) {
    #[cfg(target_os = "linux")]
    // On Linux this is about the calling thread alone. It is only a courtesy: without it rules are judged the same.
    if let Err(error) = rustix::process::setpriority_process(None, PATIENT) {
        tracing::warn!(%error, "judgements of slow tenants have no low priority");
    }
}

impl Turns {
    /// For so many cores.
    ///
    /// # Errors
    /// There are no threads to be had.
    pub fn new(cores: usize) -> anyhow::Result<Self> {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX).max(1);
        Ok(Self {
            cores,
            quick: Lane::new("judge", cores, |_| {})?,
            slow: Lane::new("slow-judge", cores.div_ceil(2), wait_for_others)?,
            tenants: Cache::new(TENANTS),
        })
    }

    /// Waits for a thread to judge on, `rules` saying whether rules may run there.
    pub async fn take(&self, tenant: &str, rules: bool) -> Turn {
        let new =
            || Arc::new(Tenant { turns: Arc::new(Semaphore::new(self.cores as usize)), mean_us: UNKNOWN_US.into() });
        let tenant = self.tenants.get_with_by_ref(tenant, new);
        // Semaphores are never closed, so there is always a permit in the end.
        let of_tenant = Arc::clone(&tenant.turns).acquire_owned().await.ok();
        // Whether it is slow may only be known since it waits.
        let mean_us = tenant.mean_us.load(Ordering::Relaxed);
        let lane = if rules && u128::from(mean_us) > SLOW.as_micros() { &self.slow } else { &self.quick };
        let of_lane = Arc::clone(&lane.turns).acquire_owned().await.ok();
        let threads = Arc::clone(&lane.threads);
        Turn { tenant, threads, mean_us, rules, _of_tenant: of_tenant, _of_lane: of_lane }
    }
}

impl Turn {
    /// Whether to run rule calls on several cores, if more are free: worth it, and fair to others.
    pub fn may_share(&self) -> bool {
        (WORTH_SHARING.as_micros()..SLOW.as_micros()).contains(&u128::from(self.mean_us))
    }

    /// Runs it on a thread of this turn, which it takes with it.
    pub fn run(self, judging: impl FnOnce(&Self) + Send + 'static) {
        let threads = Arc::clone(&self.threads);
        threads.spawn(move || {
            let before = busy();
            judging(&self);
            self.took(busy().saturating_sub(before));
        });
    }

    fn took(&self, took: Duration) {
        if !self.rules {
            return;
        }
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX / WEIGHT);
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
            now(turns.take(tenant, true)).unwrap().took(Duration::ZERO);
        }
    }

    #[test]
    fn a_tenant_gets_all_cores_while_nobody_else_wants_one() {
        let turns = Turns::new(2).unwrap();
        known(&turns, "a");
        known(&turns, "b");
        let one = now(turns.take("a", true));
        let two = now(turns.take("a", true));
        assert!(
            one.is_some()
                && two.is_some()
                && now(turns.take("a", true)).is_none()
                && now(turns.take("b", true)).is_none()
        );
        drop(one);
        assert!(now(turns.take("b", true)).is_some());
    }

    #[test]
    fn slow_tenants_share_half_of_the_cores_and_nobody_waits_for_them() {
        let turns = Turns::new(2).unwrap();
        known(&turns, "a");
        // Nobody knows yet that it is not slow.
        let slow = now(turns.take("slow", true));
        assert!(slow.is_some() && now(turns.take("slow", true)).is_none() && now(turns.take("other", true)).is_none());
        let one = now(turns.take("a", true));
        assert!(one.is_some() && now(turns.take("a", true)).is_some());
    }

    #[test]
    fn what_runs_no_rules_neither_waits_for_slow_tenants_nor_makes_one_quick() {
        let turns = Turns::new(2).unwrap();
        now(turns.take("a", true)).unwrap().took(SLOW * 20);
        for _ in 0..100 {
            now(turns.take("a", false)).unwrap().took(Duration::ZERO);
        }
        let slow = now(turns.take("a", true));
        assert!(slow.is_some() && now(turns.take("b", true)).is_none() && now(turns.take("b", false)).is_some());
        drop(slow);
        assert!(u128::from(now(turns.take("a", true)).unwrap().mean_us) > SLOW.as_micros());
    }

    #[test]
    fn a_tenant_that_was_slow_is_forgiven() {
        let turns = Turns::new(2).unwrap();
        now(turns.take("a", true)).unwrap().tenant.mean_us.store(50_000, Ordering::Relaxed);
        known(&turns, "a");
        let (one, two) = (now(turns.take("a", true)), now(turns.take("a", true)));
        assert!(one.is_some() && two.is_some());
    }

    #[tokio::test]
    async fn who_is_busy_for_long_is_slow() {
        let turns = Turns::new(2).unwrap();
        known(&turns, "a");
        let (held, busy_one) = (turns.take("a", true).await, turns.take("a", true).await);
        assert!(u128::from(held.mean_us) < SLOW.as_micros());
        busy_one.run(|_| {
            let begun = busy();
            while busy().saturating_sub(begun) < SLOW * 10 {}
        });
        // There are two turns: this one is the busy one's, once it is over.
        assert!(u128::from(turns.take("a", true).await.mean_us) > SLOW.as_micros());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn threads_of_slow_tenants_have_a_low_priority_and_others_keep_theirs() {
        let turns = Turns::new(2).unwrap();
        let usual = rustix::process::getpriority_process(None).unwrap();
        known(&turns, "quick");
        for (tenant, expected) in [("unknown", PATIENT), ("quick", usual)] {
            let (sender, seen) = std::sync::mpsc::channel();
            let ask = move |_: &Turn| sender.send(rustix::process::getpriority_process(None)).unwrap();
            now(turns.take(tenant, true)).unwrap().run(ask);
            assert_eq!(seen.recv().unwrap().unwrap(), expected, "{tenant}");
        }
    }
}
