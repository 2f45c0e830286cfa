use std::fmt;
use std::sync::{Arc, OnceLock};

use mta_sts_core::CertificateResult;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::extensions::GeneralName;

use super::chain::CertificateChain;
use super::printable::printable;

/// A fault of a server's certificate.
///
/// A certificate may have several faults. They are ordered as declared here, and the first is the primary one: the one
/// to report if only one can be reported (RFC 8460, 4.3). So an expired certificate of an unknown issuer and for
/// another host counts as expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is not an X.509 certificate, or cannot be parsed; nothing else is checked then.
    Malformed,
    /// It has expired, or a certificate between it and the root has.
    Expired,
    /// It is not valid yet, or a certificate between it and the root is not.
    NotYetValid,
    /// It has been revoked, or its revocation status is required and unknown.
    Revoked,
    /// It does not chain to a trusted root: unknown issuer, bad signature, name constraints, wrong purpose.
    NotTrusted,
    /// None of its DNS-IDs matches the host's name (RFC 8461, 4.2); the Common Name does not count.
    HostMismatch,
}

impl CertificateFault {
    /// The stable code: the result type of RFC 8460, 4.3.1, if there is one for the fault.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "certificate-malformed",
            Self::Expired => "certificate-expired",
            Self::NotYetValid => "certificate-not-yet-valid",
            Self::Revoked => "certificate-revoked",
            Self::NotTrusted => "certificate-not-trusted",
            Self::HostMismatch => "certificate-host-mismatch",
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the certificate is malformed",
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::Revoked => "the certificate has been revoked",
            Self::NotTrusted => "the certificate does not chain to a trusted root",
            Self::HostMismatch => "the certificate is for another host",
        })
    }
}

/// The certificate that a server presented, with its faults.
///
/// Everything in it except the faults is unverified once there is a fault. It is parsed on demand: a daemon that
/// fetches policies shows it to nobody.
#[derive(Clone, Debug)]
pub struct PeerCertificate {
    faults: Vec<CertificateFault>,
    /// The server's own first.
    sent: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
    shown: OnceLock<Shown>,
}

/// The parsed contents of a certificate.
#[derive(Clone, Debug, Default)]
struct Shown {
    dns_names: Vec<String>,
    subject: String,
    issuer: String,
    not_before: i64,
    not_after: i64,
    chain: CertificateChain,
}

impl PeerCertificate {
    /// All faults, the primary one first; empty if the certificate is valid.
    pub fn faults(&self) -> &[CertificateFault] {
        &self.faults
    }

    /// The fault to report if only one can be reported; `None` if the certificate is valid.
    pub fn primary_fault(&self) -> Option<CertificateFault> {
        self.faults.first().copied()
    }

    /// The result for policy application.
    pub fn result(&self) -> CertificateResult {
        match self.primary_fault() {
            None => CertificateResult::Valid,
            Some(CertificateFault::Expired) => CertificateResult::Expired,
            Some(CertificateFault::NotYetValid) => CertificateResult::NotYetValid,
            Some(CertificateFault::HostMismatch) => CertificateResult::HostMismatch,
            Some(_) => CertificateResult::NotTrusted,
        }
    }

    /// Returns whether it is unexpired, trusted, and valid for the host (RFC 8461, 4.2).
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// The DNS names in its subjectAltName, as presented, at most 100.
    pub fn dns_names(&self) -> &[String] {
        &self.shown().dns_names
    }

    /// Its subject, for people.
    pub fn subject(&self) -> &str {
        &self.shown().subject
    }

    /// Its issuer, for people.
    pub fn issuer(&self) -> &str {
        &self.shown().issuer
    }

    /// The start of its validity, in seconds since 1970-01-01T00:00:00Z; 0 if it is malformed.
    pub fn not_before(&self) -> i64 {
        self.shown().not_before
    }

    /// The end of its validity, in seconds since 1970-01-01T00:00:00Z; 0 if it is malformed.
    pub fn not_after(&self) -> i64 {
        self.shown().not_after
    }

    /// The chain: this certificate and those that came with it.
    pub fn chain(&self) -> &CertificateChain {
        &self.shown().chain
    }

    /// The first end of its validity or of that of a certificate in its chain, in seconds since 1970-01-01T00:00:00Z.
    pub(crate) fn first_end(&self) -> i64 {
        self.chain().not_after().unwrap_or(self.not_after())
    }

    /// Returns whether it or its chain ends before a third of its life is left, when most tools have renewed it: certificates of six
    /// days after four, those of ninety after sixty.
    pub(crate) fn is_in_last_third(&self, now: i64) -> bool {
        self.first_end().saturating_sub(now) < self.not_after().saturating_sub(self.not_before()) / 3
    }

