use mta_sts_core::tlsrpt;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::Octets;
use crate::error::IntoException;
use crate::event::{Event, Record};
use crate::name::{PolicyDomain, policy_domain};
use crate::value::reduced;

/// What libtlsrpt sends of one delivery: how TLS with an MX host went, under each policy that was looked for.
///
/// >>> from mta_sts.tlsrpt import Datagram
/// >>> datagram = Datagram.parse(
/// ...     b'{"d": "example.com", "pr": "v=TLSRPTv1; rua=mailto:tls@example.com", "policies": ['
/// ...     b'{"policy-type": 9, "policy-domain": "example.com", "t": 0, "f": 0}]}'
/// ... )
/// >>> str(datagram.domain), [event.has_failed for event in datagram.events]
/// ('example.com', [False])
///
/// A mail server of your own sends the same to whichever program counts: make a `Datagram` of the domain and its TLSRPT record, a
/// `TlsrptRecord` or its text, `add` each `Event`, and send `to_json` to the socket.
///
/// Raises MtaStsError for a domain that is none.
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

    /// Reads a datagram, 64 KiB at most.
    ///
    /// A version may be missing or be `1`. What is not UTF-8 is replaced, what is not known passed over. A result type that is not
    /// known counts as `validation-failure`. Where the reason is OpenSSL's word for a name, a date or an issuer that is wrong,
    /// `validation-failure` becomes the result type that says so (RFC 8460, 4.3).
    ///
    /// Raises MtaStsError with `.line` and `.offset`: nothing is counted of it. Count it and go on: any local program may write to
    /// the socket.
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

    /// What is to be counted, an `Event` each, with the record.
    #[getter]
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let events: Vec<_> =
            self.0.events().map(|event| Event::of_datagram(&event, self.0.record())).collect();
        PyTuple::new(py, events)
    }

    /// Adds an event of the same recipient domain; its own record does not count.
    ///
    /// Gives whether it could be added: a datagram has no word for a policy discovery that failed beside a cached policy, since each
    /// of its policies stands for a session; nor for a session of a TLS report, which is not counted; nor for an event of another
    /// domain.
    #[pyo3(signature = (event, /))]
    fn add(&mut self, event: &Event) -> PyResult<bool> {
        event.with(|event| self.0.add(&event))
    }

    /// The datagram as libtlsrpt writes it, of version 1.
    ///
    /// Raises MtaStsError: `datagram-without-policy` and `datagram-too-long`, which no program would count. Send none.
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
