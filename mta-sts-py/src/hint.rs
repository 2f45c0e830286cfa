use mta_sts_core::tlsrpt;
use mta_sts_core::{PolicyType, ResultType};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{Text, word_text};
use crate::error::unknown_word;
use crate::value::{is_value, value, word};

/// Explains a failure in a report: its cause, who is responsible, and how to fix it, a `Hint`.
///
/// >>> from mta_sts.tlsrpt import explain
/// >>> hint = explain("sts", "validation-failure", "unable_to_get_local_issuer_certificate")
/// >>> hint.code, str(hint.whose)
/// ('issuer-unknown', 'owner')
/// >>> hint.fix
/// 'Install the whole chain of a certificate from a public CA: with certbot, `fullchain.pem` instead of `cert.pem`.'
///
/// It takes the `kind` of a `ReportPolicy`, and the `result` and the `failure_reason_code` of its `FailureDetails`, which
/// may be any text or `None`. Reasons are not standardised: those of this package, Postfix, OpenSSL, Microsoft, mox,
/// Stalwart and of Go programs are known. An unknown reason is ignored.
#[pyfunction]
#[pyo3(signature = (policy_type, result_type, reason = None, /))]
pub(crate) fn explain<'py>(
    py: Python<'py>,
    policy_type: Text<'_>,
    result_type: Text<'_>,
    reason: Option<Text<'_>>,
) -> PyResult<Bound<'py, PyAny>> {
    let policy_type = policy_type.as_ref().parse::<PolicyType>().ok();
    let result_type = result_type.as_ref().parse::<ResultType>().ok();
    let reason = reason.as_ref().map(AsRef::as_ref).unwrap_or_default();
    hint_value(py, tlsrpt::Hint::explain(policy_type, result_type, reason))
}

/// Returns every `Hint`, except those for faults that `lint` finds, which have the codes and sentences of `lint`.
#[pyfunction]
pub(crate) fn hints(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyAny>>> {
    tlsrpt::Hint::ALL.iter().map(|hint| hint_value(py, *hint)).collect()
}

/// Returns the `Hint` with this code.
///
/// Raises MtaStsError, `unknown-word`, for an unknown code.
#[pyfunction]
#[pyo3(signature = (code, /))]
pub(crate) fn hint_of_code<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = word_text)] code: &str,
) -> PyResult<Bound<'py, PyAny>> {
    hint_value(py, hint_from_code(py, code)?)
}

fn hint_from_code(py: Python<'_>, code: &str) -> PyResult<tlsrpt::Hint> {
    tlsrpt::Hint::from_code(code).ok_or_else(|| unknown_word(py, "code of a hint", code))
}

pub(crate) fn hint_value(py: Python<'_>, hint: tlsrpt::Hint) -> PyResult<Bound<'_, PyAny>> {
    let whose = word(py, "Whose", hint.whose().as_str())?;
    value(py, "Hint", (hint.code(), whose, hint.cause(), hint.fix()))
}

/// A hint from Python: a `Hint`, or its code.
pub(crate) fn hint_from(hint: &Bound<'_, PyAny>) -> PyResult<tlsrpt::Hint> {
    if is_value(hint, "Hint")? {
        return hint_from(&hint.getattr("code")?);
    }
    let code = hint.cast::<PyString>()?.to_string_lossy();
    hint_from_code(hint.py(), &code)
}
