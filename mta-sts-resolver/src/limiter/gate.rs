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
pub(crate) struct Gate {
    shared: Arc<Shared>,
}

/// Permission to query a peer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Gate,
    peer: Peer,
    is_long: bool,
}

/// The domain on whose behalf a permit is acquired.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
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
pub(crate) struct Cut {
    /// Whether the peer let earlier queries time out and has not answered since. Then this counts as unresponsiveness,
    /// not as overload.
    pub(crate) is_silence: bool,
}

/// What a result says about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It responds.
    Answered,
    /// The query timed out.
    TimedOut,
    /// Nothing: the fault is local.
    Nothing,
}

/// The reason why a query has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There was no permit, or not for long enough.
    Busy,
    /// The peer took long while others were waiting, and has let earlier queries time out: it counts as unresponsive.
    Silent,
}

/// The current state of a semaphore, and the number of rejections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    /// The number of permits in use.
    pub(crate) inside: usize,
    /// The number waiting because their peer has all the permits it may have.
    pub(crate) waiting_for_peer: usize,
    /// The number waiting because all permits are in use.
    pub(crate) waiting_for_place: usize,
    /// The number of rejected and aborted queries since the start.
    pub(crate) refused: u64,
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
    inside: usize,
    inside_for_long: usize,
    inside_of_slow_peers: usize,
    waiting: usize,
    last_waiter: u64,
    refused: u64,
    /// The queues of peers for which somebody waits and that may have another permit, by their standing.
    turns: [VecDeque<Peer>; 3],
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
    inside: usize,
    inside_for_long: usize,
    standing: Standing,
    has_turn: bool,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    since: Instant,
    zone: Peer,
    /// The number of earlier waiters of the same zone; the lowest goes first.
    rank: usize,
    sender: oneshot::Sender<Place>,
}

/// Permits to hand out after the state is unlocked: a receiver that is gone returns its permit.
type Grants = Vec<(oneshot::Sender<Place>, Place)>;

