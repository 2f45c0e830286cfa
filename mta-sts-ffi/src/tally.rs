//! Counts sessions, and makes TLS reports from the counts.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use mta_sts_core::tlsrpt::{
    Counted, DueId, DueReport, Event, NotCounted, ReportDelivery, Tally, TallyConfig,
};
use mta_sts_core::{PolicyDomain, UnixTime};

use crate::datagram::mtasts_datagram;
use crate::event::mtasts_event;
use crate::guard::{self, Guarded};
use crate::pointer::{give, give_option, octets, string};
use crate::report::mtasts_report;
use crate::report_sender::mtasts_report_sender;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string, mtasts_text};

/// Whether an event was counted, or the reason why not: one of the MTASTS_COUNTED_ numbers.
pub type mtasts_counted = u32;

/// The event was counted with all details.
pub const MTASTS_COUNTED_WHOLE: u32 = 1;
/// The event was counted as a session, with less detail for lack of room.
pub const MTASTS_COUNTED_FOLDED: u32 = 2;
/// The event was not counted: the message was itself a TLS report (RFC 8460, 3).
pub const MTASTS_COUNTED_NOT_TLSRPT_REPORT: u32 = 3;
/// The event was not counted: the domain has no TLSRPT record that asks for reports.
pub const MTASTS_COUNTED_NOT_NO_RECORD: u32 = 4;
/// The event was not counted: the day has the maximum number of domains.
pub const MTASTS_COUNTED_NOT_TOO_MANY_DOMAINS: u32 = 5;
/// The event was not counted: the tally takes the maximum amount of memory.
pub const MTASTS_COUNTED_NOT_OUT_OF_MEMORY: u32 = 6;
/// The event was not counted, for a reason without a number in this version of the library.
pub const MTASTS_COUNTED_NOT: u32 = 7;

/// The result of the delivery of a report: one of the MTASTS_REPORT_DELIVERY_ numbers.
pub type mtasts_report_delivery = u32;

/// One destination has accepted the report (RFC 8460, 3).
pub const MTASTS_REPORT_DELIVERY_DELIVERED: u32 = 1;
/// No destination has accepted the report: try again later.
pub const MTASTS_REPORT_DELIVERY_FAILED: u32 = 2;
/// No destination will accept the report: the record is gone, or every destination refused permanently.
pub const MTASTS_REPORT_DELIVERY_REFUSED: u32 = 3;

/// The counts of sessions with other domains, and the reports made from them.
///
/// The general flow: mtasts_tally_count() each event, or mtasts_tally_count_datagram() each datagram of libtlsrpt. At
/// mtasts_tally_poll_timeout() and after each change, while mtasts_tally_poll_report() returns a report, deliver it to
/// a "rua" of the domain's record, looked up again, and pass the result to mtasts_tally_handle_delivery(). Save
/// mtasts_tally_text() for a restart.
///
/// A day of UTC closes ten minutes after midnight; the report of a domain is due up to four hours later. Domains,
/// policies and names are chosen by others and bounded: 16 policies of a domain in a day and 64 kinds of failures of a
/// policy are distinguished, and totals stay correct beyond that. Nothing counted is ever evicted.
pub struct mtasts_tally {
    tally: Guarded<Tally>,
}

/// A report to be delivered now.
pub struct mtasts_due_report {
    id: DueId,
    domain: CString,
    record: Option<CString>,
    report: mtasts_report,
    attempt: u32,
}

/// Creates an empty tally, for reports of `sender`, which may be freed afterwards. It counts at most `max_domains`
/// domains in a day (0 for the default, 65536) in `max_octets` octets of memory (0 for the default, 64 MiB).
///
/// Take `seed` from a source of random numbers, keep it secret, and keep it across restarts: it keys the hash of the
/// names, which attackers choose, and determines when the report of a domain is due.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_new(
    seed: u64,
    sender: Option<&mtasts_report_sender>,
    max_domains: usize,
    max_octets: usize,
    tally: Option<&mut MaybeUninit<*mut mtasts_tally>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = tally.ok_or(Fault::NULL)?;
        give(out, mtasts_tally::new(Tally::new(config(seed, sender, max_domains, max_octets)?)));
        Ok(())
    })
}

