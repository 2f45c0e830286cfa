use core::fmt;

use super::{PolicyType, ResultType};
use crate::error::{FetchErrorKind, PolicyErrorKind, RecordErrorKind};
use crate::lint::{self, FindingKind};

/// An explanation of a failure in a TLS report: its cause, who has to act, and how to fix it.
///
/// ```
/// use mta_sts_core::tlsrpt::{Hint, Whose};
/// use mta_sts_core::{PolicyType, ResultType};
///
/// // What Postfix says of a certificate whose issuer OpenSSL does not find.
/// let reason = "unable_to_get_local_issuer_certificate";
/// let hint = Hint::explain(PolicyType::Sts, ResultType::ValidationFailure, reason);
/// assert_eq!(hint, Hint::ISSUER_UNKNOWN);
/// assert_eq!(hint.whose(), Whose::Owner);
/// println!("{} {}", hint.cause(), hint.fix());
/// ```
///
/// There are only a dozen result types, and most certificate failures share two of them. The reason has more
/// detail, in the sender's own words: this crate knows those of itself, Postfix, OpenSSL, Microsoft, mox,
/// Stalwart, and programs in Go. An unknown reason is ignored.
///
/// Two hints are equal if their [`code`](Self::code)s are: the same fault, whatever the sender calls it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Hint {
    code: &'static str,
    whose: Whose,
    cause: &'static str,
    fix: &'static str,
}

/// Who has to act on a failure.
///
/// ```
/// use mta_sts_core::tlsrpt::{Hint, Whose};
/// use mta_sts_core::{PolicyType, ResultType};
///
/// // mox found no root certificates on its own machine.
/// let hint = Hint::explain(PolicyType::Sts, ResultType::CertificateNotTrusted, "no-system-roots");
/// assert_eq!(hint.whose(), Whose::Sender);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Whose {
    /// The operator of the domain, its mail hosts, its policy host, or their DNS.
    Owner,
    /// The sender of the report.
    Sender,
    /// The report does not tell: the owner, the sender, or something between them.
    Unclear,
}

impl Whose {
    /// The word: `owner`, `sender`, or `unclear`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Sender => "sender",
            Self::Unclear => "unclear",
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Hint {
    /// Explains a failure in a report by its policy type, its result type, and its `failure-reason-code`.
    ///
    /// Pass `None` for a type that RFC 8460 does not register, and an empty reason for none. The first 256
    /// octets of a reason are used; case, underscores, and white space make no difference. It takes time
    /// linear in the length, and does not allocate.
    pub fn explain(
        policy_type: impl Into<Option<PolicyType>>,
        result_type: impl Into<Option<ResultType>>,
        reason: &str,
    ) -> Self {
        let result_type = result_type.into();
        let hint = match result_type {
            Some(result_type) if is_precise(result_type) => Self::of_result_type(result_type),
            Some(
                result_type @ (ResultType::StsPolicyFetchError
                | ResultType::StsPolicyInvalid
                | ResultType::StsWebpkiInvalid),
            ) => of_discovery(reason).unwrap_or(Self::of_result_type(result_type)),
            Some(result_type) => of_session(reason).unwrap_or(Self::of_result_type(result_type)),
            None => of_session(reason).or_else(|| of_discovery(reason)).unwrap_or(Self::UNKNOWN_RESULT),
        };
        if policy_type.into() == Some(PolicyType::Tlsa) { hint.under_dane() } else { hint }
    }

    /// The hint for a result type alone.
    const fn of_result_type(result_type: ResultType) -> Self {
        match result_type {
            ResultType::StarttlsNotSupported => Self::STARTTLS_NOT_OFFERED,
            ResultType::CertificateHostMismatch => Self::CERTIFICATE_HOST_MISMATCH,
            ResultType::CertificateNotTrusted => Self::CERTIFICATE_NOT_TRUSTED,
            ResultType::CertificateExpired => Self::CERTIFICATE_EXPIRED,
            ResultType::ValidationFailure => Self::VALIDATION_FAILURE,
            ResultType::StsPolicyFetchError => Self::POLICY_FETCH_FAILED,
            ResultType::StsPolicyInvalid => Self::POLICY_INVALID,
            ResultType::StsWebpkiInvalid => Self::POLICY_HOST_CERTIFICATE_NOT_TRUSTED,
            ResultType::TlsaInvalid => Self::DANE_MISMATCH,
            ResultType::DnssecInvalid => Self::DANE_BOGUS,
            ResultType::DaneRequired => Self::DANE_REQUIRED,
        }
    }

    /// With TLSA records public CAs do not matter: an untrusted certificate does not match them.
    fn under_dane(self) -> Self {
        const TRUST: [Hint; 6] = [
            Hint::CERTIFICATE_NOT_TRUSTED,
            Hint::CERTIFICATE_SELF_SIGNED,
            Hint::ISSUER_UNKNOWN,
            Hint::CHAIN_INCOMPLETE,
            Hint::CHAIN_INVALID,
            Hint::CERTIFICATE_HOST_MISMATCH,
        ];
        if TRUST.contains(&self) { Self::DANE_MISMATCH } else { self }
    }

    /// The hint for the Policy Host, given that for an MX host.
    fn at_policy_host(self) -> Self {
        if self == Self::CERTIFICATE_EXPIRED {
            Self::POLICY_HOST_CERTIFICATE_EXPIRED
        } else if self == Self::CERTIFICATE_HOST_MISMATCH {
            Self::POLICY_HOST_CERTIFICATE_HOST_MISMATCH
        } else if self == Self::TLS_HANDSHAKE_FAILED || self == Self::TLS_TOO_OLD {
            Self::POLICY_HOST_TLS_FAILED
        } else if self == Self::SENDER_FAULT || self == Self::DNSSEC_BOGUS {
            self
        } else {
            Self::POLICY_HOST_CERTIFICATE_NOT_TRUSTED
        }
    }

    /// The hint for a fault that `lint` finds too.
    const fn of_finding(kind: FindingKind) -> Self {
        Self { code: kind.code(), whose: Whose::Owner, cause: kind.message(), fix: lint::help_of(kind) }
    }

    /// The hint with this code, including those of [`lint`](crate::lint).
    pub fn from_code(code: &str) -> Option<Self> {
        let hint = Self::ALL.iter().find(|hint| hint.code == code).copied();
        let finding = || FindingKind::from_code(code).filter(|kind| !kind.is_of_report());
        hint.or_else(|| finding().map(Self::of_finding))
    }

    /// Returns whether it concerns only DANE or DNSSEC, which the mode of a policy does not affect.
    #[cfg(feature = "tlsrpt")]
    pub(super) fn is_of_dane(self) -> bool {
        self.code.starts_with("dane-") || self == Self::DNSSEC_BOGUS
    }

    /// The stable code: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Who has to act.
    pub const fn whose(&self) -> Whose {
        self.whose
    }

    /// A one-sentence description of what happened.
    pub const fn cause(&self) -> &'static str {
        self.cause
    }

