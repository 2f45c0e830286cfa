use std::net::IpAddr;

use mta_sts_core::tlsrpt::{self, Word};
use mta_sts_core::{PolicyType, ResultType};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

use crate::convert::{IpAddress, Text, count, text_of_each};
use crate::value::{hash_of, reduced, word};

/// The results under one policy: an element of `policies` (RFC 8460, 4.4).
///
/// >>> from mta_sts.tlsrpt import ReportPolicy
/// >>> policy = ReportPolicy("no-policy-found", "example.com", successes=12)
/// >>> policy.kind, policy.domain, policy.successes, policy.failures
/// (<PolicyType.NO_POLICY_FOUND: 'no-policy-found'>, 'example.com', 12, 0)
///
/// `kind` is a `PolicyType`, or another string. `domain` is the recipient domain, or for `tlsa` the name of the TLSA
/// records (RFC 8460, 1.1), in A-labels. `lines`: the lines of an MTA-STS policy as received, including errors, or one line
/// for each TLSA record; at most 4,096 octets of a line and 65,536 of all lines are kept. `mx_hosts`: the patterns of the
/// policy, in A-labels. `successes`, `failures`: the numbers of sessions, 2**53 - 1 at most. `details`: a `FailureDetails`
/// for each kind of failure.
#[pyclass(frozen, module = "mta_sts.tlsrpt")]
pub(crate) struct ReportPolicy {
    pub(crate) content: tlsrpt::ReportPolicy,
    // Made when they are asked for; they never change.
    details: PyOnceLock<Py<PyTuple>>,
}

#[pymethods]
impl ReportPolicy {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("kind", "domain")
    }

    #[new]
    #[pyo3(signature = (kind, domain, /, *, lines = None, mx_hosts = None, successes = 0, failures = 0, details = None))]
    fn new(
        kind: Text<'_>,
        domain: Text<'_>,
        lines: Option<&Bound<'_, PyAny>>,
        mx_hosts: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = count)] successes: u64,
        #[pyo3(from_py_with = count)] failures: u64,
        details: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut policy = tlsrpt::ReportPolicy::new(kind.as_ref(), domain.as_ref())
            .with_lines(lines.map(text_of_each).transpose()?.unwrap_or_default())
            .with_mx_hosts(mx_hosts.map(text_of_each).transpose()?.unwrap_or_default())
            .with_sessions(successes, failures);
        if let Some(details) = details {
            for each in details.try_iter()? {
                policy = policy.with_details(each?.cast::<FailureDetails>()?.get().0.clone());
            }
        }
        Ok(policy.into())
    }

    /// The kind of the policy, a `PolicyType`, or a plain `str` if RFC 8460 does not register it: `policy-type`.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        registered(py, "PolicyType", self.content.kind(), PolicyType::as_str)
    }

    /// The domain of the policy: `policy-domain`.
    #[getter]
    fn domain(&self) -> Option<&str> {
        self.content.domain()
    }

    /// The lines of the policy, or its TLSA records: `policy-string`.
    #[getter]
    fn lines<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let lines: Vec<_> = self.content.lines().collect();
        PyList::new(py, lines)
    }

    /// The `mx` patterns of the policy: `mx-host`.
    #[getter]
    fn mx_hosts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let patterns: Vec<_> = self.content.mx_hosts().collect();
        PyList::new(py, patterns)
    }

    /// The number of sessions that satisfied the policy: `total-successful-session-count`.
    #[getter]
    fn successes(&self) -> u64 {
        self.content.successes()
    }

    /// The number of failed sessions: `total-failure-session-count`.
    #[getter]
    fn failures(&self) -> u64 {
        self.content.failures()
    }

    /// The failures, a `FailureDetails` for each kind: `failure-details`.
    ///
    /// A session may be counted in several, so their sum may exceed `failures` (RFC 8460, 4).
    #[getter]
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let details = self.details.get_or_try_init(py, || {
            let details = self.content.details().iter().cloned().map(FailureDetails);
            Ok::<_, PyErr>(PyTuple::new(py, details.collect::<Vec<_>>())?.unbind())
        })?;
        Ok(details.bind(py).clone())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.content == other.content
    }

    fn __hash__(&self) -> u64 {
        hash_of(&self.content)
    }

    fn __repr__(&self) -> String {
        format!(
            "<ReportPolicy kind={} domain={} successes={} failures={}>",
            self.content.kind().to_string().escape_debug(),
            shown(self.domain()),
            self.successes(),
            self.failures()
        )
    }

    fn __reduce__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        reduced("report_policy", slf.into_any())
    }
}

