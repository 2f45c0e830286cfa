use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::publish;
use mta_sts_core::{RecordId, UnixTime};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyTuple;

use crate::convert::{Octets, Text, Time};
use crate::error::IntoException;
use crate::name::{DnsName, PolicyDomain, dns_names, policy_domain};
use crate::policy::{MxPattern, Policy};
use crate::value::{published, word};

/// What a domain has published, and when: its policies, the ids of its record, and its MX hosts. It is thread-safe.
///
/// >>> from mta_sts import Policy
/// >>> from mta_sts.publish import History
/// >>> day = 86_400
/// >>> history = History("example.com")
/// >>> week = Policy.parse("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")
/// >>> history.note_policy(week, now=0)
/// >>> history.note_policy(Policy.parse("version: STSv1\nmode: none\nmax_age: 86400\n"), now=30 * day)
/// >>> policy, until = history.longest_cached(now=31 * day)
/// >>> policy.max_age, until // day
/// (604800, 37)
///
/// `unknown_until`: the time until which senders may hold a policy that is not in this history, for a domain that had policies
/// before its history was kept: now and the longest `max_age` that it ever served.
///
/// Note what is published whenever it changes, or whenever it was looked at: what has not changed is no change. Keep `to_text()`
/// after each change: it says what senders may still hold. At most 64 policies, 64 ids and 1024 hosts are held; of a policy that
/// is forgotten, `unknown_until` remains.
///
/// Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
#[pyclass(frozen, module = "mta_sts.publish")]
pub(crate) struct History(Mutex<publish::History>);

#[pymethods]
impl History {
    #[new]
    #[pyo3(signature = (domain, /, *, unknown_until = None))]
    fn new(domain: &Bound<'_, PyAny>, unknown_until: Option<Time>) -> PyResult<Self> {
        let mut history = publish::History::new(policy_domain(domain)?);
        if let Some(time) = unknown_until {
            history = history.with_unknown_until(time.0);
        }
        Ok(Self(Mutex::new(history)))
    }

    /// Parses the output of `to_text`.
    ///
    /// Raises MtaStsError with `.line` and `.offset` if the text is truncated, damaged, or of a later version. Do not plan
    /// without the history: what senders may hold is then not known.
    #[staticmethod]
    #[pyo3(signature = (text, /))]
    fn parse(py: Python<'_>, text: Octets<'_>) -> PyResult<Self> {
        let parsed = publish::History::parse(text.as_ref());
        parsed.map(|history| Self(Mutex::new(history))).map_err(|error| error.into_exception(py))
    }

    /// Returns the history as text: the same history has the same text, in all languages.
    fn to_text(&self, py: Python<'_>) -> String {
        self.lock(py).to_text()
    }

    /// Notes the policy that the Policy Host serves at this time; `None` if there is none that senders could fetch.
    #[pyo3(signature = (policy, /, *, now))]
    fn note_policy(&self, py: Python<'_>, policy: Option<&Policy>, now: Time) {
        self.lock(py).note_policy(policy.map(|policy| &policy.0), now.0);
    }

    /// Notes the id of the record at this time; `None` if there is no record that senders would use.
    ///
    /// Raises MtaStsError, `bad-id`, if it is no id.
    #[pyo3(signature = (id, /, *, now))]
    fn note_record(&self, py: Python<'_>, id: Option<Text<'_>>, now: Time) -> PyResult<()> {
        let id = id.map(|id| RecordId::parse(id.as_ref().as_bytes())).transpose();
        let id = id.map_err(|error| error.into_exception(py))?;
        self.lock(py).note_record(id.as_ref(), now.0);
        Ok(())
    }

    /// Notes the hosts in the MX records at this time; without MX records, the domain itself.
    ///
    /// Raises MtaStsError for an invalid host.
    #[pyo3(signature = (hosts, /, *, now))]
    fn note_hosts(&self, hosts: &Bound<'_, PyAny>, now: Time) -> PyResult<()> {
        let names = dns_names(Some(hosts))?.unwrap_or_default();
        self.lock(hosts.py()).note_hosts(&names, now.0);
        Ok(())
    }

