//! The fetch lease: one fetch of a policy among all machines that share a store.

use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, Purpose};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Shared;
use super::health::Work;
use crate::driver::{BeforeFetch, Leave};
use crate::store::LeaseHolder;

/// Coordinates the fetch of one lookup. Without a shared store it always fetches.
///
/// A lookup takes the lease of its domain before it fetches. Other machines wait, and continue with what the holder has
/// stored. If the store fails there are no leases, and every machine fetches on its own.
pub(super) struct Turn<'a> {
    shared: &'a Arc<Shared>,
    domain: &'a PolicyDomain,
    purpose: Purpose,
    known: Option<CacheEntry>,
    lease: Option<Lease>,
}

/// A lease that is renewed until it is dropped.
struct Lease {
    holder: LeaseHolder,
    keeper: JoinHandle<()>,
}

impl<'a> Turn<'a> {
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
            self.shared.done(Work::Writing, given_back);
        }
    }

    /// The entry that another machine has stored in the meantime.
    async fn news(&mut self) -> Option<Leave> {
        let stored = self.shared.read(self.domain).await?;
        let news = self.shared.adopt(self.domain, self.known.as_ref(), &stored)?;
        self.known = Some(news.entry.clone());
        if news.has_policy {
            self.purpose = Purpose::Deliver;
        }
        Some(Leave::GoOnWith(news.entry, self.purpose))
    }

    fn keep(&mut self, holder: LeaseHolder) {
        let (shared, domain) = (Arc::clone(self.shared), self.domain.clone());
        let keeper = tokio::spawn(async move {
            let Some(leases) = shared.config.store.as_ref().and_then(|store| store.leases()) else { return };
            loop {
                sleep(LEASE / 3).await;
                let taken = leases.take(&domain, holder, LEASE).await;
                shared.done(Work::Writing, taken);
            }
        });
        self.lease = Some(Lease { holder, keeper });
    }
}

impl BeforeFetch for Turn<'_> {
    async fn leave(&mut self) -> Leave {
        let leases = self.shared.config.store.as_ref().and_then(|store| store.leases());
        let Some(leases) = leases.filter(|_| self.lease.is_none()) else { return Leave::Fetch };
        let holder = LeaseHolder::unique();
        let start = Instant::now();
        let _waiting = self.shared.waits.lease();
        loop {
            let taken = leases.take(self.domain, holder, LEASE).await;
            let Some(taken) = self.shared.done(Work::Writing, taken) else { return Leave::Fetch };
            if taken {
                self.keep(holder);
            }
            // The previous holder may have fetched.
            if let Some(news) = self.news().await {
                return news;
            }
            if taken || start.elapsed() >= PATIENCE {
                return Leave::Fetch;
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// The time after which the lease of a dead holder expires. Others wait as long.
const LEASE: Duration = Duration::from_secs(10);
/// The longest time that a holder may need: to wait for slots, to query DNS, and to fetch.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);
