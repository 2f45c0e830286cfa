//! A fair semaphore: it limits concurrent queries in all and for each peer, and how many of them may take long.

use std::collections::{HashMap, VecDeque};
use std::ops::Add;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::unsync::Cache;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::peer::Peer;

/// A semaphore with a limit for each peer and one for all. Clones share everything.
///
/// - Waiting peers are served in turn, so that a peer with a thousand lookups does not delay the others by a thousand.
/// - Half of the permits, of one peer and in all, may be held without a time limit. The others are for 3 s: a longer
///   query is aborted when somebody else is waiting for its permit. So there is always progress, whoever does not
///   respond.
/// - A peer whose last query was answered has precedence over a new one. A peer whose last query was aborted or timed
///   out is slow until it answers again: all slow peers share a quarter of the permits, and few lookups may wait for
///   one.
/// - Among the lookups for one peer, the first of each zone has precedence over the second of any, so that a zone with
///   a thousand names does not delay another one; lookups that were rejected before come last. When they have waited
///   for long, the latest comes first: most of the earlier ones have been given up by their requesters, or soon will
///   be.
/// - Waiting is bounded, in number and in time. If too many wait, the last of the longest queue is rejected.
#[derive(Clone, Debug)]
pub(crate) struct FairSemaphore {
    shared: Arc<Shared>,
}

/// Permission to query a peer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    semaphore: FairSemaphore,
    peer: Peer,
    is_long: bool,
}

/// The domain on whose behalf a permit is acquired.
#[derive(Clone, Debug)]
pub(crate) struct Requester {
    pub(crate) zone: Peer,
    /// Whether it was rejected recently.
    pub(crate) is_retry: bool,
}

/// No permit is available, and too many are waiting for one already or it took too long. This says nothing about the
/// peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// The query was aborted: it took long while others were waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aborted {
    /// Whether the peer let earlier queries time out and has not answered since. Then this counts as unresponsiveness,
    /// not as overload.
    pub(crate) is_unresponsive: bool,
}

/// What a result says about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerResult {
    /// It responds.
    Answered,
    /// The query timed out.
    TimedOut,
    /// Nothing: the fault is local.
    Nothing,
}

/// The reason why a query has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// There was no permit, or not for long enough.
    Busy,
    /// The peer took long while others were waiting, and has let earlier queries time out: it counts as unresponsive.
    Unresponsive,
}

/// The current state of a semaphore, and the number of rejections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    /// The number of permits in use.
    pub(crate) held: usize,
    /// The number waiting because their peer has all the permits it may have.
    pub(crate) waiting_for_peer: usize,
    /// The number waiting because all permits are in use.
    pub(crate) waiting_for_permit: usize,
    /// The number of rejected and aborted queries since the start.
    pub(crate) rejected: u64,
}

#[derive(Debug)]
struct Shared {
    in_all: usize,
    for_one_peer: usize,
    max_waiting: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    peers: HashMap<Peer, PeerState>,
    held: usize,
    held_long: usize,
    held_by_slow_peers: usize,
    waiting: usize,
    last_waiter: u64,
    rejected: u64,
    /// The queues of peers for which somebody waits and that may have another permit, by their standing.
    queues: [VecDeque<Peer>; 3],
    granted: u64,
    remembered: Cache<Peer, Standing>,
}

/// The result of the last query of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    Answered,
    #[default]
    New,
    /// It was aborted or timed out; with the number of timeouts since the last response.
    Slow {
        timeouts: u32,
    },
}

/// The state of a peer with permits in use or waiting lookups.
#[derive(Debug, Default)]
struct PeerState {
    held: usize,
    held_long: usize,
    standing: Standing,
    is_queued: bool,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: Instant,
    zone: Peer,
    /// The number of earlier waiters of the same zone; the lowest goes first.
    rank: usize,
    sender: oneshot::Sender<Permit>,
}

/// Permits to hand out after the state is unlocked: a receiver that is removed returns its permit.
type Grants = Vec<(oneshot::Sender<Permit>, Permit)>;

