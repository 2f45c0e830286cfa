//! Persists entries: applies updates to the in-memory cache and writes them through to the store.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use mta_sts_core::{CacheEntry, CacheUpdate, PolicyDomain, Purpose, UnixTime};
use tokio::time::timeout;

use super::Shared;
use super::counts::count;
use super::replication::{ReplicatedEntry, adjust_clock};
use super::store_health::{Recovery, StoreOperation};
use crate::store::{StoreError, StoreErrorKind, StoreFuture, updates};

impl Shared {
    /// Applies an update to the cached entry, or to `known` if memory has no room for the entry; returns the result.
    /// Entries known from before a purge are ignored.
    pub(super) fn remember(
        &self,
        domain: &PolicyDomain,
        update: &CacheUpdate,
        known: Option<&CacheEntry>,
        purges: u64,
    ) -> Option<CacheEntry> {
        let now = self.now();
        let mut cache = self.cache();
        let known = known.filter(|_| self.purges() == purges);
        if cache.peek(domain, now).is_none()
            && let Some(known) = known
        {
            cache.insert(domain, known.clone(), now);
        }
        let evicted = cache.apply(domain, update, now).len();
        if evicted > 0 {
            tracing::debug!(domain = %domain, evicted, "entries were evicted: the cache is full");
        }
        cache.peek(domain, now).or_else(|| update.apply_to(known.cloned(), now))
    }

    /// The entry of a domain from memory or else from the store, and the remaining purpose of the lookup. A shared
    /// store is also read before a refresh, and if memory holds no policy: another machine may have fetched it.
    pub(super) async fn find(
        &self,
        domain: &PolicyDomain,
        purpose: Purpose,
    ) -> (Option<CacheEntry>, Purpose) {
        let now = self.now();
        let held = self.cache().peek(domain, now);
        let is_shared = self.config.store.as_ref().is_some_and(|store| store.leases().is_some());
        let is_enough = held.as_ref().is_some_and(|held| {
            !is_shared || (purpose != Purpose::Refresh && held.valid_policy(now).is_some())
        });
        if is_enough {
            return (held, purpose);
        }
        let Some(stored) = self.read(domain).await else { return (held, purpose) };
        match self.adopt(domain, held.as_ref(), &stored) {
            // Another machine has refreshed it.
            Some(replicated) if replicated.has_new_policy && held.is_some() => {
                (Some(replicated.entry), Purpose::Deliver)
            }
            Some(replicated) => (Some(replicated.entry), purpose),
            None => (held, purpose),
        }
    }

    /// The entry of a domain in the store.
    pub(super) async fn read(&self, domain: &PolicyDomain) -> Option<CacheEntry> {
        let store = self.config.store.as_ref()?;
        let stored = with_time_limit(store.get(domain)).await;
        let stored = self.done(StoreOperation::Read, stored).flatten()?;
        Some(self.adjust_clock(stored))
    }

    /// Merges the stored entry of a domain into memory; returns the result if it is new.
    pub(super) fn adopt(
        &self,
        domain: &PolicyDomain,
        known: Option<&CacheEntry>,
        stored: &CacheEntry,
    ) -> Option<ReplicatedEntry> {
        let now = self.now();
        let Some(known) = known else {
            self.cache().insert(domain, stored.clone(), now);
            let has_new_policy = stored.valid_policy(now).is_some();
            return Some(ReplicatedEntry { entry: stored.clone(), has_new_policy });
        };
        let mut entry = None;
        for update in &updates(known, stored, now) {
            entry = self.remember(domain, update, entry.as_ref().or(Some(known)), self.purges());
        }
        let entry = entry.filter(|entry| entry != known)?;
        let in_force = entry.valid_policy(now);
        let has_new_policy = in_force.is_some() && in_force != known.valid_policy(now);
        Some(ReplicatedEntry { entry, has_new_policy })
    }

    /// Writes the entry of a domain, with this update, to the store; returns the merged entry. The caller must hold the
    /// write lock of this domain.
    pub(super) async fn save(
        &self,
        domain: &PolicyDomain,
        update: &CacheUpdate,
        known: Option<&CacheEntry>,
        purges: u64,
    ) -> Option<CacheEntry> {
        let store = self.config.store.as_ref()?;
        let now = self.now();
        let known = known.filter(|_| self.purges() == purges);
        let remembered = self.cache().peek(domain, now).or_else(|| known.cloned());
        let entry = update.apply_to(remembered, now)?;
        let put = with_time_limit(store.put(domain, &entry)).await;
        let stored = self.done(StoreOperation::Write, put);
        if stored.is_none() {
            let mut unsaved = self.unsaved();
            if unsaved.len() < self.config.max_entries {
                unsaved.insert(domain.clone());
            }
        }
        stored.map(|stored| self.adjust_clock(stored))
    }

    /// Adjusts a stored entry to this machine's clock.
    fn adjust_clock(&self, stored: CacheEntry) -> CacheEntry {
        adjust_clock(stored, self.now(), self.resolver.lookup_config().back_off())
    }

    /// Implements [`PolicyService::load`](super::PolicyService::load).
    pub(super) async fn load(&self) -> Result<usize, StoreError> {
        let loaded = self.load_pages().await;
        self.load_failed.store(loaded.is_err(), Ordering::Relaxed);
        loaded
    }

