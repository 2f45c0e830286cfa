//! The TXT record under `_mta-sts` (RFC 8461, 3.1).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::Record;

use crate::guard;
use crate::pointer::{give, mtasts_bytes, octets, octets_of_all};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// An MTA-STS record: the domain has a policy, and the id tells one policy from the next (RFC 8461, 3.1).
pub struct mtasts_record {
    id: CString,
}

/// Reads one TXT RR: `len` octets at `txt`, its character-strings joined with nothing between.
///
/// Errors: 203 to 211, with the octet. To the sender such a record is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_record_parse(
    txt: *const u8,
    len: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        give(out, mtasts_record::new(&Record::parse(unsafe { octets(txt, len) }?)?));
        Ok(())
    })
}

/// Picks the record out of an RRset: `count` TXT RRs at `rrs`, each with its character-strings joined.
///
/// Errors: "no-record" when no RR begins as a record, "several-records" when two do; else as mtasts_record_parse().
/// All of them mean: act as if there were no policy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_record_select(
    rrs: *const mtasts_bytes,
    count: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        give(out, mtasts_record::new(&Record::select(&rrs)?));
        Ok(())
    })
}

/// The id of the policy that is published now: 1 to 32 letters and digits. NULL for NULL.
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