impl From<tlsrpt::ReportPolicy> for ReportPolicy {
    fn from(policy: tlsrpt::ReportPolicy) -> Self {
        Self { content: policy, details: PyOnceLock::new() }
    }
}

/// One kind of failure under a policy, with its number of sessions: an element of `failure-details` (RFC 8460, 4.4).
///
/// >>> from mta_sts.tlsrpt import FailureDetails
/// >>> details = FailureDetails("validation-failure", 3, receiving_mx_hostname="mx.example.com", failure_reason_code="mx-mismatch")
/// >>> details.result, details.failed_sessions, details.receiving_ip
/// (<ResultType.VALIDATION_FAILURE: 'validation-failure'>, 3, None)
///
/// `result` is a `ResultType`, or another string; `failed_sessions` is 2**53 - 1 at most. Addresses are strings, or objects
/// of `ipaddress`. `receiving_mx_helo`: the name in the greeting of the MX host or in its answer to EHLO; only the first
/// word is kept, 255 octets at most. `failure_reason_code`: an error code or message of the sender, truncated to 128
/// octets, since a report should disclose little about the sender (RFC 8460, 8). In both, `?` replaces characters that are
/// not printable ASCII.
#[pyclass(frozen, eq, hash, module = "mta_sts.tlsrpt")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct FailureDetails(pub(crate) tlsrpt::FailureDetails);

#[pymethods]
impl FailureDetails {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("result", "failed_sessions")
    }

    #[allow(clippy::too_many_arguments)] // Each is a keyword in Python.
    #[new]
    #[pyo3(signature = (result, failed_sessions, /, *, sending_mta_ip = None, receiving_mx_hostname = None, receiving_mx_helo = None, receiving_ip = None, additional_information = None, failure_reason_code = None))]
    fn new(
        result: Text<'_>,
        #[pyo3(from_py_with = count)] failed_sessions: u64,
        sending_mta_ip: Option<Address>,
        receiving_mx_hostname: Option<Text<'_>>,
        receiving_mx_helo: Option<Text<'_>>,
        receiving_ip: Option<Address>,
        additional_information: Option<Text<'_>>,
        failure_reason_code: Option<Text<'_>>,
    ) -> Self {
        let mut details = tlsrpt::FailureDetails::new(result.as_ref(), failed_sessions);
        if let Some(Address(address)) = sending_mta_ip {
            details = details.with_sending_mta_ip(address);
        }
        if let Some(name) = receiving_mx_hostname {
            details = details.with_receiving_mx_hostname(name.as_ref());
        }
        if let Some(answer) = receiving_mx_helo {
            details = details.with_receiving_mx_helo(answer);
        }
        if let Some(Address(address)) = receiving_ip {
            details = details.with_receiving_ip(address);
        }
        if let Some(uri) = additional_information {
            details = details.with_additional_information(uri.as_ref());
        }
        if let Some(reason) = failure_reason_code {
            details = details.with_failure_reason_code(reason);
        }
        Self(details)
    }

    /// The kind of failure, a `ResultType`, or a plain `str` if RFC 8460 does not register it: `result-type`.
    #[getter]
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        registered(py, "ResultType", self.0.result(), ResultType::as_str)
    }

    /// The number of sessions with this failure: `failed-session-count`.
    #[getter]
    fn failed_sessions(&self) -> u64 {
        self.0.failed_sessions()
    }

    /// The address of the sending mail server: `sending-mta-ip`. An invalid address is returned as written.
    #[getter]
    fn sending_mta_ip(&self) -> Option<String> {
        self.0.sending_mta_ip().map(Word::to_string)
    }

    /// The name of the MX host, as in its MX record: `receiving-mx-hostname`.
    #[getter]
    fn receiving_mx_hostname(&self) -> Option<&str> {
        self.0.receiving_mx_hostname()
    }

    /// The name that the MX host uses for itself: `receiving-mx-helo`.
    #[getter]
    fn receiving_mx_helo(&self) -> Option<&str> {
        self.0.receiving_mx_helo()
    }

    /// The address of the MX host: `receiving-ip`. An invalid address is returned as written.
    #[getter]
    fn receiving_ip(&self) -> Option<String> {
        self.0.receiving_ip().map(Word::to_string)
    }

    /// The URI of a page with more information: `additional-information`.
    #[getter]
    fn additional_information(&self) -> Option<&str> {
        self.0.additional_information()
    }

    /// The reason, in the sender's own, non-standard words: `failure-reason-code`. `explain` knows many of them.
    #[getter]
    fn failure_reason_code(&self) -> Option<&str> {
        self.0.failure_reason_code()
    }

    fn __repr__(&self) -> String {
        format!(
            "<FailureDetails result={} failed_sessions={} receiving_mx_hostname={} failure_reason_code={}>",
            self.0.result().to_string().escape_debug(),
            self.0.failed_sessions(),
            shown(self.0.receiving_mx_hostname()),
            shown(self.0.failure_reason_code())
        )
    }

    fn __reduce__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        reduced("failure_details", slf.into_any())
    }
}