impl Gate {
    /// A semaphore with this many permits in all and for one peer, and this many waiters; 0 counts as 1.
    pub(crate) fn new(in_all: usize, for_one_peer: usize, max_waiting: usize) -> Self {
        let state = State {
            peers: HashMap::new(),
            inside: 0,
            inside_for_long: 0,
            inside_of_slow_peers: 0,
            waiting: 0,
            last_waiter: 0,
            refused: 0,
            turns: Default::default(),
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
    pub(crate) async fn enter(&self, peer: Peer, visitor: &Visitor) -> Result<Place, Busy> {
        let (number, place) = self.queue(&peer, visitor)?;
        let queued = Queued { gate: self, peer: &peer, number };
        match timeout(PATIENCE, place).await {
            Ok(Ok(place)) => Ok(place),
            // The sender was dropped: the queue became too long.
            Ok(Err(_)) => Err(Busy),
            Err(_) => {
                drop(queued);
                self.lock().refused += 1;
                Err(Busy)
            }
        }
    }

    /// Runs a query once there is a permit for the peer, and records what its result says about the peer.
    pub(crate) async fn ask<T>(
        &self,
        peer: Peer,
        visitor: &Visitor,
        work: impl Future<Output = T>,
        told: impl FnOnce(&T) -> Told,
    ) -> Result<T, Refused> {
        let mut place = self.enter(peer, visitor).await.map_err(|Busy| Refused::Busy)?;
        match place.hold(work).await {
            Ok(done) => {
                match told(&done) {
                    Told::Answered => place.answered(),
                    Told::TimedOut => place.timed_out(),
                    Told::Nothing => {}
                }
                Ok(done)
            }
            Err(Cut { is_silence: true }) => Err(Refused::Silent),
            Err(Cut { is_silence: false }) => Err(Refused::Busy),
        }
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let state = self.lock();
        let waiting_for_peer = state.peers.values().filter(|peer| peer.inside >= self.shared.for_one_peer);
        let waiting_for_peer = waiting_for_peer.map(|peer| peer.waiters.len()).sum();
        Gauges {
            inside: state.inside,
            waiting_for_peer,
            waiting_for_place: state.waiting - waiting_for_peer,
            refused: state.refused,
        }
    }

    fn queue(&self, peer: &Peer, visitor: &Visitor) -> Result<(u64, oneshot::Receiver<Place>), Busy> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.lock();
        let standing = state.standing(peer);
        let of_peer = state.peers.entry(peer.clone()).or_insert_with(|| PeerState::new(standing));
        if of_peer.standing.is_slow() && of_peer.waiters.len() >= MAX_WAITING_FOR_SLOW_PEER {
            state.refused += 1;
            return Err(Busy);
        }
        state.last_waiter += 1;
        let number = state.last_waiter;
        if let Some(of_peer) = state.peers.get_mut(peer) {
            let before = of_peer.waiters.iter().filter(|waiter| waiter.zone == visitor.zone).count();
            let rank = before + if visitor.is_retry { RETRY_RANK } else { 0 };
            of_peer.waiters.push_back(Waiter {
                number,
                since: Instant::now(),
                zone: visitor.zone.clone(),
                rank,
                sender,
            });
        }
        state.waiting += 1;
        self.give_turn(&mut state, peer);
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
    fn give_turn(&self, state: &mut State, peer: &Peer) {
        let State { peers, turns, .. } = state;
        if let Some(of_peer) = peers.get_mut(peer)
            && !of_peer.has_turn
            && !of_peer.waiters.is_empty()
            && of_peer.inside < self.shared.for_one_peer
        {
            of_peer.has_turn = true;
            turns[of_peer.standing.turn()].push_back(peer.clone());
        }
    }

    /// Grants free permits in the order of the queues.
    fn grant(&self, state: &mut State, grants: &mut Grants) {
        while state.inside < self.shared.in_all {
            let slow_may = state.inside_of_slow_peers < self.shared.for_slow_peers();
            // Slow peers come last, but they do get their share.
            let order = match state.granted % 8 {
                7 => [2, 0, 1],
                3 => [1, 0, 2],
                _ => [0, 1, 2],
            };
            let is_open = |turn: &usize| !state.turns[*turn].is_empty() && (*turn < 2 || slow_may);
            let Some(turn) = order.into_iter().find(is_open) else { return };
            let Some(peer) = state.turns[turn].pop_front() else { return };
            let State { peers, .. } = state;
            let Some(of_peer) = peers.get_mut(&peer) else { continue };
            of_peer.has_turn = false;
            if of_peer.standing.turn() == turn
                && of_peer.inside < self.shared.for_one_peer
                && let Some(waiter) = of_peer.next_waiter()
            {
                of_peer.inside += 1;
                state.inside_of_slow_peers += usize::from(of_peer.standing.is_slow());
                state.inside += 1;
                state.waiting -= 1;
                state.granted += 1;
                let place = Place { gate: self.clone(), peer: peer.clone(), is_long: false };
                grants.push((waiter.sender, place));
            }
            self.give_turn(state, &peer);
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

impl Place {
    /// Runs a query for as long as the permit may be held.
    pub(crate) async fn hold<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cut> {
        let mut work = pin!(work);
        let mut pause = BRIEF;
        while !self.is_long {
            if let Ok(done) = timeout(pause, work.as_mut()).await {
                return Ok(done);
            }
            self.stay()?;
            pause = POLL;
        }
        Ok(work.await)
    }

    /// Records a response of the peer, of any kind.
    pub(crate) fn answered(self) {
        self.gate.lock().set_standing(&self.peer, Standing::Answered);
    }

    /// Records that the query timed out.
    pub(crate) fn timed_out(self) {
        let state = &mut *self.gate.lock();
        let timeouts = state.standing(&self.peer).timeouts().saturating_add(1);
        state.set_standing(&self.peer, Standing::Slow { timeouts });
    }

    /// Extends the permit beyond the short time limit, if possible.
    fn stay(&mut self) -> Result<(), Cut> {
        let shared = &self.gate.shared;
        let mut state = self.gate.lock();
        let [answered, new, slow] = state.turns.each_ref().map(|turns| !turns.is_empty());
        let is_full = state.inside >= shared.in_all && (answered || new || slow);
        let slow_is_full = state.inside_of_slow_peers >= shared.for_slow_peers() && slow;
        let may_be_long = state.inside_for_long < shared.in_all / 2;
        // It exists as long as the permit.
        let Some(of_peer) = state.peers.get_mut(&self.peer) else { return Ok(()) };
        let is_wanted =
            is_full || (of_peer.standing.is_slow() && slow_is_full) || !of_peer.waiters.is_empty();
        if !is_wanted {
            return Ok(());
        }
        if may_be_long && of_peer.inside_for_long < shared.for_one_peer / 2 {
            of_peer.inside_for_long += 1;
            self.is_long = true;
            state.inside_for_long += 1;
            return Ok(());
        }
        let timeouts = of_peer.standing.timeouts();
        state.set_standing(&self.peer, Standing::Slow { timeouts });
        let is_silence = timeouts >= TIMEOUTS_OF_SILENCE;
        state.refused += u64::from(!is_silence);
        Err(Cut { is_silence })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut grants = Vec::new();
        let mut state = self.gate.lock();
        state.inside -= 1;
        state.inside_for_long -= usize::from(self.is_long);
        if let Some(of_peer) = state.peers.get_mut(&self.peer) {
            of_peer.inside -= 1;
            of_peer.inside_for_long -= usize::from(self.is_long);
            let is_slow = of_peer.standing.is_slow();
            state.inside_of_slow_peers -= usize::from(is_slow);
        }
        self.gate.give_turn(&mut state, &self.peer);
        self.gate.grant(&mut state, &mut grants);
        state.forget_if_idle(&self.peer);
        drop(state);
        hand_out(grants);
    }
}

/// Removes a waiter from its queue if it stops waiting.
struct Queued<'a> {
    gate: &'a Gate,
    peer: &'a Peer,
    number: u64,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
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
        if before.turn() == standing.turn() {
            return;
        }
        if of_peer.has_turn {
            // Its entry in the old queue is skipped.
            self.turns[standing.turn()].push_back(peer.clone());
        }
        if standing.is_slow() {
            self.inside_of_slow_peers += of_peer.inside;
            let too_many = of_peer.keep_waiters(MAX_WAITING_FOR_SLOW_PEER);
            self.waiting -= too_many;
            self.refused += too_many as u64;
        } else if before.is_slow() {
            self.inside_of_slow_peers -= of_peer.inside;
        }
    }

    fn shorten_longest_queue(&mut self) {
        let longest = self.peers.values_mut().max_by_key(|peer| peer.waiters.len());
        let gone = longest.map_or(0, |peer| peer.keep_waiters(peer.waiters.len().saturating_sub(1)));
        self.waiting -= gone;
        self.refused += gone as u64;
    }

    fn forget_if_idle(&mut self, peer: &Peer) {
        if self.peers.get(peer).is_some_and(|of_peer| of_peer.inside == 0 && of_peer.waiters.is_empty()) {
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
        let gone = self.waiters.len().saturating_sub(count);
        let waiters = self.waiters.make_contiguous();
        waiters.sort_by_key(|waiter| (waiter.rank, waiter.number));
        self.waiters.truncate(count);
        self.waiters.make_contiguous().sort_by_key(|waiter| waiter.number);
        gone
    }
}

impl Visitor {
    /// A requester for this name.
    pub(crate) fn of_name(name: &str) -> Self {
        Self { zone: Peer::of_name(name), is_retry: false }
    }
}

impl Standing {
    const fn turn(self) -> usize {
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
            inside: self.inside + other.inside,
            waiting_for_peer: self.waiting_for_peer + other.waiting_for_peer,
            waiting_for_place: self.waiting_for_place + other.waiting_for_place,
            refused: self.refused + other.refused,
        }
    }
}

fn hand_out(grants: Grants) {
    for (sender, place) in grants {
        // If the receiver is gone, the permit is returned by dropping it.
        drop(sender.send(place));
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
const TIMEOUTS_OF_SILENCE: u32 = 2;

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;

    fn peer(last: u8) -> Peer {
        Peer::of_address([127, 83, 0, last].into())
    }

    fn visitor() -> Visitor {
        Visitor::of_name("visitor.test")
    }

    /// Acquires a permit for a query that is never answered.
    fn hang(gate: &Gate, peer: Peer) -> JoinHandle<Result<(), &'static str>> {
        let gate = gate.clone();
        tokio::spawn(async move {
            let mut place = gate.enter(peer, &visitor()).await.map_err(|Busy| "busy")?;
            match place.hold(timeout(Duration::from_secs(60), pending::<()>())).await {
                Ok(_) => {
                    place.timed_out();
                    Err("timed out")
                }
                Err(Cut { is_silence: true }) => Err("silent"),
                Err(Cut { is_silence: false }) => Err("cut off"),
            }
        })
    }

    /// Acquires a permit for a query that is answered at once; returns how long it took.
    async fn answered(gate: &Gate, peer: Peer) -> Result<Duration, Busy> {
        let start = Instant::now();
        let mut place = gate.enter(peer, &visitor()).await?;
        place.hold(sleep(Duration::from_millis(20))).await.map_err(|_| Busy)?;
        place.answered();
        Ok(start.elapsed())
    }

    /// Runs until no task can make progress.
    async fn settle() {
        sleep(Duration::from_millis(1)).await;
    }

    fn nobody(gate: &Gate) -> bool {
        let state = gate.lock();
        state.peers.is_empty()
            && state.inside + state.inside_for_long + state.inside_of_slow_peers + state.waiting == 0
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_peer_holds_up_no_other() {
        let gate = Gate::new(3, 2, 10);
        let visitor = visitor();
        let enter = |last| timeout(Duration::from_secs(1), gate.enter(peer(last), &visitor));
        let first = enter(1).await.unwrap().unwrap();
        let second = enter(1).await.unwrap().unwrap();
        assert!(enter(1).await.is_err(), "two for a peer");
        let third = enter(2).await.unwrap().unwrap();
        assert!(enter(3).await.is_err(), "three in all");
        drop(first);
        let fourth = enter(3).await.unwrap().unwrap();
        drop((second, third, fourth));
        assert!(nobody(&gate), "nothing is kept of peers that nobody asks");
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_silent_peer_half_may_wait_for_long_and_the_others_make_room() {
        let gate = Gate::new(256, 8, 1000);
        let hanging: Vec<_> = (0..1000).map(|_| hang(&gate, peer(1))).collect();
        settle().await;
        let gauges = gate.gauges();
        assert_eq!((gauges.inside, gauges.waiting_for_peer, gauges.waiting_for_place), (8, 992, 0));
        assert!(
            answered(&gate, peer(2)).await.unwrap() < Duration::from_millis(100),
            "another is asked at once"
        );
        sleep(Duration::from_secs(4)).await;
        let gauges = gate.gauges();
        assert_eq!(gauges.inside, 8);
        assert!(gauges.waiting_for_peer <= MAX_WAITING_FOR_SLOW_PEER, "{gauges:?}");
        let mut ends = HashMap::new();
        for hanging in hanging {
            *ends.entry(hanging.await.unwrap().unwrap_err()).or_insert(0) += 1;
        }
        assert_eq!(ends.values().sum::<usize>(), 1000);
        // The long queries, and those for which nobody is waiting any more.
        assert!((4..=8).contains(&ends["timed out"]), "{ends:?}");
        assert!(gate.gauges().refused >= 900 && nobody(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_was_never_in_time_is_silent_until_it_answers() {
        let gate = Gate::new(256, 2, 1000);
        let first: Vec<_> = (0..2).map(|_| hang(&gate, peer(1))).collect();
        for hanging in first {
            assert_eq!(hanging.await.unwrap(), Err("timed out"), "nobody waited");
        }
        let start = Instant::now();
        let second: Vec<_> = (0..4).map(|_| hang(&gate, peer(1))).collect();
        let mut ends = Vec::new();
        for hanging in second {
            ends.push(hanging.await.unwrap().unwrap_err());
        }
        ends.sort_unstable();
        assert_eq!(ends, ["silent", "silent", "timed out", "timed out"], "two made room for the next");
        assert!(start.elapsed() < Duration::from_secs(70));

        answered(&gate, peer(1)).await.unwrap();
        let third: Vec<_> = (0..3).map(|_| hang(&gate, peer(1))).collect();
        let mut ends = Vec::new();
        for hanging in third {
            ends.push(hanging.await.unwrap().unwrap_err());
        }
        assert!(
            ends.contains(&"cut off") && !ends.contains(&"silent"),
            "{ends:?}: it may have been the others"
        );
        assert!(nobody(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_silent_peers_slow_others_down_and_do_not_stop_them() {
        let gate = Gate::new(256, 8, 2048);
        let mut hanging = Vec::new();
        let mut waited = Vec::new();
        for second in 0..300_u32 {
            // Each of a thousand addresses is queried again and again.
            for number in 0..100 {
                let address = 1000 * second + number;
                let [_, _, high, low] = (address % 1000).to_be_bytes();
                hanging.push(hang(&gate, Peer::of_address([10, 0, high, low].into())));
            }
            waited.push(answered(&gate, peer(1)).await);
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
        let gate = Gate::new(256, 8, 2048);
        let mut waits = Vec::new();
        for number in 0..6000_u32 {
            let [_, _, high, low] = number.to_be_bytes();
            hang(&gate, Peer::of_address([10, 0, high, low].into()));
            if number % 100 == 0 {
                let gate = gate.clone();
                waits.push(tokio::spawn(async move { answered(&gate, peer(1)).await }));
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
        let gate = Gate::new(2, 1, 20);
        let held = gate.enter(peer(1), &visitor()).await.unwrap();
        let queue: Vec<_> = (0..30).map(|_| hang(&gate, peer(1))).collect();
        settle().await;
        assert_eq!(gate.gauges().waiting_for_peer, 20);
        let late = tokio::spawn({
            let gate = gate.clone();
            async move { answered(&gate, peer(2)).await }
        });
        let elsewhere = gate.enter(peer(3), &visitor()).await.unwrap();
        let waiting = hang(&gate, peer(4));
        settle().await;
        drop(elsewhere);
        assert!(late.await.unwrap().is_ok());
        drop(held);
        assert!(waiting.await.unwrap() != Err("busy"));
        let busy = |ended: Result<(), _>| ended == Err("busy");
        let mut refused = 0;
        for waiting in queue {
            refused += usize::from(busy(waiting.await.unwrap()));
        }
        assert!(refused >= 10, "{refused}");
        assert!(nobody(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long_and_whoever_leaves_takes_nothing_along() {
        let gate = Gate::new(1, 1, 10);
        let held = gate.enter(peer(1), &visitor()).await.unwrap();
        let start = Instant::now();
        assert_eq!(gate.enter(peer(2), &visitor()).await.unwrap_err(), Busy);
        assert!((10..11).contains(&start.elapsed().as_secs()));
        let left = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(peer(2), &visitor()).await.map(|_| ()) }
        });
        settle().await;
        left.abort();
        settle().await;
        assert_eq!(gate.gauges().waiting_for_place, 0);
        drop(held);
        assert!(nobody(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_names_of_one_zone_do_not_go_before_one_of_another() {
        let gate = Gate::new(10, 1, 2000);
        let held = gate.enter(peer(1), &visitor()).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let visit = |name: &'static str, is_retry| {
            let (gate, order) = (gate.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let visitor = Visitor { is_retry, ..Visitor::of_name(name) };
                let place = gate.enter(peer(1), &visitor).await.unwrap();
                order.lock().unwrap().push(name);
                place.answered();
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
        assert!(nobody(&gate));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_zones_at_a_peer_that_answers_hold_up_no_other_for_long() {
        let gate = Gate::new(256, 8, 2048);
        let visit = |name: String| {
            let gate = gate.clone();
            tokio::spawn(async move {
                let start = Instant::now();
                let place = gate.enter(peer(1), &Visitor::of_name(&name)).await?;
                sleep(Duration::from_millis(100)).await;
                place.answered();
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
        let mut refused = 0;
        for stranger in strangers {
            refused += usize::from(stranger.await.unwrap().is_err());
        }
        assert!((1..500).contains(&refused), "{refused}: the others had their turn");
        assert!(nobody(&gate));
    }
}
