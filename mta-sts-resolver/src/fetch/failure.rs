use std::error::Error;
use std::net::SocketAddr;

use crate::tls::{CertificateFault, PeerCertificate, TlsFailure, printable};

/// The error of a fetch without a response.
///
/// A policy host without addresses is detected by the caller, since the fetcher is given the addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct PolicyFetchError {
    kind: PolicyFetchErrorKind,
    detail: String,
    peer: Option<SocketAddr>,
    certificate: Option<Box<PeerCertificate>>,
}

impl PolicyFetchError {
    /// The kind of the error.
    pub fn kind(&self) -> PolicyFetchErrorKind {
        self.kind
    }

    /// The stable code; for a certificate, that of its primary fault.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The address at which it occurred, if one was tried.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The certificate of the policy host with all its faults, if TLS failed after receiving it.
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

/// The kind of a [`PolicyFetchError`].
///
/// In a TLS report, a certificate fault is an `sts-webpki-invalid`, a local fault is omitted, and all others are an
/// `sts-policy-fetch-error` (RFC 8460, 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyFetchErrorKind {
    /// The policy host has only addresses that are refused; see
    /// [`PolicyFetcher::with_private_addresses_refused`](super::PolicyFetcher::with_private_addresses_refused). Nothing
    /// was sent.
    AddressRefused,
    /// The body is longer than the limit, and was discarded.
    BodyTooLarge,
    /// Too many other fetches are waiting for one of the addresses, or this one was aborted in favour of others: the
    /// policy host is not at fault, and may have a policy. This occurs only with the limits of a
    /// [`Resolver`](crate::Resolver).
    Busy,
    /// The certificate of the policy host is not valid for it (RFC 8461, 3.3).
    Certificate(CertificateFault),
    /// No connection could be made: it was refused, the address is unreachable, or there is no address.
    Connect,
    /// The policy host is not a DNS name; nothing was sent.
    InvalidPolicyHost,
    /// This machine could not send the request: it has run out of files, ports, or memory, has no network, its firewall
    /// forbids it, or its proxy opened no tunnel, whatever reason the proxy gives. The policy host is not at fault.
    LocalFault,
    /// The response is not HTTP, is truncated, or has an oversized header section.
    Protocol,
    /// The time limit was reached, at any step.
    Timeout,
    /// The handshake failed for a reason other than the certificate.
    Tls,
}

impl PolicyFetchErrorKind {
    /// The stable code: a kebab-case word.
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

    /// How informative the kind is, compared with that of another address.
    pub(super) fn weight(self) -> u8 {
        match self {
            Self::AddressRefused | Self::InvalidPolicyHost => 0,
            Self::Connect => 1,
            Self::Timeout => 2,
            Self::Protocol => 3,
            Self::Tls => 4,
            Self::Certificate(_) => 5,
            Self::BodyTooLarge => 6,
            // The address that was not tried might have given the policy.
            Self::Busy | Self::LocalFault => 7,
        }
    }
}
