//! The terms of TLSRPT (RFC 8460).

use std::ffi::c_char;

use mta_sts_core::{PolicyType, ResultType};

use crate::getter::get;
use crate::text::{self, Lens, NONE, Row};

/// The result type of a failure in TLSRPT (RFC 8460, 4.3): one of the MTASTS_TLSRPT_ numbers.
pub type mtasts_result_type = u32;

/// The type of policy under which TLSRPT counts a session (RFC 8460, 4.4): one of the MTASTS_POLICY_TYPE_ numbers.
pub type mtasts_policy_type = u32;

/// The keyword of a `result_type` in a report: "certificate-expired" for MTASTS_TLSRPT_CERTIFICATE_EXPIRED.
///
/// NULL for an unknown number. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_result_type_word(result_type: mtasts_result_type) -> *const c_char {
    word(&RESULT_LENS, &RESULT_TEXTS, result_type)
}

/// The keyword of a `policy_type` in a report: "sts" for MTASTS_POLICY_TYPE_STS.
///
/// NULL for an unknown number. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_type_word(policy_type: mtasts_policy_type) -> *const c_char {
    word(&TYPE_LENS, &TYPE_TEXTS, policy_type)
}

fn word(rows: &[Lens], texts: &'static [u8], number: u32) -> *const c_char {
    get(NONE, || {
        let number = i32::try_from(number).ok()?;
        text::find(rows, texts, number).map(|(word, _)| word.as_ptr())
    })
}

macro_rules! rows_of {
    ($name:ident, $lens:ident, $texts:ident, $kind:ident) => {
        const $name: [Row; $kind::ALL.len()] = {
            let mut rows = [(0, "", ""); $kind::ALL.len()];
            let mut row = 0;
            while row < rows.len() {
                rows[row] = ($kind::ALL[row].number() as i32, $kind::ALL[row].as_str(), "");
                row += 1;
            }
            rows
        };
        static $lens: [Lens; $name.len()] = text::lens(&$name);
        static $texts: [u8; text::table_len(&$name)] = text::table(&$name);
    };
}

rows_of!(RESULTS, RESULT_LENS, RESULT_TEXTS, ResultType);
rows_of!(TYPES, TYPE_LENS, TYPE_TEXTS, PolicyType);