/// An address from Python: an object of `ipaddress`, or a string, which may be invalid.
struct Address(Word<IpAddr>);

impl<'a, 'py> FromPyObject<'a, 'py> for Address {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Ok(Self(object.extract::<Text<'_>>()?.as_ref().into()));
        }
        Ok(Self(object.extract::<IpAddress>()?.0.into()))
    }
}

/// A member of an enum of `mta_sts._words`, or the string itself if it is unknown.
fn registered<'py, T: Copy>(
    py: Python<'py>,
    class: &str,
    kind: &Word<T>,
    text: fn(T) -> &'static str,
) -> PyResult<Bound<'py, PyAny>> {
    match kind {
        Word::Known(known) => word(py, class, text(*known)),
        Word::Other(text) => Ok(PyString::new(py, text).into_any()),
    }
}

/// Formats an untrusted text for a repr.
pub(crate) fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "None".to_owned(), |text| format!("{text:?}"))
}

/// The results under one policy, as returned by `Report.to_dict`.
pub(crate) fn policy_dict<'py>(
    py: Python<'py>,
    policy: &tlsrpt::ReportPolicy,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "kind"), text_of(policy.kind(), PolicyType::as_str))?;
    dict.set_item(intern!(py, "domain"), policy.domain())?;
    dict.set_item(intern!(py, "lines"), PyList::new(py, policy.lines().collect::<Vec<_>>())?)?;
    dict.set_item(intern!(py, "mx_hosts"), PyList::new(py, policy.mx_hosts().collect::<Vec<_>>())?)?;
    dict.set_item(intern!(py, "successes"), policy.successes())?;
    dict.set_item(intern!(py, "failures"), policy.failures())?;
    let details = policy.details().iter().map(|details| details_dict(py, details));
    dict.set_item(intern!(py, "details"), PyList::new(py, details.collect::<PyResult<Vec<_>>>()?)?)?;
    Ok(dict)
}

fn details_dict<'py>(py: Python<'py>, details: &tlsrpt::FailureDetails) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "result"), text_of(details.result(), ResultType::as_str))?;
    dict.set_item(intern!(py, "failed_sessions"), details.failed_sessions())?;
    dict.set_item(intern!(py, "sending_mta_ip"), details.sending_mta_ip().map(Word::to_string))?;
    dict.set_item(intern!(py, "receiving_mx_hostname"), details.receiving_mx_hostname())?;
    dict.set_item(intern!(py, "receiving_mx_helo"), details.receiving_mx_helo())?;
    dict.set_item(intern!(py, "receiving_ip"), details.receiving_ip().map(Word::to_string))?;
    dict.set_item(intern!(py, "additional_information"), details.additional_information())?;
    dict.set_item(intern!(py, "failure_reason_code"), details.failure_reason_code())?;
    Ok(dict)
}

fn text_of<T: Copy>(kind: &Word<T>, text: fn(T) -> &'static str) -> &str {
    match kind {
        Word::Known(known) => text(*known),
        Word::Other(text) => text,
    }
}
