//! The status of a call.

use std::ffi::{CString, c_char};

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

use crate::getter::get;
use crate::text::{self, NONE, Row, c_string};
use crate::tlsrpt::mtasts_result_type;

/// The status of a call: MTASTS_OK, or one of the MTASTS_ERR_ numbers.
pub type mtasts_status = i32;

/// Success: the results are written.
pub const MTASTS_OK: i32 = 0;
/// An argument is NULL that must not be NULL.
pub const MTASTS_ERR_NULL: i32 = 1;
/// A number is unknown to the function, or an array is longer than memory.
pub const MTASTS_ERR_ARGUMENT: i32 = 2;
/// A string is not UTF-8.
pub const MTASTS_ERR_STRING_NOT_UTF8: i32 = 3;
/// The lookup still waits for an answer.
pub const MTASTS_ERR_NOT_DONE: i32 = 4;
/// A bug in the library; the object that was being changed is poisoned. Please report it.
pub const MTASTS_ERR_PANIC: i32 = 5;
/// An earlier call ended with MTASTS_ERR_PANIC; the object can only be freed.
pub const MTASTS_ERR_POISONED: i32 = 6;
/// The call depends on another one that has not been made, or the object is finished.
pub const MTASTS_ERR_TOO_EARLY: i32 = 7;

/// The error of a failed call, with the position in its input. Free it with mtasts_error_free().
pub struct mtasts_error {
    fault: Fault,
    message: CString,
    path: Option<CString>,
    name: Option<CString>,
}

/// The stable code of a status, fault or finding, such as "missing-mx", for logs and metrics.
///
/// "unknown-status" for a number that this version does not know. Never NULL; it is valid for the lifetime of the
/// process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_status_code(status: mtasts_status) -> *const c_char {
    get(c"unknown-status".as_ptr(), || find(status).map(|(code, _)| code.as_ptr()))
}

/// The meaning of a status, fault or finding, in one sentence.
///
/// Defined for every number, as in mtasts_status_code(). Never NULL; it is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_status_message(status: mtasts_status) -> *const c_char {
    get(c"This status is unknown to this version of the library.".as_ptr(), || {
        find(status).map(|(_, message)| message.as_ptr())
    })
}

/// The result type for TLSRPT of a fault of a session, a failed fetch, or an error: one of the MTASTS_TLSRPT_ numbers,
/// which are those of libtlsrpt.
///
/// 0 if TLSRPT has no result type for this status.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_status_result_type(status: mtasts_status) -> mtasts_result_type {
    get(0, || {
        let fault = SessionFault::ALL.iter().find(|kind| i32::from(kind.number()) == status);
        let failure = FetchFailure::ALL.iter().find(|kind| i32::from(kind.number()) == status);
        let result = match (fault, failure) {
            (Some(fault), _) => fault.result_type(),
            (_, Some(failure)) => Some(failure.result_type()),
            _ if FetchErrorKind::ALL.iter().any(|kind| i32::from(kind.number()) == status) => {
                let invalid = i32::from(FetchErrorKind::InvalidPolicy.number()) == status;
                Some(if invalid { ResultType::StsPolicyInvalid } else { ResultType::StsPolicyFetchError })
            }
            _ if PolicyErrorKind::ALL.iter().any(|kind| i32::from(kind.number()) == status) => {
                Some(ResultType::StsPolicyInvalid)
            }
            _ => None,
        };
        result.map(|result| u32::from(result.number()))
    })
}

/// The status that the failed call returned. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_status(error: Option<&mtasts_error>) -> mtasts_status {
    error.map_or(MTASTS_OK, |error| error.fault.status)
}

/// The stable code of the error, as returned by mtasts_status_code(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_code(error: Option<&mtasts_error>) -> *const c_char {
    error.map_or(NONE, |error| mtasts_status_code(error.fault.status))
}

/// What happened, in one sentence, with the line and the octet of the input if there is one. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_message(error: Option<&mtasts_error>) -> *const c_char {
    error.map_or(NONE, |error| error.message.as_ptr())
}

