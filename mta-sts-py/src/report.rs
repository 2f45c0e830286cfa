use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{self, Deviation, ReportLimits};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::convert::{LARGE, Octets, Text, Time, size};
use crate::error::{IntoException, bad_gzip};
use crate::gzip::{is_gzip, unpacked};
use crate::name::policy_domain;
use crate::report_mail::parts_of;
use crate::report_period::ReportPeriod;
use crate::report_policy::{ReportPolicy, policy_dict, shown};
use crate::report_sender::ReportSender;
use crate::value::{hash_of, reduced, value};

/// A report of one organisation about its TLS sessions with a domain, usually for one day (RFC 8460, 4.4).
///
/// >>> from mta_sts.tlsrpt import FailureDetails, Report, ReportPeriod, ReportPolicy
/// >>> report = Report(
/// ...     organization="Sender Inc.",
/// ...     contact="tls@sender.example",
/// ...     id="2023-11-14.7f3a@sender.example",
/// ...     period=ReportPeriod.of_day(1_700_000_000),
/// ...     policies=[
/// ...         ReportPolicy(
/// ...             "sts",
/// ...             "example.com",
/// ...             mx_hosts=["mx.example.com"],
/// ...             successes=4_212,
/// ...             failures=61,
/// ...             details=[FailureDetails("certificate-expired", 61, receiving_mx_hostname="mx.example.com")],
/// ...         )
/// ...     ],
/// ... )
/// >>> Report.parse(report.to_json(), strict=True) == report
/// True
///
/// A member that the sender left out is `None`. A received report is untrusted input: its texts may contain any character,
/// and its content may be untrue. Two reports are equal if their content is equal, regardless of their deviations.
///
/// Raises TypeError or ValueError for a value of a wrong type or range. `to_json` checks whether the report is valid.
#[pyclass(frozen, module = "mta_sts.tlsrpt")]
pub(crate) struct Report {
    pub(crate) content: tlsrpt::Report,
    noticed: Vec<Deviation>,
    // Made when they are asked for; they never change.
    deviations: PyOnceLock<Py<PyTuple>>,
    policies: PyOnceLock<Py<PyTuple>>,
}

