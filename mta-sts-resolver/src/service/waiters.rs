//! Lookups that wait for something outside the limiter.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of lookups that wait for the lease of their domain, and for the store.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    lease: AtomicU64,
    store: AtomicU64,
}

/// Counts one waiting lookup until it is dropped.
pub(super) struct Waiting<'a>(&'a AtomicU64);

impl Waiters {
    pub(super) fn lease(&self) -> Waiting<'_> {
        Waiting::new(&self.lease)
    }

    pub(super) fn store(&self) -> Waiting<'_> {
        Waiting::new(&self.store)
    }

    pub(super) fn for_lease(&self) -> u64 {
        self.lease.load(Ordering::Relaxed)
    }

    pub(super) fn for_store(&self) -> u64 {
        self.store.load(Ordering::Relaxed)
    }
}

impl<'a> Waiting<'a> {
    fn new(counter: &'a AtomicU64) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
