//! Group commit: what waits while a transaction is under way is the next transaction, with one fsync for all of it.
//!
//! Nobody is made to wait for company: a commit that comes alone goes alone. Two commits that touch the same stream or task
//! are never in one group, so whoever loses has lost to something that is durable. The queue is bounded, and who finds it
//! full waits, but not for ever. No SQL here: how a group is carried out is a `Persist`.

use super::database::{Stop, Writing};
use super::prepare::Prepared;
use super::{Committed, Conflict, Options, Result, StoreError};
use crate::processor::Part;
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
        self.reply.send(answer).ok();
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
        Part::Store.of_future(settle(&mut persist, group)).await;
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

#[cfg(test)]
mod tests {
    use super::super::{Commit, Write};
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};
    use tokio::sync::Semaphore;

    /// A commit that touches these visits.
    fn commit(tenant: &str, visits: &[&str]) -> Prepared {
        let touch = |visit: &&str| Write::Awaits { visit: (*visit).to_owned(), sha256: BTreeSet::new() };
        let writes = visits.iter().map(touch).collect();
        Prepared::of(tenant, &Commit { writes, ..Commit::default() }).unwrap()
    }

    fn waiting(commits: Vec<Prepared>) -> VecDeque<Waiting> {
        commits.into_iter().map(|commit| Waiting { commit, reply: oneshot::channel().0 }).collect()
    }

    /// The groups that come of commits, each by how many rows its commits have.
    fn groups(commits: Vec<Prepared>, most: usize, tenants_meet: bool) -> Vec<Vec<usize>> {
        let mut waiting = waiting(commits);
        let mut groups = Vec::new();
        while !waiting.is_empty() {
            let group = take(&mut waiting, most, tenants_meet);
            groups.push(group.iter().map(|waiting| waiting.commit.rows.len()).collect());
        }
        groups
    }

    #[test]
    fn who_touches_the_same_waits_in_order() {
        let commits = |tenant| {
            vec![
                commit("t", &["a"]),
                commit("t", &["a", "b"]),
                // Touches nothing of the first group, but must not overtake the second.
                commit("t", &["b", "c", "d"]),
                commit(tenant, &["e", "f", "g", "h"]),
            ]
        };
        assert_eq!(groups(commits("t"), 9, true), [vec![1, 4], vec![2], vec![3]]);
        assert_eq!(groups(commits("t"), 1, true), [[1], [2], [3], [4]]);
        assert_eq!(groups(commits("other"), 9, true), [vec![1, 4], vec![2], vec![3]]);
        assert_eq!(groups(commits("other"), 9, false), [vec![1], vec![2], vec![3], vec![4]]);
        // The same names elsewhere are others.
        let apart = vec![commit("t", &["a"]), commit("u", &["a"])];
        assert_eq!(groups(apart, 9, true), [[1, 1]]);
    }

    #[test]
    fn what_is_rare_or_large_goes_alone() {
        let rare = || {
            let writes = vec![Write::RevokeToken("tok_1".to_owned())];
            Prepared::of("t", &Commit { writes, ..Commit::default() }).unwrap()
        };
        assert_eq!(
            groups(vec![rare(), commit("t", &["a"]), rare(), commit("t", &["b"])], 9, true),
            [vec![0], vec![1, 1], vec![0]]
        );
        let mut large = commit("t", &["a"]);
        large.size = BYTES + 1;
        assert_eq!(groups(vec![commit("t", &["b"]), large, commit("t", &["c"])], 9, true), [vec![1, 1], vec![1]]);
    }

    /// Waits for leave before each group and notes its size.
    struct Fake(Arc<Semaphore>, Arc<Mutex<Vec<usize>>>);

    impl Persist for Fake {
        const TENANTS_MEET: bool = true;
        fn persist<'a>(&'a mut self, group: &'a [&'a Prepared]) -> Writing<'a, Attempt> {
            Box::pin(async move {
                self.0.acquire().await.unwrap().forget();
                self.1.lock().unwrap().push(group.len());
                Ok(Attempt::Done(vec![7; group.len()]))
            })
        }
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_waits_but_not_for_ever() {
        let (leave, sizes) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
        let options = Options { group: 2, queue: 2, patience: Duration::from_millis(50), ..Options::default() };
        let queue = Arc::new(Queue::start(Fake(Arc::clone(&leave), Arc::clone(&sizes)), &options));
        let send = || {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.commit(commit("t", &[])).await })
        };
        let first = send();
        tokio::task::yield_now().await;
        let mut rest: Vec<_> = (0..2).map(|_| send()).collect();
        tokio::task::yield_now().await;
        let late = send().await.unwrap();
        assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
        // There is room again before patience ends.
        let patient = send();
        tokio::task::yield_now().await;
        leave.add_permits(9);
        rest.extend([first, patient]);
        for one in rest {
            assert_eq!(one.await.unwrap().unwrap(), Committed::Done { change_seq: 7 });
        }
        let sizes = sizes.lock().unwrap().clone();
        assert_eq!((sizes[0], sizes.iter().sum::<usize>()), (1, 4), "{sizes:?}");
        assert!(sizes[1] == 2, "{sizes:?}");
    }

    #[tokio::test]
    async fn nothing_is_lost_silently() {
        let patience = Duration::from_secs(5);
        let (commits, mut waiting) = mpsc::channel(1);
        let queue = Queue { commits, patience };
        let (answer, ()) = tokio::join!(queue.commit(commit("t", &[])), async { drop(waiting.recv().await) });
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        drop(waiting);
        let answer = queue.commit(commit("t", &[])).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
}
