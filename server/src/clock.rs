//! What time it is: the system's clock, or one that is moved by hand (demo, tests). The only place that asks the system.

use std::sync::atomic::{AtomicI64, Ordering};

/// See the module header.
pub struct Clock {
    /// Milliseconds since the Unix epoch; none: the system's clock.
    by_hand: Option<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { by_hand: None }
    }

    /// A clock that stands at `now_ms` until it is moved.
    pub const fn by_hand(now_ms: i64) -> Self {
        Self { by_hand: Some(AtomicI64::new(now_ms)) }
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        match &self.by_hand {
            Some(now_ms) => now_ms.load(Ordering::SeqCst),
            None => system_ms(),
        }
    }

    /// Whether it can be moved.
    pub const fn is_by_hand(&self) -> bool {
        self.by_hand.is_some()
    }

    /// Moves a clock that is moved by hand; it never goes back. What it shows now, or none for the system's clock.
    pub fn move_to(&self, now_ms: i64) -> Option<i64> {
        self.by_hand.as_ref().map(|clock| clock.fetch_max(now_ms, Ordering::SeqCst).max(now_ms))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
fn system_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_by_hand_stands_still_and_never_goes_back() {
        let clock = Clock::by_hand(1_000);
        assert_eq!((clock.now_ms(), clock.now_ms()), (1_000, 1_000));
        assert_eq!(clock.move_to(2_000), Some(2_000));
        assert_eq!(clock.move_to(1_500), Some(2_000));
        assert_eq!(clock.now_ms(), 2_000);
        assert_eq!(Clock::system().move_to(1), None);
        assert!(Clock::system().now_ms() > 1_700_000_000_000);
    }
}
