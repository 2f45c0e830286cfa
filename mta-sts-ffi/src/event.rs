//! The events that a TLS report counts: sessions, and failed policy discoveries.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::net::IpAddr;

use mta_sts_core::tlsrpt::{Datagram, Event, SessionFacts};
use mta_sts_core::{DnsName, Outcome, Policy, PolicyDomain, TlsrptRow};

use crate::delivery::mtasts_tlsrpt_row;
use crate::guard;
use crate::outcome::mtasts_outcome;
use crate::pointer::{array, give, give_option, string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};
use crate::tlsrpt::mtasts_policy_type;

/// An event that a TLS report counts: a session with an MX host, or a failed policy discovery.
///
/// mtasts_tally_count() counts it, and mtasts_datagram_add() passes it to another program. A connection that failed
/// before the greeting has no row and is not an event (RFC 8460, 4.3.4).
pub struct mtasts_event {
    domain: CString,
    kind: Kind,
    record: Option<Box<str>>,
    is_tlsrpt_report: bool,
}

enum Kind {
    Session(Box<SessionEvent>),
    Discovery(PolicyDomain, Box<Outcome>),
    /// A datagram with only this event.
    OfDatagram(Box<Datagram>, Option<IpAddr>),
}

struct SessionEvent {
    domain: PolicyDomain,
    row: TlsrptRow,
    policy: Option<Policy>,
    mx_host: Option<DnsName>,
    tlsa_records: Vec<Box<str>>,
    helo: Option<Box<str>>,
    sending_ip: Option<IpAddr>,
    receiving_ip: Option<IpAddr>,
    reason: Option<Box<str>>,
}

/// Creates the event of a session with a host of `domain`, or of one that its policy prevented: one for each `row` of a
/// verdict. `policy` is the MTA-STS policy of the domain, or NULL; `mx_host` its MX host as given in the MX record, or
/// NULL if that is not a host name. They remain the caller's and may be freed afterwards.
///
/// Errors: 101 to 109 for the domain and the host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_of_row(
    domain: *const c_char,
    row: Option<&mtasts_tlsrpt_row>,
    policy: Option<&mtasts_policy>,
    mx_host: *const c_char,
    event: Option<&mut MaybeUninit<*mut mtasts_event>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = event.ok_or(Fault::NULL)?;
        // SAFETY: strings as required by the header, the second if it is there.
        let (domain, mx_host) = unsafe {
            (string(domain)?, if mx_host.is_null() { None } else { Some(DnsName::parse(string(mx_host)?)?) })
        };
        let session = SessionEvent {
            domain: PolicyDomain::parse(domain)?,
            row: row.ok_or(Fault::NULL)?.core(),
            policy: policy.map(|policy| policy.core().clone()),
            mx_host,
            tlsa_records: Vec::new(),
            helo: None,
            sending_ip: None,
            receiving_ip: None,
            reason: None,
        };
        give(out, mtasts_event::new(c_string(session.domain.as_str()), Kind::Session(Box::new(session))));
        Ok(())
    })
}

/// Creates the event of a failed policy discovery of `domain`, from its `outcome`; `*event` becomes NULL if there is
/// nothing to report. Create it once for each lookup, in addition to the events of the sessions that follow.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_of_outcome(
    domain: *const c_char,
    outcome: Option<&mtasts_outcome>,
    event: Option<&mut MaybeUninit<*mut mtasts_event>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = event.ok_or(Fault::NULL)?;
        let outcome = outcome.ok_or(Fault::NULL)?.core();
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let made = outcome.failure.is_some().then(|| {
            let text = c_string(domain.as_str());
            mtasts_event::new(text, Kind::Discovery(domain, Box::new(outcome.clone())))
        });
        give_option(out, made);
        Ok(())
    })
}

/// Sets the TLSRPT `record` of the domain, its strings concatenated. If it asks for no reports, nothing is counted;
/// without a record the event is counted, and the record is looked up when the report is due.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_record(
    event: Option<&mut mtasts_event>,
    record: *const c_char,
) -> mtasts_status {
    guard::run(None, || {
        // SAFETY: a string as required by the header.
        event.ok_or(Fault::NULL)?.record = Some(unsafe { string(record) }?.into());
        Ok(())
    })
}

/// Sets whether the message is itself a TLS report (`is_report` is nonzero). Such a session is not counted (RFC 8460,
/// 3); otherwise two domains would report to each other forever.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_event_set_tlsrpt_report(
    event: Option<&mut mtasts_event>,
    is_report: i32,
) -> mtasts_status {
    guard::run(None, || {
        event.ok_or(Fault::NULL)?.is_tlsrpt_report = is_report != 0;
        Ok(())
    })
}

/// Sets the name of the MX host from its `greeting`, or from its EHLO response: the first word after the reply code, at
/// most 255 octets.
///
/// Errors: MTASTS_ERR_ARGUMENT if the event is not a session; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_helo(
    event: Option<&mut mtasts_event>,
    greeting: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        set(event, greeting, |session, text| {
            session.helo = Some(text.into());
            Ok(())
        })
    }
}

/// Sets the `address` from which the session came, such as "192.0.2.1" or "2001:db8::1": the public one.
///
/// Errors: the same as mtasts_event_set_helo(), and MTASTS_ERR_ARGUMENT if it is not an IP address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_sending_ip(
    event: Option<&mut mtasts_event>,
    address: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        set(event, address, |session, text| {
            session.sending_ip = Some(ip_address(text)?);
            Ok(())
        })
    }
}

