//! `MtaStsError`: one exception for everything that the core refuses, distinguished by its code.

use mta_sts_core::lint::LintKind;
use mta_sts_core::postfix::{PostfixError, PostfixErrorKind};
use mta_sts_core::publish::{DraftError, DraftErrorKind, HistoryError, HistoryErrorKind};
use mta_sts_core::tlsrpt::{
    DatagramError, DatagramErrorKind, Deviation, DeviationKind, MailError, MailErrorKind, ReportError,
    ReportErrorKind, ReportPath, ReportSenderError, ReportSenderErrorKind, TallyError, TallyErrorKind,
    TlsrptRecordError, TlsrptRecordErrorKind,
};
use mta_sts_core::{
    EntryError, EntryErrorKind, FetchError, FetchErrorKind, FetchFailure, LookupError, LookupErrorKind,
    NameError, NameErrorKind, NoPolicyKind, PolicyError, PolicyErrorKind, RecordError, RecordErrorKind,
    ResultType, SessionFault, TxtFailure,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::value::word;

/// Converts an error of the core into the exception.
pub(crate) trait IntoException {
    fn into_exception(self, py: Python<'_>) -> PyErr;
}

/// Where it is, and what is at fault, as far as that is known.
#[derive(Default)]
struct Place {
    line: Option<u32>,
    offset: Option<usize>,
    path: Option<String>,
    name: Option<String>,
}

impl Place {
    fn of_line(line: u32, offset: usize) -> Self {
        Self { line: Some(line), offset: Some(offset), ..Self::default() }
    }

    fn of_member(path: ReportPath, offset: usize) -> Self {
        Self { offset: Some(offset), path: Some(path.to_string()), ..Self::default() }
    }
}

fn exception(
    py: Python<'_>,
    message: String,
    code: &str,
    place: Place,
    result_type: Option<ResultType>,
) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let result_type = result_type.map(|result_type| word(py, "ResultType", result_type.as_str()));
    let exception = result_type.transpose().and_then(|result_type| {
        let Place { line, offset, path, name } = place;
        let arguments = (message, code, line, offset, result_type, path, name);
        CLASS.import(py, "mta_sts._words", "MtaStsError")?.call1(arguments)
    });
    exception.map_or_else(|error| error, PyErr::from_value)
}

/// The error for an unknown keyword.
pub(crate) fn unknown_word(py: Python<'_>, what: &str, word: &str) -> PyErr {
    exception(py, format!("'{}' is not a {what}", word.escape_debug()), UNKNOWN_WORD, Place::default(), None)
}

const UNKNOWN_WORD: &str = "unknown-word";

/// That a report is compressed, and damaged: to its reader it is no JSON from the first octet on.
pub(crate) fn bad_gzip(py: Python<'_>) -> PyErr {
    let message = "The report is compressed, and damaged or cut off.".to_owned();
    let place = Place { offset: Some(0), path: Some(String::new()), ..Place::default() };
    exception(py, message, ReportErrorKind::BadJson.code(), place, None)
}

macro_rules! into_exception_with_place {
    ($($error:ident)*) => {$(
        impl IntoException for $error {
            fn into_exception(self, py: Python<'_>) -> PyErr {
                exception(py, self.to_string(), self.code(), Place::of_line(self.line(), self.offset()), None)
            }
        }
    )*};
}

into_exception_with_place!(NameError RecordError PolicyError EntryError TlsrptRecordError DatagramError TallyError
    HistoryError);

impl IntoException for DraftError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        let place = Place { name: self.name().map(ToString::to_string), ..Place::default() };
        exception(py, self.to_string(), self.code(), place, None)
    }
}

impl IntoException for FetchError {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        let place = Place::of_line(self.line(), self.offset());
        exception(py, self.to_string(), self.code(), place, Some(self.result_type()))
    }
}

macro_rules! into_exception_with_path {
    ($($error:ident)*) => {$(
        impl IntoException for $error {
            fn into_exception(self, py: Python<'_>) -> PyErr {
                exception(py, self.to_string(), self.code(), Place::of_member(self.path(), self.offset()), None)
            }
        }
    )*};
}

into_exception_with_path!(ReportError Deviation);

macro_rules! into_exception_without_place {
    ($($error:ident)*) => {$(
        impl IntoException for $error {
            fn into_exception(self, py: Python<'_>) -> PyErr {
                exception(py, self.to_string(), self.code(), Place::default(), None)
            }
        }
    )*};
}

into_exception_without_place!(LookupError PostfixError ReportSenderError MailError);

/// Every code that an error, a finding, a fault or a reason can have, with its number and its message.
///
/// >>> import mta_sts
/// >>> mta_sts.codes()["bad-id"]
/// (205, 'The `id` is not 1 to 32 letters and digits.')
///
/// Later versions may add codes; no code ever changes its number.
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
        LookupErrorKind SessionFault NoPolicyKind LintKind PostfixErrorKind TlsrptRecordErrorKind
        ReportErrorKind DeviationKind DatagramErrorKind TallyErrorKind ReportSenderErrorKind MailErrorKind
        DraftErrorKind HistoryErrorKind);
    // Not a kind of the core; in C it is the status for an invalid argument.
    codes.set_item(UNKNOWN_WORD, (2, "The word is not one of those that are accepted."))?;
    Ok(codes)
}
