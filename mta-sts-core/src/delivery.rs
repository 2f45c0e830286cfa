//! Policy application: whether an MX host may receive the message (RFC 8461, 4 and 5).
//!
//! # Theory of operation
//!
//! A [`Delivery`] holds everything that constrains one message to one Policy Domain. It decides before each connection
//! ([`Delivery::check_mx`], or [`Delivery::plan`] for the whole list), after each TLS attempt
//! ([`Delivery::check_session`]), and at the end ([`Delivery::conclude`]).
//!
//! | policy | MX not in policy | TLS fails | all good |
//! |---|---|---|---|
//! | enforce | try the next MX, report | try the next MX, report | deliver |
//! | testing | deliver, report the same | deliver, report the same | deliver |
//! | none, or mode none | deliver | deliver | deliver |
//! | not known | do not connect | | |
//!
//! Besides the policy these count: what the sender of the message asks for ([`MessageTls`]); DANE, whose failure no
//! policy overrides ([`DaneState`], [`DaneResult`]); and what the operator requires, which nothing lowers
//! ([`TlsMinimum`]). A `Delivery` keeps no state between calls: each decision depends on the arguments alone, so hosts
//! can be tried in parallel.
//!
//! Reports count only what was checked: a certificate that nobody checked is not a failure of its owner, and neither is
//! a policy in whose place DANE decides.
//!
//! The list of MX hosts is never filtered: a host that must not receive the message counts as unreachable, so that the
//! loop protection of SMTP sees the whole list (RFC 8461, 8.4).

use alloc::vec::Vec;
use core::fmt;

use crate::error::SessionFault;
use crate::lookup::{Outcome, RecordCheck};
use crate::mx::MxPattern;
use crate::name::DnsName;
use crate::policy::{Mode, Policy};
use crate::tlsrpt::{PolicyType, ResultType};

/// The constraints on the delivery of one message to one Policy Domain.
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// // Of the outcome of a lookup: `Delivery::of(&outcome)`.
/// let delivery = Delivery::under(&policy);
///
/// let spoofed = DnsName::parse("mx.attacker.example")?;
/// assert!(matches!(delivery.check_mx(&MxHost::new(&spoofed)).decision, MxDecision::Skip(_)));
///
/// let name = DnsName::parse("mx.example.com")?;
/// let host = MxHost::new(&name);
/// assert_eq!(delivery.check_mx(&host).decision, MxDecision::Authenticate(&name));
/// // The STARTTLS of the EHLO answer has been removed on the way.
/// let verdict = delivery.check_session(&host, Session::new(TlsResult::NotOffered));
/// assert_eq!(verdict.decision, SessionDecision::TryNextMx);
/// assert_eq!(verdict.rows[0].result_type.unwrap().as_str(), "starttls-not-supported");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The Policy Domain is that of the recipient, or the name of the smart host. A domain without MX records is its own
/// only MX host, and so is a smart host: its name must match a pattern (RFC 8461, 3.4). A connection may carry mail of
/// several domains only if the [`Delivery`] of each of them permits it.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    policy: Binding<'a>,
    message: MessageTls,
    minimum: TlsMinimum,
    dane_precedence: DanePrecedence,
    is_tlsrpt_report: bool,
}

/// The policy of the recipient domain.
#[derive(Clone, Copy, Debug)]
enum Binding<'a> {
    Policy(&'a Policy),
    NoPolicy,
    /// The lookup could not determine it.
    Unknown,
}

/// What the sender of a message asks about TLS (RFC 8689).
///
/// ```
/// use mta_sts_core::{Delivery, MessageFacts, MessageTls, tls_required_no};
///
/// // MAIL FROM:<bob@example.org> REQUIRETLS, and a field TLS-Required: REQUIRETLS counts.
/// let facts = MessageFacts::new().with_requiretls(true).with_tls_required_no(tls_required_no(&["No"]));
/// let asked = MessageTls::of(facts);
/// assert_eq!(asked, MessageTls::Requiretls);
/// let delivery = Delivery::without_policy().with_message(asked);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum MessageTls {
    /// Nothing.
    #[default]
    Unspecified,
    /// REQUIRETLS: send only over authenticated TLS, to hosts that support REQUIRETLS.
    // Meets Q1, Q2, Q3, Q4, Q7, A43.
    Requiretls,
    /// `TLS-Required: No`: deliver even if the recipient's MTA-STS or DANE forbids it.
    // Meets Q8, Q9, Q17, A44.
    TlsRequiredNo,
}

impl MessageTls {
    /// Determines what a message asks from its envelope and header.
    ///
    /// REQUIRETLS takes precedence over the header field (RFC 8689, 4.1). It does not apply to a message with a null
    /// reverse path, for which no failure could be reported (RFC 8689, 4.2.1 and 5).
    // Meets Q6, Q11.
    pub const fn of(facts: MessageFacts) -> Self {
        match (facts.requiretls, facts.tls_required_no) {
            (true, _) if facts.null_reverse_path => Self::Unspecified,
            (true, _) => Self::Requiretls,
            (false, true) => Self::TlsRequiredNo,
            (false, false) => Self::Unspecified,
        }
    }
}

/// What the envelope and the header of a message say about TLS (RFC 8689), the input of [`MessageTls::of`].
///
/// ```
/// use mta_sts_core::{MessageFacts, MessageTls};
///
/// // The report of a message that came with REQUIRETLS: MAIL FROM:<> REQUIRETLS.
/// let facts = MessageFacts::new().with_requiretls(true).with_null_reverse_path(true);
/// assert_eq!(MessageTls::of(facts), MessageTls::Unspecified);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageFacts {
    requiretls: bool,
    tls_required_no: bool,
    null_reverse_path: bool,
}

impl MessageFacts {
    /// A message without TLS requirements and with a reverse path.
    pub const fn new() -> Self {
        Self { requiretls: false, tls_required_no: false, null_reverse_path: false }
    }

    /// Sets whether the MAIL command had REQUIRETLS.
    #[must_use]
    pub const fn with_requiretls(mut self, asked: bool) -> Self {
        self.requiretls = asked;
        self
    }

    /// Sets whether the header has `TLS-Required: No`: see [`tls_required_no`].
    #[must_use]
    pub const fn with_tls_required_no(mut self, said: bool) -> Self {
        self.tls_required_no = said;
        self
    }

    /// Sets whether the reverse path is null: `MAIL FROM:<>`.
    #[must_use]
    pub const fn with_null_reverse_path(mut self, is_null: bool) -> Self {
        self.null_reverse_path = is_null;
        self
    }
}