impl FairSemaphore {
    /// A semaphore with this many permits in all and for one peer, and this many waiters; 0 counts as 1.
    pub(crate) fn new(in_all: usize, for_one_peer: usize, max_waiting: usize) -> Self {
        let state = State {
            peers: HashMap::new(),
            held: 0,
            held_long: 0,
            held_by_slow_peers: 0,
            waiting: 0,
            last_waiter: 0,
            rejected: 0,
            queues: Default::default(),
            granted: 0,
            remembered: Cache::new(MAX_REMEMBERED),
        };
        Self {
            shared: Arc::new(Shared {
                in_all: in_all.max(1),
                for_one_peer: for_one_peer.max(1),
                max_waiting: max_waiting.max(1),
                state: Mutex::new(state),
            }),
        }
    }

    /// Waits for a permit, for at most 10 s. A waiter holds nothing.
    pub(crate) async fn acquire(&self, peer: Peer, requester: &Requester) -> Result<Permit, Busy> {
        let (number, permit) = self.queue(&peer, requester)?;
        let queued = Queued { semaphore: self, peer: &peer, number };
        match timeout(PATIENCE, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            // The sender was dropped: the queue became too long.
            Ok(Err(_)) => Err(Busy),
            Err(_) => {
                drop(queued);
                self.lock().rejected += 1;
                Err(Busy)
            }
        }
    }

    /// Runs a query once there is a permit for the peer, and records what its result says about the peer.
    pub(crate) async fn run<T>(
        &self,
        peer: Peer,
        requester: &Requester,
        work: impl Future<Output = T>,
        classify: impl FnOnce(&T) -> PeerResult,
    ) -> Result<T, Rejected> {
        let mut permit = self.acquire(peer, requester).await.map_err(|Busy| Rejected::Busy)?;
        match permit.run(work).await {
            Ok(done) => {
                match classify(&done) {
                    PeerResult::Answered => permit.answered(),
                    PeerResult::TimedOut => permit.timed_out(),
                    PeerResult::Nothing => {}
                }
                Ok(done)
            }
            Err(Aborted { is_unresponsive: true }) => Err(Rejected::Unresponsive),
            Err(Aborted { is_unresponsive: false }) => Err(Rejected::Busy),
        }
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let state = self.lock();
        let waiting_for_peer = state.peers.values().filter(|peer| peer.held >= self.shared.for_one_peer);
        let waiting_for_peer = waiting_for_peer.map(|peer| peer.waiters.len()).sum();
        Gauges {
            held: state.held,
            waiting_for_peer,
            waiting_for_permit: state.waiting - waiting_for_peer,
            rejected: state.rejected,
        }
    }

