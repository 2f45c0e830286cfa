use std::sync::{Mutex, MutexGuard, PoisonError};

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{self, Counted, ReportDelivery, TallyConfig};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyList;

use crate::convert::{Octets, Time, any_number, size, word_text};
use crate::datagram::Datagram;
use crate::error::{IntoException, unknown_word};
use crate::event::Event;
use crate::name::{PolicyDomain, policy_domain};
use crate::report::Report;
use crate::report_sender::ReportSender;
use crate::value::{shown_bool, value, word};

/// What is counted of sessions with other domains, and the reports that come of it (RFC 8460). Any thread may use it.
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
/// `sender`: who reports. `seed`: any number from a source of random numbers, kept secret and over restarts: it keys the hash of the
/// names, which come from strangers, and sets when the report of a domain is due. `max_domains`: how many recipient domains are
/// counted in a day, 65,536 by default. `max_octets`: how much memory all counts may take, 64 MiB by default.
///
/// The reports of a day of UTC are due from ten minutes to some four hours after it. Whoever delivers one asks for the TLSRPT record
/// of the domain anew, and tries all of its URIs; it is delivered once one has taken it (RFC 8460, 3).
///
/// Times are Unix seconds or aware datetimes. Raises MtaStsError for a domain that is none.
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

    /// Reads what `to_text` has written; texts may be put together, each but the first without its first line.
    ///
    /// The other arguments are those of `Tally`. What has no room under them is lost (`lost_sessions`).
    ///
    /// Raises MtaStsError with `.line` and `.offset`: the text is cut off, damaged, or of a version to come. Keep it, for whoever
    /// looks into it, and begin with an empty tally.
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

    /// Counts an event; gives what became of it, a `Counted`.
    #[pyo3(signature = (event, /, *, now))]
    fn count<'py>(&self, py: Python<'py>, event: &Event, now: Time) -> PyResult<Bound<'py, PyAny>> {
        let counted = event.with(|event| self.lock(py).count(&event, now.0))?;
        counted_word(py, counted)
    }

    /// Counts what a datagram tells; gives what became of each event, a `Counted` each.
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

    /// Adds what another tally has counted and not yet delivered, day by day.
    ///
    /// It may come from another machine, or be what was counted while this one was loaded. One that is merged twice counts twice.
    /// What has no room is lost (`lost_sessions`). Raises ValueError for the tally itself.
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

    /// Notes that a report was mailed to this domain: not the one that it is about, but that of the address. Call it at each try.
    ///
    /// Another program may count the session without knowing what it was. A domain that had nothing but good sessions, no more
    /// than reports were mailed to it that day, gets no report, or two domains would report to each other for ever.
    #[pyo3(signature = (domain, /, *, now))]
    fn note_report_mail(&self, domain: &Bound<'_, PyAny>, now: Time) -> PyResult<()> {
        let (py, domain) = (domain.py(), policy_domain(domain)?);
        self.lock(py).note_report_mail(&domain, now.0);
        Ok(())
    }

    /// The next report that is due, a `DueReport`, or `None`.
    ///
    /// It is due again, as if the delivery had failed, unless `handle_delivery` says what came of it.
    #[pyo3(signature = (*, now))]
    fn poll_report<'py>(&self, py: Python<'py>, now: Time) -> PyResult<Option<Bound<'py, PyAny>>> {
        let due = self.lock(py).poll_report(now.0);
        let due = due.map(|due| {
            let (id, domain) = (DueId(due.id), PolicyDomain(due.domain));
            value(py, "DueReport", (id, domain, due.record.as_deref(), Report::from(due.report), due.attempt))
        });
        due.transpose()
    }

    /// When `poll_report` next has something to do, in Unix seconds, or `None`. A time that is past means now.
    fn poll_timeout(&self, py: Python<'_>) -> Option<u64> {
        self.lock(py).poll_timeout().map(UnixTime::as_secs)
    }

    /// Takes note of what came of a delivery, a `ReportDelivery`; gives when it is to be tried again, which `poll_report` will say.
    ///
    /// It is tried again 5, 15 and 45 minutes, 2, 5 and 15 hours after the one before; `None`: never. A report that is not known
    /// any more changes nothing. Raises MtaStsError, `unknown-word`, for a word that is none.
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

    /// All that is counted, as text: the same counts give the same text, in all languages.
    ///
    /// Reports that are in delivery are kept with what was tried; after `parse` they are tried again when it is time.
    fn to_text(&self, py: Python<'_>) -> String {
        py.detach(|| self.lock_detached().to_text())
    }

    /// Returns whether there is nothing to report.
    #[getter]
    fn is_empty(&self, py: Python<'_>) -> bool {
        self.lock(py).is_empty()
    }

    /// How many domains have been counted on the day of this time.
    #[pyo3(signature = (day, /))]
    fn domains(&self, py: Python<'_>, day: Time) -> usize {
        self.lock(py).domains(day.0)
    }

    /// The octets that all counts take in memory; never more than `max_octets`.
    #[getter]
    fn octets(&self, py: Python<'_>) -> usize {
        self.lock(py).octets()
    }

    /// How many sessions were lost because a merge, a text, or a clock that was set right, found no room for them.
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

/// Which report it is, for `Tally.handle_delivery`. It is of this process: in the next one `Tally.poll_report` gives it anew.
#[pyclass(frozen, eq, ord, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DueId(tlsrpt::DueId);

#[pymethods]
impl DueId {
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __repr__(&self) -> String {
        format!("<{:?}>", self.0)
    }
}
