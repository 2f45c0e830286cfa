use mta_sts_core::{FetchFailure, PolicyType, ResultType, SessionFault};
use pyo3::prelude::*;

use crate::convert::{from_word, word_text};
use crate::value::word;

/// The number of a `ResultType` in libtlsrpt.
///
/// Raises MtaStsError, `unknown-word`, for an unknown keyword.
#[pyfunction]
#[pyo3(signature = (word, /))]
pub(crate) fn result_type_number(#[pyo3(from_py_with = word_text)] word: &str) -> PyResult<u16> {
    Ok(from_word::<ResultType>("ResultType", word)?.number())
}

/// The number of a `PolicyType` in libtlsrpt.
///
/// Raises MtaStsError, `unknown-word`, for an unknown keyword.
#[pyfunction]
#[pyo3(signature = (word, /))]
pub(crate) fn policy_type_number(#[pyo3(from_py_with = word_text)] word: &str) -> PyResult<u16> {
    Ok(from_word::<PolicyType>("PolicyType", word)?.number())
}

/// The `ResultType` under which TLSRPT counts a `FetchFailure` or a `SessionFault`; `None` if it is not counted.
#[pyfunction]
#[pyo3(signature = (code, /))]
pub(crate) fn result_type_of<'py>(
    py: Python<'py>,
    #[pyo3(from_py_with = word_text)] code: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let result_type = match FetchFailure::from_code(code) {
        Some(failure) => Some(failure.result_type()),
        None => SessionFault::from_code(code).and_then(SessionFault::result_type),
    };
    result_type.map(|result_type| word(py, "ResultType", result_type.as_str())).transpose()
}