    /// How to fix it, in one sentence addressed to the owner of the domain.
    pub const fn fix(&self) -> &'static str {
        self.fix
    }
}

impl PartialEq for Hint {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Hint {}

impl PartialOrd for Hint {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hint {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.code.cmp(other.code)
    }
}

impl core::hash::Hash for Hint {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.code.hash(state);
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.cause, self.fix)
    }
}

/// Returns whether a reason could not make the result type more precise.
const fn is_precise(result_type: ResultType) -> bool {
    matches!(
        result_type,
        ResultType::CertificateExpired | ResultType::CertificateHostMismatch | ResultType::DaneRequired
    )
}

/// The hint for a reason about a session with an MX host.
fn of_session(reason: &str) -> Option<Hint> {
    let words = Words::of(reason);
    words.find(SESSION).or_else(|| words.find(CERTIFICATE))
}

/// The hint for a reason about the discovery of a policy.
fn of_discovery(reason: &str) -> Option<Hint> {
    let words = Words::of(reason);
    // Our reasons are a code alone.
    let code = core::str::from_utf8(words.as_slice()).unwrap_or_default();
    let policy = || PolicyErrorKind::from_code(code).map(FindingKind::Policy);
    let record = || RecordErrorKind::from_code(code).map(FindingKind::Record);
    let finding = FetchErrorKind::from_code(code).map(FindingKind::Fetch).or_else(policy).or_else(record);
    let known = || words.find(DISCOVERY).or_else(|| words.find(CERTIFICATE).map(Hint::at_policy_host));
    finding.map(Hint::of_finding).or_else(known)
}

/// A reason in lower case, with each run of characters other than letters and digits as one hyphen.
struct Words {
    octets: [u8; Self::MAX],
    len: usize,
}

impl Words {
    const MAX: usize = 256;

    fn of(reason: &str) -> Self {
        let mut words = Self { octets: [0; Self::MAX], len: 0 };
        for octet in reason.bytes().take(Self::MAX) {
            if octet.is_ascii_alphanumeric() {
                words.push(octet.to_ascii_lowercase());
            } else if octet != b'\'' && words.as_slice().last().is_some_and(|last| *last != b'-') {
                words.push(b'-');
            }
        }
        if words.as_slice().last() == Some(&b'-') {
            words.len -= 1;
        }
        words
    }

    // No more octets are read than there is room for.
    fn push(&mut self, octet: u8) {
        self.octets[self.len] = octet;
        self.len += 1;
    }

