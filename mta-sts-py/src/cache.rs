use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core as core;
use pyo3::prelude::*;

use crate::convert::{Span, Time, size};
use crate::entry::{CacheEntry, CacheUpdate};
use crate::name::{PolicyDomain, policy_domain};
use crate::value::value;

/// A bounded in-memory cache of entries, with a schedule for refreshes. Any thread may use it.
///
/// >>> from mta_sts import Lookup, PolicyCache
/// >>> cache = PolicyCache(max_entries=1000)
/// >>> lookup = Lookup("example.com", now=1_700_000_000, cached=cache.get("example.com", now=1_700_000_000))
/// >>> lookup.handle_txt_not_found(ttl=300, now=1_700_000_000)
/// >>> cache.apply("example.com", lookup.poll_output().outcome.cache_update, now=1_700_000_000)
/// []
/// >>> len(cache)
/// 1
///
/// `max_entries`: the maximum number of domains, 65,536 by default. When it is reached, the entry with the lowest rank
/// is evicted; a policy of mode enforce last. `max_octets`: the maximum memory for policies, 256 MiB by default, each
/// counted once however many domains share it. `unused_for`: the time without use after which a domain is no longer
/// refreshed, in seconds or as a timedelta; 180 days by default.
///
/// It holds the results of finished lookups, and nothing about running ones: concurrent lookups of one domain each make
/// queries, unless a `Resolver` runs them.
///
/// Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
#[pyclass(frozen, module = "mta_sts")]
pub(crate) struct PolicyCache(Mutex<core::PolicyCache>);

#[pymethods]
impl PolicyCache {
    #[new]
    #[pyo3(signature = (*, max_entries = 65_536, max_octets = 268_435_456, unused_for = None))]
    fn new(
        #[pyo3(from_py_with = size)] max_entries: usize,
        #[pyo3(from_py_with = size)] max_octets: usize,
        unused_for: Option<Span>,
    ) -> Self {
        // Nobody outside must be able to predict where a name is stored or when it is refreshed.
        let mut config = core::CacheConfig::new(RandomState::new().hash_one(0))
            .with_max_entries(max_entries)
            .with_max_octets(max_octets);
        if let Some(Span(unused_for)) = unused_for {
            config = config.with_unused_for(unused_for);
        }
        Self(Mutex::new(core::PolicyCache::new(config)))
    }

    /// The entry of a domain, or `None` if nothing in it is current. It counts as a use.
    #[pyo3(signature = (domain, /, *, now))]
    fn get(&self, domain: &Bound<'_, PyAny>, now: Time) -> PyResult<Option<CacheEntry>> {
        let domain = policy_domain(domain)?;
        Ok(self.lock().get(&domain, now.0).map(CacheEntry))
    }

    /// The same entry as `get`, without counting as a use: for a refresh.
    #[pyo3(signature = (domain, /, *, now))]
    fn peek(&self, domain: &Bound<'_, PyAny>, now: Time) -> PyResult<Option<CacheEntry>> {
        let domain = policy_domain(domain)?;
        Ok(self.lock().peek(&domain, now.0).map(CacheEntry))
    }

    /// Applies the update of a lookup; returns the evicted entries, each an `Evicted`. It does not count as a
    /// use of a cached domain.
    #[pyo3(signature = (domain, update, /, *, now))]
    fn apply<'py>(
        &self,
        domain: &Bound<'py, PyAny>,
        update: &CacheUpdate,
        now: Time,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let name = policy_domain(domain)?;
        let evicted = self.lock().apply(&name, &update.0, now.0);
        evicted.into_iter().map(|evicted| evicted_value(domain.py(), evicted)).collect()
    }

    /// Inserts a saved entry; returns the evicted entries, each an `Evicted`. It counts as a use.
    #[pyo3(signature = (domain, entry, /, *, now))]
    fn insert<'py>(
        &self,
        domain: &Bound<'py, PyAny>,
        entry: &CacheEntry,
        now: Time,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let name = policy_domain(domain)?;
        let evicted = self.lock().insert(&name, entry.0.clone(), now.0);
        evicted.into_iter().map(|evicted| evicted_value(domain.py(), evicted)).collect()
    }

    /// Removes a domain; returns its entry, or `None`.
    #[pyo3(signature = (domain, /))]
    fn remove(&self, domain: &Bound<'_, PyAny>) -> PyResult<Option<CacheEntry>> {
        let domain = policy_domain(domain)?;
        Ok(self.lock().remove(&domain).map(CacheEntry))
    }

    /// Removes one entry in which nothing is current; returns it as an `Evicted`, or `None`.
    ///
    /// There is no need to call it: such entries are evicted first.
    #[pyo3(signature = (*, now))]
    fn remove_expired<'py>(&self, py: Python<'py>, now: Time) -> PyResult<Option<Bound<'py, PyAny>>> {
        let evicted = self.lock().remove_expired(now.0);
        evicted.map(|evicted| evicted_value(py, evicted)).transpose()
    }

    /// Removes all entries in which nothing is current; returns their number.
    #[pyo3(signature = (*, now))]
    fn purge(&self, now: Time) -> usize {
        let mut removed = 0;
        // One lock for each, so that a large cache blocks nobody for long.
        while self.lock().remove_expired(now.0).is_some() {
            removed += 1;
        }
        removed
    }

    /// A domain whose policy is due for a refresh (RFC 8461, 10.2), the longest overdue first, or `None`.
    ///
    /// Run a lookup with `Purpose.REFRESH` on the entry from `peek`, and `apply` its update. If no update is applied,
    /// the domain is returned again after half an hour.
    #[pyo3(signature = (*, now))]
    fn poll_refresh(&self, now: Time) -> Option<PolicyDomain> {
        self.lock().poll_refresh(now.0).map(PolicyDomain)
    }

    /// The time at which `poll_refresh` next has something to do, in Unix seconds, or `None`. A time in the
    /// past means now.
    fn poll_timeout(&self) -> Option<u64> {
        self.lock().poll_timeout().map(core::UnixTime::as_secs)
    }

    /// All domains and entries, in order to save them, in the order in which they would be evicted.
    fn entries(&self) -> Vec<(PolicyDomain, CacheEntry)> {
        let entries: Vec<_> = self.lock().entries().collect();
        entries.into_iter().map(|(domain, entry)| (PolicyDomain(domain), CacheEntry(entry))).collect()
    }

    /// The maximum number of domains.
    #[getter]
    fn max_entries(&self) -> usize {
        self.lock().config().max_entries()
    }

    /// The maximum memory for policies, in octets.
    #[getter]
    fn max_octets(&self) -> usize {
        self.lock().config().max_octets()
    }

    /// The memory that policies take, in octets.
    #[getter]
    fn octets(&self) -> usize {
        self.lock().octets()
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }

    fn __contains__(&self, domain: &Bound<'_, PyAny>) -> PyResult<bool> {
        let domain = policy_domain(domain)?;
        Ok(self.lock().peek(&domain, core::UnixTime::from_secs(0)).is_some())
    }

    fn __repr__(&self) -> String {
        let cache = self.lock();
        format!("<PolicyCache {} of {}>", cache.len(), cache.config().max_entries())
    }
}

impl PolicyCache {
    /// No method leaves the cache half-changed, and none runs Python while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, core::PolicyCache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evicted_value(py: Python<'_>, evicted: core::Evicted) -> PyResult<Bound<'_, PyAny>> {
    value(py, "Evicted", (PolicyDomain(evicted.domain), CacheEntry(evicted.entry)))
}
