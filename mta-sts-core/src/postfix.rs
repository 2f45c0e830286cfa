//! A policy as the answer to Postfix's TLS policy lookup, `smtp_tls_policy_maps`.
//!
//! ```
//! use mta_sts_core::{Policy, PolicyDomain, postfix};
//!
//! let policy = Policy::parse(
//!     b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmx: *.example.net\nmax_age: 604800\n",
//! )?;
//! let domain = PolicyDomain::parse("example.com")?;
//! assert_eq!(
//!     postfix::tls_policy(&policy, &domain, postfix::Form::Basic)?.as_deref(),
//!     Some("secure match=mx.example.com:.example.net servername=hostname")
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`tls_policy`] tells Postfix the patterns of the policy, [`tls_policy_for_hosts`] the MX hosts
//! that the patterns cover. `Some` is the answer, `None` that there is none (`NOTFOUND` in the
//! socketmap protocol). An error is for a temporary answer (`TEMP`): Postfix defers the mail.
//!
//! # What Postfix makes of an answer
//!
//! An answer stands in the place of `smtp_tls_security_level`, `dane` too. MTA-STS must never
//! override a failing DANE (RFC 8461, 2), so answer for a domain with TLSA records of its MX hosts
//! before you answer from here. For that reason too mode testing and none give no answer, except in
//! [`Form::ExtendedWithTesting`].
//!
//! RFC 8461, 4.1 compares the name in the MX record with the patterns, and 4.2 the certificate with
//! that name. With [`Form::Basic`] Postfix compares the certificate with the patterns instead, and
//! `match=.example.com` covers `a.b.example.com` too. So it delivers to an MX host outside the policy
//! that shows a certificate for a name within it; an attacker without such a certificate gets nothing.
//! [`tls_policy_for_hosts`] narrows this to the names of the domain's own MX hosts, and
//! [`Form::Extended`] makes Postfix check exactly.
//!
//! # What cannot get into an answer
//!
//! The policy comes from strangers, and Postfix reads the answer as words. Names are letters, digits,
//! hyphens, underscores and dots; `hostname`, `nexthop` and `dot-nexthop` would mean "whatever name
//! the MX host has" and are left out of `match`, and a list that would end up empty is an error. Lines
//! of the policy stand in braces; one that has a brace or a control character itself is left out.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::mx::MxPattern;
use crate::name::{DnsName, PolicyDomain};
use crate::policy::{Mode, Policy};

pub use crate::error::{PostfixError, PostfixErrorKind};

/// How much an answer tells. Which one Postfix understands depends on its version.
///
/// ```
/// use mta_sts_core::postfix::Form;
///
/// /// What `postconf -h mail_version` says, as numbers.
/// fn form(version: (u32, u32, u32)) -> Form {
///     if version >= (3, 10, 5) { Form::Extended } else { Form::Basic }
/// }
/// assert_eq!(form((3, 7, 11)), Form::Basic);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// The names, for Postfix 3.4 and later, and for sendmail's `FEATURE(sts)`:
    /// `secure match=... servername=hostname`.
    ///
    /// sendmail compares the MX host with the names and the certificate with the MX host, as the RFC
    /// has it.
    #[default]
    Basic,

    /// The names, and what was asked for, for Postfix 3.10.5 and later:
    /// `... policy_type=sts policy_domain=... mx_host_pattern=... { policy_string = ... }`.
    ///
    /// Postfix skips MX hosts that no pattern covers, compares the certificate with the MX host
    /// (`smtp_tls_enforce_sts_mx_patterns`, on by default), and reports the policy in TLSRPT. Postfix
    /// 3.10.0 to 3.10.4 reports it and checks as with [`Form::Basic`]. Postfix before 3.10 takes the
    /// answer for a mistake, and defers all mail to the domain.
    Extended,

    /// As [`Form::Extended`], and mode testing is answered with the level `may`.
    ///
    /// The policy then stands in TLSRPT, as RFC 8461, 5 asks, at two prices. Postfix lowers a stricter
    /// `smtp_tls_security_level` of yours (`dane`, `encrypt`) to `may` for every domain in mode
    /// testing. And Postfix does not check what it does not enforce: it reports a success whatever MX
    /// host and certificate it met (an untrusted issuer only with `untrusted` in `smtp_tls_loglevel`),
    /// and nothing where STARTTLS is not offered. The owner of the domain may take the report as leave
    /// to turn to enforce.
    ExtendedWithTesting,
}

