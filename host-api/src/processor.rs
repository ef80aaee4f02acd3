//! How long a thread has been busy. Unlike the clock on the wall it does not run on while the thread waits for a core.

use std::time::Duration;

/// Processor time of the calling thread.
#[cfg(target_os = "linux")]
#[must_use]
pub fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
}

/// Elsewhere the clock on the wall stands in for it.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn busy() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}