    pub(super) fn new(
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        faults: Vec<CertificateFault>,
        roots: Arc<RootCertStore>,
    ) -> Self {
        let sent = std::iter::once(end_entity).chain(intermediates).take(MAX_SENT);
        let sent = sent.map(|der| CertificateDer::clone(der).into_owned()).collect();
        Self { faults, sent, roots, shown: OnceLock::new() }
    }

    fn shown(&self) -> &Shown {
        self.shown.get_or_init(|| Shown::of(&self.sent, &self.roots))
    }
}

impl PartialEq for PeerCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.faults == other.faults && self.sent == other.sent
    }
}

impl Eq for PeerCertificate {}

impl Shown {
    fn of(sent: &[CertificateDer<'_>], roots: &RootCertStore) -> Self {
        let parsed = sent.first().and_then(|der| x509_parser::parse_x509_certificate(der).ok());
        let Some((_, certificate)) = parsed else { return Self::default() };
        let dns_names = match certificate.subject_alternative_name() {
            Ok(Some(names)) => names.value.general_names.iter().filter_map(dns_name).take(100).collect(),
            _ => Vec::new(),
        };
        Self {
            dns_names,
            subject: printable(&certificate.subject().to_string()),
            issuer: printable(&certificate.issuer().to_string()),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            chain: CertificateChain::new(sent, roots),
        }
    }
}

/// All faults of a certificate, the primary one first, each with the error that would end the handshake.
///
/// `webpki` stops at the first fault. The name is therefore checked separately, and a chain that fails because of dates
/// is verified again at a time that they allow.
pub(super) fn check(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    host: &ServerName<'_>,
    now: UnixTime,
    roots: &RootCertStore,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Vec<(CertificateFault, rustls::Error)> {
    let mut faults: Vec<(CertificateFault, rustls::Error)> = Vec::new();
    let mut note = |error: rustls::Error| {
        let fault = fault_of(&error);
        if !faults.iter().any(|(known, _)| *known == fault) {
            faults.push((fault, error));
        }
    };

    let parsed = match ParsedCertificate::try_from(end_entity) {
        Ok(parsed) => parsed,
        Err(error) => return vec![(fault_of(&error), error)],
    };
    let chain_at =
        |time| verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, time, algorithms.all);

    if let Err(error) = chain_at(now) {
        let allowed = time_allowed_by(&error);
        note(error);
        // Each certificate of the chain may move the time once; a date fault at a time other than now is ignored.
        let mut time = allowed;
        for _ in 0..=MAX_INTERMEDIATES {
            let Some(error) = time.and_then(|time| chain_at(time).err()) else { break };
            time = time_allowed_by(&error);
            if time.is_none() {
                note(error);
            }
        }
    }
    if let Err(error) = verify_server_name(&parsed, host) {
        note(error);
    }

    faults.sort_by_key(|(fault, _)| *fault);
    faults
}

fn fault_of(error: &rustls::Error) -> CertificateFault {
    let rustls::Error::InvalidCertificate(error) = error else { return CertificateFault::NotTrusted };
    match error {
        CertificateError::BadEncoding => CertificateFault::Malformed,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::Revoked
        | CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. } => CertificateFault::Revoked,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::HostMismatch
        }
        _ => CertificateFault::NotTrusted,
    }
}

/// The nearest time at which the certificate that failed because of its dates is valid.
fn time_allowed_by(error: &rustls::Error) -> Option<UnixTime> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(*not_after)
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            Some(*not_before)
        }
        _ => None,
    }
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        _ => None,
    }
}

/// `webpki` follows chains up to this length.
const MAX_INTERMEDIATES: usize = 6;
/// More than any server sends.
const MAX_SENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_parsed_is_malformed_and_shows_nothing() {
        let certificate = CertificateDer::from(&b"not X.509"[..]);
        let host = ServerName::try_from("mx1.recipient.test").unwrap();
        let roots = Arc::new(RootCertStore::empty());
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let faults = check(&certificate, &[], &host, UnixTime::now(), &roots, &algorithms);
        let faults: Vec<_> = faults.into_iter().map(|(fault, _)| fault).collect();
        assert_eq!(faults, [CertificateFault::Malformed]);
        let shown = PeerCertificate::new(&certificate, &[], faults, roots);
        assert_eq!((shown.subject(), shown.dns_names(), shown.not_after()), ("", &[][..], 0));
    }
}
