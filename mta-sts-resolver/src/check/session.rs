//! A session with an MX host.

use std::net::SocketAddr;

use mta_sts_core::TlsResult;

use crate::smtp::{SmtpClient, SmtpError, SmtpErrorKind, SmtpStage, StarttlsOutcome};
use crate::tls::{PeerCertificate, TlsSession};

/// A session with an MX host, up to TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionCheck {
    /// The address that answered.
    pub peer: SocketAddr,
    /// What came of STARTTLS; an error, where the session ended in it.
    pub starttls: Result<StarttlsOutcome, SmtpError>,
    /// Whether REQUIRETLS is offered over TLS (RFC 8689).
    pub offers_requiretls: bool,
}

impl SessionCheck {
    pub(super) async fn make(smtp: &SmtpClient, name: &str, peer: SocketAddr) -> Result<Self, SmtpError> {
        let mut session = smtp.connect(peer).await?;
        let starttls = match session.starttls(name).await {
            Ok(outcome) => Ok(outcome),
            // What an attacker or a broken TLS stack does between STARTTLS and the second EHLO fails TLS, not the host.
            Err(error) if fails_tls(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let offers_requiretls = session.tls().is_some() && session.offers("REQUIRETLS");
        // It has said all that we wanted to know.
        let _ = session.quit().await;
        Ok(Self { peer, starttls, offers_requiretls })
    }

    /// The outcome as policy application takes it.
    pub fn tls_result(&self) -> TlsResult {
        match &self.starttls {
            Ok(StarttlsOutcome::Established(tls)) => TlsResult::certificate(tls.certificate().result()),
            Ok(StarttlsOutcome::NotOffered) => TlsResult::NotOffered,
            Ok(StarttlsOutcome::Refused(_)) => TlsResult::Refused,
            Ok(StarttlsOutcome::HandshakeFailed(failure)) if failure.is_version_too_old() => {
                TlsResult::VersionTooOld
            }
            Ok(StarttlsOutcome::HandshakeFailed(_)) | Err(_) => TlsResult::HandshakeFailed,
        }
    }

    /// What TLS was established, if any.
    pub fn tls(&self) -> Option<&TlsSession> {
        match &self.starttls {
            Ok(StarttlsOutcome::Established(tls)) => Some(tls),
            _ => None,
        }
    }

    /// The certificate, if the handshake came as far as that.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        match &self.starttls {
            Ok(StarttlsOutcome::HandshakeFailed(failure)) => failure.certificate(),
            _ => self.tls().map(TlsSession::certificate),
        }
    }
}

fn fails_tls(error: &SmtpError) -> bool {
    error.stage() == SmtpStage::TlsHandshake || *error.kind() == SmtpErrorKind::ClearTextAfterStarttls
}
