use alloc::collections::{BTreeMap, BTreeSet};

use super::ReadyRules;
use crate::tlsrpt::{Hint, Whose};

/// The organisations that have reported each failure, to find the failures that are the domain's own.
///
/// ```
/// use mta_sts_core::tlsrpt::{Hint, ReadyRules, Witnesses};
///
/// let expired = Hint::from_code("certificate-expired").unwrap();
/// let mut witnesses = Witnesses::new();
/// witnesses.add(expired, Some("mx1.example.com"), "Sender");
/// witnesses.add(expired, Some("mx2.example.com"), "Sender");
/// // An organisation that names no host may have seen any of them.
/// witnesses.add(expired, None, "Other Sender");
/// assert_eq!(witnesses.own_failures(&ReadyRules::new()).len(), 3);
/// ```
///
/// [`Readiness`](super::Readiness) applies the same rule, and regards what a check reproduces as the domain's own too.
#[derive(Clone, Debug)]
pub struct Witnesses<'a, H> {
    by_failure: BTreeMap<(Hint, Option<H>), BTreeSet<&'a str>>,
}

impl<'a, H: Clone + Ord> Witnesses<'a, H> {
    /// No failures.
    pub const fn new() -> Self {
        Self { by_failure: BTreeMap::new() }
    }

    /// Adds a failure that an organisation has reported, at a host if the report names one.
    pub fn add(&mut self, hint: Hint, host: Option<H>, organization: &'a str) {
        self.by_failure.entry((hint, host)).or_default().insert(organization);
    }

    /// The failures that are the domain's own: those that enough organisations have seen
    /// ([`ReadyRules::with_witnesses`]), and hosts that the policy does not cover. A failure that can only be caused by the sender
    /// is never among them.
    pub fn own_failures(&self, rules: &ReadyRules) -> BTreeSet<(Hint, Option<H>)> {
        let limit = rules.witnesses() as usize;
        let none = BTreeSet::new();
        let mut own = BTreeSet::new();
        for ((hint, host), organizations) in &self.by_failure {
            let anywhere = self.by_failure.get(&(*hint, None)).unwrap_or(&none);
            let is_widespread = organizations.union(anywhere).take(limit).count() == limit;
            if hint.whose() == Whose::Sender {
                continue;
            }
            if is_widespread {
                own.insert((*hint, None));
            }
            if is_widespread || *hint == Hint::MX_MISMATCH {
                own.insert((*hint, host.clone()));
            }
        }
        own
    }
}

impl<H: Clone + Ord> Default for Witnesses<'_, H> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    type Seen = (Hint, Option<u8>, &'static str);

    #[test]
    fn a_failure_that_enough_organisations_have_seen_is_the_domains_own() {
        let hint = |code| Hint::from_code(code).unwrap();
        let (expired, mismatch) = (hint("certificate-expired"), Hint::MX_MISMATCH);
        let of_sender = hint("sender-fault");
        assert_eq!(of_sender.whose(), Whose::Sender);
        let own = |seen: &[Seen], limit| -> Vec<_> {
            let mut witnesses = Witnesses::new();
            for (hint, host, organization) in seen {
                witnesses.add(*hint, *host, organization);
            }
            witnesses.own_failures(&ReadyRules::new().with_witnesses(limit)).into_iter().collect()
        };
        let twice = [(expired, Some(1), "a"), (expired, Some(1), "b"), (expired, Some(2), "a")];
        // Who names no host may have seen it there, too.
        assert_eq!(own(&twice, 2), [(expired, None), (expired, Some(1))]);
        assert_eq!(own(&twice, 3), []);
        assert_eq!(own(&twice[1..], 2), []);
        assert_eq!(own(&[twice[2], (expired, None, "b")], 2), [(expired, None), (expired, Some(2))]);
        assert_eq!(own(&[(expired, None, "a"), (expired, None, "a")], 2), []);
        assert_eq!(own(&[(mismatch, Some(3), "a")], 2), [(mismatch, Some(3))]);
        assert_eq!(own(&[(of_sender, Some(1), "a"), (of_sender, Some(1), "b")], 2), []);
    }
}