/// Sets the `address` of the MX host.
///
/// Errors: the same as mtasts_event_set_sending_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_receiving_ip(
    event: Option<&mut mtasts_event>,
    address: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        set(event, address, |session, text| {
            session.receiving_ip = Some(ip_address(text)?);
            Ok(())
        })
    }
}

/// Sets the `reason`, if more is known than the code of the row, such as a message of your TLS library. It is used up
/// to the first character that is not printable ASCII, at most 128 octets.
///
/// Errors: the same as mtasts_event_set_helo().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_reason(
    event: Option<&mut mtasts_event>,
    reason: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        set(event, reason, |session, text| {
            session.reason = Some(text.into());
            Ok(())
        })
    }
}

/// Sets the TLSA records of the MX host, which are reported with what is counted under DANE: `count` strings at
/// `records`, each with usage, selector, matching type and data in hexadecimal, separated by spaces.
///
/// Errors: the same as mtasts_event_set_helo().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_event_set_tlsa_records(
    event: Option<&mut mtasts_event>,
    records: *const *const c_char,
    count: usize,
) -> mtasts_status {
    guard::run(None, || {
        let session = event.ok_or(Fault::NULL)?.session()?;
        // SAFETY: an array and strings as required by the header.
        let records = unsafe { array(records, count) }?;
        // SAFETY: as above, for each item.
        let texts = records.iter().map(|record| Ok(unsafe { string(*record) }?.into()));
        session.tlsa_records = texts.collect::<Result<_, Fault>>()?;
        Ok(())
    })
}

/// The recipient domain. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_event_domain(event: Option<&mtasts_event>) -> *const c_char {
    event.map_or(NONE, |event| event.domain.as_ptr())
}

/// The policy type under which the event is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_event_policy_type(event: Option<&mtasts_event>) -> mtasts_policy_type {
    guard::get(0, || event?.with(|event| event.policy_type().number().into()))
}

/// Returns 1 if the event is counted as a failed session, otherwise 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_event_has_failed(event: Option<&mtasts_event>) -> i32 {
    guard::get(0, || event?.with(|event| event.has_failed().into()))
}

/// Frees an event; those of a datagram are freed with it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_event_free(event: Option<Box<mtasts_event>>) {
    drop(event);
}

impl mtasts_event {
    const fn new(domain: CString, kind: Kind) -> Self {
        Self { domain, kind, record: None, is_tlsrpt_report: false }
    }

    /// An event of a datagram with this record, and optionally another sending address.
    pub(crate) fn of_datagram(event: &Event<'_>, record: &str, sending_ip: Option<IpAddr>) -> Self {
        let mut own = Datagram::new(event.domain(), record);
        own.add(event);
        Self::new(c_string(event.domain().as_str()), Kind::OfDatagram(Box::new(own), sending_ip))
    }

    fn session(&mut self) -> Result<&mut SessionEvent, Fault> {
        match &mut self.kind {
            Kind::Session(session) => Ok(session),
            _ => Err(Fault::ARGUMENT),
        }
    }

    /// Works on the event of the core.
    pub(crate) fn with<R>(&self, work: impl FnOnce(Event<'_>) -> R) -> Option<R> {
        let tlsa_records: Vec<&str>;
        let mut event = match &self.kind {
            Kind::Session(session) => {
                tlsa_records = session.tlsa_records.iter().map(AsRef::as_ref).collect();
                Event::session(&session.domain, &session.row, session.facts(&tlsa_records))
            }
            Kind::Discovery(domain, outcome) => Event::discovery(domain, outcome)?,
            Kind::OfDatagram(datagram, sending_ip) => {
                let event = datagram.events().next()?;
                sending_ip.map_or(event, |address| event.with_sending_ip(address))
            }
        };
        if let Some(record) = &self.record {
            event = event.with_record(record);
        }
        if self.is_tlsrpt_report {
            event = event.with_tlsrpt_report(true);
        }
        Some(work(event))
    }
}

impl SessionEvent {
    fn facts<'a>(&'a self, tlsa_records: &'a [&'a str]) -> SessionFacts<'a> {
        let mut facts = self
            .mx_host
            .as_ref()
            .map_or_else(SessionFacts::default, SessionFacts::new)
            .with_tlsa_records(tlsa_records);
        if let Some(policy) = &self.policy {
            facts = facts.with_policy(policy);
        }
        if let Some(helo) = &self.helo {
            facts = facts.with_helo(helo);
        }
        if let Some(address) = self.sending_ip {
            facts = facts.with_sending_ip(address);
        }
        if let Some(address) = self.receiving_ip {
            facts = facts.with_receiving_ip(address);
        }
        if let Some(reason) = &self.reason {
            facts = facts.with_reason(reason);
        }
        facts
    }
}

/// An IP address as text.
pub(crate) fn ip_address(text: &str) -> Result<IpAddr, Fault> {
    text.parse().map_err(|_| Fault::ARGUMENT)
}

/// Sets a fact about a session from a text.
///
/// # Safety
///
/// `text` is a string as required by the header.
unsafe fn set(
    event: Option<&mut mtasts_event>,
    text: *const c_char,
    set: impl FnOnce(&mut SessionEvent, &str) -> Result<(), Fault>,
) -> mtasts_status {
    guard::run(None, || {
        let event = event.ok_or(Fault::NULL)?;
        // SAFETY: guaranteed by the caller.
        let text = unsafe { string(text) }?;
        set(event.session()?, text)
    })
}
