//! Which domains mail goes to again: what a store that is full keeps in preference.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::{PolicyDomain, UnixTime};

/// The domains that were answered for from memory today; each is told to the store once a day.
#[derive(Debug, Default)]
pub(super) struct Uses {
    today: Mutex<Today>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Today {
    day: u64,
    /// By their hashes.
    noted: HashSet<u64>,
    /// Not told yet.
    untold: Vec<PolicyDomain>,
}

impl Uses {
    /// Notes a domain, unless as many as `most` are noted already.
    pub(super) fn note(&self, domain: &PolicyDomain, now: UnixTime, most: usize) {
        let hash = self.hasher.hash_one(domain);
        let mut today = self.today();
        let day = now.as_secs() / 86_400;
        if day != today.day {
            today.noted.clear();
            today.day = day;
        }
        if today.noted.len() < most && today.noted.insert(hash) {
            today.untold.push(domain.clone());
        }
    }

    /// Some that the store has not been told of.
    pub(super) fn take(&self) -> Vec<PolicyDomain> {
        let mut today = self.today();
        let rest = today.untold.len().saturating_sub(AT_ONCE);
        today.untold.split_off(rest)
    }

    /// What the store could not be told of. Yesterday's is let go where there is more by now than a day has.
    pub(super) fn put_back(&self, domains: Vec<PolicyDomain>, most: usize) {
        let mut today = self.today();
        if today.untold.len() + domains.len() <= most {
            today.untold.extend(domains);
        }
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        self.today.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many are told in one transaction.
const AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_domain_is_told_once_a_day() {
        let uses = Uses::default();
        let (one, other) = (PolicyDomain::parse("a.test").unwrap(), PolicyDomain::parse("b.test").unwrap());
        let at = |day: u64| UnixTime::from_secs(day * 86_400 + 7);
        for domain in [&one, &one, &other, &one] {
            uses.note(domain, at(1), 2);
        }
        assert_eq!(uses.take(), [one.clone(), other.clone()]);
        uses.note(&one, at(1), 2);
        assert!(uses.take().is_empty());
        uses.note(&one, at(2), 1);
        uses.note(&other, at(2), 1);
        let told = uses.take();
        assert_eq!(told, [one], "no more than there is room for");
        uses.put_back(told.clone(), 1);
        uses.put_back(told.clone(), 1);
        assert_eq!(uses.take(), told);
    }
}
