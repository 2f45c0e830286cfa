use mta_sts_core::tlsrpt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::Octets;
use crate::error::IntoException;
use crate::event::{Event, Record};
use crate::name::{PolicyDomain, policy_domain};
use crate::value::reduced;

/// A datagram of libtlsrpt about one delivery: the TLS results with an MX host, under each policy that was looked up.
///
/// >>> from mta_sts.tlsrpt import Datagram
/// >>> datagram = Datagram.parse(
/// ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
/// ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
/// ... )
/// >>> str(datagram.domain), [event.has_failed for event in datagram.events]
/// ('example.com', [False])
///
/// Your own mail server can send the same to the program that counts: make a `Datagram` from the domain and its TLSRPT
/// record, a `TlsrptRecord` or its text, `add` each `Event`, and send `to_json()` to the socket.
///
/// Raises MtaStsError for an invalid domain.
#[pyclass(eq, module = "mta_sts.tlsrpt")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Datagram(pub(crate) tlsrpt::Datagram);

#[pymethods]
impl Datagram {
    #[new]
    #[pyo3(signature = (domain, record, /))]
    fn new(domain: &Bound<'_, PyAny>, record: Record) -> PyResult<Self> {
        Ok(Self(tlsrpt::Datagram::new(&policy_domain(domain)?, &record.0)))
    }

    /// Parses a datagram, 64 KiB at most.
    ///
    /// The version may be missing or `1`. Invalid UTF-8 is replaced, and unknown members are ignored. An unknown result type is
    /// counted as `validation-failure`. If the reason is an OpenSSL error for a wrong name, date or issuer,
    /// `validation-failure` becomes the specific result type (RFC 8460, 4.3).
    ///
    /// Raises MtaStsError with `.line` and `.offset` for an invalid datagram. Count the error and continue: any local program
    /// may write to the socket.
    #[staticmethod]
    #[pyo3(signature = (datagram, /))]
    fn parse(py: Python<'_>, datagram: Octets<'_>) -> PyResult<Self> {
        tlsrpt::Datagram::parse(datagram.as_ref()).map(Self).map_err(|error| error.into_exception(py))
    }

    /// The recipient domain.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain().clone())
    }

    /// The TLSRPT record of the recipient domain, as seen by the sender.
    #[getter]
    fn record(&self) -> &str {
        self.0.record()
    }

    /// The events to count, each an `Event` with the record.
    #[getter]
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let events: Vec<_> =
            self.0.events().map(|event| Event::of_datagram(&event, self.0.record())).collect();
        PyTuple::new(py, events)
    }

    /// Adds an event of the same recipient domain; the event's own record is ignored.
    ///
    /// Returns whether it could be added. A datagram cannot express a failed policy discovery while a cached policy applies,
    /// since each of its policies stands for a session; nor a session of a TLS report, which is not counted; nor an event of
    /// another domain.
    #[pyo3(signature = (event, /))]
    fn add(&mut self, event: &Event) -> PyResult<bool> {
        event.with(|event| self.0.add(&event))
    }

    /// Writes the datagram in the format of libtlsrpt, version 1.
    ///
    /// Raises MtaStsError, `datagram-without-policy` or `datagram-too-long`: no program would count such a datagram, so do not
    /// send one.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        self.0.to_json().map_err(|error| error.into_exception(py))
    }

    fn __repr__(&self) -> String {
        format!("<Datagram domain={} events={}>", self.0.domain(), self.0.events().count())
    }

    fn __reduce__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        reduced("datagram", slf.into_any())
    }
}
