use std::hash::{DefaultHasher, Hash, Hasher};

use mta_sts_core::{self as core, RecordErrorKind, RecordId};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::convert::{Octets, Text, Time, any_number, word_text};
use crate::error::{IntoException, unknown_word};
use crate::name::policy_domain;
use crate::policy::Policy;
use crate::value::value;

/// A cached policy, with the id that the record had before the fetch, and the time of the request.
///
/// >>> from mta_sts import CachedPolicy, Policy
/// >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 86400\n")
/// >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
/// >>> cached.expires_at, cached.is_valid(1_700_086_400), cached.is_valid(1_700_086_401)
/// (1700086400, True, False)
///
/// Times are Unix seconds or aware datetimes. Raises MtaStsError, `bad-id`, for an invalid id.
#[pyclass(frozen, eq, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CachedPolicy(pub(crate) core::CachedPolicy);

#[pymethods]
impl CachedPolicy {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("policy", "id", "fetched_at")
    }

    #[new]
    #[pyo3(signature = (policy, id, fetched_at, /))]
    fn new(py: Python<'_>, policy: &Policy, id: Text<'_>, fetched_at: Time) -> PyResult<Self> {
        let id = RecordId::parse(id.as_ref().as_bytes()).map_err(|error| error.into_exception(py))?;
        Ok(Self(core::CachedPolicy::new(policy.0.clone(), id, fetched_at.0)))
    }

    /// The policy.
    #[getter]
    fn policy(&self) -> Policy {
        Policy(self.0.policy().clone())
    }

    /// The id of the record, as it was before the fetch.
    #[getter]
    fn id(&self) -> &str {
        self.0.id().as_str()
    }

    /// The time at which it was requested, in Unix seconds: the response may have been delayed.
    #[getter]
    fn fetched_at(&self) -> u64 {
        self.0.fetched_at().as_secs()
    }

    /// The last second in which the policy is in force, in Unix seconds: `max_age` after the fetch.
    #[getter]
    fn expires_at(&self) -> u64 {
        self.0.expires_at().as_secs()
    }

    /// Returns whether the policy is in force at this time.
    #[pyo3(signature = (now, /))]
    fn is_valid(&self, now: Time) -> bool {
        self.0.is_valid(now.0)
    }

    /// The time at which the policy should be fetched again, while it still protects mail (RFC 8461, 3.3 and
    /// 10.2), in Unix seconds.
    ///
    /// >>> from mta_sts import CachedPolicy, Policy
    /// >>> policy = Policy.parse("version: STSv1\nmode: none\nmax_age: 604800\n")
    /// >>> cached = CachedPolicy(policy, "1", 1_700_000_000)
    /// >>> cached.refresh_at(0, now=1_700_000_000)
    /// 1700086400
    /// >>> cached.refresh_at(hash("example.com"), now=1_700_000_000) >= 1_700_064_800
    /// True
    ///
    /// For users of a store of their own: run a lookup with `Purpose.REFRESH` then. A `PolicyCache` and the stores of
    /// this package use the same schedule.
    ///
    /// This is a day after the request, or half of `max_age` if that is shorter, and up to a quarter of that earlier:
    /// `spread`, any fixed number for the domain, says how much earlier, with 0 for not at all, so that not all domains
    /// are due at the same time. `None` if `max_age` is less than an hour or the policy has expired: it is then fetched
    /// when there is mail for its domain.
    ///
    /// A fetch time in the future is from before the clock stepped back, and counts as `now`: so if a time that you
    /// stored is more than a day ahead, it is also from before that, and the policy is due. While refreshes fail, the
    /// policy stays due: wait for half an hour before the next one.
    #[pyo3(signature = (spread, /, *, now))]
    fn refresh_at(&self, #[pyo3(from_py_with = any_number)] spread: u64, now: Time) -> Option<u64> {
        self.0.refresh_at(spread, now.0).map(core::UnixTime::as_secs)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.0.id().as_str(), self.0.fetched_at(), self.0.policy().text()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!(
            "<CachedPolicy id={} fetched_at={} mode={}>",
            self.0.id(),
            self.0.fetched_at(),
            self.0.policy().mode()
        )
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (Policy, String, u64)) {
        let this = slf.get();
        let arguments = (this.policy(), this.id().to_owned(), this.fetched_at());
        (slf.get_type().into_any().unbind(), arguments)
    }
}

/// An entry does not contain its domain; its pickle, which is not for a store, uses a domain that does not exist.
fn nobody(py: Python<'_>) -> PyResult<core::PolicyDomain> {
    core::PolicyDomain::parse("pickle.invalid").map_err(|error| error.into_exception(py))
}