/// The minimum that the sender's operator requires of every session, whatever the recipient publishes.
///
/// ```
/// use mta_sts_core::*;
///
/// let name = DnsName::parse("mx.example.com")?;
/// let host = MxHost::new(&name);
/// let session = Session::new(TlsResult::certificate(CertificateResult::Expired));
/// let under = |minimum| Delivery::without_policy().with_minimum(minimum).check_session(&host, session).decision;
/// assert_eq!(under(TlsMinimum::Opportunistic), SessionDecision::Deliver);
/// assert_eq!(under(TlsMinimum::Encrypted), SessionDecision::Deliver);
/// assert_eq!(under(TlsMinimum::Authenticated), SessionDecision::TryNextMx);
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// No policy lowers it: mode testing or none of a recipient does not permit delivery in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TlsMinimum {
    /// TLS if it is available.
    #[default]
    Opportunistic,
    /// TLS, with any certificate.
    Encrypted,
    /// TLS with a certificate that is valid for the MX host, or authenticated by DANE.
    Authenticated,
}

/// The precedence between DANE and MTA-STS for a host that has both.
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// // Outside the policy, and vouched for by its TLSA records.
/// let name = DnsName::parse("mx.example.net")?;
/// let host = MxHost::new(&name).with_dane(DaneState::Usable);
/// let delivery = Delivery::under(&policy);
/// assert_eq!(delivery.check_mx(&host).decision, MxDecision::Skip(SessionFault::MxMismatch));
/// let delivery = delivery.with_dane_precedence(DanePrecedence::DaneDecides);
/// assert_eq!(delivery.check_mx(&host).decision, MxDecision::AuthenticateByDane(&name));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// Meets A42.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum DanePrecedence {
    /// Both must pass: the letter of RFC 8461, 5.
    #[default]
    Both,
    /// If DANE passes, MTA-STS is not checked: common practice. If DANE fails, the host is skipped either way (RFC
    /// 8461, 2).
    DaneDecides,
}

/// What DNS says about DANE for an MX host, before a connection (RFC 7672).
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let name = DnsName::parse("mx.example.com")?;
/// let host = MxHost::new(&name).with_dane(DaneState::Usable);
/// let delivery = Delivery::under(&policy);
/// assert_eq!(delivery.check_mx(&host).decision, MxDecision::AuthenticateByBoth(&name));
///
/// // After the handshake: trusted by its issuer, and not what the TLSA records say.
/// let authentication = Authentication::new(CertificateResult::Valid).with_dane(DaneResult::Failed);
/// let verdict = delivery.check_session(&host, Session::new(TlsResult::Established(authentication)));
/// assert_eq!(verdict.fault, Some(SessionFault::DaneFailed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The comparison of a certificate with the TLSA records belongs to the session: [`DaneResult`].
// Meets S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum DaneState {
    /// The host provably has no usable TLSA records, or this sender does not use DANE.
    #[default]
    NotApplicable,
    /// The host has usable TLSA records: it receives the message only over TLS that matches them.
    Usable,
    /// DNS failed, or its answer was bogus. The host may have TLSA records, so it does not receive the message now (RFC
    /// 7672, 2.1).
    LookupFailed,
}

/// A host of the MX list, by the name in its MX record: not the target of its CNAME.
///
/// ```
/// use mta_sts_core::{DaneState, DnsName, MxHost};
///
/// let name = DnsName::parse("MX.Example.com.")?;
/// let host = MxHost::new(&name).with_dane(DaneState::Usable).with_dnssec(true);
/// assert_eq!(host.name().map(DnsName::as_str), Some("mx.example.com"));
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// For a domain without MX records it is the domain, for a smart host its name (RFC 8461, 3.4). An MX record may
/// contain something that is not a host name, such as an IP address: see [`MxHost::of`].
// Meets A30.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MxHost<'a> {
    // `None` for a host without a name that DNS and certificates could use.
    name: Option<&'a DnsName>,
    dane: DaneState,
    dnssec: bool,
}

impl<'a> MxHost<'a> {
    /// A host of which only the name is known.
    pub const fn new(name: &'a DnsName) -> Self {
        Self::of(Some(name))
    }

    /// A host as given in its MX record; `None` if that is not a host name.
    ///
    /// ```
    /// use mta_sts_core::*;
    ///
    /// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
    /// for text in ["192.0.2.1.", "-x.example.com", "\\032.example.com"] {
    ///     let name = DnsName::parse(text).ok();
    ///     let host = MxHost::of(name.as_ref());
    ///     let enforced = Delivery::under(&policy).check_mx(&host);
    ///     assert_eq!(enforced.decision, MxDecision::Skip(SessionFault::MxMismatch));
    ///     assert_eq!(Delivery::without_policy().check_mx(&host).decision, MxDecision::Opportunistic);
    /// }
    /// # Ok::<(), PolicyError>(())
    /// ```
    ///
    /// No policy covers such a host and no certificate can be valid for it: it is skipped if either is required, and
    /// receives the message otherwise.
    pub const fn of(name: Option<&'a DnsName>) -> Self {
        Self { name, dane: DaneState::NotApplicable, dnssec: false }
    }

    /// Adds what DNS says about DANE for the host. What is not a host name has no TLSA records, whatever is passed.
    #[must_use]
    pub const fn with_dane(mut self, dane: DaneState) -> Self {
        if self.name.is_some() {
            self.dane = dane;
        }
        self
    }

    /// Marks the host name as authenticated by DNSSEC on the MX records (RFC 8689, 4.2.1).
    // Meets Q2.
    #[must_use]
    pub const fn with_dnssec(mut self, authenticated: bool) -> Self {
        self.dnssec = authenticated;
        self
    }

    /// The name, if the host has one: SNI must be set to it (RFC 8461, 7.1).
    pub const fn name(&self) -> Option<&'a DnsName> {
        self.name
    }
}

/// The result of a TLS attempt with an MX host.
///
/// A driver maps the results of its TLS library. In this example the certificate results are an enum:
///
/// ```
/// use mta_sts_core::{CertificateResult, SessionFault, TlsResult};
/// # enum Certificate { Good, Expired, NotYetValid, OtherName, UnknownIssuer, Revoked }
///
/// fn tls_result(handshake: Result<Certificate, ()>) -> TlsResult {
///     let Ok(certificate) = handshake else { return TlsResult::HandshakeFailed };
///     TlsResult::certificate(match certificate {
///         Certificate::Good => CertificateResult::Valid,
///         Certificate::Expired => CertificateResult::Expired,
///         Certificate::NotYetValid => CertificateResult::NotYetValid,
///         Certificate::OtherName => CertificateResult::HostMismatch,
///         Certificate::UnknownIssuer | Certificate::Revoked => CertificateResult::NotTrusted,
///     })
/// }
/// # tls_result(Ok(Certificate::Good));
/// assert_eq!(tls_result(Err(())).fault(), Some(SessionFault::TlsHandshake));
/// assert!(tls_result(Ok(Certificate::Expired)).is_encrypted());
/// ```
///
/// Complete the handshake even if the certificate is not valid, and pass the reason: in mode testing, and without a
/// policy, the message is sent over this session. [`dns_id_matches`] compares names for a library that does not.
// Meets S64, A27.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TlsResult {
    /// The EHLO response did not offer STARTTLS.
    NotOffered,
    /// The host rejected the STARTTLS command.
    Refused,
    /// The handshake failed.
    HandshakeFailed,
    /// The TLS version is older than 1.2 (RFC 8461, 7.2): the session counts as encrypted, never as authenticated.
    VersionTooOld,
    /// TLS was established, with these results for the certificate.
    Established(Authentication),
}

