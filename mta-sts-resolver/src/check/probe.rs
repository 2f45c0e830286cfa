//! Probes how an MX host treats clients other than senders with MTA-STS: older ones, and those without SNI.

use std::net::SocketAddr;

use rustls::pki_types::DnsName;
use tokio::time::{Instant, timeout_at};

use super::session::SessionCheck;
use crate::smtp::{SmtpClient, StarttlsOutcome};
use crate::tls::{DeprecatedTlsVersion, PeerCertificate, TlsFailure, choice_of_deprecated_tls};

/// How an MX host treats clients other than senders with MTA-STS.
///
/// It is probed at the address of its [session](super::HostCheck::session), if TLS was attempted there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct HostProbes {
    /// The versions of TLS below 1.2 that it accepts besides newer ones, the newest first; `None` if unknown.
    pub deprecated_tls: Option<Vec<DeprecatedTlsVersion>>,
    /// The certificate that it presents to a client without SNI, verified for the host's name, or the alert with which
    /// it refuses the client, which it must not do (RFC 8461, 7.1); `None` if unknown.
    pub without_sni: Option<Result<PeerCertificate, TlsFailure>>,
}

impl HostProbes {
    /// Makes two connections, and a third to a host that accepts TLS 1.1.
    pub(super) async fn make(smtp: &SmtpClient, name: &str, peer: SocketAddr, deadline: Instant) -> Self {
        // A host that is slow with these clients must not use up the time for the rest of the check.
        let now = Instant::now();
        let deadline = now + deadline.saturating_duration_since(now) / 2;
        let (deprecated_tls, without_sni) = tokio::join!(
            deprecated_tls(smtp, name, peer, deadline),
            timeout_at(deadline, without_sni(smtp, name, peer)),
        );
        Self { deprecated_tls, without_sni: without_sni.ok().flatten() }
    }
}

async fn deprecated_tls(
    smtp: &SmtpClient,
    name: &str,
    peer: SocketAddr,
    deadline: Instant,
) -> Option<Vec<DeprecatedTlsVersion>> {
    let host = DnsName::try_from(name.to_owned()).ok()?;
    let mut taken = Vec::new();
    let mut highest = Some(DeprecatedTlsVersion::Tls11);
    while let Some(version) = highest {
        let choice = async {
            let mut stream = smtp.connect(peer).await.ok()?.into_stream_for_tls().await?;
            Some(choice_of_deprecated_tls(&mut stream, &host, version).await)
        };
        let choice = timeout_at(deadline, choice).await.ok().flatten();
        // If a host fails later, the earlier results are still reported.
        if choice.is_none() && taken.is_empty() {
            return None;
        }
        let version = choice.flatten();
        taken.extend(version);
        highest = version.and_then(DeprecatedTlsVersion::before);
    }
    Some(taken)
}

async fn without_sni(
    smtp: &SmtpClient,
    name: &str,
    peer: SocketAddr,
) -> Option<Result<PeerCertificate, TlsFailure>> {
    let session = SessionCheck::make(&smtp.clone().without_sni(), name, peer).await.ok()?;
    match session.starttls {
        Ok(StarttlsOutcome::Established(tls)) => Some(Ok(tls.certificate().clone())),
        Ok(StarttlsOutcome::HandshakeFailed(failure)) if failure.is_refusal() => Some(Err(failure)),
        _ => None,
    }
}