    fn queue(&self, peer: &Peer, requester: &Requester) -> Result<(u64, oneshot::Receiver<Permit>), Busy> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        let standing = state.standing(peer);
        let of_peer = state.peers.entry(peer.clone()).or_insert_with(|| PeerState::new(standing));
        if of_peer.standing.is_slow() && of_peer.waiters.len() >= MAX_WAITING_FOR_SLOW_PEER {
            state.rejected += 1;
            return Err(Busy);
        }
        state.last_waiter += 1;
        let number = state.last_waiter;
        if let Some(of_peer) = state.peers.get_mut(peer) {
            let before = of_peer.waiters.iter().filter(|waiter| waiter.zone == requester.zone).count();
            let rank = before + if requester.is_retry { RETRY_RANK } else { 0 };
            of_peer.waiters.push_back(Waiter {
                number,
                since: Instant::now(),
                zone: requester.zone.clone(),
                rank,
                sender,
            });
        }
        state.waiting += 1;
        self.enqueue(&mut state, peer);
        let mut grants = Vec::new();
        self.grant(&mut state, &mut grants);
        if state.waiting > self.shared.max_waiting {
            state.shorten_longest_queue();
        }
        drop(state);
        hand_out(grants);
        Ok((number, receiver))
    }

    /// Puts a peer into the queue for the next permit.
    fn enqueue(&self, state: &mut State, peer: &Peer) {
        let State { peers, queues, .. } = state;
        if let Some(of_peer) = peers.get_mut(peer)
            && !of_peer.is_queued
            && !of_peer.waiters.is_empty()
            && of_peer.held < self.shared.for_one_peer
        {
            of_peer.is_queued = true;
            queues[of_peer.standing.queue_index()].push_back(peer.clone());
        }
    }

    /// Grants free permits in the order of the queues.
    fn grant(&self, state: &mut State, grants: &mut Grants) {
        while state.held < self.shared.in_all {
            let slow_may = state.held_by_slow_peers < self.shared.for_slow_peers();
            // Slow peers come last, but they do get their share.
            let order = match state.granted % 8 {
                7 => [2, 0, 1],
                3 => [1, 0, 2],
                _ => [0, 1, 2],
            };
            let is_open = |queue_index: &usize| {
                !state.queues[*queue_index].is_empty() && (*queue_index < 2 || slow_may)
            };
            let Some(queue_index) = order.into_iter().find(is_open) else { return };
            let Some(peer) = state.queues[queue_index].pop_front() else { return };
            let State { peers, .. } = state;
            let Some(of_peer) = peers.get_mut(&peer) else { continue };
            of_peer.is_queued = false;
            if of_peer.standing.queue_index() == queue_index
                && of_peer.held < self.shared.for_one_peer
                && let Some(waiter) = of_peer.next_waiter()
            {
                of_peer.held += 1;
                state.held_by_slow_peers += usize::from(of_peer.standing.is_slow());
                state.held += 1;
                state.waiting -= 1;
                state.granted += 1;
                let permit = Permit { semaphore: self.clone(), peer: peer.clone(), is_long: false };
                grants.push((waiter.sender, permit));
            }
            self.enqueue(state, &peer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn for_slow_peers(&self) -> usize {
        self.in_all.div_ceil(4)
    }
}

impl Permit {
    /// Runs a query for as long as the permit may be held.
    pub(crate) async fn run<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Aborted> {
        let mut work = pin!(work);
        let mut pause = BRIEF;
        while !self.is_long {
            if let Ok(done) = timeout(pause, work.as_mut()).await {
                return Ok(done);
            }
            self.extend()?;
            pause = POLL;
        }
        Ok(work.await)
    }

    /// Records a response of the peer, of any kind.
    pub(crate) fn answered(self) {
        self.semaphore.lock().set_standing(&self.peer, Standing::Answered);
    }

    /// Records that the query timed out.
    pub(crate) fn timed_out(self) {
        let state = &mut *self.semaphore.lock();
        let timeouts = state.standing(&self.peer).timeouts().saturating_add(1);
        state.set_standing(&self.peer, Standing::Slow { timeouts });
    }

    /// Extends the permit beyond the short time limit, if possible.
    fn extend(&mut self) -> Result<(), Aborted> {
        let shared = &self.semaphore.shared;
        let mut state = self.semaphore.lock();
        let [answered, new, slow] = state.queues.each_ref().map(|queues| !queues.is_empty());
        let is_full = state.held >= shared.in_all && (answered || new || slow);
        let slow_is_full = state.held_by_slow_peers >= shared.for_slow_peers() && slow;
        let may_be_long = state.held_long < shared.in_all / 2;
        // It exists as long as the permit.
        let Some(of_peer) = state.peers.get_mut(&self.peer) else { return Ok(()) };
        let is_wanted =
            is_full || (of_peer.standing.is_slow() && slow_is_full) || !of_peer.waiters.is_empty();
        if !is_wanted {
            return Ok(());
        }
        if may_be_long && of_peer.held_long < shared.for_one_peer / 2 {
            of_peer.held_long += 1;
            self.is_long = true;
            state.held_long += 1;
            return Ok(());
        }
        let timeouts = of_peer.standing.timeouts();
        state.set_standing(&self.peer, Standing::Slow { timeouts });
        let is_unresponsive = timeouts >= TIMEOUTS_UNTIL_UNRESPONSIVE;
        state.rejected += u64::from(!is_unresponsive);
        Err(Aborted { is_unresponsive })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut grants = Vec::new();
        let mut state = self.semaphore.lock();
        state.held -= 1;
        state.held_long -= usize::from(self.is_long);
        if let Some(of_peer) = state.peers.get_mut(&self.peer) {
            of_peer.held -= 1;
            of_peer.held_long -= usize::from(self.is_long);
            let is_slow = of_peer.standing.is_slow();
            state.held_by_slow_peers -= usize::from(is_slow);
        }
        self.semaphore.enqueue(&mut state, &self.peer);
        self.semaphore.grant(&mut state, &mut grants);
        state.forget_if_idle(&self.peer);
        drop(state);
        hand_out(grants);
    }
}

/// Removes a waiter from its queue if it stops waiting.
struct Queued<'a> {
    semaphore: &'a FairSemaphore,
    peer: &'a Peer,
    number: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.semaphore.lock();
        let Some(of_peer) = state.peers.get_mut(self.peer) else { return };
        // They are sorted by number.
        if let Ok(index) = of_peer.waiters.binary_search_by_key(&self.number, |waiter| waiter.number) {
            of_peer.waiters.remove(index);
            state.waiting -= 1;
        }
        state.forget_if_idle(self.peer);
    }
}

