//! The domains in repeated use, which a full store evicts last.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::{PolicyDomain, UnixTime};

/// Collects the domains that were answered from memory today; each is reported to the store once a day.
#[derive(Debug, Default)]
pub(super) struct DailyUsage {
    today: Mutex<Today>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Today {
    day: u64,
    /// The hashes of the domains seen today.
    noted: HashSet<u64>,
    /// The domains not yet reported.
    suppressed: Vec<PolicyDomain>,
}

impl DailyUsage {
    /// Adds a domain, unless there are `most` already.
    pub(super) fn note(&self, domain: &PolicyDomain, now: UnixTime, most: usize) {
        let hash = self.hasher.hash_one(domain);
        let mut today = self.today();
        let day = now.as_secs() / 86_400;
        if day != today.day {
            today.noted.clear();
            today.day = day;
        }
        if today.noted.len() < most && today.noted.insert(hash) {
            today.suppressed.push(domain.clone());
        }
    }

    /// Takes a batch of domains to report.
    pub(super) fn take(&self) -> Vec<PolicyDomain> {
        let mut today = self.today();
        let rest = today.suppressed.len().saturating_sub(AT_ONCE);
        today.suppressed.split_off(rest)
    }

    /// Puts a batch back that could not be reported. It is dropped if there would be more than `most`.
    pub(super) fn put_back(&self, domains: Vec<PolicyDomain>, most: usize) {
        let mut today = self.today();
        if today.suppressed.len() + domains.len() <= most {
            today.suppressed.extend(domains);
        }
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        self.today.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of domains in one transaction.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_domain_is_told_once_a_day() {
        let usage = DailyUsage::default();
        let (one, other) = (PolicyDomain::parse("a.test").unwrap(), PolicyDomain::parse("b.test").unwrap());
        let at = |day: u64| UnixTime::from_secs(day * 86_400 + 7);
        for domain in [&one, &one, &other, &one] {
            usage.note(domain, at(1), 2);
        }
        assert_eq!(usage.take(), [one.clone(), other.clone()]);
        usage.note(&one, at(1), 2);
        assert!(usage.take().is_empty());
        usage.note(&one, at(2), 1);
        usage.note(&other, at(2), 1);
        let told = usage.take();
        assert_eq!(told, [one], "no more than there is room for");
        usage.put_back(told.clone(), 1);
        usage.put_back(told.clone(), 1);
        assert_eq!(usage.take(), told);
    }
}
