//! The mail that carries a report: making its parts, and parsing those of others.

use mta_sts_core::PolicyDomain as Domain;
use mta_sts_core::tlsrpt::{self, MailParts};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::Text;
use crate::error::IntoException;
use crate::name::PolicyDomain;
use crate::report_period::ReportPeriod;
use crate::value::value;

/// Returns the parts of the mail that carries a report about this domain.
pub(crate) fn parts_of<'py>(
    py: Python<'py>,
    report: &tlsrpt::Report,
    domain: &Domain,
    sender: &tlsrpt::ReportSender,
) -> PyResult<Bound<'py, PyAny>> {
    let parts = MailParts::of(report, domain, sender).map_err(|error| error.into_exception(py))?;
    let headers = PyTuple::new(py, parts.headers)?;
    let content_type = MailParts::CONTENT_TYPE;
    let arguments = (
        parts.subject,
        headers,
        content_type,
        parts.text,
        parts.file_name,
        parts.media_type,
        sender.contact(),
    );
    value(py, "MailParts", arguments)
}

/// The parsed subject of a mail with a report (RFC 8460, 5.3).
///
/// >>> from mta_sts.tlsrpt import ReportSubject
/// >>> subject = ReportSubject.parse("Report Domain: example.com Submitter: mail.sender.example Report-ID: <735ff.e317@sender.example>")
/// >>> str(subject.domain), str(subject.submitter), subject.report_id
/// ('example.com', 'mail.sender.example', '735ff.e317@sender.example')
///
/// It suggests which report a mail carries; the report itself takes precedence (RFC 8460, 5.6).
#[pyclass(frozen, eq, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ReportSubject(tlsrpt::ReportSubject);

#[pymethods]
impl ReportSubject {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("domain", "submitter", "report_id")
    }

    /// Parses the value of `Subject`, folded or not, with encoded words decoded; `None` if it is not the subject of a report.
    ///
    /// Angle brackets around the Report-ID may be missing, and it need not be a msg-id: large senders write it so.
    #[staticmethod]
    #[pyo3(signature = (subject, /))]
    fn parse(subject: Text<'_>) -> Option<Self> {
        tlsrpt::ReportSubject::parse(subject.as_ref()).map(Self)
    }

    /// The domain that the report is about.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain.clone())
    }

    /// The domain of the sender of the report.
    #[getter]
    fn submitter(&self) -> PolicyDomain {
        PolicyDomain(self.0.submitter.clone())
    }

    /// The Report-ID, without angle brackets. Some senders use a different one in the report.
    #[getter]
    fn report_id(&self) -> &str {
        &self.0.report_id
    }

    fn __str__(&self) -> String {
        let tlsrpt::ReportSubject { domain, submitter, report_id, .. } = &self.0;
        format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{report_id}>")
    }

    fn __repr__(&self) -> String {
        format!("ReportSubject.parse({:?})", self.__str__())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().__str__(),)))
    }
}

/// The name of a file with a report (RFC 8460, 5.1).
///
/// >>> from mta_sts.tlsrpt import ReportFileName
/// >>> name = ReportFileName.parse("mail.sender.example!example.com!1470013207!1470186007!001.json.gz")
/// >>> str(name.submitter), str(name.domain), name.period, name.unique_id, name.is_compressed
/// ('mail.sender.example', 'example.com', ReportPeriod(1470013207, 1470186007), '001', True)
///
/// It gives the domain of a report that lacks one (`Report.with_missing_domains`); the report itself takes precedence (RFC
/// 8460, 5.6). Never use a received file name as a path: use the `str()` of this value, which is safe.
#[pyclass(frozen, eq, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ReportFileName(tlsrpt::ReportFileName);

#[pymethods]
impl ReportFileName {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("submitter", "domain", "period")
    }

    /// Parses a file name without directories; `None` if it is not the name of a report.
    ///
    /// The first octets of a file show more reliably than its name whether it is compressed.
    #[staticmethod]
    #[pyo3(signature = (name, /))]
    fn parse(name: Text<'_>) -> Option<Self> {
        tlsrpt::ReportFileName::parse(name.as_ref()).map(Self)
    }

    /// The domain of the sender of the report.
    #[getter]
    fn submitter(&self) -> PolicyDomain {
        PolicyDomain(self.0.submitter.clone())
    }

    /// The domain that the report is about.
    #[getter]
    fn domain(&self) -> PolicyDomain {
        PolicyDomain(self.0.domain.clone())
    }

    /// The period of the report.
    #[getter]
    fn period(&self) -> ReportPeriod {
        ReportPeriod(self.0.period)
    }

    /// The identifier that distinguishes reports about the same period: letters and digits, or `None`.
    #[getter]
    fn unique_id(&self) -> Option<&str> {
        self.0.unique_id.as_deref()
    }

    /// Whether the name ends in `.json.gz` instead of `.json`.
    #[getter]
    fn is_compressed(&self) -> bool {
        self.0.is_compressed
    }

    fn __str__(&self) -> String {
        self.0.to_text()
    }

    fn __repr__(&self) -> String {
        format!("ReportFileName.parse({:?})", self.0.to_text())
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<(Py<PyAny>, (String,))> {
        Ok((slf.get_type().getattr("parse")?.unbind(), (slf.get().0.to_text(),)))
    }
}