impl State {
    fn standing(&self, peer: &Peer) -> Standing {
        self.remembered.get(peer).copied().unwrap_or_default()
    }

    fn set_standing(&mut self, peer: &Peer, standing: Standing) {
        self.remembered.insert(peer.clone(), standing);
        let Some(of_peer) = self.peers.get_mut(peer) else { return };
        let before = std::mem::replace(&mut of_peer.standing, standing);
        if before.queue_index() == standing.queue_index() {
            return;
        }
        if of_peer.is_queued {
            // Its entry in the old queue is skipped.
            self.queues[standing.queue_index()].push_back(peer.clone());
        }
        if standing.is_slow() {
            self.held_by_slow_peers += of_peer.held;
            let too_many = of_peer.keep_waiters(MAX_WAITING_FOR_SLOW_PEER);
            self.waiting -= too_many;
            self.rejected += too_many as u64;
        } else if before.is_slow() {
            self.held_by_slow_peers -= of_peer.held;
        }
    }

    fn shorten_longest_queue(&mut self) {
        let longest = self.peers.values_mut().max_by_key(|peer| peer.waiters.len());
        let removed = longest.map_or(0, |peer| peer.keep_waiters(peer.waiters.len().saturating_sub(1)));
        self.waiting -= removed;
        self.rejected += removed as u64;
    }

    fn forget_if_idle(&mut self, peer: &Peer) {
        if self.peers.get(peer).is_some_and(|of_peer| of_peer.held == 0 && of_peer.waiters.is_empty()) {
            self.peers.remove(peer);
        }
    }
}

impl PeerState {
    fn new(standing: Standing) -> Self {
        Self { standing, ..Self::default() }
    }

    fn next_waiter(&mut self) -> Option<Waiter> {
        let first = self.waiters.iter().map(|waiter| waiter.rank).min()?;
        let is_first = |waiter: &Waiter| waiter.rank == first;
        let oldest = self.waiters.iter().position(is_first)?;
        let index = if self.waiters[oldest].since.elapsed() < LONG_WAIT {
            oldest
        } else {
            self.waiters.iter().rposition(is_first)?
        };
        self.waiters.remove(index)
    }

    /// Rejects the last waiters until `count` are left; returns how many were rejected.
    fn keep_waiters(&mut self, count: usize) -> usize {
        let removed = self.waiters.len().saturating_sub(count);
        let waiters = self.waiters.make_contiguous();
        waiters.sort_by_key(|waiter| (waiter.rank, waiter.number));
        self.waiters.truncate(count);
        self.waiters.make_contiguous().sort_by_key(|waiter| waiter.number);
        removed
    }
}

impl Requester {
    /// A requester for this name.
    pub(crate) fn of_name(name: &str) -> Self {
        Self { zone: Peer::of_name(name), is_retry: false }
    }
}

impl Standing {
    const fn queue_index(self) -> usize {
        match self {
            Self::Answered => 0,
            Self::New => 1,
            Self::Slow { .. } => 2,
        }
    }

