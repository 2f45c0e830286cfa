//! A policy as the answer to a TLS policy lookup of Postfix, `smtp_tls_policy_maps`.
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
//! [`tls_policy`] gives Postfix the patterns of the policy, [`tls_policy_for_hosts`] the MX hosts that
//! the patterns cover. `Some` is the answer, `None` means that there is none (`NOTFOUND` in the
//! socketmap protocol). An error calls for a temporary answer (`TEMP`): Postfix defers the mail.
//!
//! # How Postfix uses an answer
//!
//! An answer replaces `smtp_tls_security_level`, even `dane`. MTA-STS must never override a DANE failure
//! (RFC 8461, 2), so for a domain whose MX hosts have TLSA records, answer for DANE before you use an
//! answer from here. For the same reason, modes testing and none give no answer, except in
//! [`Form::ExtendedWithTesting`].
//!
//! RFC 8461, 4.1 compares the name in the MX record with the patterns, and 4.2 the certificate with that
//! name. With [`Form::Basic`] Postfix compares the certificate with the patterns instead, and
//! `match=.example.com` also covers `a.b.example.com`. So it delivers to an MX host outside the policy
//! if that presents a certificate for a name within it; an attacker without such a certificate gains
//! nothing. [`tls_policy_for_hosts`] narrows this to the names of the domain's own MX hosts, and
//! [`Form::Extended`] makes Postfix check exactly.
//!
//! # Injection
//!
//! The policy is untrusted, and Postfix splits the answer into words. Names consist of letters, digits,
//! hyphens, underscores, and dots; `hostname`, `nexthop`, and `dot-nexthop` would mean "whatever name
//! the MX host has" and are omitted from `match`, and a list that would become empty is an error. Lines
//! of the policy are enclosed in braces; a line that itself contains a brace or a control character is
//! omitted.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::mx::MxPattern;
use crate::name::{DnsName, PolicyDomain};
use crate::policy::{Mode, Policy};

pub use crate::error::{PostfixError, PostfixErrorKind};

/// The form of an answer. Which of them Postfix understands depends on its version.
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
    /// The names alone, for Postfix 3.4 and later, and for `FEATURE(sts)` of sendmail: `secure match=...
    /// servername=hostname`.
    ///
    /// sendmail compares the MX host with the names and the certificate with the MX host, as the RFC
    /// requires.
    #[default]
    Basic,

    /// The names and the details of the policy, for Postfix 3.10.5 and later: `... policy_type=sts
    /// policy_domain=... mx_host_pattern=... { policy_string = ... }`.
    ///
    /// Postfix skips MX hosts that no pattern covers, compares the certificate with the MX host
    /// (`smtp_tls_enforce_sts_mx_patterns`, on by default), and reports the policy in TLSRPT. Postfix
    /// 3.10.0 to 3.10.4 reports it and checks as with [`Form::Basic`]. Postfix before 3.10 treats the
    /// answer as an error, and defers all mail to the domain.
    Extended,

    /// The same as [`Form::Extended`], and mode testing is answered with the level `may`.
    ///
    /// The policy is then reported in TLSRPT, as RFC 8461, 5 requires, with two drawbacks. Postfix
    /// lowers a stricter `smtp_tls_security_level` of yours (`dane`, `encrypt`) to `may` for every
    /// domain in mode testing. And Postfix does not check what it does not enforce: it reports a success
    /// whatever the MX host and certificate were (except an untrusted issuer, and only with `untrusted`
    /// in `smtp_tls_loglevel`), and nothing if STARTTLS is not offered. The owner of the domain may
    /// conclude from such reports that enforce is safe.
    ExtendedWithTesting,
}

/// The longest answer, in octets: with `OK ` in front of it, it has the 100,000 that Postfix reads from
/// a socketmap server (`socketmap_max_reply_size`).
pub const MAX_ANSWER_LEN: usize = 99_997;

/// The answer for mail to `domain`, with the patterns of its policy.
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
/// A pattern `*.example.com` becomes `.example.com` in `match`. Duplicates are omitted, and the order is
/// kept. There is no answer in mode none, and in mode testing only with [`Form::ExtendedWithTesting`].
///
/// # Errors
///
/// Only in mode enforce: `no-usable-mx` if every `mx` is a keyword of Postfix; `answer-too-long` beyond
/// [`MAX_ANSWER_LEN`] octets or 1,024 different names, since a shortened list would stop mail to the
/// hosts missing from it; `numeric-domain` in the extended forms, since Postfix rejects a domain of
/// digits alone.
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

/// The answer for mail to `domain`, with those of its MX hosts that its policy covers.
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
/// `mx_hosts` are the names in the MX records, or the domain itself if it has no MX record. Postfix
/// queries DNS on its own: a host that it finds and you did not is refused until the next answer. In the
/// extended forms the patterns follow as in [`tls_policy`]; if Postfix enforces them, they decide, and
/// not the hosts.
///
/// # Errors
///
/// The same as [`tls_policy`], and `no-permitted-host` if the policy covers none of the hosts: no
/// session would be acceptable, so none is started. Give a temporary answer: the MX records, the policy,
/// or an attack on either may change.
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
        // What is used only for reports never stops mail.
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

/// Adds the attributes that Postfix uses for TLSRPT and for checking MX hosts.
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
    // Lines are used only for reports: those that do not fit are omitted. At least one is kept, since
    // Postfix before 3.10.6 crashes when it reports a policy without a line.
    let before = answer.len();
    for line in policy.lines().filter_map(policy_string).take(MAX_VALUES) {
        if answer.len() + line.len() <= MAX_ANSWER_LEN {
            answer.push_str(&line);
        }
    }
    if answer.len() == before { Err(PostfixError::new(PostfixErrorKind::TooLong)) } else { Ok(()) }
}

/// A line of the policy as an attribute, if Postfix would read it unchanged.
///
/// Postfix ends the attribute at the brace that balances the first one, and has no escapes; it reads a
/// tab as a space, and drops white space at the end.
fn policy_string(line: &str) -> Option<String> {
    let line = line.replace('\t', " ");
    if line.contains(|char: char| char == '{' || char == '}' || char.is_control()) {
        return None;
    }
    Some([" { policy_string = ", line.trim_end_matches(' '), " }"].concat())
}

/// The names for `match`, without the keywords that Postfix replaces by another name.
fn match_names<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> Result<Vec<Cow<'a, str>>, PostfixError> {
    let names = distinct(names.filter(|name| !MATCH_WORDS.contains(&&**name)))?;
    if names.is_empty() {
        // Without `match` Postfix would use the names of `smtp_tls_secure_cert_match`.
        return Err(PostfixError::new(PostfixErrorKind::NoUsableMx));
    }
    Ok(names)
}

/// The names without duplicates, in order.
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

/// The keywords that Postfix replaces by another name.
const MATCH_WORDS: [&str; 3] = ["hostname", "nexthop", "dot-nexthop"];

/// Postfix does not pass a longer list to its TLS proxy (`smtp_tls_connection_reuse`): delivery fails.
const MAX_VALUES: usize = 1024;