    fn as_slice(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    /// The hint of the first entry whose words occur in the reason.
    fn find(&self, table: &[(&str, Hint)]) -> Option<Hint> {
        table.iter().find(|(words, _)| self.contains(words.as_bytes())).map(|(_, hint)| *hint)
    }

    fn contains(&self, words: &[u8]) -> bool {
        let own = self.as_slice();
        let is_edge = |at: Option<&u8>| at.is_none_or(|octet| *octet == b'-');
        own.windows(words.len()).enumerate().any(|(at, window)| {
            window == words
                && is_edge(at.checked_sub(1).and_then(|before| own.get(before)))
                && is_edge(own.get(at + words.len()))
        })
    }
}

/// Phrases of senders about sessions with MX hosts, the more precise ones first.
#[rustfmt::skip]
const SESSION: &[(&str, Hint)] = &[
    // Ours.
    ("mx-mismatch", Hint::MX_MISMATCH),
    ("starttls-not-offered", Hint::STARTTLS_NOT_OFFERED),
    ("starttls-refused", Hint::STARTTLS_REFUSED),
    ("tls-handshake-failed", Hint::TLS_HANDSHAKE_FAILED),
    ("tls-version-too-old", Hint::TLS_TOO_OLD),
    ("dane-failed", Hint::DANE_MISMATCH),
    ("dane-lookup-failed", Hint::DANE_LOOKUP_FAILED),
    ("certificate-not-checked", Hint::SENDER_FAULT),
    ("dane-not-checked", Hint::SENDER_FAULT),
    ("policy-unknown", Hint::RECORD_LOOKUP_FAILED),
    ("mx-not-authenticated", Hint::MX_NOT_AUTHENTICATED),
    ("requiretls-not-offered", Hint::REQUIRETLS_NOT_OFFERED),
    // Microsoft.
    ("mx-hosts-mismatch", Hint::MX_MISMATCH),
    ("failed-mta-sts-validation", Hint::MX_MISMATCH),
    // Stalwart.
    ("mx-not-authorized", Hint::MX_MISMATCH),
    ("invalid-tlsa-record", Hint::DANE_UNUSABLE),
    ("bogus-tlsa-records", Hint::DANE_BOGUS),
    ("bogus-mx-records", Hint::DNSSEC_BOGUS),
    ("no-tlsa-dnssec-records", Hint::DANE_REQUIRED),
    ("no-tlsa-records-found", Hint::DANE_REQUIRED),
    ("not-in-a-dnssec-signed-zone", Hint::DANE_REQUIRED),
    ("no-matching-certificates", Hint::DANE_MISMATCH),
    // mox.
    ("dane-no-match", Hint::DANE_MISMATCH),
    ("all-unusable-records", Hint::DANE_UNUSABLE),
    ("starttls-reply-code", Hint::STARTTLS_REFUSED),
    ("io-timeout-during-handshake", Hint::HANDSHAKE_INTERRUPTED),
    ("connection-closed-during-handshake", Hint::HANDSHAKE_INTERRUPTED),
    ("alert-70", Hint::TLS_TOO_OLD),
    ("tls-remote-alert", Hint::TLS_HANDSHAKE_FAILED),
    ("tls-remote-error", Hint::TLS_HANDSHAKE_FAILED),
    ("tls-local-alert", Hint::TLS_HANDSHAKE_FAILED),
    ("tls-record-header-error", Hint::TLS_HANDSHAKE_FAILED),
    // Postfix.
    ("all-tlsa-records-unusable", Hint::DANE_UNUSABLE),
    ("all-trust-anchors-unusable", Hint::SENDER_FAULT),
    ("all-fingerprints-unusable", Hint::SENDER_FAULT),
    // OpenSSL, of DANE.
    ("no-matching-dane-tlsa-records", Hint::DANE_MISMATCH),
    // Common words.
    ("timeout", Hint::HANDSHAKE_INTERRUPTED),
    ("timed-out", Hint::HANDSHAKE_INTERRUPTED),
];

/// Phrases about certificates and handshakes, of an MX host or of a Policy Host, the more precise ones first.
#[rustfmt::skip]
const CERTIFICATE: &[(&str, Hint)] = &[
    // OpenSSL: the message, and the name of the error number.
    ("unable-to-get-local-issuer-certificate", Hint::ISSUER_UNKNOWN),
    ("unable-to-get-issuer-certificate", Hint::ISSUER_UNKNOWN),
    ("unable-to-get-issuer-cert", Hint::ISSUER_UNKNOWN),
    ("unable-to-verify-the-first-certificate", Hint::ISSUER_UNKNOWN),
    ("unable-to-verify-leaf-signature", Hint::ISSUER_UNKNOWN),
    ("self-signed-certificate-in-certificate-chain", Hint::CERTIFICATE_NOT_TRUSTED),
    ("self-signed-cert-in-chain", Hint::CERTIFICATE_NOT_TRUSTED),
    ("self-signed", Hint::CERTIFICATE_SELF_SIGNED),
    ("not-yet-valid-or-the-system-clock-is-incorrect", Hint::CERTIFICATE_NOT_YET_VALID),
    ("ocsp", Hint::REVOCATION_UNKNOWN),
    ("crl", Hint::REVOCATION_UNKNOWN),
    ("crls", Hint::REVOCATION_UNKNOWN),
    ("format-error-in-certificates", Hint::CERTIFICATE_MALFORMED),
    ("error-in-cert-not-before-field", Hint::CERTIFICATE_MALFORMED),
    ("error-in-cert-not-after-field", Hint::CERTIFICATE_MALFORMED),
    ("certificate-signature-failure", Hint::CERTIFICATE_MALFORMED),
    ("cert-signature-failure", Hint::CERTIFICATE_MALFORMED),
    ("unable-to-decrypt-certificates-signature", Hint::CERTIFICATE_MALFORMED),
    ("unable-to-decrypt-cert-signature", Hint::CERTIFICATE_MALFORMED),
    ("unhandled-critical-extension", Hint::CERTIFICATE_MALFORMED),
    ("invalid-or-inconsistent-certificate-extension", Hint::CERTIFICATE_MALFORMED),
    ("invalid-extension", Hint::CERTIFICATE_MALFORMED),
    ("empty-subject-alternative-name-extension", Hint::CERTIFICATE_MALFORMED),
    ("subject-name-empty", Hint::CERTIFICATE_MALFORMED),
    ("invalid-or-inconsistent-certificate-policy-extension", Hint::CERTIFICATE_MALFORMED),
    ("invalid-policy-extension", Hint::CERTIFICATE_MALFORMED),
    ("missing-authority-key-identifier", Hint::CERTIFICATE_MALFORMED),
    ("missing-subject-key-identifier", Hint::CERTIFICATE_MALFORMED),
    ("unsuitable-certificate-purpose", Hint::CERTIFICATE_PURPOSE),
    ("invalid-purpose", Hint::CERTIFICATE_PURPOSE),
    ("key-usage-does-not-include-digital-signature", Hint::CERTIFICATE_PURPOSE),
    ("keyusage-no-digital-signature", Hint::CERTIFICATE_PURPOSE),
    ("key-too-weak", Hint::CERTIFICATE_WEAK),
    ("key-too-small", Hint::CERTIFICATE_WEAK),
    ("digest-algorithm-too-weak", Hint::CERTIFICATE_WEAK),
    ("md-too-weak", Hint::CERTIFICATE_WEAK),
    ("explicit-ecc-parameters", Hint::CERTIFICATE_WEAK),
    ("ec-key-explicit-params", Hint::CERTIFICATE_WEAK),
    ("cannot-find-certificate-signature-algorithm", Hint::CERTIFICATE_WEAK),
    ("unsupported-signature-algorithm", Hint::CERTIFICATE_WEAK),
    ("certificate-chain-too-long", Hint::CHAIN_INVALID),
    ("cert-chain-too-long", Hint::CHAIN_INVALID),
    ("path-length-constraint-exceeded", Hint::CHAIN_INVALID),
    ("path-length-exceeded", Hint::CHAIN_INVALID),
    ("path-length-invalid-for-non-ca-cert", Hint::CHAIN_INVALID),
    ("path-loop", Hint::CHAIN_INVALID),
    ("unable-to-decode-issuer-public-key", Hint::CHAIN_INVALID),
    ("issuer-certificate-doesnt-have-a-public-key", Hint::CHAIN_INVALID),
    ("no-issuer-public-key", Hint::CHAIN_INVALID),
    ("invalid-ca-certificate", Hint::CHAIN_INVALID),
    ("invalid-ca", Hint::CHAIN_INVALID),
    ("invalid-non-ca-certificate", Hint::CHAIN_INVALID),
    ("subject-issuer-mismatch", Hint::CHAIN_INVALID),
    ("key-identifier-mismatch", Hint::CHAIN_INVALID),
    ("issuer-serial-number-mismatch", Hint::CHAIN_INVALID),
    ("key-usage-does-not-include-certificate-signing", Hint::CHAIN_INVALID),
    ("permitted-subtree-violation", Hint::CHAIN_INVALID),
    ("excluded-subtree-violation", Hint::CHAIN_INVALID),
    ("proxy-certificates-not-allowed-please-set-the-appropriate-flag", Hint::CHAIN_INVALID),
    ("certificate-transparency-required-but-no-valid-scts-found", Hint::CERTIFICATE_NOT_TRUSTED),
    ("no-valid-scts", Hint::CERTIFICATE_NOT_TRUSTED),
    ("hostname-mismatch", Hint::CERTIFICATE_HOST_MISMATCH),
    ("raw-public-key-untrusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("rpk-untrusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("cert-untrusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("certificate-rejected", Hint::CERTIFICATE_NOT_TRUSTED),
    ("cert-rejected", Hint::CERTIFICATE_NOT_TRUSTED),
    ("out-of-memory", Hint::SENDER_FAULT),
    ("out-of-mem", Hint::SENDER_FAULT),
    ("invalid-certificate-verification-context", Hint::SENDER_FAULT),
    ("invalid-call", Hint::SENDER_FAULT),
    ("issuer-certificate-lookup-error", Hint::SENDER_FAULT),
    ("store-lookup", Hint::SENDER_FAULT),
    ("application-verification", Hint::SENDER_FAULT),
    // Go, verbatim and as written by mox.
    ("no-system-roots", Hint::SENDER_FAULT),
    ("failed-to-load-system-roots", Hint::SENDER_FAULT),
    ("signed-by-unknown-authority", Hint::ISSUER_UNKNOWN),
    ("certificate-is-valid-for", Hint::CERTIFICATE_HOST_MISMATCH),
    ("certificate-is-not-valid-for-any-names", Hint::CERTIFICATE_HOST_MISMATCH),
    ("doesnt-contain-any-ip-sans", Hint::CERTIFICATE_HOST_MISMATCH),
    ("certificate-relies-on-legacy-common-name-field", Hint::CERTIFICATE_HOST_MISMATCH),
    ("not-authorized-to-sign", Hint::CHAIN_INVALID),
    ("ca-not-authorized", Hint::CHAIN_INVALID),
    ("too-many-intermediates", Hint::CHAIN_INVALID),
    ("parent-subject-child-issuer-mismatch", Hint::CHAIN_INVALID),
    ("name-constraint-without-sans", Hint::CHAIN_INVALID),
    ("unconstrained-name", Hint::CHAIN_INVALID),
    ("too-many-constraints", Hint::CHAIN_INVALID),
    ("incompatible-key-usage", Hint::CERTIFICATE_PURPOSE),
    ("is-not-yet-valid", Hint::CERTIFICATE_NOT_YET_VALID),
    ("extended-error", Hint::DNSSEC_BOGUS),
    ("extended-dns-error", Hint::DNSSEC_BOGUS),
    // Momentum, GnuTLS, rustls, Schannel.
    ("certificate-subject-does-not-match-host", Hint::CERTIFICATE_HOST_MISMATCH),
    ("does-not-match-hostname", Hint::CERTIFICATE_HOST_MISMATCH),
    ("not-valid-for-name", Hint::CERTIFICATE_HOST_MISMATCH),
    ("notvalidforname", Hint::CERTIFICATE_HOST_MISMATCH),
    ("notvalidyet", Hint::CERTIFICATE_NOT_YET_VALID),
    ("not-activated", Hint::CERTIFICATE_NOT_YET_VALID),
    ("unknownissuer", Hint::ISSUER_UNKNOWN),
    ("unknown-issuer", Hint::ISSUER_UNKNOWN),
    ("issuer-is-unknown", Hint::ISSUER_UNKNOWN),
    ("unknown-ca", Hint::ISSUER_UNKNOWN),
    ("untrustedroot", Hint::CERTIFICATE_NOT_TRUSTED),
    ("untrusted-root", Hint::CERTIFICATE_NOT_TRUSTED),
    // Common words.
    ("certificate-not-yet-valid", Hint::CERTIFICATE_NOT_YET_VALID),
    ("cert-not-yet-valid", Hint::CERTIFICATE_NOT_YET_VALID),
    ("certificate-has-expired", Hint::CERTIFICATE_EXPIRED),
    ("cert-has-expired", Hint::CERTIFICATE_EXPIRED),
    ("certificate-expired", Hint::CERTIFICATE_EXPIRED),
    ("expired-certificate", Hint::CERTIFICATE_EXPIRED),
    ("revoked", Hint::CERTIFICATE_REVOKED),
    ("certificate-host-mismatch", Hint::CERTIFICATE_HOST_MISMATCH),
    ("certificate-mismatch", Hint::CERTIFICATE_HOST_MISMATCH),
    ("certificate-not-trusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("certificate-is-not-trusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("not-trusted", Hint::CERTIFICATE_NOT_TRUSTED),
    ("protocol-version", Hint::TLS_TOO_OLD),
    ("unsupported-protocol", Hint::TLS_TOO_OLD),
    ("no-shared-cipher", Hint::TLS_HANDSHAKE_FAILED),
    ("handshake-failure", Hint::TLS_HANDSHAKE_FAILED),
    ("handshake-failed", Hint::TLS_HANDSHAKE_FAILED),
];

/// Phrases about the discovery of a policy: its record, its Policy Host, the response.
#[rustfmt::skip]
const DISCOVERY: &[(&str, Hint)] = &[
    // Ours.
    ("policy-host-not-found", Hint::POLICY_HOST_NOT_FOUND),
    ("policy-host-dns-failed", Hint::POLICY_HOST_LOOKUP_FAILED),
    ("policy-host-address-refused", Hint::POLICY_HOST_ADDRESS_PRIVATE),
    ("policy-host-certificate-expired", Hint::POLICY_HOST_CERTIFICATE_EXPIRED),
    ("policy-host-certificate-host-mismatch", Hint::POLICY_HOST_CERTIFICATE_HOST_MISMATCH),
    ("policy-host-certificate-not-trusted", Hint::POLICY_HOST_CERTIFICATE_NOT_TRUSTED),
    ("policy-host-tls-failed", Hint::POLICY_HOST_TLS_FAILED),
    ("policy-host-body-too-large", of_fetch(FetchErrorKind::BodyTooLarge)),
    ("http-protocol", Hint::POLICY_HOST_PROTOCOL),
    ("connect-failed", Hint::POLICY_HOST_UNREACHABLE),
    ("local-fault", Hint::SENDER_FAULT),
    ("backing-off", Hint::BACKING_OFF),
    ("invalid-record", Hint::RECORD_INVALID),
    ("fetch-failed", Hint::POLICY_FETCH_FAILED),
    ("dns-failed", Hint::RECORD_LOOKUP_FAILED),
    ("dns-timeout", Hint::RECORD_LOOKUP_FAILED),
    ("dns-servfail", Hint::RECORD_LOOKUP_FAILED),
    ("dns-unusable", Hint::RECORD_LOOKUP_FAILED),
    ("dns-bogus", Hint::DNSSEC_BOGUS),
    // mox.
    ("no-policy-served", Hint::NO_POLICY_SERVED),
    ("back-off-after-recent-fetch-error", Hint::BACKING_OFF),
    ("dns-lookup", Hint::RECORD_LOOKUP_FAILED),
    ("policy-syntax-error", Hint::POLICY_INVALID),
    ("no-mta-sts-dns-txt-record", Hint::of_finding(FindingKind::Record(RecordErrorKind::NoRecord))),
    ("multiple-mta-sts-records", Hint::of_finding(FindingKind::Record(RecordErrorKind::SeveralRecords))),
    ("record-syntax-error", Hint::RECORD_INVALID),
    // Stalwart.
    ("no-policy-was-found", Hint::of_finding(FindingKind::Record(RecordErrorKind::NoRecord))),
    // Programs in Go, which include most reasons from Mail.ru.
    ("no-such-host", Hint::POLICY_HOST_NOT_FOUND),
    ("server-misbehaving", Hint::POLICY_HOST_LOOKUP_FAILED),
    ("connection-refused", Hint::POLICY_HOST_UNREACHABLE),
    ("no-route-to-host", Hint::POLICY_HOST_UNREACHABLE),
    ("network-is-unreachable", Hint::POLICY_HOST_UNREACHABLE),
    ("connection-reset-by-peer", Hint::POLICY_HOST_UNREACHABLE),
    ("context-deadline-exceeded", Hint::POLICY_HOST_TIMEOUT),
    ("client-timeout-exceeded", Hint::POLICY_HOST_TIMEOUT),
    ("i-o-timeout", Hint::POLICY_HOST_TIMEOUT),
    ("tls-handshake-timeout", Hint::POLICY_HOST_TIMEOUT),
    ("malformed-http", Hint::POLICY_HOST_PROTOCOL),
    ("remote-error-tls", Hint::POLICY_HOST_TLS_FAILED),
    ("first-record-does-not-look-like-a-tls-handshake", Hint::POLICY_HOST_TLS_FAILED),
    // Common words.
    ("host-not-found", Hint::POLICY_HOST_NOT_FOUND),
    ("redirect", of_fetch(FetchErrorKind::Redirect)),
    ("redirects", of_fetch(FetchErrorKind::Redirect)),
    ("404", of_fetch(FetchErrorKind::Status)),
    ("not-found", of_fetch(FetchErrorKind::Status)),
    ("status-code", of_fetch(FetchErrorKind::Status)),
    ("content-type", of_fetch(FetchErrorKind::MediaType)),
    ("timeout", Hint::POLICY_HOST_TIMEOUT),
    ("timed-out", Hint::POLICY_HOST_TIMEOUT),
    ("unexpected-eof", Hint::POLICY_HOST_PROTOCOL),
];

const fn of_fetch(kind: FetchErrorKind) -> Hint {
    Hint::of_finding(FindingKind::Fetch(kind))
}

/// Declares the hints: each with its code, who has to act, its cause, and how to fix it.
macro_rules! hints {
    ($($name:ident = $code:literal, $whose:ident, $cause:literal, $fix:literal;)*) => {
        impl Hint {
            $(
                #[doc = $cause]
                pub const $name: Self = Self { code: $code, whose: Whose::$whose, cause: $cause, fix: $fix };
            )*

            /// Every hint except those of [`lint`](crate::lint), whose codes and sentences are the same
            /// there.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

hints! {
    // STARTTLS and the handshake.
    STARTTLS_NOT_OFFERED = "starttls-not-offered", Owner,
        "The MX host did not offer STARTTLS.",
        "Enable STARTTLS, with a certificate for the host's name; if it is enabled, a firewall that inspects SMTP may remove it on the way.";
    STARTTLS_REFUSED = "starttls-refused", Owner,
        "The MX host offered STARTTLS but rejected the command.",
        "Check the log of the mail server: usually its key or its certificate cannot be read.";
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed", Unclear,
        "The TLS handshake with the MX host failed.",
        "Check the log of the mail server; offer TLS 1.2 and 1.3 with the usual cipher suites.";
    HANDSHAKE_INTERRUPTED = "handshake-interrupted", Unclear,
        "The connection to the MX host broke or timed out in the TLS handshake.",
        "Check the log of the mail server at that time: the cause may be an overloaded host, a connection limit or a firewall.";
    TLS_TOO_OLD = "tls-version-too-old", Owner,
        "The MX host and the sender have no TLS of version 1.2 or later in common.",
        "Offer TLS 1.2 and 1.3; TLS 1.0 and 1.1 are deprecated (RFC 8996).";
    // The certificate of an MX host.
    CERTIFICATE_EXPIRED = "certificate-expired", Owner,
        "The certificate of the MX host has expired.",
        "Renew it, load it into the server, and find out why it was not renewed automatically.";
    CERTIFICATE_EXPIRES_SOON = "certificate-expires-soon", Owner,
        "The certificate of the MX host expires soon.",
        "Renew it now, and set up automatic renewal: most tools renew 30 days before the expiry.";
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid", Owner,
        "The certificate of the MX host is not valid yet.",
        "Wait until then, use the previous certificate, or correct the clock.";
    CERTIFICATE_HOST_MISMATCH = "certificate-host-mismatch", Owner,
        "The certificate of the MX host is for other names.",
        "Get a certificate for exactly this name, or change the MX record to a name in the certificate.";
    CERTIFICATE_NOT_TRUSTED = "certificate-not-trusted", Owner,
        "The certificate of the MX host does not chain to a root that the sender trusts.",
        "Get a certificate from a public CA, such as Let's Encrypt, for the host's name.";
    CERTIFICATE_SELF_SIGNED = "certificate-self-signed", Owner,
        "The certificate of the MX host is self-signed.",
        "Get a certificate from a public CA, such as Let's Encrypt, for the host's name.";
    CHAIN_INCOMPLETE = "chain-incomplete", Owner,
        "The MX host does not send a required intermediate certificate.",
        "Install the whole chain: with certbot, `fullchain.pem` instead of `cert.pem`.";
    ISSUER_UNKNOWN = "issuer-unknown", Owner,
        "The sender does not know the issuer of the certificate: the chain is incomplete, or the CA is not public.",
        "Install the whole chain of a certificate from a public CA: with certbot, `fullchain.pem` instead of `cert.pem`.";
    CHAIN_INVALID = "chain-invalid", Owner,
        "A certificate of the chain is not entitled to issue the next one.",
        "Get a new certificate from a public CA, and install it with its chain.";
    CERTIFICATE_PURPOSE = "certificate-purpose", Owner,
        "The certificate of the MX host is not for TLS servers.",
        "Get a certificate for servers, with the extended key usage `serverAuth`.";
    CERTIFICATE_MALFORMED = "certificate-malformed", Owner,
        "The certificate of the MX host is malformed.",
        "Install a certificate from a public CA.";
    CERTIFICATE_WEAK = "certificate-weak", Owner,
        "A key or a signature in the chain of the MX host is too weak.",
        "Get a certificate with an EC key of 256 bits, or an RSA key of at least 2048 bits, signed with SHA-256.";
    CERTIFICATE_REVOKED = "certificate-revoked", Owner,
        "The certificate of the MX host has been revoked.",
        "Get a new certificate with a new key.";
    REVOCATION_UNKNOWN = "revocation-unknown", Unclear,
        "The sender could not determine whether the certificate has been revoked.",
        "If the certificate requires OCSP stapling, enable that in the server; otherwise the sender's connection to the CA is at fault.";
    // Seen only by a check.
    MX_WITHOUT_ADDRESS = "mx-without-address", Owner,
        "The MX host has no address.",
        "Give the host an A or AAAA record, or remove the MX record.";
    MX_ADDRESS_LOOKUP_FAILED = "mx-address-lookup-failed", Unclear,
        "The addresses of the MX host could not be looked up.",
        "Try again later; if it persists, contact the operator of its name servers.";
    MX_UNREACHABLE = "mx-unreachable", Unclear,
        "The MX host cannot be reached.",
        "Make sure that it listens on port 25; if outgoing port 25 is blocked here, as in many homes and clouds, check from elsewhere.";
    MX_REFUSES = "mx-refuses", Owner,
        "The MX host refuses the session.",
        "If its log says that this client is blocked, check from elsewhere.";
    CLEAR_TEXT_AFTER_STARTTLS = "clear-text-after-starttls", Owner,
        "The MX host sends clear text after its response to STARTTLS.",
        "Update the mail server, or the proxy in front of it.";
    // Requirements on the session.
    MX_MISMATCH = "mx-mismatch", Owner,
        "The policy does not cover the MX host.",
        "Add an `mx` line for it to the policy and change the id of the record; or remove the MX record if the host is not yours.";
    MX_NOT_AUTHENTICATED = "mx-not-authenticated", Owner,
        "The message requires an authenticated MX host, but neither DNSSEC nor a policy authenticates it.",
        "Publish a policy that covers the host, or sign the zone of the domain.";
    REQUIRETLS_NOT_OFFERED = "requiretls-not-offered", Owner,
        "The message requires REQUIRETLS, but the MX host did not offer it.",
        "Enable REQUIRETLS in the mail server, if it supports it; otherwise such mail is returned to its sender.";
    // DANE.
    DANE_MISMATCH = "dane-mismatch", Owner,
        "No TLSA record matches the certificate of the MX host.",
        "Publish a TLSA record `3 1 1` for the current key; before each key change, publish the new record first.";
    DANE_UNUSABLE = "dane-unusable", Owner,
        "None of the TLSA records of the MX host is usable.",
        "Publish TLSA records with usage 3 or 2; 0 and 1 are not for SMTP (RFC 7672, 3.1.3).";
    DANE_WITHOUT_TLS = "dane-without-tls", Owner,
        "The MX host has TLSA records, but no TLS.",
        "Fix STARTTLS, or remove the TLSA records until it works.";
    DANE_LOOKUP_FAILED = "dane-lookup-failed", Owner,
        "The TLSA records of the MX host could not be looked up.",
        "Make sure that the name servers of the zone answer TLSA queries, even if there are no records.";
    DANE_BOGUS = "dane-bogus", Owner,
        "The DNSSEC validation of the MX host's TLSA records failed.",
        "Sign the zone again: usually a signature has expired, or the DS record is for an old key.";
    DANE_REQUIRED = "dane-required", Unclear,
        "The sender requires DANE for the domain, but the MX host has no TLSA records authenticated by DNSSEC.",
        "If you have agreed on DANE, publish TLSA records in a signed zone; otherwise ask the sender not to require it.";
    DNSSEC_BOGUS = "dnssec-bogus", Owner,
        "The DNSSEC validation of an answer of the domain failed.",
        "Sign the zone again: usually a signature has expired, or the DS record is for an old key.";
    // The record and the policy.
    RECORD_LOOKUP_FAILED = "record-lookup-failed", Unclear,
        "The record of the policy could not be looked up.",
        "Try again later; if it persists, contact the operator of the name servers.";
    RECORD_INVALID = "invalid-record", Owner,
        "The MTA-STS record is not valid, or there are several.",
        "Check it with `mtasts lint record`, and keep a single record.";
    POLICY_FETCH_FAILED = "policy-fetch-failed", Unclear,
        "The sender could not fetch the policy.",
        "Run `mtasts check DOMAIN`; if it finds nothing, check whether the policy host was down at that time, or rejects senders.";
    POLICY_HOST_NOT_FOUND = "policy-host-missing", Owner,
        "The policy host has no address.",
        "Give the name an A or AAAA record, or a CNAME record to the host of the policy.";
    POLICY_HOST_LOOKUP_FAILED = "policy-host-lookup-failed", Unclear,
        "The address of the policy host could not be looked up.",
        "Try again later; if it persists, contact the operator of the name servers.";
    POLICY_HOST_ADDRESS_PRIVATE = "policy-host-address-private", Owner,
        "The policy host has only addresses that cannot be reached from the Internet.",
        "Give the name a public address.";
    POLICY_HOST_UNREACHABLE = "policy-host-unreachable", Owner,
        "No connection to the policy host could be made.",
        "Start the web server on port 443 at every address of the name, and open the firewall.";
    POLICY_HOST_TIMEOUT = "policy-host-timeout", Unclear,
        "The policy host did not respond in time.",
        "Make sure that the web server responds on port 443 at every address of the name.";
    POLICY_HOST_TLS_FAILED = "policy-host-tls-failed", Owner,
        "The TLS handshake with the policy host failed.",
        "Offer TLS 1.2 or 1.3 with a certificate for the name of the policy host.";
    POLICY_HOST_CERTIFICATE_EXPIRED = "policy-host-certificate-expired", Owner,
        "The certificate of the policy host has expired.",
        "Renew it, load it into the web server, and find out why it was not renewed automatically.";
    POLICY_HOST_CERTIFICATE_HOST_MISMATCH = "policy-host-certificate-host-mismatch", Owner,
        "The certificate of the policy host is for other names.",
        "Get a certificate for `mta-sts.DOMAIN`, even if the host is an alias of a provider's.";
    POLICY_HOST_CERTIFICATE_NOT_TRUSTED = "policy-host-certificate-not-trusted", Owner,
        "The certificate of the policy host is not valid, or does not chain to a root that the sender trusts.",
        "Get a certificate from a public CA for `mta-sts.DOMAIN`, and install it with its whole chain.";
    POLICY_HOST_PROTOCOL = "policy-host-http-failed", Owner,
        "The response of the policy host is not valid HTTP.",
        "Check the log of the web server.";
    NO_POLICY_SERVED = "no-policy-served", Owner,
        "The policy host does not exist, or has no policy.",
        "Give the policy host an address, and make it serve the policy at `/.well-known/mta-sts.txt` with status 200.";
    POLICY_INVALID = "policy-invalid", Owner,
        "The policy host does not serve a valid policy.",
        "Check it with `mtasts lint policy DOMAIN`.";
    BACKING_OFF = "backing-off", Unclear,
        "The sender failed to fetch the policy recently, and did not try again.",
        "Look for the earlier failure, which has the cause.";
    // Not the owner's fault, or unknown.
    SENDER_FAULT = "sender-fault", Sender,
        "The sender could not check, because of a fault of its own.",
        "You need not fix anything; if it persists, write to the contact address of the report.";
    VALIDATION_FAILURE = "validation-failure", Unclear,
        "The session did not comply with the policy, and the sender does not say why.",
        "Run `mtasts check DOMAIN`; if it finds nothing, and no other sender reports it, see whether it persists.";
    UNKNOWN_RESULT = "unknown-result", Unclear,
        "The sender reports a failure type that RFC 8460 does not define.",
        "Run `mtasts check DOMAIN`; if it finds nothing, ask the contact address of the report what it means.";
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::error::{FetchFailure, NoPolicyKind, SessionFault, TxtFailure};
    use std::collections::BTreeMap;
    use std::string::String;
    use std::vec::Vec;

    fn of_words(result_type: ResultType, reason: &str) -> &'static str {
        Hint::explain(PolicyType::Sts, result_type, reason).code()
    }

    #[test]
    fn every_code_of_ours_is_explained_better_than_its_result_type() {
        let mut unexplained = Vec::new();
        let mut look = |result_type: ResultType, code: &'static str| {
            let hint = Hint::explain(PolicyType::Sts, result_type, code);
            if hint == Hint::VALIDATION_FAILURE
                || hint == Hint::POLICY_INVALID
                || hint == Hint::POLICY_FETCH_FAILED && code != "fetch-failed"
            {
                unexplained.push(code);
            }
        };
        for fault in SessionFault::ALL {
            look(fault.result_type().unwrap_or(ResultType::ValidationFailure), fault.code());
        }
        for failure in FetchFailure::ALL {
            look(failure.result_type(), failure.code());
        }
        for kind in PolicyErrorKind::ALL {
            look(ResultType::StsPolicyInvalid, kind.code());
        }
        let fetch = FetchErrorKind::ALL.iter().map(|kind| kind.code());
        let record = RecordErrorKind::ALL.iter().map(|kind| kind.code());
        let txt = TxtFailure::ALL.iter().map(|kind| kind.code());
        let no_policy = NoPolicyKind::ALL.iter().map(|kind| kind.code());
        for code in fetch.chain(record).chain(txt).chain(no_policy) {
            look(ResultType::StsPolicyFetchError, code);
        }
        assert!(unexplained.is_empty(), "{unexplained:?}");
    }

    #[test]
    fn a_code_has_one_text() {
        let mut texts = BTreeMap::new();
        let tables = [SESSION, CERTIFICATE, DISCOVERY].into_iter().flatten().map(|(_, hint)| hint);
        let findings = FindingKind::all().map(Hint::of_finding).collect::<Vec<_>>();
        for hint in Hint::ALL.iter().chain(tables).chain(&findings) {
            let text = (hint.cause, hint.fix, hint.whose);
            // A hint for which lint has a code is a finding of lint.
            assert_eq!(*texts.entry(hint.code).or_insert(text), text, "{}", hint.code);
        }
        let codes: std::collections::BTreeSet<_> = Hint::ALL.iter().map(Hint::code).collect();
        assert_eq!(codes.len(), Hint::ALL.len());
    }

    #[test]
    fn a_hint_is_two_sentences() {
        for hint in Hint::ALL {
            for sentence in [hint.cause, hint.fix] {
                let inner = sentence.strip_suffix('.').unwrap_or_else(|| panic!("{sentence}"));
                assert!(!inner.contains(". ") && sentence.len() < 160, "{sentence}");
            }
        }
    }

    #[test]
    fn no_line_of_a_table_hides_another() {
        for table in [SESSION, CERTIFICATE, DISCOVERY] {
            for (at, (words, hint)) in table.iter().enumerate() {
                assert_eq!(Words::of(words).as_slice(), words.as_bytes());
                let first = table.iter().position(|(other, _)| Words::of(words).contains(other.as_bytes()));
                let first = first.unwrap_or_else(|| panic!("{words} is not found"));
                assert!(first == at, "{words} ({hint}) is hidden by {}", table[first].0);
            }
        }
    }

    #[test]
    fn words_stand_for_themselves() {
        let session = |reason: &str| of_words(ResultType::ValidationFailure, reason);
        // Neither a part of a word nor a longer word matches.
        assert_eq!(session("crlf"), "validation-failure");
        assert_eq!(session("timeouts"), "validation-failure");
        assert_eq!(session("CRL"), "revocation-unknown");
        assert_eq!(session("--the 'CRL'!"), "revocation-unknown");
        // Anything after the first 256 octets is ignored.
        assert_eq!(session(&std::format!("{} crl", "x".repeat(252))), "revocation-unknown");
        assert_eq!(session(&std::format!("{} crl", "x".repeat(253))), "validation-failure");
        assert_eq!(session(&"\u{e9}\n".repeat(100_000)), "validation-failure");
    }

    #[test]
    fn case_and_the_characters_between_words_make_no_difference() {
        for (words, hint) in CERTIFICATE {
            let reason: String = words.to_uppercase().replace('-', "_ ");
            assert_eq!(of_words(ResultType::ValidationFailure, &reason), hint.code, "{reason}");
        }
    }

    #[test]
    fn under_tlsa_records_no_public_ca_is_asked_for() {
        for reason in ["", "self-signed certificate", "unable_to_get_local_issuer_certificate"] {
            let hint = Hint::explain(PolicyType::Tlsa, ResultType::CertificateNotTrusted, reason);
            assert_eq!(hint, Hint::DANE_MISMATCH);
        }
        let hint = Hint::explain(PolicyType::Tlsa, ResultType::CertificateExpired, "");
        assert_eq!(hint, Hint::CERTIFICATE_EXPIRED);
    }

    #[test]
    fn words_that_nobody_registered_are_explained_by_their_reason() {
        assert_eq!(Hint::explain(None, None, ""), Hint::UNKNOWN_RESULT);
        assert_eq!(Hint::explain(None, None, "mx-mismatch"), Hint::MX_MISMATCH);
        assert_eq!(Hint::explain(PolicyType::Sts, None, "no such host"), Hint::POLICY_HOST_NOT_FOUND);
    }
}
