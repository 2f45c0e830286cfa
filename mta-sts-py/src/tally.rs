use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{self, Counted, ReportDelivery, TallyConfig};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{IntoPyDict, PyList};

use crate::convert::{Octets, Time, any_number, size, word_text};
use crate::datagram::Datagram;
use crate::error::{IntoException, unknown_word};
use crate::event::Event;
use crate::name::{PolicyDomain, policy_domain};
use crate::report::Report;
use crate::report_sender::ReportSender;
use crate::value::{shown_bool, value, word};

/// Counts TLS sessions with other domains, and makes the reports about them (RFC 8460). It is thread-safe.
///
/// >>> from mta_sts.tlsrpt import Datagram, ReportSender, Tally
/// >>> tally = Tally(ReportSender("tls-reports@sender.example", "Sender Inc."), seed=7)
/// >>> datagram = Datagram.parse(
/// ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
/// ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
/// ... )
/// >>> [str(counted) for counted in tally.count_datagram(datagram, now=1_700_000_000)]
/// ['whole']
/// >>> now = tally.poll_timeout()
/// >>> due = tally.poll_report(now=now)
/// >>> str(due.domain), due.report.successes, due.attempt
/// ('example.com', 1, 1)
/// >>> message = due.mail(to="tls@example.com")
/// >>> tally.handle_delivery(due.id, "delivered", now=now)
/// >>> tally.is_empty
/// True
///
/// `sender`: the sender of the reports. `seed`: a random number, kept secret and the same across restarts: it keys the hash
/// of untrusted names, and determines when the report of a domain is due. `max_domains`: the maximum number of recipient
/// domains per day, 65,536 by default. `max_octets`: the maximum memory of all counts, 64 MiB by default.
///
/// The reports of a UTC day are due between ten minutes and about four hours after its end. To deliver one, query the
/// TLSRPT record of the domain again, and try all of its URIs; the report is delivered when one of them has accepted it
/// (RFC 8460, 3).
///
/// Times are Unix seconds or aware datetimes. Raises MtaStsError for an invalid domain.
#[pyclass(frozen, module = "mta_sts.tlsrpt")]
pub(crate) struct Tally(Mutex<tlsrpt::Tally>);

#[pymethods]
impl Tally {
    #[new]
    #[pyo3(signature = (sender, /, *, seed, max_domains = 65_536, max_octets = 67_108_864))]
    fn new(
        sender: &ReportSender,
        #[pyo3(from_py_with = any_number)] seed: u64,
        #[pyo3(from_py_with = size)] max_domains: usize,
        #[pyo3(from_py_with = size)] max_octets: usize,
    ) -> Self {
        Self(Mutex::new(tlsrpt::Tally::new(config(sender, seed, max_domains, max_octets))))
    }

    /// Parses the output of `to_text`; several outputs may be concatenated, each but the first without its first line.
    ///
    /// The other arguments are those of `Tally`. Sessions beyond their limits are lost (`lost_sessions`).
    ///
    /// Raises MtaStsError with `.line` and `.offset` if the text is truncated, damaged, or of a later version. Keep it for
    /// inspection, and start with an empty tally.
    #[staticmethod]
    #[pyo3(signature = (text, sender, /, *, seed, max_domains = 65_536, max_octets = 67_108_864))]
    fn parse(
        py: Python<'_>,
        text: Octets<'_>,
        sender: &ReportSender,
        #[pyo3(from_py_with = any_number)] seed: u64,
        #[pyo3(from_py_with = size)] max_domains: usize,
        #[pyo3(from_py_with = size)] max_octets: usize,
    ) -> PyResult<Self> {
        let (text, config) = (text.as_ref(), config(sender, seed, max_domains, max_octets));
        let parsed = py.detach(|| tlsrpt::Tally::parse(text, config));
        parsed.map(|tally| Self(Mutex::new(tally))).map_err(|error| error.into_exception(py))
    }

