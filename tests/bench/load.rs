//! The load driver: clients that send what was prepared for them, and how long they waited.
//!
//! Closed loop: a client sends its next request when it has the answer; what is measured is the most the server can do.
//! Open loop: requests are sent when they are due, whatever became of those before, and the wait counts from the moment a
//! request was due, so that a server that stands still is charged for all who would have come meanwhile (no coordinated
//! omission). The driver runs on one thread; its processor time is reported apart.

use crate::process::cpu_s;
use crate::wire::Connection;
use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What each client sends, in order.
pub type Lists = Vec<Vec<Vec<u8>>>;

/// What came of it.
pub struct Load {
    /// Waits in microseconds.
    pub waits: Histogram<u64>,
    /// How long it took in all.
    pub took: Duration,
    /// Answers other than 2xx, and the first of them.
    pub failed: Option<(u64, String)>,
    /// Processor time of this program, the driver, in seconds.
    pub driver_cpu_s: f64,
}

impl Load {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.took.as_secs_f64()
    }

    /// The wait below which the share `quantile` of all waits was, in microseconds.
    pub fn wait(&self, quantile: f64) -> f64 {
        self.waits.value_at_quantile(quantile) as f64
    }

    /// This load, if every answer was a 2xx.
    pub fn all_well(self) -> anyhow::Result<Self> {
        if let Some((count, first)) = &self.failed {
            anyhow::bail!("{count} requests failed; the first: {first}");
        }
        ensure!(!self.waits.is_empty(), "nothing was answered");
        Ok(self)
    }
}

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// One after the other, for so long or until the list ends.
    Closed(Duration),
    /// So many a second over all clients together, until the lists end.
    Open(f64),
}

/// Sends the lists to `host:port`, one connection a list.
pub fn drive(address: &str, lists: &[Vec<Vec<u8>>], pace: Pace) -> anyhow::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let load = Rc::new(RefCell::new((Histogram::<u64>::new_with_max(120_000_000, 3)?, None)));
    let cpu = cpu_s("self")?;
    let took = local.block_on(&runtime, async {
        let mut connections = Vec::new();
        for _ in lists {
            connections.push(Connection::open(address).await?);
        }
        let begun = Instant::now();
        let clients: Vec<_> = std::iter::zip(connections, lists.iter().cloned())
            .enumerate()
            .map(|(number, (connection, list))| {
                let (load, clients) = (Rc::clone(&load), lists.len());
                tokio::task::spawn_local(async move {
                    client(connection, &list, pace, (begun, number, clients), |wait, failure| {
                        let (waits, failed) = &mut *load.borrow_mut();
                        match failure {
                            None => waits.saturating_record(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)),
                            Some(text) => failed.get_or_insert((0, text)).0 += 1,
                        }
                    })
                    .await
                })
            })
            .collect();
        for client in clients {
            client.await??;
        }
        anyhow::Ok(begun.elapsed())
    })?;
    let driver_cpu_s = cpu_s("self")? - cpu;
    let (waits, failed) = Rc::into_inner(load).context("a client is still at work")?.into_inner();
    Ok(Load { waits, took, failed, driver_cpu_s })
}

async fn client(
    mut connection: Connection,
    list: &[Vec<u8>],
    pace: Pace,
    (begun, number, clients): (Instant, usize, usize),
    mut answered: impl FnMut(Duration, Option<String>),
) -> anyhow::Result<()> {
    for (index, request) in list.iter().enumerate() {
        let due = match pace {
            Pace::Closed(length) => {
                let now = Instant::now();
                if now.duration_since(begun) >= length {
                    break;
                }
                now
            }
            Pace::Open(rate) => {
                let due = begun + Duration::from_secs_f64((index * clients + number) as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        let answer = connection.call(request).await?;
        let failure = (!(200..300).contains(&answer.status))
            .then(|| format!("{}: {}", answer.status, String::from_utf8_lossy(answer.body)));
        answered(due.elapsed(), failure);
    }
    Ok(())
}
