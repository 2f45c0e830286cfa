//! The names of MX hosts, and of domains, and the patterns that cover hosts.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::{DnsName, MxPattern, PolicyDomain, dns_id_matches};

use crate::guard;
use crate::pointer::{array, give, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// A host name in the form DNS and TLS use: lower case, A-labels, no trailing dot.
pub struct mtasts_name {
    text: CString,
}

/// A Policy Domain: the domain whose policy applies, with the names derived from it (RFC 8461, 3).
pub struct mtasts_domain {
    text: CString,
    txt_name: CString,
    policy_host: CString,
    policy_url: CString,
    tlsrpt_txt_name: Option<CString>,
}

/// An mx pattern, which covers MX hosts: a host name, or "*." and a domain (RFC 8461, 4.1).
pub struct mtasts_mx_pattern {
    pattern: MxPattern<'static>,
    text: CString,
}

/// Parses a host name: `text` in any case, with A-labels or U-labels, and at most one trailing dot. It may be enclosed
/// in brackets, like a smart host.
///
/// Errors: 101 to 109, with the octet; "address-literal" for an IP address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_name_parse(
    text: *const c_char,
    name: Option<&mut MaybeUninit<*mut mtasts_name>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = name.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let name = DnsName::parse(unsafe { string(text) }?)?;
        give(out, mtasts_name { text: c_string(name.as_str()) });
        Ok(())
    })
}

/// The name as text. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_name_text(name: Option<&mtasts_name>) -> *const c_char {
    name.map_or(NONE, |name| name.text.as_ptr())
}

/// Frees a name. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_name_free(name: Option<Box<mtasts_name>>) {
    drop(name);
}

/// Parses a Policy Domain: `text` has the form accepted by mtasts_name_parse().
///
/// It is the domain of the recipient address as written, or the name of the smart host.
///
/// Errors: 101 to 109, with the octet. An address literal has no policy: deliver without MTA-STS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_domain_parse(
    text: *const c_char,
    domain: Option<&mut MaybeUninit<*mut mtasts_domain>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = domain.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        give(out, mtasts_domain::new(&PolicyDomain::parse(unsafe { string(text) }?)?));
        Ok(())
    })
}

/// The Policy Domain of a recipient: the domain of `address`, which may be a path with angle brackets.
///
/// Errors: "missing-domain" (112) for a local part alone; otherwise the same as mtasts_domain_parse(), with octets
/// counted from the start of the address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_domain_of_recipient(
    address: *const c_char,
    domain: Option<&mut MaybeUninit<*mut mtasts_domain>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = domain.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        give(out, mtasts_domain::new(&PolicyDomain::of_recipient(unsafe { string(address) }?)?));
        Ok(())
    })
}

/// The domain as text: lower case, A-labels, no trailing dot. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_domain_text(domain: Option<&mtasts_domain>) -> *const c_char {
    domain.map_or(NONE, |domain| domain.text.as_ptr())
}

/// The name of the MTA-STS record: "_mta-sts." and the domain (RFC 8461, 3.1). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_domain_txt_name(domain: Option<&mtasts_domain>) -> *const c_char {
    domain.map_or(NONE, |domain| domain.txt_name.as_ptr())
}

/// The Policy Host: "mta-sts." and the domain (RFC 8461, 3.3). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_domain_policy_host(domain: Option<&mtasts_domain>) -> *const c_char {
    domain.map_or(NONE, |domain| domain.policy_host.as_ptr())
}

/// The URL of the policy (RFC 8461, 3.2). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_domain_policy_url(domain: Option<&mtasts_domain>) -> *const c_char {
    domain.map_or(NONE, |domain| domain.policy_url.as_ptr())
}

/// The name of the TLSRPT record: "_smtp._tls." and the domain (RFC 8460, 3).
///
/// NULL for NULL, and for a domain so long that this would not be a valid name.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_txt_name(domain: Option<&mtasts_domain>) -> *const c_char {
    domain.and_then(|domain| domain.tlsrpt_txt_name.as_ref()).map_or(NONE, |name| name.as_ptr())
}

/// Frees a domain. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_domain_free(domain: Option<Box<mtasts_domain>>) {
    drop(domain);
}

/// Parses a pattern in the form after "mx:" in a policy: `text` with A-labels, in any case.
///
/// Errors: 101 to 111, with the octet: the text can never match a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_mx_pattern_parse(
    text: *const c_char,
    pattern: Option<&mut MaybeUninit<*mut mtasts_mx_pattern>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = pattern.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let pattern = MxPattern::parse(unsafe { string(text) }?)?;
        let text = c_string(&pattern.to_string());
        give(out, mtasts_mx_pattern { pattern, text });
        Ok(())
    })
}

/// The pattern as text: lower case, no trailing dot. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_pattern_text(pattern: Option<&mtasts_mx_pattern>) -> *const c_char {
    pattern.map_or(NONE, |pattern| pattern.text.as_ptr())
}

/// Returns 1 if the pattern begins with "*.", otherwise 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_pattern_is_wildcard(pattern: Option<&mtasts_mx_pattern>) -> i32 {
    pattern.map_or(0, |pattern| i32::from(pattern.pattern.is_wildcard()))
}

/// Returns 1 if the pattern covers `host`, given as in an MX record, otherwise 0.
///
/// 0 for NULL, and if it is not a host name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_mx_pattern_matches(
    pattern: Option<&mtasts_mx_pattern>,
    host: *const c_char,
) -> i32 {
    guard::get(0, || {
        // SAFETY: a string as required by the header.
        let host = DnsName::parse(unsafe { string(host) }.ok()?).ok()?;
        Some(i32::from(pattern?.pattern.matches(&host)))
    })
}

/// Frees a pattern. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_pattern_free(pattern: Option<Box<mtasts_mx_pattern>>) {
    drop(pattern);
}

/// Returns 1 if `dns_id`, a subjectAltName of type dNSName, matches `host`, otherwise 0.
///
/// For TLS libraries that do not compare names. A star is a wildcard only as the whole first label (RFC 8461, 4.2). 0
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_dns_id_matches(dns_id: *const c_char, host: *const c_char) -> i32 {
    guard::get(0, || {
        // SAFETY: strings as required by the header.
        let (dns_id, host) = unsafe { (string(dns_id).ok()?, string(host).ok()?) };
        Some(i32::from(dns_id_matches(dns_id, &DnsName::parse(host).ok()?)))
    })
}

/// The host names of an array.
///
/// # Safety
///
/// As [`array`], and each item as [`string`].
pub(crate) unsafe fn host_names(first: *const *const c_char, count: usize) -> Result<Vec<DnsName>, Fault> {
    // SAFETY: guaranteed by the caller.
    let names = unsafe { array(first, count) }?;
    // SAFETY: as guaranteed by the caller, for each item.
    names.iter().map(|name| Ok(DnsName::parse(unsafe { string(*name) }?)?)).collect()
}

impl mtasts_domain {
    pub(crate) fn new(domain: &PolicyDomain) -> Self {
        Self {
            text: c_string(domain.as_str()),
            txt_name: c_string(&domain.txt_name()),
            policy_host: c_string(&domain.policy_host()),
            policy_url: c_string(&domain.policy_url()),
            tlsrpt_txt_name: domain.tlsrpt_txt_name().as_deref().map(c_string),
        }
    }
}
