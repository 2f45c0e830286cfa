use std::borrow::Cow;
use std::time::Duration;

use mta_sts_core::lint::{self, Finding};
use mta_sts_core::tlsrpt::ReportLimits;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::convert::{LARGE, Octets, http_status, octets_of_each, size};
use crate::gzip::{is_gzip, unpacked};
use crate::name::{dns_names, policy_domain};
use crate::policy::{fetch_limits, http_response, strictness};
use crate::sequence::{self, subscript};
use crate::value::{value, word};

/// The findings of a `lint_` function, in the order of the text: a sequence that creates each `Finding` on access.
///
/// A text has a finding of severity error exactly if the parser refuses it. At most 100 findings are returned, and then
/// one that counts the others.
#[pyclass(frozen, sequence, module = "mta_sts")]
pub(crate) struct Findings(Vec<Finding>);

#[pymethods]
impl Findings {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        subscript(key, self.0.len(), |index| finding_value(key.py(), &self.0[index]))
    }

    /// The index of the first occurrence of this finding.
    ///
    /// Raises ValueError if there is none.
    #[pyo3(signature = (finding, /))]
    fn index(&self, finding: &Bound<'_, PyAny>) -> PyResult<usize> {
        for (index, own) in self.0.iter().enumerate() {
            if finding_value(finding.py(), own)?.eq(finding)? {
                return Ok(index);
            }
        }
        sequence::index(None)
    }

    /// The number of occurrences of this finding.
    #[pyo3(signature = (finding, /))]
    fn count(&self, finding: &Bound<'_, PyAny>) -> PyResult<usize> {
        let own = self.0.iter().map(|own| finding_value(finding.py(), own)?.eq(finding));
        Ok(own.collect::<PyResult<Vec<_>>>()?.into_iter().filter(|same| *same).count())
    }

    /// It is pickled as a list.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyAny>,))> {
        let py = slf.py();
        let findings: PyResult<Vec<_>> = slf.get().0.iter().map(|own| finding_value(py, own)).collect();
        Ok((py.get_type::<PyList>().into_any(), (PyList::new(py, findings?)?.into_any(),)))
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __repr__(&self) -> String {
        let codes: Vec<_> = self.0.iter().map(Finding::code).collect();
        format!("<Findings [{}]>", codes.join(", "))
    }
}

fn finding_value<'py>(py: Python<'py>, finding: &Finding) -> PyResult<Bound<'py, PyAny>> {
    let span = finding.span();
    value(
        py,
        "Finding",
        (
            finding.code(),
            finding.kind().number(),
            word(py, "Severity", finding.severity().as_str())?,
            (span.start, span.end),
            finding.line(),
            finding.message(),
            finding.senders(),
            finding.help(),
        ),
    )
}

/// The findings about one TXT record, its character-strings concatenated without separators (RFC 8461, 3.1).
///
/// >>> import mta_sts
/// >>> [finding.code for finding in mta_sts.lint_record("v=STSv1; id=2026-11-24")]
/// ['bad-id']
#[pyfunction]
#[pyo3(signature = (txt, /))]
pub(crate) fn lint_record(txt: Octets<'_>) -> Findings {
    Findings(lint::record(txt.as_ref()))
}

/// The findings about all TXT records at `_mta-sts` (RFC 8461, 3.1).
///
/// The line of a finding is the number of its record, from 1; spans count through the records, one after the other.
#[pyfunction]
#[pyo3(signature = (rrset, /))]
pub(crate) fn lint_rrset(rrset: &Bound<'_, PyAny>) -> PyResult<Findings> {
    Ok(Findings(lint::rrset(&octets_of_each(rrset)?)))
}

/// The findings about one TXT record that asks for TLS reports (RFC 8460, 3).
///
/// >>> import mta_sts
/// >>> [finding.code for finding in mta_sts.lint_tlsrpt_record("v=TLSRPTv1; rua=tls@example.com")]
/// ['no-usable-rua', 'rua-without-scheme']
#[pyfunction]
#[pyo3(signature = (txt, /))]
pub(crate) fn lint_tlsrpt_record(txt: Octets<'_>) -> Findings {
    Findings(lint::tlsrpt_record(txt.as_ref()))
}