impl TlsResult {
    /// TLS with this certificate result, and no DANE check.
    pub const fn certificate(certificate: CertificateResult) -> Self {
        Self::Established(Authentication::new(certificate))
    }

    /// Returns whether the session is encrypted.
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::VersionTooOld | Self::Established(_))
    }

    /// The reason why the session is not authenticated by a certificate valid for the host, if there is one.
    pub const fn fault(self) -> Option<SessionFault> {
        match self {
            Self::NotOffered => Some(SessionFault::StarttlsNotOffered),
            Self::Refused => Some(SessionFault::StarttlsRefused),
            Self::HandshakeFailed => Some(SessionFault::TlsHandshake),
            Self::VersionTooOld => Some(SessionFault::TlsVersion),
            Self::Established(authentication) => authentication.certificate.fault(),
        }
    }
}

/// The results of checking the certificate of an MX host.
///
/// ```
/// use mta_sts_core::{Authentication, CertificateResult, DaneResult};
///
/// // The issuer is not trusted, and a TLSA record vouches for the certificate.
/// let authentication = Authentication::new(CertificateResult::NotTrusted).with_dane(DaneResult::Passed);
/// assert_eq!(authentication.dane(), DaneResult::Passed);
/// // Nobody looked.
/// assert_eq!(Authentication::default().certificate(), CertificateResult::NotChecked);
/// ```
///
/// They are part of an established session: without TLS there is nothing for DANE to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub struct Authentication {
    certificate: CertificateResult,
    dane: DaneResult,
}

impl Authentication {
    /// A certificate with this result, and no DANE check.
    pub const fn new(certificate: CertificateResult) -> Self {
        Self { certificate, dane: DaneResult::NotChecked }
    }

    /// Adds the result of comparing the certificate with the TLSA records.
    #[must_use]
    pub const fn with_dane(mut self, dane: DaneResult) -> Self {
        self.dane = dane;
        self
    }

    /// The result of validating the certificate against trusted issuers (RFC 8461, 4.2).
    pub const fn certificate(self) -> CertificateResult {
        self.certificate
    }

    /// The result of comparing the certificate with the TLSA records.
    pub const fn dane(self) -> DaneResult {
        self.dane
    }
}

/// The result of validating a certificate against trusted issuers and by name (RFC 8461, 4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum CertificateResult {
    /// It is trusted, and valid for the host.
    Valid,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It has no DNS-ID that matches the host.
    HostMismatch,
    /// It is not trusted, for any other reason.
    NotTrusted,
    /// It was not checked.
    #[default]
    NotChecked,
}

impl CertificateResult {
    /// The fault of the certificate, if there is one.
    pub const fn fault(self) -> Option<SessionFault> {
        match self {
            Self::Valid => None,
            Self::Expired => Some(SessionFault::CertificateExpired),
            Self::NotYetValid => Some(SessionFault::CertificateNotYetValid),
            Self::HostMismatch => Some(SessionFault::CertificateHostMismatch),
            Self::NotTrusted => Some(SessionFault::CertificateNotTrusted),
            Self::NotChecked => Some(SessionFault::CertificateNotChecked),
        }
    }
}

/// The result of comparing a certificate with the TLSA records of the host (RFC 7672).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum DaneResult {
    /// A TLSA record matches.
    Passed,
    /// No TLSA record matches.
    Failed,
    /// It was not checked. For a host with [`DaneState::Usable`] that is a fault of the sender: the message is not sent
    /// over the session, and no report counts it.
    #[default]
    NotChecked,
}

/// A session with an MX host, before the MAIL command.
///
/// ```
/// use mta_sts_core::{CertificateResult, Session, TlsResult};
///
/// let ehlo_after_starttls = ["SIZE 10485760", "REQUIRETLS"];
/// let session = Session::new(TlsResult::certificate(CertificateResult::Valid))
///     .with_requiretls(ehlo_after_starttls.iter().any(|line| line.eq_ignore_ascii_case("REQUIRETLS")));
/// # assert_eq!(session, Session::new(TlsResult::certificate(CertificateResult::Valid)).with_requiretls(true));
/// ```
///
/// REQUIRETLS need only be given if the message asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    tls: TlsResult,
    offers_requiretls: bool,
}

impl Session {
    /// A session with this TLS result.
    pub const fn new(tls: TlsResult) -> Self {
        Self { tls, offers_requiretls: false }
    }

    /// Sets whether the response to the EHLO after STARTTLS offered REQUIRETLS.
    // Meets Q4.
    #[must_use]
    pub const fn with_requiretls(mut self, offered: bool) -> Self {
        self.offers_requiretls = offered;
        self
    }
}

/// The decision about an MX host before a connection.
///
/// ```
/// use mta_sts_core::*;
/// # enum Tls<'a> { Any, Required, Chain(&'a DnsName), Tlsa(&'a DnsName), ChainAndTlsa(&'a DnsName) }
///
/// /// What to set in the TLS client; `None`: do not connect.
/// fn tls<'a>(decision: MxDecision<'a>) -> Option<Tls<'a>> {
///     match decision {
///         MxDecision::Skip(_) => None,
///         MxDecision::Authenticate(dns_id) => Some(Tls::Chain(dns_id)),
///         MxDecision::AuthenticateByDane(host) => Some(Tls::Tlsa(host)),
///         MxDecision::AuthenticateByBoth(host) => Some(Tls::ChainAndTlsa(host)),
///         MxDecision::Encrypt => Some(Tls::Required),
///         MxDecision::Opportunistic => Some(Tls::Any),
///         _ => None,
///     }
/// }
/// # assert!(tls(MxDecision::Skip(SessionFault::MxMismatch)).is_none());
/// ```
///
/// It says what the session must prove; [`Delivery::check_session`] decides whether it did.
///
/// Treat an unknown variant as [`MxDecision::Skip`]: it requires something of the session that your code cannot check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MxDecision<'a> {
    /// Do not connect; continue as if the host were unreachable.
    Skip(SessionFault),
    /// Connect. TLS with a certificate valid for this DNS-ID is required.
    Authenticate(&'a DnsName),
    /// Connect. TLS that matches the TLSA records of the host is required.
    AuthenticateByDane(&'a DnsName),
    /// Connect. TLS with a certificate that is valid for this DNS-ID and matches the TLSA records of the host is
    /// required: the policy is enforced, and MTA-STS never overrides a DANE failure (RFC 8461, 2).
    AuthenticateByBoth(&'a DnsName),
    /// Connect. TLS is required, with any certificate.
    Encrypt,
    /// Connect, with TLS if it is available. In mode testing check the certificate all the same, since its faults are
    /// reported.
    Opportunistic,
}

/// The decision about an MX host, and what to report.
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let name = DnsName::parse("mx.attacker.example")?;
/// let verdict = Delivery::under(&policy).check_mx(&MxHost::new(&name));
/// assert_eq!(verdict.decision, MxDecision::Skip(SessionFault::MxMismatch));
/// assert_eq!(verdict.rows[0].result_type, Some(ResultType::ValidationFailure));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MxVerdict<'a> {
    /// Whether to connect, and what TLS must prove.
    pub decision: MxDecision<'a>,
    /// The rows to count in TLSRPT now: those of a skipped host, since it has no session.
    pub rows: Vec<TlsrptRow>,
}

/// The decisions for a whole MX list, in order.
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let names = [DnsName::parse("mx1.example.net")?, DnsName::parse("mx2.example.net")?];
/// let hosts = names.each_ref().map(MxHost::new);
/// let delivery = Delivery::under(&policy);
/// let plan = delivery.plan(&hosts);
/// assert_eq!(plan.hosts.len(), hosts.len());
/// if plan.permits_none() {
///     let outcomes = [HostOutcome::Faulted(SessionFault::MxMismatch); 2];
///     assert_eq!(delivery.conclude(&outcomes, QueueLifetime::Running, None), Conclusion::Defer);
/// }
/// # assert!(plan.permits_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan<'a> {
    /// The verdict on each host.
    pub hosts: Vec<MxVerdict<'a>>,
}