    /// The domain.
    #[getter]
    fn domain(&self, py: Python<'_>) -> PolicyDomain {
        PolicyDomain(self.lock(py).domain().clone())
    }

    /// The time until which senders may hold a policy that is not in this history, in Unix seconds; 0 if there is none.
    #[getter]
    fn unknown_until(&self, py: Python<'_>) -> u64 {
        self.lock(py).unknown_until().as_secs()
    }

    /// The policy that is served, a `ServedPolicy`, or `None`.
    #[getter]
    fn policy<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let served = self.lock(py).policy().cloned();
        served.map(|policy| policy_value(py, &policy)).transpose()
    }

    /// The id that the record has, a `SeenRecord`, or `None`.
    #[getter]
    fn record<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let record = self.lock(py).record().copied();
        record.map(|record| record_value(py, &record)).transpose()
    }

    /// Every policy, in the order in which they were last begun to be served.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let policies = self.lock(py).policies().to_vec();
        let policies = policies.iter().map(|policy| policy_value(py, policy));
        PyTuple::new(py, policies.collect::<PyResult<Vec<_>>>()?)
    }

    /// Every id of the record, in the order in which they were last published.
    #[getter]
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let records = self.lock(py).records().to_vec();
        let records = records.iter().map(|record| record_value(py, record));
        PyTuple::new(py, records.collect::<PyResult<Vec<_>>>()?)
    }

    /// Every MX host.
    #[getter]
    fn hosts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let hosts = self.lock(py).hosts().to_vec();
        let hosts = hosts.into_iter().map(|host| {
            let name = DnsName(host.name().clone());
            published(py, "SeenHost", (name, host.since().as_secs(), host.until().map(UnixTime::as_secs)))
        });
        PyTuple::new(py, hosts.collect::<PyResult<Vec<_>>>()?)
    }

    /// Returns the policy that some sender may hold the longest, and until when, if nobody fetched one from now on; `None` if
    /// nobody may hold one.
    #[pyo3(signature = (*, now))]
    fn longest_cached<'py>(&self, py: Python<'py>, now: Time) -> PyResult<Option<(Bound<'py, PyAny>, u64)>> {
        let longest = self.lock(py).longest_cached(now.0).map(|(policy, until)| (policy.clone(), until));
        longest.map(|(policy, until)| Ok((policy_value(py, &policy)?, until.as_secs()))).transpose()
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        // One lock at a time, so that two threads never wait for each other.
        let own = self.read(py);
        own == other.read(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let history = self.lock(py);
        let (policies, records, hosts) = (history.policies(), history.records(), history.hosts());
        format!(
            "<History {} policies={} records={} hosts={}>",
            history.domain(),
            policies.len(),
            records.len(),
            hosts.len()
        )
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        let text = slf.get().lock(slf.py()).to_text();
        Ok((slf.get_type().getattr("parse")?.unbind(), (text,)))
    }
}

impl History {
    /// The history as it is now.
    pub(crate) fn read(&self, py: Python<'_>) -> publish::History {
        self.lock(py).clone()
    }

    /// No method leaves the history half-changed, and none runs Python while it holds the lock.
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, publish::History> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

fn policy_value<'py>(py: Python<'py>, policy: &publish::ServedPolicy) -> PyResult<Bound<'py, PyAny>> {
    let patterns: Vec<_> = policy.mx_patterns().iter().cloned().map(MxPattern).collect();
    let arguments = (
        policy.id().as_str(),
        word(py, "Mode", policy.mode().as_str())?,
        policy.max_age().as_secs(),
        PyTuple::new(py, patterns)?,
        policy.since().as_secs(),
        policy.until().map(UnixTime::as_secs),
    );
    published(py, "ServedPolicy", arguments)
}

fn record_value<'py>(py: Python<'py>, record: &publish::SeenRecord) -> PyResult<Bound<'py, PyAny>> {
    let [before, until] = [record.before(), record.until()].map(|time| time.map(UnixTime::as_secs));
    published(py, "SeenRecord", (record.id().as_str(), before, record.since().as_secs(), until))
}
