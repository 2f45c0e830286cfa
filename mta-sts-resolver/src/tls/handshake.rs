use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::hash::HashAlgorithm;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use rustls::{
    AlertDescription, CipherSuite, ClientConfig, DigitallySignedStruct, PeerIncompatible, ProtocolVersion,
    RootCertStore, SignatureScheme, SupportedCipherSuite,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificate::{self, CertificateFault, PeerCertificate};
use super::printable::printable;
use super::trust_store::TrustStore;

/// The negotiated version of TLS; older ones are never offered (RFC 8461, 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// The result of a finished handshake: its parameters, and the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    version: TlsVersion,
    cipher_suite: String,
    server_name: String,
    certificate: PeerCertificate,
}

impl TlsSession {
    /// The version of TLS.
    pub fn version(&self) -> TlsVersion {
        self.version
    }

    /// The cipher suite's name in the IANA registry, such as `TLS_AES_128_GCM_SHA256`.
    pub fn cipher_suite(&self) -> &str {
        &self.cipher_suite
    }

    /// The name sent in SNI, against which the certificate was verified (RFC 8461, 7.1).
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The server's certificate and its faults.
    pub fn certificate(&self) -> &PeerCertificate {
        &self.certificate
    }

    pub(crate) fn into_certificate(self) -> PeerCertificate {
        self.certificate
    }
}

/// A failed handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TlsFailure {
    detail: String,
    certificate: Option<PeerCertificate>,
    is_too_old: bool,
    is_refusal: bool,
}

impl TlsFailure {
    /// The stable code: that of the certificate's primary fault, or `tls-handshake-failed`.
    pub fn code(&self) -> &'static str {
        self.primary_fault().map_or("tls-handshake-failed", CertificateFault::code)
    }

    /// The certificate, if it was received.
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        self.certificate.as_ref()
    }

    /// Returns whether the server supports no version of TLS that is recent enough, at least 1.2.
    pub fn is_version_too_old(&self) -> bool {
        self.is_too_old
    }

    /// Returns whether the server ended the handshake with an alert; otherwise this side did, or the connection broke.
    pub fn is_refusal(&self) -> bool {
        self.is_refusal
    }

    /// The certificate's primary fault, if it has one.
    pub fn primary_fault(&self) -> Option<CertificateFault> {
        self.certificate()?.primary_fault()
    }

    fn of_this_side(detail: String) -> Self {
        Self { detail, certificate: None, is_too_old: false, is_refusal: false }
    }
}

/// The effect of an invalid certificate on the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnCertificateFault {
    /// It ends the handshake (HTTPS to a policy host).
    Abort,
    /// It is only recorded: opportunistic TLS with an MX host is better than clear text, and the policy decides
    /// afterwards whether mail may be delivered. The caller must check the recorded faults.
    RecordAndContinue,
}

/// Whether a client sends SNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerNameIndication {
    /// As every sender must (RFC 8461, 7.1).
    Sent,
    /// To see how a server treats a client without it.
    LeftOut,
}

/// Negotiates TLS 1.2 or 1.3 with `host` as SNI, unless that is left out, over a connected stream.
pub(crate) async fn handshake<S>(
    stream: S,
    host: &DnsName<'static>,
    trust_store: &TrustStore,
    on_fault: OnCertificateFault,
    indication: ServerNameIndication,
) -> Result<(TlsStream<S>, TlsSession), TlsFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let provider = provider();
    let verifier = Arc::new(RecordingVerifier {
        roots: trust_store.roots(),
        provider: Arc::clone(&provider),
        on_fault,
        seen: Mutex::new(None),
    });
    let mut config = client_config(provider, Arc::clone(&verifier))
        .map_err(|error| TlsFailure::of_this_side(printable(&error.to_string())))?;
    config.enable_sni = indication == ServerNameIndication::Sent;

    match TlsConnector::from(Arc::new(config)).connect(ServerName::DnsName(host.clone()), stream).await {
        Ok(stream) => {
            let session = session_of(&stream, host, verifier.take())
                .ok_or_else(|| TlsFailure::of_this_side("the server sent no certificate".to_owned()))?;
            Ok((stream, session))
        }
        Err(error) => Err(TlsFailure {
            detail: detail_of(&error),
            certificate: verifier.take(),
            is_too_old: is_about_version(&error),
            is_refusal: is_alert(&error),
        }),
    }
}

/// Prefers suites with SHA-256 to those with SHA-384, for which processors have no instructions: AES-128 is mandatory
/// in TLS 1.3 (RFC 8446, 9.1), and a policy is not secret.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        let mut provider = ring::default_provider();
        let hash = |suite: &SupportedCipherSuite| match suite {
            SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider.algorithm(),
            SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider.algorithm(),
        };
        provider.cipher_suites.sort_by_key(|suite| hash(suite) != HashAlgorithm::SHA256);
        Arc::new(provider)
    });
    Arc::clone(&PROVIDER)
}

fn client_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<RecordingVerifier>,
) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // A resumed session presents no certificate, so there would be nothing to verify.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn session_of<S>(
    stream: &TlsStream<S>,
    host: &DnsName<'_>,
    certificate: Option<PeerCertificate>,
) -> Option<TlsSession> {
    let (_, connection) = stream.get_ref();
    Some(TlsSession {
        version: match connection.protocol_version()? {
            ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        },
        cipher_suite: iana_name(connection.negotiated_cipher_suite()?.suite()),
        server_name: host.as_ref().to_owned(),
        certificate: certificate?,
    })
}

/// rustls names the suites of TLS 1.3 `TLS13_...`, the registry `TLS_...`.
fn iana_name(suite: CipherSuite) -> String {
    let name = format!("{suite:?}");
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => name,
    }
}

fn error_of_rustls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn is_alert(error: &io::Error) -> bool {
    matches!(error_of_rustls(error), Some(rustls::Error::AlertReceived(_)))
}

fn is_about_version(error: &io::Error) -> bool {
    matches!(
        error_of_rustls(error),
        Some(
            rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
                | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        )
    )
}

fn detail_of(error: &io::Error) -> String {
    let text = match error_of_rustls(error) {
        Some(error) => error.to_string(),
        None => error.to_string(),
    };
    printable(&format!("TLS handshake failed: {text}"))
}

/// Verifies with the functions of rustls' own verifier, but finds and records all faults; [`OnCertificateFault`]
/// determines whether a fault also ends the handshake. Possession of the private key is always verified.
#[derive(Debug)]
struct RecordingVerifier {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    on_fault: OnCertificateFault,
    seen: Mutex<Option<PeerCertificate>>,
}

impl RecordingVerifier {
    fn take(&self) -> Option<PeerCertificate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let (faults, mut errors): (Vec<_>, Vec<_>) =
            certificate::check(end_entity, intermediates, server_name, now, &self.roots, algorithms)
                .into_iter()
                .unzip();
        let certificate = PeerCertificate::new(end_entity, intermediates, faults, Arc::clone(&self.roots));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate);

        match self.on_fault {
            OnCertificateFault::Abort if !errors.is_empty() => Err(errors.swap_remove(0)),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