/// Parses the text of a tally: `len` octets at `text`, as written by mtasts_tally_text(); `seed`, `sender`,
/// `max_domains` and `max_octets` are as in mtasts_tally_new().
///
/// Errors: 1351 to 1354, with line and octet: keep the text for inspection, and start with an empty tally.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tally_parse(
    text: *const u8,
    len: usize,
    seed: u64,
    sender: Option<&mtasts_report_sender>,
    max_domains: usize,
    max_octets: usize,
    tally: Option<&mut MaybeUninit<*mut mtasts_tally>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = tally.ok_or(Fault::NULL)?;
        let config = config(seed, sender, max_domains, max_octets)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_tally::new(Tally::parse(unsafe { octets(text, len) }?, config)?));
        Ok(())
    })
}

/// Writes the tally as text: save it in a file, and parse it with mtasts_tally_parse(). It contains the domains of your
/// recipients, so keep it private.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_text(
    tally: Option<&mtasts_tally>,
    text: Option<&mut MaybeUninit<*mut mtasts_text>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = text.ok_or(Fault::NULL)?;
        give(out, mtasts_text::new(&tally.ok_or(Fault::NULL)?.tally.read()?.to_text()));
        Ok(())
    })
}

/// Counts an event at the time `now`, in Unix seconds, and returns one of the MTASTS_COUNTED_ numbers. 0 for NULL, and
/// when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_count(
    tally: Option<&mut mtasts_tally>,
    event: Option<&mtasts_event>,
    now: u64,
) -> mtasts_counted {
    guard::get(0, || {
        let event = event?;
        tally?.tally.change(|tally| event.with(|event| count(tally, &event, now))).ok()?
    })
}

/// Counts all events of a datagram at the time `now`, in Unix seconds, and returns how many were counted. 0 for NULL,
/// and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_count_datagram(
    tally: Option<&mut mtasts_tally>,
    datagram: Option<&mtasts_datagram>,
    now: u64,
) -> usize {
    guard::get(0, || {
        let events = datagram?.events().ok()?;
        let is_counted = |counted: u32| [MTASTS_COUNTED_WHOLE, MTASTS_COUNTED_FOLDED].contains(&counted);
        tally?.tally.change(|tally| events.filter(|event| is_counted(count(tally, event, now))).count()).ok()
    })
}

/// The word for one of the MTASTS_COUNTED_ numbers, `counted`, for logs and metrics: "whole", "folded", or a reason
/// such as "too-many-domains". NULL for an unknown number. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_counted_word(counted: mtasts_counted) -> *const c_char {
    match counted {
        MTASTS_COUNTED_WHOLE => c"whole".as_ptr(),
        MTASTS_COUNTED_FOLDED => c"folded".as_ptr(),
        MTASTS_COUNTED_NOT_TLSRPT_REPORT => c"tlsrpt-report".as_ptr(),
        MTASTS_COUNTED_NOT_NO_RECORD => c"no-tlsrpt-record".as_ptr(),
        MTASTS_COUNTED_NOT_TOO_MANY_DOMAINS => c"too-many-domains".as_ptr(),
        MTASTS_COUNTED_NOT_OUT_OF_MEMORY => c"out-of-memory".as_ptr(),
        MTASTS_COUNTED_NOT => c"not".as_ptr(),
        _ => NONE,
    }
}