/// The cache entry of a domain: its policy or the absence of one, and recent fetch failures.
///
/// >>> from mta_sts import CacheEntry, CacheUpdate
/// >>> failed = CacheUpdate.back_off("1", requested_at=1_700_000_000, until=1_700_000_300)
/// >>> entry = failed.apply_to(None, now=1_700_000_000)
/// >>> CacheEntry.parse(entry.to_text("example.com"), "example.com") == entry
/// True
///
/// A plain value for any store: `to_text()` is for a file or a database, and every language reads the same text. A
/// policy in it may have expired; see `valid_policy()`.
#[pyclass(frozen, eq, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CacheEntry(pub(crate) core::CacheEntry);

#[pymethods]
impl CacheEntry {
    /// Parses what `to_text()` wrote for this domain. A text of version 1 has no domain, and is accepted for any.
    ///
    /// Raises MtaStsError with `.line` and `.offset`: nothing of a damaged text, or of that of another domain, is used.
    #[staticmethod]
    #[pyo3(signature = (text, domain, /))]
    fn parse(text: Octets<'_>, domain: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = policy_domain(domain)?;
        core::CacheEntry::parse(text.as_ref(), &name)
            .map(Self)
            .map_err(|error| error.into_exception(domain.py()))
    }

    /// The entry of this domain as text, the same in all languages. It contains the domain, and is rejected for any
    /// other.
    #[pyo3(signature = (domain, /))]
    fn to_text(&self, domain: &Bound<'_, PyAny>) -> PyResult<String> {
        Ok(self.0.to_text(&policy_domain(domain)?))
    }

    /// The policy, if one is in force at this time, or `None`.
    #[pyo3(signature = (now, /))]
    fn valid_policy(&self, now: Time) -> Option<CachedPolicy> {
        self.0.valid_policy(now.0).cloned().map(CachedPolicy)
    }

    /// The policy, in force or expired; `None` if there is none.
    #[getter]
    fn policy(&self) -> Option<CachedPolicy> {
        self.0.policy().cloned().map(CachedPolicy)
    }

    /// The time until which a delivery need not query the record again, in Unix seconds; 0 without a policy.
    #[getter]
    fn checked_until(&self) -> u64 {
        self.0.checked_until().as_secs()
    }

    /// The remembered absence of a usable record: an `Absence`, or `None`.
    #[getter]
    fn absence<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let absence = self.0.absence();
        absence
            .map(|absence| value(py, "Absence", (absence.reason.code(), absence.until.as_secs())))
            .transpose()
    }

    /// The record ids in back-off (RFC 8461, 3.3): at most four `BackOff`.
    #[getter]
    fn back_offs<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let back_offs = self.0.back_offs().iter();
        back_offs
            .map(|back_off| value(py, "BackOff", (back_off.id.as_str(), back_off.until.as_secs())))
            .collect()
    }

    /// The number of fetches that have failed since the policy was fetched.
    #[getter]
    fn fetch_failures(&self) -> u32 {
        self.0.fetch_failures()
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<u64> {
        let mut hasher = DefaultHasher::new();
        self.0.to_text(&nobody(py)?).hash(&mut hasher);
        Ok(hasher.finish())
    }

    fn __repr__(&self) -> String {
        let policy =
            self.0.policy().map_or_else(|| "none".into(), |cached| cached.policy().mode().to_string());
        format!("<CacheEntry policy={policy} checked_until={}>", self.0.checked_until())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String, String))> {
        let nobody = nobody(slf.py())?;
        let arguments = (slf.get().0.to_text(&nobody), nobody.to_string());
        Ok((slf.get_type().getattr("parse")?.unbind(), arguments))
    }
}

/// The change that a lookup makes to the cache. Apply it to the entry that the store holds by then.
///
/// Times are Unix seconds or aware datetimes.
#[pyclass(frozen, eq, module = "mta_sts")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct CacheUpdate(pub(crate) core::CacheUpdate);

#[pymethods]
impl CacheUpdate {
    /// Nothing changes: a store has nothing to write.
    #[staticmethod]
    fn keep() -> Self {
        Self(core::CacheUpdate::Keep)
    }

    /// The record was checked, at `checked_at`, and the policy of this id stays as it is: deliver without
    /// querying DNS until then.
    ///
    /// It does not confirm a policy that was requested later. Raises MtaStsError, `bad-id`, for an invalid id.
    #[staticmethod]
    #[pyo3(signature = (id, /, *, checked_at, until))]
    fn checked(py: Python<'_>, id: Text<'_>, checked_at: Time, until: Time) -> PyResult<Self> {
        let id = RecordId::parse(id.as_ref().as_bytes()).map_err(|error| error.into_exception(py))?;
        Ok(Self(core::CacheUpdate::Checked { id, checked_at: checked_at.0, until: until.0 }))
    }