    async fn load_pages(&self) -> Result<usize, StoreError> {
        let Some(store) = &self.config.store else { return Ok(0) };
        let mut loaded = 0;
        let mut after = None;
        loop {
            let page = store.page(after.as_ref(), PAGE).await;
            self.done(StoreOperation::Read, page.as_ref().map(|_| ()).map_err(StoreError::clone));
            let page = page?;
            let now = self.now();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut cache = self.cache();
            let mut is_full = false;
            for (domain, entry) in page {
                let entry = self.adjust_clock(entry);
                let counts = entry.valid_policy(now).is_some()
                    || entry.back_offs().iter().any(|back_off| back_off.until > now);
                // What memory already holds is newer.
                is_full |= cache.len() >= self.config.max_entries;
                if counts && !is_full && cache.peek(&domain, now).is_none() {
                    is_full = !cache.insert(&domain, entry, now).is_empty();
                    loaded += 1;
                }
            }
            if is_full {
                tracing::info!(
                    entries = cache.len(),
                    "memory is full: the rest of the store is read on demand"
                );
                break;
            }
        }
        self.scheduled.notify_one();
        Ok(loaded)
    }

    /// Maintains the store: retries failed loads and writes, and removes expired entries.
    pub(super) async fn maintain_store(&self, cleans: bool) {
        let Some(store) = &self.config.store else { return };
        if self.health.is_failing(Some(StoreOperation::Read)) {
            let first = with_time_limit(store.page(None, 1)).await;
            if self.done(StoreOperation::Read, first).is_none() {
                return;
            }
        }
        if self.load_failed.load(Ordering::Relaxed)
            && let Ok(entries) = self.load().await
        {
            tracing::info!(entries, "the store was loaded");
        }
        self.save_unsaved().await;
        self.flush_usage().await;
        if cleans {
            let before = self.now().as_secs().saturating_sub(CLEANING_GRACE.as_secs());
            let removed = store.remove_expired(UnixTime::from_secs(before)).await;
            if let Some(removed @ 1..) = self.done(StoreOperation::Write, removed) {
                tracing::debug!(removed, "expired entries were removed from the store");
            }
        }
    }

    /// Records in the store which domains were used again, until it fails.
    async fn flush_usage(&self) {
        let Some(store) = &self.config.store else { return };
        loop {
            let used = self.usage.take();
            if used.is_empty() {
                return;
            }
            let noted = with_time_limit(store.note_use(&used)).await;
            if self.done(StoreOperation::Write, noted).is_none() {
                self.usage.put_back(used, self.config.max_entries);
                return;
            }
        }
    }

    /// Retries failed writes, until one fails again.
    async fn save_unsaved(&self) {
        let Some(store) = &self.config.store else { return };
        loop {
            let Some(domain) = self.unsaved().iter().next().cloned() else { return };
            let _turn = self.write_lock(&domain).await;
            let entry = self.cache().peek(&domain, self.now());
            if let Some(entry) = entry {
                let purges = self.purges();
                let put = with_time_limit(store.put(&domain, &entry)).await;
                let Some(stored) = self.done(StoreOperation::Write, put) else { return };
                if self.purges() == purges {
                    self.adopt(&domain, Some(&entry), &self.adjust_clock(stored));
                }
            }
            self.unsaved().remove(&domain);
        }
    }

    /// The number of purges so far: a known entry is valid only while it is unchanged.
    pub(super) fn purges(&self) -> u64 {
        self.purges.load(Ordering::Relaxed)
    }

    pub(super) fn unsaved(&self) -> MutexGuard<'_, HashSet<PolicyDomain>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn write_lock(&self, domain: &PolicyDomain) -> tokio::sync::MutexGuard<'_, ()> {
        // The remainder fits.
        #[allow(clippy::cast_possible_truncation)]
        let number = self.hasher.hash_one(domain) as usize % self.writing.len();
        self.writing[number].lock().await
    }

    /// Records the result of a store operation.
    pub(super) fn done<T>(&self, work: StoreOperation, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => {
                let recovery = self.health.succeeded(work);
                if recovery == Recovery::Full {
                    self.save_all_again();
                }
                if recovery != Recovery::None {
                    self.has_recovered.store(true, Ordering::Relaxed);
                    self.scheduled.notify_one();
                }
                Some(value)
            }
            Err(error) => {
                count(&self.counters.store_failures);
                self.health.failed(work, &error);
                None
            }
        }
    }

    /// Schedules a write of every policy in memory: a store reached over a network may have come back empty.
    fn save_all_again(&self) {
        if self.config.store.as_ref().is_none_or(|store| store.leases().is_none()) {
            return;
        }
        let now = self.now();
        let cache = self.cache();
        let policies = cache.entries().filter(|(_, entry)| entry.valid_policy(now).is_some());
        self.unsaved().extend(policies.map(|(domain, _)| domain));
    }
}

/// Limits a store operation in time, so that no request waits for a hung disk or network.
pub(super) async fn with_time_limit<T>(work: StoreFuture<'_, T>) -> Result<T, StoreError> {
    let late = || StoreError::new(StoreErrorKind::Unavailable, "timed out");
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
}

const PATIENCE: Duration = Duration::from_secs(5);
pub(super) const PAGE: usize = 1000;
/// Leaves room for a clock that is up to a day ahead and steps back.
const CLEANING_GRACE: Duration = Duration::from_secs(2 * 86_400);