/// The line of the input, counted from 1; 0 if there is no input, for a report, which has a path instead, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_line(error: Option<&mtasts_error>) -> u32 {
    error.map_or(0, |error| error.fault.line)
}

/// The octet of the input, counted from 0; 0 if there is no input, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_offset(error: Option<&mtasts_error>) -> usize {
    error.map_or(0, |error| error.fault.offset)
}

/// The path of the faulty member of a TLS report, such as `policies[0].summary`; empty for the report as a whole. NULL
/// for any other error, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_path(error: Option<&mtasts_error>) -> *const c_char {
    error.and_then(|error| error.path.as_ref()).map_or(NONE, |path| path.as_ptr())
}

/// The host or the wildcard that a policy to be published must not name. NULL for any other error, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_name(error: Option<&mtasts_error>) -> *const c_char {
    error.and_then(|error| error.name.as_ref()).map_or(NONE, |name| name.as_ptr())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_error_free(error: Option<Box<mtasts_error>>) {
    drop(error);
}

/// A fault, before an error object is requested.
pub(crate) struct Fault {
    status: i32,
    line: u32,
    offset: usize,
    path: Option<ReportPath>,
    name: Option<Box<str>>,
}

impl Fault {
    pub(crate) const NULL: Self = Self::of(MTASTS_ERR_NULL);
    pub(crate) const ARGUMENT: Self = Self::of(MTASTS_ERR_ARGUMENT);
    pub(crate) const NOT_DONE: Self = Self::of(MTASTS_ERR_NOT_DONE);
    pub(crate) const PANIC: Self = Self::of(MTASTS_ERR_PANIC);
    pub(crate) const POISONED: Self = Self::of(MTASTS_ERR_POISONED);
    pub(crate) const TOO_EARLY: Self = Self::of(MTASTS_ERR_TOO_EARLY);

    pub(crate) const fn not_utf8(offset: usize) -> Self {
        Self::at(MTASTS_ERR_STRING_NOT_UTF8, 1, offset)
    }

    const fn of(status: i32) -> Self {
        Self::at(status, 0, 0)
    }

    const fn at(status: i32, line: u32, offset: usize) -> Self {
        Self { status, line, offset, path: None, name: None }
    }

    pub(crate) const fn status(&self) -> i32 {
        self.status
    }
}

macro_rules! stage_faults {
    ($($error:ident)*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::at(error.kind().number().into(), error.line(), error.offset())
            }
        }
    )*};
}

stage_faults!(NameError RecordError PolicyError EntryError TlsrptRecordError DatagramError TallyError HistoryError);

macro_rules! report_faults {
    ($($error:ident)*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                let at = Self::at(error.kind().number().into(), 0, error.offset());
                Self { path: Some(error.path()), ..at }
            }
        }
    )*};
}

report_faults!(ReportError Deviation);

macro_rules! kind_faults {
    ($($error:ident)*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::of(error.kind().number().into())
            }
        }
    )*};
}

kind_faults!(LookupError PostfixError ReportSenderError MailError);

impl From<DraftError> for Fault {
    fn from(error: DraftError) -> Self {
        let name = error.name().map(|name| name.to_string().into_boxed_str());
        Self { name, ..Self::of(error.kind().number().into()) }
    }
}

impl From<FetchError> for Fault {
    /// If the body is not a policy, its error has more detail.
    fn from(error: FetchError) -> Self {
        error
            .policy_error()
            .map_or_else(|| Self::at(error.kind().number().into(), error.line(), error.offset()), Self::from)
    }
}

impl mtasts_error {
    pub(crate) fn new(fault: Fault) -> Self {
        let sentence = find(fault.status).map(|(_, message)| message.to_string_lossy()).unwrap_or_default();
        let offset = fault.offset;
        let path = fault.path.map(|path| path.to_string());
        let message = match (path.as_deref(), fault.name.as_deref(), fault.line) {
            (Some(""), _, _) => format!("{sentence} (byte {offset})"),
            (Some(path), _, _) => format!("{sentence} ({path}, byte {offset})"),
            (None, Some(name), _) => format!("{name}: {sentence}"),
            (None, None, 0) => sentence.into_owned(),
            (None, None, line) => format!("{sentence} (line {line}, byte {offset})"),
        };
        let (path, name) = (path.as_deref().map(c_string), fault.name.as_deref().map(c_string));
        Self { fault, message: c_string(&message), path, name }
    }
}

