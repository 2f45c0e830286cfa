//! How many lookups ask others at once, so that nobody who is asked can keep the rest waiting.

mod busy;
mod gate;
mod peer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use quick_cache::sync::Cache;
use tokio::time::Instant;

pub use self::busy::BusyWith;
pub(crate) use self::gate::{Busy, Cut, Gate, Gauges, Place, Refused, Told, Visitor};
pub(crate) use self::peer::Peer;

/// The gates that lookups go through, one for DNS and one for Policy Hosts. Clones share them.
///
/// A lookup holds a place only while it asks: nothing is held while it waits for another place, for a lease or for the store.
/// Strangers never stand before a domain that has a policy in memory: it has gates of its own.
#[derive(Clone)]
pub(crate) struct Limiter {
    stranger: Gates,
    known: Gates,
    /// Domains whose lookup found no place, and when.
    turned_away: Arc<Cache<PolicyDomain, (Instant, BusyWith)>>,
}

/// The gates of one rank.
#[derive(Clone, Debug)]
pub(crate) struct Gates {
    pub(crate) dns: Gate,
    pub(crate) fetches: Gate,
}

/// Who a lookup is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Nothing is known of the domain.
    Stranger,
    /// A policy of the domain is known and valid.
    Known,
}

impl Rank {
    pub(crate) fn of(entry: Option<&CacheEntry>, now: UnixTime) -> Self {
        match entry.and_then(|entry| entry.valid_policy(now)) {
            Some(_) => Self::Known,
            None => Self::Stranger,
        }
    }
}

impl Limiter {
    pub(crate) fn new() -> Self {
        let gates = || Gates {
            dns: Self::dns_gate(DNS_LOOKUPS_AT_ONCE),
            fetches: Gate::new(KNOWN_FETCHES_AT_ONCE, FETCHES_FROM_ONE_ADDRESS, MAX_WAITING),
        };
        let turned_away = Arc::new(Cache::new(MAX_TURNED_AWAY));
        let mut limiter = Self { stranger: gates(), known: gates(), turned_away };
        limiter.set_fetches_at_once(FETCHES_FROM_ONE_ADDRESS, FETCHES_AT_ONCE);
        limiter
    }

    /// How many domains are asked for in DNS at once.
    pub(crate) fn set_dns_lookups_at_once(&mut self, in_all: usize) {
        self.stranger.dns = Self::dns_gate(in_all);
        self.known.dns = Self::dns_gate(in_all);
    }

    pub(crate) fn set_fetches_at_once(&mut self, from_one_address: usize, in_all: usize) {
        self.stranger.fetches = Gate::new(in_all, from_one_address, MAX_WAITING);
        self.known.fetches = Gate::new(KNOWN_FETCHES_AT_ONCE.min(in_all), from_one_address, MAX_WAITING);
    }

    pub(crate) fn gates(&self, rank: Rank) -> &Gates {
        match rank {
            Rank::Stranger => &self.stranger,
            Rank::Known => &self.known,
        }
    }

    pub(crate) fn turn_away(&self, domain: &PolicyDomain, with: BusyWith) {
        self.turned_away.insert(domain.clone(), (Instant::now(), with));
    }

    /// Why the lookup of a domain need not be tried again yet.
    pub(crate) fn still_busy(&self, domain: &PolicyDomain) -> Option<BusyWith> {
        let (at, with) = self.turned_away.get(domain)?;
        (at.elapsed() < PAUSE).then_some(with)
    }

    /// Whoever asks for a name on behalf of a domain.
    pub(crate) fn visitor(&self, domain: &PolicyDomain) -> Visitor {
        Visitor { is_retry: self.turned_away.get(domain).is_some(), ..Visitor::of_name(domain.as_str()) }
    }

    pub(crate) fn found(&self, domain: &PolicyDomain) {
        self.turned_away.remove(domain);
    }

    pub(crate) fn dns_gauges(&self) -> Gauges {
        self.stranger.dns.gauges() + self.known.dns.gauges()
    }

    pub(crate) fn fetch_gauges(&self) -> Gauges {
        self.stranger.fetches.gauges() + self.known.fetches.gauges()
    }

    /// An eighth for the names below one domain.
    pub(crate) fn dns_gate(in_all: usize) -> Gate {
        Gate::new(in_all, in_all.div_ceil(8), MAX_WAITING)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Limiter")
            .field("dns", &self.dns_gauges())
            .field("fetches", &self.fetch_gauges())
            .finish_non_exhaustive()
    }
}

/// How long a domain whose lookup found no place waits for the next.
const PAUSE: Duration = Duration::from_secs(3);
/// How many of them are remembered.
const MAX_TURNED_AWAY: usize = 16_384;
const DNS_LOOKUPS_AT_ONCE: usize = 512;
const FETCHES_AT_ONCE: usize = 256;
const FETCHES_FROM_ONE_ADDRESS: usize = 8;
/// As many as are fetched anew at once in the background, and those that somebody asks for.
const KNOWN_FETCHES_AT_ONCE: usize = 64;
/// How many wait at a gate.
const MAX_WAITING: usize = 2048;