    /// Counts an event, and returns the result, a `Counted`.
    #[pyo3(signature = (event, /, *, now))]
    fn count<'py>(&self, py: Python<'py>, event: &Event, now: Time) -> PyResult<Bound<'py, PyAny>> {
        let counted = event.with(|event| self.lock(py).count(&event, now.0))?;
        counted_word(py, counted)
    }

    /// Counts the events of a datagram, and returns a `Counted` for each.
    #[pyo3(signature = (datagram, /, *, now))]
    fn count_datagram<'py>(
        &self,
        py: Python<'py>,
        datagram: &Datagram,
        now: Time,
    ) -> PyResult<Bound<'py, PyList>> {
        let counted: Vec<_> = {
            let mut tally = self.lock(py);
            datagram.0.events().map(|event| tally.count(&event, now.0)).collect()
        };
        let words = counted.into_iter().map(|counted| counted_word(py, counted));
        PyList::new(py, words.collect::<PyResult<Vec<_>>>()?)
    }

    /// Adds the counts of another tally that are not delivered yet, day by day.
    ///
    /// The other tally may come from another machine, or hold the counts made while this one was loaded. A tally that is merged
    /// twice is counted twice. Sessions beyond the limits are lost (`lost_sessions`). Raises ValueError for the tally itself.
    #[pyo3(signature = (other, /))]
    fn merge(&self, py: Python<'_>, other: &Self) -> PyResult<()> {
        if std::ptr::eq(self, other) {
            return Err(PyValueError::new_err("a tally cannot be merged into itself"));
        }
        py.detach(|| {
            // In one order, whoever merges what: two threads never wait for each other.
            let (mut own, other) = if std::ptr::from_ref(self) < std::ptr::from_ref(other) {
                let own = self.lock_detached();
                (own, other.lock_detached())
            } else {
                let other = other.lock_detached();
                (self.lock_detached(), other)
            };
            own.merge(&other);
        });
        Ok(())
    }

    /// Notes that a report was mailed to this domain, which is that of the address, not the one that the report is about. Call
    /// it at each attempt.
    ///
    /// Another program may count the session without knowing that it carried a report. A domain gets no report if all of its
    /// sessions succeeded and they are no more than the reports mailed to it that day; otherwise two domains would send each
    /// other reports forever.
    #[pyo3(signature = (domain, /, *, now))]
    fn note_report_mail(&self, domain: &Bound<'_, PyAny>, now: Time) -> PyResult<()> {
        let (py, domain) = (domain.py(), policy_domain(domain)?);
        self.lock(py).note_report_mail(&domain, now.0);
        Ok(())
    }

    /// Returns the next report that is due, a `DueReport`, or `None`.
    ///
    /// Unless `handle_delivery` is given the result, the report is due again later, as if the delivery had failed.
    #[pyo3(signature = (*, now))]
    fn poll_report<'py>(&self, py: Python<'py>, now: Time) -> PyResult<Option<Bound<'py, PyAny>>> {
        let due = self.lock(py).poll_report(now.0);
        let due = due.map(|due| {
            let (id, domain) = (DueId(due.id), PolicyDomain(due.domain));
            value(py, "DueReport", (id, domain, due.record.as_deref(), Report::from(due.report), due.attempt))
        });
        due.transpose()
    }

    /// Returns the time when `poll_report` should be called next, in Unix seconds, or `None`. A time in the past means now.
    fn poll_timeout(&self, py: Python<'_>) -> Option<u64> {
        self.lock(py).poll_timeout().map(UnixTime::as_secs)
    }

    /// Handles the result of a delivery, a `ReportDelivery`; returns the time of the next attempt, when `poll_report` returns
    /// the report again.
    ///
    /// The delays between attempts are 5, 15 and 45 minutes, then 2, 5 and 15 hours; `None` means no further attempt. The
    /// result of a report that is no longer known is ignored. Raises MtaStsError, `unknown-word`, for an unknown keyword.
    #[pyo3(signature = (id, end, /, *, now))]
    fn handle_delivery(
        &self,
        py: Python<'_>,
        id: &DueId,
        #[pyo3(from_py_with = word_text)] end: &str,
        now: Time,
    ) -> PyResult<Option<u64>> {
        let end = match end {
            "delivered" => ReportDelivery::Delivered,
            "failed" => ReportDelivery::Failed,
            "refused" => ReportDelivery::Refused,
            other => return Err(unknown_word(py, "ReportDelivery", other)),
        };
        Ok(self.lock(py).handle_delivery(&id.0, end, now.0).map(UnixTime::as_secs))
    }

    /// Returns all counts as text: the same counts give the same text, in all languages.
    ///
    /// Reports in delivery are included, with their attempts; after `parse` they are due again at the time of their next
    /// attempt.
    fn to_text(&self, py: Python<'_>) -> String {
        py.detach(|| self.lock_detached().to_text())
    }

    /// Whether there is nothing to report.
    #[getter]
    fn is_empty(&self, py: Python<'_>) -> bool {
        self.lock(py).is_empty()
    }

    /// Returns the number of domains that are counted on the day of this time.
    #[pyo3(signature = (day, /))]
    fn domains(&self, py: Python<'_>, day: Time) -> usize {
        self.lock(py).domains(day.0)
    }

    /// The memory that all counts use, in octets; never more than `max_octets`.
    #[getter]
    fn octets(&self, py: Python<'_>) -> usize {
        self.lock(py).octets()
    }

    /// The number of sessions that were lost because a merge, a parsed text, or a clock correction exceeded a limit.
    #[getter]
    fn lost_sessions(&self, py: Python<'_>) -> u64 {
        self.lock(py).lost_sessions()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let tally = self.lock(py);
        format!("<Tally octets={} is_empty={}>", tally.octets(), shown_bool(tally.is_empty()))
    }
}

