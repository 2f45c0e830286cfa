//! The policies of the cache, shared by many domains.

use alloc::vec::Vec;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::push_bounded;
use crate::policy::Policy;

/// Every policy text once, with a reference count: the customers of a provider all publish the
/// same.
pub(super) struct Policies {
    hasher: SipHasher13,
    shared: Vec<Shared>,
    vacant: Vec<u32>,
    by_text: HashTable<u32>,
    octets: usize,
}

struct Shared {
    policy: Option<Policy>,
    users: u32,
    // Kept beside the policy, so that the times of a slot can be compared without reading its
    // content.
    max_age: u32,
}

impl Policies {
    pub(super) const fn new(hasher: SipHasher13) -> Self {
        Self { hasher, shared: Vec::new(), vacant: Vec::new(), by_text: HashTable::new(), octets: 0 }
    }

    /// Returns the number of a policy and counts one more user. `likely` is the number that it may
    /// already have.
    pub(super) fn acquire(&mut self, policy: &Policy, likely: Option<u32>, bound: usize) -> u32 {
        let known = likely.filter(|&likely| self.policy(likely) == Some(policy));
        if let Some(number) = known.or_else(|| self.find(policy)) {
            self.shared[number as usize].users += 1;
            return number;
        }
        self.octets += policy.octets();
        let max_age = u32::try_from(policy.max_age().as_secs()).unwrap_or(u32::MAX);
        let new = Shared { policy: Some(policy.clone()), users: 1, max_age };
        let number = if let Some(number) = self.vacant.pop() {
            self.shared[number as usize] = new;
            number
        } else {
            push_bounded(&mut self.shared, new, bound);
            // There are no more policies than slots, whose numbers are `u32`.
            #[allow(clippy::cast_possible_truncation)]
            {
                (self.shared.len() - 1) as u32
            }
        };
        let Self { hasher, shared, by_text, .. } = self;
        let hash = |number: &u32| {
            let policy = shared[*number as usize].policy.as_ref();
            policy.map_or(0, |policy| hasher.hash(policy.text().as_bytes()))
        };
        by_text.insert_unique(hash(&number), number, hash);
        number
    }

    /// Counts one user less; the last one removes the policy.
    pub(super) fn release(&mut self, number: u32) {
        let shared = &mut self.shared[number as usize];
        shared.users -= 1;
        if shared.users > 0 {
            return;
        }
        if let Some(policy) = shared.policy.take() {
            self.octets -= policy.octets();
            let hash = self.hasher.hash(policy.text().as_bytes());
            if let Ok(found) = self.by_text.find_entry(hash, |other| *other == number) {
                found.remove();
            }
        }
        self.vacant.push(number);
    }

    pub(super) fn policy(&self, number: u32) -> Option<&Policy> {
        self.shared[number as usize].policy.as_ref()
    }

    /// The memory that all policies take, in octets.
    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    /// The `max_age` of a policy, in seconds.
    pub(super) fn max_age(&self, number: u32) -> u64 {
        self.shared[number as usize].max_age.into()
    }

    fn find(&self, policy: &Policy) -> Option<u32> {
        let hash = self.hasher.hash(policy.text().as_bytes());
        self.by_text.find(hash, |&number| self.policy(number) == Some(policy)).copied()
    }
}
