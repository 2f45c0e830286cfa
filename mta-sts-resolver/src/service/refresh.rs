//! Fetching a policy on behalf of an operator.

use std::sync::Arc;

use mta_sts_core::{CacheEntry, CacheUpdate, CachedPolicy, Policy, PolicyDomain, Purpose, UnixTime};

use super::counts::count;
use super::events::Cause;
use super::{PolicyAnswer, Shared};

/// The error of [`PolicyService::refresh`](super::PolicyService::refresh): the policy was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
#[non_exhaustive]
pub struct RefreshError {
    /// The current answer for the domain: the cached policy, if an unexpired one is cached.
    pub answer: PolicyAnswer,
    /// The cause in words.
    pub cause: String,
}

impl Shared {
    /// Implements [`PolicyService::refresh`](super::PolicyService::refresh).
    pub(super) async fn refresh(self: &Arc<Self>, domain: &PolicyDomain) -> Result<Policy, RefreshError> {
        count(&self.counters.refreshes);
        let purges = self.purges();
        let (known, _) = self.find(domain, Purpose::Refresh).await;
        let fetched_at = fetched_at(known.as_ref());
        let now = self.now();
        let policy = known.as_ref().and_then(|known| known.valid_policy(now)).cloned();
        // Neither a back-off nor an absence prevents the fetch.
        let known =
            policy.and_then(|policy| CacheUpdate::Store { policy, checked_until: now }.apply_to(None, now));
        let purpose = if known.is_some() { Purpose::Refresh } else { Purpose::Deliver };
        let (answer, discovery) = self.look_up_from(domain, purpose, known, purges).await;
        let by_us = matches!(discovery.outcome.cache_update, CacheUpdate::Store { .. });
        let by_another_machine = || {
            let known = self.cache().peek(domain, self.now());
            self::fetched_at(known.as_ref()) > fetched_at
        };
        match answer {
            PolicyAnswer::Policy(policy) if by_us || by_another_machine() => Ok(policy),
            answer => {
                let cause = match discovery.busy {
                    Some(with) => with.to_string(),
                    None => Cause(&discovery).to_string(),
                };
                Err(RefreshError { answer, cause })
            }
        }
    }
}

fn fetched_at(entry: Option<&CacheEntry>) -> Option<UnixTime> {
    entry.and_then(CacheEntry::policy).map(CachedPolicy::fetched_at)
}