impl Tally {
    /// No method leaves the tally half-changed, and none runs Python while it holds the lock.
    /// While another thread has it, which may take a while, others run.
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, tlsrpt::Tally> {
        self.0.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_detached(&self) -> MutexGuard<'_, tlsrpt::Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn config(sender: &ReportSender, seed: u64, max_domains: usize, max_octets: usize) -> TallyConfig {
    TallyConfig::new(seed, sender.0.clone()).with_max_domains(max_domains).with_max_octets(max_octets)
}

fn counted_word(py: Python<'_>, counted: Counted) -> PyResult<Bound<'_, PyAny>> {
    let code = match counted {
        Counted::Whole => "whole",
        Counted::Folded => "folded",
        Counted::Not(reason) => reason.code(),
    };
    word(py, "Counted", code)
}

/// The identity of a due report, for `Tally.handle_delivery`, also across restarts: the domain, the day of UTC that contains
/// `day`, and the number among the reports about both, from 0.
///
/// >>> from mta_sts.tlsrpt import DueId
/// >>> DueId("example.com", day=1_700_000_000, number=0)
/// DueId('example.com', day=1699920000, number=0)
///
/// Raises MtaStsError for an invalid domain.
#[pyclass(frozen, eq, ord, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DueId(tlsrpt::DueId);

#[pymethods]
impl DueId {
    #[new]
    #[pyo3(signature = (domain, /, *, day, number))]
    fn new(
        domain: &Bound<'_, PyAny>,
        day: Time,
        #[pyo3(from_py_with = size)] number: usize,
    ) -> PyResult<Self> {
        let number = number.try_into();
        let number = number.map_err(|_| PyValueError::new_err("a number of a report is below 2**32"))?;
        Ok(Self(tlsrpt::DueId::new(policy_domain(domain)?, day.0, number)))
    }

    /// The domain that the report is about.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain().clone())
    }

    /// The first second of the day, in Unix seconds.
    #[getter]
    fn day(&self) -> u64 {
        self.0.day().as_secs()
    }

    /// The number of the report among those about the domain and the day, from 0.
    #[getter]
    fn number(&self) -> u32 {
        self.0.number()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (PolicyDomain,))> {
        let (py, this) = (slf.py(), slf.get());
        let options = [("day", this.day()), ("number", this.number().into())].into_py_dict(py)?;
        let partial = py.import("functools")?.getattr("partial")?;
        Ok((partial.call((slf.get_type(),), Some(&options))?, (this.domain(),)))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __repr__(&self) -> String {
        let Self(id) = self;
        format!("DueId('{}', day={}, number={})", id.domain(), id.day().as_secs(), id.number())
    }
}