impl Plan<'_> {
    /// Returns whether no host may receive the message. There is nothing to connect to: continue with
    /// [`Delivery::conclude`].
    pub fn permits_none(&self) -> bool {
        self.hosts.iter().all(|host| matches!(host.decision, MxDecision::Skip(_)))
    }
}

/// The decision about a session before the MAIL command.
///
/// ```
/// use mta_sts_core::*;
///
/// let name = DnsName::parse("mx.example.com")?;
/// let host = MxHost::new(&name);
/// let verdict = Delivery::without_policy().check_session(&host, Session::new(TlsResult::NotOffered));
/// let command = match verdict.decision {
///     SessionDecision::Deliver => "MAIL FROM:<bob@example.org>",
///     _ => "QUIT",
/// };
/// assert!(command.starts_with("MAIL"));
/// # Ok::<(), NameError>(())
/// ```
///
/// Treat an unknown variant as [`SessionDecision::TryNextMx`]: it does not permit sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SessionDecision {
    /// Send the message over this session.
    Deliver,
    /// End the session without the message, and try the next MX host.
    TryNextMx,
}

/// The decision about a session, and what to report.
///
/// The sender's loop over the MX hosts:
///
/// ```
/// use mta_sts_core::*;
/// # fn connect(_: &DnsName) -> Option<TlsResult> { Some(TlsResult::certificate(CertificateResult::Expired)) }
/// # fn send_message() {}
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// # let mx_list = [DnsName::parse("mx.example.com")?, DnsName::parse("mx.attacker.example")?];
///
/// let delivery = Delivery::under(&policy);
/// let (mut outcomes, mut rows) = (Vec::new(), Vec::new());
/// for name in &mx_list {
///     let host = MxHost::new(name);
///     let before = delivery.check_mx(&host);
///     rows.extend(before.rows);
///     if let MxDecision::Skip(fault) = before.decision {
///         outcomes.push(HostOutcome::Faulted(fault));
///         continue;
///     }
///     // Connects and begins TLS, with the name in SNI; `None` if the host cannot be reached.
///     let Some(tls) = connect(name) else {
///         outcomes.push(HostOutcome::Unavailable);
///         continue;
///     };
///     let verdict = delivery.check_session(&host, Session::new(tls));
///     rows.extend(verdict.rows);
///     match verdict.decision {
///         SessionDecision::Deliver => {
///             send_message();
///             return Ok(());
///         }
///         _ => outcomes.extend(verdict.fault.map(HostOutcome::Faulted)),
///     }
/// }
/// assert_eq!(delivery.conclude(&outcomes, QueueLifetime::Running, None), Conclusion::Defer);
/// # assert_eq!((outcomes.len(), rows.len()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In mode testing the decision is [`SessionDecision::Deliver`], with the same rows as in mode enforce (RFC 8461, 5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionVerdict {
    /// Whether to send the message.
    pub decision: SessionDecision,
    /// The reason for not sending it.
    pub fault: Option<SessionFault>,
    /// The rows to count in TLSRPT, successes included: one row for each type of policy that was checked.
    pub rows: Vec<TlsrptRow>,
}

/// One session as counted in TLSRPT (RFC 8460, 4.3).
///
/// A driver passes it to libtlsrpt as a policy, its failure if there is one, and the final result.
///
/// ```
/// use mta_sts_core::*;
/// # fn init_policy(_: u16, _: &str) {}
/// # fn add_failure(_: u16, _: &str, _: Option<&str>) {}
/// # fn finish_policy(_: bool) {}
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// # let name = DnsName::parse("mx.example.com")?;
///
/// let delivery = Delivery::under(&policy);
/// let verdict = delivery.check_session(&MxHost::new(&name), Session::new(TlsResult::NotOffered));
/// for row in &verdict.rows {
///     init_policy(row.policy_type.number(), "example.com");
///     if let Some(result_type) = row.result_type {
///         add_failure(result_type.number(), "mx.example.com", row.reason.map(SessionFault::code));
///     }
///     finish_policy(row.result_type.is_none());
/// }
/// # assert_eq!(verdict.rows[0].result_type.map(ResultType::number), Some(201));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The numbers are those of libtlsrpt. A session may give two rows, one for DANE and one for MTA-STS. A failed policy
/// discovery is counted separately: [`Outcome::failure`](crate::Outcome::failure).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TlsrptRow {
    /// The type of policy under which the session is counted.
    pub policy_type: PolicyType,
    /// The failure; `None` for a session that counts as a success.
    pub result_type: Option<ResultType>,
    /// The reason, whose code is the `failure-reason-code`.
    pub reason: Option<SessionFault>,
}

/// The result of the attempts at one MX host, for [`Delivery::conclude`].
///
/// ```
/// use mta_sts_core::*;
///
/// let delivery = Delivery::without_policy().with_message(MessageTls::Requiretls);
/// let refused = HostOutcome::Faulted(SessionFault::RequiretlsNotOffered);
/// // A host that is down may know REQUIRETLS.
/// let outcomes = [refused, HostOutcome::Unavailable];
/// assert_eq!(delivery.conclude(&outcomes, QueueLifetime::Running, None), Conclusion::Defer);
/// let outcomes = [refused];
/// assert_eq!(
///     delivery.conclude(&outcomes, QueueLifetime::Running, None),
///     Conclusion::Bounce(EnhancedStatus::RequiretlsNeeded)
/// );
/// ```
// Meets T6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HostOutcome {
    /// The host was skipped, or its session was ended, because of this fault.
    Faulted(SessionFault),
    /// The host could not be reached, or answered with a temporary failure.
    Unavailable,
}