/// Adds the undelivered counts of the tally `other`, day by day. It is unchanged: merging a tally twice counts twice.
/// What does not fit is lost, see mtasts_tally_lost_sessions().
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT if both are the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tally_merge(
    tally: Option<&mut mtasts_tally>,
    other: *const mtasts_tally,
) -> mtasts_status {
    guard::run(None, || {
        let tally = tally.ok_or(Fault::NULL)?;
        if ptr::eq(tally, other) {
            return Err(Fault::ARGUMENT);
        }
        // SAFETY: a tally of the caller, or NULL; not the one that is changed.
        let other = unsafe { other.as_ref() }.ok_or(Fault::NULL)?.tally.read()?;
        tally.tally.change(|tally| tally.merge(other))
    })
}

/// Records that a report was mailed to `domain` at the time `now`: that of the address, not the one that the report is
/// about. Call it for each attempt, so that nobody gets a report about reports only (RFC 8460, 3).
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tally_note_report_mail(
    tally: Option<&mut mtasts_tally>,
    domain: *const c_char,
    now: u64,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let tally = tally.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        tally.tally.change(|tally| tally.note_report_mail(&domain, UnixTime::from_secs(now)))
    })
}

/// Returns the next report that is due at the time `now`, in Unix seconds; `*due` becomes NULL if there is none.
///
/// It becomes due again, as after a failed delivery, unless mtasts_tally_handle_delivery() is called with the result;
/// so a process that dies in the meantime loses none. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_poll_report(
    tally: Option<&mut mtasts_tally>,
    now: u64,
    due: Option<&mut MaybeUninit<*mut mtasts_due_report>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = due.ok_or(Fault::NULL)?;
        let report =
            tally.ok_or(Fault::NULL)?.tally.change(|tally| tally.poll_report(UnixTime::from_secs(now)))?;
        give_option(out, report.map(mtasts_due_report::new));
        Ok(())
    })
}

/// The time at which the next report is due, in Unix seconds; a time in the past means now. UINT64_MAX if there is
/// none, for NULL, and when poisoned. It may change with every call on the tally.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_poll_timeout(tally: Option<&mtasts_tally>) -> u64 {
    guard::get(u64::MAX, || tally?.tally.read().ok()?.poll_timeout().map(UnixTime::as_secs))
}

/// Takes the result of a delivery at the time `now`: `delivery` is one of the MTASTS_REPORT_DELIVERY_ numbers. `due`
/// remains the caller's. `*retry_at` becomes the time at which the report is due again, in Unix seconds, or UINT64_MAX
/// for never; `retry_at` may be NULL.
///
/// After a failure, retries follow 5, 15 and 45 minutes, 2, 5 and 15 hours after the previous attempt. An unknown
/// report changes nothing. Errors: MTASTS_ERR_NULL, MTASTS_ERR_POISONED; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_handle_delivery(
    tally: Option<&mut mtasts_tally>,
    due: Option<&mtasts_due_report>,
    delivery: mtasts_report_delivery,
    now: u64,
    retry_at: Option<&mut MaybeUninit<u64>>,
) -> mtasts_status {
    guard::run(None, || {
        let (tally, due) = (tally.ok_or(Fault::NULL)?, due.ok_or(Fault::NULL)?);
        let end = match delivery {
            MTASTS_REPORT_DELIVERY_DELIVERED => ReportDelivery::Delivered,
            MTASTS_REPORT_DELIVERY_FAILED => ReportDelivery::Failed,
            MTASTS_REPORT_DELIVERY_REFUSED => ReportDelivery::Refused,
            _ => return Err(Fault::ARGUMENT),
        };
        let again =
            tally.tally.change(|tally| tally.handle_delivery(&due.id, end, UnixTime::from_secs(now)))?;
        if let Some(out) = retry_at {
            out.write(again.map_or(u64::MAX, UnixTime::as_secs));
        }
        Ok(())
    })
}

/// Returns 1 if there is nothing to report, otherwise 0. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_is_empty(tally: Option<&mtasts_tally>) -> i32 {
    guard::get(0, || Some(tally?.tally.read().ok()?.is_empty().into()))
}

