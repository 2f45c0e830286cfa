//! The last discovery of each domain, where it has failed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mta_sts_core::{NoPolicyKind, Outcome, PolicyDomain};

/// The outcomes of failed discoveries, bounded: the oldest are evicted, because clients can make up any number of domains.
#[derive(Debug, Default)]
pub(super) struct Failed {
    max_domains: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_domain: HashMap<PolicyDomain, (u64, Arc<Outcome>)>,
    // In the order in which they came. One that is kept no more, or anew, has another number or none.
    order: VecDeque<(u64, PolicyDomain)>,
    next: u64,
    octets: usize,
}

impl Failed {
    pub(super) fn new(max_domains: usize) -> Self {
        Self { max_domains, kept: Mutex::default() }
    }

    /// Takes note of what a discovery came to.
    pub(super) fn note(&self, domain: &PolicyDomain, outcome: &Outcome) {
        if self.max_domains == 0 {
            return;
        }
        let mut kept = self.kept();
        let reason = outcome.failure.as_ref().map(|failure| failure.reason_code);
        if reason == Some(NoPolicyKind::BackingOff.code()) && kept.by_domain.contains_key(domain) {
            // The host was not asked again: what it did is still what is wrong.
            return;
        }
        kept.remove(domain);
        let Some(octets) = octets(outcome) else { return };
        let number = kept.next;
        kept.next += 1;
        kept.octets += octets;
        kept.by_domain.insert(domain.clone(), (number, Arc::new(outcome.clone())));
        kept.order.push_back((number, domain.clone()));
        while kept.by_domain.len() > self.max_domains || kept.octets > MAX_OCTETS {
            let Some((number, domain)) = kept.order.pop_front() else { break };
            if kept.by_domain.get(&domain).is_some_and(|(of, _)| *of == number) {
                kept.remove(&domain);
            }
        }
        if kept.order.len() > 2 * self.max_domains {
            let Kept { by_domain, order, .. } = &mut *kept;
            order.retain(|(number, domain)| by_domain.get(domain).is_some_and(|(of, _)| of == number));
        }
    }

    /// The outcome of the last discovery of a domain, if it failed and is kept.
    pub(super) fn last(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>> {
        self.kept().by_domain.get(domain).map(|(_, outcome)| Arc::clone(outcome))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn remove(&mut self, domain: &PolicyDomain) {
        if let Some((_, outcome)) = self.by_domain.remove(domain) {
            self.octets -= octets(&outcome).unwrap_or_default();
        }
    }
}

/// The memory that a failure takes: the received lines may have 64 KiB.
fn octets(outcome: &Outcome) -> Option<usize> {
    let failure = outcome.failure.as_ref()?;
    let lines = failure.received_lines.iter().map(|line| line.len() + 1).sum::<usize>();
    Some(size_of::<Outcome>() + lines)
}

const MAX_OCTETS: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use mta_sts_core::{
        CacheEntry, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Purpose, UnixTime,
    };

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn lookup(entry: Option<&CacheEntry>) -> Lookup {
        let domain = PolicyDomain::parse("recipient.test").unwrap();
        let mut lookup = Lookup::new(domain, Purpose::Deliver, entry, NOW, &LookupConfig::new());
        let ttl = std::time::Duration::from_secs(300);
        lookup.handle_input(Input::txt(&[b"v=STSv1; id=1"], ttl), NOW).unwrap();
        lookup
    }

    fn outcome(fetched: Input<'_>) -> Outcome {
        let mut lookup = lookup(None);
        lookup.handle_input(fetched, NOW).unwrap();
        lookup.into_outcome().unwrap()
    }

    fn number(number: usize) -> PolicyDomain {
        PolicyDomain::parse(&format!("{number}.test")).unwrap()
    }

    #[test]
    fn a_failure_is_kept_until_a_discovery_succeeds() {
        let failed = Failed::new(10);
        let fault = outcome(Input::FetchFailed(FetchFailure::Timeout));
        failed.note(&number(1), &fault);
        failed.note(&number(2), &fault);
        assert_eq!(failed.last(&number(1)).as_deref(), Some(&fault));
        let policy = b"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 604800\n";
        let response = HttpResponse::new(200, policy).with_content_type(b"text/plain");
        failed.note(&number(1), &outcome(Input::Response(response)));
        assert_eq!(failed.last(&number(1)), None);
        assert!(failed.last(&number(2)).is_some());
    }

    #[test]
    fn that_a_host_is_left_alone_hides_no_failure() {
        let failed = Failed::new(10);
        let fault = outcome(Input::FetchFailed(FetchFailure::Timeout));
        let entry = fault.cache_update.apply_to(None, NOW).unwrap();
        let left_alone = lookup(Some(&entry)).into_outcome().unwrap();
        // It is told too, where nothing else is known, as after a restart.
        failed.note(&number(1), &left_alone);
        assert_eq!(failed.last(&number(1)).as_deref(), Some(&left_alone));
        failed.note(&number(1), &fault);
        failed.note(&number(1), &left_alone);
        assert_eq!(failed.last(&number(1)).as_deref(), Some(&fault));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let failed = Failed::new(10);
        let fault = outcome(Input::FetchFailed(FetchFailure::Timeout));
        for round in 0..1000 {
            failed.note(&number(round % 20), &fault);
            failed.note(&number(5), &fault);
        }
        assert_eq!(failed.kept().by_domain.len(), 10);
        assert!(failed.kept().order.len() <= 20);
        assert!(failed.last(&number(5)).is_some() && failed.last(&number(19)).is_some());
        assert!(failed.last(&number(9)).is_none());

        let failed = Failed::new(1000);
        let body = vec![b'x'; 60_000];
        let long =
            outcome(Input::Response(HttpResponse::new(200, &body[..]).with_content_type(b"text/plain")));
        for round in 0..1000 {
            failed.note(&number(round), &long);
        }
        assert!(failed.kept().octets <= MAX_OCTETS);
        assert!((100..200).contains(&failed.kept().by_domain.len()));
    }

    #[test]
    fn nothing_is_kept_that_nobody_asks_for() {
        let failed = Failed::default();
        failed.note(&number(1), &outcome(Input::FetchFailed(FetchFailure::Timeout)));
        assert_eq!(failed.last(&number(1)), None);
    }
}