/// Whether a message may remain in the queue.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{QueueLifetime, UnixTime};
///
/// /// RFC 5321, 4.5.4.1, asks for four or five days at least.
/// fn lifetime(queued_at: UnixTime, now: UnixTime) -> QueueLifetime {
///     match now.saturating_since(queued_at) < Duration::from_secs(5 * 86_400) {
///         true => QueueLifetime::Running,
///         false => QueueLifetime::Over,
///     }
/// }
/// # assert_eq!(lifetime(UnixTime::from_secs(0), UnixTime::from_secs(9)), QueueLifetime::Running);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum QueueLifetime {
    /// It may wait longer.
    Running,
    /// It has reached its limit, and would now be returned to its sender.
    Over,
}

/// The result of the check for a newer policy that precedes a permanent failure (RFC 8461, 5.1, step 3).
///
/// ```
/// use mta_sts_core::*;
/// # fn look_up(_: Purpose) -> Outcome {
/// #     let now = UnixTime::from_secs(1_700_000_000);
/// #     let domain = PolicyDomain::parse("example.com").unwrap();
/// #     let mut lookup = Lookup::new(domain, Purpose::BeforePermanentFailure, None, now, &LookupConfig::new());
/// #     lookup.handle_input(Input::TxtFailed(TxtFailure::Timeout), now).unwrap();
/// #     lookup.into_outcome().unwrap()
/// # }
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
///
/// let delivery = Delivery::under(&policy);
/// let hosts = [HostOutcome::Faulted(SessionFault::MxMismatch)];
/// assert_eq!(delivery.conclude(&hosts, QueueLifetime::Over, None), Conclusion::RecheckPolicy);
/// let recheck = delivery.recheck(&look_up(Purpose::BeforePermanentFailure));
/// // DNS timed out: the message may not be returned for a policy that may have been replaced.
/// assert_eq!(recheck, Recheck::NotChecked);
/// assert_eq!(delivery.conclude(&hosts, QueueLifetime::Over, Some(recheck)), Conclusion::Defer);
/// # Ok::<(), PolicyError>(())
/// ```
///
/// [`Delivery::recheck`] determines it, by comparing with the policy of the attempt.
///
/// Treat an unknown variant as [`Recheck::NotChecked`].
// Meets S78, S80.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Recheck {
    /// The policy is still in force, and the domain has no newer one.
    Unchanged,
    /// Another policy is in force now.
    Changed,
    /// No policy is in force any more: the domain has removed it.
    NoLongerBound,
    /// The domain could not be queried, or has a newer policy that could not be fetched.
    NotChecked,
}

/// What to do with a message that no MX host accepted.
///
/// ```
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let delivery = Delivery::under(&policy);
/// let outcomes = [HostOutcome::Faulted(SessionFault::CertificateExpired)];
/// // What a queue runner does next.
/// let next = match delivery.conclude(&outcomes, QueueLifetime::Over, None) {
///     Conclusion::RecheckPolicy => String::from("look up, and conclude with Delivery::recheck"),
///     Conclusion::TryAgain => String::from("try again now, under Delivery::of that outcome"),
///     Conclusion::Bounce(status) => format!("return with {status}"),
///     // Conclusion::Defer, and what a later version may add.
///     _ => String::from("try again later"),
/// };
/// assert!(next.starts_with("look up"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Treat an unknown variant as [`Conclusion::Defer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conclusion {
    /// Keep it in the queue, and try again later (RFC 8461, 5).
    ///
    /// As long as a domain cannot be queried for a newer policy, this is the conclusion. A queue with a hard limit of
    /// its own returns the message with [`EnhancedStatus::DeliveryTimeExpired`].
    Defer,
    /// Look for a newer policy first, with [`Purpose::BeforePermanentFailure`](crate::Purpose::BeforePermanentFailure),
    /// and conclude again with [`Delivery::recheck`] of its outcome: the message must not be returned because of a
    /// policy that its owner has replaced (RFC 8461, 5.1, step 3).
    RecheckPolicy,
    /// Try the MX hosts again immediately, under the outcome of the recheck: another policy applies, or none.
    TryAgain,
    /// Return it to its sender with this enhanced status code.
    Bounce(EnhancedStatus),
}

/// The enhanced status code of a message that is returned (RFC 3463; RFC 8689, 4.2.1).
///
/// ```
/// use mta_sts_core::EnhancedStatus;
///
/// let line = format!("Status: {}", EnhancedStatus::RequiretlsNeeded);
/// assert_eq!(line, "Status: 5.7.30");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EnhancedStatus {
    /// The message was in the queue for too long.
    DeliveryTimeExpired,
    /// REQUIRETLS was requested, and no host offered the TLS that it requires.
    EncryptionNeeded,
    /// REQUIRETLS was requested, and no host supports it.
    RequiretlsNeeded,
}

