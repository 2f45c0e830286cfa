//! `MtaStsError`: one exception for all that the core refuses, told apart by its code.

use mta_sts_core::{
    EntryError, EntryErrorKind, FetchError, FetchErrorKind, FetchFailure, LintKind, LookupError,
    LookupErrorKind, NameError, NameErrorKind, NoPolicyKind, PolicyError, PolicyErrorKind, PostfixError,
    PostfixErrorKind, RecordError, RecordErrorKind, SessionFault, TxtFailure,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::convert::value;

/// Turns an error of the core into the exception.
pub(crate) trait IntoException {
    fn into_exception(self, py: Python<'_>) -> PyErr;
}

fn exception(py: Python<'_>, message: String, code: &str, line: Option<u32>, offset: Option<usize>) -> PyErr {
    match value(py, "MtaStsError", (message, code, line, offset)) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

impl IntoException for NameError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), None, Some(self.offset()))
    }
}

impl IntoException for RecordError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), None, Some(self.offset()))
    }
}

impl IntoException for PolicyError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), Some(self.line()), Some(self.offset()))
    }
}

impl IntoException for FetchError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        let policy = self.policy_error();
        let (line, offset) = (policy.map(|error| error.line()), policy.map(|error| error.offset()));
        exception(py, self.to_string(), self.code(), line, offset)
    }
}

impl IntoException for EntryError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), Some(self.line()), None)
    }
}

impl IntoException for LookupError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), None, None)
    }
}

impl IntoException for PostfixError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        exception(py, self.to_string(), self.code(), None, None)
    }
}

/// Every code that an error, a finding, a fault or a reason can have, with its number and its sentence.
///
/// >>> import mta_sts
/// >>> mta_sts.codes()["bad-id"]
/// (205, 'The `id` is not 1 to 32 letters and digits.')
#[pyfunction]
pub(crate) fn codes(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let codes = PyDict::new(py);
    macro_rules! add {
        ($($kind:ident)*) => {$(
            for kind in $kind::ALL {
                if !codes.contains(kind.code())? {
                    codes.set_item(kind.code(), (kind.number(), kind.message()))?;
                }
            }
        )*};
    }
    add!(NameErrorKind RecordErrorKind PolicyErrorKind FetchErrorKind FetchFailure TxtFailure EntryErrorKind
        LookupErrorKind SessionFault NoPolicyKind LintKind PostfixErrorKind);
    Ok(codes)
}
