use std::error::Error;
use std::net::SocketAddr;

use crate::tls::{CertificateFault, PeerCertificate, TlsFailure, printable};

/// Why no response was fetched.
///
/// That the policy host has no address is the caller's to know: the fetcher is given addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct PolicyFetchError {
    kind: PolicyFetchErrorKind,
    detail: String,
    peer: Option<SocketAddr>,
    certificate: Option<Box<PeerCertificate>>,
}

impl PolicyFetchError {
    /// What went wrong.
    pub fn kind(&self) -> PolicyFetchErrorKind {
        self.kind
    }

    /// A stable word for it; of a certificate, that of its primary fault.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The address it went wrong at, if one was tried.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The policy host's certificate with all its faults, if TLS failed after it came.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        self.certificate.as_deref()
    }

    pub(super) fn new(kind: PolicyFetchErrorKind, detail: impl AsRef<str>) -> Self {
        Self { kind, detail: printable(detail.as_ref()), peer: None, certificate: None }
    }

    pub(super) fn tls(failure: &TlsFailure) -> Self {
        let kind =
            failure.primary_fault().map_or(PolicyFetchErrorKind::Tls, PolicyFetchErrorKind::Certificate);
        Self {
            certificate: failure.certificate().cloned().map(Box::new),
            ..Self::new(kind, failure.to_string())
        }
    }

    pub(super) fn http(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let error = error.into();
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::new(PolicyFetchErrorKind::Protocol, format!("HTTP: {error}{cause}"))
    }

    pub(super) fn at(self, peer: SocketAddr) -> Self {
        Self { peer: Some(peer), ..self }
    }
}

/// The kinds of [`PolicyFetchError`].
///
/// A certificate fault is an `sts-webpki-invalid` in a TLS report, a local fault is in none, and all others are an
/// `sts-policy-fetch-error` (RFC 8460, 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyFetchErrorKind {
    /// The policy host has only addresses that are refused; see
    /// [`PolicyFetcher::with_private_addresses_refused`](super::PolicyFetcher::with_private_addresses_refused). Nothing was sent.
    AddressRefused,
    /// The body is longer than the limit; nothing of it is given back.
    BodyTooLarge,
    /// Too many other fetches wait for one of the addresses, or need its place: the policy host is not to blame, and may
    /// have a policy. Only a [`Resolver`](crate::Resolver) bounds fetches so.
    Busy,
    /// The certificate of the policy host is not valid for it (RFC 8461, 3.3).
    Certificate(CertificateFault),
    /// No connection: refused, unreachable, no address given.
    Connect,
    /// The policy host is no DNS name; nothing was sent.
    InvalidPolicyHost,
    /// This machine could not ask: it has no more files, ports or memory, or no network, a rule of its own forbids it, or its
    /// proxy opened no tunnel, whatever the proxy says of the reason. The policy host is not to blame.
    LocalFault,
    /// What came is not HTTP, was cut short, or has a header section that is too large.
    Protocol,
    /// The time was up, at whatever step.
    Timeout,
    /// The handshake failed for another reason than the certificate.
    Tls,
}

impl PolicyFetchErrorKind {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::AddressRefused => "policy-host-address-refused",
            Self::BodyTooLarge => "body-too-large",
            Self::Busy => "busy",
            Self::Certificate(fault) => fault.code(),
            Self::Connect => "connect-failed",
            Self::InvalidPolicyHost => "invalid-policy-host",
            Self::LocalFault => "local-fault",
            Self::Protocol => "http-protocol-error",
            Self::Timeout => "timeout",
            Self::Tls => "tls-handshake-failed",
        }
    }

    /// How much it tells, compared with what another address gave.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::AddressRefused | Self::InvalidPolicyHost => 0,
            Self::Connect => 1,
            Self::Timeout => 2,
            Self::Protocol => 3,
            Self::Tls => 4,
            Self::Certificate(_) => 5,
            Self::BodyTooLarge => 6,
            // The address that was not asked might have given the policy.
            Self::Busy | Self::LocalFault => 7,
        }
    }
}
