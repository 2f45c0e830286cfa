//! Policies that expire without a refresh, and the number of policies in memory by mode.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::{Mode, PolicyDomain, UnixTime};

use super::Shared;
use crate::clock::Rfc3339;

/// The number of unexpired policies in memory, by mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyCounts {
    /// In mode enforce.
    pub enforce: u64,
    /// In mode testing.
    pub testing: u64,
    /// In mode none.
    pub none: u64,
    /// The earliest expiry of a policy in mode enforce or testing, unless it is refreshed.
    pub first_expiry: Option<UnixTime>,
}

/// The result of the last survey of memory.
#[derive(Debug, Default)]
pub(super) struct Expirations {
    surveyed: Mutex<Surveyed>,
    /// The time at which the next policy expires. A later lookup first makes a survey, since it may replace the expired
    /// policy.
    due_at: AtomicU64,
    enforced: AtomicU64,
    tested: AtomicU64,
}

#[derive(Debug, Default)]
struct Surveyed {
    at: Option<UnixTime>,
    counts: PolicyCounts,
}

struct ExpiredPolicy {
    domain: PolicyDomain,
    mode: Mode,
    expired_at: UnixTime,
    failures: u32,
}

impl Expirations {
    /// The numbers of expired policies in mode enforce and in mode testing.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.enforced.load(Ordering::Relaxed), self.tested.load(Ordering::Relaxed))
    }

    /// Records that a policy with this expiry was stored.
    pub(super) fn expires_at(&self, at: UnixTime) {
        self.due_at.fetch_min(at.as_secs(), Ordering::Relaxed);
    }

    pub(super) fn due_at(&self) -> UnixTime {
        UnixTime::from_secs(self.due_at.load(Ordering::Relaxed))
    }

    fn surveyed(&self) -> MutexGuard<'_, Surveyed> {
        self.surveyed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The number of policies in memory, as of the last survey.
    pub(super) fn policy_counts(&self) -> PolicyCounts {
        self.expirations.surveyed().counts
    }

    /// Makes a survey, if a policy may have expired.
    pub(super) fn survey_if_due(&self) {
        if self.now() > self.expirations.due_at() {
            self.survey();
        }
    }

    /// Counts the policies in memory, and logs those that have expired since the last survey.
    ///
    /// An entry stays in memory after its policy has expired, until a lookup replaces it.
    pub(super) fn survey(&self) {
        let mut surveyed = self.expirations.surveyed();
        let now = self.now();
        let since = surveyed.at.replace(now).unwrap_or(now);
        let mut counts = PolicyCounts::default();
        let mut lapsed = Vec::new();
        for (domain, entry) in self.cache().entries() {
            let Some(cached) = entry.policy() else { continue };
            let (mode, expires_at) = (cached.policy().mode(), cached.expires_at());
            if !cached.is_valid(now) {
                if mode != Mode::None && expires_at >= since {
                    lapsed.push(ExpiredPolicy {
                        domain,
                        mode,
                        expired_at: expires_at,
                        failures: entry.fetch_failures(),
                    });
                }
                continue;
            }
            match mode {
                Mode::Enforce => counts.enforce += 1,
                Mode::Testing => counts.testing += 1,
                Mode::None => {
                    counts.none += 1;
                    continue;
                }
            }
            counts.first_expiry = Some(counts.first_expiry.map_or(expires_at, |first| first.min(expires_at)));
        }
        surveyed.counts = counts;
        let due_at = counts.first_expiry.map_or(u64::MAX, UnixTime::as_secs);
        self.expirations.due_at.store(due_at, Ordering::Relaxed);
        drop(surveyed);
        self.log_expired(&lapsed);
    }

    fn log_expired(&self, lapsed: &[ExpiredPolicy]) {
        // Policies in mode enforce come first.
        let enforced = lapsed.iter().filter(|lapsed| lapsed.mode == Mode::Enforce);
        let tested = lapsed.iter().filter(|lapsed| lapsed.mode != Mode::Enforce);
        for (number, lapsed) in enforced.chain(tested).enumerate() {
            let ExpiredPolicy { domain, mode, expired_at, failures } = lapsed;
            let is_enforced = *mode == Mode::Enforce;
            let counter = if is_enforced { &self.expirations.enforced } else { &self.expirations.tested };
            counter.fetch_add(1, Ordering::Relaxed);
            if number >= MAX_TOLD {
                continue;
            }
            let expired_at = Rfc3339(*expired_at);
            let cause = self.events.last_failure(domain).map(tracing::field::display);
            if is_enforced {
                // Named even if domains are not logged: an operator has to act on this domain.
                tracing::error!(
                    %domain, %mode, %expired_at, failures, cause,
                    "a policy has expired and could not be refreshed in time: it no longer protects mail to the domain"
                );
            } else {
                let domain = self.config.log_domains.then(|| domain.as_str());
                tracing::warn!(domain, %mode, %expired_at, failures, cause, "a policy has expired and could not be refreshed in time");
            }
        }
        if let Some(others @ 1..) = lapsed.len().checked_sub(MAX_TOLD) {
            tracing::error!(others, "more policies have expired than are listed");
        }
    }
}

/// If the clock jumps ahead, all policies expire at once.
const MAX_TOLD: usize = 50;
