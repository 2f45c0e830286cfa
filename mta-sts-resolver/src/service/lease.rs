//! The fetch lease: one fetch of a policy among all machines that share a store.

use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, Purpose};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::store_health::StoreOperation;
use crate::driver::{FetchCoordinator, FetchDecision};
use crate::store::LeaseHolder;

/// Coordinates the fetch of one lookup. Without a shared store it always fetches.
///
/// A lookup takes the lease of its domain before it fetches. Other machines wait, and continue with what the holder has
/// stored. If the store fails there are no leases, and every machine fetches on its own.
pub(super) struct FetchLease<'a> {
    shared: &'a Arc<Shared>,
    domain: &'a PolicyDomain,
    purpose: Purpose,
    known: Option<CacheEntry>,
    lease: Option<HeldLease>,
}

/// A lease that is renewed until it is dropped.
struct HeldLease {
    holder: LeaseHolder,
    renewal: JoinHandle<()>,
}

impl<'a> FetchLease<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        domain: &'a PolicyDomain,
        purpose: Purpose,
        known: Option<CacheEntry>,
    ) -> Self {
        Self { shared, domain, purpose, known, lease: None }
    }

    /// The entry that the lookup started from, in the end.
    pub(super) fn known(&self) -> Option<&CacheEntry> {
        self.known.as_ref()
    }

    /// Releases the lease, once the result is stored.
    pub(super) async fn end(mut self) {
        let Some(lease) = self.lease.take() else { return };
        let holder = lease.holder;
        drop(lease);
        if let Some(leases) = self.shared.config.store.as_ref().and_then(|store| store.leases()) {
            let given_back = leases.give_back(self.domain, holder).await;
            self.shared.done(StoreOperation::Write, given_back);
        }
    }

    /// The entry that another machine has stored in the meantime.
    async fn replicated(&mut self) -> Option<FetchDecision> {
        let stored = self.shared.read(self.domain).await?;
        let replicated = self.shared.adopt(self.domain, self.known.as_ref(), &stored)?;
        self.known = Some(replicated.entry.clone());
        if replicated.has_new_policy {
            self.purpose = Purpose::Deliver;
        }
        Some(FetchDecision::StartOver(replicated.entry, self.purpose))
    }

    fn hold(&mut self, holder: LeaseHolder) {
        let (shared, domain) = (Arc::clone(self.shared), self.domain.clone());
        let renewal = tokio::spawn(async move {
            let Some(leases) = shared.config.store.as_ref().and_then(|store| store.leases()) else { return };
            loop {
                sleep(LEASE_TIME / 3).await;
                let taken = leases.take(&domain, holder, LEASE_TIME).await;
                shared.done(StoreOperation::Write, taken);
            }
        });
        self.lease = Some(HeldLease { holder, renewal });
    }
}

impl FetchCoordinator for FetchLease<'_> {
    async fn decide(&mut self) -> FetchDecision {
        let leases = self.shared.config.store.as_ref().and_then(|store| store.leases());
        let Some(leases) = leases.filter(|_| self.lease.is_none()) else { return FetchDecision::Fetch };
        let holder = LeaseHolder::unique();
        let start = Instant::now();
        let _waiting = self.shared.waiters.lease();
        loop {
            let taken = leases.take(self.domain, holder, LEASE_TIME).await;
            let Some(taken) = self.shared.done(StoreOperation::Write, taken) else {
                return FetchDecision::Fetch;
            };
            if taken {
                self.hold(holder);
            }
            // The previous holder may have fetched.
            if let Some(replicated) = self.replicated().await {
                return replicated;
            }
            if taken || start.elapsed() >= PATIENCE {
                return FetchDecision::Fetch;
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The time after which the lease of a dead holder expires. Others wait as long.
const LEASE_TIME: Duration = Duration::from_secs(10);
/// The longest time that a holder may need: to wait for slots, to query DNS, and to fetch.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);
