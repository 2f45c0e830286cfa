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

/// A report of one organisation about TLS with a domain, usually for a day (RFC 8460, 4.4).
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
/// What a sender left out is `None`. Everything in a report that was received is a stranger's text: it may hold any character,
/// and may be untrue. Two reports are equal that say the same, whatever their deviations are.
///
/// Raises TypeError or ValueError for a value that cannot be. What may not stand in a report `to_json` tells.
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

    /// Reads a report: JSON, compressed with gzip or not, which its first octets tell.
    ///
    /// >>> import gzip
    /// >>> from mta_sts.tlsrpt import Report
    /// >>> report = Report.parse(gzip.compress(b'{"contact-info": null, "policies": []}'))
    /// >>> [(deviation.code, deviation.path) for deviation in report.deviations][:2]
    /// [('null-member', 'contact-info'), ('no-policies', 'policies')]
    ///
    /// Senders depart from RFC 8460 in many ways, and a report that is not read tells nobody of their trouble. So whatever can
    /// be understood is read, and what was odd stands in `deviations`. `strict`: the first deviation is an error.
    ///
    /// `max_octets`: how long the report may be, unpacked, 10 MiB by default. `max_policies`, `max_details`: how many policies
    /// it may have, and how many failure details all of them together. It takes time and memory linear in `max_octets`,
    /// whatever a compressed report would unpack to; other threads run meanwhile where it is long.
    ///
    /// Raises MtaStsError: it is no JSON, or compressed and damaged; it is no object, has no `policies`, or is beyond a limit.
    /// `.path` and `.offset` are the place in the JSON.
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

    /// The time that is reported on: `date-range`.
    #[getter]
    fn period(&self) -> Option<ReportPeriod> {
        self.content.period().map(ReportPeriod)
    }

    /// What is reported, a `ReportPolicy` each.
    #[getter]
    fn policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let policies = self.policies.get_or_try_init(py, || {
            let policies = self.content.policies().iter().cloned().map(ReportPolicy::from);
            Ok::<_, PyErr>(PyTuple::new(py, policies.collect::<Vec<_>>())?.unbind())
        })?;
        Ok(policies.bind(py).clone())
    }

    /// How many sessions succeeded, under all policies together. A session may count under DANE and under MTA-STS.
    #[getter]
    fn successes(&self) -> u64 {
        self.total(tlsrpt::ReportPolicy::successes)
    }

    /// How many sessions failed, under all policies together.
    #[getter]
    fn failures(&self) -> u64 {
        self.total(tlsrpt::ReportPolicy::failures)
    }

    /// Where the report that was read departs from RFC 8460 or from I-JSON, a `Deviation` each, in the order in which it was
    /// noticed.
    ///
    /// At most 256; of more, the last is `more-deviations`.
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

    /// The report with this domain for the policies that have none: the file name tells it (`ReportFileName`).
    ///
    /// What the body says prevails (RFC 8460, 5.6). Raises MtaStsError for a domain that is none.
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
    /// The same report always gives the same text, and `parse` gives the same report without a deviation. What is `None` is left
    /// out. To send it, see `mail_parts`.
    ///
    /// Raises MtaStsError with `.path`, for what its receiver would misread or refuse: a member that RFC 8460 demands is missing;
    /// the period is not one day of UTC; the contact has no domain; a name is not in A-labels or has a last dot; a type is
    /// unknown, an address is none; a text is empty, too long, or has characters that do not belong there; fewer sessions are
    /// detailed than failed.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        let written = py.detach(|| self.content.to_json());
        written.map_err(|error| error.into_exception(py))
    }

    /// What the report says, in dicts, lists, texts and numbers: for `json`, `pandas.json_normalize` and the like.
    ///
    /// The keys are the names of the attributes, and each of them is there. `start` and `end` are those of the period, in Unix
    /// seconds. What a stranger wrote comes as it is, deviations and all.
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

    /// What the mail that brings the report to this domain has of its own, a `MailParts`; `mail` makes the whole mail.
    ///
    /// Raises MtaStsError, for a report that no receiver would take for one of this sender: `other-report-submitter`, if the domain of
    /// its `contact` is another; `bad-report-id`, if its `id` can stand in no subject; `missing-report-period`. What a `Tally` has
    /// made has none of that.
    #[pyo3(signature = (domain, sender, /))]
    fn mail_parts<'py>(
        &self,
        domain: &Bound<'py, PyAny>,
        sender: &ReportSender,
    ) -> PyResult<Bound<'py, PyAny>> {
        parts_of(domain.py(), &self.content, &policy_domain(domain)?, &sender.0)
    }

    /// The mail that brings the report to this domain: an `email.message.EmailMessage`, whose `as_bytes()` are its octets.
    ///
    /// It is from the `contact` of the report. `to`: one address of the `rua`, a `Mailto` or its text; each gets a mail of its own.
    /// `date`: in Unix seconds or an aware datetime, now by default. Where it is signed with DKIM, both fields that begin with
    /// `TLS-Report` belong into the signature (RFC 8460, 5.3).
    ///
    /// Raises MtaStsError, as `to_json` and `mail_parts` do, and for a contact that is no plain address.
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

    /// Sets what a pickle kept of the text that was read.
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