impl EnhancedStatus {
    /// The code: `5.4.7`, `5.7.10` or `5.7.30`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryTimeExpired => "5.4.7",
            Self::EncryptionNeeded => "5.7.10",
            Self::RequiretlsNeeded => "5.7.30",
        }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl<'a> Delivery<'a> {
    /// A delivery under the outcome of a lookup: its policy, none, or that this could not be determined.
    ///
    /// ```
    /// use mta_sts_core::*;
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let domain = PolicyDomain::parse("example.com")?;
    /// # let mut lookup = Lookup::new(domain, Purpose::Deliver, None, now, &LookupConfig::new());
    /// # lookup.handle_input(Input::TxtFailed(TxtFailure::ServFail), now)?;
    /// # let outcome = lookup.into_outcome().unwrap();
    ///
    /// // DNS could not tell whether there is a policy: to connect now would be what an attacker wants who
    /// // suppresses the record (RFC 8461, 10.2).
    /// let delivery = Delivery::of(&outcome);
    /// let name = DnsName::parse("mx.example.com")?;
    /// assert_eq!(delivery.check_mx(&MxHost::new(&name)).decision, MxDecision::Skip(SessionFault::PolicyUnknown));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    // Meets A29.
    pub fn of(outcome: &'a Outcome) -> Self {
        Self::with_binding(match outcome.policy() {
            Some(policy) => Binding::Policy(policy),
            None if outcome.is_known() => Binding::NoPolicy,
            None => Binding::Unknown,
        })
    }

    /// A delivery under this policy.
    pub const fn under(policy: &'a Policy) -> Self {
        Self::with_binding(Binding::Policy(policy))
    }

    /// A delivery to a domain that provably has no policy. If that is not known, use [`Delivery::undetermined`].
    ///
    /// ```
    /// # use mta_sts_core::{Delivery, MessageTls, TlsMinimum};
    /// let delivery =
    ///     Delivery::without_policy().with_message(MessageTls::Requiretls).with_minimum(TlsMinimum::Encrypted);
    /// ```
    pub const fn without_policy() -> Self {
        Self::with_binding(Binding::NoPolicy)
    }

    /// A delivery to a domain whose policy could not be determined: the message waits.
    pub const fn undetermined() -> Self {
        Self::with_binding(Binding::Unknown)
    }

    const fn with_binding(policy: Binding<'a>) -> Self {
        Self {
            policy,
            message: MessageTls::Unspecified,
            minimum: TlsMinimum::Opportunistic,
            dane_precedence: DanePrecedence::Both,
            is_tlsrpt_report: false,
        }
    }

    /// Sets what the message asks about TLS.
    #[must_use]
    pub const fn with_message(mut self, message: MessageTls) -> Self {
        self.message = message;
        self
    }

    /// Sets what the operator requires. Default: TLS if it is available.
    #[must_use]
    pub const fn with_minimum(mut self, minimum: TlsMinimum) -> Self {
        self.minimum = minimum;
        self
    }

    /// Sets the precedence for a host that has both DANE and a policy. Default: both must pass.
    #[must_use]
    pub const fn with_dane_precedence(mut self, precedence: DanePrecedence) -> Self {
        self.dane_precedence = precedence;
        self
    }

    /// Marks the message as a TLSRPT report: it is sent despite failures of MTA-STS and DANE, and its sessions are not
    /// counted (RFC 8460, 3 and 5.3.1).
    // Meets R16, R17, R18, Q18, E11.
    #[must_use]
    pub const fn with_tlsrpt_report(mut self, is_report: bool) -> Self {
        self.is_tlsrpt_report = is_report;
        self
    }

    /// Decides about an MX host before a connection.
    // Meets S68, S75, S76, S77, A21, A22, A30, A32, E7.
    pub fn check_mx(&self, host: &MxHost<'a>) -> MxVerdict<'a> {
        let decision = self.fault_before_session(host).map_or_else(|| self.demand(host), MxDecision::Skip);
        let fault = match decision {
            MxDecision::Skip(fault) => Some(fault),
            _ => None,
        };
        let rows = fault.and_then(|fault| self.row_without_session(fault)).into_iter().collect();
        MxVerdict { decision, rows }
    }

    /// Decides about every host of an MX list, in order, leaving none out.
    // Meets S83, S84.
    pub fn plan(&self, hosts: &[MxHost<'a>]) -> Plan<'a> {
        Plan { hosts: hosts.iter().map(|host| self.check_mx(host)).collect() }
    }

    /// Decides about a session, after the TLS attempt and the EHLO that follows.
    // Meets S3, S68, S73, S75, S76, S77, S87, A21, A35, A36, A55, R31, R32.
    // Meets T3, T4, T5, T7, E1, E8, E9, E10.
    pub fn check_session(&self, host: &MxHost<'_>, session: Session) -> SessionVerdict {
        let fault = self.fault_of_session(host, session);
        let decision = if fault.is_some() { SessionDecision::TryNextMx } else { SessionDecision::Deliver };
        SessionVerdict { decision, fault, rows: self.session_rows(host, session) }
    }

    /// Compares the outcome of a lookup before a permanent failure
    /// ([`Purpose::BeforePermanentFailure`](crate::Purpose::BeforePermanentFailure)) with the policy of this delivery.
    // Meets S78, S80, C13, C14.
    pub fn recheck(&self, outcome: &Outcome) -> Recheck {
        match outcome.policy() {
            None if outcome.is_known() => Recheck::NoLongerBound,
            Some(policy) if self.policy().is_none_or(|attempted| attempted != policy) => Recheck::Changed,
            Some(_) if outcome.record_check == RecordCheck::Current => Recheck::Unchanged,
            None | Some(_) => Recheck::NotChecked,
        }
    }

    /// Decides what to do with the message after no MX host accepted it. `recheck` is the result after a
    /// [`Conclusion::RecheckPolicy`], if there was one.
    ///
    /// ```
    /// # use mta_sts_core::*;
    /// let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
    /// let delivery = Delivery::under(&policy);
    /// let hosts = [HostOutcome::Faulted(SessionFault::MxMismatch)];
    /// let conclude = |lifetime, recheck| delivery.conclude(&hosts, lifetime, recheck);
    /// assert_eq!(conclude(QueueLifetime::Running, None), Conclusion::Defer);
    /// assert_eq!(conclude(QueueLifetime::Over, None), Conclusion::RecheckPolicy);
    /// assert_eq!(
    ///     conclude(QueueLifetime::Over, Some(Recheck::Unchanged)),
    ///     Conclusion::Bounce(EnhancedStatus::DeliveryTimeExpired)
    /// );
    /// # Ok::<(), PolicyError>(())
    /// ```
    // Meets S78, S79, Q5.
    pub fn conclude(
        &self,
        hosts: &[HostOutcome],
        lifetime: QueueLifetime,
        recheck: Option<Recheck>,
    ) -> Conclusion {
        let mut faults = hosts.iter().filter_map(|host| match host {
            HostOutcome::Faulted(fault) => Some(*fault),
            HostOutcome::Unavailable => None,
        });
        // REQUIRETLS does not wait for a host to add TLS (RFC 8689, 4.2.1), but it does wait for a host that is down,
        // and for DNS.
        let lasting = faults.clone().filter(|fault| !fault.is_temporary()).count();
        let requiretls_refused =
            self.message == MessageTls::Requiretls && !hosts.is_empty() && lasting == hosts.len();
        if lifetime == QueueLifetime::Running && !requiretls_refused {
            return Conclusion::Defer;
        }
        let is_of_policy = |fault: SessionFault| self.is_enforced() && fault.is_of_policy();
        if faults.clone().any(|fault| is_of_policy(fault) || fault == SessionFault::PolicyUnknown) {
            match recheck {
                None => return Conclusion::RecheckPolicy,
                Some(Recheck::NotChecked) => return Conclusion::Defer,
                Some(Recheck::Changed | Recheck::NoLongerBound) => return Conclusion::TryAgain,
                Some(Recheck::Unchanged) => {}
            }
        }
        Conclusion::Bounce(if !requiretls_refused {
            EnhancedStatus::DeliveryTimeExpired
        } else if faults.any(|fault| fault == SessionFault::RequiretlsNotOffered) {
            EnhancedStatus::RequiretlsNeeded
        } else {
            EnhancedStatus::EncryptionNeeded
        })
    }

    fn fault_before_session(&self, host: &MxHost<'_>) -> Option<SessionFault> {
        if !self.ignores_recipient() {
            if matches!(self.policy, Binding::Unknown) {
                return Some(SessionFault::PolicyUnknown);
            }
            if host.dane == DaneState::LookupFailed {
                return Some(SessionFault::DaneLookupFailed);
            }
        }
        // DANE may still decide, once TLS has been tried.
        let dane_may_decide =
            self.dane_precedence == DanePrecedence::DaneDecides && host.dane == DaneState::Usable;
        if self.applies_policy() && !self.covers(host) && !dane_may_decide {
            return Some(SessionFault::MxMismatch);
        }
        (self.message == MessageTls::Requiretls && !self.is_authenticated(host))
            .then_some(SessionFault::MxNotAuthenticated)
    }

    fn demand(&self, host: &MxHost<'a>) -> MxDecision<'a> {
        let has_dane = !self.ignores_recipient() && host.dane == DaneState::Usable;
        let dane_decides = has_dane && self.dane_precedence == DanePrecedence::DaneDecides;
        let by_chain = self.applies_policy() && !dane_decides;
        // Either is enough for the operator and for REQUIRETLS (RFC 8689, 4.2.1).
        let by_either = self.minimum == TlsMinimum::Authenticated || self.message == MessageTls::Requiretls;
        // No certificate can be valid for something that is not a name.
        let named = |decision: fn(&'a DnsName) -> MxDecision<'a>| {
            host.name.map_or(MxDecision::Skip(SessionFault::CertificateHostMismatch), decision)
        };
        match (by_chain, has_dane) {
            (true, true) => named(MxDecision::AuthenticateByBoth),
            (true, false) => named(MxDecision::Authenticate),
            (false, true) => named(MxDecision::AuthenticateByDane),
            (false, false) if by_either => named(MxDecision::Authenticate),
            (false, false) if self.minimum == TlsMinimum::Encrypted => MxDecision::Encrypt,
            (false, false) => MxDecision::Opportunistic,
        }
    }

    fn fault_of_session(&self, host: &MxHost<'_>, session: Session) -> Option<SessionFault> {
        let dane = DaneVerdict::of(host.dane, session.tls);
        let dane_passed = matches!(dane, DaneVerdict::Passed);
        if !self.ignores_recipient() {
            if matches!(self.policy, Binding::Unknown) {
                return Some(SessionFault::PolicyUnknown);
            }
            // An MTA-STS pass never overrides a DANE failure (RFC 8461, 2).
            if let DaneVerdict::Failed(fault) = dane {
                return Some(fault);
            }
        }
        if self.applies_policy() && !self.stands_in(dane) {
            if let Some(fault) = self.policy_fault(host, session) {
                return Some(fault);
            }
        }
        let nameless = host.name.is_none().then_some(SessionFault::CertificateHostMismatch);
        let unauthenticated = if dane_passed { nameless } else { session.tls.fault().or(nameless) };
        if self.message == MessageTls::Requiretls {
            if !self.is_authenticated(host) {
                return Some(SessionFault::MxNotAuthenticated);
            }
            if unauthenticated.is_some() {
                return unauthenticated;
            }
            if !session.offers_requiretls {
                return Some(SessionFault::RequiretlsNotOffered);
            }
        }
        match self.minimum {
            TlsMinimum::Opportunistic => None,
            TlsMinimum::Encrypted if session.tls.is_encrypted() => None,
            TlsMinimum::Encrypted => session.tls.fault(),
            TlsMinimum::Authenticated => unauthenticated,
        }
    }

    /// The first fault of a session under the policy, in the order MX, STARTTLS, certificate.
    fn policy_fault(&self, host: &MxHost<'_>, session: Session) -> Option<SessionFault> {
        if self.covers(host) { session.tls.fault() } else { Some(SessionFault::MxMismatch) }
    }

    /// Returns whether the policy prevents delivery to a host that fails: in mode enforce, unless the message overrides
    /// it.
    fn applies_policy(&self) -> bool {
        self.is_enforced() && !self.ignores_recipient()
    }

    /// Returns whether DANE has decided instead of the policy.
    fn stands_in(&self, dane: DaneVerdict) -> bool {
        self.dane_precedence == DanePrecedence::DaneDecides && matches!(dane, DaneVerdict::Passed)
    }

    fn policy(&self) -> Option<&'a Policy> {
        match self.policy {
            Binding::Policy(policy) => Some(policy),
            Binding::NoPolicy | Binding::Unknown => None,
        }
    }

    fn is_enforced(&self) -> bool {
        self.policy.mode() == Some(Mode::Enforce)
    }

    /// Returns whether the recipient's MTA-STS and DANE must not prevent delivery: the sender asks for that (RFC 8689,
    /// 3), or the message is a report about such a failure (RFC 8460, 5.3.1).
    fn ignores_recipient(&self) -> bool {
        self.message == MessageTls::TlsRequiredNo || self.is_tlsrpt_report
    }

    fn covers(&self, host: &MxHost<'_>) -> bool {
        let covered = |(policy, name): (&Policy, _)| policy.matching_pattern(name).is_some();
        self.policy().zip(host.name).is_some_and(covered)
    }

    /// Returns whether the MX host is authenticated as the recipient's: by DNSSEC, or by a policy (RFC 8689, 4.2.1) in
    /// mode enforce, since only that mode binds its owner.
    fn is_authenticated(&self, host: &MxHost<'_>) -> bool {
        host.dnssec || (self.is_enforced() && self.covers(host))
    }

    /// The row of a skipped host: only the fault for which it was skipped has been checked.
    fn row_without_session(&self, fault: SessionFault) -> Option<TlsrptRow> {
        let policy_type = match fault {
            SessionFault::DaneLookupFailed => PolicyType::Tlsa,
            SessionFault::MxMismatch => PolicyType::Sts,
            _ => return None,
        };
        (!self.is_tlsrpt_report).then_some(TlsrptRow::new(policy_type, Some(fault)))
    }

    /// The rows of a session: one for each type of policy whose result was checked.
    fn session_rows(&self, host: &MxHost<'_>, session: Session) -> Vec<TlsrptRow> {
        let mut rows = Vec::new();
        if self.is_tlsrpt_report {
            return rows;
        }
        let dane = DaneVerdict::of(host.dane, session.tls);
        let is_looked_for = |fault: &Option<SessionFault>| !fault.is_some_and(SessionFault::is_unchecked);
        let dane_fault = match dane {
            DaneVerdict::NotApplicable => None,
            DaneVerdict::Passed => Some(None),
            DaneVerdict::Failed(fault) => Some(Some(fault)),
        };
        rows.extend(dane_fault.filter(is_looked_for).map(|fault| TlsrptRow::new(PolicyType::Tlsa, fault)));
        let row = match self.policy.mode() {
            Some(Mode::Enforce | Mode::Testing) if self.stands_in(dane) => None,
            Some(Mode::Enforce | Mode::Testing) => Some((PolicyType::Sts, self.policy_fault(host, session))),
            // Without a policy to comply with, any encrypted session is a success.
            mode => {
                let fault = if session.tls.is_encrypted() { None } else { session.tls.fault() };
                // A domain that has opted out gets no failures reported (RFC 8461, 6), and what is unknown is not
                // reported to anybody.
                let is_counted = match mode {
                    Some(_) => fault.is_none(),
                    None => !matches!(self.policy, Binding::Unknown),
                };
                (is_counted && dane_fault.is_none()).then_some((PolicyType::NoPolicyFound, fault))
            }
        };
        let row = row.filter(|(_, fault)| is_looked_for(fault));
        rows.extend(row.map(|(policy_type, fault)| TlsrptRow::new(policy_type, fault)));
        rows
    }
}

impl Binding<'_> {
    fn mode(&self) -> Option<Mode> {
        match self {
            Self::Policy(policy) => Some(policy.mode()),
            Self::NoPolicy | Self::Unknown => None,
        }
    }
}

impl TlsrptRow {
    /// The row with these parts: for a program that keeps rows of a [`Delivery`] in a form of its own.
    pub const fn of_parts(
        policy_type: PolicyType,
        result_type: Option<ResultType>,
        reason: Option<SessionFault>,
    ) -> Self {
        Self { policy_type, result_type, reason }
    }

    const fn new(policy_type: PolicyType, reason: Option<SessionFault>) -> Self {
        let result_type = match reason {
            Some(reason) => reason.result_type(),
            None => None,
        };
        Self { policy_type, result_type, reason }
    }
}

/// The result of DANE for a session.
#[derive(Clone, Copy, Debug)]
enum DaneVerdict {
    NotApplicable,
    Passed,
    Failed(SessionFault),
}

impl DaneVerdict {
    /// Without known TLSA records, a pass counts for nothing, and a failure still as a failure.
    const fn of(state: DaneState, tls: TlsResult) -> Self {
        match (state, tls) {
            (DaneState::LookupFailed, _) => Self::Failed(SessionFault::DaneLookupFailed),
            (_, TlsResult::Established(Authentication { dane: DaneResult::Failed, .. })) => {
                Self::Failed(SessionFault::DaneFailed)
            }
            (DaneState::NotApplicable, _) => Self::NotApplicable,
            (DaneState::Usable, TlsResult::Established(Authentication { dane: DaneResult::Passed, .. })) => {
                Self::Passed
            }
            (DaneState::Usable, TlsResult::Established(_)) => Self::Failed(SessionFault::DaneNotChecked),
            // DANE requires TLS in the first place (RFC 7672, 2.2).
            (DaneState::Usable, TlsResult::NotOffered) => Self::Failed(SessionFault::StarttlsNotOffered),
            (DaneState::Usable, TlsResult::Refused) => Self::Failed(SessionFault::StarttlsRefused),
            (DaneState::Usable, TlsResult::HandshakeFailed) => Self::Failed(SessionFault::TlsHandshake),
            (DaneState::Usable, TlsResult::VersionTooOld) => Self::Failed(SessionFault::TlsVersion),
        }
    }
}

impl SessionFault {
    /// The result type for TLSRPT (RFC 8460, 4.3). TLSRPT has none for REQUIRETLS, nor for what was not checked.
    // Meets A32, R35, R36, R37, R38, R39, R41.
    pub const fn result_type(self) -> Option<ResultType> {
        Some(match self {
            Self::StarttlsNotOffered | Self::StarttlsRefused => ResultType::StarttlsNotSupported,
            Self::CertificateExpired => ResultType::CertificateExpired,
            Self::CertificateHostMismatch => ResultType::CertificateHostMismatch,
            Self::CertificateNotTrusted | Self::CertificateNotYetValid => ResultType::CertificateNotTrusted,
            Self::DaneLookupFailed => ResultType::DnssecInvalid,
            Self::MxMismatch | Self::TlsHandshake | Self::TlsVersion | Self::DaneFailed => {
                ResultType::ValidationFailure
            }
            Self::MxNotAuthenticated
            | Self::RequiretlsNotOffered
            | Self::CertificateNotChecked
            | Self::DaneNotChecked
            | Self::PolicyUnknown => return None,
        })
    }

    /// Returns whether the fault may pass by itself: DNS failed.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::DaneLookupFailed | Self::PolicyUnknown)
    }

    /// Returns whether the sender did not check.
    const fn is_unchecked(self) -> bool {
        matches!(self, Self::CertificateNotChecked | Self::DaneNotChecked | Self::PolicyUnknown)
    }

    /// Returns whether a different policy could change it.
    const fn is_of_policy(self) -> bool {
        !matches!(
            self,
            Self::DaneFailed
                | Self::DaneLookupFailed
                | Self::DaneNotChecked
                | Self::MxNotAuthenticated
                | Self::RequiretlsNotOffered
        )
    }
}

/// Returns whether a message says `TLS-Required: No`: pass the values of all header fields of that name.
///
/// ```
/// use mta_sts_core::tls_required_no;
///
/// assert!(tls_required_no(&[" no\r\n"]));
/// assert!(!tls_required_no(&[" No", " No"]));
/// ```
///
/// A value is the text between the colon and the next field. The line end that closes it and white space before the
/// word are optional, since some libraries remove them, and so are line ends within that white space, which unfolding
/// removes (RFC 5322, 2.2.3).
///
/// There must be exactly one such field, and its value must be `No`, in any case, with nothing after it: no comment and
/// no space (RFC 8689, 3). Anything else counts as no field, since that protects the message.
// Meets Q13, Q14.
pub fn tls_required_no<T: AsRef<[u8]>>(values: &[T]) -> bool {
    match values {
        [value] => after_folding(value_of_field(value.as_ref())).eq_ignore_ascii_case(b"no"),
        _ => false,
    }
}

/// Removes the line end that closes the field: at most one, CRLF or the LF that systems store.
fn value_of_field(value: &[u8]) -> &[u8] {
    value.strip_suffix(b"\r\n").or_else(|| value.strip_suffix(b"\n")).unwrap_or(value)
}

/// Removes leading white space, which may be folded: each line end is followed by white space.
fn after_folding(mut value: &[u8]) -> &[u8] {
    loop {
        value = match value {
            [b' ' | b'\t', rest @ ..]
            | [b'\r', b'\n', b' ' | b'\t', rest @ ..]
            | [b'\n', b' ' | b'\t', rest @ ..] => rest,
            _ => return value,
        };
    }
}

/// Returns whether a DNS-ID of a certificate matches a host, for TLS libraries that do not compare names.
///
/// ```
/// use mta_sts_core::{DnsName, dns_id_matches};
///
/// let host = DnsName::parse("mx1.example.com")?;
/// assert!(dns_id_matches("*.example.com", &host));
/// assert!(!dns_id_matches("mx*.example.com", &host));
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// Only a subjectAltName of type dNSName is a DNS-ID; there is no fall-back to the common name. A star is a wildcard
/// only as the whole first label (RFC 8461, 4.2; RFC 9525, 6.3).
// Meets S46, S47, A23.
pub fn dns_id_matches(dns_id: &str, host: &DnsName) -> bool {
    !dns_id.ends_with('.') && MxPattern::parse(dns_id).is_ok_and(|pattern| pattern.matches(host))
}