/// The longest answer, in octets: with `OK ` in front of it, it is the 100,000 that Postfix reads
/// from a socketmap server (`socketmap_max_reply_size`).
pub const MAX_ANSWER_LEN: usize = 99_997;

/// What to tell Postfix about mail to `domain`: the patterns of its policy.
///
/// ```
/// use mta_sts_core::{Policy, PolicyDomain, postfix};
///
/// /// The answer of a socketmap server.
/// fn reply(policy: &Policy, domain: &PolicyDomain) -> String {
///     match postfix::tls_policy(policy, domain, postfix::Form::Basic) {
///         Ok(Some(answer)) => format!("OK {answer}"),
///         Ok(None) => String::from("NOTFOUND "),
///         Err(error) => format!("TEMP {}", error.code()),
///     }
/// }
///
/// let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let domain = PolicyDomain::parse("example.com")?;
/// assert_eq!(reply(&policy, &domain), "OK secure match=mx.example.com servername=hostname");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A pattern `*.example.com` becomes `.example.com` in `match`. Duplicates are left out, the order is
/// kept. There is no answer in mode none, and in mode testing only in [`Form::ExtendedWithTesting`].
///
/// # Errors
///
/// Only in mode enforce. `no-usable-mx` when every `mx` is a word of Postfix. `answer-too-long`
/// beyond [`MAX_ANSWER_LEN`] octets or 1,024 different names: a shortened list would stop mail to the
/// hosts that are not in it. `numeric-domain` in the extended forms: Postfix takes no domain of digits
/// alone.
pub fn tls_policy(
    policy: &Policy,
    domain: &PolicyDomain,
    form: Form,
) -> Result<Option<String>, PostfixError> {
    answer(policy, domain, form, || {
        // Postfix writes `*.example.com` as `.example.com`.
        match_names(policy.mx_patterns().map(MxPattern::without_star))
    })
}

/// What to tell Postfix about mail to `domain`: those of its MX hosts that its policy covers.
///
/// ```
/// # use mta_sts_core::{DnsName, Policy, PolicyDomain, postfix};
/// # let policy =
/// #     Policy::parse(b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n")?;
/// # let domain = PolicyDomain::parse("example.com")?;
/// let mx_hosts = [DnsName::parse("mx1.example.com")?, DnsName::parse("mx.example.org")?];
/// assert_eq!(
///     postfix::tls_policy_for_hosts(&policy, &domain, &mx_hosts, postfix::Form::Basic)?.as_deref(),
///     Some("secure match=mx1.example.com servername=hostname")
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `mx_hosts` are the names in the MX records, or the domain itself where it has no MX record.
/// Postfix asks DNS on its own: a host that it finds and you did not is refused until the next
/// answer. In the extended forms the patterns follow as in [`tls_policy`]; where Postfix enforces
/// them, they count, and not the hosts.
///
/// # Errors
///
/// As [`tls_policy`], and `no-permitted-host` when the policy covers none of the hosts: no session
/// could be accepted, so none is begun. Answer that it is temporary: the MX records, the policy or
/// an attack on either may change.
pub fn tls_policy_for_hosts(
    policy: &Policy,
    domain: &PolicyDomain,
    mx_hosts: &[DnsName],
    form: Form,
) -> Result<Option<String>, PostfixError> {
    answer(policy, domain, form, || {
        let mut covered = mx_hosts.iter().filter(|host| policy.matching_pattern(host).is_some()).peekable();
        if covered.peek().is_none() {
            return Err(PostfixError::new(PostfixErrorKind::NoPermittedHost));
        }
        match_names(covered.map(|host| Cow::from(host.as_str())))
    })
}