    /// The domain has no usable record; this is remembered until then. `reason` is the code of the record's error.
    ///
    /// Raises MtaStsError, `unknown-word`, for an unknown code.
    #[staticmethod]
    #[pyo3(signature = (reason, /, *, until))]
    fn absent(py: Python<'_>, #[pyo3(from_py_with = word_text)] reason: &str, until: Time) -> PyResult<Self> {
        let reason = RecordErrorKind::from_code(reason)
            .ok_or_else(|| unknown_word(py, "code of a record's fault", reason))?;
        Ok(Self(core::CacheUpdate::Absent(core::Absence { reason, until: until.0 })))
    }

    /// The policy of this record id, requested at `requested_at`, could not be fetched: back off until then
    /// (RFC 8461, 3.3).
    ///
    /// There is no back-off for a policy of this id that was requested at the same time or later. Raises MtaStsError,
    /// `bad-id`, for an invalid id.
    #[staticmethod]
    #[pyo3(signature = (id, /, *, requested_at, until))]
    fn back_off(py: Python<'_>, id: Text<'_>, requested_at: Time, until: Time) -> PyResult<Self> {
        let id = RecordId::parse(id.as_ref().as_bytes()).map_err(|error| error.into_exception(py))?;
        let back_off = core::BackOff { id, until: until.0 };
        Ok(Self(core::CacheUpdate::BackOff { back_off, requested_at: requested_at.0 }))
    }

    /// A policy was fetched: deliver without querying DNS until `checked_until`.
    #[staticmethod]
    #[pyo3(signature = (policy, /, *, checked_until))]
    fn store(policy: &CachedPolicy, checked_until: Time) -> Self {
        let policy = policy.0.clone();
        Self(core::CacheUpdate::Store { policy, checked_until: checked_until.0 })
    }

    /// The entry after this update; `None` if there is nothing left to remember.
    ///
    /// `entry` is what the store holds by now, or `None`. An older fetch never replaces a newer one, and an absence
    /// never hides a policy that is in force.
    #[pyo3(signature = (entry, /, *, now))]
    fn apply_to(&self, entry: Option<&CacheEntry>, now: Time) -> Option<CacheEntry> {
        self.0.apply_to(entry.map(|entry| entry.0.clone()), now.0).map(CacheEntry)
    }

    /// The kind of the update: `keep`, `checked`, `absent`, `back-off` or `store`.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0 {
            core::CacheUpdate::Keep => "keep",
            core::CacheUpdate::Checked { .. } => "checked",
            core::CacheUpdate::Absent(_) => "absent",
            core::CacheUpdate::BackOff { .. } => "back-off",
            core::CacheUpdate::Store { .. } => "store",
        }
    }

    fn __repr__(&self) -> String {
        format!("<CacheUpdate {}>", self.kind())
    }

    /// The call that recreates it; the arguments are named, so it uses `functools.partial`.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, ())> {
        let py = slf.py();
        let until = |until: core::UnixTime| [("until", until.as_secs())].into_py_dict(py);
        let class = slf.get_type();
        let partial = py.import("functools")?.getattr("partial")?;
        let call = |name: &str, arguments: Bound<'py, PyTuple>, named: Option<Bound<'py, PyDict>>| {
            let mut all = vec![class.getattr(name)?];
            all.extend(arguments.iter());
            partial.call(PyTuple::new(py, all)?, named.as_ref())
        };
        let call = match &slf.get().0 {
            core::CacheUpdate::Keep => call("keep", PyTuple::empty(py), None),
            core::CacheUpdate::Checked { id, checked_at, until } => {
                let times = [("checked_at", checked_at.as_secs()), ("until", until.as_secs())];
                call("checked", (id.as_str(),).into_pyobject(py)?, Some(times.into_py_dict(py)?))
            }
            core::CacheUpdate::Absent(absence) => {
                call("absent", (absence.reason.code(),).into_pyobject(py)?, Some(until(absence.until)?))
            }
            core::CacheUpdate::BackOff { back_off, requested_at } => {
                let times = [("requested_at", requested_at.as_secs()), ("until", back_off.until.as_secs())];
                call("back_off", (back_off.id.as_str(),).into_pyobject(py)?, Some(times.into_py_dict(py)?))
            }
            core::CacheUpdate::Store { policy, checked_until } => call(
                "store",
                (CachedPolicy(policy.clone()),).into_pyobject(py)?,
                Some([("checked_until", checked_until.as_secs())].into_py_dict(py)?),
            ),
        };
        Ok((call?, ()))
    }
}
