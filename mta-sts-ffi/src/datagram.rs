//! What libtlsrpt sends to the program that counts.

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

/// What libtlsrpt sends of one delivery: how TLS with an MX host went, under each policy that was looked for.
///
/// Postfix sends such datagrams, and whoever builds one sends the same to whichever program counts: `sendto()` on a datagram socket of
/// AF_UNIX with MSG_DONTWAIT, so that mail never waits for it.
pub struct mtasts_datagram {
    told: Guarded<Told>,
    domain: CString,
    record: CString,
}

struct Told {
    datagram: Datagram,
    sending_ip: Option<IpAddr>,
    // Made when first asked for: a tally counts without.
    events: OnceLock<Vec<mtasts_event>>,
}

/// Reads a datagram: `len` octets at `octets`, 65536 at most, as recv() gives them.
///
/// Errors: 1341 to 1347. Any local program may write to the socket: count the fault, and go on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_datagram_parse(
    octets: *const u8,
    len: usize,
    datagram: Option<&mut MaybeUninit<*mut mtasts_datagram>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = datagram.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        give(out, mtasts_datagram::new(Datagram::parse(unsafe { self::octets(octets, len) }?)?));
        Ok(())
    })
}

/// A datagram about deliveries to `domain`, which has this TLSRPT `record`, its strings joined. Without an event it says nothing.
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
        // SAFETY: strings as the header wants them.
        let (domain, record) = unsafe { (string(domain)?, string(record)?) };
        give(out, mtasts_datagram::new(Datagram::new(&PolicyDomain::parse(domain)?, record)));
        Ok(())
    })
}

/// Adds an event of the same domain, which stays the caller's; its own record does not count. 1 if it was added; 0 if not, and for
/// NULL.
///
/// A datagram has no word for a policy discovery that failed beside a cached policy, since each of its policies stands for a
/// session; nor for a session of a TLS report, which is not counted. What mtasts_datagram_event_get() gave before must not be used
/// any more.
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

/// Sets the `address` that all sessions of the datagram came from, as "192.0.2.1": the one that the world sees of a host behind a
/// NAT. What is written stays as it was. What mtasts_datagram_event_get() gave before must not be used any more.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_ARGUMENT for what is no IP address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_datagram_set_sending_ip(
    datagram: Option<&mut mtasts_datagram>,
    address: *const c_char,
) -> mtasts_status {
    guard::run(None, || {
        let datagram = datagram.ok_or(Fault::NULL)?;
        // SAFETY: a string as the header wants it.
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

/// The TLSRPT record of the domain, as the sender saw it. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_record(datagram: Option<&mtasts_datagram>) -> *const c_char {
    datagram.map_or(NONE, |datagram| datagram.record.as_ptr())
}

/// How many events the datagram tells: one a policy. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_event_count(datagram: Option<&mtasts_datagram>) -> usize {
    told(datagram).map_or(0, |told| told.datagram.events().count())
}

/// An event, in their order from 0, with the record of the datagram. NULL for NULL, beyond the last, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_datagram_event_get(
    datagram: Option<&mtasts_datagram>,
    index: usize,
) -> Option<&mtasts_event> {
    guard::get(None, || Some(told(datagram)?.shown().get(index)))
}

/// The datagram as libtlsrpt writes it, of version 1, ready to be sent.
///
/// Errors: "datagram-without-policy" and "datagram-too-long": send none.
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

    /// What is to be counted.
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
