use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use mta_sts_core::tlsrpt::{Counted, DatagramError};

/// Counts of a [`Collector`](super::Collector) since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectorCounts {
    /// Datagrams received.
    pub datagrams: u64,
    /// Events that were counted, including those without all of their details.
    pub events: u64,
    /// Events that were counted without all of their details, for lack of room.
    pub folded: u64,
    /// Events that were not counted, by [`NotCounted::code`](mta_sts_core::tlsrpt::NotCounted::code).
    pub not_counted: BTreeMap<&'static str, u64>,
    /// Datagrams that were rejected, by [`DatagramError::code`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Datagrams that were lost because too many were waiting.
    pub overflowed: u64,
    /// Datagrams that were forwarded.
    pub forwarded: u64,
    /// Datagrams that could not be forwarded.
    pub forward_lost: u64,
}

/// Counts that are being updated.
#[derive(Debug, Default)]
pub(super) struct Counters {
    counts: Mutex<CollectorCounts>,
    // By the thread that receives and the one that forwards, which wait for nobody.
    pub(super) datagrams: AtomicU64,
    pub(super) overflowed: AtomicU64,
    pub(super) forwarded: AtomicU64,
    pub(super) forward_lost: AtomicU64,
}

impl Counters {
    /// Adds what a thread has counted.
    pub(super) fn add(&self, counts: CollectorCounts) {
        let mut sum = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        sum.events += counts.events;
        sum.folded += counts.folded;
        for (code, number) in counts.not_counted {
            *sum.not_counted.entry(code).or_default() += number;
        }
        for (code, number) in counts.refused {
            *sum.refused.entry(code).or_default() += number;
        }
    }

    pub(super) fn counts(&self) -> CollectorCounts {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        CollectorCounts {
            datagrams: value(&self.datagrams),
            overflowed: value(&self.overflowed),
            forwarded: value(&self.forwarded),
            forward_lost: value(&self.forward_lost),
            ..counts
        }
    }
}

impl CollectorCounts {
    pub(super) fn add_event(&mut self, counted: Counted) {
        match counted {
            Counted::Not(reason) => *self.not_counted.entry(reason.code()).or_default() += 1,
            Counted::Whole => self.events += 1,
            Counted::Folded => {
                self.events += 1;
                self.folded += 1;
            }
        }
    }

    pub(super) fn add_refused(&mut self, error: &DatagramError) {
        *self.refused.entry(error.code()).or_default() += 1;
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
