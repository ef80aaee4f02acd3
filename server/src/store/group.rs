//! Group commit: what waits while a transaction is under way is the next transaction, with one fsync for all of it.
//!
//! Nobody is made to wait for company: a commit that comes alone goes alone. Two commits that touch the same stream or task
//! are never in one group, so whoever loses has lost to something that is durable. The queue is bounded, and who finds it
//! full waits, but not for ever. No SQL here: how a group is carried out is a `Persist`.

use super::database::{Stop, Writing};
use super::prepare::Prepared;
use super::{Committed, Conflict, Options, Result, StoreError};
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// A group is full when it has so many bytes, whatever it was allowed in number.
const BYTES: usize = 4 << 20;
/// So many groups are looked at, at most, for what may go together.
const GROUPS: usize = 4;

/// How a group ended when nothing went wrong.
pub enum Attempt {
    /// All of it is durable; the place of each in the order of its tenant.
    Done(Vec<u64>),
    /// Nothing was written: these have lost, by their place in the group, in order.
    Lost(Vec<(usize, Conflict)>),
}

/// Carries a group out.
pub trait Persist: Send + 'static {
    /// Whether a group may hold commits of several tenants.
    const TENANTS_MEET: bool;
    /// In one transaction.
    fn persist<'a>(&'a mut self, group: &'a [&'a Prepared]) -> Writing<'a, Attempt>;
}

/// A commit and whoever waits for it.
struct Waiting {
    commit: Prepared,
    /// Nobody may be there any more; the commit is made all the same.
    reply: oneshot::Sender<Result<Committed>>,
}

impl Waiting {
    fn answer(self, answer: Result<Committed>) {
        // Whoever asked may be gone.
        let _ = self.reply.send(answer);
    }
}

/// Where commits wait. The task behind it ends with this value, after what waits.
pub struct Queue {
    commits: mpsc::Sender<Waiting>,
    patience: Duration,
}

impl Queue {
    /// A queue, and the task that carries out what waits in it.
    pub fn start<P: Persist>(persist: P, options: &Options) -> Self {
        let (commits, queue) = mpsc::channel(options.queue.max(1));
        tokio::spawn(run(persist, queue, options.group.max(1)));
        Self { commits, patience: options.patience }
    }

    /// Waits for room, and then for the answer. From when there is room on, the commit is made whoever goes away.
    pub async fn commit(&self, commit: Prepared) -> Result<Committed> {
        let (reply, answer) = oneshot::channel();
        let unavailable = |text: &str| StoreError::Unavailable(text.to_owned());
        match self.commits.send_timeout(Waiting { commit, reply }, self.patience).await {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(unavailable("the writer is gone"))),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(unavailable("too many commits wait")),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(unavailable("the writer is gone")),
        }
    }
}

async fn run<P: Persist>(mut persist: P, mut queue: mpsc::Receiver<Waiting>, most: usize) {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(first) = queue.recv().await else { return };
            waiting.push_back(first);
        }
        while waiting.len() < most.saturating_mul(GROUPS)
            && let Ok(next) = queue.try_recv()
        {
            waiting.push_back(next);
        }
        let group = take(&mut waiting, most, P::TENANTS_MEET);
        let (size, started) = (group.len(), Instant::now());
        settle(&mut persist, group).await;
        metrics::histogram!("sopwith_commit_group_size").record(f64::from(u32::try_from(size).unwrap_or(u32::MAX)));
        metrics::histogram!("sopwith_commit_seconds").record(started.elapsed().as_secs_f64());
    }
}

/// The next group: the first that waits, and what may go with it. What touches something that is in the group, or that
/// waits longer, stays, and the order among those is kept.
fn take(waiting: &mut VecDeque<Waiting>, most: usize, tenants_meet: bool) -> Vec<Waiting> {
    let mut group: Vec<Waiting> = Vec::new();
    let mut touched: HashSet<u64> = HashSet::new();
    let (mut stays, mut bytes) = (VecDeque::new(), 0_usize);
    while let Some(next) = waiting.pop_front() {
        let commit = &next.commit;
        let fits = group.first().is_none_or(|first| {
            group.len() < most
                && bytes.saturating_add(commit.size) <= BYTES
                && !(first.commit.is_alone() || commit.is_alone())
                && (tenants_meet || first.commit.tenant == commit.tenant)
                && !commit.touches.iter().any(|touch| touched.contains(touch))
        });
        touched.extend(&commit.touches);
        if fits {
            bytes = bytes.saturating_add(commit.size);
            group.push(next);
        } else {
            stays.push_back(next);
        }
    }
    *waiting = stays;
    group
}

/// Carries a group out until everybody has an answer: without those who lost, and one by one when something went wrong.
async fn settle<P: Persist>(persist: &mut P, group: Vec<Waiting>) {
    let mut groups = VecDeque::from([group]);
    while let Some(group) = groups.pop_front() {
        let commits: Vec<&Prepared> = group.iter().map(|waiting| &waiting.commit).collect();
        match persist.persist(&commits).await {
            Ok(Attempt::Done(places)) => {
                for (waiting, change_seq) in group.into_iter().zip(places) {
                    waiting.answer(Ok(Committed::Done { change_seq }));
                }
            }
            Ok(Attempt::Lost(lost)) => {
                let mut lost = lost.into_iter().peekable();
                let mut rest = Vec::new();
                for (place, waiting) in group.into_iter().enumerate() {
                    match lost.next_if(|(loser, _)| *loser == place) {
                        Some((_, conflict)) => waiting.answer(Ok(Committed::Conflict(conflict))),
                        None => rest.push(waiting),
                    }
                }
                if !rest.is_empty() {
                    groups.push_front(rest);
                }
            }
            Err(Stop::Broken(error)) => {
                let error = StoreError::from(error);
                for waiting in group.into_iter().chain(groups.drain(..).flatten()) {
                    waiting.answer(Err(error.clone()));
                }
            }
            Err(_) if group.len() > 1 => groups.extend(group.into_iter().map(|waiting| vec![waiting])),
            Err(stop) => {
                let error = StoreError::from(stop);
                for waiting in group {
                    waiting.answer(Err(error.clone()));
                }
            }
        }
    }
}
