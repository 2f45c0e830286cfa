//! The datagrams of libtlsrpt, which mail servers send to a collector.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::sync::OnceLock;

use mta_sts_core::PolicyDomain;
use mta_sts_core::tlsrpt::{Datagram, Event};

use crate::event::{ip_address, mtasts_event};
use crate::guard::{self, Guarded};
use crate::pointer::{give, octets, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string, mtasts_text};

/// A datagram of libtlsrpt about one delivery: the TLS results with an MX host under each policy that was checked.
///
/// Postfix sends such datagrams. A program that builds one sends it in the same way: `sendto()` on a datagram socket of
/// AF_UNIX with MSG_DONTWAIT, so that mail never waits for it.
pub struct mtasts_datagram {
    told: Guarded<Told>,
    domain: CString,
    record: CString,
}

struct Told {
    datagram: Datagram,
    sending_ip: Option<IpAddr>,
    // Created on first use: a tally counts without it.
    events: OnceLock<Vec<mtasts_event>>,
}

/// Parses a datagram: `len` octets at `octets`, at most 65536, as received by recv().
///
/// Errors: 1341 to 1347. Any local program may write to the socket: count the error, and continue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_datagram_parse(
    octets: *const u8,
    len: usize,
    datagram: Option<&mut MaybeUninit<*mut mtasts_datagram>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = datagram.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_datagram::new(Datagram::parse(unsafe { self::octets(octets, len) }?)?));
        Ok(())
    })
}

/// Creates a datagram about deliveries to `domain`, with this TLSRPT `record`, its strings concatenated. It is empty
/// until an event is added.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_datagram_new(
    domain: *const c_char,
    record: *const c_char,
    datagram: Option<&mut MaybeUninit<*mut mtasts_datagram>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = datagram.ok_or(Fault::NULL)?;
        // SAFETY: strings as required by the header.
        let (domain, record) = unsafe { (string(domain)?, string(record)?) };
        give(out, mtasts_datagram::new(Datagram::new(&PolicyDomain::parse(domain)?, record)));
        Ok(())
    })
}

/// Adds an event of the same domain, which remains the caller's; its own record is ignored. Returns 1 if it was added;
/// 0 if not, and for NULL.
///
/// A datagram cannot express a failed policy discovery with a cached policy, since each of its policies stands for a
/// session, nor a session of a TLS report, which is not counted. Earlier results of mtasts_datagram_event_get() are no
/// longer valid.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_add(
    datagram: Option<&mut mtasts_datagram>,
    event: Option<&mtasts_event>,
) -> i32 {
    guard::get(0, || {
        let event = event?;
        let added = datagram?.told.change(|told| {
            let added = event.with(|event| told.datagram.add(&event));
            // Not before: it may be one of them that is added.
            told.events = OnceLock::new();
            added
        });
        Some(added.ok()??.into())
    })
}

/// Sets the `address` from which all sessions of the datagram came, such as "192.0.2.1": the public one of a host
/// behind a NAT. It does not change mtasts_datagram_json(). Earlier results of mtasts_datagram_event_get() are no
/// longer valid.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_ARGUMENT if it is not an IP address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_datagram_set_sending_ip(
    datagram: Option<&mut mtasts_datagram>,
    address: *const c_char,
) -> mtasts_status {
    guard::run(None, || {
        let datagram = datagram.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let address = ip_address(unsafe { string(address) }?)?;
        datagram.told.change(|told| {
            told.sending_ip = Some(address);
            told.events = OnceLock::new();
        })
    })
}

/// The recipient domain. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_domain(datagram: Option<&mtasts_datagram>) -> *const c_char {
    datagram.map_or(NONE, |datagram| datagram.domain.as_ptr())
}

/// The TLSRPT record of the domain, as seen by the sender. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_record(datagram: Option<&mtasts_datagram>) -> *const c_char {
    datagram.map_or(NONE, |datagram| datagram.record.as_ptr())
}

/// The number of events in the datagram: one for each policy. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_event_count(datagram: Option<&mtasts_datagram>) -> usize {
    told(datagram).map_or(0, |told| told.datagram.events().count())
}

/// An event, by its index from 0, with the record of the datagram. NULL for NULL, if the index is out of range, and
/// when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_event_get(
    datagram: Option<&mtasts_datagram>,
    index: usize,
) -> Option<&mtasts_event> {
    guard::get(None, || Some(told(datagram)?.shown().get(index)))
}

/// Writes the datagram in the form of libtlsrpt, version 1, ready to be sent.
///
/// Errors: "datagram-without-policy" and "datagram-too-long": do not send it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_json(
    datagram: Option<&mtasts_datagram>,
    json: Option<&mut MaybeUninit<*mut mtasts_text>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = json.ok_or(Fault::NULL)?;
        let told = datagram.ok_or(Fault::NULL)?.told.read()?;
        give(out, mtasts_text::new(&told.datagram.to_json()?));
        Ok(())
    })
}

/// Frees a datagram. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_free(datagram: Option<Box<mtasts_datagram>>) {
    drop(datagram);
}

impl mtasts_datagram {
    fn new(datagram: Datagram) -> Self {
        Self {
            domain: c_string(datagram.domain().as_str()),
            record: c_string(datagram.record()),
            told: Guarded::new(Told { datagram, sending_ip: None, events: OnceLock::new() }),
        }
    }

    /// The events to count.
    pub(crate) fn events(&self) -> Result<impl Iterator<Item = Event<'_>>, Fault> {
        self.told.read().map(Told::events)
    }
}

impl Told {
    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        let sending_ip = self.sending_ip;
        self.datagram
            .events()
            .map(move |event| sending_ip.map_or(event, |address| event.with_sending_ip(address)))
    }

    fn shown(&self) -> &[mtasts_event] {
        self.events.get_or_init(|| {
            let record = self.datagram.record();
            let event = |event: Event<'_>| mtasts_event::of_datagram(&event, record, self.sending_ip);
            self.datagram.events().map(event).collect()
        })
    }
}

fn told(datagram: Option<&mtasts_datagram>) -> Option<&Told> {
    datagram?.told.read().ok()
}
