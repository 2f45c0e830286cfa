use mta_sts_core::{Finding, lint};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::convert::{Octets, octets_of_each, value, word};
use crate::policy::{fetch_limits, http_response, strictness};
use crate::sequence::{self, subscript};

/// What `lint` found: a sequence that makes each `Finding` when it is asked for.
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

    /// Where this finding stands first. Raises ValueError if it does not.
    #[pyo3(signature = (finding, /))]
    fn index(&self, finding: &Bound<'_, PyAny>) -> PyResult<usize> {
        for (index, own) in self.0.iter().enumerate() {
            if finding_value(finding.py(), own)?.eq(finding)? {
                return Ok(index);
            }
        }
        sequence::index(None)
    }

    /// How often this finding stands here.
    #[pyo3(signature = (finding, /))]
    fn count(&self, finding: &Bound<'_, PyAny>) -> PyResult<usize> {
        let own = self.0.iter().map(|own| finding_value(finding.py(), own)?.eq(finding));
        Ok(own.collect::<PyResult<Vec<_>>>()?.into_iter().filter(|same| *same).count())
    }

    /// Pickled it is a list.
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

/// What is to be said of one TXT record, faults and all.
///
/// >>> import mta_sts
/// >>> [finding.code for finding in mta_sts.lint_record("v=STSv1; id=2026-11-24")]
/// ['bad-id']
#[pyfunction]
#[pyo3(signature = (txt, /))]
pub(crate) fn lint_record(txt: Octets<'_>) -> Findings {
    Findings(lint::record(txt.as_ref()))
}

/// What is to be said of all TXT records of the name. Spans count through the records, one after the other.
#[pyfunction]
#[pyo3(signature = (rrset, /))]
pub(crate) fn lint_rrset(rrset: &Bound<'_, PyAny>) -> PyResult<Findings> {
    Ok(Findings(lint::rrset(&octets_of_each(rrset)?)))
}

/// What is to be said of the body of a policy.
///
/// With `strict`, what `Policy.parse` tolerates is an error.
#[pyfunction]
#[pyo3(signature = (body, /, *, strict = false))]
pub(crate) fn lint_policy(py: Python<'_>, body: Octets<'_>, strict: bool) -> Findings {
    let body = body.as_ref();
    Findings(py.detach(|| lint::policy_with(body, strictness(strict))))
}

/// What is to be said of an answer of a Policy Host: its fields, and its body.
#[pyfunction]
#[pyo3(signature = (*, status, content_type, body, max_body_len = 65_536, strict = false, accept_missing_content_type = false))]
pub(crate) fn lint_response(
    py: Python<'_>,
    status: u16,
    content_type: Option<Octets<'_>>,
    body: Octets<'_>,
    max_body_len: usize,
    strict: bool,
    accept_missing_content_type: bool,
) -> Findings {
    let limits = fetch_limits(max_body_len, strict, accept_missing_content_type);
    let response = http_response(status, content_type, body);
    Findings(py.detach(|| lint::response(&response, &limits)))
}
