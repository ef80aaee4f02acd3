//! Where the server's processor time goes, by part, as the counter `sopwith_processor_nanoseconds_total` of `/metrics`. What is
//! counted nowhere is HTTP and whatever holds the rest together; what SQLite's own threads take is not seen from here.

use host_api::busy;
use std::future::poll_fn;
use std::pin::pin;

/// What is counted apart.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Checking, deciding, sealing.
    Engine,
    /// Rules in the sandbox, with their stores and instances.
    Rules,
    /// Making rows of commits and handing them to the database.
    Store,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Rules => "rules",
            Self::Store => "store",
        }
    }

    /// Does it on this thread, and counts what it took.
    pub fn of<T>(self, work: impl FnOnce() -> T) -> T {
        let before = busy();
        let done = work();
        let took = u64::try_from(busy().saturating_sub(before).as_nanos()).unwrap_or(u64::MAX);
        metrics::counter!("sopwith_processor_nanoseconds_total", "part" => self.name()).increment(took);
        done
    }

    /// Waits for it, and counts what it took while it did not wait itself.
    pub async fn of_future<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| self.of(|| future.as_mut().poll(context))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::time::Duration;
    use tokio::task::yield_now;

    /// What is counted while `work` runs, by part.
    fn counted(work: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let rendered = recorder.handle();
        metrics::with_local_recorder(&recorder, work);
        rendered.render()
    }

    fn be_busy(long: Duration) {
        let begun = busy();
        while busy().saturating_sub(begun) < long {}
    }

    #[track_caller]
    fn nanoseconds(text: &str, part: &str) -> u64 {
        let line = format!("sopwith_processor_nanoseconds_total{{part=\"{part}\"}} ");
        text.lines().find_map(|other| other.strip_prefix(&line)).unwrap().parse().unwrap()
    }

    #[test]
    fn parts_are_counted_apart_and_waiting_costs_nothing() {
        let text = counted(|| {
            assert_eq!(Part::Rules.of(|| be_busy(Duration::from_millis(2))), ());
            let waits = async {
                be_busy(Duration::from_millis(1));
                yield_now().await;
                be_busy(Duration::from_millis(1));
            };
            let other = async { be_busy(Duration::from_millis(50)) };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { tokio::join!(Part::Store.of_future(waits), other) });
        });
        assert!(nanoseconds(&text, "rules") >= 2_000_000, "{text}");
        let store = nanoseconds(&text, "store");
        assert!((2_000_000..50_000_000).contains(&store), "{text}");
        assert!(!text.contains("engine"), "{text}");
    }
}
