use mta_sts_core::tlsrpt;
use pyo3::prelude::*;

use crate::convert::Text;
use crate::error::IntoException;
use crate::name::PolicyDomain;

/// The sender of reports: a mail address (`contact-info`) and the name of the organisation (`organization-name`).
///
/// >>> from mta_sts.tlsrpt import ReportSender
/// >>> str(ReportSender("tls-reports@sender.example", "Sender Inc.").submitter)
/// 'sender.example'
///
/// The submitter is always the domain of the address: `TLS-Report-Submitter` must equal it (RFC 8460, 5.3).
///
/// Raises MtaStsError, `bad-sender-contact` or `bad-sender-organization`, which is a configuration error.
#[pyclass(frozen, eq, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ReportSender(pub(crate) tlsrpt::ReportSender);

#[pymethods]
impl ReportSender {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("contact", "organization")
    }

    #[new]
    #[pyo3(signature = (contact, organization, /))]
    fn new(py: Python<'_>, contact: Text<'_>, organization: Text<'_>) -> PyResult<Self> {
        let sender = tlsrpt::ReportSender::new(contact.as_ref(), organization.as_ref());
        sender.map(Self).map_err(|error| error.into_exception(py))
    }

    /// The domain that reports come from.
    #[getter]
    fn submitter(&self) -> PolicyDomain {
        PolicyDomain(self.0.submitter().clone())
    }

    /// The contact address, with its domain in lower case and A-labels.
    #[getter]
    fn contact(&self) -> &str {
        self.0.contact()
    }

    /// The name of the organisation.
    #[getter]
    fn organization(&self) -> &str {
        self.0.organization()
    }

    fn __repr__(&self) -> String {
        format!("ReportSender({:?}, {:?})", self.0.contact(), self.0.organization())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> (Py<PyAny>, (String, String)) {
        let sender = &slf.get().0;
        let arguments = (sender.contact().to_owned(), sender.organization().to_owned());
        (slf.get_type().into_any().unbind(), arguments)
    }
}