fn find(status: i32) -> Option<(&'static std::ffi::CStr, &'static std::ffi::CStr)> {
    text::find(&LENS, &TEXTS, status)
}

const OWN: [Row; 8] = [
    (MTASTS_OK, "ok", "Success."),
    (MTASTS_ERR_NULL, "null-argument", "An argument is NULL that must not be NULL."),
    (MTASTS_ERR_ARGUMENT, "bad-argument", "A number is unknown to the function."),
    (MTASTS_ERR_STRING_NOT_UTF8, "string-not-utf8", "A string is not UTF-8."),
    (MTASTS_ERR_NOT_DONE, "not-done", "The lookup still waits for an answer."),
    (MTASTS_ERR_PANIC, "panic", "The library has a bug, and the object that was being changed is poisoned."),
    (
        MTASTS_ERR_POISONED,
        "poisoned",
        "An earlier call failed within the library: the object can only be freed.",
    ),
    (
        MTASTS_ERR_TOO_EARLY,
        "too-early",
        "The call depends on another one that has not been made, or the object is finished.",
    ),
];

macro_rules! rows_of {
    ($($kind:ident)*) => {
        const ROWS: [Row; OWN.len() $(+ $kind::ALL.len())*] = {
            let mut rows = [OWN[0]; OWN.len() $(+ $kind::ALL.len())*];
            let mut row = 0;
            while row < OWN.len() {
                rows[row] = OWN[row];
                row += 1;
            }
            $({
                let mut kind = 0;
                while kind < $kind::ALL.len() {
                    let own = $kind::ALL[kind];
                    rows[row] = (own.number() as i32, own.code(), own.message());
                    row += 1;
                    kind += 1;
                }
            })*
            rows
        };
    };
}

rows_of!(
    NameErrorKind RecordErrorKind PolicyErrorKind FetchErrorKind FetchFailure TxtFailure EntryErrorKind LookupErrorKind
    SessionFault NoPolicyKind LintKind PostfixErrorKind TlsrptRecordErrorKind ReportErrorKind DeviationKind DatagramErrorKind
    TallyErrorKind ReportSenderErrorKind MailErrorKind DraftErrorKind HistoryErrorKind
);

static LENS: [text::Lens; ROWS.len()] = text::lens(&ROWS);
static TEXTS: [u8; text::table_len(&ROWS)] = text::table(&ROWS);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::ffi::CStr;

    fn code(status: i32) -> &'static str {
        // SAFETY: the codes are static.
        unsafe { CStr::from_ptr(mtasts_status_code(status)) }.to_str().unwrap()
    }

    #[test]
    fn every_number_stands_once_and_has_its_word() {
        let numbers: BTreeSet<_> = ROWS.iter().map(|row| row.0).collect();
        assert_eq!(numbers.len(), ROWS.len());
        for (number, word, sentence) in ROWS {
            assert_eq!(code(number), word);
            // SAFETY: the messages are static.
            let message = unsafe { CStr::from_ptr(mtasts_status_message(number)) };
            assert_eq!(message.to_str(), Ok(sentence));
        }
        for unknown in [i32::MIN, -1, 8, 100, 9999, i32::MAX] {
            assert_eq!(code(unknown), "unknown-status");
        }
    }

    #[test]
    fn the_result_types_are_those_of_the_core() {
        assert_eq!(mtasts_status_result_type(901), 205);
        assert_eq!(mtasts_status_result_type(505), 303);
        assert_eq!(mtasts_status_result_type(504), 301);
        assert_eq!(mtasts_status_result_type(304), 302);
        assert_eq!(mtasts_status_result_type(406), 302);
        assert_eq!(mtasts_status_result_type(401), 301);
        assert_eq!(mtasts_status_result_type(914), 0);
        assert_eq!(mtasts_status_result_type(0), 0);
    }
}
