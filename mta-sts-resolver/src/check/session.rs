//! A session with an MX host.

use std::net::SocketAddr;

use mta_sts_core::TlsResult;

use crate::smtp::{SmtpClient, SmtpError, SmtpErrorKind, SmtpStage, StarttlsOutcome};
use crate::tls::{PeerCertificate, TlsSession};

/// A session with an MX host, up to TLS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionCheck {
    /// The address of the session.
    pub peer: SocketAddr,
    /// The result of STARTTLS; an error if the session ended in it.
    pub starttls: Result<StarttlsOutcome, SmtpError>,
    /// Whether REQUIRETLS is offered over TLS (RFC 8689).
    pub offers_requiretls: bool,
}

impl SessionCheck {
    /// Connects, negotiates TLS, and ends the session. `name` is that of the MX host. No message is sent.
    ///
    /// # Errors
    ///
    /// [`SmtpError`] if the host could not be reached, or ended the session outside TLS: nothing is then known about its TLS.
    pub async fn make(smtp: &SmtpClient, name: &str, peer: SocketAddr) -> Result<Self, SmtpError> {
        let mut session = smtp.connect(peer).await?;
        let starttls = match session.starttls(name).await {
            Ok(outcome) => Ok(outcome),
            // An attacker, or a broken TLS stack, between STARTTLS and the second EHLO is a failure of TLS, not of the
            // host.
            Err(error) if fails_tls(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let offers_requiretls = session.tls().is_some() && session.offers("REQUIRETLS");
        // Nothing more is needed from the host.
        let _ = session.quit().await;
        Ok(Self { peer, starttls, offers_requiretls })
    }

    /// The result for policy application.
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

    /// The TLS session, if TLS is established.
    pub fn tls(&self) -> Option<&TlsSession> {
        match &self.starttls {
            Ok(StarttlsOutcome::Established(tls)) => Some(tls),
            _ => None,
        }
    }

    /// The certificate, if it was received.
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