/// The findings about all TXT records at `_smtp._tls` (RFC 8460, 3). Lines and spans are those of `lint_rrset`.
///
/// Pass what else is known: the domain, the TTL of the records in the zone, in seconds, and whether the domain has an
/// MTA-STS record.
///
/// Raises MtaStsError for an invalid domain.
#[pyfunction]
#[pyo3(signature = (rrset, /, *, domain = None, ttl = None, has_mta_sts = false))]
pub(crate) fn lint_tlsrpt_rrset(
    rrset: &Bound<'_, PyAny>,
    domain: Option<&Bound<'_, PyAny>>,
    ttl: Option<u32>,
    has_mta_sts: bool,
) -> PyResult<Findings> {
    let domain = domain.map(policy_domain).transpose()?;
    let mut facts = lint::TlsrptFacts::new().with_mta_sts(has_mta_sts);
    if let Some(domain) = &domain {
        facts = facts.with_domain(domain);
    }
    if let Some(ttl) = ttl {
        facts = facts.with_ttl(Duration::from_secs(ttl.into()));
    }
    Ok(Findings(lint::tlsrpt_rrset(&octets_of_each(rrset)?, &facts)))
}

/// The findings about a TLS report (RFC 8460, 4.4).
///
/// >>> import mta_sts
/// >>> [finding.code for finding in mta_sts.lint_report('{"policies": [], "x-build": 1}')]
/// ['no-policies', 'unknown-member', 'missing-member', 'missing-member', 'missing-member', 'missing-member']
///
/// `data`: JSON, or the same in gzip format, which is decompressed as by `Report.parse`; spans and lines are those of the JSON.
/// Each deviation is a finding, and so are errors that are not deviations. `strict`: a deviation is an error instead of a
/// warning. For a long report, other threads can run meanwhile.
#[pyfunction]
#[pyo3(signature = (data, /, *, strict = false))]
pub(crate) fn lint_report(py: Python<'_>, data: Octets<'_>, strict: bool) -> Findings {
    let data = data.as_ref();
    let look = || {
        // Damaged gzip is linted as it is: it is not JSON, and a finding says that it is compressed.
        let json = unpacked(data, ReportLimits::new().max_len()).unwrap_or(Cow::Borrowed(data));
        Findings(lint::report_with(&json, strictness(strict)))
    };
    if data.len() > LARGE || is_gzip(data) { py.detach(look) } else { look() }
}

/// The findings about the body of a policy (RFC 8461, 3.2).
///
/// >>> import mta_sts
/// >>> body = b"version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 604800\n"
/// >>> [finding.code for finding in mta_sts.lint_policy(body, mx_hosts=["mx.a.test", "mx.b.test"])]
/// ['mx-not-covered']
///
/// `strict`: what `Policy.parse` tolerates is an error instead of a warning. `mx_hosts`: the MX hosts of the domain;
/// those that no pattern covers are reported.
///
/// Raises MtaStsError for an invalid host name.
#[pyfunction]
#[pyo3(signature = (body, /, *, strict = false, mx_hosts = None))]
pub(crate) fn lint_policy(
    py: Python<'_>,
    body: Octets<'_>,
    strict: bool,
    mx_hosts: Option<&Bound<'_, PyAny>>,
) -> PyResult<Findings> {
    let (body, strictness, hosts) = (body.as_ref(), strictness(strict), dns_names(mx_hosts)?);
    Ok(Findings(py.detach(|| match &hosts {
        Some(hosts) => lint::policy_for_hosts(body, strictness, hosts),
        None => lint::policy_with(body, strictness),
    })))
}

/// The findings about the response of a Policy Host: status, media type, size, and the policy in it (RFC 8461, 3.3).
///
/// The options are those of `Policy.from_response` and of `lint_policy`. The body of a response with a status other
/// than 200 is not examined.
///
/// Raises MtaStsError for an invalid host name.
#[allow(clippy::too_many_arguments)] // Each is a keyword in Python.
#[pyfunction]
#[pyo3(signature = (*, status, content_type, body, max_body_len = 65_536, strict = false, accept_missing_content_type = false, mx_hosts = None))]
pub(crate) fn lint_response(
    py: Python<'_>,
    #[pyo3(from_py_with = http_status)] status: u16,
    content_type: Option<Octets<'_>>,
    body: Octets<'_>,
    #[pyo3(from_py_with = size)] max_body_len: usize,
    strict: bool,
    accept_missing_content_type: bool,
    mx_hosts: Option<&Bound<'_, PyAny>>,
) -> PyResult<Findings> {
    let limits = fetch_limits(max_body_len, strict, accept_missing_content_type);
    let (response, hosts) = (http_response(status, content_type, body), dns_names(mx_hosts)?);
    Ok(Findings(py.detach(|| match &hosts {
        Some(hosts) => lint::response_for_hosts(&response, &limits, hosts),
        None => lint::response(&response, &limits),
    })))
}