/// The number of domains counted on the day of UTC that contains the time `day`, in Unix seconds. 0 for NULL, and when
/// poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_domains(tally: Option<&mtasts_tally>, day: u64) -> usize {
    guard::get(0, || Some(tally?.tally.read().ok()?.domains(UnixTime::from_secs(day))))
}

/// The memory of all counts, in octets. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_octets(tally: Option<&mtasts_tally>) -> usize {
    guard::get(0, || Some(tally?.tally.read().ok()?.octets()))
}

/// The number of sessions lost because there was no room for them in a merge, in a text, or after the clock was
/// corrected. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_lost_sessions(tally: Option<&mtasts_tally>) -> u64 {
    guard::get(0, || Some(tally?.tally.read().ok()?.lost_sessions()))
}

/// Frees a tally. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tally_free(tally: Option<Box<mtasts_tally>>) {
    drop(tally);
}

/// The domain that the report is about and goes to. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_due_report_domain(due: Option<&mtasts_due_report>) -> *const c_char {
    due.map_or(NONE, |due| due.domain.as_ptr())
}

/// The last TLSRPT record of the domain seen; NULL if there was none, and for NULL.
///
/// Look it up again: if it is gone, the domain wants no report (MTASTS_REPORT_DELIVERY_REFUSED); if DNS fails, use this
/// one. mtasts_tlsrpt_record_parse() parses it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_due_report_record(due: Option<&mtasts_due_report>) -> *const c_char {
    due.and_then(|due| due.record.as_ref()).map_or(NONE, |record| record.as_ptr())
}

/// The report. mtasts_report_mail_new() makes the mail for it, and mtasts_report_json() the attachment, or the body to
/// POST to an "https:" URI as "application/tlsrpt+gzip". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_due_report_report(due: Option<&mtasts_due_report>) -> Option<&mtasts_report> {
    Some(&due?.report)
}

/// The number of the attempt for a `due` report, counted from 1. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_due_report_attempt(due: Option<&mtasts_due_report>) -> u32 {
    due.map_or(0, |due| due.attempt)
}

/// Frees a due report; the tally keeps its counts. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_due_report_free(due: Option<Box<mtasts_due_report>>) {
    drop(due);
}

impl mtasts_tally {
    const fn new(tally: Tally) -> Self {
        Self { tally: Guarded::new(tally) }
    }
}

impl mtasts_due_report {
    fn new(due: DueReport) -> Self {
        Self {
            domain: c_string(due.domain.as_str()),
            record: due.record.as_deref().map(c_string),
            report: mtasts_report::built(due.report),
            attempt: due.attempt,
            id: due.id,
        }
    }
}

fn config(
    seed: u64,
    sender: Option<&mtasts_report_sender>,
    max_domains: usize,
    max_octets: usize,
) -> Result<TallyConfig, Fault> {
    let mut config = TallyConfig::new(seed, sender.ok_or(Fault::NULL)?.core().clone());
    if max_domains != 0 {
        config = config.with_max_domains(max_domains);
    }
    if max_octets != 0 {
        config = config.with_max_octets(max_octets);
    }
    Ok(config)
}

fn count(tally: &mut Tally, event: &Event<'_>, now: u64) -> mtasts_counted {
    match tally.count(event, UnixTime::from_secs(now)) {
        Counted::Whole => MTASTS_COUNTED_WHOLE,
        Counted::Folded => MTASTS_COUNTED_FOLDED,
        Counted::Not(NotCounted::TlsrptReport) => MTASTS_COUNTED_NOT_TLSRPT_REPORT,
        Counted::Not(NotCounted::NoRecord) => MTASTS_COUNTED_NOT_NO_RECORD,
        Counted::Not(NotCounted::TooManyDomains) => MTASTS_COUNTED_NOT_TOO_MANY_DOMAINS,
        Counted::Not(NotCounted::OutOfMemory) => MTASTS_COUNTED_NOT_OUT_OF_MEMORY,
        Counted::Not(_) => MTASTS_COUNTED_NOT,
    }
}
