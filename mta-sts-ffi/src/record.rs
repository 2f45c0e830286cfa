//! The TXT record at `_mta-sts` (RFC 8461, 3.1).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::Record;

use crate::guard;
use crate::pointer::{give, mtasts_bytes, octets, octets_of_all};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// An MTA-STS record: it says that the domain has a policy, and its id changes with every new policy (RFC 8461,
/// 3.1).
pub struct mtasts_record {
    id: CString,
}

/// Parses one TXT RR: `len` octets at `txt`, its character-strings concatenated without separators.
///
/// Errors: 203 to 211, with the octet. A sender treats such a record as absent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_record_parse(
    txt: *const u8,
    len: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_record::new(&Record::parse(unsafe { octets(txt, len) }?)?));
        Ok(())
    })
}

/// Selects the record from an RRset: `count` TXT RRs at `rrs`, each with its character-strings concatenated.
///
/// Errors: "no-record" if no RR begins as a record, "several-records" if two do; otherwise the same as
/// mtasts_record_parse(). All of them mean: act as if there were no policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_record_select(
    rrs: *const mtasts_bytes,
    count: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        give(out, mtasts_record::new(&Record::select(&rrs)?));
        Ok(())
    })
}

/// The id of the currently published policy: 1 to 32 letters and digits. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_record_id(record: Option<&mtasts_record>) -> *const c_char {
    record.map_or(NONE, |record| record.id.as_ptr())
}

/// Frees a record. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_record_free(record: Option<Box<mtasts_record>>) {
    drop(record);
}

impl mtasts_record {
    fn new(record: &Record) -> Self {
        Self { id: c_string(record.id().as_str()) }
    }
}
