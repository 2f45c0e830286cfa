//! Purging entries on behalf of an operator.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mta_sts_core::{CacheEntry, PolicyDomain};
use tokio::task::JoinSet;

use super::Shared;
use super::persistence::{PAGE, with_time_limit};
use super::store_health::StoreOperation;
use crate::store::{EntryStore, StoreError};

/// The domains to purge from a [`PolicyService`](super::PolicyService).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purge {
    /// This domain.
    Domain(PolicyDomain),
    /// The domains whose policy has expired, and those that have none.
    Expired,
    /// All domains: mail is then unprotected until each policy is fetched again.
    All,
}

impl Shared {
    /// Implements [`PolicyService::purge`](super::PolicyService::purge).
    pub(super) async fn purge(self: &Arc<Self>, purge: Purge) -> Result<u64, StoreError> {
        let chosen = match &purge {
            Purge::Domain(domain) => BTreeSet::from([domain.clone()]),
            Purge::Expired | Purge::All => self.chosen(purge == Purge::All).await?,
        };
        let mut purging = JoinSet::new();
        let mut purged = 0;
        for domain in chosen {
            if purging.len() >= PURGES_AT_ONCE {
                purged += u64::from(next(&mut purging).await?);
            }
            let shared = Arc::clone(self);
            purging.spawn(async move { shared.forget(&domain).await });
        }
        while !purging.is_empty() {
            purged += u64::from(next(&mut purging).await?);
        }
        Ok(purged)
    }

    /// All domains in memory or in the store, or only those without a policy in force.
    async fn chosen(&self, all: bool) -> Result<BTreeSet<PolicyDomain>, StoreError> {
        let now = self.now();
        let goes = |entry: &CacheEntry| all || entry.valid_policy(now).is_none();
        let goes = |(domain, entry): (PolicyDomain, CacheEntry)| goes(&entry).then_some(domain);
        let mut chosen: BTreeSet<_> = self.cache().entries().filter_map(goes).collect();
        if let Some(store) = &self.config.store {
            let mut after = None;
            loop {
                let page = with_time_limit(store.page(after.as_ref(), PAGE)).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                chosen.extend(page.into_iter().filter_map(goes));
            }
            if all {
                chosen.extend(unreadable(store).await?);
            }
        }
        Ok(chosen)
    }

    /// Removes a domain; returns whether it was known.
    async fn forget(&self, domain: &PolicyDomain) -> Result<bool, StoreError> {
        // Writes in progress are finished first.
        let _turn = self.write_lock(domain).await;
        let was_held = {
            let mut cache = self.cache();
            // A running lookup must not write back the entry that it started from.
            self.purges.fetch_add(1, Ordering::Relaxed);
            cache.remove(domain).is_some()
        };
        self.unsaved().remove(domain);
        let Some(store) = &self.config.store else { return Ok(was_held) };
        let removed = with_time_limit(store.remove(domain)).await;
        self.done(StoreOperation::Write, removed.as_ref().map(|_| ()).map_err(StoreError::clone));
        Ok(removed? || was_held)
    }
}

async fn next(purging: &mut JoinSet<Result<bool, StoreError>>) -> Result<bool, StoreError> {
    purging.join_next().await.and_then(Result::ok).unwrap_or(Ok(false))
}

/// The domains whose stored entries cannot be read.
async fn unreadable(store: &Arc<dyn EntryStore>) -> Result<Vec<PolicyDomain>, StoreError> {
    let mut domains = Vec::new();
    let mut last = None;
    loop {
        let page = with_time_limit(store.unreadable(last.as_ref(), PAGE)).await?;
        let names = page.iter().filter_map(|entry| str::from_utf8(&entry.name).ok());
        domains.extend(names.filter_map(|name| PolicyDomain::parse(name).ok()));
        last = page.into_iter().next_back();
        if last.is_none() {
            return Ok(domains);
        }
    }
}

/// The number of purges that a store handles in one batch.
const PURGES_AT_ONCE: usize = 256;