    const fn is_slow(self) -> bool {
        matches!(self, Self::Slow { .. })
    }

    const fn timeouts(self) -> u32 {
        match self {
            Self::Slow { timeouts } => timeouts,
            Self::Answered | Self::New => 0,
        }
    }
}

impl Add for Gauges {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            held: self.held + other.held,
            waiting_for_peer: self.waiting_for_peer + other.waiting_for_peer,
            waiting_for_permit: self.waiting_for_permit + other.waiting_for_permit,
            rejected: self.rejected + other.rejected,
        }
    }
}

fn hand_out(grants: Grants) {
    for (sender, permit) in grants {
        // If the receiver is removed, the permit is returned by dropping it.
        drop(sender.send(permit));
    }
}

/// The maximum time to wait for a permit.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this time the latest waiter goes first.
const LONG_WAIT: Duration = Duration::from_millis(250);
/// The time for which every permit may be held.
const BRIEF: Duration = Duration::from_secs(3);
/// The interval at which a longer query checks whether others are waiting.
const POLL: Duration = Duration::from_millis(250);
/// The maximum number of waiters for a slow peer.
const MAX_WAITING_FOR_SLOW_PEER: usize = 16;
/// The maximum number of peers whose standing is remembered.
const MAX_REMEMBERED: usize = 16_384;
/// Ranks after everybody who was not rejected before.
const RETRY_RANK: usize = 1_000_000;
/// After this many timeouts without a response a peer counts as unresponsive.
const TIMEOUTS_UNTIL_UNRESPONSIVE: u32 = 2;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of_address([127, 83, 0, last].into())
    }

    fn requester() -> Requester {
        Requester::of_name("requester.test")
    }

    /// Acquires a permit for a query that is never answered.
    fn hang(semaphore: &FairSemaphore, peer: Peer) -> JoinHandle<Result<(), &'static str>> {
        let semaphore = semaphore.clone();
        tokio::spawn(async move {
            let mut permit = semaphore.acquire(peer, &requester()).await.map_err(|Busy| "busy")?;
            match permit.run(timeout(Duration::from_secs(60), pending::<()>())).await {
                Ok(_) => {
                    permit.timed_out();
                    Err("timed out")
                }
                Err(Aborted { is_unresponsive: true }) => Err("silent"),
                Err(Aborted { is_unresponsive: false }) => Err("cut off"),
            }
        })
    }

    /// Acquires a permit for a query that is answered at once; returns how long it took.
    async fn answered(semaphore: &FairSemaphore, peer: Peer) -> Result<Duration, Busy> {
        let start = Instant::now();
        let mut permit = semaphore.acquire(peer, &requester()).await?;
        permit.run(sleep(Duration::from_millis(20))).await.map_err(|_| Busy)?;
        permit.answered();
        Ok(start.elapsed())
    }

    /// Runs until no task can make progress.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    fn nobody(semaphore: &FairSemaphore) -> bool {
        let state = semaphore.lock();
        state.peers.is_empty() && state.held + state.held_long + state.held_by_slow_peers + state.waiting == 0
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_peer_holds_up_no_other() {
        let semaphore = FairSemaphore::new(3, 2, 10);
        let requester = requester();
        let enter = |last| timeout(Duration::from_secs(1), semaphore.acquire(peer(last), &requester));
        let first = enter(1).await.unwrap().unwrap();
        let second = enter(1).await.unwrap().unwrap();
        assert!(enter(1).await.is_err(), "two for a peer");
        let third = enter(2).await.unwrap().unwrap();
        assert!(enter(3).await.is_err(), "three in all");
        drop(first);
        let fourth = enter(3).await.unwrap().unwrap();
        drop((second, third, fourth));
        assert!(nobody(&semaphore), "nothing is kept of peers that nobody asks");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_silent_peer_half_may_wait_for_long_and_the_others_make_room() {
        let semaphore = FairSemaphore::new(256, 8, 1000);
        let hanging: Vec<_> = (0..1000).map(|_| hang(&semaphore, peer(1))).collect();
        settle().await;
        let gauges = semaphore.gauges();
        assert_eq!((gauges.held, gauges.waiting_for_peer, gauges.waiting_for_permit), (8, 992, 0));
        assert!(
            answered(&semaphore, peer(2)).await.unwrap() < Duration::from_millis(100),
            "another is asked at once"
        );
        sleep(Duration::from_secs(4)).await;
        let gauges = semaphore.gauges();
        assert_eq!(gauges.held, 8);
        assert!(gauges.waiting_for_peer <= MAX_WAITING_FOR_SLOW_PEER, "{gauges:?}");
        let mut ends = HashMap::new();
        for hanging in hanging {
            *ends.entry(hanging.await.unwrap().unwrap_err()).or_insert(0) += 1;
        }
        assert_eq!(ends.values().sum::<usize>(), 1000);
        // The long queries, and those for which nobody is waiting any more.
        assert!((4..=8).contains(&ends["timed out"]), "{ends:?}");
        assert!(semaphore.gauges().rejected >= 900 && nobody(&semaphore));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_was_never_in_time_is_silent_until_it_answers() {
        let semaphore = FairSemaphore::new(256, 2, 1000);
        let first: Vec<_> = (0..2).map(|_| hang(&semaphore, peer(1))).collect();
        for hanging in first {
            assert_eq!(hanging.await.unwrap(), Err("timed out"), "nobody waited");
        }
        let start = Instant::now();
        let second: Vec<_> = (0..4).map(|_| hang(&semaphore, peer(1))).collect();
        let mut ends = Vec::new();
        for hanging in second {
            ends.push(hanging.await.unwrap().unwrap_err());
        }
        ends.sort_unstable();
        assert_eq!(ends, ["silent", "silent", "timed out", "timed out"], "two made room for the next");
        assert!(start.elapsed() < Duration::from_secs(70));

        answered(&semaphore, peer(1)).await.unwrap();
        let third: Vec<_> = (0..3).map(|_| hang(&semaphore, peer(1))).collect();
        let mut ends = Vec::new();
        for hanging in third {
            ends.push(hanging.await.unwrap().unwrap_err());
        }
        assert!(
            ends.contains(&"cut off") && !ends.contains(&"silent"),
            "{ends:?}: it may have been the others"
        );
        assert!(nobody(&semaphore));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_silent_peers_slow_others_down_and_do_not_stop_them() {
        let semaphore = FairSemaphore::new(256, 8, 2048);
        let mut hanging = Vec::new();
        let mut waited = Vec::new();
        for second in 0..300_u32 {
            // Each of a thousand addresses is queried again and again.
            for number in 0..100 {
                let address = 1000 * second + number;
                let [_, _, high, low] = (address % 1000).to_be_bytes();
                hanging.push(hang(&semaphore, Peer::of_address([10, 0, high, low].into())));
            }
            waited.push(answered(&semaphore, peer(1)).await);
            sleep(Duration::from_secs(1)).await;
        }
        let calm = |waited: &[Result<Duration, Busy>]| {
            waited.iter().filter(|wait| wait.is_ok_and(|wait| wait < Duration::from_secs(1))).count()
        };
        let answered = waited.iter().filter(|wait| wait.is_ok()).count();
        assert!(answered >= 295, "{answered} of 300");
        assert!(calm(&waited[100..]) >= 195, "{waited:?}");
        drop(hanging);
    }

    #[tokio::test(start_paused = true)]
    async fn peers_nobody_has_seen_before_take_turns_with_the_others() {
        // Every one of them is new, as in an IPv6 network: 100 a second, of which 42 can be queried.
        let semaphore = FairSemaphore::new(256, 8, 2048);
        let mut waits = Vec::new();
        for number in 0..6000_u32 {
            let [_, _, high, low] = number.to_be_bytes();
            hang(&semaphore, Peer::of_address([10, 0, high, low].into()));
            if number % 100 == 0 {
                let semaphore = semaphore.clone();
                waits.push(tokio::spawn(async move { answered(&semaphore, peer(1)).await }));
            }
            sleep(Duration::from_millis(10)).await;
        }
        let mut answered = 0;
        for wait in waits {
            answered += usize::from(wait.await.unwrap().is_ok());
        }
        assert!(answered >= 20, "{answered} of 60");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_the_longest_queue_has_to_go_first() {
        let semaphore = FairSemaphore::new(2, 1, 20);
        let held = semaphore.acquire(peer(1), &requester()).await.unwrap();
        let queue: Vec<_> = (0..30).map(|_| hang(&semaphore, peer(1))).collect();
        settle().await;
        assert_eq!(semaphore.gauges().waiting_for_peer, 20);
        let late = tokio::spawn({
            let semaphore = semaphore.clone();
            async move { answered(&semaphore, peer(2)).await }
        });
        let elsewhere = semaphore.acquire(peer(3), &requester()).await.unwrap();
        let waiting = hang(&semaphore, peer(4));
        settle().await;
        drop(elsewhere);
        assert!(late.await.unwrap().is_ok());
        drop(held);
        assert!(waiting.await.unwrap() != Err("busy"));
        let busy = |ended: Result<(), _>| ended == Err("busy");
        let mut rejected = 0;
        for waiting in queue {
            rejected += usize::from(busy(waiting.await.unwrap()));
        }
        assert!(rejected >= 10, "{rejected}");
        assert!(nobody(&semaphore));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long_and_whoever_leaves_takes_nothing_along() {
        let semaphore = FairSemaphore::new(1, 1, 10);
        let held = semaphore.acquire(peer(1), &requester()).await.unwrap();
        let start = Instant::now();
        assert_eq!(semaphore.acquire(peer(2), &requester()).await.unwrap_err(), Busy);
        assert!((10..11).contains(&start.elapsed().as_secs()));
        let left = tokio::spawn({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire(peer(2), &requester()).await.map(|_| ()) }
        });
        settle().await;
        left.abort();
        settle().await;
        assert_eq!(semaphore.gauges().waiting_for_permit, 0);
        drop(held);
        assert!(nobody(&semaphore));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_names_of_one_zone_do_not_go_before_one_of_another() {
        let semaphore = FairSemaphore::new(10, 1, 2000);
        let held = semaphore.acquire(peer(1), &requester()).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let visit = |name: &'static str, is_retry| {
            let (semaphore, order) = (semaphore.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let requester = Requester { is_retry, ..Requester::of_name(name) };
                let permit = semaphore.acquire(peer(1), &requester).await.unwrap();
                order.lock().unwrap().push(name);
                permit.answered();
            })
        };
        let mut visits = vec![visit("again.test", true)];
        settle().await;
        visits.extend((0..1000).map(|_| visit("flood.test", false)));
        settle().await;
        visits.extend(["one.test", "two.test", "one.test"].map(|name| visit(name, false)));
        settle().await;
        drop(held);
        for visit in visits {
            visit.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert_eq!(order[..5], ["flood.test", "one.test", "two.test", "flood.test", "one.test"]);
        assert_eq!(order.last(), Some(&"again.test"));
        assert!(nobody(&semaphore));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_zones_at_a_peer_that_answers_hold_up_no_other_for_long() {
        let semaphore = FairSemaphore::new(256, 8, 2048);
        let visit = |name: String| {
            let semaphore = semaphore.clone();
            tokio::spawn(async move {
                let start = Instant::now();
                let permit = semaphore.acquire(peer(1), &Requester::of_name(&name)).await?;
                sleep(Duration::from_millis(100)).await;
                permit.answered();
                Ok::<_, Busy>(start.elapsed())
            })
        };
        let strangers: Vec<_> = (0..1000).map(|number| visit(format!("evil{number}.test"))).collect();
        let mut honest = Vec::new();
        for number in 0..100 {
            sleep(Duration::from_millis(70)).await;
            honest.push(visit(format!("honest{number}.test")));
        }
        for visit in honest {
            let took = visit.await.unwrap().unwrap();
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        let mut rejected = 0;
        for unknown in strangers {
            rejected += usize::from(unknown.await.unwrap().is_err());
        }
        assert!((1..500).contains(&rejected), "{rejected}: the others had their turn");
        assert!(nobody(&semaphore));
    }
}
