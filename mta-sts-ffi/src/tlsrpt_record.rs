//! The TXT record at `_smtp._tls` (RFC 8460, 3).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::tlsrpt::{ReportUri, TlsrptRecord};

use crate::guard;
use crate::pointer::{give, mtasts_bytes, octets, octets_of_all};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// A TLSRPT record, by which a domain asks for TLS reports (RFC 8460, 3).
pub struct mtasts_tlsrpt_record {
    uris: Vec<Uri>,
}

struct Uri {
    text: CString,
    address: Option<CString>,
}

/// Parses one TXT RR that asks for TLS reports: `len` octets at `txt`, its character-strings concatenated without
/// separators.
///
/// Unusable URIs are skipped; if there are several "rua" fields all of them count, up to 8 URIs.
///
/// Errors: 1303 to 1311, with the octet. Such a domain gets no reports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tlsrpt_record_parse(
    txt: *const u8,
    len: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_tlsrpt_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_tlsrpt_record::new(&TlsrptRecord::parse(unsafe { octets(txt, len) }?)?));
        Ok(())
    })
}

/// Selects the record from an RRset: `count` TXT RRs at `rrs`, each with its character-strings concatenated.
///
/// Errors: "no-tlsrpt-record" if no RR begins as a record, "several-tlsrpt-records" if two do; otherwise the same as
/// mtasts_tlsrpt_record_parse(). All of them mean: send this domain no report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tlsrpt_record_select(
    rrs: *const mtasts_bytes,
    count: usize,
    record: Option<&mut MaybeUninit<*mut mtasts_tlsrpt_record>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = record.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        give(out, mtasts_tlsrpt_record::new(&TlsrptRecord::select(&rrs)?));
        Ok(())
    })
}

/// The number of URIs in a `record`: 1 to 8. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_record_uri_count(record: Option<&mtasts_tlsrpt_record>) -> usize {
    record.map_or(0, |record| record.uris.len())
}

/// A URI, by its index from 0: "mailto:" with a percent-encoded address, or an "https:" URL to POST to. NULL for NULL,
/// and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_record_uri_get(
    record: Option<&mtasts_tlsrpt_record>,
    index: usize,
) -> *const c_char {
    record.and_then(|record| record.uris.get(index)).map_or(NONE, |uri| uri.text.as_ptr())
}

/// The address of a "mailto:" URI, percent-decoded and without its header fields, usable in a header field. NULL for an
/// "https:" URI, for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_record_address_get(
    record: Option<&mtasts_tlsrpt_record>,
    index: usize,
) -> *const c_char {
    let uri = record.and_then(|record| record.uris.get(index));
    uri.and_then(|uri| uri.address.as_ref()).map_or(NONE, |address| address.as_ptr())
}

/// Frees a record. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_record_free(record: Option<Box<mtasts_tlsrpt_record>>) {
    drop(record);
}

impl mtasts_tlsrpt_record {
    fn new(record: &TlsrptRecord) -> Self {
        let uri = |uri: &ReportUri| Uri {
            text: c_string(&uri.to_string()),
            address: match uri {
                ReportUri::Mailto { address, .. } => Some(c_string(address)),
                _ => None,
            },
        };
        Self { uris: record.uris().iter().map(uri).collect() }
    }
}