fn answer<'a>(
    policy: &Policy,
    domain: &PolicyDomain,
    form: Form,
    match_list: impl FnOnce() -> Result<Vec<Cow<'a, str>>, PostfixError>,
) -> Result<Option<String>, PostfixError> {
    match (policy.mode(), form) {
        (Mode::Enforce, _) => {
            let level = ["secure match=", &match_list()?.join(":"), " servername=hostname"].concat();
            complete(level, policy, domain, form).map(Some)
        }
        // What is there for reports alone never stops mail.
        (Mode::Testing, Form::ExtendedWithTesting) => {
            Ok(complete(String::from("may servername=hostname"), policy, domain, form).ok())
        }
        (Mode::Testing | Mode::None, _) => Ok(None),
    }
}

fn complete(
    mut answer: String,
    policy: &Policy,
    domain: &PolicyDomain,
    form: Form,
) -> Result<String, PostfixError> {
    if form != Form::Basic {
        add_policy(&mut answer, policy, domain)?;
    }
    if answer.len() > MAX_ANSWER_LEN { Err(PostfixError::new(PostfixErrorKind::TooLong)) } else { Ok(answer) }
}

/// Adds what Postfix reports in TLSRPT and checks MX hosts with.
fn add_policy(answer: &mut String, policy: &Policy, domain: &PolicyDomain) -> Result<(), PostfixError> {
    if domain.as_str().bytes().all(|octet| octet.is_ascii_digit() || octet == b'.') {
        return Err(PostfixError::new(PostfixErrorKind::NumericDomain));
    }
    answer.push_str(" policy_type=sts policy_domain=");
    answer.push_str(domain.as_str());
    for pattern in distinct(policy.mx_patterns().map(|pattern| pattern.to_string()))? {
        answer.push_str(" mx_host_pattern=");
        answer.push_str(&pattern);
    }
    // Lines are for reports alone: those that do not fit are left out. But not all of them, since
    // Postfix before 3.10.6 crashes when it reports a policy without a line.
    let before = answer.len();
    for line in policy.lines().filter_map(policy_string).take(MAX_VALUES) {
        if answer.len() + line.len() <= MAX_ANSWER_LEN {
            answer.push_str(&line);
        }
    }
    if answer.len() == before { Err(PostfixError::new(PostfixErrorKind::TooLong)) } else { Ok(()) }
}

/// A line of the policy as an attribute, unless Postfix would read it as anything else.
///
/// Postfix ends the attribute at the brace that balances the first one and knows no escape; to it
/// a tab is a space, and white space at the end is none of the value.
fn policy_string(line: &str) -> Option<String> {
    let line = line.replace('\t', " ");
    if line.contains(|char: char| char == '{' || char == '}' || char.is_control()) {
        return None;
    }
    Some([" { policy_string = ", line.trim_end_matches(' '), " }"].concat())
}

/// The names for `match`, without the words that mean another name to Postfix.
fn match_names<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> Result<Vec<Cow<'a, str>>, PostfixError> {
    let names = distinct(names.filter(|name| !MATCH_WORDS.contains(&&**name)))?;
    if names.is_empty() {
        // Without `match` Postfix would take the names of `smtp_tls_secure_cert_match`.
        return Err(PostfixError::new(PostfixErrorKind::NoUsableMx));
    }
    Ok(names)
}

/// The names without duplicates, in their order.
fn distinct<T: Clone + Ord>(names: impl Iterator<Item = T>) -> Result<Vec<T>, PostfixError> {
    let mut seen = BTreeSet::new();
    let mut distinct = Vec::new();
    for name in names {
        if seen.insert(name.clone()) {
            if distinct.len() == MAX_VALUES {
                return Err(PostfixError::new(PostfixErrorKind::TooLong));
            }
            distinct.push(name);
        }
    }
    Ok(distinct)
}

/// Words that Postfix puts another name in the place of.
const MATCH_WORDS: [&str; 3] = ["hostname", "nexthop", "dot-nexthop"];

/// Postfix hands no longer a list to its TLS proxy (`smtp_tls_connection_reuse`): delivery fails.
const MAX_VALUES: usize = 1024;