#[pymethods]
impl Report {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("organization", "period", "policies")
    }

    #[new]
    #[pyo3(signature = (*, organization, contact, id, period, policies = None))]
    fn new(
        organization: Text<'_>,
        contact: Text<'_>,
        id: Text<'_>,
        period: &ReportPeriod,
        policies: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut report = tlsrpt::Report::new(organization.as_ref(), contact.as_ref(), id.as_ref(), period.0);
        if let Some(policies) = policies {
            for policy in policies.try_iter()? {
                report = report.with_policy(policy?.cast::<ReportPolicy>()?.get().content.clone());
            }
        }
        Ok(report.into())
    }

    /// Parses a report: JSON, either plain or compressed with gzip, as detected from its first octets.
    ///
    /// >>> import gzip
    /// >>> from mta_sts.tlsrpt import Report
    /// >>> report = Report.parse(gzip.compress(b'{"contact-info": null, "policies": []}'))
    /// >>> [(deviation.code, deviation.path) for deviation in report.deviations][:2]
    /// [('null-member', 'contact-info'), ('no-policies', 'policies')]
    ///
    /// Many senders deviate from RFC 8460, and a rejected report would hide the failures that it describes. Therefore
    /// everything that can be understood is accepted, and `deviations` lists the departures. `strict`: the first deviation is
    /// an error.
    ///
    /// `max_octets`: the maximum length of the decompressed report, 10 MiB by default. `max_policies`, `max_details`: the
    /// maximum number of policies, and of failure details in all policies together. Time and memory are linear in `max_octets`,
    /// regardless of the decompressed size of the input. For a long report, other threads can run meanwhile.
    ///
    /// Raises MtaStsError if the report is not valid JSON, is damaged gzip, is not an object, has no `policies`, or exceeds a
    /// limit. `.path` and `.offset` are the place in the JSON.
    #[staticmethod]
    #[pyo3(signature = (data, /, *, strict = false, max_octets = 10_485_760, max_policies = 1_000, max_details = 20_000))]
    fn parse(
        py: Python<'_>,
        data: Octets<'_>,
        strict: bool,
        #[pyo3(from_py_with = size)] max_octets: usize,
        #[pyo3(from_py_with = size)] max_policies: usize,
        #[pyo3(from_py_with = size)] max_details: usize,
    ) -> PyResult<Self> {
        let data = data.as_ref();
        let limits = ReportLimits::new()
            .with_max_len(max_octets)
            .with_max_policies(max_policies.try_into().unwrap_or(u32::MAX))
            .with_max_details(max_details.try_into().unwrap_or(u32::MAX));
        let parse =
            || Ok::<_, std::io::Error>(tlsrpt::Report::parse_with(&unpacked(data, max_octets)?, &limits));
        let parsed = if data.len() > LARGE || is_gzip(data) { py.detach(parse) } else { parse() };
        let read = parsed.map_err(|_| bad_gzip(py))?.map_err(|error| error.into_exception(py))?;
        if strict {
            return Ok(read.into_strict().map_err(|deviation| deviation.into_exception(py))?.into());
        }
        Ok(Self { noticed: read.deviations, ..read.report.into() })
    }

    /// The reporting organisation: `organization-name`.
    #[getter]
    fn organization(&self) -> Option<&str> {
        self.content.organization()
    }

    /// The mail address of the organisation: `contact-info`.
    #[getter]
    fn contact(&self) -> Option<&str> {
        self.content.contact()
    }

    /// The domain of `contact`, which must be that of `TLS-Report-Submitter` (RFC 8460, 5.3).
    #[getter]
    fn submitter(&self) -> Option<&str> {
        self.content.submitter()
    }

    /// The `report-id`. Together with the organisation and the period it identifies duplicates.
    #[getter]
    fn id(&self) -> Option<&str> {
        self.content.id()
    }

    /// The period of the report: `date-range`.
    #[getter]
    fn period(&self) -> Option<ReportPeriod> {
        self.content.period().map(ReportPeriod)
    }

    /// The policies of the report, each a `ReportPolicy`.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let policies = self.policies.get_or_try_init(py, || {
            let policies = self.content.policies().iter().cloned().map(ReportPolicy::from);
            Ok::<_, PyErr>(PyTuple::new(py, policies.collect::<Vec<_>>())?.unbind())
        })?;
        Ok(policies.bind(py).clone())
    }

    /// The number of successful sessions, summed over all policies. A session may be counted under both DANE and MTA-STS.
    #[getter]
    fn successes(&self) -> u64 {
        self.total(tlsrpt::ReportPolicy::successes)
    }

    /// The number of failed sessions, summed over all policies.
    #[getter]
    fn failures(&self) -> u64 {
        self.total(tlsrpt::ReportPolicy::failures)
    }

    /// The departures of the parsed report from RFC 8460 or I-JSON, each a `Deviation`, in the order of their detection.
    ///
    /// At most 256; if there are more, the last one is `more-deviations`.
    #[getter]
    fn deviations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let deviations = self.deviations.get_or_try_init(py, || {
            let deviations = self.noticed.iter().map(|deviation| {
                let (kind, path) = (deviation.kind(), deviation.path().to_string());
                value(py, "Deviation", (kind.code(), kind.number(), path, deviation.offset(), kind.message()))
            });
            Ok::<_, PyErr>(PyTuple::new(py, deviations.collect::<PyResult<Vec<_>>>()?)?.unbind())
        })?;
        Ok(deviations.bind(py).clone())
    }

    /// Returns the report with this domain, usually from the file name (`ReportFileName`), in the policies that have none.
    ///
    /// A domain in the body takes precedence (RFC 8460, 5.6). Raises MtaStsError for an invalid domain.
    #[pyo3(signature = (domain, /))]
    fn with_missing_domains(&self, domain: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (py, domain) = (domain.py(), policy_domain(domain)?);
        let report = self.content.clone().with_missing_domains(domain.as_str());
        let filled = Self { noticed: self.noticed.clone(), ..report.into() };
        // Those that came with a pickle.
        if let Some(deviations) = self.deviations.get(py) {
            let _ = filled.deviations.set(py, deviations.clone_ref(py));
        }
        Ok(filled)
    }

    /// Writes the report: I-JSON (RFC 7493) on one line, members in the order of RFC 8460, 4.4.
    ///
    /// The same report always gives the same text, and `parse` reads it back without a deviation. Members that are `None` are
    /// omitted. To send it, see `mail_parts`.
    ///
    /// Raises MtaStsError with `.path` if a receiver would misread or reject the report: a member that RFC 8460 requires is
    /// missing; the period is not one UTC day; the contact has no domain; a name is not in A-labels or has a trailing dot; a
    /// type is unknown, or an address is invalid; a text is empty, too long, or has invalid characters; the details cover fewer
    /// sessions than failed.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let written = py.detach(|| self.content.to_json());
        written.map_err(|error| error.into_exception(py))
    }

    /// Returns the report as dicts, lists, strings and numbers, for `json`, `pandas.json_normalize` and similar functions.
    ///
    /// The keys are the names of the attributes; all are present. `start` and `end` are those of the period, in Unix seconds.
    /// Texts of the sender are unchanged, including deviations.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let report = &self.content;
        dict.set_item(intern!(py, "organization"), report.organization())?;
        dict.set_item(intern!(py, "contact"), report.contact())?;
        dict.set_item(intern!(py, "submitter"), report.submitter())?;
        dict.set_item(intern!(py, "id"), report.id())?;
        let (start, end) = report.period().map(|period| (period.start(), period.end())).unzip();
        dict.set_item(intern!(py, "start"), start.map(UnixTime::as_secs))?;
        dict.set_item(intern!(py, "end"), end.map(UnixTime::as_secs))?;
        dict.set_item(intern!(py, "successes"), self.successes())?;
        dict.set_item(intern!(py, "failures"), self.failures())?;
        let policies = report.policies().iter().map(|policy| policy_dict(py, policy));
        dict.set_item(intern!(py, "policies"), PyList::new(py, policies.collect::<PyResult<Vec<_>>>()?)?)?;
        Ok(dict)
    }

    /// Returns the specific parts of the mail that carries the report to this domain, a `MailParts`; `mail` makes the whole
    /// mail.
    ///
    /// Raises MtaStsError for a report that no receiver would accept from this sender: `other-report-submitter`, if the domain
    /// of its `contact` differs; `bad-report-id`, if its `id` cannot be used in a subject; `missing-report-period`. The reports
    /// of a `Tally` have none of these faults.
    #[pyo3(signature = (domain, sender, /))]
    fn mail_parts<'py>(
        &self,
        domain: &Bound<'py, PyAny>,
        sender: &ReportSender,
    ) -> PyResult<Bound<'py, PyAny>> {
        parts_of(domain.py(), &self.content, &policy_domain(domain)?, &sender.0)
    }

    /// Returns the mail that carries the report to this domain: an `email.message.EmailMessage`, whose `as_bytes()` are its
    /// octets.
    ///
    /// The mail is from the `contact` of the report. `to`: one address of the `rua`, a `Mailto` or its text; each address gets
    /// its own mail. `date`: in Unix seconds or an aware datetime, now by default. A DKIM signature must cover both header
    /// fields that begin with `TLS-Report` (RFC 8460, 5.3).
    ///
    /// Raises MtaStsError in the cases of `to_json` and `mail_parts`, and if the contact is not a plain address.
    #[pyo3(signature = (domain, /, *, to, date = None))]
    fn mail<'py>(
        slf: &Bound<'py, Self>,
        domain: &Bound<'py, PyAny>,
        to: &Bound<'py, PyAny>,
        date: Option<Time>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, report) = (slf.py(), &slf.get().content);
        let contact = report.contact().unwrap_or_default();
        let sender = tlsrpt::ReportSender::new(contact, report.organization().unwrap_or_default());
        let sender = sender.map_err(|error| error.into_exception(py))?;
        let parts = parts_of(py, report, &policy_domain(domain)?, &sender)?;
        py.import("mta_sts._mail")?.getattr("message")?.call1((
            slf,
            parts,
            sender.organization(),
            to,
            date.map(|date| date.0.as_secs()),
        ))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.content == other.content
    }

    fn __hash__(&self) -> u64 {
        hash_of(&self.content)
    }

    fn __repr__(&self) -> String {
        let policies = self.content.policies().len();
        format!(
            "<Report organization={} id={} policies={policies} successes={} failures={}>",
            shown(self.organization()),
            shown(self.id()),
            self.successes(),
            self.failures()
        )
    }

    fn __reduce__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        reduced("report", slf.into_any())
    }

    /// Sets the deviations from a pickle.
    fn _with_deviations(&self, py: Python<'_>, deviations: Py<PyTuple>) -> PyResult<Self> {
        let report = Self::from(self.content.clone());
        report.deviations.set(py, deviations).map_err(|_| PyValueError::new_err("it has deviations"))?;
        Ok(report)
    }
}

impl From<tlsrpt::Report> for Report {
    fn from(report: tlsrpt::Report) -> Self {
        Self {
            content: report,
            noticed: Vec::new(),
            deviations: PyOnceLock::new(),
            policies: PyOnceLock::new(),
        }
    }
}

impl Report {
    fn total(&self, sessions: fn(&tlsrpt::ReportPolicy) -> u64) -> u64 {
        self.content.policies().iter().map(sessions).fold(0, u64::saturating_add)
    }
}
